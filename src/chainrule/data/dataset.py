"""A set of samples with the names that go with it, and the one check that keeps inputs and targets paired.

Every set and every reader of this room returns a `Dataset`, which `train` takes as it is; where only the arrays
matter it unpacks as `X, y = dataset`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.arrays import as_array
from chainrule.errors import InputError, ShapeError


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Samples, what is known about them, and what the columns and classes are called.

    Parameters
    ----------
    X : array, shape (samples, ...)
        The inputs.
    y : array or None
        The targets: labels of shape (samples,), values of shape (samples, outputs), or None when there are none.
    name : str
        What the set is called, such as its file.
    feature_names : tuple of str, optional
        The names of the columns of `X`.
    class_names : tuple of str, optional
        The name of every class: label k is ``class_names[k]``.
    notes : tuple of str
        What its reader decided, and why, a line each.

    Raises
    ------
    ShapeError
        If there are no samples, or `y` has another number of them than `X`.

    Examples
    --------
    >>> import chainrule as cr
    >>> train = cr.data.digits("train")
    >>> train
    Dataset('digits (train)', X (1437, 64) uint8, y (1437,) int64, 10 classes)
    >>> X, y = train
    >>> len(train), X.shape
    (1437, (1437, 64))
    """

    X: NDArray[Any]
    y: NDArray[Any] | None
    name: str
    feature_names: tuple[str, ...] | None = None
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"Dataset {self.name!r}"
        for name in ("X", "y"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, np.memmap):
                object.__setattr__(self, name, as_array(where, name, value))
        count_samples(where, self.X, y=self.y)

    def __len__(self) -> int:
        return len(self.X)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        yield self.X
        yield self.y  # type: ignore[misc]  # None without targets: nobody who writes X, y = … wants to rule that out

    def __repr__(self) -> str:
        targets = "no y" if self.y is None else f"y {self.y.shape} {self.y.dtype}"
        classes = "" if self.class_names is None else f", {len(self.class_names)} classes"
        return f"Dataset({self.name!r}, X {self.X.shape} {self.X.dtype}, {targets}{classes})"


def unpacked(where: str, X: Any, y: Any) -> tuple[Any, Any]:
    """Return samples and targets, which may come together as a data set.

    Raises
    ------
    InputError
        If there are targets beside a data set that has its own.
    """
    if not isinstance(X, Dataset):
        return X, y
    if X.y is None:
        return X.X, y
    if y is not None:
        raise InputError(
            where,
            given=f"{X!r}, and y beside it",
            expected="a data set, which has its targets, or X and y",
            fix="Leave y out, or take the arrays apart: X, y = dataset",
        )
    return X.X, X.y


def pixel_names(rows: int, columns: int) -> tuple[str, ...]:
    """Return the names of an image's pixels, row by row."""
    return tuple(f"row {row} column {column}" for row in range(rows) for column in range(columns))


def count_samples(where: str, X: NDArray[Any], **partners: NDArray[Any] | None) -> int:
    """Return the number of samples in `X`, having checked that each partner has as many."""
    for name, array in {"X": X, **partners}.items():
        if array is None:
            continue
        if array.dtype.kind == "O":
            raise ShapeError(
                where,
                given=f"{name} of Python objects",
                expected="an array of numbers, every row of the same length",
                fix="Look for rows of unequal length, None, or text among the numbers",
            )
        if array.ndim == 0 or len(array) == 0:
            raise ShapeError(
                where,
                given=f"{name} of shape {array.shape}",
                expected="at least one sample, one per row",
                fix="Pass arrays of shape (samples, ...)",
            )
        if len(array) != len(X):
            raise ShapeError(
                where,
                given=f"{len(X)} samples in X {X.shape} but {len(array)} in {name} {array.shape}",
                expected="as many rows in each",
                fix=f"Pass the {name} that belongs to this X",
            )
    return len(X)


def float_type(where: str, dtype: Any) -> np.dtype[Any]:
    """Return `dtype` if it is one that networks compute in."""
    try:
        kind = np.dtype(object if dtype is None else dtype)  # NumPy reads None as float64
    except TypeError:
        kind = np.dtype(object)
    if kind in (np.float32, np.float64):
        return kind
    raise InputError(
        where, given=f"dtype={dtype!r}", expected="'float32' or 'float64'", fix="Pass for example dtype='float32'"
    )
