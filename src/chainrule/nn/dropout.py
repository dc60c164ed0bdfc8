"""Dropout: in training each value is left out with some probability, so that no neuron can lean on another.

Left on in prediction, it shows how far the answers of the many thinned networks lie apart: ``cr.predict(samples=)``.
"""

from __future__ import annotations

import numpy as np

from chainrule import checks
from chainrule.graph.node import Drawn, Node
from chainrule.nn.dense import checked_name
from chainrule.nn.layer import Layer
from chainrule.ops.arithmetic import Multiply
from chainrule.ops.op import Array, Range


class Mask(Drawn):
    """A factor for each value: 0 where it is left out, 1 / (1 − rate) where it stays."""

    def __init__(self, name: str, like: Node, rate: float, generator: np.random.Generator) -> None:
        super().__init__(name, np.ones(like.shape, like.dtype))
        self.rate, self.generator = rate, generator

    def refill(self, samples: int) -> None:
        """Draw the mask anew for so many samples."""
        self._value = self.drawn(samples)

    def drawn(self, samples: int) -> Array:
        kept = self.generator.random((samples, *self.shape[1:]), dtype=np.float32) >= self.rate
        return np.multiply(kept, 1 / (1 - self.rate), dtype=self.dtype)


class Dropout(Layer):
    """Leave out each value with probability `rate` while training; scale the others so that the mean stays.

    N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, 2014 (with the
    scaling in training, so that prediction needs none).

    Parameters
    ----------
    rate : float
        From 0 to below 1.
    name : str, optional
    """

    keeps_shape = True

    def __init__(self, rate: float = 0.5, *, name: str | None = None) -> None:
        self.rate = checks.number("Dropout rate", rate, least=0, below=1, like=0.2)
        self.name = checked_name("Dropout", name)

    @property
    def ending(self) -> None:
        return None

    def range_of(self, given: Range | None) -> Range | None:
        return given  # in prediction

    def forward(self, x: Node) -> Node:
        if not self.scope.draws or self.rate == 0:
            return x
        uses = self.scope.uses  # the layer may be used more than once in a network
        uses[self.path] = uses.get(self.path, 0) + 1
        name = f"{self.path}.mask" + (f"_{uses[self.path]}" if uses[self.path] > 1 else "")
        mask = Mask(name, x, self.rate, self.scope.generators[self.path])
        if self.scope.live:
            mask.refill(len(x.value))
        return Node(Multiply(), {"a": x, "b": mask}, self.path)
