"""Activations and losses given as a pair: what is believed, what is refused, and what the refusal says."""

from __future__ import annotations

import math
import pickle
import re
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import ops
from chainrule.errors import DerivativeError, InputError, ShapeError

Z = np.linspace(-2, 2, 8, dtype=np.float32).reshape(4, 2)
SHAPES = {
    "float32": Z,
    "float64": Z.astype(np.float64),
    "empty": Z[:0],
    "0d": np.float32(0.3),
    "extreme": np.float64([1e4, -1e-4, np.inf, np.nan]),
}


def relu(z: Any) -> Any:
    return np.maximum(z, 0)


def in_float32(z: Any) -> Any:
    return np.tanh(z.astype(np.float32))


def approximated(x: Any) -> Any:
    """erf to 1.5e-7, the way a handbook gives it."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    rest = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t
    return np.sign(x) * (1 - rest * np.exp(-x * x))


RIGHT: list[tuple[str, Any, Any]] = [
    ("sine", np.sin, np.cos),
    ("relu, 0 at its kink", relu, lambda z: z > 0),
    ("relu, 1 at its kink", relu, lambda z: z >= 0),
    ("relu, 0.5 at its kink", relu, lambda z: np.heaviside(z, 0.5)),
    ("absolute value", np.abs, np.sign),
    ("half of the plane: square root", np.sqrt, lambda z: 0.5 / np.sqrt(z)),
    ("half of the plane: logarithm", np.log, lambda z: 1 / z),
    ("a short domain", np.arcsin, lambda z: 1 / np.sqrt(1 - z * z)),
    ("an infinite slope", np.cbrt, lambda z: 1 / (3 * np.cbrt(z) ** 2)),
    ("a step", np.floor, lambda z: 0 * z),
    ("a number for a constant derivative", lambda z: 3 * z, lambda z: 3),
    ("float32 inside", in_float32, lambda z: 1 - np.tanh(z) ** 2),
    ("right to 1e-7", approximated, lambda z: 2 / math.sqrt(math.pi) * np.exp(-z * z)),
    ("very small", lambda z: 1e-9 * np.sin(z), lambda z: 1e-9 * np.cos(z)),
    ("far from 0", lambda z: 1e8 + np.sin(z), np.cos),
    ("lost in float32", lambda z: np.float32(1e8) + np.sin(z).astype(np.float32), np.cos),
    ("fast", lambda z: np.sin(50 * z), lambda z: 50 * np.cos(50 * z)),
    ("overflowing", np.exp, np.exp),
    ("overflowing inside", lambda z: np.log1p(np.exp(z)), lambda z: 1 / (1 + np.exp(-z))),
]
WRONG: list[tuple[str, Any, Any, type[Exception], str]] = [
    ("another function's", np.sin, np.sin, DerivativeError, r"numpy.sin = .* at z = .* \(off by"),
    ("a hundredth of a percent", np.sin, lambda z: np.cos(z) * 1.0001, DerivativeError, r"off by 0\.0001"),
    ("sign", np.tanh, lambda z: np.tanh(z) ** 2 - 1, DerivativeError, "off by 2"),
    ("of y", np.tanh, lambda y: 1 - y * y, DerivativeError, "Write the derivative of z: this one takes y"),
    ("beyond a kink's slopes", relu, lambda z: np.where(z == 0, 2, z > 0), DerivativeError, "= 2 at z = 0 .* 1, its"),
    ("far from 0", lambda z: 1e8 + np.sin(z), lambda z: 1.01 * np.cos(z), DerivativeError, "at z = "),
    ("nan", np.sin, lambda z: np.cos(z) * np.nan, DerivativeError, "= nan at z"),
    ("infinite", np.sin, lambda z: np.cos(z) / 0, DerivativeError, "= -?inf at z"),
    ("a branch", lambda z: np.where(z > 0, z, np.expm1(z)), lambda z: np.where(z > 0, 1, np.expm1(z)), DerivativeError,
     "z = -"),
    ("straight through", np.sign, lambda z: 1, DerivativeError, "expected 0"),
    ("not elementwise", lambda z: np.exp(z) / np.exp(z).sum(), np.sin, InputError, "depends on the elements"),
    ("a sum", np.sum, lambda z: 1, ShapeError, r"shape \(\) from numpy.sum"),
    ("flattened", np.cumsum, lambda z: 1, ShapeError, r"expected shape \(4, 2\)"),
    ("a derivative of another shape", np.sin, lambda z: np.cos(z).ravel(), ShapeError, r"shape \(8,\)"),
    ("for numbers", math.sin, math.cos, InputError, "raised TypeError"),
    ("complex", lambda z: 1j * z, lambda z: 1j, InputError, "complex128"),
    ("in place", lambda z: np.multiply(z, 2, out=z), lambda z: 2, InputError, "read-only"),
    ("raising", lambda z: z.no_such_thing, lambda z: 1, InputError, "raised AttributeError"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "derivative"), [row[1:] for row in RIGHT], ids=[row[0] for row in RIGHT])
@pytest.mark.parametrize("z", SHAPES.values(), ids=SHAPES)
def test_a_right_pair_is_believed(function: Any, derivative: Any, z: Any) -> None:
    op = ops.Activation(function, derivative)
    op.check("Activation", z=np.asarray(z))
    y = op.forward(z)
    assert y.dtype == np.asarray(z).dtype
    assert op.backward(np.ones_like(z), y, z)["z"].dtype == np.asarray(z).dtype


@pytest.mark.parametrize(("function", "derivative", "error", "words"), [row[1:] for row in WRONG],
                         ids=[row[0] for row in WRONG])  # fmt: skip
def test_a_wrong_pair_is_refused(function: Any, derivative: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ops.Activation(function, derivative).check("Activation 'mine'", z=Z)


def test_a_function_that_gives_other_numbers_each_time_is_refused() -> None:
    random = np.random.default_rng(0)
    with pytest.raises(InputError, match="always gives the same result"):
        ops.Activation(lambda z: z + random.random(z.shape), lambda z: 1).check("here", z=Z)


@pytest.mark.parametrize("wrong", [3, "tanh", None, float])
def test_a_pair_is_of_functions(wrong: Any) -> None:
    with pytest.raises(InputError, match="Activation derivative"):
        ops.Activation(np.sin, wrong)
    with pytest.raises(InputError, match="Loss function"):
        ops.Loss(wrong, np.sin)


def test_a_pair_prints_as_its_functions_names() -> None:
    assert repr(ops.Activation(np.sin, np.cos)) == "Activation(numpy.sin, numpy.cos)"
    assert repr(ops.Activation(lambda z: z, relu)).startswith("Activation(<lambda>, ")
    assert repr(ops.Activation(lambda z: z, relu)).endswith("test_custom.relu)")
    assert repr(ops.Loss(relu, math.sin, per_sample=True)).endswith("math.sin, per_sample=True)")


P = np.random.default_rng(0).random((6, 3)).astype(np.float32)
T = (P > 0.5).astype(np.float32)


def squared(p: Any, t: Any) -> Any:
    return ((p - t) ** 2).mean()


def of_squared(p: Any, t: Any) -> Any:
    return 2 * (p - t) / p.size


def absolute(p: Any, t: Any) -> Any:
    return np.abs(p - t).sum(axis=1)


def of_absolute(p: Any, t: Any) -> Any:
    return np.sign(p - t)


def test_a_right_loss_is_believed() -> None:
    whole, each = ops.Loss(squared, of_squared), ops.Loss(absolute, of_absolute, per_sample=True)
    whole.check("Loss", prediction=P, target=T)
    each.check("Loss", prediction=P, target=P)  # every element at its kink
    weight = np.arange(6.0)
    each.check("Loss", prediction=P, target=T, sample_weight=weight)
    assert whole.forward(P, T).dtype == each.forward(P, T, weight).dtype == np.float32
    assert each.forward(P, T, weight) == pytest.approx(absolute(P, T) @ weight / 15)
    y = whole.forward(P, T)
    assert y == pytest.approx(ops.MeanSquaredError().forward(P, T))
    of_op = ops.MeanSquaredError().backward(1.0, y, P, T)["prediction"]
    assert np.allclose(whole.backward(1.0, y, P, T)["prediction"], of_op)


@pytest.mark.parametrize("names", ["y_true, y_pred", "y, y_hat", "truth, prediction", "t, p", "out, t", "y_pred, y"])
@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_a_pair_that_names_its_parameters_is_given_them_in_their_order(names: str, engine: str) -> None:
    prediction, target = sorted(names.split(", "), key=["y_pred", "y_hat", "prediction", "p", "out"].__contains__)[::-1]
    function = eval(f"lambda {names}: (({prediction} ** 2 - {target}) ** 2).mean()")
    derivative = eval(f"lambda {names}: 4 * {prediction} * ({prediction} ** 2 - {target}) / {prediction}.size")
    plain = ops.Loss(lambda a, b: ((a**2 - b) ** 2).mean(), lambda a, b: 4 * a * (a**2 - b) / a.size)
    losses = [
        cr.train(cr.Network([cr.Dense(3, inputs=3), cr.Sigmoid()], loss, engine=engine), P, T, epochs=3)["loss"]
        for loss in (plain, ops.Loss(function, derivative))
    ]
    assert losses[0] == losses[1]


def test_a_pair_that_names_its_parameters_can_be_pickled() -> None:
    loss = pickle.loads(pickle.dumps(ops.Loss(truth_first, of_truth_first)))
    loss.check("Loss", prediction=P, target=T)
    assert loss.forward(P, T) == pytest.approx(squared(P, T))
    assert repr(loss) == f"Loss({__name__}.truth_first, {__name__}.of_truth_first)"


def truth_first(truth: Any, prediction: Any) -> Any:
    return squared(prediction, truth)


def of_truth_first(truth: Any, prediction: Any) -> Any:
    return of_squared(prediction, truth)


def test_an_activation_of_nothing_is_the_sigmoid() -> None:
    assert isinstance(cr.Activation(), cr.Sigmoid)


@pytest.mark.parametrize(("given", "told"), [(("tanh",), "Tanh"), ((cr.Tanh(),), "Tanh"), ((cr.ReLU,), "ReLU"),
                                             ((cr.relu, cr.relu), "ReLU"), (("swish",), "SiLU")])  # fmt: skip
def test_an_activation_that_is_chainrules_own_has_its_derivative(given: Any, told: str) -> None:
    with pytest.raises(InputError, match=rf"Write cr\.{told}\(\): it has its derivative"):
        cr.Activation(*given)


def test_a_loss_may_return_a_python_number() -> None:
    loss = ops.Loss(lambda p, t: float(squared(p, t)), of_squared)
    loss.check("Loss", prediction=P, target=T)
    assert loss.forward(P, T).dtype == np.float32


WRONG_LOSSES: list[tuple[str, Any, Any, bool, type[Exception], str]] = [
    ("no mean in the derivative", squared, lambda p, t: 2 * (p - t), False, DerivativeError,
     r"at prediction\[\d, \d\] = .* belongs into both or neither"),
    ("no number", lambda p, t: (p - t) ** 2, of_squared, False, ShapeError, "or pass per_sample=True"),
    ("a number in place of losses", squared, of_squared, True, ShapeError, r"expected shape \(6,\)"),
    ("the mean taken twice", absolute, lambda p, t: np.sign(p - t) / len(p), True, DerivativeError, "taken by the op"),
    ("samples mixed", lambda p, t: absolute(p, t) - p.mean(), of_absolute, True, InputError, "on the other samples"),
    ("a derivative of one column", squared, lambda p, t: of_squared(p, t)[:, :1], False, ShapeError, "like prediction"),
    ("target first", lambda a, b: ((a - b) ** 2).mean(), lambda a, b: 2 * (b - a) / b.size, False, DerivativeError,
     "Write the prediction first: both take the target first"),
    ("target first, and infinite so", lambda a, b: -(a * np.log(b)).mean(), lambda a, b: -a / b / b.size, False,
     DerivativeError, "Write the prediction first: both take the target first"),
    ("infinite", squared, lambda p, t: p / 0, False, DerivativeError, "= inf at prediction"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "derivative", "per_sample", "error", "words"), [row[1:] for row in WRONG_LOSSES],
                         ids=[row[0] for row in WRONG_LOSSES])  # fmt: skip
def test_a_wrong_loss_is_refused(
    function: Any, derivative: Any, per_sample: bool, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ops.Loss(function, derivative, per_sample).check("Loss", prediction=P, target=T)


def surprise(p: Any, t: Any) -> Any:
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(axis=1)


def of_surprise(p: Any, t: Any) -> Any:
    return (p - t) / (p * (1 - p))


def fourth(p: Any, t: Any) -> Any:
    return (p * p - t).sum(axis=1) ** 2


def of_fourth(p: Any, t: Any) -> Any:
    return 4 * p * (p * p - t).sum(axis=1, keepdims=True)


def turned(function: Any) -> Any:
    return lambda first, second: function(second, first)


@pytest.mark.parametrize(
    ("function", "derivative", "per_sample", "words"),
    [
        (turned(squared), turned(of_squared), False, "Write the prediction first: both take .*or turn the deri"),
        (squared, lambda p, t: -of_squared(p, t), False, "or turn the derivative's sign"),
        (turned(absolute), turned(of_absolute), True, "both take the target first, or"),
        (turned(surprise), turned(of_surprise), True, "got a loss that is not finite.*both take the target first$"),
        (turned(fourth), turned(of_fourth), True, "both take the target first$"),
        (fourth, turned(of_fourth), True, "the derivative takes the target first$"),
        (lambda a, b: fourth(b, a), lambda a, b: of_fourth(a, b), True, "the function takes the target first$"),
        (lambda a, b: fourth(a, b), lambda t, p: of_fourth(t, p), True, "Swap the names .*the derivative takes the"),
        (squared, lambda y_true, y_pred: of_squared(y_true, y_pred), False, "Swap the names .*turn the deriv.* sign"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at", ["the op", "a graph", "replay", "dynamic"])
def test_a_loss_with_the_target_before_the_prediction_is_recognised(
    function: Any, derivative: Any, per_sample: bool, words: str, at: str
) -> None:
    loss = ops.Loss(function, derivative, per_sample)

    def used() -> None:
        if at == "the op":
            loss.check("Loss", prediction=P, target=T)
        elif at == "a graph":
            cr.Node(loss, {"prediction": cr.Parameter("p", P), "target": cr.Input("t", T)})
        else:
            cr.train(cr.Network([cr.Dense(3, inputs=3), cr.Sigmoid()], loss, engine=at), P, T, epochs=1)

    with pytest.raises(DerivativeError) as told:
        used()
    assert re.search(words, str(told.value).rstrip("."))
