"""Where ``python -OO`` has dropped them, docstrings are read from the source: of a file, a notebook, or nowhere."""

from __future__ import annotations

import linecache
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import MisuseError
from chainrule.ops import docstrings
from chainrule.ops.docstrings import docstring

TEXT = '''
import chainrule as cr

class Cube(cr.Op):
    """y = z³
    ∂z = ∂y · 3z²"""

    def forward(self, z):
        """Return the cube."""
        return z * z * z

    class Inner:
        """Within."""

class Silent(Cube):
    def forward(self, z):
        return z * z

def outer():
    """Outside."""
    def local():
        """Inside."""
    return local

async def later():
    """In a while."""
'''
CELL = "<a cell of a notebook>"


@pytest.fixture
def stripped(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a cell of a notebook defines, its docstrings dropped as python -OO drops them."""
    names: dict[str, Any] = {"__name__": "no module of this name"}
    exec(compile(TEXT, CELL, "exec", optimize=2), names)
    monkeypatch.setattr(docstrings, "sys", SimpleNamespace(flags=SimpleNamespace(optimize=2), modules=sys.modules))
    return names


@pytest.fixture
def in_a_notebook(monkeypatch: pytest.MonkeyPatch, stripped: dict[str, Any]) -> dict[str, Any]:
    monkeypatch.setitem(linecache.cache, CELL, (len(TEXT), None, TEXT.splitlines(True), CELL))
    return stripped


def test_every_docstring_of_a_source_is_found_by_its_qualified_name() -> None:
    assert docstrings._docstrings(TEXT) == {
        "Cube": "y = z³\n∂z = ∂y · 3z²",
        "Cube.forward": "Return the cube.",
        "Cube.Inner": "Within.",
        "Silent": "",
        "Silent.forward": "",
        "outer": "Outside.",
        "outer.<locals>.local": "Inside.",
        "later": "In a while.",
    }


def test_a_source_that_is_half_written_has_none() -> None:
    assert docstrings._docstrings('class Cube:\n    """y = z³') == {}


@pytest.mark.parametrize(
    "kind", [cr.Tanh, cr.Dense, cr.train, cr.Network.compute_loss], ids=lambda kind: kind.__qualname__
)
def test_what_is_read_from_a_file_is_what_python_keeps(monkeypatch: pytest.MonkeyPatch, kind: Any) -> None:
    kept = docstring(kind)
    assert kept
    monkeypatch.setattr(docstrings, "sys", SimpleNamespace(flags=SimpleNamespace(optimize=2), modules=sys.modules))
    assert docstring(kind) == kept
    assert docstrings._docstrings(next(docstrings._sources(kind)))[kind.__qualname__] == kept


@pytest.mark.parametrize(
    ("name", "said"), [("Cube", "y = z³\n∂z = ∂y · 3z²"), ("outer", "Outside."), ("later", "In a while.")]
)
def test_what_a_notebook_defines_has_its_docstring(in_a_notebook: dict[str, Any], name: str, said: str) -> None:
    assert in_a_notebook[name].__doc__ is None
    assert docstring(in_a_notebook[name]) == said


def test_a_class_without_one_has_that_of_the_class_it_is_derived_from(in_a_notebook: dict[str, Any]) -> None:
    assert docstring(in_a_notebook["Silent"]) == "y = z³\n∂z = ∂y · 3z²"


def test_one_that_was_given_by_hand_comes_first(in_a_notebook: dict[str, Any]) -> None:
    in_a_notebook["Cube"].__doc__ = "y = cube(z)\n        ∂z = 3z² ∂y"
    assert docstring(in_a_notebook["Cube"]) == "y = cube(z)\n∂z = 3z² ∂y"


@pytest.mark.parametrize("name", ["Cube", "outer"])
def test_without_a_source_it_is_said_what_to_do(stripped: dict[str, Any], name: str) -> None:
    with pytest.raises(MisuseError, match=rf"docstring of {name}: got no source to read it from, and python -OO.*file"):
        docstring(stripped[name])


def test_a_function_without_any_has_an_empty_one(in_a_notebook: dict[str, Any]) -> None:
    assert docstring(in_a_notebook["Silent"].forward) == ""
