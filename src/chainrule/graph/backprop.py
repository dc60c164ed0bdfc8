"""Running a graph by calling its ops, one after the other.

A plan of indices into lists of arrays: it holds no values of its own, so any number of threads may run it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError
from chainrule.graph.node import Node, checked_forward
from chainrule.ops.op import Array

Values = list[Any]


class Calls:
    """The calls that take values forward and derivatives back through nodes in order.

    Parameters
    ----------
    nodes : sequence of Node
        Children before parents.
    root : int
        Place of the node whose derivative goes back.
    wanted : set of int
        Places of the nodes whose gradient somebody asked for, or that lie on the way to one.
    """

    def __init__(self, nodes: Sequence[Node], root: int, wanted: set[int]) -> None:
        place = {id(node): i for i, node in enumerate(nodes)}
        self.nodes = nodes
        self.forward_plan = [
            (i, node.op, [(role, place[id(child)]) for role, child in node.children.items()])
            for i, node in enumerate(nodes)
            if node.op is not None
        ]
        # Decided beforehand, edge by edge: the first gradient to arrive is written, later ones are added.
        reached = {root}
        self.backward_plan = []
        self.several: set[int] = set()  # the nodes at which more than one gradient arrives
        for i, op, children in reversed(self.forward_plan):
            if i not in wanted or i not in reached:
                continue
            edges = []
            for role, j in children:
                if j in wanted and op.differentiable(role):
                    edges.append((role, j, j not in reached))
                    (self.several if j in reached else reached).add(j)
            self.backward_plan.append((i, op, children, edges))
        self.reached = reached & wanted

    def forward(self, values: Values, check: bool) -> None:
        """Fill in the values of all nodes with an op; the leaves' are there already."""
        with np.errstate(all="ignore"):
            for i, op, children in self.forward_plan:
                arrays = {role: values[j] for role, j in children}
                if check:
                    values[i] = checked_forward(op, self.nodes[i].where, arrays)
                else:
                    values[i] = np.asarray(op.forward(**arrays))

    def backward(self, values: Values, root: int, dy: Array, buffers: dict[int, Array]) -> Values:
        """Return each node's derivative, written into `buffers` where there is one for it."""
        gradients: Values = [None] * len(values)
        gradients[root] = dy
        with np.errstate(all="ignore"):
            for i, op, children, edges in self.backward_plan:
                arrays = {role: values[j] for role, j in children}
                parts = op.backward(gradients[i], values[i], **arrays)
                taken = {id(gradients[i]), id(values[i]), *map(id, arrays.values())}
                for role, j, first in edges:
                    part = self.part(i, role, parts, arrays[role])
                    if not first:
                        gradients[j] += part
                    elif j in buffers:
                        gradients[j] = buffers[j]
                        gradients[j][...] = part
                    else:  # each gradient owns its memory, whatever the op returned
                        owned = part.flags.owndata and id(part) not in taken and j not in self.several
                        gradients[j] = part if owned else part.copy()
                        taken.add(id(gradients[j]))
        return gradients

    def handed(self, values: Values, gradients: Values) -> dict[tuple[int, str], tuple[int, Array]]:
        """Return (node, role) -> the child in that role, and the derivative handed to it, before any are added up.

        `gradients` is what `backward` returned; so each op is asked once more.
        """
        found: dict[tuple[int, str], tuple[int, Array]] = {}
        with np.errstate(all="ignore"):
            for i, op, children, edges in self.backward_plan:
                parts = op.backward(gradients[i], values[i], **{role: values[j] for role, j in children})
                found |= {(i, role): (j, self.part(i, role, parts, values[j]).copy()) for role, j, _ in edges}
        return found

    def part(self, i: int, role: str, parts: dict[str, Any], array: Array) -> Array:
        """Return one role's derivative, refused unless it looks like the role's array."""
        part = np.asarray(parts[role]) if isinstance(parts, Mapping) and role in parts else None
        if part is not None and part.shape == array.shape and part.dtype == array.dtype:
            return part
        given = f"{type(parts).__name__} {parts!r:.60}" if part is None else f"shape {part.shape} in {part.dtype}"
        raise DerivativeError(
            self.nodes[i].where,
            given=f"{given} from backward as the derivative by {role}",
            expected=f"shape {array.shape} in {array.dtype}, like {role} itself",
            fix=f"Let backward return dict({role}=…), summed over whatever was broadcast",
        )
