"""Checks at the door: each returns what it was given, in the form the code behind it wants, or raises."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any

from chainrule.errors import InputError, nearest


def number(
    where: str,
    value: Any,
    *,
    above: float = -math.inf,
    below: float = math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    like: float = 0.01,
) -> float:
    """Return `value` as a finite float with above < value < below and least <= value <= most."""
    try:
        if isinstance(value, (bool, str)):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if math.isfinite(result) and above < result < below and least <= result <= most:
        return result
    bounds = []
    if above > -math.inf:
        bounds.append(f"above {above:g}")
    if least > -math.inf:
        bounds.append(f"of at least {least:g}")
    if below < math.inf:
        bounds.append(f"below {below:g}")
    if most < math.inf:
        bounds.append(f"of at most {most:g}")
    expected = "a finite number" + (" " + " and ".join(bounds) if bounds else "")
    raise InputError(where, given=_told(value), expected=expected, fix=f"Pass for example {like:g}")


def whole(where: str, value: Any, *, least: int = 1, most: int = 2**31 - 1) -> int:
    """Return `value` as an int with least <= value <= most."""
    try:
        if isinstance(value, bool):
            raise TypeError
        result = operator.index(value)
    except TypeError:
        result = least - 1
    if least <= result <= most:
        return result
    raise InputError(
        where,
        given=_told(value),
        expected=f"a whole number from {least} to {most}",
        fix=f"Pass for example {max(least, 1)}",
    )


def one_of(where: str, value: Any, known: Iterable[str]) -> str:
    """Return `value` if it is one of the known names."""
    names = list(known)
    if isinstance(value, str) and value in names:
        return value
    text = value if isinstance(value, str) else ""
    raise InputError(where, given=_told(value), expected="one of the known names", fix=nearest(text, names))


def instance(where: str, value: Any, kind: type | tuple[type, ...], like: str) -> Any:
    """Return `value` if it is an instance (not the class itself) of `kind`."""
    if isinstance(value, kind):
        return value
    if isinstance(value, type):
        given = f"the class {value.__name__} itself"
    elif callable(value) and hasattr(value, "__name__"):
        given = f"the function {value.__name__}"
    else:
        given = _told(value)[:80]
    raise InputError(where, given=given, expected=f"something like {like}", fix=f"Pass {like}")


def _told(value: Any) -> str:
    """Return what was given, for a message."""
    try:
        return repr(value)
    except ValueError:  # Python doesn't write whole numbers of more than 4,300 digits
        return f"{type(value).__name__} that is too long to be written"
