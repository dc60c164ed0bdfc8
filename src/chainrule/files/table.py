"""The closed table of parts that a file may name: layers, ops, losses, optimizers, schedules, initializers, networks.

It is written out, so that a name in a file can reach these classes and nothing else.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeAlias

from chainrule import nn, ops, optim

Part: TypeAlias = "nn.Layer | ops.Op | optim.Optimizer | optim.Schedule | nn.Initializer"
PART = (nn.Layer, ops.Op, optim.Optimizer, optim.Schedule, nn.Initializer)

KINDS: dict[str, type[Any]] = {
    # networks and layers
    "Network": nn.Network,
    "Dense": nn.Dense,
    "Dropout": nn.Dropout,
    "Rescale": nn.Rescale,
    "PReLU": nn.PReLU,
    "Residual": nn.Residual,
    "Concatenate": nn.Concatenate,
    # ops with one role, which are layers
    "Identity": ops.Identity,
    "Tanh": ops.Tanh,
    "Sigmoid": ops.Sigmoid,
    "HardSigmoid": ops.HardSigmoid,
    "Softsign": ops.Softsign,
    "ReLU": ops.ReLU,
    "LeakyReLU": ops.LeakyReLU,
    "ELU": ops.ELU,
    "SELU": ops.SELU,
    "GELU": ops.GELU,
    "SiLU": ops.SiLU,
    "Mish": ops.Mish,
    "Softplus": ops.Softplus,
    "Softmax": ops.Softmax,
    "LogSoftmax": ops.LogSoftmax,
    "Reshape": ops.Reshape,
    "Flatten": ops.Flatten,
    "Transpose": ops.Transpose,
    "Slice": ops.Slice,
    "Negative": ops.Negative,
    "Exp": ops.Exp,
    "Log": ops.Log,
    "Sqrt": ops.Sqrt,
    "Absolute": ops.Absolute,
    "Sin": ops.Sin,
    "Cos": ops.Cos,
    "Clip": ops.Clip,
    "Sum": ops.Sum,
    "Mean": ops.Mean,
    "Var": ops.Var,
    "Norm": ops.Norm,
    "Max": ops.Max,
    "LogSumExp": ops.LogSumExp,
    "Cumsum": ops.Cumsum,
    # losses
    "MeanSquaredError": ops.MeanSquaredError,
    "HalfSquaredError": ops.HalfSquaredError,
    "MeanAbsoluteError": ops.MeanAbsoluteError,
    "Huber": ops.Huber,
    "BinaryCrossEntropy": ops.BinaryCrossEntropy,
    "SigmoidBinaryCrossEntropy": ops.SigmoidBinaryCrossEntropy,
    "CategoricalCrossEntropy": ops.CategoricalCrossEntropy,
    "SoftmaxCrossEntropy": ops.SoftmaxCrossEntropy,
    # optimizers
    "SGD": optim.SGD,
    "Adagrad": optim.Adagrad,
    "RMSProp": optim.RMSProp,
    "Adam": optim.Adam,
    "AdamW": optim.AdamW,
    # schedules; the constant one shares its class's name with an initializer
    "ConstantRate": optim.Constant,
    "StepDecay": optim.StepDecay,
    "ExponentialDecay": optim.ExponentialDecay,
    "CosineDecay": optim.CosineDecay,
    "OneCycle": optim.OneCycle,
    "ReduceOnPlateau": optim.ReduceOnPlateau,
    "Warmup": optim.Warmup,
    "Phases": optim.Phases,
    # initializers
    "Glorot": nn.Glorot,
    "He": nn.He,
    "LeCun": nn.LeCun,
    "Uniform": nn.Uniform,
    "Normal": nn.Normal,
    "Orthogonal": nn.Orthogonal,
    "Constant": nn.Constant,
    "Zeros": nn.Zeros,
}
NAMES: dict[type[Any], str] = {kind: name for name, kind in KINDS.items()}

# Types of plain data that are no parts: a layer that came before, and the pieces of an `ops.Slice`.
SAME, SLICE, ELLIPSIS = "same", "slice", "ellipsis"
RESERVED = (SAME, SLICE, ELLIPSIS)
# Keys of a part's description that are not its settings.
TYPE, ID = "type", "id"

MOST_PARTS = 10_000
MOST_DEPTH = 64


_parameters: dict[Any, dict[str, inspect.Parameter]] = {}  # signatures are slow to read, networks of many layers common


def parameters(kind: type[Any]) -> dict[str, inspect.Parameter]:
    """Return the settings of a class, those that can be passed by name, as its constructor declares them."""
    if kind not in _parameters:
        constructor: Any = kind.__init__
        declared = [] if constructor is object.__init__ else [*inspect.signature(constructor).parameters.values()][1:]
        _parameters[kind] = {
            p.name: p for p in declared if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY)
        }
    return _parameters[kind]
