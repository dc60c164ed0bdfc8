"""Networks as scikit-learn's estimators: any network, or its multi-layer perceptrons with only the import changed.

`Classifier` and `Regressor` take a `chainrule.Network` and work wherever an estimator does, in searches over all its
parts too. `MLPClassifier` and `MLPRegressor` take scikit-learn's own parameters. In each, `network_` is the
`chainrule.Network` inside, to look at. They need the extra, ``pip install "chainrule[sklearn]"``.
"""

from typing import NoReturn

from chainrule.errors import MissingExtraError, UnknownNameError, nearest

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

__all__ = ["Classifier", "MLPClassifier", "MLPRegressor", "Regressor"]

# Classes of skorch and scikeras -> ours.
_ELSEWHERE = {
    **dict.fromkeys(("NeuralNet", "NeuralNetClassifier", "NeuralNetBinaryClassifier", "KerasClassifier"), "Classifier"),
    **dict.fromkeys(("NeuralNetRegressor", "KerasRegressor"), "Regressor"),
}


def __getattr__(name: str) -> NoReturn:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    ours = _ELSEWHERE.get(name)
    raise UnknownNameError(
        __name__,
        given=f".{name}",
        expected="one of its estimators",
        fix=f"Use {ours}(network)" if ours else nearest(name, __all__),
    )
