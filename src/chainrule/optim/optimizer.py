"""What an optimizer is: a rule that turns weights and their gradient into better weights.

An optimizer holds settings only, so one object may serve many networks. What it remembers from step to step, its
*slots*, lives in an `OptimizerState`. `update` is pure array formulas that write in place, like the backward of an
op: it can be called on any arrays, and its NumPy calls can be noted once and repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.checks import number
from chainrule.errors import InputError
from chainrule.optim.schedules import Schedule
from chainrule.settings import Configured

if TYPE_CHECKING:
    from chainrule.optim.state import Learnable, OptimizerState


class Optimizer(Configured):
    """A rule for a step; subclasses write `update` and, where the step has numbers of its own, `scalars`.

    Parameters
    ----------
    learning_rate : float or Schedule
        The size η of a step, above 0.
    clip_value : float, optional
        Bring every element of the gradient into [−clip_value, clip_value].
    clip_norm : float, optional
        Shorten the gradient to this Euclidean norm where it is longer. The norm is that of the *whole* gradient,
        over all weights (Keras' ``global_clipnorm``), so its direction stays.

    Attributes
    ----------
    slots : tuple of str
        The vectors the rule keeps for each weight vector, of the same shape and zero at the start.

    Examples
    --------
    A rule of one's own: the sign of the gradient says where to, the learning rate how far.

    >>> class SignDescent(Optimizer):
    ...     '''w ← w − η sign(g)'''
    ...
    ...     def update(self, weights, gradient, rate):
    ...         weights -= rate * np.sign(gradient)
    >>> weights = np.array([1.0, 2.0])
    >>> SignDescent(0.5).update(weights, np.array([0.1, -3.0]), rate=0.5)
    >>> weights
    array([0.5, 2.5])
    """

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: float | Schedule,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
    ) -> None:
        if isinstance(learning_rate, Schedule):
            self.learning_rate: float | Schedule = learning_rate
        else:
            self.learning_rate = self._number("learning_rate", learning_rate, above=0)
        self.clip_value = None if clip_value is None else self._number("clip_value", clip_value, above=0, like=0.5)
        self.clip_norm = None if clip_norm is None else self._number("clip_norm", clip_norm, above=0, like=1.0)
        if clip_value is not None and clip_norm is not None:
            raise InputError(
                type(self).__name__,
                given="both clip_value and clip_norm",
                expected="at most one of them",
                fix="Keep clip_norm, which leaves the gradient's direction as it is",
            )

    def late(self, name: str, value: Any) -> Any:
        if name == "learning_rate":  # which is looked up at every step, or where a training begins
            return self.as_if_made(name, value)
        new = f"cr.{type(self).__name__}({name}={value!r:.60})"
        raise self.too_late(name, value, f"Give the network a new one: network.optimizer = {new}")

    def scalars(self, step: int, learning_rate: float) -> dict[str, float]:
        """Return the numbers that `update` needs for this step.

        Parameters
        ----------
        step : int
            Which step this is, counted from 1.
        learning_rate : float
            The learning rate η at this step.
        """
        return {"rate": learning_rate}

    def update(self, weights: Any, gradient: Any, *arrays: Any, **slots_and_scalars: Any) -> None:
        """Change `weights` and the slots in place; never write `gradient`.

        The slots and the scalars come by name; scalars are floats or arrays of no axes in the weights' dtype.
        """
        raise NotImplementedError

    def decay(self, weights: Any, rate: Any) -> None:
        """Shrink those weights that decay, in place, before `update`: nothing, unless a rule says otherwise."""

    def clip(self, gradient: Any, norm: Any = None) -> Any:
        """Return the gradient, clipped as the settings say: itself, or a new array.

        By value min(max(g, −c), c); by norm g · c / max(‖g‖, c), which is g to the bit where ‖g‖ <= c. A NaN shows
        in the result.

        Parameters
        ----------
        gradient : array
            The gradient, or one part of it.
        norm : float64 scalar, optional
            The norm of the whole gradient (`global_norm`) where `gradient` is only a part of it.
        """
        if self.clip_value is not None:
            return np.minimum(np.maximum(gradient, -self.clip_value), self.clip_value)
        if self.clip_norm is not None:
            length = global_norm([gradient]) if norm is None else norm
            scale = self.clip_norm / np.maximum(length, self.clip_norm)
            return gradient * scale.astype(gradient.dtype)  # a float64 scalar would widen a float32 gradient
        return gradient

    def start(self, parameters: Sequence[Learnable], decayed: Sequence[Learnable] | None = None) -> OptimizerState:
        """Return a state that trains the parameters of a graph built by hand.

        After each `backward`, `state.update()` takes one step.

        Parameters
        ----------
        parameters : sequence of Parameter
            The nodes to learn, each once. Anything with `array`, its weights, and `grad`, their gradient, will do.
        decayed : sequence of Parameter, optional
            Those of them that decay, if the rule has a weight decay. Default: those with two axes or more.
        """
        from chainrule.optim.state import start  # here, because a state needs to know what an optimizer is

        return start(self, parameters, decayed)

    def _number(self, setting: str, value: Any, **limits: float) -> float:
        return number(f"{type(self).__name__}({setting}=…)", value, **limits)


def global_norm(gradients: Iterable[Any]) -> Any:
    """Return the Euclidean norm of all the gradients taken together, as a float64 scalar.

    Squares and sum are float64: in float32, elements from 2·10¹⁹ on would square to infinity.

    >>> float(global_norm([np.array([3.0]), np.array([[4.0]])]))
    5.0
    """
    return np.sqrt(sum(np.multiply(g, g, dtype=np.float64).sum() for g in gradients))
