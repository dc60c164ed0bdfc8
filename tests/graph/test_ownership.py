"""What is given is not kept as it is: arrays of the caller's may change, or be changed in place, without harm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr

X = np.array([[0.5, -1.0], [2.0, 1.5]], np.float32)
Y = np.ones((2, 1), np.float32)


def weights_gradient(change: bool, how: str) -> np.ndarray[Any, Any]:
    """Return the gradient of a step during which the caller's arrays change, or not."""
    x, y = X.copy(), Y.copy()
    w = cr.Parameter("w", [[0.3], [0.4]])
    loss = cr.mean_squared_error(prediction=cr.tanh(z=cr.Input("x", x) @ w), target=cr.Input("y", y))
    if how == "fed":
        loss.forward(x=x, y=y)
    if change:
        x[...], y[...] = 7, 7
    loss.backward()
    assert w.grad is not None
    return w.grad


@pytest.mark.parametrize("how", ["given", "fed"])
def test_arrays_that_change_between_forward_and_backward_change_no_gradient(how: str) -> None:
    assert np.array_equal(weights_gradient(True, how), weights_gradient(False, how))


@pytest.mark.parametrize("engine", [{}, {"engine": "dynamic"}], ids=["replayed", "dynamic"])
def test_so_it_is_in_a_network(engine: dict[str, str]) -> None:
    gradients = []
    for change in (False, True):
        network = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(1)], seed=0, **engine)
        x, y = X.copy(), Y.copy()
        network.compute_loss(x, y)
        if change:
            x[...], y[...] = 7, 7
        network.backward()
        gradients.append(network.gradients.copy())
    assert np.array_equal(*gradients)


def brighter(x: Any, generator: Any) -> Any:
    x += 1
    return x


@pytest.mark.parametrize("size", [None, 1, 2])
@pytest.mark.parametrize("engine", [{}, {"engine": "dynamic"}], ids=["replayed", "dynamic"])
def test_what_augments_in_place_changes_nothing_of_the_callers(size: int | None, engine: dict[str, str]) -> None:
    x = X.copy()
    network = cr.Network([cr.Dense(1)], seed=0, **engine)
    cr.train(network, x, Y, epochs=3, batch_size=size, augment=brighter)
    assert np.array_equal(x, X)


LEAVES: dict[str, Callable[[Any], cr.Node]] = {
    "Input": lambda array: cr.Input("x", array),
    "Parameter": lambda array: cr.Parameter("x", array),
    "State": lambda array: cr.State("x", array),
    "an array as a child": lambda array: cr.tanh(z=array).children["z"],
}


@pytest.mark.parametrize("kind", LEAVES)
def test_a_leaf_has_numbers_of_its_own(kind: str) -> None:
    array = X.copy()
    leaf = LEAVES[kind](array)
    array[...] = 7
    assert np.array_equal(leaf.value, X)
