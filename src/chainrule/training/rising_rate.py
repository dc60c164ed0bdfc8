"""The learning-rate range test: train a copy while the rate rises, and see where the loss falls and where it explodes.

L. N. Smith, "Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3. The rate rises by the same
factor at each step, as in fastai's ``lr_find``, so each decade gets as many steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.data.dataset import Dataset
from chainrule.errors import InputError, NonFiniteError
from chainrule.nn.network import Network
from chainrule.ops.op import Array, Samples
from chainrule.optim import Schedule
from chainrule.settings import unknown_attribute
from chainrule.training.augmenting import Augment
from chainrule.training.callbacks import Callback
from chainrule.training.events import Training

_FINISHED, _EXPLODED, _NONFINITE = "finished", "exploded", "non-finite"
_WIDTH = 0.25  # decades


@dataclass(frozen=True, repr=False, eq=False)
class RangeTest:
    """What came of a learning-rate range test.

    Attributes
    ----------
    rates, losses : ndarray
        The learning rate of each step that was taken, and the data loss of its batch, before the step.
    stopped : str
        Why it ended: ``"finished"``, ``"exploded"`` where the loss had become four times the smallest, or
        ``"non-finite"`` where the next loss or gradient was NaN or infinite.
    """

    rates: Array
    losses: Array
    stopped: str

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a result's

        def __getattr__(self, name: str) -> NoReturn:
            raise unknown_attribute(self, "range_test", name)

    @property
    def smoothed(self) -> Array:
        """The losses, each as a mean over neighbouring rates: a single batch says little.

        A neighbour counts exp(−z²/2), where z is how far its rate is away, in quarters of a decade.
        """
        place = np.log10(self.rates) / _WIDTH
        counts = np.exp(-0.5 * (place[:, None] - place) ** 2)
        smoothed: Array = counts @ self.losses / counts.sum(axis=1)
        return smoothed

    @property
    def best_rate(self) -> float | None:
        """The rate at which the smoothed loss is smallest; None if it never falls below its start."""
        best = int(self.smoothed.argmin())
        return float(self.rates[best]) if best else None

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate at which the smoothed loss is smallest; None if it never falls below its start.

        At the smallest loss itself the rate is about to be too large. It is a place to begin from, not the best rate:
        long trainings like smaller ones, and schedules that fall begin with larger ones.
        """
        best = self.best_rate
        return None if best is None else best / 10

    def __str__(self) -> str:
        end = {_FINISHED: "", _EXPLODED: ", where the loss exploded", _NONFINITE: ", where it overflowed"}[self.stopped]
        lines = [f"{len(self.rates)} steps with learning rates from {self.rates[0]:.3g} to {self.rates[-1]:.3g}{end}"]
        best = self.best_rate
        if best is None:
            lines.append("no suggestion: the loss never falls below its start; try a smaller `lowest`, or more `steps`")
        else:
            lines.append(f"smallest loss  {self.smoothed.min():.4g} at {best:.2g}, smoothed")
            lines.append(f"suggestion     {self.suggestion:.2g}, a tenth of that rate")
            if self.stopped == _FINISHED and best == self.rates[-1]:
                lines.append("the loss still falls at the end: try a larger `highest`")
        return "\n".join(lines)

    __repr__ = __str__


@checks.keywords
def learning_rate_range_test(
    network: Network,
    X: Samples | Dataset | Iterable[Sequence[npt.ArrayLike]],
    y: Samples | None = None,
    *,
    lowest: float = 1e-6,
    highest: float = 1.0,
    steps: int = 100,
    batch_size: int | None = 32,
    gradient_accumulation_steps: int = 1,
    sample_weight: npt.ArrayLike | None = None,
    class_weight: Mapping[int, float] | Sequence[float] | str | None = None,
    shuffle: bool = True,
    augment: Augment | None = None,
) -> RangeTest:
    """Train a copy of a network with a rising learning rate, and return the losses: which rates are worth trying.

    Too small a rate leaves the loss where it is, a good one lets it fall, too large a one lets it explode. The test
    ends there: when the running mean of the losses is four times the smallest it was, or a number is not finite. The
    network stays as it is, and so do its optimizer and its generators.

    Parameters
    ----------
    network : Network
        It may have been trained already: the test goes on from where it is.
    X, y, batch_size, gradient_accumulation_steps, sample_weight, class_weight, shuffle, augment
        As for `train`.
    lowest, highest : float, default 1e-6 and 1
        The rates of the first and of the last step.
    steps : int, default 100
        Steps of the optimizer, of at least 10; the data are gone through as often as that takes.

    Returns
    -------
    RangeTest
        With `rates`, `losses` and a `suggestion`; ``cr.plot.learning_rate_range_test(result)`` draws it.

    Raises
    ------
    InputError
        If the data don't fit the network, or a setting is out of range.
    NonFiniteError
        If it is not the learning rate's doing: at the first step, or in the data.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.moons(300)
    >>> network = cr.Network([cr.Dense(16), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
    >>> result = cr.learning_rate_range_test(network, X, y, steps=60)
    >>> 1e-3 < result.suggestion <= 0.1
    True
    >>> network.optimizer.learning_rate = result.suggestion
    """
    where = "learning_rate_range_test"
    checks.instance(where, network, Network, "a cr.Network")
    lowest = checks.number(f"{where} lowest", lowest, above=0, like=1e-6)
    highest = checks.number(f"{where} highest", highest, above=0, like=1)
    steps = checks.whole(f"{where} steps", steps, least=10)
    if not lowest < highest:
        raise InputError(
            where,
            given=f"lowest={lowest:g} and highest={highest:g}",
            expected="lowest below highest",
            fix="Leave them out for 1e-6 and 1",
        )
    twin, recorder = network.copy(), _Recorder(np.geomspace(lowest, highest, steps))
    twin.optimizer.learning_rate = _Rising(recorder)
    training = Training(
        twin,
        X,
        y,
        epochs=steps,
        batch_size=batch_size,
        gradient_accumulation_steps=gradient_accumulation_steps,
        sample_weight=sample_weight,
        class_weight=class_weight,
        shuffle=shuffle,
        augment=augment,
        callbacks=recorder,
    )
    try:
        for _ in training.events():
            pass
        stopped = training.history.stopped
    except NonFiniteError as error:
        if not recorder.losses or error.cause.startswith("data."):
            raise
        stopped = _NONFINITE
    return RangeTest(recorder.rates[: len(recorder.losses)], np.array(recorder.losses), stopped)


class _Recorder(Callback):
    """Keeps the loss of each step, and ends training after the last rate, or where the loss explodes.

    The running mean is that of an optimizer's `ema`, with nine tenths kept at each step.
    """

    def __init__(self, rates: Array) -> None:
        self.rates = rates
        self.losses: list[float] = []
        self._mean = self._smallest = 0.0

    def after_step(self, training: Training) -> None:
        self.losses.append(training.loss)
        self._mean += (training.loss - self._mean) * 0.1 / (1 - 0.9 ** len(self.losses))
        if len(self.losses) == 1:
            self._smallest = self._mean
        self._smallest = min(self._smallest, self._mean)
        if len(self.losses) == len(self.rates):
            training.stop(_FINISHED)
        elif self._mean > self._smallest + 3 * abs(self._smallest):  # four times it, or as far above one below zero
            training.stop(_EXPLODED)


class _Rising(Schedule):
    """The rate of the next step that the recorder hears of."""

    def __init__(self, recorder: _Recorder) -> None:
        self.recorder = recorder

    def rate(self, epoch: float, epochs: float, losses: Sequence[float]) -> float:
        return float(self.recorder.rates[len(self.recorder.losses)])
