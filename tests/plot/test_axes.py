"""Lines over time: gaps, crosses for what is not finite, and labels of logarithmic axes that read as numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule.errors import InputError
from chainrule.plot.axes import WRONG, draw_line, fit_scale, new_figure, plain_number
from chainrule.plot.style import styled


def labels(values: list[float], share: bool = False) -> list[str]:
    with styled("test"):
        figure = new_figure()
        axes = figure.subplots()
        draw_line(axes, range(len(values)), values, "black")
        fit_scale(axes, share)
        figure.draw_without_rendering()
        low, high = axes.get_ylim()
        ticks = zip(axes.get_yticks(), axes.get_yticklabels())
        return [label.get_text() for tick, label in ticks if low <= tick <= high]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.001, "0.001"),
        (-0.25, "−0.25"),
        (1e-5, "10⁻⁵"),
        (2.5e-7, "2.5·10⁻⁷"),
        (-1e-12, "−10⁻¹²"),
        (99999.0, "99999"),
        (3e6, "3·10⁶"),
        (math.inf, "inf"),
    ],
)
def test_a_number_reads_as_one(value: float, text: str) -> None:
    assert plain_number(value) == text


@pytest.mark.parametrize(
    ("values", "some"),
    [
        ([1e-6, 1.0], ["10⁻⁶", "0.01", "1"]),
        ([0.004, 0.05], ["0.005", "0.01", "0.02", "0.05"]),
        ([1.0, 3.0], ["1.50", "2.00"]),
    ],
)
def test_an_axis_has_labels_without_formulas(values: list[float], some: list[str]) -> None:
    found = labels(values)
    assert set(some) <= set(found)
    assert not any(mark in label for label in found for mark in "$\\{^")
    assert 3 <= len(found) <= 10


@pytest.mark.parametrize("values", [[0.0, 0.5], [0.01, 0.5]])
def test_shares_are_percent_on_any_scale(values: list[float]) -> None:
    assert all(label.endswith(" %") for label in labels(values, share=True))


def test_what_is_missing_is_a_gap_and_what_is_not_finite_a_cross_on_the_edge() -> None:
    with styled("test"):
        axes = new_figure().subplots()
        line = draw_line(axes, [1, 2, 3, 4], [1.0, None, math.nan, math.inf], "black")
    np.testing.assert_array_equal(line.get_ydata(), [1.0, math.nan, math.nan, math.nan])
    (crosses,) = [other for other in axes.lines if other.get_label() == WRONG]
    assert list(crosses.get_xdata()) == [3, 4]


@pytest.mark.parametrize("size", [(-1, 2), (2, 0), (float("nan"), 2), ("wide", 2)])
def test_a_figure_of_no_size_is_refused(size: tuple[Any, Any]) -> None:
    with pytest.raises(InputError, match=r"new_figure .*number above 0"):
        new_figure(*size)


@pytest.mark.parametrize("path", [None, "", "x.foo", 3])
def test_a_figure_is_saved_under_a_name_alone(path: Any) -> None:
    with pytest.raises(InputError, match=f"path {path!r}"):
        new_figure().save(path)
