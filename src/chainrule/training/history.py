"""What happened while a network was trained: a record an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

import numpy as np

from chainrule import checks
from chainrule.errors import MisuseError, UnknownNameError, printable
from chainrule.ops.op import Array
from chainrule.settings import Closed, InNotebooks, unknown_attribute
from chainrule.training.measures import figure_fix
from chainrule.training.metrics import VALIDATION

if TYPE_CHECKING:
    from chainrule.nn.network import Network


@dataclass(frozen=True)
class Epoch:
    """One pass over the training data.

    Attributes
    ----------
    epoch : int
        Its number, from 1.
    loss : float
        The mean data loss over its samples, as they were met (with dropout; while the weights were changing).
    penalty : float
        The L1 and L2 penalties at its end. The number that was differentiated is loss + penalty.
    metrics : dict of str to float (or what your own metrics return)
        Measured at its end, with the weights it ended with and without dropout: ``"accuracy"`` on the training data,
        ``"validation_accuracy"`` on the validation data.
    validation_loss : float or None
        The data loss on the validation data.
    learning_rate : float
        Of its last step.
    steps : int
        How many steps the optimizer took.
    seconds : float
        How long it took, validation included.
    """

    epoch: int
    loss: float
    penalty: float
    metrics: dict[str, Any]
    validation_loss: float | None
    learning_rate: float
    steps: int
    seconds: float

    @property
    def monitored(self) -> float:
        """The loss that says how good the network is: on validation data if there are any."""
        return self.loss if self.validation_loss is None else self.validation_loss

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain data, metrics beside the rest: of the training data, then of the validation."""
        return {
            "epoch": self.epoch,
            "loss": self.loss,
            "penalty": self.penalty,
            **{name: value for name, value in self.metrics.items() if not name.startswith(VALIDATION)},
            "validation_loss": self.validation_loss,
            **{name: value for name, value in self.metrics.items() if name.startswith(VALIDATION)},
            "learning_rate": self.learning_rate,
            "steps": self.steps,
            "seconds": self.seconds,
        }

    def __getitem__(self, name: str) -> Any:
        """Return one figure: ``epoch["validation_loss"]``, ``epoch["accuracy"]``."""
        figures = self.as_dict()
        if name not in figures:
            raise UnknownNameError(
                "Epoch", given=repr(name)[:80], expected="a figure", fix=figure_fix("history", str(name), list(figures))
            )
        return figures[name]

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a record's

        def __getattr__(self, name: str) -> NoReturn:
            raise unknown_attribute(self, "history", name)


@dataclass
class History(Closed, InNotebooks):
    """The epochs of a training, how it ended, and where it was best.

    Attributes
    ----------
    epochs : list of Epoch
    stopped : str
        Why it ended: ``"finished"``, ``"interrupted"``, or what a callback said.
    best_epoch : int or None
        The number of the epoch after which the monitored figure was best.
    began : str
        With which learning rate a network that had been trained before went on, and at which step of its optimizer;
        empty for one that had not.
    kept : str
        Which parameters the network has now: ``"best"`` or ``"last"``.
    best_parameters, last_parameters : ndarray or None
        Both, as vectors: ``network.parameters[:] = history.last_parameters`` goes back to the last ones.
    best_states, last_states : dict of str to ndarray
        What the network kept beside them without learning it, by name, as `Network.set_states` takes it.
    network : Network or None
        The network that was trained.
    call : dict of str to Any
        What `train` was called with, the data too.
    start : dict or None
        Where the network was before: parameters, generators, what was frozen. A pickle holds none of these three.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.xor()
    >>> history = cr.train(cr.Network([cr.Dense(1)]), X, y, epochs=3)
    >>> len(history), len(history["loss"])
    (3, 3)
    """

    epochs: list[Epoch] = field(default_factory=list)
    stopped: str = "finished"
    best_epoch: int | None = None
    kept: str = "last"
    began: str = ""
    best_parameters: Array | None = field(default=None, repr=False)
    last_parameters: Array | None = field(default=None, repr=False)
    best_states: dict[str, Array] = field(default_factory=dict, repr=False)
    last_states: dict[str, Array] = field(default_factory=dict, repr=False)
    network: Network | None = field(default=None, repr=False, compare=False)
    call: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    start: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    words: ClassVar[str] = "history"

    def __post_init__(self) -> None:
        self.close()

    def repeat(self, **changes: Any) -> History:
        """Train again, from the same start, with what you change; return the new history, which has its own network.

        Parameters
        ----------
        **changes
            What `train` is to be called with, such as ``batch_size=8``; or settings of the network, such as
            ``optimizer=cr.SGD(0.1)``. Callbacks are called again: pass ``callbacks=()`` if they should not be.

        Raises
        ------
        ArgumentError
            If neither `train` nor `Network` has such a name.
        MisuseError
            If the history comes from a pickle or a file, which hold no data.

        Examples
        --------
        >>> import chainrule as cr
        >>> X, y = cr.data.xor()
        >>> network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()])
        >>> history = cr.train(network, X, y, epochs=50)
        >>> history.repeat().final_loss == history.final_loss
        True
        >>> better = history.repeat(optimizer=cr.Adam(0.05))
        >>> better.final_loss < history.final_loss
        True
        """
        from chainrule.training.loop import train  # it makes histories

        if self.network is None or self.start is None:
            raise MisuseError(
                "History.repeat",
                given="a history without its network and data",
                expected="what cr.train returned in this process",
                fix="Train again with cr.train(network.fresh(), X, y, …)",
            )
        call = {"verbose": None, **self.call}  # whoever went through the events has shown them, or not
        checks.expect_known("History.repeat", changes, [*call, *self.network.settings()])
        own = {name: value for name, value in changes.items() if name not in call}
        network = self.network.started(self.start, **own)
        return train(network, **{**call, **{name: changes[name] for name in changes if name in call}})

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "network": None, "call": {}, "start": None}

    if not TYPE_CHECKING:  # a checker that saw this would take any name for one of a history's

        def __getattr__(self, name: str) -> NoReturn:
            raise unknown_attribute(self, "history", name)

    def _as_number(self, *_: Any) -> NoReturn:
        raise MisuseError(
            "History",
            given="it, what cr.train returned, in the place of a number",
            expected="one of its figures",
            fix=f"Write history.final_loss for the last epoch's error, {self.final_loss:.4g}",
        )

    __float__ = __int__ = __round__ = __abs__ = __neg__ = __lt__ = __le__ = __gt__ = __ge__ = _as_number
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _as_number
    __pow__ = __rpow__ = __floordiv__ = __mod__ = __array__ = _as_number

    def __format__(self, form: str) -> str:
        return repr(self) if not form else self._as_number()

    def __len__(self) -> int:
        return len(self.epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __getitem__(self, name: str) -> list[Any]:
        """Return one column, a value an epoch: ``history["loss"]``, ``history["validation_accuracy"]`` …"""
        if not isinstance(name, str):
            raise UnknownNameError(
                "History",
                given=repr(name)[:80],
                expected="the name of a column",
                fix='Write history["loss"][-1] for the last epoch, or history.epochs[-1] for its record',
            )
        rows = [epoch.as_dict() for epoch in self.epochs]
        known = list(rows[0]) if rows else ["epoch", "loss", "penalty", "validation_loss", "learning_rate", "seconds"]
        if name not in known:
            raise UnknownNameError(
                "History", given=repr(name), expected="a column", fix=figure_fix("history", name, known)
            )
        return [row[name] for row in rows]

    @property
    def final_loss(self) -> float:
        """The data loss of the last epoch."""
        return self.epochs[-1].loss if self.epochs else float("nan")

    @property
    def seconds(self) -> float:
        """How long all epochs took."""
        return sum(epoch.seconds for epoch in self.epochs)

    def __repr__(self) -> str:
        if not self.epochs:
            return f"History(no epochs, {printable(self.stopped)})"
        last = self.epochs[-1]
        numbers = {name: value for name, value in last.metrics.items() if np.ndim(value) == 0}
        figures = "".join(f", {name.replace('_', ' ')} {value:.4g}" for name, value in numbers.items())
        validation = "" if last.validation_loss is None else f", validation loss {last.validation_loss:.4g}"
        best = "" if self.best_epoch is None else f", best after {self.best_epoch}, {self.kept} kept"
        return printable(
            f"History({len(self)} epochs in {self.seconds:.1f} s, {self.stopped}: "
            f"loss {last.loss:.4g}{validation}{figures}{best})"
        )
