"""The dense layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

import math
import re

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.graph.node import Node, Parameter
from chainrule.nn.initializers import Initializer, Zeros, initializer_before
from chainrule.nn.layer import Layer
from chainrule.ops.linear import Linear
from chainrule.ops.op import Range


class Dense(Layer):
    """y = x @ weights + bias.

    x is (samples, …, inputs): what lies between, such as time, is treated alike.

    Parameters
    ----------
    inputs, outputs : int
        ``Dense(3, 16)``; or only the outputs, ``Dense(16)``, and the inputs are inferred.
    use_bias : bool, default True
    initializer : Initializer, optional
        How the weights start. If left out it suits what follows: `He` before relu and its relatives, `LeCun`
        before selu, else `Glorot`.
    bias_initializer : Initializer, optional
        How the bias starts: zeros if left out.
    l1, l2 : float, optional
        Penalties on these weights, instead of the network's.
    name : str, optional
        What summaries, pictures and errors call it.

    Attributes
    ----------
    weights, bias : Parameter
        (inputs, outputs) and (outputs,); there once the layer is built.

    Raises
    ------
    InputError
        If a size is not a whole number of at least 1.
    ShapeError
        If it is applied to samples of another size than `inputs`.

    Examples
    --------
    >>> from chainrule.graph import Input
    >>> Dense(3, 16)(Input("x", [[1.0, 2.0, 3.0]])).shape
    (1, 16)
    """

    weights: Parameter
    bias: Parameter

    def __init__(
        self,
        inputs: int | None = None,
        outputs: int | None = None,
        *,
        use_bias: bool = True,
        initializer: Initializer | None = None,
        bias_initializer: Initializer | None = None,
        l1: float | None = None,
        l2: float | None = None,
        name: str | None = None,
    ) -> None:
        if outputs is None:
            inputs, outputs = None, inputs
        self.inputs = None if inputs is None else checks.whole("Dense inputs", inputs)
        self.outputs = checks.whole("Dense outputs", outputs)
        self.use_bias = bool(use_bias)
        for role, given in (("initializer", initializer), ("bias_initializer", bias_initializer)):
            if given is not None:
                checks.instance(f"Dense {role}", given, Initializer, "cr.He()")
        self.initializer, self.bias_initializer = initializer, bias_initializer
        self.l1 = None if l1 is None else checks.number("Dense l1", l1, least=0)
        self.l2 = None if l2 is None else checks.number("Dense l2", l2, least=0)
        self.name = checked_name("Dense", name)

    def __repr__(self) -> str:
        return re.sub(r"(inputs|outputs)=", "", super().__repr__())

    @property
    def leading(self) -> str:
        return Linear.name

    def range_of(self, given: Range | None) -> Range:
        return -math.inf, math.inf

    def build(self, shape: tuple[int, ...]) -> None:
        if not shape:
            raise ShapeError(
                f"Dense {self.path!r}",
                given="samples that are single numbers",
                expected="samples that are rows of features",
                fix="Reshape them to (samples, 1)",
            )
        features = shape[-1]
        if self.inputs not in (None, features):
            raise ShapeError(
                f"Dense {self.path!r}",
                given=f"samples {f'of shape {shape} ' if len(shape) > 1 else ''}with {features} features",
                expected=f"{self.inputs}, as in Dense({self.inputs}, {self.outputs})",
                fix="Put cr.Flatten() before it, which makes a row of each sample"
                if math.prod(shape) == self.inputs
                else f"Build Dense({features}, {self.outputs}), or Dense({self.outputs}), which infers its inputs",
            )
        initializer = self.initializer or initializer_before(self.scope.following)
        self.weights = self.parameter("weights", (features, self.outputs), initializer, penalised=True)
        if self.use_bias:
            self.bias = self.parameter("bias", (self.outputs,), self.bias_initializer or Zeros())

    def forward(self, x: Node) -> Node:
        return Node(Linear(), {"x": x, **self.leaves}, self.path)


def checked_name(where: str, name: str | None) -> str | None:
    """Return a layer's name if it can be part of ``network.name.parameter``."""
    if name is None:
        return name
    good = isinstance(name, str) and name.isprintable() and not name.startswith("__")
    if good and name and not any(mark in name for mark in ".:/\\"):
        return name
    raise InputError(
        f"{where} name",
        given=repr(name)[:80],
        expected="a printable text without dots, colons and slashes, that doesn't begin with two underscores",
        fix="Pass name='hidden'",
    )
