"""Whether a network fits into the machine's memory, found out before anything of it is made.

A slip of one digit, ``cr.Dense(2, 999999999)``, must not take the machine down. What is counted is a lower bound: the
layers whose size follows from their settings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chainrule import memory
from chainrule.errors import InputError
from chainrule.nn.containers import Concatenate
from chainrule.nn.dense import Dense
from chainrule.nn.dropout import Dropout
from chainrule.nn.layer import Layer, LayerLike
from chainrule.nn.rescale import Rescale
from chainrule.ops.op import Op
from chainrule.optim import Optimizer

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
    numbers, _ = least_numbers(layers, inputs, set())
    copies = 4  # of a sample: what the network is built with, and what its graphs for training and prediction hold
    needed = itemsize * (numbers * (2 + len(optimizer.slots)) + copies * inputs)
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


def least_numbers(layers: Sequence[LayerLike], width: int | None, counted: set[Layer]) -> tuple[int, int | None]:
    """Return how many parameters layers have at least, and how many numbers come out of them, None if unknown.

    Parameters
    ----------
    layers : sequence of layers
    width : int or None
        How many numbers go in.
    counted : set of layers
        Those that are not counted again; the others are added.
    """
    numbers = 0
    for layer in layers:
        if type(layer) is Dense:  # a subclass may make other parameters
            inputs = layer.inputs or width or 1
            numbers += 0 if layer in counted else (inputs + layer.use_bias) * layer.outputs
            counted.add(layer)
            width = layer.outputs
        elif isinstance(layer, Concatenate):
            numbers += sum(least_numbers(branch, width, counted)[0] for branch in layer.branches)
            width = None
        elif isinstance(inside := getattr(layer, "layers", None), list):
            more, width = least_numbers(inside, width, counted)
            numbers += more
        elif not (isinstance(layer, (Dropout, Rescale)) or (isinstance(layer, Op) and _keeps_count(layer))):
            width = None
    return numbers, width


def _keeps_count(op: Op) -> bool:
    """Return whether as many numbers come out of an op as go in, as they do of all activations, which only have z."""
    return op.roles == ("z",) or op.name in ("flatten", "reshape")
