"""Baselines: how good an answer is that looks at nothing, and how good a linear model is.

A network that is no better than one answer for all samples has learnt nothing of what tells them apart; one that is no
better than a linear model has not been worth its layers. Both baselines are found without randomness, in bounded time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, TrainingWarning
from chainrule.nn.heads import Head
from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.training.batch_source import ArraySource
from chainrule.training.evaluate import measured
from chainrule.training.figure_text import in_words, number, written

_ROWS = 10_000  # that are looked at for the constant answer
_STEPS = 100  # of the optimizer: after fewer, a network that is no better than one answer may still be on its way
_LINEAR_ROWS, _LINEAR_COLUMNS = 20_000, 500
_WORK = 1e9  # multiplications of the linear model's training, at most


def constant_loss(network: Network, target: Array, sample_weight: Array | None = None) -> float | None:
    """Return the data loss of the best answer that is the same for all samples.

    That is how often each class occurs, or the mean of the targets, or their median if it is better by this loss.
    None where that says nothing: outputs that are no estimates of the target each, or a loss that can't take it.

    Parameters
    ----------
    network : Network
    target, sample_weight : ndarray
        As they come from `Network.as_batch`.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(1, inputs=2)])
    >>> constant_loss(network, np.array([[1.0], [1.0], [4.0]]))
    2.0
    """
    total = 0.0
    for head in network.heads:
        found = _constant_loss(head, head.targets(target), sample_weight, network.dtype)
        if found is None:
            return None
        total += head.weight * found
    return total


def _constant_loss(head: Head, target: Array, weights: Array | None, dtype: Any) -> float | None:
    aim = head.objective
    if aim.op.target_columns is not None:
        return None
    shares = aim.takes_labels or aim.binary
    if aim.takes_labels and target.ndim == len(head.shape):
        rows = target.ravel()
        each = None if weights is None else np.asarray(weights, np.float64).ravel().repeat(len(rows) // weights.size)
        counts = np.bincount(rows.astype(np.intp, copy=False), each, head.shape[-1])
        answers = [counts / counts.sum()]
    else:
        columns = target.reshape(-1, target.shape[-1])
        each = None if weights is None else np.asarray(weights).ravel().repeat(len(columns) // weights.size)
        answers = [np.average(columns, axis=0, weights=each)]
        if not shares:
            answers.append(np.median(columns if each is None else columns[each > 0], axis=0))
    told: dict[str, Any] = {aim.target_role: target}
    if weights is not None and aim.weighted:
        told["sample_weight"] = weights
    losses = []
    for answer in answers:
        if shares:
            answer = np.clip(answer, 1e-7, 1 - 1e-7)
            if aim.prediction_role == "logits":
                answer = np.log(answer) - (np.log1p(-answer) if aim.binary else 0)
        prediction = np.broadcast_to(answer.astype(dtype), (len(target), *head.shape))
        try:
            with np.errstate(all="ignore"):
                losses.append(float(aim.op.forward(**{aim.prediction_role: prediction, **told})))
        except ChainruleError:
            return None
    found = min(losses)
    return found if math.isfinite(found) else None


def doubtful_end(
    network: Network, source: ArraySource, losses: tuple[float, float], steps: int
) -> TrainingWarning | None:
    """Return a warning of a training that has ended worse than it began, or no better than one answer for all samples.

    Parameters
    ----------
    network : Network
        With the weights that it keeps.
    source : ArraySource
        What it was trained on; no more than 10,000 of the samples are looked at.
    losses : (float, float)
        The data loss of the first epoch, and of the one whose weights are kept, as training met them.
    steps : int
        Of the optimizer.
    """
    first, last = losses
    samples, target, weights = source.thinned(_ROWS)
    constant = constant_loss(network, target, weights)
    if not (_worse(last, first, constant) or _no_better(last, constant, steps)):
        return None
    # as training met it, with dropout and augmented perhaps: what it keeps may be better
    loss = measured(network, (samples(), target, weights), {})["loss"]
    if constant is not None and _no_better(loss, constant, steps):
        return TrainingWarning(
            "train",
            given=f"a loss of {number(loss)} in the end, on what was trained on",
            expected=f"less than {number(constant)}, that of one constant answer for all samples",
            fix=_SMALLER if _worse(loss, constant, None) else _OTHER,
            cause="training.constant",
        )
    if _worse(loss, first, constant):
        return TrainingWarning(
            "train",
            given=f"a loss of {number(loss)} in the end, on what was trained on",
            expected=f"less than in the first epoch, {number(first)}",
            fix=_SMALLER,
            cause="training.worse",
        )
    return None


_SMALLER = (
    "Take a smaller learning rate (--learning-rate): cr.learning_rate_range_test(network.fresh(), X, y) suggests one"
)
_OTHER = (
    "Scale the samples to about −1 … 1 (cr.Rescale, scale in a recipe), try another learning rate, which "
    "cr.learning_rate_range_test(network.fresh(), X, y) suggests, or more epochs; if "
    "nothing helps, X may say nothing of y"
)


def _worse(last: float, first: float, constant: float | None) -> bool:
    """Return whether a loss is clearly larger than another one: not by chance, nor both near 0."""
    return last > 1.5 * first > 0 and (constant is None or last > 0.01 * constant)


def _no_better(loss: float, constant: float | None, steps: int) -> bool:
    if constant is None or constant <= 0:
        return False
    return loss > 0.999 * constant and steps >= _STEPS


def linear_outputs(x: Array, y: Array, others: Array, classes: int | None) -> Array | None:
    """Return what a linear model that was trained on (x, y) says to other samples.

    Numbers are found by ridge regression, classes by multinomial logistic regression, both of standardised columns with
    a penalty of ½ ‖weights‖² beside the sum over samples, as scikit-learn's `Ridge` and `LogisticRegression` have it.

    Parameters
    ----------
    x, others : ndarray, (samples, …)
    y : ndarray
        Class indices, (samples,); or numbers, (samples, outputs).
    classes : int or None
        How many there are; None for numbers.

    Returns
    -------
    ndarray or None
        (samples, classes) or (samples, outputs). None if there are more than 500 columns.

    Notes
    -----
    Logistic regression takes Newton's steps with a bound in the place of the second derivative, which is inverted once
    (D. Böhning, *Multinomial logistic regression algorithm*, 1992): each makes the loss smaller, and no step has a size
    to choose. More than 20,000 samples are thinned out evenly.

    Examples
    --------
    >>> x = np.arange(6.0)[:, None]
    >>> linear_outputs(x, (x > 2.5)[:, 0].astype(int), x, 2).argmax(axis=1)
    array([0, 0, 0, 1, 1, 1])
    """
    flat, new = (part.reshape(len(part), -1).astype(np.float64) for part in (x, others))
    if flat.shape[1] > _LINEAR_COLUMNS:
        return None
    rows = slice(None, None, -(-len(flat) // _LINEAR_ROWS))
    flat, y = flat[rows], y[rows]
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    flat, new = ((part - mean) / np.where(deviation > 0, deviation, 1) for part in (flat, new))
    penalty = np.eye(flat.shape[1])
    square = flat.T @ flat
    if classes is None:
        centre = y.mean(axis=0)
        return np.asarray(new @ np.linalg.solve(square + penalty, flat.T @ (y - centre)) + centre)
    truth = np.eye(classes)[y]
    inverse = np.linalg.inv(square / 2 + penalty)
    weights, bias = np.zeros((flat.shape[1], classes)), np.log(truth.mean(axis=0) + 1e-9)
    for _ in range(max(20, min(300, int(_WORK / (flat.size * classes))))):
        scores = flat @ weights + bias
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        off = shares / shares.sum(axis=1, keepdims=True) - truth
        weights -= inverse @ (flat.T @ off + weights)
        bias -= 2 * off.mean(axis=0)
    return np.asarray(new @ weights + bias)


def baseline_lines(told: Mapping[str, Any]) -> list[str]:
    """Return in words how good a network is beside the baselines, and where it is no better."""

    def say(value: float) -> str:
        return written(told["figure"], value)

    linear = "" if told["linear"] is None else f", a linear model {say(told['linear'])}"
    head = f"beside    {told['part']} {in_words(told['figure'])}"
    lines = [f"{head}: the network {say(told['network'])}{linear}, one answer for all {say(told['constant'])}"]
    if told["network"] >= told["constant"]:
        lines.append("beside    no better than one answer for all: it has learnt nothing that holds for these samples")
    elif told["linear"] is not None and told["network"] >= told["linear"]:
        lines.append("beside    no better than a linear model, which has fewer parameters and is easier to explain")
    return lines
