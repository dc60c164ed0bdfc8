"""The folder of a run: made once, with the next free number, and never written over.

A run folder may come from a stranger, so all that is read and written in it goes through `chainrule.data.opening`:
plain files of this very folder, each no larger than one of its kind can be.
"""

from __future__ import annotations

import os
import re
from typing import TypeVar

import msgspec

from chainrule.data.opening import Folder, FolderFile, absolute, open_file, shown
from chainrule.errors import FileError
from chainrule.recipes.recipe import Recipe, from_toml, located

T = TypeVar("T")

BEST, LAST, RECIPE = "best.safetensors", "last.safetensors", "recipe.toml"
LOG, STORY, ENVIRONMENT, RESULT = "log.jsonl", "log.txt", "environment.json", "result.json"
LOCK = "run.lock"
FILES = (RECIPE, BEST, LAST, LOG, STORY, ENVIRONMENT, RESULT, LOCK)

#: How many bytes a file of each kind may hold; model files say it themselves, in their headers.
MOST = {RECIPE: 1 << 20, LOG: 16 << 20, STORY: 4 << 20, ENVIRONMENT: 1 << 16, RESULT: 1 << 18, LOCK: 1 << 12}


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
        os.makedirs(os.path.dirname(absolute("run folder", path)), exist_ok=True)
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


def expect_files(folder: Folder, *names: str) -> None:
    """Raise unless these are in the folder of a run.

    Raises
    ------
    FileError
        If one is missing, or is no plain file.
    """
    folder.expect_plain(names)
    for name in names:
        if folder.file(name).status() is None:
            raise FileError(
                f"run {folder.path!r}",
                given=f"a folder without {name}",
                expected="the folder of a run",
                fix="Name a folder that train made, such as runs/xor-001; chainrule runs lists them",
            )


def read_bytes(file: FolderFile) -> bytes:
    """Return what a file in the folder of a run holds, if it is no larger than one of its kind can be.

    Raises
    ------
    FileError
        If it is missing, no plain file, too large, or can't be read.
    """
    with open_file("run", file, MOST[file.name]) as opened:
        return opened.read(MOST[file.name])


def read_json(file: FolderFile, kind: type[T]) -> T:
    """Return what a JSON file in the folder of a run says.

    Raises
    ------
    FileError
        If it is missing, or anything about it is not of this kind.
    """
    return decoded(f"run {shown(file)}", read_bytes(file), kind)


def decoded(where: str, data: bytes, kind: type[T]) -> T:
    """Return what JSON stands for.

    Raises
    ------
    FileError
        If anything about it is not of this kind.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise FileError(
            where,
            given=f"what chainrule doesn't write ({str(problem).rstrip('.')})",
            expected="the file as a run leaves it",
            fix="It was damaged or changed since: get another copy",
        ) from None


def read_recipe(folder: Folder) -> Recipe:
    """Return the recipe of a run.

    Raises
    ------
    FileError
        If its file is missing, or can't be read.
    InputError
        If it holds no recipe.
    """
    file = folder.file(RECIPE)
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(
            f"recipe {str(file)!r}",
            given="a file that is no recipe (it is not UTF-8)",
            expected="a recipe in TOML",
            fix="Check the path",
        ) from None
    return located(from_toml(text, f"recipe {str(file)!r}"), folder.path)


def _impossible(path: str, problem: Exception) -> FileError:
    reason = getattr(problem, "strerror", None) or str(problem)
    return FileError(
        "run folder",
        given=f"{path!r}, where no folder can be made ({reason})"[:300],
        expected="a folder that can be written to",
        fix="Name another one: --out DIR",
    )
