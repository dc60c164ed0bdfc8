"""The one formula of differences: exact to its order, patient beside kinks, and not to be fooled by rounding."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.ops.differences import central, compare, compare_element

POINTS = np.array([-3.0, -1.0, -1e-5, 0.0, 2e-4, 0.7, 2.0, 40.0])


def held(function: Any, derivative: Any, points: Any = POINTS, **options: Any) -> Any:
    """Return the comparison of a derivative with a function, both element by element."""
    with np.errstate(all="ignore"):
        return compare(lambda steps: function(points + steps), points, derivative(points), **options)


@pytest.mark.parametrize("degree", range(5))
def test_the_formula_is_exact_for_polynomials_to_the_fourth_degree(degree: int) -> None:
    h = np.asarray(0.5)
    assert central(lambda step: (2 + step) ** degree, h) == pytest.approx(degree * 2.0 ** (degree - 1), rel=1e-14)
    assert central(lambda step: (2 + step) ** 5, h) != pytest.approx(80.0, rel=1e-3)


RIGHT: dict[str, tuple[Any, Any]] = {
    "sine": (np.sin, np.cos),
    "fast": (lambda z: np.sin(80 * z), lambda z: 80 * np.cos(80 * z)),
    "steep": (lambda z: np.exp(-20 * z), lambda z: -20 * np.exp(-20 * z)),
    "far from 0": (lambda z: 1e8 + np.sin(z), np.cos),
    "flat": (lambda z: z**4, lambda z: 4 * z**3),
    "a kink": (np.abs, np.sign),
    "a kink, its left side": (lambda z: np.maximum(z, 0), lambda z: z > 0),
    "a kink, between": (lambda z: np.maximum(z, 0), lambda z: np.heaviside(z, 0.3)),
    "a curved kink": (lambda z: np.abs(np.sin(z)) + 3 * z, lambda z: np.sign(np.sin(z)) * np.cos(z) + 3),
    "kinks close by": (lambda z: np.abs(z - 3e-4), lambda z: np.sign(z - 3e-4)),
    "an infinite slope": (np.cbrt, lambda z: 1 / (3 * np.cbrt(z) ** 2)),
    "the end of a domain": (np.log, lambda z: 1 / np.where(z > 0, z, np.nan)),
    "a jump": (np.sign, lambda z: 0 * z),
}
OFF: dict[str, Any] = {
    "a part in 10⁵": lambda right: right * (1 + 1e-5),
    "a thousandth added": lambda right: right + 1e-3,
    "the sign": lambda right: -right,
    "twice": lambda right: 2 * right,
    "nothing": lambda right: 0 * right,
    "NaN": lambda right: right * np.nan,
    "infinite": lambda right: right / 0,
}


@pytest.mark.parametrize(("function", "derivative"), RIGHT.values(), ids=RIGHT)
def test_a_right_derivative_agrees(function: Any, derivative: Any) -> None:
    assert held(function, derivative).error.max() <= 1e-6


@pytest.mark.parametrize("off", OFF.values(), ids=OFF)
@pytest.mark.parametrize("name", ["sine", "fast", "steep", "a curved kink", "kinks close by"])
def test_a_wrong_derivative_disagrees_wherever_it_can_be_measured(name: str, off: Any) -> None:
    function, derivative = RIGHT[name]
    right, wrong = held(function, derivative), held(function, lambda z: off(np.asarray(derivative(z), float)))
    expected = ~right.unknown & (abs(wrong.given - right.given) > 1e-6 * abs(right.given))
    expected &= (POINTS != 0) | (name != "a curved kink")  # on it, any slope between 2 and 4 is right
    expected |= np.isnan(wrong.given) & ~right.unknown
    assert expected.sum() >= 5
    assert (wrong.error[expected] > 1e-6).all()


def test_beyond_the_slopes_of_a_kink_the_nearest_of_them_is_what_is_measured() -> None:
    found = held(np.abs, lambda z: np.where(z == 0, 1.5, np.sign(z)))
    assert found.measured[POINTS == 0] == pytest.approx(1)
    assert (found.error > 1e-6).tolist() == (POINTS == 0).tolist()


def test_rounding_hides_no_disagreement_that_a_larger_step_has_shown() -> None:
    found = held(lambda z: 1e8 + np.sin(z), lambda z: 1.01 * np.cos(z))
    assert (found.error > 1e-6).sum() == POINTS.size


def test_a_slope_near_0_is_measured_against_the_floor() -> None:
    assert held(np.square, lambda z: 2 * z + 1e-9, np.zeros(1)).error > 1e-6
    assert held(np.square, lambda z: 2 * z + 1e-9, np.zeros(1), floor=1.0).error <= 1e-6


def test_one_element_of_an_array_is_moved_and_put_back() -> None:
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = compare_element(lambda: float((x**3).sum()), x, 2, 27.0, 1e-6)
    assert found.error <= 1e-9
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_there_is_no_other_formula_of_differences() -> None:
    source = Path(chainrule.__file__).parent
    quotient = re.compile(r"/ \(\d+ \* (h|step)\)|/ h\b")
    assert {path.name for path in source.rglob("*.py") if quotient.search(path.read_text("utf-8"))} == {
        "differences.py"
    }
