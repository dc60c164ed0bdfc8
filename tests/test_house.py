"""The house: imports point upward and in no circle, a name stands for one thing, files say what they are about."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
FILES = sorted(SOURCE.glob("chainrule/**/*.py"))
FILES_IN_ROOMS = [path for path in FILES if path != SOURCE / "chainrule/__init__.py"]  # the face imports from all

# From the top of the house to the bottom. `chainrule` itself, the public face, lies just above the command line.
ROOMS = (
    (
        *("_version", "errors", "settings", "logs", "caches", "memory", "threads"),
        *("words", "checks", "generators", "tables", "arrays", "column_names"),
    ),
    ("ops",),
    ("graph",),
    ("replay",),
    ("optim",),
    ("nn",),
    ("gradcheck",),
    ("data",),
    ("files",),
    ("training",),
    ("recipes",),
    ("plot",),
    ("explain",),
    ("numpy_page", "onnx", "sklearn", "tensorboard", "torch"),
    ("chainrule", "public"),
    ("__main__", "cli"),
)
FLOOR = {room: floor for floor, rooms in enumerate(ROOMS) for room in rooms}


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def imported(text: str, package: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each module of chainrule that a file in `package` imports, wherever in the file."""
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*parents, node.module] if node.module else parents)
            names = [base]
            if base == "chainrule":  # a room, or something the public face shows
                names = [f"chainrule.{alias.name}" if alias.name in FLOOR else base for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        yield from ((node.lineno, name) for name in names if str(name).split(".")[0] == "chainrule")


def wrong_arrows(text: str, module: str, package: str) -> list[str]:
    """Return the imports of a file that do not point upward, or to its own room."""
    here = room(module)
    assert here in FLOOR, f"{here!r} is no room of the house: give it a floor in ROOMS"
    found = []
    for line, name in imported(text, package):
        there = room(name)
        if there != here and FLOOR.get(there, len(ROOMS)) > FLOOR[here]:
            found.append(f"line {line}: {here} imports {name}")
    return found


@pytest.mark.parametrize("path", FILES_IN_ROOMS, ids=relative)
def test_imports_only_point_upward(path: Path) -> None:
    module = module_name(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    assert not wrong_arrows(path.read_text("utf-8"), module, package)


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_a_file_opens_with_what_it_is_about(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), "start the file with two or three sentences of prose"


@pytest.mark.parametrize(
    "text",
    [
        "import chainrule.nn",
        "import numpy, chainrule.nn.layers as layers",
        "from chainrule.nn import Dense",
        "from chainrule.nn.layers import Dense",
        "import chainrule",
        "from chainrule import Network",
        "from .. import nn",
        "from ..nn import Dense",
        "def late():\n    from chainrule.nn import Dense",
        "if TYPE_CHECKING:\n    from chainrule.nn import Dense",
        "importlib.import_module('chainrule.nn')",
        "import chainrule.nowhere",
    ],
)
def test_an_arrow_that_points_down_is_seen(text: str) -> None:
    assert wrong_arrows(text, "chainrule.graph.node", "chainrule.graph")


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np",
        "from chainrule.ops.op import Op",
        "from chainrule import errors",
        "from . import walk",
        "from .walk import order",
        "from ..ops import Op",
        "import chainrule.graph.walk",
        "import chainrules",
    ],
)
def test_an_arrow_that_points_up_is_let_through(text: str) -> None:
    assert not wrong_arrows(text, "chainrule.graph.node", "chainrule.graph")


def test_a_room_nobody_knows_is_refused() -> None:
    with pytest.raises(AssertionError, match="give it a floor"):
        wrong_arrows("", "chainrule.shed", "chainrule")


# What users know under one name in two rooms, and a room that is named after its class.
DOUBLE_CLASSES = {
    "PReLU": "cr.PReLU, a layer that learns its slope, and its op",
}
DOUBLE_FILES = {"graph": "graph/ and its Graph"}

# Circles of imports inside functions that are left: each is closed by a method that users find where they look for it.
CIRCLES = {
    frozenset({"graph.backprop", "graph.flatten", "graph.graph", "graph.node", "graph.stepping"}): "Node.backward",
    frozenset({"data.table", "data.table_frames"}): "Table.of",
    frozenset({f"training.{name}" for name in ("callbacks", "checkpoint", "events", "history", "loop")}): "train",
}


def test_no_two_files_have_one_name() -> None:
    found = defaultdict(list)
    for path in FILES:
        found[path.parent.name if path.name == "__init__.py" else path.stem].append(relative(path))
    assert {name: paths for name, paths in found.items() if len(paths) > 1}.keys() == DOUBLE_FILES.keys()


def test_no_two_classes_have_one_name() -> None:
    found = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(f"{relative(path)}:{node.lineno}")
    assert {name: places for name, places in found.items() if len(places) > 1}.keys() == DOUBLE_CLASSES.keys()


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is in a file and may run: not what only a checker of types reads."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from executed(child)


def imported_files(text: str, modules: set[str]) -> set[str]:
    """Return the files of chainrule that a file imports, wherever in it."""
    found: set[str] = set()
    for node in executed(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else str(node.module) for name in whole.values()}
    return found & modules


def circles(imports: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of files that import each other, however many steps it takes."""
    reached = {name: set(targets) for name, targets in imports.items()}
    for through in imports:
        for targets in reached.values():
            if through in targets:
                targets |= reached[through]
    groups = {frozenset({name, *(other for other in reached[name] if name in reached[other])}) for name in imports}
    return [set(group) for group in groups if len(group) > 1]


def test_files_import_each_other_in_no_circle() -> None:
    modules = {module_name(path) for path in FILES}
    imports = {module_name(path): imported_files(path.read_text("utf-8"), modules) for path in FILES}
    found = {frozenset(name.removeprefix("chainrule.") for name in group) for group in circles(imports)}
    assert found == set(CIRCLES)


def test_a_circle_is_seen_however_long() -> None:
    names = {"a", "b", "c", "d"}
    late = "def f():\n    import b"
    texts = {"a": late, "b": "from c import x", "c": "import a", "d": "if TYPE_CHECKING:\n    import d\nimport a"}
    imports = {name: imported_files(text, names) for name, text in texts.items()}
    assert circles(imports) == [{"a", "b", "c"}]


def test_what_is_counted_is_of_the_size_of_a_pointer() -> None:
    """`np.bincount` casts safely, which int64 can't be where pointers have 32 bits."""
    calls = [
        (path.name, call.args[0])
        for path in FILES
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "bincount"
    ]
    assert calls
    for name, counted in calls:
        assert ast.unparse(counted).endswith(".astype(np.intp, copy=False)"), name


def test_what_other_folders_import_of_chainrule_is_there() -> None:
    missing = []
    found = (path for folder in ("benchmarks", "docs", "examples", ".ci") for path in (ROOT / folder).rglob("*.py"))
    for path in (path for path in found if ".environments" not in path.parts):  # those of `make bench`
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "chainrule":
                module = importlib.import_module(str(node.module))
                missing += [
                    f"{path}: {alias.name}"
                    for alias in node.names
                    if alias.name not in dir(module) and not hasattr(module, alias.name)
                ]
    assert not missing
