"""``chainrule log``: what a run said while it went, and its figures for other programs."""

from __future__ import annotations

import click


@click.command(short_help="Show the log of a run, or export it.")
@click.argument("run")
@click.option("--csv", "table", metavar="FILE", help="Write a line an epoch to this CSV file.")
@click.option("--tensorboard", metavar="DIR", help="Write event files for TensorBoard into this folder.")
def log(run: str, table: str | None, tensorboard: str | None) -> None:
    """Show the log of RUN, or export its figures, epoch by epoch.

    In the CSV file a text that a spreadsheet would take for a formula has an apostrophe before it.
    """

    from chainrule.cli.csv import as_csv
    from chainrule.cli.shown import say
    from chainrule.errors import InputError
    from chainrule.files import write_atomically
    from chainrule.recipes import open_run, read_story

    if table is None and tensorboard is None:
        for line in read_story(run):
            say(line)
        return
    record = open_run(run)
    count = len(record.history)
    if not count:
        raise InputError(f"log {run!r}", given="no epoch yet", expected="at least one", fix="Wait for it")
    if table is not None:
        names = list(dict.fromkeys(name for epoch in record.history for name in epoch.as_dict()))
        rows = (list(map(epoch.as_dict().get, names)) for epoch in record.history)
        text = as_csv(names, rows)
        write_atomically(table, text.encode(), where="log")
        say(f"table     {table}: {count} epochs")
    if tensorboard is not None:
        from chainrule.tensorboard import TensorBoard

        with TensorBoard(tensorboard) as events:
            for epoch in record.history:
                events.write(epoch)
        say(f"events    {tensorboard}: {count} epochs")
