"""Figures as a person reads them: names in words, shares in percent, numbers with the digits that say something.

A loss may be 1.28e+12 or 3.4e-07: a fixed count of decimals would print a row of digits, or nothing but zeros.
"""

from __future__ import annotations

import math


def in_words(name: str) -> str:
    """Return the name of a figure as a line of text has it: ``validation_error_rate`` is the validation error rate."""
    return name.replace("_", " ")


def number(value: float, decimals: int = 4) -> str:
    """Return a number with so many decimals, or as a power of ten where these would show too much or too little.

    >>> number(0.0123), number(1.28e12), number(3.4e-7), number(0.0), number(float("inf"))
    ('0.0123', '1.28e+12', '3.4e-07', '0', 'inf')
    """
    if value == 0:
        return "0"
    return f"{value:.{decimals}f}" if 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"


def percent(share: float) -> str:
    """Return a share of 1 in percent; what is not none, or not all, does not print as that.

    >>> percent(0.0189), percent(0.0), percent(3e-7), percent(0.999999), percent(1.0)
    ('1.89 %', '0.00 %', '3e-05 %', '99.99 %', '100.00 %')
    """
    if 0 < share < 5e-5:
        return f"{100 * share:.2g} %"
    return f"{100 * (min(share, 0.9999) if 0.9999 < share < 1 else share):.2f} %"


def written(name: str, value: float, decimals: int = 4) -> str:
    """Return the value of a figure of this name: an error rate in percent, all others as numbers.

    >>> written("loss", 0.25, 5), written("test_error_rate", 0.25), written("min_confidence", 0.99999)
    ('0.25000', '25.00 %', '0.9999')
    """
    if name.endswith("min_confidence") and 1e-3 <= value < 1:  # what is not certain does not print as certain
        return f"{math.floor(value * 1e4) / 1e4:.4f}"
    return percent(value) if name.endswith("error_rate") else number(value, decimals)
