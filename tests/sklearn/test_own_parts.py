"""The perceptrons with a loss, an optimizer and a schedule of chainrule's, beside scikit-learn's words for them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import chainrule as cr
from chainrule.errors import InputError
from chainrule.sklearn import Classifier, MLPClassifier, MLPRegressor
from tests.sklearn.samples import digits, iris, quantities, same_network, several_labels

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def make(kind: type = MLPClassifier, **settings: Any) -> Any:
    return kind(**{"hidden_layer_sizes": (8,), "max_iter": 20, "batch_size": 32, "random_state": 0, **settings})


SAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "adam": ({"solver": cr.Adam(0.01)}, {"solver": "adam", "learning_rate_init": 0.01}),
    "momentum": (
        {"solver": cr.SGD(0.1, momentum=0.9, nesterov=True)},
        {"solver": "sgd", "learning_rate_init": 0.1},
    ),
    "squared error": (
        {"loss": cr.HalfSquaredError(), "learning_rate_init": 0.01},
        {"loss": "squared_error", "learning_rate_init": 0.01},
    ),
    "a name": ({"loss": "huber", "learning_rate_init": 0.01}, {"loss": cr.Huber(), "learning_rate_init": 0.01}),
    "schedule": ({"solver": cr.Adam(cr.CosineDecay(0.02))}, {"learning_rate": cr.CosineDecay(0.02)}),
}


@pytest.mark.parametrize("what", SAME)
def test_our_part_does_what_scikit_learns_word_for_it_does(what: str) -> None:
    ours, theirs = (make(MLPRegressor, **settings).fit(*quantities(2)) for settings in SAME[what])
    assert same_network(ours, theirs)
    assert ours.loss_curve_ == theirs.loss_curve_


@pytest.mark.parametrize("solver", [cr.AdamW(0.02, weight_decay=0.01), cr.RMSProp(0.01), cr.Adam(cr.OneCycle(0.05))])
def test_any_optimizer_learns_and_is_left_as_it_was(solver: Any) -> None:
    X, y = iris()
    before = repr(solver)
    model = make(solver=solver, max_iter=60).fit(X, y)
    assert model.score(X, y) > 0.9
    assert repr(solver) == before
    assert repr(model.network_.optimizer) == before
    assert model.network_.optimizer is not solver
    assert same_network(clone(model).fit(X, y), model)


def test_the_rate_follows_the_schedule() -> None:
    X, y = iris()
    schedule = cr.StepDecay(0.1, factor=0.5, every=5)
    for settings in ({"solver": "sgd", "learning_rate": schedule}, {"solver": cr.SGD(schedule)}):
        model = make(**settings).fit(X, y)
        np.testing.assert_allclose(model.history_["learning_rate"][::5], [0.1, 0.05, 0.025, 0.0125])


LOSSES: dict[str, tuple[Any, Any]] = {
    "squared error of classes": (cr.SquaredError(), iris),
    "half of it": (cr.HalfSquaredError(), iris),
    "logits of classes": (cr.SoftmaxCrossEntropy(), iris),
    "squared error of two": (cr.MeanSquaredError(), lambda: digits(2, 120)),
    "logits of two": (cr.SigmoidBinaryCrossEntropy(), lambda: digits(2, 120)),
    "squared error of labels": (cr.HalfSquaredError(), several_labels),
    "logits of labels": (cr.SigmoidBinaryCrossEntropy(), several_labels),
    "own loss": (
        cr.Loss(lambda p, t: ((p - t) ** 4).sum(axis=1), lambda p, t: 4 * (p - t) ** 3, per_sample=True),
        iris,
    ),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_classifier_learns_by_any_loss(name: str) -> None:
    loss, data = LOSSES[name]
    X, y = data()
    model = make(loss=loss, learning_rate_init=0.05, max_iter=100).fit(X, y, X_val=X[::3], y_val=y[::3])
    assert model.score(X, y) > 0.8
    assert model.best_validation_score_ > 0.8
    chances = model.predict_proba(X)
    assert 0 <= chances.min() <= chances.max() <= 1
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), chances, rtol=1e-9)
    np.testing.assert_allclose(model.loss_, model.loss_curve_[-1])
    if "logits of" in name:
        usual = make(learning_rate_init=0.05, max_iter=100).fit(X, y, X_val=X[::3], y_val=y[::3])
        np.testing.assert_allclose(chances, usual.predict_proba(X), atol=0.1)
        assert model.out_activation_ == "identity"


def test_a_regressor_learns_by_any_loss() -> None:
    X, y = quantities()
    y[::10] += 100  # what a robust loss doesn't follow
    robust, squared = (
        make(MLPRegressor, loss=loss, max_iter=150, learning_rate_init=0.02).fit(X, y)
        for loss in (cr.Huber(), "squared_error")
    )
    rest = np.arange(len(y)) % 10 > 0
    assert robust.score(X[rest], y[rest]) > 0.5 > squared.score(X[rest], y[rest])
    lbfgs = make(MLPRegressor, loss=cr.Huber(), solver="lbfgs", max_iter=200).fit(X, y)
    assert lbfgs.loss_ < robust.loss_


def test_a_fit_with_an_optimizer_goes_on() -> None:
    X, y = iris()
    solver = cr.Adam(0.01)
    once = make(solver=solver, max_iter=6).fit(X, y)
    twice = make(solver=solver, max_iter=3, warm_start=True).fit(X, y).fit(X, y)
    assert same_network(once, twice)
    twice.set_params(solver=cr.Adam(0.5)).fit(X, y)
    assert twice.history_["learning_rate"] == [0.5] * 3
    assert twice.network_.optimizer_state.step == 9 * 5


def test_a_search_varies_optimizers() -> None:
    X, y = iris()
    grid = {"solver": [cr.Adam(0.02), cr.SGD(1e-6)], "loss": [None, cr.HalfSquaredError()]}
    search = GridSearchCV(make(max_iter=30), grid, cv=2).fit(X, y)
    assert repr(search.best_params_["solver"]) == "Adam(learning_rate=0.02)"


def test_a_copy_learns_the_same() -> None:
    X, y = iris()
    model = make(loss=cr.HalfSquaredError(), learning_rate=cr.CosineDecay(0.02), warm_start=True, max_iter=2).fit(X, y)
    assert same_network(copy.deepcopy(model).fit(X, y), model.fit(X, y))


WRONG: list[tuple[Any, str]] = [
    (lambda X, y: make(solver=cr.Adam(), learning_rate_init=0.1).fit(X, y), r"learning_rate_init=0.1.*into Adam"),
    (lambda X, y: make(solver=cr.SGD(0.1), momentum=0.5).fit(X, y), r"momentum=0.5 beside SGD"),
    (lambda X, y: make(solver=cr.Adam(), learning_rate=cr.CosineDecay(0.1)).fit(X, y), "learning_rate=CosineDecay"),
    (lambda X, y: make(solver=cr.Adam(), learning_rate="adaptive").fit(X, y), "learning_rate='adaptive'"),
    (lambda X, y: make(learning_rate=cr.CosineDecay(0.1), learning_rate_init=0.1).fit(X, y), "into CosineDecay"),
    (lambda X, y: make(solver="lbfgs", learning_rate=cr.CosineDecay(0.1)).fit(X, y), "a schedule with solver='lbfgs'"),
    (lambda X, y: make(solver=cr.Adam).fit(X, y), "solver"),
    (lambda X, y: make(loss="hinge").fit(X, y), "loss: got 'hinge'"),
    (lambda X, y: make(MLPRegressor, loss=cr.BinaryCrossEntropy()).fit(X, y), "probabilities.*Pass another loss"),
    (lambda X, y: make(loss=cr.SoftmaxCrossEntropy()).fit(X, y > 0), "one output.*Pass another loss"),
    (lambda X, y: make(loss="multiclass").fit(X, y), "loss: got 'multiclass'"),
    (lambda X, y: make(MLPRegressor, loss="own loss").fit(X, y), "loss: got 'own loss'"),
    (lambda X, y: make(loss=cr.Tanh()).fit(X, y), "Tanh"),
    (lambda X, y: make(solver=cr.SGD(1e30)).fit(1e3 * X, y), r"learning_rate=1e\+30"),
    (
        lambda X, y: make(learning_rate=cr.CosineDecay(0.1)).partial_fit(X, y, classes=[0, 1, 2]),
        "MLPClassifier.partial_fit.*schedule",
    ),
    (
        lambda X, y: Classifier(
            lambda n, k: cr.Network([cr.Dense(k), cr.Softmax()], optimizer=cr.Adam(cr.CosineDecay(0.1)))
        ).partial_fit(X, y, classes=[0, 1, 2]),
        "Classifier.partial_fit.*schedule",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_would_be_said_twice_or_not_at_all_is_refused(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(*iris())
