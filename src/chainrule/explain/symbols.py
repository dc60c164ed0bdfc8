"""What every node is called in formulas: the notation x, W⁽ˡ⁾, b⁽ˡ⁾, z⁽ˡ⁾, a⁽ˡ⁾, ŷ, y, C.

A node that uses parameters of its own is the weighted sum z of a layer; what follows it, until the next one, are
values a of that layer. What fits nowhere keeps its own name, and no two nodes share one.
"""

from __future__ import annotations

from chainrule.explain.anatomy import Anatomy
from chainrule.explain.notation import Math, Matrix, Symbol
from chainrule.graph import Parameter

_SHORT = {"weights": "W", "bias": "b"}


def symbols_of(anatomy: Anatomy) -> list[Symbol]:
    """Return the symbol of every node."""
    graph = anatomy.graph
    found: dict[int, Symbol] = {}
    taken: set[Symbol] = set()

    def call(place: int, symbol: Symbol) -> None:
        if place not in found:
            symbol = symbol if symbol not in taken else Symbol(anatomy.labels[place])
            found[place] = symbol
            taken.add(symbol)

    call(anatomy.root, Symbol("L" if anatomy.penalty else "C"))
    if anatomy.network is not None:
        prediction, target = list(anatomy.roles(anatomy.root).values())[:2]
        call(target, Symbol("y"))
        if not anatomy.network.objective.fused and graph.nodes[prediction].op is not None:
            call(prediction, Symbol("ŷ"))
    layer_of: dict[int, int] = {}
    layers = 0
    for place, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        roles = anatomy.roles(place)
        own = [child for child in roles.values() if isinstance(graph.nodes[child], Parameter)]
        if own:
            layers += 1
            layer_of[place] = layers
            call(place, Symbol("z", layers))
            for child in own:
                leaf = graph.nodes[child]
                short = leaf.name.rsplit(".", 1)[-1] if anatomy.network else leaf.name
                call(child, Symbol(_SHORT[short], layers) if short in _SHORT else Symbol(leaf.name))
            continue
        below = [layer_of[child] for child in roles.values() if child in layer_of]
        if len(below) == 1 and anatomy.network is not None:
            layer_of[place] = below[0]
            call(place, Symbol("a", below[0]))
    for place in range(len(graph.nodes)):
        call(place, Symbol(anatomy.labels[place]))
    return [found[place] for place in range(len(graph.nodes))]


def in_formula(anatomy: Anatomy, symbols: list[Symbol], place: int) -> Math:
    """Return what stands for a node in a formula: its symbol, or its number if it is an unnamed constant."""
    node = anatomy.graph.nodes[place]
    if node.op is None and not node.name and anatomy.values[place].size == 1:
        return Matrix(anatomy.values[place].reshape(()))
    return symbols[place]
