"""One thread at a time changes a network, and while it is trained nobody but the training; looking is free."""

from __future__ import annotations

import copy
import pickle
import sys
import threading

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError, NonFiniteError
from tests.referees import absent

pytestmark = [pytest.mark.usefixtures("compiled_cache"), pytest.mark.filterwarnings("ignore:.* begins anew")]

RNG = np.random.default_rng(6)
X, Y = RNG.normal(size=(64, 5)).astype(np.float32), RNG.normal(size=(64, 2)).astype(np.float32)
WAYS = {
    "replayed": {},
    "dynamic": {"engine": "dynamic"},
    "compiled": pytest.param(
        {"engine": "compiled"}, marks=pytest.mark.skipif(bool(absent("numba")), reason="no numba")
    ),
}
in_each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
SETTINGS = {"epochs": 3, "batch_size": 16}


def network_of(**settings):
    return cr.Network([cr.Dense(16, inputs=5), cr.ReLU(), cr.Dense(2)], seed=1, **settings)


def trained_alone(way, **settings):
    network = network_of(**way)
    cr.train(network, X, Y, **{**SETTINGS, **settings})
    return network


def own_loop(network):
    network.compute_loss(X, Y)
    network.backward()
    network.optimize()


def steps(network):
    losses = network.steps(X, Y, None, np.arange(64).reshape(4, 16), [0.1] * 4)
    if losses is None:  # it is not compiled, and nothing was done
        network.step(X, Y)


def set_optimizer(network):  # which begins anew, and says so
    network.optimizer = cr.SGD(0.1)


# What trains or changes a network: an error while another thread trains it.
CHANGES = {
    "train": lambda network: cr.train(network, X, Y, epochs=1),
    "resume": lambda network: cr.train(network, X, Y, epochs=9, resume="a.safetensors"),
    "step": lambda network: network.step(X, Y),
    "steps": steps,
    "compute_loss": lambda network: network.compute_loss(X, Y),
    "backward": lambda network: network.backward(),
    "optimize": lambda network: network.optimize(),
    "own loop": own_loop,
    "record": lambda network: network.record(X, Y, None, 16),
    "backward of its graph": lambda network: network.graph().backward(),
    "backward of a node": lambda network: network.graph().root.backward(),
    "assign": lambda network: network.leaves["dense_1.weights"].assign(np.zeros((5, 16))),
    "restore": lambda network: network.restore(network.copy().snapshot()),
    "freeze": lambda network: network.freeze("dense_1"),
    "unfreeze": lambda network: network.unfreeze(),
    "optimizer": set_optimizer,
    "part of another": lambda network: cr.Network([network, cr.Dense(1)], inputs=5),
    "deep in another": lambda network: cr.Network([cr.Branches([[network], []]), cr.Dense(1)], inputs=5),
}
# Of these, what its own callbacks may not do either: it would be training inside a training.
TRAINS = ("train", "resume", "step", "steps", "optimize", "own loop", "optimizer")
LOOKS = {
    "predict": lambda network, folder: cr.predict(network, X),
    "classify": lambda network, folder: cr.classify(network.copy(classes=["no", "yes"]), X),
    "evaluate": lambda network, folder: cr.evaluate(network, X, Y),
    "forward": lambda network, folder: network.forward(X),
    "copy": lambda network, folder: own_loop(network.copy()),
    "deepcopy": lambda network, folder: cr.train(copy.deepcopy(network), X, Y, epochs=1),
    "pickle": lambda network, folder: own_loop(pickle.loads(pickle.dumps(network))),
    "save": lambda network, folder: own_loop(
        cr.load(cr.save(network, folder / "b.safetensors") or folder / "b.safetensors")
    ),
    "snapshot": lambda network, folder: network_of().restore(network.snapshot()),
    "build": lambda network, folder: network.build(5),
    "summary": lambda network, folder: str(network.summary()),
    "parameters": lambda network, folder: network.parameters.copy(),
    "trace": lambda network, folder: cr.trace(network, X, Y),
    "derivatives": lambda network, folder: network.graph().derivatives(),
    "train another": lambda network, folder: cr.train(network_of(), X, Y, epochs=1),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work where a checkpoint lies."""
    monkeypatch.chdir(tmp_path)
    cr.train(network_of(), X, Y, callbacks=cr.Checkpoint("a.safetensors"), **SETTINGS)
    return tmp_path


def while_trained(network, *calls):
    """Train a network in a thread named Trainer, and meanwhile make each call in this one; return what they raised."""
    begun, done = threading.Event(), threading.Event()

    def pause(training, epoch):
        begun.set()
        assert done.wait(60)

    trainer = threading.Thread(
        target=cr.train, args=(network, X, Y), kwargs={"callbacks": pause, **SETTINGS}, name="Trainer"
    )
    trainer.start()
    assert begun.wait(60)
    raised = []
    for call in calls:
        try:
            call(network)
        except Exception as error:
            raised.append(error)
        else:
            raised.append(None)
    done.set()
    trainer.join()
    return raised


@in_each_way
def test_what_another_thread_trains_is_changed_by_nobody(way):
    network = network_of(**way)
    raised = dict(zip(CHANGES, while_trained(network, *CHANGES.values()), strict=True))
    assert {name for name, error in raised.items() if not isinstance(error, MisuseError)} == set()
    for error in raised.values():
        assert error.given == "the network that Trainer is training"
        assert "network.copy()" in error.fix
    assert network.parameters.tobytes() == trained_alone(way).parameters.tobytes()
    own_loop(network)  # it is free again


@in_each_way
def test_what_another_thread_trains_may_be_looked_at(way, folder):
    network = network_of(**way)
    calls = [lambda network, look=look: look(network, folder) for look in LOOKS.values()]
    raised = dict(zip(LOOKS, while_trained(network, *calls), strict=True))
    assert {name: error for name, error in raised.items() if error} == {}
    assert network.parameters.tobytes() == trained_alone(way).parameters.tobytes()


def at(place, call):
    """Return a callback that calls a function of the network once, at one place of a training."""

    def once(self, training, *_):
        nonlocal call
        call, now = (lambda network: None), call
        now(training.network)

    return type("At", (cr.Callback,), {place: once, "each_step": False})()


def at_place(place, network, call):
    """Train a network and make a call in the midst of it."""

    def once(result=None):
        nonlocal call
        call, now = (lambda network: None), call
        now(network)
        return result

    class Batches:
        def __iter__(self):
            for rows in np.arange(64).reshape(4, 16):
                once()
                yield X[rows], Y[rows]

    class Rate(cr.Schedule):
        def rate(self, epoch, epochs, losses):
            return once(0.01)

    if place == "batches":
        return cr.train(network, Batches(), **SETTINGS)
    settings = {
        "augment": {"augment": lambda x, generator: once(x)},
        "metric": {"metrics": [lambda prediction, target: once(0.0)]},
        "function": {"callbacks": lambda training, epoch: once()},
    }.get(place) or {"callbacks": at(place, call)}
    return cr.train(network, X, Y, **settings, **SETTINGS)


PLACES = ("begin", "after_step", "after_epoch", "ending", "end", "function", "augment", "metric", "batches")


@pytest.mark.slow
@in_each_way
@pytest.mark.parametrize("place", PLACES)
def test_a_network_is_not_trained_inside_its_own_training(place, way):
    for name in TRAINS:
        network = network_of(**way)
        own_loop(network)  # so that there is something to go on from
        seen = []

        def call(network, name=name, seen=seen):
            seen.append(network.parameters.tobytes())
            try:
                CHANGES[name](network)
            finally:
                seen.append(network.parameters.tobytes())

        with pytest.raises(MisuseError, match="inside its own training") as raised:
            at_place(place, network, call)
        assert "after the training" in raised.value.fix
        assert seen[0] == seen[1]
        own_loop(network)  # it is free again


@in_each_way
@pytest.mark.parametrize("place", PLACES)
def test_callbacks_may_look_save_freeze_and_restore(place, way, folder):
    allowed = [
        *(lambda network, look=look: look(network, folder) for look in LOOKS.values()),
        *(CHANGES[name] for name in ("restore", "freeze", "unfreeze", "compute_loss", "record")),
        lambda network: (network.compute_loss(X, Y), network.backward()),
        lambda network: network.graph().backward(),
        lambda network: network.leaves["dense_1.bias"].assign(np.zeros(16)),
    ]
    at_place(place, network_of(**way), lambda network: [call(network) for call in allowed])


class Stop(Exception):
    pass


def stop(error):
    def callback(training, epoch):
        raise error

    return {"callbacks": callback}


@in_each_way
def test_a_training_that_fails_lets_go_of_the_network(way):
    for settings, kind in (
        (stop(Stop()), Stop),
        (stop(KeyboardInterrupt()), KeyboardInterrupt),
        (stop(GeneratorExit()), GeneratorExit),
        ({"callbacks": at("begin", lambda network: 1 / 0)}, ZeroDivisionError),
        ({"epochs": -1}, cr.ChainruleError),
        ({"batch_size": 0}, cr.ChainruleError),
        ({"resume": "nowhere.safetensors"}, cr.ChainruleError),
    ):
        network = network_of(**way)
        with pytest.raises(kind):
            cr.train(network, X, Y, **{**SETTINGS, **settings})
        cr.train(network, X, Y, **SETTINGS)
        assert network.parameters.tobytes() != network_of(**way).parameters.tobytes()
    network = network_of(optimizer=cr.SGD(1e30), **way)
    with pytest.raises(NonFiniteError):
        cr.train(network, X, Y, **SETTINGS)
    network.parameters[0] = np.nan
    with pytest.raises(NonFiniteError), np.errstate(all="ignore"):
        network.step(X, Y)
    with pytest.raises(cr.ChainruleError):
        network.compute_loss(X, Y[:1])
    set_optimizer(network)


def race(count, work):
    """Let so many threads work at once, switched as often as Python can; return what each of them raised."""
    raised = [None] * count
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        try:
            work(i)
        except Exception as error:
            raised[i] = error

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert all(error is None or isinstance(error, MisuseError) for error in raised), raised
    return raised


@pytest.mark.slow
@in_each_way
def test_of_threads_that_train_at_once_those_that_are_not_told_trained_one_after_the_other(way):
    settings = {"epochs": 2, "batch_size": 16, "shuffle": False}
    after = {}
    network = network_of(**way)
    for count in range(1, 4):
        cr.train(network, X, Y, **settings)
        after[count] = network.parameters.tobytes()
    told = 0
    for _ in range(30):
        network = network_of(**way)
        raised = race(3, lambda i, network=network: cr.train(network, X, Y, **settings))
        done = raised.count(None)
        assert network.parameters.tobytes() == after[done]
        told += 3 - done
    assert told  # some of them did meet


def loops(network):
    def own():
        network.compute_loss(X, Y)
        network.backward()
        network.optimize(0.01)

    return {"own loop": own, "step": lambda: network.step(X, Y, None, 0.01)}


@pytest.mark.slow
@in_each_way
@pytest.mark.parametrize("kinds", [("own loop",), ("step",), ("own loop", "step")], ids=" and ".join)
def test_of_threads_with_loops_of_their_own_each_step_is_a_whole_one_or_told(kinds, way):
    told = total = 0
    for _ in range(40):
        network = network_of(optimizer=cr.SGD(0.01), **way)
        done = [0, 0, 0]

        def work(i, network=network, done=done):
            step = loops(network)[kinds[i % len(kinds)]]
            for _ in range(20):
                step()
                done[i] += 1

        raised = race(3, work)
        told += 3 - raised.count(None)
        alone = network_of(optimizer=cr.SGD(0.01), **way)
        for _ in range(sum(done)):
            loops(alone)["step"]()
        assert network.optimizer_state.step == sum(done)
        np.testing.assert_allclose(network.parameters, alone.parameters, rtol=1e-5, atol=1e-6)
        total += sum(done)
    assert told
    assert total >= 40 * 20  # one of them comes through each time


@in_each_way
def test_backward_and_optimize_go_with_the_forward_of_the_same_thread(way):
    network = network_of(**way)
    in_between = {
        "compute_loss": lambda: network.compute_loss(X[:8], Y[:8]),
        "step": lambda: network.step(X, Y),
        "train": lambda: cr.train(network, X, Y, epochs=1),
        "restore": lambda: network.restore(network.copy().snapshot()),
    }
    for after in ("compute_loss", "backward"):
        for call in in_between.values():
            network.compute_loss(X, Y)
            if after == "backward":
                network.backward()
            other = threading.Thread(target=call, name="Other")
            other.start()
            other.join()
            before = network.parameters.tobytes()
            for goes_on in (network.backward, network.optimize):
                with pytest.raises(MisuseError, match="in one thread"):
                    goes_on()
            assert network.parameters.tobytes() == before
            own_loop(network)


def test_one_thread_after_the_other_may_train():
    network, alone = network_of(), network_of()
    for call in (own_loop, CHANGES["train"], own_loop, CHANGES["step"]):
        thread = threading.Thread(target=call, args=(network,))
        thread.start()
        thread.join()
        call(alone)
    assert network.parameters.tobytes() == alone.parameters.tobytes()


def test_what_is_refused_by_the_other_network_leaves_both_as_they_were():
    network = network_of()
    (error,) = while_trained(network, CHANGES["part of another"])
    assert isinstance(error, MisuseError)
    outer = cr.Network([network, cr.Dense(1)], inputs=5)
    cr.train(outer, X, Y[:, :1], **SETTINGS)
    with pytest.raises(MisuseError, match="outer network"):
        cr.train(network, X, Y, **SETTINGS)


def test_a_copy_made_while_it_is_held_is_free():
    copies = []
    cr.train(network_of(), X, Y, callbacks=lambda training, epoch: copies.append(training.network.copy()), **SETTINGS)
    for twin in copies:
        assert (twin.hold.thread, twin.hold.between_steps) == (0, False)
        cr.train(twin, X, Y, **SETTINGS)
