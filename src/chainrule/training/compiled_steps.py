"""Whole runs of steps in one call, for a network that is compiled: the steps of an epoch, or many epochs.

The samples, their order and the numbers are those of single steps, up to rounding; what is left of an epoch, such as
a smaller last batch, is taken step by step after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from chainrule.errors import NonFiniteError
from chainrule.ops.op import Array
from chainrule.optim.optimizer import SETTLING
from chainrule.training.batch_source import ArraySource

MOST = 2**22  # numbers that a call of many epochs may hold: of the order, and of the parameters after each epoch
SECONDS = 0.25  # a call lasts about so long: Ctrl-C is heard, and callbacks see the time, between calls


def take_steps(
    source: ArraySource, done: int, rate_at: Callable[[float], float]
) -> Generator[tuple[Array, Array, list[float]], None, None]:
    """Take the epoch's whole batches, after those that are `done`.

    Parameters
    ----------
    source : ArraySource
    done : int
        How many batches of the epoch were taken before.
    rate_at : function
        The learning rate at a share of the epoch.

    Yields
    ------
    (losses, weights, rates)
        After each run of steps: their losses, of several heads a row for each step, the weights of their batches, and
        their learning rates.
    """
    count, size, network = source.count, source.batch_size, source.network
    if size == count or not _in_memory(source):  # of all samples at once a single step is as fast
        return
    with source.peeked_order() as order:
        batches = order[: count // size * size].reshape(-1, size)
        shares = np.full(len(batches), float(size))
        if source.weights is not None:
            shares = _shares(source.weights, batches)
            if not shares.all():  # a batch in which nobody counts is left out, step by step
                return
        steps = 1
        while done < len(batches):
            part = batches[done : done + steps]
            rates = [rate_at((done + i) * size / count) for i in range(len(part))]
            start = time.perf_counter()
            with network.hold.stepping():
                losses: Any = network.steps(source.x, source.y, source.weights, part, rates)
            if losses is None:
                return
            seconds = time.perf_counter() - start
            yield losses, shares[done : done + len(part)], rates
            done += len(part)
            steps = max(1, min(4 * steps, int(SECONDS * len(part) / max(seconds, 1e-6))))


def take_epochs(
    source: ArraySource, left: int, rate: float
) -> Generator[tuple[Array, Array, Array, float], None, None]:
    """Take whole epochs, many in a call, as long as that is possible and nothing goes wrong.

    Where a loss or a gradient is not finite, none of the epochs of that call has been taken: which step it was is
    for single epochs to find out.

    Parameters
    ----------
    source : ArraySource
    left : int
        How many epochs are to be taken.
    rate : float
        The learning rate of all of them.

    Yields
    ------
    (losses, weights, parameters, seconds)
        After each call: the losses of its steps and the weights of their batches, (epochs, steps), of several heads
        the loss and theirs, (epochs, steps, 1 + heads); the parameters
        after each epoch, and the seconds an epoch took.
    """
    count, size, network = source.count, source.batch_size, source.network
    weights = source.weights
    if count % size or not _in_memory(source) or (weights is not None and not weights.all()):
        return
    if network.graph("training").updates:  # the best states are found epoch by epoch
        return
    most = max(1, MOST // max(count, network.parameters.size))
    epochs = 1
    while left:
        settled = -(-(SETTLING - network.optimizer_state.step % SETTLING) // (count // size))  # after so many epochs
        epochs = min(epochs, left, most, settled)
        before = network.snapshot()
        orders = np.concatenate([source.drawn_order() for _ in range(epochs)]).reshape(-1, size)
        copies = np.empty((epochs, network.parameters.size), network.parameters.dtype)
        start = time.perf_counter()
        steps = epochs * (count // size)
        try:
            with network.hold.stepping():
                losses = network.steps(source.x, source.y, weights, orders, [rate] * steps, copies)
        except NonFiniteError:
            network.restore(before)
            return
        if losses is None:
            network.restore(before)
            return
        seconds = time.perf_counter() - start
        shares = np.full(steps, float(size))
        if weights is not None:
            shares = _shares(weights, orders)
        yield losses.reshape(epochs, -1, *losses.shape[1:]), shares.reshape(epochs, -1), copies, seconds / epochs
        left -= epochs
        epochs = max(1, min(8 * epochs, int(SECONDS * epochs / max(seconds, 1e-6))))


def _shares(weights: Array, batches: Array) -> Array:
    """Return the sum of the weights in each batch."""
    shares: Array = weights[batches].reshape(len(batches), -1).sum(axis=1, dtype=np.float64)
    return shares


def _in_memory(source: ArraySource) -> bool:
    """Whether samples lie where compiled steps can read them, as they are."""
    if source.augment is not None or isinstance(source.x, np.memmap):
        return False
    return source.network.cast(source.x[:1]).dtype == source.x.dtype
