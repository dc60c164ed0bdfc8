"""What both perceptrons share: from data to a network, through a solver, and back to predictions."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.nn import Dense
from chainrule.nn.objective import as_loss
from chainrule.ops.op import Array, Op
from chainrule.optim import Optimizer
from chainrule.sklearn.base import FLOATS, NetworkEstimator, expect_steady, new_seed
from chainrule.sklearn.inputs import FitSamples, outputs
from chainrule.sklearn.parameters import (
    HEADS,
    OUT_ACTIVATIONS,
    STOCHASTIC,
    Architecture,
    architecture,
    build_network,
    build_optimizer,
    carry_over,
    check_settings,
    dense_layers,
    expect_said_once,
    refuse_with_lbfgs,
)
from chainrule.sklearn.solvers import fit_epochs, fit_lbfgs, has_own_rate
from chainrule.training.evaluate import probabilities
from chainrule.training.metrics import Metric


def is_stochastic(estimator: Any) -> bool:
    """Return whether an estimator's solver works in epochs: only then is there a `partial_fit`."""
    return isinstance(estimator.solver, Optimizer) or estimator.solver in STOCHASTIC


class MultilayerPerceptron(NetworkEstimator):
    """Base of `MLPClassifier` and `MLPRegressor`; a subclass says what targets are to the network."""

    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    alpha: Any
    batch_size: Any
    loss: Any
    max_iter: Any
    random_state: Any
    warm_start: Any
    early_stopping: Any
    validation_fraction: Any
    dropout: Any
    callbacks: Any
    keep: Any
    dtype: Any
    compiled: Any
    _head: str
    _plan: tuple[Any, ...]
    _best_parameters: Array | None
    _last_parameters: Array | None
    accepts: ClassVar[dict[str, Any]] = {"accept_sparse": "csr"}
    #: What scikit-learn calls the losses that its own class has.
    losses: ClassVar[tuple[str, ...]] = ()

    def _n_outputs(self, target: Array) -> int:
        raise NotImplementedError

    def _scorer(self, truth: Array, weights: Array | None) -> Metric:
        """Return a metric for the validation samples, weighted: accuracy or R²."""
        raise NotImplementedError

    def _own_loss(self) -> Op | None:
        """Return the loss that was given, unless it is one that scikit-learn has a word for."""
        if self.loss is None or (isinstance(self.loss, str) and self.loss in self.losses):
            return None
        last = HEADS[self._head][0]
        given = as_loss([] if last is None else [last()], self.loss)
        loss: Op = checks.instance(f"{type(self).__name__} loss", given, Op, "cr.MeanSquaredError()")
        return loss

    def _for_loss(self, target: Array, loss: Op | None) -> Array:
        """Return targets as a loss of one's own wants them."""
        return target

    def _weights_by_class(self, target: Array, weights: Array | None) -> Array | None:
        return weights

    def _class_names(self) -> list[str] | None:
        return None

    def _strata(self, target: Array) -> Array | None:
        """Return what a split for validation keeps the shares of."""
        return None

    def _fit(self, X: Any, y: Any, sample_weight: Any, *validation: Any) -> Self:
        """Train for `max_iter` epochs or until nothing gets better."""
        with self._training("fit"):
            goes_on = bool(self.warm_start) and hasattr(self, "network_")
            return self._learn(X, y, sample_weight, validation, "all" if goes_on else "new", goes_on=goes_on)

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: tuple[Any, ...],
        labels: str,
        *,
        goes_on: bool,
        partial: bool = False,
    ) -> Self:
        where = type(self).__name__
        check_settings(where, self)
        expect_said_once(where, self)
        made_of = architecture(where, self.hidden_layer_sizes, self.activation, self.dropout)
        if partial and self.early_stopping:
            raise InputError(
                f"{where}.partial_fit",
                given="early_stopping=True",
                expected="False: one call is one epoch, and no samples can be held out",
                fix="Pass early_stopping=False, or call fit",
            )
        if partial:
            expect_steady(f"{where}.partial_fit", build_optimizer(self))
        X, y = self._validated(X, y, reset=not goes_on, dtype=self._dtypes(goes_on))
        weights = None
        if sample_weight is not None:
            X, y, weights = self._weighted(X, y, sample_weight)
        target = self._target(y, labels)
        loss = self._own_loss()
        data = FitSamples(X, target, weights)
        held_out = self._enough(self._validation(*validation, dtype=list(FLOATS)) if validation else None)
        if self.solver == "lbfgs":
            refuse_with_lbfgs(where, self, made_of.dropout, held_out is not None)
        seed = self.network_.seed if goes_on else new_seed(self.random_state)
        if self.early_stopping and held_out is None and is_stochastic(self):
            data, held_out = self._split(data, seed)
        data = data._replace(weights=self._weights_by_class(data.y, data.weights))
        self._prepare(made_of, loss, data, held_out is not None, seed, goes_on=goes_on, partial=partial)
        truth = None if held_out is None else self._scorer(held_out.y, held_out.weights)
        data = data._replace(y=self._for_loss(data.y, loss))
        held_out = None if held_out is None else held_out._replace(y=self._for_loss(held_out.y, loss))
        if self.solver == "lbfgs":
            fit_lbfgs(self, data)
        else:
            fit_epochs(self, data, held_out, truth, epochs=1 if partial else int(self.max_iter), partial=partial)
        return self

    def _dtypes(self, goes_on: bool) -> Any:
        if goes_on and self.dtype == "auto":
            return self.network_.dtype
        return list(FLOATS) if self.dtype == "auto" else self.dtype

    def _split(self, data: FitSamples, seed: int) -> tuple[FitSamples, FitSamples | None]:
        """Return the samples to train on and to validate on: the same at each call with the same samples."""
        order = np.arange(len(data.y))
        kept, held = train_test_split(
            order, test_size=self.validation_fraction, random_state=seed, stratify=self._strata(data.y)
        )
        parts = [
            FitSamples(data.x[rows], data.y[rows], None if data.weights is None else data.weights[rows])
            for rows in (kept, held)
        ]
        return parts[0], self._enough(parts[1])

    def _enough(self, validation: FitSamples | None) -> FitSamples | None:
        if validation is None or len(validation.y) >= 2:
            return validation
        raise InputError(
            type(self).__name__,
            given="one sample to validate on",
            expected="at least two",
            fix="Pass a larger validation_fraction, or more samples",
        )

    def _prepare(
        self,
        made_of: Architecture,
        loss: Op | None,
        data: FitSamples,
        has_validation: bool,
        seed: int,
        *,
        goes_on: bool,
        partial: bool,
    ) -> None:
        """Make the network, or let the one there is go on, with the settings of now."""
        mass = len(data.y) if data.weights is None else float(data.weights.sum(dtype=np.float64))
        features, count = data.x.shape[1], self._n_outputs(data.y)
        self._scale = count if self._head == "multilabel" and loss is None else 1
        batch = len(data.y)
        if is_stochastic(self):
            batch = min(200 if self.batch_size == "auto" else int(self.batch_size), batch)
        # alpha is per sample: divided by what a batch weighs, on average.
        l2 = float(self.alpha) / (batch * mass / len(data.y) * self._scale)
        optimizer = build_optimizer(self)
        settings = {**optimizer.settings(), "learning_rate": None}
        dtype = str(data.x.dtype) if self.dtype == "auto" else self.dtype
        plan = (made_of, self._head, repr(loss), type(optimizer), settings, l2, dtype, self.compiled)
        if goes_on:
            self.network_.hold.check(type(self).__name__, step=True)
        if not goes_on or plan != self._plan:
            network = build_network(
                made_of,
                self._head,
                loss,
                optimizer,
                where=type(self).__name__,
                features=features,
                outputs=count,
                l2=l2,
                classes=self._class_names(),
                seed=seed,
                dtype=dtype,
                compiled=bool(self.compiled),
            )
            if goes_on:
                carry_over(self.network_, network, type(self).__name__)
                if not has_own_rate(self):  # at which the velocity that came along was gathered
                    network.optimizer.learning_rate = self.network_.optimizer.learning_rate
            self.network_, self._plan = network, plan
        elif has_own_rate(self):
            self.network_.optimizer.learning_rate = optimizer.learning_rate
        if not goes_on:
            self.t_, self._no_improvement_count, self._reductions = 0, 0, 0
            self.loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = None
            self.validation_loss_curve_: list[float] | None = None
            self.best_loss_: float | None = float("inf")
            self.best_validation_score_: float | None = None
            self._best_parameters = self._last_parameters = None
        self._keeps_best = not partial and self.keep != "last" and (has_validation or self.keep == "best")
        if self._last_parameters is not None and not partial:
            self.network_.parameters[:] = self._last_parameters
        if not self._keeps_best:
            self._best_parameters = None
        if has_validation and self.validation_scores_ is None:
            self.validation_scores_, self.validation_loss_curve_ = [], []
            self.best_validation_score_ = -np.inf
        if has_validation and self.early_stopping:
            self.best_loss_ = None
        elif self.best_loss_ is None:  # the fit before was judged by its score
            self.best_loss_ = float("inf")

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        samples = self._samples(X, self.network_.dtype)
        return probabilities(self.network_, outputs(self.network_, samples))

    @property
    def coefs_(self) -> list[Array]:
        """The weights of each layer, (inputs, outputs): the network's own arrays."""
        return [layer.weights.array for layer in dense_layers(self.network_)]

    @coefs_.setter
    def coefs_(self, arrays: Any) -> None:
        self._put("coefs_", self.coefs_, arrays)

    @property
    def intercepts_(self) -> list[Array]:
        """The bias of each layer, (outputs,): the network's own arrays."""
        return [layer.bias.array for layer in dense_layers(self.network_)]

    @intercepts_.setter
    def intercepts_(self, arrays: Any) -> None:
        self._put("intercepts_", self.intercepts_, arrays)

    def _put(self, name: str, own: list[Array], arrays: Any) -> None:
        """Write numbers over the network's; training goes on from these then."""
        given = [np.shape(array) for array in arrays]
        if given != [array.shape for array in own]:
            raise ShapeError(
                f"{type(self).__name__}.{name}",
                given=f"arrays of shapes {given}",
                expected=f"{[array.shape for array in own]}",
                fix="Pass an array for each layer",
            )
        self.network_.hold.check(f"{type(self).__name__}.{name}")
        for place, array in zip(own, arrays):
            place[...] = array
        self._best_parameters = self._last_parameters = None

    @property
    def n_layers_(self) -> int:
        """The number of layers, input and output included."""
        return len(dense_layers(self.network_)) + 1

    @property
    def n_outputs_(self) -> int:
        """The number of outputs."""
        return dense_layers(self.network_)[-1].units

    @property
    def out_activation_(self) -> str:
        """What the last layer makes of its weighted sums."""
        check_is_fitted(self)
        ends_in_sums = isinstance(self.network_.layers[-1], Dense)
        return "identity" if ends_in_sums else OUT_ACTIVATIONS[self._head]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
