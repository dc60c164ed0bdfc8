"""Several batches in a step: the step is that of one batch of all their samples."""

from __future__ import annotations

import signal
import tracemalloc

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, NonFiniteError
from tests.referees import needed

RNG = np.random.default_rng(5)
X, LABELS = RNG.normal(size=(23, 4)), RNG.integers(0, 3, 23)
WEIGHTS = RNG.integers(0, 3, 23).astype(float)
WEIGHTS[8:16] = 0  # nobody in one of the larger batches counts, and in some of the small ones
ENGINES = ["replay", "dynamic", "compiled"]
pytestmark = pytest.mark.usefixtures("compiled_cache")


def network_of(engine="replay", optimizer=None, **settings):
    if engine == "compiled":
        needed("numba", "fast")
    layers = [cr.Dense(6), cr.Tanh(), cr.Dense(3), cr.Softmax()]
    optimizer = cr.Adam(cr.CosineDecay(0.05), clip_norm=0.3) if optimizer is None else optimizer
    settings = {"dtype": "float64", "l2": 0.1, **settings}
    return cr.Network(layers, optimizer=optimizer, inputs=4, engine=engine, **settings)


def trained(network, batch_size, steps=1, X=X, y=LABELS, **told):
    settings = {"epochs": 3, "shuffle": False, "batch_size": batch_size, "gradient_accumulation_steps": steps, **told}
    history = cr.train(network, X, y, **settings)
    return network.parameters.copy(), {name: history[name] for name in ("loss", "penalty", "learning_rate", "steps")}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("told", "small", "steps", "large"),
    [
        ({}, 2, 4, 8),
        ({}, 5, 9, None),
        ({}, None, 3, None),
        ({"sample_weight": WEIGHTS}, 2, 4, 8),  # nobody in three of its batches counts, in one step nobody at all
        ({"sample_weight": WEIGHTS}, 8, 2, 16),
        ({"class_weight": {0: 1, 1: 0, 2: 2.5}}, 1, 5, 5),
    ],
)
def test_k_batches_are_one_batch_as_large(engine, told, small, steps, large):
    parameters, log = trained(network_of(engine), small, steps, **told)
    expected, expected_log = trained(network_of(), large, **told)
    np.testing.assert_allclose(parameters, expected, rtol=1e-9, atol=1e-12)
    for name, figures in log.items():
        assert figures == pytest.approx(expected_log[name], rel=1e-9), name


def test_batches_of_an_iterable_are_accumulated_and_what_is_left_at_its_end_too():
    batches = [(X[i : i + 3], LABELS[i : i + 3], WEIGHTS[i : i + 3] + 0.5) for i in range(0, 23, 3)]
    parameters, _ = trained(network_of(optimizer=cr.SGD(0.5)), 32, 3, batches, None)
    expected, _ = trained(network_of(optimizer=cr.SGD(0.5)), 9, sample_weight=WEIGHTS + 0.5)
    np.testing.assert_allclose(parameters, expected, rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_batch_a_step_gives_the_bytes_of_an_ordinary_step(engine):
    one, other = network_of(engine), network_of(engine)
    for network, told in ((one, 4), (other, 1)):
        cr.train(network, X, LABELS, batch_size=None, epochs=3, gradient_accumulation_steps=told)
    assert one.parameters.tobytes() == other.parameters.tobytes()


def test_weights_however_different_overflow_nothing():
    weights = np.where(np.arange(23) < 4, 1e-35, 1e3)
    parameters, _ = trained(network_of(dtype="float32"), 4, 3, sample_weight=weights)
    expected, _ = trained(network_of(dtype="float32"), 12, sample_weight=weights)
    np.testing.assert_allclose(parameters, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_stands_between_backward_and_update_sees_the_mean_gradient_once(engine):
    seen = []
    network = network_of(engine)
    network.plan.after_backward = lambda gradient: seen.append(gradient.copy())
    trained(network, 4, 3, epochs=1)
    twin = network_of()
    twin.plan.after_backward = lambda gradient: seen.append(gradient.copy())
    trained(twin, 12, epochs=1)
    assert len(seen) == 4
    np.testing.assert_allclose(seen[:2], seen[2:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_after_a_step_the_gradients_are_those_that_it_went_down(engine):
    network = network_of(engine, cr.SGD(0.5))
    before = network.parameters.copy()
    trained(network, 3, 8, epochs=1)
    np.testing.assert_allclose(network.parameters, before - 0.5 * network.gradients, rtol=1e-12)
    assert np.shares_memory(network["dense_1.weights"].grad, network.gradients)


def test_events_and_the_history_count_steps_of_the_optimizer():
    network = network_of()
    training = cr.training.Training(network, X, LABELS, epochs=2, batch_size=4, gradient_accumulation_steps=4)
    events = [(event.kind, training.step, network.optimizer_state.step) for event in training.events()]
    assert [event for event in events if event[0] == "step"] == [("step", n, n) for n in (1, 2, 3, 4)]
    assert training.history["steps"] == [2, 2]


def test_states_take_a_new_value_at_each_batch():
    class Mean(cr.Layer):
        def build(self, shape):
            self.mean = self.state("mean", np.zeros(shape))

        def forward(self, x):
            self.update(self.mean, 0.5 * self.mean + 0.5 * cr.mean(x=x, axis=0))
            return x

    values = []
    for engine in ("replay", "dynamic"):
        network = cr.Network([Mean(), cr.Dense(3), cr.Softmax()], inputs=4, engine=engine)
        trained(network, 10, 2, epochs=1)
        values.append(network.states()["mean_1.mean"])
    means = [X[rows].mean(axis=0) for rows in (slice(10), slice(10, 20), slice(20, 23))]
    expected = 0.125 * means[0] + 0.25 * means[1] + 0.5 * means[2]
    np.testing.assert_allclose(values, [expected, expected], rtol=1e-5, atol=1e-6)


class Step(cr.Callback):
    """Do something after a step."""

    def __init__(self, step, way):
        self.step, self.way = step, way

    def after_step(self, training):
        if training.step == self.step:
            self.way(training)


def checkpointed(path, *callbacks, augment=None, **told):
    network = network_of(dtype="float32")
    told = {"epochs": 2, "batch_size": 3, "gradient_accumulation_steps": 3, **told}
    callbacks = [*callbacks, cr.Checkpoint(path, steps=1, seconds=0)]
    history = cr.train(network, X, LABELS, callbacks=callbacks, augment=augment or jittered, **told)
    return network.parameters.tobytes(), path.read_bytes(), history["loss"]


def jittered(x, generator):
    return x + generator.normal(size=x.shape)


@pytest.mark.parametrize(("batch", "end"), [(2, 3), (7, 8), (12, 14)])  # steps end after 3, 6, 8, 11, 14, 16 batches
def test_ctrl_c_in_the_middle_of_a_step_is_heard_after_it_and_training_goes_on_to_the_same_bytes(batch, end, tmp_path):
    expected = checkpointed(tmp_path / "whole.safetensors")
    met = []

    def press(x, generator):
        met.append(len(x))
        if len(met) == batch:
            signal.raise_signal(signal.SIGINT)
        return jittered(x, generator)

    path = tmp_path / "stopped.safetensors"
    checkpointed(path, augment=press)
    assert len(met) == end
    assert checkpointed(path, resume=path) == expected


def test_a_crash_in_the_middle_of_a_step_leaves_the_step_before_it(tmp_path):
    expected = checkpointed(tmp_path / "whole.safetensors")
    met = []

    def fail(x, generator):
        met.append(len(x))
        if len(met) == 11:
            raise ZeroDivisionError("mine")
        return jittered(x, generator)

    path = tmp_path / "a.safetensors"
    with pytest.raises(ZeroDivisionError):
        checkpointed(path, augment=fail)
    assert checkpointed(path, resume=path) == expected


def test_another_number_of_batches_is_refused_when_a_training_is_resumed(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpointed(path, Step(2, lambda training: training.stop("enough")))
    with pytest.raises(InputError, match=r"steps=2, but expected gradient_accumulation_steps=3, as before"):
        checkpointed(path, resume=path, gradient_accumulation_steps=2)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_not_finite_is_found_in_its_batch_and_changes_no_weight(engine):
    network = network_of(engine, cr.SGD(0.1))
    bad = X.copy()
    x, y, _ = network.as_batch("test", bad, LABELS)
    x[20] = np.nan
    before = network.parameters.copy()
    with pytest.raises(NonFiniteError, match=r"step 1, forward at 'x'"):
        cr.train(network, [(x[i : i + 4], y[i : i + 4]) for i in range(0, 23, 4)], gradient_accumulation_steps=6)
    assert np.array_equal(network.parameters, before)


def test_a_penalty_that_overflows_is_refused_before_the_step():
    network = network_of(optimizer=cr.SGD(0.1), l2=1e300)
    network.parameters[0] = 1e10
    before = network.parameters.copy()
    with pytest.raises(NonFiniteError, match="penalty"):
        trained(network, 8, 3)
    assert np.array_equal(network.parameters, before)


def test_the_summary_says_that_accumulated_steps_are_not_compiled():
    network = network_of("compiled")
    trained(network, 4, 2)
    assert "not compiled, because of gradients of several batches in a step" in network.summary().engine
    network.optimizer.learning_rate = 0.001
    trained(network, 4)
    assert "whole epochs compiled" in network.summary().engine


def test_the_same_training_can_be_repeated():
    network = network_of()
    history = cr.train(network, X, LABELS, epochs=2, batch_size=4, gradient_accumulation_steps=3)
    assert history.repeat()["loss"] == history["loss"]
    assert history.repeat(gradient_accumulation_steps=1)["steps"] == [6, 6]


@pytest.mark.parametrize("bad", [0, -1, 1.5, "4", True, None])
def test_a_number_of_batches_that_is_none_is_refused(bad):
    with pytest.raises(InputError, match="gradient_accumulation_steps"):
        trained(network_of(), 4, bad)


@pytest.mark.parametrize("name", ["accumulate", "accumulate_grad_batches", "grad_accum_steps", "n_acc"])
def test_other_names_are_answered_with_ours(name):
    with pytest.raises(cr.ChainruleError, match="Write gradient_accumulation_steps="):
        cr.train(network_of(), X, LABELS, **{name: 4})


def test_a_step_makes_no_array_of_the_size_of_the_parameters():
    network = cr.Network([cr.Dense(300), cr.Dense(1)], optimizer=cr.SGD(1e-5), inputs=1000)
    x, y = np.ones((8, 1000), np.float32), np.ones((8, 1), np.float32)
    peaks = []

    def watch(training, epoch):
        peaks.append(tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0])
        tracemalloc.reset_peak()

    tracemalloc.start()
    try:
        cr.train(network, x, y, epochs=3, batch_size=2, gradient_accumulation_steps=2, callbacks=[watch])
    finally:
        tracemalloc.stop()
    assert peaks[-1] < network.parameters.nbytes / 4
