"""Rows of text as a table: in columns for a terminal, and as HTML for a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape
from itertools import zip_longest


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Return a table as lines, no longer than `width` where that can be, its head set apart by a rule.

    >>> print("\\n".join(text_table(["node", "op"], [["a", "tanh"], ["loss", "mean"]])))
    node  op
    ──────────
    a     tanh
    loss  mean
    """
    titles, *parts = in_columns([head, *rows], width)
    lines = [line for row in parts for line in row]
    return [*titles, "─" * max(map(len, titles + lines)), *lines]


def in_columns(rows: Sequence[Sequence[str]], width: int | None = None) -> list[list[str]]:
    """Return rows with their cells in columns, each as its lines.

    Parameters
    ----------
    rows : sequence of sequences of str
        Of one length. Cells of several lines have newlines between them.
    width : int, optional
        How long a line may be: cells of the widest columns go over several lines where they have to.

    Examples
    --------
    >>> for row in in_columns([["a", "as long as it is"], ["second", "short"]], width=16):
    ...     print("\\n".join(row))
    a       as long
              as it
              is
    second  short
    """
    widths = [max(len(line) for cell in column for line in cell.split("\n")) for column in zip(*rows, strict=True)]
    if width is not None:
        words = [max(len(word) for cell in column for word in cell.split() or [""]) for column in zip(*rows)]
        for least in (words, [_LEAST] * len(words)):  # words are cut only if nothing else helps
            _narrow(widths, least, width)
    return [_lines(row, widths) for row in rows]


_LEAST = 8  # characters of a column in which words are cut


def _narrow(widths: list[int], least: Sequence[int], width: int) -> None:
    """Take from the widest columns until a line is not longer than `width`, or none can get narrower."""
    for _ in range(sum(widths) + 2 * len(widths) - 2 - width):
        able = [k for k, column in enumerate(widths) if column > least[k]]
        if able:
            widths[max(able, key=widths.__getitem__)] -= 1


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    cells = [
        [
            part
            for line in cell.split("\n")
            for part in (textwrap.wrap(line, width, subsequent_indent="  ") if len(line) > width else [line])
        ]
        for cell, width in zip(row, widths)
    ]
    lines = zip_longest(*cells, fillvalue="")
    return ["  ".join(part.ljust(width) for part, width in zip(line, widths)).rstrip() for line in lines]


def html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as HTML, with what is in its cells escaped."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    inner = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{inner}</tbody></table>"
