"""Every advice that `chainrule` gives: read from its source, and found again from an error that was made.

An advice is what an error says under ``fix``. Where a function hands on the ``fix`` of its caller, the caller gives
it; where the text is chosen from several, each of them is one.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import os
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import chainrule

SOURCE = Path(chainrule.__file__).parent
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True)
class Advice:
    """One advice: where it stands, and its words, with ``…`` for what depends on the case."""

    file: str
    function: str
    words: str
    lines: list[tuple[int, int]] = field(default_factory=list, compare=False)

    def __str__(self) -> str:
        return f"{self.file} {self.function}: {self.words}"

    def says(self, fix: str) -> bool:
        """Return whether this fix is this advice."""
        parts = [re.escape(part) for part in self.words.split("…")]
        return re.fullmatch(".*".join(parts), fix, re.DOTALL) is not None


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Let the collector of garbage rest: it would look at half a million objects again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@functools.cache
def advices() -> tuple[Advice, ...]:
    """Return each advice once, in the order in which they stand."""
    found: dict[Advice, Advice] = {}
    with without_collecting():
        sources = {path.relative_to(SOURCE).as_posix(): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
        files = {file: _File.of(ast.parse(text)) for file, text in sources.items()}
        everywhere = {name: at for of in files.values() for name, at in of.handing_on.items() if at < _NOWHERE}
        for file in sorted(files):
            for advice, lines in _in_file(file, files[file], everywhere | files[file].handing_on):
                found.setdefault(advice, advice).lines.append(lines)
    return tuple(found)


_NOWHERE = 1_000


@dataclass(frozen=True)
class _File:
    """What a file has: its calls, with the classes and functions around each; its functions and constants."""

    calls: list[tuple[ast.Call, tuple[Definition, ...]]]
    named: dict[str, ast.AST]
    handing_on: dict[str, int]  # at which place among its arguments each function takes a ``fix``

    @classmethod
    def of(cls, tree: ast.Module) -> _File:
        named: dict[str, ast.AST] = {node.name: node for node in tree.body if isinstance(node, FUNCTIONS)}
        for node in tree.body:
            if isinstance(node, ast.Assign):
                named |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        found = cls([], named, {})
        waiting: list[tuple[ast.AST, tuple[Definition, ...]]] = [(tree, ())]
        for node, around in waiting:
            if isinstance(node, ast.Call):
                found.calls.append((node, around))
            elif isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                around = (*around, node)
                if isinstance(node, FUNCTIONS) and node.name != "__init__":
                    names = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
                    found.handing_on[node.name] = names.index("fix") if "fix" in names else _NOWHERE
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    waiting += [(each, around) for each in value if isinstance(each, ast.AST)]
                elif isinstance(value, ast.AST):
                    waiting.append((value, around))
        return found


def _in_file(file: str, of: _File, handing_on: dict[str, int]) -> Iterator[tuple[Advice, tuple[int, int]]]:
    for node, around in of.calls:
        if (fix := _fix_of(node, handing_on)) is None:
            continue
        function = next((parent for parent in reversed(around) if isinstance(parent, FUNCTIONS)), None)
        name = ".".join(parent.name for parent in around)
        for words in dict.fromkeys(_words(fix, function, of.named, depth=0)):
            yield Advice(file, name, words), (node.lineno, node.end_lineno or node.lineno)


def _fix_of(call: ast.Call, handing_on: dict[str, int]) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == "fix":
            return keyword.value
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = handing_on.get(name, _NOWHERE)
    return call.args[place] if place < len(call.args) else None


def _words(
    fix: ast.expr, function: ast.FunctionDef | ast.AsyncFunctionDef | None, named: dict[str, ast.AST], depth: int
) -> Iterator[str]:
    """Return the texts that a fix may be."""
    if isinstance(fix, ast.IfExp):
        yield from _words(fix.body, function, named, depth)
        yield from _words(fix.orelse, function, named, depth)
    elif isinstance(fix, ast.BoolOp):
        for value in fix.values:
            yield from _words(value, function, named, depth)
    elif isinstance(fix, ast.Lambda):
        yield from _words(fix.body, function, named, depth)
    elif isinstance(fix, ast.Name) and depth < 4:
        yield from _of_name(fix.id, function, named, depth)
    elif isinstance(fix, ast.Call) and isinstance(of := named.get(getattr(fix.func, "id", "")), FUNCTIONS):
        for node in ast.walk(of) if depth < 4 else ():  # one that calls itself has said all by then
            if isinstance(node, ast.Return) and node.value is not None:
                yield from _words(node.value, of, named, depth + 1)
    elif isinstance(fix, ast.Constant) and fix.value in (None, ""):
        return
    else:
        yield re.sub("…+", "…", _one(fix))


def _of_name(
    name: str, function: ast.FunctionDef | ast.AsyncFunctionDef | None, named: dict[str, ast.AST], depth: int
) -> Iterator[str]:
    arguments = () if function is None else (*function.args.args, *function.args.kwonlyargs)
    found = name == "fix" and any(argument.arg == name for argument in arguments)  # then its callers give it, too
    if found and function is not None and (default := _default_of(function, name)) is not None:
        yield from _words(default, None, named, depth + 1)
    for node in ast.walk(function) if function is not None else ():
        value = None
        if isinstance(node, ast.NamedExpr) and node.target.id == name:
            value = node.value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name) and target.id == name:
                    value = node.value
                elif isinstance(target, ast.Tuple):
                    value = _of_tuple(target, node.value, name) or value
        if value is not None:
            found = True
            yield from _words(value, function, named, depth + 1)
    if not found:
        constant = named.get(name)
        yield from _words(constant, None, named, depth + 1) if isinstance(constant, ast.expr) else ["…"]


def _default_of(function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> ast.expr | None:
    taken = function.args
    by_place = dict(zip([argument.arg for argument in taken.args][::-1], taken.defaults[::-1], strict=False))
    by_name = {argument.arg: default for argument, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True)}
    return {**by_place, **by_name}.get(name)


def _of_tuple(target: ast.Tuple, value: ast.expr, name: str) -> ast.expr | None:
    names = [getattr(part, "id", "") for part in target.elts]
    if name not in names:
        return None
    if isinstance(value, ast.Tuple):
        return value.elts[names.index(name)]
    return ast.Call(ast.Name("unknown"), [], [])


def _one(fix: ast.expr) -> str:
    if isinstance(fix, ast.Constant):
        return str(fix.value)
    if isinstance(fix, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in fix.values)
    if isinstance(fix, ast.BinOp) and isinstance(fix.op, ast.Add):
        return _one(fix.left) + _one(fix.right)
    return "…"


def stack(frame: types.FrameType | None) -> list[tuple[str, int]]:
    """Return where in the library a frame is, and its callers: files and lines, the innermost first."""
    found = []
    while frame is not None:
        if frame.f_code.co_filename.startswith(_HERE):
            found.append((frame.f_code.co_filename[len(_HERE) :].replace(os.sep, "/"), frame.f_lineno))
        frame = frame.f_back
    return found


_HERE = str(SOURCE) + os.sep


def advice_of(fix: str, made_at: list[tuple[str, int]]) -> Advice | None:
    """Return the advice that an error gives, from its words and the `stack` where it was made."""
    said = [
        (len(advice.words.strip("…")), -depth, advice)
        for depth, (file, line) in enumerate(made_at)
        for advice in _in(file)
        if any(first <= line <= last for first, last in advice.lines) and advice.says(fix)
    ]
    if said:
        return max(said, key=lambda found: found[:2])[2]
    also = [advice for file in dict(made_at) for advice in _in(file) if advice.words.strip("…") and advice.says(fix)]
    return max(also, key=lambda advice: len(advice.words), default=None)


def _in(file: str) -> tuple[Advice, ...]:
    return _by_file().get(file, ())


@functools.cache
def _by_file() -> dict[str, tuple[Advice, ...]]:
    return {file: tuple(advice for advice in advices() if advice.file == file) for file in {a.file for a in advices()}}
