"""The floor: the matrix products of a step and nothing else, into buffers that are there already.

No gather, no bias, no activation, no update: what a library on NumPy could reach if everything but the products were
free. For gates there are no products; there it is the bare elementwise calls of both passes.

The roofline is the floor and one copy, which moves as many bytes as a step must move beside its products: what the
machine allows whoever fuses all else perfectly, and can't overlap the two.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from workloads import Unavailable, Workload


class Floor:
    """A list of calls, each of which writes into its last argument."""

    def __init__(self, work: Workload) -> None:
        rng = np.random.default_rng(0)
        sizes, weights = work.sizes, work.parameters()[::2]
        a = [rng.standard_normal((work.batch, size), "f4") for size in sizes]
        self.calls: list[tuple[Any, tuple[Any, ...]]] = []
        if work.kind == "gates":
            self.add_gates(a[0], weights)
            return
        for i, w in enumerate(weights):
            self.calls.append((np.matmul, (a[i], w, a[i + 1])))
        if work.kind == "predict":
            return
        d = [rng.standard_normal((work.batch, size), "f4") for size in sizes]
        for i, w in reversed(list(enumerate(weights))):
            product = np.matmul if work.batch > 1 else np.dot  # matmul takes outer products past BLAS, 5x slower
            self.calls.append((product, (a[i].T, d[i + 1], np.empty_like(w))))
            if i:  # nobody needs the gradient into the data
                self.calls.append((np.matmul, (d[i + 1], w.T, d[i])))

    def add_gates(self, x: Any, weights: list[Any]) -> None:
        a = [x] + [np.empty_like(x) for _ in weights]
        t = [np.empty_like(x) for _ in weights]
        d, z, other, row = np.empty_like(x), np.empty_like(x), np.empty_like(x), np.empty_like(weights[0])
        one, ones = np.array(1, "f4"), np.ones(len(x), "f4")
        for w, t_i, (h, after) in zip(weights, t, itertools.pairwise(a)):
            self.calls += [(np.multiply, (h, w, t_i)), (np.add, (t_i, w, t_i))]
            self.calls += [(np.tanh, (t_i, t_i)), (np.add, (h, t_i, after))]
        self.calls.append((np.copyto, (d, x)))
        for w, t_i, h in reversed(list(zip(weights, t, a))):
            self.calls += [(np.multiply, (t_i, t_i, z)), (np.subtract, (one, z, z)), (np.multiply, (d, z, z))]
            self.calls += [(ones.dot, (z, row)), (np.multiply, (z, h, other)), (ones.dot, (other, row))]
            self.calls += [(np.multiply, (z, w, z)), (np.add, (d, z, d))]

    def run(self, steps: int) -> None:
        calls = self.calls
        for _ in range(steps):
            for function, arguments in calls:
                function(*arguments)

    def state(self) -> None:
        """It learns nothing."""


def build(work: Workload, variant: str) -> Floor:
    """Return the products of `work`, with a copy of what else must be moved if `variant` is the roofline."""
    floor = Floor(work)
    if variant == "roofline":
        if work.kind == "gates":
            raise Unavailable("its floor moves all there is to move")
        source = np.ones(work.moved // 2, np.uint8)  # a copy reads and writes
        floor.calls.append((np.copyto, (np.zeros_like(source), source)))
    return floor
