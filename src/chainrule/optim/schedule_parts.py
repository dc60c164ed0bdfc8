"""Schedules made of schedules: a warm-up before another one, and phases one after the other.

Each inner schedule sees a training of its own: its epochs counted from 0, and only its own losses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from chainrule.checks import number, whole
from chainrule.errors import InputError
from chainrule.optim.schedules import Schedule, as_schedule

Phase: TypeAlias = "tuple[int, float | Schedule]"


class Warmup(Schedule):
    """In a straight line from `initial_learning_rate` to where `then` starts, over the first `epochs`; then `then`

    Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017.

    Parameters
    ----------
    epochs : float
        How long the warm-up is, in epochs; half an epoch is fine.
    then : float or Schedule
        What comes after it, over the epochs that are left.
    initial_learning_rate : float
        The rate of the very first step.

    Examples
    --------
    >>> from chainrule.optim import CosineDecay
    >>> schedule = Warmup(2, CosineDecay(0.1))
    >>> [schedule.rate(epoch, 12, []) for epoch in (0, 1, 2, 7, 12)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        then, left = as_schedule(self.then), epochs - self.epochs
        if epoch >= self.epochs:
            return then.rate(epoch - self.epochs, left, losses[math.ceil(self.epochs) :])
        share = epoch / self.epochs
        return self.initial_learning_rate * (1 - share) + then.rate(0.0, left, ()) * share

    def __init__(self, epochs: float, then: float | Schedule, initial_learning_rate: float = 0.0) -> None:
        self.epochs = self._number("epochs", epochs, above=0, like=1)
        self.then = _kept("Warmup(then=…)", then)
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, least=0, like=0)


class Phases(Schedule):
    """One schedule, or one rate, after the other, each for its number of epochs; the last one goes on

    Parameters
    ----------
    *phase : tuple of (int, float or Schedule)
        How many epochs, and their rate.
    phases : sequence of such tuples
        The same as one sequence, which is how they are kept and stored.

    Examples
    --------
    >>> schedule = Phases((10, 1e-2), (10, 1e-3))
    >>> schedule
    Phases(phases=((10, 0.01), (10, 0.001)))
    >>> [schedule.rate(epoch, 20, []) for epoch in (0, 9.9, 10, 25)]
    [0.01, 0.01, 0.001, 0.001]
    """

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        start, (length, then) = 0, self.phases[0]
        for following in self.phases[1:]:
            if epoch < start + length:
                break
            start, (length, then) = start + length, following
        return as_schedule(then).rate(epoch - start, length, losses[start:])

    def __init__(self, *phase: Phase, phases: Sequence[Phase] = ()) -> None:
        where = "Phases"
        given = (*phase, *phases) if isinstance(phases, (list, tuple)) else (phases,)
        for pair in given or (given,):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise InputError(
                    where,
                    given=repr(pair)[:80],
                    expected="a pair of epochs and a learning rate for each phase",
                    fix="Write for example Phases((10, 1e-2), (10, 1e-3))",
                )
        self.phases = tuple(
            (whole(f"{where}, epochs of phase {i}", length), _kept(f"{where}, rate of phase {i}", then))
            for i, (length, then) in enumerate(given, 1)
        )
        self.per_epoch = all(as_schedule(then).per_epoch for _, then in self.phases)


def _kept(where: str, value: Any) -> float | Schedule:
    """Return a schedule as it is, anything else as a learning rate."""
    return value if isinstance(value, Schedule) else number(where, value, above=0)
