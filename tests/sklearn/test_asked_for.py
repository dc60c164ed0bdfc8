"""What scikit-learn's perceptrons lack: curves, callbacks, dropout, class weights, and looking inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor
from tests.referees import needed
from tests.sklearn.samples import TASKS, digits, iris, numbers, quantities, same_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make(kind: type = MLPClassifier, epochs: int = 10, **settings: Any) -> Any:
    return kind(**{"hidden_layer_sizes": (8,), "max_iter": epochs, "batch_size": 32, "random_state": 0, **settings})


@pytest.mark.parametrize("task", TASKS)
def test_validation_samples_are_measured_each_epoch_and_not_learnt(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    model = make(kind, keep="last").fit(X[:80], y[:80], X_val=X[80:], y_val=y[80:])
    assert same_network(model, make(kind).fit(X[:80], y[:80]))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_ == 10
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[80:], y[80:]))
    assert model.best_validation_score_ == max(model.validation_scores_)


@pytest.mark.parametrize("task", TASKS)
def test_the_best_weights_are_kept_where_there_are_validation_samples(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    model = make(kind, 12, learning_rate_init=0.1).fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert model.score(X[60:], y[60:]) == pytest.approx(model.best_validation_score_)


def test_the_best_weights_by_loss_can_be_kept_without_validation_samples() -> None:
    X, y = quantities()
    best = make(MLPRegressor, learning_rate_init=0.5, keep="best").fit(X, y)
    last = make(MLPRegressor, learning_rate_init=0.5).fit(X, y)
    at = int(np.argmin(last.loss_curve_))
    assert 0 < at < 9
    assert same_network(best, make(MLPRegressor, at + 1, learning_rate_init=0.5).fit(X, y))


def test_validation_samples_count_by_their_weight() -> None:
    X, y = digits()
    weights = (np.arange(80) < 40).astype(float)
    all_of_them = make().fit(X[:120], y[:120], X_val=X[120:], y_val=y[120:], sample_weight_val=weights)
    first_half = make().fit(X[:120], y[:120], X_val=X[120:160], y_val=y[120:160])
    assert all_of_them.validation_scores_ == first_half.validation_scores_
    np.testing.assert_allclose(all_of_them.validation_loss_curve_, first_half.validation_loss_curve_)


def test_early_stopping_takes_the_validation_samples_it_is_given() -> None:
    X, y = iris()
    model = make(epochs=500, early_stopping=True, tol=0.01).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert model.t_ == model.n_iter_ * 75
    assert model.n_iter_ < 500
    assert model.best_loss_ is None


def test_callbacks_see_the_training_and_can_end_it() -> None:
    X, y = digits()
    seen: list[tuple[int, float]] = []

    def watch(training: cr.training.Training, epoch: cr.training.Epoch) -> None:
        seen.append((epoch.epoch, float(np.abs(training.network.gradients).max())))
        if epoch.epoch == 4:
            training.stop("enough")

    model = make(callbacks=watch).fit(X, y)
    assert [number for number, _ in seen] == [1, 2, 3, 4]
    assert all(size > 0 for _, size in seen)
    assert (model.n_iter_, model.history_.stopped) == (4, "enough")
    patient = make(epochs=300, callbacks=[cr.EarlyStopping(patience=2)], learning_rate_init=0.05, tol=0)
    assert patient.fit(X[:99], y[:99], X_val=X[99:], y_val=y[99:]).history_.stopped == "no better for 2 epochs"


@pytest.mark.usefixtures("compiled_cache")
def test_compiled_epochs_learn_the_same() -> None:
    needed("numba", "fast")
    X, y = iris()
    replayed, compiled = make(epochs=3).fit(X, y), make(epochs=3, compiled=True).fit(X, y)
    assert "compiled" in str(compiled.network_.summary())
    for a, b in zip(replayed.coefs_, compiled.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    going_on = make(epochs=2, warm_start=True).fit(X, y).set_params(compiled=True, max_iter=1).fit(X, y)
    for a, b in zip(going_on.coefs_, compiled.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_each_hidden_layer_has_an_activation_and_a_dropout_of_its_own() -> None:
    X, y = digits()
    sine = cr.Activation(np.sin, np.cos)
    model = make(hidden_layer_sizes=(9, 8, 7), activation=["gelu", "identity", sine], dropout=(0.1, 0, 0.2)).fit(X, y)
    names = [type(layer).__name__ for layer in model.network_.layers]
    assert names == ["Dense", "GELU", "Dropout", "Dense", "Dense", "Activation", "Dropout", "Dense", "Softmax"]
    assert not same_network(model, make(hidden_layer_sizes=(9, 8, 7), activation=["gelu", "identity", sine]).fit(X, y))
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))


def test_a_network_without_hidden_layers_is_a_linear_model() -> None:
    X, y = iris()
    model = make(hidden_layer_sizes=(), epochs=300, learning_rate_init=0.1).fit(X, y)
    assert [coef.shape for coef in model.coefs_] == [(4, 3)]
    assert model.score(X, y) > 0.95


def test_class_weights_are_sample_weights_by_class() -> None:
    X, y = digits()
    names = np.array(["zero", "one", "two"])[y]
    weights = np.select([names == "zero", names == "one"], [3.0, 0.5], 1.0)
    by_class = make(class_weight={"zero": 3.0, "one": 0.5}).fit(X, names)
    assert same_network(by_class, make().fit(X, names, sample_weight=weights))


def test_balanced_classes_have_the_same_weight_all_together() -> None:
    X = numbers((200, 2))
    y = (X[:, 0] + 0.5 * numbers((200,), seed=1) > 1).astype(int)
    assert 0 < y.mean() < 0.2
    counts = np.bincount(y)
    balanced = make(class_weight="balanced", epochs=100).fit(X, y)
    assert same_network(balanced, make(epochs=100).fit(X, y, sample_weight=(len(y) / (2 * counts))[y]))
    plain = make(epochs=100).fit(X, y)
    assert (balanced.predict(X) == 1).sum() > 1.5 * (plain.predict(X) == 1).sum()


def test_balance_counts_the_weights_of_samples() -> None:
    X, y = digits(2, 60)
    times = np.random.default_rng(0).integers(1, 4, len(y))
    settings = {"class_weight": "balanced", "batch_size": "auto"}
    weighted = make(**settings).fit(X, y, sample_weight=times)
    repeated = make(**settings).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize(
    ("given", "told", "expected"),
    [
        ("float32", "auto", "float32"),
        ("float64", "auto", "float64"),
        ("int64", "auto", "float64"),
        ("float64", "float32", "float32"),
        ("float32", "float64", "float64"),
    ],
)
def test_the_dtype_is_that_of_the_samples_or_the_one_asked_for(given: str, told: str, expected: str) -> None:
    X, y = quantities()
    X = (10 * X).astype(given)
    model = make(MLPRegressor, dtype=told).fit(X, y)
    assert {array.dtype for array in (*model.coefs_, *model.intercepts_, model.predict(X))} == {np.dtype(expected)}


def test_the_network_inside_can_be_looked_at_saved_and_trained_on(tmp_path: Path) -> None:
    X, y = digits()
    model = make(dtype="float32").fit(X, y)
    network = model.network_
    assert network.classes == ("0", "1", "2")
    assert network.summary()
    assert network["dense_1"].grad.shape[1] == 8
    cr.save(network, tmp_path / "digits.safetensors")
    loaded = cr.load(tmp_path / "digits.safetensors")
    np.testing.assert_array_equal(cr.predict(loaded, X.astype(np.float32)), model.predict_proba(X))
    model.coefs_[0][...] = 0
    assert not network.layers[0].weights.value.any()


def test_logarithms_stay_finite_where_probabilities_round_to_nothing() -> None:
    X, y = digits()
    model = make(dtype="float32").fit(X, y)
    model.coefs_ = [1000 * array for array in model.coefs_]
    assert (model.predict_proba(X) == 0).any()
    assert np.isfinite(model.predict_log_proba(X)).all()


@pytest.mark.parametrize("task", ["two classes", "three classes", "several labels"])
def test_scores_logarithms_and_probabilities_agree(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    model = make(kind, 50).fit(X, y)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-12)
    scores = model.decision_function(X)
    chosen = scores.argmax(axis=1) if task == "three classes" else (scores > 0).astype(int)
    np.testing.assert_array_equal(chosen, model.predict(X))


def test_one_class_alone_is_certain() -> None:
    model = make(batch_size=10).fit(numbers((10, 2)), np.full(10, "only"))
    assert set(model.predict(numbers((5, 2)))) == {"only"}
    assert model.predict_proba(numbers((5, 2))).tolist() == [[1.0]] * 5
    assert model.predict_log_proba(numbers((5, 2))).tolist() == [[0.0]] * 5


def test_a_line_is_printed_each_epoch_if_asked(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = digits()
    make(epochs=3, verbose=True).fit(X, y, X_val=X, y_val=y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["Iteration 1", "Iteration 2", "Iteration 3"]
    make(epochs=3, solver="lbfgs", verbose=True).fit(X, y)
    assert len(capsys.readouterr().out.splitlines()) == 3
