"""Reading tables of the user's own: CSV files whose columns are numbers, apart from the one to predict.

Every cell must say what it is. A missing value, a word among numbers, or a row of another length is an error that names
its line and column: dropping or filling it is a decision, and not this reader's to make.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule import checks
from chainrule.data.dataset import Dataset, float_type
from chainrule.data.opening import open_file, shown
from chainrule.errors import FileError, InputError, nearest

if TYPE_CHECKING:
    from array import array

_MISSING = {"", "?", "na", "n/a", "nan", "null"}
_DELIMITERS = ",;\t|"
_Row = tuple[int, list[str]]


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
        What the target is. By default a column of words or of whole numbers holds classes, and one of numbers that
        are not all whole holds values. Whole numbers that are amounts (a price, an age) need ``task="regression"``.
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
        If `target` is not a column, or another argument is not what it should be.

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
    with open_file("read_csv", path) as file:
        import io

        with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
            rows = _rows(where, text, delimiter)
            first = next(rows, None)
            if first is None:
                raise FileError(where, given="an empty file", expected="rows of numbers", fix="Write the data first")
            cells = first[1]
            has_header = not any(_number(cell, math.inf) is not None for cell in cells) if header is None else header
            names = _column_names(where, cells) if has_header else None
            column = _find_column(where, target, names, len(cells))
            body = rows if has_header else itertools.chain([first], rows)
            features, answers, lines = _read_body(where, body, column, names, len(cells), float(np.finfo(kind).max))
    if not lines:
        raise FileError(where, given="a header without rows", expected="rows of numbers below it", fix="Add the data")
    X = np.frombuffer(features).reshape(len(lines), -1).astype(kind)
    y, classes = None, None
    if column is not None:
        said = (where, _label(names, column), lines)
        y, classes = _targets(said, answers, task, class_names, kind)
    if names is not None and column is not None:
        names = names[:column] + names[column + 1 :]
    return Dataset(X, y, os.path.basename(os.fspath(path)), None if names is None else tuple(names), classes)


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


def _rows(where: str, text: Any, delimiter: str | None) -> Iterator[_Row]:
    """Yield line number and stripped cells of every row that is not blank."""
    import csv

    try:
        if delimiter is None:
            sample = text.read(1 << 16)
            delimiter = _guess_delimiter(sample)
            text.seek(0)
        reader = csv.reader(text, delimiter=delimiter, skipinitialspace=delimiter != " ", strict=True)
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped) or len(stripped) > 1:
                yield reader.line_num, stripped
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
            given=f"quotes or cells that can't be read ({problem}), near line {reader.line_num}",
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
    for index, name in enumerate(cells):
        if not name:
            raise FileError(
                where,
                given=f"a header whose column {index} has no name",
                expected="a name for each column",
                fix="Name it; if it only numbers the rows, leave it out (pandas: to_csv(..., index=False))",
            )
        if name in cells[:index]:
            raise FileError(
                where,
                given=f"two columns called {shown(name)}",
                expected="every name once",
                fix="Rename one, or pass header=False if the first row holds data",
            )
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
    where: str, rows: Iterator[_Row], column: int | None, names: list[str] | None, width: int, largest: float
) -> tuple[array[float], list[str], array[int]]:
    """Return the features of all rows in one run, the cells of the target column, and each row's line number."""
    from array import array

    features, answers, lines = array("d"), list[str](), array("q")
    for line, cells in rows:
        if len(cells) != width:
            raise FileError(
                where,
                given=f"{len(cells)} cells in line {line}",
                expected=f"{width}, as in the first row",
                fix="Correct that line, or pass the delimiter that the file uses",
            )
        lines.append(line)
        if column is not None:
            answers.append(cells[column])
        for index, cell in enumerate(cells):
            if index != column:
                number = _number(cell, largest)
                if number is None:
                    raise _bad_cell(where, line, _label(names, index), cell)
                features.append(number)
    return features, answers, lines


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
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return y, and the classes' names if it holds labels. `said` is where the cells stand, for messages."""
    where, column, lines = said
    largest = float(np.finfo(kind).max)
    numbers = [_number(answer, largest) for answer in answers]
    found = [number for number in numbers if number is not None]
    classify = class_names is not None or task == "classification"
    numeric = task == "regression" or (not classify and len(found) > 0)
    for line, answer, number in zip(lines, answers, numbers, strict=True):
        if answer.lower() in _MISSING or (numeric and number is None):
            raise _bad_cell(where, line, column, answer)
    if task == "regression" or (numeric and not all(number.is_integer() for number in found)):
        return np.array(found, kind)[:, None], None
    texts = [_class_name(answer, number) for answer, number in zip(answers, numbers, strict=True)]
    if class_names is None:
        every_number = len(found) == len(answers)
        class_names = sorted(set(texts), key=lambda text: (float(text) if every_number else 0.0, text))
    labels = {name: label for label, name in enumerate(class_names)}
    for line, text in zip(lines, texts, strict=True):
        if text not in labels:
            raise FileError(
                where,
                given=f"class {shown(text)} in line {line}, {column}",
                expected="one of the classes in class_names",
                fix=nearest(text, class_names),
            )
    return np.array([labels[text] for text in texts], np.int64), tuple(class_names)


def _class_name(answer: str, number: float | None) -> str:
    """Return what a class is called: whole numbers are the same class however they are written (1, 01, 1.0)."""
    if number is None or not number.is_integer():
        return answer
    try:
        return str(int(answer))
    except ValueError:
        return str(int(number))
