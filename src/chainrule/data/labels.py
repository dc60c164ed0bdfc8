"""Labels: whether numbers are classes or amounts, and classes as rows of zeros with a single one."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule import checks
from chainrule.arrays import as_array
from chainrule.data.dataset import count_samples, float_type
from chainrule.errors import InputError, ShapeError

Task = Literal["classification", "regression"]
_MOST_CLASSES = 20
_FEW = 10  # rows: of fewer nobody can say which numbers come back


def decided_task(where: str, what: str, values: NDArray[Any], rows: int | None = None) -> tuple[Task, str]:
    """Return what numbers to predict are, and in a line why.

    Numbers that are not all whole are amounts. Two different whole numbers are classes, and so are up to 20 that
    follow on one another (0, 1, 2 …). More than 20 with gaps between them are amounts, and so are whole numbers of
    which most stand in one row alone: more than half as many different ones as rows.

    Parameters
    ----------
    where, what : str
        Who asks, and what the numbers are called, such as ``"column 'price'"``.
    values : array of numbers
        All of them, or each once.
    rows : int, optional
        Of how many rows they are.

    Raises
    ------
    InputError
        If they may be either.

    Examples
    --------
    >>> import numpy as np
    >>> decided_task("read_csv", "column 'digit'", np.array([3, 1, 2, 0, 1]))
    ('classification', "column 'digit': 4 different whole numbers from 0 to 3 without gaps are classes")
    >>> decided_task("read_csv", "column 'price'", np.arange(30) ** 2)[0]
    'regression'
    >>> decided_task("read_csv", "column 'age'", np.arange(18, 70))
    Traceback (most recent call last):
    chainrule.errors.InputError: read_csv: got column 'age', 52 different whole numbers from 18 to 69 without gaps, ...
    """
    if not (np.floor(values) == values).all():
        return "regression", f"{what}: numbers that are not all whole are amounts"
    found = np.unique(values)
    low, high, count = int(found[0]), int(found[-1]), len(found)
    if count <= 2:
        told = (
            f"the whole number {low} is the one class"
            if count == 1
            else f"the whole numbers {low} and {high} are classes"
        )
        return "classification", f"{what}: {told}"
    gaps = high - low >= count
    told = f"{count:,} different whole numbers from {low} to {high} {'with' if gaps else 'without'} gaps"
    if count <= _MOST_CLASSES and not gaps:
        return "classification", f"{what}: {told} are classes"
    if (count > _MOST_CLASSES and gaps) or (rows is not None and 2 * count > rows > _FEW):
        return "regression", f"{what}: {told} are amounts"
    raise InputError(
        where,
        given=f"{what}, {told}, which may be classes or amounts",
        expected="to be told which",
        fix='Pass task="regression" if they are amounts, task="classification" if they are classes; in a recipe it '
        'stands under [data], task = "regression"',
    )


@checks.keywords
def one_hot(labels: ArrayLike, classes: int | None = None, dtype: DTypeLike = "float32") -> NDArray[Any]:
    """Return one row per label: 1 in the label's column, 0 elsewhere.

    Parameters
    ----------
    labels : whole numbers, shape (samples,)
        The class of every sample, from 0.
    classes : int, optional
        The number of columns; by default the largest label + 1. Give it whenever a part of the data might lack the
        last class.
    dtype : {"float32", "float64"}
        The type of the result.

    Returns
    -------
    array, shape (samples, classes)

    Raises
    ------
    ShapeError
        If `labels` is empty or not a vector.
    InputError
        If a label is not a whole number from 0 to classes − 1.

    Examples
    --------
    >>> import chainrule as cr
    >>> cr.data.one_hot([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]], dtype=float32)
    """
    kind = float_type("one_hot", dtype)
    index = as_array("one_hot", "labels", labels)
    count = count_samples("one_hot", index)
    if index.ndim != 1:
        raise ShapeError(
            "one_hot",
            given=f"labels of shape {index.shape}",
            expected="a vector of shape (samples,)",
            fix="Pass labels.ravel() for a single column; rows that are one-hot already need no encoding",
        )
    if index.dtype.kind not in "iu":
        raise InputError(
            "one_hot",
            given=f"labels of type {index.dtype}",
            expected="whole numbers",
            fix="Pass labels.astype(int)"
            if index.dtype.kind in "fb"
            else "Number them: names, codes = np.unique(labels, return_inverse=True), and pass the codes",
        )
    largest = max(int(index.max()), 0)
    classes = checks.whole("one_hot classes", largest + 1 if classes is None else classes)
    wrong = (index < 0) | (index >= classes)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(
            "one_hot",
            given=f"label {int(index[row])} in row {row}",
            expected=f"labels from 0 to {classes - 1}",
            fix=f"Pass classes={largest + 1} if there are that many, or number the labels from 0",
        )
    if count * classes > 2**31:
        raise InputError(
            "one_hot",
            given=f"{count} labels of {classes} classes",
            expected="a table of at most 2**31 cells",
            fix="Pass the labels themselves to the loss; it takes class indices",
        )
    encoded = np.zeros((count, classes), kind)
    encoded[np.arange(count), index] = 1
    return encoded
