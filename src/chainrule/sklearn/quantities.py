"""Targets that are quantities: one or several a sample, a column each."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from chainrule.errors import InputError
from chainrule.ops.op import Array
from chainrule.sklearn.base import NetworkEstimator
from chainrule.sklearn.inputs import Matrix


class Quantities(RegressorMixin, NetworkEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What regressors have in common."""

    _columns: int

    def predict(self, X: Matrix) -> Array:
        """Return the prediction for each sample, (samples,) or (samples, outputs)."""
        prediction = self._outputs(X)
        return prediction.ravel() if prediction.shape[1] == 1 else prediction

    def _known(self, y: Any, labels: str) -> Array:
        column = column_or_1d(y, warn=True).reshape(-1, 1) if y.ndim == 1 or y.shape[1] == 1 else y
        target: Array = column.astype(np.float64) if column.dtype.kind != "f" else column
        if labels == "new":
            self._columns = target.shape[1]
        elif target.shape[1] != self._columns:
            raise InputError(
                type(self).__name__,
                given=f"y with {target.shape[1]} columns",
                expected=f"{self._columns}, as before",
                fix="Pass targets of the same kind, or train a new estimator without warm_start",
            )
        return target

    def _encoded(self, y: Array) -> Array:
        return y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
