"""Optimizers that give every weight a step of its own, measured by the gradients it has seen.

All divide by a root mean square of past gradients, so the size of the loss hardly matters. Running averages are
kept *undivided*: where the papers write v ← ρ v + (1 − ρ) g², here v ← ρ v + g², and the factor 1 − ρ is in the
scalars of the step. The weights are the same, in two passes over the vectors less. ε stands outside the root.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.ops.op import Array
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.schedules import Schedule

# Below about 1e-23 the square of a gradient is 0 in float32 and ε alone is left to divide by: were it smaller
# still than the gradient, a vanishing gradient would make a huge step.
SMALLEST_EPSILON = 1e-16


class Adagrad(Optimizer):
    """v ← v + (∂C/∂W)²
    W ← W − η · ∂C/∂W / (√v + ε)

    Steps only ever shrink, like 1/√t: good for sparse gradients, slow in the end for the rest. v starts at 0 as in
    the paper and PyTorch; Keras starts it at 0.1 and writes √(v + ε).

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    epsilon : float
        ε, keeps a weight without a gradient where it is.
    clip_value, clip_norm, ema : float, optional
        See `Optimizer`.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", 2011.
    """

    slots = ("v",)

    def update(self, weights: Array, gradient: Array, v: Array, rate: Array) -> None:
        v += gradient * gradient
        weights -= rate * gradient / (np.sqrt(v) + self.epsilon)

    def __init__(
        self,
        learning_rate: float | Schedule = 0.01,
        epsilon: float = 1e-7,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        ema: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value=clip_value, clip_norm=clip_norm, ema=ema)
        self.epsilon = self._number("epsilon", epsilon, least=SMALLEST_EPSILON, like=1e-7)


class RMSProp(Optimizer):
    """v ← ρ v + (1 − ρ) · (∂C/∂W)²
    W ← W − η · ∂C/∂W / (√v + ε)
    kept undivided: v = (1 − ρ) v̄

    What is executed, with g for ∂C/∂W:
    v̄ ← ρ v̄ + g²
    W ← W − step · g / (√v̄ + small)
    with step = η / √(1 − ρ),  small = ε / √(1 − ρ)

    There is no correction for v starting at 0, so the first steps are longer, by up to 1 / √(1 − ρ). Keras writes
    √(v + ε).

    Parameters
    ----------
    learning_rate : float or Schedule
        η.
    rho : float
        ρ, how much of the past is kept at each step, from 0 to below 1.
    epsilon : float
        ε, keeps a weight without a gradient where it is.
    clip_value, clip_norm, ema : float, optional
        See `Optimizer`.

    References
    ----------
    Tieleman and Hinton, "Neural Networks for Machine Learning", lecture 6.5, 2012.
    """

    slots = ("v",)

    def update(self, weights: Array, gradient: Array, v: Array, step: Array, small: Array) -> None:
        v *= self.rho
        v += gradient * gradient
        weights -= step * gradient / (np.sqrt(v) + small)

    def scalars(self, step: int, learning_rate: float) -> dict[str, float]:
        """Return the factors of √v̄: see the class."""
        root = math.sqrt(1 - self.rho)
        return {"step": learning_rate / root, "small": self.epsilon / root}

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        rho: float = 0.9,
        epsilon: float = 1e-7,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        ema: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value=clip_value, clip_norm=clip_norm, ema=ema)
        self.rho = self._number("rho", rho, least=0, below=1, like=0.9)
        self.epsilon = self._number("epsilon", epsilon, least=SMALLEST_EPSILON, like=1e-7)


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) · ∂C/∂W
    v ← β₂ v + (1 − β₂) · (∂C/∂W)²
    m̂ = m / (1 − β₁ᵗ), v̂ = v / (1 − β₂ᵗ)
    W ← W − η · m̂ / (√v̂ + ε)
    kept undivided: m = (1 − β₁) m̄, v = (1 − β₂) v̄

    What is executed, with g for ∂C/∂W:
    m̄ ← β₁ m̄ + g
    v̄ ← β₂ v̄ + g²
    W ← W − step · m̄ / (√v̄ + small)
    with k = √((1 − β₂ᵗ) / (1 − β₂))
    step = η k (1 − β₁) / (1 − β₁ᵗ),  small = ε k

    since √v̂ = √v̄ / k. This is the paper's Algorithm 1 and PyTorch's Adam, with their ε = 1e-8. Keras takes 1e-7 and
    the paper's other form, √v + ε̂, whose ε counts more in the first steps.

    Parameters
    ----------
    learning_rate : float or Schedule
        η, about the largest step a weight takes.
    beta_1, beta_2 : float
        β₁ and β₂, how much of the past is kept at each step, from 0 to below 1.
    epsilon : float
        ε, keeps a weight without a gradient where it is.
    clip_value, clip_norm, ema : float, optional
        See `Optimizer`.

    References
    ----------
    Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
    """

    slots = ("m", "v")

    def update(self, weights: Array, gradient: Array, m: Array, v: Array, step: Array, small: Array) -> None:
        m *= self.beta_1
        m += gradient
        v *= self.beta_2
        v += gradient * gradient
        weights -= step * m / (np.sqrt(v) + small)

    def scalars(self, step: int, learning_rate: float) -> dict[str, float]:
        """Return both corrections for the start at zero: see the class."""
        k = math.sqrt((1 - self.beta_2**step) / (1 - self.beta_2))
        return {
            "step": learning_rate * k * (1 - self.beta_1) / (1 - self.beta_1**step),
            "small": self.epsilon * k,
        }

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        ema: float | None = None,
    ) -> None:
        super().__init__(learning_rate, clip_value=clip_value, clip_norm=clip_norm, ema=ema)
        self.beta_1 = self._number("beta_1", beta_1, least=0, below=1, like=0.9)
        self.beta_2 = self._number("beta_2", beta_2, least=0, below=1, like=0.999)
        self.epsilon = self._number("epsilon", epsilon, least=SMALLEST_EPSILON, like=1e-8)


class AdamW(Adam):
    """W ← W − η λ W, for weights that decay
    then a step of Adam

    The decay is apart from the gradient: it is neither in the loss that is printed nor divided by √v̂, which is what
    sets it apart from L2 in the loss. λ is multiplied by the learning rate of the step, as in PyTorch and Keras.
    Which weights decay is the `OptimizerState`'s to know: matrices do, biases don't.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, clip_value, clip_norm, ema
        See `Adam`.
    weight_decay : float
        λ, of at least 0.

    References
    ----------
    Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """

    def decay(self, weights: Array, rate: Array) -> None:
        weights -= (self.weight_decay * rate) * weights

    def __init__(
        self,
        learning_rate: float | Schedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        ema: float | None = None,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, clip_value=clip_value, clip_norm=clip_norm, ema=ema)
        self.weight_decay = self._number("weight_decay", weight_decay, least=0)
