"""A fit that goes on is the fit that never ended: 5 epochs and 5 more are 10, to the bit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import chainrule as cr
from chainrule.errors import InputError
from chainrule.sklearn import MLPClassifier, MLPRegressor
from tests.sklearn.samples import TASKS, digits, quantities, same_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adam in float32": {"dtype": "float32"},
    "momentum": {"solver": "sgd", "learning_rate_init": 0.05},
    "inverse scaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 1},
    "dropout": {"dropout": 0.3},
    "early stopping": {"early_stopping": True},
    "without shuffling": {"shuffle": False},
}


def make(kind: type, epochs: int, **settings: Any) -> Any:
    return kind(hidden_layer_sizes=(8, 6), max_iter=epochs, batch_size=32, random_state=3, **settings)


@pytest.mark.parametrize("how", SETTINGS)
@pytest.mark.parametrize("task", TASKS)
def test_five_epochs_and_five_more_are_ten(task: str, how: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    once = make(kind, 10, **SETTINGS[how]).fit(X, y)
    twice = make(kind, 5, warm_start=True, **SETTINGS[how]).fit(X, y).fit(X, y)
    assert same_network(once, twice)
    assert once.loss_curve_ == twice.loss_curve_
    assert once.validation_scores_ == twice.validation_scores_
    assert once.t_ == twice.t_


@pytest.mark.parametrize("how", [how for how in SETTINGS if how != "early stopping"])
@pytest.mark.parametrize("task", TASKS)
def test_ten_partial_fits_are_ten_epochs(task: str, how: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    once = make(kind, 10, **SETTINGS[how]).fit(X, y)
    parts = make(kind, 1, **SETTINGS[how])
    for _ in range(10):
        known = {"classes": once.classes_} if kind is MLPClassifier else {}
        parts.partial_fit(X, y, **known)
    if how != "adaptive":  # there, a partial fit neither stops nor slows down
        assert same_network(once, parts)
    assert parts.n_iter_ == 1
    assert parts.t_ == 10 * len(y)


def test_a_pickled_estimator_goes_on_as_if_it_had_stayed() -> None:
    X, y = digits()
    once = make(MLPClassifier, 10, dropout=0.2).fit(X, y)
    half = make(MLPClassifier, 5, dropout=0.2, warm_start=True).fit(X, y)
    assert same_network(once, pickle.loads(pickle.dumps(half)).fit(X, y))


def test_going_on_starts_from_the_last_weights_though_the_best_were_kept() -> None:
    X, y = digits()
    settings: dict[str, Any] = {"learning_rate_init": 0.05}
    once = make(MLPClassifier, 10, **settings).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    twice = make(MLPClassifier, 5, warm_start=True, **settings)
    for _ in range(2):
        twice.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    assert same_network(once, twice)
    assert once.validation_loss_curve_ == twice.validation_loss_curve_


def test_sparse_samples_learn_what_dense_ones_do() -> None:
    X, y = digits()
    once, other = make(MLPClassifier, 5).fit(X, y), make(MLPClassifier, 5).fit(csr_array(X), y)
    assert same_network(once, other)
    np.testing.assert_array_equal(once.predict_proba(X), other.predict_proba(csr_array(X)))


def test_without_warm_start_a_fit_begins_anew() -> None:
    X, y = digits()
    model = make(MLPClassifier, 3)
    first = model.fit(X, y).network_.parameters.copy()
    np.testing.assert_array_equal(model.fit(X, y).network_.parameters, first)
    assert len(model.loss_curve_) == 3


def test_a_new_learning_rate_acts_on_the_moments_that_are_there() -> None:
    X, y = quantities()
    model = make(MLPRegressor, 5, warm_start=True).fit(X, y)
    network = model.network_
    model.set_params(learning_rate_init=0.1).fit(X, y)
    assert model.network_ is network
    assert model.history_["learning_rate"] == [0.1] * 5
    assert network.optimizer_state.step == 2 * 5 * 4


def test_new_penalties_and_batches_keep_weights_and_moments() -> None:
    X, y = quantities()
    model = make(MLPRegressor, 5, warm_start=True).fit(X, y)
    before, steps = model.network_.parameters.copy(), model.network_.optimizer_state.step
    model.set_params(alpha=0.5, learning_rate_init=1e-300, batch_size=60, dropout=0.1).fit(X, y)
    np.testing.assert_array_equal(model.network_.parameters, before)
    assert model.network_.optimizer_state.step == steps + 5 * 2
    assert any(isinstance(layer, cr.Dropout) for layer in model.network_.layers)


def test_another_solver_goes_on_from_the_weights_with_moments_of_its_own() -> None:
    X, y = quantities()
    model = make(MLPRegressor, 5, warm_start=True).fit(X, y)
    before = model.loss_
    model.set_params(solver="lbfgs").fit(X, y)
    assert model.loss_ < before


def test_weights_that_are_put_in_are_those_it_goes_on_from() -> None:
    X, y = quantities()
    model = make(MLPRegressor, 1, warm_start=True).fit(X, y)
    model.coefs_ = [np.zeros_like(array) for array in model.coefs_]
    model.intercepts_ = [np.full_like(array, 2.0) for array in model.intercepts_]
    np.testing.assert_array_equal(model.predict(X), np.full(len(y), 2.0))
    with pytest.raises(InputError, match="shapes"):
        model.coefs_ = [np.zeros(3)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_layer_sizes": (4, 4)}, "hidden_layer_sizes"),
        ({"y": "fewer"}, "classes"),
        ({"y": "other"}, "classes"),
    ],
)
def test_what_cannot_go_on_is_refused(change: dict[str, Any], message: str) -> None:
    X, y = digits()
    model = make(MLPClassifier, 1, warm_start=True).fit(X, y)
    y = {"fewer": np.minimum(y, 1), "other": y + 1}.get(change.pop("y", ""), y)
    with pytest.raises(InputError, match=message):
        model.set_params(**change).fit(X, y)
