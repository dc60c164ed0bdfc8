"""Cases of ops as terms of one graph: what is recorded, and compiled, is a graph's loss."""

from __future__ import annotations

from typing import Any

import numpy as np

import chainrule as cr
from chainrule.graph import Graph, Input, Node, Parameter
from tests.ops.cases import Case


def fits(case: Case) -> bool:
    """Whether a graph would take the case: some are there for the formula only."""
    try:
        case.op.check("case", **case.arrays)
    except cr.ChainruleError:
        return False
    return True


def term(case: Case, dtype: str, place: int) -> Node:
    """The case's op made one number, by weights of its own."""
    children: dict[str, Node] = {}
    for role, array in case.arrays.items():
        kept = array if array.dtype.kind in "iu" else array.astype(dtype)
        learnt = case.op.differentiable(role) and kept.dtype.kind == "f"
        name = f"{role}_of_{place}"
        children[role] = Parameter(name, kept) if learnt else Input(name, kept)
    node = Node(case.op, children, f"{case.op.name}_{place}")
    return cr.sum(x=node * cotangent(node.shape).astype(dtype))


def cotangent(shape: tuple[int, ...]) -> Any:
    """The derivative that a term sends back into its op."""
    return np.random.default_rng(1).uniform(0.5, 1.5, shape)


def graph_of(cases: list[Case], dtype: str) -> Graph:
    terms = [term(case, dtype, place) for place, case in enumerate(cases)]
    total = terms[0]
    for other in terms[1:]:
        total = total + other
    return Graph(total)
