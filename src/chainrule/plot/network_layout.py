"""Where everything of a drawing of a network stands: circles, lines, boxes and texts, as plain numbers.

Columns stand from left to right, each as far as the longest way to it from an input, so a weighted sum leads one
column on. What skips columns goes over them. Two renderers draw the same layout: `network_picture` with matplotlib,
`network_svg` as a string. Lengths are in pixels, y goes down.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, printable
from chainrule.nn import Network
from chainrule.ops.op import Array, Samples
from chainrule.plot.network_parts import ColumnLink, NetworkParts, NeuronColumn, network_parts

SHOWN = ("weights", "gradients")
# Blue below zero and vermilion above it are told apart by every eye, and stand out from white and from black.
POSITIVE, NEGATIVE, NEUTRAL = "#D55E00", "#0A7CC0", "#808080"
MOST_NEURONS = 10  # of a column that is drawn whole
FIRST, LAST = 4, 1  # that are drawn of a longer one
RADIUS = 17.0
_PITCH, _WIDE_PITCH, _FEW = 46.0, 66.0, 4  # from neuron to neuron; farther apart where all columns are short
_GAP = 34.0  # where neurons are left out
_ACROSS = 104.0  # at least, between columns
_LINE = 14.0  # of text
_UNDER = 8.0  # between neurons and the name of their layer
_BETWEEN = 26.0  # columns above each other
_LANE = 16.0  # between arrows that go over columns
_MARGIN = 12.0
_NUMBERED = 9  # edges from column to column that may have their numbers beside them
THIN, THICK = 0.7, 5.0  # the width of an edge with a number next to 0, and of the largest
_LEGEND = 66.0  # from line to line

# What is said in a drawing, in each language; formulas are set apart, that they keep running from left to right.
WORDS = {
    "en": {
        "all": "{count} in all, {drawn} drawn",
        "weights": "weight w of an edge",
        "gradients": "∂{cost}/∂w of an edge",
        "values": "in a neuron: what comes out of it",
        "bias": "b below a neuron: its bias",
        "bias_slope": "below a neuron: ∂{cost}/∂b of its bias",
        "handed": "grey: handed on as it is",
        "frozen": "dashes: frozen, without ∂{cost}/∂w",
        "zero": "dots: exactly 0",
        "title": "A network drawn from left to right: {columns}.",
    },
    "he": {
        "all": "{count} בסך הכול, מצוירים {drawn}",
        "weights": "המשקל w של כל קשת",
        "gradients": "\u2066∂{cost}/∂w\u2069 של כל קשת",
        "values": "בתוך נוירון: הערך שיוצא ממנו",
        "bias": "b מתחת לנוירון: ההטיה שלו",
        "bias_slope": "מתחת לנוירון: \u2066∂{cost}/∂b\u2069 של ההטיה שלו",
        "handed": "אפור: עובר הלאה כמות שהוא",
        "frozen": "מקווקו: מוקפא, בלי \u2066∂{cost}/∂w\u2069",
        "zero": "מנוקד: בדיוק 0",
        "title": "ציור של רשת, משמאל לימין: {columns}.",
    },
}
LANGUAGES = tuple(WORDS)
LONG_NUMBER = 5  # characters in a neuron; longer ones are written smaller


@dataclass(frozen=True)
class DrawnNeuron:
    """A neuron. `told` is what a pointer over it is told."""

    x: float
    y: float
    text: str
    told: str
    on: bool  # whether it is highlighted
    faint: bool  # whether others are
    layer: str


@dataclass(frozen=True)
class DrawnEdge:
    """An edge, or a sample of one in the legend.

    Attributes
    ----------
    kind : {"positive", "negative", "zero", "handed", "frozen"}
    width : float
    """

    x1: float
    y1: float
    x2: float
    y2: float
    kind: str
    width: float
    told: str = ""
    on: bool = False
    faint: bool = False


@dataclass(frozen=True)
class Arrow:
    """What is handed on whole, along these points."""

    points: tuple[tuple[float, float], ...]
    faint: bool = False


@dataclass(frozen=True)
class NamedBox:
    """A layer that can't be shown as neurons."""

    x: float  # of its middle
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    """A text around `x`, or beginning or ending there; its middle is at `y`.

    Attributes
    ----------
    kind : {"name", "note", "label", "number"}
    anchor : {"middle", "start", "end"}
    angle : float
        In degrees, clockwise.
    tone : str
        The kind of the line whose colour it has; empty for that of text.
    """

    x: float
    y: float
    text: str
    kind: str = "note"
    anchor: str = "middle"
    angle: float = 0.0
    tone: str = ""
    faint: bool = False


@dataclass
class NetworkLayout:
    """A drawing: its size, and all that stands in it."""

    width: float
    height: float
    title: str
    lines: list[DrawnEdge] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    boxes: list[NamedBox] = field(default_factory=list)
    circles: list[DrawnNeuron] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)


#: Edges as (layer, i, j), from the i-th neuron before the layer to its j-th, and neurons as (layer, j).
Highlight = Iterable["tuple[str, int, int] | tuple[str, int]"]


def drawn_network(
    where: str,
    network: Network,
    x: Samples | None,
    y: Samples | None,
    show: str,
    language: str,
    highlight: Highlight,
) -> NetworkLayout:
    """Return the drawing that users ask for with `cr.plot.network` or `network_svg`, whose arguments are checked here.

    Raises
    ------
    InputError, NonFiniteError
        As `cr.plot.network` does.
    """
    checks.instance(where, network, Network, "a cr.Network")
    checks.one_of(f"{where} show", show, SHOWN)
    checks.one_of(f"{where} language", language, LANGUAGES)
    return lay_out_network(network_parts(where, network, x, y, show), language, highlight)


def lay_out_network(parts: NetworkParts, language: str = "en", highlight: Highlight = ()) -> NetworkLayout:
    """Return where the parts of a network stand.

    Parameters
    ----------
    parts : NetworkParts
    language : {"en", "he"}
    highlight : iterable of (layer, i, j) or (layer, j)
        Edges and neurons that stand out; they are drawn even where others of their column are left out.

    Raises
    ------
    InputError
        If the network has no such edge or neuron.
    """
    return _Placing(parts, WORDS[language], highlight).layout


def _listed(highlight: Any) -> list[tuple[Any, ...]]:
    """Return what is highlighted, one by one; refuse what is no list of tuples."""
    told = None if isinstance(highlight, str) or not isinstance(highlight, Iterable) else list(highlight)
    if told is None or not all(isinstance(one, (tuple, list)) for one in told):
        raise InputError(
            "network highlight",
            given=f"{highlight!r:.80}",
            expected="a list of edges (layer, i, j) and neurons (layer, j)",
            fix="Pass highlight=[('dense_1', 0, 2)], or [('dense_1', 2)] for a neuron",
        )
    return [tuple(one) for one in told]


class _Placing:
    def __init__(self, parts: NetworkParts, words: dict[str, str], highlight: Highlight) -> None:
        self.parts, self.words = parts, words
        self.edges_on: set[tuple[int, int, int]] = set()  # by the place of their link
        self.neurons_on: set[tuple[int, int]] = set()  # by the place of their column
        self.fading = False
        for told in _listed(highlight):
            self._highlight(told)
        self.drawn = [self._drawn(place) for place in range(len(parts.columns))]
        self.rank = self._ranks()
        longest = max((len(rows) for rows, c in zip(self.drawn, parts.columns) if not c.box), default=1)
        self.pitch = _WIDE_PITCH if longest <= _FEW and not any(None in rows for rows in self.drawn) else _PITCH
        self.most = self._most()
        self.layout = NetworkLayout(0, 0, self._title())
        self.x: list[float] = []
        self.top: list[float] = []  # of the neurons of each column, and where they end
        self.bottom: list[float] = []
        self.lanes: list[tuple[float, float, float]] = []  # of arrows over columns: from, to, and how high
        self._place()
        self._draw_columns()
        for place, link in enumerate(parts.links):
            self._draw_link(place, link)
        self.layout.lines.sort(key=lambda line: (line.on, line.width))  # what is wide lies on top
        self._legend()
        self._fit()

    # ------------------------------------------------------------------ what is drawn

    def _highlight(self, told: tuple[Any, ...]) -> None:
        self.fading = True
        known = False
        if len(told) == 3:
            layer, i, j = told
            for place, link in enumerate(self.parts.links):
                if link.layer == layer and link.weights is not None and _inside(link.weights.shape, (i, j)):
                    self.edges_on.add((place, i, j))
                    self.neurons_on |= {(link.start, i), (link.end, j)}
                    known = True
        elif len(told) == 2:
            for place, column in enumerate(self.parts.columns):
                if column.name == told[0] and _inside((column.size,), told[1:]):
                    self.neurons_on.add((place, told[1]))
                    known = True
        if not known:
            layers = ", ".join(dict.fromkeys(link.layer for link in self.parts.links if link.layer))
            raise InputError(
                "network highlight",
                given=f"{told!r:.80}",
                expected="an edge (layer, i, j) or a neuron (layer, j) of the network, counted from 0",
                fix=f"Choose one of the layers {layers}" if layers else "Leave highlight out",
            )

    def _drawn(self, place: int) -> list[int | None]:
        """Return which neurons of a column are drawn, None for those left out between them."""
        size = self.parts.columns[place].size
        if self.parts.columns[place].box or size <= MOST_NEURONS:
            return list(range(size))
        kept = {*range(FIRST), *range(size - LAST, size), *(i for at, i in self.neurons_on if at == place)}
        rows: list[int | None] = []
        for i in sorted(kept):
            if i and i - 1 not in kept:
                rows.append(i - 1 if i - 2 in kept else None)  # one alone is not left out
            rows.append(i)
        return rows

    def _ranks(self) -> list[int]:
        """Return how many columns stand before each: links lead from columns to later ones in the list."""
        rank = [0] * len(self.parts.columns)
        for place in range(len(rank)):
            rank[place] = max((rank[link.start] + 1 for link in self.parts.links if link.end == place), default=0)
        return rank

    def _most(self) -> float:
        """Return the largest number of an edge that is drawn, after which the widths go."""
        found = [0.0]
        for link in self.parts.links:
            if link.weights is not None and self._shown(link):
                rows, columns = ([i for i in self.drawn[p] if i is not None] for p in (link.start, link.end))
                numbers = np.abs(link.weights[np.ix_(rows, columns)])
                found += [] if np.isnan(numbers).all() else [float(np.nanmax(numbers))]
        return max(found)

    def _shown(self, link: ColumnLink) -> bool:
        """Return whether both ends are columns of neurons."""
        return not (self.parts.columns[link.start].box or self.parts.columns[link.end].box)

    # ------------------------------------------------------------------ where it stands

    def _place(self) -> None:
        columns = self.parts.columns
        ranks = [[p for p in range(len(columns)) if self.rank[p] == r] for r in range(max(self.rank) + 1)]
        halves = [max(self._half(columns[p]) for p in rank) for rank in ranks]
        captions = [max(self._caption_width(p) / 2 for p in rank) for rank in ranks]
        rows = max((len(drawn) for drawn, c in zip(self.drawn, columns) if not c.box), default=1)
        across = _ACROSS + 6 * min(rows, 12) + (30 if self.pitch == _WIDE_PITCH else 0)
        at = [0.0]
        for left in range(len(ranks) - 1):
            room = max(halves[left] + across + halves[left + 1], captions[left] + captions[left + 1] + 14)
            at.append(at[-1] + room)
        self.x = [at[self.rank[p]] for p in range(len(columns))]
        self.top, self.bottom = [0.0] * len(columns), [0.0] * len(columns)
        for rank in ranks:
            heights = [self._height(p) for p in rank]
            whole = [
                h + _UNDER + _LINE * len(self._captions(p)) + (_LINE if columns[p].heading else 0)
                for h, p in zip(heights, rank)
            ]
            y = -heights[0] / 2 if len(rank) == 1 else -(sum(whole) + _BETWEEN * (len(rank) - 1)) / 2
            for p, height, all_of_it in zip(rank, heights, whole):
                head = _LINE if columns[p].heading and len(rank) > 1 else 0
                self.top[p], self.bottom[p] = y + head, y + head + height
                y += all_of_it + _BETWEEN

    def _half(self, column: NeuronColumn) -> float:
        return RADIUS if not column.box else max(44.0, 0.5 * _long(self._box_texts(column)) + 10)

    def _box_texts(self, column: NeuronColumn) -> list[str]:
        shape = " × ".join(map(str, column.shape)) or "1"
        return [*_name_lines(column.name), column.box, shape]

    def _height(self, place: int) -> float:
        if self.parts.columns[place].box:
            return len(self._box_texts(self.parts.columns[place])) * _LINE + 18
        return sum(_GAP if row is None else self.pitch for row in self.drawn[place])

    def _captions(self, place: int) -> list[tuple[str, str]]:
        """Return the lines below a column, each with its kind."""
        column = self.parts.columns[place]
        if column.box:  # its name and what it is stand in it
            return [(_short(step), "note") for step in column.steps if step not in column.name]
        found = [(line, "name") for line in _name_lines(column.name)]
        steps = [column.sign] * bool(column.sign) + [_short(step) for step in column.steps]
        found += [(" · ".join(steps[i : i + 2]), "note") for i in range(0, len(steps), 2)]
        if None in self.drawn[place]:
            count = sum(row is not None for row in self.drawn[place])
            found.append((self.words["all"].format(count=f"{column.size:,}", drawn=count), "note"))
        return found

    def _caption_width(self, place: int) -> float:
        return max((_wide(text, kind) for text, kind in self._captions(place)), default=0.0)

    def _y(self, place: int, index: int) -> float | None:
        """Return the height of a neuron; None if it is left out."""
        y = self.top[place]
        for row in self.drawn[place]:
            step = _GAP if row is None else self.pitch
            if row == index:
                return y + step / 2
            y += step
        return None

    # ------------------------------------------------------------------ drawing it

    def _draw_columns(self) -> None:
        for place, column in enumerate(self.parts.columns):
            x = self.x[place]
            if column.box:
                self._draw_box(place, column)
            else:
                self._draw_neurons(place, column)
            if column.heading:
                self._say(x, self.top[place] - 6, _short(column.heading), "name")
            for i, (text, kind) in enumerate(self._captions(place)):
                self._say(x, self.bottom[place] + _UNDER + _LINE * (i + 0.5), text, kind)

    def _draw_box(self, place: int, column: NeuronColumn) -> None:
        middle = (self.top[place] + self.bottom[place]) / 2
        height = self.bottom[place] - self.top[place]
        self.layout.boxes.append(NamedBox(self.x[place], middle, 2 * self._half(column), height))
        texts = self._box_texts(column)
        for i, text in enumerate(texts):
            kind = "note" if i >= len(texts) - 2 else "name"
            self._say(self.x[place], middle + _LINE * (i - (len(texts) - 1) / 2), text, kind)

    def _draw_neurons(self, place: int, column: NeuronColumn) -> None:
        x, y = self.x[place], self.top[place]
        for row in self.drawn[place]:
            step = _GAP if row is None else self.pitch
            if row is None:
                self._say(x, y + step / 2, "⋮", "dots")
            else:
                self._draw_neuron(place, column, row, x, y + step / 2)
            y += step

    def _draw_neuron(self, place: int, column: NeuronColumn, row: int, x: float, y: float) -> None:
        value = None if column.values is None else float(column.values[row])
        text = column.sign if value is None else short_number(value)
        on = (place, row) in self.neurons_on
        faint = self.fading and not on
        told = f"{printable(column.name)}[{row}]" + ("" if value is None else f" = {value:.6g}")
        if column.bias is not None:
            bias = float(column.bias[row])
            sign = "b" if self.parts.show == "weights" else "∂b"
            self._say(x, y + RADIUS + 6.5, f"{sign} {short_number(bias)}", "number", tone=_kind(bias), faint=faint)
            told += f", {sign} = {bias:.6g}"
        self.layout.circles.append(DrawnNeuron(x, y, text, told, on, faint, column.name))
        if column.labels and (column.input or column.output):
            away = RADIUS + 7
            label = _short(column.labels[row])
            if column.output:
                self._say(x + away, y, label, "label", "start", faint=faint)
            else:
                self._say(x - away, y, label, "label", "end", faint=faint)

    def _say(self, x: float, y: float, text: str, kind: str, anchor: str = "middle", **more: Any) -> None:
        self.layout.labels.append(Label(x, y, text, kind, anchor, **more))

    def _draw_link(self, place: int, link: ColumnLink) -> None:
        span = self.rank[link.end] - self.rank[link.start]
        if not self._shown(link) or span > 1:
            return self._draw_arrow(link, span)
        if link.weights is not None:
            self._draw_edges(place, link, link.weights)
        elif None in self.drawn[link.start] or None in self.drawn[link.end]:
            self._draw_arrow(link, span)
        else:
            for i in range(self.parts.columns[link.start].size):
                self._draw_line(link, i, link.first + i, "handed", 1.0)
        return None

    def _draw_edges(self, place: int, link: ColumnLink, numbers: Array) -> None:
        rows = [i for i in self.drawn[link.start] if i is not None]
        columns = [j for j in self.drawn[link.end] if j is not None]
        at = self._numbered_at(link, rows, columns)
        for i in rows:
            for j in columns:
                number = float(numbers[i, j])
                on = (place, i, j) in self.edges_on
                share = abs(number) / self.most if self.most else 0.0
                told = f"{printable(link.layer)}.weights[{i}, {j}]"
                sign = "" if self.parts.show == "weights" else f"∂{self.parts.cost}/∂"
                width = THIN + (THICK - THIN) * share if share > 0 else 1.6
                line = self._draw_line(
                    link, i, j, _kind(number), width, f"{sign}{told} = {number:.6g}", on, self.fading and not on
                )
                if on or (at is not None and not self.fading):
                    self._number(line, number, at if at is not None else 0.3)

    def _draw_line(
        self,
        link: ColumnLink,
        i: int,
        j: int,
        kind: str,
        width: float,
        told: str = "",
        on: bool = False,
        faint: bool | None = None,
    ) -> DrawnEdge:
        y1, y2 = self._y(link.start, i), self._y(link.end, j)
        assert y1 is not None
        assert y2 is not None  # only what is drawn has edges
        x1, x2 = self.x[link.start], self.x[link.end]
        far = math.hypot(x2 - x1, y2 - y1)
        dx, dy = (x2 - x1) / far * (RADIUS + 0.5), (y2 - y1) / far * (RADIUS + 0.5)
        faint = self.fading if faint is None else faint
        line = DrawnEdge(x1 + dx, y1 + dy, x2 - dx, y2 - dy, kind, width, told, on, faint)
        self.layout.lines.append(line)
        return line

    def _numbered_at(self, link: ColumnLink, rows: Sequence[int], columns: Sequence[int]) -> float | None:
        """Return at which share of their way edges are so far apart that each can have its number; None: nowhere."""
        if self.pitch != _WIDE_PITCH or len(rows) * len(columns) > _NUMBERED:
            return None
        best, farthest = None, 16.0
        for at in (0.28, 0.24, 0.72, 0.76, 0.5):
            heights = sorted(
                (1 - at) * (self._y(link.start, i) or 0.0) + at * (self._y(link.end, j) or 0.0)
                for i in rows
                for j in columns
            )
            apart = min((b - a for a, b in pairwise(heights)), default=farthest + 1)
            if apart > farthest + 0.5:
                best, farthest = at, apart
        return best

    def _number(self, line: DrawnEdge, number: float, at: float) -> None:
        """Write the number of an edge along it, just above."""
        slope = math.atan2(line.y2 - line.y1, line.x2 - line.x1)
        off = 6.5 + line.width / 2
        x = line.x1 + at * (line.x2 - line.x1) + off * math.sin(slope)
        y = line.y1 + at * (line.y2 - line.y1) - off * math.cos(slope)
        self._say(x, y, short_number(number), "number", angle=math.degrees(slope), tone=line.kind)

    def _draw_arrow(self, link: ColumnLink, span: int) -> None:
        """Draw one arrow for a whole link: straight to the next column, or over those that it skips."""
        start, end = link.start, link.end
        x1 = self.x[start] + self._half(self.parts.columns[start]) + 3
        x2 = self.x[end] - self._half(self.parts.columns[end]) - 3
        y1, y2 = (self.top[start] + self.bottom[start]) / 2, (self.top[end] + self.bottom[end]) / 2
        part = self.parts.columns[start].size < self.parts.columns[end].size and not self.parts.columns[end].box
        part = part and link.weights is None
        if part:
            y2 = self._embrace(link)
            x2 -= 5
        if span <= 1:
            self.layout.arrows.append(Arrow(((x1, y1), (x2, y2)), self.fading))
            return
        passed = [p for p in range(len(self.x)) if self.rank[start] <= self.rank[p] <= self.rank[end]]
        lane = min(self.top[p] - (_LINE if self.parts.columns[p].heading else 0) for p in passed) - 10
        left, right = self.x[start], self.x[end]
        while any(abs(lane - y) < _LANE and x < right + 20 and left - 20 < far for x, far, y in self.lanes):
            lane -= _LANE
        self.lanes.append((left, right, lane))
        up, down = self._way_up(start, 1), self._way_up(end, -1)
        if part:  # by the side, to where it comes
            gutter = x2 - 14 - 6 * sum(other == right for _, other, _ in self.lanes)
            down = [(x2, y2), (gutter, y2)]
        points = (*up, (up[-1][0], lane), (down[-1][0], lane), *reversed(down))
        self.layout.arrows.append(Arrow(points, self.fading))

    def _embrace(self, link: ColumnLink) -> float:
        """Draw a bracket around the neurons that a link leads to, where they are a part of a column."""
        low = self._near(link.end, link.first) - RADIUS + 3
        high = self._near(link.end, link.first + self.parts.columns[link.start].size - 1) + RADIUS - 3
        x = self.x[link.end] - RADIUS - 6
        self.layout.lines.append(DrawnEdge(x, low, x, high, "handed", 1.6, faint=self.fading))
        return (low + high) / 2

    def _near(self, place: int, index: int) -> float:
        """Return the height of a neuron, or of the gap in which it is left out."""
        y = self.top[place]
        for i, row in enumerate(self.drawn[place]):
            step = _GAP if row is None else self.pitch
            following = next((other for other in self.drawn[place][i + 1 :] if other is not None), None)
            if row == index or (row is None and following is not None and index < following):
                return y + step / 2
            y += step
        return y

    def _way_up(self, place: int, side: int) -> list[tuple[float, float]]:
        """Return the first points of an arrow that goes up from a column: by its side where another stands above."""
        column, x = self.parts.columns[place], self.x[place]
        above = self.top[place] if column.box else self.top[place] + self.pitch / 2 - RADIUS
        if all(self.rank[p] != self.rank[place] or self.top[p] >= self.top[place] for p in range(len(self.x))):
            return [(x, above - 3)]
        y = above + (12 if column.box else RADIUS)
        beside = [p for p in range(len(self.x)) if self.rank[p] == self.rank[place]]
        away = max(self._half(column) + 16, *(self._caption_width(p) / 2 + 5 for p in beside))
        return [(x + side * (self._half(column) + 3), y), (x + side * away, y)]

    # ------------------------------------------------------------------ what it means

    def _legend(self) -> None:
        words, parts, lines = self.words, self.parts, self.layout.lines
        below = max((label.y for label in self.layout.labels), default=0.0)
        y = max([below, *self.bottom]) + 26
        left, right = self._span()
        middle = (left + right) / 2
        kinds = {line.kind for line in lines}
        if self.most and kinds & {"positive", "negative"}:
            self._say(middle, y, words[parts.show].format(cost=parts.cost), "note")
            y += 20
            for k, share in enumerate((-1.0, -0.5, 0.5, 1.0)):
                x = middle + _LEGEND * (k - 1.5)
                number = share * self.most
                kind = _kind(number)
                self.layout.lines.append(DrawnEdge(x - 22, y, x + 22, y, kind, THIN + (THICK - THIN) * abs(share)))
                self._say(x, y + 13, short_number(number), "number", tone=kind)
            y += 36
        notes = []
        if parts.sampled and any(column.values is not None for column in parts.columns):
            notes.append(words["values"])
        if any(column.bias is not None and not column.box for column in parts.columns):
            notes.append(words["bias" if parts.show == "weights" else "bias_slope"].format(cost=parts.cost))
        if "zero" in kinds:
            notes.append(words["zero"])
        if "frozen" in kinds:
            notes.append(words["frozen"].format(cost=parts.cost))
        if any(link.weights is None and not parts.columns[link.end].box for link in parts.links):
            notes.append(words["handed"])
        for note in notes:
            self._say(middle, y, note, "note")
            y += _LINE

    def _span(self) -> tuple[float, float]:
        columns = self.parts.columns
        left = min(self.x[p] - self._half(columns[p]) for p in range(len(columns)))
        return left, max(self.x[p] + self._half(columns[p]) for p in range(len(columns)))

    def _fit(self) -> None:
        """Move everything so that the drawing begins at 0, and find its size."""
        layout = self.layout
        xs, ys = [], []
        for label in layout.labels:
            wide = _wide(label.text, label.kind)
            low = label.x - {"middle": wide / 2, "start": 0.0, "end": wide}[label.anchor]
            xs += [low, low + wide]
            ys += [label.y - 8, label.y + 8]
        xs += [v for circle in layout.circles for v in (circle.x - RADIUS - 2, circle.x + RADIUS + 2)]
        ys += [v for circle in layout.circles for v in (circle.y - RADIUS - 2, circle.y + RADIUS + 2)]
        xs += [v for box in layout.boxes for v in (box.x - box.width / 2, box.x + box.width / 2)]
        ys += [v for box in layout.boxes for v in (box.y - box.height / 2, box.y + box.height / 2)]
        xs += [v for line in layout.lines for v in (line.x1, line.x2)]
        xs += [x for arrow in layout.arrows for x, _ in arrow.points]
        ys += [y for arrow in layout.arrows for _, y in arrow.points]
        dx, dy = _MARGIN - min(xs), _MARGIN - min(ys)
        layout.width, layout.height = max(xs) + dx + _MARGIN, max(ys) + dy + _MARGIN
        layout.circles = [_moved(c, dx, dy) for c in layout.circles]
        layout.boxes = [_moved(b, dx, dy) for b in layout.boxes]
        layout.labels = [_moved(t, dx, dy) for t in layout.labels]
        layout.lines = [
            DrawnEdge(v.x1 + dx, v.y1 + dy, v.x2 + dx, v.y2 + dy, v.kind, v.width, v.told, v.on, v.faint)
            for v in layout.lines
        ]
        layout.arrows = [Arrow(tuple((x + dx, y + dy) for x, y in a.points), a.faint) for a in layout.arrows]

    def _title(self) -> str:
        columns = (f"{printable(c.name)} ({' × '.join(map(str, c.shape)) or '1'})" for c in self.parts.columns)
        return self.words["title"].format(columns=", ".join(columns))


_SIZES = {"name": 12.8, "note": 11.0, "label": 12.0, "number": 10.0, "dots": 17.0}  # of letters, in pixels


def _moved(part: Any, dx: float, dy: float) -> Any:
    return replace(part, x=part.x + dx, y=part.y + dy)


def _inside(shape: tuple[int, ...], index: Sequence[Any]) -> bool:
    return all(isinstance(i, (int, np.integer)) and 0 <= i < size for i, size in zip(index, shape, strict=True))


def _kind(number: float) -> str:
    if number != number:
        return "frozen"
    return "positive" if number > 0 else "negative" if number < 0 else "zero"


def _name_lines(name: str) -> list[str]:
    """Return the lines of a layer's name: of a long one what is around it stands above."""
    around, dot, last = name.rpartition(".")
    return [_short(name)] if not dot or len(name) <= 14 else [_short(around + dot), _short(last)]


def _wide(text: str, kind: str) -> float:
    """Return about how wide a text is; rather too wide, for fonts differ."""
    shares = (
        0.4 if c in "iljtfr.,:;'|![]() " else 1.0 if c in "mwMW@%…⋮" else 0.77 if c.isupper() else 0.65 for c in text
    )
    return _SIZES[kind] * sum(shares)


def _long(texts: Sequence[str]) -> float:
    return max(_wide(text, "name") for text in texts)


def _short(name: str) -> str:
    """Return a name as it may be shown, of at most 24 characters."""
    shown = printable(str(name))
    return shown if len(shown) <= 24 else shown[:23] + "…"


def short_number(value: float) -> str:
    """Return a number in about five characters.

    >>> [short_number(v) for v in (0.0, -0.1234, 0.998, 3.14159, 12345.6, -2.3e-7, 1.8e300)]
    ['0', '−0.12', '0.998', '3.14', '1.2e4', '−2.3e-7', '2e300']
    """
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "NaN" if value != value else "∞" if value > 0 else "−∞"
    size = abs(value)
    if 1 <= size < 1000:
        text = f"{size:.3g}"
    elif 0.01 <= size < 1:
        text = f"{size:.3f}" if size >= 0.995 else f"{float(f'{size:.2f}'):g}"  # of what is nearly 1, by how much
    else:
        digits = 1 if size < 1e-9 or size >= 1e10 else 2
        factor, exponent = f"{size:.{digits - 1}e}".split("e")
        text = f"{float(factor):g}e{int(exponent)}"
    return ("−" if value < 0 else "") + text
