"""Reading a table of any kind from a text file: what each column holds is found out, and said.

The file is read in blocks of rows. A column begins as plain numbers, which is how most are; one that isn't has its
different cells numbered, and what they are is decided when all are known. Where a column turns out late to be something
else, the file is read again for that column alone.
"""

from __future__ import annotations

import os
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, get_args

import numpy as np

from chainrule import checks, memory
from chainrule.arrays import Array, counted
from chainrule.column_names import listed
from chainrule.data.date_cells import Dates, look, moments
from chainrule.data.limits import within_memory
from chainrule.data.number_cells import COMMA, GAPS, PLAIN, Style, is_code, is_zeroed, number, numbers, split, styles
from chainrule.data.opening import open_file, shown
from chainrule.data.plain_cells import ColumnNumbers, cut, plain_numbers
from chainrule.data.table import Column, Kind, Table
from chainrule.data.table_header import TableHeader, find_header
from chainrule.data.table_text import TextTable, told
from chainrule.errors import FileError, InputError, InputWarning, nearest, warn_user

_MARKS = frozenset(["?", "-", "--", "---", "–", "—", ".", "..", "...", "*"])
_KEPT = frozenset({"none", "nil"})  # that mean a gap among numbers, and a word among words
_LOOK = 1 << 8  # different cells, from which on a column is looked at before its end
_MOST_PASSES = 5
_WORD = 100  # bytes that a word takes besides its letters


@checks.keywords
def read_table(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    missing: Sequence[str | float] | Mapping[str, Sequence[str | float]] = (),
    kinds: Mapping[str, Kind] | None = None,
    skip_rows: int = 0,
    encoding: str | None = None,
    decimal: str | None = None,
    day_first: bool | None = None,
) -> Table:
    r"""Return the table in a text file, its words, gaps and dates as they are.

    What each column holds is found out from all of its cells, and `notes` of the table say it, with all else that was
    decided.

    Parameters
    ----------
    path : path
        The file, plain or compressed with gzip. Lines of comment (``#``) and blank ones are skipped, and spaces around
        cells don't count. A first column without a name is what the rows are called: it becomes the table's `index`.
    delimiter : str, optional
        What stands between cells; a space means runs of spaces. By default a line ``sep=;`` at the top says it; else it
        is whichever of comma, semicolon, tab and bar cuts the first lines into as many cells each; else runs of spaces.
    header : bool, optional
        Whether the first row holds the columns' names. By default it does if none of its cells is a number, or if one
        is a word above numbers. Without a header columns are called ``column 0``, ``column 1`` …
    missing : sequence of str or number, or dict of those
        Cells that mean a gap besides the usual ones, in every column. A dict has the cells of some columns by their
        names: those cells and empty ones are all that mean a gap there.
    kinds : dict of str to {"number", "word", "date"}, optional
        What columns are by their names, where that is known.
    skip_rows : int
        How many lines at the top are none of the table.
    encoding : str, optional
        By default what the file's first bytes say, else UTF-8, else Windows' cp1252.
    decimal : {".", ","}, optional
        The mark of decimals. By default each column's cells decide, and where they don't the other columns'.
    day_first : bool, optional
        Whether 1/2/2024 is the first of February. By default a number above 12 decides.

    Returns
    -------
    Table
        Empty cells are gaps. So are NA, N/A, NaN, null and the like; a mark alone (?, -, .); and among numbers and
        dates ``none``. Numbers that have zeros before them, or more digits than float64 can hold, are codes, and stay
        words.

    Raises
    ------
    FileError
        If the file is missing, not a regular file, no text, damaged or empty; if rows have different lengths, two
        columns one name, or a cell is not what `kinds` says. The message names line and column.
    InputError
        If an argument is not what it should be; if a column may be read in two ways, such as 1,234 or 1/2/2024.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flats.csv"
    >>> _ = path.write_text("town;rooms;price;built\nUlm;3;1.200,5;31.12.1999\nBonn;?;950;1.5.2004\n")
    >>> flats = cr.data.read_table(path)
    >>> flats
    Table('flats.csv', 2 rows, 4 columns)
    >>> [flats[name].texts() for name in flats]
    [['Ulm', 'Bonn'], ['3', ''], ['1200.5', '950'], ['1999-12-31', '2004-05-01']]
    >>> print("\n".join(flats.notes))
    semicolons between cells
    town: 2 different words
    rooms: numbers, 1 gap ('?')
    price: numbers, decimal comma, thousands as in '1.234'
    built: dates, the day first
    """
    asked = _Asked(f"read_table {shown(path)}", missing, kinds, decimal, day_first, header)
    return _table(path, asked, delimiter, encoding, skip_rows)


def read_known(
    path: str | os.PathLike[str],
    kinds: Mapping[str, Kind],
    *,
    delimiter: str | None = None,
    missing: Sequence[str | float] = (),
    skip_rows: int = 0,
    encoding: str | None = None,
    decimal: str | None = None,
    day_first: bool | None = None,
    usual_decimal: str | None = None,
    usual_day_first: bool | None = None,
    unnamed: Callable[[int], Sequence[str] | None] | None = None,
    names: Collection[str] = (),
) -> Table:
    """Return the table in a file of which some columns are known, some of which may not be there.

    Parameters and errors are those of `read_table`; the usual mark and order are taken where the file leaves them open.
    A first row in which most of the known names stand, those of `kinds` and `names`, is the header; where there is
    none, `unnamed` says what so many columns are called, if that is known.
    """
    asked = _Asked(f"read_table {shown(path)}", missing, kinds, decimal, day_first, None, known=True)
    asked.usual_decimal, asked.usual_day_first = usual_decimal, usual_day_first
    return _table(path, asked, delimiter, encoding, skip_rows, unnamed, {*kinds, *names})


def _table(
    path: str | os.PathLike[str],
    asked: _Asked,
    delimiter: str | None,
    encoding: str | None,
    skip_rows: int,
    unnamed: Callable[[int], Sequence[str] | None] | None = None,
    names: Collection[str] = (),
) -> Table:
    with within_memory(asked.where), open_file("read_table", path) as file:
        text = TextTable(asked.where, file, delimiter=delimiter, encoding=encoding, skip_rows=skip_rows)
        head = find_header(text, True if _names_stand_in(text.sample()[0][1], names) else asked.header)
        if not head.named and unnamed is not None and (called := unnamed(len(head.names))) is not None:
            if not all(re.fullmatch(r"column \d+", name) for name in called):  # which had names in training
                warn_user(
                    InputWarning(
                        asked.where,
                        given="a file without the names of its columns",
                        expected=f"names, as in training; its columns are taken to be {listed(called)}, in this order",
                        fix="Write the names into its first line",
                        cause="data.columns",
                    )
                )
            head = head._replace(names=[*called], named=True)
        asked.expect_columns(head.names)
        return _Reader(text, head, asked).table(os.path.basename(os.fspath(path)))


def _names_stand_in(row: Sequence[str], names: Collection[str]) -> bool:
    """Return whether more than half of these names are cells of a row."""
    cells = {cell.strip() for cell in row}
    return 2 * sum(name in cells for name in names) > len(names)


class _Asked:
    """What a caller of `read_table` has decided."""

    def __init__(
        self, where: str, missing: Any, kinds: Any, decimal: Any, day_first: Any, header: Any, *, known: bool = False
    ) -> None:
        self.where, self.header, self.known = where, header, known
        reader = where.split(" ")[0]
        if decimal not in (None, ".", ","):
            raise InputError(reader, given=f"decimal={decimal!r:.60}", expected="'.' or ','",
                             fix="Pass decimal=',' for numbers such as 1,5, or leave it out")  # fmt: skip
        for name, value in (("day_first", day_first), ("header", header)):
            if value is not None and not isinstance(value, (bool, np.bool_)):
                raise InputError(reader, given=f"{name}={value!r:.60}", expected="True, False or None",
                                 fix=f"Pass {name}=True or {name}=False, or leave it out")  # fmt: skip
        kinds = {} if kinds is None else kinds
        if not isinstance(kinds, Mapping):
            raise InputError(reader, given=f"kinds={kinds!r:.60}", expected="a dict of columns' names and kinds",
                             fix='Pass for example kinds={"zip": "word"}')  # fmt: skip
        for name, kind in kinds.items():
            checks.one_of(f"{reader} kinds[{name!r:.60}]", kind, get_args(Kind))
        self.kinds: dict[str, Kind] = dict(kinds)
        self.decimal, self.day_first = decimal, day_first
        self.usual_decimal: str | None = None  # where the file leaves it open
        self.usual_day_first: bool | None = None
        per_column = dict(missing) if isinstance(missing, Mapping) else {}
        self.everywhere = _texts(reader, () if isinstance(missing, Mapping) else missing)
        self.of_column = {name: _texts(reader, cells) for name, cells in per_column.items()}
        self.usual = self.everywhere | GAPS

    def expect_columns(self, names: Sequence[str]) -> None:
        """Raise unless each column that was decided on is one of these; those that are known need not be there."""
        if self.known:
            self.kinds = {name: self.kinds[name] for name in names if name in self.kinds}
        there = set(names)
        for option, given in (("kinds", self.kinds), ("missing", self.of_column)):
            for name in given:
                if name not in there:
                    raise InputError(
                        self.where,
                        given=f"{option} for the column {name!r:.60}",
                        expected="columns of the file",
                        fix=nearest(name if isinstance(name, str) else "", names),
                    )


def _texts(where: str, cells: Any) -> frozenset[str]:
    """Return the cells that mean a gap as texts in small letters."""
    if isinstance(cells, (str, bytes)) or not isinstance(cells, Iterable):
        raise InputError(
            where,
            given=f"missing={cells!r:.60}",
            expected="a list of the cells that mean a gap, or a dict of such lists by column",
            fix=f"Pass missing=[{cells!r:.60}]",
        )
    found = list(cells)
    for cell in found:
        if not isinstance(cell, (str, int, float, np.number)):
            raise InputError(where, given=f"missing with {cell!r:.60}", expected="texts or numbers",
                             fix="Pass each cell as the file has it, in quotes")  # fmt: skip
    return frozenset(str(cell).strip().lower() for cell in found)


class _Reading:
    """What becomes of one column while its cells go by, block by block.

    Attributes
    ----------
    values : array of float64, or None
        The numbers so far, where it is read as numbers.
    codes, words
        Else each cell's place among the different ones.
    again : bool
        Whether it turned out to be something else, and the file must be read once more for it.
    """

    def __init__(self, name: str, kind: Kind | None, asked: _Asked) -> None:
        self.name, self.kind, self.decimal = name, kind, asked.decimal
        extra = asked.of_column.get(name)
        self.exact = extra is not None
        self.extra = asked.everywhere if extra is None else extra | {""}
        self.gaps = asked.usual if extra is None else self.extra
        self.sentinels = np.array([float(cell) for cell in self.extra if _finite(cell)])
        self.style, self.whole, self.tries = PLAIN, True, 0
        self.evidence: dict[str, None] = {}
        self.values: array[float] | None = None
        self.words: defaultdict[str, int] | None = None
        self.codes: array[int] = array("i")
        self.open = False  # whether points may be thousands
        self.begin()

    def begin(self) -> None:
        """Forget what was read: the file is read from its start."""
        self.again, self.infinite, self.look = False, -1, _LOOK
        self.gap_texts = Counter[str]()
        self.style, self.whole = PLAIN, True
        self.values, self.words, self.codes = None, None, array("i")
        if self.kind in ("word", "date") or self.tries:
            self.words = defaultdict(count().__next__)
        else:
            self.values = array("d")

    def add(self, cells: list[str], underscores: bool) -> None:
        """Take the cells of a block."""
        if self.again:
            return
        if self.values is not None:
            found = None if underscores and "_" in "".join(cells) else numbers(cells, self.style, self.gaps)
            if found is not None and self._fits(cells, found):
                self.values.frombytes(found.data.cast("B"))
                return
            if self.values or self.tries:
                self.evidence.update(dict.fromkeys(cells))
                self.again = True
                self.tries += 1
                self.values = None
                return
            self.values, self.words, self.style = None, defaultdict(count().__next__), PLAIN
            self.gap_texts.clear()  # of this block, which is read anew
        assert self.words is not None
        self.codes.frombytes(np.fromiter(map(self.words.__getitem__, cells), np.intc, len(cells)).data.cast("B"))
        if len(self.words) >= self.look and self.kind != "word" and self.tries < 2:
            self.look *= 4
            self._look()

    def add_plain(self, column: ColumnNumbers, of: Callable[[Array], list[str]]) -> bool:
        """Take the numbers of a block, and return whether that is right: not where some may be codes, or mean a gap.

        `of` gives the cells in some rows.
        """
        assert self.values is not None
        codes = self.whole and column.whole and column.codes and self.kind is None and self.style.plain
        if codes or len(self.sentinels) or (column.empty and "" not in self.gaps):
            return False
        if column.odd is not None:
            cells = of(column.odd)
            found = None if "_" in "".join(cells) else numbers(cells, self.style, self.gaps)
            if found is None or any(map(is_code, cells)):
                return False
            self._fits(cells, found, column.odd)
            column.values[column.odd] = found
        self.whole = self.whole and column.whole
        if column.empty:
            self.gap_texts[""] += column.empty
        self.values.frombytes(column.values.data.cast("B"))
        return True

    def _fits(self, cells: list[str], found: Array, rows: Array | None = None) -> bool:
        """Return whether these numbers are amounts; gaps among them become NaN, and are counted.

        `rows` are theirs, where they are some of a block.
        """
        if len(self.sentinels):
            marked = np.isin(found, self.sentinels)
            if marked.any():
                self.gap_texts.update(cells[i].strip() for i in np.flatnonzero(marked).tolist())
                found[marked] = np.nan
        finite = np.isfinite(found)
        if not finite.all():
            for i in np.flatnonzero(~finite).tolist():
                text = cells[i].strip()
                if np.isinf(found[i]) and text.lower() not in self.gaps:
                    if self.infinite < 0:
                        self.infinite = len(self.values or ()) + (i if rows is None else int(rows[i]))
                elif not (len(self.sentinels) and _finite(text)):
                    self.gap_texts[text] += 1
                    found[i] = np.nan
            finite = np.isfinite(found)
        if self.whole and self.style.plain and self.kind is None:
            some = found if finite.all() else found[finite]
            self.whole = bool((np.floor(some) == some).all())
            if self.whole and len(some) and (np.abs(some).max() >= 2**53 or is_zeroed(cells)):
                return not any(map(is_code, cells))
        elif self.whole:
            some = found[finite]
            self.whole = bool((np.floor(some) == some).all())
        return True

    def texts(self) -> list[str]:
        """Return the different cells that are no gaps among numbers, stripped."""
        found = dict.fromkeys(cell.strip() for cell in (*(self.words or ()), *self.evidence))
        return [cell for cell in found if cell.lower() not in self.gaps and not self.is_sentinel(cell)]

    def is_sentinel(self, cell: str) -> bool:
        """Return whether a cell is a number that means a gap, such as -999."""
        return bool(len(self.sentinels)) and _finite(cell) and float(cell) in self.sentinels

    def _look(self) -> None:
        """Go on as numbers if the different cells so far are such, in one way only: that takes less memory."""
        assert self.words is not None
        texts = self.texts()
        found = self.ways(texts)
        if len(found) != 1 or (self.kind is None and any(map(is_code, texts))):
            if not found:
                self.look = 1 << 62  # words, or dates
            return
        style = found[0]
        kept = np.array([number(cell, style) for cell in self.words])
        codes = np.frombuffer(self.codes, np.intc)
        counts = np.bincount(codes.astype(np.intp, copy=False), minlength=len(kept))
        for code in np.flatnonzero(np.isnan(kept)).tolist():
            self.gap_texts[list(self.words)[code].strip()] += int(counts[code])
        if len(self.sentinels):
            return
        self.values, self.style = array("d"), style
        self.values.frombytes(kept[codes].data.cast("B"))
        self.whole = bool((np.floor(kept) == kept)[~np.isnan(kept)].all())
        self.words, self.codes = None, array("i")

    def ways(self, texts: Sequence[str], decimal: str | None = None) -> list[Style]:
        """Return the ways to read these cells as numbers, with this mark of decimals."""
        if self.kind not in (None, "number"):
            return []
        found = styles(texts)
        decimal = decimal or self.decimal
        pointed = any("." in cell for cell in texts)
        if decimal is not None:
            right = [style for style in found if _implied(style, pointed) in (None, decimal)]
            found = right or ([] if self.decimal else found)
        elif (
            not self.open and PLAIN._replace(affix=found[0].affix if found else "") in found
        ):  # points are decimals by default
            found = [style for style in found if not style.thousands and style.decimal == "."]
        return found


def _finite(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _implied(style: Style, pointed: bool) -> str | None:
    """Return the mark of decimals that goes with a style, None with any; `pointed` is whether there are points."""
    if style.decimal == "," or style.thousands == ".":
        return ","
    return "." if style.thousands == "," or pointed else None


class _Reader:
    """Reads the columns of a file, in as few passes as that takes."""

    def __init__(self, text: TextTable, head: TableHeader, asked: _Asked) -> None:
        self.text, self.head, self.asked, self.where = text, head, asked, text.where
        self.notes = [*text.notes, *head.notes]
        self.readings = [_Reading(name, asked.kinds.get(name), asked) for name in head.names]
        self.lines: array[int] = array("q")
        self.decimal: str | None = asked.decimal
        self.dates: dict[str, Dates | None] = {}
        self.columns_noted = list[str]()
        self.plain = list[str]()

    def table(self, name: str) -> Table:
        """Return the table."""
        self._read(self.readings)
        if not self.lines:
            raise FileError(self.where, given="a header without rows", expected="rows below it", fix="Add the data")
        for _ in range(_MOST_PASSES):
            again = [reading for reading in self.readings if reading.again] or self._other_points()
            if not again:
                break
            for reading in again:
                reading.begin()
            self._read(again)
        self._expect_finite()
        self.day_first = self._day_order()
        columns = {reading.name: self._column(reading) for reading in self.readings}
        return self._finished(name, columns)

    def _finished(self, name: str, columns: dict[str, Column]) -> Table:
        head, index = self.head, None
        if head.row_names is not None:
            index = columns.pop(head.row_names)
            if not columns or len(np.unique(index.values)) < len(index) or index.gaps.any():
                columns, index = {head.row_names: index, **columns}, None
            else:
                self.columns_noted = [note for note in self.columns_noted if not note.startswith(f"{head.row_names}: ")]
                self.plain = [column for column in self.plain if column != head.row_names]
                self.notes.append("the first column has no name: what the rows are called, and none of the columns")
        if head.classes:
            last = list(columns)[-1]
            values = self._class_codes(last, columns[last])
            columns[last] = Column("word", values, head.classes)
            self.plain = [column for column in self.plain if column != last]
            self.columns_noted.append(f"{last}: {len(head.classes)} different words, which the first line names")
            if head.rows is not None and head.rows != len(values):
                self.notes.append(f"the first line speaks of {head.rows:,} rows, and there are {len(values):,}")
        if self.text.comments:
            self.notes.append(f"{counted(self.text.comments, 'line')} of comment among the rows")
        if self.plain:
            some = ", ".join(shown(column)[1:-1] for column in self.plain[:8])
            more = f" and {len(self.plain) - 8:,} more" if len(self.plain) > 8 else ""
            self.notes.append(f"numbers without gaps: {some}{more}")
        lines = np.frombuffer(self.lines, np.int64)
        notes = (*self.notes, *self.columns_noted)
        return Table(columns, name, notes, lines, head.named, index, self.decimal, self.day_first)

    def _class_codes(self, name: str, column: Column) -> Array:
        """Return a column as places among the classes that the first line names."""
        count = len(self.head.classes)
        right = np.isin(column.values, range(count)) & (column.kind == "number")
        if not right.all():
            line = self.lines[int(right.argmin())]
            raise FileError(
                self.where,
                given=f"no class in line {line}, column {shown(name)}, while the first line names {count} classes",
                expected=f"whole numbers from 0 to {count - 1}",
                fix="Correct that line, or pass header=True or header=False if the first line holds something else",
            )
        return column.values.astype(np.int32)

    def _read(self, readings: list[_Reading]) -> None:
        """Read the file for these columns."""
        width, places = len(self.readings), {id(reading): i for i, reading in enumerate(self.readings)}
        at = [(places[id(reading)], reading) for reading in readings]
        first, step = not self.lines, width + len(self.head.empty)
        done, most = 0, memory.most() or 1 << 62
        take = None if self.head.spare else partial(self._take, at, step)
        for block in self.text.blocks(step, self.head.skip, spare=self.head.spare, take=take):
            for i, reading in at if block.cells else ():
                reading.add(block.cells[i::step], block.underscores)
            done += len(block.lines)
            if first:
                self.lines.extend(block.lines)
            if sum(len(reading.words) for _, reading in at if reading.words is not None) * _WORD > most // 2:
                raise FileError(
                    self.where,
                    given="so many different words that they need more memory than there is",
                    expected="columns of numbers, or of words that come again",
                    fix="Leave out columns in which every row has its own text",
                )
        if not first and done != len(self.lines):
            raise FileError(self.where, given="a file that changed while it was read", expected="one that stays",
                            fix="Read it again when nobody writes it")  # fmt: skip

    def _take(self, at: list[tuple[int, _Reading]], width: int, lines: Sequence[str]) -> bool:
        """Read lines of plain numbers, words and gaps without a Python object for each number.

        A column with cells that are anything else in these lines is read as `_Reading.add` does it.
        """
        text = "".join(lines)
        cells = cut(text, self.text.delimiter, len(lines), width)
        if cells is None:
            return False
        fast = defaultdict[str, list[tuple[int, _Reading]]](list)
        for i, reading in at:
            if reading.values is not None and not reading.again and reading.style in (PLAIN, COMMA):
                fast[reading.style.decimal].append((i, reading))
            else:
                reading.add(cells.of(i), "_" in text)
        for decimal, some in fast.items():
            found = plain_numbers(cells, [i for i, _ in some], decimal)
            for (i, reading), column in zip(some, found.columns()):
                if not reading.add_plain(column, partial(cells.of, i)):
                    reading.add(cells.of(i), "_" in text)
        return True

    def _other_points(self) -> list[_Reading]:
        """Return the columns whose points may be thousands: other columns have decimal commas, or semicolons are there.

        Semicolons stand between cells where commas are for decimals, and 1.234 then is rather 1234.
        """
        points = [
            reading
            for reading in self.readings
            if reading.values is not None and reading.style.plain and not reading.whole and not reading.tries
        ]
        if self.decimal is None:
            marks = {self._sure(reading) for reading in self.readings} - {None}
            if len(marks) == 1:
                self.decimal = marks.pop()
            elif points and not marks and not (self.text.delimiter == ";" and all(map(_like_thousands, points))):
                self.decimal = "."
            if self.decimal is None and not marks:
                self.decimal = self.asked.usual_decimal
        if self.decimal == "." or (self.decimal is None and self.text.delimiter != ";"):
            return []
        for reading in points:
            reading.tries, reading.open = 2, True
        return points

    def _sure(self, reading: _Reading) -> str | None:
        """Return the mark of decimals that a column's cells leave no doubt about."""
        if reading.values is not None:
            return None if reading.style.plain else _implied(reading.style, False)
        texts = reading.texts()
        ways = reading.ways(texts) if texts else []
        return _implied(ways[0], any("." in text for text in texts)) if len(ways) == 1 else None

    def _expect_finite(self) -> None:
        for reading in self.readings:
            if reading.values is not None and reading.infinite >= 0:
                line = self.lines[reading.infinite]
                raise FileError(
                    self.where,
                    given=f"a number that is not finite in line {line}, column {shown(reading.name)}",
                    expected="finite numbers, and empty cells for gaps",
                    fix=f"Correct it, or say that it is a gap: missing={{{reading.name!r:.60}: ['inf', '-inf']}}",
                )

    # ------------------------------------------------------------------ dates

    def _dates(self, reading: _Reading) -> Dates | None:
        if reading.words is None or reading.kind not in (None, "date"):
            return None
        if reading.name not in self.dates:
            self.dates[reading.name] = look(reading.texts())
        return self.dates[reading.name]

    def _day_order(self) -> bool | None:
        """Return whether the day stands first in dates that leave it open: as it does in the other columns."""
        if self.asked.day_first is not None:
            return bool(self.asked.day_first)
        known = [found for reading in self.readings if (found := self._dates(reading)) and found.form == "numbers"]
        orders = {found.orders[0] for found in known if found.mark != "." and len(found.orders) == 1}
        return orders.pop() if len(orders) == 1 else self.asked.usual_day_first

    # ------------------------------------------------------------------ columns

    def _column(self, reading: _Reading) -> Column:
        """Return a column, and note what it is."""
        if reading.values is not None:
            column = Column("number", np.frombuffer(reading.values, np.float64), (), reading.style.affix)
            self._note_numbers(reading, column, reading.style)
            reading.values = None
            return column
        assert reading.words is not None
        texts = reading.texts()
        if not texts and reading.kind != "word":
            return self._numbers_of_words(reading, PLAIN)
        ways = reading.ways(texts, self.decimal)
        if ways and not self._are_codes(reading, texts, ways):
            return self._numbers_of_words(reading, self._chosen(reading, ways, texts))
        if reading.kind == "number":
            raise self._other_kind(reading, texts)
        if (dates := self._dates(reading)) is not None:
            return self._dates_of_words(reading, dates)
        if reading.kind == "date":
            raise self._other_kind(reading, texts)
        return self._words(reading, texts, bool(ways))

    def _are_codes(self, reading: _Reading, texts: Sequence[str], ways: Sequence[Style]) -> bool:
        """Return whether numbers are codes, such as 01234: whole ones, of which one can't be kept as a number."""
        if reading.kind is not None or not any(map(is_code, texts)):
            return False
        return all(number(cell, ways[0]).is_integer() for cell in texts)

    def _chosen(self, reading: _Reading, ways: list[Style], texts: Sequence[str]) -> Style:
        if len(ways) == 1:
            return ways[0]
        if self.text.delimiter == ",":  # decimal commas would have been delimiters
            grouped = [style for style in ways if style.thousands == ","]
            if grouped:
                return grouped[0]
        first, second = ways[:2]
        cell = next((cell for cell in texts if number(cell, first) != number(cell, second)), None)
        if cell is None:  # none that both can hold
            return first
        raise InputError(
            self.where,
            given=f"column {shown(reading.name)} with {told(cell)}, which may be {number(cell, first):g} or "
            f"{number(cell, second):g}",
            expected="numbers that can be read in one way",
            fix="Pass decimal=',' or decimal='.' (chainrule train and init take --decimal , or --decimal .)",
        )

    def _numbers_of_words(self, reading: _Reading, style: Style) -> Column:
        assert reading.words is not None
        codes = np.frombuffer(reading.codes, np.intc)
        counts = np.bincount(codes.astype(np.intp, copy=False), minlength=len(reading.words)).tolist()
        kept = np.full(len(reading.words), np.nan)
        for code, cell in enumerate(reading.words):
            text = cell.strip()
            if text.lower() in reading.gaps or reading.is_sentinel(text):
                reading.gap_texts[text] += counts[code]
            else:
                kept[code] = number(text, style)
                if np.isinf(kept[code]):
                    reading.values, reading.infinite = array("d"), int((codes == code).argmax())
                    self._expect_finite()
        column = Column("number", kept[codes], (), style.affix)
        self._note_numbers(reading, column, style)
        return column

    def _note_numbers(self, reading: _Reading, column: Column, style: Style) -> None:
        gaps = _gaps_told(reading.gap_texts)
        if not gaps and style.plain:
            self.plain.append(reading.name)
        else:
            how = "" if style.plain else f", {style}"
            empty = len(column) == sum(reading.gap_texts.values())
            self._note(reading, "nothing but gaps" if empty else f"numbers{how}{gaps}")

    def _note(self, reading: _Reading, what: str) -> None:
        self.columns_noted.append(f"{shown(reading.name)[1:-1]}: {what}")

    def _dates_of_words(self, reading: _Reading, dates: Dates) -> Column:
        assert reading.words is not None
        order, how = dates.orders[0], ""
        if dates.form == "numbers":
            asked = self.day_first if dates.mark != "." or self.asked.day_first is not None else None
            if len(dates.orders) == 2:
                if asked is None:
                    raise self._either_date(reading)
                order = asked
            elif self.asked.day_first is not None and order != self.asked.day_first:
                raise self._other_order(reading, dates)
            how = f", the {'day' if order else 'month'} first"
        how += ", years of two digits from 1969 to 2068" * dates.short + ", in UTC" * dates.zoned
        codes = np.frombuffer(reading.codes, np.intc)
        counts = np.bincount(codes.astype(np.intp, copy=False), minlength=len(reading.words)).tolist()
        kept = moments(reading.words, dates, order)
        for code, cell in enumerate(reading.words):
            if np.isnat(kept[code]):
                reading.gap_texts[cell.strip()] += counts[code]
        self._note(reading, f"dates{how}{_gaps_told(reading.gap_texts)}")
        return Column("date", kept[codes])

    def _words(self, reading: _Reading, texts: Sequence[str], codes_only: bool) -> Column:
        assert reading.words is not None
        texts_of = [cell.strip() for cell in reading.words]
        gaps, kept = self._word_gaps(reading, set(texts_of))
        new: dict[str, int] = {}
        recoded = np.array([-1 if text in gaps else new.setdefault(text, len(new)) for text in texts_of], np.int32)
        codes = np.frombuffer(reading.codes, np.intc)
        counts = np.bincount(codes.astype(np.intp, copy=False), minlength=len(texts_of)).tolist()
        for text, times in zip(texts_of, counts):
            if text in gaps:
                reading.gap_texts[text] += times
        column = Column("word", recoded[codes], tuple(new))
        what = counted(len(new), "different word") + " (numbers that are codes)" * codes_only
        what += _gaps_told(reading.gap_texts)
        if kept:
            what += f"; {', '.join(map(told, sorted(kept)))} kept as a word: pass missing={{…}} if it means a gap"
        self._note(reading, what + self._mostly_numbers(reading, texts_of, counts, codes_only))
        return column

    def _mostly_numbers(self, reading: _Reading, cells: list[str], counts: list[int], codes_only: bool) -> str:
        """Return what to know about words of which most are numbers: a typing error makes words of a whole column."""
        if codes_only or reading.kind is not None:
            return ""
        few = [cell for cell in cells if cell.lower() not in reading.gaps and split(cell) is None]
        if not few or len(few) > 20:
            return ""
        odd = set(few)
        times = sum(times for cell, times in zip(cells, counts) if cell in odd)
        right = sum(times for cell, times in zip(cells, counts) if cell not in odd and cell.lower() not in reading.gaps)
        if right < 4 * times:
            return ""
        some = ", ".join(told(cell) for cell in few[:4])
        return f"; words because of {some}: if those are gaps, pass missing=[{', '.join(map(told, few[:4]))}]"

    def _word_gaps(self, reading: _Reading, texts: set[str]) -> tuple[set[str], set[str]]:
        """Return which words are gaps, and which that may mean one are kept as words."""
        gaps = {text for text in texts if not text or text.lower() in reading.extra}
        if reading.exact:
            return gaps, set()
        usual = {text for text in texts - gaps if text.lower() in GAPS}
        words = texts - gaps - usual
        kept = {text for text in usual if text.lower() in _KEPT}
        if not any(character.isalnum() for word in words for character in word):
            kept |= usual & _MARKS  # as in + and -
        if len(words) > 2 and all(len(word) == 2 and word.isalpha() and word.isupper() for word in words):
            kept |= usual & {"NA"}  # among countries, Namibia
        return gaps | (usual - kept), kept

    # ------------------------------------------------------------------ errors

    def _line(self, reading: _Reading, cell: str) -> int:
        """Return the first line in which a column has this cell."""
        assert reading.words is not None
        codes = np.frombuffer(reading.codes, np.intc)
        right = [code for text, code in reading.words.items() if text.strip() == cell]
        return int(self.lines[int(np.isin(codes, right).argmax())])

    def _first(self, reading: _Reading, texts: Iterable[str]) -> tuple[str, int]:
        """Return which of these cells comes first, and in which line."""
        wanted = set(texts)
        cell = next(text.strip() for text in reading.words or () if text.strip() in wanted)
        return cell, self._line(reading, cell)

    def _other_kind(self, reading: _Reading, texts: Sequence[str]) -> FileError:
        """Return the error for a column that is to hold numbers, or dates, and doesn't."""
        numbers = reading.kind == "number"
        wrong = [cell for cell in texts if not (styles([cell]) if numbers else look([cell]))]
        cell, line = self._first(reading, wrong or texts)
        what = "" if wrong else f"; the cells of this column write {reading.kind}s in different ways"
        return FileError(
            self.where,
            given=f"{told(cell)} in line {line}, column {shown(reading.name)}{what}",
            expected=f"{'a number' if numbers else 'a date such as 2024-03-31'}, for kinds says that the column holds "
            "them",
            fix=f"Correct it, or pass missing=[{told(cell)}] if it means a gap",
        )

    def _either_date(self, reading: _Reading) -> InputError:
        cell, line = self._first(reading, reading.texts())
        return InputError(
            self.where,
            given=f"column {shown(reading.name)} of dates such as {told(cell)} in line {line}, in which either the day "
            "or the month may stand first",
            expected="a number above 12 that says which, or to be told",
            fix="Pass day_first=True or day_first=False (chainrule train and init take --day-first or --month-first)",
        )

    def _other_order(self, reading: _Reading, dates: Dates) -> InputError:
        other = not dates.orders[0]
        wrong = [cell for cell in reading.texts() if (found := look([cell])) and other not in found.orders]
        cell, line = self._first(reading, wrong)
        return InputError(
            self.where,
            given=f"day_first={other}, and {told(cell)} in line {line}, column {shown(reading.name)}",
            expected="dates of that order",
            fix=f"Pass day_first={not other}, or leave it out",
        )


def _like_thousands(reading: _Reading) -> bool:
    """Return whether numbers may be whole ones whose points are for thousands: 1.234 and 12.5, which may be 12.500."""
    values = np.frombuffer(reading.values or b"", np.float64)
    values = np.abs(values[np.isfinite(values) & (values != 0)])
    return bool(((values >= 1) & (values < 1000) & (np.abs(values * 1000 - np.round(values * 1000)) < 1e-6)).all())


def _gaps_told(texts: Counter[str]) -> str:
    """Return how many gaps there are, and what stands there."""
    if not texts:
        return ""
    most = sorted(texts, key=lambda text: (-texts[text], text))[:4]
    some = ", ".join("empty" if not text else told(text) for text in most)
    return f", {counted(sum(texts.values()), 'gap')} ({some}{', …' if len(texts) > 4 else ''})"
