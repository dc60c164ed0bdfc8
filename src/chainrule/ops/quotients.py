"""Difference quotients: is a derivative that somebody gave the derivative of the function beside it?

On either side of a point the slope is measured by a four-point formula at two step sizes. Their spread says how far
the measurement can be trusted, their hull, left to right, is what a derivative may be: at a smooth point a single
number, at a kink everything between the one-sided derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import DerivativeError, InputError
from chainrule.ops.op import Array

Function = Callable[..., Any]

_TOLERANCE = 1e-5  # relative: below any slip of the pen, above what a function approximated to 1e-7 needs


class Disagreement(NamedTuple):
    """Where a derivative is furthest from the quotients: the index, the number given, the number measured."""

    place: int
    given: float
    measured: float

    def error(self, where: str, function: Function, derivative: Function, place: str, fix: str) -> DerivativeError:
        """Return the error that tells it; `place` names the point."""
        off = abs(self.given - self.measured)
        return DerivativeError(
            where,
            given=f"{name_of(derivative)} = {self.given:.6g} at {place} as the derivative of {name_of(function)}",
            expected=f"{self.measured:.6g}, its difference quotient there (off by {off:.3g})",
            fix=fix,
        )


def find_disagreement(moved: Callable[[Array], Array], slopes: Array, points: Array) -> Disagreement | None:
    """Return the worst disagreement of `slopes` with a function's difference quotients, or None.

    Points where the quotients themselves disagree, beside a kink, a jump or the end of the domain, say nothing.

    Parameters
    ----------
    moved : callable
        Steps -> the function's values with each point moved by its step.
    slopes : ndarray
        The derivative to be judged, a number for each point.
    points : ndarray
        Where the function is differentiated, (points,), in float64.
    """
    start = moved(np.zeros_like(points))
    precision = float(np.finfo(start.dtype if start.dtype.kind == "f" else np.float64).eps)
    step = np.clip(1e-3 * np.abs(points), 1e-5, 1e-3) * (precision / 2.0**-52) ** 0.125
    with np.errstate(all="ignore"):
        left, right = _slope(moved, start, -step / 2), _slope(moved, start, step / 2)
        spread = np.maximum(abs(left - _slope(moved, start, -step)), abs(right - _slope(moved, start, step)))
        low, high = np.minimum(left, right), np.maximum(left, right)
        # A slope near 0 is measured against the function's own size, but not against a constant added to it.
        finite = start[np.isfinite(start)]
        extent = np.minimum(abs(start) / np.maximum(abs(points), 1), np.ptp(finite) if finite.size else 0)
        size = np.maximum(np.maximum(abs(left), abs(right)), extent)
        noise = 15 * (precision * abs(start) + 2.0**-52 * abs(points) * size) / step
        tolerance = _TOLERANCE * size + 10 * spread + noise + 1e-30
        distance = np.maximum(low - slopes, slopes - high)
        distance = np.where(np.isnan(slopes), np.inf, distance)
        wrong = (spread <= 0.05 * size) & (distance > tolerance)
        worst = int(np.argmax(np.where(wrong, distance / (size + 1e-30), -1)))
    if not wrong[worst]:
        return None
    given = float(slopes[worst])
    measured = (low[worst] + high[worst]) / 2 if np.isnan(given) else min(max(given, low[worst]), high[worst])
    return Disagreement(worst, given, float(measured))


def _slope(moved: Callable[[Array], Array], start: Array, step: Array) -> Array:
    """Return the derivative on the side to which `step` points, to the third order."""
    slope: Array = (18 * moved(step) - 11 * start - 9 * moved(2 * step) + 2 * moved(3 * step)) / (6 * step)
    return slope


def tried(where: str, function: Function, *arrays: Array) -> Array:
    """Return what `function` makes of copies of the arrays, or raise an error that says why nothing came out."""
    given = [array.copy() for array in arrays]
    for array in given:
        array.flags.writeable = False
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(function(*given))
        if result.dtype.kind not in "fiub":
            raise TypeError(f"it returned {result.dtype}")
        return result if result.dtype.kind == "f" else result.astype(np.float64)
    except Exception as error:
        raise InputError(
            where,
            given=f"{name_of(function)}, which raised {type(error).__name__}: {error}",
            expected="a function of NumPy arrays that returns real numbers and leaves what it is given as it is",
            fix=f"Try it on an array of shape {arrays[0].shape}; for example, write np.exp, not math.exp",
        ) from error


def name_of(function: Function) -> str:
    """Return ``numpy.sin`` for a function of a module, its own name or repr for others."""
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if name is None:
        return repr(function)
    module = getattr(function, "__module__", None)
    if module is None and getattr(np, name, None) is function:
        module = "numpy"  # before NumPy 2.2 its functions do not say so themselves
    own = "<" in name or module in (None, "builtins", "__main__")
    return name.rsplit(".", 1)[-1] if own else f"{module}.{name}"
