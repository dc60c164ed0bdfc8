"""Metrics: how good predictions are, in figures that a person asks for.

Predictions are (samples, …, outputs), probabilities where the network makes them; targets are as `train` takes them:
class indices (samples, …), or numbers like the predictions. Where a sample has several rows of outputs, each row
counts. What the outputs answer is the network's `task`; without a network it is read off the targets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from chainrule import checks
from chainrule.arrays import as_array
from chainrule.errors import InputError, NonFiniteError, ShapeError
from chainrule.nn.objective import TASKS
from chainrule.ops.op import Array
from chainrule.ops.scaling import rounding

Metric: TypeAlias = Callable[..., Any]
Metrics: TypeAlias = Sequence[str | Metric] | str | Metric | Mapping[str, Sequence[str | Metric] | str | Metric]
VALIDATION = "validation_"  # and a figure's name: on the validation data


def _expect_one_head(where: str, prediction: Any, target: Any) -> None:
    """Raise if these are those of several heads."""
    named = next((given for given in (prediction, target) if isinstance(given, Mapping)), None)
    if named is not None:
        first = next(iter(named), "kind")
        raise InputError(
            where,
            given=f"what the heads {', '.join(map(repr, named)):.80} have, by name",
            expected="the arrays of one head",
            fix=f"Pass those of one: prediction[{first!r}], target[{first!r}]",
        )


def predicted_classes(prediction: Array, task: str | None = None) -> Array:
    """Return the class of each row of outputs: the largest, or whether a single output is above ½.

    Where each output is a label of its own (``task="multilabel"``), return 1 where it is above ½ and else 0.
    """
    if np.isnan(prediction).any():
        raise NonFiniteError(
            "classes",
            given=f"predictions with {int(np.isnan(prediction).any(axis=-1).sum())} samples that are NaN",
            expected="numbers",
            fix="Train with a smaller learning rate, or look at the data: NaN is no class",
        )
    if task == "multilabel":
        return (prediction > 0.5).astype(np.int64)
    if prediction.shape[-1] == 1:
        return (prediction[..., 0] > 0.5).astype(np.int64)
    classes: Array = prediction.argmax(axis=-1)
    return classes


def true_classes(target: Array, rank: int = 2, task: str | None = None) -> Array | None:
    """Return the class of each target, or None where the targets are quantities.

    Class indices are classes; so is a column of zeros and ones, and so are rows with a single one. Where each output
    is a label of its own, rows of zeros and ones stay what they are.

    Parameters
    ----------
    target : ndarray
    rank : int, default 2
        How many axes the predictions have: class indices have one less.
    task : str, optional
        A network's.
    """
    if target.ndim < rank:
        whole = target.dtype.kind in "iub" or bool((target == np.floor(target)).all())
        return target.astype(np.int64) if whole else None
    if not np.isin(target, (0, 1)).all():
        return None
    if task == "multilabel":
        return target.astype(np.int64)
    if target.shape[-1] == 1:
        return target[..., 0].astype(np.int64)
    return target.argmax(axis=-1) if (target.sum(axis=-1) == 1).all() else None


def error_rate(prediction: Array, target: Array, task: str | None = None) -> float:
    """Return the share of wrong answers.

    Where a sample may have several labels, each label is an answer; `subset_accuracy` takes all of a sample together.

    Parameters
    ----------
    prediction, target : ndarray
    task : {"binary", "multiclass", "multilabel"}, optional
        What the outputs answer: ``network.task``. Left out, rows of zeros and ones that hold more or fewer than a
        single one are labels of which several may be true.

    Examples
    --------
    >>> error_rate(np.array([[0.9], [0.2], [0.6], [0.4]]), np.array([[1.0], [0.0], [0.0], [0.0]]))
    0.25
    >>> error_rate(np.array([[0.9, 0.8], [0.2, 0.1]]), np.array([[1, 1], [0, 1]]))
    0.25
    """
    given, true, _ = _answers("accuracy and error_rate", prediction, target, task)
    return float((given != true).mean())


def accuracy(prediction: Array, target: Array, task: str | None = None) -> float:
    """Return the share of right answers; where a sample may have several labels, each label is an answer."""
    return 1 - error_rate(prediction, target, task)


def subset_accuracy(prediction: Array, target: Array, task: str | None = None) -> float:
    """Return the share of samples all of whose labels are right; where each has one class, it is the accuracy.

    Examples
    --------
    >>> subset_accuracy(np.array([[0.9, 0.8], [0.2, 0.1]]), np.array([[1, 1], [0, 1]]))
    0.5
    """
    given, true, task = _answers("subset_accuracy", prediction, target, task)
    right = given == true
    return float((right.all(axis=-1) if task == "multilabel" else right).mean())


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


def min_confidence(prediction: Array, target: Array, task: str | None = None) -> float:
    """Return the smallest probability that was given to a true class, or to the truth of a label."""
    _, classes, task = _answers("min_confidence", prediction, target, task)
    if task == "multilabel":
        given = np.where(classes == 1, prediction, 1 - prediction)
    elif prediction.shape[-1] == 1:
        given = np.where(classes == 1, prediction[..., 0], 1 - prediction[..., 0])
    else:
        given = np.take_along_axis(prediction, classes[..., None], axis=-1)
    return float(given.min())


@checks.keywords
def confusion_matrix(prediction: Array, target: Array, task: str | None = None) -> Array:
    """Return how often a sample, or row of outputs, of each class (row) was taken for each class (column).

    Parameters
    ----------
    prediction : ndarray, (samples, …, outputs)
        As `predict` gives it.
    target : ndarray
        The true classes: indices (samples, …), or rows with a single one.
    task : {"binary", "multiclass"}, optional
        What the outputs answer: ``network.task``.

    Raises
    ------
    ShapeError
        If the prediction has no axis of outputs: classes, or the target by mistake.
    InputError
        If a sample may have several labels: of these each has a matrix of its own.

    Examples
    --------
    >>> confusion_matrix(np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]), np.array([0, 0, 1]))
    array([[1, 1],
           [0, 1]])
    """
    _expect_one_head("confusion_matrix", prediction, target)
    if np.ndim(prediction) < 2:
        raise ShapeError(
            "confusion_matrix",
            given=f"a prediction with shape {np.shape(prediction)}",
            expected="(samples, outputs), and the target after it",
            fix="Pass cr.predict(network, X), y",
        )
    given, classes, task = _answers("confusion_matrix", prediction, target, task)
    if task == "multilabel":
        raise InputError(
            "confusion_matrix",
            given="samples that may have several labels",
            expected="one class a sample: each label has a matrix of its own",
            fix="Take one label at a time: cr.confusion_matrix(prediction[..., [0]], target[..., [0]])",
        )
    count = max(prediction.shape[-1], 2, int(classes.max()) + 1)
    places = (classes * count + given).ravel()
    return np.bincount(places.astype(np.intp, copy=False), minlength=count * count).reshape(count, count)


METRICS: dict[str, Metric] = {
    function.__name__: function
    for function in (
        accuracy,
        subset_accuracy,
        error_rate,
        mean_squared_error,
        mean_absolute_error,
        r2,
        min_confidence,
    )
}
BY_TASK = (accuracy, subset_accuracy, error_rate, min_confidence, confusion_matrix)  # those that take a task


def expect_classes(where: str, task: str) -> None:
    """Raise if a network with this task gives numbers, and no classes."""
    if task == "regression":
        raise InputError(
            where,
            given="a network for regression, whose outputs are numbers",
            expected="one that tells classes apart",
            fix="Take cr.predict, r2 or mean_squared_error for numbers. For classes end with cr.Softmax() or "
            "cr.Sigmoid(), or name them: cr.Network(…, classes=['no', 'yes'])",
        )


def _answers(where: str, prediction: Array, target: Array, task: str | None) -> tuple[Array, Array, str]:
    """Return the answers given, the true ones, and what they answer."""
    _expect_one_head(where, prediction, target)
    prediction, target = as_array(where, "prediction", prediction), as_array(where, "target", target)
    if task is None:
        task = "binary" if prediction.shape[-1] == 1 else "multiclass"
        several = target.ndim == prediction.ndim and target.shape[-1] > 1 and np.isin(target, (0, 1)).all()
        if several and (target.sum(axis=-1) != 1).any():
            task = "multilabel"
    expect_classes(where, checks.one_of(f"{where} task", task, TASKS))
    classes = true_classes(target, prediction.ndim, task)
    if classes is None:
        raise InputError(
            where,
            given="targets that are quantities",
            expected="class indices, zeros and ones, or one-hot rows",
            fix="Ask for r2 or mean_squared_error instead",
        )
    return predicted_classes(prediction, task), classes, task


def _numbers(prediction: Array, target: Array) -> Array:
    _expect_one_head("metrics", prediction, target)
    if target.ndim < prediction.ndim and prediction.shape[-1] > 1:
        return np.equal(np.arange(prediction.shape[-1]), target[..., None])
    if target.size != prediction.size:
        raise ShapeError(
            "metrics",
            given=f"targets of shape {target.shape} for predictions of shape {prediction.shape}",
            expected="a target for each output",
            fix="Pass a function of (prediction, target) of your own, for one column for example "
            "lambda prediction, target: chainrule.training.metrics.r2(prediction[:, 1:2], target)",
        )
    return target.reshape(prediction.shape)
