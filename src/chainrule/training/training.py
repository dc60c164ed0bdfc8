"""A training under way: epochs of steps, measured, monitored, and ended in one of several ways.

All that decides how it goes on is in the network and in what `Training.snapshot` returns, so a training that is
restored between any two steps is the training that was never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from signal import SIGINT
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, MisuseError, NonFiniteError
from chainrule.nn.engine import quiet
from chainrule.nn.network import Network
from chainrule.nn.validation import finite as check_finite
from chainrule.ops.op import Array
from chainrule.optim import Constant, as_schedule
from chainrule.training.callbacks import Callback
from chainrule.training.compiled_steps import SECONDS, take_epochs, take_steps
from chainrule.training.evaluate import evaluate
from chainrule.training.history import Epoch, History
from chainrule.training.interrupt import on_signal
from chainrule.training.metrics import Metric, named_metrics
from chainrule.training.source import ArraySource, Source, used_up

AfterEpoch = Callable[["Training", Epoch], Any]

INTERRUPTED, TERMINATED = "interrupted", "terminated"
_LARGE_IS_GOOD = ("accuracy", "r2", "min_confidence")


@dataclass
class Position:
    """Where a training is: in which epoch, how far in it, and the sums of that epoch so far.

    Attributes
    ----------
    epoch : int
        The number of the epoch, from 1.
    batches, steps : int
        Batches taken from the data, and steps of the optimizer: none for a batch in which nobody counts.
    loss, weight : float
        Sums over its batches: loss times weight, and weight.
    """

    epoch: int = 1
    batches: int = 0
    steps: int = 0
    loss: float = 0.0
    weight: float = 0.0


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
    compiled_steps : int
        How many of them were taken many at a time, by a compiled network, since this process began it.
    position : Position
        Where it is.
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
        self.position = Position()
        self.figures: list[float] = []
        self.step = self.compiled_steps = 0
        self.learning_rate = 0.0
        self._monitored: list[float] = []
        self._best = math.inf
        self._source: Source | None = None
        self._schedule = as_schedule(network.optimizer.learning_rate)
        self._stop: str | None = None
        self._whole = True  # False while a step, or the record of an epoch, is half done
        self._told_end = True  # until it has begun
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
        self._compiles_steps = not any(
            c.each_step and type(c).after_step is not Callback.after_step for c in self._callbacks
        )
        self._compiles_epochs = network.compiled and not (self._callbacks or self._functions or self.metrics)
        self._after_step = [c for c in self._callbacks if type(c).after_step is not Callback.after_step]

    def stop(self, reason: str = "stopped") -> None:
        """End training after the current step; the history says why."""
        self._stop = self._stop or reason

    def run(
        self, source: Source, validation_data: Sequence[Any] | None = None, restored: dict[str, Any] | None = None
    ) -> None:
        """Train on what `source` gives, from the start or from what `snapshot` returned."""
        validation = None if validation_data is None else self._checked_validation(validation_data)
        network, history = self.network, self.history
        history.kept = self.keep or ("last" if validation is None else "best")
        self._source = source
        if restored is not None:
            self._restore(restored)
        try:
            for callback in self._callbacks:
                callback.begin(self)
            self._told_end = False
            with on_signal(SIGINT, lambda: self.stop(INTERRUPTED)):
                while not self._stop and self.position.epoch <= self.epochs:
                    self._epoch(source, validation)
                    if validation is None:
                        self._compiled_epochs(source)
        except NonFiniteError as error:
            history.stopped = "non-finite"
            self._whole = True  # the step that failed has changed no weight
            error.history = history  # type: ignore[attr-defined]  # what was learnt until then
            raise
        finally:
            if self._stop:
                history.stopped = self._stop
            self._tell_end()
            if network.built:
                history.last_parameters = network.parameters.copy()
            if history.kept == "best" and history.best_parameters is not None:
                network.parameters[:] = history.best_parameters
            for callback in self._callbacks:
                callback.end(self)

    def snapshot(self) -> dict[str, Any]:
        """Return all that decides how training goes on, beyond the network: plain data, the history, the best weights.

        Raises
        ------
        MisuseError
            If a step is half done, as it is after a second Ctrl-C.
        """
        if not self._whole or self._source is None:
            raise MisuseError(
                "Training.snapshot",
                given="a training in the middle of a step" if self._source else "a training that has not begun",
                expected="one between two steps",
                fix="Call it in a callback",
            )
        return {
            "position": asdict(self.position),
            "step": self.step,
            "learning_rate": self.learning_rate,
            "stopped": None if self._stop in (INTERRUPTED, TERMINATED) else self._stop,
            "source": self._source.state(self.position.batches),
            "history": list(self.history.epochs),
            "best_parameters": self.history.best_parameters,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        assert self._source is not None
        self.position = Position(**state["position"])
        self.step, self.learning_rate = state["step"], state["learning_rate"]
        self._stop = state["stopped"]
        self._source.restore(state["source"], self.position.batches)
        for record in state["history"]:
            self.history.epochs.append(record)
            self._judge(record)
        if state["best_parameters"] is not None:
            self.history.best_parameters = np.array(state["best_parameters"])

    def _epoch(self, source: Source, validation: tuple[Any, ...] | None) -> None:
        start = time.perf_counter()
        at = self.position
        rate_at = self._schedule.rate
        constant = self._schedule.per_epoch
        done = at.epoch - 1
        if constant:
            self.learning_rate = rate_at(done, self.epochs, self._monitored)
        if self.network.compiled and isinstance(source, ArraySource) and self._compiles_steps:
            take_steps(
                source, at.batches, lambda share: rate_at(done + share, self.epochs, self._monitored), self._took_steps
            )
        for x, y, weights, progress in () if self._stop else source.batches(at.batches):
            if not constant:
                self.learning_rate = rate_at(done + progress, self.epochs, self._monitored)
            share = len(x) if weights is None else float(weights.sum(dtype="float64"))
            if share == 0:  # nobody in this batch counts: there is nothing to learn from it
                at.batches += 1
                continue
            self._step(x, y, weights, share)
            if self._stop:
                self._tell_end()
                break
        if at.steps == 0:
            raise used_up(f"in epoch {at.epoch}")
        if not self._stop:
            self.network.optimizer_state.settle(at.steps)
        metrics, validation_loss = {}, None
        if validation is not None:
            metrics = evaluate(
                self.network, *validation[:2], sample_weight=validation[2], metrics=list(self.metrics.values())
            )
            validation_loss = metrics.pop("loss")
        elif self.metrics:
            metrics = source.evaluate(self.network, self.metrics)
        record = Epoch(
            epoch=at.epoch,
            loss=at.loss / at.weight,
            penalty=self.network.penalty(),
            metrics=metrics,
            validation_loss=validation_loss,
            learning_rate=self.learning_rate,
            steps=at.steps,
            seconds=time.perf_counter() - start,
        )
        self._record(record, self.network.parameters)
        for callback in self._callbacks:
            callback.after_epoch(self, record)
        for function in self._functions:
            function(self, record)

    def _compiled_epochs(self, source: Source) -> None:
        """Take whole epochs, many in a call, where they are short and nobody looks at the network between them."""
        if self._stop or not self._compiles_epochs or self.history.epochs[-1].seconds > SECONDS:
            return
        left, schedule = self.epochs - self.position.epoch + 1, self._schedule
        if isinstance(source, ArraySource) and isinstance(schedule, Constant):
            self._compiles_epochs = take_epochs(source, left, schedule.value, self._took_epochs)

    def _took_epochs(self, losses: Array, shares: Array, parameters: Array, seconds: float) -> bool:
        """Note the epochs of a compiled run; return whether to go on."""
        assert isinstance(self._schedule, Constant)
        self.learning_rate = self._schedule.value
        # added up as step by step, so that the sums are the same to the bit
        totals, weights = (np.cumsum(table, axis=1)[:, -1].tolist() for table in (losses * shares, shares))
        steps = losses.shape[1]
        for total, weight, array in zip(totals, weights, parameters, strict=True):
            self.step, self.compiled_steps = self.step + steps, self.compiled_steps + steps
            record = Epoch(
                epoch=self.position.epoch,
                loss=total / weight,
                penalty=self.network.vector.penalty(array),
                metrics={},
                validation_loss=None,
                learning_rate=self.learning_rate,
                steps=steps,
                seconds=seconds,
            )
            self._record(record, array)
        self.network.optimizer_state.settle(steps)
        return not self._stop

    def _step(self, x: Array, y: Array, weights: Array | None, share: float) -> None:
        at = self.position
        hold = self.network.hold
        self._whole = hold.between_steps = False
        try:
            with quiet():
                loss = self.network.step(x, y, weights, self.learning_rate)
        finally:
            hold.between_steps = True
        at.loss, at.weight = at.loss + loss * share, at.weight + share
        at.batches, at.steps, self.step = at.batches + 1, at.steps + 1, self.step + 1
        self._whole = True
        for callback in self._after_step:
            callback.after_step(self)

    def _took_steps(self, losses: Array, shares: Array, rates: list[float]) -> bool:
        """Note the steps of a compiled run; return whether to go on."""
        at = self.position
        for loss, share in zip(losses.tolist(), shares.tolist(), strict=True):
            at.loss, at.weight = at.loss + loss * share, at.weight + share
        at.batches, at.steps, self.step = at.batches + len(rates), at.steps + len(rates), self.step + len(rates)
        self.compiled_steps += len(rates)
        self.learning_rate = rates[-1]
        for callback in self._after_step:
            callback.after_step(self)
        if self._stop:
            self._tell_end()
        return not self._stop

    def _record(self, record: Epoch, parameters: Array) -> None:
        self._whole = False
        self.history.epochs.append(record)
        if self._judge(record):
            if self.history.best_parameters is None:
                self.history.best_parameters = parameters.copy()
            else:
                self.history.best_parameters[:] = parameters
        self.position = Position(record.epoch + 1)
        self._whole = True

    def _judge(self, record: Epoch) -> bool:
        """Note the monitored figure of an epoch, and return whether it is the best so far."""
        if self.monitor == "loss":
            figure = record.monitored
        else:
            figure = self._as_figure(record.metrics[self.monitor])
            figure = -figure if self.monitor in _LARGE_IS_GOOD else figure
        self._monitored.append(record.monitored)
        self.figures.append(figure)
        if figure < self._best or self.history.best_epoch is None:
            self._best = figure if figure == figure else math.inf  # anything is better than NaN
            self.history.best_epoch = record.epoch
            return True
        return False

    def _tell_end(self) -> None:
        """Let callbacks save where training ends, once, unless that is in the middle of a step."""
        if self._whole and not self._told_end:
            self._told_end = True
            for callback in self._callbacks:
                callback.ending(self)

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
        check_finite(where, "X", x)
        check_finite(where, "y", target)
        self.network.check_targets(where, target)
        return x, target, weights
