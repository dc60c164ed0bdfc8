"""Every optimizer against its paper, against PyTorch, and as what it must be: pure formulas in place."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

from chainrule.optim import SGD, Adagrad, Adam, AdamW, ConstantRate, CosineDecay, OptimizerState, RMSProp, global_norm

STEPS = 60
SHAPES = ((4, 3), (3,))


def sgd_of_the_books(w, gradients, rate, momentum=0.0, nesterov=False):
    u = 0.0
    for g in gradients:
        u = momentum * u + g
        w = w - rate * (g + momentum * u if nesterov else u)
    return w


def adagrad_of_the_paper(w, gradients, rate, epsilon):
    total = 0.0
    for g in gradients:
        total = total + g**2
        w = w - rate * g / (np.sqrt(total) + epsilon)
    return w


def rmsprop_of_the_lecture(w, gradients, rate, rho, epsilon):
    v = 0.0
    for g in gradients:
        v = rho * v + (1 - rho) * g**2
        w = w - rate * g / (np.sqrt(v) + epsilon)
    return w


def adam_of_the_paper(w, gradients, rate, beta_1, beta_2, epsilon, decay=0.0):
    m = v = 0.0
    for t, g in enumerate(gradients, 1):
        w = w - rate * decay * w
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        w = w - rate * (m / (1 - beta_1**t)) / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    return w


def adamw_of_the_paper(w, gradients, *settings, decay):
    return adam_of_the_paper(w, gradients, *settings, decay=decay if w.ndim >= 2 else 0.0)


# name: ours, reference of weights and gradients, name in PyTorch and its settings
CASES: dict[str, tuple[Any, Any, tuple[str, dict[str, Any]]]] = {
    "sgd": (SGD(0.1), lambda w, g: sgd_of_the_books(w, g, 0.1), ("SGD", dict(lr=0.1))),
    "momentum": (
        SGD(0.1, momentum=0.9),
        lambda w, g: sgd_of_the_books(w, g, 0.1, 0.9),
        ("SGD", dict(lr=0.1, momentum=0.9)),
    ),
    "nesterov": (
        SGD(0.1, momentum=0.8, nesterov=True),
        lambda w, g: sgd_of_the_books(w, g, 0.1, 0.8, True),
        ("SGD", dict(lr=0.1, momentum=0.8, nesterov=True)),
    ),
    "adagrad": (
        Adagrad(0.1, epsilon=1e-3),
        lambda w, g: adagrad_of_the_paper(w, g, 0.1, 1e-3),
        ("Adagrad", dict(lr=0.1, eps=1e-3)),
    ),
    "rmsprop": (
        RMSProp(0.01, rho=0.95, epsilon=1e-3),
        lambda w, g: rmsprop_of_the_lecture(w, g, 0.01, 0.95, 1e-3),
        ("RMSprop", dict(lr=0.01, alpha=0.95, eps=1e-3)),
    ),
    "adam": (
        Adam(0.01),
        lambda w, g: adam_of_the_paper(w, g, 0.01, 0.9, 0.999, 1e-8),
        ("Adam", dict(lr=0.01, eps=1e-8)),
    ),
    "adam with other betas": (
        Adam(0.02, beta_1=0.0, beta_2=0.7, epsilon=1e-2),
        lambda w, g: adam_of_the_paper(w, g, 0.02, 0.0, 0.7, 1e-2),
        ("Adam", dict(lr=0.02, betas=(0.0, 0.7), eps=1e-2)),
    ),
    "adamw": (
        AdamW(0.01, epsilon=1e-3, weight_decay=0.3),
        lambda w, g: adamw_of_the_paper(w, g, 0.01, 0.9, 0.999, 1e-3, decay=0.3),
        ("AdamW", dict(lr=0.01, eps=1e-3, weight_decay=0.3)),
    ),
}
every_optimizer = pytest.mark.parametrize("optimizer", [case[0] for case in CASES.values()], ids=list(CASES))


def start_and_gradients(dtype=np.float64):
    """Return weights, and for each step their gradients: of mixed sizes, some of them exactly zero."""
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    gradients = [
        [(rng.standard_normal(shape) * 10.0 ** rng.integers(-4, 2, shape)).astype(dtype) for shape in SHAPES]
        for _ in range(STEPS)
    ]
    for step in gradients:
        step[0][1, 2] = 0.0
    return weights, gradients


def trained(optimizer, weights, gradients):
    weights = [w.copy() for w in weights]
    state = OptimizerState(optimizer, weights)
    for step in gradients:
        state.apply(step)
    return weights


@pytest.mark.parametrize("name", CASES)
def test_a_trajectory_is_that_of_the_paper(name):
    optimizer, reference, _ = CASES[name]
    weights, gradients = start_and_gradients()
    for i, w in enumerate(trained(optimizer, weights, gradients)):
        expected = reference(weights[i], [step[i] for step in gradients])
        np.testing.assert_allclose(w, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_trajectory_is_that_of_pytorch(name, referee):
    optimizer, _, (theirs, settings) = CASES[name]
    weights, gradients = start_and_gradients()
    parameters = [referee.tensor(w, requires_grad=True) for w in weights]
    groups = [dict(params=[p]) for p in parameters]
    if "weight_decay" in settings:
        groups[1]["weight_decay"] = 0.0  # the bias
    other = getattr(referee.optim, theirs)(groups, **settings)
    for step in gradients:
        for parameter, gradient in zip(parameters, step):
            parameter.grad = referee.tensor(gradient)
        other.step()
    for w, parameter in zip(trained(optimizer, weights, gradients), parameters):
        np.testing.assert_allclose(w, parameter.detach().numpy(), rtol=1e-12, atol=1e-13)


@every_optimizer
def test_float32_stays_float32_and_near_float64(optimizer):
    weights, gradients = start_and_gradients(np.float32)
    state = OptimizerState(optimizer, [w.copy() for w in weights])
    for step in gradients:
        state.apply(step)
    exact = trained(optimizer, [w.astype(float) for w in weights], [[g.astype(float) for g in s] for s in gradients])
    kept = [a for arrays in state.slots.values() for a in arrays]
    assert {a.dtype for a in (*state.weights, *kept, state.rate, *state.scalars.values())} == {np.dtype(np.float32)}
    for w, e in zip(state.weights, exact):
        np.testing.assert_allclose(w, e, rtol=2e-5, atol=2e-5)


@every_optimizer
def test_update_called_by_hand_with_floats_is_a_step_of_the_state(optimizer):
    (w, _), gradients = start_and_gradients(np.float32)
    by_hand, slots = w.copy(), {slot: np.zeros_like(w) for slot in optimizer.slots}
    state = OptimizerState(optimizer, [w])
    for step, (gradient, _) in enumerate(gradients, 1):
        optimizer.decay(by_hand, np.float32(optimizer.learning_rate))
        optimizer.update(by_hand, gradient, **slots, **optimizer.scalars(step, optimizer.learning_rate))
        state.apply([gradient])
    assert by_hand.tobytes() == w.tobytes()


@every_optimizer
@pytest.mark.parametrize("clipping", [{}, dict(clip_value=0.1), dict(clip_norm=0.5)], ids=str)
def test_the_same_start_gives_the_same_bytes_and_gradients_are_only_read(optimizer, clipping):
    optimizer = type(optimizer)(**{**optimizer.settings(), **clipping})
    weights, gradients = start_and_gradients(np.float32)
    for step in gradients:
        for gradient in step:
            gradient.flags.writeable = False
    first, second = trained(optimizer, weights, gradients), trained(optimizer, weights, gradients)
    assert [w.tobytes() for w in first] == [w.tobytes() for w in second]
    assert not np.array_equal(first[0], weights[0])


@every_optimizer
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,)], ids=str)
def test_any_shape_will_do(optimizer, shape):
    w = np.ones(shape, np.float32)
    OptimizerState(optimizer, [w]).apply([np.ones(shape, np.float32)])
    assert w.shape == shape
    assert (w < 1).all()


@every_optimizer
def test_a_zero_gradient_leaves_weights_alone(optimizer):
    w = np.array([1.5, -2.0, 0.0], np.float32)  # a vector: nothing decays
    before = w.tobytes()
    state = OptimizerState(optimizer, [w])
    for _ in range(3):
        state.apply([np.zeros_like(w)])
    assert w.tobytes() == before


@every_optimizer
def test_nan_shows_and_huge_gradients_do_not_warn(optimizer):
    w = np.ones(3, np.float32)
    state = OptimizerState(optimizer, [w])
    with warnings.catch_warnings(action="error"):
        state.apply([np.array([np.nan, 1e38, 1e30], np.float32)])
        state.apply([np.array([0.0, 1e38, 1e30], np.float32)])
    assert np.isnan(w[0])
    assert not np.isnan(w[2])


@every_optimizer
def test_every_optimizer_descends(optimizer):
    target = np.array([[1.0, -2.0], [0.5, 3.0]])
    w = np.zeros_like(target)
    state = OptimizerState(optimizer, [w], decayed=[])
    for _ in range(2000):
        state.apply([w - target])
    assert np.abs(w - target).max() < 0.05


@every_optimizer
def test_settings_make_the_same_optimizer_again(optimizer):
    for other in (type(optimizer)(**optimizer.settings()), pickle.loads(pickle.dumps(optimizer)), copy.copy(optimizer)):
        assert other.settings() == optimizer.settings()
        assert other.slots == optimizer.slots
    assert eval(repr(optimizer)).settings() == optimizer.settings()


def test_an_optimizer_keeps_nothing_of_the_states_it_serves():
    optimizer = Adam(0.01)
    before = copy.deepcopy(vars(optimizer))
    weights, gradients = start_and_gradients()
    alone = trained(optimizer, weights, gradients)
    states = [OptimizerState(optimizer, [w.copy() for w in weights]) for _ in range(2)]
    for step in gradients:
        for state in states:
            state.apply(step)
    assert all(np.array_equal(a, b) for state in states for a, b in zip(alone, state.weights))
    assert vars(optimizer) == before


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_adams_first_step_is_the_learning_rate_whatever_the_size_of_the_gradient(scale):
    w = np.zeros(2)
    OptimizerState(Adam(0.1, epsilon=1e-16), [w]).apply([np.array([scale, -scale])])
    np.testing.assert_allclose(w, [-0.1, 0.1], rtol=1e-9)


def test_a_new_learning_rate_acts_on_the_whole_velocity_at_once():
    w = np.zeros(1)
    state = OptimizerState(SGD(0.1, momentum=0.5), [w])
    state.apply([np.ones(1)])
    state.apply([np.ones(1)], learning_rate=0.0)
    assert w[0] == -0.1
    state.apply([np.zeros(1)], learning_rate=1.0)
    assert w[0] == pytest.approx(-0.1 - 0.75)


def test_a_schedule_is_kept_as_the_learning_rate():
    schedule = CosineDecay(0.1)
    assert Adam(schedule).learning_rate is schedule
    assert repr(SGD(ConstantRate(0.5))) == "SGD(learning_rate=ConstantRate(learning_rate=0.5))"


# --------------------------------------------------------------------------------------------------- clipping


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e3, 1e30])
def test_clipping_by_norm_shortens_what_is_longer_and_returns_the_rest_to_the_bit(dtype, scale):
    gradient = (np.random.default_rng(0).standard_normal(1000) * scale).astype(dtype)
    clipped = SGD(clip_norm=2.0).clip(gradient)
    assert clipped.dtype == dtype
    exact = np.linalg.norm(gradient.astype(np.float64))
    if exact <= 2.0:
        assert clipped.tobytes() == gradient.tobytes()
    else:
        assert np.linalg.norm(clipped.astype(np.float64)) == pytest.approx(2.0, rel=1e-6)
        np.testing.assert_allclose(clipped / 2.0, gradient / exact, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_norm_of_exactly_the_limit_is_left_alone(dtype):
    gradient = np.array([3.0, 4.0], dtype)
    assert SGD(clip_norm=5.0).clip(gradient).tobytes() == gradient.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clipping_by_value_is_exact(dtype):
    clipped = SGD(clip_value=0.5).clip(np.array([-9.0, -0.5, -0.25, 0.0, 0.5, np.inf, np.nan], dtype))
    assert clipped.dtype == dtype
    np.testing.assert_array_equal(clipped, [-0.5, -0.5, -0.25, 0.0, 0.5, 0.5, np.nan])


def test_without_clipping_a_gradient_is_passed_on_as_it_is():
    gradient = np.ones(3, np.float32)
    assert SGD().clip(gradient) is gradient


def test_the_norm_is_that_of_all_gradients_together():
    w = [np.zeros(1), np.zeros((1, 1))]
    OptimizerState(SGD(1.0, clip_norm=1.0), w).apply([np.array([3.0]), np.array([[4.0]])])
    np.testing.assert_allclose([w[0][0], w[1][0, 0]], [-0.6, -0.8], rtol=1e-15)


def test_a_nan_in_one_gradient_shows_in_every_clipped_weight():
    w = [np.zeros(1), np.zeros(2)]
    OptimizerState(SGD(1.0, clip_norm=1.0), w).apply([np.array([np.nan]), np.ones(2)])
    assert all(np.isnan(a).all() for a in w)


def test_the_norm_is_summed_in_float64():
    gradients = [np.full(2, 3e25, np.float32), np.full(1_000_000, 1e-3, np.float32)]
    assert global_norm(gradients[:1]) == pytest.approx(2**0.5 * 3e25, rel=1e-7)
    assert global_norm(gradients[1:]) == pytest.approx(1.0, rel=1e-7)
    assert global_norm([]) == 0.0


# -------------------------------------------------------------------------------------------- pure array formulas


class Recorded(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that notes each ufunc and refuses everything else: it has no bool, no float, no items."""

    def __init__(self, array, tape):
        self.array, self.tape, self.dtype = np.asarray(array), tape, array.dtype

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        plain = [x.array if isinstance(x, Recorded) else x for x in inputs]
        if out is None:
            result = np.array(getattr(ufunc, method)(*plain, **kwargs))
        else:
            result = out[0].array
            getattr(ufunc, method)(*plain, out=result, **kwargs)
        self.tape.append((getattr(ufunc, method), plain, {**kwargs, "out": result}))
        return Recorded(result, self.tape)

    def sum(self):
        return np.add.reduce(self, axis=None)

    def astype(self, dtype):
        return np.multiply(self, 1, dtype=dtype, casting="same_kind")

    def __bool__(self):
        raise TypeError("a branch on values")

    __float__ = __iter__ = __bool__


@every_optimizer
@pytest.mark.parametrize("clipping", [{}, dict(clip_value=0.1), dict(clip_norm=0.5)], ids=str)
def test_noting_the_calls_of_one_step_and_repeating_them_trains_to_the_same_bytes(optimizer, clipping):
    optimizer = type(optimizer)(**{**optimizer.settings(), **clipping})
    weights, gradients = start_and_gradients(np.float32)
    expected = trained(optimizer, weights[:1], [step[:1] for step in gradients])[0]

    w, g, tape = weights[0].copy(), np.empty_like(weights[0]), []
    state = OptimizerState(optimizer, [w])
    named = {slot: arrays[0] for slot, arrays in state.slots.items()} | state.scalars
    for step, (gradient, _) in enumerate(gradients):
        g[...] = gradient
        state.advance()
        if step == 0:
            noted = {name: Recorded(array, tape) for name, array in named.items()}
            optimizer.decay(Recorded(w, tape), Recorded(state.rate, tape))
            optimizer.update(Recorded(w, tape), optimizer.clip(Recorded(g, tape)), **noted)
        else:
            for function, inputs, kwargs in tape:
                function(*inputs, **kwargs)
    assert w.tobytes() == expected.tobytes()
