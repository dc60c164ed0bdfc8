"""``chainrule plot``: the pictures of a run once more, or the curves of several runs in one picture."""

from __future__ import annotations

import click


@click.command(short_help="Draw the curves of runs.")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--out", metavar="PNG|SVG", help="Where to; in the folder of the run, or learning-curves.png for several."
)
def plot(runs: tuple[str, ...], out: str | None) -> None:
    """Draw the learning curve of a run, or those of several RUNS in one picture."""
    import os

    from chainrule import plot as pictures
    from chainrule.cli.shown import say
    from chainrule.recipes import open_run

    records = [open_run(folder) for folder in runs]
    if len(records) == 1:
        path = out or os.path.join(records[0].folder, "learning-curve.png")
        pictures.learning_curve(records[0].history, path=path)
    else:
        path = out or "learning-curves.png"
        pictures.learning_curves({record.folder: record.history for record in records}, path=path)
    say(f"picture   {path}")
