"""The graph as a picture: inline SVG, each node a link to its section.

Values flow downwards, to the cost; the page scrolls a wide picture inside its own box.
"""

from __future__ import annotations

from html import escape
from itertools import pairwise

from chainrule.errors import printable
from chainrule.explain.anatomy import Anatomy
from chainrule.explain.boxes import one_line
from chainrule.explain.notation import Symbol, number
from chainrule.graph import Parameter

_NARROW, _WIDE, _HEIGHT = 104, 152, 46  # a node is as wide as the longest text in any
_GAP, _DROP = 8, 44  # between nodes of a row, between rows

Point = tuple[float, float]


def draw(anatomy: Anatomy, symbols: list[Symbol], links: dict[int, str]) -> str:
    """Return the graph of an explanation as an SVG element.

    Parameters
    ----------
    links : dict of int to str
        Where a click on a node leads.
    """
    from chainrule.plot.graph_picture import lay_out  # a heavy room, for the one form that draws

    places = range(len(anatomy.graph))
    layout = lay_out([list(anatomy.roles(place).values()) for place in places])
    texts = [_texts(anatomy, symbols[place], place) for place in places]
    longest = max(max(7.2 * len(title), 6.4 * len(name)) for title, name in texts)
    wide = int(min(max(longest + 12, _NARROW), _WIDE))

    def spot(x: float, row: int) -> Point:
        return _GAP + wide / 2 + x * (wide + _GAP), _GAP + row * (_HEIGHT + _DROP)

    spots = [spot(layout.x[place], layout.row[place]) for place in places]
    width, height = spot(layout.width + 1, 0)[0] - wide / 2, spot(0, max(layout.row) + 1)[1] - _DROP + _GAP
    roles: dict[tuple[int, int], list[str]] = {}  # a child may play several
    for place in places:
        for role, child in anatomy.roles(place).items():
            roles.setdefault((child, place), []).append(printable(role))
    parts = []
    for (child, parent), played in roles.items():
        bends = [spot(x, row) for x, row in layout.bends.get((child, parent), ())]
        fanned = sum(child == other for other, _ in roles) > 1
        parts.append(_edge(spots[child], bends, spots[parent], ", ".join(played), fanned))
    parts += [_node(anatomy, place, texts[place], spots[place], wide, links.get(place)) for place in places]
    return (
        f'<svg class="graph" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" direction="ltr">{"".join(parts)}</svg>'
    )


def _edge(child: Point, bends: list[Point], parent: Point, roles: str, fanned: bool) -> str:
    """Return the way from a child to its parent, past the rows between; `fanned` if it is one of the child's several.

    Roles stand where edges are apart: near a child with one parent, farther from one with several.
    """
    from chainrule.plot.graph_picture import along

    points = [(child[0], child[1] + _HEIGHT), *((x, y + _HEIGHT / 2) for x, y in bends), parent]
    path = f"M{points[0][0]:.0f} {points[0][1]:.0f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) / 2
        path += f"C{x1:.0f} {middle:.0f} {x2:.0f} {middle:.0f} {x2:.0f} {y2:.0f}"
    x, y = along(points[0], points[1], 0.7 if fanned else 0.4)
    return f'<path class="edge" d="{path}"/><text class="role" x="{x:.0f}" y="{y + 4:.0f}">{escape(roles)}</text>'


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
