"""Keras on JAX, by `fit`: an epoch of so many batches is so many steps, its compiled path.

It shuffles by itself; the check turns that off.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload


class Keras:
    """A Sequential, compiled."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        X, y = work.data
        order = work.epoch().ravel()
        self.X, self.y = X[order], y[order]
        ends = work.loss == "cross-entropy"
        self.model = keras.Sequential([keras.Input((work.sizes[0],))])
        if work.uint8:
            self.model.add(layers.Rescaling(1 / 255))
        for i, size in enumerate(work.sizes[1:], start=2):
            self.model.add(layers.Dense(size, None if ends and i == len(work.sizes) else work.activation))
        self.model.set_weights(work.parameters())
        rate = work.learning_rate
        if work.optimizer == "adam":
            optimizer = keras.optimizers.Adam(rate, BETA_1, BETA_2, EPSILON)
        else:
            optimizer = keras.optimizers.SGD(rate)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if ends else "mean_squared_error"
        self.model.compile(optimizer, loss)

    def run(self, steps: int, shuffle: bool = True) -> None:
        epoch = len(self.X) // self.work.batch
        while steps > 0:
            now = min(steps, epoch)
            samples = now * self.work.batch
            if self.work.kind == "predict":
                now = 1
                self.probabilities = keras.ops.softmax(self.model.predict_on_batch(self.X[: self.work.batch]))
            elif self.work.full_batch:
                self.model.fit(self.X, self.y, samples, epochs=steps, verbose=0)
                now = steps
            else:
                x, y = self.X[:samples], self.y[:samples]
                self.model.fit(x, y, self.work.batch, verbose=0, shuffle=shuffle)
            steps -= now

    def run_in_order(self, steps: int) -> None:
        self.run(steps, shuffle=False)

    def state(self) -> list[Any]:
        return [self.probabilities] if self.work.kind == "predict" else list(self.model.get_weights())


def build(work: Workload, variant: str) -> Keras:
    """Return a model for `work`, if it is made of layers."""
    if work.kind == "gates":
        raise Unavailable("a graph of single ops is no stack of layers")
    if not work.loss_value:
        raise Unavailable("fit always computes the loss")
    return Keras(work)
