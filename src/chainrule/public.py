"""The public names, in one place: what `cr.` offers. Those of ops come from their registry."""

from __future__ import annotations

import importlib
from typing import Any

from chainrule import data, errors, graph, nn, ops, optim, training
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
    Concatenate,
    Constant,
    Dense,
    Dropout,
    Glorot,
    He,
    Initializer,
    Layer,
    LeCun,
    Network,
    Normal,
    Orthogonal,
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
from chainrule.replay import source
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

_IN_NOTEBOOKS = {Network: "network_html", Node: "node_html", Graph: "graph_html", History: "history_html"}


def _html(thing: Any) -> str:
    """Return how a notebook shows a network, a node, a graph or a history."""
    name = next(_IN_NOTEBOOKS[kind] for kind in type(thing).__mro__ if kind in _IN_NOTEBOOKS)
    drawn: str = getattr(importlib.import_module("chainrule.explain.inspection"), name)(thing)
    return drawn


# Here, because the classes live above the room that knows how to draw them.
for _kind in _IN_NOTEBOOKS:
    setattr(_kind, "_repr_html_", _html)  # noqa: B010  # mypy would not let an attribute be added

# Every op as a function of nodes, and the ops that are layers or losses as classes.
_OPS: dict[str, Any] = {
    **FUNCTIONS,
    **{kind.__name__: kind for kind in all_ops().values() if kind.is_layer() or kind.is_loss()},
}
globals().update(_OPS)  # for checkers of types they stand in public.pyi

__all__ = [
    "Adagrad",
    "Adam",
    "AdamW",
    "Callback",
    "ChainruleError",
    "classify",
    "Concatenate",
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
    "graph",
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
    "ReduceOnPlateau",
    "Rescale",
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
