"""The stages of a step, in every engine: what lies between backward and update, and states that layers keep."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, MisuseError, ShapeError
from chainrule.graph import Graph
from chainrule.nn.engines import Replay
from tests.referees import absent

NUMBA = pytest.mark.skipif(bool(absent("numba")), reason="no numba")
ENGINES = ["replay", "dynamic", pytest.param("compiled", marks=NUMBA)]
RNG = np.random.default_rng(5)
X = (RNG.normal(size=(24, 3)) * [1, 4, 9] + [0, 5, -3]).astype(np.float32)
Y = RNG.integers(0, 3, 24)
MOMENTUM, EPSILON = 0.9, 1e-3


class Normalise(cr.Layer):
    """Batch normalisation without its gain, as anyone would write it."""

    def build(self, shape):
        self.mean, self.variance = self.state("mean", np.zeros(shape)), self.state("variance", np.ones(shape))

    def forward(self, x):
        if not self.scope.training:
            return (x - self.mean) / cr.sqrt(self.variance + EPSILON)
        mean = cr.mean(x, axis=0)
        centred = x - mean
        variance = cr.mean(centred * centred, axis=0)
        self.update(self.mean, MOMENTUM * self.mean + (1 - MOMENTUM) * mean)
        self.update(self.variance, MOMENTUM * self.variance + (1 - MOMENTUM) * variance)
        return centred / cr.sqrt(variance + EPSILON)


def network_of(engine="replay", **settings):
    layers = [cr.Dense(5), Normalise(), cr.Tanh(), cr.Dense(3), cr.Softmax()]
    return cr.Network(layers, inputs=3, optimizer=cr.SGD(0.1), engine=engine, seed=2, **settings)


def states(network):
    return {name: leaf.value.copy() for name, leaf in network.leaves.items() if name.startswith("normalise")}


@pytest.mark.usefixtures("compiled_cache")
@pytest.mark.parametrize("engine", ENGINES)
def test_running_statistics_are_those_of_the_formula(engine):
    network, reference = network_of(engine), network_of("dynamic")
    means, variances = np.zeros(5), np.ones(5)
    for start in range(0, 24, 8):
        x, y = X[start : start + 8], Y[start : start + 8]
        dense = cr.predict(cr.Network([reference.layers[0].copy()], inputs=3), x).astype(np.float64)
        means = MOMENTUM * means + (1 - MOMENTUM) * dense.mean(axis=0)
        variances = MOMENTUM * variances + (1 - MOMENTUM) * dense.var(axis=0)
        reference.step(*reference.as_batch("test", x, y))
    cr.train(network, X, Y, epochs=1, batch_size=8, shuffle=False)
    found = states(network)
    np.testing.assert_allclose(found["normalise_1.mean"], means, rtol=1e-5)
    np.testing.assert_allclose(found["normalise_1.variance"], variances, rtol=1e-5)
    if engine == "compiled":
        assert "whole epochs compiled" in network.summary().engine


def test_states_are_replayed_to_the_bits_of_calls():
    replayed, called = network_of(), network_of("dynamic")
    replayed._engine = Replay(replayed.plan, lowering=False)
    for network in (replayed, called):
        cr.train(network, X, Y, epochs=4, batch_size=7)
    assert replayed.parameters.tobytes() == called.parameters.tobytes()
    for name, array in states(called).items():
        assert states(replayed)[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_a_step_by_hand_updates_states_and_prediction_does_not(engine):
    network, whole = network_of(engine), network_of(engine)
    before = states(network)
    cr.predict(network, X)
    network.forward(X)
    network.compute_loss(X, Y)
    network.backward()
    assert all(np.array_equal(before[name], array) for name, array in states(network).items())
    network.optimize()
    whole.step(*whole.as_batch("test", X, Y))
    assert not np.array_equal(before["normalise_1.mean"], states(network)["normalise_1.mean"])
    for name, array in states(whole).items():
        np.testing.assert_allclose(states(network)[name], array, rtol=1e-6)


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_a_step_that_goes_wrong_leaves_states_as_they_are(engine):
    network = network_of(engine)
    before = states(network)
    x = X.copy()
    x[0] = 3e38
    with np.errstate(all="ignore"), pytest.raises(cr.errors.NonFiniteError):
        network.step(*network.as_batch("test", x, Y))
    assert all(np.array_equal(before[name], array) for name, array in states(network).items())


@pytest.mark.usefixtures("compiled_cache")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_best_states_come_back_with_the_best_weights(engine):
    network = network_of(engine)
    seen = []

    def after(training, epoch):
        seen.append(states(training.network))

    history = cr.train(
        network, X, Y, epochs=12, batch_size=8, keep="best", validation_data=(X, (Y + 1) % 3), callbacks=after
    )
    best = seen[history.best_epoch - 1]
    assert history.best_epoch < 12, "the test wants a training that gets worse"
    for name, array in states(network).items():
        assert np.array_equal(array, best[name])
        assert np.array_equal(history.last_states[name], seen[-1][name])


def test_a_resumed_training_goes_on_with_its_states(tmp_path):
    path = tmp_path / "half.safetensors"
    straight, half, rest = network_of(), network_of(), network_of()
    settings = {"batch_size": 7, "validation_data": (X[:6], Y[:6])}
    told = cr.train(straight, X, Y, epochs=7, **settings)

    def stop(training, epoch):
        if epoch.epoch == 3:
            training.stop("enough")

    cr.train(half, X, Y, epochs=6, callbacks=[stop, cr.Checkpoint(path, steps=1)], **settings)
    again = cr.train(rest, X, Y, epochs=7, resume=path, **settings)
    assert again["loss"] == told["loss"]
    for name, array in states(straight).items():
        assert np.array_equal(states(rest)[name], array)


def test_a_graph_that_is_pickled_keeps_its_updates():
    network = network_of()
    network.compute_loss(X, Y)
    graph = pickle.loads(pickle.dumps(network.graph()))
    assert isinstance(graph, Graph)
    assert [state.name for state, _ in graph.updates] == ["normalise_1.mean", "normalise_1.variance"]
    graph.forward(x=X, y=Y)
    graph.update_states()
    assert np.any(graph.updates[0][0].value != 0)


class Wrong(Normalise):
    how = ""

    def forward(self, x):
        mean = cr.mean(x, axis=0)
        if self.how == "shape":
            self.update(self.mean, x)
        elif self.how == "an array":
            self.update(np.zeros(5), mean)
        elif self.how == "twice":
            self.update(self.mean, mean)
            self.update(self.mean, mean)
        return x


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("shape", ShapeError, "Take the mean over the samples"),
        ("an array", InputError, "a state of this layer"),
        ("twice", MisuseError, "a second time in one step"),
    ],
)
def test_a_wrong_update_is_refused(engine, how, kind, words):
    layer = type("Wrong", (Wrong,), {"how": how})()
    network = cr.Network([cr.Dense(5), layer, cr.Dense(1)], engine=engine)
    with pytest.raises(kind, match=words):
        cr.train(network, X, X[:, :1], epochs=1)


@pytest.mark.usefixtures("compiled_cache")
@pytest.mark.parametrize("engine", ENGINES)
def test_what_stands_between_backward_and_update_sees_every_gradient_without_penalties(engine):
    network, twin = network_of(engine, l2=0.5), network_of("dynamic")
    seen = []

    def halve(gradient):
        seen.append(gradient.copy())
        gradient *= 0.5

    network.plan.after_backward = halve
    x, y, _ = network.as_batch("test", X, Y)
    twin.compute_loss(x, y)
    twin.backward()
    before = network.parameters.copy()
    cr.train(network, X, Y, epochs=1, batch_size=None)
    np.testing.assert_allclose(seen[0], twin.gradients, rtol=1e-4, atol=1e-6)
    change = np.zeros_like(before)
    for parameter, place in network.vector.places:
        change[place] = 0.1 * (0.5 * seen[0][place] + 0.5 * before[place] * parameter.penalised)
    np.testing.assert_allclose(network.parameters, before - change, rtol=1e-4, atol=1e-6)


def test_what_stands_between_is_kept_when_layers_are_frozen():
    network = network_of()
    seen = []
    network.plan.after_backward = lambda gradient: seen.append(1)
    network.freeze("dense_1")
    cr.train(network, X, Y, epochs=1, batch_size=None)
    assert seen


def test_a_program_names_its_stages():
    network = network_of(l2=0.1)
    network.record(*network.as_batch("test", X, Y), 24)
    program = network._engine._program
    assert list(program.plans) == ["forward", "backward", "penalty", "update", "state"]
    assert all(program.plans.values())
