"""``chainrule reproduce``: the founding experiments once more, their figures beside ours."""

from __future__ import annotations

import click

from chainrule.cli.options import whole


@click.command(short_help="Run the founding experiments.")
@click.argument("names", nargs=-1)
@click.option("--seeds", metavar="N", callback=whole(), help="How many starts each; what it says where left out.")
@click.option("--epochs", metavar="N", callback=whole(), help="Only the first so many.")
@click.option("--out", metavar="DIR", default="runs/reproduce", show_default=True, help="Where the runs are or go on.")
@click.option("--markdown", metavar="FILE", help="Write the tables to this file.")
def reproduce(names: tuple[str, ...], seeds: int | None, epochs: int | None, out: str, markdown: str | None) -> int:
    """Run the founding experiments NAMES (all of them where left out), and show documented figures beside ours.

    They take hours together. What was stopped goes on where it was; what is done is not done again. The exit status
    is 1 where a documented figure was not reached.
    """
    from chainrule.cli.shown import say
    from chainrule.cli.tables import shown_table
    from chainrule.files import write_atomically
    from chainrule.recipes import reproduce as room

    results = []
    for name in names or tuple(room.experiments()):
        result = room.reproduce(name, seeds=seeds, epochs=epochs, out=out, say=say)
        results.append(result)
        header, *rows = result.table
        shown_table(header, rows)
        say(result.verdict)
        if markdown is not None:  # after each, for they take long
            write_atomically(markdown, room.document(results).encode(), where="reproduce")
    return 0 if all(result.met == result.count for result in results) else 1
