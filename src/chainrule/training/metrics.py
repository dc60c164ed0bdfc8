"""Metrics: how good predictions are, in figures that a person asks for.

A metric is any function of (prediction, target). Predictions are (samples, …, outputs), probabilities where the
network makes them; targets are as `train` takes them: class indices (samples, …), or numbers like the predictions.
Where a sample has several rows of outputs, each row counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, NonFiniteError, ShapeError, nearest
from chainrule.nn.rescale import rounding
from chainrule.ops.op import Array

Metric: TypeAlias = Callable[[Array, Array], Any]


def predicted_classes(prediction: Array) -> Array:
    """Return the class of each row of outputs: the largest, or whether a single output is above ½."""
    if np.isnan(prediction).any():
        raise NonFiniteError(
            "classes",
            given=f"predictions with {int(np.isnan(prediction).any(axis=-1).sum())} samples that are NaN",
            expected="numbers",
            fix="Train with a smaller learning rate, or look at the data: NaN is no class",
        )
    if prediction.shape[-1] == 1:
        return (prediction[..., 0] > 0.5).astype(np.int64)
    classes: Array = prediction.argmax(axis=-1)
    return classes


def true_classes(target: Array, rank: int = 2) -> Array | None:
    """Return the class of each target, or None where the targets are quantities.

    Class indices are classes; so is a column of zeros and ones, and so are rows with a single one.

    Parameters
    ----------
    target : ndarray
    rank : int, default 2
        How many axes the predictions have: class indices have one less.
    """
    if target.ndim < rank:
        whole = target.dtype.kind in "iub" or bool((target == np.floor(target)).all())
        return target.astype(np.int64) if whole else None
    if not np.isin(target, (0, 1)).all():
        return None
    if target.shape[-1] == 1:
        return target[..., 0].astype(np.int64)
    return target.argmax(axis=-1) if (target.sum(axis=-1) == 1).all() else None


def error_rate(prediction: Array, target: Array) -> float:
    """Return the share of wrong answers.

    Examples
    --------
    >>> error_rate(np.array([[0.9], [0.2], [0.6], [0.4]]), np.array([[1.0], [0.0], [0.0], [0.0]]))
    0.25
    """
    return float((predicted_classes(prediction) != _classes("accuracy and error_rate", prediction, target)).mean())


def accuracy(prediction: Array, target: Array) -> float:
    """Return the share of right answers."""
    return 1 - error_rate(prediction, target)


def mean_squared_error(prediction: Array, target: Array) -> float:
    """Return the mean over all outputs of (prediction − target)²; class indices count as one-hot."""
    difference = prediction - _numbers(prediction, target)
    return float(np.mean(difference * difference, dtype=np.float64))


def mean_absolute_error(prediction: Array, target: Array) -> float:
    """Return the mean over all outputs of |prediction − target|; class indices count as one-hot."""
    return float(np.mean(np.abs(prediction - _numbers(prediction, target)), dtype=np.float64))


def r2(prediction: Array, target: Array) -> float:
    """Return R² = 1 − Σ(prediction − target)² / Σ(target − mean)², averaged over outputs.

    1 is perfect, 0 no better than the mean. An output whose target is constant counts 1 if it is met, else 0, both but
    for rounding.
    """
    y = _numbers(prediction, target).astype(np.float64)
    rows = tuple(range(y.ndim - 1))
    mean, count = y.mean(axis=rows), math.prod(y.shape[:-1])
    residual = np.square(prediction - y).sum(axis=rows)
    spread = np.square(y - mean).sum(axis=rows)
    constant = np.sqrt(spread / count) <= rounding(mean, count)
    met = np.sqrt(residual / count) <= rounding(mean, count) + np.abs(mean) * np.finfo(prediction.dtype).eps
    scores = np.where(constant, met, 1 - residual / np.where(constant, 1, spread))
    return float(scores.mean())


def min_confidence(prediction: Array, target: Array) -> float:
    """Return the smallest probability that was given to a true class."""
    classes = _classes("min_confidence", prediction, target)
    if prediction.shape[-1] == 1:
        given = np.where(classes == 1, prediction[..., 0], 1 - prediction[..., 0])
    else:
        given = np.take_along_axis(prediction, classes[..., None], axis=-1)
    return float(given.min())


@checks.keywords
def confusion_matrix(prediction: Array, target: Array) -> Array:
    """Return how often a sample, or row of outputs, of each class (row) was taken for each class (column).

    Parameters
    ----------
    prediction : ndarray, (samples, …, outputs)
        As `predict` gives it.
    target : ndarray
        The true classes: indices (samples, …), or rows with a single one.

    Raises
    ------
    ShapeError
        If the prediction has no axis of outputs: classes, or the target by mistake.

    Examples
    --------
    >>> confusion_matrix(np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]), np.array([0, 0, 1]))
    array([[1, 1],
           [0, 1]])
    """
    if np.ndim(prediction) < 2:
        raise ShapeError(
            "confusion_matrix",
            given=f"a prediction with shape {np.shape(prediction)}",
            expected="(samples, outputs), and the target after it",
            fix="Pass cr.predict(network, X), y",
        )
    classes = _classes("confusion_matrix", prediction, target)
    count = max(prediction.shape[-1], 2, int(classes.max()) + 1)
    places = (classes * count + predicted_classes(prediction)).ravel()
    return np.bincount(places.astype(np.intp, copy=False), minlength=count * count).reshape(count, count)


METRICS: dict[str, Metric] = {
    function.__name__: function
    for function in (accuracy, error_rate, mean_squared_error, mean_absolute_error, r2, min_confidence)
}

# What a record of an epoch has beside metrics.
RESERVED = frozenset({"epoch", "loss", "penalty", "validation_loss", "learning_rate", "steps", "seconds"})


def named_metrics(metrics: Sequence[str | Metric] | str | Metric | None) -> dict[str, Metric]:
    """Return name -> function for metrics given by name or as functions."""
    if metrics is None:
        metrics = []
    elif isinstance(metrics, str) or callable(metrics) or not isinstance(metrics, Iterable):
        metrics = [metrics]
    named: dict[str, Metric] = {}
    for metric in metrics:
        function = METRICS.get(metric) if isinstance(metric, str) else metric
        if not callable(function) or isinstance(function, type):
            raise InputError(
                "metrics",
                given=repr(metric)[:80],
                expected="the name of a metric, or a function of (prediction, target)",
                fix=nearest(str(metric), METRICS),
            )
        name = base = str(getattr(function, "__name__", type(function).__name__))
        if name in RESERVED:
            raise InputError(
                "metrics", given=f"a function named {name!r}", expected="another name", fix=f"Rename it my_{name}"
            )
        count = 1
        while named.get(name, function) is not function:
            count += 1
            name = f"{base}_{count}"
        named[name] = function
    return named


def _classes(where: str, prediction: Array, target: Array) -> Array:
    classes = true_classes(target, prediction.ndim)
    if classes is None:
        raise InputError(
            where,
            given="targets that are quantities",
            expected="class indices, zeros and ones, or one-hot rows",
            fix="Ask for r2 or mean_squared_error instead",
        )
    return classes


def _numbers(prediction: Array, target: Array) -> Array:
    if target.ndim < prediction.ndim and prediction.shape[-1] > 1:
        return np.equal(np.arange(prediction.shape[-1]), target[..., None])
    return target.reshape(prediction.shape)
