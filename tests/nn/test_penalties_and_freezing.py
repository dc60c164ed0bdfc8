"""The number printed is the number differentiated: penalties, weights, frozen layers."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError, UnknownNameError

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(6, 3)), RNG.normal(size=(6, 2))
WEIGHTS = np.array([1.0, 0, 2, 0.5, 3, 1])

NETWORKS = {
    "none": dict(),
    "l2": dict(l2=0.3),
    "l1": dict(l1=0.2),
    "both": dict(l1=0.2, l2=0.3),
}
LAYERS = {
    "whole": [{}, {}],
    "own l2": [dict(l2=0.7), {}],
    "own l1": [{}, dict(l1=0.4)],
    "one off": [dict(l1=0.0, l2=0.0), {}],
    "both apart": [dict(l1=0.1, l2=0.2), dict(l1=0.3, l2=0.1)],
}


def network_of(whole=None, own=({}, {}), last=()):
    layers = [cr.Dense(4, inputs=3, **own[0]), cr.Tanh(), cr.Dense(2, **own[1]), *last]
    return cr.Network(layers, dtype="float64", seed=2, **(whole or {}))


def predicted_loss(network, *batch):
    return network.compute_with_loss(*network.as_batch("test", *batch))[0] + network.penalty()


def differences(network, *batch):
    found = np.zeros(network.parameters.size)
    for i in range(found.size):
        start = network.parameters[i]
        h = 1e-5 * max(1, abs(start))
        values = []
        for step in (-2, -1, 1, 2):
            network.parameters[i] = start + step * h
            values.append(predicted_loss(network, *batch))
        network.parameters[i] = start
        found[i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return found


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("own", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("whole", NETWORKS.values(), ids=NETWORKS)
def test_the_number_printed_is_the_number_differentiated(whole, own, weights):
    network = network_of(whole, own)
    batch = (X, Y, weights)
    assert network.compute_loss(*batch) == pytest.approx(predicted_loss(network, *batch), rel=1e-14)
    network.backward()
    np.testing.assert_allclose(network.gradients, differences(network, *batch), rtol=1e-7, atol=1e-9)


def test_the_number_printed_is_the_number_differentiated_with_frozen_layers():
    network = network_of(dict(l1=0.2, l2=0.3))
    network.freeze("dense_1", "dense_2.bias")
    assert network.compute_loss(X, Y) == pytest.approx(predicted_loss(network, X, Y), rel=1e-14)
    network.backward()
    expected = differences(network, X, Y)
    np.testing.assert_allclose(network.layers[2].weights.grad.ravel(), expected[network_slice(network)], rtol=1e-7)
    assert np.count_nonzero(network.gradients) == 8


def network_slice(network):
    return next(place for parameter, place in network.vector.places if parameter.name == "dense_2.weights")


def test_the_penalty_is_its_formula_and_leaves_biases_out():
    network = network_of(dict(l1=0.2, l2=0.3))
    network.layers[0].bias.assign(np.full(4, 100.0))
    weights = np.concatenate([layer.weights.value.ravel() for layer in (network.layers[0], network.layers[2])])
    assert network.penalty() == pytest.approx(0.2 * np.abs(weights).sum() + 0.15 * (weights**2).sum(), rel=1e-14)
    loss = network.compute_loss(X, Y)
    assert loss == pytest.approx(cr.evaluate(network, X, Y)["loss"] + network.penalty(), rel=1e-14)


def test_a_nested_network_keeps_its_own_penalty():
    inner = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(3, l2=0.0)], l2=0.5)
    network = cr.Network([inner, cr.Dense(2)], l1=0.1, inputs=3, dtype="float64")
    leaves = network.leaves
    inside, off, outside = (leaves[n].value for n in leaves if n.endswith("weights"))
    expected = 0.25 * (inside**2).sum() + 0.1 * sum(np.abs(w).sum() for w in (inside, off, outside))
    assert network.penalty() == pytest.approx(expected, rel=1e-14)


def test_frozen_layers_stay_and_others_learn():
    network = cr.Network([cr.Dense(4, inputs=3, name="first"), cr.Tanh(), cr.Dense(2, name="last")], l2=0.1)
    network.freeze("first")
    before = {name: leaf.value.copy() for name, leaf in network.leaves.items()}
    cr.train(network, X, Y, epochs=3, batch_size=2)
    for name, leaf in network.leaves.items():
        assert np.array_equal(leaf.value, before[name]) == name.startswith("first"), name
    network.unfreeze("first.bias")
    cr.train(network, X, Y, epochs=1)
    assert not np.array_equal(network.leaves["first.bias"].value, before["first.bias"])
    assert np.array_equal(network.leaves["first.weights"].value, before["first.weights"])


def test_freezing_and_releasing_is_training_as_if_nothing_had_been():
    one, two = (network_of(dict(l2=0.1)) for _ in range(2))
    one.freeze()
    one.unfreeze()
    for network in (one, two):
        cr.train(network, X, Y, epochs=2)
    assert np.array_equal(one.parameters, two.parameters)


def test_adamw_decays_weights_alone():
    network = cr.Network([cr.Dense(2, inputs=3)], optimizer=cr.AdamW(0.1, weight_decay=0.5))
    network.layers[0].bias.assign([10.0, 10.0])
    network.compute_loss(X, cr.predict(network, X))  # the gradient is zero: what moves, decays
    network.backward()
    weights = network.layers[0].weights.value.copy()
    network.optimize()
    np.testing.assert_allclose(network.layers[0].weights.value, weights * (1 - 0.1 * 0.5), rtol=1e-6)
    assert network.layers[0].bias.value.tolist() == [10, 10]


def test_wrong_names_are_told():
    network = network_of()
    with pytest.raises(UnknownNameError, match=r"Network.freeze: got 'dense_3'.*Did you mean"):
        network.freeze("dense_1", "dense_3")
    assert not any(leaf.frozen for leaf in network.leaves.values())
    with pytest.raises(UnknownNameError, match=r"Network.unfreeze"):
        network.unfreeze("x")


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
@pytest.mark.parametrize("kind", ["frozen", "without parameters"])
@pytest.mark.parametrize("way", ["arrays", "batches", "a step", "backward"])
def test_training_what_can_not_learn_is_misuse(way, kind, engine):
    X, Y = np.ones((4, 3), np.float32), np.ones((4, 3), np.float32)
    network = cr.Network([cr.Dense(3, inputs=3)] if kind == "frozen" else [cr.Tanh()], inputs=3, engine=engine)
    if kind == "frozen":
        network.freeze()
    before = network.parameters.copy()
    assert isinstance(network.compute_loss(X, Y), float)
    ways = {
        "arrays": lambda: cr.train(network, X, Y, epochs=1),
        "batches": lambda: cr.train(network, [(X, Y)], epochs=1),
        "a step": lambda: network.step(X, Y),
        "backward": network.backward,
    }
    with pytest.raises(MisuseError, match="without parameters") as told:
        ways[way]()
    assert told.value.cause == "network.frozen"
    assert np.array_equal(network.parameters, before)
    if kind == "frozen":
        network.unfreeze("dense_1.bias")
        cr.train(network, X, Y, epochs=1)
        assert not np.array_equal(network.parameters, before)


def test_freezing_everything_while_it_is_trained_ends_training():
    network = cr.Network([cr.Dense(3, inputs=3)])
    with pytest.raises(MisuseError, match="not frozen"):
        cr.train(
            network, np.ones((4, 3)), np.ones((4, 3)), epochs=3, callbacks=lambda training, epoch: network.freeze()
        )
