"""What the page on scikit-learn says of a difference is so: there is a test for each row, of theirs and of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

from chainrule.errors import ChainruleWarning
from chainrule.sklearn import MLPClassifier, MLPRegressor
from tests.sklearn.samples import numbers, quantities, several_labels
from tests.sklearn.test_like_theirs import pair

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "scikit-learn-differences.md"
X, Y = quantities()
STILL: dict[str, Any] = {
    "solver": "sgd",
    "learning_rate_init": 1e-300,
    "shuffle": False,
    "random_state": 0,
    "max_iter": 1,
}
PLAIN: dict[str, Any] = {"solver": "sgd", "momentum": 0.0, "alpha": 2.0, "learning_rate_init": 1.0}
# Without hidden layers, and all samples 0, a penalty is all that moves the weights.
NOTHING, ZEROS = np.zeros((60, 3)), np.zeros(60)
LINEAR: dict[str, Any] = {"hidden_layer_sizes": (), "shuffle": False, "random_state": 0, "max_iter": 1}


def going_on() -> None:
    for kind, same in ((theirs.MLPRegressor, False), (MLPRegressor, True)):
        settings: dict[str, Any] = {"hidden_layer_sizes": (4,), "random_state": 0, "shuffle": False}
        whole = kind(**settings, max_iter=6).fit(X, Y)
        parts = kind(**settings, max_iter=3, warm_start=True).fit(X, Y).fit(X, Y)
        assert np.allclose(whole.coefs_[0], parts.coefs_[0], rtol=1e-12) is same


def going_on_after_early_stopping() -> None:
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (4,),
        "early_stopping": True,
        "warm_start": True,
        "shuffle": False,
    }
    for kind, begins_at_best in ((theirs.MLPRegressor, True), (MLPRegressor, False)):
        model = kind(**settings, solver="sgd", learning_rate_init=0.5, max_iter=15, random_state=0).fit(X, Y)
        assert np.argmax(model.validation_scores_) < len(model.validation_scores_) - 1
        best = model.coefs_[0].copy()
        if kind is theirs.MLPRegressor:
            model.best_loss_ = np.inf  # it has none, and would fail
        model.set_params(learning_rate_init=1e-300, momentum=0.0, max_iter=1, early_stopping=False).fit(X, Y)
        assert np.allclose(model.coefs_[0], best, rtol=1e-9) is begins_at_best


def settings_between_calls() -> None:
    for kind, acts in ((theirs.MLPRegressor, False), (MLPRegressor, True)):
        model = kind(hidden_layer_sizes=(4,), solver="sgd", momentum=0.0, random_state=0).partial_fit(X, Y)
        before = model.coefs_[0].copy()
        model.set_params(learning_rate_init=1e-300).partial_fit(X, Y)
        assert np.array_equal(model.coefs_[0], before) is acts


def epsilon_of_adam() -> None:
    settings = {"solver": "adam", "alpha": 60.0, "epsilon": 1.0, "learning_rate_init": 0.1, **LINEAR}
    ours, other = pair(MLPRegressor(**settings), NOTHING, ZEROS)
    start = pair(MLPRegressor(**LINEAR | STILL), NOTHING, ZEROS)[0].coefs_[0]
    for model, share in ((ours, 1.0), (other, 1 / np.sqrt(1 - 0.999))):
        np.testing.assert_allclose(model.coefs_[0], start - 0.1 * start / (np.abs(start) + share), rtol=1e-9)


def penalty_of_a_batch() -> None:
    settings: dict[str, Any] = {
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 2.0,
        "learning_rate_init": 1.0,
        "batch_size": 40,
    }
    start = pair(MLPRegressor(**LINEAR | STILL), NOTHING, ZEROS)[0].coefs_[0]
    ours, other = pair(MLPRegressor(**LINEAR | settings), NOTHING, ZEROS)
    np.testing.assert_allclose(ours.coefs_[0], start * (1 - 2 / 40) ** 2, rtol=1e-12)
    np.testing.assert_allclose(other.coefs_[0], start * (1 - 2 / 40) * (1 - 2 / 20), rtol=1e-12)
    weights = np.repeat([1.0, 3.0], 30)
    ours, other = pair(MLPRegressor(**LINEAR | settings | {"batch_size": 30}), NOTHING, ZEROS, weights)
    np.testing.assert_allclose(ours.coefs_[0], start * (1 - 2 / 60) ** 2, rtol=1e-12)
    np.testing.assert_allclose(other.coefs_[0], start * (1 - 2 / 30) * (1 - 2 / 90), rtol=1e-12)


def penalty_in_the_loss() -> None:
    settings: dict[str, Any] = {
        "solver": "sgd",
        "momentum": 0.0,
        "alpha": 2.0,
        "learning_rate_init": 1.0,
        "batch_size": 30,
    }
    ours, other = pair(MLPRegressor(**LINEAR | settings), NOTHING, ZEROS)
    squares = [0.5 * 2 / 30 * float((ours.coefs_[0] ** 2).sum()) / (1 - 2 / 30) ** (2 * k) for k in range(3)]
    data = pair(MLPRegressor(**LINEAR | settings | {"alpha": 0.0}), NOTHING, ZEROS)
    np.testing.assert_allclose(ours.loss_ - data[0].loss_, squares[0], rtol=1e-9)
    np.testing.assert_allclose(other.loss_ - data[1].loss_, (squares[1] + squares[2]) / 2, rtol=1e-9)


def loss_of_weighted_samples() -> None:
    weights = np.repeat([1.0, 5.0], 60)
    ours, other = pair(MLPRegressor(hidden_layer_sizes=(4,), **STILL, alpha=0.0, batch_size=60), X, Y, weights)
    half, count = (ours.predict(X) - Y) ** 2 / 2, len(Y)
    np.testing.assert_allclose(ours.loss_, np.average(half, weights=weights), rtol=1e-9)
    np.testing.assert_allclose(other.loss_, half.sum() / count, rtol=1e-9)  # the weights of each batch are equal


def samples_of_no_weight() -> None:
    weights = np.ones(len(Y))
    weights[:40] = 0
    settings: dict[str, Any] = {"solver": "sgd", "batch_size": 50, "alpha": 0.0, "shuffle": False, "random_state": 0}
    ours, other = pair(MLPRegressor(hidden_layer_sizes=(4,), **settings, max_iter=1), X, Y, weights)
    without, _ = pair(MLPRegressor(hidden_layer_sizes=(4,), **settings, max_iter=1), X[40:], Y[40:])
    assert np.allclose(ours.coefs_[0], without.coefs_[0], rtol=1e-9)
    assert not np.allclose(other.coefs_[0], without.coefs_[0], rtol=1e-3)


def loss_of_several_outputs() -> None:
    several = quantities(3)
    ours, other = pair(MLPRegressor(hidden_layer_sizes=(4,), **STILL, alpha=0.0), *several)
    np.testing.assert_allclose(ours.loss_, 3 * other.loss_, rtol=1e-9)


def several_labels_at_once() -> None:
    labelled = several_labels()
    ours, other = pair(MLPClassifier((4,), **STILL, alpha=0.0), *labelled)
    np.testing.assert_allclose(ours.loss_, other.loss_, rtol=1e-9)
    np.testing.assert_allclose(ours.network_.compute_loss(*labelled), ours.loss_ / 3, rtol=1e-9)


def what_is_held_out() -> None:
    three = np.array([0, 1, 2]).repeat([60, 59, 1])
    theirs.MLPClassifier((2,), early_stopping=True, max_iter=1, random_state=0).fit(X, three)
    with pytest.raises(ValueError, match="least populated class"):
        MLPClassifier((2,), early_stopping=True, max_iter=1, random_state=0).fit(X, three)
    for kind in (theirs.MLPClassifier, MLPClassifier):
        with pytest.raises(ValueError, match="least populated class"):
            kind((2,), early_stopping=True, random_state=0).fit(X, np.arange(120) == 0)


def what_is_drawn() -> None:
    settings: dict[str, Any] = {"hidden_layer_sizes": (4,), "random_state": 0, "max_iter": 1}
    start, other = MLPRegressor(**settings).fit(X, Y), theirs.MLPRegressor(**settings).fit(X, Y)
    assert not np.allclose(start.coefs_[0], other.coefs_[0], atol=0.1)
    bound = np.sqrt(6 / 9)
    assert all(np.abs(model.coefs_[0]).max() < bound + 0.01 for model in (start, other))


def no_random_state() -> None:
    before = np.random.get_state()  # noqa: NPY002  # theirs
    try:
        for kind, moved in ((theirs.MLPRegressor, True), (MLPRegressor, False)):
            np.random.seed(0)  # noqa: NPY002
            kind(hidden_layer_sizes=(2,), max_iter=1).fit(X, Y)
            after = np.random.random()  # noqa: NPY002
            np.random.seed(0)  # noqa: NPY002
            assert (np.random.random() != after) is moved  # noqa: NPY002
    finally:
        np.random.set_state(before)  # noqa: NPY002


def logarithms() -> None:
    two = (X[:, 0] > 0).astype(int)
    for kind, finite in ((theirs.MLPClassifier, False), (MLPClassifier, True)):
        model = kind((2,), "identity", max_iter=200, random_state=0, learning_rate_init=0.1).fit(X, two)
        with np.errstate(divide="ignore"):
            assert np.isfinite(model.predict_log_proba(1e4 * X)).all() == finite


def no_numbers() -> None:
    for kind, told in ((theirs.MLPRegressor, "non-finite"), (MLPRegressor, "learning_rate_init=1e")):
        model = kind(hidden_layer_sizes=(4,), solver="sgd", learning_rate_init=1e9, random_state=0)
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=told):
            model.fit(X, Y)


def arrays_of_the_network() -> None:
    for kind, own in ((theirs.MLPRegressor, False), (MLPRegressor, True)):
        model = kind(hidden_layer_sizes=(4,), max_iter=1, random_state=0).fit(X, Y)
        new = [np.zeros_like(array) for array in model.coefs_]
        model.coefs_ = new
        assert (model.coefs_[0] is not new[0]) is own
        assert not model.coefs_[0].any()


ROWS: dict[str, Callable[[], None]] = {
    "what is drawn from `random_state`": what_is_drawn,
    "`random_state=None`": no_random_state,
    "going on with `warm_start`": going_on,
    "going on after `early_stopping`": going_on_after_early_stopping,
    "`set_params` between two calls of `partial_fit`": settings_between_calls,
    "Adam's ε": epsilon_of_adam,
    "L2 penalty of a batch": penalty_of_a_batch,
    "L2 penalty in `loss_`": penalty_in_the_loss,
    "`loss_` with `sample_weight`": loss_of_weighted_samples,
    "samples of weight 0": samples_of_no_weight,
    "`loss_` of a regressor with several outputs": loss_of_several_outputs,
    "several labels a sample": several_labels_at_once,
    "`early_stopping` with three classes or more": what_is_held_out,
    "`predict_log_proba`": logarithms,
    "NaN or infinity in training": no_numbers,
    "`coefs_`, `intercepts_`": arrays_of_the_network,
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_page_is_so(row: str) -> None:
    ROWS[row]()


def test_every_row_of_the_page_has_its_test() -> None:
    table = PAGE.read_text("utf-8").partition("| --- | --- | --- |\n")[2].partition("\n\n")[0]
    assert [line.split("|")[1].strip() for line in table.splitlines()] == list(ROWS)


def test_a_batch_larger_than_the_samples_is_told_as_theirs_is() -> None:
    for kind in (theirs.MLPRegressor, MLPRegressor):
        with pytest.warns(UserWarning, match=r"batch_size"):
            kind(hidden_layer_sizes=(2,), batch_size=121, max_iter=1, random_state=0).fit(X, Y)
    assert not issubclass(ChainruleWarning, ConvergenceWarning)


@pytest.mark.parametrize("schedule", ["adaptive", "invscaling"])
def test_partial_fit_slows_down_as_theirs_does(schedule: str) -> None:
    settings: dict[str, Any] = {
        "solver": "sgd", "learning_rate": schedule, "learning_rate_init": 0.2, "tol": 0.01, "n_iter_no_change": 1,
        "hidden_layer_sizes": (4,), "alpha": 0.0, "shuffle": False, "random_state": 0, "power_t": 0.3,
    }  # fmt: skip
    y = numbers((120,))
    ours, other = MLPRegressor(**settings).partial_fit(X, y), theirs.MLPRegressor(**settings)
    start = MLPRegressor(**settings | {"learning_rate_init": 1e-300}).partial_fit(X, y)
    other.set_params(learning_rate_init=1e-300).partial_fit(X, y)
    for place, array in zip((*other.coefs_, *other.intercepts_), (*start.coefs_, *start.intercepts_), strict=True):
        place[...] = array
    del other._optimizer
    other.t_, other._no_improvement_count, other.best_loss_ = 0, 0, np.inf
    other.set_params(learning_rate_init=0.2).partial_fit(X, y)
    for _ in range(15):
        ours.partial_fit(X, y)
        other.partial_fit(X, y)
    assert other._optimizer.learning_rate < 0.2 / 4
    np.testing.assert_allclose(ours.coefs_[0], other.coefs_[0], rtol=1e-9)
