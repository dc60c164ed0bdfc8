"""Hidden neurons over the plane, and the plane as two of them bend it: the network's own values, where they belong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, NonFiniteError, ShapeError, UnknownNameError
from chainrule.plot import hidden_space, neuron_surfaces
from chainrule.plot.hidden_layers import applied_graph, hidden_layers
from tests.plot.pictured import POINTS, THREE, TWO
from tests.plot.test_surface import centres, colour_points

DRAWERS = [neuron_surfaces, hidden_space]


def bent(hidden: int = 2, outputs: int = 1, **settings: Any) -> cr.Network:
    last: Any = cr.Sigmoid() if outputs == 1 else cr.Softmax()
    return cr.Network([cr.Dense(hidden, inputs=2), cr.Tanh(), cr.Dense(outputs), last], seed=1, **settings)


def of_layer(network: cr.Network, name: str, X: Any) -> np.ndarray:
    return np.asarray(applied_graph(network, np.asarray(X, np.float32)).names[name].value)


def panels(figure: Any) -> list[Any]:
    return [axes for axes in figure.axes if axes.images and axes.get_title()]


@pytest.mark.parametrize("layer", [None, "tanh_1", "dense_1"])
def test_a_panel_shows_its_neurons_value_over_the_plane(layer: str | None) -> None:
    network = bent(5)
    figure = neuron_surfaces(network, POINTS, TWO, layer)
    assert len(panels(figure)) == 5
    for k, axes in enumerate(panels(figure)):
        (image,) = axes.images
        expected = of_layer(network, layer or "tanh_1", centres(image))[:, k]
        np.testing.assert_allclose(image.get_array().ravel(), expected, atol=1e-5)
    assert len({axes.images[0].get_clim() for axes in panels(figure)}) == 1


def test_the_line_lies_where_the_weighted_sum_is_zero() -> None:
    network = bent(3)
    network.parameters[:] = np.linspace(-1, 1, network.parameters.size)
    for k, axes in enumerate(panels(neuron_surfaces(network, POINTS, TWO))):
        sums = of_layer(network, "dense_1", centres(axes.images[0]))[:, k]
        contours = [c for c in axes.collections if type(c).__name__ == "QuadContourSet"]
        assert bool(contours) == (sums.min() < 0 < sums.max())
        for contour in contours:
            np.testing.assert_allclose(
                of_layer(network, "dense_1", contour.get_paths()[0].vertices)[:, k], 0, atol=1e-4
            )


def test_a_summit_gives_way_to_the_other_neurons_and_the_bar_says_so() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.ReLU(), cr.Dense(1), cr.Sigmoid()])
    network.parameters[:] = 1
    image = panels(neuron_surfaces(network, POINTS, TWO))[0].images[0]
    low, high = image.get_clim()
    assert low == 0
    assert high < image.get_array().max()
    assert image.figure.axes[-1].get_ylabel() == "value in relu_1"


def test_points_are_drawn_in_each_panel_under_their_class() -> None:
    figure = neuron_surfaces(bent(3, outputs=3), POINTS, THREE, classes=["a", "b", "c"])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "c"]
    assert all(
        len([c for c in axes.collections if type(c).__name__ == "PathCollection"]) == 6 for axes in panels(figure)
    )


def test_hidden_layers_are_what_weights_hand_on_to_weights() -> None:
    layers = [cr.Rescale(2.0), cr.Dense(3, inputs=2), cr.ReLU(), cr.Dropout(0.5), cr.Residual([cr.Dense(3), cr.Tanh()])]
    network = cr.Network([*layers, cr.Dense(1), cr.Sigmoid()], inputs=2)
    found = hidden_layers(network.graph("prediction"))
    assert next(iter(found)) == "relu_1"
    assert all(node.shape[1] == 3 for node in found.values())
    assert len(found) == 2


def test_the_hidden_plane_has_the_points_where_the_layer_puts_them() -> None:
    network = bent()
    figure = hidden_space(network, POINTS, TWO)
    expected = of_layer(network, "tanh_1", POINTS)
    drawn = [points.get_offsets() for points in colour_points(figure_of(figure, 1))]
    np.testing.assert_allclose(np.concatenate(drawn), expected[[0, 1, 2]], atol=1e-6)


def test_the_ground_of_the_hidden_plane_is_what_the_rest_of_the_network_decides() -> None:
    network = bent()
    image = hidden_space(network, POINTS, TWO).axes[1].images[0]
    weights = {name: np.asarray(leaf.value) for name, leaf in network.leaves.items()}
    z = centres(image) @ weights["dense_2.weights"] + weights["dense_2.bias"]
    np.testing.assert_allclose(image.get_array().ravel(), (1 / (1 + np.exp(-z))).ravel(), atol=1e-5)


def test_the_grid_is_bent_as_the_layer_bends_it() -> None:
    network = bent()
    before, after = hidden_space(network, POINTS, TWO).axes[:2]
    lines = [next(c for c in axes.collections if type(c).__name__ == "LineCollection") for axes in (before, after)]
    square, curved = (np.array([path.vertices for path in collection.get_paths()]) for collection in lines)
    assert len(square) == 30
    np.testing.assert_allclose(of_layer(network, "tanh_1", square.reshape(-1, 2)), curved.reshape(-1, 2), atol=1e-5)


@pytest.mark.parametrize("outputs", [1, 3])
def test_after_the_last_hidden_layer_the_border_is_straight(outputs: int) -> None:
    axes = hidden_space(bent(outputs=outputs), POINTS, TWO if outputs == 1 else THREE).axes[1]
    contours = [c for c in axes.collections if type(c).__name__ == "QuadContourSet"]
    assert contours
    for contour in contours if outputs == 1 else []:
        along = contour.get_paths()[0].vertices
        _, residual, *_ = np.polyfit(*along.T, 1, full=True)
        assert float(np.sum(residual)) < 1e-4


def test_drawing_changes_nothing_in_the_network() -> None:
    network = bent()
    network.compute_loss(POINTS, TWO)
    before = network["tanh_1"].value.copy()
    for draw in DRAWERS:
        draw(network, [[5.0, 5.0], [4.0, 6.0]], [[0], [1]])
    np.testing.assert_array_equal(network["tanh_1"].value, before)


def figure_of(figure: Any, index: int) -> Any:
    """A figure as `colour_points` takes it, with another of its axes first."""
    return type("Figure", (), {"axes": [figure.axes[index]]})


def broken() -> cr.Network:
    network = bent()
    network.parameters[:] = math.nan
    return network


LINEAR = cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()])
ROUND = cr.Network([cr.Dense(2, inputs=2), cr.Residual([cr.Dense(2), cr.Tanh()]), cr.Dense(1), cr.Sigmoid()])


@pytest.mark.parametrize(
    ("draw", "network", "layer", "error", "message"),
    [
        (neuron_surfaces, LINEAR, None, InputError, "hidden layers are: none, but expected a hidden layer"),
        (hidden_space, bent(3), None, InputError, "tanh_1 with 3, but expected a hidden layer with 2 units"),
        (hidden_space, bent(), "dense_2", InputError, "'dense_2' with 1 units"),
        (neuron_surfaces, bent(), "tanh_9", UnknownNameError, "Did you mean 'tanh_1'"),
        (neuron_surfaces, bent(65), None, InputError, "with 65 neurons, but expected at most 64"),
        (neuron_surfaces, broken(), None, NonFiniteError, "NaN or infinite"),
        (hidden_space, broken(), None, NonFiniteError, "NaN or infinite"),
        (hidden_space, ROUND, "residual_1.tanh_1", InputError, "something goes round"),
    ],
)
def test_layers_that_cannot_be_drawn_are_refused(
    draw: Any, network: cr.Network, layer: str | None, error: type[ChainruleError], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        draw(network, POINTS, TWO, layer)
    assert str(caught.value).startswith(draw.__name__)


@pytest.mark.parametrize(
    ("X", "y", "error"), [([[0, 0, 0]], [[1]], ShapeError), (POINTS, [[0], [1], [0.5]], InputError)]
)
@pytest.mark.parametrize("draw", DRAWERS)
def test_data_that_cannot_be_drawn_are_refused(draw: Any, X: Any, y: Any, error: type[ChainruleError]) -> None:
    with pytest.raises(error):
        draw(bent(), X, y)
