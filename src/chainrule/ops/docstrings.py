"""Docstrings, also where ``python -OO`` has dropped them: they are read from the source then.

The formulas that are shown and the help of the command line are docstrings, so they must not go with an option.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

from chainrule.errors import MisuseError


def docstring(of: Any) -> str:
    """Return the docstring of a class or a function, a class's own or that of the class it is derived from.

    Raises
    ------
    MisuseError
        Under ``python -OO``, if there is no source to read it from.

    Examples
    --------
    >>> docstring(docstring).splitlines()[0]
    "Return the docstring of a class or a function, a class's own or that of the class it is derived from."
    """
    if sys.flags.optimize < 2:
        return inspect.getdoc(of) or ""
    kinds = of.__mro__[:-1] if isinstance(of, type) else (of,)  # the last one is object
    return next((text for text in map(_own, kinds) if text), "")


def _own(of: Any) -> str:
    """Return what stands below the very line of a class or a function."""
    kept = vars(of).get("__doc__")
    if isinstance(kept, str):  # it was given one by hand
        return inspect.cleandoc(kept)
    for text in _sources(of):
        found = _docstrings(text)
        if of.__qualname__ in found:
            return found[of.__qualname__]
    raise MisuseError(
        f"the docstring of {of.__qualname__}",
        given="no source to read it from, and python -OO, which drops docstrings",
        expected="a class or a function in a file",
        fix="Run Python without -OO, or write it into a file",
    )


def _sources(of: Any) -> Iterator[str]:
    """Yield the texts that may hold the source: of the module, also in a zip, and of what ran without being one."""
    with suppress(KeyError, OSError, TypeError):
        yield inspect.getsource(sys.modules[of.__module__])
    for part in (of, *vars(of).values()):
        code = getattr(inspect.unwrap(part), "__code__", None) if callable(part) else None
        if code is not None:
            yield "".join(linecache.getlines(code.co_filename))


@cache
def _docstrings(text: str) -> dict[str, str]:
    """Return the docstring of each class and function in a source, by its qualified name."""
    found: dict[str, str] = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inside = prefix
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                found[prefix + child.name] = ast.get_docstring(child) or ""
                inside = f"{prefix}{child.name}." + ("" if isinstance(child, ast.ClassDef) else "<locals>.")
            visit(child, inside)

    with suppress(SyntaxError):  # the file is being written anew
        visit(ast.parse(text), "")
    return found
