"""An explanation as one HTML file: no script, no font, no picture from elsewhere; formulas are MathML.

A strict content policy is part of the page, so that a browser itself refuses anything that leaves it. Whatever is
wide scrolls inside its own box; the page never does.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files

from chainrule.errors import printable
from chainrule.explain.anatomy import Anatomy
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
from chainrule.explain.drawing import draw
from chainrule.explain.notation import Math, Symbol, mathml
from chainrule.explain.wording import Text

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def to_html(document: Document, anatomy: Anatomy, symbols: list[Symbol]) -> str:
    """Return an explanation as a page."""
    links = {int(b.key.partition("-")[2]): b.key for b in _headings(document, 3, "update-", "backward-", "forward-")}
    body = [_block(block, anatomy, symbols, links) for block in document.blocks]
    contents = "".join(
        f'<li><a href="#{block.key}">{sentence(block.text)}</a></li>' for block in _headings(document, 2, "")
    )
    style = files("chainrule.explain").joinpath("page.css").read_text("utf-8")
    direction = "rtl" if document.right_to_left else "ltr"
    title = escape(str(document.title))
    return (
        f'<!DOCTYPE html>\n<html lang="{document.language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{sentence(document.title)}</h1>\n<nav><ul>{contents}</ul></nav>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _headings(document: Document, level: int, *prefixes: str) -> list[Heading]:
    """Return headings, those whose key begins with the last prefix last, so that they win."""
    headings = [b for b in document.blocks if isinstance(b, Heading) and b.level == level]
    return [heading for prefix in prefixes for heading in headings if heading.key.startswith(prefix)]


def _block(block: Block, anatomy: Anatomy, symbols: list[Symbol], links: dict[int, str]) -> str:
    match block:
        case Heading(level, told, key, math):
            symbol = f"{mathml(math)} " if math else ""
            return f'<h{level} id="{key}"><a class="self" href="#{key}">{symbol}{sentence(told)}</a></h{level}>'
        case Paragraph(told):
            return f"<p>{sentence(told)}</p>"
        case Equation(lines, note):
            head = f'<p class="note">{sentence(note)}</p>' if note else ""
            return head + "".join(f'<div class="wide" tabindex="0">{mathml(line)}</div>' for line in lines)
        case OpLine(note, line):
            shown = f'<code dir="ltr">{escape(printable(line))}</code>'
            return f'<p class="note">{sentence(note)}</p><div class="wide op" tabindex="0">{shown}</div>'
        case Spread(math, told, counts):
            return f'<p class="note">{mathml(math)}: {sentence(told)} {_bars(counts)}</p>'
        case Source(note, code):
            lines_of_code = "\n".join(escape(printable(line)) for line in code.splitlines())
            note_html = f'<p class="note">{sentence(note)}</p>'
            return f'{note_html}<pre class="wide" dir="ltr" tabindex="0"><code>{lines_of_code}</code></pre>'
        case Table(head, rows):
            top = "".join(f"<th>{sentence(told)}</th>" for told in head)
            inner = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
            return f'<div class="wide table" tabindex="0"><table><tr>{top}</tr>{inner}</table></div>'
        case Drawing():
            return f'<div class="wide" tabindex="0">{draw(anatomy, symbols, links)}</div>'


def sentence(told: Text) -> str:
    """Return a sentence as HTML, its formulas and names set apart."""
    pieces = (f'<bdi class="f" dir="ltr">{escape(p)}</bdi>' if code else escape(p) for p, code in told.parts())
    return "".join(pieces)


def _cell(cell: Math | str | Text) -> str:
    if isinstance(cell, str):
        return f"<bdi>{escape(printable(cell))}</bdi>"
    return sentence(cell) if isinstance(cell, Text) else mathml(cell)


def _bars(counts: tuple[int, ...]) -> str:
    most = max(*counts, 1)
    bars = "".join(
        f'<rect x="{5 * i}" y="{16 - 16 * count / most:.1f}" width="4" height="{16 * count / most:.1f}"/>'
        for i, count in enumerate(counts)
    )
    return f'<svg class="bars" viewBox="0 0 {5 * len(counts)} 16" width="{5 * len(counts)}" height="16">{bars}</svg>'
