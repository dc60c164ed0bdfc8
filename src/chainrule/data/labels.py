"""Labels as rows of zeros with a single one, for losses and formulas that want a target per class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainrule import checks
from chainrule.arrays import as_array
from chainrule.data.dataset import count_samples, float_type
from chainrule.errors import InputError, ShapeError


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
