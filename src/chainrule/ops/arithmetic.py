"""Arithmetic, element by element: sums, products, powers, exponentials.

Two arrays go together if their shapes are equal, if one of them is a number, if one shape is the end of the other, as
a row (k,) is of a matrix (n, k), or if they have as many axes and lengths that differ only where one of them is 1, as a
column (n, 1) has. NumPy would stretch more than that, and (n, 1) − (n,) into (n, n); here it is an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from chainrule import checks
from chainrule.errors import ShapeError
from chainrule.ops.op import Array, Derivatives, Op, shapes

Shape: TypeAlias = tuple[int, ...]


class Elementwise(Op):
    """An op of two arrays, element by element."""

    def check(self, where: str, **arrays: Array) -> None:
        a, b = arrays.values()
        expect_broadcast(where, arrays, a.shape, b.shape)


class Add(Elementwise):
    """y = a + b
    ∂a = ∂y   ∂b = ∂y

    Why: Where a moves a little, y moves by as much, and so with b: each gets ∂y as it came.

    What was broadcast gets the sum over its copies.
    """

    onnx = "Add"

    def forward(self, a: Array, b: Array) -> Array:
        return a + b

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        return dict(a=sum_to(a, dy), b=sum_to(b, dy))


class WeightedSum(Op):
    """y = Σ weightsᵢ · partsᵢ
    ∂partsᵢ = ∂y · weightsᵢ

    Why: A part that moves by h moves y by weightsᵢ · h, whatever the other parts are.

    All parts have one shape. The loss of a network with several outputs is one.

    Parameters
    ----------
    weights : sequence of float
        A number for each part.

    Examples
    --------
    >>> WeightedSum([1, 0.5]).forward(np.array(3.0), np.array(4.0))
    np.float64(5.0)
    """

    def __init__(self, weights: Sequence[float]) -> None:
        told = weights if isinstance(weights, (list, tuple)) else (weights,)
        self.weights = tuple(checks.number("WeightedSum weights", weight, like=1) for weight in told)

    def forward(self, *parts: Array) -> Array:
        total = self.weights[0] * parts[0]
        for weight, part in zip(self.weights[1:], parts[1:], strict=True):
            total = total + weight * part
        return total

    def backward(self, dy: Array, y: Array, *parts: Array) -> Derivatives:
        return {f"parts{i}": dy * weight for i, weight in enumerate(self.weights)}

    def check(self, where: str, **arrays: Array) -> None:
        first = next(iter(arrays.values()))
        if len(arrays) != len(self.weights) or any(part.shape != first.shape for part in arrays.values()):
            raise ShapeError(
                where,
                given=f"{shapes(arrays)} for {len(self.weights)} weight{'' if len(self.weights) == 1 else 's'}",
                expected="a part for each weight, all of one shape",
                fix="Pass as many weights as parts, and bring the parts to one shape",
            )


class Subtract(Elementwise):
    """y = a − b
    ∂a = ∂y   ∂b = −∂y

    Why: y grows as fast as a does, and falls as fast as b grows: slopes 1 and −1.
    """

    onnx = "Sub"

    def forward(self, a: Array, b: Array) -> Array:
        return a - b

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        return dict(a=sum_to(a, dy), b=sum_to(b, -dy))


class Multiply(Elementwise):
    """y = a · b
    ∂a = ∂y · b   ∂b = ∂y · a

    Why: (a + h) · b is h · b more than a · b, so the slope by a is b; and by b it is a. The slope by each factor is the
    other factor.
    """

    onnx = "Mul"

    def forward(self, a: Array, b: Array) -> Array:
        return a * b

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        return dict(a=sum_to(a, dy * b), b=sum_to(b, dy * a))


class Divide(Elementwise):
    """y = a / b
    ∂a = ∂y / b   ∂b = −∂y · y / b

    Why: By a, y is a straight line of slope 1 / b. By b it is a · b⁻¹, and the rule for powers gives −a · b⁻²; a / b is
    y, so that is −y / b.
    """

    limit = "a divisor other than 0"
    onnx = "Div"

    def forward(self, a: Array, b: Array) -> Array:
        return a / b

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        return dict(a=sum_to(a, dy / b), b=sum_to(b, -dy * (y / b)))


class Power(Elementwise):
    """y = base^exponent
    ∂base = ∂y · exponent · base^(exponent − 1)   ∂exponent = ∂y · y · log(base)

    Why: By the base it is school's rule for powers: the slope of x³ is 3 x². By the exponent, y is e^(exponent ·
    log(base)): a power of e is its own slope, and the chain rule multiplies it by the slope of what stands above,
    log(base).

    Where the exponent is 0, y is 1 whatever the base, so ∂base is 0 even at base 0; where the base is 0 and the
    exponent is not negative, ∂exponent is 0. A negative base has no logarithm: its ∂exponent is NaN.
    """

    limit = "a base above 0, or an exponent for which its power, and their derivatives, are finite"
    onnx = "Pow"

    def forward(self, base: Array, exponent: Array) -> Array:
        return np.power(base, exponent)

    def backward(self, dy: Array, y: Array, base: Array, exponent: Array) -> Derivatives:
        by_base = np.where(exponent == 0, 0, exponent * np.power(base, exponent - 1))
        by_exponent = np.where((base == 0) & (exponent >= 0), 0, y * np.log(base))
        return dict(base=sum_to(base, dy * by_base), exponent=sum_to(exponent, dy * by_exponent))


class Maximum(Elementwise):
    """y = max(a, b)
    ∂a = ∂y where a > b, ½ ∂y where a = b, else 0   ∂b = ∂y where b > a, ½ ∂y where a = b, else 0

    Why: y is the larger of the two and moves with it; the smaller one changes nothing. Where both are equal there is a
    kink, and they share.
    """

    onnx = "Max"

    def forward(self, a: Array, b: Array) -> Array:
        return np.maximum(a, b)

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        half = 0.5 * dy * (a == b)
        return dict(a=sum_to(a, dy * (a > b) + half), b=sum_to(b, dy * (b > a) + half))


class Minimum(Elementwise):
    """y = min(a, b)
    ∂a = ∂y where a < b, ½ ∂y where a = b, else 0   ∂b = ∂y where b < a, ½ ∂y where a = b, else 0

    Why: y is the smaller of the two and moves with it; the larger one changes nothing. Where both are equal there is a
    kink, and they share.
    """

    onnx = "Min"

    def forward(self, a: Array, b: Array) -> Array:
        return np.minimum(a, b)

    def backward(self, dy: Array, y: Array, a: Array, b: Array) -> Derivatives:
        half = 0.5 * dy * (a == b)
        return dict(a=sum_to(a, dy * (a < b) + half), b=sum_to(b, dy * (b < a) + half))


class Where(Op):
    """y = a where condition ≠ 0, else b
    ∂a = ∂y where condition ≠ 0, else 0   ∂b = ∂y where condition = 0, else 0

    Why: y is a copy of the part that was taken and moves with it; the other part changes nothing. The condition only
    chooses: a small step of it changes no choice, so it gets no derivative.

    condition holds booleans, or numbers, of which 0 is false.
    """

    constant = ("condition",)

    def forward(self, condition: Array, a: Array, b: Array) -> Array:
        return np.where(condition != 0, a, b)

    def backward(self, dy: Array, y: Array, condition: Array, a: Array, b: Array) -> Derivatives:
        chosen = condition != 0
        return dict(a=sum_to(a, np.where(chosen, dy, 0)), b=sum_to(b, np.where(chosen, 0, dy)))

    def check(self, where: str, **arrays: Array) -> None:
        pairs = (("a", "b"), ("condition", "a"), ("condition", "b"))
        for one, other in pairs:
            expect_broadcast(where, {r: arrays[r] for r in (one, other)}, arrays[one].shape, arrays[other].shape)


class Clip(Op):
    """y = z, cut to low … high
    ∂z = ∂y where low < z < high, else 0

    Why: Between the bounds y is z, slope 1. Beyond them y stays where it is, whatever z does: slope 0. At a bound
    itself there is a kink, and 0 is chosen.

    Parameters
    ----------
    low, high : float, optional
        None: no bound on that side.
    """

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = None if low is None else checks.number("Clip low", low)
        above = -math.inf if self.low is None else self.low
        self.high = None if high is None else checks.number("Clip high", high, above=above, like=above + 1)
        self.output_range = self._bounds()

    def forward(self, z: Array) -> Array:
        low, high = self._bounds()
        return np.minimum(np.maximum(z, low), high)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        low, high = self._bounds()
        return dict(z=dy * ((z > low) & (z < high)))

    def _bounds(self) -> tuple[float, float]:
        return -math.inf if self.low is None else self.low, math.inf if self.high is None else self.high


class Negative(Op):
    """y = −z
    ∂z = −∂y

    Why: y falls as fast as z grows: slope −1.
    """

    output_range = (-math.inf, math.inf)
    onnx = "Neg"

    def forward(self, z: Array) -> Array:
        return -z

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=-dy)


class Exp(Op):
    """y = eᶻ
    ∂z = ∂y · y

    Why: e is the number whose powers are their own slope. Where z moves by h, y becomes eᶻ · eʰ, and eʰ is nearly 1 + h
    for a small h: y grows by y · h.
    """

    output_range = (0.0, math.inf)
    increasing = True
    onnx = "Exp"

    def forward(self, z: Array) -> Array:
        return np.exp(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * y)


class Log(Op):
    """y = log(z)
    ∂z = ∂y / z

    Why: The logarithm undoes a power of e: z = eʸ. There z moves by z · h where y moves by h, so read the other way
    round y moves by h / z where z moves by h.

    The natural logarithm. At 0 y is −inf and the derivative inf; below 0 y is NaN.
    """

    limit = "numbers above 0"
    output_range = (-math.inf, math.inf)
    onnx = "Log"

    def forward(self, z: Array) -> Array:
        return np.log(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy / np.abs(z))  # |z|, so that −0 is a 0 like any other


class Sqrt(Op):
    """y = √z
    ∂z = ∂y / 2√z

    Why: y² = z. Where y moves by h, its square moves by 2 y · h; so read the other way round y moves by h / 2y where z
    moves by h.

    At 0 the derivative is inf; below 0 y is NaN.
    """

    limit = "numbers above 0; at 0 the derivative is infinite"
    output_range = (0.0, math.inf)
    onnx = "Sqrt"

    def forward(self, z: Array) -> Array:
        return np.sqrt(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (0.5 / np.abs(y)))  # |y|, so that −0 is a 0 like any other


class Sin(Op):
    """y = sin(z)
    ∂z = ∂y · cos(z)

    Why: Let a point walk round a circle of radius 1: when it has walked z, its height is sin(z). It walks straight up
    where it is farthest to the right, and level at the top: the share of its way that leads up is how far to the right
    it is, cos(z).

    z is in radians.
    """

    output_range = (-1.0, 1.0)
    onnx = "Sin"

    def forward(self, z: Array) -> Array:
        return np.sin(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * np.cos(z))


class Cos(Op):
    """y = cos(z)
    ∂z = −∂y · sin(z)

    Why: Let a point walk round a circle of radius 1: when it has walked z, it is cos(z) to the right of the middle. The
    higher it is, the more of its way leads to the left: the share is sin(z), and to the left means that y falls.

    z is in radians.
    """

    output_range = (-1.0, 1.0)
    onnx = "Cos"

    def forward(self, z: Array) -> Array:
        return np.cos(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=-dy * np.sin(z))


class Absolute(Op):
    """y = |z|
    ∂z = ∂y · sign(z)

    Why: Right of 0 it is the line z, which has slope 1; left of 0 it is the line −z, which has slope −1.

    At the kink, 0, the derivative is 0.
    """

    output_range = (0.0, math.inf)
    onnx = "Abs"

    def forward(self, z: Array) -> Array:
        return np.abs(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * np.sign(z))


def sum_to(like: Array, gradient: Array) -> Array:
    """Return `gradient` summed over whatever `like` was broadcast along: leading axes, and axes of length 1."""
    copies = gradient.ndim - like.ndim
    if copies:
        gradient = gradient.sum(axis=tuple(range(copies)))
    stretched = tuple(i for i, length in enumerate(gradient.shape) if like.shape[i] != length)
    return gradient.sum(axis=stretched, keepdims=True) if stretched else gradient


def expect_broadcast(where: str, arrays: Mapping[str, Array], one: Shape, other: Shape) -> None:
    """Raise unless these two shapes, or parts of shapes, of the first two arrays go together."""
    (first, a), (second, b), *_ = arrays.items()
    short, long = sorted((one, other), key=len)
    if long[len(long) - len(short) :] == short:
        return
    if len(short) == len(long) and all(n == m or 1 in (n, m) for n, m in zip(short, long)):
        return
    if a.size == b.size:
        fix = f"Reshape one of them: {second}.reshape({a.shape}), if the order of the elements is right"
    else:
        fix = f"Reshape or transpose {first} or {second} so that one shape is the end of the other"
    expected = "equal shapes, (n, k) with (k,) or (n, 1), or a number"
    raise ShapeError(where, given=shapes(arrays), expected=expected, fix=fix)
