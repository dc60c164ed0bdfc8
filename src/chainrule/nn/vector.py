"""All parameters of a network in one vector, and all gradients in another.

A network of 69 parameters is a point in 69 dimensions: here is that point. The parameters of nodes are views of it.
Penalised weights come first, those with equal penalties together, so that a penalty is one op on one slice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from chainrule.graph.node import Parameter
from chainrule.ops.op import Op
from chainrule.ops.penalties import L1Penalty, L2Penalty


class Vector:
    """The parameters' and the gradients' vector.

    Parameters
    ----------
    parameters : sequence of (Parameter, l1, l2)
        Each with its penalties' factors.
    dtype : dtype_like
    """

    def __init__(self, parameters: Sequence[tuple[Parameter, float, float]], dtype: npt.DTypeLike) -> None:
        ordered = sorted(parameters, key=lambda entry: (not entry[0].penalised, -entry[2], -entry[1]))
        size = sum(parameter.array.size for parameter, _, _ in ordered)
        self.array = np.empty(size, dtype)
        self.gradient = np.zeros(size, dtype)
        self.places: list[tuple[Parameter, slice]] = []
        self.penalties: list[tuple[Op, slice]] = []
        stop = 0
        for parameter, l1, l2 in ordered:
            start, stop = stop, stop + parameter.array.size
            shape = parameter.shape
            parameter.move(self.array[start:stop].reshape(shape), self.gradient[start:stop].reshape(shape))
            self.places.append((parameter, slice(start, stop)))
            for kind, factor in ((L1Penalty, l1), (L2Penalty, l2)):
                if parameter.penalised and factor:
                    self._penalise(kind(factor), slice(start, stop))

    def _penalise(self, penalty: Op, place: slice) -> None:
        for i, (other, before) in enumerate(self.penalties):
            if repr(other) == repr(penalty) and before.stop == place.start:
                self.penalties[i] = (penalty, slice(before.start, place.stop))
                return
        self.penalties.append((penalty, place))

    def penalty(self) -> float:
        """Return the sum of all penalties."""
        return float(sum(float(penalty.forward(weights=self.array[place])) for penalty, place in self.penalties))

    def add_penalty_gradients(self) -> None:
        """Add the penalties' derivatives to the gradients of the weights that are learnt."""
        one = np.ones((), self.array.dtype)
        for penalty, place in self.penalties:
            weights = self.array[place]
            self.gradient[place] += penalty.backward(one, None, weights=weights)["weights"]
        for parameter, place in self.places:
            if parameter.frozen:
                self.gradient[place] = 0

    def learnt(self) -> list[tuple[slice, bool]]:
        """Return the slices that are learnt, as few as possible, each with whether it is penalised."""
        slices: list[tuple[slice, bool]] = []
        for parameter, place in self.places:
            if parameter.frozen:
                continue
            if slices and slices[-1][0].stop == place.start and slices[-1][1] == parameter.penalised:
                slices[-1] = (slice(slices[-1][0].start, place.stop), parameter.penalised)
            else:
                slices.append((place, parameter.penalised))
        return slices
