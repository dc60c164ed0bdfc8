"""Text for terminals: whatever was read from a file is data, so control characters in it are shown, not obeyed."""

from __future__ import annotations

import click


def plain(text: str) -> str:
    """Return text on one line with everything that doesn't print written as an escape.

    Examples
    --------
    >>> print(plain("rose\\x1b[31m\\n"))
    rose\\x1b[31m\\n
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(line: str, err: bool = False) -> None:
    """Print one line, whatever is in it."""
    click.echo(plain(line), err=err)
