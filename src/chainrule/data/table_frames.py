"""Frames, structured arrays, dicts of columns and lists of rows as tables: one door for all of them.

None of the packages that frames come from is imported: what an object offers says what it is. What stands in a cell is
kept, and what can't be is refused by its row and column.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array, all_near_zero, as_array, column_of, labels_of
from chainrule.data.opening import shown
from chainrule.data.table import Column, Table, number_column, word_column
from chainrule.errors import InputError, ShapeError

_GAPS = ("NoneType", "NAType", "NaTType", "MaskedConstant")


def table_of(where: str, name: str, value: Any) -> Table:
    """Return `value` as a table: see `Table.of`."""
    if isinstance(value, Table):
        return value
    kind = type(value)
    if isinstance(value, Mapping):
        return _of_columns(where, name, list(value), list(value.values()))
    if isinstance(value, np.ndarray) and value.dtype.names:
        rows = value.reshape(-1) if value.ndim == 0 else value
        return _of_columns(where, name, list(rows.dtype.names or ()), [rows[field] for field in rows.dtype.names or ()])
    if hasattr(kind, "columns") or hasattr(kind, "column_names"):
        return _of_frame(where, name, value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(row, Mapping) for row in value):
        labels = list(dict.fromkeys(key for row in value for key in row))
        return _of_columns(where, name, labels, [[row.get(label) for row in value] for label in labels])
    if hasattr(kind, "name") and hasattr(kind, "to_numpy") and not isinstance(value, np.ndarray):
        label = "column 0" if value.name in (None, "") else value.name  # a single column of a frame
        return _of_columns(where, name, [label], [_cells(value)])
    if isinstance(value, (list, tuple)) and value and all(isinstance(row, (list, tuple)) for row in value):
        lengths = {len(row) for row in value}
        if len(lengths) == 1:  # each cell as it is: an array would make texts of all
            return _without_names(where, name, [list(column) for column in zip(*value)])
    array = as_array(where, name, value)
    if array.ndim != 2:
        raise ShapeError(
            where,
            given=f"{name} of shape {array.shape}",
            expected="a table: a frame, a dict of columns, a list of rows, or an array of two axes",
            fix=f"Pass {{'a column': [its cells], …}} as {name}",
        )
    return _without_names(where, name, list(array.T))


def _without_names(where: str, name: str, columns: Sequence[Any]) -> Table:
    found = {f"column {i}": _column(where, name, f"column {i}", cells) for i, cells in enumerate(columns)}
    return Table(found, name, named=False)


def _of_frame(where: str, name: str, frame: Any) -> Table:
    labels = labels_of(where, name, frame)
    columns = [column_of(frame, i, label) for i, label in enumerate(labels)]
    if labels and all(type(label) is int for label in labels) and labels == list(range(len(labels))):
        return _without_names(where, name, list(map(_cells, columns)))  # pandas numbers columns that have no names
    return _of_columns(where, name, labels, list(map(_cells, columns)))


def _of_columns(where: str, name: str, labels: Sequence[Any], columns: Sequence[Any]) -> Table:
    found: dict[str, Column] = {}
    for label, cells in zip(labels, columns):
        if isinstance(label, tuple):
            raise InputError(
                where,
                given=f"{name} with the column {label!r:.80}, whose name has several levels",
                expected="a text as the name of each column",
                fix=f"Pass {name} with {name}.columns = ['_'.join(map(str, label)) for label in {name}.columns]",
            )
        if str(label) in found:
            raise InputError(
                where,
                given=f"{name} with two columns called {str(label)!r:.80}",
                expected="every name once",
                fix="Rename one, or leave it out",
            )
        found[str(label)] = _column(where, name, str(label), cells)
    if len({len(column) for column in found.values()}) > 1:
        told = ", ".join(f"{len(column):,} in {label!r:.40}" for label, column in list(found.items())[:8])
        raise ShapeError(where, given=f"{name} with columns of different lengths: {told}",
                         expected="as many cells in each", fix="Pass columns of the same rows")  # fmt: skip
    return Table(found, name)


class _Categories(list[Any]):
    """The cells of a column whose values are categories, whatever these are: words."""


def _cells(column: Any) -> Any:
    """Return the cells of a frame's column: an array of NumPy where nothing is lost by that, else a list."""
    kind = str(getattr(column, "dtype", None) or getattr(column, "type", "")).lower()
    listed = column.to_pylist() if hasattr(column, "to_pylist") else None
    if kind.startswith(("categor", "enum", "dictionary")):
        return _Categories(list(column) if listed is None else listed)
    if listed is not None:
        return listed
    if hasattr(column, "null_count") and callable(column.null_count) and column.null_count():
        return column.to_list()  # polars would make floats of whole numbers with gaps
    array = np.asarray(column)
    rounded = kind.startswith(("int", "uint")) and array.dtype.kind not in "iu"  # pandas does so where there are gaps
    return list(column) if rounded or array.dtype.kind == "O" else array


def _column(where: str, name: str, label: str, cells: Any) -> Column:
    """Return a column of a table from anything that has cells."""
    if isinstance(cells, Column):
        return cells
    if isinstance(cells, _Categories):
        return word_column([None if _is_gap(cell) else str(cell) for cell in cells])
    hidden = np.ma.getmaskarray(cells) if isinstance(cells, np.ma.MaskedArray) else None
    if hidden is None and not isinstance(cells, (list, tuple, np.ndarray)):
        if hasattr(type(cells), "to_numpy") or hasattr(type(cells), "to_pylist"):
            return _column(where, name, label, _cells(cells))
        if isinstance(cells, (str, bytes)) or not isinstance(cells, Iterable):
            raise InputError(
                where,
                given=f"{name} with {cells!r:.60} as column {shown(label)}",
                expected="a list or an array of cells",
                fix=f"Pass a list, even of a single cell: {{{label!r:.40}: [{cells!r:.40}]}}",
            )
        cells = list(cells) if not hasattr(type(cells), "detach") else as_array(where, f"{name}[{label!r}]", cells)
    if hidden is not None:
        cells = [None if gap else cell for gap, cell in zip(hidden, np.ma.getdata(cells).tolist())]
    if isinstance(cells, (list, tuple)):
        return _of_objects(where, name, label, list(cells))
    if cells.ndim != 1:
        raise ShapeError(
            where,
            given=f"{name} with column {shown(label)} of shape {cells.shape}",
            expected="one cell in each row",
            fix="Pass each of its columns under a name of its own",
        )
    return _of_array(where, name, label, cells)


def _of_array(where: str, name: str, label: str, array: Array) -> Column:
    kind = array.dtype.kind
    if kind == "f" or (kind in "iu" and all_near_zero(array)):
        infinite = np.isinf(array)
        if infinite.any():
            row = int(infinite.argmax())
            raise _refused(where, name, label, row, array[row], "Correct it, or make a gap of it: None or NaN")
        return number_column(array)
    if kind == "M":
        return Column("date", array.astype("datetime64[s]"))
    return _of_objects(where, name, label, array.tolist() if kind in "iubOSU" else list(array))


def _is_gap(cell: Any) -> bool:
    return type(cell).__name__ in _GAPS or (isinstance(cell, (float, np.floating, decimal.Decimal)) and cell != cell)


def _sort(kind: type) -> str:
    """Return what cells of a type are."""
    if issubclass(kind, str):
        return "word"
    if issubclass(kind, np.timedelta64):  # a whole number to NumPy
        return "other"
    if issubclass(kind, (bool, np.bool_)):
        return "flag"
    if issubclass(kind, (numbers.Real, decimal.Decimal)):
        return "number"
    return "date" if issubclass(kind, (datetime.date, np.datetime64)) else "other"


def _of_objects(where: str, name: str, label: str, cells: list[Any]) -> Column:
    """Return a column of Python objects, all of one sort, or gaps."""
    sorts: dict[type, str] = {}
    first: dict[str, int] = {}
    kept = [None if _is_gap(cell) or (isinstance(cell, str) and not cell) else cell for cell in cells]
    for row, cell in enumerate(kept):
        if cell is not None:
            sort = sorts.get(type(cell)) or sorts.setdefault(type(cell), _sort(type(cell)))
            first.setdefault(sort, row)
    if "other" in first:
        row = first["other"]
        raise _refused(where, name, label, row, kept[row], _advice(kept[row], name, label))
    if len(first) > 1:
        row = max(first.values())
        others = " and ".join({"word": "texts", "flag": "booleans", "number": "numbers", "date": "dates"}[s]
                              for s, at in first.items() if at != row)  # fmt: skip
        fix = f"Make all cells of the column texts, or all of them {others}"
        raise _refused(where, name, label, row, kept[row], fix, f", where {others} stand above it")
    sort = next(iter(first), "number")
    if sort in ("word", "flag"):
        return word_column([None if cell is None else str(cell) for cell in kept])
    if sort == "date":
        return Column("date", np.array([_moment(where, name, label, row, c) for row, c in enumerate(kept)], "<M8[s]"))
    return _of_numbers(where, name, label, kept)


def _of_numbers(where: str, name: str, label: str, cells: list[Any]) -> Column:
    whole = all(cell is None or isinstance(cell, numbers.Integral) for cell in cells)
    if whole and any(cell is not None and int(float(cell)) != cell for cell in cells if cell and abs(cell) < 1 << 1000):
        return word_column([None if cell is None else str(cell) for cell in cells])  # an id, which float64 can't hold
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if cell is None:
            continue
        try:
            values[row] = float(cell)
        except (OverflowError, ValueError):
            values[row] = np.inf
        if np.isinf(values[row]):
            raise _refused(where, name, label, row, cell, "Correct it, or make a gap of it: None or NaN")
    return Column("number", values)


def _moment(where: str, name: str, label: str, row: int, cell: Any) -> np.datetime64:
    if cell is None:
        return np.datetime64("NaT", "s")
    if isinstance(cell, datetime.datetime) and cell.tzinfo is not None:
        try:
            cell = cell.astimezone(datetime.UTC).replace(tzinfo=None)
        except (OverflowError, ValueError):
            raise _refused(where, name, label, row, cell, "Correct it, or make a gap of it: None") from None
    if isinstance(cell, datetime.datetime):
        cell = datetime.datetime(*cell.timetuple()[:6])  # pandas' kind of it has more to it
    return np.datetime64(cell, "s")


def _advice(cell: Any, name: str, label: str) -> str:
    column = f"{name}[{label!r:.40}]"
    if isinstance(cell, bytes):
        return f"Make texts of them: [cell.decode() for cell in {column}]"
    if isinstance(cell, (datetime.timedelta, np.timedelta64)):
        return f"Make numbers of them, such as seconds: [cell / one_second for cell in {column}]"
    if isinstance(cell, datetime.time):
        return f"Make numbers of them, such as hours: [cell.hour + cell.minute / 60 for cell in {column}]"
    if isinstance(cell, (list, tuple, dict, np.ndarray)):
        return "Give each of its values a column of its own, or leave the column out"
    if isinstance(cell, complex):
        return "Give its real and its imaginary part a column each"
    return "Make a number, a text or a date of it, or leave the column out"


def _refused(where: str, name: str, label: str, row: int, cell: Any, fix: str, more: str = "") -> InputError:
    if isinstance(cell, np.generic) and not isinstance(cell, (np.datetime64, np.timedelta64)):
        cell = cell.item()
    told = f"{type(cell).__name__} {shown(cell)[:60]}"
    return InputError(
        where,
        given=f"{name} with {told} in row {row}, column {shown(label)}{more}",
        expected="a finite number, a text, a boolean, a date or a gap (None)",
        fix=fix,
    )
