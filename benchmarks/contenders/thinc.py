"""thinc: layers as functions that return their own backward, with its default NumPy ops (blis products)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from thinc.api import SGD, Adam, Linear, Model, Relu, chain
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload


class Thinc:
    """A chain of layers, the derivative of the loss by hand, and finish_update."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.X, self.y = work.data
        self.one_hot = np.eye(work.sizes[-1], dtype="f4")[self.y]
        self.batches = work.batches()
        pairs = list(itertools.pairwise(work.sizes))
        parts: list[Model[Any, Any]] = [Relu(outputs, inputs) for inputs, outputs in pairs[:-1]]
        self.model: Model[Any, Any] = chain(*parts, Linear(*pairs[-1][::-1])).initialize()
        start = work.parameters()
        for i, layer in enumerate(self.model.layers):
            layer.set_param("W", np.ascontiguousarray(start[2 * i].T))
            layer.set_param("b", start[2 * i + 1])
        settings = {"L2": 0.0, "grad_clip": 0.0, "use_averages": False}
        self.optimizer = SGD(work.learning_rate, **settings)
        if work.optimizer == "adam":
            self.optimizer = Adam(work.learning_rate, beta1=BETA_1, beta2=BETA_2, eps=EPSILON, **settings)

    def run(self, steps: int) -> None:
        for rows in itertools.islice(self.batches, steps):
            x = self.X[rows]
            if self.work.uint8:
                x = x * np.float32(1 / 255)
            if self.work.kind == "predict":
                self.probabilities = self.model.ops.softmax(self.model.predict(x))
                continue
            y = self.one_hot[rows]
            output, backward = self.model.begin_update(x)
            p = self.model.ops.softmax(output)
            if self.work.loss_value:
                self.loss = float(-np.log((p * y).sum(axis=1)).mean())
            backward((p - y) / np.float32(len(y)))
            self.model.finish_update(self.optimizer)

    def state(self) -> list[Any]:
        if self.work.kind == "predict":
            return [self.probabilities]
        return [a for layer in self.model.layers for a in (layer.get_param("W").T, layer.get_param("b"))]


def build(work: Workload, variant: str) -> Thinc:
    """Return a model for `work`, if it is one of rectifiers before a softmax."""
    if work.activation != "relu" or work.loss != "cross-entropy":
        raise Unavailable("it has no tanh layer")
    return Thinc(work)
