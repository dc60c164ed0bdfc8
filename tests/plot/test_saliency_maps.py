"""Saliency is the derivative: it agrees with difference quotients, and lies where its number lies in the sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, ShapeError, UnknownNameError
from chainrule.plot import saliency


def table(*, classes: list[str] | None = None) -> cr.Network:
    layers = [cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(4), cr.Softmax()]
    return cr.Network(layers, dtype="float64", seed=3, classes=classes)


def images(**settings: Any) -> cr.Network:
    return cr.Network([cr.Rescale(0.1), cr.Dense(5, inputs=64), cr.Tanh(), cr.Dense(4), cr.Softmax()], **settings)


def bars(axes: Any) -> list[float]:
    return [float(bar.get_width()) for bar in axes.patches]


ROWS = [[0.3, -1.0, 2.0], [1.0, 0.0, -0.5]]


@pytest.mark.parametrize("of", [None, 2])
def test_bars_are_the_derivatives_of_the_chosen_output(of: int | None) -> None:
    network = table()
    figure = saliency(network, ROWS, of=of)
    for row, axes in zip(ROWS, figure.axes, strict=True):
        k = int(cr.classify(network, [row])[0]) if of is None else of
        steps = 1e-6 * np.eye(3)
        ahead, behind = cr.predict(network, row + steps)[:, k], cr.predict(network, row - steps)[:, k]
        np.testing.assert_allclose(bars(axes), (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-9)


def test_a_class_may_be_named_and_the_headlines_say_which_it_is() -> None:
    network = table(classes=list("abcd"))
    figure = saliency(network, ROWS, of="c")
    shares = cr.predict(network, ROWS)[:, 2]
    assert [axes.get_title() for axes in figure.axes] == [
        f"sample {i}\nc: {100 * share:.3g} %" for i, share in enumerate(shares)
    ]
    assert bars(figure.axes[0]) == bars(saliency(network, ROWS, of=2).axes[0])


def test_logits_do_not_vanish_where_the_network_is_very_sure() -> None:
    network = table()
    network.leaves["dense_2.weights"].assign(1000 * np.asarray(network.leaves["dense_2.weights"].value))
    assert np.abs(bars(saliency(network, ROWS).axes[0])).max() < 1e-30
    assert np.abs(bars(saliency(network, ROWS, logits=True).axes[0])).max() > 1


def test_logits_of_a_network_are_what_enters_its_softmax() -> None:
    network = table()
    bare = cr.Network([cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(4)], dtype="float64")
    bare.parameters[:] = network.parameters
    found, expected = saliency(network, ROWS, of=1, logits=True), saliency(bare, ROWS, of=1)
    np.testing.assert_allclose(bars(found.axes[1]), bars(expected.axes[1]))


def test_pictures_lie_beside_the_samples_they_are_of() -> None:
    network = images()
    X = np.random.default_rng(0).integers(0, 256, (3, 64)).astype(np.uint8)
    figure = saliency(network, X, of=1)
    shown = [axes.images[0] for axes in figure.axes]
    for i in range(3):
        np.testing.assert_array_equal(shown[i].get_array(), X[i].reshape(8, 8))
        step = np.zeros(64)
        step[11] = 1.0
        quotient = np.diff(cr.predict(network, [X[i] - step, X[i] + step])[:, 1])[0] / 2
        assert shown[3 + i].get_array()[1, 3] == pytest.approx(quotient, rel=0.05, abs=1e-4)
        low, high = shown[3 + i].get_clim()
        assert high == -low == pytest.approx(np.abs(shown[3 + i].get_array()).max())


def test_a_derivative_that_is_zero_everywhere_is_told() -> None:
    network = images()
    network.parameters[:] = 0
    assert saliency(network, np.ones((1, 64))).axes[1].get_xlabel() == "0 everywhere"


def test_of_very_many_features_the_steepest_are_drawn_under_their_names() -> None:
    network = cr.Network([cr.Dense(1, inputs=50)])
    network.parameters[:50] = np.arange(50)
    figure = saliency(network, np.ones((1, 50)), features=[f"f{k}" for k in range(50)])
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [f"f{k}" for k in range(20, 50)]
    assert bars(figure.axes[0]) == list(range(20, 50))


def test_bars_have_one_scale_and_the_names_that_the_network_knows() -> None:
    network = table()
    network.note_columns(("width", "height", "weight"))  # as a training on a table does
    figure = saliency(network, [[0.0, 0.0, 0.0], [9.0, 9.0, 9.0]], samples=["a rose", "a tulip"])
    first, second = figure.axes
    assert first.get_xlim() == second.get_xlim() == (-first.get_xlim()[1], first.get_xlim()[1])
    most = max(abs(width) for axes in figure.axes for width in bars(axes))
    assert most < first.get_xlim()[1] < 1.2 * most
    assert [label.get_text() for label in first.get_yticklabels()] == ["width", "height", "weight"]
    assert [axes.get_title().split("\n")[0] for axes in figure.axes] == ["a rose", "a tulip"]


def test_columns_without_names_are_counted_from_0() -> None:
    labels = [label.get_text() for label in saliency(table(), ROWS).axes[0].get_yticklabels()]
    assert labels == ["x[0]", "x[1]", "x[2]"]


def test_drawing_changes_nothing_in_the_network() -> None:
    network = table()
    network.compute_loss(ROWS, [0, 1])
    before = network["tanh_1"].value.copy()
    saliency(network, [[9.0, 9.0, 9.0]])
    np.testing.assert_array_equal(network["tanh_1"].value, before)


@pytest.mark.parametrize(
    ("X", "settings", "error", "message"),
    [
        (np.ones((11, 3)), {}, InputError, "got 11 samples, but expected at most 10"),
        ([[1.0, 2.0]], {}, ShapeError, "2 features"),
        ([[1.0, 2.0, math.nan]], {}, InputError, "NaN"),
        (ROWS, {"of": 4}, InputError, "from 0 to 3"),
        (ROWS, {"of": "d"}, UnknownNameError, "got 'd', but expected a class's name"),
        (ROWS, {"features": ["a"]}, InputError, "a name for each of 3"),
        (ROWS, {"samples": ["a"]}, InputError, "a name for each of 2"),
        (ROWS, {"shape": (2, 2)}, InputError, "of a picture of 3 numbers"),
    ],
)
def test_what_does_not_fit_is_refused(
    X: Any, settings: dict[str, Any], error: type[ChainruleError], message: str
) -> None:
    with pytest.raises(error, match=message):
        saliency(table(), X, **settings)
