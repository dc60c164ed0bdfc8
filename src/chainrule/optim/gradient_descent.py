"""Gradient descent as Robbins and Monro knew it, with the momentum that makes it fast."""

from __future__ import annotations

from chainrule.checks import instance
from chainrule.errors import InputError
from chainrule.ops.op import Array
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.schedules import Schedule


class SGD(Optimizer):
    """W ← W − η · ∂C/∂W
    with momentum μ: velocity ← μ · velocity + ∂C/∂W, W ← W − η · velocity
    with nesterov: W ← W − η · (∂C/∂W + μ · velocity)

    The velocity is a sum of gradients and does not contain η, so a new learning rate acts at once, on the whole
    velocity (as in PyTorch; Keras folds η into the velocity, which is the same while η is constant).

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    momentum : float
        μ, from 0 to below 1. With a steady gradient the step grows to η / (1 − μ) · g.
    nesterov : bool
        Look ahead: take the gradient as if the velocity had been followed already. Needs momentum.
    clip_value, clip_norm, ema : float, optional
        See `Optimizer`.

    References
    ----------
    Robbins and Monro, "A Stochastic Approximation Method", 1951. Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964. Nesterov, 1983, in the form of Sutskever et al., "On the importance of
    initialization and momentum in deep learning", 2013.
    """

    def update(self, weights: Array, gradient: Array, rate: Array, velocity: Array | None = None) -> None:
        if velocity is None:  # without momentum there is none
            weights -= rate * gradient
            return
        velocity *= self.momentum
        velocity += gradient
        if self.nesterov:
            weights -= rate * (gradient + self.momentum * velocity)
        else:
            weights -= rate * velocity

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        ema: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value=clip_value, clip_norm=clip_norm, ema=ema)
        self.momentum = self._number("momentum", momentum, least=0, below=1, like=0.9)
        self.nesterov = bool(instance("SGD(nesterov=…)", nesterov, bool, "True or False"))
        if self.nesterov and not self.momentum:
            raise InputError(
                "SGD(nesterov=…)",
                given="nesterov=True without momentum",
                expected="a momentum to look ahead by",
                fix="Pass for example momentum=0.9, nesterov=True",
            )
        self.slots = ("velocity",) if self.momentum else ()
