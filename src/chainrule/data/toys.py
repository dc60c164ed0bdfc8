"""Small seeded sets, each the smallest picture of one difficulty: XOR, and points in the plane or on a curve.

The same arguments give the same points on every call. Apart from `xor`, rows come in random order, so any part of
a set looks like the whole; `noise` is always the standard deviation of a Gaussian, in the unit of the coordinates.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike, NDArray

from chainrule import checks
from chainrule.data.dataset import Dataset, float_type

#: More points than any of these pictures needs, and few enough for any machine's memory.
MOST_SAMPLES = 10_000_000


@checks.keywords
def xor(dtype: DTypeLike = "float32") -> Dataset:
    """Return the exclusive or: two inputs of which exactly one must be 1.

    Parameters
    ----------
    dtype : {"float32", "float64"}
        The type of both arrays.

    Returns
    -------
    Dataset
        X is of shape (4, 2), the inputs 00, 01, 10, 11, in this order; y of shape (4, 1), the targets 0, 1, 1, 0.

    Raises
    ------
    InputError
        If `dtype` is not a type that networks compute in.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> X.astype(int).tolist(), y.astype(int).ravel().tolist()
    ([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0])
    """
    kind = float_type("xor", dtype)
    return Dataset(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], kind), np.array([[0], [1], [1], [0]], kind), "xor")


@checks.keywords
def spirals(samples: int = 300, classes: int = 3, turns: float = 0.75, noise: float = 0.03, seed: int = 0) -> Dataset:
    """Return interleaved spiral arms around the origin, one per class.

    Parameters
    ----------
    samples : int
        Points in all, dealt evenly to the classes.
    classes : int
        The number of arms.
    turns : float
        Full turns from the inner end of an arm (radius 0.1) to the outer one (radius 1). Neighbouring arms are
        0.9 / (turns · classes) apart.
    noise : float
        Standard deviation of the Gaussian added to each coordinate.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    Dataset
        X is float32 of shape (samples, 2); y, the labels, int64 of shape (samples,).

    Raises
    ------
    InputError
        If a number is out of its range, or there are fewer samples than classes.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, labels = cr.data.spirals(samples=300, classes=3)
    >>> X.shape, [int((labels == k).sum()) for k in range(3)]
    ((300, 2), [100, 100, 100])
    """
    labels, along = _deal("spirals", samples, classes)
    turns = checks.number("spirals turns", turns, above=0.0, most=100.0, like=0.75)
    radius = 0.1 + 0.9 * along
    angle = 2 * np.pi * (labels / classes + turns * along)
    return _finish("spirals", _polar(radius, angle), labels, noise, seed)


@checks.keywords
def moons(samples: int = 300, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Return two half circles of radius 1, hooked into each other.

    Parameters
    ----------
    samples : int
        Points in all, dealt evenly to the two classes.
    noise : float
        Standard deviation of the Gaussian added to each coordinate.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    Dataset
        X is float32 of shape (samples, 2); y, the labels, int64 of shape (samples,): 0 for the upper half circle
        around (0, 0), 1 for the lower one around (1, 0.5).

    Raises
    ------
    InputError
        If a number is out of its range.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, labels = cr.data.moons(noise=0)
    >>> bool((X[labels == 0, 1] >= 0).all())
    True
    """
    labels, along = _deal("moons", samples, 2)
    points = _polar(np.ones(len(labels)), np.pi * along)
    lower = labels == 1
    points[lower] = np.array([1.0, 0.5]) - points[lower]
    return _finish("moons", points, labels, noise, seed)


@checks.keywords
def circles(samples: int = 300, noise: float = 0.05, factor: float = 0.5, seed: int = 0) -> Dataset:
    """Return two circles, one inside the other: no straight line parts them.

    Parameters
    ----------
    samples : int
        Points in all, dealt evenly to the two classes.
    noise : float
        Standard deviation of the Gaussian added to each coordinate.
    factor : float
        Radius of the inner circle, between 0 and 1; the outer one has radius 1.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    Dataset
        X is float32 of shape (samples, 2); y, the labels, int64 of shape (samples,): 0 outside, 1 inside.

    Raises
    ------
    InputError
        If a number is out of its range.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, labels = cr.data.circles(noise=0)
    >>> radius = (X**2).sum(axis=1) ** 0.5
    >>> round(float(radius[labels == 0].mean()), 3), round(float(radius[labels == 1].mean()), 3)
    (1.0, 0.5)
    """
    labels, along = _deal("circles", samples, 2, closed=True)
    factor = checks.number("circles factor", factor, above=0.0, below=1.0, like=0.5)
    return _finish("circles", _polar(np.where(labels == 1, factor, 1.0), 2 * np.pi * along), labels, noise, seed)


@checks.keywords
def blobs(samples: int = 300, classes: int = 3, noise: float = 0.25, seed: int = 0) -> Dataset:
    """Return round clouds of points, their centres evenly spaced on the unit circle.

    Parameters
    ----------
    samples : int
        Points in all, dealt evenly to the classes.
    classes : int
        The number of clouds.
    noise : float
        The size of a cloud: the standard deviation of each coordinate around its centre.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    Dataset
        X is float32 of shape (samples, 2); y, the labels, int64 of shape (samples,).

    Raises
    ------
    InputError
        If a number is out of its range, or there are fewer samples than classes.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, labels = cr.data.blobs(samples=8, classes=4)
    >>> sorted(labels.tolist())
    [0, 0, 1, 1, 2, 2, 3, 3]
    """
    labels, _ = _deal("blobs", samples, classes)
    centres = _polar(np.ones(len(labels)), 2 * np.pi * labels / classes)
    return _finish("blobs", centres, labels, noise, seed)


_CURVES: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "line": lambda x: x,
    "sine": lambda x: np.sin(np.pi * x),
    "cubic": lambda x: 4 * x**3 - 3 * x,
    "step": lambda x: np.where(x < 0, 0.0, 1.0),
    "absolute": np.abs,
}


@checks.keywords
def curve(kind: str = "sine", samples: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    r"""Return points on a curve over -1 <= x <= 1, for regression.

    Parameters
    ----------
    kind : {"line", "sine", "cubic", "step", "absolute"}
        The curve: x, sin(πx), 4x³ − 3x, (0 for x < 0, else 1), or \|x\|.
    samples : int
        Points in all, evenly spaced along x, in random order.
    noise : float
        Standard deviation of the Gaussian added to y; 0 gives the curve itself.
    seed : int
        The same seed gives the same points.

    Returns
    -------
    Dataset
        X and y are float32 of shape (samples, 1).

    Raises
    ------
    InputError
        If the curve is unknown or a number is out of its range.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.curve("absolute", samples=5, noise=0)
    >>> sorted(zip(X.ravel().tolist(), y.ravel().tolist()))
    [(-1.0, 1.0), (-0.5, 0.5), (0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]
    """
    formula = _CURVES[checks.one_of("curve kind", kind, _CURVES)]
    samples = checks.whole("curve samples", samples, least=2, most=MOST_SAMPLES)
    x = np.linspace(-1.0, 1.0, samples)
    scale, rng = _randomness("curve", noise, seed)
    y = formula(x) + scale * rng.standard_normal(samples)
    order = rng.permutation(samples)
    return Dataset(x[order, None].astype(np.float32), y[order, None].astype(np.float32), f"curve ({kind})")


def _deal(
    where: str, samples: int, classes: int, closed: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Deal labels out like cards, and place each class's points evenly from 0 to 1 (before 1 on a closed line)."""
    classes = checks.whole(f"{where} classes", classes)
    samples = checks.whole(f"{where} samples", samples, least=classes, most=MOST_SAMPLES)
    turn, labels = np.divmod(np.arange(samples, dtype=np.int64), classes)
    sizes = np.bincount(labels.astype(np.intp, copy=False), minlength=classes)
    steps = np.maximum(sizes if closed else sizes - 1, 1)
    return labels, turn / steps[labels]


def _polar(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _finish(where: str, points: NDArray[np.float64], labels: NDArray[np.int64], noise: float, seed: int) -> Dataset:
    scale, rng = _randomness(where, noise, seed)
    points = points + scale * rng.standard_normal(points.shape)
    order = rng.permutation(len(points))
    names = tuple(str(k) for k in range(int(labels.max()) + 1))
    return Dataset(points[order].astype(np.float32), labels[order], where, class_names=names)


def _randomness(where: str, noise: float, seed: int) -> tuple[float, np.random.Generator]:
    scale = checks.number(f"{where} noise", noise, least=0.0, most=1e6, like=0.1)
    return scale, np.random.default_rng(checks.whole(f"{where} seed", seed, least=0))
