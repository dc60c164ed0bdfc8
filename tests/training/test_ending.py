"""How training ends: best and last weights whatever ended it, callbacks, Ctrl-C, and numbers that are none."""

from __future__ import annotations

import pickle
import signal

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import NonFiniteError

RNG = np.random.default_rng(8)
X, Y = RNG.normal(size=(12, 3)), RNG.normal(size=(12, 2))


def network_of(optimizer=None, **settings):
    return cr.Network([cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(2)], optimizer=optimizer or cr.Adam(0.01), **settings)


class Vectors(cr.Callback):
    """Remember the parameters after each epoch, and end training in some way after `epochs` of them."""

    def __init__(self, epochs=None, way=None):
        self.epochs, self.way, self.seen, self.ended = epochs, way, [], 0

    def after_epoch(self, training, epoch):
        self.seen.append(training.network.parameters.copy())
        if len(self.seen) == self.epochs:
            self.way(training)

    def end(self, training):
        self.ended += 1


def interrupt(training):
    signal.raise_signal(signal.SIGINT)


def fail(training):
    raise ZeroDivisionError("mine")


def spoil(training):
    training.network.parameters[:] = np.nan


WAYS = {
    "finished": (None, None, "finished"),
    "stopped": (lambda training: training.stop("enough"), None, "enough"),
    "interrupted": (interrupt, None, "interrupted"),
    "an exception": (fail, ZeroDivisionError, "finished"),
    "a NaN": (spoil, NonFiniteError, "non-finite"),
}


@pytest.mark.parametrize("keep", ["best", "last", None])
@pytest.mark.parametrize(("way", "error", "stopped"), WAYS.values(), ids=WAYS)
def test_best_or_last_is_kept_whatever_ended_training(way, error, stopped, keep):
    network = network_of(cr.SGD(0.3))
    watch = Vectors(6 if way else None, way)
    histories = []

    def remember(training, epoch):
        histories.append(training.history)

    # The learning rate is so large that the validation loss goes up and down.
    told = dict(epochs=8, validation_data=(X[:4], Y[:4]), keep=keep, callbacks=[watch, remember])
    if error:
        with pytest.raises(error):
            cr.train(network, X, Y, **told)
    else:
        cr.train(network, X, Y, **told)
    history = histories[-1]
    assert history.stopped == stopped
    assert watch.ended == 1
    best = int(np.argmin(history["validation_loss"]))
    assert history.best_epoch == best + 1
    assert np.array_equal(history.best_parameters, watch.seen[best])
    assert history.kept == (keep or "best")
    if history.kept == "best":
        assert np.array_equal(network.parameters, watch.seen[best])
    elif way is not spoil:
        assert np.array_equal(network.parameters, watch.seen[-1])
        assert np.array_equal(history.last_parameters, watch.seen[-1])


def test_without_validation_the_last_is_kept():
    network = network_of()
    history = cr.train(network, X, Y, epochs=3)
    assert history.kept == "last"
    assert np.array_equal(network.parameters, history.last_parameters)


@pytest.mark.parametrize(
    ("monitor", "best"), [("loss", np.argmin), ("r2", np.argmax), ("mean_absolute_error", np.argmin)]
)
def test_best_is_what_is_monitored(monitor, best):
    network = network_of(cr.SGD(0.5))
    metrics = [] if monitor == "loss" else [monitor]
    history = cr.train(network, X, Y, epochs=12, metrics=metrics, monitor=monitor, keep="best")
    assert history.best_epoch == int(best(history[monitor])) + 1


def test_early_stopping_waits_for_its_patience():
    history = cr.train(network_of(cr.SGD(0.5)), X, Y, epochs=500, callbacks=cr.EarlyStopping(patience=3), keep="best")
    losses = history["loss"]
    assert len(losses) < 500
    assert history.stopped == "no better for 3 epochs"
    assert len(losses) - 1 - int(np.argmin(losses)) == 3
    assert history.best_epoch == int(np.argmin(losses)) + 1


def test_early_stopping_begins_anew_with_each_training():
    callback = cr.EarlyStopping(patience=3)
    lengths = [len(cr.train(network_of(cr.SGD(0.5)), X, Y, epochs=500, callbacks=callback)) for _ in range(2)]
    assert lengths[0] == lengths[1] < 500


def test_early_stopping_looks_at_every_figure_once():
    class Figures(list):
        read = 0

        def __getitem__(self, key):
            Figures.read += len(part := super().__getitem__(key))
            return part

    class Under:
        figures = Figures()

        def stop(self, reason):
            pass

    callback, training = cr.EarlyStopping(patience=300), Under()
    callback.begin(training)
    for figure in np.random.default_rng(0).normal(size=300).tolist():
        training.figures.append(figure)
        callback.after_epoch(training, None)
    assert Figures.read == 300


def test_callbacks_hear_every_step_and_epoch():
    heard = []

    class Hear(cr.Callback):
        def begin(self, training):
            heard.append("begin")

        def after_step(self, training):
            assert training.network["dense_1"].grad is not None
            heard.append(training.step)

        def after_epoch(self, training, epoch):
            heard.append(f"epoch {epoch.epoch} of {training.epochs}")

        def end(self, training):
            heard.append("end")

    cr.train(network_of(), X, Y, epochs=2, batch_size=6, callbacks=[Hear(), lambda training, epoch: heard.append("f")])
    assert heard == ["begin", 1, 2, "epoch 1 of 2", "f", 3, 4, "epoch 2 of 2", "f", "end"]


def test_schedules_reach_the_optimizer():
    rates = []

    class Look(cr.Callback):
        def after_step(self, training):
            rates.append(float(training.network.optimizer_state.rate))

    schedule = cr.ExponentialDecay(0.1, factor=0.5)
    cr.train(network_of(cr.SGD(schedule)), X, Y, epochs=3, batch_size=6, callbacks=[Look()])
    np.testing.assert_allclose(rates, [0.1 * 0.5 ** (k / 2) for k in range(6)], rtol=1e-6)
    history = cr.train(network_of(cr.SGD(cr.StepDecay(0.1, every=1))), X, Y, epochs=3)
    assert history["learning_rate"] == [0.1, 0.05, 0.025]
    plateau = cr.ReduceOnPlateau(1e-30, patience=2, threshold=0.5)
    history = cr.train(network_of(cr.SGD(plateau)), X, Y, epochs=5)
    assert history["learning_rate"] == pytest.approx([1e-30, 1e-30, 1e-30, 1e-31, 1e-31])


class Interrupting(cr.Callback):
    def __init__(self, times):
        self.times = times

    def after_step(self, training):
        for _ in range(self.times):
            signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_after_the_step_and_keeps_what_was_learnt():
    network = network_of()
    start = network.parameters.copy()
    history = cr.train(network, X, Y, epochs=10, batch_size=4, callbacks=[Interrupting(1)])
    assert history.stopped == "interrupted"
    assert history["steps"] == [1]
    assert not np.array_equal(network.parameters, start)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_stops_at_once():
    with pytest.raises(KeyboardInterrupt):
        cr.train(network_of(), X, Y, epochs=10, batch_size=4, callbacks=[Interrupting(2)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_somebody_elses_handler_stays_in_charge():
    heard = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        history = cr.train(network_of(), X, Y, epochs=2, batch_size=None, callbacks=[Interrupting(1)])
        assert (len(heard), history.stopped) == (2, "finished")
    finally:
        signal.signal(signal.SIGINT, before)


class Explode(cr.Op):
    """y = z; where z is large, a NaN on the way forward or backward."""

    def __init__(self, way):
        self.way = way

    def forward(self, z):
        return np.where(z > 1e3, np.nan, z).astype(z.dtype) if self.way == "forward" else z * 1

    def backward(self, dy, y, z):
        return dict(z=np.where(z > 1e3, np.nan, dy).astype(z.dtype) if self.way == "backward" else dy)


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize(("way", "node"), [("forward", "explode_1"), ("backward", "dense_1")])
def test_a_planted_nan_is_found_where_it_began(way, node, engine):
    network = cr.Network([cr.Dense(4, inputs=3), Explode(way), cr.Dense(2)], optimizer=cr.SGD(1e-9), engine=engine)
    cr.train(network, X, Y, epochs=1)
    bad = X.copy()
    bad[7] = 1e5
    network.layers[0].weights.assign(np.abs(network.layers[0].weights.value))
    seen = []

    class Look(cr.Callback):
        def after_step(self, training):
            seen.append(training.network.parameters.copy())

    with pytest.raises(NonFiniteError) as caught:
        cr.train(network, bad, Y, epochs=1, batch_size=4, shuffle=False, callbacks=[Look()])
    message = str(caught.value)
    assert message.startswith(f"train, step 3, {way} at '{node}': got ")
    assert "learning rate" in message
    assert caught.value.history.stopped == "non-finite"
    assert np.array_equal(network.parameters, seen[-1]), "the weights are those before the step"
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args


def test_a_learning_rate_too_large_is_said_to_be_so():
    network = cr.Network([cr.Dense(2, inputs=3)], optimizer=cr.SGD(1e12))
    with pytest.raises(NonFiniteError, match=r"Try a learning rate of 0\.1, .*at a learning rate of 1e\+12"):
        cr.train(network, X, Y, epochs=100)
    assert np.isfinite(network.parameters).all()


def test_what_is_infinite_in_an_iterable_is_found_at_the_input():
    bad = X.copy()
    bad[0, 0] = np.inf
    with pytest.raises(NonFiniteError, match=r"forward at 'x'.*Look at the data"):
        cr.train(network_of(), [(bad, Y)], epochs=1)


def test_nan_predictions_are_no_class():
    network = cr.Network([cr.Dense(2, inputs=3), cr.Softmax()])
    network.parameters[:] = np.nan
    assert np.isnan(cr.predict(network, X)).all()
    with pytest.raises(NonFiniteError, match=r"NaN is no class"):
        cr.classify(network, X)


def test_no_epochs_change_nothing():
    network = network_of()
    start = network.parameters.copy()
    history = cr.train(network, X, Y, epochs=0, validation_data=(X, Y))
    assert (len(history), history["loss"], np.isnan(history.final_loss)) == (0, [], True)
    assert repr(history) == "History(no epochs, finished)"
    assert np.array_equal(network.parameters, start)


def test_a_history_pickles():
    history = cr.train(network_of(), X, Y, epochs=2, metrics=["r2"])
    twin = pickle.loads(pickle.dumps(history))
    assert twin["r2"] == history["r2"]
    assert twin.epochs == history.epochs


def test_anything_is_better_than_nan():
    figures = iter([np.nan, 2.0, 1.0, np.nan, 3.0])

    def doubtful(prediction, target):
        return next(figures)

    history = cr.train(network_of(), X, Y, epochs=5, metrics=doubtful, monitor="doubtful", keep="best")
    assert history.best_epoch == 3
