"""The closed table of parts that a file may name: layers, ops, losses, optimizers, schedules, initializers, networks
and preparations of tables.

A name in a file can reach these classes, those that the caller passes, and what `installed_parts` finds.
"""

from __future__ import annotations

import inspect
from typing import Any, TypeAlias

from chainrule import nn, ops, optim
from chainrule.data.column_preparation import CategoryColumn, ColumnPreparation, DateColumn, NumberColumn
from chainrule.data.preparation import Preparation

Part: TypeAlias = (
    "nn.Layer | ops.Op | optim.Optimizer | optim.Schedule | nn.Initializer | Preparation | ColumnPreparation"
)
PART = (nn.Layer, ops.Op, optim.Optimizer, optim.Schedule, nn.Initializer, Preparation, ColumnPreparation)

KINDS: dict[str, type[Any]] = {
    # networks and layers
    "Network": nn.Network,
    "Dense": nn.Dense,
    "Dropout": nn.Dropout,
    "Rescale": nn.Rescale,
    "PReLU": nn.PReLU,
    "Residual": nn.Residual,
    "Branches": nn.Branches,
    "Heads": nn.Heads,
    # ops that are layers or losses
    **{kind.__name__: kind for kind in ops.all_ops().values() if kind.in_files and (kind.is_layer() or kind.is_loss())},
    # optimizers
    "SGD": optim.SGD,
    "Adagrad": optim.Adagrad,
    "RMSProp": optim.RMSProp,
    "Adam": optim.Adam,
    "AdamW": optim.AdamW,
    # schedules
    "ConstantRate": optim.ConstantRate,
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
    # what becomes of a table
    "Preparation": Preparation,
    "NumberColumn": NumberColumn,
    "CategoryColumn": CategoryColumn,
    "DateColumn": DateColumn,
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
