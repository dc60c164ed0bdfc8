"""``chainrule predict``: what a run's network answers for the samples in a file, a line a sample."""

from __future__ import annotations

import click

from chainrule.cli.options import one_of


@click.command(short_help="Let the network of a run answer.")
@click.argument("run")
@click.argument("file")
@click.option("--out", metavar="CSV", help="Write the answers to this file.")
@click.option("--weights", metavar="best|last", callback=one_of("best", "last"), default="best", help="Which to ask.")
def predict(run: str, file: str, out: str | None, weights: str) -> None:
    """Let the network of RUN answer for every sample in FILE (CSV, NPZ, NPY or IDX), or for one picture (PNG or
    JPEG): scaled, and inverted if it needs to be, which is said on stderr.

    The answer is a class and the probability that the network gives it, or the predicted numbers. A class whose name
    a spreadsheet would take for a formula, such as =A1, is written with an apostrophe before it.
    """
    import chainrule as cr
    from chainrule.cli.csv import as_csv
    from chainrule.cli.shown import say
    from chainrule.recipes.answers import answers
    from chainrule.threads import exactly

    network, recipe = cr.recipes.load_run(run, weights)
    with exactly(1):
        rows, notes = answers(network, recipe, file)
    for note in notes:
        say(f"{file}: {note}", err=True)
    text = as_csv(rows[0], rows[1:])
    if out is None:
        for line in text.splitlines():
            say(line)
        return
    cr.files.write_atomically(out, text.encode())
    say(f"{len(rows) - 1:,} answers in {out}")
