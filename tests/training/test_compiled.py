"""Compiled epochs learn what single steps learn, from the same samples in the same order."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from tests.referees import needed

needed("numba", "fast")
pytestmark = pytest.mark.usefixtures("compiled_cache")

generator = np.random.default_rng(0)
X, Y = generator.standard_normal((70, 6)), generator.integers(0, 3, 70)
WEIGHTS = generator.uniform(0.5, 2, 70)


def network(**settings):
    layers = [cr.Dense(8), cr.ReLU(), cr.Dropout(0.2), cr.Dense(3), cr.Softmax()]
    settings = {"optimizer": cr.Adam(cr.CosineDecay(0.05)), "l2": 1e-3, "dtype": "float64", **settings}
    return cr.Network(layers, inputs=6, seed=3, **settings)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_a_compiled_network_trains_as_a_replayed_one(weights):
    histories, parameters = [], []
    for engine in ("replay", "compiled"):
        trained = network(engine=engine)
        settings = {"epochs": 4, "batch_size": 16, "sample_weight": weights, "validation_split": 0.1}
        histories.append(cr.train(trained, X, Y, **settings))
        parameters.append(trained.parameters.copy())
    assert "compiled" in trained.summary().engine
    np.testing.assert_allclose(parameters[1], parameters[0], rtol=1e-9, atol=1e-12)
    for column in ("loss", "validation_loss", "learning_rate", "steps"):
        np.testing.assert_allclose(histories[1][column], histories[0][column], rtol=1e-9)


@pytest.mark.parametrize("metrics", [(), "accuracy"], ids=["whole epochs", "whole runs of steps"])
def test_who_looks_on_has_no_step_taken_alone(metrics, capsys):
    calls = []
    for verbose in (False, True, 2):
        trained = network(engine="compiled", optimizer=cr.Adam(0.02))
        steps, count = trained.steps, len(calls)
        trained.steps = lambda *given, steps=steps: calls.append(len(given[4])) or steps(*given)
        cr.train(trained, X[:64], Y[:64], epochs=40, batch_size=16, metrics=metrics, verbose=verbose)
        assert max(calls[count:]) > 1
        assert sum(calls[count:]) == 160
    assert "epoch 40/40" in capsys.readouterr().err


def test_nodes_show_the_last_compiled_step():
    trained = network(engine="compiled")
    cr.train(trained, X[:64], Y[:64], epochs=1, batch_size=16, shuffle=False)
    np.testing.assert_array_equal(trained["x"].value, X[48:64])
    assert trained["dense_1"].grad.shape == (16, 8)


def test_a_nan_stops_compiled_training_before_the_update():
    trained = network(engine="compiled", optimizer=cr.SGD(1e-3))
    cr.train(trained, X, Y, epochs=1, batch_size=16)
    before = trained.parameters.copy()
    trained.parameters[0] = np.nan
    with pytest.raises(cr.ChainruleError, match="forward at"):
        cr.train(trained, X, Y, epochs=1, batch_size=16)
    np.testing.assert_array_equal(trained.parameters[1:], before[1:])


def test_what_can_not_be_compiled_is_replayed_and_the_summary_says_so():
    class Longest(cr.Op):
        """y = z / max|z|, by a branch on values
        ∂z = ∂y / max|z|"""

        def forward(self, z):
            return z / (np.abs(z).max() if np.any(z) else 1)

        def backward(self, dy, y, z):
            return dict(z=dy / (np.abs(z).max() if np.any(z) else 1))

    settings = {"inputs": 6, "optimizer": cr.SGD(0.1), "seed": 1}
    compiled = cr.Network([cr.Dense(4), Longest(), cr.Dense(3), cr.Softmax()], engine="compiled", **settings)
    replayed = cr.Network([cr.Dense(4), Longest(), cr.Dense(3), cr.Softmax()], **settings)
    cr.train(compiled, X, Y, epochs=2, batch_size=16)
    cr.train(replayed, X, Y, epochs=2, batch_size=16)
    assert "not compiled, because of Longest" in compiled.summary().engine
    np.testing.assert_array_equal(compiled.parameters, replayed.parameters)


def test_an_unknown_engine_is_refused():
    with pytest.raises(cr.ChainruleError, match=r"engine: got .compile.*compiled"):
        cr.Network([cr.Dense(1)], engine="compile")


def test_a_callback_at_each_step_is_called_at_each_step():
    steps = []

    class Count(cr.Callback):
        def after_step(self, training):
            steps.append(training.step)

    cr.train(network(engine="compiled"), X, Y, epochs=2, batch_size=16, callbacks=[Count()])
    assert steps == list(range(1, 11))


def test_a_compiled_training_that_was_stopped_goes_on_to_the_same_bytes(tmp_path):
    class StopFrom(cr.Callback):
        each_step = False

        def __init__(self, step):
            self.step = step

        def after_step(self, training):
            if training.step >= self.step:
                training.stop("interrupted")

    def trained(path, *more, **also):
        cr.train(
            network(engine="compiled"), X, Y, epochs=4, batch_size=8, callbacks=[cr.Checkpoint(path), *more], **also
        )
        return path.read_bytes()

    whole = trained(tmp_path / "whole")
    for step in (1, 2, 9, 20):
        path = tmp_path / str(step)
        trained(path, StopFrom(step))
        assert trained(path, resume=path) == whole


def watched(training, epoch):
    """A callback that does nothing: epochs are taken one by one because of it."""


@pytest.mark.parametrize(
    ("samples", "settings"),
    [
        (64, {"batch_size": 16}),
        (64, {"batch_size": 16, "shuffle": False, "sample_weight": WEIGHTS[:64]}),
        (64, {"batch_size": 16, "keep": "best"}),
        (70, {"batch_size": 16}),  # a smaller last batch
    ],
    ids=["", "weighted", "best", "uneven"],
)
def test_many_epochs_in_a_call_are_those_of_one_by_one(samples, settings):
    learnt, histories = [], []
    for callbacks in ([watched], []):
        trained = network(engine="compiled", optimizer=cr.Adam(0.02))
        histories.append(cr.train(trained, X[:samples], Y[:samples], epochs=30, callbacks=callbacks, **settings))
        cr.train(trained, X[:samples], Y[:samples], epochs=1, batch_size=16)  # generators stand where they should
        learnt.append(trained.parameters.copy())
    np.testing.assert_array_equal(learnt[1], learnt[0])
    one_by_one, together = histories
    for column in ("epoch", "loss", "penalty", "learning_rate", "steps"):
        assert together[column] == one_by_one[column]
    assert together.best_epoch == one_by_one.best_epoch
    np.testing.assert_array_equal(together.best_parameters, one_by_one.best_parameters)
    np.testing.assert_array_equal(together.last_parameters, one_by_one.last_parameters)


def test_moments_settle_after_the_same_epoch_in_a_call_of_many():
    moments = []
    dark = X[:64] * (np.arange(X.shape[1]) > 0)  # nothing ever arrives at the first feature's weights
    for callbacks in ([watched], []):
        trained = network(engine="compiled", optimizer=cr.Adam(0.02), l2=0.0)
        cr.train(trained, dark, Y[:64], epochs=1, batch_size=16)
        state = trained.optimizer_state
        state.step = 1000
        (m,) = state.slots["m"]
        m[m == 0] = np.finfo(m.dtype).tiny / 2
        cr.train(trained, dark, Y[:64], epochs=4, batch_size=16, callbacks=callbacks)
        assert 0 not in m  # too early
        cr.train(trained, dark, Y[:64], epochs=9, batch_size=16, callbacks=callbacks)
        assert 0 in m
        moments.append(m.copy())
    np.testing.assert_array_equal(moments[1], moments[0])


def test_all_samples_at_once_are_trained_on_many_epochs_in_a_call():
    plain, compiled = network(optimizer=cr.SGD(0.1)), network(optimizer=cr.SGD(0.1), engine="compiled")
    histories = [cr.train(trained, X, Y, epochs=40, batch_size=None) for trained in (plain, compiled)]
    np.testing.assert_allclose(compiled.parameters, plain.parameters, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(histories[1]["loss"], histories[0]["loss"], rtol=1e-9)
    np.testing.assert_array_equal(compiled["x"].value, X)


def test_training_that_diverges_ends_where_single_epochs_would_have_ended_it():
    ends = []
    for callbacks in ([watched], []):
        trained = network(engine="compiled", optimizer=cr.SGD(1.0), l2=2.5)
        with pytest.raises(cr.errors.NonFiniteError) as caught:
            cr.train(trained, X[:64], Y[:64], epochs=9999, batch_size=16, callbacks=callbacks)
        ends.append((len(caught.value.history), caught.value.history["loss"], trained.parameters.copy()))
    assert ends[0][0] > 20
    assert ends[1][:2] == ends[0][:2]
    np.testing.assert_array_equal(ends[1][2], ends[0][2])
