"""What the first row of a text table is: the columns' names, or a row like the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from chainrule.data.date_cells import look
from chainrule.data.number_cells import GAPS, styles
from chainrule.data.opening import shown
from chainrule.data.table_text import Row, TextTable
from chainrule.errors import FileError


class TableHeader(NamedTuple):
    """The columns of a file.

    Attributes
    ----------
    names : list of str
    named : bool
        Whether the file has them.
    skip : int
        How many rows stand before the data.
    notes : list of str
    row_names : str or None
        The column that says what the rows are called, if it has no name.
    classes : tuple of str
        What the whole numbers of the last column stand for, in files of scikit-learn.
    rows : int or None
        How many rows there must be.
    spare : bool
        Whether rows may end with a delimiter.
    empty : tuple of int
        Columns behind the last one, which have neither name nor cells.
    """

    names: list[str]
    named: bool
    skip: int
    notes: list[str]
    row_names: str | None = None
    classes: tuple[str, ...] = ()
    rows: int | None = None
    spare: bool = False
    empty: tuple[int, ...] = ()


def find_header(text: TextTable, header: bool | None) -> TableHeader:
    """Return what the first row of a file is; `header` is whether it holds names, where that is known."""
    rows = [(line, [cell.strip() for cell in cells]) for line, cells in text.sample()]
    first = rows[0][1]
    body = [row for row in rows[1:] if not (row[1][0].startswith("#") and len(row[1]) != len(first))]
    width = len(body[0][1]) if body else len(first)
    if header is None and (counts := _counts(first, body, width)):
        names = [f"column {i}" for i in range(width)]
        note = f"the first line holds counts, {first[0]} rows of {first[1]} columns, and the classes' names"
        notes = [note, f"no header: columns are called 'column 0' to {names[-1]!r}"]
        return TableHeader(names, False, 1, notes, None, *counts)
    named = text.cells_of(text.comment) if text.comment and header is not False else []
    named = [cell.strip() for cell in named]
    names_in_comment = len(named) == len(first) == width and (width > 1 or named[0].isidentifier())
    if names_in_comment and header is None and any(named) and any(map(_is_number, first)):
        return TableHeader(_names(text.where, named), True, 0, ["the columns' names stand in a comment"])
    spare, notes = False, list[str]()
    if body and len(first) + 1 == width and header is not False and not any(map(_is_number, first)):
        if all(not cells[-1] for _, cells in body):
            spare, width = True, len(first)
            notes.append("rows end with a delimiter")
        else:
            first = ["", *first]
            notes.append("the header has no name for the first column")
    if len(first) != width:
        raise text.unequal(body[0][0], width, len(first))
    if header is None:
        header = _is_header(first, [cells for _, cells in body if len(cells) >= width])
    if not header:
        names = [f"column {i}" for i in range(width)]
        last = f" to {names[-1]!r}" if width > 1 else ""
        return TableHeader(names, False, 0, [*notes, f"no header: columns are called 'column 0'{last}"], spare=spare)
    empty: tuple[int, ...] = ()
    while width > 1 and body and not first[-1] and not any(cells[width - 1] for _, cells in body if cells[width - 1 :]):
        width, first, empty = width - 1, first[:-1], (*empty, width - 1)
    if empty:
        notes.append("rows end with a delimiter")
    index = None
    if first[0] == "" and width > 1:
        index = "column 0"
    elif first[0] == "Unnamed: 0" and _counting([cells[0] for _, cells in body]):
        index = first[0]
    unnamed = [i for i, name in enumerate(first) if not name]
    if unnamed[int(index == "column 0") :]:
        told = ", ".join(f"column {i}" for i in unnamed[int(index == "column 0") :][:8])
        notes.append(f"without a name: {told}")
    names = _names(text.where, [name or f"column {i}" for i, name in enumerate(first)])
    return TableHeader(names, True, 1, notes, index, spare=spare, empty=empty)


def _names(where: str, names: list[str]) -> list[str]:
    expect_different(where, names)
    return names


def expect_different(where: str, names: Sequence[str]) -> None:
    """Raise if two columns have one name."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FileError(
                where,
                given=f"two columns called {shown(name)}",
                expected="every name once",
                fix="Rename one, or pass header=False if the first row holds data",
            )
        seen.add(name)


def _counts(first: list[str], body: list[Row], width: int) -> tuple[tuple[str, ...], int] | None:
    """Return the classes' names and the number of rows, if the first line is like that of scikit-learn's files."""
    if len(first) < 4 or not (first[0].isascii() and first[0].isdigit()) or first[1] != str(width - 1) or not body:
        return None
    classes = first[2:]
    if any(map(_is_number, classes)) or len(set(classes)) < len(classes):
        return None
    known = {str(i) for i in range(len(classes))}
    if any(len(cells) != width or cells[-1] not in known or not all(map(_is_number, cells)) for _, cells in body):
        return None
    return tuple(classes), int(first[0][:18])


def _is_header(first: list[str], body: list[list[str]]) -> bool:
    """Return whether a first row holds names, by the rows below it."""
    if not any(first):
        return False
    numbers = [_is_number(cell) for cell in first]
    columns = list(zip(*body))
    if any(numbers):
        if not columns or len(set(first)) < len(first):
            return False
        above = any(
            name and not is_number and name.lower() not in GAPS and all(map(_is_number, column))
            for name, is_number, column in zip(first, numbers, columns)
        )
        return above or _are_years([cell for cell, is_number in zip(first, numbers) if is_number])
    if any(look([cell]) for cell in first if cell):
        return False
    for name, column in zip(first, columns):
        if name and all(_is_number(cell) or cell.lower() in GAPS for cell in column):
            return True
    if len(set(first)) < len(first):
        return not columns
    again = sum(name in column for name, column in zip(first, columns))
    return 2 * again < len(first) or not again


def _are_years(cells: list[str]) -> bool:
    """Return whether these are three or more years at equal distances, as names of columns are."""
    if len(cells) < 3 or not all(re.fullmatch(r"1[5-9]\d\d|2[01]\d\d", cell) for cell in cells):
        return False
    steps = {int(b) - int(a) for a, b in pairwise(cells)}
    return len(steps) == 1 and steps.pop() != 0


def _counting(cells: list[str]) -> bool:
    """Return whether cells number the rows, from 0 or 1."""
    start = cells[0] if cells else ""
    return start in ("0", "1") and cells == [str(int(start) + i) for i in range(len(cells))]


def _is_number(cell: str) -> bool:
    return bool(styles([cell]))
