"""The dense layer: every output is a weighted sum of all inputs."""

from __future__ import annotations

import math
import re
from typing import Any

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.graph.node import Node, Parameter
from chainrule.nn.initializers import Initializer, Zeros, as_initializer, initializer_before
from chainrule.nn.layer import Layer, LayerLike, apply, as_activation
from chainrule.ops.linear import Linear
from chainrule.ops.op import Op, Range


class Dense(Layer):
    """y = x @ weights + bias, and the activation of that, if there is one.

    x is (samples, …, inputs): what lies between, such as time, is treated alike.

    Parameters
    ----------
    units : int
        How many outputs: neurons, each with weights of its own.
    activation : Op or str, optional
        What the sums go through: ``cr.ReLU()`` or ``"relu"``. Left out, nothing; an activation may as well be a layer
        of its own.
    inputs : int, optional
        How many features a sample has. If left out, the first samples say it.
    use_bias : bool, default True
    initializer : Initializer or str, optional
        How the weights start. If left out it suits what follows: `He` before relu and its relatives, `LeCun`
        before selu, else `Glorot`.
    bias_initializer : Initializer or str, optional
        How the bias starts: zeros if left out.
    l1, l2 : float, optional
        Penalties on these weights, instead of the network's.
    name : str, optional
        What summaries, pictures and errors call it.

    Attributes
    ----------
    weights, bias : Parameter
        (inputs, units) and (units,); there once the layer is built.

    Raises
    ------
    InputError
        If a size is not a whole number of at least 1.
    ShapeError
        If it is applied to samples of another size than `inputs`.

    Examples
    --------
    >>> from chainrule.graph import Input
    >>> Dense(16, inputs=3)(Input("x", [[1.0, 2.0, 3.0]])).shape
    (1, 16)
    >>> Dense(16, "relu")
    Dense(16, activation=ReLU())
    """

    weights: Parameter
    bias: Parameter

    def __init__(
        self,
        units: int,
        activation: Op | str | None = None,
        *,
        inputs: int | None = None,
        use_bias: bool = True,
        initializer: Initializer | str | None = None,
        bias_initializer: Initializer | str | None = None,
        l1: float | None = None,
        l2: float | None = None,
        name: str | None = None,
    ) -> None:
        self.units = checks.whole("Dense units", units)
        self.activation = None if activation is None else _activation(units, activation)
        self.inputs = None if inputs is None else checks.whole("Dense inputs", inputs)
        self.use_bias = bool(use_bias)
        self.initializer = None if initializer is None else as_initializer("Dense initializer", initializer)
        self.bias_initializer = (
            None if bias_initializer is None else as_initializer("Dense bias_initializer", bias_initializer)
        )
        self.l1 = None if l1 is None else checks.number("Dense l1", l1, least=0)
        self.l2 = None if l2 is None else checks.number("Dense l2", l2, least=0)
        self.name = checked_name("Dense", name)

    @classmethod
    def _expect_call(cls, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if len(args) > 2 and isinstance(args[1], int):
            _activation(args[0], args[1], args[2])

    def __repr__(self) -> str:
        return re.sub(r"^(\w+)\(units=", r"\1(", super().__repr__())

    @property
    def leading(self) -> str:
        return Linear.name

    @property
    def ending(self) -> LayerLike:
        return self if self.activation is None or self.activation.hands_on else self.activation

    @property
    def output_op(self) -> Op | None:
        return self.activation

    def range_of(self, given: Range | None) -> Range | None:
        sums = -math.inf, math.inf
        return sums if self.activation is None else self.activation.range_of(sums)

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
                expected=f"{self.inputs}, as in Dense({self.units}, inputs={self.inputs})",
                fix="Put cr.Flatten() before it, which makes a row of each sample"
                if math.prod(shape) == self.inputs
                else f"Build Dense({self.units}, inputs={features}), or Dense({self.units}), which infers its inputs",
            )
        following = self.scope.following if self.activation is None else self.activation.name
        initializer = self.initializer or initializer_before(following)
        self.weights = self.parameter("weights", (features, self.units), initializer, penalised=True)
        if self.use_bias:
            self.bias = self.parameter("bias", (self.units,), self.bias_initializer or Zeros())

    def forward(self, x: Node) -> Node:
        sums = Node(Linear(), {"x": x, **self.leaves}, self.path)
        return sums if self.activation is None else apply(self.activation, sums)


def _activation(units: Any, activation: Any, then: Any = None) -> Op:
    """Return an activation; two sizes, as a layer of inputs and outputs would have them, are told apart."""
    if isinstance(activation, int):
        last = "" if then is None else f", {'cr.' * isinstance(then, Op)}{then!r:.30}"
        written = f"cr.Dense({activation!r:.20}{last}"
        raise InputError(
            "Dense",
            given=f"Dense({units!r:.20}, {activation!r:.20}{last})",
            expected="one size, the number of its outputs: the inputs are inferred",
            fix=f"Write {written}), or {written}, inputs={units!r:.20})",
        )
    return as_activation("Dense activation", activation)


def checked_name(where: str, name: str | None, fix: str = "Pass name='hidden'") -> str | None:
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
        fix=fix,
    )
