"""The confusion matrix shows the counts it was given, in the rows and columns they stood in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule.errors import InputError
from chainrule.plot import confusion_matrix

COUNTS = [[8, 2, 0], [1, 999, 1000], [0, 0, 0]]


def test_counts_stand_in_their_cells_and_shares_are_of_the_row() -> None:
    axes = confusion_matrix(COUNTS, ["cat", "dog", "eel"]).axes[0]
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(c, r): f"{COUNTS[r][c]:,}" for r in range(3) for c in range(3)}
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.8, 0.2, 0], [0.0005, 0.4995, 0.5], [0, 0, 0]])
    assert axes.get_title() == "1,003 of 2,010 wrong (49.9 %)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("taken for", "true class")


def test_classes_are_named_on_both_axes() -> None:
    axes = confusion_matrix(COUNTS, ["cat", "dog", "$eel"]).axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "$eel"]
    numbered = confusion_matrix(COUNTS).axes[0]
    assert [label.get_text() for label in numbered.get_yticklabels()] == ["0", "1", "2"]


def test_a_figure_in_a_dark_cell_is_light() -> None:
    colours = {text.get_position(): text.get_color() for text in confusion_matrix([[9, 1], [0, 5]]).axes[0].texts}
    assert colours[0, 0] == colours[1, 1] == "white"
    assert colours[1, 0] != colours[0, 1] != "white"


def test_too_many_classes_for_figures_are_shown_by_shade_alone() -> None:
    axes = confusion_matrix(np.eye(100)).axes[0]
    assert not axes.texts
    assert len(axes.get_xticks()) <= 40


@pytest.mark.parametrize(
    "matrix",
    [
        *([[1, 2]], [1, 2], [[1]], [[0, 0], [0, 0]], [[1, -1], [0, 1]], [[0.5, 1], [1, 1]], [[math.nan, 1], [1, 1]]),
        *([[1, 2], [3]], [["a", "b"], ["c", "d"]], None, 3),
    ],
)
def test_what_is_no_table_of_counts_is_refused(matrix: Any) -> None:
    with pytest.raises(InputError, match=r"^confusion_matrix: got .*expected a square table of counts"):
        confusion_matrix(matrix)


def test_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(InputError, match="got 2 names in classes, but expected a name for each of the 3 classes"):
        confusion_matrix(COUNTS, ["a", "b"])
