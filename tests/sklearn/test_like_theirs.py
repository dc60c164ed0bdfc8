"""Same parameters, same start, same order of samples: the same weights as scikit-learn's after some epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.base import BaseEstimator

from chainrule.sklearn import MLPClassifier, MLPRegressor
from tests.sklearn.samples import TASKS, counts

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS: dict[str, dict[str, Any]] = {
    # Their ε is that of the paper's second form, ours of its first: the same where both vanish.
    "adam": {"solver": "adam", "learning_rate_init": 0.01, "epsilon": 1e-14},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0},
    "momentum": {"solver": "sgd", "learning_rate_init": 0.02, "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.02, "alpha": 0.5},
}


def start_of(estimator: Any, X: Any, y: Any) -> tuple[list[Any], list[Any]]:
    """Return an estimator's starting weights, which a vanishing learning rate leaves where they are."""
    settings = {**estimator.get_params(), "solver": "sgd", "learning_rate_init": 1e-300, "max_iter": 1}
    still = type(estimator)(**settings).fit(X, y)
    return [c.copy() for c in still.coefs_], [i.copy() for i in still.intercepts_]


def pair(ours: Any, X: Any, y: Any, sample_weight: Any = None) -> tuple[Any, Any]:
    """Return our estimator and scikit-learn's, fitted from the same start."""
    their_class: type[BaseEstimator] = getattr(theirs, type(ours).__name__)
    known = their_class().get_params()
    settings = {name: value for name, value in ours.get_params().items() if name in known}
    other = their_class(**{**settings, "warm_start": True, "max_iter": 1}).fit(X, y)
    coefs, intercepts = start_of(ours, X, y)
    for place, array in zip((*other.coefs_, *other.intercepts_), (*coefs, *intercepts), strict=True):
        place[...] = array
    other.t_ = 0  # that one epoch has already counted its samples
    other.set_params(max_iter=ours.max_iter).fit(X, y, sample_weight)
    return ours.fit(X, y, sample_weight), other


def assert_same(ours: Any, other: Any, tolerance: float = 1e-7) -> None:
    for a, b in zip((*ours.coefs_, *ours.intercepts_), (*other.coefs_, *other.intercepts_), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_the_weights_are_theirs(task: str, solver: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    settings = {"batch_size": 40, "shuffle": False, "max_iter": 5, "random_state": 0, **SOLVERS[solver]}
    assert_same(*pair(kind(hidden_layer_sizes=(8, 6), **settings), X, y), tolerance=1e-6 if solver == "adam" else 1e-9)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_the_weights_are_theirs_with_every_activation(activation: str) -> None:
    X, y = TASKS["three classes"][1]()
    settings = {"batch_size": 40, "shuffle": False, "max_iter": 5, "random_state": 0, **SOLVERS["sgd"]}
    assert_same(*pair(MLPClassifier((8,), activation, **settings), X, y), tolerance=1e-9)


def test_the_weights_are_theirs_with_weighted_samples() -> None:
    X, y = TASKS["three classes"][1]()
    weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
    settings = {"batch_size": len(y), "shuffle": False, "max_iter": 5, "random_state": 0, **SOLVERS["sgd"]}
    assert_same(*pair(MLPClassifier((8,), alpha=0.3, **settings), X, y, weight), tolerance=1e-9)


def test_the_weights_are_theirs_with_counts() -> None:
    X, y = counts()
    settings = {"batch_size": 40, "shuffle": False, "max_iter": 5, "random_state": 0, **SOLVERS["sgd"]}
    assert_same(*pair(MLPRegressor("poisson", (8,), "tanh", **settings), X, y), tolerance=1e-9)


RATES: dict[str, dict[str, Any]] = {
    "constant": {"learning_rate": "constant", "tol": 1e-3, "n_iter_no_change": 3},
    "invscaling": {"learning_rate": "invscaling", "power_t": 0.2, "max_iter": 120},
    "adaptive": {"learning_rate": "adaptive", "tol": 1e-3, "n_iter_no_change": 2},
}


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("task", TASKS)
def test_the_whole_way_is_theirs_with_every_rule_for_the_rate(task: str, rate: str, nesterov: bool) -> None:
    kind, data = TASKS[task]
    X, y = data()
    if task == "three quantities":
        y = y[:, 0]  # of several, theirs stops by a mean
    settings = {"solver": "sgd", "learning_rate_init": 0.05, "batch_size": 50, "alpha": 0.0, "max_iter": 300}
    settings |= {"shuffle": False, "random_state": 0, "nesterovs_momentum": nesterov, **RATES[rate]}
    ours, other = pair(kind(hidden_layer_sizes=(8,), **settings), X, y)
    assert (ours.n_iter_, ours.t_) == (other.n_iter_, other.t_)
    assert_same(ours, other, tolerance=1e-9)
    np.testing.assert_allclose(ours.loss_curve_, other.loss_curve_[1:], rtol=1e-9)


def test_an_inversely_scaled_rate_counts_samples() -> None:
    X, y = TASKS["three classes"][1]()
    settings = {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5, "batch_size": 40}
    fitted = MLPClassifier((8,), **settings, max_iter=5, random_state=0).fit(X, y)
    rates = [epoch.learning_rate for epoch in fitted.history_]
    assert rates == [0.5, *(0.5 / (n * len(y) + 1) ** 0.5 for n in range(1, 5))]


@pytest.mark.parametrize("task", ["three classes", "several labels", "a quantity"])
def test_the_loss_is_theirs(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    settings = {"batch_size": 40, "shuffle": False, "max_iter": 5, "random_state": 0, **SOLVERS["sgd"], "alpha": 0.0}
    ours, other = pair(kind(hidden_layer_sizes=(8,), **settings), X, y)
    np.testing.assert_allclose(ours.loss_curve_, other.loss_curve_[1:], rtol=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_lbfgs_ends_where_theirs_does(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    settings = {"solver": "lbfgs", "max_iter": 10, "random_state": 0, "alpha": 0.1}
    ours, other = pair(kind(hidden_layer_sizes=(6,), activation="tanh", **settings), X, y)
    assert ours.n_iter_ == other.n_iter_
    if task != "three quantities":  # there they minimise what is not the integral of their gradient
        np.testing.assert_allclose(ours.loss_, other.loss_, rtol=1e-3)


@pytest.mark.parametrize("task", TASKS)
def test_predictions_have_the_form_of_theirs(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    ours, other = pair(kind(hidden_layer_sizes=(6,), max_iter=3, random_state=0), X, y)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(other, method):
            mine, their = getattr(ours, method)(X), getattr(other, method)(X)
            assert (mine.shape, mine.dtype.kind) == (their.shape, their.dtype.kind), method
    for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(other, name), name
    assert vars(other).get("classes_", np.empty(0)).tolist() == vars(ours).get("classes_", np.empty(0)).tolist()
