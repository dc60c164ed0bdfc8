"""Metrics: what they are given, in which order, what they are called, and where they are measured."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError
from chainrule.training.measures import grows, named_measures
from chainrule.training.metrics import METRICS, accuracy, error_rate, min_confidence, subset_accuracy
from tests.referees import needed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype(np.float32)
LABELS = np.arange(24) % 3
SEVERAL = (RNG.uniform(size=(24, 3)) > 0.5).astype(np.float32)
SEVERAL[0] = 1

#: The last layers, what is trained on, and the task.
KINDS: dict[str, tuple[list[Any], Any, str]] = {
    "regression": ([cr.Dense(1)], X[:, :1], "regression"),
    "two numbers": ([cr.Dense(2)], X[:, :2], "regression"),
    "yes or no": ([cr.Dense(1), cr.Sigmoid()], LABELS > 0, "binary"),
    "classes": ([cr.Dense(3), cr.Softmax()], LABELS, "multiclass"),
    "one-hot": ([cr.Dense(3), cr.Softmax()], np.eye(3)[LABELS], "multiclass"),
    "labels": ([cr.Dense(3), cr.Sigmoid()], SEVERAL, "multilabel"),
}


def network_of(kind: str, **settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(8), cr.Tanh(), *(layer for layer in made(kind))], **settings)


def made(kind: str) -> list[Any]:
    return [type(layer)(**layer.settings()) for layer in KINDS[kind][0]]


def first(prediction, target):
    """A figure that is another one in the other order."""
    return float(prediction.sum() - 2 * target.sum())


ORDERS = {
    "prediction target": "pt", "y_true y_pred": "tp", "y_pred y_true": "pt", "input target": "pt",
    "output label": "pt", "labels logits": "tp", "preds y": "pt", "y p": "tp", "y t": "pt", "yhat whatever": "pt",
    "inp targ": "pt", "Y_True Y_Pred": "tp", "guesses truths": "pt", "out yb": "pt", "expected actual_output": "tp",
}  # fmt: skip


@pytest.mark.parametrize("names", ORDERS)
def test_the_order_of_a_function_is_read_off_its_names(names: str) -> None:
    one, other = names.split()
    function = eval(f"lambda {one}, {other}, weight=None: float({one}.sum() - 2 * {other}.sum())")
    if ORDERS[names] == "tp":
        expected = lambda prediction, target: float(target.sum() - 2 * prediction.sum())  # noqa: E731 -- of a table
    else:
        expected = first
    network = network_of("regression")
    found = cr.evaluate(network, X, X[:, :1], metrics=function)["<lambda>"]
    assert found == expected(cr.predict(network, X), X[:, :1])


def test_methods_partials_and_objects_are_functions_too() -> None:
    class Far:
        def __call__(self, y_true, y_pred, times=1.0):
            return times * first(y_pred, y_true)

        def far(self, y_true, y_pred):
            return self(y_true, y_pred)

    network = network_of("regression")
    far = Far()
    told = [far, far.far, functools.partial(far, times=2.0)]
    found = cr.evaluate(network, X, X[:, :1], metrics=told)
    expected = first(cr.predict(network, X), X[:, :1])
    assert [found["Far"], found["far"], found["Far_2"]] == [expected, expected, 2 * expected]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("acc", "accuracy"), ("ACC", "accuracy"), ("Accuracy", "accuracy"), ("MSE", "mean_squared_error"),
        ("mae", "mean_absolute_error"), ("R2", "r2"), ("mean squared error", "mean_squared_error"),
        ("r2_score", "r2"), ("subset-accuracy", "subset_accuracy"), ("val_acc", "accuracy"),
    ],
)  # fmt: skip
def test_names_are_taken_in_capitals_and_in_short(name: str, ours: str) -> None:
    assert list(named_measures([name])) == [ours]
    assert named_measures([name])[ours].on_training != name.startswith("val")


def test_a_metric_asked_for_twice_is_measured_once() -> None:
    found = named_measures(["accuracy", "acc", "validation_accuracy", accuracy])
    assert list(found) == ["accuracy"]
    assert found["accuracy"].on_training


def test_numbers_of_numpy_become_pythons_and_arrays_stay() -> None:
    network = network_of("regression")
    told = [lambda p, y: np.float32(0.5), lambda p, y: np.bool_(True), lambda p, y: y[:2, 0]]
    found = list(cr.evaluate(network, X, X[:, :1], metrics=told).values())[1:]
    assert [type(value) for value in found] == [float, int, np.ndarray]


def test_accuracy_counts_each_label_and_the_subset_accuracy_each_sample() -> None:
    prediction = np.array([[0.9, 0.2, 0.6], [0.8, 0.1, 0.2], [0.4, 0.1, 0.3]])
    target = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 1]])
    assert accuracy(prediction, target) == pytest.approx(7 / 9)
    assert error_rate(prediction, target) == pytest.approx(2 / 9)
    assert subset_accuracy(prediction, target) == pytest.approx(1 / 3)
    assert min_confidence(prediction, target) == pytest.approx(0.1)  # of the second label of the second sample
    one_hot = np.eye(3)
    assert accuracy(prediction, one_hot) == pytest.approx(1 / 3)  # rows with a single one are classes …
    assert accuracy(prediction, one_hot, task="multilabel") == pytest.approx(5 / 9)  # … unless the network says else
    assert subset_accuracy(prediction, one_hot) == pytest.approx(1 / 3)


@pytest.mark.parametrize("kind", KINDS)
def test_classify_and_every_figure_follow_the_task(kind: str) -> None:
    _, y, task = KINDS[kind]
    network = network_of(kind, seed=1)
    found = cr.evaluate(network, X, y)
    assert network.task == task
    if task == "regression":
        assert set(found) == {"loss", "mean_squared_error"}
        for name in ("accuracy", "subset_accuracy", "error_rate", "min_confidence"):
            with pytest.raises(InputError, match="regression"):
                cr.evaluate(network, X, y, metrics=name)
        return
    chosen, prediction = cr.classify(network, X), cr.predict(network, X)
    if task == "multilabel":
        expected = (prediction > 0.5).astype(int)
        wrong = (expected != y).mean()
        assert cr.evaluate(network, X, y, metrics="subset_accuracy")["subset_accuracy"] == (expected == y).all(1).mean()
    else:
        expected = prediction.argmax(1) if task == "multiclass" else (prediction[:, 0] > 0.5).astype(int)
        wrong = (expected != (LABELS if task == "multiclass" else y)).mean()
    np.testing.assert_array_equal(chosen, expected)
    assert found["error_rate"] == pytest.approx(wrong)


def test_labels_over_time_have_zeros_and_ones_for_each_row() -> None:
    times = RNG.normal(size=(5, 4, 3)).astype(np.float32)
    network = cr.Network([cr.Dense(2), cr.Sigmoid()])
    np.testing.assert_array_equal(cr.classify(network, times), cr.predict(network, times) > 0.5)
    assert cr.classify(network, times).shape == (5, 4, 2)


SCORES: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    # kind -> functions of sklearn.metrics that are given as they are
    "regression": ("raw", ["r2_score", "mean_absolute_error", "mean_squared_error", "max_error"], {}),
    "two numbers": ("raw", ["r2_score", "mean_absolute_error"], {}),
    "yes or no": ("classes", ["accuracy_score", "f1_score", "matthews_corrcoef", "confusion_matrix"], {}),
    "classes": ("classes", ["accuracy_score", "zero_one_loss", "balanced_accuracy_score"], {}),
    "one-hot": ("classes", ["accuracy_score", "zero_one_loss"], {}),
    "labels": ("classes", ["accuracy_score", "hamming_loss"], {}),
}


@pytest.mark.parametrize("kind", SCORES)
def test_scores_of_scikit_learn_are_given_what_they_take(kind: str) -> None:
    metrics = needed("sklearn.metrics")
    what, names, _ = SCORES[kind]
    _, y, task = KINDS[kind]
    network = network_of(kind, seed=2)
    told = [getattr(metrics, name) for name in names]
    found = cr.evaluate(network, X, y, metrics=told)
    given = cr.predict(network, X) if what == "raw" else cr.classify(network, X)
    true = np.asarray(y, np.float32) if task == "regression" else LABELS if task == "multiclass" else np.asarray(y)
    for name, function in zip(names, told):
        np.testing.assert_allclose(found[name], function(true, given), rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("kind", ["yes or no", "classes", "labels"])
def test_scores_of_probabilities_are_given_probabilities(kind: str) -> None:
    metrics = needed("sklearn.metrics")
    _, y, task = KINDS[kind]
    network = network_of(kind, seed=2)
    ranking = (
        functools.partial(metrics.roc_auc_score, multi_class="ovr") if task == "multiclass" else (metrics.roc_auc_score)
    )
    found = cr.evaluate(network, X, y, metrics=[ranking])
    prediction = cr.predict(network, X)
    given = prediction[:, 0] if task == "binary" else prediction
    assert found["roc_auc_score"] == pytest.approx(ranking(y, given))
    if task != "multilabel":
        assert cr.evaluate(network, X, y, metrics=metrics.log_loss)["log_loss"] == pytest.approx(
            cr.evaluate(network, X, y)["loss"], rel=1e-5
        )


def test_what_scikit_learn_refuses_is_one_error_that_says_what_to_write() -> None:
    metrics = needed("sklearn.metrics")
    network = network_of("classes")
    with pytest.raises(InputError, match=r"metrics f1_score: got .*multiclass.*functools\.partial\(f1_score"):
        cr.evaluate(network, X, LABELS, metrics=metrics.f1_score)
    partial = functools.partial(metrics.f1_score, average="macro")
    found = cr.evaluate(network, X, LABELS, metrics=partial)["f1_score"]
    assert found == metrics.f1_score(LABELS, cr.classify(network, X), average="macro")
    with pytest.raises(InputError, match=r"metrics <lambda>: got .*continuous.*argmax\(axis=-1\)"):
        cr.evaluate(network, X, LABELS, metrics=lambda y_true, y_pred: metrics.accuracy_score(y_true, y_pred))
    own = lambda y_true, y_pred: metrics.accuracy_score(y_true, y_pred.argmax(axis=-1))  # noqa: E731 -- as advised
    found = cr.evaluate(network, X, LABELS, metrics=["accuracy", own])
    assert found["<lambda>"] == pytest.approx(found["accuracy"])
    with pytest.raises(InputError, match="regression"):
        cr.train(network_of("regression"), X, X[:, :1], epochs=1, metrics=metrics.accuracy_score)
    with pytest.raises(InputError, match=r"hinge_loss, a function of .y_true, pred_decision"):
        cr.evaluate(network, X, LABELS, metrics=metrics.hinge_loss)
    with pytest.raises(InputError, match="metrics classification_report: got str"):
        cr.evaluate(network, X, LABELS, metrics=metrics.classification_report)


def test_an_error_of_ones_own_function_is_its_own() -> None:
    def broken(prediction, target):
        raise ValueError("mine")

    with pytest.raises(ValueError, match=r"^mine$"):
        cr.evaluate(network_of("classes"), X, LABELS, metrics=broken)


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_training_and_validation_figures_stand_side_by_side(engine: str) -> None:
    if engine == "compiled":
        needed("numba")
    network = network_of("classes", engine=engine)
    seen = []

    def look(training, epoch):
        seen.append([cr.evaluate(network, *part, metrics="accuracy")["accuracy"] for part in parts])

    parts = (X[:16], LABELS[:16]), (X[16:], LABELS[16:])
    history = cr.train(
        network, *parts[0], epochs=3, batch_size=4, validation_data=parts[1], metrics="acc", callbacks=look, keep="last"
    )
    assert history["accuracy"] == [figures[0] for figures in seen]
    assert history["validation_accuracy"] == [figures[1] for figures in seen]
    assert list(history.epochs[0].as_dict()) == [
        "epoch", "loss", "penalty", "accuracy", "validation_loss", "validation_accuracy", "learning_rate", "steps",
        "seconds",
    ]  # fmt: skip
    assert history.best_epoch == int(np.argmin(history["validation_loss"])) + 1


def test_a_metric_of_the_validation_data_alone_costs_nothing_on_the_training_data() -> None:
    rows = []

    def size(prediction, target):
        rows.append(len(target))
        return 0.0

    told = dict(epochs=2, validation_data=(X[:5], LABELS[:5]))
    history = cr.train(network_of("classes"), X, LABELS, metrics=["validation_accuracy"], **told)
    assert "accuracy" not in history.epochs[0].metrics
    assert history["validation_accuracy"][-1] >= 0
    cr.train(network_of("classes"), X, LABELS, metrics=size, **told)
    assert rows == [24, 5, 24, 5]


@pytest.mark.parametrize(
    ("monitor", "column", "best"),
    [
        (None, "validation_loss", np.argmin),
        ("validation_loss", "validation_loss", np.argmin),
        ("validation_accuracy", "validation_accuracy", np.argmax),
        ("val_acc", "validation_accuracy", np.argmax),
        ("Validation_Error_Rate", "validation_error_rate", np.argmin),
        ("min_confidence", "validation_min_confidence", np.argmax),  # only the validation data have it
        ("validation_my_score", "validation_my_score", np.argmax),
    ],
)
def test_what_is_monitored_is_told_by_its_column(monitor: Any, column: str, best: Any) -> None:
    def my_score(y_true, y_pred):
        return float(y_pred[0, 0])

    metrics = ["accuracy", "error_rate", "validation_min_confidence", my_score]
    history = cr.train(
        network_of("classes", optimizer=cr.SGD(2.0)), X, LABELS, epochs=8, validation_split=0.3, metrics=metrics,
        monitor=monitor,
    )  # fmt: skip
    assert history.best_epoch == int(best(history[column])) + 1


def test_figures_that_are_to_be_large_are_known_by_their_names() -> None:
    small = ["error_rate", "log_loss", "mean_squared_error", "root_mean_squared_error", "mean_absolute_error"]
    assert [name for name in METRICS if not grows(name)] == small
    assert all(map(grows, ("validation_f1_score", "validation_r2")))
    assert not any(map(grows, ("log_loss", "max_error")))


def test_rows_that_all_have_one_label_are_warned_of_under_sigmoids() -> None:
    network = network_of("labels")
    with pytest.warns(cr.errors.TrainingWarning, match=r"a single 1 in each row.*cr\.Softmax\(\)") as told:
        cr.train(network, X, np.eye(3)[LABELS], epochs=1)
    assert len(told) == 1


def test_two_outputs_are_ranked_by_the_probability_of_the_second_class() -> None:
    metrics = needed("sklearn.metrics", "sklearn")
    X = np.linspace(-1, 1, 20, dtype=np.float32).reshape(-1, 1)
    y = np.arange(20) % 3 // 2
    network = cr.Network([cr.Dense(2, inputs=1), cr.Softmax()])
    found = cr.evaluate(network, X, y, metrics=[metrics.roc_auc_score, metrics.average_precision_score])
    second = cr.predict(network, X)[:, 1]
    assert found["roc_auc_score"] == pytest.approx(metrics.roc_auc_score(y, second))
    assert found["average_precision_score"] == pytest.approx(metrics.average_precision_score(y, second))
