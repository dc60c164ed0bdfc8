"""Cases of advice: a program that is wrong, what its error advises, and the program with the advice carried out.

They stand in ``ROOM.txt``, one after the other, each under the words of its advice (``…`` stands for any)::

    ## Pass for example …
    cr.Dense(«0»)

    ## Leave one of them out
    cr.data.batches(X, size=2, «shuffle=True, weights=W→shuffle=True»)

What is wrong stands between « and », and behind the arrow what its author would write who follows the advice.
Where there is no arrow, the error says so itself: what stands behind its verb is taken as it is. A program that comes
to a later error has the words of that behind ``=>`` in its heading. What stands above the first heading is run before
each of a file's programs.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import chainrule as cr
from chainrule.cli import status
from chainrule.data import limits
from tests.advice.places import Advice, advice_of, advices, stack, without_collecting
from tests.referees import missing

HERE = Path(__file__).parent
REASONS = HERE / "reasons.txt"


@dataclass(frozen=True)
class Case:
    """One case."""

    room: str
    words: str  # of the advice
    later: str  # words of the error that comes then; empty if none may
    before: str
    text: str

    def __str__(self) -> str:
        return f"{self.room}.txt, under {self.words!r}: {self.text.strip()}"

    def wrong(self) -> str:
        return re.sub(r"«([^→»]*)(→[^»]*)?»", r"\1", self.text)

    def right(self, fix: str) -> str:
        """Return the program with an advice carried out."""

        def put_right(found: re.Match[str]) -> str:
            if found[2] is not None:
                return found[2][1:]
            line = self.text[: found.start()].rpartition("\n")[2]
            return said(fix, found[1], of_command="cli(" in line)

        return re.sub(r"«([^→»]*)(→[^»]*)?»", put_right, self.text, flags=re.DOTALL)

    def followed(self) -> tuple[Advice | None, str]:
        """Follow the advice: return which it was, and what went wrong, nothing if all was as it should be."""
        error = self.run(self.wrong())
        if error is None:
            return None, "there is no error"
        if isinstance(error, ModuleNotFoundError):
            missing(str(error.name), "the cases of advice need it")
        if not isinstance(error, cr.ChainruleError):
            return None, f"raw {type(error).__name__}: {error}"
        found = advice_of(error.fix, _made_at(error))
        if not re.search(".*".join(map(re.escape, self.words.split("…"))), error.fix):
            return found, f"it advises something else: {error}"
        right = self.right(error.fix)
        assert right != self.wrong(), self
        then = self.run(right)
        if then is None:
            return found, f"{self.later!r} should come, and nothing does" if self.later else ""
        if not isinstance(then, cr.ChainruleError):
            return found, f"after {error.fix!r} raw {type(then).__name__}: {then}\n{right}"
        if re.sub(r"[\d.e+-]+", "", f"{then.where}{then.fix}") == re.sub(r"[\d.e+-]+", "", f"{error.where}{error.fix}"):
            return found, f"the same error came again: {then}\n{right}"
        if self.later and re.search(self.later, str(then)):
            return found, ""
        return found, f"after {error.fix!r} comes: {then}\n{right}"

    def run(self, text: str) -> BaseException | None:
        """Run a program in a folder of its own; return its error."""
        given: dict[str, Any] = {"__name__": "__main__", "np": np, "cr": cr, "cli": command, "write": _write}
        with (
            _empty_folder() as folder,
            contextlib.chdir(folder),
            _errors_that_know_their_place(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")),
            contextlib.redirect_stderr(io.StringIO()),
            mock.patch.object(sys, "stdin", io.StringIO()),
            mock.patch.object(limits, "_ALWAYS", 1 << 20),  # a file of 2 MB stands for one of 40
            mock.patch.object(os, "fsync", return_value=None),  # nothing here outlives a loss of power
        ):
            warnings.simplefilter("ignore")
            loaded = dict(sys.modules) if "sys.modules" in text else {}
            for kind in (cr.errors.InputWarning, cr.errors.TrainingWarning):
                warnings.simplefilter("error", kind)
            try:
                for statement in needed(self.before, text):
                    exec(statement, given)
                exec(compile(text, str(self.words), "exec"), given)
            except Exception as error:
                return error
            finally:  # a program hides a package behind None
                for name in [name for name in loaded and sys.modules if sys.modules[name] is None]:
                    if loaded.get(name) is None:
                        del sys.modules[name]
                    else:
                        sys.modules[name] = loaded[name]
        return None


@contextlib.contextmanager
def _empty_folder() -> Iterator[str]:
    """Give a folder; who left nothing in it leaves it to the next."""
    folder = _empty.pop() if _empty else tempfile.mkdtemp(dir=_PLACE.name)
    try:
        yield folder
    finally:
        if os.path.isdir(folder) and not os.listdir(folder):
            _empty.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


_PLACE = tempfile.TemporaryDirectory()
_empty: list[str] = []


def needed(before: str, text: str) -> list[types.CodeType]:
    """Return the statements of what stands above a room's cases whose names a program uses, or others that it uses."""
    words, found = set(re.findall(r"\w+", text)), []
    for code, names, uses in reversed(_statements(before)):
        if not names or names & words:
            found.append(code)
            words |= uses
    return found[::-1]


@functools.cache
def _statements(before: str) -> list[tuple[types.CodeType, set[str], set[str]]]:
    """Return each statement, the names that it gives, and the words that stand in it."""
    found = []
    for node in ast.parse(before).body:
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
        names |= {alias.asname or alias.name.partition(".")[0] for alias in getattr(node, "names", ())}
        names |= {name for name in [getattr(node, "name", None)] if name is not None}
        words = set(re.findall(r"\w+", ast.get_source_segment(before, node) or ""))
        found.append((compile(ast.Module([node], []), "before", "exec"), names, words))
    return found


def command(line: str) -> None:
    """Run a command of the command line; raise the error that it prints.

    A training that has been run before, on the same files, isn't run again: what it had written is written.
    """
    arguments = shlex.split(line.removeprefix("chainrule "))
    before = _files() if arguments[0] == "train" else None
    key = None if before is None else (line, *sorted(before.items()))
    if key in _trained:
        for name, content in _trained[key].items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(content)
        return
    code = status(arguments)
    if code:
        raise _made[-1] if _made else AssertionError(f"exit code {code} without an error of ours")
    after = None if key is None else _files()
    if before is not None and after is not None:
        _trained[key] = {name: content for name, content in after.items() if before.get(name) != content}


_trained: dict[Any, dict[str, bytes]] = {}


def _files() -> dict[str, bytes] | None:
    """Return the files of the working folder; None if there are links or large ones among them."""
    paths = [path for path in Path().rglob("*") if path.is_symlink() or not path.is_dir()]
    if any(path.is_symlink() or path.stat().st_nlink > 1 or path.stat().st_size > 1 << 18 for path in paths):
        return None
    return {str(path): path.read_bytes() for path in paths}


def _write(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, "utf-8")


_made: list[cr.ChainruleError] = []  # since the program began


@contextlib.contextmanager
def _errors_that_know_their_place() -> Iterator[None]:
    usual = cr.ChainruleError.__init__

    def init(self: cr.ChainruleError, *args: Any, **kwargs: Any) -> None:
        usual(self, *args, **kwargs)
        self.made_at = stack(sys._getframe(1))
        _made.append(self)

    _made.clear()
    cr.ChainruleError.__init__ = init
    try:
        yield
    finally:
        cr.ChainruleError.__init__ = usual


def _made_at(error: cr.ChainruleError) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = getattr(error, "made_at", [])
    return found


_VERBS = "pass|write|call|use|run|take|add|name|make|build|draw|begin with|end with|set it"
_VERB = re.compile(rf"(?i:(?:^|: |; |, or |, )(?:{_VERBS}))(?::| for example)? ")


def said(fix: str, wrong: str, *, of_command: bool = False) -> str:
    """Return the code that an advice tells to write in the place of what is wrong.

    >>> said("Pass X.toarray(); the estimators take it as it is", "X")
    'X.toarray()'
    >>> said("Did you mean 'relu'? Known: relu, tanh", "'rellu'")
    "'relu'"
    >>> said("Add --out model.onnx, for example", "", of_command=True)
    '--out model.onnx'
    """
    nearest = re.search(r"Did you mean (.+?)\? ", fix)
    if nearest:
        return nearest[1] if wrong[:1] in "\"'" and wrong else str(ast.literal_eval(nearest[1]))
    whole = re.search(r"chainrule [a-z]+ .*", fix) if wrong.startswith("chainrule ") else None
    verb = _VERB.search(fix)
    assert whole or verb, f"what to write instead of {wrong!r} is not said in {fix!r}"
    rest = whole[0] if whole else fix[verb.end() :]
    if of_command:
        return re.split(r", for example| \(in Python|, or |; |: |, if |, which ", rest)[0]
    starts = [found.end() for found in [*_VERB.finditer(fix), *re.finditer(": ", fix)]]
    codes = [code for start in starts if (code := _code_at(fix[start:]))]
    assert codes, f"no code in {fix!r}"
    return next((code for code in codes if not re.fullmatch(r"[\w, ]+", code)), codes[0])


def _code_at(text: str) -> str:
    """Return the longest code, an argument or more, with which a text begins; empty if it begins with none."""
    text = re.split(r"; | if |, (?:which|where|or|that|to) ", text)[0]
    for end in reversed([*(found.start() for found in re.finditer(r"[,:.]? ", text)), len(text)]):
        with contextlib.suppress(SyntaxError):
            ast.parse(f"f({text[:end]})")
            return text[:end]
    return ""


def rooms() -> list[str]:
    """Return the rooms of the house: folders, and the files beside them as one."""
    return [*sorted({room_of(advice) for advice in advices()})]


def room_of(advice: Advice) -> str:
    folder, _, rest = advice.file.partition("/")
    return folder if rest and folder != "words" else "house"


def cases(room: str) -> list[Case]:
    """Return the cases of a room."""
    path = HERE / f"{room}.txt"
    if not path.exists():
        return []
    before, *blocks = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    found = []
    for block in blocks:
        heading, _, text = block.partition("\n")
        words, _, later = heading.partition(" => ")
        found.append(Case(room, words, later, before, text))
    return found


def reasons() -> dict[str, str]:
    """Return the advice that no case follows, as it is written, and why."""
    found: dict[str, str] = {}
    reason = ""
    for line in REASONS.read_text("utf-8").splitlines():
        if line.startswith("## "):
            reason = line[3:]
        elif line and not line.startswith("# "):
            found[line] = reason
    return found


def followed_in(room: str) -> tuple[set[Advice], list[str]]:
    """Follow the advice in all cases of a room; return which that was, and what went wrong."""
    given, wrong = set(), []
    with without_collecting():
        for case in cases(room):
            advice, problem = case.followed()
            if problem:
                wrong.append(f"{case}\n    -> {problem}")
            if advice is not None:
                given.add(advice)
    return given, wrong
