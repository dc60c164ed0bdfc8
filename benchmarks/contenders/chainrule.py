"""chainrule, three ways: its ops called batch by batch, the recorded step replayed, and the same record compiled."""

from __future__ import annotations

import itertools
from typing import Any

import chainrule as cr
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload


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
    """A Network and its public step."""

    def __init__(self, work: Workload, variant: str) -> None:
        self.work, self.variant = work, variant
        self.X, self.y = work.data()
        self.batches = work.batches()
        entropy = work.loss == "cross-entropy"
        layers: list[Any] = [cr.Rescale(1 / 255)] if work.uint8 else []
        for outputs, start in zip(work.sizes[1:], work.parameters()[::2], strict=True):
            given = Given(start)
            layers.append(Gate(given) if work.kind == "gates" else cr.Dense(outputs, initializer=given))
            if work.kind != "gates":
                layers.append(cr.Tanh() if work.activation == "tanh" else cr.ReLU())
        if entropy:
            layers[-1] = cr.Softmax()
        optimizer: Any = cr.SGD(work.learning_rate)
        if work.optimizer == "adam":
            optimizer = cr.Adam(work.learning_rate, BETA_1, BETA_2, EPSILON)
        self.network = cr.Network(
            layers, None if entropy else cr.MeanSquaredError(), optimizer, inputs=work.sizes[0],
            dynamic=variant == "called",
        )  # fmt: skip

    def run(self, steps: int) -> None:
        network = self.network
        for rows in itertools.islice(self.batches, steps):
            if self.work.full_batch:
                x, y = self.X, self.y
            else:
                x, y = (array.take(rows, axis=0, mode="clip") for array in (self.X, self.y))
            if self.work.kind == "predict":
                self.probabilities = network.compute(x)
            else:
                network.forward(x, y)
                network.backward()
                network.optimize()

    def state(self) -> list[Any]:
        if self.work.kind == "predict":
            return [self.probabilities]
        return [leaf.value for leaf in self.network.leaves.values() if isinstance(leaf, cr.Parameter)]


def build(work: Workload, variant: str) -> Chainrule:
    """Return a network for `work`, used in the way that `variant` names."""
    if variant != "called":
        raise Unavailable(f"it is not {variant} yet")
    return Chainrule(work, variant)
