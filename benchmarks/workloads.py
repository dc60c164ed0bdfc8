"""What is measured: networks, data and the order of the batches, the same numbers for every contender.

A workload makes its own data and starting weights from fixed seeds, so that processes in different environments start
alike without handing anything over; `digest` proves it. `loss` judges what a contender has learnt, in float64.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BETA_1, BETA_2 = 0.9, 0.999  # Adam's, for everybody
EPSILON = 1e-12  # small enough not to matter where it is added, on which libraries differ


class Unavailable(Exception):
    """What a contender can't do, and why."""


@dataclass(frozen=True)
class Workload:
    """A network and how it is used.

    `kind` is "train" (a step: gather a batch, forward, backward, update), "predict" (probabilities of a batch), or
    "gates": training a chain of h ← h + tanh(h·w + b), elementwise, each op so small that only overhead is measured.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    optimizer: str = "sgd"
    kind: str = "train"
    activation: str = "relu"
    loss: str = "cross-entropy"
    learning_rate: float = 0.01
    samples: int = 60_000
    uint8: bool = False  # the data stay bytes and are scaled to 0 … 1 in the batch
    loss_value: bool = True  # each step tells its loss

    @property
    def full_batch(self) -> bool:
        """Whether the data are the batch, so that nothing is gathered."""
        return self.samples == self.batch

    @functools.cached_property
    def data(self) -> tuple[Array, Array]:
        """Inputs and targets: class indices, or numbers for the squared error."""
        if self.name.startswith("W1"):
            return np.array([[0, 0], [0, 1], [1, 0], [1, 1]], "f4"), np.array([[0], [1], [1], [0]], "f4")
        rng = np.random.default_rng(1)
        if self.kind == "gates":
            shape = (self.samples, self.sizes[0])
            return rng.standard_normal(shape, "f4"), np.ones(shape, "f4")
        X = rng.integers(0, 256, (self.samples, self.sizes[0]), np.uint8)
        teacher = rng.standard_normal((self.sizes[0], self.sizes[-1]), "f4")
        scaled = np.multiply(X, np.float32(1 / 255), dtype="f4")
        return (X if self.uint8 else scaled), ((scaled - 0.5) @ teacher).argmax(axis=1)

    @property
    def moved(self) -> int:
        """The bytes that a step must read and write beside its products, each array as often as no trick can spare.

        A batch is fetched (read, written; bytes are then scaled). An activation reads and writes; on the way back it
        is read beside the gradient, which is written. An update reads the gradient, and reads and writes the weights
        and each of the optimizer's moments.
        """
        hidden = 4 * self.batch * sum(self.sizes[1:])
        if self.kind == "predict":
            return 2 * hidden
        fetched = self.batch * self.sizes[0] * (2 + 5 if self.uint8 else 8) * (not self.full_batch)
        weights = sum(inputs * outputs + outputs for inputs, outputs in itertools.pairwise(self.sizes))
        return fetched + 5 * hidden + 4 * weights * (7 if self.optimizer == "adam" else 3)

    def parameters(self) -> list[Array]:
        """Return the starting weights and biases of each layer in turn, as new arrays."""
        rng = np.random.default_rng(2)
        arrays: list[Array] = []
        for inputs, outputs in itertools.pairwise(self.sizes):
            deviation = math.sqrt((2 if self.activation == "relu" else 1) / inputs)
            shape = (outputs,) if self.kind == "gates" else (inputs, outputs)
            arrays += [rng.standard_normal(shape, "f4") * np.float32(deviation), np.zeros(outputs, "f4")]
        return arrays

    def epoch(self) -> Array:
        """Return the rows of each batch of an epoch, (batches, batch); those to predict lie one after the other."""
        order = (
            np.arange(self.samples) if self.kind == "predict" else np.random.default_rng(3).permutation(self.samples)
        )
        return order[: self.samples // self.batch * self.batch].reshape(-1, self.batch)

    def batches(self) -> Iterator[Any]:
        """Walk over the rows of the batches for ever; what is to be predicted needn't be gathered, and is a slice."""
        if self.kind == "predict":
            starts = range(0, min(self.samples, 16 * self.batch) - self.batch + 1, self.batch)
            return itertools.cycle([slice(start, start + self.batch) for start in starts])
        return itertools.cycle(list(self.epoch()))

    def digest(self) -> str:
        """Return a hash of all that a contender starts from."""
        digest = hashlib.sha256()
        for array in (*self.data, *self.parameters(), self.epoch()):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def judge(self, arrays: Sequence[Array]) -> float:
        """Return the loss, over the first 1000 samples, of what a contender has learnt.

        For predictions `arrays` are the probabilities of the first batch instead.
        """
        X, y = self.data
        X, y = X[:1000].astype("f8"), y[:1000]
        if self.kind == "predict":
            rows = self.epoch()[0]
            return float(-np.log(np.asarray(arrays[0], "f8")[range(len(rows)), self.data[1][rows]]).mean())
        h = X / 255 if self.uint8 else X
        layers = list(zip(arrays[::2], arrays[1::2]))
        for i, (weights, bias) in enumerate(layers):
            if self.kind == "gates":
                h = h + np.tanh(h * weights + bias)
            else:
                z = h @ np.asarray(weights, "f8") + bias
                last = i == len(layers) - 1 and self.loss == "cross-entropy"
                h = z if last else np.tanh(z) if self.activation == "tanh" else np.maximum(z, 0)
        if self.loss == "squared error":
            return float(np.square(h - y).mean())
        return float((np.logaddexp.reduce(h, axis=1) - h[range(len(y)), y]).mean())


def _tables() -> Iterator[Workload]:
    w1 = Workload("W1", (2, 3, 1), 4, activation="tanh", loss="squared error", learning_rate=0.1, samples=4)
    w2 = Workload("W2", (784, 16, 16, 10), 64)
    w3 = Workload("W3-sgd", (784, 200, 100, 10), 64)
    w3_adam = replace(w3, name="W3-adam", optimizer="adam", learning_rate=0.0001)
    w4 = replace(w3, name="W4", batch=512)
    w5 = replace(w3_adam, name="W5", sizes=(784, 1024, 1024, 10), batch=256)
    for work in (w1, w2, replace(w2, name="W2-uint8", uint8=True), w3, w3_adam, w4, w5):
        yield work
        yield replace(work, name=f"{work.name}-silent", loss_value=False)
    yield replace(w3, name="W6-1", kind="predict", batch=1)
    yield replace(w3, name="W6-10000", kind="predict", batch=10_000)


def _sweeps() -> Iterator[Workload]:
    base = Workload("", (784, 200, 100, 10), 64)
    for width in (64, 128, 256, 512, 1024, 2048):
        yield replace(base, name=f"width-{width}", sizes=(784, width, width, 10))
    for batch in (1, 4, 16, 64, 256, 1024, 4096):
        yield replace(base, name=f"batch-{batch}", batch=batch)
    for depth in (2, 5, 10, 20, 50, 100, 200):
        yield replace(base, name=f"depth-{depth}", sizes=(784, *[64] * (depth - 1), 10), activation="tanh")
    for gates in (10, 50, 200):
        yield Workload(
            f"gates-{gates}", (16,) * (gates + 1), 16, kind="gates", activation="tanh", loss="squared error",
            learning_rate=0.001, samples=16,
        )  # fmt: skip


TABLES = {work.name: work for work in _tables()}
SWEEPS = {work.name: work for work in _sweeps()}
