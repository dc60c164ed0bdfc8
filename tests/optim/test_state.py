"""What an optimizer remembers: on vectors, on the parameters of a graph, across a checkpoint."""

from __future__ import annotations

import copy
import pickle
from types import SimpleNamespace

import numpy as np
import pytest

from chainrule.errors import ChainruleError, InputError, MisuseError, ShapeError
from chainrule.optim import SGD, Adam, AdamW, ConstantRate, CosineDecay, OptimizerState


def vector(n=3, dtype=np.float32):
    return np.ones(n, dtype)


def parameter(name, array, grad=None):
    return SimpleNamespace(name=name, array=array, grad=grad)


def test_weights_are_changed_in_place_and_steps_are_counted():
    flat = np.ones(6, np.float32)
    state = OptimizerState(Adam(0.1), [flat[:4].reshape(2, 2), flat[4:]])
    state.apply([np.ones((2, 2), np.float32), np.zeros(2, np.float32)])
    assert state.step == 1
    np.testing.assert_allclose(flat, [0.9, 0.9, 0.9, 0.9, 1, 1], rtol=1e-6)
    assert list(state.slots) == ["m", "v"]
    assert [m.shape for m in state.slots["m"]] == [(2, 2), (2,)]


def test_one_flat_vector_trains_to_the_bytes_of_its_parts():
    rng = np.random.default_rng(0)
    flat, parts = np.ones(7, np.float32), np.ones(7, np.float32)
    whole = OptimizerState(AdamW(0.1, clip_norm=1.0), [flat], decayed=[flat[:4]])
    split = OptimizerState(AdamW(0.1, clip_norm=1.0), [parts[:4].reshape(2, 2), parts[4:]])
    for _ in range(20):
        gradient = rng.standard_normal(7).astype(np.float32)
        whole.apply([gradient])
        split.apply([gradient[:4].reshape(2, 2), gradient[4:]])
    np.testing.assert_allclose(flat, parts, rtol=1e-6)  # the norm's sums are in another order


def test_matrices_decay_and_biases_do_not():
    weights, bias = np.ones((2, 2)), np.ones(2)
    OptimizerState(AdamW(0.1, weight_decay=0.5), [weights, bias]).apply([np.zeros((2, 2)), np.zeros(2)])
    np.testing.assert_allclose(weights, 0.95, rtol=1e-15)
    assert (bias == 1).all()


def test_what_decays_can_be_said():
    w = np.ones(4)
    OptimizerState(AdamW(0.1, weight_decay=0.5), [w], decayed=[w[:2]]).apply([np.zeros(4)])
    np.testing.assert_allclose(w, [0.95, 0.95, 1, 1], rtol=1e-15)


def test_decay_follows_the_learning_rate_of_the_step():
    w = np.ones((1, 1))
    OptimizerState(AdamW(0.1, weight_decay=0.5), [w]).apply([np.zeros((1, 1))], learning_rate=1.0)
    assert w[0, 0] == 0.5


def test_a_state_over_parameters_reads_their_gradients_at_each_update():
    w, b = parameter("w", np.ones((1, 2))), parameter("b", np.ones(2))
    state = SGD(0.5).start([w, b])
    w.grad, b.grad = np.ones((1, 2)), np.zeros(2)
    state.update()
    w.grad, b.grad = np.zeros((1, 2)), np.ones(2)
    state.update(learning_rate=0.25)
    np.testing.assert_array_equal(w.array, [[0.5, 0.5]])
    np.testing.assert_array_equal(b.array, [0.75, 0.75])


def test_parameters_that_decay_can_be_said():
    w, b = (parameter(name, np.ones((1, 2)), np.zeros((1, 2))) for name in "wb")
    AdamW(0.1, weight_decay=0.5).start((w, b), decayed=(b,)).update()
    assert (w.array == 1).all()
    np.testing.assert_allclose(b.array, 0.95, rtol=1e-15)


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, 0.9), Adam(0.1), AdamW(0.1)], ids=repr)
def test_a_restored_state_goes_on_as_if_it_had_never_stopped(optimizer):
    rng = np.random.default_rng(0)
    gradients = [[rng.standard_normal((2, 3)), rng.standard_normal(3)] for _ in range(10)]
    state = OptimizerState(optimizer, [np.ones((2, 3)), np.ones(3)])
    for step in gradients[:5]:
        state.apply(step)
    kept, kept_step = state.arrays(), state.step
    resumed = OptimizerState(optimizer, [w.copy() for w in state.weights])
    for step in gradients[5:]:
        state.apply(step)
    resumed.restore(kept, kept_step)
    for step in gradients[5:]:
        resumed.apply(step)
    assert [w.tobytes() for w in resumed.weights] == [w.tobytes() for w in state.weights]
    assert resumed.step == state.step == 10


def test_exported_arrays_are_copies_named_by_slot_and_place():
    state = OptimizerState(Adam(), [vector(2), vector(3)])
    kept = state.arrays()
    assert list(kept) == ["m.0", "m.1", "v.0", "v.1"]
    kept["m.0"][:] = 9
    assert (state.slots["m"][0] == 0).all()
    state.restore(kept, 4)
    kept["m.0"][:] = 7
    assert (state.slots["m"][0] == 9).all()


GOOD = {"m.0": np.full(3, 2, np.float32), "v.0": np.full(3, 2, np.float32)}


@pytest.mark.parametrize(
    ("arrays", "step", "words"),
    [
        ({}, 1, "'m.0' as nothing"),
        ({"m.0": GOOD["m.0"]}, 1, "'v.0' as nothing"),
        ({**GOOD, "w.0": vector()}, 1, "'w.0'"),
        ({**GOOD, "m.1": vector()}, 1, "'m.1'"),
        ({**GOOD, "v.0": vector(4)}, 1, "float32 (4,)"),
        ({**GOOD, "v.0": vector(1)}, 1, "float32 (1,)"),
        ({**GOOD, "v.0": vector(3, np.float64)}, 1, "float64 (3,)"),
        ({**GOOD, "v.0": [1.0, 1.0, 1.0]}, 1, "list [1.0, 1.0, 1.0]"),
        (GOOD, -1, "-1"),
        (GOOD, 10**30, "1000000000000000000000000000000"),
        (GOOD, 1.5, "1.5"),
        (GOOD, True, "True"),
    ],
)
def test_a_wrong_checkpoint_is_refused_and_changes_nothing(arrays, step, words):
    state = OptimizerState(Adam(), [vector()])
    with pytest.raises(InputError) as caught:
        state.restore(arrays, step)
    assert words in caught.value.given
    assert state.step == 0
    assert all((a == 0).all() for a in state.arrays().values())


def read_only():
    array = vector()
    array.flags.writeable = False
    return array


def twice():
    array = vector()
    return [array, array]


def moved():
    w = parameter("w", vector(), vector())
    state = Adam().start([w])
    w.array = vector()
    state.update()


MISUSES = {
    "optimizer by name": (lambda: OptimizerState("adam", [vector()]), InputError, "Adam(0.001)"),
    "optimizer class": (lambda: OptimizerState(Adam, [vector()]), InputError, "the class Adam itself"),
    "bare vector": (lambda: OptimizerState(Adam(), vector()), ShapeError, "Pass [weights]"),
    "list of lists": (lambda: OptimizerState(Adam(), [[1.0]]), ShapeError, "weights[0] as list [1.0]"),
    "integers": (lambda: OptimizerState(Adam(), [vector(3, np.int64)]), ShapeError, "weights[0] as int64 (3,)"),
    "float16": (lambda: OptimizerState(Adam(), [vector(3, np.float16)]), ShapeError, "weights[0] as float16 (3,)"),
    "two dtypes": (lambda: OptimizerState(Adam(), [vector(), vector(3, np.float64)]), ShapeError, "one dtype"),
    "read-only": (lambda: OptimizerState(Adam(), [read_only()]), ShapeError, "weights[0], which is read-only"),
    "twice": (lambda: OptimizerState(Adam(), twice()), ShapeError, "the same array as weights[0] and weights[1]"),
    "decays elsewhere": (lambda: OptimizerState(Adam(), [vector()], decayed=[vector()]), InputError, "decayed[0]"),
    "update without parameters": (
        lambda: OptimizerState(Adam(), [vector()]).update(),
        MisuseError,
        "state.apply(gradients)",
    ),
    "bare parameter": (lambda: Adam().start(parameter("w", vector())), InputError, "a list of parameters"),
    "array for a parameter": (lambda: Adam().start([vector()]), InputError, "at place 0"),
    "no backward yet": (
        lambda: Adam().start([parameter("w", vector())]).update(),
        MisuseError,
        "no gradient in parameter 'w'",
    ),
    "weights moved": (moved, MisuseError, "parameter 'w', whose weights have moved"),
    "schedule without rate": (
        lambda: Adam(CosineDecay(0.1)).start([parameter("w", vector(), vector())]).update(),
        MisuseError,
        "schedule",
    ),
    "constant without rate": (
        lambda: Adam(ConstantRate(0.1)).start([parameter("w", vector(), vector())]).update(),
        MisuseError,
        "schedule",
    ),
    "copy": (lambda: copy.copy(OptimizerState(Adam(), [vector()])), MisuseError, "new.restore"),
    "deepcopy": (lambda: copy.deepcopy(OptimizerState(Adam(), [vector()])), MisuseError, "new.restore"),
    "pickle": (lambda: pickle.dumps(OptimizerState(Adam(), [vector()])), MisuseError, "new.restore"),
}


@pytest.mark.parametrize(("build", "kind", "words"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_one_clear_error(build, kind, words):
    with pytest.raises(ChainruleError) as caught:
        build()
    assert type(caught.value) is kind
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("gradients", "rate", "words"),
    [
        ([], None, "0 gradients"),
        ([vector(2), vector(3)], None, "gradient 0 as float32 (2,)"),
        ([vector(3), vector(1)], None, "gradient 1 as float32 (1,)"),
        ([vector(3), vector(3, np.float64)], None, "gradient 1 as float64 (3,)"),
        ([vector(3), None], None, "gradient 1 as nothing"),
        ([vector(3), np.float32(1)], None, "gradient 1 as float32 "),
        ([vector(3), vector(3)], -0.1, "-0.1"),
        ([vector(3), vector(3)], float("nan"), "nan"),
        ([vector(3), vector(3)], float("inf"), "inf"),
        ([vector(3), vector(3)], "0.1", "'0.1'"),
    ],
)
def test_a_bad_step_is_refused_and_changes_nothing(gradients, rate, words):
    weights = [vector(), vector()]
    state = OptimizerState(SGD(0.1, momentum=0.9), weights)
    with pytest.raises(InputError) as caught:
        state.apply(gradients, rate)
    assert words in caught.value.given
    assert state.step == 0
    assert all((w == 1).all() for w in weights)


def test_nothing_to_learn_is_no_error():
    state = OptimizerState(Adam(clip_norm=1.0), [])
    state.apply([])
    assert state.step == 1
    assert state.arrays() == {}


def test_a_state_prints_what_it_is():
    state = OptimizerState(SGD(0.1), [vector(2000)])
    assert repr(state) == "OptimizerState(SGD(learning_rate=0.1), weights: 2,000 in 1, step: 0)"


def test_moments_that_became_subnormal_are_set_to_zero_once_in_so_many_steps():
    state = OptimizerState(Adam(0.1), [vector(2)])
    gradient = np.array([1.0, 1.0], np.float32)
    smallest = np.finfo(np.float32).tiny
    subnormal = 0
    for step in range(1, 2048 + 1):
        state.apply([gradient])
        gradient[0] = 0  # from the second step on nothing arrives
        state.settle(1)
        (m,) = state.slots["m"]
        subnormal += 0 < m[0] < smallest
        assert step < 1024 or m[0] == 0
    assert subnormal > 100
    assert m[1] > smallest


def test_an_epoch_settles_where_its_steps_pass_the_mark():
    for steps, settled in ((10, False), (100, True), (1024, True)):
        state = OptimizerState(Adam(0.1), [vector(1)])
        state.step = 1100
        state.slots["m"][0][:] = 1e-40
        state.settle(steps)
        assert (state.slots["m"][0][0] == 0) == settled
