"""Recipes: whole trainings written down, and runs, the folders in which a training leaves what came of it."""

from __future__ import annotations

from chainrule.recipes.evaluation import measure
from chainrule.recipes.import_run import adopt
from chainrule.recipes.recipe import (
    Data,
    EarlyStop,
    Phase,
    Recipe,
    continued,
    from_toml,
    load,
    names,
    override,
    to_toml,
)
from chainrule.recipes.run import Result, resume, run
from chainrule.recipes.runs import RunRecord, compare, list_runs, load_run, open_run, read_story, weights_told

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
    "weights_told",
]
