"""Mixup: shares that add up to 1, the same for samples and targets, and weights that count each target rightly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.data import Mixup, one_hot
from chainrule.errors import InputError
from chainrule.ops import CategoricalCrossEntropy

RNG = np.random.default_rng(3)
X = RNG.normal(size=(50, 2, 3)).astype(np.float32)
Y = one_hot(RNG.integers(0, 4, 50), 4)


def drawn(alpha: float = 1.0, **told: Any) -> Any:
    return Mixup(alpha)(X, Y, np.random.default_rng(1), **told)


def test_samples_and_targets_are_mixed_by_the_same_shares_with_the_same_others() -> None:
    generator = np.random.default_rng(1)
    share, other = generator.beta(1.0, 1.0, 50), generator.permutation(50)
    x, y = drawn()
    for i, (s, j) in enumerate(zip(share, other)):
        np.testing.assert_allclose(x[i], s * X[i] + (1 - s) * X[j], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(y[i], s * Y[i] + (1 - s) * Y[j], rtol=1e-4, atol=1e-6)
    assert x.dtype == y.dtype == np.float32
    assert np.array_equal(x, drawn()[0])


def test_what_was_given_stays_as_it_was() -> None:
    x, y, weight = X.copy(), Y.copy(), np.ones(50)
    Mixup()(x, y, np.random.default_rng(0), weight)
    assert np.array_equal(x, X)
    assert np.array_equal(y, Y)
    assert np.array_equal(weight, np.ones(50))


def test_a_small_alpha_leaves_most_samples_as_they_are() -> None:
    shares = [Mixup(alpha)(np.eye(400), np.eye(400), np.random.default_rng(0))[1].max(axis=1) for alpha in (0.01, 50)]
    assert np.mean(shares[0] > 0.99) > 0.9
    assert np.mean(shares[1] < 0.65) > 0.9


def test_bytes_and_whole_numbers_become_floats() -> None:
    pixels = RNG.integers(0, 256, (50, 4), dtype=np.uint8)
    x, y = Mixup(1.0)(pixels, Y.astype(int), np.random.default_rng(1))
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_allclose(y, drawn()[1])


def test_a_mixture_costs_what_its_parts_cost_by_their_weights() -> None:
    """Σ w ℓ over the mixed batch is Σ share w_i ℓ(x, y_i) + (1 − share) w_j ℓ(x, y_j)."""
    weight = RNG.uniform(0, 3, 50)
    weight[:5] = 0
    _, y, mixed = drawn(sample_weight=weight)
    generator = np.random.default_rng(1)
    share, other = generator.beta(1.0, 1.0, 50), generator.permutation(50)
    np.testing.assert_allclose(mixed, share * weight + (1 - share) * weight[other], rtol=1e-6)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-5)
    prediction = RNG.dirichlet(np.ones(4), 50)
    loss = CategoricalCrossEntropy()
    parts = [share * weight, (1 - share) * weight[other]]
    expected = sum(loss.forward(prediction, t, w) * w.sum() for t, w in zip((Y, Y[other]), parts))
    assert loss.forward(prediction, y, mixed) * mixed.sum() == pytest.approx(expected, rel=1e-5)


def test_weights_of_rows_over_time_are_mixed_too() -> None:
    y, weight = RNG.uniform(size=(6, 5, 2)), RNG.uniform(size=(6, 5))
    x, y, weight = Mixup(1.0)(RNG.normal(size=(6, 5, 3)), y, np.random.default_rng(0), weight)
    assert (x.shape, y.shape, weight.shape) == ((6, 5, 3), (6, 5, 2), (6, 5))


def test_where_nobody_counts_the_targets_are_mixed_all_the_same() -> None:
    np.testing.assert_array_equal(drawn(sample_weight=np.zeros(50))[1], drawn()[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Mixup(0), "Mixup alpha: got 0"),
        (lambda: Mixup()(X, np.arange(50), np.random.default_rng(0)), r"\(50,\).*cr\.data\.one_hot\(y\)"),
        (lambda: Mixup()(X, Y, None), "Mixup generator"),
    ],
)
def test_what_can_not_be_mixed_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
