"""The page of environment variables has those that are read, in the package and in its tests, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/howto/environment.md").read_text("utf-8")
READS = ("os.environ.get", "os.getenv", "environ.get", "getenv")


def read_in(text: str) -> Iterator[str]:
    """Yield the names of the environment variables that a file reads; what is no plain name as its source."""
    tree = ast.parse(text)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    loops = {
        part.target.id: part.iter
        for node in ast.walk(tree)
        for part in getattr(node, "generators", [])
        if isinstance(part.target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in READS:
            found: ast.expr = node.args[0]
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.ctx, ast.Load)
            and ast.unparse(node.value) in ("os.environ", "environ")
        ):
            found = node.slice
        else:
            continue
        while isinstance(found, ast.Name) and (found.id in constants or found.id in loops):
            found = constants.get(found.id) or loops[found.id]
        for name in found.elts if isinstance(found, ast.Tuple) else [found]:
            yield name.value if isinstance(name, ast.Constant) else ast.unparse(name)


def all_read_in(folder: str) -> set[str]:
    texts = (path.read_text("utf-8") for path in (ROOT / folder).rglob("*.py"))
    return {name for text in texts if "environ" in text or "getenv" in text for name in read_in(text)}


def tables() -> list[set[str]]:
    """Return the variables in the first column of each table of the page."""
    blocks = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    return [
        {name for row in block.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])} for block in blocks
    ]


def test_the_page_has_what_the_package_reads() -> None:
    assert tables()[0] == all_read_in("src/chainrule")


def test_the_page_has_what_the_tests_read() -> None:
    ours = {name for name in all_read_in("tests") if name.startswith("CHAINRULE")}
    assert tables()[1] == ours - tables()[0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('os.environ.get("A", "1")', ["A"]),
        ('os.getenv("A")', ["A"]),
        ('os.environ["A"]', ["A"]),
        ('os.environ["A"] = "1"', []),
        ('NAME = "A"\ndef f():\n    return os.environ.get(NAME)', ["A"]),
        ('NAMES = ("A", "B")\nany(os.environ.get(name) for name in NAMES)', ["A", "B"]),
        ("os.environ.get(f(x))", ["f(x)"]),
    ],
)
def test_a_variable_is_found_however_it_is_read(text: str, names: list[str]) -> None:
    assert list(read_in(text)) == names
