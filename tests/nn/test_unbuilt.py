"""What a network says that can't do it yet, or no longer: one without parameters, one that is a layer of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, MisuseError, ShapeError, UnknownNameError

X, Y = np.ones((4, 2), np.float32), np.ones((4, 3), np.float32)

ASKED: dict[str, Callable[[Any], Any]] = {
    "step": lambda network: network.step(X, Y),
    "steps": lambda network: network.steps(X, Y, None, np.zeros((1, 2), int), [0.1]),
    "record": lambda network: network.record(X, Y, None, 2),
    "compute": lambda network: network.compute(X),
    "compute_with_loss": lambda network: network.compute_with_loss(X, Y),
    "backward": lambda network: network.backward(),
    "optimize": lambda network: network.optimize(),
    "plan": lambda network: network.plan,
    "vector": lambda network: network.vector,
    "parameters": lambda network: network.parameters,
    "optimizer_state": lambda network: network.optimizer_state,
    "graph": lambda network: network.graph(),
    "nodes": lambda network: network.nodes,
    "states": lambda network: network.states(),
    "snapshot": lambda network: network.snapshot(),
    "summary": lambda network: network.summary(),
    "freeze": lambda network: network.freeze(),
}
ENGINES = ["replay", "dynamic", "compiled"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("what", ASKED)
def test_a_network_without_parameters_says_how_it_gets_them(what: str, engine: str) -> None:
    network = cr.Network([cr.Dense(3)], engine=engine)
    with pytest.raises(MisuseError, match=r"not built yet|no forward pass"):
        ASKED[what](network)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("what", ASKED)
def test_a_network_that_is_a_layer_of_another_names_the_outer_one(what: str, engine: str) -> None:
    inner = cr.Network([cr.Dense(3, inputs=2)], engine=engine)
    inner.compute(X)
    cr.Network([inner, cr.Dense(1)], inputs=2)
    with pytest.raises(MisuseError, match=r"outer network|no forward pass"):
        ASKED[what](inner)


STATES = {
    "an unknown name": ({"zz.mean": np.ones(2)}, UnknownNameError),
    "a parameter": ({"dense_1.bias": np.ones(3)}, UnknownNameError),
    "another shape": ({"rescale_1.offset": np.ones(7)}, ShapeError),
    "a number": ({"rescale_1.offset": 1.0}, ShapeError),
}


@pytest.mark.parametrize("given", STATES)
def test_states_that_do_not_fit_are_refused_and_nothing_is_changed(given: str) -> None:
    network = cr.Network([cr.Rescale((0.5, 0.25), (1.0, 2.0)), cr.Dense(3)], inputs=2)
    before = network.states()
    states, kind = STATES[given]
    with pytest.raises(kind, match="set_states"):
        network.set_states({"rescale_1.scale": np.zeros(2), **states})
    assert all(np.array_equal(before[name], array) for name, array in network.states().items())


@pytest.mark.parametrize(
    ("name", "nearest"), [("optimise", "optimize"), ("paramters", "parameters"), ("sumary", "summary")]
)
def test_a_name_that_a_network_does_not_have_is_an_error_with_the_nearest(name: str, nearest: str) -> None:
    network = cr.Network([cr.Dense(1, inputs=2)])
    with pytest.raises(UnknownNameError, match=f"Did you mean '{nearest}'"):
        getattr(network, name)
    assert not hasattr(network, name)


@pytest.mark.parametrize("name", ["dynamic", "compiled"])
def test_an_engine_is_asked_for_by_its_name(name: str) -> None:
    with pytest.raises(ArgumentError, match=f'Write engine="{name}"'):
        cr.Network([cr.Dense(1)], **{name: True})


def test_a_learnt_slope_gives_no_probabilities() -> None:
    with pytest.raises(cr.ChainruleError, match="which gives any number"):
        cr.Network([cr.Dense(1), cr.PReLU()], loss=cr.BinaryCrossEntropy())
