"""Where recipes come from: the shelf of built-in ones, or a TOML file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from chainrule.data.limits import within_memory
from chainrule.errors import FileError, InputError, nearest
from chainrule.recipes.recipe import Recipe, from_toml, located

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

_LARGEST = 1 << 20  # bytes: no recipe is that long


def names() -> list[str]:
    """Return the names of the built-in recipes.

    Examples
    --------
    >>> "xor" in names()
    True
    """
    return sorted(file.name.removesuffix(".toml") for file in _shelf().iterdir() if file.name.endswith(".toml"))


@within_memory("recipe")
def load(name_or_path: str | os.PathLike[str]) -> Recipe:
    """Return a recipe.

    Parameters
    ----------
    name_or_path : str or path
        The name of a built-in one, or the path of a TOML file: what ends in ``.toml`` or has a folder in it.

    Raises
    ------
    InputError
        If no built-in recipe has this name, or the file doesn't hold a recipe.
    FileError
        If the file can't be read.

    Examples
    --------
    >>> load("xor").layers
    '2-8-1'
    """
    given = os.fspath(name_or_path)
    folder, file = os.path.split(given)
    if not folder and not file.endswith(".toml"):
        return from_toml(text(given), f"recipe {given}", given)
    own = re.sub(r"[^A-Za-z0-9_.-]+", "-", file.removesuffix(".toml")).strip("._-")[:64]
    recipe = from_toml(_read(given), f"recipe {given!r}", own or "recipe")
    return located(recipe, folder)


def text(name: str) -> str:
    """Return a built-in recipe as the TOML file it is."""
    if name not in names():
        raise InputError(
            "recipe",
            given=repr(name)[:80],
            expected="a built-in recipe, or the path of a TOML file",
            fix=nearest(name.lower(), names()),
        )
    return _shelf().joinpath(f"{name}.toml").read_text("utf-8")


def _shelf() -> Traversable:
    """Return the folder of built-in recipes, which may lie in a ZIP file."""
    from importlib.resources import files

    return files("chainrule.recipes").joinpath("builtin")


def _read(path: str) -> str:
    from chainrule.data.opening import open_file

    with open_file("recipe", path) as file:
        content = file.read(_LARGEST + 1)
    try:
        if len(content) > _LARGEST:
            raise ValueError("it is longer than a MiB")
        return content.decode("utf-8-sig")
    except ValueError as problem:
        reason = "it is not UTF-8" if isinstance(problem, UnicodeDecodeError) else str(problem)
        raise FileError(
            f"recipe {path!r}",
            given=f"a file that is no recipe ({reason})",
            expected="a recipe in TOML",
            fix="Check the path",
        ) from None
