"""``chainrule evaluate``: the figures of a run's network, on the data of its recipe or on a file."""

from __future__ import annotations

import click

from chainrule.cli.options import column, one_of


@click.command(short_help="Measure the network of a run.")
@click.argument("run")
@click.option("--data", metavar="FILE", help="Measure on this file instead of the recipe's data.")
@click.option(
    "--target", metavar="COLUMN", callback=column, help="The column to compare with; the recipe's where left out."
)
@click.option(
    "--weights", metavar="best|last", callback=one_of("best", "last"), default="best", help="Which to measure."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def evaluate(run: str, data: str | None, target: str | int | None, weights: str, as_json: bool) -> None:
    """Measure the network of RUN, the folder of a run or a model file.

    Without --data on the samples of its recipe, each part apart: those it was trained on, those that chose its
    weights, and those held out for the test.
    """
    import chainrule as cr
    from chainrule.cli.shown import say, say_json
    from chainrule.errors import InputError
    from chainrule.recipes.figures import measure_file, measure_recipe
    from chainrule.recipes.log import figure_lines
    from chainrule.threads import exactly

    network, recipe = cr.recipes.load_run(run, weights)
    if data is None and recipe is None:
        raise InputError(
            f"evaluate {run!r}",
            given="a model file alone",
            expected="data to measure it on",
            fix="Add --data FILE --target COLUMN, or name the folder of a run",
        )
    with exactly(1):
        if data is not None:
            figures = {"data": measure_file(network, recipe, data, target)}
        else:
            assert recipe is not None
            figures = measure_recipe(network, recipe)
    if as_json:
        say_json({"run": run, **figures})
        return
    for line in figure_lines(figures):
        say(line)
