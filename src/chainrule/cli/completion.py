"""What a shell completes: names of recipes, folders of runs, ops and commands; click does the rest.

Each function is a ``shell_complete`` of click's: it gets what was typed so far and returns what it may become. Choices
of an option are completed by `options.choice`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem


def _beginning(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a built-in recipe, or a TOML file."""
    from chainrule.recipes.recipe import names

    return _beginning(names(), incomplete) or [CompletionItem(incomplete, type="file")]


def runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the folder of a run: one in ``runs``, or in the folder that is being typed; else any file."""
    typed = os.path.dirname(incomplete)
    return _beginning(_runs_in(typed or "runs"), incomplete) or [CompletionItem(incomplete, type="file")]


def subjects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete what can be trained or explained: a run, a recipe, or a file."""
    from chainrule.recipes.recipe import names

    found = _beginning([*_runs_in(os.path.dirname(incomplete) or "runs"), *names()], incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def builtin_recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a built-in recipe."""
    from chainrule.recipes.recipe import names

    return _beginning(names(), incomplete)


def libraries(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a library whose words are known."""
    from chainrule.words import LIBRARIES

    return _beginning(LIBRARIES, incomplete)


def experiments(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of a founding experiment."""
    from chainrule.recipes import reproduce

    return _beginning(reproduce.experiments(), incomplete)


def ops(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the name of an op."""
    from chainrule.ops import all_ops

    return _beginning(all_ops(), incomplete)


def _runs_in(folder: str) -> list[str]:
    """Return the folders inside of a folder that hold a recipe and a log, as a run does."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if os.path.isfile(os.path.join(entry.path, "log.jsonl"))]
    except OSError:
        return []
    return sorted(found)
