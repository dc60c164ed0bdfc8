"""``chainrule train``: runs a recipe, shows how it goes, and names what it leaves."""

from __future__ import annotations

import os
from typing import Any

import click

from chainrule.cli.failures import INTERRUPTED
from chainrule.cli.options import column, number, one_of, whole


@click.command(short_help="Train as a recipe says.")
@click.argument("recipe")
@click.option("--epochs", metavar="N", callback=whole(), help="In all; several phases keep their shares.")
@click.option(
    "--batch-size", metavar="N|full", callback=whole(0, words=("full",)), help="Samples a step; full: all at once."
)
@click.option(
    "--learning-rate", metavar="RATE", callback=number(above=0), help="Constant, instead of the recipe's rates."
)
@click.option("--l2", metavar="FACTOR", callback=number(least=0, like=0.001), help="Penalty on the weights.")
@click.option("--layers", metavar="SIZES", help="From inputs to outputs, such as 784-200-100-10.")
@click.option("--seed", metavar="N", callback=whole(0, 2**63 - 1), help="From which all randomness comes.")
@click.option(
    "--dtype", metavar="float32|float64", callback=one_of("float32", "float64"), help="The numbers to compute with."
)
@click.option("--keep", metavar="best|last", callback=one_of("best", "last"), help="Which weights to keep.")
@click.option("--threads", metavar="N", callback=whole(0, 1024), help="For products of matrices; 0: by their size.")
@click.option("--data", metavar="FILE", help="Learn from this file instead.")
@click.option("--target", metavar="COLUMN", callback=column, help="What to predict of it.")
@click.option("--out", metavar="DIR", default="runs", show_default=True, help="Where the run folder is made.")
@click.option("--no-pictures", is_flag=True, help="Draw none.")
@click.option("--quiet", is_flag=True, help="Show the end only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def train(
    recipe: str, data: str | None, out: str, no_pictures: bool, quiet: bool, as_json: bool, **options: Any
) -> int:
    """Train as RECIPE says: the name of a built-in recipe (see chainrule recipes) or a TOML file.

    Options win over the recipe. The run goes into a new folder, which is named at the end.
    """
    import chainrule as cr
    from chainrule.cli.pictures import draw, drawn_in_text
    from chainrule.cli.progress import shown_progress
    from chainrule.cli.shown import say
    from chainrule.recipes.log import figure_lines

    chosen = cr.recipes.override(cr.recipes.load(recipe), data=data, **options)
    with shown_progress(quiet, as_json) as (callbacks, tell):
        result = cr.recipes.run(chosen, out=out, callbacks=callbacks, say=tell)
    notes = [] if no_pictures else draw(result)
    if as_json:
        import json

        for note in notes:
            say(note, err=True)
        click.echo(json.dumps(_finite(result.as_dict()), ensure_ascii=False))
        return INTERRUPTED if result.interrupted else 0
    if quiet:
        for line in figure_lines({name: getattr(result, name) for name in result.samples.parts}):
            say(line)
    elif text := drawn_in_text(result):
        click.echo(f"\n{text}\n")
    for note in notes:
        say(note)
    files = [name for name in sorted(os.listdir(result.run)) if os.path.join(result.run, name) not in result.pictures]
    if result.pictures:
        say(f"pictures  {', '.join(result.pictures)}")
    say(f"run       {result.run}: {', '.join(files)}")
    return INTERRUPTED if result.interrupted else 0


def _finite(value: Any) -> Any:
    """Return plain data for JSON, which has no word for what is not finite: its name as a text."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, float) and value - value != 0:
        return str(value)
    return value
