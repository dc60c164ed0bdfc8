"""``chainrule compare``: what differs between two runs, in recipe and result."""

from __future__ import annotations

import click

from chainrule.cli.tables import shown_table


@click.command(short_help="Show what differs between two runs.")
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and nothing else.")
def compare(first: str, second: str, as_json: bool) -> None:
    """Show what differs between the runs FIRST and SECOND: recipe, result, versions, and the bytes of the weights."""
    from chainrule import recipes
    from chainrule.cli.shown import say, say_json

    found = recipes.compare(recipes.open_run(first), recipes.open_run(second))
    if as_json:
        say_json({"first": first, "second": second, **found})
        return
    for subject, rows in found.items():
        if not rows:
            say(f"{subject}: the same")
        elif subject == "environment":
            for _, said, _ in rows:
                say(f"{subject}: {said}")
        else:
            say("")
            shown_table((subject, first, second), rows)
