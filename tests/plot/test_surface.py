"""The decision surface, as a picture and in characters: what it shows is what the network answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

import chainrule as cr
from chainrule.data import spirals
from chainrule.errors import ChainruleError, InputError, NonFiniteError, ShapeError
from chainrule.nn import Dense, Network
from chainrule.ops import Sigmoid, SigmoidBinaryCrossEntropy, Tanh
from chainrule.plot import decision_surface, surface_text
from chainrule.plot.style import CLASS_COLOURS
from chainrule.training import classify, predict
from tests.plot.pictured import POINTS, THREE, TWO, line, slope, thirds

DRAWERS = [decision_surface, surface_text]


def centres(image: Any) -> np.ndarray:
    """The inputs that the cells of an image stand for, as rows."""
    left, right, bottom, top = image.get_extent()
    rows, columns = image.get_array().shape[:2]
    x = left + (right - left) * (np.arange(columns) + 0.5) / columns
    y = bottom + (top - bottom) * (np.arange(rows) + 0.5) / rows
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def points_of(collection: Any) -> list[list[float]]:
    return np.round(np.asarray(collection.get_offsets(), float), 6).tolist()


def colour_points(figure: Any) -> list[Any]:
    """The coloured one of each pair of markers."""
    scatters = [c for c in figure.axes[0].collections if type(c).__name__ == "PathCollection"]
    return scatters[1::2]


def test_the_numbers_shown_are_the_networks_outputs() -> None:
    network = slope()
    image = decision_surface(network, POINTS, TWO).axes[0].images[0]
    expected = predict(network, centres(image)).reshape(image.get_array().shape)
    np.testing.assert_allclose(image.get_array(), expected, atol=1e-6)
    assert image.origin == "lower"
    assert image.get_clim() == (0, 1)


def test_a_network_on_logits_is_shown_as_probabilities() -> None:
    network = Network([Dense(1, inputs=2)], loss=SigmoidBinaryCrossEntropy())
    network.parameters[:] = 4, 0, -2
    seen = decision_surface(network, POINTS, TWO).axes[0].images[0].get_array()
    np.testing.assert_allclose(seen, decision_surface(slope(), POINTS, TWO).axes[0].images[0].get_array(), atol=1e-6)


def test_the_line_lies_where_the_choice_changes() -> None:
    contour = decision_surface(slope(), POINTS, TWO).axes[0].collections[0]
    along = contour.get_paths()[0].vertices
    np.testing.assert_allclose(along[:, 0], 0.5, atol=1e-4)
    assert np.ptp(along[:, 1]) > 1.2


def test_several_classes_are_regions_of_their_colours_deeper_where_the_network_is_surer() -> None:
    network = thirds()
    image = decision_surface(network, POINTS, THREE).axes[0].images[0]
    cells = image.get_array().reshape(-1, 3)
    chosen = classify(network, centres(image))
    sure = predict(network, centres(image)).max(axis=1)
    assert set(chosen) == {0, 1, 2}
    for k in range(3):
        mine = chosen == k
        depth = (1 - cells[mine]) / (1 - np.array(to_rgb(CLASS_COLOURS[k])) + 1e-12)
        one = int((1 - np.array(to_rgb(CLASS_COLOURS[k]))).argmax())
        order = np.argsort(sure[mine])
        assert (np.diff(depth[order, one]) >= -1e-6).all()
        np.testing.assert_allclose((1 - cells[mine]), depth[:, one, None] * (1 - np.array(to_rgb(CLASS_COLOURS[k]))))


def test_lines_part_the_regions_of_several_classes() -> None:
    axes = decision_surface(thirds(), POINTS, THREE).axes[0]
    contours = [c for c in axes.collections if type(c).__name__ == "QuadContourSet"]
    assert len(contours) == 3
    for k, contour in enumerate(contours):
        outputs = predict(thirds(), contour.get_paths()[0].vertices)
        others = np.delete(outputs, k, axis=1).max(axis=1)
        np.testing.assert_allclose(outputs[:, k], others, atol=0.01)


@pytest.mark.parametrize(("network", "y"), [(slope(), TWO), (thirds(), THREE), (thirds(), np.eye(3))])
def test_every_point_is_drawn_under_its_class(network: Network, y: Any) -> None:
    figure = decision_surface(network, POINTS, y)
    labels = np.argmax(y, axis=1) if np.ndim(y) == 2 and np.shape(y)[1] > 1 else np.ravel(y)
    for k, points in zip(np.unique(labels), colour_points(figure), strict=True):
        expected = [point for point, label in zip(POINTS, labels) if label == k]
        assert points_of(points) == expected
        assert points.get_facecolor()[0, :3] == pytest.approx(to_rgb(CLASS_COLOURS[k]))
    markers = [points.get_paths()[0].vertices.shape for points in colour_points(figure)]
    assert len(set(markers)) == len(markers)


def test_axes_legend_and_colour_bar_say_what_they_are() -> None:
    figure = decision_surface(slope(classes=["no", "yes"]), POINTS, TWO)
    axes, bar = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x[0]", "x[1]")
    assert axes.get_title() == "3 of 3 points classified correctly"
    assert bar.get_ylabel() == "probability of yes"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["no", "yes"]
    given = decision_surface(slope(classes=["no", "yes"]), POINTS, TWO, classes=["a", "b"], title="XOR")
    assert given.axes[0].get_title() == "XOR"
    assert [text.get_text() for text in given.legends[0].get_texts()] == ["a", "b"]


def test_the_title_counts_the_points_the_network_gets_right() -> None:
    figure = decision_surface(slope(), POINTS, [[0], [1], [1]])
    assert figure.axes[0].get_title() == "2 of 3 points classified correctly"


@pytest.mark.parametrize(
    ("weights", "extend"),
    [((1, 0, 0), "both"), ((0.1, 0, 0.4), "neither"), ((1, 0, -0.5), "min"), ((1, 0, 0.5), "max")],
)
def test_outputs_beyond_zero_and_one_are_marked_on_the_colour_bar(weights: tuple[float, ...], extend: str) -> None:
    figure = decision_surface(line(*weights), POINTS, TWO)
    assert figure.axes[0].images[0].colorbar.extend == extend
    assert figure.axes[1].get_ylabel() == "output, class 1 above ½"


def test_a_network_that_never_changes_its_mind_has_no_line() -> None:
    axes = decision_surface(line(0, 0, 0.2), POINTS, TWO).axes[0]
    assert not [c for c in axes.collections if type(c).__name__ == "QuadContourSet"]


@pytest.mark.parametrize("X", [[[3.0, 3.0]], [[0.0, 5.0], [0.0, 5.0]], [[1e6, 0.0], [1e6, 1.0]]])
def test_points_without_extent_still_get_a_plane_around_them(X: list[list[float]]) -> None:
    figure = decision_surface(slope(), X, [[1]] * len(X))
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    for x, y in X:
        assert left < x < right
        assert bottom < y < top


def test_axes_in_the_same_unit_have_the_same_scale() -> None:
    assert decision_surface(slope(), POINTS, TWO).axes[0].get_aspect() == 1
    far = [[0.0, 0.0], [1.0, 1000.0], [2.0, 0.0]]
    assert decision_surface(slope(), far, TWO).axes[0].get_aspect() == "auto"


def test_of_very_many_points_some_are_drawn_and_the_legend_says_so() -> None:
    X, y = np.random.default_rng(0).random((10_000, 2)), np.zeros((10_000, 1))
    figure = decision_surface(slope(), X, y)
    assert len(colour_points(figure)[0].get_offsets()) == 3334
    assert figure.legends[0].get_title().get_text() == "3,334 of 10,000 points drawn"


def test_more_classes_than_colours_still_differ() -> None:
    X, y = spirals(samples=36, classes=12)
    figure = decision_surface(Network([Dense(8, inputs=2), Tanh(), Dense(12)]), X, np.eye(12)[y])
    looks = {(h.get_marker(), h.get_color()) for h in figure.legends[0].legend_handles}
    assert len(looks) == 12


def test_names_of_classes_are_only_text() -> None:
    names = ["$x^$", "_y\n\x1b[31m", "z" * 80]
    figure = decision_surface(thirds(), POINTS, THREE, classes=names)
    figure.draw_without_rendering()  # here a formula would be read, and this one can't be
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["$x^$", "_y\\n\\x1b[31m", "z" * 23 + "…"]


@pytest.mark.parametrize(
    ("network", "X", "y", "error", "message"),
    [
        (
            Network([Dense(1, inputs=3)]),
            [[0, 0, 0]],
            [[1]],
            InputError,
            "got a network with 3 inputs, but expected 2 inputs",
        ),
        (Network([Dense(1, inputs=1)]), [[0]], [[1]], InputError, "got a network with 1 input, but expected 2 inputs"),
        (
            Network([Dense(1)]),
            [[0, 0, 0]],
            [[1]],
            ShapeError,
            r"got X with shape \(1, 3\), but expected points of the plane",
        ),
        (slope(), [[0, 0, 0]], [[1]], ShapeError, r"got X with shape \(1, 3\), but expected points of the plane"),
        (slope(), np.empty((0, 2)), np.empty((0, 1)), ShapeError, "got X with no samples"),
        (slope(), [0.0, 1.0], [[1]], ShapeError, "expected samples in rows"),
        (slope(), [[0, math.nan]], [[1]], InputError, "got X with 1 value that is NaN"),
        (slope(), [["a", "b"]], [[1]], InputError, "got X that holds texts"),
        (slope(), POINTS, [[0], [1]], ShapeError, "got 2 targets for 3 samples"),
        (slope(), POINTS, [[0], [1], [0.5]], InputError, "got y with quantities"),
        (Network([Dense(2), Sigmoid()]), POINTS, np.eye(3)[:, :2], InputError, "got a network for several labels"),
        (slope(), POINTS, [[0], [1], [2]], InputError, "2"),
        (thirds(), POINTS, [0, 1, 3], InputError, "3"),
        (line(0, 0, math.nan), POINTS, TWO, NonFiniteError, "NaN or infinite at"),
        (line(0, 0, math.inf), POINTS, TWO, NonFiniteError, "NaN or infinite at"),
        (Network, POINTS, TWO, InputError, "expected something like a cr.Network"),
        (None, POINTS, TWO, InputError, "expected something like a cr.Network"),
    ],
)
@pytest.mark.parametrize("draw", DRAWERS)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(
    draw: Any, network: Any, X: Any, y: Any, error: type[ChainruleError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        draw(network, X, y)
    assert str(caught.value).startswith(draw.__name__)


@pytest.mark.parametrize(("classes", "given"), [(["a"], "1 names"), ("ab", "the text 'ab'"), (["a"] * 3, "3 names")])
@pytest.mark.parametrize("draw", DRAWERS)
def test_names_must_be_as_many_as_classes(draw: Any, classes: Any, given: str) -> None:
    with pytest.raises(InputError, match=f"got {given}.*each of the 2 classes"):
        draw(slope(), POINTS, TWO, classes=classes)


def test_a_refused_drawing_leaves_an_unbuilt_network_unbuilt() -> None:
    network = Network([Dense(1)])
    with pytest.raises(ShapeError):
        decision_surface(network, [[0, 0, 0]], [[1]])
    assert not network.built


def test_drawing_changes_nothing_in_the_network(tmp_path: Path) -> None:
    network = slope()
    before = network.parameters.copy()
    decision_surface(network, POINTS, TWO, path=tmp_path / "surface.png")
    assert (network.parameters == before).all()


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
        surface_text(Network([Dense(11, inputs=2)]), POINTS, np.eye(11)[:3])


@pytest.mark.parametrize("draw", DRAWERS)
def test_a_network_with_several_outputs_is_refused_and_one_of_its_heads_is_drawn(draw: Any) -> None:
    heads = cr.Heads({"a": [cr.Dense(1)], "b": [cr.Dense(2), cr.Softmax()]})
    network = cr.Network([cr.Dense(3, "tanh"), heads], inputs=2)
    X, y = cr.data.xor()
    with pytest.raises(ChainruleError, match=r"the heads 'a', 'b'.*network\.head\('a'\)"):
        draw(network, X, y[:, 0].astype(int))
    assert draw(network.head("b"), X, y[:, 0].astype(int))
