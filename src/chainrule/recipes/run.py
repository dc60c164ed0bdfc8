"""Running a recipe into a folder that holds all there is to know about the run, and all there is to go on from it.

The folder is made when the first epoch begins, so what is refused at the door leaves nothing behind; best and last
weights are saved whatever ended training: its last epoch, early stopping, Ctrl-C, or a loss that is not finite.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chainrule.data.opening import Folder
from chainrule.errors import FileError, InputError, nearest
from chainrule.nn import Network
from chainrule.recipes.build import augmentation, build
from chainrule.recipes.change import continued
from chainrule.recipes.environment import chosen_threads
from chainrule.recipes.figures import measure
from chainrule.recipes.folder import FILES, LAST, RECIPE, RESULT, expect_files, read_recipe
from chainrule.recipes.lock import RunLock
from chainrule.recipes.log import figure_lines
from chainrule.recipes.recipe import Recipe, checked
from chainrule.recipes.recorder import RunRecorder, Say
from chainrule.recipes.samples import Samples, gather
from chainrule.recipes.shelf import load
from chainrule.threads import exactly
from chainrule.training import Callback, EarlyStopping, History, train
from chainrule.training.checkpoint import read_state
from chainrule.training.events import INTERRUPTED, TERMINATED


@dataclass
class Result:
    """What came of a run.

    Attributes
    ----------
    recipe : str
    seed, epochs, parameters : int
        Epochs as they were run; how many numbers were learnt.
    seconds : float
        What training took, saving and measuring not counted.
    train, validation, test : dict or None
        Figures of the weights kept: loss, error_rate, mean_squared_error, min_confidence, each None where it has no
        meaning. Test samples are measured here, once.
    run : str
        The folder.
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

    def as_dict(self) -> dict[str, Any]:
        """Return what can be written as JSON; what is not finite, for which JSON has no word, as a text."""
        plain = ("recipe", "seed", "epochs", "seconds", "parameters", "train", "validation", "test", "run", "pictures")
        return {name: _finite(getattr(self, name)) for name in plain}

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it, by Ctrl-C or SIGTERM; `resume` goes on."""
        return self.history.stopped in (INTERRUPTED, TERMINATED)


def run(
    recipe: Recipe | str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] = "runs",
    callbacks: Sequence[Callback] = (),
    say: Say | None = None,
) -> Result:
    """Train as a recipe says, into a new folder.

    Parameters
    ----------
    recipe : Recipe, str or path
        A recipe, the name of a built-in one, or the path of a TOML file.
    out : path, default "runs"
        Where the folder is made: ``runs/xor-001``, or with the next free number.
    callbacks : sequence of Callback, optional
        What else shall happen during training.
    say : function of str, optional
        Is given each line of the log as it is written: ``say=print``.

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
    recipe = checked(recipe, f"recipe {recipe.name}") if isinstance(recipe, Recipe) else load(recipe)
    samples = gather(recipe)
    network = build(recipe, samples)
    recorder = RunRecorder(recipe, network, samples, _threads(recipe, network, samples), say, out=out)
    return _carried_out(recorder, callbacks)


def resume(
    folder: str | os.PathLike[str],
    *,
    epochs: int | None = None,
    learning_rate: float | None = None,
    callbacks: Sequence[Callback] = (),
    say: Say | None = None,
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
    callbacks : sequence of Callback, optional
    say : function of str, optional
        Is given each line of the log as it is written.

    Returns
    -------
    Result
        Its `seconds` are those of this part of the training.

    Raises
    ------
    FileError
        If there is no run, or a file of it is damaged, or is no plain file of this folder.
    InputError
        If there is nothing left to do, or the recipe or the data are others than before.
    MisuseError
        If somebody else is training the run.

    Examples
    --------
    >>> import tempfile
    >>> result = run("xor", out=tempfile.mkdtemp())
    >>> more = resume(result.run, epochs=10, learning_rate=0.01)
    >>> more.epochs, more.history.epochs[-1].learning_rate
    (510, 0.01)
    """
    with Folder("resume", folder, links=False) as opened:
        expect_files(opened, RECIPE, LAST)
        opened.expect_plain(FILES)
        lock = RunLock(opened)
        try:
            return _gone_on(opened, epochs, learning_rate, callbacks, say)
        finally:
            lock.release()


def _gone_on(
    folder: Folder, epochs: int | None, learning_rate: float | None, callbacks: Sequence[Callback], say: Say | None
) -> Result:
    """Go on with a run that nobody else may touch now."""
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
    samples = gather(recipe)
    network = build(recipe, samples)
    count = _threads(recipe, network, samples)
    return _carried_out(
        RunRecorder(recipe, network, samples, count, say, resumed=folder, notes=tuple(notes)), callbacks
    )


def _threads(recipe: Recipe, network: Network, samples: Samples) -> int:
    return (
        1
        if recipe.deterministic
        else chosen_threads(network, batch_size(recipe) or len(samples.train[0]), recipe.threads)
    )


def batch_size(recipe: Recipe) -> int | None:
    """Return how many samples a step has; None for all of them."""
    return None if recipe.batch_size in ("full", 0) else int(recipe.batch_size)


def _carried_out(recorder: RunRecorder, callbacks: Sequence[Callback]) -> Result:
    """Train, from the start or from the run's checkpoint, and measure what came of it."""
    recipe, network, samples = recorder.recipe, recorder.network, recorder.samples
    early = recipe.early_stopping
    stopping = [] if early is None else [EarlyStopping(early.patience, early.minimum_change)]
    with exactly(recorder.count), recorder:
        start = time.perf_counter()
        history = train(
            network,
            *samples.train,
            epochs=recipe.epochs,
            batch_size=batch_size(recipe),
            validation_data=samples.validation,
            class_weight=_class_weight(recipe, samples),
            metrics=() if samples.classes is None else ("error_rate",),
            callbacks=[recorder, *stopping, *callbacks],
            keep=recipe.keep,
            monitor=recipe.monitor,
            augment=None if recipe.augment is None else augmentation(recipe, samples),
            resume=recorder.at(LAST) if recorder.resumed else None,
        )
        seconds = time.perf_counter() - start
        # Whoever terminates a process doesn't wait long: everything is saved, and figures can be had later.
        parts = {} if history.stopped == TERMINATED else samples.parts
        figures = {name: measure(network, part) for name, part in parts.items()}
        result = Result(
            recipe=recipe.name,
            seed=recipe.seed,
            epochs=len(history),
            seconds=seconds,
            parameters=network.parameters.size,
            train=figures.get("train"),
            validation=figures.get("validation"),
            test=figures.get("test"),
            run=recorder.folder.path,
            network=network,
            history=history,
            samples=samples,
        )
        for line in ["", *recorder.ending_lines(), *figure_lines(figures)]:
            recorder.write(line)
        recorder.finish({**result.as_dict(), "stopped": history.stopped, "best_epoch": history.best_epoch})
        result.problem = recorder.problem
    if result.problem is not None and recorder.say is None:  # nobody has heard of it yet
        warnings.warn(str(result.problem), stacklevel=3)
    return result


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
