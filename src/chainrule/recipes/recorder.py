"""What keeps a run: makes or reopens its folder, writes the log, and saves all there is to go on from, now and then.

Everything but the log is written whole or not at all; the log is a line an epoch, and where a run was killed it is
brought back to the last checkpoint before the run goes on.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from signal import SIGTERM
from typing import IO, Any

import msgspec

from chainrule.errors import ChainruleError, FileError
from chainrule.files import contents_of, write, write_atomically
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.recipes.environment import differences, environment
from chainrule.recipes.folder import BEST, ENVIRONMENT, LAST, LOG, RECIPE, RESULT, STORY, new_folder
from chainrule.recipes.log import compiled_line, epoch_line, opening_lines, told_epoch
from chainrule.recipes.recipe import Recipe, stored, to_toml
from chainrule.recipes.samples import Samples
from chainrule.training import Epoch, History, Training
from chainrule.training.checkpoint import Checkpoint
from chainrule.training.interrupt import on_signal
from chainrule.training.training import TERMINATED

Say = Callable[[str], Any]


class Keeper(Checkpoint):
    """Keeps one run.

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
    folder : path, optional
        That of a run to go on with, instead.
    notes : sequence of str
        What to say of that.
    """

    def __init__(
        self,
        recipe: Recipe,
        network: Network,
        samples: Samples,
        count: int,
        say: Say | None,
        *,
        out: str | os.PathLike[str] = "runs",
        folder: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__("", steps=recipe.checkpoint_steps, seconds=recipe.checkpoint_seconds)
        self.recipe, self.network, self.samples, self.out = recipe, network, samples, out
        self.count, self.say, self.notes = count, say, notes
        self.folder, self.resumed = folder or "", folder is not None
        self.history = History()
        self.finished = False
        self._best_saved: int | None = None
        self._first_step: int | None = None  # until it has been said whether steps are compiled
        self._files: list[IO[str]] = []
        self._stack = ExitStack()

    def begin(self, training: Training) -> None:
        self.history = training.history
        if not self.resumed:
            self.folder = new_folder(self.out, self.recipe.name)
        self.path = self.at(LAST)
        told = environment(compiled=self.recipe.compiled)
        opening = list(self.notes)
        if self.resumed:
            opening += [f"other bytes than before are possible: {said}" for said in differences(self._then(), told)]
        else:
            opening += opening_lines(self.recipe, self.network, self.samples, self.count)
        self._write(RECIPE, to_toml(stored(self.recipe, self.folder)))
        self._write(ENVIRONMENT, msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        if self.resumed:
            self._bring_back(training)
        try:
            for name in (LOG, STORY):
                file = open(self.at(name), "a", encoding="utf-8")  # noqa: SIM115 -- the stack closes it
                self._files.append(self._stack.enter_context(file))
        except OSError as problem:
            raise FileError(
                "run folder",
                given=f"{self.folder!r}, where nothing can be written ({problem.strerror})",
                expected="a folder that can be written to",
                fix="Make room, or name another one: --out DIR",
            ) from None
        self._stack.enter_context(on_signal(SIGTERM, lambda: training.stop(TERMINATED)))
        for line in opening:
            self.write(line)
        self._first_step = training.step if self.recipe.compiled else None
        super().begin(training)

    def after_step(self, training: Training) -> None:
        if self._first_step is not None and training.compiled_steps:
            self._tell_compiled(training)
        super().after_step(training)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        # Step by step, and a whole one: the few steps that a resumed run begins with say nothing.
        if self._first_step is not None and training.step - self._first_step >= epoch.steps:
            self._tell_compiled(training)
        self._files[0].write(msgspec.json.encode(epoch.as_dict()).decode() + "\n")
        self._files[0].flush()
        if told_epoch(epoch.epoch, training.epochs):
            self.write(epoch_line(epoch, training.epochs, len(self.samples.train[0])))

    def save(self, training: Training) -> None:
        """Save the checkpoint, and the best weights if they are others than before."""
        super().save(training)
        if self.history.best_epoch != self._best_saved:
            self._save_best()

    def failed(self, error: FileError) -> None:
        self.write(f"not saved now, training goes on: {error}")

    def finish(self, result: dict[str, Any]) -> None:
        """Save the best weights and the result, which says that the run has come to its end."""
        self._save_best()
        self.finished = True
        self._write(RESULT, json.dumps(result, indent=2) + "\n")

    def ending_lines(self) -> list[str]:
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

    def at(self, name: str) -> str:
        """Return the path of a file in the folder."""
        return os.path.join(self.folder, name)

    def __enter__(self) -> Keeper:
        return self

    def __exit__(self, kind: type[BaseException] | None, problem: BaseException | None, trace: object) -> None:
        with self._stack:
            if self._files and not self.finished:
                if isinstance(problem, ChainruleError):
                    self.write(f"stopped: {problem}")
                self._save_best()

    def _save_best(self) -> None:
        best: Array | None = self.history.best_parameters
        write(self.at(BEST), contents_of(self.network, parameters=best), where="run")
        self._best_saved = self.history.best_epoch

    def _tell_compiled(self, training: Training) -> None:
        self.write(compiled_line(self.recipe, training))
        self._first_step = None

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.at(name), text.encode(), where="run")

    def _then(self) -> dict[str, Any]:
        try:
            with open(self.at(ENVIRONMENT), encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            found = None
        return found if isinstance(found, dict) else {}

    def _bring_back(self, training: Training) -> None:
        """Take the seconds of the epochs from the log, and leave in it those of the checkpoint only."""
        seconds = logged_seconds(self.at(LOG))
        epochs = training.history.epochs
        epochs[:] = [replace(epoch, seconds=seconds.get(epoch.epoch, 0.0)) for epoch in epochs]
        rows = (msgspec.json.encode(epoch.as_dict()).decode() + "\n" for epoch in epochs)
        self._write(LOG, "".join(rows))
        if os.path.exists(self.at(RESULT)):
            os.unlink(self.at(RESULT))


def logged_seconds(path: str) -> dict[int, float]:
    """Return epoch -> seconds, as far as a log has them."""
    return {row["epoch"]: row["seconds"] for row in read_log(path) if math.isfinite(row["seconds"])}


def read_log(path: str) -> list[dict[str, Any]]:
    """Return the rows of a log; what a crash has cut off at its end, or nobody's log would say, is left out."""
    rows = []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                row = json.loads(line)
                if isinstance(row, dict) and type(row.get("epoch")) is int and type(row.get("seconds")) is float:
                    rows.append(row)
    except (OSError, ValueError, RecursionError):
        pass
    return rows
