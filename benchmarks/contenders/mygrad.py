"""MyGrad: automatic differentiation over NumPy, with its memory guard off, as its documentation advises for speed."""

from __future__ import annotations

import itertools
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet.activations import relu
from mygrad.nnet.losses import softmax_crossentropy
from workloads import BETA_1, BETA_2, EPSILON, Workload

mg.turn_memory_guarding_off()


class MyGrad:
    """Tensors, and an update by hand: it has no optimizers."""

    def __init__(self, work: Workload) -> None:
        self.work = work
        self.X, self.y = work.data
        self.batches = work.batches()
        self.parameters = [mg.tensor(array) for array in work.parameters()]
        self.moments = [(np.zeros_like(p.data), np.zeros_like(p.data)) for p in self.parameters]
        self.t = 0

    def output(self, x: Any) -> Any:
        h = x * np.float32(1 / 255) if self.work.uint8 else x
        for i, (weights, bias) in enumerate(zip(self.parameters[::2], self.parameters[1::2], strict=True)):
            if self.work.kind == "gates":
                h = h + mg.tanh(h * weights + bias)
            else:
                z = mg.matmul(h, weights) + bias
                last = 2 * i + 2 == len(self.parameters) and self.work.loss == "cross-entropy"
                h = z if last else mg.tanh(z) if self.work.activation == "tanh" else relu(z)
        return h

    def run(self, steps: int) -> None:
        for rows in itertools.islice(self.batches, steps):
            x, y = (self.X, self.y) if self.work.full_batch else (self.X[rows], self.y[rows])
            if self.work.kind == "predict":
                with mg.no_autodiff:
                    self.probabilities = mg.nnet.activations.softmax(self.output(x)).data
                continue
            output = self.output(x)
            entropy = self.work.loss == "cross-entropy"
            loss = softmax_crossentropy(output, y) if entropy else mg.mean((output - y) ** 2)
            loss.backward()
            if self.work.loss_value:
                loss.item()
            self.update()

    def update(self) -> None:
        rate, self.t = self.work.learning_rate, self.t + 1
        for p, (m, v) in zip(self.parameters, self.moments, strict=True):
            if self.work.optimizer == "sgd":
                p.data -= rate * p.grad
            else:
                m[...] = BETA_1 * m + (1 - BETA_1) * p.grad
                v[...] = BETA_2 * v + (1 - BETA_2) * p.grad**2
                p.data -= rate * (m / (1 - BETA_1**self.t)) / (np.sqrt(v / (1 - BETA_2**self.t)) + EPSILON)

    def state(self) -> list[Any]:
        return [self.probabilities] if self.work.kind == "predict" else [p.data for p in self.parameters]


def build(work: Workload, variant: str) -> MyGrad:
    """Return a network for `work`."""
    return MyGrad(work)
