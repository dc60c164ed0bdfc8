"""How weights start: statistics of every initializer, and which one is chosen by what follows."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr

SHAPE = (300, 200)
SPREADS = {
    "Glorot()": (cr.Glorot(), 0, 2 / 500),
    "Glorot normal": (cr.Glorot("normal"), 0, 2 / 500),
    "He()": (cr.He(), 0, 2 / 300),
    "He uniform": (cr.He("uniform"), 0, 2 / 300),
    "LeCun()": (cr.LeCun(), 0, 1 / 300),
    "LeCun uniform": (cr.LeCun("uniform"), 0, 1 / 300),
    "Uniform": (cr.Uniform(-1, 3), 1, 16 / 12),
    "Normal": (cr.Normal(0.5, 2.0), 0.5, 4),
    "Orthogonal": (cr.Orthogonal(), 0, 1 / 300),
    "Zeros": (cr.Zeros(), 0, 0),
    "Constant": (cr.Constant(0.25), 0.25, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize(("initializer", "mean", "variance"), SPREADS.values(), ids=SPREADS)
def test_mean_and_variance(initializer, mean, variance):
    sample = initializer(SHAPE, np.random.default_rng(0))
    assert sample.shape == SHAPE
    assert sample.dtype == np.float64
    assert sample.mean() == pytest.approx(mean, abs=5 * math.sqrt(variance / sample.size) + 1e-15)
    assert sample.var() == pytest.approx(variance, rel=0.03)
    assert np.array_equal(sample, initializer(SHAPE, np.random.default_rng(0)))


@pytest.mark.parametrize("kind", [cr.Glorot, cr.He, cr.LeCun], ids=lambda k: k.__name__)
def test_uniform_ends_where_the_formula_says(kind):
    sample = kind("uniform")(SHAPE, np.random.default_rng(0))
    end = math.sqrt(3 * kind().variance(*SHAPE))
    assert 0.99 * end < np.abs(sample).max() <= end


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7)], ids=str)
def test_orthogonal_is_orthogonal(shape):
    q = cr.Orthogonal(2.0)(shape, np.random.default_rng(0))
    product = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(product, 4 * np.eye(min(shape)), atol=1e-13)


FOLLOWING = {
    "relu": (lambda d: [d, cr.ReLU()], "He"),
    "tanh": (lambda d: [d, cr.Tanh()], "Glorot"),
    "nothing": (lambda d: [d], "Glorot"),
    "gelu behind dropout": (lambda d: [d, cr.Dropout(0.1), cr.GELU()], "He"),
    "dense, then relu": (lambda d: [d, cr.Dense(4), cr.ReLU()], "Glorot"),
    "flatten, then relu": (lambda d: [d, cr.Flatten(), cr.ReLU()], "He"),
    "relu inside residual": (lambda d: [d, cr.Residual([cr.ReLU(), cr.Dense(50)]), cr.Tanh()], "He"),
    "tanh inside residual": (lambda d: [d, cr.Residual([cr.Tanh(), cr.Dense(50)]), cr.ReLU()], "Glorot"),
    "relu after residual": (lambda d: [cr.Residual([d]), cr.ReLU()], "He"),
    "relu after network": (lambda d: [cr.Network([d]), cr.ReLU()], "He"),
    "relu inside network": (lambda d: [d, cr.Network([cr.ReLU()]), cr.Tanh()], "He"),
    "relu in a branch": (lambda d: [d, cr.Branches([[], [cr.ReLU()]]), cr.Tanh()], "He"),
    "relu after a branch": (lambda d: [cr.Branches([[], [d]]), cr.ReLU()], "He"),
}


@pytest.mark.parametrize(("layers", "kind"), FOLLOWING.values(), ids=FOLLOWING)
def test_the_initializer_is_chosen_by_what_follows(layers, kind):
    dense = cr.Dense(50)
    cr.Network(layers(dense), inputs=50)
    # He here is normal, Glorot uniform: only a bell curve reaches beyond √3 deviations.
    deviation = math.sqrt(2 / 50 if kind == "He" else 2 / 100)
    weights = dense.weights.value
    assert weights.std() == pytest.approx(deviation, rel=0.05)
    assert (np.abs(weights).max() > 1.8 * deviation) == (kind == "He")


def test_a_named_initializer_wins_and_biases_start_at_zero():
    dense = cr.Dense(4, initializer=cr.Constant(0.5))
    other = cr.Dense(4, bias_initializer=cr.Constant(0.1))
    cr.Network([dense, cr.ReLU(), other], inputs=3)
    assert set(dense.weights.value.ravel()) == {0.5}
    assert not dense.bias.value.any()
    assert other.bias.value.tolist() == [np.float32(0.1)] * 4
