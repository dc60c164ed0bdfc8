"""What the command line prints: lines, columns, CSV and JSON, into streams that may be closed or full.

Texts that were read from a file are data: control characters in them are shown, not obeyed, and in CSV a name that a
spreadsheet would take for a formula stays a name.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import select
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TextIO

import click

from chainrule.cli.failures import NOT_PRINTED, print_error
from chainrule.errors import FileError, printable
from chainrule.tables import in_columns


def say(line: str, err: bool = False) -> None:
    """Print one line, whatever is in it."""
    click.echo(printable(line), err=err)


def say_json(data: dict[str, Any]) -> None:
    """Print one JSON object on one line, whatever is in it."""
    click.echo(json_text(data))


def json_text(data: dict[str, Any], out: str | None = None) -> str:
    """Return a JSON object on one line, for a file, or for standard output, which may not take every character."""
    from chainrule.files.strict_json import printed  # a heavy room, for who asks for JSON

    return printed(data, ascii_only=out is None and not in_unicode())


def weights_in_words(told: dict[str, str | int | None]) -> str:
    """Return which weights of a run were asked, as `weights_told` has it."""
    if told["weights"] is None:
        return "weights of a model file"
    return f"{told['weights']} weights" + ("" if told["epoch"] is None else f", of epoch {told['epoch']}")


def in_unicode() -> bool:
    """Return whether standard output takes every character."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") == "utf8"


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str | Sequence[str]]], *, apart: bool = False) -> None:
    """Print a header and rows; on a terminal within its width, the header in bold.

    A cell is a text or several, each on a line of its own. With `apart` an empty line is before each row.
    """
    table = [[_whole_cell(cell) for cell in row] for row in (header, *rows)]
    on_screen = sys.stdout.isatty()
    first, *others = in_columns(table, max(shutil.get_terminal_size().columns, 40) if on_screen else None)
    for line in first:
        click.echo(click.style(line, bold=True) if on_screen and os.environ.get("TERM") != "dumb" else line)
    for row in others:
        for line in ["", *row] if apart else row:
            click.echo(line)


def _whole_cell(cell: str | Sequence[str]) -> str:
    return "\n".join(map(printable, [cell] if isinstance(cell, str) else cell))


_NUMBER = re.compile(r"[+-]?[.,]?[0-9][0-9.,]*([eE][+-]?[0-9]+)?%?|[+-]?inf")  # also -1,5 and -1.234,5


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV: a line for its header, and one for each row.

    Texts that a spreadsheet takes for formulas get an apostrophe before them; numbers are written as they are, also
    where a text is one; of all texts, what doesn't print is escaped.

    >>> print(as_csv(["row", "class"], [[1, "=1+1"], [2, "-1"], [3, "@SUM(A1), \\t"]]), end="")
    row,class
    1,'=1+1
    2,-1
    3,"'@SUM(A1), \\t"
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in row] for row in chain([header], rows))
    return text.getvalue()


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    plain = unicodedata.normalize("NFKC", text).strip()  # with ＝, too, which some take for =
    formula = len(plain) > 1 and plain[0] in "=+-@" and not _NUMBER.fullmatch(text)  # a lone sign computes nothing
    return f"'{printable(text)}" if formula or text[:1] in ("\t", "\r") else printable(text)


class _LossyFile(io.RawIOBase):
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
                if count is None:  # the reader is slow, and the system doesn't wait by itself
                    select.select([], [self.raw], [])
        except OSError as problem:
            self.lost, self.problem = True, problem
        return memoryview(data).nbytes if count is None else count


class Streams:
    """Puts such streams in the place of the process's own, for the rest of its life."""

    def __init__(self) -> None:
        self._outputs: list[_LossyFile] = []
        _open_descriptors()
        for name in ("stdout", "stderr"):
            stream: TextIO | None = getattr(sys, name)
            if stream is not None and not isinstance(stream, io.TextIOWrapper):
                continue  # replaced by another program, such as a notebook
            buffer = None if stream is None else stream.buffer  # None: closed before the process began
            output = _LossyFile(getattr(buffer, "raw", buffer))
            self._outputs.append(output)
            whole = io.TextIOWrapper(
                io.BufferedWriter(output),
                encoding="utf-8" if stream is None else stream.encoding,
                errors="backslashreplace",  # a terminal without ∂ still shows the rest
                line_buffering=output.isatty() or name == "stderr",
            )
            setattr(sys, name, whole)

    def ended(self) -> int:
        """Print what is still waiting, and return the exit status that goes with what could not be printed.

        A full disk is an error, said on standard error; a closed pipe, as `head` leaves it, is none.
        """
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for output in self._outputs:
            if output.problem is not None and output.problem.errno not in (errno.EPIPE, errno.EBADF):
                error = FileError(
                    "output",
                    given=f"a place that takes no more of it ({output.problem.strerror})",
                    expected="room for all of it",
                    fix="Everything else was done; send the output elsewhere",
                )
                return print_error(str(error))
        return NOT_PRINTED if any(output.lost for output in self._outputs) else 0


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
