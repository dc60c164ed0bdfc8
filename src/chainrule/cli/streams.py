"""Standard output and error that may be closed or full: what can't be printed is lost, and nothing else.

``chainrule train xor | head -1`` closes its output after a line, ``> /dev/full`` takes none; the training goes on all
the same, and the exit status says that something was not shown.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

from chainrule.cli.failures import failed
from chainrule.errors import FileError


class _Losing(io.RawIOBase):
    """An open file that takes everything, whether it can be written or not."""

    def __init__(self, raw: io.RawIOBase | None) -> None:
        self.raw = raw
        self.lost = False
        self.problem: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self.raw is None:
            raise io.UnsupportedOperation("fileno")
        return self.raw.fileno()

    def isatty(self) -> bool:
        return self.raw is not None and self.raw.isatty()

    def write(self, data: Any, /) -> int:
        count = None
        if self.raw is None:
            self.lost = True
        try:
            while self.raw is not None and not self.lost and count is None:
                count = self.raw.write(data)
                if count is None:  # whoever reads it is slow, and the system doesn't wait by itself
                    select.select([], [self.raw], [])
        except OSError as problem:
            self.lost, self.problem = True, problem
        return memoryview(data).nbytes if count is None else count


class Streams:
    """Puts such streams in the place of the process's own, for the rest of its life."""

    def __init__(self) -> None:
        self._outputs: list[_Losing] = []
        _open_descriptors()
        for name in ("stdout", "stderr"):
            stream: TextIO | None = getattr(sys, name)
            if stream is not None and not isinstance(stream, io.TextIOWrapper):
                continue  # somebody else's, such as a notebook's
            buffer = None if stream is None else stream.buffer  # None: closed before the process began
            output = _Losing(getattr(buffer, "raw", buffer))
            self._outputs.append(output)
            whole = io.TextIOWrapper(
                io.BufferedWriter(output),
                encoding="utf-8" if stream is None else stream.encoding,
                errors="backslashreplace",  # a terminal without ∂ still shows the rest
                line_buffering=output.isatty() or name == "stderr",
            )
            setattr(sys, name, whole)

    def lost(self) -> bool:
        """Print what is still waiting, and return whether anything could not be printed.

        A full disk is said on standard error; of a closed pipe, as `head` leaves it, nobody needs to be told.
        """
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for output in self._outputs:
            if output.problem is not None and output.problem.errno not in (errno.EPIPE, errno.EBADF):
                told = FileError(
                    "output",
                    given=f"a place that takes no more of it ({output.problem.strerror})",
                    expected="room for all of it",
                    fix="Everything else was done; send the output elsewhere",
                )
                failed(str(told))
                break
        return any(output.lost for output in self._outputs)


def _open_descriptors() -> None:
    """See to it that 0, 1 and 2 are open, or the next file that is opened would be taken for one of them."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
