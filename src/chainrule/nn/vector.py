"""All parameters of a network in one vector, and all gradients in another.

A network of 69 parameters is a point in 69 dimensions: here is that point. The parameters of nodes are views of it.
Penalised weights come first, those with equal penalties together, so that a penalty is one op on one slice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import memory
from chainrule.errors import UnknownNameError, nearest
from chainrule.graph.node import Parameter
from chainrule.ops.op import Array, Op
from chainrule.ops.penalties import L1Penalty, L2Penalty
from chainrule.optim import Optimizer, OptimizerState


class Vector:
    """The parameters' and the gradients' vector.

    Parameters
    ----------
    parameters : sequence of (Parameter, l1, l2)
        Each with its penalties' factors.
    dtype : dtype_like
    guard : function of str
        See `Parameter.move`.
    """

    def __init__(
        self,
        parameters: Sequence[tuple[Parameter, float, float]],
        dtype: npt.DTypeLike,
        guard: Callable[[str], None],
    ) -> None:
        ordered = sorted(parameters, key=lambda entry: (not entry[0].penalised, -entry[2], -entry[1]))
        size = sum(parameter.array.size for parameter, _, _ in ordered)
        self.array = memory.zeros(size, dtype)
        self.gradient = memory.zeros(size, dtype)
        self.places: list[tuple[Parameter, slice]] = []
        self.penalties: list[tuple[Op, slice]] = []
        stop = 0
        for parameter, l1, l2 in ordered:
            start, stop = stop, stop + parameter.array.size
            shape = parameter.shape
            place = slice(start, stop)
            parameter.move(self.array[place].reshape(shape), self.gradient[place].reshape(shape), guard)
            self.places.append((parameter, place))
            for kind, factor in ((L1Penalty, l1), (L2Penalty, l2)):
                if parameter.penalised and factor:
                    self._penalise(kind(factor), place)

    def _penalise(self, penalty: Op, place: slice) -> None:
        for i, (other, before) in enumerate(self.penalties):
            if repr(other) == repr(penalty) and before.stop == place.start:
                self.penalties[i] = (penalty, slice(before.start, place.stop))
                return
        self.penalties.append((penalty, place))

    def penalty(self, array: Array | None = None) -> float:
        """Return the sum of all penalties, of these parameters or of another vector like them."""
        array = self.array if array is None else array
        return float(sum(float(penalty.forward(weights=array[place])) for penalty, place in self.penalties))

    def add_penalty_gradients(self, wrap: Callable[[Array], Any] = lambda array: array) -> None:
        """Add the penalties' derivatives to the gradients of the weights that are learnt.

        An engine that records passes `wrap`, which makes arrays that note what is done with them.
        """
        one = np.ones((), self.array.dtype)
        for penalty, place in self.penalties:
            for part in self._learnt_parts(place):
                gradient = wrap(self.gradient[part])
                gradient += penalty.backward(one, None, weights=wrap(self.array[part]))["weights"]

    def _learnt_parts(self, place: slice) -> list[slice]:
        """Return the parts of a slice that are learnt, as few as possible."""
        parts = []
        for learnt in self.learnt():
            start, stop = max(learnt.start, place.start), min(learnt.stop, place.stop)
            if start < stop:
                parts.append(slice(start, stop))
        return parts

    def set_frozen(self, names: Sequence[str], frozen: bool) -> None:
        """Freeze or release the parameters of these layers, or of these names; all of them if there are none."""
        known = [parameter.name for parameter, _ in self.places]
        for name in names:
            if not any(n == name or n.startswith(f"{name}.") for n in known):
                layers = {n.rsplit(".", 1)[0] for n in known}
                raise UnknownNameError(
                    "Network.freeze" if frozen else "Network.unfreeze",
                    given=repr(name),
                    expected="the name of a layer or a parameter",
                    fix=nearest(name, layers),
                )
        for parameter, place in self.places:
            if not names or any(parameter.name == n or parameter.name.startswith(f"{n}.") for n in names):
                parameter.frozen = frozen
                self.gradient[place] = 0

    def learnt_gradients(self) -> list[Array]:
        """Return the gradients that are learnt along, one array for each slice."""
        return [self.gradient[place] for place in self.learnt()]

    def state_of(self, optimizer: Optimizer) -> OptimizerState:
        """Return an optimizer's state for the slices that are learnt."""
        weights = [self.array[place] for place in self.learnt()]
        return OptimizerState(optimizer, weights, [self.array[place] for place in self.learnt(penalised_only=True)])

    def learnt(self, *, penalised_only: bool = False) -> list[slice]:
        """Return the slices that are learnt, as few as possible."""
        slices: list[slice] = []
        for parameter, place in self.places:
            if parameter.frozen or (penalised_only and not parameter.penalised):
                continue
            if slices and slices[-1].stop == place.start:
                slices[-1] = slice(slices[-1].start, place.stop)
            else:
                slices.append(place)
        return slices
