"""A table: columns by name, with the words, gaps and dates that a file or a frame has in them.

Networks take numbers. What becomes of each column before they do is for `Preparation` to say; a table only holds what
was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError, ShapeError, UnknownNameError, nearest

Kind = Literal["number", "word", "date"]


@dataclass(frozen=True, eq=False, repr=False)
class Column:
    """What stands in a column, in one of three forms.

    Parameters
    ----------
    kind : {"number", "word", "date"}
    values : array, shape (rows,)
        Of numbers float64, NaN where there is a gap. Of words the int32 index of each in `words`, -1 where there is a
        gap. Of dates datetime64[s], NaT where there is a gap.
    words : tuple of str
        The different words, in the order of their indices.
    unit : str, optional
        What stands at each number in a file, such as ``"%"`` or ``"$"``; ``""``: nothing. None where nobody knows.

    Examples
    --------
    >>> import numpy as np
    >>> kinds = Column("word", np.array([1, 0, -1, 1], np.int32), ("rose", "tulip"))
    >>> kinds, kinds.texts()
    (Column(4 words, 2 different, 1 gap), ['tulip', 'rose', '', 'tulip'])
    """

    kind: Kind
    values: Array
    words: tuple[str, ...] = ()
    unit: str | None = None

    def __post_init__(self) -> None:
        letter = {"number": "f", "word": "i", "date": "M"}.get(self.kind)
        values = self.values
        if letter is None or not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind != letter:
            raise InputError(
                "Column",
                given=f"kind={self.kind!r:.40}, and values {values!r:.60}",
                expected="an array (rows,): of a number float64, of a word int32 indices, of a date datetime64[s]",
                fix='Let a table be made of the cells: cr.data.Table.of({"age": cells})',
            )
        if letter == "i" and len(values) and values.max() >= len(self.words):
            raise InputError(
                "Column",
                given=f"the index {values.max()}, and {len(self.words)} words",
                expected="indices of words, and -1 where there is a gap",
                fix="Pass a word for each index",
            )

    def __len__(self) -> int:
        return len(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        cells = np.array(self.texts(), object) if self.kind == "word" else self.values
        return np.array(cells, dtype, copy=copy)

    def __repr__(self) -> str:
        gaps = int(self.gaps.sum())
        told = f"{len(self)} {self.kind}s" + f", {len(self.words)} different" * (self.kind == "word")
        return f"Column({told}{f', {gaps} gap' + 's' * (gaps > 1) if gaps else ''})"

    @property
    def gaps(self) -> Array:
        """Where nothing stands: bool, shape (rows,)."""
        if self.kind == "word":
            return np.asarray(self.values < 0)
        return np.asarray(np.isnat(self.values) if self.kind == "date" else np.isnan(self.values))

    def take(self, rows: Any) -> Column:
        """Return the column of these rows: indices, a slice or a mask."""
        return Column(self.kind, self.values[rows], self.words, self.unit)

    def texts(self) -> list[str]:
        """Return each cell as a text, ``""`` for a gap; whole numbers without a decimal point."""
        if self.kind == "word":
            return [self.words[code] if code >= 0 else "" for code in self.values.tolist()]
        if self.kind == "date":
            days = (self.values == self.values.astype("datetime64[D]")) | self.gaps
            written = self.values.astype("datetime64[D]") if days.all() else self.values
            return ["" if gap else str(value) for gap, value in zip(self.gaps, written)]
        return [
            "" if value != value else str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
            for value in self.values.tolist()
        ]


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Columns by name, all with as many rows. ``len`` counts rows; iterating gives the names, as frames do.

    Parameters
    ----------
    columns : dict of str to Column
    name : str
        What the table is called, such as its file.
    notes : tuple of str
        What its reader found and decided, a line each.
    lines : array of int, optional
        In which line of the file each row stands.
    named : bool, default True
        Whether the columns' names were told; else they are called by their places, ``"column 0"`` …, and mean those.
    index : Column, optional
        What the rows are called, where a first column without a name says so: it is none of the columns.
    decimal : {".", ","}, optional
        The mark of decimals in its file, where it mattered.
    day_first : bool, optional
        Whether 1/2/2024 is the first of February in its file, where it mattered.

    Raises
    ------
    ShapeError
        If there are no rows, or a column has another number of them than the first.

    Examples
    --------
    >>> import numpy as np
    >>> width = Column("number", np.array([1.0, 3.0, np.nan]))
    >>> kind = Column("word", np.array([0, 1, 0], np.int32), ("rose", "tulip"))
    >>> flowers = Table({"width": width, "kind": kind}, "flowers.csv")
    >>> flowers, list(flowers), len(flowers)
    (Table('flowers.csv', 3 rows, 2 columns), ['width', 'kind'], 3)
    """

    columns: dict[str, Column]
    name: str
    notes: tuple[str, ...] = ()
    lines: Array | None = None
    named: bool = True
    index: Column | None = None
    decimal: str | None = None
    day_first: bool | None = None

    @classmethod
    def of(cls, table: Any, *, where: str = "Table", name: str = "X") -> Table:
        """Return anything that has columns as a table, or a table as it is.

        Parameters
        ----------
        table : frame, array, dict or list
            A frame of pandas, polars or pyarrow; a structured array; a dict of columns; a list of dicts, one for each
            row; or rows without names, whose columns are then called by their places. A frame's index is no column.
        where, name : str
            Who speaks in errors, and what the table is called there.

        Returns
        -------
        Table
            Texts, booleans and categories are words (``"True"``), and so are whole numbers that float64 can't hold.
            None, NaN, NA, NaT, an empty text and what a mask hides are gaps. Times of a zone become UTC.

        Raises
        ------
        InputError
            If a cell is something else, or infinite, or of another sort than those above it: by its row and column.
        ShapeError
            If columns have different lengths.

        Examples
        --------
        >>> import chainrule as cr
        >>> flowers = cr.data.Table.of({"width": [1, None], "kind": ["rose", "tulip"]})
        >>> flowers["width"].texts(), flowers["kind"].words
        (['1', ''], ('rose', 'tulip'))
        """
        from chainrule.data.table_frames import table_of

        return table_of(where, name, table)

    def __post_init__(self) -> None:
        other = next((name for name, column in self.columns.items() if not isinstance(column, Column)), None)
        if other is not None:
            raise InputError(
                f"Table {self.name!r}",
                given=f"{type(self.columns[other]).__name__} as column {other!r:.60}",
                expected="columns of cr.data.Column",
                fix="Let them be made of cells: cr.data.Table.of(columns)",
            )
        counts = {name: len(column) for name, column in self.columns.items()}
        if not counts or 0 in counts.values() or len(set(counts.values())) > 1:
            raise ShapeError(
                f"Table {self.name!r}",
                given=", ".join(f"{count} rows in {name!r}" for name, count in [*counts.items()][:8]) or "no columns",
                expected="columns with as many rows each, and at least one row",
                fix="Pass columns of the same rows",
            )

    def __getitem__(self, name: str) -> Column:
        if name not in self.columns:
            raise UnknownNameError(
                f"Table {self.name!r}",
                given=f"the column {name!r:.80}",
                expected="a column of the table",
                fix=nearest(name if isinstance(name, str) else "", list(self.columns)),
            )
        return self.columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __repr__(self) -> str:
        count = len(self.columns)
        return f"Table({self.name!r}, {len(self)} rows, {count} column{'s' * (count != 1)})"

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return [*self.columns]

    def take(self, rows: Any) -> Table:
        """Return the table of these rows: indices, a slice or a mask."""
        lines = None if self.lines is None else self.lines[rows]
        columns = {name: column.take(rows) for name, column in self.columns.items()}
        index = None if self.index is None else self.index.take(rows)
        return replace(self, columns=columns, lines=lines, index=index)

    def only(self, names: Sequence[str]) -> Table:
        """Return the table of these columns, in this order."""
        return replace(self, columns={name: self[name] for name in names})

    def place(self, row: int) -> str:
        """Return where a row stands: its line in the file, or its index."""
        return f"row {row}" if self.lines is None else f"line {int(self.lines[row])}"


def word_column(texts: Sequence[str | None]) -> Column:
    """Return a column of words; None is a gap. Words have indices in the order in which they appear.

    Examples
    --------
    >>> word_column(["b", None, "a", "b"]).words
    ('b', 'a')
    """
    codes: dict[str, int] = {}
    values = np.fromiter(
        (-1 if text is None else codes.setdefault(text, len(codes)) for text in texts), np.int32, len(texts)
    )
    return Column("word", values, tuple(codes))


def number_column(values: Any) -> Column:
    """Return a column of numbers, NaN where there is a gap.

    Raises
    ------
    InputError
        If one is infinite.
    """
    numbers = np.asarray(values, np.float64)
    if np.isinf(numbers).any():
        row = int(np.isinf(numbers).argmax())
        raise InputError(
            "Table",
            given=f"{numbers[row]} in row {row}",
            expected="finite numbers, and NaN where there is a gap",
            fix="Correct it, or make a gap of it",
        )
    return Column("number", numbers)
