"""Reductions: many numbers into one, over all axes or over some of them; and sums up to each place.

Sums run in float64 whatever the array is, and are rounded once at the end.
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.ops.op import Array, Derivatives, Op, expect_axis

Axes = int | tuple[int, ...] | None


class Reduction(Op):
    """An op that takes some axes away.

    Parameters
    ----------
    axis : int or tuple of int, optional
        The axes to reduce; all of them if left out.
    keepdims : bool
        Whether the reduced axes stay, with length 1.
    """

    of_nothing: ClassVar[bool] = False  # whether no elements have a result

    def __init__(self, axis: Axes = None, keepdims: bool = False) -> None:
        where = f"{type(self).__name__} axis"
        if isinstance(axis, (tuple, list)):
            self.axis: Axes = tuple(checks.whole(where, a, least=-64, most=63) for a in axis)
        else:
            self.axis = None if axis is None else checks.whole(where, axis, least=-64, most=63)
        self.keepdims = bool(keepdims)

    def check(self, where: str, **arrays: Array) -> None:
        ((role, x),) = arrays.items()
        axes = () if self.axis is None else self.axis if isinstance(self.axis, tuple) else (self.axis,)
        known = {a % x.ndim for a in axes if -x.ndim <= a < x.ndim}
        if len(known) != len(axes):
            raise ShapeError(
                where,
                given=f"axis={self.axis} for {role} with shape {x.shape}",
                expected=f"different axes from {-x.ndim} to {x.ndim - 1}" if x.ndim else "no axis, as there is none",
                fix="Count axes from 0, or from -1 backwards",
            )
        if self.count(x) == 0 and not self.of_nothing:
            raise InputError(
                where,
                given=f"{role} with shape {x.shape}",
                expected="at least one element to reduce",
                fix="Leave empty arrays out",
            )

    def kept(self, x: Array) -> tuple[int, ...]:
        """Return the shape of the result with the reduced axes still there."""
        if self.axis is None:
            return (1,) * x.ndim
        axes = self.axis if isinstance(self.axis, tuple) else (self.axis,)
        reduced = {a % x.ndim for a in axes}
        return tuple(1 if i in reduced else length for i, length in enumerate(x.shape))

    def count(self, x: Array) -> int:
        """Return how many elements become one."""
        return math.prod(length for length, left in zip(x.shape, self.kept(x), strict=True) if left == 1)


class Sum(Reduction):
    """y = Σ x over the axes
    ∂x = ∂y, for every element

    Why: An element that moves by h moves the sum by h, whatever the others are: slope 1.
    """

    of_nothing = True

    def forward(self, x: Array) -> Array:
        y: Array = x.sum(axis=self.axis, dtype=np.float64, keepdims=self.keepdims).astype(x.dtype)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=np.broadcast_to(dy.reshape(self.kept(x)), x.shape))


class Mean(Reduction):
    """y = Σ x / n over the axes
    ∂x = ∂y / n, for every element

    Why: It is the sum divided by n: an element that moves by h moves it by h / n.

    n elements become one.
    """

    def forward(self, x: Array) -> Array:
        total = x.sum(axis=self.axis, dtype=np.float64, keepdims=self.keepdims)
        y: Array = (total / self.count(x)).astype(x.dtype)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=np.broadcast_to(dy.reshape(self.kept(x)) / self.count(x), x.shape))


class Var(Reduction):
    """y = Σ (x − m)² / n over the axes, m = Σ x / n over the axes
    ∂x = ∂y · 2 (x − m) / n

    Why: The slope of the square (x − m)² is 2 (x − m), and the mean divides by n. x moves m as well, but that adds
    nothing: the sum of all 2 (x − m) is 0, so a small move of m leaves the sum of squares as it is.

    n elements become one; m is their mean. The mean is subtracted first, in float64: a large one costs no digits.
    """

    def forward(self, x: Array) -> Array:
        difference = self._difference(x)
        total = (difference * difference).sum(axis=self.axis, keepdims=self.keepdims)
        y: Array = (total / self.count(x)).astype(x.dtype)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        return dict(x=dy.reshape(self.kept(x)) * (2 / self.count(x)) * self._difference(x).astype(x.dtype))

    def _difference(self, x: Array) -> Array:
        difference: Array = x - x.sum(axis=self.axis, dtype=np.float64, keepdims=True) / self.count(x)
        return difference


class Norm(Reduction):
    """y = √Σ x² over the axes
    ∂x = ∂y · x / y where y > 0, else 0

    Why: y² = Σ x². Where one x moves by h, the right side moves by 2 x · h, and the left one by 2 y times what y moves.
    So y moves by h · x / y: the share of the vector that points along this element.

    The Euclidean length. Where all are 0, so are y and the derivative.
    """

    of_nothing = True

    def forward(self, x: Array) -> Array:
        squares = np.multiply(x, x, dtype=np.float64)
        y: Array = np.sqrt(squares.sum(axis=self.axis, keepdims=self.keepdims)).astype(x.dtype)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        length = y.reshape(self.kept(x))
        return dict(x=dy.reshape(self.kept(x)) * (x / np.where(length == 0, 1, length)))


class Max(Reduction):
    """y = max x over the axes
    ∂x = ∂y / k where x = y, else 0, k = Σ [x = y] over the axes

    Why: y is the largest element and moves with it; the others change nothing.

    Where k elements are the largest, they share ∂y equally.
    """

    def forward(self, x: Array) -> Array:
        y: Array = x.max(axis=self.axis, keepdims=self.keepdims)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        largest = (x == y.reshape(self.kept(x))).astype(x.dtype)
        ties = largest.sum(axis=self.axis, keepdims=True)
        return dict(x=dy.reshape(self.kept(x)) * (largest / ties))


class LogSumExp(Reduction):
    """y = log Σ eˣ over the axes
    ∂x = ∂y · eˣ / Σ eˣ over the axes

    Why: Of the sum only one term, eˣ, moves with one x, and it is its own slope; the slope of the logarithm is 1 / Σ
    eˣ. The chain rule multiplies the two, and the product is the softmax of x.

    The largest x is subtracted first and added again, which changes nothing and keeps e from overflowing. Where all
    are −inf, so is y, and the derivative is 0.
    """

    def forward(self, x: Array) -> Array:
        largest = self._largest(x)
        total = np.exp(x - largest).sum(axis=self.axis, keepdims=self.keepdims)
        y: Array = np.log(total) + largest.reshape(total.shape)
        return y

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        power = np.exp(x - self._largest(x))
        total = power.sum(axis=self.axis, keepdims=True)
        return dict(x=dy.reshape(self.kept(x)) * (power / np.where(total == 0, 1, total)))

    def _largest(self, x: Array) -> Array:
        largest = x.max(axis=self.axis, keepdims=True)
        return np.where(np.isinf(largest), 0, largest)


class Cumsum(Op):
    """y = Σ x up to each place
    ∂x = Σ ∂y from each place on

    Why: An element is a part of the sum at its place and of every one behind it, with slope 1. It reaches the loss by
    all of these, and paths add.

    The places are those along the axis.

    Parameters
    ----------
    axis : int
        The last one if left out.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = checks.whole("Cumsum axis", axis, least=-64, most=63)

    def forward(self, x: Array) -> Array:
        return np.cumsum(x, axis=self.axis, dtype=np.float64).astype(x.dtype)

    def backward(self, dy: Array, y: Array, x: Array) -> Derivatives:
        backwards = (slice(None),) * (self.axis % x.ndim) + (slice(None, None, -1),)
        return dict(x=np.cumsum(dy[backwards], axis=self.axis, dtype=np.float64)[backwards].astype(x.dtype))

    def check(self, where: str, **arrays: Array) -> None:
        expect_axis(where, "x", arrays["x"], self.axis)
