"""A graph laid out in rows: where each node stands, so that data flow downwards and few edges cross.

The method is that of Sugiyama, Tagawa and Toda (1981): rows by the longest way from a leaf; in each row the nodes
ordered by the mean place of their neighbours; then moved below and above them as far as the order allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 12
_LEAF = 0.001  # how much a leaf pulls at its neighbours


@dataclass(frozen=True)
class Layout:
    """Where nodes stand.

    Attributes
    ----------
    x : list of float
        Of each node, in widths of a place; the leftmost is at 0.
    row : list of int
        Of each node; 0 is on top.
    bends : dict of (child, parent) to list of (float, int)
        For an edge that passes rows: where, row by row.
    """

    x: list[float]
    row: list[int]
    bends: dict[tuple[int, int], list[tuple[float, int]]]

    @property
    def width(self) -> float:
        """The x of the rightmost place."""
        places = [*self.x, *(x for bends in self.bends.values() for x, _ in bends)]
        return max(places, default=0.0)


def laid_out(children: Sequence[Sequence[int]]) -> Layout:
    """Return where to put nodes, given the places of each one's children, which come before it.

    Examples
    --------
    >>> laid_out([[], [], [0, 1]])
    Layout(x=[0.0, 1.0, 0.5], row=[0, 0, 1], bends={})
    """
    row = _rows(children)
    count = len(children)
    level = list(row)  # of nodes, and of the bends that follow them
    above: list[list[int]] = [[] for _ in children]
    below: list[list[int]] = [[] for _ in children]
    bends: dict[tuple[int, int], list[int]] = {}
    for parent, kids in enumerate(children):
        for child in dict.fromkeys(kids):
            chain = list(range(len(level), len(level) + row[parent] - row[child] - 1))
            level += range(row[child] + 1, row[parent])
            above += [[] for _ in chain]
            below += [[] for _ in chain]
            for upper, lower in zip([child, *chain], [*chain, parent]):
                below[upper].append(lower)
                above[lower].append(upper)
            if chain:
                bends[child, parent] = chain
    rows = _ordered(_started(level, children, bends), above, below)
    x = _placed(rows, above, below)
    least = min(x)
    x = [round(v - least, 6) for v in x]
    return Layout(x[:count], row, {edge: [(x[b], level[b]) for b in chain] for edge, chain in bends.items()})


def along(start: tuple[float, float], end: tuple[float, float], t: float) -> tuple[float, float]:
    """Return a point of the curve that leaves one point and arrives at another upright, at a share `t` of the way.

    >>> along((0, 0), (2, 1), 0.5)
    (1.0, 0.5)
    """
    bend = 3 * t**2 - 2 * t**3
    rise = 1.5 * t - 1.5 * t**2 + t**3
    return start[0] + bend * (end[0] - start[0]), start[1] + rise * (end[1] - start[1])


def _rows(children: Sequence[Sequence[int]]) -> list[int]:
    """Return each node's row: below all its children, leaves just above the first of their parents."""
    row = [0] * len(children)
    for place, kids in enumerate(children):
        if kids:
            row[place] = 1 + max(row[kid] for kid in kids)
    first: dict[int, int] = {}
    for place, kids in enumerate(children):
        for kid in kids:
            first[kid] = min(first.get(kid, row[place]), row[place])
    return [row[i] if kids else first.get(i, 1) - 1 for i, kids in enumerate(children)]


def _started(
    level: list[int], children: Sequence[Sequence[int]], bends: dict[tuple[int, int], list[int]]
) -> list[list[int]]:
    """Return the rows in the order in which a walk from the root meets their nodes."""
    rows: list[list[int]] = [[] for _ in range(max(level) + 1)]
    met: set[int] = set()
    stack = [place for place in range(len(children)) if not any(place in kids for kids in children)]
    while stack:
        place = stack.pop()
        if place in met:
            continue
        met.add(place)
        rows[level[place]].append(place)
        for kid in children[place]:
            for bend in bends.get((kid, place), ()):
                rows[level[bend]].append(bend)
        stack += reversed(children[place])
    return rows


def _ordered(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> list[list[int]]:
    """Return the rows ordered so that fewer edges cross."""
    best, fewest = [list(row) for row in rows], _crossings(rows, above)
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for row in rows if downwards else reversed(rows):
            at = {place: i for other in rows for i, place in enumerate(other)}
            means = {p: sum(at[n] for n in neighbours[p]) / len(neighbours[p]) for p in row if neighbours[p]}
            row.sort(key=lambda p: means.get(p, float(at[p])))  # used before the next turn
        crossed = _crossings(rows, above)
        if crossed < fewest:
            best, fewest = [list(row) for row in rows], crossed
    return best


def _crossings(rows: list[list[int]], above: list[list[int]]) -> int:
    crossed = 0
    for upper, lower in pairwise(rows):
        at = {place: i for i, place in enumerate(upper)}
        ends = [at[n] for place in lower for n in sorted(above[place], key=at.__getitem__)]
        crossed += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return crossed


def _placed(rows: list[list[int]], above: list[list[int]], below: list[list[int]]) -> list[float]:
    """Return x of every place: near its neighbours, and at least 1 beside the one before it in its row.

    Leaves pull less than the rest, so that a chain of layers stands straight and its parameters beside it.
    """
    weight = [1.0 if ups else _LEAF for ups in above]
    x = [0.0] * len(above)
    for row in rows:
        for i, place in enumerate(row):
            x[place] = float(i)
    for sweep in range(_SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = []
            for place in row:
                near = [*above[place], *below[place]]
                total = sum(weight[n] for n in near)
                wanted.append(sum(weight[n] * x[n] for n in near) / total if near else x[place])
            for place, at in zip(row, _apart(wanted, [weight[place] for place in row])):
                x[place] = at
    return x


def _apart(wanted: list[float], weights: list[float]) -> list[float]:
    """Return places at least 1 apart, in this order, with the least weighted sum of squares from those wanted."""
    blocks: list[tuple[float, float, int]] = []  # mean of wanted − index, weight, and how many share it
    for i, (want, weight) in enumerate(zip(wanted, weights)):
        mean, count = want - i, 1
        while blocks and blocks[-1][0] > mean:
            other, heavy, more = blocks.pop()
            mean, weight = (mean * weight + other * heavy) / (weight + heavy), weight + heavy
            count += more
        blocks.append((mean, weight, count))
    shifts = [mean for mean, _, count in blocks for _ in range(count)]
    return [shift + i for i, shift in enumerate(shifts)]
