"""What every op should compute, written a second time: other formulas than the library's, and safe for complex step.

Nothing here takes an absolute value, compares complex numbers or shifts by a maximum: each function is analytic at
the points of the cases, so that its imaginary part at x + ih is h times its derivative.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(60)


def erf(x: Any) -> Any:
    """The integral itself, by quadrature."""
    t = (_NODES + 1) / 2
    return 2 / np.sqrt(np.pi) * x * (np.exp(-((x[..., None] * t) ** 2)) @ (_WEIGHTS / 2))


def linear(x: Any, weights: Any, bias: Any = None) -> Any:
    y = np.einsum("...i,io->...o", x, weights)
    return y if bias is None else y + np.broadcast_to(bias, y.shape)


def power(base: Any, exponent: Any) -> Any:
    return np.exp(exponent * np.log(base))


def where_positive(z: Any, yes: Any, no: Any) -> Any:
    return np.where(z.real > 0, yes, no)


def absolute(z: Any) -> Any:
    return where_positive(z, z, -z)


def largest(axis: Any, keepdims: bool = False) -> Any:
    def reference(x: Any) -> Any:
        mask = x.real == x.real.max(axis=axis, keepdims=True)
        return (x * mask).sum(axis=axis, keepdims=keepdims)

    return reference


def maximum(a: Any, b: Any) -> Any:
    return np.where(a.real > b.real, a, b)


def minimum(a: Any, b: Any) -> Any:
    return np.where(a.real < b.real, a, b)


def where(condition: Any, a: Any, b: Any) -> Any:
    chosen = condition.astype(bool).astype(float)
    return chosen * a + (1 - chosen) * b


def clip(low: Any, high: Any) -> Any:
    def reference(z: Any) -> Any:
        z = z if low is None else np.where(z.real < low, low, z)
        return z if high is None else np.where(z.real > high, high, z)

    return reference


def hard_sigmoid(z: Any) -> Any:
    return np.where(z.real < -3, 0, np.where(z.real > 3, 1, (z + 3) / 6))


def variance(axis: Any, keepdims: bool) -> Any:
    def reference(x: Any) -> Any:
        return (x**2).mean(axis=axis, keepdims=keepdims) - x.mean(axis=axis, keepdims=keepdims) ** 2

    return reference


def cumsum(axis: int) -> Any:
    def reference(x: Any) -> Any:
        along = np.moveaxis(x, axis, -1)
        return np.moveaxis(along @ np.triu(np.ones((along.shape[-1],) * 2)), -1, axis)

    return reference


def tanh(z: Any) -> Any:
    return np.sinh(z) / np.cosh(z)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def gelu(z: Any) -> Any:
    return z / 2 * (1 + erf(z / np.sqrt(2)))


def gelu_by_tanh(z: Any) -> Any:
    return z / 2 * (1 + tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))


def softmax(z: Any, axis: int = -1) -> Any:
    return np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True)


def concatenate(axis: int) -> Any:
    def reference(**parts: Any) -> Any:
        pieces = [np.moveaxis(part, axis, 0) for part in parts.values()]
        return np.moveaxis(np.stack([row for piece in pieces for row in piece]), 0, axis)

    return reference


def gather(table: Any, indices: Any) -> Any:
    return (indices[..., None] == np.arange(len(table))) @ table


def loss(of_sample: Any) -> Any:
    """The mean of each sample's loss, a plain loop; `of_sample` takes a prediction and a target.

    With a weight for each row of a sample's outputs, each row is a sample.
    """

    def reference(target: Any, sample_weight: Any = None, **predictions: Any) -> Any:
        (prediction,) = predictions.values()
        weight = np.ones(len(prediction)) if sample_weight is None else sample_weight
        if weight.ndim > 1:
            prediction = prediction.reshape(-1, prediction.shape[-1])
            target, weight = target.reshape(weight.size, *target.shape[weight.ndim :]), weight.reshape(-1)
        losses = [of_sample(p, t) for p, t in zip(prediction, target, strict=True)]
        return sum(w * one for w, one in zip(weight, losses, strict=True)) / weight.sum()

    return reference


def mean_squared(p: Any, t: Any) -> Any:
    return ((p - t) ** 2).mean()


def squared(p: Any, t: Any) -> Any:
    return ((p - t) ** 2).sum(axis=-1).mean()


def half_squared(p: Any, t: Any) -> Any:
    return ((p - t) ** 2).sum(axis=-1).mean() / 2


def mean_absolute(p: Any, t: Any) -> Any:
    return absolute(p - t).mean()


def huber(delta: float) -> Any:
    def of_sample(p: Any, t: Any) -> Any:
        d = absolute(p - t)
        return np.where(d.real <= delta, d**2 / 2, delta * (d - delta / 2)).mean()

    return of_sample


def binary(p: Any, t: Any) -> Any:
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()


def binary_on_logits(z: Any, t: Any) -> Any:
    return binary(sigmoid(z), t)


def _rows(t: Any, p: Any) -> Any:
    return np.eye(p.shape[-1])[np.asarray(t, int)] if np.ndim(t) < np.ndim(p) else t


def categorical(p: Any, t: Any) -> Any:
    return -(_rows(t, p) * np.log(p)).sum(axis=-1).mean()


def categorical_on_logits(z: Any, t: Any) -> Any:
    return categorical(softmax(z), t)


def smoothed_binary(share: float, of_sample: Any) -> Any:
    def smoothed(p: Any, t: Any) -> Any:
        return (1 - share) * of_sample(p, t) + share * (of_sample(p, 0 * t) + of_sample(p, 0 * t + 1)) / 2

    return smoothed


def smoothed_classes(share: float, of_sample: Any) -> Any:
    def smoothed(p: Any, t: Any) -> Any:
        count = p.shape[-1]
        each = [of_sample(p, np.broadcast_to(row, p.shape)) for row in np.eye(count)]
        return (1 - share) * of_sample(p, t) + share * sum(each) / count

    return smoothed


def pinball(quantiles: Any) -> Any:
    def of_sample(p: Any, t: Any) -> Any:
        total = 0
        for column, at in np.broadcast(np.arange(p.shape[-1]), np.array(quantiles)):
            d = t[..., 0 if len(quantiles) > 1 else column] - p[..., column]
            total = total + np.where(d.real > 0, at * d, (at - 1) * d).mean()
        return total / p.shape[-1]

    return of_sample


def focal_binary(gamma: float, alpha: float | None) -> Any:
    def of_sample(p: Any, t: Any) -> Any:
        yes, no = (1, 1) if alpha is None else (alpha, 1 - alpha)
        return -(yes * t * (1 - p) ** gamma * np.log(p) + no * (1 - t) * p**gamma * np.log(1 - p)).mean()

    return of_sample


def focal_classes(gamma: float, alpha: Any) -> Any:
    def of_sample(p: Any, t: Any) -> Any:
        counts = 1 if alpha is None else np.array(alpha)
        return -(_rows(t, p) * counts * (1 - p) ** gamma * np.log(p)).sum(axis=-1).mean()

    return of_sample


def on_logits(of_sample: Any, activation: Any) -> Any:
    return lambda z, t: of_sample(activation(z), t)
