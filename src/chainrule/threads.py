"""How many threads multiply matrices: as many as pay, and what was set before comes back.

Several threads share a product only if it is large; for a smaller one they wait for each other, spinning, and where
another process wants the cores too, a step of a small network takes several times as long as with one thread. Whoever
has set a number, by an environment variable or by threadpoolctl, is left alone.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

#: Multiplications a step below which a second thread may cost more than it brings. Measured for MNIST, 784-200-100-10,
#: on two cores: a step on 64 samples (3e7) takes 650 µs with one thread; with two 530 to 620 while both cores are idle,
#: but 1,000 to 1,600 where another process wants one. On 512 samples (3e8) two save 45 % on idle cores.
LEAST_WORK = 100_000_000
_NEVER_SHARED = 9_000  # multiplications of a product that a library never cuts in pieces
_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_TOLD = any(os.environ.get(variable) for variable in _VARIABLES)  # which a library reads when it is loaded

_lock = threading.Lock()
_holders = 0  # who wants one thread now
_chosen = 0  # how many blocks say the number themselves
_before: list[tuple[Any, int]] = []


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def suitable(multiplications: int) -> int:
    """Return with how many threads a step of so many multiplications is taken."""
    return 1 if multiplications < LEAST_WORK else min(cores(), 4)


@contextmanager
def exactly(count: int) -> Iterator[None]:
    """Multiply matrices with so many threads; afterwards everything is as before."""
    from threadpoolctl import threadpool_limits

    global _chosen
    with threadpool_limits(limits=count, user_api="blas"):
        with _lock:
            _chosen += 1
        try:
            yield
        finally:
            with _lock:
                _chosen -= 1


@contextmanager
def by_size(multiplications: int) -> Iterator[None]:
    """Multiply matrices with one thread where a step, or a piece of a prediction, has few multiplications.

    Examples
    --------
    >>> with by_size(1000):  # one row, 1000 weights
    ...     pass
    """
    if _TOLD or not _NEVER_SHARED < multiplications < LEAST_WORK or not _one():
        yield
        return
    try:
        yield
    finally:
        _as_before()


def _one() -> bool:
    """Have one thread from now on; return whether that had to be asked for."""
    global _holders
    with _lock:
        if _chosen:
            return False
        if not _holders:
            libraries = _libraries()
            counts = [library.get_num_threads() for library in libraries]
            if cores() == 1 or any(count != cores() for count in counts):  # somebody has set it
                return False
            _before[:] = list(zip(libraries, counts, strict=True))
            for library in libraries:
                library.set_num_threads(1)
        _holders += 1
        return True


def _as_before() -> None:
    global _holders
    with _lock:
        _holders -= 1
        if not _holders:
            for library, count in _before:
                library.set_num_threads(count)


@cache
def _libraries() -> list[Any]:
    from threadpoolctl import ThreadpoolController

    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
