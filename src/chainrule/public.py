"""The public names, in one place: what `cr.` offers. Those of ops come from their registry."""

from __future__ import annotations

from typing import Any

from chainrule import data, errors, nn, ops, optim, training
from chainrule.errors import ChainruleError
from chainrule.graph import (
    Graph,
    Input,
    Node,
    Parameter,
    State,
    derivative,
    jacobian,
)
from chainrule.graph.functions import FUNCTIONS
from chainrule.nn import (
    Branches,
    Constant,
    Dense,
    Dropout,
    Glorot,
    He,
    Heads,
    Initializer,
    Layer,
    LeCun,
    Network,
    Normal,
    Orthogonal,
    PReLU,
    Rescale,
    Residual,
    Uniform,
    Zeros,
)
from chainrule.ops import Op, all_ops
from chainrule.optim import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    Optimizer,
    Phases,
    ReduceOnPlateau,
    RMSProp,
    Schedule,
    StepDecay,
    Warmup,
)
from chainrule.replay.source import source
from chainrule.training import (
    Callback,
    EarlyStopping,
    History,
    classify,
    confusion_matrix,
    evaluate,
    predict,
    train,
)

# Every op as a function of nodes, and the ops that are layers or losses as classes.
_OPS: dict[str, Any] = {
    **FUNCTIONS,
    **{kind.__name__: kind for kind in all_ops().values() if kind.is_layer() or kind.is_loss()},
}
globals().update(_OPS)  # for checkers of types they stand in __init__.pyi

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "Branches",
    "Callback",
    "ChainruleError",
    "classify",
    "confusion_matrix",
    "Constant",
    "CosineDecay",
    "data",
    "Dense",
    "derivative",
    "Dropout",
    "EarlyStopping",
    "errors",
    "evaluate",
    "ExponentialDecay",
    "Glorot",
    "Graph",
    "He",
    "History",
    "Initializer",
    "Input",
    "jacobian",
    "Layer",
    "LeCun",
    "Network",
    "nn",
    "Node",
    "Normal",
    "OneCycle",
    "Op",
    "ops",
    "optim",
    "Optimizer",
    "Orthogonal",
    "Parameter",
    "Phases",
    "predict",
    "PReLU",
    "ReduceOnPlateau",
    "Rescale",
    "Heads",
    "Residual",
    "RMSProp",
    "Schedule",
    "SGD",
    "source",
    "State",
    "StepDecay",
    "train",
    "training",
    "Uniform",
    "Warmup",
    "Zeros",
    *_OPS,
]
