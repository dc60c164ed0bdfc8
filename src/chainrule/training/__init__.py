"""Training a network, and using it."""

from typing import TYPE_CHECKING

from chainrule.training.callbacks import Callback, EarlyStopping
from chainrule.training.evaluate import classify, evaluate, predict
from chainrule.training.events import Event, Training
from chainrule.training.history import Epoch, History
from chainrule.training.loop import train
from chainrule.training.metrics import (
    METRICS,
    accuracy,
    average_precision,
    balanced_accuracy,
    confusion_matrix,
    error_rate,
    f1,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    min_confidence,
    precision,
    r2,
    recall,
    roc_auc,
    root_mean_squared_error,
    subset_accuracy,
)
from chainrule.words import names_of_room

if TYPE_CHECKING:  # a checker that saw `__getattr__` would take any name for one of the room's
    from chainrule.training.evaluation_report import EvaluationReport, report
    from chainrule.training.permutation import Importance, importance
    from chainrule.training.rising_rate import RangeTest, learning_rate_range_test
else:
    # What looks at a network that has been trained, or before, is imported when it is asked for.
    _LATER = {
        **dict.fromkeys(("EvaluationReport", "report"), "evaluation_report"),
        **dict.fromkeys(("Importance", "importance"), "permutation"),
        **dict.fromkeys(("RangeTest", "learning_rate_range_test"), "rising_rate"),
    }

    __getattr__ = names_of_room(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "METRICS",
    "Callback",
    "EarlyStopping",
    "Epoch",
    "EvaluationReport",
    "Event",
    "History",
    "Importance",
    "RangeTest",
    "Training",
    "accuracy",
    "average_precision",
    "balanced_accuracy",
    "classify",
    "confusion_matrix",
    "error_rate",
    "evaluate",
    "f1",
    "importance",
    "learning_rate_range_test",
    "log_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "min_confidence",
    "precision",
    "predict",
    "r2",
    "recall",
    "report",
    "roc_auc",
    "root_mean_squared_error",
    "subset_accuracy",
    "train",
]
