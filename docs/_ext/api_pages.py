"""The pages of the API reference, a page a room: every name that chainrule's rooms make public, each once.

A name is documented as users write it: `chainrule.Dense` if it is on the top level, `chainrule.data.xor` if not. Ops
and the functions made of them have pages of their own, which are linked.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from op_pages import kinds, public_name

import chainrule as cr
from chainrule.graph.functions import FUNCTIONS
from chainrule.ops import Op, all_ops

# Rooms in the order of the house, by their titles. A room that is not here comes last, under its own name.
_TITLES = {
    "graph": "Nodes and graphs",
    "graph.stepping": "Steps of a graph",
    "ops": "Ops",
    "replay": "Source",
    "optim": "Optimizers and schedules",
    "nn": "Layers, initializers, networks",
    "data": "Data",
    "files": "Model files",
    "training": "Training",
    "training.checkpoint": "Checkpoints",
    "recipes": "Recipes and runs",
    "plot": "Pictures",
    "explain": "Explanations and inspection",
    "errors": "Errors",
    "sklearn": "scikit-learn",
    "onnx": "ONNX",
    "torch": "PyTorch's weights",
    "numpy_page": "Plain NumPy",
    "tensorboard": "TensorBoard",
}
_INSIDE = {"__main__", "_version", "checks", "cli", "generators", "memory", "public", "settings"}


@functools.cache
def rooms() -> dict[str, str]:
    """Return room -> title."""
    others = {module.name for module in pkgutil.iter_modules(cr.__path__)} - _INSIDE - set(_TITLES)
    return _TITLES | {room: room.replace("_", " ").capitalize() for room in sorted(others)}


class Entry(NamedTuple):
    """One public name."""

    full: str
    thing: Any


@functools.cache
def entries() -> dict[str, tuple[Entry, ...]]:
    """Return room -> its public names, each thing once, at the first room that has it."""
    seen: set[int] = set()
    found: dict[str, list[Entry]] = {room: [] for room in rooms()}
    for kind in all_ops().values():  # on their own pages
        seen |= {id(kind), id(FUNCTIONS[kind.name])}
    for room in rooms():
        module = importlib.import_module(f"chainrule.{room}")
        for name in _names(module):
            thing = getattr(module, name)
            if isinstance(thing, ModuleType) or id(thing) in seen or not _documentable(thing):
                continue
            seen.add(id(thing))
            found[room].append(Entry(_full(room, name, thing), thing))
    return {room: tuple(some) for room, some in found.items() if some}


def api_pages() -> Iterator[tuple[str, str]]:
    """Return the name and the text of every page."""
    yield "index.md", _index()
    for room, members in entries().items():
        yield f"{_file(room)}.md", _page(room, members)


@functools.cache
def known() -> dict[str, str]:
    """Return how the docstrings call a thing -> its full name: what single backquotes link to."""
    names = {}
    for members in entries().values():
        for entry in members:
            short = entry.full.removeprefix("chainrule.")
            names[f"cr.{short}"] = entry.full
            if "." not in short:
                names[short] = entry.full
    for kind in all_ops().values():
        names[f"cr.{kind.name}"] = f"chainrule.{kind.name}"
        short = public_name(kind)
        names[short] = names[f"cr.{short}"] = f"chainrule.{short}"
    names["cr.explain"] = "chainrule.explain.explain"  # the room can be called
    return names


def _index() -> str:
    parts = [
        "# API",
        "Every public name, by room. In Python, `help(cr.Dense)` says the same.",
    ]
    for room, members in entries().items():
        links = [_link(entry) for entry in members]
        links += [f"[`cr.{kind.name}`](../ops/{kind.name}.md)" for kind in all_ops().values()] if room == "ops" else []
        parts.append(f"## [{rooms()[room]}]({_file(room)}.md)\n\n" + " · ".join(links))
    pages = "\n".join(_file(room) for room in entries())
    parts.append(f"```{{toctree}}\n:hidden:\n:maxdepth: 1\n\n{pages}\n```")
    return "\n\n".join(parts) + "\n"


def _names(module: ModuleType) -> list[str]:
    listed: list[str] | None = getattr(module, "__all__", None)
    if listed is not None:
        return listed
    own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", None) == module.__name__]
    return [name for name in own if not name.startswith("_") and not isinstance(getattr(module, name), type(Any))]


def _documentable(thing: Any) -> bool:
    return (inspect.isclass(thing) or inspect.isfunction(thing)) and thing.__module__.startswith("chainrule")


def _full(room: str, name: str, thing: Any) -> str:
    top = name in dir(cr) and getattr(cr, name) is thing
    return f"chainrule.{name}" if top else f"chainrule.{room}.{name}"


def _file(room: str) -> str:
    return room.replace(".", "_")


def _link(entry: Entry) -> str:
    return f"{{py:obj}}`cr.{entry.full.removeprefix('chainrule.')} <{entry.full}>`"


def _page(room: str, members: tuple[Entry, ...]) -> str:
    module = importlib.import_module(f"chainrule.{room}")
    opening = inspect.getdoc(module) or ""
    parts = [f"# {rooms()[room]}", _prose(opening.split("\n\n")[0])]
    if room == "ops":
        parts.append(_op_tables())
    for entry in members:
        parts.append(_documented(entry))
    return "\n\n".join(parts) + "\n"


def _prose(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")


def _documented(entry: Entry) -> str:
    name = entry.full.rsplit(".", 1)[-1]
    if inspect.isclass(entry.thing):
        special = [m for m in ("__call__", "__getitem__") if getattr(vars(entry.thing).get(m), "__doc__", None)]
        options = [":members:", *([":show-inheritance:"] if public_bases(entry.thing) else [])]
        options += [f":special-members: {', '.join(special)}"] if special else []
        directive = "autoclass" if not issubclass(entry.thing, BaseException) else "autoexception"
    else:
        options, directive = [], "autofunction"
    lines = "\n".join(f"   {option}" for option in options)
    return f"## {name}\n\n```{{eval-rst}}\n.. {directive}:: {entry.full}\n{lines}\n```"


def _op_tables() -> str:
    parts = ["Every op has [a page of its own](../ops/index.md), with its class and its function of nodes."]
    for module, members in kinds().items():
        title = module.__name__.rsplit(".", 1)[-1].replace("_", " ")
        links = " · ".join(f"[{kind.name}](../ops/{kind.name}.md)" for kind in members)
        parts.append(f"*{title}*: {links}")
    return "\n\n".join(parts)


def public_bases(thing: type) -> list[type]:
    """Return the nearest documented classes, and built-in ones, that a class is built on."""
    documented = {id(entry.thing) for members in entries().values() for entry in members}
    near = [base for base in thing.__mro__[1:-1] if id(base) in documented or base.__module__ == "builtins"]
    return [base for base in near if not any(issubclass(other, base) and other is not base for other in near)]


def subclasses(base: str) -> list[Entry]:
    """Return the public subclasses of a public class, in the order of its room."""
    of = getattr(cr, base)
    if issubclass(of, Op):
        raise ValueError("ops have an index of their own")
    return [
        entry
        for members in entries().values()
        for entry in members
        if inspect.isclass(entry.thing) and issubclass(entry.thing, of) and entry.thing is not of
    ]
