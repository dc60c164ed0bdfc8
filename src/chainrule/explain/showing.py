"""A drawing in text of what lies below a node.

A chain runs straight down; only where several computed nodes meet is a branch drawn aside, the shorter one. The walk
is iterative, so depth does not matter.
"""

from __future__ import annotations

from chainrule import checks
from chainrule.errors import printable
from chainrule.explain.notation import number
from chainrule.graph import Graph, Node
from chainrule.graph.flatten import in_order
from chainrule.nn import Network


def show(of: Node | Graph | Network, *, width: int = 100) -> str:
    """Return a drawing of a node and everything below it.

    Parameters
    ----------
    of : Node or Graph or Network
        Of a network, its training graph, with what the last step left in it.
    width : int, default 100
        Where lines should end: the leaves of a longer one follow below it.

    Returns
    -------
    str
        A line a computed node: its name, its op, its shape (its value, if it is one number), and its leaves by role.
        A node that several use is drawn once; elsewhere ``↑`` and its name stand for it.

    Examples
    --------
    >>> import chainrule as cr
    >>> x, w = cr.Input("x", [[1.0, 2.0]]), cr.Parameter("w", [[3.0], [4.0]])
    >>> print(show(cr.mean(x=cr.tanh(z=x @ w, name="a"), name="loss")))
    loss   Mean = 1
    │ x
    a      Tanh (1, 1) = 1
    │ z
    matmul Matmul (1, 1) = 11   a: x (1, 2)   b: w (2, 1)
    """
    width = checks.whole("show width", width, least=20)
    graph = of.graph() if isinstance(of, Network) else of
    root = graph.root if isinstance(graph, Graph) else graph
    node: Node = checks.instance("show", root, Node, "a network, or the node of a loss")
    order = in_order([node])
    depths: dict[int, int] = {}
    for below in order:
        depths[id(below)] = 1 + max((depths[id(c)] for c in below.children.values() if c.children), default=0)
    names = min(max(len(printable(n.name)) for n in order if n.op is not None or n is node), 24)
    lines: list[str] = []
    drawn: set[int] = set()
    stack = [("", "", node)]
    while stack:
        margin, role, current = stack.pop()
        if role:
            lines.append(f"{margin}│ {role}")
        name = printable(current.name) or "constant"
        if id(current) in drawn and current.children:
            lines.append(f"{margin}↑ {name}")
            continue
        drawn.add(id(current))
        leaves = [f"{r}: {_leaf(c)}" for r, c in current.children.items() if not c.children]
        kind = type(current.op or current).__name__
        branches = [(r, c) for r, c in current.children.items() if c.children]
        lines += _fitted(
            f"{margin}{name.ljust(names)} {kind}{_size(current)}", leaves, margin + "│" * bool(branches), width
        )
        branches.sort(key=lambda branch: -depths[id(branch[1])])  # the deepest runs straight on, and comes last
        for i, (branch, child) in enumerate(branches):
            aside = margin + "│   " * (i > 0)
            stack.append((aside, branch, child))
    return "\n".join(line.rstrip() for line in lines)


def _fitted(line: str, leaves: list[str], margin: str, width: int) -> list[str]:
    """Return a line with its leaves; where there are too many for it, each leaf below."""
    whole = "   ".join([line, *leaves])
    return [whole] if len(whole) <= width else [line, *(f"{margin.ljust(len(margin) + 4)}{leaf}" for leaf in leaves)]


def _size(node: Node) -> str:
    shape = f" {node.shape}" if node.shape else ""
    return shape + (f" = {number(node.value.reshape(())[()])}" if node.value.size == 1 else "")


def _leaf(node: Node) -> str:
    name = printable(node.name)
    if not name and node.value.size == 1:
        return number(node.value.reshape(())[()])
    return f"{name or 'constant'} {node.shape}"
