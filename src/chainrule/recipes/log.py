"""The log of a run: the lines of text that are shown before and after its epochs, and the files that hold them.

A line that can't be written now, because the disk is full, is kept and tried again with the next one. What is read
may be a stranger's: a row is numbers by name or it is none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from chainrule.data.opening import FolderFile, open_file, shown
from chainrule.errors import FileError
from chainrule.files.atomic import failure
from chainrule.nn import Network
from chainrule.recipes.folder import MOST
from chainrule.recipes.recipe import Recipe
from chainrule.recipes.samples import Samples
from chainrule.training import Epoch, Training
from chainrule.training.figure_text import in_words, written
from chainrule.training.progress import loss_units


def opening_lines(recipe: Recipe, network: Network, samples: Samples, threads: int) -> list[str]:
    """Return what is being trained, on what."""
    counts = ", ".join(
        f"{len(part[0]):,} to {verb}"
        for verb, part in zip(("train on", "validate on", "test on"), samples.parts.values())
        if part is not None
    )
    title = f": {recipe.title}" if recipe.title else ""
    features = " x ".join(str(size) for size in samples.train[0].shape[1:])
    used = f"{recipe.dtype}, {threads} {'thread' if threads == 1 else 'threads'}"
    layers = recipe.layers if isinstance(recipe.layers, str) else f"{len(network.layers)} layers"
    return [
        f"{recipe.name}{title}",
        f"samples   {counts}; {features} {'feature' if features == '1' else 'features'}"
        + ("" if samples.classes is None else f", {len(samples.classes)} classes"),
        *(f"{'target' if samples.preparation is None else 'table'!s:<9} {note}" for note in samples.notes),
        *(f"unit      {unit}" for unit in loss_units(network)),
        f"network   {layers}, {network.parameters.size:,} parameters, seed {recipe.seed}, {used}",
    ]


def compiled_line(recipe: Recipe, training: Training) -> str:
    """Return whether steps are compiled, as the recipe asked, and why if they are not."""
    if training.compiled_steps:
        return "compiled  whole epochs"
    refused = training.network.summary().engine.partition("not compiled, because of ")[2]
    if refused:
        reason = refused
    elif training.history.epochs[-1].steps == 1:
        reason = "an epoch is a single step"
    else:
        reason = "something looks at every step, or the data are not in memory as they are computed with"
    return f"compiled  nothing, every step is replayed: {reason}"


def figure_lines(figures: Mapping[str, Mapping[str, Any] | None]) -> list[str]:
    """Return figures in words, a line for each part of the data that has some.

    The smallest probability that a true class got is said where no answer is wrong: it is how sure the least sure one
    is. Where some are wrong it says nothing more.
    """
    width = max((len(name) for name, part in figures.items() if part), default=0)
    lines = []
    for name, part in figures.items():
        if part:
            told = {key: value for key, value in part.items() if value is not None}
            if told.get("error_rate"):
                told.pop("min_confidence", None)
            lines.append(
                f"{name:<{width}}  " + "  ".join(f"{in_words(key)} {written(key, told[key], 5)}" for key in told)
            )
    return lines


_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_SAFELY = sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_MOST_METRICS, _LONGEST_NAME = 100, 100


class LogFile:
    """A file of a run that lines are added to.

    Parameters
    ----------
    file : FolderFile
        Made if it isn't there.

    Attributes
    ----------
    full : bool
        Whether it has reached the size that files of its kind may have; what is added then is dropped.

    Raises
    ------
    FileError
        If it is no plain file, or can't be opened.
    """

    def __init__(self, file: FolderFile) -> None:
        self.file, self.full = file, False
        self._pending = b""
        path, at = file.relative
        try:
            self._descriptor = os.open(path, _APPEND | _SAFELY, 0o666, **at)
        except OSError as problem:
            raise failure(f"run {shown(file)}", problem) from problem
        status = os.fstat(self._descriptor)
        self._size = status.st_size
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            self.close()
            raise FileError(
                f"run {shown(file)}",
                given="a file that has a second name elsewhere, or is none",
                expected="a file of this run alone",
                fix="Copy the run's folder, and go on with the copy",
            )

    def add(self, line: str) -> None:
        """Write a line, and what could not be written before.

        Raises
        ------
        FileError
            If it can't be written now; it is kept.
        """
        data = line.encode("utf-8", "backslashreplace") + b"\n"
        if self.full or self._size + len(self._pending) + len(data) > MOST[self.file.name]:
            self.full = True
        else:
            self._pending += data
        self.flush()

    def flush(self) -> None:
        """Write what could not be written before.

        Raises
        ------
        FileError
            If it still can't be.
        """
        try:
            while self._pending:
                count = os.write(self._descriptor, self._pending)
                self._size += count
                self._pending = self._pending[count:]
            if self._size and os.fstat(self._descriptor).st_nlink == 0:
                raise FileNotFoundError(2, "the file was removed")
        except OSError as problem:
            raise failure(f"run {shown(self.file)}", problem) from problem

    def close(self) -> None:
        """Close it."""
        os.close(self._descriptor)


def row(epoch: Epoch) -> str:
    """Return the figures of an epoch as a line of the log."""
    return msgspec.json.encode(epoch.as_dict()).decode()


def read_rows(file: FolderFile) -> tuple[list[Epoch], str]:
    """Return the epochs in a log, and what is wrong with it, if anything.

    Epochs are counted from 1 without gaps; the first line that is no such row ends the log. A line that a crash has
    cut off at its end is no fault.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from chainrule.data.opening import Folder
    >>> from chainrule.recipes import run
    >>> folder = run("xor", out=tempfile.mkdtemp()).run
    >>> epochs, problem = read_rows(Folder("run", folder).file("log.jsonl"))
    >>> len(epochs), problem
    (500, '')
    """
    epochs: list[Epoch] = []
    try:
        if file.status() is None:
            return epochs, ""
        with open_file("run", file, MOST[file.name]) as opened:
            for line in opened:
                if not line.endswith(b"\n"):
                    break
                epoch = _epoch(line, len(epochs) + 1)
                if epoch is None:
                    return epochs, f"line {len(epochs) + 1} of {file.name} is not one that chainrule writes"
                epochs.append(epoch)
    except FileError as problem:
        return epochs, str(problem)
    return epochs, ""


class _Row(msgspec.Struct):
    """What every line of the log says of an epoch; what else it says is metrics."""

    epoch: int
    loss: float
    penalty: float
    validation_loss: float | None
    learning_rate: Annotated[float, msgspec.Meta(ge=0)]
    steps: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    seconds: Annotated[float, msgspec.Meta(ge=0)]


_ROWS, _NUMBERS = msgspec.json.Decoder(_Row), msgspec.json.Decoder(dict[str, float | None])
_FIELDS = len(_Row.__struct_fields__)


def _epoch(line: bytes, number: int) -> Epoch | None:
    """Return a row of the log, None if this is none."""
    try:
        row = _ROWS.decode(line)
        metrics = {} if line.count(b'":') == _FIELDS else _metrics(_NUMBERS.decode(line))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if row.epoch != number or metrics is None:
        return None
    return Epoch(
        row.epoch, row.loss, row.penalty, metrics, row.validation_loss, row.learning_rate, row.steps, row.seconds
    )


def _metrics(numbers: dict[str, float | None]) -> dict[str, Any] | None:
    """Return the metrics among the numbers of a row; None if there are too many, or one has no name to be shown."""
    found = {name: value for name, value in numbers.items() if name not in _Row.__struct_fields__ and value is not None}
    shown = all(name.isprintable() and len(name) <= _LONGEST_NAME for name in found)
    return found if shown and len(found) <= _MOST_METRICS else None
