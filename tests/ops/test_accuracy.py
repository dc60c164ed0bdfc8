"""How many digits are right: float32 beside float64 over all exponents, and the special functions beside the C library.

An error is counted in units in the last place (ULP) of the right result. Budgets are 4 for a function and 8 for its
derivative; an op that has another one says so in its docstring, or inherits it from what it is made of.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule import ops
from chainrule.ops.special import erf, normal_cdf, normal_density


def _all_exponents() -> Any:
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**32, 40_000, dtype=np.uint32).view(np.float32)
    usual = random.uniform(-110, 110, 40_000).astype(np.float32)
    near = random.uniform(-3, 3, 40_000).astype(np.float32)
    return np.concatenate([bits[np.isfinite(bits)], usual, near, np.float32([0, -0.0, 1, -1])])


X = _all_exponents()


def ulps(got: Any, right: Any, scale: Any = None) -> float:
    """The largest error, in ULP of `right`, or of `scale` where that is larger; tiny ones count in ULP of 1e-36."""
    assert got.dtype == np.float32
    counted = np.isfinite(right) & (np.abs(right) < 3.4e38)
    size = np.abs(right) if scale is None else np.maximum(np.abs(right), scale)
    unit = np.spacing(np.maximum(size, 1e-36)[counted].astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(got[counted].astype(np.float64) - right[counted]) / unit))


def derivative(op: Any, z: Any) -> Any:
    return op.backward(np.ones_like(z), op.forward(z), z)["z"]


# op, budget of the function, of the derivative, and what counts beside a derivative that passes through 0.
BUDGETS: list[tuple[Any, float, float, Any]] = [
    (ops.Negative(), 0, 0, None),
    (ops.Exp(), 4, 4, None),
    (ops.Log(), 4, 1, None),
    (ops.Sqrt(), 1, 2, None),
    (ops.Absolute(), 0, 0, None),
    (ops.Identity(), 0, 0, None),
    (ops.Sigmoid(), 4, 8, None),
    (ops.ReLU(), 0, 0, None),
    (ops.LeakyReLU(), 1, 1, None),
    (ops.ELU(), 4, 4, None),
    (ops.GELU(), 8, 8, normal_cdf),
    (ops.SiLU(), 5, 8, ops.Sigmoid().forward),
    (ops.Softplus(), 4, 4, None),
    (ops.Softsign(), 2, 4, None),
    (ops.SELU(), 4, 4, None),
    (ops.Mish(), 6, 10, ops.Sigmoid().forward),
]


@pytest.mark.parametrize(("op", "function", "slope", "beside"), BUDGETS, ids=lambda value: getattr(value, "name", ""))
def test_float32_is_accurate_over_all_exponents(op: Any, function: float, slope: float, beside: Any) -> None:
    z = X if op.name not in ("log", "sqrt") else np.abs(X[X != 0])
    exact = z.astype(np.float64)
    assert ulps(op.forward(z), op.forward(exact)) <= function
    assert ulps(derivative(op, z), derivative(op, exact), beside and beside(exact)) <= slope


def test_tanh_is_accurate_and_its_derivative_to_one_and_a_half_ten_millionths() -> None:
    exact = X.astype(np.float64)
    e = np.exp(-2 * np.abs(exact))
    assert ulps(np.asarray(ops.Tanh().forward(X)), np.tanh(exact)) <= 4
    assert np.max(np.abs(derivative(ops.Tanh(), X) - 4 * e / (1 + e) ** 2)) <= 1.5e-7


def test_the_approximate_gelu_is_accurate_where_it_says_so() -> None:
    op, z = ops.GELU(approximate=True), X[X > -1]
    exact = z.astype(np.float64)
    assert ulps(op.forward(z), op.forward(exact)) <= 8
    assert ulps(derivative(op, z), derivative(op, exact), normal_cdf(exact)) <= 8
    everywhere = np.linspace(-10, 10, 10_001)
    assert np.max(np.abs(op.forward(everywhere) - ops.GELU().forward(everywhere))) <= 0.0005


@pytest.mark.parametrize(("op", "budget", "beside"), [(ops.Softmax(), 64, 0), (ops.LogSoftmax(), 4, 1)], ids=str)
def test_softmax_keeps_what_its_subtraction_leaves(op: Any, budget: float, beside: float) -> None:
    z = np.random.default_rng(1).uniform(-30, 30, (2000, 10)).astype(np.float32)
    assert ulps(op.forward(z), op.forward(z.astype(np.float64)), beside) <= budget


def test_the_derivative_of_sigmoid_never_rounds_to_0_beside_1() -> None:
    z = np.float32([20, 50, 80])
    assert np.allclose(derivative(ops.Sigmoid(), z), np.exp(-z.astype(np.float64)), rtol=1e-6)
    one = ops.SigmoidBinaryCrossEntropy()
    logits, target = z.reshape(3, 1), np.ones((3, 1), np.float32)
    right = -np.exp(-logits.astype(np.float64)) / 3
    assert np.allclose(one.backward(np.float32(1), None, logits, target)["logits"], right, rtol=1e-6, atol=0)


def test_erf_is_the_c_librarys() -> None:
    x = np.concatenate([np.linspace(-6.5, 6.5, 4001), 10.0 ** np.linspace(-300, 1, 500), [0, -0.0, 30, 1e300, -1e300]])
    right = np.array([math.erf(value) for value in x])
    np.testing.assert_allclose(erf(x), right, rtol=1e-15, atol=0)
    single = x[np.abs(x) < 1e30].astype(np.float32)
    assert ulps(erf(single), np.array([math.erf(value) for value in single])) <= 4
    assert np.isnan(erf(np.array([np.nan]))).all()
    assert erf(np.array([np.inf, -np.inf])).tolist() == [1, -1]


def test_normal_distribution_keeps_its_digits_in_the_tails() -> None:
    z = np.linspace(-9, 9, 2001)
    right = np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in z])
    np.testing.assert_allclose(normal_cdf(z), right, rtol=2e-14)  # what the division by √2 costs the right side
    np.testing.assert_allclose(normal_density(z), np.exp(-z * z / 2) / math.sqrt(2 * math.pi), rtol=1e-14)
    assert normal_cdf(np.array([-np.inf, -38.0, 0, 9.0, np.inf])).tolist() == pytest.approx([0, 2.9e-316, 0.5, 1, 1])


@pytest.mark.parametrize("axis", [0, None])
def test_sums_do_not_drift_in_float32(axis: Any) -> None:
    x = np.full((200_000, 1), 0.1, np.float32)
    right = 200_000 * float(np.float32(0.1))
    assert float(np.ravel(ops.Sum(axis).forward(x))[0]) == np.float32(right)
    assert float(np.ravel(ops.Mean(axis).forward(x))[0]) == np.float32(0.1)
    whole = ops.SquaredError().forward(x, np.zeros_like(x))
    assert float(whole) == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-7)
    half = ops.HalfSquaredError().forward(x, np.zeros_like(x))
    assert float(half) == pytest.approx(0.5 * float(np.float32(0.1)) ** 2, rel=1e-7)
    assert float(ops.L2Penalty(2.0).forward(x)) == pytest.approx(right * float(np.float32(0.1)), rel=1e-7)
