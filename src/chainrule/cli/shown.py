"""What the command line prints: whatever was read from a file is data, so control characters in it are shown, not
obeyed.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from chainrule.errors import printable


def say(line: str, err: bool = False) -> None:
    """Print one line, whatever is in it."""
    click.echo(printable(line), err=err)


def say_json(told: dict[str, Any]) -> None:
    """Print one JSON object on one line, whatever is in it."""
    from chainrule.files.strict_json import printed  # a heavy room, for who asks for JSON

    click.echo(printed(told, ascii_only=not in_unicode()))


def in_unicode() -> bool:
    """Return whether standard output takes every character."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "") == "utf8"
