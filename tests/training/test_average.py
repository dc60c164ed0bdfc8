"""An optimizer's moving average of the weights: its formula, and which weights a network has when."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError
from chainrule.optim import OptimizerState
from tests.referees import needed

RNG = np.random.default_rng(7)
X, LABELS = RNG.normal(size=(24, 4)), RNG.integers(0, 3, 24)
HELD = RNG.normal(size=(9, 4)), RNG.integers(0, 3, 9)
KINDS = [cr.SGD, cr.Adagrad, cr.RMSProp, cr.Adam, cr.AdamW]
pytestmark = pytest.mark.usefixtures("compiled_cache")


def network_of(ema=0.9, engine="replay", kind=cr.Adam, **settings):
    if engine == "compiled":
        needed("numba", "fast")
    layers = [cr.Dense(6), cr.Tanh(), cr.Dense(3), cr.Softmax()]
    optimizer = kind(0.05, clip_norm=0.5, ema=ema)
    return cr.Network(
        layers, optimizer=optimizer, inputs=4, engine=engine, **{"dtype": "float64", "l2": 0.01, **settings}
    )


class Weights(cr.Callback):
    """Keep the parameters after each step, and what there is after each epoch."""

    def __init__(self):
        self.after, self.averaged, self.at_epochs = [], [], []

    def after_step(self, training):
        self.after.append(training.network.parameters.copy())
        if training.network.optimizer.ema:
            self.averaged.append(training.network.averaged_parameters)

    def after_epoch(self, training, epoch):
        self.at_epochs.append(training.network.parameters.copy())


def trained(network, **told):
    weights = Weights()
    told = {"epochs": 3, "batch_size": 4, "callbacks": weights, **told}
    return cr.train(network, X, LABELS, **told), weights


def average(after, ema):
    """The weighted mean that it shall be."""
    counts = ema ** np.arange(len(after))[::-1]
    return np.tensordot(counts, after, axes=1) / counts.sum()


@pytest.mark.parametrize("ema", [0.5, 0.9, 0.9999])
@pytest.mark.parametrize("kind", KINDS)
def test_the_average_is_a_weighted_mean_of_the_weights_after_each_step(kind, ema):
    weights = trained(network_of(ema, kind=kind))[1]
    for i, found in enumerate(weights.averaged):
        np.testing.assert_allclose(found, average(weights.after[: i + 1], ema), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_the_weights_that_learn_are_those_of_a_training_without_an_average(engine):
    averaged, plain = trained(network_of(engine=engine))[1], trained(network_of(None, engine))[1]
    assert np.array(averaged.after).tobytes() == np.array(plain.after).tobytes()
    assert np.array(averaged.at_epochs).tobytes() == np.array(plain.at_epochs).tobytes()


def test_every_engine_keeps_the_same_average():
    needed("numba", "fast")
    found = []
    for engine in ("replay", "dynamic", "compiled"):
        network = cr.Network([cr.Dense(3), cr.Softmax()], optimizer=cr.SGD(0.1, ema=0.9), inputs=4, engine=engine)
        cr.train(network, X, LABELS, epochs=3, batch_size=4)
        found.append(network.parameters.copy())
    assert "whole epochs compiled" in network.summary().engine
    np.testing.assert_allclose(found[1:], [found[0]] * 2, rtol=1e-5, atol=1e-6)


def test_a_graph_built_by_hand_keeps_it_too():
    w = cr.Parameter("w", np.array([[1.0, 2.0]]))
    loss = cr.sum(x=w * w)
    state = cr.SGD(0.1, ema=0.5).start([w])
    after = []
    for _ in range(4):
        loss.backward()
        state.update()
        after.append(w.value.copy())
    np.testing.assert_allclose(state.slots["average"][0], average(after, 0.5))


def test_float32_averages_of_weights_that_stay_are_these_weights():
    weights = RNG.normal(size=1000).astype(np.float32)
    state = OptimizerState(cr.SGD(0.1, ema=0.99999), [weights])
    for _ in range(3000):
        state.apply([np.zeros_like(weights)])
    assert state.slots["average"][0].tobytes() == weights.tobytes()


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_validation_and_the_best_are_those_of_the_average(engine):
    network = network_of(engine=engine)
    history, weights = trained(network, validation_data=HELD, metrics=["error_rate"], keep="best", epochs=6)
    twin = network.copy()
    averaged = weights.averaged[5::6]
    for epoch, parameters in zip(history, averaged, strict=True):
        twin.parameters[:] = parameters
        measured = cr.evaluate(twin, *HELD, metrics=["error_rate"])
        assert (epoch.validation_loss, epoch.metrics["validation_error_rate"]) == (
            measured["loss"],
            measured["error_rate"],
        )
    best = averaged[history.best_epoch - 1]
    assert network.parameters.tobytes() == history.best_parameters.tobytes() == best.tobytes()
    assert history.last_parameters.tobytes() == averaged[-1].tobytes()


def test_metrics_on_the_training_data_are_those_of_the_average():
    network = network_of()
    history = cr.train(network, X, LABELS, epochs=2, batch_size=4, metrics="mean_squared_error")
    assert history["mean_squared_error"][-1] == cr.evaluate(network, X, LABELS)["mean_squared_error"]


def test_after_training_the_network_has_the_average():
    network = network_of()
    history, weights = trained(network)
    assert network.parameters.tobytes() == weights.averaged[-1].tobytes() == history.last_parameters.tobytes()
    assert network.parameters.tobytes() != weights.after[-1].tobytes()


@pytest.mark.parametrize("stop", ["stop", "raise"])
def test_a_training_that_is_stopped_leaves_the_average_too(stop):
    def end(training, epoch):
        if stop == "raise":
            raise ZeroDivisionError("mine")
        training.stop()

    network = network_of()
    weights = Weights()
    try:
        cr.train(network, X, LABELS, batch_size=4, callbacks=[weights, end])
    except ZeroDivisionError:
        assert stop == "raise"
    assert network.parameters.tobytes() == weights.averaged[-1].tobytes()


def test_a_training_of_no_step_changes_nothing():
    network = network_of()
    trained(network)
    before = network.parameters.copy()
    network.parameters[:] += 1
    cr.train(network, X, LABELS, epochs=0)
    np.testing.assert_allclose(network.parameters, before + 1)


def test_before_the_first_step_the_average_is_the_parameters():
    network = network_of()
    assert network.averaged_parameters.tobytes() == network.parameters.tobytes()
    assert not np.shares_memory(network.averaged_parameters, network.parameters)


def test_frozen_parameters_are_as_they_are():
    network = network_of()
    network.freeze("dense_1")
    before = network["dense_1.weights"].value.copy()
    _, weights = trained(network)
    assert np.array_equal(network["dense_1.weights"].value, before)
    np.testing.assert_allclose(network.parameters, average(weights.after, 0.9), rtol=1e-9, atol=1e-12)


def saved_and_loaded(network, path):
    cr.save(network, path)
    return cr.load(path)


@pytest.mark.parametrize("way", ["copy", "pickle", "file"])
def test_the_average_goes_along_to_the_byte(way, tmp_path):
    network = network_of()
    trained(network)
    ways = {
        "copy": lambda network: network.copy(),
        "pickle": lambda network: pickle.loads(pickle.dumps(network)),
        "file": lambda network: saved_and_loaded(network, tmp_path / "a.safetensors"),
    }
    twin = ways[way](network)
    assert twin.averaged_parameters.tobytes() == network.averaged_parameters.tobytes()
    trained(twin)
    trained(network)
    assert twin.parameters.tobytes() == network.parameters.tobytes()


def test_a_resumed_training_ends_with_the_same_average_and_its_file_with_the_same_bytes(tmp_path):
    def run(name, *callbacks, **told):
        network = network_of()
        checkpoint = cr.Checkpoint(tmp_path / name, steps=1000, seconds=0)
        told = {"validation_data": HELD, "epochs": 3, "batch_size": 4, **told}
        cr.train(network, X, LABELS, callbacks=[*callbacks, checkpoint], **told)
        return network.parameters.tobytes(), (tmp_path / name).read_bytes()

    class Stop(cr.Callback):
        def after_step(self, training):
            if training.step == 8:
                training.stop("interrupted")

    whole = run("whole.safetensors")
    run("stopped.safetensors", Stop())
    assert run("stopped.safetensors", resume=tmp_path / "stopped.safetensors") == whole


def test_a_checkpoint_holds_the_weights_that_learn_and_the_average(tmp_path):
    network = network_of()
    weights = Weights()
    cr.train(network, X, LABELS, epochs=2, batch_size=4, callbacks=[weights, cr.Checkpoint(tmp_path / "a.safetensors")])
    loaded = cr.load(tmp_path / "a.safetensors")
    assert loaded.parameters.tobytes() == weights.after[-1].tobytes()
    assert loaded.averaged_parameters.tobytes() == network.parameters.tobytes()


def test_the_same_training_can_be_repeated():
    history = trained(network_of())[0]
    again = history.repeat()
    assert again.last_parameters.tobytes() == history.last_parameters.tobytes()


def test_a_step_of_several_batches_counts_once_in_the_average():
    network = network_of()
    weights = trained(network, gradient_accumulation_steps=3)[1]
    assert len(weights.after) == 6
    np.testing.assert_allclose(network.parameters, average(weights.after, 0.9), rtol=1e-9, atol=1e-12)


def test_an_optimizer_of_ones_own_is_averaged_without_a_line_more():
    class SignDescent(cr.Optimizer):
        def update(self, weights, gradient, rate):
            weights -= rate * np.sign(gradient)

    layers = [cr.Dense(3), cr.Softmax()]
    network = cr.Network(layers, optimizer=SignDescent(0.1, ema=0.8), inputs=4, dtype="float64")
    _, weights = trained(network)
    np.testing.assert_allclose(network.parameters, average(weights.after, 0.8), rtol=1e-9, atol=1e-12)


def test_a_network_without_an_average_says_how_to_get_one():
    with pytest.raises(MisuseError, match=r"Pass ema=0\.999 to the optimizer"):
        network_of(None).averaged_parameters  # noqa: B018 -- it is the asking that raises


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["use_ema", "ema_momentum", "ema_decay"])
def test_other_names_are_answered_with_ours(kind, name):
    with pytest.raises(cr.ChainruleError, match="Write ema="):
        kind(**{name: 0.99})
