"""Labels of any name become what a network wants: class indices, zeros and ones, or a column for each label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from chainrule.errors import InputError
from chainrule.ops.op import Array
from chainrule.sklearn.base import NetworkEstimator
from chainrule.sklearn.inputs import Matrix, dense
from chainrule.training.metrics import predicted_classes


class ClassLabels(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """What classifiers have in common.

    Attributes
    ----------
    classes_ : array, (classes,)
        The labels in order; with several labels a sample, their numbers.
    """

    classes_: Array
    class_weight: Mapping[Any, float] | str | None
    #: What the network's outputs stand for: "binary", "multiclass" or "multilabel".
    _head: str

    def predict(self, X: Matrix) -> Array:
        """Return the label of each sample, (samples,), or zeros and ones (samples, labels)."""
        indices = predicted_classes(self._outputs(X), self._head)
        if self._head == "multilabel":
            return indices
        return self.classes_[np.minimum(indices, len(self.classes_) - 1)]

    def predict_proba(self, X: Matrix) -> Array:
        """Return the probability of each class, (samples, classes), in the order of `classes_`."""
        prediction = self._outputs(X)
        if self._head != "binary":
            return prediction
        if len(self.classes_) == 1:
            return np.ones_like(prediction)
        return np.hstack([1 - prediction, prediction])

    def _known(self, y: Any, labels: str) -> Any:
        check_classification_targets(y)
        several = type_of_target(y, input_name="y").startswith("multilabel")
        y = dense(y) if several else column_or_1d(y, warn=True)
        found = np.arange(y.shape[1]) if several else np.unique(y)
        if labels == "new":
            self._know(found, several)
        missing, strangers = np.setdiff1d(self.classes_, found), np.setdiff1d(found, self.classes_)
        if strangers.size or (labels == "all" and missing.size) or several != (self._head == "multilabel"):
            raise InputError(
                type(self).__name__,
                given=f"y with {'several labels' if several else f'the classes {found.tolist()}'}",
                expected=f"{'the' if labels == 'all' else 'only'} classes of before: {self.classes_.tolist()}",
                fix="Pass the same classes again, or train a new estimator without warm_start",
            )
        return y

    def _encoded(self, y: Array) -> Array:
        if self._head == "multilabel":
            return np.asarray(y, np.float64)
        indices: Array = np.searchsorted(self.classes_, y)
        return indices.reshape(-1, 1).astype(np.float64) if self._head == "binary" else indices

    def _know(self, classes: Array, several: bool) -> None:
        self.classes_ = classes
        self._head = "multilabel" if several else "binary" if len(classes) <= 2 else "multiclass"

    def _meet_classes(self, y: Any, classes: Any, goes_on: bool) -> None:
        if classes is None:
            raise InputError(
                f"{type(self).__name__}.partial_fit",
                given="no classes in the first call",
                expected="all labels that will ever come",
                fix="Pass classes=np.unique(y_of_all_samples)",
            )
        known = np.unique(np.asarray(classes))
        if not goes_on:
            self._know(known, type_of_target(y).startswith("multilabel"))
        elif not np.array_equal(known, self.classes_):
            raise InputError(
                f"{type(self).__name__}.partial_fit",
                given=f"classes={known.tolist()}",
                expected=f"{self.classes_.tolist()}, as in the first call",
                fix="Leave classes out, or train a new estimator",
            )

    def _expect_one_label(self) -> None:
        if self._head == "multilabel":
            raise InputError(
                type(self).__name__,
                given="class_weight with several labels a sample",
                expected="one label a sample",
                fix="Pass sample_weight to fit instead",
            )

    def _class_names(self) -> list[str] | None:
        return None if len(self.classes_) == 1 else [str(label) for label in self.classes_]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
