"""Activation functions: what a neuron makes of its weighted sum z.

Each keeps its accuracy over the whole range of floating-point numbers: e is only raised to powers that are not
positive, so nothing overflows, and 1 − (almost 1) is avoided. Maxima and products with a mask stand where one would
say "where": they are ten times faster than `np.where` on numbers of mixed sign.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule import checks
from chainrule.errors import ShapeError
from chainrule.ops.arithmetic import sum_to
from chainrule.ops.op import Array, Derivatives, Op, shapes
from chainrule.ops.special import normal_cdf, normal_density, sigmoid, softplus


class Identity(Op):
    """y = z
    ∂z = ∂y

    Why: y moves as z does: slope 1.
    """

    hands_on = True
    onnx = "Identity"
    torch = "Identity()"

    def forward(self, z: Array) -> Array:
        return z.copy()

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy)


class Tanh(Op):
    """y = tanh(z)
    ∂z = ∂y · (1 − y²)

    Why: y is u / v with u = eᶻ − e⁻ᶻ and v = eᶻ + e⁻ᶻ, and each of the two is the other's slope. The rule for a
    quotient gives (v · v − u · u) / v², that is 1 − (u / v)².

    The textbook's derivative, two products: fast, and off by at most 1.5e-7 in float32. What it costs: where |z| is
    large and the derivative tiny, its digits go one by one, and from |z| = 9.1 on (19 in float64) it is 0.
    """

    output_range = (-1.0, 1.0)
    increasing = True
    onnx = "Tanh"
    torch = "Tanh()"

    def forward(self, z: Array) -> Array:
        return np.tanh(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (1 - y * y))


class Sigmoid(Op):
    """y = 1 / (1 + e⁻ᶻ)
    ∂z = ∂y · y (1 − y)

    Why: y is 1 / v with v = 1 + e⁻ᶻ, whose slope is −e⁻ᶻ. The rule for 1 / v gives e⁻ᶻ / v², that is 1 / v times e⁻ᶻ /
    v: the first is y, and the second is 1 − y.

    1 − y is computed as the sigmoid of −z: the same, but it does not become 0 as soon as y rounds to 1.
    """

    output_range = (0.0, 1.0)
    increasing = True
    onnx = "Sigmoid"
    torch = "Sigmoid()"

    def forward(self, z: Array) -> Array:
        return sigmoid(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (y * sigmoid(-z)))


class ReLU(Op):
    """y = max(z, 0)
    ∂z = ∂y where z > 0, else 0

    Why: Right of 0 it is the line z, which has slope 1; left of 0 it stays 0, which has slope 0. At the kink itself 0
    is chosen.
    """

    name = "relu"
    output_range = (0.0, math.inf)
    increasing = True
    initializer = "He"
    onnx = "Relu"
    torch = "ReLU()"

    def forward(self, z: Array) -> Array:
        return np.maximum(z, 0)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (z > 0))


class LeakyReLU(Op):
    """y = z where z > 0, else slope · z
    ∂z = ∂y where z > 0, else ∂y · slope

    Why: Right of 0 it is the line z, which has slope 1; left of 0 a flatter line, whose slope is the setting of that
    name. At the kink itself the flatter one is chosen.

    Parameters
    ----------
    slope : float
        From 0 to 1.
    """

    name = "leaky_relu"
    initializer = "He"
    torch = "LeakyReLU({slope})"

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = checks.number("LeakyReLU slope", slope, least=0, most=1)
        self.output_range = (-math.inf if self.slope else 0.0, math.inf)

    def forward(self, z: Array) -> Array:
        return np.maximum(z, self.slope * z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * np.maximum(z > 0, self.slope, dtype=z.dtype))


class ELU(Op):
    """y = z where z > 0, else alpha · (eᶻ − 1)
    ∂z = ∂y where z ≥ 0, else ∂y · alpha · eᶻ

    Why: Right of 0 it is the line z, which has slope 1. Left of 0 it is alpha · eᶻ less a constant: a power of e is its
    own slope, and a constant has none. With alpha = 1 both sides meet with slope 1, without a kink.

    Parameters
    ----------
    alpha : float
        −alpha is where y ends for very negative z.
    """

    name = "elu"
    increasing = True
    initializer = "He"
    torch = "ELU({alpha})"

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = checks.number("ELU alpha", alpha, above=0, like=1)
        self.output_range = (-self.alpha, math.inf)

    def forward(self, z: Array) -> Array:
        return np.maximum(z, 0) + self.alpha * np.expm1(np.minimum(z, 0))

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * ((z >= 0) + (z < 0) * (self.alpha * np.exp(np.minimum(z, 0)))))


class GELU(Op):
    """y = z · Φ(z)
    ∂z = ∂y · (Φ(z) + z · φ(z))
    with approximate: Φ(z) = ½ (1 + tanh u), φ(z) = ½ (1 − tanh(u)²) · k (1 + 3 c z²)
    with approximate: u = k (z + c z³), k = √(2 / π), c = 0.044715

    Why: The rule for a product: Φ(z), as if the second factor stood still, and z times the slope of Φ, which is φ. In
    the approximate form that slope is the chain rule's: tanh has the slope 1 − tanh(u)², and u has k (1 + 3 c z²).

    Φ is the normal distribution's cumulative function, the chance that a standard normal number is below z, and φ its
    density, the derivative of Φ.

    Parameters
    ----------
    approximate : bool
        Whether Φ(z) is replaced by ½ (1 + tanh u), which is faster and at most 0.0005 off.

    Notes
    -----
    In float32 the exact form is good to 8 units in the last place, in both tails; the derivative to as many of Φ(z),
    which counts where Φ(z) and z · φ(z) cancel, near z = −0.75. Of the approximate form that holds for z > −1.
    """

    name = "gelu"
    output_range = (-0.18, math.inf)  # its lowest is −0.16997, near z = −0.75, or −0.17004 if approximate
    initializer = "He"

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = bool(approximate)

    def forward(self, z: Array) -> Array:
        return z * (sigmoid(self._twice_u(z)) if self.approximate else normal_cdf(z))

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        if not self.approximate:
            return dict(z=dy * (normal_cdf(z) + z * normal_density(z)))
        u = self._twice_u(z)
        z = _between(z, 40)  # beyond, the second term is 0, and z³ would overflow
        by_z = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
        return dict(z=dy * (sigmoid(u) * (1 + z * by_z * sigmoid(-u))))

    def _twice_u(self, z: Array) -> Array:
        z = _between(z, 40)  # beyond, σ(2u) is 0 or 1, and z³ would overflow
        return 2 * math.sqrt(2 / math.pi) * z * (1 + 0.044715 * z * z)


class SiLU(Op):
    """y = z · σ(z), σ(z) = 1 / (1 + e⁻ᶻ)
    ∂z = ∂y · σ(z) (1 + z · σ(−z))

    Why: The rule for a product: σ(z), as if the second factor stood still, and z times the slope of the sigmoid, σ(z)
    (1 − σ(z)); 1 − σ(z) is σ(−z).

    In float32 good to 5 units in the last place; the derivative to 8 of σ(z), which counts near its zero, z = −1.28.
    """

    name = "silu"
    output_range = (-0.28, math.inf)  # its lowest is −0.27846, near z = −1.28
    initializer = "He"
    torch = "SiLU()"

    def forward(self, z: Array) -> Array:
        return z * sigmoid(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (sigmoid(z) * (1 + z * sigmoid(-z))))


class Softplus(Op):
    """y = log(1 + eᶻ)
    ∂z = ∂y / (1 + e⁻ᶻ)

    Why: The slope of log is 1 / (1 + eᶻ), and that of what it is taken of is eᶻ. The chain rule multiplies the two: eᶻ
    / (1 + eᶻ), the sigmoid.

    Computed as max(z, 0) + log(1 + exp(−|z|)).
    """

    output_range = (0.0, math.inf)
    increasing = True
    initializer = "He"
    onnx = "Softplus"
    torch = "Softplus()"

    def forward(self, z: Array) -> Array:
        return softplus(z)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * sigmoid(z))


class Softsign(Op):
    """y = z / (1 + |z|)
    ∂z = ∂y / (1 + |z|)²

    Why: Right of 0 it is z / (1 + z), and the rule for a quotient gives (1 + z − z) / (1 + z)². Left of 0 it is the
    same curve, turned round the origin by half a circle, which keeps its slopes.
    """

    output_range = (-1.0, 1.0)
    increasing = True
    onnx = "Softsign"
    torch = "Softsign()"

    def forward(self, z: Array) -> Array:
        y: Array = z / (1 + np.abs(z))
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        size = 1 + np.abs(z)
        return dict(z=dy / size / size)  # the square of the largest would overflow


class HardSigmoid(Op):
    """y = z / 6 + ½, cut to 0 … 1
    ∂z = ∂y / 6 where −3 < z < 3, else 0

    Why: Between −3 and 3 it is a straight line of slope 1/6. Beyond, y stays 0 or 1, whatever z does: slope 0.
    """

    output_range = (0.0, 1.0)
    increasing = True
    torch = "Hardsigmoid()"

    def forward(self, z: Array) -> Array:
        return _cut(z / 6 + 0.5, 0, 1)

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * (np.abs(z) < 3) / 6)


class HardSwish(Op):
    """y = z · h, h = z / 6 + ½, cut to 0 … 1
    ∂z = ∂y · (0 where z ≤ −3, 1 where z ≥ 3, else z / 3 + ½)

    Why: Between −3 and 3 it is z²/6 + z/2, and the slope of that is z/3 + ½. Below −3 it stays 0, slope 0; above 3 it
    is the line z, slope 1.

    SiLU with straight lines in the place of the sigmoid. A. Howard et al., *Searching for MobileNetV3*, 2019.
    """

    output_range = (-0.375, math.inf)
    initializer = "He"
    torch = "Hardswish()"

    def forward(self, z: Array) -> Array:
        y: Array = np.maximum(z, -3) * _cut(z / 6 + 0.5, 0, 1)
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * ((np.abs(z) < 3) * (_between(z, 3) / 3 + 0.5) + (z >= 3)))


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


class SELU(Op):
    """y = λ · (z where z > 0, else α · (eᶻ − 1)), λ = 1.0507009873554805, α = 1.6732632423543772
    ∂z = ∂y · λ · (1 where z ≥ 0, else α · eᶻ)

    Why: Right of 0 it is a line of slope λ. Left of 0 it is λ · α · eᶻ less a constant: a power of e is its own slope,
    and a constant has none.

    With these two numbers, layer after layer keeps mean 0 and deviation 1, if weights
    start as `LeCun` has them. G. Klambauer et al., *Self-normalizing neural networks*, 2017.
    """

    output_range = (-SELU_SCALE * SELU_ALPHA, math.inf)
    increasing = True
    initializer = "LeCun"
    torch = "SELU()"
    name = "selu"

    def forward(self, z: Array) -> Array:
        y: Array = SELU_SCALE * (np.maximum(z, 0) + SELU_ALPHA * np.expm1(np.minimum(z, 0)))
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * SELU_SCALE * ((z >= 0) + (z < 0) * (SELU_ALPHA * np.exp(np.minimum(z, 0)))))


class Mish(Op):
    """y = z · tanh(s), s = log(1 + eᶻ)
    ∂z = ∂y · (tanh(s) + z · σ(z) (1 − tanh(s)²)), σ(z) = 1 / (1 + e⁻ᶻ)

    Why: The rule for a product: tanh(s), as if the second factor stood still, and z times the slope of tanh(s). That
    one is the chain rule's: tanh has the slope 1 − tanh(s)², and s, the softplus, has σ(z).

    1 − tanh(s)² is computed as 4e / (1 + e)² with e = e⁻²ˢ, so that it keeps its digits where it is small. In float32
    good to 6 units in the last place; the derivative to 10 of σ(z), which counts near its zero, z = −1.19.
    """

    output_range = (-0.30885, math.inf)
    initializer = "He"
    torch = "Mish()"

    def forward(self, z: Array) -> Array:
        return z * np.tanh(softplus(z))

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        s = softplus(z)
        e = np.exp(-2 * s)
        return dict(z=dy * (np.tanh(s) + z * sigmoid(z) * (4 * e / ((1 + e) * (1 + e)))))


class PReLU(Op):
    """y = z where z > 0, else slope · z
    ∂z = ∂y where z > 0, else ∂y · slope   ∂slope = ∂y · z where z < 0, else 0

    Why: Right of 0 it is the line z, which has slope 1; left of 0 a line of the slope that is learnt. There y is slope
    · z, which moves by z times what the slope moves; right of 0 the slope changes nothing.

    slope is a number, or one for each feature, and may be learnt. K. He et al., *Delving deep into rectifiers*, 2015.
    """

    initializer = "He"
    onnx = "PRelu"
    name = "prelu"

    def forward(self, z: Array, slope: Array) -> Array:
        y: Array = np.maximum(z, 0) + slope * np.minimum(z, 0)
        return y

    def backward(self, dy: Array, y: Array, z: Array, slope: Array) -> Derivatives:
        return dict(z=dy * np.where(z > 0, 1, slope), slope=sum_to(slope, dy * np.minimum(z, 0)))

    def check(self, where: str, **arrays: Array) -> None:
        z, slope = arrays["z"], arrays["slope"]
        if z.shape[z.ndim - slope.ndim :] != slope.shape:
            raise ShapeError(
                where,
                given=shapes(arrays),
                expected="slope with the shape of the features, the end of z's, or a number",
                fix=f"Pass a slope of shape {z.shape[-1:]}",
            )


def _cut(z: Array, low: float, high: float) -> Array:
    return np.minimum(np.maximum(z, low), high)


def _between(z: Array, bound: float) -> Array:
    return _cut(z, -bound, bound)
