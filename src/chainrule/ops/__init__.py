"""Functions with their derivatives: the only place in chainrule where a derivative is written down.

Each op is a page: its function, its derivative, `forward`, and `backward` directly below. `table` prints them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.ops import (
    activations,
    arithmetic,
    cross_entropy,
    custom,
    focal,
    linear,
    losses,
    penalties,
    reductions,
    scaling,
    shaping,
    softmax,
)
from chainrule.ops.op import Array, Derivatives, Op
from chainrule.ops.pages import Page, format_table, page
from chainrule.words import names_of_room

# The registry: the only list of ops. Node functions, public names, the parts that files may name, coverage of other
# formats, the tests' suite and the docs all follow from it and from what stands in each class.
_OPS: tuple[type[Op], ...] = (
    # weighted sums
    linear.Linear,
    linear.Matmul,
    # arithmetic
    arithmetic.Add,
    arithmetic.WeightedSum,
    arithmetic.Subtract,
    arithmetic.Multiply,
    arithmetic.Divide,
    arithmetic.Negative,
    arithmetic.Power,
    arithmetic.Exp,
    arithmetic.Log,
    arithmetic.Sqrt,
    arithmetic.Absolute,
    arithmetic.Sin,
    arithmetic.Cos,
    arithmetic.Maximum,
    arithmetic.Minimum,
    arithmetic.Clip,
    arithmetic.Where,
    # reductions
    reductions.Sum,
    reductions.Mean,
    reductions.Var,
    reductions.Norm,
    reductions.Max,
    reductions.LogSumExp,
    reductions.Cumsum,
    # shaping
    shaping.Reshape,
    shaping.Flatten,
    shaping.Transpose,
    shaping.Concatenate,
    shaping.Slice,
    shaping.Gather,
    # activations
    activations.Identity,
    activations.Tanh,
    activations.Sigmoid,
    activations.HardSigmoid,
    activations.HardSwish,
    activations.Softsign,
    activations.ReLU,
    activations.LeakyReLU,
    activations.PReLU,
    activations.ELU,
    activations.SELU,
    activations.GELU,
    activations.SiLU,
    activations.Mish,
    activations.Softplus,
    softmax.Softmax,
    softmax.LogSoftmax,
    custom.Activation,
    # scaling
    scaling.Unscale,
    # losses
    losses.MeanSquaredError,
    losses.SquaredError,
    losses.HalfSquaredError,
    losses.MeanAbsoluteError,
    losses.Huber,
    losses.PinballLoss,
    cross_entropy.BinaryCrossEntropy,
    cross_entropy.SigmoidBinaryCrossEntropy,
    cross_entropy.CategoricalCrossEntropy,
    cross_entropy.SoftmaxCrossEntropy,
    focal.BinaryFocalCrossEntropy,
    focal.SigmoidFocalCrossEntropy,
    focal.CategoricalFocalCrossEntropy,
    focal.SoftmaxFocalCrossEntropy,
    custom.Loss,
    # penalties
    penalties.L1Penalty,
    penalties.L2Penalty,
)

globals().update({kind.__name__: kind for kind in _OPS})  # for checkers of types they stand in __init__.pyi


def all_ops() -> dict[str, type[Op]]:
    """Return op name -> class, every op of chainrule, in the order of the table.

    Examples
    --------
    >>> all_ops()["leaky_relu"]
    <class 'chainrule.ops.activations.LeakyReLU'>
    """
    return {kind.name: kind for kind in _OPS}


def table() -> str:
    """Return every op with its roles, its function and its derivatives, as a page of text.

    A role in brackets may be left out.

    Examples
    --------
    >>> print(table()[:190])
    linear(x, weights, [bias])
        y = x @ weights + bias
        ∂x = ∂y @ weightsᵀ
        ∂weights = xᵀ @ ∂y
        ∂bias = Σ ∂y over samples
    matmul(a, b)
        y = a @ b
        ∂a = ∂y @ bᵀ
        ∂b = aᵀ @ ∂y
    """
    return format_table(list(_OPS))


if not TYPE_CHECKING:  # a checker that saw this would take any name for one of the room's
    __getattr__ = names_of_room(__name__)


__all__ = ["Array", "Derivatives", "Op", "Page", "all_ops", "page", "table", *(kind.__name__ for kind in _OPS)]
