"""``python -OO`` drops docstrings and assertions: everything that is shown is shown all the same."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule.cli.commands import COMMANDS

SOURCE = Path(cr.__file__).parents[1]
HELP = ["", "--help", *(f"{name} --help" for name in COMMANDS)]
OPS = ["ops", "ops tanh", "ops softmax_cross_entropy", "ops l2_penalty", "ops conv9d"]
MORE = [
    "explain xor",
    "explain xor --json",
    "explain xor --format html --language he",
    "explain xor --node tanh_1",
    "check xor --json",
    "check mine.py",
    "source xor",
    "recipes",
]
MINE = '''
import numpy as np
import chainrule as cr

class Cube(cr.Op):
    """y = z³
    ∂z = ∂y · 3z²"""

    def forward(self, z):
        return z * z * z

    def backward(self, dy, y, z):
        return dict(z=dy * 3 * z * z)

class Unsaid(Cube):
    def forward(self, z):
        return z * z * z

class Given(Cube):
    pass

Given.__doc__ = """y = given(z)
    ∂z = ∂y"""

def inside():
    class Local(Cube):
        """y = local(z)
        ∂z = 3∂y"""
    return Local

class Rule(cr.SGD):
    """w ← w − η·g, said here."""

    def update(self, weights, gradient, *, rate):
        weights -= rate * gradient

X, y = np.ones((4, 2)), np.ones((4, 1))
network = cr.Network([cr.Dense(2), Cube(), Unsaid(), cr.Dense(1)], optimizer=Rule(0.1), inputs=2)
'''
SCRIPT = """
import contextlib, io, json, linecache, sys
from chainrule.cli import status

answers = {}
for line in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = status(line.split())
    answers[line] = code, out.getvalue(), err.getvalue()
if sys.argv[2:]:
    import mine
    from chainrule.errors import MisuseError
    from chainrule.ops import page
    import chainrule as cr
    for kind in (mine.Cube, mine.Unsaid, mine.Given, mine.inside()):
        answers[kind.__name__] = page(kind)[3:]
    answers["explain"] = str(cr.explain(mine.network, mine.X, mine.y, sample=0))
    names = {}
    exec(compile(mine.TEXT, "<shell>", "exec"), names)
    if sys.flags.optimize == 2:
        try:
            page(names["Cube"])
        except MisuseError as error:
            answers["typed"] = str(error)
    linecache.cache["<shell>"] = len(mine.TEXT), None, mine.TEXT.splitlines(True), "<shell>"  # as a notebook has it
    answers["in a notebook"] = page(names["Cube"])[3:]
print(json.dumps(answers))
"""


def said(lines: list[str], *options: str, source: Path = SOURCE, mine: bool = False) -> dict[str, Any]:
    command = [sys.executable, *options, "-c", SCRIPT, json.dumps(lines), *(["mine"] if mine else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(source), "."]), "COLUMNS": "100"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_every_command_says_the_same_without_docstrings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(f"{MINE}\nTEXT = {MINE!r}\n", encoding="utf-8")
    plain, stripped = (said([*HELP, *OPS, *MORE], *option, mine=True) for option in ((), ("-OO",)))
    error = stripped.pop("typed")
    assert stripped == plain
    assert "tanh" in plain["ops"][1]
    assert "∂z = ∂y · 3z²" in plain["Unsaid"][1].values()
    assert "got no source to read it from, and python -OO" in error
    assert "every derivative by hand and in sight" in plain["--help"][1]
    for line in HELP:
        assert len(plain[line][1].splitlines()) > 5


def test_a_zip_has_its_docstrings_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("chainrule.zip", "w") as archive:
        for path in SOURCE.glob("chainrule/**/*.py"):
            archive.write(path, path.relative_to(SOURCE))
    zipped = said([*HELP, *OPS], "-OO", source=tmp_path / "chainrule.zip")
    assert zipped == said([*HELP, *OPS])


def carries_logic(statement: ast.Assert) -> bool:
    """Return whether an assertion does more than tell a type checker what a name is."""
    match statement.test:
        case ast.Compare(ast.Name() | ast.Attribute(), [ast.IsNot()], [ast.Constant(None)]):
            return False
        case ast.Call(ast.Name("isinstance"), [ast.Name() | ast.Attribute(), _]):
            return False
    return True


def test_no_assertion_carries_logic() -> None:
    for path in SOURCE.glob("chainrule/**/*.py"):
        found = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Assert)]
        assert [f"{path}:{node.lineno}" for node in found if carries_logic(node)] == []
