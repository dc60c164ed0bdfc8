"""Rows of text as a table: in columns for a terminal, and as HTML for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table as lines, its head set apart by a rule.

    >>> print("\\n".join(text_table(["node", "op"], [["a", "tanh"], ["loss", "mean"]])))
    node  op
    ──────────
    a     tanh
    loss  mean
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in (head, *rows)]
    return [lines[0], "─" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as HTML, with what is in its cells escaped."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    inner = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{inner}</tbody></table>"
