"""File objects: what can be written to, or read from, without a name of its own, such as a buffer, a pipe or a socket.

Nothing here seeks. What is read ends where the model ends, so that something else may follow it in the same stream.
"""

from __future__ import annotations

import io
import os
from typing import Any

from chainrule.data.opening import shown
from chainrule.errors import FileError, InputError

_CHUNK = 1 << 20


def is_stream(file: Any) -> bool:
    """Return whether this is a file object, not the name of a file."""
    return not isinstance(file, (str, os.PathLike)) and (hasattr(file, "read") or hasattr(file, "write"))


def called(file: Any) -> str:
    """Return what messages call a file, or a file object."""
    name = getattr(file, "name", None)
    return (
        f"{type(file).__name__}" + (f" {shown(name)}" if isinstance(name, str) else "")
        if is_stream(file)
        else shown(file)
    )


def write_all(where: str, file: Any, data: bytes) -> None:
    """Write these bytes to a file object: in one call, unless it takes only a part of them.

    Raises
    ------
    InputError
        If it is open for text, or not for writing. Nothing has been written then.
    FileError
        If writing fails. A part may have been written.
    """
    where, rest = f"{where} to {called(file)}", memoryview(data)
    if isinstance(file, io.TextIOBase) or not hasattr(file, "write") or not _can(file, "writable"):
        raise InputError(
            where,
            given="a file object that takes no bytes",
            expected="one that is open for writing in binary",
            fix="Open it with open(name, 'wb')",
        )
    while rest:
        try:
            count = file.write(rest)
        except (OSError, ValueError) as error:  # a closed one is a ValueError
            raise _failed(where, error, "Open it again, or save elsewhere") from error
        if count is None and isinstance(file, io.RawIOBase):
            raise _failed(where, "it would have to wait", "Let it block: file.setblocking(True), os.set_blocking")
        rest = rest[len(rest) if count is None else count :]


class Stream:
    """What is read from a file object, with errors in our voice.

    Raises
    ------
    InputError
        If it is open for text, or not for reading.
    """

    def __init__(self, where: str, file: Any) -> None:
        self.where, self.file = where, file
        if isinstance(file, io.TextIOBase) or not hasattr(file, "read") or not _can(file, "readable"):
            raise InputError(
                where,
                given="a file object that gives no bytes",
                expected="one that is open for reading in binary",
                fix="Open it with open(name, 'rb')",
            )

    def read(self, count: int, /) -> bytes:
        """Return this many bytes; fewer only where it ends."""
        parts: list[bytes] = []
        while count:
            part = self._some(min(count, _CHUNK))
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill a buffer, or its beginning; return how many bytes it got, 0 where the stream ends."""
        part = self._some(len(buffer))
        buffer[: len(part)] = part
        return len(part)

    def _some(self, count: int) -> bytes:
        try:
            part = self.file.read(count)
        except (OSError, ValueError, EOFError) as error:
            raise _failed(self.where, error, "Open it again, or get another copy") from error
        if part is None:
            raise _failed(self.where, "it would have to wait", "Let it block: file.setblocking(True), os.set_blocking")
        if not isinstance(part, (bytes, bytearray, memoryview)) or len(part) > count:
            given = f"{type(part).__name__}" + (f" of length {len(part)}" if hasattr(part, "__len__") else "")
            raise InputError(
                self.where,
                given=f"{given} from its read({count})",
                expected="bytes, at most as many",
                fix="Pass a file that is open in binary",
            )
        return bytes(part)


def _can(file: Any, what: str) -> bool:
    """Return what a file object says of itself; where it doesn't, it will turn out."""
    try:
        return bool(getattr(file, what)())
    except (AttributeError, TypeError, ValueError, OSError):
        return True


def _failed(where: str, problem: object, fix: str) -> FileError:
    return FileError(where, given=f"a file object that fails ({problem})", expected="one that is open", fix=fix)
