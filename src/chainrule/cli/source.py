"""``chainrule source``: a step of a network, or its prediction, as a page of plain NumPy."""

from __future__ import annotations

import click


@click.command(short_help="Write a network's step out as plain NumPy.")
@click.argument("run")
@click.option("--predict", is_flag=True, help="The prediction alone: no loss, no derivatives, no dropout.")
@click.option("--out", metavar="FILE", help="Write it to this file instead.")
def source(run: str, predict: bool, out: str | None) -> None:
    """Write out what the network of RUN does in a training step: forward, loss and every derivative.

    RUN is the folder of a run, a model file, the name of a built-in recipe or a TOML file. The page is a function of
    plain NumPy that runs as printed, on batches of any size. Penalties and the optimizer are no part of it.
    """
    import os

    from chainrule.cli.shown import say
    from chainrule.files import write_atomically
    from chainrule.recipes import load, load_run, names
    from chainrule.recipes.build import build
    from chainrule.recipes.samples import gather
    from chainrule.replay import source as page_of

    if run in names() or run.endswith(".toml") or not (os.path.dirname(run) or os.path.exists(run)):
        recipe = load(run)
        network = build(recipe, gather(recipe))
    else:
        network, _ = load_run(run)
    if predict:
        page = page_of(network.graph("prediction"), name="predict", gradients=False)
    else:
        page = page_of(network.graph())
    if out is None:
        click.echo(page, nl=False)
        return
    write_atomically(out, page.encode(), where="source")
    say(f"source    {out}: {len(page.splitlines())} lines")
