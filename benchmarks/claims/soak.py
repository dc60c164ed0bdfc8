"""Train for as many steps as the first argument says; print by how many bytes the process has grown since the first."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import chainrule as cr

A_EPOCH = 1000


def resident() -> int:
    """Return the memory that this process holds now, in bytes."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the most it ever held will do where growth is asked
    return peak if sys.platform == "darwin" else peak * 1024


def main() -> None:
    """Train twice: until everything has its place, and then as long as asked."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((4 * A_EPOCH, 2)).astype(np.float32)
    y = (X[:, :1] * X[:, 1:] > 0).astype(np.float32)
    layers: list[cr.Layer | cr.Op] = [cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]
    network = cr.Network(layers, optimizer=cr.Adam(0.001))
    cr.train(network, X, y, epochs=10, batch_size=4)
    before = resident()
    cr.train(network, X, y, epochs=int(sys.argv[1]) // A_EPOCH, batch_size=4)
    print(resident() - before)


if __name__ == "__main__":
    with threadpool_limits(limits=1, user_api="blas"):
        main()
