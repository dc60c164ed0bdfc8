"""Schedules: which learning rate to use when.

A schedule is a pure function of how far training is and of the losses so far. It remembers nothing, so a resumed
run has the rates of the run that was never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from chainrule.checks import number, whole
from chainrule.errors import InputError
from chainrule.settings import Configured
from chainrule.words import value_fix


class Schedule(Configured):
    """A learning rate that changes; subclasses write `rate`.

    Attributes
    ----------
    per_epoch : bool
        Whether the rate stays the same within an epoch, so that once an epoch is often enough to ask.
    """

    words = "schedule"
    per_epoch: bool = False

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        """Return the learning rate.

        Parameters
        ----------
        epoch : float
            How many epochs are done, fractions counted: steps taken divided by steps per epoch, so 0 at the start.
        epochs : float
            How many epochs are planned in all.
        losses : sequence of float
            The monitored loss of each finished epoch.
        """
        raise NotImplementedError

    def _number(self, setting: str, value: Any, **limits: float) -> float:
        return number(f"{type(self).__name__}({setting}=…)", value, **limits)

    def _whole(self, setting: str, value: Any) -> int:
        return whole(f"{type(self).__name__}({setting}=…)", value)


def as_schedule(value: float | Schedule | str, where: str = "as_schedule") -> Schedule:
    """Return a schedule as it is, and a number as a `ConstantRate`.

    >>> as_schedule(0.1)
    ConstantRate(learning_rate=0.1)
    """
    if isinstance(value, str):
        kinds = {kind.__name__ for kind in Schedule.__subclasses__() if kind.__module__.startswith(__package__)}
        raise InputError(
            where,
            given=f"{value!r:.60} as the learning rate",
            expected="a number, such as 0.01, or a schedule",
            fix=value_fix(value, sorted(name for name in kinds if not name.startswith("_")), part=True),
        )
    return value if isinstance(value, Schedule) else ConstantRate(value)


class ConstantRate(Schedule):
    """η = learning_rate

    >>> ConstantRate(0.1).rate(5, 10, [])
    0.1
    """

    per_epoch = True

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        return self.learning_rate

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = self._number("learning_rate", learning_rate, above=0)


class StepDecay(Schedule):
    """η = η₀ · factor^⌊epoch / every⌋,  η₀ = initial_learning_rate

    >>> [StepDecay(0.1, factor=0.5, every=2).rate(epoch, 6, []) for epoch in range(6)]
    [0.1, 0.1, 0.05, 0.05, 0.025, 0.025]
    """

    per_epoch = True

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        return self.initial_learning_rate * math.pow(self.factor, epoch // self.every)

    def __init__(self, initial_learning_rate: float, factor: float = 0.5, every: int = 10) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, above=0)
        self.factor = self._number("factor", factor, above=0, most=1, like=0.5)
        self.every = self._whole("every", every)


class ExponentialDecay(Schedule):
    """η = η₀ · factor^epoch,  η₀ = initial_learning_rate: falling a little at every step

    >>> ExponentialDecay(0.1, factor=0.5).rate(2, 10, [])
    0.025
    """

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        return self.initial_learning_rate * math.pow(self.factor, epoch)

    def __init__(self, initial_learning_rate: float, factor: float = 0.95) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, above=0)
        self.factor = self._number("factor", factor, above=0, most=1, like=0.95)


class CosineDecay(Schedule):
    """η = η₀ · c + η₁ · (1 − c),  c = (1 + cos(π · epoch / epochs)) / 2: from `initial_learning_rate` to the final one

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017, without the restarts.

    >>> schedule = CosineDecay(0.1)
    >>> schedule.rate(0, 10, []), schedule.rate(5, 10, []), schedule.rate(10, 10, [])
    (0.1, 0.05, 0.0)
    """

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        return _along_cosine(self.initial_learning_rate, self.final_learning_rate, _share(epoch, epochs))

    def __init__(self, initial_learning_rate: float, final_learning_rate: float = 0.0) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, above=0)
        self.final_learning_rate = self._number(
            "final_learning_rate", final_learning_rate, least=0, most=self.initial_learning_rate, like=0
        )


class OneCycle(Schedule):
    """Up from a small rate to `maximum_learning_rate`, then down to a tiny one: half a cosine each

    Large steps in the middle find a wide valley, small ones at the end its floor. The paper also lowers the momentum
    while the rate is high; here it stays.

    Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates", 2018.

    Parameters
    ----------
    maximum_learning_rate : float
        The highest rate.
    initial_learning_rate : float, optional
        The rate at the start; maximum_learning_rate / 25 where left out.
    final_learning_rate : float, optional
        The rate at the end; maximum_learning_rate / 10⁴ where left out.
    warmup : float
        Which share of all epochs goes up, above 0 and below 1.

    Examples
    --------
    >>> schedule = OneCycle(0.1)
    >>> schedule.rate(0, 10, []), schedule.rate(3, 10, []), schedule.rate(10, 10, [])
    (0.004, 0.1, 1e-05)
    """

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        share, top = _share(epoch, epochs), self.maximum_learning_rate
        if share < self.warmup:
            return _along_cosine(self.initial_learning_rate, top, share / self.warmup)
        return _along_cosine(top, self.final_learning_rate, (share - self.warmup) / (1 - self.warmup))

    def __init__(
        self,
        maximum_learning_rate: float,
        initial_learning_rate: float | None = None,
        final_learning_rate: float | None = None,
        warmup: float = 0.3,
    ) -> None:
        self.maximum_learning_rate = top = self._number("maximum_learning_rate", maximum_learning_rate, above=0)
        self.initial_learning_rate = self._end("initial_learning_rate", initial_learning_rate, top / 25)
        self.final_learning_rate = self._end("final_learning_rate", final_learning_rate, top / 1e4)
        self.warmup = self._number("warmup", warmup, above=0, below=1, like=0.3)

    def _end(self, setting: str, value: float | None, usual: float) -> float:
        """Return the rate at an end, the usual one where none was given."""
        return usual if value is None else self._number(setting, value, least=0, most=self.maximum_learning_rate)


class ReduceOnPlateau(Schedule):
    """η = max(least, η₀ · factorᵏ),  k = how often `patience` epochs in a row brought no better loss

    A loss is better if it is below the best one by more than threshold · |best|; a NaN never is. After each
    reduction the count begins anew (Keras' count; PyTorch waits one epoch more).

    It follows from the losses alone, so a resumed run needs nothing but them. What was counted for the first of them
    is kept, and used again where they are the same.

    Parameters
    ----------
    initial_learning_rate : float
        The rate at the start.
    factor : float
        What a reduction multiplies the rate by, above 0 and below 1.
    patience : int
        How many epochs in a row without a better loss bring a reduction.
    threshold : float
        By what share of the best loss a better one must be below it.
    minimum_learning_rate : float
        Never go below this rate.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(0.1, factor=0.5, patience=2)
    >>> schedule.rate(3, 10, [3.0, 2.0, 1.0]), schedule.rate(5, 10, [3.0, 2.0, 1.0, 1.0, 1.0])
    (0.1, 0.05)
    """

    per_epoch = True
    _counted: tuple[Sequence[float], float, int, int]  # for which losses: the best, epochs waited, reductions

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        seen, best, waited, reductions = self._counted
        if seen != losses[: len(seen)]:
            seen, best, waited, reductions = [], math.inf, 0, 0
        for loss in losses[len(seen) :]:
            margin = self.threshold * abs(best) if best < math.inf else 0.0
            if loss < best - margin:
                best, waited = loss, 0
                continue
            waited += 1
            if waited == self.patience:
                reductions, waited = reductions + 1, 0
        self._counted = list(losses), best, waited, reductions
        return max(self.minimum_learning_rate, self.initial_learning_rate * math.pow(self.factor, reductions))

    def __init__(
        self,
        initial_learning_rate: float,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        minimum_learning_rate: float = 0.0,
    ) -> None:
        self.initial_learning_rate = self._number("initial_learning_rate", initial_learning_rate, above=0)
        self.factor = self._number("factor", factor, above=0, below=1, like=0.1)
        self.patience = self._whole("patience", patience)
        self.threshold = self._number("threshold", threshold, least=0, below=1, like=1e-4)
        self.minimum_learning_rate = self._number(
            "minimum_learning_rate", minimum_learning_rate, least=0, most=self.initial_learning_rate, like=0
        )
        self._counted = [], math.inf, 0, 0


def _share(epoch: float, epochs: float) -> float:
    """Return how much of the training is done, from 0 to 1."""
    return min(epoch / epochs, 1.0) if epochs > 0 else 0.0


def _along_cosine(start: float, end: float, share: float) -> float:
    """Return the value on half a cosine from `start` to `end`: exactly those at the ends."""
    rest = (1 + math.cos(math.pi * share)) / 2
    return start * rest + end * (1 - rest)
