"""Networks as scikit-learn's estimators: any network, or its multi-layer perceptrons with only the import changed.

`Classifier` and `Regressor` take a `chainrule.Network` and work wherever an estimator does, in searches over all its
parts too. `MLPClassifier` and `MLPRegressor` take scikit-learn's own parameters. In each, `network_` is the
`chainrule.Network` inside, to look at. They need the extra, ``pip install "chainrule[sklearn]"``.
"""

from typing import NoReturn

from chainrule.errors import MissingExtraError

try:
    import sklearn  # noqa: F401  # only to see whether it is there
except ImportError as problem:
    raise MissingExtraError(
        "chainrule.sklearn",
        given="no scikit-learn",
        expected="the extra",
        fix='Run pip install "chainrule[sklearn]"',
    ) from problem

from chainrule.sklearn.any_network import Classifier, Regressor
from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.regressor import MLPRegressor
from chainrule.words import missing_from

__all__ = ["Classifier", "MLPClassifier", "MLPRegressor", "Regressor"]


def __getattr__(name: str) -> NoReturn:
    raise missing_from(__name__, name)
