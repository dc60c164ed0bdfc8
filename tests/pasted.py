"""The blocks of the documentation as a reader pastes them: line by line, in their order, into a plain Python prompt.

That prompt ends a block of indented lines at the first empty one, and begins the next statement only after it, so a
function with an empty line inside, or a statement right below a loop, is an error there and nowhere else.
"""

from __future__ import annotations

import code
import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from chainrule.files import viewer

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *(page for part in ("guide", "howto") for page in sorted((DOCS / part).glob("*.md")))]
OTHERS = [DOCS / "index.md", DOCS / "limits.md"]
OTHERS += [page for part in ("mishaps", "concepts") for page in sorted((DOCS / part).glob("*.md"))]
ELSEWHERE = {"dask.md", "tracking.md"}  # a script, and loggers of other packages: their pages say so

_BLOCK = re.compile(r"^```(?:\{code-cell\} ipython3|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SETTINGS = re.compile(r"\A(?:---\n.*?^---\n|(?::.*\n)+\n*)", re.DOTALL | re.MULTILINE)


def blocks(page: Path) -> list[str]:
    """Return what a reader copies from a page: its blocks of Python, and of shell where they begin with %%bash."""
    return [_SETTINGS.sub("", block) for block in _BLOCK.findall(page.read_text("utf-8"))]


@dataclass(frozen=True)
class Pasted:
    """What became of a block: what was printed, what went wrong, and how many figures were made, and shown or saved."""

    block: str
    printed: str
    wrong: str
    made: int = 0
    shown: int = 0

    @property
    def mute(self) -> bool:
        """Whether the block makes a figure or a page that nobody gets to see."""
        return self.shown == 0 and (self.made > 0 or 'format="html"' in self.block) and "path=" not in self.block


@dataclass
class Prompt:
    """A plain Python prompt; with `runs` false, one that takes what is pasted and runs none of it."""

    runs: bool = True
    space: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def paste(self, block: str) -> Pasted:
        """Feed a block line by line, and the Enter after it."""
        if block.startswith("%%bash"):
            return _in_a_shell(block.partition("\n")[2])
        console = _Console(self.space, self.runs)
        printed = io.StringIO()
        more = False
        with _counted() as counts, contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            for line in [*block.splitlines(), ""]:
                more = console.push(line)
        if more:
            console.failures.append("the block doesn't end")
        return Pasted(block, printed.getvalue(), "\n".join(console.failures), counts["made"], counts["shown"])


@contextlib.contextmanager
def _counted() -> Iterator[dict[str, int]]:
    """Count the figures that are made, and what is shown."""
    from chainrule.plot.notebook_figure import NotebookFigure

    counts = {"made": 0, "shown": 0}
    with pytest.MonkeyPatch.context() as patch:
        make, show = NotebookFigure.__init__, viewer.show

        def counting_make(self: Any, *args: Any, **kwargs: Any) -> None:
            counts["made"] += 1
            make(self, *args, **kwargs)

        def counting_show(*args: Any, **kwargs: Any) -> None:
            counts["shown"] += 1
            show(*args, **kwargs)

        patch.setattr(NotebookFigure, "__init__", counting_make)
        patch.setattr(viewer, "show", counting_show)
        yield counts


class _Console(code.InteractiveConsole):
    """What a plain prompt does, noting what fails; without running anything where only the form is asked for."""

    def __init__(self, space: dict[str, Any], runs: bool) -> None:
        super().__init__(space)
        self.runs, self.failures = runs, list[str]()

    def runcode(self, code: CodeType) -> None:
        if self.runs:
            super().runcode(code)

    def showtraceback(self) -> None:
        self.failures.append(repr(sys.exception()))

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        self.failures.append(repr(sys.exception()))


def pasted(page: Path, runs: bool = True) -> Iterator[Pasted]:
    """Paste every block of a page into one prompt, in the current folder."""
    prompt = Prompt(runs=runs)
    for block in blocks(page):
        if runs or not block.startswith("%%bash"):
            yield prompt.paste(block)


def _in_a_shell(lines: str) -> Pasted:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["bash", "-ec", lines], capture_output=True, text=True, env=environment, check=False)
    return Pasted(lines, done.stdout, done.stderr if done.returncode else "")
