"""``-`` in the place of a file: standard input to read from, standard output to write to, bytes as they are.

Readers want a file that they can go back and forth in, and adapters write one: where there is none, a temporary one
stands for the stream.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeAlias

from chainrule.errors import ChainruleError, FileError

STREAM = "-"
Path: TypeAlias = "str | os.PathLike[str]"


@contextmanager
def readable(path: str) -> Iterator[str]:
    """Give the path of the file to read: the one that was named, or one that holds what comes from standard input.

    What comes is looked at: a ZIP file is NPZ, anything that has no other mark of its kind is a table.
    """
    if path != STREAM:
        yield path
        return
    data = standard_input()
    with tempfile.TemporaryDirectory() as folder:
        start = data.read(2)
        copy = os.path.join(folder, "data.npz" if start == b"PK" else "data.csv")
        with open(copy, "wb") as file:
            file.write(start)
            shutil.copyfileobj(data, file)
        with _called(copy, STREAM):
            yield copy


def standard_input() -> BinaryIO:
    """Return the bytes that come in."""
    if sys.stdin is None:  # closed before the process began
        raise FileError(
            STREAM, given="a standard input that is closed", expected="one to read from", fix="Name a file instead"
        )
    return sys.stdin.buffer


@contextmanager
def writable(out: Path, name: str) -> Iterator[Path]:
    """Give the path to write to: the one that was named, or one whose file goes to standard output at the end.

    `name` is what a file would be called; what it ends in says of some formats which it is.
    """
    if out != STREAM:
        yield out
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, name)
        with _called(copy, STREAM):
            yield copy
        with open(copy, "rb") as file:
            write_out(file.read())


def expect_new(command: str, *paths: Path | None, overwrite: bool) -> None:
    """Raise if a file that is to be written is there already and nobody has said ``--overwrite``.

    Before anything else is done, so that no hour of work ends with it. A name that ends as a folder's does is refused;
    what is no plain file, such as a folder that is there or a device, when it is written.

    Raises
    ------
    FileError
    """
    for path in paths:
        if path is not None and os.fspath(path).endswith(("/", os.sep)):
            raise FileError(command, given=f"{os.fspath(path)!r}, a folder", expected="a file", fix="Name a file in it")
        if path is not None and path != STREAM and not overwrite and os.path.isfile(path):
            raise FileError(
                command,
                given=f"{os.fspath(path)!r}, which is there already",
                expected="a new file",
                fix="Add --overwrite, or name another one",
            )


def write_out(data: bytes) -> None:
    """Write to standard output, after what was printed before."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


@contextmanager
def _called(path: str, name: str) -> Iterator[None]:
    """Let errors speak of a stream, not of the file that stands for it."""
    try:
        yield
    except ChainruleError as problem:
        texts = (problem.where, problem.given, problem.expected, problem.fix)
        where, given, expected, fix = (text.replace(path, name) for text in texts)
        raise type(problem)(where, given=given, expected=expected, fix=fix, cause=problem.cause) from problem
