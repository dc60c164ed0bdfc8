"""Focal losses: cross-entropies that turn away from what is predicted well, for classes of which some are rare.

A sample to whose true answer the network gives the probability p counts by (1 − p)^gamma: at gamma = 2 one that it is
90 % sure of counts a hundredth. With gamma = 0 and no `alpha` each is the cross-entropy. Those on logits hold their
sigmoid or softmax within. All are linear in the target, so shares of several answers are a mean of their losses.

T.-Y. Lin et al., *Focal loss for dense object detection*, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule import checks
from chainrule.ops.cross_entropy import BinaryLoss, ClassLoss, expect_probabilities, one_hot
from chainrule.ops.losses import average, expect_columns, in_dtype_of, share
from chainrule.ops.op import Array, Derivatives
from chainrule.ops.special import sigmoid


class _BinaryFocal(BinaryLoss):
    """A focal loss of yes and no, with its settings."""

    def __init__(self, gamma: float = 2.0, alpha: float | None = None) -> None:
        where = type(self).__name__
        self.gamma = checks.number(f"{where} gamma", gamma, least=0, like=2)
        if alpha is not None:
            alpha = checks.number(f"{where} alpha", alpha, above=0, below=1, like=0.25)
        self.alpha = alpha

    def _shares(self, target: Array) -> tuple[Array, Array]:
        """Return how much the loss of a yes counts, and that of a no."""
        if self.alpha is None:
            return target, 1 - target
        return self.alpha * target, (1 - self.alpha) * (1 - target)


class BinaryFocalCrossEntropy(_BinaryFocal):
    """y = mean(r q^gamma · u + s p^gamma · v), p = prediction, q = 1 − p, u = −log p, v = −log q
    ∂prediction = ∂y · (s p^gamma · (gamma v / p + 1 / q) − r q^gamma · (gamma u / q + 1 / p)) / n
    where r = target, s = 1 − target
    with alpha: r = alpha · target, s = (1 − alpha) · (1 − target)

    Why: Each term is a cross-entropy u with a weight q^gamma, which fades where the answer is good already. The rule
    for a product: the weight times the slope of u, −1 / p, and u times the slope of the weight, −gamma q^(gamma − 1),
    since q falls where p grows. That is −q^gamma · (gamma u / q + 1 / p); the other term is its mirror image.

    The mean runs over all n elements. u / q is 1 where q is 0, and so is v / p where p is. What is multiplied by an r
    or s of 0 counts as 0.

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : float, optional
        How much a yes counts, between 0 and 1; a no counts 1 − alpha. Left out, each counts 1.
    """

    limit = "no 0 for what is true, and no 1 for what is not: there is no log of 0"

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        a, b = self._shares(in_dtype_of(prediction, target))
        p, q = np.abs(prediction), np.maximum(1 - prediction, 0)  # 1 may have been rounded up
        yes = np.where(a == 0, 0, a * np.power(q, self.gamma) * -np.log(p))
        no = np.where(b == 0, 0, b * np.power(p, self.gamma) * -np.log1p(-prediction))
        return average(yes + no, sample_weight, prediction.shape[-1])

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        a, b = self._shares(in_dtype_of(prediction, target))
        p, q = np.abs(prediction), np.maximum(1 - prediction, 0)  # |…|, so that −0 is a 0 like any other
        u, v = -np.log(p), -np.log1p(-prediction)
        yes = np.where(a == 0, 0, a * np.power(q, self.gamma) * (self.gamma * _ratio(u, q) + 1 / p))
        no = np.where(b == 0, 0, b * np.power(p, self.gamma) * (self.gamma * _ratio(v, p) + 1 / q))
        return dict(prediction=dy * share(prediction, sample_weight, prediction.shape[-1]) * (no - yes))

    def check(self, where: str, **arrays: Array) -> None:
        super().check(where, **arrays)
        expect_probabilities(where, arrays["prediction"], "SigmoidFocalCrossEntropy")


class SigmoidFocalCrossEntropy(_BinaryFocal):
    """y = mean(r q^gamma · u + s p^gamma · v), p = σ(logits), q = σ(−logits), u = −log p, v = −log q
    ∂logits = ∂y · (s p^gamma · (p + gamma q v) − r q^gamma · (q + gamma p u)) / n
    where r = target, s = 1 − target
    with alpha: r = alpha · target, s = (1 − alpha) · (1 − target)

    Why: By p, the first term has the slope −q^gamma · (gamma u / q + 1 / p), as in `BinaryFocalCrossEntropy`; the slope
    of the sigmoid is p q. The chain rule multiplies the two, and p q cancels what was divided by: −q^gamma · (gamma p u
    + q). The other term is its mirror image.

    The binary focal loss of σ(logits), for any logit. The mean runs over all n elements. The powers are
    computed as p^gamma = e^(−gamma u).

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : float, optional
        How much a yes counts, between 0 and 1; a no counts 1 − alpha. Left out, each counts 1.
    """

    def forward(self, logits: Array, target: Array, sample_weight: Array | None = None) -> Array:
        a, b = self._shares(in_dtype_of(logits, target))
        u, v = _surprises(logits)
        losses = a * np.exp(-self.gamma * v) * u + b * np.exp(-self.gamma * u) * v
        return average(losses, sample_weight, logits.shape[-1])

    def backward(
        self, dy: Array, y: Array, logits: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        a, b = self._shares(in_dtype_of(logits, target))
        u, v = _surprises(logits)
        p, q = sigmoid(logits), sigmoid(-logits)
        yes = a * np.exp(-self.gamma * v) * (q + self.gamma * p * u)
        no = b * np.exp(-self.gamma * u) * (p + self.gamma * q * v)
        return dict(logits=dy * share(logits, sample_weight, logits.shape[-1]) * (no - yes))


class _ClassFocal(ClassLoss):
    """A focal loss of classes, with its settings."""

    def __init__(self, gamma: float = 2.0, alpha: Sequence[float] | None = None) -> None:
        where = type(self).__name__
        self.gamma = checks.number(f"{where} gamma", gamma, least=0, like=2)
        self.alpha = None if alpha is None else checks.numbers(f"{where} alpha", alpha, above=0, like=(1.0, 5.0))
        self.prediction_columns = None if self.alpha is None else len(self.alpha)

    def check(self, where: str, **arrays: Array) -> None:
        super().check(where, **arrays)
        role, *_ = self.roles
        expect_columns(where, self, arrays[role].shape[-1])

    def _shares(self, target: Array, like: Array) -> Array:
        """Return how much the loss of each class counts."""
        truth = one_hot(target, like)
        return truth if self.alpha is None else truth * np.asarray(self.alpha, like.dtype, like=like)


class CategoricalFocalCrossEntropy(_ClassFocal):
    """y = mean over samples of Σ r q^gamma · u, p = prediction, q = 1 − p, u = −log p
    ∂prediction = −∂y · r q^gamma · (gamma u / q + 1 / p) / samples
    where r = target
    with class indices: target = one_hot(target)
    with alpha: r = alpha · target

    Why: Each term is a cross-entropy u with a weight q^gamma, which fades where the answer is good already. The rule
    for a product: the weight times the slope of u, −1 / p, and u times the slope of the weight, −gamma q^(gamma − 1),
    since q falls where p grows.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). u / q is 1 where
    q is 0. What is multiplied by an r of 0 counts as 0.

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : sequence of float, optional
        How much each class counts. Left out, each counts 1.
    """

    limit = "no 0 for what is true: there is no log of 0"

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        a = self._shares(target, prediction)
        p, q = np.abs(prediction), np.maximum(1 - prediction, 0)  # 1 may have been rounded up
        return average(np.where(a == 0, 0, a * np.power(q, self.gamma) * -np.log(p)), sample_weight)

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        a = self._shares(target, prediction)
        p, q = np.abs(prediction), np.maximum(1 - prediction, 0)  # |…|, so that −0 is a 0 like any other
        slope = np.where(a == 0, 0, a * np.power(q, self.gamma) * (self.gamma * _ratio(-np.log(p), q) + 1 / p))
        return dict(prediction=-dy * share(prediction, sample_weight) * slope)

    def check(self, where: str, **arrays: Array) -> None:
        super().check(where, **arrays)
        expect_probabilities(where, arrays["prediction"], "SoftmaxFocalCrossEntropy")


class SoftmaxFocalCrossEntropy(_ClassFocal):
    """y = mean over samples of Σ r (1 − p)^gamma · u, p = softmax(logits), u = −log p
    ∂logits = ∂y · (p · Σ s in each row − s) / samples, s = r (1 − p)^gamma · (1 + gamma u / (e^u − 1))
    where r = target
    with class indices: target = one_hot(target)
    with alpha: r = alpha · target

    Why: By p, a term has the slope −s / p: the rule for a product, as in `CategoricalFocalCrossEntropy`. The derivative
    of a softmax is p · (g − Σ g · p) for what comes back to it, g. With g = −s / p that is p · Σ s − s. With gamma = 0,
    s is the target: how far each share is from the one it should be.

    `target` is one-hot, (samples, …, classes), or holds class indices, (samples, …). u / (e^u − 1), which
    is p u / (1 − p), is 1 where u is 0.

    Parameters
    ----------
    gamma : float, default 2
        How far it turns away from what is predicted well; 0 or more.
    alpha : sequence of float, optional
        How much each class counts. Left out, each counts 1.
    """

    def forward(self, logits: Array, target: Array, sample_weight: Array | None = None) -> Array:
        a, u = self._shares(target, logits), _surprise(logits)
        return average(np.where(a == 0, 0, a * np.power(-np.expm1(-u), self.gamma) * u), sample_weight)

    def backward(
        self, dy: Array, y: Array, logits: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        a, u = self._shares(target, logits), _surprise(logits)
        slope = a * np.power(-np.expm1(-u), self.gamma) * (1 + self.gamma * _ratio(u, np.expm1(u)))
        softmax = np.exp(-u)
        return dict(logits=dy * share(logits, sample_weight) * (softmax * slope.sum(axis=-1, keepdims=True) - slope))


def _ratio(above: Array, below: Array) -> Array:
    """Return a quotient whose limit is 1 where both are 0."""
    return np.where(below == 0, 1, above / below)


def _surprises(logits: Array) -> tuple[Array, Array]:
    """Return −log σ(logits) and −log σ(−logits)."""
    small = np.log1p(np.exp(-np.abs(logits)))
    return np.maximum(-logits, 0) + small, np.maximum(logits, 0) + small


def _surprise(logits: Array) -> Array:
    """Return −log softmax(logits)."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    surprise: Array = np.log(np.exp(shifted).sum(axis=-1, keepdims=True)) - shifted
    return surprise
