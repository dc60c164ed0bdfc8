"""The nodes below a node, in order, and as a flat list that pickles however deep the graph is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chainrule.graph.node import Node


def in_order(roots: Iterable[Node]) -> list[Node]:
    """Return every node below the roots, children before parents (iterative: depth doesn't matter)."""
    order: list[Node] = []
    seen: set[int] = set()
    stack = [(root, False) for root in reversed(list(roots))]
    while stack:
        node, children_done = stack.pop()
        if children_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack += [(child, False) for child in reversed(node.children.values()) if id(child) not in seen]
    return order


_OF_A_VECTOR = ("gradient_buffer", "guard")  # what a parameter has where it lies in somebody's vector
Flat = list[tuple[type[Node], dict[str, Any], dict[str, int]]]


def flatten(roots: Iterable[Node]) -> Flat:
    """Return the nodes below the roots as plain data: class, attributes, role -> place of the child in the list."""
    order = in_order(roots)
    place = {id(node): i for i, node in enumerate(order)}
    flat: Flat = []
    for node in order:
        attributes = {k: v for k, v in node.__dict__.items() if k not in ("children", "_graph", *_OF_A_VECTOR)}
        for key in ("_value", "_grad"):  # views of somebody's vector are saved as arrays of their own
            if attributes.get(key) is not None:
                attributes[key] = attributes[key].copy()
        flat.append((type(node), attributes, {role: place[id(c)] for role, c in node.children.items()}))
    return flat


def unflatten(flat: Flat) -> list[Node]:
    """Return the nodes that `flatten` took apart."""
    nodes: list[Node] = []
    for kind, attributes, children in flat:
        node = kind.__new__(kind)
        node.__dict__.update(attributes, children={r: nodes[i] for r, i in children.items()}, _graph=None)
        if hasattr(kind, "move"):
            node.__dict__.update(dict.fromkeys(_OF_A_VECTOR))
        nodes.append(node)
    return nodes


def root_of(flat: Flat) -> Node:
    """Return the last node of a flat list: its root."""
    return unflatten(flat)[-1]
