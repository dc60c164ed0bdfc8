"""A training as a generator of events: whoever goes through them looks, pauses, goes on step by step, or stops.

All that decides how it goes on is in the network and in what `Training.snapshot` returns, so a training that is
restored between any two steps is the training that was never stopped.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.column_names import names_of
from chainrule.data.dataset import Dataset
from chainrule.errors import InputError, InputWarning, MisuseError, NonFiniteError, TrainingWarning
from chainrule.nn import validation
from chainrule.nn.engines import quiet
from chainrule.nn.input_range import InputRange
from chainrule.nn.misuse import check_learns
from chainrule.nn.network import Network
from chainrule.ops.op import Array, Samples
from chainrule.optim import ConstantRate, as_schedule
from chainrule.settings import Configured, unknown_attribute
from chainrule.threads import by_size
from chainrule.training.augmenting import Augment
from chainrule.training.batch_source import (
    ArraySource,
    Batch,
    BatchSource,
    IterableSource,
    held_out,
    used_up,
    weighted_by_class,
)
from chainrule.training.callbacks import Callback
from chainrule.training.compiled_steps import SECONDS, take_epochs, take_steps
from chainrule.training.evaluate import expect_suited, measured
from chainrule.training.history import Epoch, History
from chainrule.training.measures import grows, named_measures, usual_name
from chainrule.training.metrics import METRICS, VALIDATION, Metrics
from chainrule.training.pairs import samples_and_targets

AfterEpoch: TypeAlias = Callable[["Training", Epoch], Any]
Callbacks: TypeAlias = Sequence[Callback | AfterEpoch] | Callback | AfterEpoch
Events = Generator["Event", None, None]
RateAt = Callable[[float], float]

INTERRUPTED, TERMINATED = "interrupted", "terminated"


@dataclass(slots=True)
class Event:
    """What has just happened in a training.

    Attributes
    ----------
    kind : {"begin", "warning", "step", "epoch", "end"}
        Before the first step; of what will hardly lead to anything, once, as soon as it is known; after a step, when
        every node still shows its value and its gradient (after many at once, where a compiled network takes them
        so); after an epoch, validation included; after the last one.
    training : Training
        Where it is: `step`, `loss`, `learning_rate`, `history`, `network`.
    epoch : Epoch or None
        The record of the epoch, for the kind ``"epoch"``.
    warning : TrainingWarning or None
        What `train` warns of, for the kind ``"warning"``.
    """

    kind: str
    training: Training
    epoch: Epoch | None = None
    warning: TrainingWarning | None = None

    def __repr__(self) -> str:
        return f"Event({self.kind!r}, step={self.training.step}" + (f", {self.epoch})" if self.epoch else ")")


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
    of_heads : list of float
        Sums like `loss`, of the losses of several heads; empty before the first step.
    """

    epoch: int = 1
    batches: int = 0
    steps: int = 0
    loss: float = 0.0
    weight: float = 0.0
    of_heads: list[float] = field(default_factory=list)

    def note(self, loss: float, weight: float, batches: int = 1, of_heads: Sequence[float] = ()) -> None:
        """Note a step: the loss of its batches, those of several heads, and how much that counts."""
        self.loss, self.weight = self.loss + loss * weight, self.weight + weight
        if of_heads:
            before = self.of_heads or [0.0] * len(of_heads)
            self.of_heads = [total + part * weight for total, part in zip(before, of_heads, strict=True)]
        self.batches, self.steps = self.batches + batches, self.steps + 1


class Training:
    """A training, not begun yet. It takes what `train` takes, and runs while somebody goes through its `events`.

    Attributes
    ----------
    network : Network
    history : History
        The epochs so far.
    epochs : int
        How many are planned.
    batches_per_step : int
        How many batches a step of the optimizer has.
    step : int
        Steps taken in this training.
    compiled_steps : int
        How many of them were taken many at a time, by a compiled network, since this process began it.
    position : Position
        Where it is.
    loss, learning_rate : float
        The data loss and the learning rate of the last step.
    monitor : str
        What says which epoch was best: the name of a column of the history.
    figures : list of float
        The monitored figure after each epoch, the smaller the better.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    >>> training = cr.training.Training(network, X, y, epochs=50, batch_size=2)
    >>> for event in training.events():
    ...     if event.kind == "step" and training.step == 10:
    ...         training.stop("enough")
    >>> training.step, training.history.stopped
    (10, 'enough')
    """

    @checks.keywords
    def __init__(
        self,
        network: Network,
        X: Samples | Dataset | Iterable[Sequence[npt.ArrayLike]],
        y: Samples | None = None,
        *,
        epochs: int = 100,
        batch_size: int | None = 32,
        gradient_accumulation_steps: int = 1,
        validation_data: Dataset | Sequence[Samples | None] | None = None,
        validation_split: float = 0.0,
        sample_weight: npt.ArrayLike | None = None,
        class_weight: Mapping[int, float] | Sequence[float] | str | None = None,
        metrics: Metrics | None = (),
        callbacks: Callbacks | None = (),
        keep: str | None = None,
        monitor: str | None = None,
        shuffle: bool = True,
        augment: Augment | None = None,
        resume: str | os.PathLike[str] | None = None,
    ) -> None:
        call = {name: value for name, value in locals().items() if name not in ("self", "network")}
        self.network: Network = checks.instance("train", network, Network, "a cr.Network")
        self.epochs = checks.whole("train epochs", epochs, least=0)
        self.batches_per_step = checks.whole("train gradient_accumulation_steps", gradient_accumulation_steps)
        self._losses = [f"{head.prefix}loss" for head in network.heads if head.name]
        self.metrics = named_measures(metrics, [head.name for head in network.heads])
        self.keep = None if keep is None else checks.one_of("train keep", keep, ("best", "last"))
        self.history = History(network=network, call=call)
        self.position = Position()
        self.figures: list[float] = []
        self.step = self.compiled_steps = 0
        self.loss, self.learning_rate = math.nan, 0.0
        self._monitored: list[float] = []
        self._best = math.inf
        self._schedule = as_schedule(network.optimizer.learning_rate)
        self._stop: str | None = None
        self._begun = False
        self._whole = True  # False while a step, or the record of an epoch, is half done
        self._told_end = True  # until it has begun
        self._resume = resume
        self._doubts: list[TrainingWarning] = []  # not told yet
        self._range: InputRange | None = None  # of the samples
        self._columns: tuple[str, ...] | None = None  # their names, and those of the classes, where they have some
        self._classes: tuple[str, ...] | None = None
        self._other_scale = False  # whether they are of another one than in the network's trainings before
        self._callbacks, self._functions = _callbacks(callbacks)
        compiled = network.engine == "compiled" and self.batches_per_step == 1
        self._compiles_steps = compiled and not any(
            c.each_step and type(c).after_step is not Callback.after_step for c in self._callbacks
        )
        looked_at = self._callbacks or self._functions or self.metrics or network.optimizer.ema is not None
        self._compiles_epochs = compiled and not looked_at
        self._after_step = [c for c in self._callbacks if type(c).after_step is not Callback.after_step]
        self._source, held = self._sources(
            X, y, batch_size, validation_data, validation_split, sample_weight, class_weight, shuffle, augment
        )
        validation_data = validation_data if held is None else held
        packed = held is not None
        self._validation = None if validation_data is None else self._checked_validation(validation_data, packed)
        if self._validation is not None and isinstance(self._source, ArraySource):
            self._source.validation = self._validation
        self._on_training = {name: measure for name, measure in self.metrics.items() if measure.on_training}
        if self._validation is None and len(self._on_training) < len(self.metrics):
            name = next(name for name in self.metrics if name not in self._on_training)
            raise _no_validation("train metrics", name)
        if network.built:
            for measure in self.metrics.values():
                measure.check(network.heads)
        self.monitor = self._monitored_column(monitor)
        self._attributes = len(vars(self)) + 1  # this one too: a callback adds none

    def _sources(
        self,
        X: Samples | Dataset | Iterable[Sequence[npt.ArrayLike]],
        y: Samples | None,
        batch_size: int | None,
        validation_data: Dataset | Sequence[Samples | None] | None,
        validation_split: float,
        sample_weight: npt.ArrayLike | None,
        class_weight: Mapping[int, float] | Sequence[float] | str | None,
        shuffle: bool,
        augment: Augment | None,
    ) -> tuple[BatchSource, tuple[Any, ...] | None]:
        """Return where batches come from, and what is held out of them to validate on."""
        network = self.network
        size = None if batch_size is None else checks.whole("train batch_size", batch_size)
        share = checks.number("train validation_split", validation_split, least=0, below=1, like=0.1)
        given, (X, y) = X, samples_and_targets("train", network, X, y)
        self._columns = names_of(given)
        self._classes = given.class_names if isinstance(given, Dataset) else None
        if y is None:
            for name, value, instead in (
                ("sample_weight", sample_weight, "Let the iterable give (x, y, sample_weight)"),
                ("class_weight", class_weight, "Let the iterable give (x, y, sample_weight)"),
                ("validation_split", share or None, "Pass validation_data=(X, y)"),
                ("augment", augment, "Let the iterable change its batches"),
            ):
                if value is not None:
                    raise InputError(
                        "train", given=f"{name} with an iterable of batches", expected="arrays X and y", fix=instead
                    )
            return IterableSource(network, X, self._doubts, self._first_batch), None
        if network.named_inputs is None and not isinstance(X, Mapping):
            X = validation.samples("train", X, network.sample_shape)
            doubt = validation.rounded_doubt("train", X, network.input_dtype(network.dtype))
            self._doubts += [] if doubt is None else [doubt]
        x, target, weights = network.as_batch("train", X, y, sample_weight, mapped=True)
        expect_suited("train", network, given)
        network.check_finite("train", x)
        validation.finite("train", "y", target)
        network.check_targets("train", target)
        self._look_at("train", x)
        self._doubts += [doubt for head in network.heads for doubt in head.doubts("train", target, weights)]
        counts, weights = weights, weighted_by_class(network, target, weights, class_weight)
        rows = held = None
        if share:
            if validation_data is not None:
                raise InputError(
                    "train",
                    given="validation_data and validation_split",
                    expected="one of them",
                    fix="Leave validation_split out",
                )
            (x, target, weights), rows, held = held_out(network, x, target, weights, share, counts)
        generator = network.generators["shuffle"] if shuffle else None
        return ArraySource(network, (x, target, weights), size, generator, augment, rows), held

    def _look_at(self, where: str, x: Array) -> None:
        """Note how large the samples are, and doubt whether they are those that the network knows."""
        told = self.network.other_scale(where, x)
        self._range, self._other_scale = self.network.range_of_samples(x), told is not None
        if told is not None:
            self._doubts.append(TrainingWarning(**told, cause=InputWarning.cause))

    def _first_batch(self, x: Array) -> None:
        """Look at the first batch of those that come one by one, before its step."""
        if self._resume is None:
            self.network.beginning()  # what it is before it knows of any samples
            self._look_at("train", x)
            self.network.note_inputs(self._range, anew=self._other_scale)

    @property
    def starting_rate(self) -> float:
        """The learning rate of the step that comes next."""
        at, batches = self.position, self._source.count_batches()
        share = at.batches / batches if batches and not self._schedule.per_epoch else 0.0
        return self._schedule.rate(at.epoch - 1 + share, self.epochs, self._monitored)

    @property
    def beginning(self) -> str:
        """With which learning rate it begins, or goes on, and at which step of the optimizer."""
        network = self.network
        step = 1 + (network.optimizer_state.step if network.built else 0)
        return f"learning rate {self.starting_rate:g}, step {step:,} of {type(network.optimizer).__name__}"

    @property
    def metric_names(self) -> list[str]:
        """What the figures of an epoch beside its loss are called: on the training data, on the validation data."""
        validated = [] if self._validation is None else [*self._losses, *self.metrics]
        return [*self._losses, *self._on_training, *(f"{VALIDATION}{name}" for name in validated)]

    def _monitored_column(self, monitor: str | None) -> str:
        """Return the column of the history that says which epoch is best."""
        validated = self._validation is not None
        if monitor is None:
            return f"{VALIDATION}loss" if validated else "loss"
        known = ["loss", *([f"{VALIDATION}loss"] if validated else []), *self.metric_names]
        heads = [head.name for head in self.network.heads]
        name = usual_name(monitor, heads) if isinstance(monitor, str) else monitor
        name = next((one for one in known if name in (one, one.casefold())), name)
        if validated and f"{VALIDATION}{name}" in known:
            if name in known:
                raise InputError(
                    "train monitor",
                    given=f"{monitor!r} with validation data",
                    expected="one of two figures: that of the training data chooses what is learnt by heart",
                    fix=f'Pass monitor="{VALIDATION}{name}"',
                )
            name = f"{VALIDATION}{name}"
        if not validated and isinstance(name, str) and name.removeprefix(VALIDATION) in known and name not in known:
            raise _no_validation("train monitor", name.removeprefix(VALIDATION))
        figure = str(name).removeprefix(VALIDATION)
        of_head = next((head for head in heads if head and figure.startswith(f"{head}_".casefold())), "")
        if figure[len(of_head) + bool(of_head) :] in METRICS and name not in known:
            raise InputError(
                "train monitor",
                given=f"{monitor!r}, which is not measured",
                expected=f"one of {', '.join(known)}",
                fix=f'Pass metrics=["{figure}"] too',
            )
        return checks.one_of("train monitor", name, known)

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a training's

        def __getattr__(self, name: str) -> NoReturn:
            raise unknown_attribute(self, "training", name)

    def stop(self, reason: str = "stopped") -> None:
        """End training after the current step; the history says why."""
        self._stop = self._stop or reason

    def events(self) -> Events:
        """Train, and yield an event after each thing that happened; go through them once.

        The network belongs to this training until the last event, or until the generator is closed, which ends
        training as `stop` does. The event of a step is the same object each time.

        Yields
        ------
        Event

        Raises
        ------
        MisuseError
            If the events have been gone through before, or another thread trains the network.
        NonFiniteError
            If a loss or a gradient is NaN or infinite, before it could spoil the weights; `history` is on the error.
        """
        if self._begun:
            raise MisuseError(
                "Training.events",
                given="a training that has begun already",
                expected="each training once",
                fix="Make a new one: cr.training.Training(network, X, y, …)",
            )
        self._begun = True
        with self.network.hold.training("train"):
            if self.network.built:
                self.history.start = self.network.beginning()
            if self._resume is not None:
                from chainrule.training.checkpoint import restored_into  # it reads files, which most trainings don't

                self._restore(restored_into(self, self._resume))
            with by_size(self._work()), closing(self._run()) as run:
                for event in run:
                    yield event
                    self.network.hold.go_on()  # perhaps in another thread
            self._doubt_end()
        yield from self._warnings()
        yield Event("end", self)

    def _work(self) -> int:
        """Return about how many multiplications a step has."""
        if not self.network.built:  # batches of an unknown size, which are seldom large
            return 1_000_000
        return 3 * self.network.parameters.size * getattr(self._source, "batch_size", 32)

    def _run(self) -> Events:
        network, history = self.network, self.history
        history.kept = self.keep or ("last" if self._validation is None else "best")
        try:
            if network.built:
                if self._resume is None:
                    network.note_inputs(self._range, anew=self._other_scale)
                    network.note_columns(self._columns)
                    network.note_classes(self._classes)
                    self._doubt_schedule()
                    self._doubt_validation()
                if self._resume is not None or network.last_learning_rate is not None:
                    history.began = self.beginning
            for callback in self._callbacks:
                callback.begin(self)
            self._told_end = False
            self._source.record()
            yield Event("begin", self)
            yield from self._warnings()
            while not self._stop and self.position.epoch <= self.epochs:
                yield from self._epoch()
                if self._validation is None and not self._stop:
                    yield from self._compiled_epochs()
        except NonFiniteError as error:
            history.stopped = "non-finite"
            self._whole = True  # the step that failed has changed no weight
            error.history = history  # type: ignore[attr-defined]  # what was learnt until then
            raise
        except GeneratorExit:
            self.stop()
            raise
        finally:
            if self._stop:
                history.stopped = self._stop
            self._tell_end()
            if network.built:
                history.start = history.start or network._first
                if self.step:
                    network.parameters[:] = self._learnt()
                    network.note_rate(self.learning_rate)
                history.last_parameters, history.last_states = network.parameters.copy(), network.states()
            if history.kept == "best" and history.best_parameters is not None:
                network.parameters[:] = history.best_parameters
                network.set_states(history.best_states)
                if history.best_epoch is not None:
                    network.note_rate(history.epochs[history.best_epoch - 1].learning_rate)
            for callback in self._callbacks:
                callback.end(self)

    def snapshot(self) -> dict[str, Any]:
        """Return all that decides how training goes on, beyond the network: plain data, the history, the best weights.

        Raises
        ------
        MisuseError
            If a step is half done, as it is after a second Ctrl-C.
        """
        if not self._whole or not self._begun:
            raise MisuseError(
                "Training.snapshot",
                given="a training in the middle of a step" if self._begun else "a training that has not begun",
                expected="one between two steps",
                fix="Call it in a callback",
            )
        if self.step:
            self.network.note_rate(self.learning_rate)
        return {
            "position": asdict(self.position),
            "step": self.step,
            "learning_rate": self.learning_rate,
            "stopped": None if self._stop in (INTERRUPTED, TERMINATED) else self._stop,
            "batches_per_step": self.batches_per_step,
            "source": self._source.state(self.position.batches),
            "history": list(self.history.epochs),
            "best_parameters": self.history.best_parameters,
            "best_states": self.history.best_states,
        }

    def go_back(self) -> None:
        """Go back to the best weights; the optimizer begins anew, for its moments are those of the last ones.

        Raises
        ------
        InputError
            If there are none, since no epoch has come to its end.
        """
        history, network = self.history, self.network
        if history.best_parameters is None:
            raise InputError(
                "weights",
                given="'best' of a training in its first epoch",
                expected="one that has come to the end of an epoch, after which it was best",
                fix="Go on with the last ones",
            )
        network.parameters[:] = history.best_parameters
        network.set_states(history.best_states)
        state = network.optimizer_state
        state.restore({name: np.zeros_like(array) for name, array in state.arrays().items()}, 0)
        history.began = self.beginning

    def _restore(self, state: dict[str, Any]) -> None:
        self.position = Position(**state["position"])
        self.step, self.learning_rate = state["step"], state["learning_rate"]
        self._stop = state["stopped"]
        self._source.restore(state["source"], self.position.batches)
        for record in state["history"]:
            self.history.epochs.append(record)
            self._judge(record)
        if state["best_parameters"] is not None:
            self.history.best_parameters = np.array(state["best_parameters"])
            self.history.best_states = state["best_states"]

    def _epoch(self) -> Events:
        start = time.perf_counter()
        at, source, rate_at = self.position, self._source, self._schedule.rate
        constant = self._schedule.per_epoch
        done = at.epoch - 1
        event = Event("step", self)
        if self.network.built:
            check_learns("train", self.network.vector)
        if constant:
            self.learning_rate = rate_at(done, self.epochs, self._monitored)
        if self._compiles_steps and isinstance(source, ArraySource):
            steps = take_steps(source, at.batches, lambda share: rate_at(done + share, self.epochs, self._monitored))
            with closing(steps):
                for losses, shares, rates in steps:
                    rows = losses.reshape(len(losses), -1)
                    for (loss, *parts), share in zip(rows.tolist(), shares.tolist(), strict=True):
                        at.note(loss, share, of_heads=parts)
                    self.step, self.compiled_steps = self.step + len(rates), self.compiled_steps + len(rates)
                    self.loss, self.learning_rate = rows[-1, 0].item(), rates[-1]
                    self._tell_step()
                    yield event
                    if self._stop:
                        self._tell_end()
                        break
        take = self._single_steps if self.batches_per_step == 1 else self._accumulated_steps
        at_share = None if constant else lambda share: rate_at(done + share, self.epochs, self._monitored)
        for _ in () if self._stop else take(source.batches(at.batches), at_share):
            self._tell_step()
            yield event
            if self._doubts:
                yield from self._warnings()
            if self._stop:
                self._tell_end()
                break
        if at.steps == 0:
            if self._stop:  # by a signal, between two epochs
                return
            raise used_up(f"in epoch {at.epoch}")
        if not self._stop:
            self.network.optimizer_state.settle(at.steps)
        metrics: dict[str, Any] = self._of_heads([total / at.weight for total in at.of_heads])
        validation_loss = None
        with self._averaged():
            if self._on_training:
                metrics |= source.evaluate(self.network, self._on_training)
            if self._validation is not None:
                found = measured(self.network, self._validation, self.metrics)
                validation_loss = found.pop("loss")
                metrics |= {f"{VALIDATION}{name}": figure for name, figure in found.items()}
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
        self._record(record, self._learnt())
        for callback in self._callbacks:
            callback.after_epoch(self, record)
        for function in self._functions:
            function(self, record)
        self._expect_untouched(record.learning_rate)
        yield Event("epoch", self, record)

    def _of_heads(self, losses: Sequence[float]) -> dict[str, Any]:
        """Return the losses of several heads by name."""
        return dict(zip(self._losses, losses, strict=True))

    def _learnt(self) -> Array:
        """Return what has been learnt so far: the parameters, or their average where the optimizer keeps one."""
        averaged = self.network.plan.averaged()
        return self.network.parameters if averaged is None else averaged

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the network have what it has learnt, an average perhaps, while it is measured."""
        parameters, learnt = self.network.parameters, self._learnt()
        if learnt is parameters:
            yield
            return
        before = parameters.copy()
        parameters[:] = learnt
        try:
            yield
        finally:
            parameters[:] = before

    def _doubt_schedule(self) -> None:
        """Doubt a schedule that starts again on weights that it has come to the end with."""
        network = self.network
        before, first = network.last_learning_rate, self.starting_rate
        if before is None or isinstance(self._schedule, ConstantRate) or not network.schedule_ran:
            return
        if not math.isclose(before, first, rel_tol=1e-6):
            self._doubts.append(
                TrainingWarning(
                    "train",
                    given=f"a network that has been trained, and whose schedule starts again: learning rate {first:g}",
                    expected=f"one to go on with, such as {before:g}, to which that training had come",
                    fix=f"Set it: network.optimizer.learning_rate = {before:g} (--learning-rate {before:g}); to start "
                    "again, give a new schedule",
                    cause="schedule.again",
                )
            )

    def _doubt_validation(self) -> None:
        """Doubt validation samples of another scale than those that are trained on."""
        told = (
            None if self._validation is None else self.network.other_scale("train validation_data", self._validation[0])
        )
        if told is not None:
            self._doubts.append(TrainingWarning(**told, cause=InputWarning.cause))

    def _doubt_end(self) -> None:
        """Doubt a training that came to nothing, unless its user has ended it."""
        source, history = self._source, self.history
        user_ended = history.stopped in (INTERRUPTED, TERMINATED)
        if user_ended or not history.epochs or not self.step or not isinstance(source, ArraySource):
            return
        from chainrule.training.baseline import doubtful_end  # at the end of a training, not before its start

        at = history.best_epoch if history.kept == "best" and history.best_epoch else len(history)
        losses = history.epochs[0].loss, history.epochs[at - 1].loss
        doubt = doubtful_end(self.network, source, losses, self.step)
        self._doubts += [] if doubt is None else [doubt]

    def _warnings(self) -> Events:
        while self._doubts:
            yield Event("warning", self, warning=self._doubts.pop(0))

    def _compiled_epochs(self) -> Events:
        """Take whole epochs, many in a call, where they are short and nobody looks at the network between them."""
        source, schedule = self._source, self._schedule
        if not self._compiles_epochs or self.history.epochs[-1].seconds > SECONDS:
            return
        if not (isinstance(source, ArraySource) and isinstance(schedule, ConstantRate)):
            return
        self._compiles_epochs = False  # unless it turns out that it can be done
        with closing(take_epochs(source, self.epochs - self.position.epoch + 1, schedule.learning_rate)) as runs:
            for losses, shares, parameters, seconds in runs:
                self._compiles_epochs, self.learning_rate = True, schedule.learning_rate
                # added up as step by step, so that the sums are the same to the bit
                rows = losses.reshape(*shares.shape, -1)
                sums = (np.cumsum(table, axis=1)[:, -1].tolist() for table in (rows * shares[..., None], shares))
                steps = losses.shape[1]
                self.loss = rows[-1, -1, 0].item()
                records = []
                for (total, *parts), weight, array in zip(*sums, parameters, strict=True):
                    self.step, self.compiled_steps = self.step + steps, self.compiled_steps + steps
                    record = Epoch(
                        epoch=self.position.epoch,
                        loss=total / weight,
                        penalty=self.network.vector.penalty(array),
                        metrics=self._of_heads([part / weight for part in parts]),
                        validation_loss=None,
                        learning_rate=self.learning_rate,
                        steps=steps,
                        seconds=seconds,
                    )
                    self._record(record, array)
                    records.append(record)
                self.network.optimizer_state.settle(steps)
                for record in records:
                    yield Event("epoch", self, record)
                if self._stop:
                    return

    def _single_steps(self, batches: Iterable[Batch], rate_at: RateAt | None) -> Iterator[None]:
        """Take a step on each of these batches; the learning rate is that of its share of the epoch."""
        for x, y, weights, progress in batches:
            if rate_at is not None:
                self.learning_rate = rate_at(progress)
            share = len(x) if weights is None else float(weights.sum(dtype="float64"))
            if share == 0:  # nobody in this batch counts: there is nothing to learn from it
                self.position.batches += 1
                continue
            self._step(x, y, weights, share)
            yield

    def _accumulated_steps(self, batches: Iterable[Batch], rate_at: RateAt | None) -> Iterator[None]:
        """Take a step on each `batches_per_step` of these batches, and on what is left at the end of the epoch.

        The step is that of one batch of all their samples, and nothing stops in the middle of it: what it has had so
        far needn't be saved.
        """
        loss = weight = 0.0
        of_heads = [0.0 for _ in self._losses]
        count = 0
        for x, y, weights, progress in batches:
            if rate_at is not None and not count:
                self.learning_rate = rate_at(progress)
            count += 1
            share = len(x) if weights is None else float(weights.sum(dtype="float64"))
            if share:
                self._whole = False
                weight += share
                with quiet(), self.network.hold.stepping():
                    part = self.network.accumulate(x, y, weights, share / weight, self.learning_rate)
                loss += part * share
                if of_heads:
                    of_heads = [sum_ + p * share for sum_, p in zip(of_heads, self.network.head_losses(), strict=True)]
            if count == self.batches_per_step:
                if weight:
                    self._step_accumulated(loss / weight, weight, count, [part / weight for part in of_heads])
                    yield
                else:
                    self.position.batches += count
                loss = weight = 0.0
                of_heads = [0.0 for _ in self._losses]
                count = 0
        if weight:
            self._step_accumulated(loss / weight, weight, count, [part / weight for part in of_heads])
            yield

    def _step_accumulated(self, loss: float, weight: float, count: int, of_heads: Sequence[float]) -> None:
        with quiet(), self.network.hold.stepping():
            self.network.step_accumulated(self.learning_rate)
        self.loss = loss
        self.position.note(loss, weight, count, of_heads)
        self.step += 1
        self._whole = True

    def _step(self, x: Array, y: Array, weights: Array | None, share: float) -> None:
        hold = self.network.hold
        self._whole = hold.between_steps = False
        try:
            with quiet():
                self.loss = self.network.step(x, y, weights, self.learning_rate)
        finally:
            hold.between_steps = True
        self.position.note(self.loss, share, of_heads=self.network.head_losses() if self._losses else ())
        self.step += 1
        self._whole = True

    def _tell_step(self) -> None:
        rate = self.learning_rate
        for callback in self._after_step:
            callback.after_step(self)
        if self._after_step:
            self._expect_untouched(rate)

    def _expect_untouched(self, learning_rate: float) -> None:
        """Raise if a callback has set something that nobody reads: another library's `stop_training`, the rate."""
        if len(vars(self)) != self._attributes:
            for name in list(vars(self))[self._attributes :]:
                if not name.startswith("_"):
                    raise unknown_attribute(self, "training", name)
        if self.learning_rate != learning_rate:
            raise MisuseError(
                "Training.learning_rate",
                given=f"{self.learning_rate!r:.60}, set in a callback",
                expected="the rate of the last step, to be looked at: the optimizer says the next one",
                fix="Give the optimizer a schedule, cr.Adam(cr.StepDecay(0.01)), or class Mine(cr.Schedule)",
            )

    def _record(self, record: Epoch, parameters: Array) -> None:
        self._whole = False
        self.history.epochs.append(record)
        if self._judge(record):
            if self.history.best_parameters is None:
                self.history.best_parameters = parameters.copy()
            else:
                self.history.best_parameters[:] = parameters
            self.history.best_states = self.network.states()
        self.position = Position(record.epoch + 1)
        self._whole = True

    def _judge(self, record: Epoch) -> bool:
        """Note the monitored figure of an epoch, and return whether it is the best so far."""
        if self.monitor.removeprefix(VALIDATION) == "loss":
            figure = record.monitored
        else:
            figure = self._as_figure(record.metrics[self.monitor])
            figure = -figure if grows(self.monitor) else figure
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

    def _checked_validation(self, data: Any, packed: bool) -> tuple[Any, Any, Any]:
        """Return samples to validate on; `packed` where their targets come from a batch that was checked."""
        try:
            alone = isinstance(data, (Dataset, Mapping)) or names_of(data) is not None
            X, y, *rest = (data, None) if alone else data
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
        weights = rest[0] if rest else None
        if not packed:
            X, y = samples_and_targets(where, self.network, X, y, columns=self._columns, classes=self._classes)
        x, target, weights = self.network.as_batch(where, X, y, weights, mapped=True, packed=packed)
        self.network.check_finite(where, x)
        validation.finite(where, "y", target)
        self.network.check_targets(where, target)
        return x, target, weights


def _no_validation(where: str, name: str) -> InputError:
    return InputError(
        where,
        given=f"'{VALIDATION}{name}' without validation data",
        expected="samples to measure it on",
        fix=f"Pass validation_split=0.1, or {name!r} for the training data",
    )


def _callbacks(given: Any) -> tuple[list[Callback], list[AfterEpoch]]:
    """Return callbacks, and plain functions to be called after each epoch."""
    if given is None:
        given = ()
    elif isinstance(given, (Callback, str)) or not isinstance(given, Iterable):
        given = [given]
    given = list(given)
    functions = [c for c in given if not isinstance(c, Callback)]
    for function in functions:
        if not callable(function) or isinstance(function, (type, Configured)):
            raise InputError(
                "train callbacks",
                given=f"the class {function.__name__}" if isinstance(function, type) else repr(function)[:80],
                expected="callbacks, or functions of (training, epoch)",
                fix="Pass for example cr.EarlyStopping(patience=10)",
            )
    return [c for c in given if isinstance(c, Callback)], functions
