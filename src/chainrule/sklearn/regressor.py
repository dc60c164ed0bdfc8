"""The regressor: targets are quantities, one or several a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if

from chainrule import checks
from chainrule.errors import InputError
from chainrule.ops.op import Array, Op
from chainrule.optim import Optimizer, Schedule
from chainrule.sklearn.estimator import MultilayerPerceptron, is_stochastic
from chainrule.sklearn.inputs import Matrix, RandomState
from chainrule.sklearn.quantities import Quantities
from chainrule.training.events import Callbacks
from chainrule.training.metrics import Metric


class MLPRegressor(Quantities, MultilayerPerceptron):
    """A multi-layer perceptron that predicts quantities.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, another name, or Op
        "squared_error" is ½ Σ (prediction − target)² over outputs, the mean over samples. "poisson" is half the
        Poisson deviance, for counts: the network then ends in exp. Or any loss that compares predictions of any size
        with targets, such as ``"huber"``, ``cr.Huber()`` or one of your own.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, \
shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        Those of scikit-learn's class of this name, and as in `MLPClassifier`.
    dropout, callbacks, keep, dtype, compiled
        As in `MLPClassifier`.

    Attributes
    ----------
    validation_scores_ : list of float, or None
        R² on the validation samples.
    network_, history_, coefs_, intercepts_, loss_, loss_curve_, best_loss_, validation_loss_curve_, \
best_validation_score_, n_iter_, t_, n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_
        As in `MLPClassifier`.

    Raises
    ------
    InputError
        If a parameter, or the data, can't be used, or training leads to NaN or infinity.

    Notes
    -----
    What differs from scikit-learn stands in `MLPClassifier`; and with several outputs `loss_` is the sum over them,
    whose derivative training follows, where scikit-learn prints the mean.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = MLPRegressor(hidden_layer_sizes=8, solver="lbfgs", alpha=1.0, max_iter=2000, tol=5.0, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.4)
    True
    """

    @checks.keywords
    def __init__(
        self,
        loss: str | Op = "squared_error",
        hidden_layer_sizes: Sequence[int] | int = (100,),
        activation: str | Op | Sequence[str | Op] = "relu",
        *,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        callbacks: Callbacks | None = None,
        keep: str | None = None,
        dtype: str = "auto",
        compiled: bool = False,
    ) -> None:
        self._store(locals())

    def fit(
        self,
        X: Matrix,
        y: npt.ArrayLike,
        sample_weight: npt.ArrayLike | None = None,
        *,
        X_val: Matrix | None = None,
        y_val: npt.ArrayLike | None = None,
        sample_weight_val: npt.ArrayLike | None = None,
    ) -> Self:
        """Train on samples.

        Parameters
        ----------
        X : array, data frame or sparse matrix, (samples, features)
        y : array, (samples,) or (samples, outputs)
        sample_weight : array, (samples,), optional
        X_val, y_val, sample_weight_val : the same for samples to validate on, optional
            Measured after each epoch, never trained on.

        Returns
        -------
        self
        """
        return self._fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]  # scikit-learn has no types
    def partial_fit(self, X: Matrix, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> Self:
        """Train for one epoch, going on from where the network is; X, y and sample_weight as in `fit`."""
        with self._training("partial_fit"):
            goes_on = hasattr(self, "network_")
            return self._learn(X, y, sample_weight, (), "some" if goes_on else "new", goes_on=goes_on, partial=True)

    losses = ("squared_error", "poisson")

    def _known(self, y: Any, labels: str) -> Array:
        where = type(self).__name__
        target = super()._known(y, labels)
        self._head = self.loss if isinstance(self.loss, str) and self.loss in self.losses else "own loss"
        if self._head == "poisson" and (target < 0).any():
            raise InputError(
                where,
                given=f"y down to {target.min():g} with loss='poisson'",
                expected="counts, of at least 0",
                fix="Pass loss='squared_error'",
            )
        return target

    def _n_outputs(self, target: Array) -> int:
        return int(target.shape[1])

    def _scorer(self, truth: Array, weights: Array | None) -> Metric:
        def r2(prediction: Array, target: Array) -> float:
            if not np.isfinite(prediction).all():
                return float("nan")
            with np.errstate(over="ignore"):  # a network that diverges may be that wrong
                return float(r2_score(truth, prediction, sample_weight=weights))

        return r2
