"""Networks as scikit-learn's estimators: any network, or its multi-layer perceptrons with only the import changed.

`Classifier` and `Regressor` take a `chainrule.Network` and work wherever an estimator does, in searches over all its
parts too. `MLPClassifier` and `MLPRegressor` take scikit-learn's own parameters. In each, `network_` is the
`chainrule.Network` inside, to look at. They need the extra, ``pip install '.[sklearn]'`` in a clone.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from chainrule.errors import MissingExtraError, installing
from chainrule.words import missing_from

if TYPE_CHECKING:
    from chainrule.sklearn.any_network import Classifier, Regressor
    from chainrule.sklearn.classifier import MLPClassifier
    from chainrule.sklearn.regressor import MLPRegressor

__all__ = ["Classifier", "MLPClassifier", "MLPRegressor", "Regressor"]

_FILES = {  # imported when they are asked for
    "Classifier": "any_network",
    "MLPClassifier": "classifier",
    "MLPRegressor": "regressor",
    "Regressor": "any_network",
}

if not TYPE_CHECKING:  # a checker that saw this would take every name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in _FILES:
            raise missing_from(__name__, name)
        try:
            import sklearn  # noqa: F401  # only to see whether it is there
        except ImportError as problem:
            raise MissingExtraError(
                f"chainrule.sklearn.{name}",
                given="no scikit-learn",
                expected="the extra",
                fix=f"Run: {installing('sklearn')}",
            ) from problem
        found = getattr(importlib.import_module(f"chainrule.sklearn.{_FILES[name]}"), name)
        globals()[name] = found
        if "skl2onnx" in sys.modules:  # a fitted one may come out of a pickle
            from chainrule.sklearn.onnx_converters import register

            register(found)
        return found

    def __dir__() -> list[str]:
        return sorted(__all__)
