"""Training a network, and using it."""

from typing import TYPE_CHECKING, NoReturn

from chainrule.training.callbacks import Callback, EarlyStopping
from chainrule.training.evaluate import classify, evaluate, predict
from chainrule.training.events import Event, Training
from chainrule.training.history import Epoch, History
from chainrule.training.loop import train
from chainrule.training.metrics import (
    METRICS,
    accuracy,
    confusion_matrix,
    error_rate,
    mean_absolute_error,
    mean_squared_error,
    min_confidence,
    r2,
    subset_accuracy,
)
from chainrule.training.rising_rate import RangeTest, learning_rate_range_test
from chainrule.words import missing_from

if not TYPE_CHECKING:  # a checker that saw this would take any name for one of the room's

    def __getattr__(name: str) -> NoReturn:
        raise missing_from(__name__, name)


__all__ = [
    "METRICS",
    "Callback",
    "EarlyStopping",
    "Epoch",
    "Event",
    "History",
    "RangeTest",
    "Training",
    "accuracy",
    "classify",
    "confusion_matrix",
    "error_rate",
    "evaluate",
    "learning_rate_range_test",
    "mean_absolute_error",
    "mean_squared_error",
    "min_confidence",
    "predict",
    "r2",
    "subset_accuracy",
    "train",
]
