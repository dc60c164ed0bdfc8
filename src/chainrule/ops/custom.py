"""Any function with its derivative, given by the user: an activation or a loss as a pair.

A pair is believed only after it has been tried: when a node is built, the derivative is compared with the function's
difference quotients, and refused with the place and the size of the disagreement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ChainruleError, DerivativeError, InputError, ShapeError
from chainrule.ops.activations import Sigmoid
from chainrule.ops.differences import compare
from chainrule.ops.losses import average, check_prediction, check_sample_weight, share
from chainrule.ops.op import Array, Derivatives, Op, shapes
from chainrule.words import part_named, target_first, value_fix

Function = Callable[..., Any]
Disagreement = tuple[int, float, float]  # where, the number given, the number measured

_TOLERANCE = 1e-5  # relative: below any slip of the pen, above what a function approximated to 1e-7 needs
# Where every activation is tried besides the values at hand: both signs, 0, small and large.
_PROBES = np.concatenate([np.linspace(-4, 4, 33), [-30.5, -10.1, -6.3, -0.01, 0.01, 6.3, 10.1, 30.5]])
_MOST_VALUES = 64  # of those at hand


class _Pair(Op):
    """A function and its derivative, each called with arrays."""

    in_files = False

    def __init__(self, function: Function, derivative: Function) -> None:
        kind = type(self).__name__
        self.function = _a_function(f"{kind} function", function)
        self.derivative = _a_function(f"{kind} derivative", derivative)

    def __repr__(self) -> str:
        told = {key: value for key, value in self.settings().items() if value}
        shown = (_name_of(value) if callable(value) else f"{key}={value}" for key, value in told.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def _wrong(self, where: str, found: Disagreement, place: str, fix: str) -> DerivativeError:
        """Return the error that tells of a disagreement; `place` names the point."""
        _, given, measured = found
        mine, function = _name_of(self.derivative), _name_of(self.function)
        return DerivativeError(
            where,
            given=f"{mine} = {given:.6g} at {place} as the derivative of {function}",
            expected=f"{measured:.6g}, its difference quotient there (off by {abs(given - measured):.3g})",
            fix=fix,
        )


class Activation(_Pair):
    """y = function(z)
    ∂z = ∂y · derivative(z)

    Why: It is the chain rule and nothing else: what came back, times the slope of the function at z, which you give.

    Parameters
    ----------
    function, derivative : callable
        Take an array and return one of the same shape. The derivative takes z, too, not y. Without both,
        ``Activation()`` is `Sigmoid`.

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
    >>> Activation()
    Sigmoid()
    """

    if not TYPE_CHECKING:  # a checker that saw this would take any arguments, and what it makes for anything

        def __new__(cls, *args: Any, **kwargs: Any) -> Any:
            if cls is Activation and not args and not kwargs:
                return Sigmoid()
            _expect_no_op([*args, *kwargs.values()])
            return super().__new__(cls)

    def __getnewargs__(self) -> tuple[Function, Function]:
        return self.function, self.derivative

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
        y, slopes = _tried(where, self.function, values), _tried(where, self.derivative, values)

        def moved(step: Array) -> Array:
            return _tried(where, self.function, values + step)

        found = _disagreement(moved, np.broadcast_to(slopes, values.shape), values)
        if found is not None:
            by_output = np.broadcast_to(_tried(where, self.derivative, y), values.shape)
            takes_output = _disagreement(moved, by_output, values) is None
            fix = "Write the derivative of z: this one takes y" if takes_output else "Correct the derivative there"
            raise self._wrong(where, found, f"z = {values[found[0]]:.6g}", fix)

    def _expect_elementwise(self, where: str, z: Array) -> None:
        y = _tried(where, self.function, z)
        _expect_shape(where, self.function, y, z.shape, "Write a function that works element by element")
        slopes = _tried(where, self.derivative, z)
        if slopes.shape != ():  # a constant derivative may be given as a number
            _expect_shape(where, self.derivative, slopes, z.shape, "Write one that works element by element")
        others = _tried(where, self.function, z.reshape(-1)[::-2])
        if not np.allclose(y.reshape(-1)[::-2], others, rtol=1e-5, atol=1e-7, equal_nan=True):
            raise InputError(
                where,
                given=f"{_name_of(self.function)}, whose value of an element depends on the elements beside it",
                expected="a function that works element by element and always gives the same result",
                fix="Write an op of its own for anything else",
            )


class Loss(_Pair):
    """y = function(prediction, target)
    ∂prediction = ∂y · derivative(prediction, target)
    with per_sample: y = mean over samples of function(prediction, target)
    with per_sample: ∂prediction = ∂y · derivative(prediction, target) / samples

    Why: It is the chain rule and nothing else: what came back, times the slope of the function by the prediction, which
    you give.

    Parameters
    ----------
    function, derivative : callable
        Take prediction and target, or, where their parameters are named so, target and prediction: ``(y_true,
        y_pred)``, ``(truth, prediction)``. The function returns the loss of the whole batch, one number; the
        derivative, by the prediction, an array like it.
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

    name = "custom_loss"  # its function on nodes: `loss` is what it computes
    constant = ("target", "sample_weight")

    def __init__(self, function: Function, derivative: Function, per_sample: bool = False) -> None:
        super().__init__(function, derivative)
        self.per_sample = bool(per_sample)
        self._function, self._derivative = (_prediction_first(each) for each in (function, derivative))

    def forward(self, prediction: Array, target: Array, sample_weight: Array | None = None) -> Array:
        value = np.positive(self._function(prediction, target), dtype=prediction.dtype)
        return average(value.reshape(len(prediction), 1), sample_weight) if self.per_sample else value

    def backward(
        self, dy: Array, y: Array, prediction: Array, target: Array, sample_weight: Array | None = None
    ) -> Derivatives:
        slope = np.positive(self._derivative(prediction, target), dtype=prediction.dtype)
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
                expected=f"none, as {_name_of(self.function)} returns one number for the whole batch",
                fix="To weigh samples, return the loss of each and pass per_sample=True",
            )
        check_sample_weight(where, sample_weight, prediction.shape[:2])
        exact = prediction.astype(np.float64)
        try:
            finite = self._expect_pair(where, exact, target)
        except ChainruleError as error:
            self._expect_order(where, exact, target, error)
            raise
        if not finite:  # there was nothing to compare
            self._expect_order(where, exact, target, None)

    def _expect_order(self, where: str, prediction: Array, target: Array, error: ChainruleError | None) -> None:
        """Raise if the pair is right once one of it, or both, are given the target before the prediction."""
        function, derivative = _Turned(self._function), _Turned(self._derivative)
        orders: dict[str, tuple[Function, Function]] = {
            "both take": (function, derivative),
            "the derivative takes": (self._function, derivative),
            "the function takes": (function, self._derivative),
        }
        which = next((told for told, pair in orders.items() if self._agrees(where, pair, prediction, target)), None)
        if which is None:
            return
        given = zip((self.function, self.derivative), orders[which])
        turned = [mine for mine, pair in given if pair in (function, derivative)]
        alike = np.array_equal(
            _tried(where, self._function, prediction, target), _tried(where, function, prediction, target)
        )
        fix = f"Write the prediction first: {which} the target first"
        if any(target_first(each) is not None for each in turned):
            fix = f"Swap the names of their parameters: by these {which} the target for the prediction"
        raise DerivativeError(
            where,
            given=error.given if error else "a loss that is not finite",
            expected=error.expected if error else "one that is, for a prediction and then a target",
            fix=fix + (", or turn the derivative's sign" if alike else ""),
        ) from error

    def _agrees(self, where: str, pair: tuple[Function, Function], prediction: Array, target: Array) -> bool:
        try:
            return Loss(*pair, self.per_sample)._expect_pair(where, prediction, target)
        except ChainruleError:
            return False

    def _expect_pair(self, where: str, prediction: Array, target: Array) -> bool:
        """Raise unless the derivative is the function's; return whether all of both are finite."""
        value, slopes = (
            _tried(where, self._function, prediction, target),
            _tried(where, self._derivative, prediction, target),
        )
        if self.per_sample:
            _expect_shape(where, self.function, value, prediction.shape[:1], "Return one loss for each sample")
            self._expect_own_losses(where, prediction, target, value)
        else:
            _expect_shape(where, self.function, value, (), "Return one number, or pass per_sample=True")
        _expect_shape(where, self.derivative, slopes, prediction.shape, "Return an array like prediction")
        for row, column in self._places(prediction):
            self._expect_derivative(where, prediction, target, slopes, row, column)
        return bool(np.isfinite(value).all() and np.isfinite(slopes).all())

    def _expect_own_losses(self, where: str, prediction: Array, target: Array, value: Array) -> None:
        """Raise if the first sample has another loss alone than among these, or beside one with half of its outputs."""
        alone = _tried(where, self._function, prediction[:1], target[:1])
        pair = np.concatenate([prediction[:1], prediction[:1] / 2]), np.concatenate([target[:1], target[:1]])
        others = value[:1], _tried(where, self._function, *pair)[:1]
        if not all(np.allclose(alone, other, rtol=1e-5, equal_nan=True) for other in others):
            raise InputError(
                where,
                given=f"{_name_of(self.function)}, whose loss of a sample depends on the other samples",
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
            return _tried(where, self._function, nearby, target).reshape(-1)

        flat = prediction.reshape(len(prediction), -1)
        found = _disagreement(moved, slopes.reshape(flat.shape)[row, column], flat[row, column])
        if found is not None:
            at = found[0] + (row.start or 0)
            index = at, *map(int, np.unravel_index(column, prediction.shape[1:]))
            place = f"prediction[{', '.join(map(str, index))}] = {prediction[index]:.6g}"
            mean = "is taken by the op" if self.per_sample else "belongs into both or neither"
            fix = f"Correct the derivative there; mind that a mean over samples {mean}"
            raise self._wrong(where, found, place, fix)


def _disagreement(moved: Callable[[Array], Array], slopes: Array, points: Array) -> Disagreement | None:
    """Return the worst disagreement of slopes with a function's difference quotients, if one is wrong."""
    start = moved(np.zeros_like(points))
    finite = start[np.isfinite(start)]
    # A slope near 0 is measured against the function's own size, but not against a constant added to it.
    extent = np.minimum(abs(start) / np.maximum(abs(points), 1), np.ptp(finite) if finite.size else 0)
    found = compare(moved, points, slopes, _TOLERANCE, np.where(np.isfinite(extent), extent, 0))
    wrong = found.error > _TOLERANCE
    if not wrong.any():
        return None
    off = np.nan_to_num(abs(found.given - found.measured), nan=np.inf)
    worst = int(np.argmax(np.where(wrong, off, -1)))
    return worst, float(found.given[worst]), float(found.measured[worst])


@dataclass(frozen=True)
class _Turned:
    """A function whose two arguments change places."""

    function: Function

    def __call__(self, first: Array, second: Array) -> Any:
        return self.function(second, first)


def _prediction_first(function: Function) -> Function:
    """Return a function that takes the prediction before the target; one whose parameters say nothing does so."""
    return _Turned(function) if target_first(function) else function


def _expect_no_op(given: Sequence[Any]) -> None:
    """Raise if the function of an activation is one of chainrule's own, which has its derivative, or a name of one."""
    if not given:
        return
    told = getattr(given[0], "__wrapped__", given[0])  # a function of nodes stands for its op
    if isinstance(told, str):
        known = {kind.__name__: kind for kind in Op.__subclasses__() if kind.is_layer() and _is_ours(kind)}
        op = part_named(told, known)
        fix = value_fix(told, known) if op is None else f"Write cr.{op!r}"
    elif isinstance(told, Op):
        fix = f"Write cr.{told!r}"
    elif isinstance(told, type) and issubclass(told, Op):
        fix = f"Write cr.{told.__name__}()"
    else:
        return
    raise InputError(
        "Activation function",
        given=f"{told!r:.80}",
        expected="a function of arrays of your own, with its derivative",
        fix=f"{fix}: it has its derivative",
    )


def _is_ours(kind: type[Op]) -> bool:
    return kind.__module__.startswith(__name__.rpartition(".")[0])


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
            where, given=f"shape {result.shape} from {_name_of(function)}", expected=f"shape {shape}", fix=fix
        )


def _tried(where: str, function: Function, *arrays: Array) -> Array:
    """Return what `function` makes of copies of the arrays, or raise an error that says why nothing came out."""
    given = [array.copy() for array in arrays]
    for array in given:
        array.flags.writeable = False
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(function(*given))
        if result.dtype.kind not in "fiub":
            raise TypeError(f"it returned {result.dtype}")
        return result if result.dtype.kind == "f" else result.astype(np.float64)
    except Exception as error:
        raise InputError(
            where,
            given=f"{_name_of(function)}, which raised {type(error).__name__}: {error}",
            expected="a function of NumPy arrays that returns real numbers and leaves what it is given as it is",
            fix=f"Try it on an array of shape {arrays[0].shape}; for example, write np.exp, not math.exp",
        ) from error


def _name_of(function: Function) -> str:
    """Return ``numpy.sin`` for a function of a module, its own name or repr for others."""
    if isinstance(function, _Turned):
        return _name_of(function.function)
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if name is None:
        return repr(function)
    module = getattr(function, "__module__", None)
    if module is None and getattr(np, name, None) is function:
        module = "numpy"  # before NumPy 2.2 its functions do not say so themselves
    own = "<" in name or module in (None, "builtins", "__main__")
    return name.rsplit(".", 1)[-1] if own else f"{module}.{name}"
