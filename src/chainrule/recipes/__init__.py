"""Recipes: whole trainings written down, and runs, the folders in which a training leaves what came of it."""

from __future__ import annotations

from chainrule.recipes.adopting import adopt
from chainrule.recipes.change import continued, override
from chainrule.recipes.figures import measure
from chainrule.recipes.recipe import Data, EarlyStop, Phase, Recipe, from_toml, to_toml
from chainrule.recipes.run import Result, resume, run
from chainrule.recipes.runs import RunRecord, compare, list_runs, open_run, read_story
from chainrule.recipes.saved_run import load_run
from chainrule.recipes.shelf import load, names

__all__ = [
    "Data",
    "EarlyStop",
    "Phase",
    "Recipe",
    "Result",
    "RunRecord",
    "adopt",
    "compare",
    "continued",
    "from_toml",
    "list_runs",
    "load",
    "load_run",
    "measure",
    "names",
    "open_run",
    "override",
    "read_story",
    "resume",
    "run",
    "to_toml",
]
