"""PyTorch on the CPU: eager, as its tutorials write a training loop, and with model and loss under torch.compile."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload


class Gate(nn.Module):
    """h + tanh(h·w + b), elementwise."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(size)), nn.Parameter(torch.empty(size))

    def forward(self, h: Any) -> Any:
        return h + torch.tanh(h * self.weight + self.bias)


class Torch:
    """A Sequential, a functional loss and an optimizer."""

    def __init__(self, work: Workload, variant: str) -> None:
        self.work = work
        self.X, self.y = (torch.from_numpy(array) for array in work.data)
        predicting = work.kind == "predict"
        self.batches = work.batches() if predicting else itertools.cycle(map(torch.from_numpy, list(work.epoch())))
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(work.sizes):
            layers.append(Gate(outputs) if work.kind == "gates" else nn.Linear(inputs, outputs))
            if work.kind != "gates":
                layers.append(nn.Tanh() if work.activation == "tanh" else nn.ReLU())
        self.network = nn.Sequential(*(layers[:-1] if work.loss == "cross-entropy" else layers))
        with torch.no_grad():
            for parameter, start in zip(self.network.parameters(), work.parameters(), strict=True):
                parameter.copy_(torch.from_numpy(start).T)
        rate = work.learning_rate
        self.optimizer: Any = torch.optim.SGD(self.network.parameters(), rate)
        if work.optimizer == "adam":
            self.optimizer = torch.optim.Adam(self.network.parameters(), rate, (BETA_1, BETA_2), EPSILON)
        self.call = self.predict if work.kind == "predict" else self.loss
        if variant == "compiled":
            self.call = torch.compile(self.call)

    def loss(self, x: Any, y: Any) -> Any:
        output = self.network(x * (1 / 255) if self.work.uint8 else x)
        loss = functional.cross_entropy if self.work.loss == "cross-entropy" else functional.mse_loss
        return loss(output, y)

    def predict(self, x: Any, y: Any) -> Any:
        with torch.inference_mode():
            return torch.softmax(self.network(x), dim=1)

    def run(self, steps: int) -> None:
        for rows in itertools.islice(self.batches, steps):
            x, y = (self.X, self.y) if self.work.full_batch else (self.X[rows], self.y[rows])
            result = self.call(x, y)
            if self.work.kind == "predict":
                self.probabilities = result
                continue
            self.optimizer.zero_grad()
            result.backward()
            self.optimizer.step()
            if self.work.loss_value:
                result.item()

    def state(self) -> list[Any]:
        if self.work.kind == "predict":
            return [self.probabilities.numpy()]
        return [parameter.detach().numpy().T for parameter in self.network.parameters()]


def build(work: Workload, variant: str) -> Torch:
    """Return a network for `work`: eager, or compiled if `variant` says so."""
    if variant == "compiled" and len(work.sizes) > 60:
        raise Unavailable("compiling so many layers takes minutes")
    return Torch(work, variant)
