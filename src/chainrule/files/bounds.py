"""How large a network would be, found out before it is made: a file of a kilobyte must not ask for a terabyte.

The layers are walked as the network would walk them when it is built, but without making any parameters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from chainrule.errors import InputError
from chainrule.nn import Branches, Dense, Dropout, Heads, Network, PReLU, Rescale, Residual
from chainrule.nn.layer import LayerLike
from chainrule.ops import Op

Shape = tuple[int, ...]

MOST_USES = 20_000
_SPARE = 1 << 20  # values that passing one sample through may make, beyond as many as there are parameters


@dataclass
class Size:
    """What layers need for a sample, counted while they are walked.

    Attributes
    ----------
    most : int
        How many parameters and states there may be.
    parameters, states : int
        How many numbers are learnt, and how many are kept without being learnt.
    known : bool
        Whether that is all: False if a layer that is no part of chainrule may make some of its own.
    """

    most: int
    parameters: int = 0
    states: int = 0
    known: bool = True
    _values: int = 0
    _uses: int = 0
    _counted: set[int] = field(default_factory=set)

    def chain(self, layers: Sequence[LayerLike], shape: Shape | None, dtype: str) -> Shape | None:
        """Walk layers one after the other; return the shape of the output, None if it can't be known.

        Raises
        ------
        InputError
            As soon as there is more than there may be, or when shapes don't fit.
        """
        self._pass(shape)
        for layer in layers:
            shape = self._apply(layer, shape, dtype)
            self._pass(shape)
        return shape

    def _apply(self, layer: LayerLike, shape: Shape | None, dtype: str) -> Shape | None:
        if isinstance(layer, Network):
            return self.chain(layer.layers, shape, dtype)
        # Layers by their exact class: what a subclass makes of itself can't be known.
        if type(layer) is Dense:
            return self._dense(layer, shape)
        if type(layer) is Residual:
            self.chain(layer.layers, shape, dtype)
            return shape
        if type(layer) is Branches:
            if layer.shapes is not None and shape != layer.sample_shape:
                raise InputError(
                    repr(layer)[:80],
                    given=f"samples of shape {shape}",
                    expected=f"{layer.sample_shape}, its inputs side by side",
                    fix="Correct it",
                )
            fed = layer.input_shapes(shape)
            shapes = [self.chain(*pair, dtype) for pair in zip(layer.branches, fed, strict=True)]
            first = shapes[0]
            if None in shapes or first is None or () in shapes:
                return None
            return (*first[:-1], sum(part[-1] for part in shapes if part))
        if type(layer) is Heads:
            shapes = [self.chain(head, shape, dtype) for head in layer.branches]
            return None if None in shapes else (sum(math.prod(part) for part in shapes if part is not None),)
        if type(layer) is PReLU and shape:
            self._count(layer, parameters=shape[-1])
            return shape
        if type(layer) is Rescale:
            self._count(layer, states=sum(int(np.size(value)) for value in layer.states().values()))
            return shape
        if type(layer) is Dropout or shape is None:
            return shape
        if isinstance(layer, Op) and sum(role not in layer.optional for role in layer.roles) == 1:
            x = np.zeros((1, *shape), dtype)
            layer.check(repr(layer), **{layer.roles[0]: x})
            return tuple(np.shape(layer.forward(x))[1:])
        self.known = False
        return None

    def _dense(self, layer: Dense, shape: Shape | None) -> Shape:
        inputs = shape[-1] if shape else layer.inputs or 1
        if layer.inputs not in (None, inputs):
            raise InputError(
                repr(layer), given=f"samples with {inputs} features", expected=f"{layer.inputs}", fix="Correct it"
            )
        self._count(layer, parameters=(inputs + layer.use_bias) * layer.units)
        return (*(shape or ())[:-1], layer.units)

    def _count(self, layer: LayerLike, parameters: int = 0, states: int = 0) -> None:
        if id(layer) in self._counted:
            return
        self._counted.add(id(layer))
        self.parameters += parameters
        self.states += states
        if self.parameters + self.states > self.most:
            raise InputError(
                repr(layer)[:80],
                given=f"{self.parameters + self.states:,} parameters or more",
                expected=f"{self.most:,}, which is what the file holds",
                fix="The description belongs to another file",
            )

    def _pass(self, shape: Shape | None) -> None:
        self._uses += 1
        self._values += math.prod(shape) if shape is not None else 0
        if self._uses > MOST_USES or self._values > self.most + _SPARE:
            raise InputError(
                "Network",
                given="layers that are used too often" if self._uses > MOST_USES else "values of too many numbers",
                expected=f"at most {MOST_USES:,} uses, and {_SPARE:,} values more than there are parameters",
                fix="Make the network smaller",
            )
