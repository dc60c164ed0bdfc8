"""The folder of a run: made once, with the next free number, and never written over."""

from __future__ import annotations

import os
import re

from chainrule.errors import FileError

BEST, LAST, RECIPE = "best.safetensors", "last.safetensors", "recipe.toml"
LOG, STORY, ENVIRONMENT, RESULT = "log.jsonl", "log.txt", "environment.json", "result.json"


def new_folder(out: str | os.PathLike[str], name: str) -> str:
    """Make the folder ``<out>/<name>-001``, or with the next free number, and return its path.

    Of several processes that ask at once each gets its own.

    Raises
    ------
    FileError
        If no folder can be made there.

    Examples
    --------
    >>> import os, tempfile
    >>> runs = tempfile.mkdtemp()
    >>> [os.path.basename(new_folder(runs, "xor")) for _ in range(2)]
    ['xor-001', 'xor-002']
    """
    out = os.fspath(out)
    try:
        os.makedirs(out, exist_ok=True)
        numbered = re.compile(re.escape(name) + r"-([0-9]{3,9})")
        taken = [int(match[1]) for entry in os.listdir(out) if (match := numbered.fullmatch(entry))]
        number = max(taken, default=0) + 1
        while True:
            folder = os.path.join(out, f"{name}-{number:03}")
            try:
                os.mkdir(folder)
            except FileExistsError:  # somebody was faster
                number += 1
            else:
                return folder
    except (OSError, ValueError) as problem:
        raise _impossible(out, problem) from None


def own_folder(path: str | os.PathLike[str]) -> str:
    """Make a folder that isn't there yet, and return its path.

    Raises
    ------
    FileError
        If something is there already, or no folder can be made.

    Examples
    --------
    >>> import tempfile
    >>> runs = tempfile.mkdtemp()
    >>> own_folder(runs)
    Traceback (most recent call last):
    chainrule.errors.FileError: run folder: got ..., which is there already, but ...
    """
    path = os.fspath(path)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        os.mkdir(path)
    except FileExistsError:
        raise FileError(
            "run folder",
            given=f"{path!r}, which is there already",
            expected="a new name, because runs are never written over",
            fix="Name another one: --out RUN",
        ) from None
    except (OSError, ValueError) as problem:
        raise _impossible(path, problem) from None
    return path


def _impossible(path: str, problem: Exception) -> FileError:
    reason = getattr(problem, "strerror", None) or str(problem)
    return FileError(
        "run folder",
        given=f"{path!r}, where no folder can be made ({reason})"[:300],
        expected="a folder that can be written to",
        fix="Name another one: --out DIR",
    )
