"""How large the samples of a training were, kept with the network, so that samples of another scale are noticed.

A network that has learnt from pixels 0 … 255 answers pixels 0 … 1 without an error, and wrongly. What is kept is one
pair of numbers a network: where the largest value of a sample lies, for 98 in 100 samples. That of a sample is blind to
one-hot, constant and empty columns; half of the samples must lie far outside before anything is said, so outliers are
no matter; and samples that are all zeros count for nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Self

import numpy as np

from chainrule.ops.op import Array

FEW = 16  # samples: of fewer nobody can say what is usual
_SMALLER, _LARGER, _OF_FEW = 4.0, 8.0, 32.0  # times outside of the range
_MOST_FITTED, _MOST_COMPARED = 1024, 256  # samples that are looked at, evenly spread


class InputRange(NamedTuple):
    """Of the largest absolute value in a sample, where 98 in 100 samples have it.

    Attributes
    ----------
    samples : int
        How many there were.
    low, high : float
        The 1 % and the 99 % quantile.

    Examples
    --------
    >>> pixels = np.random.default_rng(0).integers(0, 256, (100, 64))
    >>> trained = InputRange.of(pixels)
    >>> trained.far_from(pixels[:20]), trained.far_from(pixels[:20] / 255)
    (None, 0.99...)
    """

    samples: int
    low: float
    high: float

    @classmethod
    def of(cls, x: Array) -> Self:
        """Return the range of these samples, none of which is NaN."""
        _, sizes = _sizes(x, _MOST_FITTED)
        low, high = np.quantile(sizes, [0.01, 0.99], method="nearest").tolist() if len(sizes) else (0.0, 0.0)
        return cls(len(x), low, high)

    def with_others(self, other: InputRange) -> InputRange:
        """Return the range that holds both, of all the samples together."""
        return InputRange(self.samples + other.samples, min(self.low, other.low), max(self.high, other.high))

    def far_from(self, x: Array) -> float | None:
        """Return how large these samples usually are, where that is far from the range; None where it isn't.

        Half of them are smaller by a factor of 4, or larger by 8. Of fewer than 16 it must be all, or half, and a
        factor of 32; and a sample that is larger must be so in two of its values, where it has so many.
        """
        if self.samples < FEW or not self.high:
            return None
        if len(x) < FEW and x.dtype.kind == "f":  # each row that is served: one product says that nothing is wrong
            flat = x.ravel()
            length = math.sqrt(flat.dot(flat))
            if math.sqrt(flat.size) * self.low / _OF_FEW <= length <= self.high * _OF_FEW:
                return None
        values, sizes = _sizes(x, _MOST_COMPARED)
        if not len(sizes):
            return None
        few, usual = len(sizes) < FEW, float(np.median(sizes))
        if (float(sizes.max()) < self.low / _OF_FEW) if few else (usual < self.low / _SMALLER):
            return usual
        if usual <= self.high * (_OF_FEW if few else _LARGER):
            return None
        if few and values.shape[1] > 1 and np.median(np.count_nonzero(values > self.high, axis=1)) < 2:
            return None
        return usual


def _sizes(x: Array, most: int) -> tuple[Array, Array]:
    """Return the absolute values in each sample that isn't all zeros, of at most so many, and the largest of each."""
    rows = x[:: -(-len(x) // most)]
    values = np.abs(rows.reshape(len(rows), -1), dtype=np.float64 if rows.dtype.kind == "i" else None)
    sizes = values.max(axis=1).astype(np.float64)
    return values[sizes > 0], sizes[sizes > 0]
