"""Callbacks: what else shall happen while a network is trained."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chainrule import checks
from chainrule.settings import Configured
from chainrule.training.history import Epoch

if TYPE_CHECKING:
    from chainrule.training.training import Training


class Callback(Configured):
    """Something that training calls. Write the methods you need.

    A plain function of (training, epoch) serves as well; it is called after each epoch. `training` has the
    `network`, the `history` so far, and `stop(reason)`. What a callback decides should follow from the history, as
    it does in `EarlyStopping`: then a training that is resumed is decided as the one that was never stopped.

    Attributes
    ----------
    each_step : bool
        Whether `after_step` must hear of every single step. Where no callback does, a compiled network takes many
        steps at a time, for a quarter of a second or so.
    """

    each_step: bool = True

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

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        best, waited = math.inf, 0
        for figure in training.figures:  # from the history alone: nothing to save, nothing to reset
            if figure < best - self.minimum_change:
                best, waited = figure, 0
            else:
                waited += 1
        if waited >= self.patience:
            training.stop(f"no better for {self.patience} epochs")
