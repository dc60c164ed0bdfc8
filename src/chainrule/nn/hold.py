"""Who changes a network: one thread at a time, and while it is trained nobody but the training.

Two threads that step one network overwrite each other's batch, gradients and moments, and end in NaN without a word.
Predicting changes nothing, so it needs no hold.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeVar

from chainrule.errors import MisuseError, printable

R = TypeVar("R")


class Hold:
    """The right to change something, which one thread has at a time. A copy of it, or a pickle, is free.

    Parameters
    ----------
    what : str, default "network"
        What is changed, for errors.
    copy : str, default "network.copy()"
        How to get another one, for errors.

    Attributes
    ----------
    thread : int
        Who has it; 0 if nobody has.
    last : int
        Who had it last.
    between_steps : bool
        Whether it is a training that has it, between two of its own steps: only callbacks run then.
    """

    __slots__ = ("between_steps", "copy", "last", "thread", "what")

    def __init__(self, what: str = "network", copy: str = "network.copy()") -> None:
        self.what, self.copy = what, copy
        self.thread = self.last = 0
        self.between_steps = False

    def call(
        self, where: str, function: Callable[..., R], *arguments: Any, step: bool = False, goes_on: bool = False
    ) -> R:
        """Call a function that changes what the hold is for.

        Parameters
        ----------
        where : str
            Who calls it, for errors.
        function : function
        *arguments
        step : bool, default False
            Whether it trains: then callbacks of a training may not call it.
        goes_on : bool, default False
            Whether it goes on from what this thread called last: no other thread may have come in between.

        Raises
        ------
        MisuseError
            If this thread may not have it now.
        """
        me, before = get_ident(), self.thread
        if before and (before != me or (step and self.between_steps)):
            raise self.refusal(where)
        if goes_on and self.last not in (0, me):
            raise self._taken_over(where)
        self.thread = self.last = me  # no call lies between this and the test: Python changes threads at calls only
        try:
            return function(*arguments)
        finally:
            self.thread = before

    @contextmanager
    def training(self, where: str) -> Iterator[None]:
        """Have it for a whole training.

        Raises
        ------
        MisuseError
            If anybody has it, this thread included.
        """
        me = get_ident()
        if self.thread:
            raise self.refusal(where)
        self.thread = self.last = me
        self.between_steps = True
        try:
            yield
        finally:
            self.between_steps, self.thread = False, 0

    def go_on(self) -> None:
        """Let the training that has it go on in this thread, wherever it was before."""
        self.thread = self.last = get_ident()

    @contextmanager
    def stepping(self) -> Iterator[None]:
        """Let the training that has it take steps of its own."""
        self.between_steps = False
        try:
            yield
        finally:
            self.between_steps = True

    def check(self, where: str, *, step: bool = False) -> None:
        """Raise if another thread has it, or if a training has it and this is a `step`."""
        if self.thread and (self.thread != get_ident() or (step and self.between_steps)):
            raise self.refusal(where)

    def refusal(self, where: str) -> MisuseError:
        """Return the error for a thread that may not have it now."""
        if self.thread == get_ident():
            return MisuseError(
                where,
                given=f"the {self.what} that is being trained, inside its own training",
                expected="callbacks that look, predict, evaluate or save",
                fix=f"Do it after the training, or train {self.copy}",
            )
        return MisuseError(
            where,
            given=f"the {self.what} that {_name(self.thread)} is {'training' if self.between_steps else 'changing'}",
            expected="one thread at a time; predicting meanwhile is allowed",
            fix=f"Wait until it is done, or work on {self.copy}",
        )

    def _taken_over(self, where: str) -> MisuseError:
        return MisuseError(
            where,
            given=f"the {self.what} after {_name(self.last)} has used it",
            expected="forward, backward and optimize of a batch in one thread, and no other thread in between",
            fix="Let one thread train it, or give each a copy: network.copy()",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Hold, (self.what, self.copy)


def _name(thread: int) -> str:
    return next((printable(known.name) for known in threading.enumerate() if known.ident == thread), "another thread")
