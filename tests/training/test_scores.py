"""Scores of classes and of numbers, against scikit-learn's over many random cases: empty classes, ties, weights."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, ShapeError
from chainrule.training import metrics
from chainrule.training.metrics import METRICS
from tests.referees import needed

AVERAGES = ("macro", "weighted", "micro")


def case(seed: int) -> tuple[str, np.ndarray, np.ndarray, np.ndarray | None]:
    """Return a task, probabilities (many of them equal), true classes of which some may be missing, and weights."""
    rng = np.random.default_rng(seed)
    task = ("binary", "two columns", "multiclass", "multilabel")[seed % 4]
    count, classes = int(rng.integers(1, 40)), int(rng.integers(3, 6))
    weights = rng.integers(0, 4, count) + rng.uniform(0.1, 1, count) if seed % 3 == 0 else None
    width = {"binary": 1, "two columns": 2}.get(task, classes)
    raw = np.round(rng.uniform(size=(count, width)), int(rng.integers(1, 4)))
    few = rng.permutation(max(width, 2))[: rng.integers(1, max(width, 2) + 1)]
    true = rng.integers(0, 2, (count, classes)) if task == "multilabel" else rng.choice(few, count)
    if task in ("two columns", "multiclass"):
        raw = (raw + 0.01) / (raw + 0.01).sum(axis=1, keepdims=True)
    return task, raw.astype(np.float32 if seed % 5 else np.float64), true, weights


def judged(name: str, task: str, given: np.ndarray, true: np.ndarray, weights: Any) -> Any:
    """Return scikit-learn's figure."""
    metrics = needed("sklearn.metrics")
    told: dict[str, Any] = {"sample_weight": weights}
    multilabel = task == "multilabel"
    if multilabel or given.shape[1] == 1:
        classes = (given > 0.5).astype(int) if multilabel else (given[:, 0] > 0.5).astype(int)
    else:
        classes = given.argmax(axis=1)
    binary = task in ("binary", "two columns")
    base, _, average = name.partition("_")
    if base in ("precision", "recall", "f1"):
        average = average or ("binary" if binary else "macro")
        function = getattr(metrics, f"{base}_score")
        return function(true, classes, average=average, zero_division=0, **told)
    if name == "balanced_accuracy":
        if multilabel:
            return np.mean([metrics.balanced_accuracy_score(a, b, **told) for a, b in zip(true.T, classes.T)])
        return metrics.balanced_accuracy_score(true, classes, **told)
    if name in ("accuracy", "error_rate"):
        rows = zip(true.T, classes.T) if multilabel else [(true, classes)]
        right = np.mean([metrics.accuracy_score(a, b, **told) for a, b in rows])
        return right if name == "accuracy" else 1 - right
    scores = given[:, -1] if binary else given
    if name == "log_loss":
        if multilabel:
            return np.mean([metrics.log_loss(a, b, labels=[0, 1], **told) for a, b in zip(true.T, given.T)])
        return metrics.log_loss(true, given, labels=list(range(max(given.shape[1], 2))), **told)
    if name == "average_precision" and not binary and not multilabel:
        true = np.eye(given.shape[1])[true]
    if name == "roc_auc" and not binary and not multilabel:
        own = [metrics.roc_auc_score(true == k, given[:, k], **told) for k in range(given.shape[1])]
        if len(set(true)) == given.shape[1]:
            assert np.mean(own) == pytest.approx(
                metrics.roc_auc_score(true, given, multi_class="ovr", **told), abs=1e-9
            )
        return np.mean(own)
    return getattr(metrics, f"{name}_score")(true, scores, **told)


NAMES = [
    *(f"{base}{ending}" for base in ("precision", "recall", "f1") for ending in ("", *(f"_{a}" for a in AVERAGES))),
    *("balanced_accuracy", "accuracy", "error_rate", "roc_auc", "average_precision", "log_loss"),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_scores_of_classes_are_those_of_scikit_learn(name: str) -> None:
    for seed in range(120):
        task, given, true, weights = case(seed)
        told = "binary" if task == "binary" else "multiclass" if task == "two columns" else task
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = judged(name, task, given, true, weights)
        if task == "two columns" and name.partition("_")[0] in ("precision", "recall", "f1") and "_" not in name:
            found = METRICS[name](given, true, "binary", sample_weight=weights)
        else:
            found = METRICS[name](given, true, told, sample_weight=weights)
        assert found == pytest.approx(expected, rel=2e-6, abs=1e-7, nan_ok=True), seed


@pytest.mark.parametrize("name", ["r2", "mean_absolute_error", "mean_squared_error", "root_mean_squared_error"])
def test_scores_of_numbers_are_those_of_scikit_learn(name: str) -> None:
    metrics = needed("sklearn.metrics")
    for seed in range(60):
        rng = np.random.default_rng(seed)
        count, outputs = int(rng.integers(2, 30)), int(rng.integers(1, 4))
        prediction, target = rng.normal(3, 5, (2, count, outputs))
        if seed % 6 == 0:
            target[:, 0] = 2
        weights = rng.uniform(0.1, 3, count) if seed % 2 else None
        function = getattr(metrics, {"r2": "r2_score"}.get(name, name))
        found = METRICS[name](prediction, target, sample_weight=weights)
        assert found == pytest.approx(function(target, prediction, sample_weight=weights), rel=1e-12), seed


def test_a_figure_for_each_class_is_an_array() -> None:
    metrics = needed("sklearn.metrics")
    _, given, true, _ = case(2)
    for name in ("precision", "recall", "f1"):
        function = getattr(metrics, f"{name}_score")
        expected = function(true, given.argmax(axis=1), average=None, labels=range(given.shape[1]), zero_division=0)
        assert np.array_equal(METRICS[name](given, true, "multiclass", average=None), expected)


def test_one_mechanism_serves_training_and_evaluation() -> None:
    X, y = cr.data.moons(60, seed=0)
    network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    asked = ["f1", "roc_auc", "precision_macro", "balanced_accuracy", "log_loss"]
    history = cr.train(network, X, y, epochs=2, metrics=asked, validation_split=0.3, monitor="validation_roc_auc")
    found = cr.evaluate(network, X, y, metrics=["AUC", "f1_score", "precision_macro", "balanced-accuracy", "log_loss"])
    assert set(found) == {"loss", *asked}
    assert found["log_loss"] == pytest.approx(found["loss"], rel=1e-4)
    assert history.best_epoch == 1 + int(np.argmax(history["validation_roc_auc"]))
    heads = cr.Network([cr.Heads({"a": [cr.Dense(1), cr.Sigmoid()], "b": [cr.Dense(1)]})])
    told = {"a": y, "b": X[:, :1]}
    cr.train(heads, X, told, epochs=1)
    figures = cr.evaluate(heads, X, told, metrics={"a": "f1", "b": "rmse"})
    assert {"a_f1", "b_root_mean_squared_error"} <= set(figures)


def test_outputs_over_time_count_row_by_row_with_the_weight_of_their_sample() -> None:
    rng = np.random.default_rng(0)
    given, true = rng.uniform(size=(6, 5, 3)), rng.integers(0, 3, (6, 5))
    weights = rng.uniform(size=6)
    for name in NAMES:
        flat = METRICS[name](given.reshape(-1, 3), true.ravel(), "multiclass", sample_weight=weights.repeat(5))
        assert METRICS[name](given, true, "multiclass", sample_weight=weights) == pytest.approx(flat)


@pytest.mark.parametrize("weights", [[1, 1], [1, -1, 1, 1], [1, np.nan, 1, 1], [0, 0, 0, 0], ["a"] * 4], ids=str)
@pytest.mark.parametrize(
    "name", ["f1", "accuracy", "balanced_accuracy", "roc_auc", "average_precision", "log_loss", "r2"]
)
def test_weights_that_are_none_are_refused(name: str, weights: Any) -> None:
    outputs, classes = np.array([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.9, 0.1]]), np.array([0, 1, 0, 1])
    with pytest.raises(ChainruleError, match=r"finite numbers, none negative|2 weights for 4"):
        getattr(metrics, name)(outputs, classes, sample_weight=weights)


def test_what_has_no_meaning_is_refused() -> None:
    given = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    with pytest.raises(InputError, match="average='macro'"):
        cr.training.f1(given, np.array([0, 1]), average="binary")
    with pytest.raises(InputError, match="samples"):
        cr.training.precision(given, np.array([0, 1]), average="samples")
    with pytest.raises(InputError, match="probabilities"):
        cr.training.log_loss(given + 1, np.array([0, 1]))
    with pytest.raises(ShapeError, match="3 weights"):
        cr.training.recall(given, np.array([0, 1]), sample_weight=np.ones(3))
    with pytest.raises(InputError, match="regression"):
        cr.evaluate(cr.Network([cr.Dense(1)], seed=0), [[1.0]], [[1.5]], metrics="roc_auc")
