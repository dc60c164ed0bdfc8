"""What all estimators here do alike: they keep their settings, check samples, and are fitted by one at a time."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from chainrule.errors import InputError
from chainrule.nn import Network
from chainrule.nn.hold import Hold
from chainrule.ops.op import Array
from chainrule.optim import Optimizer
from chainrule.settings import unknown_attribute
from chainrule.sklearn.inputs import FitSamples
from chainrule.training.history import History

FLOATS = (np.float64, np.float32)


def new_seed(random_state: Any) -> int:
    """Return a seed for a new network; without a state a fresh one, for there is no global generator here."""
    if random_state is None or isinstance(random_state, np.random.Generator):
        return int(np.random.default_rng(random_state).integers(2**31 - 1))
    return int(check_random_state(random_state).randint(2**31 - 1))


class NetworkEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of all estimators here; a subclass says what targets are to the network."""

    network_: Network
    history_: History
    n_features_in_: int
    #: What samples may be, as scikit-learn's `check_array` has it.
    accepts: ClassVar[dict[str, Any]] = {}

    def _known(self, y: Any, labels: str) -> Array:
        """Return targets that have been checked.

        `labels` says which ones there may be: "new" ones, "all" that are known, or "some" of those.
        """
        raise NotImplementedError

    def _encoded(self, y: Array) -> Array:
        """Return known targets as the network wants them."""
        raise NotImplementedError

    def _target(self, y: Any, labels: str) -> Array:
        return self._encoded(self._known(y, labels))

    def _outputs(self, X: Any) -> Array:
        """Return the network's outputs for samples it may not have seen."""
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return "network_" in self.__dict__

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of an estimator's

        def __getattr__(self, name: str) -> NoReturn:
            raise unknown_attribute(self, "estimator", name)

    def _store(self, given: dict[str, Any]) -> None:
        """Keep the constructor's arguments, and do nothing else with them: so it is among estimators."""
        for name in self._get_param_names():
            setattr(self, name, given[name])

    def _training(self, method: str) -> AbstractContextManager[None]:
        """Let no other thread train the estimator meanwhile, nor a callback."""
        if "skl2onnx" in sys.modules:  # whoever uses it will want to write what is trained now
            from chainrule.sklearn.onnx_converters import register

            register(type(self))
        hold: Hold = self.__dict__.setdefault("_hold", Hold("estimator", "sklearn.base.clone(estimator)"))
        return hold.training(f"{type(self).__name__}.{method}")

    def _validated(self, X: Any, y: Any, *, reset: bool, dtype: Any) -> tuple[Any, Any]:
        """Return samples and targets as scikit-learn's own checks return them."""
        if isinstance(y, Mapping):
            raise InputError(
                type(self).__name__,
                given=f"y with the names {', '.join(map(repr, y)):.80}",
                expected="one array of targets, as all of scikit-learn takes them",
                fix="Fit an estimator for each, or train a network with heads: cr.train(network, X, y)",
                cause="target.shape",
            )
        options: dict[str, Any] = {**self.accepts, "multi_output": True, "dtype": dtype}
        X, y = validate_data(self, X, y, reset=reset, y_numeric=is_regressor(self), **options)
        return X, y

    def _samples(self, X: Any, dtype: Any) -> Any:
        """Return samples to predict for."""
        check_is_fitted(self)
        return validate_data(self, X, dtype=dtype, reset=False, **self.accepts)

    def _weighted(self, X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any, Array]:
        """Return the samples that weigh anything: the others must not matter, not even to chance."""
        weights = _check_sample_weight(sample_weight, X, dtype=FLOATS, ensure_non_negative=True)
        counts = weights > 0
        if not counts.any():
            raise InputError(
                type(self).__name__,
                given="a sample_weight of 0 for every sample",
                expected="one above 0",
                fix="Pass 1 for a sample that counts",
            )
        return (X, y, weights) if counts.all() else (X[counts], y[counts], weights[counts])

    def _validation(self, X: Any, y: Any, sample_weight: Any, *, dtype: Any) -> FitSamples | None:
        """Return the validation samples that were passed to fit, if any."""
        if X is None and y is None:
            return None
        if X is None or y is None:
            raise InputError(
                f"{type(self).__name__}.fit",
                given="X_val without y_val" if y is None else "y_val without X_val",
                expected="both, or neither",
                fix="Pass fit(X, y, X_val=…, y_val=…)",
            )
        # What `y` may be was settled by the training samples, and so were the features.
        X, y = self._validated(X, y, reset=False, dtype=dtype)
        weights = None
        if sample_weight is not None:
            X, y, weights = self._weighted(X, y, sample_weight)
        return FitSamples(X, self._target(y, "some"), weights)


def expect_steady(where: str, optimizer: Optimizer) -> None:
    """Raise if a learning rate follows a schedule where nobody knows how many epochs there will be."""
    if isinstance(optimizer.learning_rate, (int, float)):
        return
    raise InputError(
        where,
        given=f"{optimizer.learning_rate!r:.60}, a schedule",
        expected="a learning rate that is a number: each call is one epoch, and none knows of the others",
        fix="Call fit, or pass an optimizer with a number as its learning rate",
    )


def without_data(history: History) -> History:
    """Return a history without the data and copies of the parameters, which every estimator would hold."""
    return replace(
        history,
        best_parameters=None,
        last_parameters=None,
        best_states={},
        last_states={},
        network=None,
        call={},
        start=None,
    )
