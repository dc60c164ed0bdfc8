"""Running a recipe into a folder that holds all there is to know about the run, and all there is to go on from it.

The folder is made when the first epoch begins, so a refused recipe leaves nothing behind; best and last weights are
saved whatever ended training: its last epoch, early stopping, Ctrl-C, or a loss that is not finite. Everything but the
log is written whole or not at all; where a run was killed its log is brought back to the last checkpoint before the
run goes on. What can't be written while the run is trained is said once and tried again: a disk that fills up ends no
training.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from signal import SIGTERM
from typing import Any

import msgspec
from msgspec.structs import replace as replace_in

from chainrule import checks
from chainrule.data.opening import Folder, FolderFile, absolute, shown
from chainrule.errors import ChainruleError, FileError, FileWarning, InputError, nearest, printable
from chainrule.files import Weights, contents_of, write, write_atomically
from chainrule.files import load as load_model
from chainrule.nn import Network
from chainrule.recipes.build import augmentation, build
from chainrule.recipes.environment import chosen_threads, differences, environment, read_environment
from chainrule.recipes.evaluation import measure
from chainrule.recipes.folder import (
    BEST,
    ENVIRONMENT,
    FILES,
    LAST,
    LOG,
    MOST,
    RECIPE,
    RESULT,
    STORY,
    RunLock,
    expect_files,
    new_folder,
    read_bytes,
    read_recipe,
    read_result,
)
from chainrule.recipes.log import (
    LogFile,
    compiled_line,
    figure_lines,
    opening_lines,
    read_rows,
    row,
)
from chainrule.recipes.moved_data import expect_same, samples_of_run
from chainrule.recipes.parent import Parent, prepared, shown_path
from chainrule.recipes.recipe import Recipe, Start, checked, continued, stored, to_toml
from chainrule.recipes.run_baselines import baselines
from chainrule.recipes.runs import named_recipe
from chainrule.recipes.samples import Samples, decided, gather
from chainrule.threads import exactly
from chainrule.training import Callback, EarlyStopping, Epoch, History, Training
from chainrule.training.baseline import baseline_lines
from chainrule.training.checkpoint import Checkpoint, read_state
from chainrule.training.events import INTERRUPTED, TERMINATED
from chainrule.training.figure_text import in_words
from chainrule.training.interrupt import on_signal
from chainrule.training.loop import go_through
from chainrule.training.progress import Verbose, as_verbose, epoch_line, has_line, not_shown


@dataclass
class Result:
    """What came of a run.

    Attributes
    ----------
    recipe : str
    start : dict or None
        Whose weights it began with, where those of another run: ``run`` and ``weights``.
    seed, epochs, parameters : int
        Epochs as they were run; how many numbers were learnt.
    seconds : float
        What training took, in all parts of a run that was stopped and went on; of a part that was killed its epochs.
    train, validation, test : dict or None
        Figures of the weights kept: loss, error_rate, mean_squared_error, min_confidence, each None where it has no
        meaning. Test samples are measured here, once.
    run : str
        The folder.
    baselines : dict or None
        The error rate, or the root mean squared error, of the ``network`` beside that of a ``linear`` model and of one
        ``constant`` answer, on the last ``part`` of the samples; where the data come from a file.
    pictures : list of str
        The paths of its pictures.
    network : Network
    history : History
    samples : Samples
    problem : FileError or None
        Which files of the run could not be written, and why: None where all are.
    """

    recipe: str
    seed: int
    epochs: int
    seconds: float
    parameters: int
    train: dict[str, Any] | None
    validation: dict[str, Any] | None
    test: dict[str, Any] | None
    run: str
    network: Network = field(repr=False)
    history: History = field(repr=False)
    samples: Samples = field(repr=False)
    pictures: list[str] = field(default_factory=list)
    problem: FileError | None = None
    start: dict[str, Any] | None = None
    baselines: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what can be written as JSON; what is not finite, for which JSON has no word, as a text."""
        plain = (
            "recipe",
            "start",
            "seed",
            "epochs",
            "seconds",
            "parameters",
            "train",
            "validation",
            "test",
            "baselines",
            "run",
            "pictures",
        )
        return {name: _finite(getattr(self, name)) for name in plain}

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped by Ctrl-C or SIGTERM; `resume` goes on."""
        return self.history.stopped in (INTERRUPTED, TERMINATED)


@checks.keywords
def run(
    recipe: Recipe | str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] = "runs",
    callbacks: Sequence[Callback] = (),
    notes: Sequence[str] = (),
    say: Say | None = None,
    verbose: bool | int | None = None,
) -> Result:
    """Train as a recipe says, into a new folder.

    Parameters
    ----------
    recipe : Recipe, str or path
        A recipe, the name of a built-in one, the path of a TOML file, or the folder of a run, whose recipe it is.
        Where it says so, as after ``override(recipe, start=RUN)``, training begins with the weights of another run.
    out : path, default "runs"
        Where the folder is made: ``runs/xor-001``, or with the next free number.
    callbacks : sequence of Callback, optional
        What else shall happen during training.
    notes : sequence of str, optional
        Lines that its log begins with.
    say : function of str, optional
        Is given each line of the log as it is written: ``say=print``.
    verbose : bool, int or None, optional
        What is shown beside that, as `cr.train` takes it: a bar on a terminal and in a notebook where left out. It
        goes away in the end if `say` is given, for the log has its figures then.

    Returns
    -------
    Result

    Raises
    ------
    InputError, FileError
        If the recipe or its data can't be used; nothing has been written then.
    NonFiniteError
        If a loss or a gradient became NaN or infinite; what was learnt until then is saved.

    Examples
    --------
    >>> import tempfile
    >>> result = run("xor", out=tempfile.mkdtemp())
    >>> result.train["error_rate"], result.train["min_confidence"] > 0.99
    (0.0, True)
    """
    shown = as_verbose(verbose)
    said: list[str] = []
    if isinstance(recipe, Recipe):
        recipe = checked(recipe, f"recipe {recipe.name}")
    else:
        recipe, said = named_recipe(recipe)
    network, samples, parent = prepared(recipe)
    recipe = decided(recipe, samples)
    if parent is not None:
        recipe = replace_in(recipe, start=Start(parent.path, parent.weights))
    count = _threads(recipe, network, samples)
    recorder = RunRecorder(recipe, network, samples, count, say, out=out, notes=(*notes, *said), parent=parent)
    return _train(recorder, callbacks, shown)


@checks.keywords
def resume(
    folder: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    learning_rate: float | None = None,
    weights: str = "last",
    data: str | os.PathLike[str] | None = None,
    callbacks: Sequence[Callback] = (),
    say: Say | None = None,
    verbose: bool | int | None = None,
) -> Result:
    """Go on with a run where it was stopped, or killed: to the same bytes as if that had never happened.

    The same bytes need the same machine, versions and threads; where they differ, the log says so. A run that came
    to its end goes on if it is given more epochs.

    Parameters
    ----------
    folder : path
        The run's.
    epochs : int, optional
        How many more, counted from the last whole epoch, instead of those that are left.
    learning_rate : float, optional
        From now on, constant, instead of the recipe's rates; moments and steps of the optimizer are kept.
    weights : {"last", "best"}
        ``"best"`` goes back to the best weights first: the optimizer begins anew then, since its moments are those of
        the last ones.
    data : path, optional
        Where its data file is by now, if it is nowhere near the place that the run names. It has to hold the same
        samples, which is seen by their digest; the run names this place from then on.
    callbacks : sequence of Callback, optional
    say : function of str, optional
        Is given each line of the log as it is written.
    verbose : bool, int or None, optional
        As `run` takes it.

    Returns
    -------
    Result

    Raises
    ------
    FileError
        If there is no run, or a file of it is damaged, or is no plain file of this folder.
    InputError
        If there is nothing left to do, no best weights to go back to, or the recipe or the data are others than
        before.
    MisuseError
        If another process is training the run.

    Examples
    --------
    >>> import tempfile
    >>> result = run("xor", out=tempfile.mkdtemp())
    >>> more = resume(result.run, epochs=10, learning_rate=0.01)
    >>> more.epochs, more.history.epochs[-1].learning_rate
    (510, 0.01)
    """
    shown = as_verbose(verbose)
    checks.one_of("weights", weights, ("last", "best"))
    with Folder("resume", folder, links=False) as opened:
        expect_files(opened, RECIPE, LAST)
        opened.expect_plain(FILES)
        lock = RunLock(opened)
        try:
            return _resume(opened, epochs, learning_rate, weights, data, callbacks, say, shown)
        finally:
            lock.release()


def _resume(
    folder: Folder,
    epochs: int | None,
    learning_rate: float | None,
    weights: str,
    data: str | os.PathLike[str] | None,
    callbacks: Sequence[Callback],
    say: Say | None,
    verbose: Verbose,
) -> Result:
    """Go on with a run that is locked for this process."""
    then, position = read_recipe(folder), read_state(folder.file(LAST))
    planned = epochs is None and learning_rate is None
    if planned and folder.file(RESULT).status() and position.ended:
        raise InputError(
            f"run {folder.path!r}",
            given=f"a run that came to its end after {position.epoch - 1} epochs",
            expected="one with something left to do",
            fix="Add --epochs N (in Python epochs=N) to go on for so many more",
        )
    recipe = continued(then, position.epoch - 1, epochs=epochs, learning_rate=learning_rate)
    notes = [f"resumed in epoch {position.epoch} after {position.steps} of its steps, {position.step:,} in all"]
    if learning_rate is not None:
        notes.append(f"learning rate {learning_rate:g} from here on, {position.learning_rate:g} until here")
    if epochs is not None:
        notes.append(f"{recipe.epochs} epochs in all, {then.epochs} before")
    # What it began with is in its own folder by now: the run that it came from may be another one, or gone.
    like = load_model(folder.file(LAST)) if recipe.start is not None or recipe.data.file is not None else None
    if data is not None:
        recipe = _at(recipe, data)
        samples = gather(recipe, like)
    else:
        recipe, samples, found = samples_of_run(recipe, folder, like, option=", or add --data FILE (in Python data=)")
        notes += found
    expect_same(recipe, samples, folder)
    network = build(recipe, samples, like if recipe.start is not None else None)
    count = _threads(recipe, network, samples)
    recorder = RunRecorder(recipe, network, samples, count, say, resumed=folder, notes=tuple(notes), weights=weights)
    return _train(recorder, callbacks, verbose)


def _at(recipe: Recipe, file: str | os.PathLike[str]) -> Recipe:
    """Return the recipe of a run whose data file is elsewhere."""
    if recipe.data.file is None:
        raise InputError(
            "resume data",
            given=shown(file),
            expected=f"nothing, for the run was trained on {recipe.data.name}",
            fix="Leave it out, or begin a run of its own: chainrule train --from RUN --data FILE --target COLUMN",
        )
    return replace_in(recipe, data=replace_in(recipe.data, file=absolute("data", file)))


def _threads(recipe: Recipe, network: Network, samples: Samples) -> int:
    return (
        1
        if recipe.deterministic
        else chosen_threads(network, batch_size(recipe) or len(samples.train[0]), recipe.threads)
    )


def batch_size(recipe: Recipe) -> int | None:
    """Return how many samples a step has; None for all of them."""
    return None if recipe.batch_size in ("full", 0) else int(recipe.batch_size)


def batching(recipe: Recipe) -> dict[str, Any]:
    """Return how the samples are cut into steps, as `train` takes it."""
    return {
        "batch_size": batch_size(recipe),
        "gradient_accumulation_steps": recipe.gradient_accumulation_steps,
        "shuffle": recipe.shuffle,
    }


def _train(recorder: RunRecorder, callbacks: Sequence[Callback], verbose: Verbose) -> Result:
    """Train, from the start or from the run's checkpoint, and measure what came of it."""
    recipe, network, samples = recorder.recipe, recorder.network, recorder.samples
    early = recipe.early_stopping
    stopping = [] if early is None else [EarlyStopping(early.patience, early.minimum_change)]
    with exactly(recorder.count), recorder:
        began = time.perf_counter()
        training = Training(
            network,
            *samples.train,
            epochs=recipe.epochs,
            **batching(recipe),
            validation_data=samples.validation,
            class_weight=_class_weight(recipe, samples),
            metrics=_metrics(samples),
            callbacks=[recorder, *stopping, *callbacks],
            keep=recipe.keep,
            monitor=recipe.monitor,
            augment=augmentation(recipe, samples),
            resume=recorder.at(LAST) if recorder.resumed else None,
        )
        history = go_through(training, verbose, stacklevel=5, lasting=recorder.say is None)
        seconds = time.perf_counter() - began
        # A process that is terminated has little time: everything is saved, and figures can be measured later.
        parts = {} if history.stopped == TERMINATED else samples.parts
        figures = {name: measure(network, part) for name, part in parts.items()}
        beside = baselines(recipe, network, samples, figures)
        start = recipe.start
        result = Result(
            recipe=recipe.name,
            seed=recipe.seed,
            epochs=len(history),
            seconds=recorder.seconds_before + seconds,
            parameters=network.parameters.size,
            train=figures.get("train"),
            validation=figures.get("validation"),
            test=figures.get("test"),
            run=recorder.folder.path,
            network=network,
            history=history,
            samples=samples,
            start=None if start is None else {"run": shown_path(start.run), "weights": start.weights},
            baselines=beside,
        )
        told = [] if beside is None else baseline_lines(beside)
        for line in ["", *recorder.ending_lines(), *figure_lines(figures), *told]:
            recorder.write(line)
        recorder.finish({**result.as_dict(), "stopped": history.stopped, "best_epoch": history.best_epoch})
        result.problem = recorder.problem
    if result.problem is not None and recorder.say is None:  # nobody has heard of it yet
        warnings.warn(str(result.problem), FileWarning, stacklevel=4)  # whoever called run, or resume
    return result


def _metrics(samples: Samples) -> tuple[str, ...]:
    """Return what is measured after each epoch: of the training data only where there are no others, for it takes time.

    The training data are measured once, in the end.
    """
    if samples.classes is None:
        return ()
    return ("error_rate",) if samples.validation is None else ("validation_error_rate",)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _class_weight(recipe: Recipe, samples: Samples) -> dict[int, float] | str | None:
    """Return weights by class index where the recipe has them by class name."""
    if not isinstance(recipe.class_weight, dict):
        return recipe.class_weight
    classes = samples.classes or ()
    for name in recipe.class_weight:
        if name not in classes:
            raise InputError(
                f"recipe {recipe.name}, class_weight",
                given=f"the class {name!r}"[:80],
                expected="a class of the data",
                fix=nearest(name, classes),
            )
    return {classes.index(name): weight for name, weight in recipe.class_weight.items()}


Say = Callable[[str], Any]


class RunRecorder(Checkpoint):
    """Records one run.

    Parameters
    ----------
    recipe, network, samples
        What is run.
    count : int
        Threads.
    say : function of str, optional
        Is given each line of the log.
    out : path
        Where a new folder is made.
    resumed : Folder, optional
        That of a run to go on with, instead; no other process may be training it.
    notes : sequence of str
        What to say of that.
    parent : Parent, optional
        With whose weights it begins.
    weights : {"last", "best"}
        With which of its own a resumed run goes on.

    Attributes
    ----------
    folder : Folder
        From the first epoch on.
    seconds_before : float
        What the parts of a resumed run took before this one.
    unwritten : dict of str to FileError
        The files of the run that are not written as they should be, and why.
    """

    folder: Folder

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        samples: Samples,
        count: int,
        say: Say | None,
        *,
        out: str | os.PathLike[str] = "runs",
        resumed: Folder | None = None,
        notes: tuple[str, ...] = (),
        parent: Parent | None = None,
        weights: str = "last",
    ) -> None:
        super().__init__("", steps=recipe.checkpoint_steps, seconds=recipe.checkpoint_seconds)
        self.recipe, self.network, self.samples, self.out = recipe, network, samples, out
        self.count, self.say, self.notes = count, say, notes
        self.resumed = resumed is not None
        if resumed is not None:
            self.folder = resumed
        self.history, self.monitor = History(), "loss"
        self.parent, self.weights = parent, weights
        self.seconds_before = 0.0
        self.finished = False
        self.unwritten: dict[str, FileError] = {}
        self._best_saved: int | None = None
        self._first_step: int | None = None  # until it has been said whether steps are compiled
        self._logs: dict[str, LogFile] = {}
        self._stack = ExitStack()

    def begin(self, training: Training) -> None:
        self.history, self.monitor = training.history, training.monitor
        if not self.resumed:
            self.folder = self._stack.enter_context(Folder("run", new_folder(self.out, self.recipe.name), links=False))
        try:
            if not self.resumed:
                self._stack.callback(RunLock(self.folder).release)
            self._begin_files(training)
        except ChainruleError:
            if not self.resumed:  # nothing has been learnt yet, and half a run is none
                self._close_logs()
                shutil.rmtree(self.folder.path, ignore_errors=True)
            raise

    def _begin_files(self, training: Training) -> None:
        self.folder.expect_plain(FILES)
        self.path = self.at(LAST)
        if self.weights == "best":
            training.go_back()
        now = environment(compiled=self.recipe.compiled)
        opening = [*self._beginning(training), *self.notes]
        if self.resumed:
            then = read_environment(self.folder)
            opening += [f"other bytes than before are possible: {said}" for said in differences(then, now)]
            self._bring_back(training)
        else:
            opening += opening_lines(self.recipe, self.network, self.samples, self.count)
        self._write(ENVIRONMENT, msgspec.json.format(msgspec.json.encode(now), indent=2).decode() + "\n")
        self._write(RECIPE, to_toml(stored(self.recipe, self.folder.path)))
        for name in (LOG, STORY):
            self._logs[name] = LogFile(self.at(name))
        self._stack.callback(self._close_logs)
        self._stack.enter_context(on_signal(SIGTERM, lambda: training.stop(TERMINATED)))
        for line in opening:
            self.write(line)
        self._first_step = training.step if self.recipe.compiled else None
        super().begin(training)

    def _beginning(self, training: Training) -> list[str]:
        """Return with which rate, step and weights it goes on, if it doesn't begin from nothing."""
        if self.resumed:
            best = f"the best weights, of epoch {self.history.best_epoch}, and its optimizer anew"
            return [f"resumed   at {training.beginning}, with {best if self.weights == 'best' else 'the last weights'}"]
        return [] if self.parent is None else [f"begins    at {training.beginning}, with {self.parent}"]

    def after_step(self, training: Training) -> None:
        if self._first_step is not None and training.compiled_steps:
            self._tell_compiled(training)
        super().after_step(training)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        # Step by step, and a whole one: the few steps that a resumed run begins with say nothing.
        if self._first_step is not None and training.step - self._first_step >= epoch.steps:
            self._tell_compiled(training)
        full = self._logs[LOG].full
        self._attempt(LOG, lambda: self._logs[LOG].add(row(epoch)))
        if self._logs[LOG].full and not full:
            self.write(f"{LOG} is full with {MOST[LOG]:,} bytes: later epochs are in {LAST} alone")
        if has_line(epoch.epoch, training.epochs):
            self.write(epoch_line(epoch, training.epochs, len(self.samples.train[0])))

    def save(self, training: Training) -> None:
        """Save the checkpoint, and the best weights if they are others than before."""
        super().save(training)
        self.unwritten.pop(LAST, None)
        if self.history.best_epoch != self._best_saved:
            self._attempt(BEST, self._save_best)

    def ending(self, training: Training) -> None:
        if training.network.built:
            self._attempt(LAST, lambda: self.save(training), tries=2)

    def failed(self, error: FileError) -> None:
        self._missed(LAST, error)

    def finish(self, result: dict[str, Any]) -> None:
        """Save the best weights and the result, which says that the run has come to its end."""
        self._attempt(BEST, self._save_best, tries=2)
        for name, log in self._logs.items():
            self._attempt(name, log.flush, tries=2)
        if self.unwritten:  # a run without one of its files has not come to its end: resume brings it there
            self.unwritten[RESULT] = next(iter(self.unwritten.values()))
        else:
            self._attempt(RESULT, lambda: self._write(RESULT, json.dumps(result, indent=2) + "\n"))
            if RESULT in self.unwritten:
                with suppress(FileError):
                    self.at(RESULT).remove()
        self.finished = True

    @property
    def problem(self) -> FileError | None:
        """What is not written, in one error; None if everything is."""
        if not self.unwritten:
            return None
        last = next(reversed(self.unwritten.values()))
        names = ", ".join(name for name in FILES if name in self.unwritten)
        try:
            lost = self.at(LAST).status() is None
        except FileError:
            lost = True
        go_on = f"{last.fix}; then let it end from what is saved: chainrule resume {self.folder.path}"
        return FileError(
            f"run {self.folder.path!r}",
            given=f"{last.given}, which kept these from being written: {names}",
            expected="all files of the run to be whole",
            fix="Train once more: the folder is gone, and with it what was learnt" if lost else go_on,
        )

    def ending_lines(self) -> list[str]:
        """Return how training ended, and which weights it left."""
        history, epochs = self.history, self.recipe.epochs
        lines = []
        if history.epochs and not has_line(len(history), epochs):
            lines.append(epoch_line(history.epochs[-1], epochs, len(self.samples.train[0])))
        if history.stopped != "finished":
            lines.append(f"stopped in epoch {len(history)} of {epochs}: {history.stopped}")
        if history.kept == "best":
            lines.append(f"weights of epoch {history.best_epoch}, the best by {in_words(self.monitor)}")
        return lines

    def write(self, line: str) -> None:
        """Write a line to the log and say it; what doesn't print in it is shown as an escape."""
        line = printable(line)
        if STORY in self._logs:
            self._attempt(STORY, lambda: self._logs[STORY].add(line))
        if self.say is not None:
            try:
                self.say(line)
            except BrokenPipeError:  # nobody reads: Python's own way to end
                raise
            except OSError as problem:  # the line is in the log
                not_shown(problem)

    def at(self, name: str) -> FolderFile:
        """Return the place of a file in the folder."""
        return self.folder.file(name)

    def __enter__(self) -> RunRecorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        with self._stack:
            if self._logs and not self.finished:
                if isinstance(problem, ChainruleError):
                    self.write(f"stopped: {problem}")
                self._attempt(BEST, self._save_best)

    def _attempt(self, name: str, action: Callable[[], object], tries: int = 1) -> None:
        """Write a file; where that fails, say so the first time, and remember it until it has been written."""
        for _ in range(tries):
            try:
                action()
            except FileError as error:
                self._missed(name, error)
            else:
                self.unwritten.pop(name, None)
                return

    def _missed(self, name: str, error: FileError) -> None:
        first = not self.unwritten
        self.unwritten[name] = error
        if first:
            self.write(f"not written now, training goes on and tries again: {error}")

    def _save_best(self) -> None:
        history, weights = self.history, None
        if history.best_parameters is not None and history.best_epoch is not None:
            rate = history.epochs[history.best_epoch - 1].learning_rate
            weights = Weights(history.best_parameters, history.best_states, rate)
        write(self.at(BEST), contents_of(self.network, weights=weights), where="run")
        self._best_saved = history.best_epoch

    def _tell_compiled(self, training: Training) -> None:
        self.write(compiled_line(self.recipe, training))
        self._first_step = None

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.at(name), text.encode(), where="run")

    def _bring_back(self, training: Training) -> None:
        """Take the seconds of the epochs from the log, and leave in it those of the checkpoint only."""
        seconds = {epoch.epoch: epoch.seconds for epoch in read_rows(self.at(LOG))[0]}
        told = (read_result(self.at(RESULT))[0] or {}).get("seconds")
        epochs = training.history.epochs
        epochs[:] = [replace(epoch, seconds=seconds.get(epoch.epoch, 0.0)) for epoch in epochs]
        self.seconds_before = sum(epoch.seconds for epoch in epochs) if told is None else told
        text = "".join(f"{row(epoch)}\n" for epoch in epochs)
        self._write(LOG, text[: text.rfind("\n", 0, MOST[LOG]) + 1])
        # Written anew, so that no other name of the same file gets the lines that are added now.
        story = read_bytes(self.at(STORY)) if self.at(STORY).status() else b""
        write_atomically(self.at(STORY), story, where="run")
        self.at(RESULT).remove()

    def _close_logs(self) -> None:
        for log in self._logs.values():
            log.close()
        self._logs = {}
