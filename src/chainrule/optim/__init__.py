"""Optimizers, which turn gradients into better weights, and schedules, which say how large a step is when.

Both are descriptions: they hold settings and may be shared. What changes while training lives in an
`OptimizerState`, one for the weights it trains.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule import checks
from chainrule.optim.adaptive import Adagrad, Adam, AdamW, RMSProp
from chainrule.optim.gradient_descent import SGD
from chainrule.optim.optimizer import Learnable, Optimizer, OptimizerState, global_norm
from chainrule.optim.schedule_parts import Phases, Warmup
from chainrule.optim.schedules import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    as_schedule,
)
from chainrule.words import names_of_room

_KINDS: dict[str, type[Optimizer]] = {kind.__name__: kind for kind in (SGD, Adagrad, RMSProp, Adam, AdamW)}


def as_optimizer(where: str, optimizer: Optimizer | str) -> Optimizer:
    """Return an optimizer as it is, and the one that a name stands for, with its defaults: ``"adam"``.

    >>> as_optimizer("Network optimizer", "RMSprop")
    RMSProp()
    """
    return checks.part(where, optimizer, Optimizer, _KINDS, "cr.Adam()")


if not TYPE_CHECKING:  # a checker that saw this would take any name for one of the room's
    __getattr__ = names_of_room(__name__)


__all__ = [
    "Optimizer",
    "SGD",
    "Adagrad",
    "RMSProp",
    "Adam",
    "AdamW",
    "OptimizerState",
    "Learnable",
    "global_norm",
    "Schedule",
    "ConstantRate",
    "StepDecay",
    "ExponentialDecay",
    "CosineDecay",
    "OneCycle",
    "ReduceOnPlateau",
    "Warmup",
    "Phases",
    "as_optimizer",
    "as_schedule",
]
