"""Cross-entropies: how surprised a prediction of probabilities is by the truth.

Those on logits hold their sigmoid or softmax within and are right at any logit. Those on probabilities clip nothing:
certainty in the truth costs 0, certainty in something else costs inf. With `label_smoothing` s, a target says "1 − s
sure, and s shared evenly by all answers"; no certainty is right then, and the smallest loss is above 0.
"""

from __future__ import annotations

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.ops.losses import (
    ElementwiseLoss,
    average,
    check_prediction,
    check_sample_weight,
    in_dtype_of,
    share,
)
from chainrule.ops.op import Array, Derivatives, Op, expect_between, expect_integers, shapes
from chainrule.ops.special import sigmoid

_ROUNDING = 1e-6  # how far above 1 a probability in float32 may come to lie


class BinaryLoss(ElementwiseLoss):
    """A loss of answers between no, 0, and yes, 1."""

    def check(self, where: str, **arrays: Array) -> None:
        super().check(where, **arrays)
        expect_truth(where, arrays["target"])


class BinaryCrossEntropy(BinaryLoss):
    """y = mean(−target · log(prediction) − (1 − target) · log(1 − prediction))
    ∂prediction = ∂y · ((1 − target) / (1 − prediction) − target / prediction) / n
    with label_smoothing s: target = (1 − s) · target + s / 2

    Why: The slope of log is one over what it is taken of, so the first term gives −target / prediction. 1 − prediction
    falls where the prediction grows, so the second one gives (1 − target) / (1 − prediction). What is surely wrong,
    0.001 where the target is 1, is pulled very hard, by 1,000.

    The mean runs over all n elements. What is multiplied by 0 counts as 0, also where its
    logarithm is infinite.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

    limit = "no 0 for what is true, and no 1 for what is not: there is no log of 0"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(type(self).__name__, label_smoothing)

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        target = smoothed(in_dtype_of(prediction, target), self.label_smoothing, 2)
        yes = np.where(target == 0, 0, target * np.log(prediction))
        no = np.where(target == 1, 0, (1 - target) * np.log1p(-prediction))
        return average(-(yes + no), sample_weight, prediction.shape[-1])

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        target = smoothed(in_dtype_of(prediction, target), self.label_smoothing, 2)
        yes = np.where(target == 0, 0, target / np.abs(prediction))  # |…|, so that −0 is a 0 like any other
        no = np.where(target == 1, 0, (1 - target) / (1 - prediction))
        return dict(prediction=dy * share(prediction, sample_weight, prediction.shape[-1]) * (no - yes))

    def check(self, where: str, **arrays: Array) -> None:
        super().check(where, **arrays)
        expect_probabilities(where, arrays["prediction"], "SigmoidBinaryCrossEntropy")
        _expect_prediction_first(where, **arrays)


def _expect_prediction_first(where: str, prediction: Array, target: Array, sample_weight: Array | None = None) -> None:
    """Raise if every prediction is a 0 or 1 and no target is: then the truth stands before the prediction."""
    sure, unsure = np.isin(prediction, (0, 1)), (target > 0) & (target < 1)
    if target.shape == prediction.shape and sure.all() and unsure.all() and sure.size:
        raise InputError(
            where,
            given="predictions that are all 0 or 1, and targets that all lie between",
            expected="the prediction, then the target",
            fix="Name them: prediction=…, target=…",
        )


class SigmoidBinaryCrossEntropy(BinaryLoss):
    """y = mean(−target · log σ(logits) − (1 − target) · log(1 − σ(logits)))
    ∂logits = ∂y · (σ(logits) − target) / n
    with label_smoothing s: target = (1 − s) · target + s / 2

    Why: With p = σ(logits) the slope of the loss by p is (p − target) / (p (1 − p)), and the slope of the sigmoid is p
    (1 − p). The chain rule multiplies the two: what is delicate near 0 and 1 cancels, and p − target is left.

    The binary cross-entropy of σ(logits), for any logit: log(1 + e^logits) − target · logits is the same, and does not
    overflow. The mean runs over all n elements. The derivative is computed as (1 − target) · σ(logits) −
    target · σ(−logits), so that it never rounds to 0 beside 1.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(type(self).__name__, label_smoothing)

    def forward(self, logits: Array, target: Array, sample_weight: Array | None = None) -> Array:
        target = smoothed(in_dtype_of(logits, target), self.label_smoothing, 2)
        losses = np.maximum(logits, 0) - target * logits + np.log1p(np.exp(-np.abs(logits)))
        return average(losses, sample_weight, logits.shape[-1])

    def backward(
        self, dy: Array, y: Array, logits: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        target = smoothed(in_dtype_of(logits, target), self.label_smoothing, 2)
        difference = (1 - target) * sigmoid(logits) - target * sigmoid(-logits)
        return dict(logits=dy * share(logits, sample_weight, logits.shape[-1]) * difference)


class ClassLoss(Op):
    """A loss over classes, the last axis; `target` is one-hot, or holds class indices in the shape before it."""

    constant = ("target", "sample_weight")

    def check(self, where: str, **arrays: Array) -> None:
        role, *_ = self.roles
        prediction, target = arrays[role], arrays["target"]
        check_prediction(where, role, prediction)
        *before, classes = prediction.shape
        if target.shape not in (tuple(before), prediction.shape):
            flat = "-1" if len(before) == 1 else tuple(before)
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected=f"target with shape {tuple(before)}, class indices, or {prediction.shape}, one-hot",
                fix=f"Pass target.reshape({flat}) for a column of indices; for another number of classes, "
                "build the last layer with as many outputs",
            )
        if target.ndim < prediction.ndim:
            expect_integers(where, "target", target, classes, "classes", cause="target.range")
        else:
            expect_truth(where, target)
            _expect_rows_of_one(where, target)
        check_sample_weight(where, arrays.get("sample_weight"), prediction.shape)


class CategoricalCrossEntropy(ClassLoss):
    """y = mean over samples of −Σ target · log(prediction)
    ∂prediction = −∂y · target / prediction / samples
    with class indices: target = one_hot(target)
    with label_smoothing s: target = (1 − s) · target + s / classes

    Why: A prediction stands in one term only, −target · log(prediction), and the slope of log is one over what it is
    taken of. Where the target is 0, nothing comes back.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). What is multiplied by a target
    of 0 counts as 0.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

    limit = "no 0 for what is true: there is no log of 0"

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(type(self).__name__, label_smoothing)

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        truth = smoothed(one_hot(target, prediction), self.label_smoothing, prediction.shape[-1])
        return average(np.where(truth == 0, 0, -truth * np.log(prediction)), sample_weight)

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        truth = smoothed(one_hot(target, prediction), self.label_smoothing, prediction.shape[-1])
        ratio = np.where(truth == 0, 0, -truth / np.abs(prediction))  # |…|, so that −0 is a 0 like any other
        return dict(prediction=dy * share(prediction, sample_weight) * ratio)

    def check(self, where: str, **arrays: Array) -> None:
        super().check(where, **arrays)
        expect_probabilities(where, arrays["prediction"], "SoftmaxCrossEntropy")
        _expect_prediction_first(where, **arrays)


class SoftmaxCrossEntropy(ClassLoss):
    """y = mean over samples of −Σ target · log softmax(logits)
    ∂logits = ∂y · (softmax(logits) − target) / samples
    with class indices: target = one_hot(target)
    with label_smoothing s: target = (1 − s) · target + s / classes

    Why: log softmax(logits) is logits − log Σ e^logits. Of −Σ target · that, the first part has slope −target. The
    second stands there as often as the targets add up to, once, and the slope of log Σ e^logits is softmax(logits). So
    what comes back is how far each share is from the one it should be.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). Its rows add up to
    1; where rounding has them miss it, softmax(logits) counts that sum times.

    Parameters
    ----------
    label_smoothing : float, default 0
        s, from 0 to below 1. It counts in every loss, that of `evaluate` too.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(type(self).__name__, label_smoothing)

    def forward(self, logits: Array, target: Array, sample_weight: Array | None = None) -> Array:
        truth = smoothed(one_hot(target, logits), self.label_smoothing, logits.shape[-1])
        shifted = logits - logits.max(axis=-1, keepdims=True)
        surprise = np.log(np.exp(shifted).sum(axis=-1, keepdims=True)) - shifted
        return average(np.where(truth == 0, 0, truth * surprise), sample_weight)

    def backward(
        self, dy: Array, y: Array, logits: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        truth = smoothed(one_hot(target, logits), self.label_smoothing, logits.shape[-1])
        power = np.exp(logits - logits.max(axis=-1, keepdims=True))
        softmax = power / power.sum(axis=-1, keepdims=True)
        if target.ndim == logits.ndim:  # shares of several classes, which may miss 1 by a rounding
            softmax = softmax * truth.sum(axis=-1, keepdims=True)
        return dict(logits=dy * share(logits, sample_weight) * (softmax - truth))


def one_hot(target: Array, like: Array) -> Array:
    """Return class indices as rows of zeros with a one, like `like`; rows stay what they are."""
    if target.ndim < like.ndim:
        target = target.reshape(*target.shape, 1) == np.arange(like.shape[-1], like=target)
    return target.astype(like.dtype, copy=False)


def smoothed(target: Array, share: float, answers: int) -> Array:
    """Return targets of which this share is taken and given to all answers evenly."""
    return target * (1 - share) + share / answers if share else target


def _checked_smoothing(where: str, share: float) -> float:
    return checks.number(f"{where} label_smoothing", share, least=0, below=1, like=0.1)


def expect_truth(where: str, target: Array) -> None:
    fix = "Write the two answers as 0 and 1; for quantities end with cr.Dense(…) and take cr.MeanSquaredError()"
    expect_between(where, "target", target, 0, 1, fix)


def expect_probabilities(where: str, prediction: Array, on_logits: str) -> None:
    known = prediction[~np.isnan(prediction)]  # a NaN is not an input error: it comes out as NaN
    if known.size and (known.min() < 0 or known.max() > 1 + _ROUNDING):
        raise InputError(
            where,
            given=f"prediction from {known.min()} to {known.max()}",
            expected="probabilities, from 0 to 1",
            fix=f"End the network with a layer that gives probabilities, or use {on_logits}, which takes any number",
            cause="head.probabilities",
        )


def _expect_rows_of_one(where: str, target: Array) -> None:
    totals = target.sum(axis=-1, dtype=np.float64)
    worst = np.unravel_index(int(np.argmax(np.abs(totals - 1))), totals.shape)
    if abs(totals[worst] - 1) > 1e-3:
        raise InputError(
            where,
            given=f"target[{', '.join(str(int(i)) for i in worst)}] with sum {totals[worst]:g}",
            expected="rows that add up to 1: one class, or shares of several",
            fix="Where several labels may be true at once, end with cr.Sigmoid() and take cr.BinaryCrossEntropy()",
            cause="target.range",
        )
