"""``chainrule recipes``: what is on the shelf."""

from __future__ import annotations

import click


@click.command(short_help="Show the built-in recipes.")
@click.argument("name", required=False)
def recipes(name: str | None) -> None:
    """List the built-in recipes. With NAME, print that one as the TOML file it is, to copy and change."""
    from chainrule.recipes.shelf import load, names, text

    if name is not None:
        click.echo(text(name), nl=False)
        return
    width = max(len(known) for known in names())
    for known in names():
        click.echo(f"{known:<{width}}  {load(known).title}")
    click.echo("\nTrain one: chainrule train NAME. Print one: chainrule recipes NAME > my.toml")
