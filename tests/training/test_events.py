"""A training as a generator of events: looking, pausing, stopping, and training again from the same start."""

from __future__ import annotations

import pickle
import threading

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, MisuseError, NonFiniteError
from chainrule.training import Training
from tests.referees import absent

NUMBA = pytest.mark.skipif(bool(absent("numba")), reason="no numba")
ENGINES = ["replay", "dynamic", pytest.param("compiled", marks=NUMBA)]
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)), RNG.integers(0, 3, 20)


def network_of(engine="replay", **settings):
    layers = [cr.Dense(4), cr.Tanh(), cr.Dropout(0.2), cr.Dense(3), cr.Softmax()]
    return cr.Network(layers, inputs=3, **{"optimizer": cr.Adam(0.05), "engine": engine, "seed": 3, **settings})


@pytest.mark.usefixtures("compiled_cache")
@pytest.mark.parametrize("engine", ENGINES)
def test_going_through_the_events_is_train(engine):
    by_events, trained = network_of(engine), network_of(engine)
    training = Training(by_events, X, Y, epochs=3, batch_size=6, validation_data=(X, Y))
    kinds = [event.kind for event in training.events()]
    history = cr.train(trained, X, Y, epochs=3, batch_size=6, validation_data=(X, Y))
    assert by_events.parameters.tobytes() == trained.parameters.tobytes()
    assert training.history["loss"] == history["loss"]
    assert (kinds[0], kinds[-1], kinds.count("epoch")) == ("begin", "end", 3)
    assert engine == "compiled" or kinds.count("step") == 12
    assert training.step == 12


def test_at_a_step_everything_can_be_looked_at():
    network = network_of()
    training = Training(network, X, Y, epochs=2, batch_size=10)
    losses = []
    for event in training.events():
        if event.kind == "step":
            losses.append(training.loss)
            assert network["dense_1"].grad.shape == (10, 4)
            assert float(network["loss"].value) == training.loss
            assert cr.predict(network, X).shape == (20, 3)
        elif event.kind == "epoch":
            assert event.epoch.loss == pytest.approx(np.mean(losses[-2:]))
            assert repr(event).startswith("Event('epoch', step=")
    assert len(losses) == 4


def test_a_training_pauses_between_events_and_goes_on():
    paused, straight = network_of(), network_of()
    events = Training(paused, X, Y, epochs=2, batch_size=5).events()
    for _ in range(4):
        next(events)
    before = paused.parameters.copy()
    with pytest.raises(MisuseError, match="inside its own training"):
        paused.step(*paused.as_batch("test", X, Y))
    assert np.array_equal(before, paused.parameters)
    for _ in events:
        pass
    cr.train(straight, X, Y, epochs=2, batch_size=5)
    assert paused.parameters.tobytes() == straight.parameters.tobytes()


def test_who_leaves_the_events_ends_the_training():
    network = network_of()
    ended = []

    class Watch(cr.Callback):
        def ending(self, training):
            ended.append("ending")

        def end(self, training):
            ended.append("end")

    training = Training(network, X, Y, epochs=5, batch_size=5, callbacks=Watch())
    for event in training.events():
        if event.kind == "step" and training.step == 7:
            break
    assert training.history.stopped == "stopped"
    assert len(training.history) == 1
    assert ended == ["ending", "end"]
    assert np.array_equal(training.history.last_parameters, network.parameters)
    cr.train(network, X, Y, epochs=1)  # the network is free again


def test_stop_ends_after_the_step_with_a_record():
    training = Training(network_of(), X, Y, epochs=5, batch_size=5)
    for event in training.events():
        if event.kind == "step" and training.step == 6:
            training.stop("enough")
    assert (training.step, training.history.stopped, len(training.history)) == (6, "enough", 2)


def test_a_training_is_gone_through_once():
    training = Training(network_of(), X, Y, epochs=1)
    list(training.events())
    with pytest.raises(MisuseError, match="begun already"):
        next(training.events())


def test_an_error_of_whoever_goes_through_the_events_frees_the_network():
    network = network_of()

    def go_through():
        for event in Training(network, X, Y, epochs=1).events():
            raise KeyError(event.kind)

    with pytest.raises(KeyError):
        go_through()
    cr.train(network, X, Y, epochs=1)


def test_a_loss_that_is_not_finite_ends_the_events_with_the_error():
    network = network_of(optimizer=cr.SGD(1.0), l2=1e30)
    training = Training(network, X, Y, epochs=50)
    with pytest.raises(NonFiniteError) as caught:
        list(training.events())
    assert caught.value.history is training.history
    assert training.history.stopped == "non-finite"


def test_two_networks_are_trained_side_by_side_in_one_thread():
    apart, together = [network_of(seed=seed) for seed in (1, 2)], [network_of(seed=seed) for seed in (1, 2)]
    for network in apart:
        cr.train(network, X, Y, epochs=2, batch_size=5)
    for _ in zip(*(Training(network, X, Y, epochs=2, batch_size=5).events() for network in together), strict=True):
        pass
    for one, other in zip(apart, together, strict=True):
        assert one.parameters.tobytes() == other.parameters.tobytes()


def test_another_thread_may_go_on_with_the_events():
    network, straight = network_of(), network_of()
    events = Training(network, X, Y, epochs=2, batch_size=5).events()
    next(events)
    raised = []

    def go_on():
        try:
            list(events)
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=go_on)
    thread.start()
    thread.join()
    cr.train(straight, X, Y, epochs=2, batch_size=5)
    assert not raised
    assert network.parameters.tobytes() == straight.parameters.tobytes()


# ---------------------------------------------------------------------- the same training again


def changed(network):
    network.parameters[:] = network.parameters * 2 + 1
    return network


STARTS = {
    "as the seed says": network_of,
    "with parameters of one's own": lambda: changed(network_of()),
    "a copy of one that was trained": lambda: trained(network_of()).copy(),
    "frozen": lambda: frozen(network_of()),
    "in float64": lambda: network_of(dtype="float64"),
}


def trained(network):
    cr.train(network, X, Y, epochs=1)
    return network


def frozen(network):
    network.freeze("dense_1")
    return network


@pytest.mark.parametrize("start", STARTS)
def test_a_training_is_repeated_to_the_same_bytes(start):
    network = STARTS[start]()
    before = network.parameters.copy()
    history = cr.train(network, X, Y, epochs=3, batch_size=6, validation_split=0.2)
    again = history.repeat()
    assert again.network is not network
    assert again["loss"] == history["loss"]
    assert again.network.parameters.tobytes() == network.parameters.tobytes()
    more = cr.train(network, X, Y, epochs=2)
    assert more.repeat()["loss"] == more["loss"], "also from the middle of a life"
    if start != "a copy of one that was trained":
        assert network.fresh().parameters.tobytes() == before.tobytes()


CHANGES = {
    "a setting of train": {"batch_size": 3},
    "the optimizer": {"optimizer": cr.SGD(0.3)},
    "a penalty": {"l2": 0.5},
    "the seed": {"seed": 8},
    "the layers": {"layers": [cr.Dense(9, inputs=3), cr.ReLU(), cr.Dense(3), cr.Softmax()]},
    "the precision": {"dtype": "float64"},
    "the engine": {"engine": "dynamic"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_training_with_one_thing_changed_is_that_of_a_network_built_so(change):
    settings = CHANGES[change]
    history = cr.train(network_of(), X, Y, epochs=3, batch_size=6)
    again = history.repeat(**settings)
    own = {name: value for name, value in settings.items() if name != "batch_size"}
    layers = own.pop("layers", None)
    network = network_of(**own)
    if layers:
        layers = [cr.Dense(9, inputs=3), cr.ReLU(), cr.Dense(3), cr.Softmax()]
        network = cr.Network(layers, optimizer=cr.Adam(0.05), seed=3)
    told = cr.train(
        network, X, Y, epochs=3, **{"batch_size": 6, **{k: v for k, v in settings.items() if k == "batch_size"}}
    )
    np.testing.assert_allclose(again["loss"], told["loss"], rtol=1e-5)
    assert again["loss"] != history["loss"] or change == "the engine"


def test_a_network_that_infers_its_inputs_is_fresh_again():
    network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(3), cr.Softmax()])
    assert not network.fresh().built
    batches = [(X[:10], Y[:10]), (X[10:], Y[10:])]
    history = cr.train(network, batches, epochs=2)
    assert history.repeat()["loss"] == history["loss"]
    twin = network.fresh()
    assert cr.train(twin, batches, epochs=2)["loss"] == history["loss"]


def test_ten_lines_of_ones_own_begin_anew_too():
    network = network_of()
    before = network.parameters.copy()
    for _ in range(3):
        network.compute_loss(X, Y)
        network.backward()
        network.optimize()
    assert network.fresh().parameters.tobytes() == before.tobytes()


def test_a_history_from_a_pickle_says_that_it_has_no_data():
    history = pickle.loads(pickle.dumps(cr.train(network_of(), X, Y, epochs=1)))
    assert len(pickle.dumps(history)) < 20_000
    with pytest.raises(MisuseError, match=r"network\.fresh\(\)"):
        history.repeat()


def test_an_unknown_change_is_refused_by_name():
    history = cr.train(network_of(), X, Y, epochs=1)
    with pytest.raises(ArgumentError, match="batch_size"):
        history.repeat(batchsize=3)
    with pytest.raises(cr.ChainruleError, match="optimizer"):
        network_of().fresh(optimiser=cr.SGD(0.1))
