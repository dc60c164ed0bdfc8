"""Whole runs of steps in one call, for a network that is compiled.

The samples, their order and the numbers are those of single steps, up to rounding; what is left of an epoch, such as
a smaller last batch, is taken step by step after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.ops.op import Array
from chainrule.training.source import ArraySource

SECONDS = 0.25  # a call lasts about so long: Ctrl-C is heard, and callbacks see the time, between calls


def leap(
    source: ArraySource,
    done: int,
    rate_at: Callable[[float], float],
    note: Callable[[Array, Array, list[float]], bool],
) -> None:
    """Take the epoch's whole batches, after those that are `done`.

    Parameters
    ----------
    source : ArraySource
    done : int
        How many batches of the epoch were taken before.
    rate_at : function
        The learning rate at a share of the epoch.
    note : function
        Called after each run of steps with their losses, the weights of their batches and their learning rates;
        returns whether to go on.
    """
    count, size, network = len(source.x), source.batch_size, source.network
    if source.augment is not None or size == count or isinstance(source.x, np.memmap):
        return
    if network.cast(source.x[:1]).dtype != source.x.dtype:
        return
    with source.peeked_order() as order:
        batches = order[: count // size * size].reshape(-1, size)
        shares = np.full(len(batches), float(size))
        if source.weights is not None:
            shares = source.weights[batches].sum(axis=1, dtype=np.float64)
            if not shares.all():  # a batch in which nobody counts is left out, step by step
                return
        steps = 1
        while done < len(batches):
            part = batches[done : done + steps]
            rates = [rate_at((done + i) * size / count) for i in range(len(part))]
            start = time.perf_counter()
            losses: Any = network.steps(source.x, source.y, source.weights, part.reshape(-1), size, rates)
            if losses is None:
                return
            seconds = time.perf_counter() - start
            going_on = note(losses, shares[done : done + len(part)], rates)
            done += len(part)
            if not going_on:
                return
            steps = max(1, min(4 * steps, int(SECONDS * len(part) / max(seconds, 1e-6))))
