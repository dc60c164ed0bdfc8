"""From one number of a graph to the cost: every path that leads there, and the factor of each step on the way.

A path goes from number to number: from a weight to a weighted sum, through its activation, along one weight of the
next layer, … to the cost. Its product is the product of the local derivatives on it, and the derivative of the cost
is the sum of the products of all paths. The local derivatives are the ops' own: their `backward` is given a
derivative that is 1 at one number and 0 elsewhere. Everything here is computed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import MisuseError
from chainrule.explain.analysis import Analysis
from chainrule.graph import Graph
from chainrule.graph.calls import called
from chainrule.ops.linear import Linear, Matmul
from chainrule.ops.op import Array, Op

MOST_WORK = 300_000_000  # numbers that ops may be asked for
MOST_ONE_BY_ONE = 10_000  # paths that are added up one after the other

Index = tuple[int, ...]


@dataclass(frozen=True)
class Unit:
    """One number of a node's value."""

    place: int
    index: Index


@dataclass(frozen=True)
class Factor:
    """One step of a path: how a number changes with one that it is computed from.

    Attributes
    ----------
    child, parent : Unit
        The number that changes, and the one that changes with it.
    role : str
    value : float
    same_as : Unit or float or None
        The number that the derivative is, whatever the values are: in a product the other factor; None if it is a
        function of them.
    elementwise : bool
        Whether the op works element by element.
    """

    child: Unit
    parent: Unit
    role: str
    value: float
    same_as: Unit | float | None
    elementwise: bool


@dataclass(frozen=True)
class PathToCost:
    """A way from a number to the cost; `product` is that of its factors."""

    factors: tuple[Factor, ...]

    @property
    def product(self) -> float:
        return math.prod(factor.value for factor in self.factors)

    @property
    def units(self) -> tuple[Unit, ...]:
        """The numbers that it leads through, the first and the cost included."""
        return (self.factors[0].child, *(factor.parent for factor in self.factors))


@dataclass(frozen=True, eq=False)
class _Edges:
    """The steps from numbers of one node to those of a parent in which it plays a role."""

    parent: int
    child: int
    role: str
    parents: Array  # flat indices, one for each step
    children: Array
    values: Array
    same_as: list[tuple[str, int] | float | None]  # a role and a flat index in it
    elementwise: bool


class Paths:
    """All paths from one number of a node to the cost.

    Parameters
    ----------
    analysis : Analysis
    unit : Unit
        Where they begin.
    listed : int, default 5
        How many are kept, those with the largest products.

    Attributes
    ----------
    count : int
        How many paths there are; one through a neuron that is silent counts, though its product is 0.
    total : float
        The sum of the products of all of them, by recursion: what arrives at a number is the sum of what the numbers
        computed from it hand back.
    largest : list of PathToCost
        The largest first.
    derivative : float
        The same derivative by backpropagation, in arrays.

    Raises
    ------
    MisuseError
        If no path leads from there to the cost, or the layers on the way are too wide.
    """

    def __init__(self, analysis: Analysis, unit: Unit, listed: int = 5) -> None:
        self.analysis, self.unit, self.listed = analysis, unit, listed
        graph = analysis.graph
        if analysis.values[unit.place].dtype.kind != "f":
            raise self._refused("from which no path leads to the cost")
        self.graph = Graph(graph.root, wrt=[graph.nodes[unit.place]])
        self.places = [graph.place(node) for node in self.graph.nodes]  # of its nodes in the analysis
        self.own = {place: i for i, place in enumerate(self.places)}
        self.values: list[Any] = [
            value.astype(np.float64) if value.dtype.kind == "f" else value
            for value in (analysis.values[place] for place in self.places)
        ]
        self.graph.walk.forward(self.values)
        self.root = self.graph.place(graph.root)
        self.start = self.own[unit.place]
        self._flat = int(np.ravel_multi_index(unit.index, self.values[self.start].shape)) if unit.index else 0
        if self.start == self.root:
            raise self._refused("the cost itself")
        if self.start not in self.graph.walk.reached:
            raise self._refused("from which no path leads to the cost")
        work = self.work(analysis, unit)
        if work > MOST_WORK:
            raise MisuseError(
                "explain element",
                given=f"{self._name()}, from which too many steps lead on: {work:,} numbers",
                expected=f"at most {MOST_WORK:,}, layers of a few hundred neurons",
                fix=f"Choose a weight of a later layer, or explain node={analysis.labels[unit.place]!r}, its matrix",
            )
        self.edges = self._all_edges()
        self._leading_on: dict[tuple[int, int], list[tuple[_Edges, int]]] | None = None
        self.total, self.count = self._added_up()
        if not self.count:
            whole = f"Explain node={analysis.labels[unit.place]!r}, all of them, or name another one"
            raise self._refused("from which no path leads to the cost on these samples", whole)
        self.largest = self._largest()
        ones = np.ones(self.values[self.root].shape)
        gradient = self.graph.walk.backward(list(self.values), self.root, ones)[self.start]
        self.derivative = float(gradient.flat[self._flat])

    @staticmethod
    def work(analysis: Analysis, unit: Unit) -> int:
        """Return about how many numbers ops are asked for."""
        graph = Graph(analysis.graph.root, wrt=[analysis.graph.nodes[unit.place]])
        values = [analysis.values[analysis.graph.place(node)] for node in graph.nodes]
        steps = 0
        for i, op, children, edges in graph.walk.backward_plan:
            first = any(graph.nodes[j] is analysis.graph.nodes[unit.place] for _, j, _ in edges)
            size, wide = values[i].size, values[i].shape[-1] if values[i].ndim else 1
            rows = math.ceil(size / max(wide, 1)) if first else size  # a weight leads to one number of each sample
            each = size + sum(values[j].size for _, j in children)
            if isinstance(op, (Linear, Matmul)):
                each = max(each, size * values[dict(children)[op.roles[0]]].shape[-1])
            steps += 3 * rows * each
        return steps

    def each(self) -> Iterator[PathToCost]:
        """Yield every path. There may be very many: see `count`."""
        if self._leading_on is None:
            self._leading_on = {}
            for edges in self.edges:
                for k, flat in enumerate(edges.children):
                    self._leading_on.setdefault((edges.child, int(flat)), []).append((edges, k))
        open_paths: list[tuple[tuple[int, int], tuple[Factor, ...]]] = [((self.start, self._flat), ())]
        while open_paths:
            at, factors = open_paths.pop()
            if at[0] == self.root:
                yield PathToCost(factors)
                continue
            for edges, k in reversed(self._leading_on.get(at, [])):
                after = edges.parent, int(edges.parents[k])
                open_paths.append((after, (*factors, self._factor(edges, k))))

    @property
    def one_by_one(self) -> bool:
        """Whether the paths are few enough to be added up one after the other."""
        return self.count <= MOST_ONE_BY_ONE

    def added(self) -> float:
        """Return the sum of the products: of each path, or, where they are too many, by recursion."""
        return math.fsum(path.product for path in self.each()) if self.one_by_one else self.total

    def array(self, place: int) -> Array:
        """Return the value of a node, in float64."""
        return np.asarray(self.values[self.own[place]])

    # ------------------------------------------------------------------ steps

    def _all_edges(self) -> list[_Edges]:
        """Return the steps that lead on from the first number, those next to it first."""
        reached: dict[int, set[int]] = {self.start: {self._flat}}
        found: list[_Edges] = []
        for i, op, children, plan in reversed(self.graph.walk.backward_plan):
            ways = [(role, j) for role, j, _ in plan if j in reached]
            if not ways:
                continue
            for edges in self._edges(i, op, dict(children), ways, reached):
                found.append(edges)
                reached.setdefault(i, set()).update(int(k) for k in edges.parents)
        return found

    def _edges(
        self, i: int, op: Op, children: Mapping[str, int], ways: list[tuple[str, int]], reached: dict[int, set[int]]
    ) -> Iterator[_Edges]:
        arrays = {role: self.values[j] for role, j in children.items()}
        columns = {role: np.array(sorted(reached[j]), np.intp) for role, j in ways}
        tries = [(values, _forward(op, values, self.values[i])) for values in _probes(op, arrays)]
        probes = [(values, y) for values, y in tries if y is not None]
        rows = self._changing(op, probes, columns, self.values[i].size)
        here = self._slopes(i, op, arrays, self.values[i], rows, columns)
        tried = [self._slopes(i, op, values, y, rows, columns) for values, y in probes]
        for role, j in ways:
            known = [slopes[role] for slopes in (here, *tried) if slopes is not None]
            depends = np.any([np.isfinite(slopes) & (slopes != 0) for slopes in known], axis=0)
            depends |= ~np.isfinite(here[role])
            own = rows[:, None] == columns[role]
            elementwise = self.values[i].shape == self.values[j].shape and not (depends & ~own).any()
            if elementwise:
                depends = own
            parents, kids = np.nonzero(depends)
            same = [
                _same_as([slopes[role][p, k] for slopes in tried], [values for values, _ in probes], role)
                for p, k in zip(parents, kids)
            ]
            yield _Edges(i, j, role, rows[parents], columns[role][kids], here[role][depends], same, elementwise)

    def _changing(
        self, op: Op, probes: list[tuple[dict[str, Array], Array]], columns: dict[str, Array], size: int
    ) -> Array:
        """Return which numbers of an op's value change when these of its roles do."""
        if not probes or size == 1:
            return np.arange(size)
        changes = np.zeros(size, bool)
        for values, y in probes:
            moved = dict(values)
            for role, flat in columns.items():
                moved[role] = np.array(moved[role])  # of a single number, too
                moved[role].flat[flat] *= 1.25
            again = _forward(op, moved, y)
            if again is None:
                return np.arange(size)
            changes |= (again != y).reshape(-1)
        same_shape = [flat for role, flat in columns.items() if probes[0][0][role].shape == probes[0][1].shape]
        for flat in same_shape:  # a kink may hide that the number at the same place depends on it
            changes[flat] = True
        return np.flatnonzero(changes)

    def _slopes(
        self, i: int, op: Op, arrays: Mapping[str, Array], y: Array, rows: Array, columns: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Return for each role ∂(numbers of the op's value) / ∂(numbers of the role), a row for each of the first."""
        walk = self.graph.walk
        plain, wanted = walk.plain(), list(columns)
        found = {role: np.empty((len(rows), len(flat))) for role, flat in columns.items()}
        one = np.zeros(y.size, y.dtype)
        with np.errstate(all="ignore"):
            for row, k in enumerate(rows):
                one[k] = 1
                parts = plain.backward(i, op, one.reshape(y.shape).copy(), y, dict(arrays), wanted)
                one[k] = 0
                for role, flat in columns.items():
                    found[role][row] = np.asarray(parts[role]).reshape(-1)[flat]
        return found

    # ------------------------------------------------------------------ sums

    def _added_up(self) -> tuple[float, int]:
        """Return the sum of the products of all paths, and how many there are, by recursion from the cost."""
        totals: dict[int, Array] = {self.root: np.ones(self.values[self.root].size)}
        counts: dict[int, Array] = {self.root: np.ones(self.values[self.root].size, object)}
        for edges in reversed(self.edges):
            if edges.parent not in totals:
                continue
            size = self.values[edges.child].size
            total = totals.setdefault(edges.child, np.zeros(size))
            count = counts.setdefault(edges.child, np.zeros(size, object))
            np.add.at(total, edges.children, edges.values * totals[edges.parent][edges.parents])
            np.add.at(count, edges.children, counts[edges.parent][edges.parents])
        if self.start not in totals:
            return 0.0, 0
        return float(totals[self.start][self._flat]), int(counts[self.start][self._flat])

    def _largest(self) -> list[PathToCost]:
        """Return the paths with the largest products: the largest from a number go on by the largest of its parents."""
        Kept = list[tuple[float, _Edges | None, int, int]]  # a product, its first step, and how it goes on: its rank
        best: dict[tuple[int, int], Kept] = {(self.root, 0): [(1.0, None, 0, 0)]}
        for edges in reversed(self.edges):
            touched: dict[int, Kept] = {}
            for k, (parent, child, value) in enumerate(zip(edges.parents, edges.children, edges.values)):
                for rank, (product, *_) in enumerate(best.get((edges.parent, int(parent)), [])):
                    touched.setdefault(int(child), []).append((float(value) * product, edges, k, rank))
            for child, new in touched.items():
                together = best.get((edges.child, child), []) + new
                together.sort(key=lambda kept: -abs(kept[0]))
                best[edges.child, child] = together[: self.listed]
        found = []
        for _, first, first_k, first_rank in best[self.start, self._flat]:
            factors: list[Factor] = []
            along, k, rank = first, first_k, first_rank
            while along is not None:
                factors.append(self._factor(along, k))
                _, along, k, rank = best[along.parent, int(along.parents[k])][rank]
            found.append(PathToCost(tuple(factors)))
        return found

    def _factor(self, edges: _Edges, k: int) -> Factor:
        told = edges.same_as[k]
        same: Unit | float | None
        if isinstance(told, tuple):
            same = self._unit(self.graph.place(self.graph.nodes[edges.parent].children[told[0]]), told[1])
        else:
            same = told
        return Factor(
            self._unit(edges.child, int(edges.children[k])),
            self._unit(edges.parent, int(edges.parents[k])),
            edges.role,
            float(edges.values[k]),
            same,
            edges.elementwise,
        )

    def _unit(self, i: int, flat: int) -> Unit:
        return Unit(self.places[i], tuple(int(k) for k in np.unravel_index(flat, self.values[i].shape)))

    def _name(self) -> str:
        index = f"[{', '.join(map(str, self.unit.index))}]" if self.unit.index else ""
        return f"{self.analysis.labels[self.unit.place]}{index}"

    def _refused(self, what: str, fix: str = "") -> MisuseError:
        return MisuseError(
            "explain element",
            given=f"{self._name()}, {what}",
            expected="a number that the cost depends on: a weight, a bias, a neuron",
            fix=fix or "Name one of a layer's, such as 'dense_1.weights[0,2]' or 'dense_1[2]'",
        )


def elementwise(op: Op, arrays: Mapping[str, Array], role: str) -> bool:
    """Return whether an op works on the numbers of a role element by element."""
    like = arrays[role]
    if not like.size:
        return False
    places = np.arange(like.size)
    halves = [places >> bit & 1 == side for bit in range(max(1, (like.size - 1).bit_length())) for side in (0, 1)]
    for values in _probes(op, arrays):
        y = _forward(op, values, like)
        refused = y is None
        for half in halves:  # any two places are apart in one of them
            moved = np.array(values[role])
            moved.reshape(-1)[half] *= 1.25
            again = _forward(op, {**values, role: moved}, like)
            if again is None:
                refused = True
            elif (again != y).reshape(-1)[~half].any():
                return False
        if not refused:
            return True
    return False


def _probes(op: Op, arrays: Mapping[str, Array]) -> list[dict[str, Array]]:
    """Return other numbers for the roles of an op, all above 0 and all below: what holds for them is no accident."""
    generator = np.random.default_rng(0)
    found = []
    for sign in (1, -1):
        found.append(
            {
                role: sign * generator.uniform(0.25, 1, array.shape)
                if op.differentiable(role) and array.dtype.kind == "f"
                else array
                for role, array in arrays.items()
            }
        )
    return found


def _forward(op: Op, values: Mapping[str, Array], like: Array) -> Array | None:
    """Return what an op computes; None if it refuses these numbers."""
    try:
        with np.errstate(all="ignore"):
            y = np.asarray(called(op, "", "forward", values))
    except Exception:  # a user's op may raise whatever it likes for numbers that it doesn't want
        return None
    return y if y.shape == like.shape else None


def _same_as(slopes: list[float], values: list[dict[str, Array]], role: str) -> tuple[str, int] | float | None:
    """Return the number of another role that a derivative equals for whatever values, or the constant that it is."""
    if len(slopes) < 2:
        return None
    if slopes[0] == slopes[1]:
        return float(slopes[0])
    for other, array in values[0].items():
        if other == role or array.dtype.kind != "f":
            continue
        places = np.flatnonzero(array == slopes[0])
        if len(places) == 1 and values[1][other].flat[places[0]] == slopes[1]:
            return other, int(places[0])
    return None
