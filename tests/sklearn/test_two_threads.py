"""One thread at a time fits an estimator, and no callback of its own does; predicting meanwhile is free."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import chainrule as cr
from chainrule.errors import MisuseError
from chainrule.sklearn import MLPClassifier, MLPRegressor
from tests.sklearn.samples import TASKS, quantities, same_network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
Call = Callable[..., Any]


def make(kind: type, **settings: Any) -> Any:
    return kind(hidden_layer_sizes=(4,), max_iter=3, random_state=3, **settings)


def put_weights(model: Any, X: Any, y: Any) -> None:
    model.coefs_ = model.coefs_


def first_partial_fit(model: Any, X: Any, y: Any) -> None:
    known = {"classes": np.unique(y)} if isinstance(model, MLPClassifier) and np.ndim(y) == 1 else {}
    model.partial_fit(X, y, **known)


FITS: dict[str, Call] = {
    "fit": lambda model, X, y: model.fit(X, y),
    "partial_fit": first_partial_fit,
    "other classes": lambda model, X, y: (
        model.partial_fit(X[:9], np.arange(9) % 2, classes=[0, 1, 2, 3, 4, 5, 6])
        if isinstance(model, MLPClassifier)
        else model.partial_fit(X, y)
    ),
}
LOOKS: dict[str, Call] = {
    "predict": lambda model, X, y: model.predict(X),
    "score": lambda model, X, y: model.score(X, y),
    "pickle": lambda model, X, y: pickle.loads(pickle.dumps(model)).set_params(callbacks=None).fit(X, y),
    "clone": lambda model, X, y: clone(model).set_params(callbacks=None).fit(X, y),
}


def error_of(call: Call, *arguments: Any) -> Exception | None:
    try:
        call(*arguments)
    except Exception as error:
        return error
    return None


class Meanwhile(cr.Callback):
    """Call a function in the midst of the first fit."""

    call: Callable[[], Any] | None = None

    def after_epoch(self, training: Any, epoch: Any) -> None:
        call, Meanwhile.call = Meanwhile.call, None
        if call is not None:
            call()


@pytest.mark.parametrize("task", TASKS)
def test_an_estimator_is_fitted_by_one_thread_and_not_by_its_callbacks(task: str) -> None:
    kind, data = TASKS[task]
    X, y = data()
    alone = make(kind).fit(X, y)
    model = make(kind, callbacks=[Meanwhile()])
    found: dict[str, Exception | None] = {}

    def others() -> None:
        calls = {**FITS, **LOOKS, "coefs_": put_weights}
        found.update({name: error_of(call, model, X, y) for name, call in calls.items()})

    def meanwhile() -> None:
        found.update({f"own {name}": error_of(call, model, X, y) for name, call in {**FITS, **LOOKS}.items()})
        thread = threading.Thread(target=others)
        thread.start()
        thread.join()

    Meanwhile.call = meanwhile
    model.fit(X, y)
    refused = {name for name, error in found.items() if isinstance(error, MisuseError)}
    assert refused == {*FITS, *(f"own {name}" for name in FITS), "coefs_"}
    assert all(found[name] is None for name in found if name not in refused), found
    assert "clone(estimator)" in str(found["fit"])
    assert "inside its own training" in str(found["own fit"])
    assert same_network(model, alone)
    assert model.set_params(callbacks=None).fit(X, y).n_iter_ == 3  # it is free again


def test_lbfgs_has_its_network_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = quantities()
    raised: list[Exception | None] = []

    def meanwhile(text: str) -> int:
        thread = threading.Thread(target=lambda: raised.append(error_of(model.network_.compute_loss, X, y)))
        thread.start()
        thread.join()
        return len(text)

    model = make(MLPRegressor, solver="lbfgs", verbose=True)
    monkeypatch.setattr("sys.stdout.write", meanwhile)
    model.fit(X, y)
    monkeypatch.undo()
    assert raised
    assert all(isinstance(error, MisuseError) for error in raised)


def test_a_fit_that_fails_lets_go_of_the_estimator() -> None:
    model = make(MLPRegressor)
    for wrong in ({"max_iter": -1}, {"callbacks": lambda training, epoch: 1 / 0}):
        with pytest.raises((ValueError, ZeroDivisionError)):
            clone(model).set_params(**wrong).fit([[0.0], [1.0]], [0.0, 1.0])
        model.set_params(**wrong)
        with pytest.raises((ValueError, ZeroDivisionError)):
            model.fit([[0.0], [1.0]], [0.0, 1.0])
        model.set_params(max_iter=3, callbacks=None).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_of_threads_that_fit_at_once_one_at_a_time_does(how: str) -> None:
    X, y = np.arange(40.0).reshape(20, 2) / 40, np.arange(20.0) / 20
    for _ in range(20):
        model = make(MLPRegressor)
        barrier = threading.Barrier(3)
        raised: list[Exception | None] = []

        def work(model: Any = model, barrier: Any = barrier, raised: Any = raised) -> None:
            barrier.wait()
            raised.append(error_of(FITS[how], model, X, y))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(error is None or isinstance(error, MisuseError) for error in raised)
        done = raised.count(None)
        again = make(MLPRegressor)
        for _ in range(done):
            FITS[how](again, X, y)
        assert same_network(model, again)
        assert model.loss_curve_ == again.loss_curve_


def test_an_estimator_does_not_go_on_with_a_network_that_is_being_trained() -> None:
    X, y = quantities()
    model = make(MLPRegressor, warm_start=True, early_stopping=True, dtype="float32").fit(X, y)
    start = model.network_.parameters.copy()
    raised = []

    def callback(training: Any, epoch: Any) -> None:
        here = training.network.parameters.copy()
        raised.append(error_of(model.fit, X, y))
        assert np.array_equal(training.network.parameters, here)

    cr.train(model.network_, X, y, epochs=2, callbacks=callback)
    assert [type(error) for error in raised] == [MisuseError] * 2
    assert not np.array_equal(model.network_.parameters, start)
