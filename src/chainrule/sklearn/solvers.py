"""How an estimator is fitted: in epochs with scikit-learn's rule for when to stop, or by L-BFGS on all samples at once.

The epochs are those of `chainrule.train`; what is here is a callback, and a learning rate that it sets. L-BFGS is
SciPy's routine, which minimises any function of a vector; a network's parameters and gradients are two vectors.
"""

from __future__ import annotations

import math
import sys
import warnings
from signal import SIGINT
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.exceptions import ConvergenceWarning

from chainrule.errors import ChainruleWarning, InputError, NonFiniteError
from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.optim import Optimizer, Schedule
from chainrule.sklearn.base import without_data
from chainrule.sklearn.inputs import FitSamples, SparseBatches
from chainrule.threads import by_size
from chainrule.training import Epoch, Training
from chainrule.training.events import INTERRUPTED
from chainrule.training.interrupt import on_signal
from chainrule.training.measures import Measure
from chainrule.training.metrics import VALIDATION, Metric

LOWEST_RATE = 1e-6  # an adaptive rate is not divided any further


class FitWarning(ChainruleWarning, ConvergenceWarning):  # type: ignore[misc]  # scikit-learn ships no types
    """A fit that came to no end: a warning of ours, and the one that scikit-learn's users filter."""


class Set(Schedule):
    """A learning rate that is set after each epoch."""

    per_epoch = True

    def late(self, name: str, value: Any) -> Any:
        return value  # that is what it is for

    def rate(self, epoch: float, epochs: float, losses: Any) -> float:
        return self.value

    def __init__(self, value: float) -> None:
        self.value = self._number("value", value, above=0)


class Progress:
    """After each epoch: curves, the best weights, the learning rate, and whether to stop.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Its attributes are written.
    samples : int
        How many are in an epoch.
    schedule : Set or None
        Its value is set; None where the rate is the optimizer's, or a schedule's.
    may_stop : bool
        Whether to stop when nothing has become better for `n_iter_no_change` epochs; an adaptive rate falls anyway.
    """

    def __init__(self, estimator: Any, samples: int, schedule: Set | None, may_stop: bool) -> None:
        self.estimator, self.samples, self.schedule, self.may_stop = estimator, samples, schedule, may_stop

    def __call__(self, training: Training, epoch: Epoch) -> None:
        this = self.estimator
        this.n_iter_ += 1
        this.t_ += self.samples
        this.loss_ = this._scale * (epoch.loss + epoch.penalty)
        this.loss_curve_.append(this.loss_)
        text = f"Iteration {this.n_iter_}, loss = {this.loss_:.8f}"
        score = None
        if epoch.validation_loss is not None:
            score = float(epoch.metrics[f"{VALIDATION}{this._score_name}"])
            this.validation_loss_curve_.append(this._scale * epoch.validation_loss)
            this.validation_scores_.append(score)
            text += f", validation score = {score:.6f}"
        if this.verbose:
            sys.stdout.write(f"{text}\n")
        self._judge(score, training.network)
        if this._no_improvement_count > this.n_iter_no_change:
            self._slow_down_or_stop(training)
        if self.schedule is not None:
            self.schedule.value = fold_rate(training.network, self.schedule.value, learning_rate(this))

    def _judge(self, score: float | None, network: Network) -> None:
        """Count the epochs without a gain of `tol`, and remember the best weights."""
        this = self.estimator
        by_loss = this.best_loss_ is not None
        figure, best = (-this.loss_, -this.best_loss_) if by_loss else (score, this.best_validation_score_)
        this._no_improvement_count = 0 if figure >= best + this.tol else this._no_improvement_count + 1
        if by_loss:
            this.best_loss_ = min(this.best_loss_, this.loss_)
        if score is not None:
            figure, best = score, this.best_validation_score_
            this.best_validation_score_ = max(best, score)
        if this._keeps_best and figure > best:
            this._best_parameters = network.parameters.copy()

    def _slow_down_or_stop(self, training: Training) -> None:
        this = self.estimator
        falls = this.solver == "sgd" and this.learning_rate == "adaptive"
        if falls and learning_rate(this) > LOWEST_RATE * float(this._scale):
            this._reductions += 1
            this._no_improvement_count = 0
        elif self.may_stop:
            training.stop(f"no better by {this.tol:g} for {this.n_iter_no_change} epochs")


def fold_rate(network: Network, before: float, rate: float) -> float:
    """Return a new learning rate, the velocity changed so that the steps so far keep the rate that they were taken at.

    scikit-learn's velocity v ← μ v − η g has the rate η in it, SGD's u ← μ u + g has not: v = −η u, so that another η
    leaves v as it is only if u is multiplied by the quotient of the rates.
    """
    if rate != before:
        for velocity in network.optimizer_state.slots.get("velocity", ()):
            velocity *= before / rate
    return rate


def fit_epochs(
    estimator: Any, data: FitSamples, validation: FitSamples | None, score: Metric | None, *, epochs: int, partial: bool
) -> None:
    """Train an estimator's network, with its settings, and leave the best or the last weights in it."""
    network: Network = estimator.network_
    schedule, before = None, network.optimizer.learning_rate
    if not has_own_rate(estimator):
        rate = learning_rate(estimator)
        schedule = Set(fold_rate(network, before, rate) if isinstance(before, float) else rate)
    estimator.n_iter_ = 0
    progress = Progress(estimator, len(data.y), schedule, may_stop=not partial)
    size = min(200, len(data.y)) if estimator.batch_size == "auto" else int(estimator.batch_size)
    if size > len(data.y):
        warnings.warn(
            f"batch_size={size} is more than the {len(data.y)} samples: all of them are one batch",
            ChainruleWarning,
            stacklevel=5,  # the line that called fit
        )
    settings: dict[str, Any] = {
        "epochs": epochs,
        "callbacks": [progress, *callback_list(estimator.callbacks)],
        "keep": "last",  # the best ones are kept over several fits, by their score
    }
    if validation is not None and score is not None:
        estimator._score_name = score.__name__
        settings |= {"validation_data": validation.dense(), "metrics": Measure(score, on_training=False)}
    if schedule is not None:
        network.optimizer.learning_rate = schedule
    try:
        if isinstance(data.x, np.ndarray):
            settings |= {"sample_weight": data.weights, "batch_size": size, "shuffle": bool(estimator.shuffle)}
            training = Training(network, data.x, data.y, **settings)
        else:
            generator = network.generators["shuffle"] if estimator.shuffle else None
            training = Training(network, SparseBatches(data, size, generator), batch_size=None, **settings)
        history = training.history
        with on_signal(SIGINT, lambda: training.stop(INTERRUPTED)):
            for _ in training.events():  # warnings too: scikit-learn gives none of targets that nobody scaled
                pass
    except NonFiniteError as error:
        history = error.history  # type: ignore[attr-defined]  # train puts it there
        if validation is None or estimator._best_parameters is None:
            raise diverged(type(estimator).__name__, estimator) from error
        estimator.validation_scores_.append(math.nan)
        warnings.warn(f"Training ended, and the best weights until then are kept: {error}", FitWarning, 5)
    finally:
        if schedule is not None:
            network.optimizer.learning_rate = schedule.value
    estimator.history_ = without_data(history)
    if history.stopped == "finished" and not partial:
        warnings.warn(
            f"Stopped after max_iter={epochs} epochs, still getting better: raise max_iter, or tol",
            FitWarning,
            stacklevel=5,  # the line that called fit
        )
    estimator._last_parameters = None
    if estimator._best_parameters is None:
        if not np.isfinite(network.parameters).all():  # the very last step may have done it
            raise diverged(type(estimator).__name__, estimator)
    else:
        estimator._last_parameters = network.parameters.copy()
        network.parameters[:] = estimator._best_parameters


def has_own_rate(estimator: Any) -> bool:
    """Return whether the learning rate is that of an optimizer or a schedule, not one that scikit-learn's words say."""
    return isinstance(estimator.solver, Optimizer) or isinstance(estimator.learning_rate, Schedule)


def learning_rate(estimator: Any) -> float:
    """Return the learning rate of the next epoch.

    Where the loss is a mean over labels and scikit-learn's a sum, plain gradient descent takes the step of the sum;
    Adam's steps don't depend on the size of the loss.
    """
    rate = float(estimator.learning_rate_init)
    if estimator.solver != "sgd":
        return rate
    rate *= float(estimator._scale)
    if estimator.learning_rate == "invscaling" and estimator.t_:
        return rate / float((estimator.t_ + 1) ** estimator.power_t)
    return rate / float(5**estimator._reductions) if estimator.learning_rate == "adaptive" else rate


def callback_list(callbacks: Any) -> list[Any]:
    """Return callbacks as a list, also if it is one alone."""
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def diverged(where: str, estimator: Any) -> InputError:
    """Return the error for weights, or a loss, that are no numbers any more."""
    rate = f"learning_rate_init={estimator.learning_rate_init:g}"
    if has_own_rate(estimator):
        rate = f"learning_rate={estimator.network_.optimizer.learning_rate!r:.60}"
    return InputError(
        where,
        given=f"NaN or infinity in training (solver={estimator.solver!r:.60}, {rate})",
        expected="finite numbers",
        fix="Scale the data, for example with a StandardScaler in a Pipeline, or pass a smaller learning rate",
    )


def fit_lbfgs(estimator: Any, data: FitSamples) -> None:
    """Minimise the loss of an estimator's network on all samples.

    D. Liu, J. Nocedal, *On the limited memory BFGS method for large scale optimization*, 1989.
    """
    network: Network = estimator.network_
    scale = float(estimator._scale)
    x, y, weights = network.as_batch(type(estimator).__name__, *data.dense())
    curve: list[float] = []

    def loss_and_gradient(parameters: Array) -> tuple[float, Array]:
        network.parameters[:] = parameters
        loss = network.compute_loss(x, y, weights)
        network.backward()
        return scale * loss, scale * network.gradients.astype(np.float64)

    def after_iteration(intermediate_result: Any) -> None:  # SciPy knows it by this name
        curve.append(float(intermediate_result.fun))
        if estimator.verbose:
            sys.stdout.write(f"Iteration {len(curve)}, loss = {curve[-1]:.8f}\n")

    work = 3 * network.parameters.size * len(x)
    with by_size(work), network.hold.training(f"{type(estimator).__name__}.fit"):
        result = minimize(
            loss_and_gradient,
            network.parameters.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=after_iteration,
            options={
                "maxiter": int(estimator.max_iter),
                "maxfun": int(estimator.max_fun),
                "gtol": float(estimator.tol),
            },
        )
        if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
            raise diverged(type(estimator).__name__, estimator)
        network.parameters[:] = result.x
    estimator.n_iter_ = int(result.nit)
    estimator.loss_ = float(result.fun)
    estimator.loss_curve_ = [*estimator.loss_curve_, *curve]
    if result.status != 0:
        warnings.warn(
            f"L-BFGS ended early ({result.message}): raise max_iter or max_fun, or scale the data",
            FitWarning,
            stacklevel=5,  # the line that called fit
        )
