"""Callbacks: what else shall happen while a network is trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from chainrule import checks
from chainrule.errors import UnknownNameError
from chainrule.settings import Configured
from chainrule.training.history import Epoch
from chainrule.words import name_fix

if TYPE_CHECKING:
    from chainrule.training.events import Training


class Callback(Configured):
    """Something that training calls. Write the methods you need.

    A plain function of (training, epoch) serves as well; it is called after each epoch. `training` has the
    `network`, the `history` so far, and `stop(reason)`. A callback may look at the network, predict, copy, save and
    freeze, but not train it: that is for `network.copy()`. What a callback decides should follow from the history, as
    it does in `EarlyStopping`: then a training that is resumed is decided as the one that was never stopped.

    Attributes
    ----------
    each_step : bool
        Whether `after_step` must hear of every single step. Where no callback does, a compiled network takes many
        steps at a time, for a quarter of a second or so.
    """

    each_step: bool = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in vars(cls):
            if name.startswith(("on_", "before_", "after_")) and not hasattr(Callback, name):
                raise UnknownNameError(
                    cls.__name__,
                    given=f"the method {name}, which nobody calls",
                    expected="begin, after_step, after_epoch, ending or end",
                    fix=name_fix("callback", name, ("begin", "after_step", "after_epoch", "ending", "end")),
                )

    def late(self, name: str, value: Any) -> Any:
        return self.as_if_made(name, value)  # a callback is asked at each epoch anew

    def begin(self, training: Training) -> None:
        """Before the first epoch."""

    def after_step(self, training: Training) -> None:
        """After each step of the optimizer, when every node still shows its value and its gradient."""

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """After each epoch, validation included."""

    def ending(self, training: Training) -> None:
        """Where training ends, at a place from which it could go on; not in the middle of a step.

        An epoch that was stopped in its middle has not been measured yet, and the best parameters not put back.
        """

    def end(self, training: Training) -> None:
        """After the last epoch, whatever ended training."""


class EarlyStopping(Callback):
    """Stop when the monitored figure has not become better for some epochs.

    L. Prechelt, *Early stopping – but when?*, 1998.

    Parameters
    ----------
    patience : int, default 10
        Epochs to wait.
    minimum_change : float, default 0
        By how much a figure must be better to count.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> network = cr.Network([cr.Dense(1)], optimizer=cr.SGD(0.3))
    >>> history = cr.train(network, X, y, epochs=1000, batch_size=None, callbacks=[cr.EarlyStopping(patience=5)])
    >>> len(history) < 1000, history.stopped
    (True, 'no better for 5 epochs')
    """

    def __init__(self, patience: int = 10, minimum_change: float = 0.0) -> None:
        self.patience = checks.whole("EarlyStopping patience", patience)
        self.minimum_change = checks.number("EarlyStopping minimum_change", minimum_change, least=0)
        self._best, self._waited, self._seen = math.inf, 0, 0

    def begin(self, training: Training) -> None:
        self._best, self._waited, self._seen = math.inf, 0, 0

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        for figure in training.figures[self._seen :]:  # a resumed training brings those of before: nothing to save
            if figure < self._best - self.minimum_change:
                self._best, self._waited = figure, 0
            else:
                self._waited += 1
        self._seen = len(training.figures)
        if self._waited >= self.patience:
            training.stop(f"no better for {self.patience} epochs")
