"""scikit-learn's multi-layer perceptrons, trained by chainrule: change the import, keep the rest of the program.

`MLPClassifier` and `MLPRegressor` take scikit-learn's parameters and work wherever its own estimators do; `network_`
is the `chainrule.Network` inside, to look at. They need the extra, ``pip install "chainrule[sklearn]"``.
"""

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

from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
