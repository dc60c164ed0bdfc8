"""``chainrule runs``: what lies in a folder of runs, and what became of each."""

from __future__ import annotations

import click

from chainrule.cli.tables import shown_table


@click.command(short_help="List the runs in a folder.")
@click.argument("folder", default="runs")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def runs(folder: str, as_json: bool) -> None:
    """List the runs in FOLDER (runs where left out): how far each came, and its error or loss."""
    import os

    from chainrule.cli.shown import say_json
    from chainrule.recipes import list_runs
    from chainrule.recipes.log import percent

    rows, plain = [], []
    for record in list_runs(folder):
        planned = record.recipe.epochs if record.recipe else 0
        done = len(record.history)
        part, figures = record.figures or ("", {})
        error = figures.get("error_rate")
        figure = f"{part} error {percent(error)}" if isinstance(error, float) else ""
        if not figure and isinstance(figures.get("loss"), float):
            figure = f"{part} loss {figures['loss']:.5f}"
        name = os.path.basename(record.folder)
        rows.append((name, f"{done}/{planned}", record.state, figure, f"{record.history.seconds:.1f} s"))
        plain.append({"run": record.folder, "state": record.state, "epochs": done, "planned": planned, part: figures})
    if as_json:
        say_json({"runs": [{k: v for k, v in row.items() if k} for row in plain]})
        return
    shown_table(("run", "epochs", "state", "result", "time"), rows)
