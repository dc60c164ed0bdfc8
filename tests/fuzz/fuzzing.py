"""Reading broken files: only chainrule's own errors may come out, in words that can be shown, soon, and no warning."""

from __future__ import annotations

import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from chainrule.errors import ChainruleError
from tests.fuzz.formats import FORMATS, broken

LONGEST_MESSAGE = 3000
MOST_SECONDS = 2


class Report(NamedTuple):
    """What became of some broken files of a format.

    Attributes
    ----------
    read, refused : int
    problems : list of str
        What else happened, with the number of the file.
    slowest : float
        Seconds that one took at most.
    """

    read: int
    refused: int
    problems: list[str]
    slowest: float


def fuzzed(name: str, indices: Iterable[int], folder: Path) -> Report:
    """Read these broken files of a format."""
    path, outcomes, problems, slowest = folder / f"a{FORMATS[name].ending}", Counter[str](), [], 0.0
    for index in indices:
        data = broken(name, index)
        began = time.process_time()
        problem = _problem(name, data, path, outcomes)
        seconds = time.process_time() - began
        slowest = max(slowest, seconds)
        if problem is None and seconds > MOST_SECONDS:
            problem = f"{seconds:.1f} s"
        if problem is not None:
            problems.append(f"{name} {index}: {problem}")
    return Report(outcomes["read"], outcomes["refused"], problems, slowest)


def _problem(name: str, data: bytes, path: Path, outcomes: Counter[str]) -> str | None:
    """Read a file; return what happened that must not."""
    path.unlink(missing_ok=True)  # a file written over another is forced to the disk by some systems, which takes long
    path.write_bytes(data)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            FORMATS[name].read(path)
            outcomes["read"] += 1
        except ChainruleError as error:
            outcomes["refused"] += 1
            told = _badly_told(error, FORMATS[name].own)
            if told:
                return f"{told}: {str(error)[:300]!r}"
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return f"{type(error).__name__} escaped\n{''.join(traceback.format_exception(error)[-6:])}"
    return f"a warning: {said[0].message} at {said[0].filename}:{said[0].lineno}" if said else None


def _badly_told(error: ChainruleError, own: bool) -> str | None:
    """Return what is wrong with an error of ours: how it is told, or that it was another one first."""
    text = str(error)
    if not text.isprintable():
        return "unprintable"
    if len(text) > LONGEST_MESSAGE:
        return f"{len(text)} characters"
    cause: BaseException | None = error
    while cause is not None and own:
        if not isinstance(cause, (ChainruleError, ValueError, OSError)):
            return f"from a {type(cause).__name__}: {cause}"
        if "can't be built" in str(cause) or "refuses (" in str(cause):  # what a class of the user's would get
            return "not refused by itself"
        cause = cause.__cause__
    return None
