"""Reading gzip files, no more of what they unpack to than is asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chainrule.data.limits import most_unpacked
from chainrule.data.opening import file_size
from chainrule.errors import FileError

GZIP = b"\x1f\x8b"
_PIECE = 1 << 16  # bytes
_MOST_EMPTY = 100  # members of a gzip file without data, one after the other; some programs end with one


@contextmanager
def whole_gzip(where: str) -> Iterator[None]:
    """Turn what goes wrong while a gzip file is unpacked into an error of ours."""
    import zlib

    try:
        yield
    except (EOFError, zlib.error) as problem:
        raise FileError(
            where,
            given=f"compressed data that is damaged or cut short ({str(problem).rstrip('.')})",
            expected="a whole gzip file",
            fix="Fetch the file again",
        ) from None


class Unpacked:
    """What a gzip file unpacks to, no more of it than is asked for.

    `gzip.GzipFile` takes twice as long, and reads a name in the header byte by byte, however long it is.
    """

    def __init__(self, file: io.BufferedReader) -> None:
        self.file, self.packed, self.empty = file, b"", 0
        self.member = _member()

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        data = self._some(size)
        while 0 < len(data) < size and (more := self._some(size - len(data))):
            data += more
        return data

    def _some(self, size: int) -> bytes:
        while True:
            if self.member.eof and not self._begin_next():
                return b""
            self.packed = self.packed or self.file.read(_PIECE)
            if not self.packed:
                raise EOFError("it ends too early")
            data: bytes = self.member.decompress(self.packed, size)
            self.packed = self.member.unconsumed_tail
            if data:
                self.empty = 0
                return data

    def _begin_next(self) -> bool:
        """Begin with the next member of the file, which may come behind zeros; return False if there is none."""
        rest = self.member.unused_data.lstrip(b"\0")
        while not rest and (piece := self.file.read(_PIECE)):
            rest = piece.lstrip(b"\0")
        if not rest:
            return False
        self.packed, self.member, self.empty = rest, _member(), self.empty + 1
        if self.empty > _MOST_EMPTY:
            raise EOFError("nothing in its many parts")
        return True


def _member() -> Any:
    """Return what unpacks one member of a gzip file, and compares its checksum."""
    import zlib

    return zlib.decompressobj(31)


class UnpackedStream(io.RawIOBase):
    """What a gzip file unpacks to, as a stream of bytes; more than a file of its size may hold is refused."""

    def __init__(self, where: str, file: io.BufferedReader) -> None:
        self.where, self.unpacked = where, Unpacked(file)
        self.size, self.done = file_size(file), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with whole_gzip(self.where):
            data = self.unpacked.read(len(buffer))
        buffer[: len(data)] = data
        self.done += len(data)
        if self.done > (most := most_unpacked(self.size)):
            raise FileError(
                self.where,
                given=f"a compressed file of {self.size:,} bytes that unpacks to more than {most:,}",
                expected="at most so many, which is the most that one of its size may unpack to",
                fix="If it comes from someone you trust, unpack it with gunzip, and pass what comes out",
            )
        return len(data)
