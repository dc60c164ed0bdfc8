"""PReLU: a rectifier that learns how steep it is below 0."""

from __future__ import annotations

import math

from chainrule import checks
from chainrule.graph.node import Node, Parameter
from chainrule.nn.dense import checked_name
from chainrule.nn.initializers import Constant, Initializer
from chainrule.nn.layer import Layer
from chainrule.ops.activations import PReLU as PReLUOp
from chainrule.ops.op import Range


class PReLU(Layer):
    """y = z where z > 0, else slope · z, with a slope for each feature that is learnt.

    K. He et al., *Delving deep into rectifiers*, 2015.

    Parameters
    ----------
    initializer : Initializer, optional
        How the slopes start: at 0.25 if left out.
    name : str, optional
        What summaries, pictures and errors call it.

    Attributes
    ----------
    slope : Parameter
        (features,); there once the layer is built. It is not penalised: a penalty would pull it to a plain relu.

    Examples
    --------
    >>> from chainrule.graph import Input
    >>> PReLU()(Input("z", [[-2.0, 3.0]])).value
    array([[-0.5,  3. ]], dtype=float32)
    """

    slope: Parameter

    def __init__(self, initializer: Initializer | None = None, *, name: str | None = None) -> None:
        if initializer is not None:
            checks.instance("PReLU initializer", initializer, Initializer, "cr.Constant(0.25)")
        self.initializer = initializer
        self.name = checked_name("PReLU", name)

    def range_of(self, given: Range | None) -> Range | None:
        return -math.inf, math.inf

    @property
    def leading(self) -> str:
        return PReLUOp.name

    def build(self, shape: tuple[int, ...]) -> None:
        self.slope = self.parameter("slope", shape[-1:], self.initializer or Constant(0.25))

    def forward(self, x: Node) -> Node:
        return Node(PReLUOp(), {"z": x, "slope": self.slope}, self.path)
