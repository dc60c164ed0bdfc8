"""Softmax: scores into probabilities that add up to 1, and its logarithm.

The largest z of a row is subtracted first, which changes nothing and keeps e from overflowing. The derivative is the
true product with softmax's Jacobian, right whatever follows.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule import checks
from chainrule.errors import ShapeError
from chainrule.ops.op import Array, Derivatives, Op


class _OverAxis(Op):
    """An op that works along one axis.

    Parameters
    ----------
    axis : int
        The axis of the classes: the last one if left out.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = checks.whole(f"{type(self).__name__} axis", axis, least=-64, most=63)

    def check(self, where: str, **arrays: Array) -> None:
        z = arrays["z"]
        if not -z.ndim <= self.axis < z.ndim or z.shape[self.axis] == 0:
            raise ShapeError(
                where,
                given=f"z with shape {z.shape}",
                expected=f"(samples, classes), with at least one class along axis {self.axis}",
                fix="Reshape z to (1, -1) for one sample, or name another axis",
            )


class Softmax(_OverAxis):
    """y = eᶻ / Σ eᶻ in each row
    ∂z = y · (∂y − Σ ∂y · y in each row)

    Why: The shares of a row add up to 1: where one z grows, its own share grows, by the slope y (1 − y), and each other
    one falls, by that share times y. Each times its ∂y and added up, that is y times how far ∂y lies above the mean of
    the row's ∂y, weighted by the shares.

    The rounding of z minus the largest grows with the difference: a probability of e⁻⁶⁰ is good to 64 units in the
    last place in float32, one above 0.01 to 8.
    """

    output_range = (0.0, 1.0)
    torch = "Softmax(dim={axis})"

    def forward(self, z: Array) -> Array:
        power = np.exp(z - z.max(axis=self.axis, keepdims=True))
        y: Array = power / power.sum(axis=self.axis, keepdims=True)
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=y * (dy - (dy * y).sum(axis=self.axis, keepdims=True)))


class LogSoftmax(_OverAxis):
    """y = z − log Σ eᶻ in each row
    ∂z = ∂y − eʸ · Σ ∂y in each row

    Why: z by itself has slope 1. log Σ eᶻ is taken away from every y of the row, and its slope by z is the share eʸ: it
    reaches the loss by the whole row, and paths add, so eʸ · Σ ∂y is taken away.
    """

    output_range = (-math.inf, 0.0)
    torch = "LogSoftmax(dim={axis})"

    def forward(self, z: Array) -> Array:
        shifted = z - z.max(axis=self.axis, keepdims=True)
        y: Array = shifted - np.log(np.exp(shifted).sum(axis=self.axis, keepdims=True))
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy - np.exp(y) * dy.sum(axis=self.axis, keepdims=True))
