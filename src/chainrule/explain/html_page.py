"""An explanation as one HTML file, formulas in MathML, the graph in SVG: no font, nothing from elsewhere.

A strict content policy is part of the page, so that a browser itself refuses anything that leaves it, and any script
but the one that walks through the page step by step; without it everything is shown. Whatever is wide scrolls inside
its own box; the page never does.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from itertools import pairwise

from chainrule.errors import NonFiniteError, printable
from chainrule.explain.analysis import Analysis, role_name
from chainrule.explain.columns import Rows
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
    templates,
)
from chainrule.explain.network_drawing import network_drawing
from chainrule.explain.notation import Math, Symbol, mathml, number
from chainrule.explain.sample_picture import image
from chainrule.explain.text_layout import ONE_LINE, formula_line
from chainrule.graph import Parameter

POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)
_WAYS = ("forward", "backward", "update")  # what is walked through, node by node


def to_html(document: Document, analysis: Analysis, symbols: list[Symbol], written: Rows) -> str:
    """Return an explanation as a page."""
    links = {int(b.key.partition("-")[2]): b.key for b in _headings(document, 3, "update-", "backward-", "forward-")}
    said = templates(document.language)
    body = [_block(block, said, analysis, symbols, written, links) for block in document.blocks]
    style, script = (files("chainrule.explain").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    policy = POLICY.format(script=b64encode(sha256(script.encode()).digest()).decode())
    direction = "rtl" if document.right_to_left else "ltr"
    title = escape(str(document.title))
    return (
        f'<!DOCTYPE html>\n<html lang="{document.language}" dir="{direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{sentence(document.title)}</h1>\n<nav>{_contents(document, analysis)}</nav>\n"
        + "\n".join(body)
        + f"\n{_stepper(document, said)}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _contents(document: Document, analysis: Analysis) -> str:
    """Return the titles of the page as links, and beneath each those of its steps."""
    chapters: list[tuple[Heading, list[Heading]]] = []
    for block in document.blocks:
        if isinstance(block, Heading) and block.level == 2:
            chapters.append((block, []))
        elif isinstance(block, Heading) and _is_step(block):
            chapters[-1][1].append(block)
    items = []
    for chapter, steps in chapters:
        links = "".join(f"<li>{_step_link(step, analysis)}</li>" for step in steps)
        inner = f'<ol class="steps" dir="ltr">{links}</ol>' if links else ""
        items.append(f'<li><a href="#{chapter.key}">{sentence(chapter.text)}</a>{inner}</li>')
    return f"<ul>{''.join(items)}</ul>"


def _is_step(heading: Heading) -> bool:
    way, _, node = heading.key.partition("-")
    return way in _WAYS and node.isdecimal()


def _step_link(step: Heading, analysis: Analysis) -> str:
    layer = printable(_layer(analysis, int(step.key.partition("-")[2])))
    name = printable(str(step.text))
    symbol = formula_line(step.math) if step.math else name
    told = symbol if symbol == name else f"{symbol} {name}"
    return f'<a href="#{step.key}" title="{escape(told)}" data-layer="{escape(layer)}">{escape(symbol)}</a>'


def _layer(analysis: Analysis, place: int) -> str:
    """Return the name of the layer whose neurons a drawing has for a node: of an activation, that before it."""
    while analysis.graph.nodes[place].op is not None:
        below = list(analysis.roles(place).values())
        if any(isinstance(analysis.graph.nodes[child], Parameter) for child in below):
            break
        place = below[0]
    return analysis.labels[place].partition(".")[0]


def _stepper(document: Document, said: dict[str, str]) -> str:
    """Return the buttons that walk through the page, which a script shows; "" where there are no two steps."""
    if sum(isinstance(block, Heading) and _is_step(block) for block in document.blocks) < 2:
        return ""
    told = {"all": "step_all_shown", "said": "step_of", **{way: f"step_{way}" for way in _WAYS}}
    data = "".join(f' data-{key}="{escape(said[word])}"' for key, word in told.items())
    buttons = "".join(
        f'<button type="button" data-turn="{turn}">{escape(said[f"step_{turn}"])}</button>'
        for turn in ("back", "step", "all")
    )
    name = escape(said["step_name"])
    return f'<div class="stepper" role="group" aria-label="{name}"{data} hidden>{buttons}<output></output></div>\n'


def _headings(document: Document, level: int, *prefixes: str) -> list[Heading]:
    """Return headings, those whose key begins with the last prefix last, so that they win."""
    headings = [b for b in document.blocks if isinstance(b, Heading) and b.level == level]
    return [heading for prefix in prefixes for heading in headings if heading.key.startswith(prefix)]


def _block(
    block: Block,
    said: dict[str, str],
    analysis: Analysis,
    symbols: list[Symbol],
    written: Rows,
    links: dict[int, str],
) -> str:
    match block:
        case Heading(level, words, key, math):
            symbol = f"{mathml(math)} " if math else ""
            return f'<h{level} id="{key}"><a class="self" href="#{key}">{symbol}{sentence(words)}</a></h{level}>'
        case Paragraph(words):
            return f"<p>{sentence(words)}</p>"
        case Equation(lines, note):
            head = f'<p class="note">{sentence(note)}</p>' if note else ""
            return head + "".join(_wide(mathml(line), said["box_formula"]) for line in lines)
        case OpLine(note, line):
            shown = f'<code dir="ltr">{escape(printable(line))}</code>'
            return f'<p class="note">{sentence(note)}</p>{_wide(shown, said["box_formula"], "op")}'
        case Spread(math, words, counts):
            return f'<p class="note">{mathml(math)}: {sentence(words)} {_bars(counts)}</p>'
        case CodeBlock(note, code):
            lines_of_code = "\n".join(escape(printable(line)) for line in code.splitlines())
            shown = _wide(f'<pre dir="ltr"><code>{lines_of_code}</code></pre>', said["box_code"], "code")
            return f'<p class="note">{sentence(note)}</p>{shown}'
        case Folded(words, blocks):
            if not blocks:
                return f'<p class="note">{sentence(words)}</p>'
            inner = "".join(_block(part, said, analysis, symbols, written, links) for part in blocks)
            return f"<details><summary>{sentence(words)}</summary>{inner}</details>"
        case TableBlock(head, rows, flows):
            top = "".join(f"<th>{sentence(words)}</th>" for words in head)
            inner = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
            kind = ' class="flows"' if flows else ""
            return _wide(f"<table{kind}><tr>{top}</tr>{inner}</table>", said["box_table"], "table")
        case NetworkDrawing(caption, language, show, highlight):
            try:
                drawn = network_drawing(analysis, language, show, highlight)
            except NonFiniteError as problem:
                drawn = f"<p>{escape(str(problem))}</p>"
            box = _wide(drawn, said["box_drawing"], "drawing")
            return f"<figure>{box}<figcaption>{sentence(caption)}</figcaption></figure>"
        case Picture(note, picture):
            return f'<p class="note">{sentence(note)}</p><p>{image(picture, escape(str(note)))}</p>'
        case Drawing():
            return _wide(draw(analysis, symbols, written, links, said), said["box_drawing"], "drawing")


def _wide(inner: str, name: str, kind: str = "") -> str:
    """Return a box that scrolls by keyboard too; a group, as a page of a hundred landmarks would have none."""
    return f'<div class="{f"wide {kind}".strip()}" tabindex="0" role="group" aria-label="{escape(name)}">{inner}</div>'


def sentence(words: Text) -> str:
    """Return a sentence as HTML, its formulas and names set apart, short ones and shares in percent in one line."""
    pieces = []
    for piece, code in words.parts():
        if code:
            kind = "f" if len(piece) <= ONE_LINE else "f long"
            pieces.append(f'<bdi class="{kind}" dir="ltr">{escape(piece)}</bdi>')
        else:
            pieces.append(escape(piece).replace(" %", "\u00a0%"))
    return "".join(pieces)


def _cell(cell: Math | str | Text) -> str:
    if isinstance(cell, str):
        return f"<td><bdi>{escape(printable(cell))}</bdi></td>"
    return f'<td class="words">{sentence(cell)}</td>' if isinstance(cell, Text) else f"<td>{mathml(cell)}</td>"


def _bars(counts: tuple[int, ...]) -> str:
    most = max(*counts, 1)
    bars = "".join(
        f'<rect x="{5 * i}" y="{16 - 16 * count / most:.1f}" width="4" height="{16 * count / most:.1f}"/>'
        for i, count in enumerate(counts)
    )
    width = 5 * len(counts)
    return f'<svg class="bars" viewBox="0 0 {width} 16" width="{width}" height="16" aria-hidden="true">{bars}</svg>'


_NARROW, _WIDE, _HEIGHT = 104, 152, 46  # a node is as wide as the longest text in any
_GAP, _DROP = 8, 58  # between nodes of a row, between rows

Point = tuple[float, float]


def draw(analysis: Analysis, symbols: list[Symbol], written: Rows, links: dict[int, str], said: dict[str, str]) -> str:
    """Return the graph of an explanation as an SVG element.

    Parameters
    ----------
    links : dict of int to str
        Where a click on a node leads.
    said : dict of str to str
        The sentences of a language.
    """
    from chainrule.plot.graph_picture import lay_out  # a heavy room, for the one form that draws

    places = range(len(analysis.graph))
    layout = lay_out([list(analysis.roles(place).values()) for place in places])
    texts = [_texts(analysis, symbols[place], written, place) for place in places]
    longest = max(max(7.2 * len(title), 6.4 * len(name)) for title, name in texts)
    wide = int(min(max(longest + 12, _NARROW), _WIDE))

    def spot(x: float, row: int) -> Point:
        return _GAP + wide / 2 + x * (wide + _GAP), _GAP + row * (_HEIGHT + _DROP)

    spots = [spot(layout.x[place], layout.row[place]) for place in places]
    width, height = spot(layout.width + 1, 0)[0] - wide / 2, spot(0, max(layout.row) + 1)[1] - _DROP + _GAP
    roles: dict[tuple[int, int], list[str]] = {}  # a child may play several
    for place in places:
        for role, child in analysis.roles(place).items():
            roles.setdefault((child, place), []).append(printable(role_name(analysis, place, role, said)))
    parts = []
    for (child, parent), played in roles.items():
        bends = [spot(x, row) for x, row in layout.bends.get((child, parent), ())]
        fanned = sum(child == other for other, _ in roles) > 1
        parts.append(_edge(spots[child], bends, spots[parent], ", ".join(played), fanned, parent))
    parts += [_node(analysis, place, texts[place], spots[place], wide, links.get(place)) for place in places]
    return (
        f'<svg class="graph" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'direction="ltr">{"".join(parts)}</svg>'
    )


def _edge(child: Point, bends: list[Point], parent: Point, roles: str, fanned: bool, to: int) -> str:
    """Return the way from a child to its parent, past the rows between; `fanned` if it is one of the child's several.

    Roles stand where edges are apart: near a child with one parent, farther from one with several.
    """
    from chainrule.plot.graph_picture import beside

    points = [(child[0], child[1] + _HEIGHT), *((x, y + _HEIGHT / 2) for x, y in bends), parent]
    path = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) / 2
        path += f"C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
    (x, y), side = beside(points[0], points[1], 0.65 if fanned else 0.22, 12)
    look = f'style="text-anchor:{"start" if side > 0 else "end"}" x="{x + 5 * side:.0f}" y="{y + 4:.0f}"'
    label = f'<text class="role" {look}>{escape(roles)}</text>'
    return f'<path class="edge" d="{path}" data-to="{to}"/>{label}'


def _texts(analysis: Analysis, symbol: Symbol, written: Rows, place: int) -> tuple[str, str]:
    """Return the two lines of a node: its symbol and value or shape, and its op or its name."""
    node, value = analysis.graph.nodes[place], written.array(analysis.values[place], place)
    size = number(value.reshape(())[()]) if value.size == 1 else "×".join(map(str, value.shape))
    name = type(node.op).__name__ if node.op is not None else analysis.labels[place]
    title = size if node.op is None and symbol.text == name else f"{formula_line(symbol)} · {size}"
    return title, printable(name)


def _node(
    analysis: Analysis, place: int, texts: tuple[str, str], spot: tuple[float, float], wide: int, link: str | None
) -> str:
    node, (x, y), (title, name) = analysis.graph.nodes[place], spot, texts
    kind = "op" if node.op is not None else "parameter" if isinstance(node, Parameter) else "leaf"
    title, name = _cut(title, int((wide - 8) / 7.2)), _cut(name, int((wide - 8) / 6.4))
    shape = (
        f'<g class="{kind}" data-node="{place}"><title>{escape(printable(analysis.labels[place]))}</title>'
        f'<rect x="{x - wide / 2:.0f}" y="{y:.0f}" width="{wide}" height="{_HEIGHT}" rx="7"/>'
        f'<text class="name" x="{x:.0f}" y="{y + 19:.0f}">{escape(title)}</text>'
        f'<text class="kind" x="{x:.0f}" y="{y + 36:.0f}">{escape(name)}</text></g>'
    )
    return f'<a href="#{link}">{shape}</a>' if link else shape


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
