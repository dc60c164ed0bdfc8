"""Editors and checkers of types are told what the registry of ops says: no stub is older than it."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr

SCRIPT = Path(__file__).parents[1] / ".ci" / "stubs.py"


def stubs() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("stubs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: dict[Path, str] = module.stubs()
    return found


def test_the_stubs_say_what_the_registry_says() -> None:
    for path, text in stubs().items():
        assert path.read_text("utf-8") == text, "Run: make stubs"


@pytest.mark.parametrize("name", cr.graph.FUNCTIONS)
def test_a_function_of_nodes_has_its_ops_signature_docstring_and_source(name: str) -> None:
    function: Any = cr.graph.FUNCTIONS[name]
    kind = cr.ops.all_ops()[name]
    parameters = inspect.signature(function).parameters
    assert set(parameters) == {*(kind.roles if not kind.variadic else [kind.variadic]), *settings(kind), "name"}
    assert function.__doc__.splitlines()[0] == (kind.__doc__ or "").splitlines()[0]
    assert inspect.getsource(function) == inspect.getsource(kind)


def settings(kind: type) -> list[str]:
    return [] if kind.__init__ is object.__init__ else list(inspect.signature(kind.__init__).parameters)[1:]
