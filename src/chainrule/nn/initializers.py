"""How weights start: wide enough for signals to pass through many layers, narrow enough not to saturate them.

An initializer is called with a shape and a generator and returns float64; layers round it to their own dtype, so
that float32 and float64 networks of one seed start at the same point.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule import checks
from chainrule.errors import InputError
from chainrule.ops import Array, Op, all_ops
from chainrule.settings import Configured


class Initializer(Configured):
    """A rule for starting weights."""

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        """Return an array of this shape."""
        raise NotImplementedError


class _Scaled(Initializer):
    """Zero mean, and a variance that the layer's width decides."""

    def __init__(self, distribution: str = "normal") -> None:
        self.distribution = checks.one_of(f"{type(self).__name__} distribution", distribution, ("normal", "uniform"))

    def variance(self, inputs: int, outputs: int) -> float:
        raise NotImplementedError

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        inputs, outputs = fans(shape)
        deviation = math.sqrt(self.variance(inputs, outputs))
        if self.distribution == "normal":
            return generator.normal(0.0, deviation, shape)
        return generator.uniform(-math.sqrt(3) * deviation, math.sqrt(3) * deviation, shape)


class Glorot(_Scaled):
    """Variance 2 / (inputs + outputs): for tanh, sigmoid, softmax and plain outputs.

    X. Glorot, Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010,
    equation 16.

    Parameters
    ----------
    distribution : {"uniform", "normal"}
    """

    def __init__(self, distribution: str = "uniform") -> None:
        super().__init__(distribution)

    def variance(self, inputs: int, outputs: int) -> float:
        return 2 / (inputs + outputs)


class He(_Scaled):
    """Variance 2 / inputs: for relu and its relatives, which let half of the signal through.

    K. He et al., *Delving deep into rectifiers*, 2015, equation 10.

    Parameters
    ----------
    distribution : {"normal", "uniform"}
    """

    def variance(self, inputs: int, outputs: int) -> float:
        return 2 / inputs


class LeCun(_Scaled):
    """Variance 1 / inputs.

    Y. LeCun et al., *Efficient BackProp*, 1998, equation 16.

    Parameters
    ----------
    distribution : {"normal", "uniform"}
    """

    def variance(self, inputs: int, outputs: int) -> float:
        return 1 / inputs


class Uniform(Initializer):
    """Evenly spread from `low` to `high`."""

    def __init__(self, low: float = -0.05, high: float = 0.05) -> None:
        self.low = checks.number("Uniform low", low)
        self.high = checks.number("Uniform high", high, above=self.low, like=self.low + 0.1)

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        return generator.uniform(self.low, self.high, shape)


class Normal(Initializer):
    """A bell curve around `mean`."""

    def __init__(self, mean: float = 0.0, deviation: float = 0.05) -> None:
        self.mean = checks.number("Normal mean", mean)
        self.deviation = checks.number("Normal deviation", deviation, least=0)

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        return generator.normal(self.mean, self.deviation, shape)


class Orthogonal(Initializer):
    """Rows (or columns, whichever are fewer) at right angles, each `gain` long.

    A. Saxe et al., *Exact solutions to the nonlinear dynamics of learning in deep linear neural networks*, 2014.
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = checks.number("Orthogonal gain", gain)

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        if len(shape) != 2:
            raise InputError(
                "Orthogonal", given=f"shape {shape}", expected="two axes", fix="Use it for weight matrices only"
            )
        rows, columns = max(shape), min(shape)
        q, r = np.linalg.qr(generator.normal(0.0, 1.0, (rows, columns)))
        q = q * np.sign(np.diag(r))  # without it, q is not spread evenly over all rotations
        return self.gain * (q if shape[0] >= shape[1] else q.T)


class Constant(Initializer):
    """The same number everywhere. For weights a poor start: all neurons of a layer would stay the same."""

    def __init__(self, value: float) -> None:
        self.value = checks.number("Constant value", value)

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        return np.full(shape, self.value)


class Zeros(Initializer):
    """Zero everywhere: how biases start."""

    def __call__(self, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
        return np.zeros(shape)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return how many inputs and outputs weights of this shape connect."""
    inputs = math.prod(shape[:-1]) if len(shape) > 1 else 1
    return max(inputs, 1), max(shape[-1] if shape else 1, 1)


_KINDS: dict[str, type[Initializer]] = {
    kind.__name__: kind for kind in (Glorot, He, LeCun, Uniform, Normal, Orthogonal, Constant, Zeros)
}


def as_initializer(where: str, initializer: Initializer | str) -> Initializer:
    """Return an initializer as it is, and the one that a name stands for: ``"he_normal"``.

    >>> as_initializer("Dense initializer", "zeros")
    Zeros()
    """
    return checks.part(where, initializer, Initializer, _KINDS, "cr.He()")


def initializer_before(following: str | None) -> Initializer:
    """Return the initializer that suits weights followed by the op of this name, as its class says."""
    return _KINDS[all_ops().get(following or "", Op).initializer]()
