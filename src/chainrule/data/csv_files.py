"""Reading tables of the user's own: CSV files whose columns are numbers, apart from the one to predict.

Every cell must say what it is. A missing value, a word among numbers, or a row of another length is an error that names
its line and column: dropping or filling it is a decision, and not this reader's to make. `table_files` reads tables
that have words and gaps.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule import checks
from chainrule.data.dataset import Dataset, float_type
from chainrule.data.labels import decided_task
from chainrule.data.limits import within_memory
from chainrule.data.opening import open_file, shown
from chainrule.data.table_header import expect_different
from chainrule.data.table_text import Block, TextTable
from chainrule.errors import FileError, InputError, nearest

if TYPE_CHECKING:
    from array import array

_MISSING = {"", "?", "na", "n/a", "nan", "null"}


@checks.keywords
def read_csv(
    path: str | os.PathLike[str],
    target: str | int | None = None,
    delimiter: str | None = None,
    *,
    header: bool | None = None,
    task: Literal["classification", "regression"] | None = None,
    class_names: Sequence[str] | None = None,
    dtype: DTypeLike = "float32",
) -> Dataset:
    r"""Return the samples in a CSV file, one per row, with a column of targets if one is named.

    Parameters
    ----------
    path : path
        The file, in UTF-8, plain or compressed with gzip. Blank lines and comments (``#``) are skipped, and spaces
        around cells don't count.
    target : str or int, optional
        The column to predict: its name, or its index from 0 (-1 is the last). None when there is nothing to predict;
        every column is then a feature.
    delimiter : str, optional
        What stands between cells, found out by default: see `read_table`.
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
    _check_options(task, class_names)
    kind = float_type("read_csv", dtype)
    where = f"read_csv {shown(path)}"
    with within_memory(where), open_file("read_csv", path) as file:
        text = TextTable(where, file, delimiter=delimiter, encoding="utf-8")
        cells = [cell.strip() for cell in text.sample()[0][1]]
        has_header = not any(_number(cell, math.inf) is not None for cell in cells) if header is None else header
        names = _column_names(where, cells) if has_header else None
        column = _find_column(where, target, names, len(cells))
        X, answers, lines = _read_body(text, int(has_header), column, names, len(cells), kind)
        if not lines:
            raise FileError(
                where, given="a header without rows", expected="rows of numbers below it", fix="Add the data"
            )
        y, classes = None, None
        notes: tuple[str, ...] = ()
        if column is not None:
            said = (where, _label(names, column), lines)
            y, classes, notes = _targets(said, answers, task, class_names, kind)
    if names is not None and column is not None:
        names = names[:column] + names[column + 1 :]
    return Dataset(X, y, os.path.basename(os.fspath(path)), None if names is None else tuple(names), classes, notes)


def _check_options(task: Any, class_names: Any) -> None:
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


def _column_names(where: str, cells: list[str]) -> list[str]:
    if "" in cells:
        raise FileError(
            where,
            given=f"a header whose column {cells.index('')} has no name",
            expected="a name for each column",
            fix="Name it; if it only numbers the rows, leave it out (pandas: to_csv(..., index=False)), or read the "
            "file with read_table",
        )
    expect_different(where, cells)
    return cells


def _find_column(where: str, target: str | int | None, names: list[str] | None, width: int) -> int | None:
    if target is None:
        return None
    if isinstance(target, str):
        if names is None:
            raise InputError(
                where,
                given=f"target={target!r} for a file without a header",
                expected=f"a column's index, from 0 to {width - 1}",
                fix="Pass for example target=-1 for the last column, or header=True if the first row holds names",
            )
        if target not in names:
            fix = nearest(target, [shown(name)[1:-1] for name in names])
            raise InputError(where, given=f"target={target!r}", expected="the name of a column", fix=fix)
        column = names.index(target)
    else:
        column = checks.whole(f"{where} target", target, least=-width, most=width - 1) % width
    if width == 1:
        raise InputError(
            where,
            given="a file whose only column is the target",
            expected="at least one more column",
            fix="Pass the right delimiter, or add features",
        )
    return column


def _read_body(
    text: TextTable, skip: int, column: int | None, names: list[str] | None, width: int, kind: np.dtype[Any]
) -> tuple[NDArray[Any], list[str], array[int]]:
    """Return the features of all rows, the cells of the target column, and each row's line number."""
    from array import array

    features, answers, lines = bytearray(), list[str](), array("q")
    for block in text.blocks(width, skip):
        numbers = _numbers(block, column, width, answers)
        if numbers is None or not (np.abs(numbers) <= np.finfo(kind).max).all():  # a NaN is not
            raise _first_problem(text.where, block, column, names, width, float(np.finfo(kind).max))
        features += numbers.astype(kind).data.cast("B")
        lines.extend(block.lines)
    return np.frombuffer(features, kind).reshape(len(lines), width - (column is not None)), answers, lines


def _numbers(block: Block, column: int | None, width: int, answers: list[str]) -> NDArray[np.float64] | None:
    """Return the features in these rows one after the other, and add to the answers; None if a cell is no number."""
    every = block.cells
    if column is not None:
        answers += [cell.strip() for cell in every[column::width]]
        every = every[:]
        del every[column::width]
    if block.underscores and "_" in "".join(every):  # Python reads 1_000 as a number, a table has a word there
        return None
    try:
        return np.fromiter(map(float, every), np.float64, len(every))
    except ValueError:
        return None


def _first_problem(
    where: str, block: Block, column: int | None, names: list[str] | None, width: int, largest: float
) -> FileError:
    """Return the error that names the first thing that is wrong in these rows."""
    for place, cell in enumerate(block.cells):
        row, index = divmod(place, width)
        if index != column and _number(cell, largest) is None:
            return _bad_cell(where, block.lines[row], _label(names, index), cell.strip())
    raise AssertionError("rows without a problem")


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
            fix="Fill it in, or leave out the row or the column; read_table reads gaps and words as they are",
        )
    return FileError(
        where,
        given=f"{shown(cell)} in line {line}, {column}",
        expected="a finite number, with a point for decimals",
        fix="Name the column as target if it is to be predicted, or leave it out; read_table reads words and gaps as "
        "they are; header=True takes a first row with numbers in it as names",
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
        task, note = decided_task(where, column, np.array(found), len(answers))
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
