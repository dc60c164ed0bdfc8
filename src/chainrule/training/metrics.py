"""Metrics: how good predictions are, in figures that a person asks for.

Predictions are (samples, …, outputs), probabilities where the network makes them; targets are as `train` takes them:
class indices (samples, …), or numbers like the predictions. Where a sample has several rows of outputs, each row
counts. What the outputs answer is the network's `task`; without a network it is read off the targets. Definitions,
and what is done with a class that does not occur, are scikit-learn's (*User guide*, section 3.4); weights of samples
count as they do there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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


def error_rate(
    prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None
) -> float:
    """Return the share of wrong answers.

    Where a sample may have several labels, each label is an answer; `subset_accuracy` takes all of a sample together.

    Parameters
    ----------
    prediction, target : ndarray
    task : {"binary", "multiclass", "multilabel"}, optional
        What the outputs answer: ``network.task``. Left out, rows of zeros and ones that hold more or fewer than a
        single one are labels of which several may be true.
    sample_weight : ndarray, (samples, …), optional

    Examples
    --------
    >>> error_rate(np.array([[0.9], [0.2], [0.6], [0.4]]), np.array([[1.0], [0.0], [0.0], [0.0]]))
    0.25
    >>> error_rate(np.array([[0.9, 0.8], [0.2, 0.1]]), np.array([[1, 1], [0, 1]]))
    0.25
    """
    given, true, task = _answers("accuracy and error_rate", prediction, target, task)
    wrong = given != true
    return _mean(wrong.mean(axis=-1) if task == "multilabel" else wrong, sample_weight)


def accuracy(prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None) -> float:
    """Return the share of right answers; where a sample may have several labels, each label is an answer."""
    return 1 - error_rate(prediction, target, task, sample_weight=sample_weight)


def subset_accuracy(
    prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None
) -> float:
    """Return the share of samples all of whose labels are right; where each has one class, it is the accuracy.

    Examples
    --------
    >>> subset_accuracy(np.array([[0.9, 0.8], [0.2, 0.1]]), np.array([[1, 1], [0, 1]]))
    0.5
    """
    given, true, task = _answers("subset_accuracy", prediction, target, task)
    right = given == true
    return _mean(right.all(axis=-1) if task == "multilabel" else right, sample_weight)


@dataclass(frozen=True)
class ClassCounts:
    """How often each class, or label, was answered: rightly, at all, and how often it is true; weights count.

    Attributes
    ----------
    right, given, true : ndarray, (classes,)
    occurs : ndarray of bool, (classes,)
        Whether a class is among the answers or among the true ones. Means over classes leave out what is in neither.
    """

    right: Array
    given: Array
    true: Array
    occurs: Array

    def precision(self) -> Array:
        """Return, for each class, how many of the answers that name it are right; 0 where none does."""
        return share_of(self.right, self.given)

    def recall(self) -> Array:
        """Return, for each class, how many of its samples were found; 0 where it has none."""
        return share_of(self.right, self.true)

    def f1(self) -> Array:
        """Return the harmonic mean of both, 2 · right / (given + true); 0 where there is neither."""
        return share_of(2 * self.right, self.given + self.true)

    def summed(self) -> ClassCounts:
        """Return the counts of all classes together."""
        right, given, true = (part.sum(keepdims=True) for part in (self.right, self.given, self.true))
        return ClassCounts(right, given, true, np.ones(1, bool))


def class_counts(
    where: str, prediction: Array, target: Array, task: str | None, sample_weight: Array | None = None
) -> tuple[ClassCounts, str]:
    """Return how often each class was answered, and what the outputs answer."""
    given, true, task = _answers(where, prediction, target, task)
    samples = len(prediction)
    if task == "multilabel":
        given, true = given.reshape(-1, given.shape[-1]), true.reshape(-1, true.shape[-1])
        weights = _weights(sample_weight, len(given), samples)[:, None]
        right, answers, truths = ((weights * part).sum(axis=0) for part in (given * true, given, true))
        return ClassCounts(right, answers, truths, np.ones(given.shape[1], bool)), task
    count = max(np.shape(prediction)[-1], 2, int(true.max()) + 1)
    given, true = given.ravel(), true.ravel()
    weights = _weights(sample_weight, len(given), samples)
    right = np.bincount(true.astype(np.intp, copy=False), weights * (given == true), count)
    answers, truths = (np.bincount(part.astype(np.intp, copy=False), weights, count) for part in (given, true))
    occurs = np.bincount(np.concatenate([given, true]).astype(np.intp, copy=False), minlength=count) > 0
    return ClassCounts(right, answers, truths, occurs), task


def averaged(counts: ClassCounts, score: Callable[[ClassCounts], Array], average: str | None, task: str) -> Any:
    """Return a score of classes as one number, or an array of one for each class where `average` is None."""
    if average == "auto":
        average = "binary" if task == "binary" else "macro"
    if average == "micro":
        return float(score(counts.summed())[0])
    scores = score(counts)
    if average == "binary":
        return float(scores[1])
    if average == "macro":
        return float(scores[counts.occurs].mean())
    if average == "weighted":
        return float(share_of(np.array((scores * counts.true).sum()), np.array(counts.true.sum())))
    return scores


def precision(
    prediction: Array,
    target: Array,
    task: str | None = None,
    *,
    average: str | None = "auto",
    sample_weight: Array | None = None,
) -> float | Array:
    """Return how many of the answers that name a class are right: right / answered.

    Parameters
    ----------
    prediction, target : ndarray
    task : {"binary", "multiclass", "multilabel"}, optional
        What the outputs answer: ``network.task``.
    average : {"auto", "binary", "macro", "weighted", "micro"} or None, default "auto"
        "binary" is that of the second class; "macro" the mean over classes, those left out that are neither answered
        nor true; "weighted" the mean weighted by how often each is true; "micro" that of all answers together. None
        returns an array, (classes,). "auto" is "binary" for two classes and "macro" for more, or for labels.
    sample_weight : ndarray, (samples, …), optional

    Returns
    -------
    float or ndarray
        0 for a class that is never answered.

    Examples
    --------
    >>> probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])
    >>> precision(probabilities, np.array([0, 0, 1]), average="binary")
    0.5
    >>> recall(probabilities, np.array([0, 0, 1]), average=None)
    array([0.5, 1. ])
    """
    return _class_score("precision", ClassCounts.precision, prediction, target, task, average, sample_weight)


def recall(
    prediction: Array,
    target: Array,
    task: str | None = None,
    *,
    average: str | None = "auto",
    sample_weight: Array | None = None,
) -> float | Array:
    """Return how many samples of a class were found: right / true, 0 for a class that has none. See `precision`."""
    return _class_score("recall", ClassCounts.recall, prediction, target, task, average, sample_weight)


def f1(
    prediction: Array,
    target: Array,
    task: str | None = None,
    *,
    average: str | None = "auto",
    sample_weight: Array | None = None,
) -> float | Array:
    """Return the harmonic mean of precision and recall: 2 · right / (answered + true). See `precision`.

    Examples
    --------
    >>> f1(np.array([[0.9], [0.2], [0.6]]), np.array([1, 1, 0]))
    0.5
    """
    return _class_score("f1", ClassCounts.f1, prediction, target, task, average, sample_weight)


def _class_score(
    name: str,
    score: Callable[[ClassCounts], Array],
    prediction: Array,
    target: Array,
    task: str | None,
    average: str | None,
    sample_weight: Array | None,
) -> float | Array:
    if average is not None:
        checks.one_of(f"{name} average", average, AVERAGES)
    counts, task = class_counts(name, prediction, target, task, sample_weight)
    if average == "binary" and (task == "multilabel" or len(counts.true) > 2):
        raise InputError(
            f"{name} average",
            given=f"'binary' for {len(counts.true)} {'labels' if task == 'multilabel' else 'classes'}",
            expected="two classes, of which the second one is meant",
            fix="Pass average='macro', or None for one figure a class",
        )
    found: float | Array = averaged(counts, score, average, task)
    return found


def balanced_accuracy(
    prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None
) -> float:
    """Return the mean over classes of how many of their samples were found; classes without samples are left out.

    Where a sample may have several labels, the mean over them of that of having it and not having it.

    Examples
    --------
    >>> balanced_accuracy(np.array([[0.1], [0.2], [0.3], [0.4]]), np.array([0, 0, 0, 1]))
    0.5
    """
    counts, task = class_counts("balanced_accuracy", prediction, target, task, sample_weight)
    if task != "multilabel":
        return float(counts.recall()[counts.true > 0].mean())
    total = _weights(sample_weight, math.prod(np.shape(prediction)[:-1]), len(prediction)).sum()
    absent, seldom = total - counts.true, total - counts.given - counts.true + counts.right
    both = np.stack([counts.recall(), share_of(seldom, absent)])
    there = np.stack([counts.true, absent]) > 0
    return float(((both * there).sum(axis=0) / there.sum(axis=0)).mean())


def roc_auc(prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None) -> float:
    """Return the area under the ROC curve: how often a sample of the class gets more than one of the others.

    Equal numbers count ½. Of two classes the second one is meant; of more, and of labels, it is the mean over all of
    them, each against the rest.

    Returns
    -------
    float
        NaN where a class has no samples, or all: it has no such curve.

    Examples
    --------
    >>> roc_auc(np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([0, 0, 1, 1]))
    0.75
    """
    columns = ranked("roc_auc", prediction, target, task)
    weights = _weights(sample_weight, len(columns[0][0]), len(prediction))
    return float(np.mean([_area(scores, true, weights) for scores, true in columns]))


def average_precision(
    prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None
) -> float:
    """Return the mean of the precisions at all thresholds, each counted by the recall that it adds.

    Of two classes the second one is meant; of more, and of labels, it is the mean over all, each against the rest.

    Examples
    --------
    >>> round(average_precision(np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([0, 0, 1, 1])), 4)
    0.8333
    """
    columns = ranked("average_precision", prediction, target, task)
    weights = _weights(sample_weight, len(columns[0][0]), len(prediction))
    return float(np.mean([_precision_area(scores, true, weights) for scores, true in columns]))


def ranked(where: str, prediction: Array, target: Array, task: str | None) -> list[tuple[Array, Array]]:
    """Return, for each class that is ranked by, what samples get for it, and whether they are of it."""
    _, true, task = _answers(where, prediction, target, task)
    scores = np.asarray(prediction).reshape(-1, np.shape(prediction)[-1])
    if task == "multilabel":
        return list(zip(scores.T, true.reshape(len(scores), -1).T == 1))
    true = true.ravel()
    if scores.shape[1] <= 2:
        return [(scores[:, -1], true == 1)]
    return [(scores[:, k], true == k) for k in range(scores.shape[1])]


def by_threshold(scores: Array, true: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return each row's place among the different scores, smallest first, and what of the class, and of the rest, got
    each of these scores."""
    values, places = np.unique(scores, return_inverse=True)
    masses = (weights * true, weights * ~true)
    own, others = (np.bincount(places.astype(np.intp, copy=False), mass, len(values)) for mass in masses)
    return places, own, others


def _area(scores: Array, true: Array, weights: Array) -> float:
    _, own, others = by_threshold(scores, true, weights)
    pairs = own.sum() * others.sum()
    below = others.cumsum() - others / 2
    return float((own * below).sum() / pairs) if pairs else math.nan


def _precision_area(scores: Array, true: Array, weights: Array) -> float:
    _, own, others = (part[::-1] for part in by_threshold(scores, true, weights))
    found = own.cumsum()
    return float((own * share_of(found, found + others.cumsum())).sum() / found[-1]) if found[-1] else 0.0


def log_loss(prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None) -> float:
    """Return the mean of −log of the probability that was given to the true class, in nats.

    Probabilities are kept from 0 and 1 by the rounding of their dtype. Where a sample may have several labels, the mean
    over them.

    Raises
    ------
    InputError
        If the predictions are no probabilities.

    Examples
    --------
    >>> round(log_loss(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])), 4)
    0.1643
    """
    losses = log_losses(prediction, target, task)
    return _mean(losses, sample_weight)


def log_losses(prediction: Array, target: Array, task: str | None = None) -> Array:
    """Return the log loss of each row of outputs."""
    _, true, task = _answers("log_loss", prediction, target, task)
    given = as_array("log_loss", "prediction", prediction)
    if given.min() < 0 or given.max() > 1:
        raise InputError(
            "log_loss",
            given=f"predictions from {given.min():.4g} to {given.max():.4g}",
            expected="probabilities, from 0 to 1",
            fix="End the network with cr.Sigmoid() or cr.Softmax(), or ask for the loss alone",
        )
    epsilon = np.finfo(given.dtype).eps if given.dtype.kind == "f" else np.finfo(float).eps
    if task == "multilabel":
        of_truth = np.where(true == 1, given, 1 - given)
    elif given.shape[-1] == 1:
        of_truth = np.where(true == 1, given[..., 0], 1 - given[..., 0])
    else:
        of_truth = np.take_along_axis(given, true[..., None], axis=-1)[..., 0]
    losses: Array = -np.log(np.clip(of_truth, epsilon, 1 - epsilon).astype(np.float64))
    return losses.mean(axis=-1) if task == "multilabel" else losses


def mean_squared_error(prediction: Array, target: Array, *, sample_weight: Array | None = None) -> float:
    """Return the mean over all outputs of (prediction − target)²; class indices count as one-hot."""
    difference = prediction - numbers_like(prediction, target)
    return _mean((difference * difference).mean(axis=-1, dtype=np.float64), sample_weight)


def root_mean_squared_error(prediction: Array, target: Array, *, sample_weight: Array | None = None) -> float:
    """Return the root of the mean squared error, in the unit of the targets; averaged over outputs.

    Examples
    --------
    >>> root_mean_squared_error(np.array([[1.0], [5.0]]), np.array([[2.0], [3.0]])) == 2.5**0.5
    True
    """
    difference = (prediction - numbers_like(prediction, target)).astype(np.float64)
    return float(np.sqrt(_column_means(difference * difference, sample_weight)).mean())


def mean_absolute_error(prediction: Array, target: Array, *, sample_weight: Array | None = None) -> float:
    """Return the mean over all outputs of |prediction − target|; class indices count as one-hot."""
    distance = np.abs(prediction - numbers_like(prediction, target))
    return _mean(distance.mean(axis=-1, dtype=np.float64), sample_weight)


def r2(prediction: Array, target: Array, *, sample_weight: Array | None = None) -> float:
    """Return R² = 1 − Σ(prediction − target)² / Σ(target − mean)², averaged over outputs.

    1 is perfect, 0 no better than the mean. An output whose target is constant counts 1 if it is met, else 0, both but
    for rounding.
    """
    y = numbers_like(prediction, target).astype(np.float64)
    count = math.prod(y.shape[:-1])
    mean = _column_means(y, sample_weight)
    residual = _column_means(np.square(prediction - y), sample_weight)
    spread = _column_means(np.square(y - mean), sample_weight)
    constant = np.sqrt(spread) <= rounding(mean, count)
    met = np.sqrt(residual) <= rounding(mean, count) + np.abs(mean) * np.finfo(prediction.dtype).eps
    return float(np.where(constant, met, 1 - residual / np.where(constant, 1, spread)).mean())


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


def _of_average(function: Metric, average: str) -> Metric:
    """Return a metric of classes, averaged as told: ``f1_macro``."""

    def score(prediction: Array, target: Array, task: str | None = None, *, sample_weight: Array | None = None) -> Any:
        return function(prediction, target, task, average=average, sample_weight=sample_weight)

    score.__name__ = score.__qualname__ = f"{function.__name__}_{average}"
    return score


AVERAGES = ("auto", "binary", "macro", "weighted", "micro")
# Those that take a task.
_OF_CLASSES: tuple[Metric, ...] = (
    accuracy,
    subset_accuracy,
    error_rate,
    balanced_accuracy,
    precision,
    recall,
    f1,
    *(_of_average(function, average) for average in AVERAGES[2:] for function in (precision, recall, f1)),
    roc_auc,
    average_precision,
    log_loss,
    min_confidence,
)
METRICS: dict[str, Metric] = {
    function.__name__: function
    for function in (*_OF_CLASSES, mean_squared_error, root_mean_squared_error, mean_absolute_error, r2)
}
BY_TASK = (*_OF_CLASSES, confusion_matrix)
# Of these the larger is the better.
GROWING = tuple(
    name
    for name in METRICS
    if name.startswith(("precision", "recall", "f1"))
    or name in ("r2", "min_confidence", "roc_auc", "average_precision")
)


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


def _weights(sample_weight: Array | None, rows: int, samples: int) -> Array:
    """Return a weight for each row of outputs: that of its sample."""
    if sample_weight is None:
        return np.ones(rows)
    try:
        weights = np.asarray(sample_weight, np.float64).ravel()
    except (TypeError, ValueError):
        weights = np.array([np.nan])
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise InputError(
            "metrics",
            given=f"sample_weight={sample_weight!r:.80}",
            expected="finite numbers, none negative and not all zero",
            fix="Pass 1 for a sample that counts, and 0 for one that doesn't",
        )
    if weights.size not in (samples, rows):
        raise ShapeError(
            "metrics",
            given=f"{weights.size} weights for {rows} rows of outputs",
            expected="a weight for each sample",
            fix="Pass sample_weight with shape (samples,)",
        )
    return weights.repeat(rows // weights.size)


def _mean(values: Array, sample_weight: Array | None) -> float:
    """Return the mean of a number for each row of outputs, weighted."""
    if sample_weight is None:
        return float(values.mean(dtype=np.float64))
    return float(np.average(values.ravel(), weights=_weights(sample_weight, values.size, len(values))))


def _column_means(values: Array, sample_weight: Array | None) -> Array:
    """Return the mean of each output over all rows, weighted."""
    rows = values.reshape(-1, values.shape[-1])
    weights = None if sample_weight is None else _weights(sample_weight, len(rows), len(values))
    return np.average(rows, axis=0, weights=weights)


def share_of(part: Array, whole: Array) -> Array:
    """Return part / whole, and 0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)


def numbers_like(prediction: Array, target: Array) -> Array:
    """Return the targets in the shape of the predictions, class indices as one-hot rows."""
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
