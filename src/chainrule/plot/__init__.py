"""Pictures of data, networks, and what happens in them while they learn.

Each function returns a matplotlib Figure, and saves it where ``path=`` says, as PNG or SVG by the name's ending; the
same input gives the same bytes. ``title=`` replaces the title. The figure's ``show()`` shows it, in a notebook, on a
desktop, or as a file whose name is printed; ``save(path)`` writes it.

How well it learnt
    learning_curve(history)
    learning_curves({name: history})
    confusion_matrix(matrix, classes)
What it has learnt, for networks with two inputs
    decision_surface(network, X, y)
    neuron_surfaces(network, X, y, layer)
    hidden_space(network, X, y, layer)
    animation(X, y, path="xor.gif"), a callback for ``train``
    surface_text(network, X, y), in characters
What it has learnt, for any network
    weights(network, layer)
    saliency(network, X)
    network(network, x), its neurons and edges; network_svg(network, x), the same as an SVG element for a page
How it learns, or why it doesn't
    watched(watch), of ``cr.watch()``
    loss_along_gradient(network, X, y)
    learning_rate_range_test(result), of ``cr.learning_rate_range_test(network, X, y)``
    graph(network, x, y) or graph(loss)
For a picture of your own
    new_figure(width, height)

Pictures need the extra, ``pip install '.[plot]'`` in a clone; matplotlib is imported when one is drawn, not before.
"""

from chainrule.plot.axes import new_figure
from chainrule.plot.confusion import confusion_matrix
from chainrule.plot.curves import learning_curve, learning_curves, watched
from chainrule.plot.descent import loss_along_gradient
from chainrule.plot.graph_picture import graph
from chainrule.plot.hidden_layers import hidden_space, neuron_surfaces
from chainrule.plot.movie import Animation, animation
from chainrule.plot.network_picture import network
from chainrule.plot.network_svg import network_svg
from chainrule.plot.range_curve import learning_rate_range_test
from chainrule.plot.saliency_maps import saliency
from chainrule.plot.surface import decision_surface, surface_text
from chainrule.plot.weight_pictures import weights

__all__ = [
    "Animation",
    "animation",
    "confusion_matrix",
    "decision_surface",
    "graph",
    "hidden_space",
    "learning_curve",
    "learning_curves",
    "learning_rate_range_test",
    "loss_along_gradient",
    "network",
    "network_svg",
    "neuron_surfaces",
    "new_figure",
    "saliency",
    "surface_text",
    "watched",
    "weights",
]
