"""The surface in text, character by character."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.errors import InputError
from chainrule.nn import Dense, Network
from chainrule.plot import surface_text
from tests.plot.pictured import POINTS, THREE, TWO, slope, thirds

BINARY = """\
 1.12 ┌────────────┐
      │   0░░▓▓▓█1█│
      │   ░░░▓▓▓███│
-0.12 │ 0 ░░░▓▓▓███│
      └────────────┘
       -0.12   1.12
points: 0 class 0, 1 class 1; output: ' ░▓█' from 0 to 1, class 1 above 0.5"""

SEVERAL = """\
 1.12 +------------+
      |...1....::2:|
      |.......:::::|
      |       :::::|
-0.12 | 0      ::::|
      +------------+
       -0.12   1.12
0 ' ' low  1 '.' high  2 ':' right"""


def test_one_output_is_drawn_exactly_like_this() -> None:
    assert surface_text(slope(), POINTS, TWO, width=12, height=3) == BINARY


def test_several_classes_are_drawn_exactly_like_this() -> None:
    seen = surface_text(thirds(), POINTS, THREE, width=12, height=4, classes=["low", "high", "right"], plain=True)
    assert seen == SEVERAL


@pytest.mark.parametrize(("network", "y"), [(slope(), TWO), (thirds(), THREE)])
def test_a_plain_drawing_is_ascii(network: Network, y: Any) -> None:
    assert surface_text(network, POINTS, y, plain=True).isascii()
    assert not surface_text(network, POINTS, y).isascii()


def test_the_drawing_has_the_size_asked_for() -> None:
    lines = surface_text(slope(), POINTS, TWO, width=30, height=7).splitlines()
    assert len(lines) == 7 + 4
    assert [line.count("│") for line in lines[1:8]] == [2] * 7
    assert all(len(line) == 7 + 30 + 1 for line in lines[1:8])


@pytest.mark.parametrize(("votes", "shown"), [([0, 1, 1], "1"), ([0, 1, 0], "0"), ([0, 1], "0")])
def test_points_in_one_cell_are_shown_as_the_class_most_of_them_have(votes: list[int], shown: str) -> None:
    X = np.full((len(votes), 2), 0.5)
    lines = surface_text(slope(), X, np.reshape(votes, (-1, 1))).splitlines()
    assert [c for line in lines for c in line.partition("│")[2] if c in "01"] == [shown]


def test_every_class_of_points_is_on_a_coarse_drawing() -> None:
    cells = [line.partition("│")[2] for line in surface_text(thirds(), POINTS, THREE, width=8, height=3).splitlines()]
    assert {c for line in cells for c in line if c.isdigit()} == {"0", "1", "2"}


@pytest.mark.parametrize(
    ("size", "message"), [(dict(width=7), "8 to 400"), (dict(height=2), "3 to 200"), (dict(width=2.5), "whole number")]
)
def test_a_size_that_shows_nothing_is_refused(size: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        surface_text(slope(), POINTS, TWO, **size)


def test_more_classes_than_digits_are_refused() -> None:
    with pytest.raises(InputError, match=r"got 11 classes, but expected at most 10.*decision_surface"):
        surface_text(Network([Dense(2, 11)]), POINTS, np.eye(11)[:3])
