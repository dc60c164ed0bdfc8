"""chainrule, four ways: its ops called batch by batch, the recorded step replayed, and the same record compiled.

"replayed-fast" is the recorded step once the update of a large network has been compiled, as it is after some thousand
steps where the extra `fast` is installed.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload

import chainrule as cr
from chainrule.replay import lowering


class Given(cr.Initializer):
    """Start at this array."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __call__(self, shape: tuple[int, ...], generator: Any) -> Any:
        return self.array


class Gate(cr.Layer):
    """h + tanh(h·w + b), elementwise."""

    def __init__(self, initializer: cr.Initializer) -> None:
        self.initializer = initializer

    def build(self, shape: tuple[int, ...]) -> None:
        self.weights = self.parameter("weights", shape, self.initializer)
        self.bias = self.parameter("bias", shape, cr.Zeros())

    def forward(self, x: Any) -> Any:
        return x + cr.tanh(z=x * self.weights + self.bias)


class Chainrule:
    """A Network and its public step on batches gathered to where it wants them; compiled, many steps at once."""

    def __init__(self, work: Workload, variant: str) -> None:
        self.work = work
        entropy = work.loss == "cross-entropy"
        layers: list[Any] = [cr.Rescale(1 / 255)] if work.uint8 else []
        for outputs, start in zip(work.sizes[1:], work.parameters()[::2]):
            given = Given(start)
            layers.append(Gate(given) if work.kind == "gates" else cr.Dense(outputs, initializer=given))
            if work.kind != "gates":
                layers.append(cr.Tanh() if work.activation == "tanh" else cr.ReLU())
        if entropy:
            layers[-1] = cr.Softmax()
        optimizer: Any = cr.SGD(work.learning_rate)
        if work.optimizer == "adam":
            optimizer = cr.Adam(work.learning_rate, BETA_1, BETA_2, EPSILON)
        loss = None if entropy else cr.MeanSquaredError()
        engine = {"called": "dynamic", "compiled": "compiled"}.get(variant, "replay")
        self.network = cr.Network(
            layers, loss, optimizer, inputs=work.sizes[0], engine=engine
        )  # fmt: skip
        self.X, self.y, _ = self.network.as_batch("bench", *work.data)
        self.places = self.network.record(self.X, self.y, None, work.batch) or {}
        self.epoch, self.batches, self.taken = work.epoch(), work.batches(), 0

    def run(self, steps: int) -> None:
        network, X, Y, x_place, y_place = self.network, self.X, self.y, self.places.get("x"), self.places.get("y")
        if self.network.engine == "compiled":
            self.run_compiled(steps)
        elif self.work.full_batch:
            x, y = (array.take(range(len(X)), 0, place, "clip") for array, place in ((X, x_place), (Y, y_place)))
            for _ in range(steps):
                network.step(x, y, with_loss=self.work.loss_value)
        elif self.work.kind == "predict":
            for rows in itertools.islice(self.batches, steps):
                self.probabilities = network.compute(X[rows])
        else:
            for rows in itertools.islice(self.batches, steps):
                x, y = X.take(rows, 0, x_place, "clip"), Y.take(rows, 0, y_place, "clip")
                network.step(x, y, with_loss=self.work.loss_value)

    def run_compiled(self, steps: int) -> None:
        order = self.epoch[np.arange(self.taken, self.taken + steps) % len(self.epoch)]
        rates = [self.work.learning_rate] * steps
        if self.network.steps(self.X, self.y, None, order, rates) is None:
            raise Unavailable(self.network.summary().engine)
        self.taken += steps

    def state(self) -> list[Any]:
        if self.work.kind == "predict":
            return [self.probabilities]
        return [leaf.value for leaf in self.network.leaves.values() if isinstance(leaf, cr.Parameter)]


def build(work: Workload, variant: str) -> Chainrule:
    """Return a network for `work`, used in the way that `variant` names."""
    if variant == "compiled" and work.kind == "predict":
        raise Unavailable("a prediction is no epoch")
    if variant == "compiled" and not work.loss_value:
        raise Unavailable("a compiled step always tells its loss")
    if variant == "replayed-fast":
        if work.kind == "predict" or sum(start.size for start in work.parameters()) < 2 * lowering.BLOCK:
            raise Unavailable("it has no long update to compile")
        lowering.ELEMENTS_BEFORE_COMPILING = 1  # after the first step, so that no turn waits for it
    return Chainrule(work, variant)
