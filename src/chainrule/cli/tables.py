"""Tables of text for the terminal, columns as wide as what is in them."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.cli.shown import say
from chainrule.errors import printable


def shown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a header and rows."""
    table = [tuple(printable(cell) for cell in row) for row in (header, *rows)]
    widths = [max(len(row[k]) for row in table) for k in range(len(header))]
    for row in table:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
