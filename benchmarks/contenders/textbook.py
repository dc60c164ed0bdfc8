"""A network in plain NumPy, as a good textbook writes it: every line an array formula that makes a new array."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from workloads import BETA_1, BETA_2, EPSILON, Workload


class Textbook:
    """Forward, backward and update by hand."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.X, self.y = work.data
        self.batches = work.batches()
        self.parameters = work.parameters()
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.t = 0

    def run(self, steps: int) -> None:
        for rows in itertools.islice(self.batches, steps):
            x, y = (self.X, self.y) if self.work.full_batch else (self.X[rows], self.y[rows])
            if self.work.uint8:
                x = x * np.float32(1 / 255)
            if self.work.kind == "predict":
                self.probabilities = softmax(self.forward(x)[-1])
            else:
                self.update(self.gates(x, y) if self.work.kind == "gates" else self.gradients(x, y))

    def forward(self, x: Any) -> list[Any]:
        """Return what goes into each layer, and what comes out of the last."""
        a, layers = [x], list(zip(self.parameters[::2], self.parameters[1::2], strict=True))
        for i, (weights, bias) in enumerate(layers):
            z = a[-1] @ weights + bias
            if i == len(layers) - 1 and self.work.loss == "cross-entropy":
                a.append(z)
            else:
                a.append(np.tanh(z) if self.work.activation == "tanh" else np.maximum(z, 0))
        return a

    def gradients(self, x: Any, y: Any) -> list[Any]:
        *a, output = self.forward(x)
        if self.work.loss == "cross-entropy":
            d = softmax(output)
            if self.work.loss_value:
                self.loss = float(-np.log(d[range(len(y)), y]).mean())
            d[range(len(y)), y] -= 1
            d /= len(y)
        else:
            if self.work.loss_value:
                self.loss = float(((output - y) ** 2).mean())
            d = 2 * (output - y) / y.size * (1 - output * output)
        gradients = []
        for i in reversed(range(len(a))):
            gradients += [d.sum(axis=0), a[i].T @ d]
            if i:
                d = d @ self.parameters[2 * i].T
                d = d * (1 - a[i] * a[i]) if self.work.activation == "tanh" else d * (a[i] > 0)
        return gradients[::-1]

    def gates(self, x: Any, y: Any) -> list[Any]:
        h, kept, gradients = x, [], []
        for w, b in zip(self.parameters[::2], self.parameters[1::2], strict=True):
            t = np.tanh(h * w + b)
            kept.append((h, t, w))
            h = h + t
        if self.work.loss_value:
            self.loss = float(((h - y) ** 2).mean())
        d = 2 * (h - y) / y.size
        for h, t, w in reversed(kept):
            dz = d * (1 - t * t)
            gradients += [dz.sum(axis=0), (dz * h).sum(axis=0)]
            d = d + dz * w
        return gradients[::-1]

    def update(self, gradients: list[Any]) -> None:
        rate = self.work.learning_rate
        if self.work.optimizer == "sgd":
            for p, g in zip(self.parameters, gradients, strict=True):
                p -= rate * g
            return
        self.t += 1
        for p, g, (m, v) in zip(self.parameters, gradients, self.moments, strict=True):
            m[...] = BETA_1 * m + (1 - BETA_1) * g
            v[...] = BETA_2 * v + (1 - BETA_2) * g * g
            p -= rate * (m / (1 - BETA_1**self.t)) / (np.sqrt(v / (1 - BETA_2**self.t)) + EPSILON)

    def state(self) -> list[Any]:
        return [self.probabilities] if self.work.kind == "predict" else self.parameters


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def build(work: Workload, variant: str) -> Textbook:
    """Return a network for `work`."""
    return Textbook(work)
