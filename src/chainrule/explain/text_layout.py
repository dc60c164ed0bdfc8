"""An explanation as text, for a terminal or for Markdown: formulas are laid out in lines, with tall brackets.

Whatever a formula is made of stands in one row, so a long one can be broken before any operator, and a matrix wider
than the page is cut into groups of columns, with ┊ where it goes on.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from chainrule.errors import printable
from chainrule.explain.document import (
    Block,
    CodeBlock,
    Document,
    Drawing,
    Equation,
    Folded,
    Heading,
    NetworkDrawing,
    OpLine,
    Paragraph,
    Picture,
    Spread,
    TableBlock,
    Text,
)
from chainrule.explain.notation import (
    BESIDE,
    Fence,
    Fraction,
    Joined,
    Math,
    Matrix,
    Number,
    Partial,
    Root,
    Superscript,
    Symbol,
    cells,
    number,
    only_its_shape,
)
from chainrule.explain.sample_picture import shaded
from chainrule.tables import text_table

MOST_LINES = 40  # of a formula with its numbers
ONE_LINE = 24  # letters of a formula in a sentence, within which no line ends: on a phone it still fits
_KEPT = "\ufdd0"  # a space at which no line ends
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
                title = sentence(heading, isolated)
                lines += ["", title, "─" * min(len(title), width), ""]
            case Heading(_, heading, _, math):
                symbol = f"{formula_line(math)}   " if math else ""
                lines += [f"▪ {symbol}{sentence(heading, isolated)}", ""]
            case Paragraph(words):
                lines += [*wrapped(sentence(words, isolated, whole=True), width), ""]
            case NetworkDrawing():  # only a page has it
                pass
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
                symbol = f"{markdown(formula_line(math))} · " if math else ""
                lines += [f"{'#' * level} {symbol}{_marked(heading)}", ""]
            case Paragraph(words):
                lines += [_marked(words), ""]
            case NetworkDrawing():
                pass
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
        case Spread(math, words, counts):
            return [f"      {formula_line(math)}: {sentence(words, isolated)}   {bars(counts)}"]
        case CodeBlock(note, code):
            return [f"    {sentence(note, isolated)}", *(f"      {printable(line)}" for line in code.splitlines())]
        case Folded(words, blocks):
            lines = [f"    {line}" for line in wrapped(sentence(words, isolated), width - 4)]
            for part in blocks:
                if isinstance(part, Equation):
                    lines += [f"      {line}" for line in equation(list(part.lines[:1]), width - 6)]
                else:
                    lines += ["", *block_lines(part, isolated, drawing, width)]
            return lines
        case TableBlock(head, rows, _):
            titles = [sentence(words, isolated) for words in head]
            written = [[_cell(cell) for cell in row] for row in rows]
            return [f"    {line}" for line in text_table(titles, written, width - 4)]
        case Picture(note, picture):
            return [f"    {sentence(note, isolated)}", "", *(f"    {line}" for line in shaded(picture, width - 4))]
        case Drawing(note):
            head = [f"    {line}" for line in wrapped(sentence(note, isolated), width - 4)] + [""] if note else []
            return head + [f"    {line}" for line in drawing(width - 4).splitlines()]
    return []


def equation(formulas: list[Math], width: int) -> list[str]:
    """Return formulas below each other, with the equals signs in one column."""
    head = formula_line(formulas[0])
    column = next((columns_of(head[: head.index(sign)]) for sign in ("=", "←") if f" {sign} " in head), 0)
    column = column if column <= width // 4 else 2
    lines = text(formulas[0], width, column + 2)
    for i, formula in enumerate(formulas[1:], 1):
        written = text(formula, width - column, 2)
        if len(written) <= MOST_LINES or i == len(formulas) - 1:  # beyond, numbers can't be read: the result follows
            lines += [" " * column + line for line in written]
    return lines


def columns_of(line: str) -> int:
    """Return how many columns of a terminal a line takes: a hat stands above the letter before it.

    >>> columns_of("m\u0302 = 1")
    5
    """
    return sum(not unicodedata.combining(letter) for letter in line)


def bars(counts: tuple[int, ...]) -> str:
    """Return a histogram in one line.

    >>> bars((0, 1, 4, 2))
    ' ▂█▄'
    """
    most = max(*counts, 1)
    return "".join(_BARS[-(-8 * count // most)] for count in counts)


def sentence(words: Text, isolated: bool, whole: bool = False) -> str:
    """Return a sentence; formulas and names in it are isolated where it runs from right to left.

    The short ones of a sentence to be `wrapped` are `whole`: no line ends within W⁽¹⁾[0, 25].
    """
    pieces = []
    for piece, code in words.parts():
        kept = piece
        if whole and code:
            kept = re.sub(" " if len(piece) <= ONE_LINE else r"(?<=\d,) (?=\d)", _KEPT, piece)
        pieces.append(f"{_ISOLATE}{kept}{_END}" if code and isolated else kept)
    return "".join(pieces)


def wrapped(prose: str, width: int) -> list[str]:
    """Return prose in lines of readable length, what is isolated on each of them anew."""
    lines, before = [], ""
    for line in textwrap.wrap(prose, min(width, 100), break_long_words=False, break_on_hyphens=False):
        line = before + line
        before = _ISOLATE if line.rfind(_ISOLATE) > line.rfind(_END) else ""
        lines.append(line + _END if before else line)
    return [line.replace(_KEPT, " ") for line in lines]


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
    return str(cell) if isinstance(cell, Text) else formula_line(cell)


def _marked(words: Text) -> str:
    return "".join(_emphasised(piece) if code else markdown(piece) for piece, code in words.parts())


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


_RAISED = str.maketrans("0123456789()−-T+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻⁻ᵀ⁺")
_BREAKS = ("+", "−", "·", "⊙", "@", BESIDE, "/", "∧", "∨", ",", "where", "else", ", else", "if")


@dataclass(frozen=True)
class Box:
    """Lines of equal length; `base` is the one that others stand beside.

    A line of the page may end before a box that `breaks`, and between the `columns` of a matrix.
    """

    lines: tuple[str, ...]
    base: int = 0
    breaks: bool = False
    columns: tuple[tuple[str, ...], ...] = ()

    @property
    def width(self) -> int:
        return columns_of(self.lines[0])


def text(math: Math, width: int | None = None, indent: int = 0) -> list[str]:
    """Return a formula as lines of text, its matrices drawn with tall brackets.

    Parameters
    ----------
    math : Math
    width : int, optional
        Where lines end.
    indent : int, default 0
        How far the lines after the first are moved in, if it is broken.

    Examples
    --------
    >>> import numpy as np
    >>> print("\\n".join(text(Joined((Symbol("x"), "=", Matrix(np.eye(2)))))))
    x = ⎡ 1  0 ⎤
        ⎣ 0  1 ⎦
    >>> print("\\n".join(text(Joined(("=", Matrix(np.arange(9.0)))), width=24, indent=2)))
    = [ 0  1  2  3  4  5 ┊
      ┊ 6  7  8 ]
    """
    boxes = list(_boxes(math))
    rows = [boxes] if width is None else _broken(boxes, width, indent)
    lines = []
    for i, row in enumerate(rows):
        lines += [" " * (indent if i else 0) + line.rstrip() for line in beside(row).lines]
    return lines


def formula_line(math: Math) -> str:
    """Return a formula without matrices on one line."""
    return text(math)[0]


def _broken(boxes: list[Box], width: int, indent: int) -> list[list[Box]]:
    """Return boxes in rows no wider than the page, where that can be."""
    room = max(width - indent, 24)
    units: list[list[Box]] = [[]]
    for box in boxes:
        units += [[]] if box.breaks and units[-1] else []
        units[-1].append(box)
    rows: list[list[Box]] = [[]]
    for unit in units:
        fits = _width(unit) <= room
        for k, part in enumerate([unit] if fits else ([box] for box in _cut(unit, room - 4))):
            used, limit = _width(rows[-1]), room if len(rows) > 1 else width
            if used and (used + _width(part) > limit or (k == 0 and not fits and part[0].breaks)):
                rows.append([])
                if part[0].breaks:  # an operator leads its line
                    part = [Box((part[0].lines[0].lstrip(),)), *part[1:]]
            rows[-1] += part
    return rows


def _width(boxes: list[Box]) -> int:
    return sum(box.width for box in boxes)


def _cut(unit: list[Box], room: int) -> Iterator[Box]:
    """Yield the boxes of a unit, its matrices in groups of columns where they are wider than the page."""
    for box in unit:
        if box.width <= room or not box.columns:
            yield box
            continue
        group: list[tuple[str, ...]] = []
        first = True
        for column in box.columns:
            if group and _matrix(group, box.base).width + len(column[0]) + 2 > room:
                yield _matrix(group, box.base, starts=first, ends=False)
                group, first = [], False
            group.append(column)
        yield _matrix(group, box.base, starts=first)


def _boxes(math: Math) -> Iterator[Box]:
    match math:
        case Symbol(name, layer):
            raised = "" if layer is None else f"({layer})".translate(_RAISED)
            yield Box((printable(name) + raised,))
        case Number(name):
            yield Box((name,))
        case Matrix(array):
            shape = only_its_shape(array)
            if array.ndim == 0:
                yield Box((number(array[()]),))
            elif shape is not None:
                yield Box((shape,))
            else:
                table = cells(array)
                widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
                columns = [tuple(row[i].rjust(width) for row in table) for i, width in enumerate(widths)]
                yield _matrix(columns, (len(table) - 1) // 2)
        case Joined(items):
            for place, item in enumerate(items):
                if isinstance(item, str):
                    yield Box((_spaced(item, place),), breaks=place > 0 and item in _BREAKS)
                else:
                    yield from _boxes(item)
        case Fraction(top, bottom):
            yield from _grouped(top)
            yield Box((" / ",), breaks=True)
            yield from _grouped(bottom)
        case Superscript(base, exponent):
            yield from _boxes(base)
            yield from _exponent(list(_boxes(exponent)))
        case Root(inner):
            yield Box(("√",))
            yield from _grouped(inner)
        case Fence(left, inner, right):
            yield Box((left,))
            yield from _boxes(inner)
            yield Box((right,))
        case Partial(of, by):
            yield Box((f"∂{formula_line(of)}/∂{formula_line(by)}",))


def _spaced(operator: str, place: int) -> str:
    if place == 0:
        return f"{operator} " if operator == "=" else operator
    if not operator.strip() or operator == BESIDE:
        return " " if operator else ""
    return f"{operator} " if operator.startswith(",") else f" {operator} "


def _grouped(math: Math) -> Iterator[Box]:
    loose = isinstance(math, Fraction) or (
        isinstance(math, Joined) and any(isinstance(i, str) and i for i in math.items)
    )
    yield from _boxes(Fence("(", math, ")") if loose else math)


def _exponent(exponent: list[Box]) -> Iterator[Box]:
    whole = beside(exponent)
    raised = whole.lines[0]
    if len(whole.lines) == 1 and len(raised) == 1 and raised.translate(_RAISED) != raised:
        yield Box((raised.translate(_RAISED),))
        return
    simple = len(whole.lines) == 1 and not set(raised) & set(" −")
    yield Box(("^" if simple else "^(",))
    yield from exponent
    yield Box(("" if simple else ")",))


def beside(boxes: Sequence[Box]) -> Box:
    """Return boxes in a row, their base lines at one height."""
    above = max(box.base for box in boxes)
    below = max(len(box.lines) - box.base for box in boxes)
    lines = []
    for height in range(-above, below):
        parts = [
            box.lines[box.base + height] if 0 <= box.base + height < len(box.lines) else " " * box.width
            for box in boxes
        ]
        lines.append("".join(parts))
    return Box(tuple(lines), above)


def _matrix(columns: Sequence[tuple[str, ...]], base: int, *, starts: bool = True, ends: bool = True) -> Box:
    """Return columns between brackets, or ┊ where the matrix does not start or end with them."""
    rows = ["  ".join(row) for row in zip(*columns)]
    sides = [("[", "]")] if len(rows) == 1 else [("⎡", "⎤"), *[("⎢", "⎥")] * (len(rows) - 2), ("⎣", "⎦")]
    lines = (
        f"{left if starts else '┊'} {row} {right if ends else '┊'}"
        for (left, right), row in zip(sides, rows, strict=True)
    )
    return Box(tuple(lines), base, columns=tuple(columns))
