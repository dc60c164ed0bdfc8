"""A layer is applied once, to an example: what it reads there would freeze, so it can't be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError

X = np.array([[3.0, 1.0], [2.0, -5.0], [-1.0, -4.0]], np.float32)
Y = np.zeros((3, 2), np.float32)

LOOKS: dict[str, Callable[[cr.Node], Any]] = {
    "value": lambda x: x.value.mean() > 0,
    "grad": lambda x: x.grad is None,
    "bool": lambda x: bool(x),
    "float": lambda x: float(x) > 0,
    "an index": lambda x: [0, 1][x],
    "asarray": lambda x: np.asarray(x).mean() > 0,
    "NumPy's function": lambda x: np.where(x, 1, 0),
    "a comparison": lambda x: x > 0,
    "a later node": lambda x: (x * 2).value.sum() > 0,
    "max": lambda x: max(x, x),
}


class Looking(cr.Layer):
    """Decides by what it sees."""

    def __init__(self, look: Callable[[cr.Node], Any]) -> None:
        self.look = look

    def forward(self, x: cr.Node) -> cr.Node:
        return x * 2 if self.look(x) else -x


class OwnParameter(cr.Layer):
    """Reads what it learns."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.gain = self.parameter("gain", shape, cr.Constant(2.0))
        assert self.gain.value.sum() == 4  # the numbers that it begins with may be looked at

    def forward(self, x: cr.Node) -> cr.Node:
        return x * float(self.gain.value.max())


INSIDE: dict[str, Callable[[cr.Layer], Any]] = {
    "a network": lambda layer: layer,
    "a skip connection": lambda layer: cr.Residual([layer]),
    "a branch": lambda layer: cr.Branches([[layer], [cr.Tanh()]]),
    "a network in a network": lambda layer: cr.Network([layer, cr.Tanh()]),
}


def used(layer: Any, **engine: bool) -> np.ndarray[Any, Any]:
    network = cr.Network([layer], **engine)
    return cr.predict(network, X)


@pytest.mark.parametrize("engine", [{}, {"engine": "compiled"}], ids=["replayed", "compiled"])
@pytest.mark.parametrize("inside", INSIDE)
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_an_example_names_both_ways_out(look: str, inside: str, engine: dict[str, str]) -> None:
    with pytest.raises(MisuseError, match=r"Looking\.forward: got a look at .* engine='dynamic'"):
        used(INSIDE[inside](Looking(LOOKS[look])), **engine)
    assert cr.Input("x", X).value.shape == (3, 2)  # nothing stays sealed


def test_what_a_layer_learns_is_sealed_too_but_not_while_it_is_built() -> None:
    with pytest.raises(MisuseError, match=r"OwnParameter\.forward: got a look at Parameter 'ownparameter_1.gain'"):
        used(OwnParameter())


@pytest.mark.parametrize("inside", ["a network", "a skip connection", "a network in a network"])
def test_a_dynamic_network_decides_by_each_batch(inside: str) -> None:
    network = cr.Network([INSIDE[inside](Looking(LOOKS["value"]))], engine="dynamic")
    positive, negative = cr.predict(network, X[:1]), cr.predict(network, X[1:])
    plain = {"a network": lambda y: y, "a skip connection": lambda y: y, "a network in a network": np.tanh}[inside]
    x = X if inside == "a skip connection" else np.zeros_like(X)
    assert np.array_equal(positive, x[:1] + plain(X[:1] * 2))
    assert np.array_equal(negative, x[1:] + plain(-X[1:]))


def test_a_layer_on_its_own_sees_what_passes() -> None:
    assert np.array_equal(Looking(LOOKS["value"])(cr.Input("x", X[1:])).value, -X[1:])


def test_values_are_open_again_in_training_and_after_it() -> None:
    network = cr.Network([cr.Dense(2), cr.Tanh()], seed=0)
    seen: list[float] = []
    cr.train(network, X, Y, epochs=2, callbacks=[lambda training, epoch: seen.append(network["tanh_1"].value.sum())])
    assert len(seen) == 2
    assert network["tanh_1"].grad is not None
