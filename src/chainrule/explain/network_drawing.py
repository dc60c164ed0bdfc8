"""The drawing of a network on the page of an explanation: its weights before the step, or the derivatives of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.explain.analysis import Analysis
from chainrule.graph import State
from chainrule.graph.node import Drawn
from chainrule.nn import Network

if TYPE_CHECKING:
    from chainrule.plot.network_layout import Highlight


def network_drawing(analysis: Analysis, language: str, show: str = "weights", highlight: Highlight = ()) -> str:
    """Return an SVG element with the network of an explanation and the numbers that the page explains.

    Parameters
    ----------
    analysis : Analysis
        Of a network. Of one sample the values stand in the neurons, unless some are dropped out.
    show : {"weights", "gradients"}
    highlight : iterable of (layer, i, j) or (layer, j)
        As for `cr.plot.network`; what is not drawn as neurons and edges is left out.

    Raises
    ------
    NonFiniteError
        If something that is drawn is NaN or infinite.
    """
    from chainrule.plot.network_layout import lay_out_network  # a heavy room, for the one form that draws
    from chainrule.plot.network_parts import parts_of
    from chainrule.plot.network_svg import as_svg

    graph = analysis.graph
    if show == "weights":
        numbers = {leaf.name: analysis.values[graph.place(leaf)] for leaf in graph.parameters}
    else:  # what arrives, penalties among it
        paths = {graph.nodes[place].name: analysis.paths[place] for place in analysis.parameters()}
        numbers = {name: np.sum([path.array for path in arriving], axis=0) for name, arriving in paths.items()}
    sample = analysis.values[graph.place(graph.inputs["x"])]
    random = any(isinstance(node, Drawn) for node in graph.nodes)
    shown = sample if len(sample) == 1 and not random else None
    parts = parts_of("explain", _before(analysis), shown, numbers, show)
    known = {link.layer for link in parts.links if link.weights is not None} | {column.name for column in parts.columns}
    return as_svg(lay_out_network(parts, language, [told for told in highlight if told[0] in known]), language)


def _before(analysis: Analysis) -> Network:
    """Return the network as it was before its step."""
    assert analysis.network is not None
    network = analysis.network.copy()
    for parameter, at in analysis.network.vector.places:
        network.parameters[at] = analysis.values[analysis.graph.place(parameter)].reshape(-1)
    for place, node in enumerate(analysis.graph.nodes):
        if isinstance(node, State):
            network.leaves[node.name]._value = analysis.values[place]
    return network
