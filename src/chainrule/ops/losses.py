"""Losses of predictions against targets: how wrong a network is, as one number.

Every loss is a mean over samples; with a `sample_weight` w it is Σ w·ℓ / Σ w. Sums run in float64, whatever the
arrays are, and the result has the prediction's dtype again. Prediction and target are (samples, …, outputs). Where
there are axes between, such as time, the mean runs over all rows of outputs, and weights are for samples or for rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.ops.op import Array, Derivatives, Op, expect_rank, shapes


class ElementwiseLoss(Op):
    """A loss that compares each prediction, or logit, with its own target."""

    constant = ("target", "sample_weight")

    def check(self, where: str, **arrays: Array) -> None:
        role, *_ = self.roles
        check_prediction(where, role, arrays[role])
        if arrays["target"].shape != arrays[role].shape:
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected=f"target with shape {arrays[role].shape}, one number for each {role.removesuffix('s')}",
                fix=f"Pass target.reshape({role}.shape) if the order is right, or build the last layer with "
                "as many outputs as there are targets",
            )
        check_sample_weight(where, arrays.get("sample_weight"), arrays[role].shape)


class MeanSquaredError(ElementwiseLoss):
    """y = mean((prediction − target)²)
    ∂prediction = ∂y · 2 (prediction − target) / n

    Why: The slope of a square d² is 2 d, and d = prediction − target moves as the prediction does; the mean divides by
    n. What is twice as wrong is pulled twice as hard.

    The mean runs over all n elements.
    """

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        difference = prediction - in_dtype_of(prediction, target)
        return average(difference * difference, sample_weight, prediction.shape[-1])

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        difference = prediction - in_dtype_of(prediction, target)
        return dict(prediction=dy * 2 * share(prediction, sample_weight, prediction.shape[-1]) * difference)


class SquaredError(ElementwiseLoss):
    """y = mean over samples of Σ (prediction − target)²
    ∂prediction = ∂y · 2 (prediction − target) / samples

    Why: The slope of a square d² is 2 d, and d = prediction − target moves as the prediction does. The sum over outputs
    divides by nothing, the mean over samples by their number.

    The sum runs over the last axis, the outputs; where there are axes between, the mean runs over these too. With ten
    outputs it is ten times `MeanSquaredError`, whose mean runs over the outputs as well.
    """

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        difference = prediction - in_dtype_of(prediction, target)
        return average(difference * difference, sample_weight)

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        difference = prediction - in_dtype_of(prediction, target)
        return dict(prediction=dy * 2 * share(prediction, sample_weight) * difference)


class HalfSquaredError(ElementwiseLoss):
    """y = mean over samples of ½ Σ (prediction − target)²
    ∂prediction = ∂y · (prediction − target) / samples

    Why: The slope of a square d² is 2 d, and d = prediction − target moves as the prediction does. The ½ is there to
    cancel that 2: what comes back is how wrong the prediction is.

    The sum runs over the last axis, the outputs; where there are axes between, the mean runs over these too.
    """

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        difference = prediction - in_dtype_of(prediction, target)
        return average(0.5 * difference * difference, sample_weight)

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        difference = prediction - in_dtype_of(prediction, target)
        return dict(prediction=dy * share(prediction, sample_weight) * difference)


class MeanAbsoluteError(ElementwiseLoss):
    """y = mean(|prediction − target|)
    ∂prediction = ∂y · sign(prediction − target) / n

    Why: The size of d = prediction − target grows with slope 1 above 0 and falls with slope −1 below; the mean divides
    by n. So all are pulled equally hard, however wrong they are: a few wild targets can't take over.

    The mean runs over all n elements. Where prediction and target are equal the derivative is 0.
    """

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        difference = prediction - in_dtype_of(prediction, target)
        return average(np.abs(difference), sample_weight, prediction.shape[-1])

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        side = np.sign(prediction - in_dtype_of(prediction, target))
        return dict(prediction=dy * share(prediction, sample_weight, prediction.shape[-1]) * side)


class Huber(ElementwiseLoss):
    """y = mean(½ d² where |d| ≤ delta, else delta · (|d| − ½ delta)), d = prediction − target
    ∂prediction = ∂y · (d cut to ±delta) / n

    Why: Near the target it is half a square, of slope d. Beyond delta it goes on as a straight line with the slope it
    has there, delta, or −delta on the other side. Both in one: d, cut to ±delta. So a wild target pulls no harder than
    one that is delta away.

    The mean runs over all n elements. With c, the d cut to ±delta, both cases are c (d − ½ c).

    Parameters
    ----------
    delta : float
        From here on an error counts by its size, no longer by its square.
    """

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = checks.number("Huber delta", delta, above=0, like=1)

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        difference = prediction - in_dtype_of(prediction, target)
        cut = np.minimum(np.maximum(difference, -self.delta), self.delta)
        return average(cut * (difference - 0.5 * cut), sample_weight, prediction.shape[-1])

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        difference = prediction - in_dtype_of(prediction, target)
        cut = np.minimum(np.maximum(difference, -self.delta), self.delta)
        return dict(prediction=dy * share(prediction, sample_weight, prediction.shape[-1]) * cut)


class PinballLoss(ElementwiseLoss):
    """y = mean(max(q · d, (q − 1) · d)), d = target − prediction, q = quantiles
    ∂prediction = ∂y · (1 − q where d < 0, −q where d > 0, else 0) / n

    Why: By d it is two straight lines, of slope q above 0 and q − 1 below. Where the prediction grows, d falls, which
    turns the signs: −q for a target above, 1 − q for one below. The pulls are in balance where a share q of the targets
    lies below.

    The mean runs over all n elements. The smallest loss has the prediction below which a share q of the targets lies:
    their q-quantile. Where prediction and target are equal the derivative is 0. With several quantiles the prediction
    has a column for each, and the target is one column that all of them are compared with; with a single one it is
    the quantile of every output. R. Koenker and G. Bassett, *Regression quantiles*, 1978.

    Parameters
    ----------
    quantiles : float or sequence of float, default (0.1, 0.5, 0.9)
        Each between 0 and 1. 0.5 is the median.
    """

    def __init__(self, quantiles: float | Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        told = [quantiles] if np.ndim(quantiles) == 0 else quantiles
        self.quantiles = checks.numbers("PinballLoss quantiles", told, above=0, below=1, like=(0.1, 0.5, 0.9))
        self.prediction_columns, self.target_columns = None, None
        if len(self.quantiles) > 1:
            self.prediction_columns, self.target_columns = len(self.quantiles), 1

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        difference = prediction - in_dtype_of(prediction, target)
        above, below = self._slopes(prediction)
        return average(np.maximum(above * difference, below * difference), sample_weight, prediction.shape[-1])

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        side = np.sign(prediction - in_dtype_of(prediction, target))
        above, below = self._slopes(prediction)
        slope = above * np.maximum(side, 0) - below * np.minimum(side, 0)
        return dict(prediction=dy * share(prediction, sample_weight, prediction.shape[-1]) * slope)

    def check(self, where: str, **arrays: Array) -> None:
        if self.target_columns is None:
            super().check(where, **arrays)
            return
        prediction, column = arrays["prediction"], (*arrays["prediction"].shape[:-1], 1)
        check_prediction(where, "prediction", prediction)
        expect_columns(where, self, prediction.shape[-1])
        if arrays["target"].shape != column:
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected=f"target with shape {column}, one column for all quantiles",
                fix=f"Pass target.reshape{column}; for several targets train a network for each",
            )
        check_sample_weight(where, arrays.get("sample_weight"), prediction.shape)

    def _slopes(self, prediction: Array) -> tuple[Array, Array]:
        """Return the slope of the loss above the target, and the one below it, for each quantile."""
        below = -np.asarray(self.quantiles, prediction.dtype, like=prediction)
        return 1 + below, below


def average(losses: Array, sample_weight: Array | None, outputs: int = 1) -> Array:
    """Return the mean over rows, samples in most cases, of the sum of each row of `losses`, divided by `outputs`."""
    count = math.prod(losses.shape[:-1]) * outputs
    if sample_weight is None:
        total = losses.sum(dtype=np.float64) / count
    else:
        weighted = losses * as_column(sample_weight, losses)
        total = weighted.sum(dtype=np.float64) / (sample_weight.sum(dtype=np.float64) * (count // sample_weight.size))
    result: Array = total.astype(losses.dtype)
    return result


def share(prediction: Array, sample_weight: Array | None, outputs: int = 1) -> Array | float:
    """Return what one unit of each row's loss adds to the average: a number, or a column if there are weights."""
    count = math.prod(prediction.shape[:-1]) * outputs
    if sample_weight is None:
        return 1 / count
    weights = sample_weight / (sample_weight.sum(dtype=np.float64) * (count // sample_weight.size))
    return as_column(weights, prediction).astype(prediction.dtype)


def as_column(sample_weight: Array, like: Array) -> Array:
    """Return weights with further axes of length 1, so that each meets all in `like` that it belongs to."""
    return sample_weight.reshape(*sample_weight.shape, *(1,) * (like.ndim - sample_weight.ndim))


def in_dtype_of(prediction: Array, target: Array) -> Array:
    """Return `target` in the dtype of `prediction`: labels given as whole numbers must not widen it."""
    return target.astype(prediction.dtype, copy=False)


def check_prediction(where: str, role: str, prediction: Array) -> None:
    """Raise unless `prediction` is (samples, …, outputs), with at least one of each."""
    if prediction.ndim < 2:
        expect_rank(where, role, prediction, 2, "(samples, outputs)")
    if prediction.size == 0:
        raise ShapeError(
            where,
            given=f"{role} with shape {prediction.shape}",
            expected="at least one sample and one output: an empty batch has no mean",
            fix="Leave empty batches out",
        )


def expect_columns(where: str, op: Op, outputs: int) -> None:
    """Raise if a loss needs another number of outputs."""
    if op.prediction_columns not in (None, outputs):
        raise ShapeError(
            where,
            given=f"{outputs} output{'' if outputs == 1 else 's'} for {op!r:.80}",
            expected=f"{op.prediction_columns} outputs",
            fix=f"Build the last layer with {op.prediction_columns} outputs, or a {type(op).__name__} for {outputs}",
        )


def check_sample_weight(where: str, sample_weight: Array | None, shape: tuple[int, ...]) -> None:
    """Raise unless there is a weight for each sample, or each row of outputs, none below 0, and not only zeros."""
    if sample_weight is None:
        return
    if sample_weight.shape not in (shape[:1], shape[:-1]):
        rows = f", or {shape[:-1]}, one for each row of outputs" if len(shape) > 2 else ""
        raise ShapeError(
            where,
            given=f"sample_weight with shape {sample_weight.shape}",
            expected=f"shape {shape[:1]}, one weight for each sample{rows}",
            fix="Pass a weight for each sample, or none at all",
        )
    if not (np.isfinite(sample_weight) & (sample_weight >= 0)).all() or not sample_weight.any():
        wrong = "only zeros" if not sample_weight.any() else f"{sample_weight.min()} among them"
        raise InputError(
            where,
            given=f"sample_weight with {wrong}",
            expected="finite weights of at least 0, one of them above it",
            fix="Pass 1 for a sample that counts, 0 for one that doesn't",
        )
