"""``chainrule resume``: goes on with a run where it was stopped, or further than it was planned."""

from __future__ import annotations

import click

from chainrule.cli.options import number, whole


@click.command(short_help="Go on with a run.")
@click.argument("run")
@click.option("--epochs", metavar="N", callback=whole(), help="So many more, instead of those that are left.")
@click.option(
    "--learning-rate", metavar="RATE", callback=number(above=0), help="From here on, instead of the recipe's rates."
)
@click.option("--no-pictures", is_flag=True, help="Draw none.")
@click.option("--quiet", is_flag=True, help="Show the end only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def resume(
    run: str, epochs: int | None, learning_rate: float | None, no_pictures: bool, quiet: bool, as_json: bool
) -> int:
    """Go on with RUN, the folder of a run that was stopped or killed, to what it would have become.

    Options win over the recipe; the optimizer's moments and steps are kept. A run that came to its end goes on with
    --epochs.
    """
    import chainrule as cr
    from chainrule.cli.ending import shown_result
    from chainrule.cli.progress import shown_progress

    with shown_progress(quiet, as_json) as (callbacks, tell):
        result = cr.recipes.resume(run, epochs=epochs, learning_rate=learning_rate, callbacks=callbacks, say=tell)
    return shown_result(result, no_pictures=no_pictures, quiet=quiet, as_json=as_json)
