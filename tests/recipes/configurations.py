"""Twenty short trainings that differ in all that a checkpoint has to hold, for tests and for `benchmarks/soak.py`.

Optimizers, schedules, phases, dropout, early stopping, penalties, class weights, dtypes, and batches that do not fit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chainrule.recipes import Data, EarlyStop, Phase, Recipe
from chainrule.recipes.recipe import Affine

SPIRALS = Data(name="spirals", samples=60, classes=3)
VALIDATED = Data(name="spirals", samples=75, classes=3, validation=15)
DIGITS = Data(name="digits", validation=1300, scale="unit")
_BASE = Recipe(
    data=SPIRALS,
    layers="2-8-3",
    loss="CategoricalCrossEntropy",
    phases=[Phase(4, 0.01)],
    batch_size=7,
    checkpoint_seconds=0.0,
)


def _schedule(**told: Any) -> list[Phase]:
    return [Phase(4, told)]


_CHANGES: dict[str, dict[str, Any]] = {
    "adam": {},
    "sgd": {"optimizer": "SGD"},
    "momentum": {"optimizer": {"type": "SGD", "momentum": 0.9}},
    "nesterov": {"optimizer": {"type": "SGD", "momentum": 0.9, "nesterov": True}, "batch_size": 8},
    "rmsprop": {"optimizer": "RMSProp", "dropout": 0.3},
    "adagrad": {"optimizer": "Adagrad", "data": VALIDATED},
    "adamw": {"optimizer": {"type": "AdamW", "weight_decay": 0.1}, "input_dropout": 0.2},
    "averaged": {"optimizer": {"type": "Adam", "ema": 0.95}, "data": VALIDATED},
    "clipped": {"optimizer": {"type": "Adam", "clip_norm": 0.05}, "l2": 0.01},
    "penalised": {"l1": 0.001, "l2": 0.01, "optimizer": "SGD"},
    "one-cycle": {"phases": _schedule(type="OneCycle", maximum_learning_rate=0.05), "dropout": 0.2},
    "cosine": {"phases": _schedule(type="CosineDecay", initial_learning_rate=0.05), "data": VALIDATED},
    "exponential": {"phases": _schedule(type="ExponentialDecay", initial_learning_rate=0.05, factor=0.5)},
    "plateau": {"phases": _schedule(type="ReduceOnPlateau", initial_learning_rate=0.5, patience=1), "data": VALIDATED},
    "phases": {"phases": [Phase(2, 0.05), Phase(2, 0.005)], "optimizer": "SGD"},
    "early": {"data": VALIDATED, "early_stopping": EarlyStop(patience=1), "phases": [Phase(9, 0.5)]},
    "by-error": {"data": VALIDATED, "monitor": "validation_error_rate", "keep": "best", "dropout": 0.5},
    "weighted": {"class_weight": {"0": 1.0, "1": 2.0, "2": 0.5}},
    "accumulated": {"gradient_accumulation_steps": 4, "batch_size": 2, "dropout": 0.2},
    "in-order": {"shuffle": False, "initializer": {"type": "Normal", "deviation": 1.0}, "bias_initializer": "Normal"},
    "full": {"batch_size": "full", "dropout": 0.5, "phases": [Phase(20, 0.05)]},
    "float64": {"dtype": "float64", "batch_size": 1, "phases": [Phase(1, 0.01)], "dropout": 0.1},
    "mixed": {"mixup": 0.3, "class_weight": {"0": 1.0, "1": 2.0, "2": 0.5}},
    "turned-and-mixed": {"data": DIGITS, "layers": "64-16-10", "augment": Affine(), "mixup": 0.2},
    "turned": {"data": DIGITS, "layers": "64-16-10", "augment": Affine(), "batch_size": 32, "dropout": 0.1},
}

CONFIGURATIONS = {
    name: msgspec.structs.replace(_BASE, name=name, seed=seed, **changes)
    for seed, (name, changes) in enumerate(_CHANGES.items())
}

# Products large enough that a second thread adds up in another order.
WIDE = msgspec.structs.replace(
    _BASE,
    name="wide",
    data=Data(name="spirals", samples=600, classes=3),
    layers="2-700-600-3",
    batch_size=300,
    phases=[Phase(2, 0.001)],
    deterministic=True,
)
