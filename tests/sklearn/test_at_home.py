"""The estimators wherever scikit-learn's own are used: pipelines, searches, clones, pickles, data frames."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from typing import Any

import joblib
import numpy as np
import pandas
import polars
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor
from tests.rebuilding import from_states
from tests.sklearn.samples import digits, iris, quantities, same_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make(kind: type = MLPClassifier, **settings: Any) -> Any:
    return kind(
        **{"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0, **settings}
    )


def frames(library: Any) -> tuple[Any, Any]:
    X, y = iris()
    columns = {f"feature {i}": X[:, i] for i in range(4)}
    return library.DataFrame(columns), library.Series("kind", y) if library is polars else library.Series(y)


def test_a_search_finds_the_same_with_two_jobs_as_with_one() -> None:
    X, y = iris()
    grid = {"mlpclassifier__hidden_layer_sizes": [(4,), (8, 4)], "mlpclassifier__dropout": [0.0, 0.2]}
    results = []
    for jobs in (1, 2):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search = GridSearchCV(make_pipeline(StandardScaler(), make()), grid, cv=3, n_jobs=jobs).fit(X, y)
        results.append(search.cv_results_["mean_test_score"].tolist())
    assert results[0] == results[1]
    assert max(results[0]) > 0.9


def test_a_cross_validated_regressor_scores() -> None:
    X, y = quantities()
    scores = cross_val_score(make_pipeline(StandardScaler(), make(MLPRegressor, max_iter=200)), X, y, cv=3)
    assert scores.mean() > 0.5


def test_a_clone_has_the_settings_and_nothing_that_was_learnt() -> None:
    X, y = iris()
    model = make(callbacks=[cr.EarlyStopping(patience=50)], activation=["tanh"], keep="last").fit(X, y)
    twin = clone(model)
    assert not hasattr(twin, "network_")
    assert repr(twin.get_params()) == repr(model.get_params())
    assert same_network(twin.fit(X, y), model)


def joblibbed(model: Any) -> Any:
    file = io.BytesIO()
    joblib.dump(model, file)
    return joblib.load(file)


WAYS = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": joblibbed,
    "deepcopy": copy.deepcopy,
    "skops": from_states,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_was_stored_predicts_the_same(way: Any) -> None:
    X, y = iris()
    model = make(early_stopping=True).fit(X, y)
    again = way(model)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.loss_curve_ == model.loss_curve_
    assert len(again.history_) == len(model.history_)


@pytest.mark.parametrize("library", [pandas, polars], ids=["pandas", "polars"])
def test_data_frames_tell_the_names_of_features(library: Any) -> None:
    X, y = frames(library)
    model = make(early_stopping=True).fit(X, y)
    assert model.feature_names_in_.tolist() == [f"feature {i}" for i in range(4)]
    plain = make(early_stopping=True).fit(*iris())
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(iris()[0]))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X[[f"feature {i}" for i in (3, 2, 1, 0)]])


def test_a_pipeline_whose_output_is_set_to_data_frames_works() -> None:
    X, y = frames(pandas)
    model = make_pipeline(StandardScaler(), make()).set_output(transform="pandas").fit(X, y)
    assert model[-1].feature_names_in_.tolist() == list(X.columns)
    assert model.score(X, y) > 0.9


def test_a_pipeline_hands_on_scaled_validation_samples() -> None:
    X, y = iris()
    X = 1000 + 50 * X
    with sklearn.config_context(enable_metadata_routing=True):
        model = make().set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipeline.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert pipeline[-1].best_validation_score_ == pipeline.score(X[1::2], y[1::2]) > 0.9


@pytest.mark.parametrize(
    "around",
    [
        lambda model: BaggingClassifier(model, n_estimators=2, random_state=0),
        lambda model: VotingClassifier([("a", model), ("b", clone(model))], voting="soft"),
        lambda model: CalibratedClassifierCV(model, cv=2),
    ],
    ids=["bagging", "voting", "calibration"],
)
def test_other_estimators_can_be_built_on_it(around: Any) -> None:
    X, y = iris()
    assert around(make()).fit(X, y).score(X, y) > 0.85


def test_permutation_importance_names_the_features_that_count() -> None:
    X, y = quantities()
    model = make(MLPRegressor, max_iter=200).fit(X, y)
    importance = permutation_importance(model, X, y, n_repeats=3, random_state=0).importances_mean
    assert importance[:2].min() > importance[2:].max()


def test_another_random_state_is_another_network_and_the_same_one_the_same() -> None:
    X, y = digits()
    one, same, other = (make(random_state=seed).fit(X, y) for seed in (1, 1, 2))
    assert same_network(one, same)
    assert not same_network(one, other)
    shared = np.random.RandomState(0)
    for state in (shared, np.random.default_rng(0), None):
        assert not same_network(*(make(random_state=state).fit(X, y) for _ in range(2)))
