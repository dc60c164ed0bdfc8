"""Opening a file that someone else made: only a regular file is read, and every refusal names the file.

The readers of this room treat a file as untrusted. They compare what its header promises with what the file can hold
before they reserve memory, and show names found in it only in escaped form.
"""

from __future__ import annotations

import io
import os
import stat
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import FileError, InputError

_CHUNK = 1 << 20


class Readable(Protocol):
    """Anything bytes can be read from: a file, or what is unpacked from one."""

    def read(self, size: int, /) -> bytes: ...


def shown(value: object) -> str:
    """Return `value` as it may appear in a message: quoted, control characters escaped, at most 200 characters."""
    text = repr(os.fspath(value) if isinstance(value, os.PathLike) else value)
    return text if len(text) <= 200 else text[:197] + "..."


def open_file(reader: str, path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a regular file for reading bytes; anything else that has a path is refused without waiting for it."""
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(reader, given=shown(path), expected="a path", fix="Pass the name of a file")
    where = f"{reader} {shown(path)}"
    try:
        # A FIFO would block an ordinary open until someone writes to it.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise FileError(
            where,
            given="no file of this name",
            expected="a file",
            fix=f"Check the path; the working folder is {shown(os.getcwd())}",
        ) from None
    except (OSError, ValueError) as problem:
        reason = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
        raise FileError(
            where,
            given=f"a path that can't be opened ({reason})",
            expected="a readable file",
            fix="Check the path and its permissions",
        ) from None
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        given = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise FileError(where, given=given, expected="a regular file", fix="Pass the path of the file itself")
    return os.fdopen(handle, "rb")


def file_size(file: io.BufferedReader) -> int:
    """Return how many bytes an open file holds."""
    return os.fstat(file.fileno()).st_size


def read_exactly(where: str, stream: Readable, count: int) -> NDArray[np.uint8]:
    """Return the next `count` bytes; fewer are an error. Memory is only touched as the bytes arrive."""
    try:
        data = np.empty(count, np.uint8)
    except MemoryError:
        raise FileError(
            where,
            given=f"{count} bytes of values",
            expected="values that fit into memory",
            fix="Use read_npy with memory_map=True for data larger than memory",
        ) from None
    done = 0
    while done < count:
        chunk = np.frombuffer(stream.read(min(_CHUNK, count - done)), np.uint8)
        if len(chunk) == 0:
            raise FileError(
                where,
                given=f"a file that ends after {done} of {count} bytes of values",
                expected="all of them",
                fix="The file is cut short: fetch or write it again",
            )
        data[done : done + len(chunk)] = chunk
        done += len(chunk)
    return data
