"""``chainrule init``: a recipe for a table of one's own, to be read and changed."""

from __future__ import annotations

from typing import Literal

import click

from chainrule.cli.options import table_options
from chainrule.cli.output import say
from chainrule.data.labels import Task


@click.command()
@click.argument("table")
@table_options("What to predict")
def init(
    table: str,
    target: str | int | list[str] | None,
    task: Task | None,
    drop: tuple[str, ...],
    index: str | None,
    decimal: Literal[".", ","] | None,
    day_first: bool | None,
) -> None:
    """Print a recipe for TABLE, a text file with columns, with what was found in it and why each thing is as it is.

    chainrule init my.csv --target price > my.toml, and then chainrule train my.toml.
    """
    from chainrule.recipes.for_table import for_table

    made = for_table(table, target, task=task, drop=drop, index=index, decimal=decimal, day_first=day_first)
    for line in made.text().splitlines():
        say(line)
