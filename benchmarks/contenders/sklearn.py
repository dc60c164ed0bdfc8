"""scikit-learn's MLPClassifier, by `fit`: its fastest way, and the one its users take.

`fit` with `warm_start` goes on from the weights that are there with a fresh optimizer, so the starting weights are put
in place of those of a first fit. It shuffles by itself; the check turns that off.
"""

from __future__ import annotations

import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload

warnings.simplefilter("ignore", ConvergenceWarning)  # every fit here is one epoch


class Sklearn:
    """One fit of so many batches is so many steps."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        X, y = work.data
        order = work.epoch().ravel()
        self.X, self.y = X[order], y[order]
        self.model = MLPClassifier(
            work.sizes[1:-1], activation=work.activation, solver=work.optimizer, alpha=0.0, batch_size=work.batch,
            learning_rate_init=work.learning_rate, max_iter=1, momentum=0.0, beta_1=BETA_1, beta_2=BETA_2,
            epsilon=EPSILON, warm_start=True, random_state=0,
        )  # fmt: skip
        first = work.batch if work.kind == "train" else 1000
        if set(self.y[:first]) != set(self.y):
            raise Unavailable("each fit must see every class, and the first batch does not")
        self.model.fit(self.X[:first], self.y[:first])
        start = work.parameters()
        for here, array in zip((*self.model.coefs_, *self.model.intercepts_), start[::2] + start[1::2], strict=True):
            here[...] = array

    def run(self, steps: int) -> None:
        samples = len(self.X) // self.work.batch
        done = 0
        while done < steps:
            now = min(steps - done, samples)
            if self.work.kind == "predict":
                self.probabilities = self.model.predict_proba(self.X[: self.work.batch])
                done += 1
            else:
                self.model.fit(self.X[: now * self.work.batch], self.y[: now * self.work.batch])
                done += now

    def run_in_order(self, steps: int) -> None:
        self.model.shuffle = False
        self.run(steps)
        self.model.shuffle = True

    def state(self) -> list[Any]:
        if self.work.kind == "predict":
            return [self.probabilities]
        return [array for pair in zip(self.model.coefs_, self.model.intercepts_, strict=True) for array in pair]


def build(work: Workload, variant: str) -> Sklearn:
    """Return a classifier for `work`, if it can do that."""
    if work.loss != "cross-entropy":
        raise Unavailable("its regressor has no activation after the last layer, and no gates")
    if work.uint8:
        raise Unavailable("it does not scale data in the batch")
    if not work.loss_value:
        raise Unavailable("fit always computes the loss")
    return Sklearn(work)
