"""The toy sets: the shapes they promise, the same points each time, and the geometry their docstrings state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from chainrule import data
from chainrule.errors import InputError

PLANE: list[Callable[..., Any]] = [data.spirals, data.moons, data.circles, data.blobs]
SEEDED: list[Callable[..., Any]] = [*PLANE, data.curve]
CURVES = {
    "line": lambda x: x,
    "sine": lambda x: np.sin(np.pi * x),
    "cubic": lambda x: 4 * x**3 - 3 * x,
    "step": lambda x: (x >= 0) * 1.0,
    "absolute": abs,
}


@pytest.mark.parametrize("dtype", ["float32", "float64", float])
def test_xor_is_the_truth_table_in_order(dtype: Any) -> None:
    X, y = data.xor(dtype)
    assert X.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [[0], [1], [1], [0]]
    assert X.dtype == y.dtype == np.dtype(dtype)


@pytest.mark.parametrize("make", PLANE)
@pytest.mark.parametrize("samples", [10, 301])
def test_a_plane_set_has_two_features_and_labels_dealt_evenly(make: Callable[..., Any], samples: int) -> None:
    X, labels = make(samples=samples)
    sizes = np.bincount(labels)
    assert (X.shape, X.dtype, labels.shape, labels.dtype) == ((samples, 2), np.float32, (samples,), np.int64)
    assert sizes.sum() == samples
    assert sizes.max() - sizes.min() <= 1
    assert np.isfinite(X).all()


@pytest.mark.parametrize("make", SEEDED)
def test_the_seed_decides_the_points(make: Callable[..., Any]) -> None:
    first, again, other = make(seed=3), make(seed=3), make(seed=4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.X, other.X)


@pytest.mark.parametrize("make", SEEDED)
def test_rows_come_in_random_order(make: Callable[..., Any]) -> None:
    X, y = make(samples=200)
    assert (np.diff(X[:, 0]) < 0).any()
    assert np.unique(y[:50]).size > 1
    assert np.unique(y[-50:]).size > 1
    assert not np.array_equal(y, np.arange(200) % (y.max() + 1))


@pytest.mark.parametrize("make", SEEDED)
def test_noise_moves_points_by_its_standard_deviation(make: Callable[..., Any]) -> None:
    still, moved = make(samples=4000, noise=0), make(samples=4000, noise=0.5)
    shift = (moved.y - still.y) if make is data.curve else (moved.X - still.X)
    assert abs(shift.std() - 0.5) < 0.02
    assert abs(shift.mean()) < 0.03


def test_without_noise_moons_lie_on_their_half_circles() -> None:
    X, labels = data.moons(noise=0)
    upper, lower = X[labels == 0], X[labels == 1] - [1.0, 0.5]
    for half, sign in ((upper, 1), (lower, -1)):
        np.testing.assert_allclose(np.hypot(*half.T), 1, atol=1e-6)
        assert (sign * half[:, 1] >= -1e-6).all()


def test_without_noise_circles_have_their_radii_and_no_point_twice() -> None:
    X, labels = data.circles(samples=40, noise=0, factor=0.25)
    np.testing.assert_allclose(np.hypot(*X.T), np.where(labels == 1, 0.25, 1), atol=1e-6)
    assert len(np.unique(X.round(5), axis=0)) == 40


def test_without_noise_blobs_are_their_centres() -> None:
    X, labels = data.blobs(samples=8, classes=4, noise=0)
    centres = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
    np.testing.assert_allclose(X, centres[labels], atol=1e-6)


def test_without_noise_spiral_arms_wind_outward_and_stay_apart() -> None:
    X, labels = data.spirals(samples=600, classes=3, turns=0.75, noise=0)
    radius = np.hypot(*X.T)
    assert radius.min() == pytest.approx(0.1)
    assert radius.max() == pytest.approx(1)
    distance = np.linalg.norm(X[:, None] - X[None], axis=-1)
    assert distance[labels[:, None] != labels].min() > 0.1
    arm = X[labels == 0][np.argsort(radius[labels == 0])]
    turned = np.unwrap(np.arctan2(arm[:, 1], arm[:, 0]))
    assert (turned[-1] - turned[0]) / (2 * np.pi) == pytest.approx(0.75, abs=1e-5)


def test_every_arm_reaches_its_end_when_samples_do_not_divide_evenly() -> None:
    X, labels = data.spirals(samples=11, classes=3, noise=0)
    for k in range(3):
        radius = np.hypot(*X[labels == k].T)
        assert (radius.min(), radius.max()) == pytest.approx((0.1, 1))


@pytest.mark.parametrize("kind", CURVES)
def test_without_noise_a_curve_is_its_formula(kind: str) -> None:
    X, y = data.curve(kind, samples=101, noise=0)
    assert (X.shape, y.shape, X.dtype, y.dtype) == ((101, 1), (101, 1), np.float32, np.float32)
    np.testing.assert_allclose(y, CURVES[kind](np.sort(X, axis=0)[np.argsort(np.argsort(X[:, 0]))]), atol=1e-6)
    np.testing.assert_allclose(np.sort(X[:, 0]), np.linspace(-1, 1, 101), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (data.xor, {"dtype": "int64"}, "float32"),
        (data.xor, {"dtype": "float23"}, "float32"),
        (data.xor, {"dtype": None}, "float32"),
        (data.xor, {"dtype": "float16"}, "float32"),
        (data.spirals, {"classes": 0}, "spirals classes: got 0"),
        (data.spirals, {"samples": 2, "classes": 3}, "spirals samples: got 2"),
        (data.spirals, {"turns": 0}, "spirals turns: got 0"),
        (data.moons, {"samples": 1}, "moons samples"),
        (data.moons, {"samples": 10.0}, "whole number"),
        (data.moons, {"noise": -0.1}, "moons noise: got -0.1"),
        (data.moons, {"noise": float("nan")}, "moons noise: got nan"),
        (data.circles, {"factor": 1}, "circles factor: got 1"),
        (data.circles, {"seed": -1}, "circles seed: got -1"),
        (data.blobs, {"seed": None}, "blobs seed: got None"),
        (data.curve, {"kind": "sin"}, "Did you mean 'sine'"),
        (data.curve, {"kind": 3}, "Known: absolute, cubic, line, sine, step"),
        (data.curve, {"samples": 1}, "curve samples: got 1"),
    ],
)
def test_a_wrong_argument_is_one_clear_error(make: Callable[..., Any], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=r".*: got .*, but expected .*\. .*\.") as caught:
        make(**options)
    assert said in str(caught.value)
