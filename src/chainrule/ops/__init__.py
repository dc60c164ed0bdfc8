"""Functions with their derivatives: the only place in chainrule where a derivative is written down.

Each op is a page: its function, its derivative, `forward`, and `backward` directly below. `table` prints them all.
"""

from __future__ import annotations

from chainrule.ops.activations import (
    ELU,
    GELU,
    SELU,
    HardSigmoid,
    Identity,
    LeakyReLU,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Softsign,
    Tanh,
)
from chainrule.ops.arithmetic import (
    Absolute,
    Add,
    Clip,
    Cos,
    Divide,
    Exp,
    Log,
    Maximum,
    Minimum,
    Multiply,
    Negative,
    Power,
    Sin,
    Sqrt,
    Subtract,
    Where,
)
from chainrule.ops.cross_entropy import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from chainrule.ops.custom import Activation, Loss
from chainrule.ops.linear import Linear, Matmul
from chainrule.ops.losses import HalfSquaredError, Huber, MeanAbsoluteError, MeanSquaredError
from chainrule.ops.op import Array, Derivatives, Op
from chainrule.ops.penalties import L1Penalty, L2Penalty
from chainrule.ops.reductions import Cumsum, LogSumExp, Max, Mean, Norm, Sum, Var
from chainrule.ops.shaping import Concatenate, Flatten, Gather, Reshape, Slice, Transpose
from chainrule.ops.softmax import LogSoftmax, Softmax
from chainrule.ops.table import Page, format_table, page

_OPS: tuple[type[Op], ...] = (
    # weighted sums
    Linear, Matmul,
    # arithmetic
    Add, Subtract, Multiply, Divide, Negative, Power, Exp, Log, Sqrt, Absolute, Sin, Cos,
    Maximum, Minimum, Clip, Where,
    # reductions
    Sum, Mean, Var, Norm, Max, LogSumExp, Cumsum,
    # shaping
    Reshape, Flatten, Transpose, Concatenate, Slice, Gather,
    # activations
    Identity, Tanh, Sigmoid, HardSigmoid, Softsign, ReLU, LeakyReLU, PReLU, ELU, SELU, GELU, SiLU, Mish, Softplus,
    Softmax, LogSoftmax, Activation,
    # losses
    MeanSquaredError, HalfSquaredError, MeanAbsoluteError, Huber, BinaryCrossEntropy, SigmoidBinaryCrossEntropy,
    CategoricalCrossEntropy, SoftmaxCrossEntropy, Loss,
    # penalties
    L1Penalty, L2Penalty,
)  # fmt: skip


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


__all__ = [
    "ELU",
    "GELU",
    "Absolute",
    "Activation",
    "Add",
    "Array",
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Concatenate",
    "Derivatives",
    "Divide",
    "Exp",
    "Flatten",
    "Gather",
    "HalfSquaredError",
    "Huber",
    "Identity",
    "L1Penalty",
    "L2Penalty",
    "LeakyReLU",
    "Linear",
    "Log",
    "LogSoftmax",
    "LogSumExp",
    "Loss",
    "Matmul",
    "Max",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Multiply",
    "Negative",
    "Op",
    "Page",
    "Power",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "SigmoidBinaryCrossEntropy",
    "Slice",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Sqrt",
    "Subtract",
    "Sum",
    "Tanh",
    "Transpose",
    "all_ops",
    "page",
    "table",
    "SELU",
    "HardSigmoid",
    "Mish",
    "PReLU",
    "Softsign",
    "Clip",
    "Cos",
    "Maximum",
    "Minimum",
    "Sin",
    "Where",
    "Cumsum",
    "Norm",
    "Var",
]
