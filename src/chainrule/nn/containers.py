"""Layers made of layers: skip connections and branches that still save, copy and export."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.errors import InputError, ShapeError
from chainrule.graph.node import Node
from chainrule.nn.dense import checked_name
from chainrule.nn.layer import Layer, LayerLike, chain, checked_layers, ending, leading, range_of
from chainrule.ops.arithmetic import Add
from chainrule.ops.op import Range
from chainrule.ops.shaping import Concatenate
from chainrule.settings import Fixed


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

    @property
    def leading(self) -> str | None:
        return leading(self.layers)

    def range_of(self, given: Range | None) -> Range | None:
        inside = range_of(self.layers, given)
        return None if given is None or inside is None else (given[0] + inside[0], given[1] + inside[1])

    def forward(self, x: Node) -> Node:
        inside = chain(self.layers, x)[-1]
        if inside.shape != x.shape:
            raise ShapeError(
                f"Residual {self.path!r}",
                given=f"{inside.shape[1:]} from its layers for samples of shape {x.shape[1:]}",
                expected="the same shape, so that the two can be added",
                fix="Let its last layer have as many outputs as its first has inputs",
            )
        return Node(Add(), {"a": x, "b": inside}, self.path)


class Branches(Layer):
    """The outputs of several branches, each fed with the same input, side by side: joined along the last axis.

    Parameters
    ----------
    branches : sequence of layers, or of sequences of layers
        An empty branch, ``[]``, passes the input on as it is.
    name : str, optional
    """

    def __init__(self, branches: Sequence[LayerLike | Sequence[LayerLike]], *, name: str | None = None) -> None:
        if not isinstance(branches, (list, tuple)) or not branches:
            raise InputError(
                "Branches",
                given=repr(branches)[:80],
                expected="a list of branches",
                fix="Pass for example [[], [cr.Dense(8), cr.Tanh()]]",
            )
        self.branches = Fixed(checked_layers("Branches", branch) for branch in branches)
        self.name = checked_name("Branches", name)

    @property
    def leading(self) -> str | None:
        return next((name for name in map(leading, self.branches) if name), None)

    @property
    def ending(self) -> LayerLike:
        first, *others = (ending(branch) for branch in self.branches)
        return self if first is None or any(type(other) is not type(first) for other in others) else first

    def range_of(self, given: Range | None) -> Range | None:
        ranges = [range_of(branch, given) for branch in self.branches]
        known = [found for found in ranges if found is not None]
        return None if len(known) < len(ranges) else (min(low for low, _ in known), max(high for _, high in known))

    def forward(self, x: Node) -> Node:
        parts = [chain(branch, x)[-1] for branch in self.branches]
        axis = 1 if len(x.shape) == 2 else -1  # the features
        return Node(Concatenate(axis), {f"parts{i}": part for i, part in enumerate(parts)}, self.path)
