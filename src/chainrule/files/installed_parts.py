"""Parts of installed packages: a recipe or a file may name a class that a package offers as an entry point.

A package says so in its metadata, under the group `GROUP`; who has installed it has let its code in already. Nothing is
imported before a name comes up that chainrule itself does not have, and then only what was registered under that name.
Packages are looked for where they are installed, never in the current folder, which may be a stranger's.
"""

from __future__ import annotations

import os
import sys
from importlib.metadata import EntryPoint, distributions
from typing import Any

from chainrule.data.opening import shown
from chainrule.errors import InputError
from chainrule.files.part_classes import KINDS, PART, RESERVED

GROUP = "chainrule.parts"


def installed_names() -> list[str]:
    """Return the names that installed packages offer, without importing any of them."""
    return sorted({point.name for point in _points()} - {*KINDS, *RESERVED})


def installed_part(name: str) -> type[Any] | None:
    """Return the class that an installed package offers under a name; None if none does.

    Names that chainrule has itself are never looked up, so no package can stand in for a part of ours.

    Raises
    ------
    InputError
        If two packages offer the name, or what is offered can't be imported or is no part.
    """
    if name in KINDS or name in RESERVED or not name.isidentifier():
        return None
    points = [point for point in _points() if point.name == name]
    if not points:
        return None
    if len({point.value for point in points}) > 1:
        raise InputError(
            f"part {shown(name)}",
            given=f"the packages {' and '.join(sorted(map(_package, points)))}, which both offer it",
            expected="one of them",
            fix="Uninstall one",
        )
    (point, *_) = points
    try:
        found = point.load()
    except (Exception, SystemExit) as problem:  # the package's own code may raise anything
        raise InputError(
            f"part {shown(name)}",
            given=f"the package {_package(point)}, whose {point.value} can't be imported "
            f"({type(problem).__name__}: {problem})",
            expected="one that can",
            fix=f"Repair {_package(point)}, or uninstall it",
        ) from problem
    if not (isinstance(found, type) and issubclass(found, PART) and found.__name__ == name):
        raise InputError(
            f"part {shown(name)}",
            given=f"the package {_package(point)}, which offers {shown(found)}",
            expected=f"a class {name}: an Op, Layer, Optimizer, Schedule or Initializer",
            fix=f"Correct the entry point in {_package(point)}: a part is registered under its class's own name",
        )
    return found


def _points() -> list[EntryPoint]:
    """Return what installed packages offer. What lies in the folder one happens to be in was not installed."""
    here = os.path.realpath(os.curdir)
    places = [place for place in sys.path if os.path.isabs(place) and os.path.isdir(place)]
    found: dict[str, list[EntryPoint]] = {}
    for package in distributions(path=[place for place in places if os.path.realpath(place) != here]):
        if points := package.entry_points.select(group=GROUP):
            found.setdefault(package.name, list(points))  # the first on the path is the one that is imported
    return [point for points in found.values() for point in points]


def _package(point: EntryPoint) -> str:
    """Return the name of the package that an entry point belongs to."""
    return shown(point.dist.name if point.dist is not None else point.module)
