"""``chainrule ops``: every function with its derivatives, as they stand beside the code."""

from __future__ import annotations

import sys

import click


@click.command(short_help="Show every function with its derivatives.")
@click.argument("name", required=False)
def ops(name: str | None) -> None:
    """Show every op: its roles, its function, its derivatives. With NAME, such as tanh, all that is said of it."""
    from chainrule.errors import InputError, nearest
    from chainrule.ops import all_ops, page, table
    from chainrule.ops.docstrings import docstring

    known = all_ops()
    if name is not None:
        wanted = name.casefold().replace("_", "")
        found = next((kind for kind in known.values() if kind.name.replace("_", "") == wanted), None)
        if found is None:
            raise InputError("ops", given=repr(name)[:80], expected="the name of an op", fix=nearest(name, known))
        click.echo(f"{found.name}({', '.join(found.roles)})    cr.{found.__name__}\n")
        click.echo(docstring(found))
        return
    if not sys.stdout.isatty():
        click.echo(table())
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table("op", "roles", "function", "derivatives", header_style="bold", show_lines=True)
    for kind in known.values():
        told = page(kind)
        cells = (told.name, ", ".join(told.roles), told.function, "\n".join(told.derivatives.values()))
        shown.add_row(*(Text(cell) for cell in cells))
    Console(highlight=False).print(shown)
