"""From a table to the numbers that a network takes: by the names of the columns, and each time in the same way.

What is measured for it, the words of a column or the median that fills its gaps, is measured once, on the training
rows, and kept with the network, so that a new table is prepared as the first one was.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np

from chainrule.arrays import Array, counted
from chainrule.column_names import expect_columns, listed, renamed
from chainrule.data.column_preparation import (
    ColumnPreparation,
    NumberColumn,
    checked_flag,
    of_kind,
)
from chainrule.data.dataset import Dataset
from chainrule.data.table import Column, Kind, Table, number_column
from chainrule.errors import InputError, ShapeError, nearest_name, printable
from chainrule.settings import Configured

_PLACE = re.compile(r"column [0-9]{1,9}")  # what a column without a name is called


class Preparation(Configured):
    """What becomes of each column of a table before a network; given to it, it prepares whatever the network is asked.

    `cr.data.prepare` decides it from the training's table.

    Parameters
    ----------
    columns : sequence of str, NumberColumn, CategoryColumn or DateColumn
        The columns that are used, in order. A name alone is a column of numbers without gaps.
    target : str or sequence of str, optional
        The column to predict, or several.
    classes : sequence of str, optional
        The classes, in the order of their indices, where the target is one of them. None: the targets are amounts.
    index : str, optional
        The column that says which row it is; it is carried over to the answers.
    ignored : sequence of str
        Columns that are known and not used.
    decimal : {".", ","}, optional
        The mark of decimals in the training's file, for files that leave it open.
    day_first : bool, optional
        Whether 1/2/2024 was the first of February there.

    Examples
    --------
    >>> import chainrule as cr
    >>> preparation = cr.data.Preparation(["size", cr.data.CategoryColumn("kind", ["rose", "tulip"])])
    >>> preparation.features({"kind": ["rose", "tulip", "rose"], "size": [1.0, 2.0, 4.0]})
    array([[1., 1., 0.],
           [2., 0., 1.],
           [4., 1., 0.]])
    """

    words = "preparation"

    def __init__(
        self,
        columns: Sequence[str | ColumnPreparation],
        *,
        target: str | Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        index: str | None = None,
        ignored: Sequence[str] = (),
        decimal: Literal[".", ","] | None = None,
        day_first: bool | None = None,
    ) -> None:
        if isinstance(columns, (str, ColumnPreparation)) or not isinstance(columns, Sequence) or not columns:
            raise InputError(
                "Preparation columns",
                given=f"{columns!r:.80}",
                expected="a list of columns, at least one",
                fix='Pass for example ["age", "fare"], or let cr.data.prepare(table, target="price") decide',
            )
        made = []
        for column in columns:
            if not isinstance(column, (str, ColumnPreparation)):
                raise InputError(
                    "Preparation columns",
                    given=f"{column!r:.80}",
                    expected="names, or cr.data.NumberColumn, CategoryColumn or DateColumn",
                    fix='Pass for example cr.data.NumberColumn("age", fill=28.0)',
                )
            made.append(NumberColumn(column) if isinstance(column, str) else column)
        self.columns = tuple(made)
        self.target = target if target is None or isinstance(target, str) else _names("target", target, least=1)
        self.classes = None if classes is None else _names("classes", classes, least=1)
        if index is not None and not isinstance(index, str):
            raise InputError(
                "Preparation index", given=f"{index!r:.80}", expected="a column's name, or None", fix='Pass "id"'
            )
        self.index = index
        if decimal not in (None, ".", ","):
            raise InputError(
                "Preparation decimal", given=f"{decimal!r:.40}", expected="'.' or ','", fix="Write one of them, or None"
            )
        self.decimal = decimal
        self.day_first = None if day_first is None else checked_flag("Preparation day_first", day_first)
        self.ignored = _names("ignored", ignored)
        every = [*self.names, *self.targets, *([] if index is None else [index]), *self.ignored]
        twice = next((name for i, name in enumerate(every) if name in every[:i]), None)
        if twice is not None:
            raise InputError(
                "Preparation",
                given=f"the column {twice!r:.80} twice",
                expected="each column in one place: used, predicted, the index or ignored",
                fix="Leave it out in one of them",
            )
        if self.classes is not None and len(self.targets) != 1:
            raise InputError(
                "Preparation classes",
                given=f"{counted(len(self.targets), 'target')}",
                expected="one column of classes",
                fix='Name it: target="kind"; or leave classes out',
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are used, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to predict."""
        return () if self.target is None else (self.target,) if isinstance(self.target, str) else self.target

    @property
    def kinds(self) -> dict[str, Kind]:
        """What has to stand in each column that is used, for `read_table`; the index stays as it is written."""
        told: dict[str, Kind] = {column.name: column.kind for column in self.columns}
        return told if self.index is None else {**told, self.index: "word"}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """What the columns are called that the network gets."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def feature_groups(self) -> dict[str, slice]:
        """Which features each column became."""
        groups, start = {}, 0
        for column in self.columns:
            stop = start + len(column.feature_names)
            groups[column.name] = slice(start, stop)
            start = stop
        return groups

    @property
    def amounts(self) -> Array:
        """Which features are amounts, (features,); the others are zeros and ones that stand for a word, or a gap."""
        return np.array([amount for column in self.columns for amount in column.amounts])

    def unnamed(self, count: int) -> tuple[str, ...] | None:
        """Return what so many columns without names are called, in order; None if that leaves it open.

        As many as are used are those. Of a training table without names it may be the whole of it, too, with its
        targets or without them.

        Examples
        --------
        >>> import chainrule as cr
        >>> preparation = cr.data.Preparation(["column 1", "column 2"], target="column 0", ignored=["column 3"])
        >>> preparation.unnamed(2), preparation.unnamed(3), preparation.unnamed(5)
        (('column 1', 'column 2'), ('column 1', 'column 2', 'column 3'), None)
        """
        if count == len(self.names):
            return self.names
        every = [*self.names, *self.targets, *self.ignored, *_one(self.index)]
        places = [_PLACE.fullmatch(name) for name in every]
        if not all(places):
            return None
        every.sort(key=lambda name: int(name.removeprefix("column ")))
        others = [name for name in every if name not in self.targets]
        return next((tuple(names) for names in (every, others) if len(names) == count), None)

    def without_target(self) -> Self:
        """Return one that prepares the same columns, for something else to predict."""
        told = {**self.settings(), "target": None, "classes": None, "ignored": (*self.ignored, *self.targets)}
        return type(self)(**told)

    def lines(self) -> Iterator[str]:
        """Yield a line for each column: what becomes of it."""
        for name, told in [
            *((column.name, column.told()) for column in self.columns),
            *((name, "not used") for name in self.ignored),
            *(() if self.index is None else ((self.index, "says which row it is; not used"),)),
            *((name, "predicted") for name in self.targets),
        ]:
            yield f"{printable(name)}: {printable(told)}"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def features(self, X: Any, *, where: str = "Preparation") -> Array:
        """Return the numbers that a network takes, (rows, features).

        Parameters
        ----------
        X : Table, frame, mapping of name to column, or array
            By name, in any order. Columns that are not known are warned of, and ignored. What has no names goes by
            position: with as many columns as are used, or with the features themselves.
        where : str
            Who speaks in errors.

        Raises
        ------
        InputError
            If a column is missing, or a cell can't be prepared.
        """
        table = self.table(X, where=where)
        if table is None:
            return np.asarray(X.X if isinstance(X, Dataset) else X)
        features = np.empty((len(table), len(self.feature_names)))
        for column, place in zip(self.columns, self.feature_groups.values(), strict=True):
            found = of_kind(where, column.name, table[column.name], column.kind, table)
            column.write(where, found, features[:, place], table)
        return features

    def table(self, X: Any, *, where: str = "Preparation") -> Table | None:
        """Return the columns that are used, by name; None if `X` holds features, which have been prepared before.

        Raises
        ------
        InputError
            If a column is missing.
        """
        if isinstance(X, Dataset):
            X = X.X if X.feature_names is None else Table.of(dict(zip(X.feature_names, X.X.T)), where=where)
        given = _unnamed(X) if isinstance(X, (np.ndarray, list, tuple)) else None
        if given is None:
            return self._chosen(where, Table.of(X, where=where))
        numbers = all(type(column) is NumberColumn for column in self.columns)
        plain = numbers and given.ndim == 2 and given.shape[1] == len(self.columns) == len(self.feature_names)
        if plain and (given.dtype.kind in "iub" or (given.dtype.kind == "f" and not np.isnan(given).any())):
            return None  # nothing becomes of it
        cells = numbers or given.dtype.kind not in "fiub" or given.shape[-1] != len(self.feature_names)
        if given.ndim == 2 and given.shape[1] == len(self.columns) and cells:
            return Table(
                {name: _column_of_cells(where, name, given[:, i]) for i, name in enumerate(self.names)},
                "X",
                named=False,
            )
        if given.ndim == 2 and given.shape[1] == len(self.feature_names) and given.dtype.kind in "fiub":
            return None
        raise ShapeError(
            where,
            given=f"X of shape {given.shape}" + f" and dtype {given.dtype}" * (given.dtype.kind not in "fiub"),
            expected=f"the columns {listed(self.names)}",
            fix="Pass them by name: a table of cr.data.read_table, a frame, or a dict of name to values",
            cause="data.shape",
        )

    def _chosen(self, where: str, table: Table) -> Table:
        if not table.named:
            names = self.unnamed(len(table.columns))
            if names is None:
                raise ShapeError(
                    where,
                    given=f"{counted(len(table.columns), 'column')} without names",
                    expected=f"{len(self.names)}: {listed(self.names)}",
                    fix="Name the columns as they were in training, or pass those that are used alone, in this order",
                    cause="data.columns",
                )
            table = Table(dict(zip(names, table.columns.values(), strict=True)), table.name, table.notes, table.lines)
        expect_columns(where, [*table], self.names, (*self.targets, *self.ignored, *_one(self.index)))
        return table.only(self.names)

    def answers(self, X: Any, *, where: str = "Preparation") -> Array:
        """Return the targets in a table: class indices, (rows,); or amounts, (rows, targets).

        Raises
        ------
        InputError
            If there is no such column, or a gap in it, or a class that is none of `classes`.
        """
        if not self.targets:
            raise InputError(
                where,
                given="a table without y, and a preparation that knows no target",
                expected="what to predict",
                fix='Pass y, or tell the preparation the column: target="price"',
            )
        table = Table.of(X, where=where)
        missing = [name for name in self.targets if name not in table]
        if missing:
            raise InputError(
                where,
                given=f"a table without the column {missing[0]!r:.80}",
                expected="the column to predict, beside the others",
                fix=renamed(missing, table.columns) or "Add it, or pass y",
                cause="data.columns",
            )
        if self.classes is not None:
            name = self.targets[0]
            words = of_kind(where, name, table[name], "word", table)
            return class_indices(where, words, self.classes, f"column {printable(name)!r}", table)
        amounts = np.empty((len(table), len(self.targets)))
        for i, name in enumerate(self.targets):
            column = of_kind(where, name, table[name], "number", table)
            _expect_answers(where, name, column, table)
            amounts[:, i] = column.values
        return amounts


def class_indices(where: str, column: Column, classes: Sequence[str], name: str, table: Table) -> Array:
    """Return the index among the classes of each word in a column, which `name` calls.

    Raises
    ------
    InputError
        If there is a gap, or a word that is no class.
    """
    _expect_answers(where, name, column, table)
    places = {word: place for place, word in enumerate(classes)}
    place_of = np.array([places.get(word, -1) for word in column.words], np.int64)
    found = place_of[column.values]
    if (found < 0).any():
        row = int((found < 0).argmax())
        word = column.words[column.values[row]]
        close = nearest_name(word, classes)
        raise InputError(
            where,
            given=f"{printable(word)!r:.60} in {table.place(row)}, {name}",
            expected=f"one of the classes {listed(classes)}",
            fix=(f"Did you mean {close!r}? " if close else "") + "Correct it, or leave those rows out",
            cause="target.classes",
        )
    return np.asarray(found)


def _expect_answers(where: str, name: str, column: Column, table: Table) -> None:
    gaps = column.gaps
    if gaps.any():
        raise InputError(
            where,
            given=f"a gap in {table.place(int(gaps.argmax()))}, {name}, and {counted(int(gaps.sum()), 'gap')} in all",
            expected="an answer in each row",
            fix="Leave those rows out",
            cause="data.nonfinite",
        )


def _unnamed(X: Any) -> Array | None:
    """Return what has no names as an array, of objects where the cells of a row are of several kinds."""
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], Mapping):
        return None
    array = X if isinstance(X, np.ndarray) else np.asarray(X, object)
    if array.dtype.names:
        return None
    if (
        array.dtype.kind == "O"
        and array.ndim == 2
        and all(isinstance(cell, (int, float, np.number)) for cell in array.flat)
    ):
        array = array.astype(np.float64)
    return array


def _column_of_cells(where: str, name: str, cells: Array) -> Column:
    """Return a column of cells by position: numbers, or, where one is a text, words."""
    if cells.dtype.kind in "fiub":
        return number_column(cells)
    return Table.of({name: cells}, where=where)[name]


def _names(setting: str, names: Any, *, least: int = 0) -> tuple[str, ...]:
    several = isinstance(names, Collection) and not isinstance(names, str)
    texts = several and all(isinstance(name, str) for name in names)
    if not texts or len(set(names)) < len(names) or len(names) < least:
        raise InputError(
            f"Preparation {setting}", given=f"{names!r:.80}", expected="different names", fix='Pass ["a", "b"]'
        )
    return tuple(names)


def _one(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)
