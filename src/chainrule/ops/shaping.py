"""Ops that move numbers about and leave each as it is: reshape, transpose, concatenate, slice, gather.

Their derivative is the same journey back. Results are views of what was given where NumPy makes views.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.ops.op import Array, Derivatives, Index, Op, expect_axis, expect_integers, shapes
from chainrule.ops.special import sum_by_index


class Reshape(Op):
    """y = reshape(x, shape)
    ∂x = ∂y in the shape of x

    Why: Each number only gets another place. What comes back for it goes to where it was.

    The elements stay in the same order.

    Parameters
    ----------
    shape : int or sequence of int
        The shape of y, samples included; one length may be -1: whatever is left.
    """

    hands_on = True

    def __init__(self, shape: int | Sequence[int]) -> None:
        lengths = shape if isinstance(shape, (tuple, list)) else (shape,)
        self.shape = tuple(checks.whole("Reshape shape", length, least=-1) for length in lengths)
        if self.shape.count(-1) > 1:
            raise InputError(
                "Reshape shape", given=repr(self.shape), expected="at most one -1", fix="Write the other lengths out"
            )

    def forward(self, x: Array) -> Array:
        return x.reshape(self.shape)

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=dy.reshape(x.shape))

    def check(self, where: str, **arrays: Array) -> None:
        x = arrays["x"]
        known = math.prod(length for length in self.shape if length != -1)
        fits = (known > 0 and x.size % known == 0) if -1 in self.shape else x.size == known
        if not fits:
            raise ShapeError(
                where,
                given=f"x with shape {x.shape}, {x.size} elements",
                expected=f"as many elements as shape {self.shape} holds",
                fix="Use -1 for the samples, and lengths whose product is the number of features for the rest",
            )


class Cast(Op):
    """y = x, in another dtype
    ∂x = ∂y, in the dtype of x

    What no longer fits becomes infinite. A part of `Rescale`, of named inputs, and of heads whose targets are indices;
    in no table, for a network has one dtype else.

    Parameters
    ----------
    dtype : {"float32", "float64", "int64"}
    """

    hands_on = True

    def __init__(self, dtype: str) -> None:
        self.dtype = checks.one_of("Cast dtype", dtype, ("float32", "float64", "int64"))

    def forward(self, x: Array) -> Array:
        return x.astype(self.dtype)

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=dy.astype(x.dtype))


class Flatten(Op):
    """y = x with one row for each sample
    ∂x = ∂y in the shape of x

    Why: Each number only gets another place. What comes back for it goes to where it was.

    (samples, …) becomes (samples, features).
    """

    hands_on = True
    torch = "Flatten()"

    def forward(self, x: Array) -> Array:
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=dy.reshape(x.shape))

    def check(self, where: str, **arrays: Array) -> None:
        expect_axes(where, "x", arrays["x"], 1, "samples first")


class Transpose(Op):
    """y = transpose(x, axes)
    ∂x = transpose(∂y, inverse(axes))

    Why: Each number only gets another place. What comes back for it goes to where it was: the axes are exchanged back.

    Of a matrix, y = xᵀ and ∂x = ∂yᵀ.

    Parameters
    ----------
    axes : sequence of int, optional
        Which axis of x becomes the first, the second, …; the reverse order if left out.
    """

    hands_on = True

    def __init__(self, axes: Sequence[int] | None = None) -> None:
        self.axes = None if axes is None else tuple(checks.whole("Transpose axes", a, least=-64, most=63) for a in axes)

    def forward(self, x: Array) -> Array:
        return x.transpose(self.axes)

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        if self.axes is None:
            return dict(x=dy.T)
        order = [a % x.ndim for a in self.axes]
        return dict(x=dy.transpose([order.index(i) for i in range(x.ndim)]))

    def check(self, where: str, **arrays: Array) -> None:
        x = arrays["x"]
        if self.axes is not None and sorted(a + x.ndim if a < 0 else a for a in self.axes) != list(range(x.ndim)):
            raise ShapeError(
                where,
                given=f"axes={self.axes} for x with shape {x.shape}",
                expected=f"each axis from 0 to {x.ndim - 1} once",
                fix="Name every axis of x, in the order wanted",
            )


class Concatenate(Op):
    """y = [partsᵢ] side by side
    ∂partsᵢ = ∂y at the place of partsᵢ

    Why: Each number only gets another place. What comes back is cut at the seams, and each part gets its piece.

    Parameters
    ----------
    axis : int
        The axis along which the parts follow each other: 1, the features, if left out.
    """

    def __init__(self, axis: int = 1) -> None:
        self.axis = checks.whole("Concatenate axis", axis, least=-64, most=63)

    def forward(self, *parts: Array) -> Array:
        return np.concatenate(parts, axis=self.axis)

    def backward(self, dy: Array, y: Array, *parts: Array) -> Derivatives:
        result, start = {}, 0
        before = (slice(None),) * (self.axis % y.ndim)
        for i, part in enumerate(parts):
            stop = start + part.shape[self.axis]
            result[f"parts{i}"] = dy[(*before, slice(start, stop))].astype(part.dtype, copy=False)
            start = stop
        return result

    def check(self, where: str, **arrays: Array) -> None:
        first = next(iter(arrays.values()))
        expect_axis(where, "parts0", first, self.axis)
        axis = self.axis % first.ndim
        for part in arrays.values():
            if part.ndim != first.ndim or any(part.shape[i] != first.shape[i] for i in range(first.ndim) if i != axis):
                raise ShapeError(
                    where,
                    given=shapes(arrays),
                    expected=f"equal shapes apart from axis {axis}, along which they are joined",
                    fix="Reshape the parts, or join them along another axis",
                )


class Slice(Op):
    """y = x[key]
    ∂x = ∂y at the places of key, else 0

    Why: What was taken moves y as it moves itself: slope 1. What was not taken changes nothing: 0.

    Parameters
    ----------
    key : int, slice, None, Ellipsis or tuple of them
        What NumPy calls basic indexing: each element of x comes up at most once.

    Examples
    --------
    >>> Slice((slice(None), 0)).forward(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 3.])
    """

    def __init__(self, key: Index) -> None:
        self.key = tuple(_basic(part) for part in (key if isinstance(key, tuple) else (key,)))

    def forward(self, x: Array) -> Array:
        y: Array = x[self.key]
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        dx = np.zeros_like(x)
        dx[self.key] = dy
        return dict(x=dx)

    def check(self, where: str, **arrays: Array) -> None:
        x = arrays["x"]
        try:
            x[self.key]
        except IndexError as error:
            raise ShapeError(
                where,
                given=f"the key {self.key} for x with shape {x.shape}",
                expected="a key inside x",
                fix=f"Mind that {error}",
            ) from error


class Gather(Op):
    """y = table[indices]
    ∂table = Σ ∂y where indices = i, for every row i

    Why: A row is copied to wherever its index stands, with slope 1. It reaches the loss by all these places, and paths
    add; a row that nobody asked for gets 0.

    An embedding, a row of the table for each index: table is (rows, …), indices whole numbers of any shape, y
    (…indices, …row).
    """

    constant = ("indices",)
    integer: ClassVar[Mapping[str, str]] = {"indices": "table"}

    def forward(self, table: Array, indices: Array) -> Array:
        return table[indices.astype(np.intp)]

    def backward(self, dy: Array, y: Array, table: Array, indices: Array) -> Derivatives:
        return dict(table=sum_by_index(dy, indices.astype(np.intp), len(table)))

    def check(self, where: str, **arrays: Array) -> None:
        expect_axes(where, "table", arrays["table"], 1, "(rows, …)")
        expect_integers(where, "indices", arrays["indices"], len(arrays["table"]), "rows of the table")


def expect_axes(where: str, role: str, array: Array, least: int, meaning: str) -> None:
    """Raise unless `array` has at least that many axes."""
    if array.ndim < least:
        raise ShapeError(
            where,
            given=f"{role} with shape {array.shape}",
            expected=f"at least {least} axis, {meaning}",
            fix=f"Reshape {role} to (1, -1) for one sample",
        )


def _basic(part: Any) -> Any:
    """Return one part of a key, refused unless it is a whole number, a slice, None or an Ellipsis."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    try:
        if isinstance(part, (bool, np.bool_, np.ndarray)):
            raise TypeError
        return operator.index(part)
    except TypeError:
        raise InputError(
            "Slice key",
            given=f"an array or list in the key, {part!r}"[:120] if np.ndim(part) else repr(part)[:80],
            expected="whole numbers, slices, None and ... only",
            fix="Use gather to pick rows by an array of indices",
        ) from None
