"""Samples with several rows of outputs, one for each time: as good as each row being a sample of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr

WEIGHTED = ["not weighted", "a weight for each sample", "a weight for each row", "weights of classes"]
RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((12, 5, 3))
LABELS = RANDOM.integers(0, 3, (12, 5))
NUMBERS = RANDOM.standard_normal((12, 5, 2))
BITS = RANDOM.integers(0, 2, (12, 5, 1))
WEIGHTS = RANDOM.uniform(0.5, 2, 12)

LOSSES: dict[str, tuple[Any, list[Any], Any]] = {
    "classes": (cr.CategoricalCrossEntropy, [cr.Dense(3), cr.Softmax()], LABELS),
    "classes, one-hot": (cr.CategoricalCrossEntropy, [cr.Dense(3), cr.Softmax()], np.eye(3)[LABELS]),
    "classes in a column": (cr.CategoricalCrossEntropy, [cr.Dense(3), cr.Softmax()], LABELS[..., None]),
    "logits": (cr.SoftmaxCrossEntropy, [cr.Dense(3)], LABELS),
    "probabilities": (cr.CategoricalCrossEntropy, [cr.Dense(3), cr.Softmax(), cr.Identity()], LABELS),
    "squares": (cr.MeanSquaredError, [cr.Dense(2)], NUMBERS),
    "squares of a sample": (cr.SquaredError, [cr.Dense(2)], NUMBERS),
    "half squares": (cr.HalfSquaredError, [cr.Dense(2)], NUMBERS),
    "huber": (cr.Huber, [cr.Dense(2)], NUMBERS),
    "absolute": (cr.MeanAbsoluteError, [cr.Dense(2)], NUMBERS),
    "yes or no": (cr.BinaryCrossEntropy, [cr.Dense(1), cr.Sigmoid()], BITS),
    "yes or no, without an axis": (cr.BinaryCrossEntropy, [cr.Dense(1), cr.Sigmoid()], BITS[..., 0]),
}


def network(loss: Any, end: list[Any], engine: str = "replay") -> cr.Network:
    layers = [cr.Dense(6), cr.Tanh(), cr.Branches([[cr.Dense(2)], []])]
    end = [type(layer)(**layer.settings()) for layer in end]
    return cr.Network([*layers, *end], loss=loss(), optimizer=cr.SGD(0.1), l2=0.01, dtype="float64", engine=engine)


WAYS = [(name, weights, engine) for name in LOSSES for weights in WEIGHTED for engine in ("dynamic", "replay")]
WAYS += [("classes", "a weight for each row", "compiled"), ("squares", "a weight for each sample", "compiled")]


def rows(array: Any) -> Any:
    return array.reshape(60, *array.shape[2:])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "weights", "engine"), WAYS)
def test_times_train_as_samples_of_their_own(name: str, weights: str, engine: str) -> None:
    loss, end, y = LOSSES[name]
    whole, apart = network(loss, end, engine), network(loss, end, engine)
    told: dict[str, Any] = {}
    as_rows: dict[str, Any] = {}
    if weights == "a weight for each sample":
        told, as_rows = {"sample_weight": WEIGHTS}, {"sample_weight": np.repeat(WEIGHTS, 5)}
    elif weights == "a weight for each row":
        own = np.random.default_rng(1).uniform(0, 1, (12, 5))
        told, as_rows = {"sample_weight": own}, {"sample_weight": own.reshape(-1)}
    elif weights == "weights of classes" and y is not NUMBERS:
        told = as_rows = {"class_weight": "balanced"}
    metrics = ["mean_squared_error", "r2"] + (["accuracy", "min_confidence"] if y is not NUMBERS else [])
    shared = {"epochs": 3, "shuffle": False, "metrics": metrics}
    one = cr.train(whole, X, y, batch_size=4, **shared, **told)
    other = cr.train(apart, rows(X), rows(y), batch_size=20, **shared, **as_rows)
    np.testing.assert_allclose(whole.parameters, apart.parameters, rtol=1e-9)
    for key in ("loss", *metrics):
        np.testing.assert_allclose(one[key], other[key], rtol=1e-9, atol=1e-12, err_msg=key)
    np.testing.assert_allclose(rows(cr.predict(whole, X)), cr.predict(apart, rows(X)), rtol=1e-9)
    expected = cr.evaluate(apart, rows(X), rows(y), sample_weight=as_rows.get("sample_weight"))
    found = cr.evaluate(whole, X, y, sample_weight=told.get("sample_weight"))
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, rel=1e-9)
    if y is not NUMBERS:
        np.testing.assert_array_equal(rows(cr.classify(whole, X)), cr.classify(apart, rows(X)))


def test_a_confusion_matrix_counts_each_time() -> None:
    loss, end, y = LOSSES["classes"]
    trained = network(loss, end)
    cr.train(trained, X, y, epochs=1)
    counts = cr.confusion_matrix(cr.predict(trained, X), y)
    assert counts.sum() == y.size
    np.testing.assert_array_equal(counts, cr.confusion_matrix(cr.predict(trained, X), np.eye(3)[y]))


def test_batches_of_an_iterable_and_validation_may_have_times() -> None:
    loss, end, y = LOSSES["classes"]
    trained = network(loss, end)
    history = cr.train(trained, [(X[:6], y[:6]), (X[6:], y[6:], WEIGHTS[6:])], epochs=2, validation_data=(X, y))
    assert history["validation_loss"][-1] == pytest.approx(cr.evaluate(trained, X, y)["loss"])


BAD: dict[str, tuple[Any, Any, dict[str, Any], list[str]]] = {
    "one label for all times": (
        "classes",
        LABELS[:, 0],
        {},
        ["y with shape (12,)", "(12, 5), class indices", "Flatten"],
    ),
    "labels of too few times": ("classes", LABELS[:, :4], {}, ["y with shape (12, 4)", "(12, 5, 3)"]),
    "a class too many": ("classes", LABELS + 1, {}, ["target[", "3 classes"]),
    "numbers for one time": ("squares", NUMBERS[:, 0], {}, ["y with shape (12, 2)", "shape (12, 5, 2)", "Flatten"]),
    "numbers for a column": ("squares", NUMBERS[..., :1], {}, ["y with shape (12, 5, 1)", "(12, 5, 2)"]),
    "weights for other times": ("squares", NUMBERS, {"sample_weight": np.ones((12, 4))}, ["(12, 4)", "(12, 5)"]),
}


@pytest.mark.parametrize("name", BAD)
def test_targets_that_do_not_fit_are_one_clear_error(name: str) -> None:
    kind, y, told, words = BAD[name]
    loss, end, _ = LOSSES[kind]
    with pytest.raises(cr.ChainruleError) as caught:
        cr.train(network(loss, end), X, y, epochs=1, **told)
    for word in words:
        assert word in str(caught.value), caught.value
