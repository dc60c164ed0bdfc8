"""What records a run: makes or reopens its folder, writes the log, and saves all there is to go on from, now and then.

Everything but the log is written whole or not at all; the log is a line an epoch, and where a run was killed it is
brought back to the last checkpoint before the run goes on. What can't be written while the run is trained is said
once and tried again: a disk that fills up ends no training.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from signal import SIGTERM
from typing import Any

import msgspec

from chainrule.data.opening import Folder, FolderFile
from chainrule.errors import ChainruleError, FileError, printable
from chainrule.files import contents_of, write, write_atomically
from chainrule.nn import Network
from chainrule.ops.op import Array
from chainrule.recipes.environment import differences, environment, read_environment
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
    new_folder,
    read_bytes,
)
from chainrule.recipes.lock import RunLock
from chainrule.recipes.log import compiled_line, epoch_line, opening_lines, told_epoch
from chainrule.recipes.log_file import LogFile, read_rows, row
from chainrule.recipes.recipe import Recipe, stored, to_toml
from chainrule.recipes.samples import Samples
from chainrule.training import Epoch, History, Training
from chainrule.training.checkpoint import Checkpoint
from chainrule.training.events import TERMINATED
from chainrule.training.interrupt import on_signal

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
        That of a run to go on with, instead; nobody else may be training it.
    notes : sequence of str
        What to say of that.

    Attributes
    ----------
    folder : Folder
        From the first epoch on.
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
    ) -> None:
        super().__init__("", steps=recipe.checkpoint_steps, seconds=recipe.checkpoint_seconds)
        self.recipe, self.network, self.samples, self.out = recipe, network, samples, out
        self.count, self.say, self.notes = count, say, notes
        self.resumed = resumed is not None
        if resumed is not None:
            self.folder = resumed
        self.history = History()
        self.finished = False
        self.unwritten: dict[str, FileError] = {}
        self._best_saved: int | None = None
        self._first_step: int | None = None  # until it has been said whether steps are compiled
        self._logs: dict[str, LogFile] = {}
        self._stack = ExitStack()

    def begin(self, training: Training) -> None:
        self.history = training.history
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
        told = environment(compiled=self.recipe.compiled)
        opening = list(self.notes)
        if self.resumed:
            then = read_environment(self.folder)
            opening += [f"other bytes than before are possible: {said}" for said in differences(then, told)]
            self._bring_back(training)
        else:
            opening += opening_lines(self.recipe, self.network, self.samples, self.count)
        self._write(ENVIRONMENT, msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
        self._write(RECIPE, to_toml(stored(self.recipe, self.folder.path)))
        for name in (LOG, STORY):
            self._logs[name] = LogFile(self.at(name))
        self._stack.callback(self._close_logs)
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
        full = self._logs[LOG].full
        self._attempt(LOG, lambda: self._logs[LOG].add(row(epoch)))
        if self._logs[LOG].full and not full:
            self.write(f"{LOG} is full with {MOST[LOG]:,} bytes: later epochs are in {LAST} alone")
        if told_epoch(epoch.epoch, training.epochs):
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
        if history.epochs and not told_epoch(len(history), epochs):
            lines.append(epoch_line(history.epochs[-1], epochs, len(self.samples.train[0])))
        if history.stopped != "finished":
            lines.append(f"stopped in epoch {len(history)} of {epochs}: {history.stopped}")
        if history.kept == "best":
            lines.append(f"weights of epoch {history.best_epoch}, the best by {self.recipe.monitor}")
        return lines

    def write(self, line: str) -> None:
        """Write a line to the log and say it; what doesn't print in it is shown as an escape."""
        line = printable(line)
        if STORY in self._logs:
            self._attempt(STORY, lambda: self._logs[STORY].add(line))
        if self.say is not None:
            self.say(line)

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
        best: Array | None = self.history.best_parameters
        write(self.at(BEST), contents_of(self.network, parameters=best), where="run")
        self._best_saved = self.history.best_epoch

    def _tell_compiled(self, training: Training) -> None:
        self.write(compiled_line(self.recipe, training))
        self._first_step = None

    def _write(self, name: str, text: str) -> None:
        write_atomically(self.at(name), text.encode(), where="run")

    def _bring_back(self, training: Training) -> None:
        """Take the seconds of the epochs from the log, and leave in it those of the checkpoint only."""
        seconds = {epoch.epoch: epoch.seconds for epoch in read_rows(self.at(LOG))[0]}
        epochs = training.history.epochs
        epochs[:] = [replace(epoch, seconds=seconds.get(epoch.epoch, 0.0)) for epoch in epochs]
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
