"""Recipes: whole trainings written down, and runs, the folders in which a training leaves what came of it."""

from __future__ import annotations

from chainrule.recipes.change import override
from chainrule.recipes.figures import measure
from chainrule.recipes.recipe import Data, EarlyStop, Phase, Recipe, from_toml, to_toml
from chainrule.recipes.run import Result, run
from chainrule.recipes.shelf import load, names
from chainrule.recipes.use import load_run

__all__ = [
    "Data",
    "EarlyStop",
    "Phase",
    "Recipe",
    "Result",
    "from_toml",
    "load",
    "load_run",
    "measure",
    "names",
    "override",
    "run",
    "to_toml",
]
