"""Text for terminals: whatever was read from a file is data, so control characters in it are shown, not obeyed."""

from __future__ import annotations

import click

from chainrule.errors import printable


def say(line: str, err: bool = False) -> None:
    """Print one line, whatever is in it."""
    click.echo(printable(line), err=err)
