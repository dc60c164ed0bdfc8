"""Layers made of layers: skip connections and branches that still save, copy and export."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.graph.node import Node
from chainrule.nn.dense import checked_name
from chainrule.nn.layer import Layer, LayerLike, chain, checked_layers
from chainrule.ops.arithmetic import Add
from chainrule.ops.shaping import Concatenate as ConcatenateOp


class Residual(Layer):
    """y = x + layers(x): a skip connection.

    K. He et al., *Deep residual learning for image recognition*, 2016, equation 1.

    Parameters
    ----------
    layers : sequence of layers
        Their output has as many features as their input.
    name : str, optional
    """

    def __init__(self, layers: Sequence[LayerLike], *, name: str | None = None) -> None:
        self.layers = checked_layers("Residual", layers)
        self.name = checked_name("Residual", name)

    def forward(self, x: Node) -> Node:
        return Node(Add(), {"a": x, "b": chain(self.layers, x)[-1]}, self.path)


class Concatenate(Layer):
    """The outputs of several branches, each fed with the same input, side by side.

    Parameters
    ----------
    branches : sequence of layers, or of sequences of layers
        An empty branch, ``[]``, passes the input on as it is.
    name : str, optional
    """

    def __init__(self, branches: Sequence[LayerLike | Sequence[LayerLike]], *, name: str | None = None) -> None:
        self.branches = [checked_layers("Concatenate", branch) for branch in branches]
        self.name = checked_name("Concatenate", name)

    def forward(self, x: Node) -> Node:
        parts = [chain(branch, x)[-1] for branch in self.branches]
        return Node(ConcatenateOp(axis=1), {f"parts{i}": part for i, part in enumerate(parts)}, self.path)
