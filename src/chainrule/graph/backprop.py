"""Backpropagation: the one walk through a graph, forward to its values and back to its derivatives.

It knows the order, and to whom each derivative goes; what an array is, it leaves to others. Plain arrays are computed
at once (`PlainArrays`, below); recording arrays note what would be computed, for replay. Both take the same walk, so
both meet the same checks. A walk holds no values of its own: any number of threads may take it at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from chainrule.errors import DerivativeError
from chainrule.graph.calls import called, checked_forward
from chainrule.graph.node import Node
from chainrule.ops.op import Array, Op

Values = list[Any]
Roles = dict[str, Any]
Step = tuple[int, Op, list[tuple[str, int]], list[tuple[str, int, bool]]]
Handed = tuple[str, int, bool, Any]


class Arrays(Protocol):
    """What a walk asks of a kind of arrays: to apply an op to them, and to gather derivatives."""

    def forward(self, i: int, op: Op, roles: Roles) -> Any:
        """Return the value of node `i`."""

    def backward(self, i: int, op: Op, dy: Any, y: Any, roles: Roles, wanted: list[str]) -> Any:
        """Return role -> derivative, of the wanted roles at least, as the op says."""

    def taken(self, part: Any) -> Any:
        """Return a derivative that an op has returned as an array of this kind."""

    def first(self, j: int, part: Any) -> Any:
        """Return what keeps the first derivative that arrives at node `j`."""

    def added(self, total: Any, part: Any) -> Any:
        """Return what keeps a derivative and one more."""


class Backpropagation:
    """The way forward and back through nodes.

    Parameters
    ----------
    nodes : sequence of Node
        Children before parents.
    root : int
        Place of the node whose derivative goes back.
    wanted : set of int
        Places of the nodes whose gradient somebody asked for, or that lie on the way to one.

    Attributes
    ----------
    forward_plan : list of (place, op, [(role, place of the child)])
    backward_plan : list of (place, op, [(role, place of the child)], [(role, place of the child, first)])
        The last are the edges that a derivative goes along, decided beforehand: the first to arrive is written, later
        ones are added.
    arrivals : Counter
        How many derivatives arrive at each place.
    reached : set of int
        The places at which one does, and somebody wants it.
    """

    def __init__(self, nodes: Sequence[Node], root: int, wanted: set[int]) -> None:
        place = {id(node): i for i, node in enumerate(nodes)}
        self.nodes = nodes
        self.forward_plan = [
            (i, node.op, [(role, place[id(child)]) for role, child in node.children.items()])
            for i, node in enumerate(nodes)
            if node.op is not None
        ]
        self.backward_plan: list[Step] = []
        self.arrivals: Counter[int] = Counter()
        reached = {root}
        for i, op, children in reversed(self.forward_plan):
            if i not in wanted or i not in reached:
                continue
            edges = []
            for role, j in children:
                if j in wanted and op.differentiable(role):
                    edges.append((role, j, j not in reached))
                    self.arrivals[j] += 1
                    reached.add(j)
            self.backward_plan.append((i, op, children, edges))
        self.reached = reached & wanted

    def plain(self, buffers: Mapping[int, Array] | None = None, *, check: bool = False) -> PlainArrays:
        """Return plain arrays for this walk; `check` has ops look at shapes and dtypes that they have not met yet."""
        return PlainArrays(self, buffers or {}, check)

    def forward(self, values: Values, arrays: Arrays | None = None) -> None:
        """Fill in the values of all nodes with an op; the leaves' are there already."""
        arrays = arrays or self.plain()
        with np.errstate(all="ignore"):
            for i, op, children in self.forward_plan:
                values[i] = arrays.forward(i, op, {role: values[j] for role, j in children})

    def backward(self, values: Values, root: int, dy: Any, arrays: Arrays | None = None) -> Values:
        """Return the derivative of each node that is reached, `dy` having arrived at the root."""
        arrays = arrays or self.plain()
        gradients: Values = [None] * len(values)
        gradients[root] = dy
        with np.errstate(all="ignore"):
            for step in self.backward_plan:
                for _, j, first, part in self.handed_on(step, values, gradients, arrays):
                    gradients[j] = arrays.first(j, part) if first else arrays.added(gradients[j], part)
        return gradients

    def handed_on(self, step: Step, values: Values, gradients: Values, arrays: Arrays) -> list[Handed]:
        """Return what a node hands on of the derivative that has arrived at it: to each child in a role, its own."""
        i, op, children, edges = step
        roles = {role: values[j] for role, j in children}
        parts = arrays.backward(i, op, gradients[i], values[i], roles, [role for role, _, _ in edges])
        return [(role, j, first, self._part(i, role, parts, roles[role], arrays)) for role, j, first in edges]

    def handed(self, values: Values, gradients: Values) -> dict[tuple[int, str], tuple[int, Array]]:
        """Return (node, role) -> the child in that role, and the derivative handed to it, before any are added up.

        `gradients` is what `backward` returned; so each op is asked once more.
        """
        found: dict[tuple[int, str], tuple[int, Array]] = {}
        arrays = self.plain()
        with np.errstate(all="ignore"):
            for step in self.backward_plan:
                for role, j, _, part in self.handed_on(step, values, gradients, arrays):
                    found[step[0], role] = j, part.copy()
        return found

    def _part(self, i: int, role: str, parts: Any, array: Any, arrays: Arrays) -> Any:
        """Return one role's derivative, refused unless it looks like the role's array."""
        part = arrays.taken(parts[role]) if isinstance(parts, Mapping) and role in parts else None
        if part is not None and part.shape == array.shape and part.dtype == array.dtype:
            return part
        if part is not None:
            given = f"shape {part.shape} in {part.dtype}"
        elif hasattr(parts, "shape"):
            given = f"ndarray of shape {parts.shape}, no dict,"
        elif isinstance(parts, Mapping):
            given = f"dict of {', '.join(map(str, parts)) or 'nothing'}"
        else:
            given = type(parts).__name__ + ("" if isinstance(parts, (tuple, list)) else f" {parts!r:.60}")
        raise DerivativeError(
            self.nodes[i].where,
            given=f"{given} from backward as the derivative by {role}",
            expected=f"shape {array.shape} in {array.dtype}, like {role} itself",
            fix=f"Let backward return dict({role}=…), summed over whatever was broadcast",
        )


class PlainArrays:
    """NumPy's own arrays: what an op computes is there at once.

    Parameters
    ----------
    walk : Backpropagation
    buffers : mapping of int to ndarray
        Where the derivatives of some nodes are to be written.
    check : bool
        Whether ops look at shapes and dtypes first.
    """

    def __init__(self, walk: Backpropagation, buffers: Mapping[int, Array], check: bool) -> None:
        self.walk, self.buffers, self.check = walk, buffers, check
        self._others: set[int] = set()  # arrays that are somebody else's already

    def forward(self, i: int, op: Op, roles: Roles) -> Array:
        where = self.walk.nodes[i].where
        if self.check:
            return checked_forward(op, where, roles)
        return np.asarray(called(op, where, "forward", roles))

    def backward(self, i: int, op: Op, dy: Array, y: Array, roles: Roles, wanted: list[str]) -> Any:
        self._others = {id(dy), id(y), *map(id, roles.values())}
        return called(op, self.walk.nodes[i].where, "backward", roles, dy, y)

    def taken(self, part: Any) -> Array:
        return np.asarray(part)

    def first(self, j: int, part: Array) -> Array:
        if j in self.buffers:
            self.buffers[j][...] = part
            return self.buffers[j]
        # Each gradient owns its memory, whatever the op returned.
        owned = part.flags.owndata and id(part) not in self._others and self.walk.arrivals[j] == 1
        # The order of the axes in memory stays, as it does when replayed: a product's last bits depend on it.
        kept = part if owned else part.copy(order="K")
        self._others.add(id(kept))
        return kept

    def added(self, total: Array, part: Array) -> Array:
        total += part
        return total
