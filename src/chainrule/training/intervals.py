"""Intervals around figures that were measured on samples: what they might be on other samples of the same kind.

Each is to hold the figure of all such samples in 95 of 100 cases. They say how much the choice of these samples
matters, not how much another start of the training would. What can't be told is None: one sample, or a figure that no
choice of these samples changes, such as one of 1 without a single error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from chainrule.ops.op import Array
from chainrule.training.metrics import by_threshold

Interval: TypeAlias = tuple[float, float]

_Z = 1.959963984540054  # of the normal distribution 95 % lies within so many deviations
_BLOCKS = 1000  # groups of samples, at most, that are drawn together
_RESAMPLES = 400


def of_share(share: float, count: float) -> Interval | None:
    """Return the interval of a share of so many samples (E. B. Wilson, 1927).

    >>> low, high = of_share(0.0, 10)
    >>> low, round(high, 3)
    (0.0, 0.278)
    """
    if not count:
        return None
    square = _Z * _Z / count
    middle, half = share + square / 2, _Z * math.sqrt((share * (1 - share) + square / 4) / count)
    return max((middle - half) / (1 + square), 0.0), min((middle + half) / (1 + square), 1.0)


def effective_count(sample_weight: Array | None, count: int) -> float:
    """Return how many samples of equal weight tell as much as these: (Σw)² / Σw² (L. Kish, 1965)."""
    if sample_weight is None:
        return count
    square = float(np.square(sample_weight, dtype=np.float64).sum())
    return float(sample_weight.sum(dtype=np.float64)) ** 2 / square if square else 0.0


def of_mean(values: Array, weights: Array | None = None, *, least: float = -math.inf) -> Interval | None:
    """Return the interval of a mean: 1.96 standard errors to both sides, and nothing below `least`.

    Of a weighted mean the error is that of a ratio (W. G. Cochran, *Sampling techniques*, 1977, section 6.3).
    """
    w = np.ones(len(values)) if weights is None else np.asarray(weights, np.float64)
    total, count = w.sum(), np.count_nonzero(w)
    if count < 2:
        return None
    mean = float((w * values).sum() / total)
    half = _Z * math.sqrt(count / (count - 1) * float(np.square(w * (values - mean)).sum())) / total
    return (max(mean - half, least), mean + half) if half > 0 and math.isfinite(half) else None


def of_area(columns: Sequence[tuple[Array, Array]], samples: int, sample_weight: Array | None) -> Interval | None:
    """Return the interval of the area under the ROC curve (E. R. DeLong and others, 1988), or of the mean of several.

    What a sample adds to the error is how its rank among the others differs from the area; of the mean of several areas
    it is the mean of that, so that what they have in common counts.

    Parameters
    ----------
    columns : sequence of (scores, true)
        One for each area, with a row for each output row of the samples.
    samples : int
        How many there are; rows of one sample are no samples of their own.
    sample_weight : ndarray, (samples,), optional
    """
    error = np.zeros(samples)
    mean = 0.0
    for scores, true in columns:
        each = np.ones(samples) if sample_weight is None else sample_weight.astype(np.float64)
        weights = each.repeat(len(scores) // samples)
        places, own, others = by_threshold(scores, true, weights)
        counts = np.count_nonzero(weights * true), np.count_nonzero(weights * ~true)
        if min(counts) < 2:
            return None
        below = (others.cumsum() - others / 2) / others.sum()
        above = (own[::-1].cumsum()[::-1] - own / 2) / own.sum()
        area = float((own * below).sum() / own.sum())
        ranks = np.where(true, below[places], above[places]) - area
        masses = [math.sqrt(n / (n - 1)) / total for n, total in zip(counts, (own.sum(), others.sum()), strict=True)]
        error += (weights * ranks * np.where(true, *masses)).reshape(samples, -1).sum(axis=1)
        mean += area / len(columns)
    half = _Z * math.sqrt(float(np.square(error / len(columns)).sum()))
    return (max(mean - half, 0.0), min(mean + half, 1.0)) if half else None


def blocks(samples: int) -> Array:
    """Return for each sample the block in which it is drawn: its own, or by chance one of a thousand."""
    if samples <= _BLOCKS:
        return np.arange(samples)
    return np.random.default_rng(0).permutation(samples) * _BLOCKS // samples


def of_sums(sums: Array, figures: Callable[[Array], Array]) -> list[Interval | None]:
    """Return the intervals of figures that follow from sums over samples: the middle 95 % of 400 new draws.

    The same each time: the draws have a seed of their own (B. Efron, *Bootstrap methods*, 1979).

    Parameters
    ----------
    sums : ndarray, (blocks, …)
        Over the samples of each block.
    figures : function of ndarray
        Takes such sums over all blocks, and returns some figures.
    """
    count = len(sums)
    drawn = np.random.default_rng(0).integers(0, count, (_RESAMPLES, count)) + count * np.arange(_RESAMPLES)[:, None]
    times = (
        np.bincount(drawn.ravel().astype(np.intp, copy=False), minlength=count * _RESAMPLES)
        .reshape(_RESAMPLES, count)
        .astype(np.float64)
    )
    totals = (times @ sums.reshape(count, -1)).reshape(_RESAMPLES, *sums.shape[1:])
    found = np.stack([figures(total) for total in totals])
    ends = np.nanpercentile(found, (2.5, 97.5), axis=0) if np.isfinite(found).any(axis=0).all() else found[:2]
    return [(low, high) if low < high else None for low, high in ends.T.tolist()]
