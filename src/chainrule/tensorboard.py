"""Event files for TensorBoard: a callback that writes the figures of each epoch as they come, or all of a history.

It needs the extra, ``pip install "chainrule[tensorboard]"``, which is tensorboardX; TensorBoard itself is not needed
to write the files.
"""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import FileError, MissingExtraError, installing
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
    finally:
        events.close()


class TensorBoard(Callback):
    """Write losses, metrics and learning rate to a folder that ``tensorboard --logdir`` shows.

    Parameters
    ----------
    folder : path
        One for each training.

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
            from tensorboardX import SummaryWriter
        except ImportError as problem:
            raise MissingExtraError(
                "TensorBoard",
                given="no tensorboardX",
                expected="it to write event files with",
                fix=f"Run: {installing('tensorboard')}",
            ) from problem
        self.folder = os.fspath(folder)
        self._tags: dict[str, str] = {}
        self._free = Identifiers()
        try:
            self._writer: Any = SummaryWriter(self.folder)
        except OSError as problem:
            raise FileError(
                f"TensorBoard {self.folder!r}",
                given=problem.strerror or str(problem),
                expected="a folder that can be written to",
                fix="Name another one",
            ) from problem

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        self.write(epoch)

    def end(self, training: Training) -> None:
        self.close()

    def write(self, epoch: Epoch) -> None:
        """Write the figures of an epoch that are single numbers."""
        for name, value in epoch.as_dict().items():
            if name != "epoch" and value is not None and np.ndim(value) == 0:
                self._writer.add_scalar(self._tag(name), float(value), epoch.epoch)
        self._writer.flush()

    def _tag(self, name: str) -> str:
        """Return what TensorBoard calls a figure: its name, or, of other characters than tags have, an identifier."""
        if name not in self._tags:
            free = _TAG.fullmatch(name) and name not in self._free.taken
            self._tags[name] = name if free else self._free.new(name)
            self._free.taken.add(self._tags[name])
        return self._tags[name]

    def close(self) -> None:
        """Write what is left; nothing can be written afterwards."""
        self._writer.close()
