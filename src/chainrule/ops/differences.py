"""Difference quotients: a derivative without the chain rule, to hold against one that somebody wrote.

The only such formula in chainrule: pairs given to `Activation` and `Loss`, the gradient check, its naming of
mistakes and the proofs in explanations all use it. The step shrinks until the derivative agrees or the disagreement
is certain. At a kink any slope between the two sides is right. At a jump, at an infinite slope, beside the end of the
domain or after an overflow nothing can be measured, and nothing is held against a derivative there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from chainrule.ops.op import Array

Moved = Callable[[Array], Array]

_STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
_CERTAIN = 0.05  # a disagreement counts if what the measurement is uncertain by is at most this share of it


class Compared(NamedTuple):
    """Derivatives beside their difference quotients, arrays of one shape.

    Attributes
    ----------
    given, measured : ndarray
        At a kink, `measured` is the slope between the two sides that is nearest to the one given.
    error : ndarray
        The disagreement, relative to the larger of the two; 0 where nothing could be measured.
    left, right : ndarray
        The slopes on either side.
    kink : ndarray of bool
        Whether the sides differ and the derivative lies between them.
    unknown : ndarray of bool
        Whether nothing could be measured.
    """

    given: Array
    measured: Array
    error: Array
    left: Array
    right: Array
    kink: Array
    unknown: Array


def compare_element(
    function: Callable[[], float], array: Array, index: int, given: float, tolerance: float, floor: float = 0.0
) -> Compared:
    """Hold the derivative of a function by one element of an array that it reads against difference quotients.

    Examples
    --------
    >>> x = np.array([3.0])
    >>> round(float(compare_element(lambda: float(x[0] ** 2), x, 0, 6.0, 1e-6).measured), 9)
    6.0
    """
    start = float(array.flat[index])

    def moved(step: Array) -> Array:
        array.flat[index] = start + step
        value = function()
        array.flat[index] = start
        return np.asarray(value, np.float64)

    return compare(moved, np.asarray(start), np.asarray(given), tolerance, floor)


class _Measured(NamedTuple):
    """What five points say: the slope, those on either side, what rounding may do to it, and how far it is in doubt."""

    slope: Array
    left: Array
    right: Array
    rounding: Array
    doubt: Array

    @property
    def low(self) -> Array:
        low: Array = np.minimum(self.left, self.right)
        return low

    @property
    def high(self) -> Array:
        high: Array = np.maximum(self.left, self.right)
        return high

    @property
    def apart(self) -> Array:
        """Whether the two sides differ."""
        gap: Array = self.high - self.low
        apart: Array = gap > np.maximum(1e-4 * self.steepest, 10 * self.rounding)
        return apart

    @property
    def steepest(self) -> Array:
        steepest: Array = np.maximum(abs(self.left), abs(self.right))
        return steepest

    def holds(self, given: Array) -> Array:
        """Return whether a derivative lies between the two sides, or on one of them."""
        gap = self.high - self.low
        return self.apart & (abs(2 * given - self.low - self.high) <= 1.002 * gap)

    def confirms_kink(self, larger: _Measured) -> Array:
        """Return whether both sides are as steep as with a larger step: beside a kink, one of them would not be."""
        near = 0.01 * (self.high - self.low) + larger.rounding + self.rounding
        confirmed: Array = (abs(self.left - larger.left) <= near) & (abs(self.right - larger.right) <= near)
        return confirmed

    def refutes(self, given: Array, larger: _Measured | None) -> Array:
        """Return whether a derivative that disagrees is wrong, as far as one can know."""
        certain = self.doubt <= _CERTAIN * abs(given - self.slope)
        grows = True if larger is None else self.steepest > 2 * larger.steepest  # as beside an infinite slope
        certain = np.where(np.isinf(given), ~np.asarray(grows), certain | np.isnan(given))
        refuted: Array = certain & np.isfinite(self.slope)
        return refuted


def _measure(moved: Moved, start: Array, h: Array, precision: float) -> _Measured:
    f = {k: moved(k * h) for k in (-2, -1, 1, 2)}
    rounding = 8 * precision * np.max([abs(value) for value in (start, *f.values())], axis=0) / h
    slope = _central(f, h)
    return _Measured(
        slope=np.where(abs(slope) < rounding, 0.0, slope),
        left=(3 * start - 4 * f[-1] + f[-2]) / (2 * h),
        right=(-3 * start + 4 * f[1] - f[2]) / (2 * h),
        rounding=rounding,
        doubt=abs((f[1] - f[-1]) / (2 * h) - (f[2] - f[-2]) / (4 * h)) + rounding,
    )


def central(moved: Moved, h: Array) -> Array:
    """Return the slope (f(−2h) − 8f(−h) + 8f(h) − f(2h)) / 12h, whose error is of order h⁴ [1]_.

    Parameters
    ----------
    moved : callable
        Step -> the function's value at a point moved by that step.
    h : ndarray
        The step.

    References
    ----------
    .. [1] M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 1964, table 25.2.

    Examples
    --------
    >>> round(float(central(lambda step: (3 + step) ** 2, np.float64(1e-3))), 9)
    6.0
    """
    return _central({k: moved(k * h) for k in (-2, -1, 1, 2)}, h)


def _central(f: dict[int, Array], h: Array) -> Array:
    slope: Array = (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * h)
    return slope


def compare(moved: Moved, points: Array, given: Array, tolerance: float = 1e-6, floor: float | Array = 0.0) -> Compared:
    """Hold derivatives against the difference quotients of their function.

    Parameters
    ----------
    moved : callable
        Steps -> the function's values with each point moved by its step.
    points : ndarray
        Where the function is differentiated, in float64.
    given : ndarray
        The derivatives to be judged, one for each point.
    tolerance : float, default 1e-6
        The relative disagreement that is let pass. Rounding of the function's own values is let pass besides.
    floor : float or ndarray, default 0
        The size that a slope near 0 is measured against.

    Returns
    -------
    Compared
        A derivative is wrong where its `error` is above the tolerance.

    Examples
    --------
    >>> points = np.array([0.0, 1.0, 2.0])
    >>> found = compare(lambda steps: abs(points + steps), points, np.array([0.5, 1.0, 3.0]))
    >>> found.error > 1e-6, found.kink
    (array([False, False,  True]), array([ True, False, False]))
    """
    points, given = np.asarray(points), np.asarray(given)
    with np.errstate(all="ignore"):
        start = moved(np.zeros_like(points))
        precision = float(np.finfo(start.dtype if start.dtype.kind == "f" else np.float64).eps)
        widest = (precision / 2.0**-52) ** 0.125 * np.sqrt(np.maximum(1, abs(points)))
        result = Compared(given, *(np.full(given.shape, v) for v in (np.nan, 0.0, np.nan, np.nan, False, True)))
        wrong, settled = np.zeros(given.shape, bool), np.zeros(given.shape, bool)
        before = None
        for step in _STEPS:
            now = _measure(moved, start, step * widest, precision)
            off = abs(given - now.slope)
            size = np.maximum(np.maximum(abs(given), abs(now.slope)), floor)
            kink = np.asarray(False)
            if before is not None:
                kink = now.holds(given) & before.holds(given) & now.confirms_kink(before)
            # Rounding grows as the step shrinks: it must not hide what was certain before.
            agrees = np.isfinite(off) & (off <= tolerance * size + np.where(wrong, 0, now.rounding))
            certain = ~(agrees | kink) & now.refutes(given, before)
            measured = np.where(now.apart & ~agrees, np.fmin(np.fmax(given, now.low), now.high), now.slope)
            error = abs(given - measured) / np.maximum(size, now.rounding / tolerance + 1e-300)
            error = np.where(kink, 0.0, np.where(np.isnan(error), np.inf, error))
            fields = (given, measured, error, now.left, now.right, kink & ~agrees, False)
            for kept, new in zip(result[1:], fields[1:]):
                np.copyto(kept, new, where=~settled & (agrees | kink | certain))
            wrong |= certain
            settled |= agrees | kink
            if settled.all():
                break
            before = now
    return result
