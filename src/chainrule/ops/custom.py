"""Any function with its derivative, given by the user: an activation or a loss as a pair.

A pair is believed only after it has been tried: when a node is built, the derivative is compared with the function's
difference quotients, and refused with the place and the size of the disagreement.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.errors import InputError, ShapeError
from chainrule.ops.losses import average, check_prediction, check_sample_weight, share
from chainrule.ops.op import Array, Derivatives, Op, shapes
from chainrule.ops.quotients import Function, find_disagreement, name_of, tried

# Where every activation is tried besides the values at hand: both signs, 0, small and large.
_PROBES = np.concatenate([np.linspace(-4, 4, 33), [-30.5, -10.1, -6.3, -0.01, 0.01, 6.3, 10.1, 30.5]])
_MOST_VALUES = 64  # of those at hand


class _Pair(Op):
    """A function and its derivative, each called with arrays."""

    def __init__(self, function: Function, derivative: Function) -> None:
        kind = type(self).__name__
        self.function = _a_function(f"{kind} function", function)
        self.derivative = _a_function(f"{kind} derivative", derivative)

    def __repr__(self) -> str:
        told = {key: value for key, value in self.settings().items() if value}
        shown = (name_of(value) if callable(value) else f"{key}={value}" for key, value in told.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class Activation(_Pair):
    """y = function(z), element by element
    ∂z = ∂y · derivative(z)

    Parameters
    ----------
    function, derivative : callable
        Take an array and return one of the same shape. The derivative takes z, too, not y.

    Raises
    ------
    DerivativeError
        When a node is built, if the derivative isn't the function's. At a kink, any value between the one-sided
        derivatives will do.

    Examples
    --------
    >>> sine = Activation(np.sin, np.cos)
    >>> sine
    Activation(numpy.sin, numpy.cos)
    >>> sine.check("Activation", z=np.array([1.0]))
    """

    def forward(self, z: Array) -> Array:
        y: Array = np.positive(self.function(z), dtype=z.dtype)
        return y

    def backward(self, dy: Array, y: Array, z: Array) -> Derivatives:
        return dict(z=dy * np.positive(self.derivative(z), dtype=z.dtype))

    def check(self, where: str, **arrays: Array) -> None:
        z = arrays["z"]
        values = np.unique(z[np.isfinite(z)].astype(np.float64))
        values = np.concatenate([values[:: len(values) // _MOST_VALUES + 1], _PROBES])
        for trial in (np.resize(values, [min(length, 8) for length in z.shape]), values):
            self._expect_elementwise(where, trial)
        y, slopes = tried(where, self.function, values), tried(where, self.derivative, values)

        def moved(step: Array) -> Array:
            return tried(where, self.function, values + step)

        found = find_disagreement(moved, np.broadcast_to(slopes, values.shape), values)
        if found is not None:
            by_output = np.broadcast_to(tried(where, self.derivative, y), values.shape)
            takes_output = find_disagreement(moved, by_output, values) is None
            fix = "Write the derivative of z: this one takes y" if takes_output else "Correct the derivative there"
            raise found.error(where, self.function, self.derivative, f"z = {values[found.place]:.6g}", fix)

    def _expect_elementwise(self, where: str, z: Array) -> None:
        y = tried(where, self.function, z)
        _expect_shape(where, self.function, y, z.shape, "Write a function that works element by element")
        slopes = tried(where, self.derivative, z)
        if slopes.shape != ():  # a constant derivative may be given as a number
            _expect_shape(where, self.derivative, slopes, z.shape, "Write one that works element by element")
        others = tried(where, self.function, z.reshape(-1)[::-2])
        if not np.allclose(y.reshape(-1)[::-2], others, rtol=1e-5, atol=1e-7, equal_nan=True):
            raise InputError(
                where,
                given=f"{name_of(self.function)}, whose value of an element depends on the elements beside it",
                expected="a function that works element by element and always gives the same result",
                fix="Write an op of its own for anything else",
            )


class Loss(_Pair):
    """y = function(prediction, target)
    ∂prediction = ∂y · derivative(prediction, target)

    Parameters
    ----------
    function, derivative : callable
        Take prediction and target. The function returns the loss of the whole batch, one number; the derivative an
        array like prediction.
    per_sample : bool
        Whether the function returns (samples,) losses instead, and the derivative, like prediction, is that of
        each sample's own loss. Their mean, weighted if there are weights, is then taken here.

    Raises
    ------
    DerivativeError
        When a node is built, if the derivative isn't the function's.

    Examples
    --------
    >>> loss = Loss(lambda p, t: (p - t)[:, 0] ** 4, lambda p, t: 4 * (p - t) ** 3, per_sample=True)
    >>> p, t = np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]])
    >>> loss.check("Loss", prediction=p, target=t)
    >>> float(loss.forward(p, t))
    8.5
    """

    constant = ("target", "sample_weight")

    def __init__(self, function: Function, derivative: Function, per_sample: bool = False) -> None:
        super().__init__(function, derivative)
        self.per_sample = bool(per_sample)

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        value = np.positive(self.function(prediction, target), dtype=prediction.dtype)
        return average(value.reshape(len(prediction), 1), sample_weight) if self.per_sample else value

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        slope = np.positive(self.derivative(prediction, target), dtype=prediction.dtype)
        if not self.per_sample:
            return dict(prediction=dy * slope)
        of_sample = slope.reshape(len(slope), slope.size // len(slope))
        return dict(prediction=(dy * share(of_sample, sample_weight) * of_sample).reshape(slope.shape))

    def check(self, where: str, **arrays: Array) -> None:
        prediction, target, sample_weight = arrays["prediction"], arrays["target"], arrays.get("sample_weight")
        check_prediction(where, "prediction", prediction)
        if target.shape[:1] != prediction.shape[:1]:
            raise ShapeError(
                where, given=shapes(arrays), expected="as many targets as predictions", fix="Pass a target for each"
            )
        if sample_weight is not None and not self.per_sample:
            raise InputError(
                where,
                given="a sample_weight",
                expected=f"none, as {name_of(self.function)} returns one number for the whole batch",
                fix="To weigh samples, return the loss of each and pass per_sample=True",
            )
        check_sample_weight(where, sample_weight, prediction.shape[:2])
        exact = prediction.astype(np.float64)
        value, slopes = tried(where, self.function, exact, target), tried(where, self.derivative, exact, target)
        if self.per_sample:
            _expect_shape(where, self.function, value, prediction.shape[:1], "Return one loss for each sample")
            self._expect_own_losses(where, exact, target, value)
        else:
            _expect_shape(where, self.function, value, (), "Return one number, or pass per_sample=True")
        _expect_shape(where, self.derivative, slopes, prediction.shape, "Return an array like prediction")
        for row, column in self._places(prediction):
            self._expect_derivative(where, exact, target, slopes, row, column)

    def _expect_own_losses(self, where: str, prediction: Array, target: Array, value: Array) -> None:
        alone = tried(where, self.function, prediction[:1], target[:1])
        if not np.allclose(alone, value[:1], rtol=1e-5, equal_nan=True):
            raise InputError(
                where,
                given=f"{name_of(self.function)}, whose loss of a sample depends on the other samples",
                expected="each sample's own loss",
                fix="Leave the mean over samples out, or pass per_sample=False",
            )

    def _places(self, prediction: Array) -> list[tuple[slice, int]]:
        """Return what to try: some columns, of all rows at once if the samples are apart, else of some rows."""
        samples, count = len(prediction), math.prod(prediction.shape[1:])
        rows = [slice(None)] if self.per_sample else [slice(i, i + 1) for i in range(0, samples, samples // 4 + 1)]
        return [(row, column) for row in rows for column in range(0, count, count // 16 + 1)]

    def _expect_derivative(
        self, where: str, prediction: Array, target: Array, slopes: Array, row: slice, column: int
    ) -> None:
        def moved(step: Array) -> Array:
            nearby = prediction.copy()
            nearby.reshape(len(nearby), -1)[row, column] += step
            return tried(where, self.function, nearby, target).reshape(-1)

        flat = prediction.reshape(len(prediction), -1)
        found = find_disagreement(moved, slopes.reshape(flat.shape)[row, column], flat[row, column])
        if found is not None:
            at = found.place + (row.start or 0)
            index = at, *map(int, np.unravel_index(column, prediction.shape[1:]))
            place = f"prediction[{', '.join(map(str, index))}] = {prediction[index]:.6g}"
            mean = "is taken by the op" if self.per_sample else "belongs into both or neither"
            fix = f"Correct the derivative there; mind that a mean over samples {mean}"
            raise found.error(where, self.function, self.derivative, place, fix)


def _a_function(where: str, function: Any) -> Function:
    if callable(function) and not isinstance(function, type):
        known: Function = function
        return known
    raise InputError(
        where, given=repr(function)[:80], expected="a function of arrays", fix="Pass the function itself, like np.sin"
    )


def _expect_shape(where: str, function: Function, result: Array, shape: tuple[int, ...], fix: str) -> None:
    if result.shape != shape:
        raise ShapeError(
            where, given=f"shape {result.shape} from {name_of(function)}", expected=f"shape {shape}", fix=fix
        )
