"""An explanation as text: for a terminal, and, in fences, for Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from chainrule.errors import printable
from chainrule.explain.boxes import one_line, text
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
from chainrule.explain.notation import Math
from chainrule.explain.wording import Text
from chainrule.tables import text_table

MOST_LINES = 40  # of a formula with its numbers
_BARS = " ▁▂▃▄▅▆▇█"
_ISOLATE, _END = "\u2066", "\u2069"  # around what runs from left to right, whatever is around it


def to_terminal(document: Document, drawing: Callable[[int], str], width: int) -> str:
    """Return an explanation as lines of text, of this width."""
    isolated = document.right_to_left
    title = sentence(document.title, isolated)
    lines = [title, "═" * min(len(title), width), ""]
    for block in document.blocks:
        match block:
            case Heading(2, heading):
                told = sentence(heading, isolated)
                lines += ["", told, "─" * min(len(told), width), ""]
            case Heading(_, heading, _, math):
                symbol = f"{one_line(math)}   " if math else ""
                lines += [f"▪ {symbol}{sentence(heading, isolated)}", ""]
            case Paragraph(told):
                lines += [*wrapped(sentence(told, isolated), width), ""]
            case _:
                lines += [*block_lines(block, isolated, drawing, width), ""]
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def to_markdown(document: Document, drawing: Callable[[int], str], width: int) -> str:
    """Return an explanation in Markdown: prose as prose, formulas in fences, of this width."""
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
                inner = block_lines(block, False, drawing, width)
                fence = "`" * (max((_run(line) for line in inner), default=0) + 3)
                fenced = [f"{fence}text", *inner, fence]
                lines += [*(['<div dir="ltr">', "", *fenced, "", "</div>"] if rtl else fenced), ""]
    lines += ["</div>"] if rtl else []
    return "\n".join(line.rstrip() for line in lines).strip() + "\n"


def block_lines(block: Block, isolated: bool, drawing: Callable[[int], str], width: int) -> list[str]:
    """Return the lines of a block that is no prose."""
    match block:
        case Equation(formulas, note):
            head = [f"    {sentence(note, isolated)}:"] if note else []
            return head + [f"      {line}" for line in equation(list(formulas), width - 6)]
        case OpLine(note, line):
            said, shown = f"    {sentence(note, isolated)}:", printable(line)
            return [f"{said}  {shown}"] if len(said) + 2 + len(shown) <= width else [said, f"      {shown}"]
        case Spread(math, told, counts):
            return [f"      {one_line(math)}: {sentence(told, isolated)}   {bars(counts)}"]
        case Source(note, code):
            return [f"    {sentence(note, isolated)}", *(f"      {printable(line)}" for line in code.splitlines())]
        case Table(head, rows):
            titles = [sentence(told, isolated) for told in head]
            return [f"    {line}" for line in text_table(titles, [[_cell(cell) for cell in row] for row in rows])]
        case Drawing():
            return [f"    {line}" for line in drawing(width - 4).splitlines()]
    return []


def equation(formulas: list[Math], width: int) -> list[str]:
    """Return formulas below each other, with the equals signs in one column."""
    head = one_line(formulas[0])
    column = next((head.index(sign) for sign in ("=", "←") if f" {sign} " in head), 0)
    column = column if column <= width // 4 else 2
    lines = text(formulas[0], width, column + 2)
    for i, formula in enumerate(formulas[1:], 1):
        told = text(formula, width - column, 2)
        if len(told) <= MOST_LINES or i == len(formulas) - 1:  # beyond, numbers can't be read: the result follows
            lines += [" " * column + line for line in told]
    return lines


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
    return "".join(f"{_ISOLATE}{piece}{_END}" if code else piece for piece, code in told.parts())


def wrapped(told: str, width: int) -> list[str]:
    """Return prose in lines of readable length, what is isolated on each of them anew."""
    lines, before = [], ""
    for line in textwrap.wrap(told, min(width, 100), break_long_words=False, break_on_hyphens=False):
        line = before + line
        before = _ISOLATE if line.rfind(_ISOLATE) > line.rfind(_END) else ""
        lines.append(line + _END if before else line)
    return lines


def markdown(text: str) -> str:
    """Return text in which Markdown and HTML find nothing to obey.

    >>> print(markdown("**a** <b> [c](d)"))
    \\*\\*a\\*\\* &lt;b&gt; \\[c\\](d)
    """
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"[\\`*_\[\]#|~$!]|:(?=//)|(?<=www)\.", r"\\\g<0>", text, flags=re.IGNORECASE)


def _cell(cell: Math | str | Text) -> str:
    if isinstance(cell, str):
        return printable(cell)
    return str(cell) if isinstance(cell, Text) else one_line(cell)


def _marked(told: Text) -> str:
    return "".join(_emphasised(piece) if code else markdown(piece) for piece, code in told.parts())


def _emphasised(piece: str) -> str:
    """Return a formula or a name in Markdown; with a space after the star, it would be an item of a list."""
    return "*" + re.sub("^ +| +$", lambda spaces: "&#32;" * len(spaces[0]), markdown(piece)) + "*"


def _run(line: str) -> int:
    """Return the longest run of backquotes in a line."""
    longest = run = 0
    for letter in line:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest
