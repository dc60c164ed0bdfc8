"""Whether a network fits into the machine's memory, found out before anything of it is made.

A slip of one digit, ``cr.Dense(999999999)``, must not take the machine down. What is counted is a lower bound: the
layers whose size follows from their settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule import memory
from chainrule.errors import InputError
from chainrule.nn.containers import Branches
from chainrule.nn.dense import Dense
from chainrule.nn.layer import Layer, LayerLike
from chainrule.ops.op import Op
from chainrule.ops.shaping import Flatten
from chainrule.optim import Optimizer

Shape = tuple[int, ...]
_ALWAYS_THERE = 64 << 20  # bytes


def expect_room(
    where: str, layers: Sequence[LayerLike], shape: tuple[int, ...], dtype: str, optimizer: Optimizer
) -> None:
    """Raise if a network of these layers, for samples of this shape, can't fit into memory while it is trained.

    Raises
    ------
    InputError
        With how much it needs at least, and how much there is.
    """
    itemsize, inputs = np.dtype(dtype).itemsize, math.prod(shape)
    numbers, _ = least_numbers(layers, shape, set())
    copies = 4  # of a sample: what the network is built with, and what its graphs for training and prediction hold
    needed = itemsize * (numbers * (2 + len(optimizer.kept)) + copies * inputs)
    if needed <= _ALWAYS_THERE:
        return
    there = memory.most()
    if there is not None and needed > there:
        raise InputError(
            where,
            given=f"{numbers:,} parameters or more, for samples of {inputs:,} numbers, "
            f"which need {needed / 2**30:,.1f} GiB in training",
            expected=f"at most {there / 2**30:,.1f} GiB, the memory that there is",
            fix="Make the layers smaller, or take a machine with more memory",
            cause="memory.too_little",
        )


def least_numbers(layers: Sequence[LayerLike], shape: Shape | None, counted: set[Layer]) -> tuple[int, Shape | None]:
    """Return how many parameters layers have at least, and the shape of what comes out of them, None if unknown.

    Parameters
    ----------
    layers : sequence of layers
    shape : tuple of int or None
        Of what goes in, for one sample.
    counted : set of layers
        Those that are not counted again; the others are added.
    """
    numbers = 0
    for layer in layers:
        if type(layer) is Dense:  # a subclass may make other parameters
            inputs = layer.inputs or (shape[-1] if shape else 1)
            numbers += 0 if layer in counted else (inputs + layer.use_bias) * layer.units
            counted.add(layer)
            shape = (*(shape or ())[:-1], layer.units)
        elif isinstance(branches := getattr(layer, "branches", None), list):
            fed = layer.input_shapes(shape) if isinstance(layer, Branches) else [shape] * len(branches)
            numbers += sum(least_numbers(*pair, counted)[0] for pair in zip(branches, fed, strict=True))
            shape = None
        elif isinstance(inside := getattr(layer, "layers", None), list):
            more, shape = least_numbers(inside, shape, counted)
            numbers += more
        elif isinstance(layer, Flatten):
            shape = None if shape is None else (math.prod(shape),)
        elif not (layer.roles == ("z",) if isinstance(layer, Op) else layer.keeps_shape):
            shape = None
    return numbers, shape
