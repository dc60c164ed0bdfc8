"""Event files for TensorBoard: a callback that writes the figures of each epoch as they come, or all of a history.

It needs the extra, ``pip install '.[tensorboard]'`` in a clone, which is tensorboardX; TensorBoard itself is not needed
to write the files.
"""

from __future__ import annotations

import itertools
import os
import platform
import re
import struct
import time
import warnings
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import FileError, FileWarning, MissingExtraError, installing
from chainrule.files.atomic import failure
from chainrule.replay.names import Identifiers
from chainrule.training import Callback, Epoch, History, Training

__all__ = ["TensorBoard", "save"]

_TAG = re.compile(r"[\w.-][\w./-]*")


@checks.keywords
def save(history: History, folder: str | os.PathLike[str]) -> None:
    """Write the figures of a training that is over, epoch by epoch, as `TensorBoard` writes them while it runs.

    Parameters
    ----------
    history : History
    folder : path
        One for each training.

    Raises
    ------
    MissingExtraError
        If tensorboardX is not installed.
    FileError
        If the folder can't be written to.
    """
    checks.instance("tensorboard.save", history, History, "what cr.train returned")
    events = TensorBoard(folder)
    try:
        for epoch in history:
            events.write(epoch)
    except FileError:
        with suppress(FileError):
            events.close()
        raise
    events.close()


class TensorBoard(Callback):
    """Write losses, metrics and learning rate to a folder that ``tensorboard --logdir`` shows.

    What can't be written once training has begun, because the disk is full, is a warning and no reason to end it: it is
    kept and tried again with the next epoch.

    Parameters
    ----------
    folder : path
        One for each training; a file that is there already is left alone.

    Attributes
    ----------
    problem : FileError or None
        Why figures are still to be written; None if all are.

    Raises
    ------
    MissingExtraError
        If tensorboardX is not installed.
    FileError
        If the folder can't be written to.

    Examples
    --------
    ``cr.train(network, X, y, callbacks=[cr.tensorboard.TensorBoard("events/first")])``
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            import tensorboardX  # noqa: F401 -- all of it has to be there
            from tensorboardX.proto.event_pb2 import Event
            from tensorboardX.proto.summary_pb2 import Summary
            from tensorboardX.record_writer import masked_crc32c
        except ImportError as problem:
            raise MissingExtraError(
                "TensorBoard",
                given="no tensorboardX",
                expected="it to write event files with",
                fix=f"Run: {installing('tensorboard')}",
            ) from problem
        self.folder = os.fspath(folder)
        self.problem: FileError | None = None
        self._event, self._summary, self._checksum = Event, Summary, masked_crc32c
        self._tags: dict[str, str] = {}
        self._free = Identifiers()
        self._pending = b""
        try:
            self._file = self._opened()
            self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
            self._flush()
        except OSError as problem:
            raise self._failure(problem) from problem

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        first = self.problem is None
        try:
            self.write(epoch)
        except FileError as problem:
            if first:
                text = f"{problem} Training goes on, and tries again with the next epoch."
                warnings.warn(text, FileWarning, stacklevel=2)

    def end(self, training: Training) -> None:
        with suppress(FileError):  # it is warned of, and stands in `problem`
            self.close()

    def write(self, epoch: Epoch) -> None:
        """Write the figures of an epoch that are single numbers, and what could not be written before.

        Raises
        ------
        FileError
            If they can't be written now; they are kept.
        """
        for name, value in epoch.as_dict().items():
            if name != "epoch" and value is not None and np.ndim(value) == 0:
                single = self._summary.Value(tag=self._tag(name), simple_value=float(value))
                summary = self._summary(value=[single])
                self._add(self._event(wall_time=time.time(), step=epoch.epoch, summary=summary))
        self._write_all()

    def close(self) -> None:
        """Write what is left; nothing can be written afterwards.

        Raises
        ------
        FileError
            If it can't be written.
        """
        try:
            self._write_all()
        finally:
            os.close(self._file)

    def _tag(self, name: str) -> str:
        """Return what TensorBoard calls a figure: its name, or, of other characters than tags have, an identifier."""
        if name not in self._tags:
            free = _TAG.fullmatch(name) and name not in self._free.taken
            self._tags[name] = name if free else self._free.new(name)
            self._free.taken.add(self._tags[name])
        return self._tags[name]

    def _opened(self) -> int:
        """Return the descriptor of a new file in the folder, called as TensorBoard expects it."""
        os.makedirs(self.folder, exist_ok=True)
        name = os.path.join(self.folder, f"events.out.tfevents.{int(time.time())}.{platform.node()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        for number in itertools.count():
            try:
                return os.open(f"{name}.{number}" if number else name, flags, 0o666)
            except FileExistsError:  # of another training that began in this second
                pass
        raise AssertionError

    def _add(self, event: Any) -> None:
        """Add a record to what is to be written: its length and its bytes, each with a checksum."""
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        checksums = [struct.pack("<I", self._checksum(part)) for part in (length, data)]
        self._pending += length + checksums[0] + data + checksums[1]

    def _write_all(self) -> None:
        try:
            self._flush()
        except OSError as problem:
            self.problem = self._failure(problem)
            raise self.problem from problem
        self.problem = None

    def _flush(self) -> None:
        while self._pending:
            self._pending = self._pending[os.write(self._file, self._pending) :]

    def _failure(self, problem: OSError) -> FileError:
        return failure(f"TensorBoard {self.folder!r}", problem)
