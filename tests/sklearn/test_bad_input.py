"""Every bad setting, and data that can't be used, gets one clear error, when `fit` is called and not before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import chainrule as cr
from chainrule.errors import ChainruleError, ChainruleWarning, InputError
from chainrule.sklearn import MLPClassifier, MLPRegressor
from chainrule.sklearn.solvers import FitWarning
from tests.sklearn.samples import digits, iris, quantities, several_labels


def test_a_warning_is_one_of_ours_and_one_of_scikit_learns() -> None:
    assert {ChainruleWarning, ConvergenceWarning} <= set(FitWarning.__mro__)


SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes: got 0"),
    ({"hidden_layer_sizes": -3}, "hidden_layer_sizes: got -3"),
    ({"hidden_layer_sizes": "8"}, "hidden_layer_sizes: got '8'"),
    ({"activation": "rleu"}, "Did you mean 'relu'"),
    ({"activation": cr.ReLU}, "activation: got"),
    ({"activation": cr.MeanSquaredError()}, "an op with one role"),
    ({"hidden_layer_sizes": (4, 4), "activation": ["tanh"]}, "one for each of the 2 hidden layers"),
    ({"dropout": 1.0}, "dropout: got 1.0"),
    ({"compiled": "yes"}, "compiled: got 'yes'"),
    ({"dropout": (0.1, 0.2)}, "one for each of the 1 hidden layers"),
    ({"solver": "adma"}, "Did you mean 'adam'"),
    ({"alpha": -1}, "alpha: got -1"),
    ({"batch_size": 0}, "batch_size: got 0"),
    ({"batch_size": "all"}, "batch_size: got 'all'"),
    ({"learning_rate": 0.1}, "learning_rate: got 0.1"),
    ({"learning_rate_init": 0}, "learning_rate_init: got 0"),
    ({"max_iter": 0}, "max_iter: got 0"),
    ({"max_iter": 1.5}, "max_iter: got 1.5"),
    ({"shuffle": "yes"}, "shuffle: got 'yes'"),
    ({"tol": float("nan")}, "tol: got nan"),
    ({"momentum": 1.0}, "momentum: got 1.0"),
    ({"validation_fraction": 0}, "validation_fraction: got 0"),
    ({"beta_1": 1}, "beta_1: got 1"),
    ({"epsilon": 0}, "epsilon: got 0"),
    ({"n_iter_no_change": 0}, "n_iter_no_change: got 0"),
    ({"max_fun": -1}, "max_fun: got -1"),
    ({"keep": "all"}, "keep: got 'all'"),
    ({"dtype": "float16"}, "dtype: got 'float16'"),
    ({"class_weight": "even"}, "class_weight: got 'even'"),
    ({"class_weight": {7: 2.0}}, "a weight for 7"),
    ({"class_weight": {0: -2.0}}, r"class_weight\[0\]: got -2.0"),
    ({"class_weight": {0: 0, 1: 0, 2: 0}}, "0 for every class"),
    ({"callbacks": [3]}, "callbacks: got 3"),
    ({"solver": "lbfgs", "dropout": 0.5}, "dropout with solver='lbfgs'"),
    ({"solver": "lbfgs", "callbacks": [cr.EarlyStopping()]}, "callbacks with solver='lbfgs'"),
]


@pytest.mark.parametrize(("settings", "message"), SETTINGS, ids=[str(settings) for settings, _ in SETTINGS])
def test_a_setting_that_cannot_be_used_is_refused_by_fit(settings: dict[str, Any], message: str) -> None:
    model = MLPClassifier(**{"hidden_layer_sizes": (4,), "max_iter": 2, **settings})
    with pytest.raises(ChainruleError, match=message):
        model.fit(*iris())


CALLS: list[tuple[Any, str]] = [
    (lambda X, y: MLPClassifier().fit(X, y, X_val=X), "X_val without y_val"),
    (lambda X, y: MLPClassifier().fit(X, y, y_val=y), "y_val without X_val"),
    (lambda X, y: MLPClassifier().fit(X, y, X_val=X[:1], y_val=y[:1]), "one sample to validate on"),
    (lambda X, y: MLPClassifier().fit(X, y, X_val=X, y_val=y + 1), r"\[1, 2, 3\]"),
    (lambda X, y: MLPClassifier(solver="lbfgs").fit(X, y, X_val=X, y_val=y), "X_val with solver='lbfgs'"),
    (lambda X, y: MLPClassifier().partial_fit(X, y), "no classes in the first call"),
    (lambda X, y: MLPClassifier().partial_fit(X, y, classes=[0, 1]), "only classes of before"),
    (lambda X, y: MLPClassifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y, classes=[1, 2]), "classes="),
    (lambda X, y: MLPClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2]), "early_stopping=True"),
    (lambda X, y: MLPClassifier(class_weight="balanced").fit(*several_labels()), "several labels"),
    (lambda X, y: MLPRegressor("poisson").fit(X, -y), "counts, of at least 0"),
    (lambda X, y: MLPRegressor("hubber").fit(X, y), "loss: got 'hubber'"),
    (lambda X, y: MLPRegressor(learning_rate_init=1e30, solver="sgd").fit(X, y), "NaN or infinity in training"),
]


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message for _, message in CALLS])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_call_that_makes_no_sense_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(*iris())


def test_another_number_of_targets_cannot_go_on() -> None:
    X, y = quantities()
    model = MLPRegressor(hidden_layer_sizes=4, max_iter=500, tol=1.0).fit(X, y)
    with pytest.raises(InputError, match="3 columns"):
        model.partial_fit(*quantities(3))


def test_lbfgs_has_no_partial_fit() -> None:
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    assert not hasattr(MLPRegressor(solver="lbfgs"), "partial_fit")


def test_the_last_epoch_without_an_end_in_sight_is_a_warning() -> None:
    with pytest.warns(FitWarning, match="max_iter=3"):
        MLPClassifier(max_iter=3).fit(*digits())
    with pytest.warns(FitWarning, match="max_fun"):
        MLPClassifier(max_iter=3, solver="lbfgs").fit(*digits())


def test_a_fit_that_diverges_keeps_the_best_weights_if_there_are_any() -> None:
    X, y = quantities()
    settings: dict[str, Any] = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 3.0, "activation": "identity"}
    model = MLPRegressor(
        hidden_layer_sizes=8, max_iter=200, early_stopping=True, n_iter_no_change=np.inf, random_state=0, **settings
    )
    with pytest.warns(FitWarning, match="best weights until then"):
        model.fit(X, y)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(X)).all()
    with pytest.raises(InputError, match="NaN or infinity in training"):
        model.set_params(early_stopping=False).fit(X, y)
