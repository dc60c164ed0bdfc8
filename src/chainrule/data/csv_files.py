"""Reading tables of the user's own: CSV files whose columns are numbers, apart from the one to predict.

Every cell must say what it is. A missing value, a word among numbers, or a row of another length is an error that names
its line and column: dropping or filling it is a decision, and not this reader's to make.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, TextIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule import checks
from chainrule.data.dataset import Dataset, float_type
from chainrule.data.labels import decided_task
from chainrule.data.limits import within_memory
from chainrule.data.opening import open_file, shown
from chainrule.errors import FileError, InputError, nearest, printable

if TYPE_CHECKING:
    from array import array

_MISSING = {"", "?", "na", "n/a", "nan", "null"}
_DELIMITERS = ",;\t|"
_LONGEST_ROW = 1 << 24  # characters: cells cost several times their length until they are numbers
_BLOCK = 1 << 12  # cells that are turned into numbers at once: as many as the processor's cache holds
_Row = tuple[int, list[str]]


@checks.keywords
def read_csv(
    path: str | os.PathLike[str],
    target: str | int | None = None,
    delimiter: str | None = None,
    *,
    header: bool | None = None,
    task: Literal["classification", "regression"] | None = None,
    class_names: Sequence[str] | None = None,
    leave_out: Sequence[str | int] = (),
    dtype: DTypeLike = "float32",
) -> Dataset:
    r"""Return the samples in a CSV file, one per row, with a column of targets if one is named.

    Parameters
    ----------
    path : path
        The file, in UTF-8. Blank lines are skipped, and spaces around cells don't count.
    target : str or int, optional
        The column to predict: its name, or its index from 0 (-1 is the last). None when there is nothing to predict;
        every column is then a feature.
    delimiter : str, optional
        What stands between cells. By default whichever of comma, semicolon, tab and bar cuts the first lines into the
        most cells, and all of them into as many.
    header : bool, optional
        Whether the first row holds the columns' names. By default it does if none of its cells is a number.
    task : {"classification", "regression"}, optional
        What the target is. By default words are classes, and so are two different whole numbers, or up to 20 that
        follow on one another (0, 1, 2 …). Numbers that are not all whole are amounts, and so are more than 20 whole
        ones with gaps between them. Whole numbers that may be either are an error that asks; `notes` of the data set
        say what was decided.
    class_names : sequence of str, optional
        The classes in the order of their labels, as an earlier ``dataset.class_names`` has them: so that a second
        file is numbered like the first, even if it lacks a class. By default the classes found, sorted.
    leave_out : sequence of str or int
        Columns that are no features, whatever is in them, such as one that names the samples: see `read_texts`.
    dtype : {"float32", "float64"}
        The type of the features, and of values to predict.

    Returns
    -------
    Dataset
        X of shape (samples, features); y either int64 labels of shape (samples,) with ``class_names``, or values of
        shape (samples, 1), or None; ``feature_names`` if there is a header.

    Raises
    ------
    FileError
        If the file is missing, not a regular file, not text, empty, has rows of unequal length, or has a cell that is
        missing, not a number, or not finite in `dtype`; the message names line and column.
    InputError
        If `target` is not a column, or may hold classes or amounts, or another argument is not what it should be.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("width,height,kind\n1,2,rose\n3,4,tulip\n5,6,rose\n")
    >>> flowers = cr.data.read_csv(path, target="kind")
    >>> flowers.feature_names, flowers.class_names, flowers.y.tolist()
    (('width', 'height'), ('rose', 'tulip'), [0, 1, 0])
    """
    _check_options(delimiter, task, class_names)
    kind = float_type("read_csv", dtype)
    where = f"read_csv {shown(path)}"
    with within_memory(where), open_file("read_csv", path) as file:
        import io

        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            names, width, body = _begun(where, text, delimiter, header)
            column = _find_column(where, "target", target, names, width)
            other = [_find_column(where, "column", name, names, width) for name in leave_out]
            without = sorted({index for index in (column, *other) if index is not None})
            X, answers, lines = _read_body(where, body, without, names, width, kind)
        if not lines:
            raise FileError(
                where, given="a header without rows", expected="rows of numbers below it", fix="Add the data"
            )
        y, classes = None, None
        notes: tuple[str, ...] = ()
        if column is not None:
            said = (where, _label(names, column), lines)
            y, classes, notes = _targets(said, answers[column], task, class_names, kind)
    features = None if names is None else tuple(name for i, name in enumerate(names) if i not in without)
    return Dataset(X, y, os.path.basename(os.fspath(path)), features, classes, notes)


@checks.keywords
def read_texts(
    path: str | os.PathLike[str],
    columns: Sequence[str | int],
    delimiter: str | None = None,
    *,
    header: bool | None = None,
) -> dict[str, list[str]]:
    r"""Return what is written in some columns of a CSV file, row by row: ``007`` stays ``007``.

    Parameters
    ----------
    path, delimiter, header
        As `read_csv` takes them.
    columns : sequence of str or int
        Their names, or indices from 0 (-1 is the last).

    Returns
    -------
    dict of str to list of str
        The cells of each, without spaces around them, by its name; by its index where there is no header.

    Raises
    ------
    FileError, InputError
        As `read_csv`, but for what is in the cells.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("id,width\n007,1\n012,3\n")
    >>> read_texts(path, ["id"])
    {'id': ['007', '012']}
    """
    _check_options(delimiter, None, None)
    where = f"read_texts {shown(path)}"
    with within_memory(where), open_file("read_texts", path) as file:
        import io

        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            names, width, body = _begun(where, text, delimiter, header)
            found = [_find_column(where, "column", name, names, width) for name in columns]
            kept = {str(i if names is None else names[i]): (i, list[str]()) for i in found if i is not None}
            for line, cells in body:
                if len(cells) != width:
                    raise _other_length(where, line, cells, width)
                for index, texts in kept.values():
                    texts.append(cells[index].strip())
    return {name: texts for name, (_, texts) in kept.items()}


def _begun(
    where: str, text: TextIO, delimiter: str | None, header: bool | None
) -> tuple[list[str] | None, int, Iterator[_Row]]:
    """Return the names of the columns, if a table has a header, how many there are, and its rows."""
    rows = _rows(where, text, delimiter)
    first = next(rows, None)
    if first is None:
        raise FileError(where, given="an empty file", expected="rows of numbers", fix="Write the data first")
    cells = [cell.strip() for cell in first[1]]
    has_header = not any(_number(cell, math.inf) is not None for cell in cells) if header is None else header
    names = _column_names(where, cells) if has_header else None
    return names, len(cells), rows if has_header else itertools.chain([first], rows)


def _check_options(delimiter: Any, task: Any, class_names: Any) -> None:
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n'):
        raise InputError(
            "read_csv",
            given=f"delimiter={delimiter!r}",
            expected="a single character",
            fix="Pass for example delimiter=';' or '\\t', or leave it out",
        )
    if task is not None:
        checks.one_of("read_csv task", task, ("classification", "regression"))
    if class_names is not None and (
        isinstance(class_names, str)
        or not all(isinstance(name, str) for name in class_names)
        or len(set(class_names)) != len(class_names)
        or task == "regression"
    ):
        raise InputError(
            "read_csv",
            given=f"class_names={shown(class_names)} with task={task!r}",
            expected="different names in a list or tuple, for classification",
            fix="Pass the class_names of the data set that the network learnt from",
        )


def _rows(where: str, text: TextIO, delimiter: str | None) -> Iterator[_Row]:
    """Yield line number and cells of every row that is not blank."""
    import csv

    length = 0  # characters of the row under way, which may go over several lines

    def lines() -> Iterator[str]:
        nonlocal length
        while line := text.readline(_LONGEST_ROW + 1):
            length += len(line)
            if length > _LONGEST_ROW:
                raise FileError(
                    where,
                    given=f"a row of more than {_LONGEST_ROW:,} characters",
                    expected="rows that are shorter",
                    fix="Save large tables as NPY or NPZ, with numpy.save or numpy.savez",
                )
            yield line

    try:
        if delimiter is None:
            sample = text.read(1 << 16)
            delimiter = _guess_delimiter(sample)
            text.seek(0)
        reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
        for cells in reader:
            length = 0
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield reader.line_num, cells
    except UnicodeDecodeError as problem:
        raise FileError(
            where,
            given=f"bytes that are not UTF-8 ({problem.reason})",
            expected="a text file in UTF-8",
            fix="Save the table as CSV in UTF-8",
        ) from None
    except csv.Error as problem:
        raise FileError(
            where,
            given=f"quotes or cells that can't be read ({printable(str(problem))}), near line {reader.line_num}",
            expected='cells in matching "quotes", or without any',
            fix="Correct that line",
        ) from None


def _guess_delimiter(sample: str) -> str:
    import csv

    lines = sample.splitlines()
    if len(sample) == 1 << 16 and len(lines) > 1:
        lines.pop()  # cut somewhere in the middle
    lines = [line for line in lines if line.strip()][:20]
    best, most = ",", 1
    for delimiter in _DELIMITERS:
        counts = {len(cells) for cells in csv.reader(lines, delimiter=delimiter)}
        if len(counts) == 1 and (count := counts.pop()) > most:
            best, most = delimiter, count
    return best


def _column_names(where: str, cells: list[str]) -> list[str]:
    seen: set[str] = set()
    for index, name in enumerate(cells):
        if not name:
            raise FileError(
                where,
                given=f"a header whose column {index} has no name",
                expected="a name for each column",
                fix="Name it; if it only numbers the rows, leave it out (pandas: to_csv(..., index=False))",
            )
        if name in seen:
            raise FileError(
                where,
                given=f"two columns called {shown(name)}",
                expected="every name once",
                fix="Rename one, or pass header=False if the first row holds data",
            )
        seen.add(name)
    return cells


def _find_column(where: str, what: str, target: str | int | None, names: list[str] | None, width: int) -> int | None:
    if target is None:
        return None
    first = "target=" if what == "target" else ""
    told = f"target={target!r}" if first else f"the column {target!r}"
    if isinstance(target, str):
        if names is None:
            raise InputError(
                where,
                given=f"{told} for a file without a header",
                expected=f"a column's index, from 0 to {width - 1}",
                fix=f"Pass for example {first}-1 for the last column, or header=True if the first row holds names",
            )
        if target not in names:
            fix = nearest(target, [shown(name)[1:-1] for name in names])
            raise InputError(where, given=told, expected="the name of a column", fix=fix)
        column = names.index(target)
    else:
        column = checks.whole(f"{where} {what}", target, least=-width, most=width - 1) % width
    if width == 1 and what == "target":
        raise InputError(
            where,
            given="a file whose only column is the target",
            expected="at least one more column",
            fix="Pass the right delimiter, or add features",
        )
    return column


def _read_body(
    where: str, rows: Iterator[_Row], without: list[int], names: list[str] | None, width: int, kind: np.dtype[Any]
) -> tuple[NDArray[Any], dict[int, list[str]], array[int]]:
    """Return the features of all rows, the cells of the columns that are none, and each row's line number."""
    from array import array

    features, lines = bytearray(), array("q")
    answers: dict[int, list[str]] = {index: [] for index in without}
    for block in _blocks(rows):
        numbers = _numbers(block, width, answers)
        if numbers is None or not (np.abs(numbers) <= np.finfo(kind).max).all():  # a NaN is not
            raise _first_problem(where, block, without, names, width, float(np.finfo(kind).max))
        features += numbers.astype(kind).data.cast("B")
        lines.extend(line for line, _ in block)
    return np.frombuffer(features, kind).reshape(len(lines), width - len(without)), answers, lines


def _blocks(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    """Yield rows, many at a time; where the file can't be read on, those before that place first."""
    block, count = list[_Row](), 0
    try:
        for row in rows:
            block.append(row)
            count += len(row[1])
            if count >= _BLOCK:
                yield block
                block, count = [], 0
    except FileError:
        yield block
        raise
    yield block


def _numbers(block: list[_Row], width: int, answers: dict[int, list[str]]) -> NDArray[np.float64] | None:
    """Return the features in these rows one after the other, and add to the answers, which are in columns by index;
    None if a cell is no number."""
    if any(len(cells) != width for _, cells in block):
        return None
    every = list(itertools.chain.from_iterable(cells for _, cells in block))
    for before, (column, texts) in enumerate(answers.items()):  # from the left: the width shrinks with each
        texts += [cell.strip() for cell in every[column - before :: width - before]]
        del every[column - before :: width - before]
    if "_" in "".join(every):  # Python reads 1_000 as a number, a table has a word there
        return None
    try:
        return np.fromiter(map(float, every), np.float64, len(every))
    except ValueError:
        return None


def _first_problem(
    where: str, block: list[_Row], without: list[int], names: list[str] | None, width: int, largest: float
) -> FileError:
    """Return the error that names the first thing that is wrong in these rows."""
    for line, cells in block:
        if len(cells) != width:
            return _other_length(where, line, cells, width)
        for index, cell in enumerate(cells):
            if index not in without and _number(cell, largest) is None:
                return _bad_cell(where, line, _label(names, index), cell.strip())
    raise AssertionError("rows without a problem")


def _other_length(where: str, line: int, cells: list[str], width: int) -> FileError:
    return FileError(
        where,
        given=f"{len(cells)} cells in line {line}",
        expected=f"{width}, as in the first row",
        fix="Correct that line, or pass the delimiter that the file uses",
    )


def _number(cell: str, largest: float) -> float | None:
    """Return a cell as a number, or None if it isn't a finite one of at most that size."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if abs(number) <= largest and math.isfinite(number) and "_" not in cell else None


def _label(names: list[str] | None, index: int) -> str:
    return f"column {index}" if names is None else f"column {shown(names[index])}"


def _bad_cell(where: str, line: int, column: str, cell: str) -> FileError:
    if cell.lower() in _MISSING:
        return FileError(
            where,
            given=f"a missing value ({shown(cell)}) in line {line}, {column}",
            expected="a value in every cell",
            fix="Fill it in, or leave out the row or the column",
        )
    return FileError(
        where,
        given=f"{shown(cell)} in line {line}, {column}",
        expected="a finite number, with a point for decimals",
        fix="Encode words as numbers, name the column as target if it is to be predicted, or leave it out; "
        "header=True takes a first row with numbers in it as names",
    )


def _targets(
    said: tuple[str, str, array[int]],
    answers: list[str],
    task: str | None,
    class_names: Sequence[str] | None,
    kind: np.dtype[Any],
) -> tuple[NDArray[Any], tuple[str, ...] | None, tuple[str, ...]]:
    """Return y, the classes' names if it holds labels, and what was decided. `said` is where the cells stand."""
    where, column, lines = said
    largest = float(np.finfo(kind).max)
    numbers = {answer: _number(answer, largest) for answer in dict.fromkeys(answers)}  # each answer once
    found = [number for number in numbers.values() if number is not None]
    classify = class_names is not None or task == "classification"
    numeric = task == "regression" or (not classify and len(found) > 0)
    for answer, number in numbers.items():
        if answer.lower() in _MISSING or (numeric and number is None):
            raise _bad_cell(where, lines[answers.index(answer)], column, answer)
    notes: tuple[str, ...] = ()
    if numeric and task is None:
        task, note = decided_task(where, column, np.array(found))
        notes = (note,)
    elif not classify and task is None:
        notes = (f"{column}: {len(numbers):,} different words are classes",)
    if task == "regression":
        return np.array([numbers[answer] for answer in answers], kind)[:, None], None, notes
    texts = {answer: _class_name(answer, number) for answer, number in numbers.items()}
    if class_names is None:
        every_number = len(found) == len(numbers)
        class_names = sorted(set(texts.values()), key=lambda text: (float(text) if every_number else 0.0, text))
    labels = {name: label for label, name in enumerate(class_names)}
    for answer, text in texts.items():
        if text not in labels:
            raise FileError(
                where,
                given=f"class {shown(text)} in line {lines[answers.index(answer)]}, {column}",
                expected="one of the classes in class_names",
                fix=nearest(text, class_names),
            )
    of_answer = {answer: labels[text] for answer, text in texts.items()}
    return np.array([of_answer[answer] for answer in answers], np.int64), tuple(class_names), notes


def _class_name(answer: str, number: float | None) -> str:
    """Return what a class is called: whole numbers are the same class however they are written (1, 01, 1.0)."""
    if number is None or not number.is_integer():
        return answer
    try:
        return str(int(answer))
    except ValueError:
        return str(int(number))
