"""The graph as a picture: inline SVG, each node a link to its section.

Nodes stand in rows, the cost on top, leaves one row below whoever uses them first. A row is as wide as its nodes; the
page scrolls a wide picture inside its own box.
"""

from __future__ import annotations

from html import escape

from chainrule.errors import printable
from chainrule.explain.anatomy import Anatomy
from chainrule.explain.boxes import one_line
from chainrule.explain.notation import Symbol, number
from chainrule.graph import Parameter

_NARROW, _WIDE, _HEIGHT = 104, 152, 46  # a node is as wide as the longest text in any
_GAP, _DROP = 8, 44  # between nodes of a row, between rows


def draw(anatomy: Anatomy, symbols: list[Symbol], links: dict[int, str]) -> str:
    """Return the graph of an explanation as an SVG element.

    Parameters
    ----------
    links : dict of int to str
        Where a click on a node leads.
    """
    levels = _levels(anatomy)
    rows: list[list[int]] = [[] for _ in range(max(levels.values()) + 1)]
    for place in sorted(levels):
        rows[levels[place]].append(place)
    texts = {place: _texts(anatomy, symbols[place], place) for place in levels}
    longest = max(max(7.2 * len(title), 6.4 * len(name)) for title, name in texts.values())
    wide = int(min(max(longest + 12, _NARROW), _WIDE))
    widest = max(len(row) for row in rows)
    width = widest * (wide + _GAP) + _GAP
    height = len(rows) * (_HEIGHT + _DROP) - _DROP + 2 * _GAP
    spots = {}
    for level, row in enumerate(rows):
        left = (width - len(row) * (wide + _GAP) + _GAP) / 2
        for i, place in enumerate(row):
            spots[place] = (left + i * (wide + _GAP) + wide / 2, _GAP + level * (_HEIGHT + _DROP))
    parts = [_edge(spots[place], spots[child], role) for place in spots for role, child in anatomy.roles(place).items()]
    parts += [_node(anatomy, place, texts[place], spots[place], wide, links.get(place)) for place in spots]
    return (
        f'<svg class="graph" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" direction="ltr">{"".join(parts)}</svg>'
    )


def _levels(anatomy: Anatomy) -> dict[int, int]:
    """Return the row of each node: computed ones by their distance from the root, leaves just below their user."""
    nodes = anatomy.graph.nodes
    levels = {anatomy.root: 0}
    for place in reversed(range(len(nodes))):
        for child in anatomy.roles(place).values():
            below = levels[place] + 1
            first = min(levels.get(child, below), below)
            levels[child] = first if nodes[child].op is None else max(levels.get(child, 0), below)
    return levels


def _edge(parent: tuple[float, float], child: tuple[float, float], role: str) -> str:
    (x1, y1), (x2, y2) = child, (parent[0], parent[1] + _HEIGHT)
    middle = (y1 + y2) / 2
    path = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
    label = f'<text class="role" x="{x1:.0f}" y="{y1 - 8:.0f}">{escape(printable(role))}</text>'
    return f'<path class="edge" d="{path}"/>{label}'


def _texts(anatomy: Anatomy, symbol: Symbol, place: int) -> tuple[str, str]:
    """Return the two lines of a node: its symbol and value or shape, and its op or its name."""
    node, value = anatomy.graph.nodes[place], anatomy.values[place]
    size = number(value.reshape(())[()]) if value.size == 1 else "×".join(map(str, value.shape))
    name = type(node.op).__name__ if node.op is not None else anatomy.labels[place]
    title = size if node.op is None and symbol.text == name else f"{one_line(symbol)} · {size}"
    return title, printable(name)


def _node(
    anatomy: Anatomy, place: int, texts: tuple[str, str], spot: tuple[float, float], wide: int, link: str | None
) -> str:
    node, (x, y), (title, name) = anatomy.graph.nodes[place], spot, texts
    kind = "op" if node.op is not None else "parameter" if isinstance(node, Parameter) else "leaf"
    title, name = _cut(title, int((wide - 8) / 7.2)), _cut(name, int((wide - 8) / 6.4))
    shape = (
        f'<g class="{kind}"><title>{escape(printable(anatomy.labels[place]))}</title>'
        f'<rect x="{x - wide / 2:.0f}" y="{y:.0f}" width="{wide}" height="{_HEIGHT}" rx="7"/>'
        f'<text class="name" x="{x:.0f}" y="{y + 19:.0f}">{escape(title)}</text>'
        f'<text class="kind" x="{x:.0f}" y="{y + 36:.0f}">{escape(name)}</text></g>'
    )
    return f'<a href="#{link}">{shape}</a>' if link else shape


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
