"""Every writer with every name: what it writes is looked at, and what it would have run is counted."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from tests.injection.pages import CHECKS, Unsafe
from tests.injection.subjects import PLAIN, Base, Subject
from tests.injection.writers import WRITERS, Refused

CANARY = "CANARY"  # the file that a name makes, if it is run


@dataclass
class Tally:
    """What came of it.

    Attributes
    ----------
    pages : int
        That were written and looked at.
    fields : int
        Texts of runs that bore a hostile name: those of each run that no reader refused, times the commands.
    refused : list of str
        Commands that said what is wrong instead.
    run, unescaped, broken : list of str
        What was run; what a name brought into a page; pages that can't be read, or don't do what they should.
    """

    pages: int = 0
    fields: int = 0
    refused: list[str] = field(default_factory=list)
    run: list[str] = field(default_factory=list)
    unescaped: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def tried(self, subject: Subject, writer: str) -> None:
        """Let a writer write a subject in its folder, and look at every page."""
        where = f"{writer} of {subject.name!a}"
        self.fields += len(PLAIN) - len(subject.refused)
        try:
            for kind, page in WRITERS[writer].write(subject):
                self.pages += 1
                try:
                    CHECKS[kind](page)
                except Unsafe as problem:
                    self.unescaped.append(f"{where}, {kind}: {problem}")
        except Refused as error:
            self.refused.append(f"{where}: {error}")
        except Exception as problem:  # whatever it is, a page was not written or can't be read
            self.broken.append(f"{where}: {type(problem).__name__}: {problem}"[:400])


@contextlib.contextmanager
def a_trap(tally: Tally) -> Iterator[None]:
    """Note what starts a program inside the block, and the file that hostile names make."""

    def caught(*arguments: object, **options: object) -> None:
        tally.run.append(f"{arguments!a}"[:200])

    with mock.patch.object(os, "system", caught), mock.patch.object(subprocess, "Popen", caught):
        yield
    found = [str(path) for path in Path().rglob(CANARY)]
    tally.run += found


def tried(names: Iterable[tuple[str, Sequence[str]]]) -> Tally:
    """Return what came of these names, each with the writers that it is given to."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        base = Base(Path(folder, "base"))
        for i, (name, writers) in enumerate(names):
            subject = base.subject(name, Path(folder, str(i)))
            with contextlib.chdir(subject.folder), a_trap(tally):
                for writer in writers:
                    tally.tried(subject, writer)
    return tally
