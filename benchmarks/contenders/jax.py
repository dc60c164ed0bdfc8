"""JAX: a jitted step, called once a batch, and a jitted epoch that scans over the batches.

The gather is inside what is compiled, the data are on the device, and the parameters are donated.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from workloads import BETA_1, BETA_2, EPSILON, Unavailable, Workload


class Jax:
    """Pure functions of (parameters, moments, count)."""

    def __init__(self, work: Workload, variant: str) -> None:
        self.work, self.variant = work, variant
        self.X, self.y = (jnp.asarray(array) for array in work.data)
        self.rows = jnp.asarray(work.epoch(), jnp.int32)
        self.batches = itertools.cycle(list(self.rows))
        if work.kind == "predict":  # a slice of JAX's own costs more than the network
            pieces = {(rows.start, rows.stop): self.X[rows] for rows in itertools.islice(work.batches(), 16)}
            self.batches = itertools.cycle(list(pieces.values()))
        parameters = [jnp.asarray(array) for array in work.parameters()]
        zeros = [jnp.zeros_like(p) for p in parameters] if work.optimizer == "adam" else []
        self.learnt: Any = (parameters, zeros, [jnp.copy(z) for z in zeros], jnp.zeros((), jnp.float32))
        self.at = 0

    def output(self, parameters: Any, x: Any) -> Any:
        h = x * jnp.float32(1 / 255) if self.work.uint8 else x
        for i, (weights, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
            if self.work.kind == "gates":
                h = h + jnp.tanh(h * weights + bias)
            else:
                z = h @ weights + bias
                last = 2 * i + 2 == len(parameters) and self.work.loss == "cross-entropy"
                h = z if last else jnp.tanh(z) if self.work.activation == "tanh" else jax.nn.relu(z)
        return h

    def loss(self, parameters: Any, x: Any, y: Any) -> Any:
        output = self.output(parameters, x)
        if self.work.loss == "squared error":
            return jnp.mean((output - y) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(output), y[:, None], axis=1))

    def gathered(self, X: Any, y: Any, rows: Any) -> Any:
        return (X, y) if self.work.full_batch else (X[rows], y[rows])

    @partial(jax.jit, static_argnums=0)
    def predict(self, parameters: Any, x: Any) -> Any:
        return jax.nn.softmax(self.output(parameters, x))

    def update(self, learnt: Any, X: Any, y: Any, rows: Any) -> Any:
        parameters, m, v, t = learnt
        batch = self.gathered(X, y, rows)
        if self.work.loss_value:
            loss, gradients = jax.value_and_grad(self.loss)(parameters, *batch)
        else:
            loss, gradients = None, jax.grad(self.loss)(parameters, *batch)
        rate, t = self.work.learning_rate, t + 1
        if self.work.optimizer == "sgd":
            return ([p - rate * g for p, g in zip(parameters, gradients, strict=True)], m, v, t), loss
        m = [BETA_1 * a + (1 - BETA_1) * g for a, g in zip(m, gradients, strict=True)]
        v = [BETA_2 * a + (1 - BETA_2) * g * g for a, g in zip(v, gradients, strict=True)]
        step, root = rate / (1 - BETA_1**t), jnp.sqrt(1 - BETA_2**t)
        moved = [p - step * a / (jnp.sqrt(b) / root + EPSILON) for p, a, b in zip(parameters, m, v, strict=True)]
        return (moved, m, v, t), loss

    @partial(jax.jit, static_argnums=0, donate_argnums=1)
    def step(self, learnt: Any, X: Any, y: Any, rows: Any) -> Any:
        return self.update(learnt, X, y, rows)

    @partial(jax.jit, static_argnums=0, donate_argnums=1)
    def scan(self, learnt: Any, X: Any, y: Any, rows: Any) -> Any:
        return jax.lax.scan(lambda carried, chosen: self.update(carried, X, y, chosen), learnt, rows)

    def run(self, steps: int) -> None:
        if self.work.kind == "predict":
            for x in itertools.islice(self.batches, steps):
                self.probabilities = self.predict(self.learnt[0], x).block_until_ready()
        elif self.variant == "scan":
            rows = self.rows[(jnp.arange(steps) + self.at) % len(self.rows)]
            self.learnt, losses = self.scan(self.learnt, self.X, self.y, rows)
            self.at += steps
            jax.block_until_ready((self.learnt, losses))
        else:
            for rows in itertools.islice(self.batches, steps):
                self.learnt, loss = self.step(self.learnt, self.X, self.y, rows)
                if loss is not None:
                    float(loss)
            jax.block_until_ready(self.learnt)

    def state(self) -> list[Any]:
        return [self.probabilities] if self.work.kind == "predict" else list(self.learnt[0])


def build(work: Workload, variant: str) -> Jax:
    """Return a network for `work` that is trained by steps, or by epochs if `variant` is "scan"."""
    if variant == "scan" and work.kind == "predict":
        raise Unavailable("a prediction is no epoch")
    return Jax(work, variant)
