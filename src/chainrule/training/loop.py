"""The training loop: a function over a network, so that another routine can take its place.

The same in ten lines of your own::

    for epoch in range(epochs):
        for x, y in cr.data.batches(X, Y, batch_size, generator=generator):
            network.forward(x, y)
            network.backward()
            network.optimize()
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, NonFiniteError
from chainrule.nn import doors
from chainrule.nn.network import Network
from chainrule.ops.op import Array
from chainrule.optim import as_schedule
from chainrule.training.callbacks import Callback
from chainrule.training.evaluate import evaluate
from chainrule.training.history import Epoch, History
from chainrule.training.interrupt import on_interrupt
from chainrule.training.metrics import Metric, named_metrics
from chainrule.training.source import ArraySource, IterableSource, Source, held_out, used_up, weighted_by_class

AfterEpoch = Callable[["Training", Epoch], Any]


def train(
    network: Network,
    X: Any,
    y: Any = None,
    *,
    epochs: int = 100,
    batch_size: int | None = 32,
    validation_data: Sequence[Any] | None = None,
    validation_split: float = 0.0,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | Sequence[float] | str | None = None,
    metrics: Sequence[str | Metric] | str | Metric | None = (),
    callbacks: Sequence[Callback | AfterEpoch] | Callback | AfterEpoch | None = (),
    keep: str | None = None,
    monitor: str = "loss",
    shuffle: bool = True,
) -> History:
    """Train a network.

    Parameters
    ----------
    network : Network
        It is changed in place. Training it again goes on from where it is.
    X : array_like, (samples, features), or iterable of batches
        The samples; an array mapped from a file is read batch by batch. Or anything that can be iterated once an
        epoch and gives (x, y) or (x, y, sample_weight); `y` is left out then.
    y : array_like
        Targets (samples, outputs), or class indices (samples,).
    epochs : int, default 100
        Passes over the data.
    batch_size : int or None, default 32
        Samples a step: 1 is per-sample training; None takes all of them at once.
    validation_data : (X, y) or (X, y, sample_weight), optional
        Measured after each epoch, never trained on.
    validation_split : float, default 0
        The share of the samples to hold out for that, chosen by the network's seed.
    sample_weight : array_like, (samples,), optional
        How much each sample counts.
    class_weight : mapping of class index to float, or "balanced", optional
        How much each class counts; "balanced" lets all classes count the same.
    metrics : sequence of str or function, optional
        Measured after each epoch on the validation data, or on the training data where there are none.
    callbacks : sequence of Callback or function, optional
        Functions are called with (training, epoch) after each epoch.
    keep : {"best", "last"}, optional
        Which parameters the network has in the end, whatever ended training; the history holds both. Left out:
        "best" where there are validation data, else "last".
    monitor : str, default "loss"
        What "best" means: the smallest loss on the validation data (on the training data where there are none), or
        a metric's name. Metrics that grow with quality (``accuracy``, ``r2``, ``min_confidence``) are maximised.
    shuffle : bool, default True
        Take the samples in a new random order each epoch.

    Returns
    -------
    History

    Raises
    ------
    InputError
        If the data don't fit the network, or a setting is out of range.
    NonFiniteError
        If a loss or a gradient is NaN or infinite, before it could spoil the weights; `history` is on the error.

    Notes
    -----
    Ctrl-C ends training after the current step and returns what was learnt; a second one stops at once.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=cr.Adam(learning_rate=0.05))
    >>> history = cr.train(network, X, y, epochs=500, batch_size=None)
    >>> cr.classify(network, X)
    array([0, 1, 1, 0])
    """
    training = Training(
        network,
        epochs=epochs,
        metrics=metrics,
        callbacks=callbacks,
        keep=keep,
        monitor=monitor,
    )
    size = None if batch_size is None else checks.whole("train batch_size", batch_size)
    if y is None:
        source: Source = IterableSource(network, X)
        for name, value, instead in (
            ("sample_weight", sample_weight, "Let the iterable give (x, y, sample_weight)"),
            ("class_weight", class_weight, "Let the iterable give (x, y, sample_weight)"),
            ("validation_split", validation_split or None, "Pass validation_data=(X, y)"),
        ):
            if value is not None:
                raise InputError(
                    "train", given=f"{name} with an iterable of batches", expected="arrays X and y", fix=instead
                )
    else:
        x, target, weights = network.as_batch("train", X, y, sample_weight, mapped=True)
        doors.finite("train", "X", x)
        doors.finite("train", "y", target)
        network.check_targets("train", target)
        weights = weighted_by_class(network, target, weights, class_weight)
        share = checks.number("train validation_split", validation_split, least=0, below=1, like=0.1)
        if share:
            if validation_data is not None:
                raise InputError(
                    "train",
                    given="validation_data and validation_split",
                    expected="one of them",
                    fix="Leave validation_split out",
                )
            (x, target, weights), validation_data = held_out(network, x, target, weights, share)
        generator = network.generators["shuffle"] if shuffle else None
        source = ArraySource(network, (x, target, weights), size, generator)
    training.run(source, validation_data)
    return training.history


class Training:
    """A training under way: what callbacks see.

    Attributes
    ----------
    network : Network
    history : History
        The epochs so far.
    epochs : int
        How many are planned.
    step : int
        Steps taken in this training.
    learning_rate : float
        Of the current step.
    figures : list of float
        The monitored figure after each epoch, the smaller the better.
    """

    def __init__(
        self,
        network: Network,
        *,
        epochs: int,
        metrics: Sequence[str | Metric] | str | Metric | None = (),
        callbacks: Sequence[Callback | AfterEpoch] | Callback | AfterEpoch | None = (),
        keep: str | None = None,
        monitor: str = "loss",
    ) -> None:
        self.network: Network = checks.instance("train", network, Network, "a cr.Network")
        self.epochs = checks.whole("train epochs", epochs, least=0)
        self.metrics = named_metrics(metrics)
        self.monitor = checks.one_of("train monitor", monitor, ["loss", *self.metrics])
        self.keep = None if keep is None else checks.one_of("train keep", keep, ("best", "last"))
        self.history = History()
        self._monitored: list[float] = []
        self._best = math.inf
        self.figures: list[float] = []
        self.step = 0
        self.learning_rate = 0.0
        self._schedule = as_schedule(network.optimizer.learning_rate)
        self._stop: str | None = None
        if callbacks is None:
            callbacks = ()
        elif isinstance(callbacks, (Callback, str)) or not isinstance(callbacks, Iterable):
            callbacks = [callbacks]
        self._callbacks = [c for c in callbacks if isinstance(c, Callback)]
        self._functions = [c for c in callbacks if not isinstance(c, Callback)]
        for function in self._functions:
            if not callable(function) or isinstance(function, type):
                raise InputError(
                    "train callbacks",
                    given=f"the class {function.__name__}" if isinstance(function, type) else repr(function)[:80],
                    expected="callbacks, or functions of (training, epoch)",
                    fix="Pass for example cr.EarlyStopping(patience=10)",
                )
        self._each_step = [c for c in self._callbacks if type(c).after_step is not Callback.after_step]

    def stop(self, reason: str = "stopped") -> None:
        """End training after the current step; the history says why."""
        self._stop = self._stop or reason

    def run(self, source: Source, validation_data: Sequence[Any] | None) -> None:
        """Train on what `source` gives."""
        validation = None if validation_data is None else self._checked_validation(validation_data)
        self.history.kept = self.keep or ("last" if validation is None else "best")
        network, history = self.network, self.history
        try:
            for callback in self._callbacks:
                callback.begin(self)
            with on_interrupt(lambda: self.stop("interrupted")):
                for number in range(1, self.epochs + 1):
                    self._epoch(number, source, validation)
                    if self._stop:
                        break
        except NonFiniteError as error:
            history.stopped = "non-finite"
            error.history = history  # type: ignore[attr-defined]  # what was learnt until then
            raise
        finally:
            if self._stop:
                history.stopped = self._stop
            if network.built:
                history.last_parameters = network.parameters.copy()
            if history.kept == "best" and history.best_parameters is not None:
                network.parameters[:] = history.best_parameters
            for callback in self._callbacks:
                callback.end(self)

    def _epoch(self, number: int, source: Source, validation: tuple[Any, ...] | None) -> None:
        start = time.perf_counter()
        total = mass = 0.0
        steps = 0
        rate_at = self._schedule.rate
        constant = self._schedule.per_epoch
        if constant:
            self.learning_rate = rate_at(number - 1, self.epochs, self._monitored)
        for x, y, weights, progress in source:
            if not constant:
                self.learning_rate = rate_at(number - 1 + progress, self.epochs, self._monitored)
            share = len(x) if weights is None else float(weights.sum(dtype="float64"))
            if share == 0:  # nobody in this batch counts: there is nothing to learn from it
                continue
            loss = self._step(x, y, weights)
            total, mass, steps = total + loss * share, mass + share, steps + 1
            if self._stop:
                break
        if steps == 0:
            raise used_up(f"in epoch {number}")
        loss, metrics, validation_loss = total / mass, {}, None
        if validation is not None:
            measured = evaluate(
                self.network, *validation[:2], sample_weight=validation[2], metrics=list(self.metrics.values())
            )
            validation_loss = measured.pop("loss")
            metrics = measured
        elif self.metrics:
            metrics = source.evaluate(self.network, self.metrics)
        record = Epoch(
            epoch=number,
            loss=loss,
            penalty=self.network.penalty(),
            metrics=metrics,
            validation_loss=validation_loss,
            learning_rate=self.learning_rate,
            steps=steps,
            seconds=time.perf_counter() - start,
        )
        self.history.epochs.append(record)
        self._monitored.append(record.monitored)
        self._remember_best(record)
        for callback in self._callbacks:
            callback.after_epoch(self, record)
        for function in self._functions:
            function(self, record)

    def _step(self, x: Array, y: Array, weights: Array | None) -> float:
        loss = self.network.step(x, y, weights, self.learning_rate)
        self.step += 1
        for callback in self._each_step:
            callback.after_step(self)
        return loss

    def _remember_best(self, record: Epoch) -> None:
        if self.monitor == "loss":
            figure = record.monitored
        else:
            figure = self._as_figure(record.metrics[self.monitor])
            figure = -figure if self.monitor in ("accuracy", "r2", "min_confidence") else figure
        if figure < self._best or self.history.best_parameters is None:
            self._best = figure if figure == figure else math.inf  # anything is better than NaN
            self.history.best_epoch = record.epoch
            if self.history.best_parameters is None:
                self.history.best_parameters = self.network.parameters.copy()
            else:
                self.history.best_parameters[:] = self.network.parameters
        self.figures.append(figure)

    def _as_figure(self, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InputError(
                "train monitor",
                given=f"{self.monitor!r}, which is {type(value).__name__} of shape {np.shape(value)}",
                expected="a metric that is one number",
                fix="Monitor another one, or the loss",
            ) from None

    def _checked_validation(self, data: Sequence[Any]) -> tuple[Any, Any, Any]:
        try:
            X, y, *rest = data
        except (TypeError, ValueError):
            X = y = rest = None
        if rest is None or len(rest) > 1:
            raise InputError(
                "train validation_data",
                given=type(data).__name__,
                expected="(X, y) or (X, y, sample_weight)",
                fix="Pass validation_data=(X_validation, y_validation)",
            )
        where = "train validation_data"
        x, target, weights = self.network.as_batch(where, X, y, rest[0] if rest else None, mapped=True)
        doors.finite(where, "X", x)
        doors.finite(where, "y", target)
        self.network.check_targets(where, target)
        return x, target, weights
