"""Difference quotients: a derivative without the chain rule, to hold against one with it.

The five-point formula, with a step that is made smaller until left and right agree. Where they never do there is a
kink, and any slope between the two sides is right.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from chainrule.ops.op import Array

_EPSILON = sys.float_info.epsilon
_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True)
class Slope:
    """What was measured: the slope, what it is on either side, whether they differ, and what rounding may do to it."""

    measured: float
    left: float
    right: float
    kink: bool
    slack: float

    def error(self, given: float) -> float:
        """Return how far a derivative is off, relative to the larger of the two; 0 for any that fits a kink."""
        if self.kink:
            low, high = sorted((self.left, self.right))
            if low - 1e-6 <= given <= high + 1e-6:
                return 0.0
        off = abs(given - self.measured) / max(abs(given), abs(self.measured), 1e6 * self.slack, 1e-300)
        return off if off == off else math.inf


def closest(function: Callable[[], float], array: Array, index: int, given: float, enough: float = 1e-7) -> Slope:
    """Return the slope by one element of an array; a disagreement with `given` is measured again with smaller steps.

    A kink nearby falsifies a quotient across it, and is left behind as the step shrinks. A wrong derivative stays
    wrong at every step.
    """
    best = slope(function, array, index)
    for step in _STEPS[1:] if best.error(given) > enough else ():
        again = _measured(function, array, index, step)
        if again.error(given) < best.error(given):
            best = again
    return best


def slope(function: Callable[[], float], array: Array, index: int) -> Slope:
    """Return the slope of a function by one element of an array that it reads.

    >>> import numpy as np
    >>> x = np.array([3.0])
    >>> round(slope(lambda: float(x[0] ** 2), x, 0).measured, 9)
    6.0
    """
    for step in _STEPS:
        result = _measured(function, array, index, step)
        if not result.kink:
            break
    return result


def _measured(function: Callable[[], float], array: Array, index: int, step: float) -> Slope:
    start = float(array.flat[index])
    h = step * max(1.0, abs(start))
    f = {}
    for k in (-2, -1, 0, 1, 2):
        array.flat[index] = start + k * h
        f[k] = function()
    array.flat[index] = start
    left, right = (3 * f[0] - 4 * f[-1] + f[-2]) / (2 * h), (-3 * f[0] + 4 * f[1] - f[2]) / (2 * h)
    slack = 8 * _EPSILON * max(map(abs, f.values())) / h
    kink = abs(left - right) > 1e-3 * max(abs(left), abs(right)) + 1e-7 + 3 * slack
    measured = (left + right) / 2 if kink else (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * h)
    return Slope(0.0 if abs(measured) < slack else measured, left, right, kink, slack)
