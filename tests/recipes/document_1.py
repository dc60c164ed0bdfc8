"""The first founding document's program, written down as plainly as it is there: column vectors, a sample at a time.

It shares no line with chainrule, so that both can be compared to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]).reshape(4, 2, 1)
Y = np.array([[0], [1], [1], [0]]).reshape(4, 1, 1)


class Dense:
    """z = W a + b, with weights and biases from N(0, 1)."""

    def __init__(self, inputs: int, outputs: int, generator: np.random.Generator) -> None:
        self.weights = generator.normal(size=(outputs, inputs))
        self.bias = generator.normal(size=(outputs, 1))

    def forward(self, a: Any) -> Any:
        self.input = a
        return self.weights @ a + self.bias

    def backward(self, gradient: Any, learning_rate: float) -> Any:
        back = self.weights.T @ gradient
        self.weights -= learning_rate * (gradient @ self.input.T)
        self.bias -= learning_rate * gradient
        return back


class Tanh:
    """a = tanh(z)."""

    def forward(self, z: Any) -> Any:
        self.input = z
        return np.tanh(z)

    def backward(self, gradient: Any, learning_rate: float) -> Any:
        return gradient * (1 - np.tanh(self.input) ** 2)


@dataclass(frozen=True)
class Run:
    """What the program came to: its start, its end, and the error of the last epoch."""

    start: list[Any]
    end: list[Any]
    error: float


def run(generator: np.random.Generator, epochs: int = 1000, learning_rate: float = 0.1) -> Run:
    """Train 2-3-1 on XOR from a start that this generator draws."""
    dense = Dense(2, 3, generator), Dense(3, 1, generator)
    layers = [dense[0], Tanh(), dense[1], Tanh()]

    def arrays() -> list[Any]:
        return [array.copy() for layer in dense for array in (layer.weights, layer.bias)]

    start, error = arrays(), 0.0
    for _ in range(epochs):
        error = 0.0
        for x, y in zip(X, Y, strict=True):
            output = x
            for layer in layers:
                output = layer.forward(output)
            error += np.mean((y - output) ** 2)
            gradient = 2 * (output - y) / np.size(y)
            for layer in reversed(layers):
                gradient = layer.backward(gradient, learning_rate)
        error /= len(X)
    return Run(start, arrays(), float(error))


def from_the_same_start(theirs: Run, epochs: int = 1000) -> tuple[list[Any], float]:
    """Train the recipe `xor-document` from the start of a run; return its parameters as columns, and its last loss."""
    import chainrule as cr
    from chainrule import recipes
    from chainrule.recipes.build import build
    from chainrule.recipes.run import batching
    from chainrule.recipes.samples import gather

    recipe = recipes.load("xor-document")
    samples = gather(recipe)
    network = build(recipe, samples)
    ours = [getattr(network.layers[i], name) for i in (0, 2) for name in ("weights", "bias")]
    for parameter, array in zip(ours, theirs.start, strict=True):
        parameter.assign(array.T.reshape(parameter.shape))
    history = cr.train(network, *samples.train, epochs=epochs, verbose=False, **batching(recipe))
    return [parameter.value.T.reshape(array.shape) for parameter, array in zip(ours, theirs.end)], history.final_loss
