"""Activation functions: what a neuron makes of its weighted sum z.

Each keeps its accuracy over the whole range of floating-point numbers: e is only ever raised to powers that are not
positive, so nothing overflows, and 1 − (almost 1) is avoided.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule import checks
from chainrule.ops.op import Array, Derivatives, Op
from chainrule.ops.special import normal_cdf, normal_density


class Identity(Op):
    """y = z
    ∂z = ∂y"""

    def forward(self, z: Array) -> Array:
        return z.copy()

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy)


class Tanh(Op):
    """y = tanh(z)
    ∂z = ∂y · (1 − y²)

    The textbook's derivative, two products: fast, and off by at most 1.5e-7 in float32. What it costs: where |z| is
    large and the derivative tiny, its digits go one by one, and from |z| = 9.1 on (19 in float64) it is 0.
    """

    def forward(self, z: Array) -> Array:
        return np.tanh(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (1 - y * y))


class Sigmoid(Op):
    """y = 1 / (1 + e⁻ᶻ)
    ∂z = ∂y · y (1 − y)

    The derivative is computed as e / (1 + e)², e = e⁻ⁱᶻⁱ: the same, but y (1 − y) is 0 as soon as y rounds to 1.
    """

    def forward(self, z: Array) -> Array:
        e = np.exp(-np.abs(z))
        y: Array = np.where(z >= 0, 1, e) / (1 + e)
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        e = np.exp(-np.abs(z))
        return dict(z=dy * (e / ((1 + e) * (1 + e))))


class ReLU(Op):
    """y = max(z, 0)
    ∂z = ∂y where z > 0, else 0"""

    name = "relu"

    def forward(self, z: Array) -> Array:
        return np.maximum(z, 0)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (z > 0))


class LeakyReLU(Op):
    """y = z where z > 0, else slope · z
    ∂z = ∂y where z > 0, else ∂y · slope

    Parameters
    ----------
    slope : float
        From 0 to 1.
    """

    name = "leaky_relu"

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = checks.number("LeakyReLU slope", slope, least=0, most=1)

    def forward(self, z: Array) -> Array:
        return np.where(z > 0, z, self.slope * z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=np.where(z > 0, dy, self.slope * dy))


class ELU(Op):
    """y = z where z > 0, else alpha · (eᶻ − 1)
    ∂z = ∂y where z >= 0, else ∂y · alpha · eᶻ

    Parameters
    ----------
    alpha : float
        −alpha is where y ends for very negative z.
    """

    name = "elu"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.number("ELU alpha", alpha, above=0, like=1)

    def forward(self, z: Array) -> Array:
        return np.where(z > 0, z, self.alpha * np.expm1(np.minimum(z, 0)))

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * np.where(z >= 0, 1, self.alpha * np.exp(np.minimum(z, 0))))


class GELU(Op):
    """y = z · Φ(z), Φ the normal distribution's cumulative function
    ∂z = ∂y · (Φ(z) + z · φ(z)), φ its density

    Parameters
    ----------
    approximate : bool
        Whether Φ(z) is replaced by σ(2u) = ½ (1 + tanh u), u = √(2/π) (z + 0.044715 z³), which is faster and at most
        0.0005 off.

    Notes
    -----
    In float32 the exact form is good to 8 units in the last place, in both tails; the derivative to as many of Φ(z),
    which counts where Φ(z) and z · φ(z) cancel, near z = −0.75. Of the approximate form that holds for z > −2.
    """

    name = "gelu"

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = bool(approximate)

    def forward(self, z: Array) -> Array:
        if self.approximate:
            e, _ = self._tanh_form(z)
            cdf: Array = np.where(z >= 0, 1, e) / (1 + e)
        else:
            cdf = normal_cdf(z)
        return z * cdf

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        if self.approximate:
            e, rise = self._tanh_form(z)
            by_z = (np.where(z >= 0, 1, e) + rise * e / (1 + e)) / (1 + e)
        else:
            by_z = normal_cdf(z) + z * normal_density(z)
        return dict(z=dy * by_z)

    def _tanh_form(self, z: Array) -> tuple[Array, Array]:
        """Return e^(−|2u|), and z times the derivative of 2u; from |z| = 40 on the first is 0 whatever z is."""
        z = np.minimum(np.maximum(z, -40), 40)
        square = z * z
        twice = 2 * math.sqrt(2 / math.pi) * z
        return np.exp(-np.abs(twice * (1 + 0.044715 * square))), twice * (1 + 3 * 0.044715 * square)


class SiLU(Op):
    """y = z · σ(z), σ(z) = 1 / (1 + e⁻ᶻ)
    ∂z = ∂y · σ(z) (1 + z · σ(−z))"""

    name = "silu"

    def forward(self, z: Array) -> Array:
        e = np.exp(-np.abs(z))
        y: Array = z * (np.where(z >= 0, 1, e) / (1 + e))
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        e = np.exp(-np.abs(z))
        by_z = np.where(z >= 0, 1 + e + z * e, e * (1 + e + z))
        return dict(z=dy * (by_z / ((1 + e) * (1 + e))))


class Softplus(Op):
    """y = log(1 + eᶻ)
    ∂z = ∂y · 1 / (1 + e⁻ᶻ)"""

    def forward(self, z: Array) -> Array:
        return np.logaddexp(z, 0)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        e = np.exp(-np.abs(z))
        return dict(z=dy * (np.where(z >= 0, 1, e) / (1 + e)))
