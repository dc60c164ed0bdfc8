"""Weights as pictures: every number where the pixel lies that it belongs to, on one scale for a layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, MisuseError, NonFiniteError, UnknownNameError
from chainrule.plot import weights


def network(*sizes: int, **settings: Any) -> cr.Network:
    layers: list[Any] = [cr.Dense(sizes[1], inputs=sizes[0], name="first"), cr.Tanh()]
    layers += [cr.Dense(size) for size in sizes[2:]]
    return cr.Network(layers, **settings)


def matrix(of: cr.Network, name: str) -> np.ndarray:
    return np.asarray(of.leaves[name].value)


def test_each_neuron_of_a_layer_that_meets_images_is_a_picture_of_its_weights() -> None:
    of = network(64, 7, 3)
    figure = weights(of)
    pictures = [axes.images[0] for axes in figure.axes if axes.images and axes.get_title()]
    assert [axes.get_title() for axes in figure.axes[:7]] == [str(k) for k in range(7)]
    for k, image in enumerate(pictures):
        np.testing.assert_array_equal(image.get_array(), matrix(of, "first.weights")[:, k].reshape(8, 8))
    assert len({image.get_clim() for image in pictures}) == 1
    low, high = pictures[0].get_clim()
    assert low == -high


def test_pictures_have_the_shape_of_the_samples() -> None:
    of = cr.Network([cr.Flatten(), cr.Dense(2)], inputs=(4, 6))
    assert weights(of).axes[0].images[0].get_array().shape == (4, 6)


@pytest.mark.parametrize(("size", "shape"), [(64, (4, 16)), (13, (1, 13))])
def test_a_shape_may_be_given(size: int, shape: tuple[int, int]) -> None:
    assert weights(network(size, 2, 1), shape=shape).axes[0].images[0].get_array().shape == shape


@pytest.mark.parametrize(
    ("sizes", "settings", "name"),
    [
        ((2, 3, 1), {}, "first.weights"),
        ((64, 7, 3), {"heat_map": True}, "first.weights"),
        ((64, 64, 3), {"layer": "dense_1"}, "dense_1.weights"),  # no pictures: its inputs are neurons
        ((60, 300, 3), {}, "first.weights"),
        ((64, 7, 3), {"layer": "dense_1.weights"}, "dense_1.weights"),
    ],
)
def test_other_matrices_are_heat_maps(sizes: tuple[int, ...], settings: dict[str, Any], name: str) -> None:
    of = network(*sizes)
    axes = weights(of, **settings).axes[0]
    np.testing.assert_array_equal(axes.images[0].get_array(), matrix(of, name))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("neuron", "input")


def test_small_matrices_have_their_numbers_written_in() -> None:
    of = network(2, 3, 1)
    found = [text.get_text() for text in weights(of).axes[0].texts]
    assert found == [f"{w:.2f}".replace("-", "−") for w in matrix(of, "first.weights").ravel()]
    assert not weights(network(20, 3, 1)).axes[0].texts


def test_of_very_many_neurons_some_are_drawn_and_the_title_says_so() -> None:
    figure = weights(network(64, 120, 1))
    assert len([axes for axes in figure.axes if axes.images and axes.get_title()]) == 100
    assert figure.get_suptitle() == "first.weights, 64 × 120, the first 100 neurons"


def test_one_huge_weight_does_not_take_the_contrast_from_the_others() -> None:
    of = network(64, 20, 1)
    of.leaves["first.weights"].assign(np.where(np.arange(1280).reshape(64, 20) == 5, 1000, 1))
    assert weights(of).axes[0].images[0].get_clim() == (-1, 1)


def test_weights_that_are_all_zero_can_be_drawn() -> None:
    of = network(2, 3, 1)
    of.parameters[:] = 0
    assert weights(of).axes[0].images[0].get_clim() == (-1, 1)


def nonfinite() -> cr.Network:
    of = network(2, 3, 1)
    of.parameters[0] = math.nan
    return of


@pytest.mark.parametrize(
    ("of", "settings", "error", "message"),
    [
        (network(2, 3, 1), {"layer": "firts"}, UnknownNameError, "Did you mean 'first'"),
        (network(2, 3, 1), {"layer": "first.bias"}, InputError, r"'first.bias', of shape \(3,\)"),
        (network(2, 3, 1), {"shape": (2, 2)}, InputError, "of a picture of 2 numbers"),
        (network(2, 3, 1), {"shape": 5}, InputError, "of a picture of 2 numbers"),
        (cr.Network([cr.Tanh()], inputs=3), {}, InputError, "a network without a matrix of weights"),
        (cr.Network([cr.Dense(2)]), {}, MisuseError, "not built|no parameters"),
        (nonfinite(), {}, NonFiniteError, "1 numbers that are NaN or infinite"),
        (None, {}, InputError, "expected something like a cr.Network"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    of: Any, settings: dict[str, Any], error: type[ChainruleError], message: str
) -> None:
    with pytest.raises(error, match=message):
        weights(of, **settings)


@pytest.mark.parametrize(("inputs", "units", "named"), [(3, 4, True), (3, 40, True), (12, 64, True), (90, 20, False)])
def test_inputs_of_a_table_have_their_names_where_a_name_fits_beside_a_row(
    inputs: int, units: int, named: bool
) -> None:
    network = cr.Network([cr.Dense(units), cr.ReLU(), cr.Dense(1)], inputs=inputs)
    names = [f"column {i}" for i in range(inputs)]
    network.note_columns(tuple(names))  # as a training on a table does
    figure = cr.plot.weights(network, heat_map=True)
    figure.draw_without_rendering()
    assert ([label.get_text() for label in figure.axes[0].get_yticklabels()] == names) == named
    hidden = cr.plot.weights(network, layer="dense_2", heat_map=True)
    assert "column 0" not in [label.get_text() for label in hidden.axes[0].get_yticklabels()]
