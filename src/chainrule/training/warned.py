"""Warnings at the start of a training: of targets that its network can never give, or hardly learn to."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from chainrule.errors import TrainingWarning

_silent: ContextVar[bool] = ContextVar("chainrule_silent", default=False)


@contextmanager
def unwarned() -> Iterator[None]:
    """Train without warnings of targets: for adapters whose users expect another library's silence."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def warn(doubt: TrainingWarning) -> None:
    """Warn whoever called chainrule, unless that is an adapter that wants silence."""
    if _silent.get():
        return
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("chainrule."):
        level, frame = level + 1, frame.f_back
    warnings.warn(doubt, stacklevel=level)
