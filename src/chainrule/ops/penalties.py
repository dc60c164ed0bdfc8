"""Penalties on weights: what a network pays for large ones, added to its loss.

They are not divided by the batch, and their sums run in float64.
"""

from __future__ import annotations

import numpy as np

from chainrule import checks
from chainrule.ops.op import Array, Derivatives, Op


class L1Penalty(Op):
    """y = factor · Σ |weights|
    ∂weights = ∂y · factor · sign(weights)

    Why: The size of a weight grows with slope 1 above 0 and falls with slope −1 below. So each weight is pulled towards
    0 equally hard, small ones as well: many get there.

    Parameters
    ----------
    factor : float
        At least 0.
    """

    name = "l1_penalty"

    def __init__(self, factor: float) -> None:
        self.factor = checks.number("L1Penalty factor", factor, least=0)

    def forward(self, weights: Array) -> Array:
        y: Array = (self.factor * np.abs(weights).sum(dtype=np.float64)).astype(weights.dtype)
        return y

    def backward(self, dy: Array, y: Array, weights: Array) -> Derivatives:
        return dict(weights=dy * self.factor * np.sign(weights))


class L2Penalty(Op):
    """y = factor / 2 · Σ weights²
    ∂weights = ∂y · factor · weights

    Why: The slope of a square is twice the weight, and the ½ cancels the 2. So a weight is pulled towards 0 in
    proportion to its size: large ones shrink fast, none gets there.

    Parameters
    ----------
    factor : float
        At least 0.
    """

    name = "l2_penalty"

    def __init__(self, factor: float) -> None:
        self.factor = checks.number("L2Penalty factor", factor, least=0)

    def forward(self, weights: Array) -> Array:
        y: Array = (self.factor / 2 * (weights * weights).sum(dtype=np.float64)).astype(weights.dtype)
        return y

    def backward(self, dy: Array, y: Array, weights: Array) -> Derivatives:
        return dict(weights=dy * self.factor * weights)
