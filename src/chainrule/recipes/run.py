"""Running a recipe into a folder that holds all there is to know about the run, and all there is to go on from it.

The folder is made when the first epoch begins, so what is refused at the door leaves nothing behind; best and last
weights are saved whatever ended training: its last epoch, early stopping, Ctrl-C, or a loss that is not finite.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import msgspec

from chainrule.errors import ChainruleError, FileError, InputError, nearest
from chainrule.nn import Network
from chainrule.recipes.build import build
from chainrule.recipes.environment import chosen_threads, environment, threads
from chainrule.recipes.figures import measure
from chainrule.recipes.folder import BEST, LAST, RECIPE, new_folder
from chainrule.recipes.log import epoch_line, figure_lines, opening_lines, told_epoch
from chainrule.recipes.recipe import Recipe, stored, to_toml
from chainrule.recipes.samples import Samples, gather
from chainrule.recipes.shelf import load
from chainrule.training import Callback, EarlyStopping, Epoch, History, Training, train

Say = Callable[[str], Any]


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

    def as_dict(self) -> dict[str, Any]:
        """Return what can be written as JSON."""
        plain = ("recipe", "seed", "epochs", "seconds", "parameters", "train", "validation", "test", "run", "pictures")
        return {name: getattr(self, name) for name in plain}

    @property
    def interrupted(self) -> bool:
        """Whether somebody stopped it by Ctrl-C."""
        return self.history.stopped == "interrupted"


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
    recipe = recipe if isinstance(recipe, Recipe) else load(recipe)
    samples = gather(recipe)
    network = build(recipe, samples)
    X, y = samples.train
    batch_size = None if recipe.batch_size in ("full", 0) else int(recipe.batch_size)
    count = chosen_threads(network, batch_size or len(X), recipe.threads)
    keeper = _Keeper(recipe, network, samples, out, count, say)
    class_weight = _class_weight(recipe, samples)
    early = recipe.early_stopping
    stopping = [] if early is None else [EarlyStopping(early.patience, early.minimum_change)]
    with threads(count), keeper:
        start = time.perf_counter()
        history = train(
            network,
            X,
            y,
            epochs=recipe.epochs,
            batch_size=batch_size,
            validation_data=samples.validation,
            class_weight=class_weight,
            metrics=() if samples.classes is None else ("error_rate",),
            callbacks=[keeper, *stopping, *callbacks],
            keep=recipe.keep,
            monitor=recipe.monitor,
        )
        seconds = time.perf_counter() - start
        keeper.save()
        figures = {name: measure(network, part) for name, part in samples.parts.items()}
        for line in ["", *keeper.ending(), *figure_lines(figures)]:
            keeper.write(line)
    return Result(
        recipe=recipe.name,
        seed=recipe.seed,
        epochs=len(history),
        seconds=seconds,
        parameters=network.parameters.size,
        train=figures["train"],
        validation=figures["validation"],
        test=figures["test"],
        run=keeper.folder,
        network=network,
        history=history,
        samples=samples,
    )


class _Keeper(Callback):
    """Makes the folder, writes the log, and saves the weights whatever happens."""

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        samples: Samples,
        out: str | os.PathLike[str],
        count: int,
        say: Say | None,
    ) -> None:
        self.recipe, self.network, self.samples, self.out = recipe, network, samples, out
        self.count, self.say = count, say
        self.folder = ""
        self.history = History()
        self.saved = False
        self._files: list[IO[Any]] = []

    def begin(self, training: Training) -> None:
        self.history = training.history
        self.folder = new_folder(self.out, self.recipe.name)
        told = environment()
        self._write_new(RECIPE, to_toml(stored(self.recipe, self.folder)))
        self._write_new("environment.json", msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        try:
            for name in ("log.jsonl", "log.txt"):
                self._files.append(open(os.path.join(self.folder, name), "x", encoding="utf-8"))  # noqa: SIM115 -- closed in __exit__
        except OSError as problem:
            raise self._unwritable(problem) from None
        for line in opening_lines(self.recipe, self.network, self.samples, self.count):
            self.write(line)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        self._files[0].write(msgspec.json.encode(epoch.as_dict()).decode() + "\n")
        self._files[0].flush()
        if told_epoch(epoch.epoch, training.epochs):
            self.write(epoch_line(epoch, training.epochs, len(self.samples.train[0])))

    def ending(self) -> list[str]:
        """Return how training ended, and which weights it left."""
        history, epochs = self.history, self.recipe.epochs
        lines = []
        if history.epochs and not told_epoch(len(history), epochs):
            lines.append(epoch_line(history.epochs[-1], epochs, len(self.samples.train[0])))
        if history.stopped != "finished":
            lines.append(f"stopped in epoch {len(history)} of {epochs}: {history.stopped}")
        if history.kept == "best":
            lines.append(f"weights of epoch {history.best_epoch}, the best by {self.recipe.monitor}")
        return lines

    def write(self, line: str) -> None:
        """Write a line to the log and say it."""
        if len(self._files) == 2:
            self._files[1].write(line + "\n")
            self._files[1].flush()
        if self.say is not None:
            self.say(line)

    def save(self) -> None:
        """Save the last and the best weights; the network has those it kept afterwards."""
        from chainrule.files import save

        network, history = self.network, self.history
        kept = network.parameters.copy()
        for name, parameters in ((LAST, history.last_parameters), (BEST, history.best_parameters)):
            if parameters is not None:
                network.parameters[:] = parameters
            save(network, os.path.join(self.folder, name))
        network.parameters[:] = kept
        self.saved = True

    def __enter__(self) -> _Keeper:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        try:
            if self.folder and not self.saved:
                if isinstance(problem, ChainruleError):
                    self.write(f"stopped: {problem}")
                self.save()
        finally:
            for file in self._files:
                file.close()

    def _write_new(self, name: str, text: str) -> None:
        try:
            with open(os.path.join(self.folder, name), "x", encoding="utf-8") as file:
                file.write(text)
        except OSError as problem:
            raise self._unwritable(problem) from None

    def _unwritable(self, problem: OSError) -> FileError:
        return FileError(
            "run folder",
            given=f"{self.folder!r}, where nothing can be written ({problem.strerror})",
            expected="a folder that can be written to",
            fix="Make room, or name another one: --out DIR",
        )


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
