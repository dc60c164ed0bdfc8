"""An explanation as text: for a terminal, and, in fences, for Markdown."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.explain.document import (
    Block,
    Document,
    Drawing,
    Equation,
    Heading,
    OpLine,
    Paragraph,
    Source,
    Spread,
    Table,
)
from chainrule.explain.escaping import markdown, printable
from chainrule.explain.notation import Math, one_line, text
from chainrule.explain.wording import Text

WIDTH = 100
_BARS = " ▁▂▃▄▅▆▇█"


def to_terminal(document: Document, drawing: Callable[[], str]) -> str:
    """Return an explanation as lines of text."""
    isolated = document.right_to_left
    title = sentence(document.title, isolated)
    lines = [title, "═" * min(len(title), WIDTH), ""]
    for block in document.blocks:
        match block:
            case Heading(2, heading):
                told = sentence(heading, isolated)
                lines += ["", told, "─" * min(len(told), WIDTH), ""]
            case Heading(_, heading, _, math):
                symbol = f"{one_line(math)}   " if math else ""
                lines += [f"▪ {symbol}{sentence(heading, isolated)}", ""]
            case Paragraph(told):
                lines += [*wrapped(sentence(told, isolated)), ""]
            case _:
                lines += [*block_lines(block, isolated, drawing), ""]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def to_markdown(document: Document, drawing: Callable[[], str]) -> str:
    """Return an explanation in Markdown: prose as prose, formulas in fences."""
    rtl = document.right_to_left
    lines = ['<div dir="rtl">', ""] if rtl else []
    lines += [f"# {_marked(document.title)}", ""]
    for block in document.blocks:
        match block:
            case Heading(level, heading, _, math):
                symbol = f"{markdown(one_line(math))} · " if math else ""
                lines += [f"{'#' * level} {symbol}{_marked(heading)}", ""]
            case Paragraph(told):
                lines += [_marked(told), ""]
            case _:
                inner = block_lines(block, False, drawing)
                fence = "`" * (max((_run(line) for line in inner), default=0) + 3)
                fenced = [f"{fence}text", *inner, fence]
                lines += [*(['<div dir="ltr">', "", *fenced, "", "</div>"] if rtl else fenced), ""]
    lines += ["</div>"] if rtl else []
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def block_lines(block: Block, isolated: bool, drawing: Callable[[], str]) -> list[str]:
    """Return the lines of a block that is no prose."""
    match block:
        case Equation(formulas, note):
            head = [f"    {sentence(note, isolated)}:"] if note else []
            return head + [f"      {line}" for line in equation(list(formulas))]
        case OpLine(note, line):
            return [f"    {sentence(note, isolated)}:  {printable(line)}"]
        case Spread(told, counts):
            return [f"      {sentence(told, isolated)}   {bars(counts)}"]
        case Source(note, code):
            return [f"    {sentence(note, isolated)}", *(f"      {printable(line)}" for line in code.splitlines())]
        case Table(head, rows):
            return table([[sentence(told, isolated) for told in head], *([_cell(c) for c in row] for row in rows)])
        case Drawing():
            return [f"    {line}" for line in drawing().splitlines()]
    return []


def equation(formulas: list[Math]) -> list[str]:
    """Return formulas below each other, with the equals signs in one column."""
    boxes = [text(math) for math in formulas]
    first = boxes[0]
    column = next((line.index(sign) for line in first for sign in ("=", "←") if f" {sign} " in line), 0)
    lines = []
    for i, box in enumerate(boxes):
        if max(map(len, box)) > 2 * WIDTH:
            continue  # with its numbers it can't be read any more: the result follows
        lines += [line if i == 0 else " " * column + line for line in box]
    return lines


def table(rows: list[list[str]]) -> list[str]:
    """Return rows of cells as lines, the first set apart."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["    " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    return [lines[0], "    " + "─" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]


def bars(counts: tuple[int, ...]) -> str:
    """Return a histogram in one line.

    >>> bars((0, 1, 4, 2))
    ' ▂█▄'
    """
    most = max(*counts, 1)
    return "".join(_BARS[-(-8 * count // most)] for count in counts)


def sentence(told: Text, isolated: bool) -> str:
    """Return a sentence; formulas and names in it are isolated where it runs from right to left."""
    if not isolated:
        return str(told)
    return "".join(f"\u2066{piece}\u2069" if code else piece for piece, code in told.parts())


def wrapped(told: str) -> list[str]:
    """Return prose in lines of readable length."""
    import textwrap

    return textwrap.wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False)


def _cell(cell: Math | str | Text) -> str:
    if isinstance(cell, str):
        return printable(cell)
    return str(cell) if isinstance(cell, Text) else one_line(cell)


def _marked(told: Text) -> str:
    return "".join(f"*{markdown(piece)}*" if code else markdown(piece) for piece, code in told.parts())


def _run(line: str) -> int:
    """Return the longest run of backquotes in a line."""
    longest = run = 0
    for letter in line:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest
