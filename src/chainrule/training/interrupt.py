"""Ctrl-C and SIGTERM: the first ends training after the current step, keeping what was learnt; the second at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_signal(number: int, ask: Callable[[], None]) -> Iterator[None]:
    """Call `ask` at the first signal of this kind instead of what it does by default.

    Only the main thread hears signals, and where somebody else's handler is in charge it stays so.
    """
    default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(number) is not default:
        yield
        return

    def heard(number: int, frame: FrameType | None) -> None:
        signal.signal(number, default)
        ask()

    signal.signal(number, heard)
    try:
        yield
    finally:
        signal.signal(number, default)
