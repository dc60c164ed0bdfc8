"""The usual mistakes, planted in ops as users write them: `check` finds each and calls it by its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.gradcheck import check
from tests.ops.cases import CASES

_random = np.random.default_rng(1)
X, WEIGHTS, BIAS = _random.normal(size=(5, 3)), _random.normal(size=(3, 2)), _random.normal(size=2)
LINEAR = {"x": X, "weights": WEIGHTS, "bias": BIAS}
SQUARE = {"x": X, "weights": _random.normal(size=(3, 3)), "bias": np.zeros(3)}


class Linear(cr.Op):
    """y = x @ weights + bias"""

    def forward(self, x: Any, weights: Any, bias: Any) -> Any:
        return x @ weights + bias

    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return dict(x=dy @ weights.T, weights=x.T @ dy, bias=dy.sum(axis=0))


class TimesBatch(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "weights": x.T @ dy * len(x)}


class OverBatch(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": dy.mean(axis=0)}


class Untransposed(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "x": dy @ weights}


class Turned(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "weights": dy.T @ x}


class Unsummed(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": dy}


class FirstRow(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": dy[0]}


class SumOfAll(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": dy.sum()}


class SumOfAllEverywhere(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": np.full_like(bias, dy.sum())}


class AlongOutputs(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": dy.sum(axis=1)}


class Ones(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": np.full_like(bias, len(x))}


class LastRow(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": dy[-1]}


class Garbled(Linear):
    """Every derivative is wrong in a way of its own."""

    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        right = super().backward(dy, y, x, weights, bias)
        return dict(
            x=np.cumsum(right["x"], axis=1),
            weights=np.cumsum(right["weights"], axis=0),
            bias=np.cumsum(right["bias"]) + dy[0],
        )


class GarbledAlongOutputs(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": np.cumsum(dy.sum(axis=1))}


class GarbledRows(Linear):
    def backward(self, dy: Any, y: Any, x: Any, weights: Any, bias: Any) -> Any:
        return {**super().backward(dy, y, x, weights, bias), "bias": np.cumsum(dy, axis=0)}


class Swapped(cr.Op):
    """y = a b"""

    def forward(self, a: Any, b: Any) -> Any:
        return a * b

    def backward(self, dy: Any, y: Any, a: Any, b: Any) -> Any:
        return dict(a=dy * a, b=dy * b)


class Activated(cr.Op):
    """y = tanh(x @ weights)"""

    def forward(self, x: Any, weights: Any) -> Any:
        return np.tanh(x @ weights)

    def backward(self, dy: Any, y: Any, x: Any, weights: Any) -> Any:
        return dict(x=dy @ weights.T, weights=x.T @ dy)


class BiasColumn(cr.Op):
    """y = [x 1] @ weights: the bias is the last row of the weights"""

    def forward(self, x: Any, weights: Any) -> Any:
        return np.concatenate([x, np.ones((len(x), 1))], axis=1) @ weights

    def backward(self, dy: Any, y: Any, x: Any, weights: Any) -> Any:
        widened = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        return dict(x=(dy @ weights.T)[:, 1:], weights=widened.T @ dy)


class OfZ(cr.Op):
    """y = tanh(z)"""

    def forward(self, z: Any) -> Any:
        return np.tanh(z)


class Sign(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=-dy * (1 - y * y))


class Ignoring(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=1 - y * y)


class Missing(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy)


class Neighbours(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=(dy + 0.1 * dy[::-1]) * (1 - y * y))


class OfYGivenZ(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * (1 - z * z))


class SigmoidOfYGivenZ(cr.Op):
    """y = 1 / (1 + e^-z)"""

    def forward(self, z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * z * (1 - z))


class OfZGivenY(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * (1 - np.tanh(y) ** 2))


class Zero(OfZ):
    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=0 * dy)


class Keeping(cr.Op):
    """y = z², with the z of the call before"""

    def forward(self, z: Any) -> Any:
        self.kept = z
        return z * z

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * 2 * self.kept)


class KeepingTheFirst(cr.Op):
    """y = z², with the z of the first call"""

    kept = None

    def forward(self, z: Any) -> Any:
        self.kept = z if self.kept is None else self.kept
        return z * z

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * 2 * self.kept)


class Diagonal(cr.Op):
    """y = softmax(z)"""

    def forward(self, z: Any) -> Any:
        power = np.exp(z)
        return power / power.sum(axis=1, keepdims=True)

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * y * (1 - y))


class WrongSide(cr.Op):
    """y = max(z, 0)"""

    def forward(self, z: Any) -> Any:
        return np.maximum(z, 0)

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * (z < 0))


class Error(cr.Op):
    """y = mean((prediction − target)²)"""

    constant = ("target",)
    factor: Any = staticmethod(lambda prediction: 2 / prediction.size)

    def forward(self, prediction: Any, target: Any) -> Any:
        return ((prediction - target) ** 2).mean()

    def backward(self, dy: Any, y: Any, prediction: Any, target: Any) -> Any:
        return dict(prediction=dy * self.factor(prediction) * (prediction - target))


class Constant(Error):
    def backward(self, dy: Any, y: Any, prediction: Any, target: Any) -> Any:
        return dict(prediction=2 / prediction.size * (prediction - target))


class Doubled(Error):
    factor = staticmethod(lambda prediction: 4 / prediction.size)


class Summed(Error):
    factor = staticmethod(lambda prediction: 2.0)


class Arbitrary(Error):
    factor = staticmethod(lambda prediction: 2.02 / prediction.size)


# Some in several forms: op, arrays, the wrong role, the beginning of the mistake's name.
MISTAKES = [
    (Sign(), {}, "z", "the sign"),
    (Doubled(), {}, "prediction", "a factor 2"),
    (TimesBatch(), LINEAR, "weights", "times the batch size"),
    (OverBatch(), LINEAR, "bias", "divided by the batch size"),
    (Missing(), {}, "z", "missing σ′"),
    (Activated(), {"x": X, "weights": WEIGHTS}, "weights", "missing σ′"),
    (Untransposed(), LINEAR, "x", "transposed"),
    (Untransposed(), SQUARE, "x", "transposed: weights"),
    (Turned(), LINEAR, "weights", "transposed"),
    (Turned(), SQUARE, "weights", "transposed"),
    (BiasColumn(), {"x": X, "weights": _random.normal(size=(4, 2))}, "x", "cut from the wrong side"),
    (Summed(), {}, "prediction", "the sum instead of the mean"),
    (Keeping(), {}, "z", "stale value"),
    (KeepingTheFirst(), {}, "z", "stale value"),
    (Diagonal(), {}, "z", "only the diagonal"),
    (Unsummed(), LINEAR, "bias", "missing sum over rows"),
    (FirstRow(), LINEAR, "bias", "missing sum over rows"),
    (LastRow(), LINEAR, "bias", "missing sum over rows"),
    (Unsummed(), {**LINEAR, "bias": BIAS.reshape(1, 2)}, "bias", "missing sum over rows"),
    (WrongSide(), {}, "z", "the wrong side"),
    (Ignoring(), {"z": X}, "z", "ignores the incoming gradient"),
    (Zero(), {}, "z", "no derivative at all"),
    (Neighbours(), {"z": X[:4, :1]}, "z", "samples are mixed"),
    (Sign(), {"z": _random.normal(size=(64, 10))}, "z", "the sign"),  # of the first samples, as all are too many
    (Arbitrary(), {}, "prediction", "a constant factor 1.01"),
    (Constant(), {}, "prediction", "ignores the incoming gradient"),
    (SumOfAll(), LINEAR, "bias", "summed over everything"),
    (SumOfAllEverywhere(), LINEAR, "bias", "summed over everything"),
    (SumOfAllEverywhere(), {}, "bias", "summed over everything"),
    (AlongOutputs(), LINEAR, "bias", "summed along the wrong axis"),
    (AlongOutputs(), {"x": X[:3], "weights": WEIGHTS[:, [0, 1, 0]], "bias": np.zeros(3)}, "bias", "summed along"),
    (Ones(), LINEAR, "bias", "ignores the incoming gradient"),
    (OfYGivenZ(), {}, "z", "written in y but given z"),
    (SigmoidOfYGivenZ(), {}, "z", "written in y but given z"),
    (OfZGivenY(), {}, "z", "written in z but given y"),
    (Swapped(), {"a": X, "b": X[::-1] + 1}, "a", "exchanged: this is the derivative by b"),
]


@pytest.mark.parametrize(
    ("op", "arrays", "role", "name"), MISTAKES, ids=[f"{type(row[0]).__name__}-{i}" for i, row in enumerate(MISTAKES)]
)
def test_a_planted_mistake_is_found_and_named(op: Any, arrays: dict[str, Any], role: str, name: str) -> None:
    report = check(op, **arrays)
    assert not report.passed
    found = next(finding for finding in report.wrong if finding.by == role)
    assert str(found.slip).startswith(name)
    assert f"by {role}, is WRONG: {found.slip}" in str(report)


NAMELESS = [
    (Garbled(), LINEAR, "x"),
    (Garbled(), LINEAR, "weights"),
    (Garbled(), LINEAR, "bias"),
    (Garbled(), SQUARE, "weights"),
    (GarbledAlongOutputs(), LINEAR, "bias"),
    (GarbledRows(), {**LINEAR, "bias": BIAS.reshape(1, 2)}, "bias"),
    (Sign(), {"z": _random.normal(size=(1, 201))}, "z"),  # whose Jacobian would be too large to look at
]


@pytest.mark.parametrize(
    ("op", "arrays", "role"), NAMELESS, ids=[f"{type(row[0]).__name__}-{row[2]}-{i}" for i, row in enumerate(NAMELESS)]
)
def test_a_mistake_without_a_name_is_wrong_all_the_same(op: Any, arrays: dict[str, Any], role: str) -> None:
    report = check(op, **arrays)
    found = next(finding for finding in report.wrong if finding.by == role)
    assert found.slip is None
    assert f"by {role}, is WRONG" in str(report)


@pytest.mark.parametrize("op", [Unsummed(), TimesBatch(), Linear()], ids=repr)
def test_numbers_are_made_up_where_none_are_given(op: Any) -> None:
    assert check(op).passed == (type(op) is Linear)


def test_only_the_wrong_role_is_reported() -> None:
    assert [finding.by for finding in check(TimesBatch(), **LINEAR).wrong] == ["weights"]
    assert [finding.by for finding in check(Unsummed(), **LINEAR).wrong] == ["bias"]


@pytest.mark.parametrize("op", [Linear(), Error(), *map(cr.Activation, [np.sin], [np.cos])], ids=repr)
def test_a_right_op_passes(op: Any) -> None:
    report = check(op)
    assert report.passed
    assert str(report).endswith("every derivative is right")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_op_of_the_library_passes(case: Any) -> None:
    assert check(case.op, **case.arrays).passed


def test_a_network_is_checked_by_parameter_and_by_role() -> None:
    x, y = cr.data.xor()
    network = cr.Network([cr.Dense(3, inputs=2), cr.ReLU(), cr.Dropout(0.2), cr.Dense(1), cr.Sigmoid()], l2=0.1)
    report = check(network, x, y)
    assert report.passed  # (0, 0) lies on the ReLU's kink
    assert {finding.by for finding in report.findings} >= {"dense_1.weights", "dense_2.bias", "weights", "z", "logits"}


def test_kinks_close_by_are_not_taken_for_mistakes() -> None:
    generator = np.random.default_rng(0)
    network = cr.Network([cr.Dense(200), cr.ReLU(), cr.Dense(100), cr.ReLU(), cr.Dense(10), cr.Softmax()])
    report = check(network, generator.random((64, 60)), generator.integers(0, 10, 64))
    assert report.passed


@pytest.mark.parametrize("off", [1e-5, 1e-3])
def test_a_derivative_that_is_slightly_off_is_found(off: float) -> None:
    class Off(OfZ):
        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy * (1 - y * y) * (1 + off))

    network = cr.Network([cr.Dense(4), Off(), cr.Dense(1)], loss=cr.MeanSquaredError())
    wrong = {finding.by for finding in check(network, X, X[:, :1]).wrong}
    assert wrong == {"dense_1.weights", "dense_1.bias", "z"}


@pytest.mark.parametrize(("op", "slip"), [(WrongSide(), "the wrong side"), (Sign(), "the sign")], ids=repr)
def test_the_wrong_op_of_a_network_is_pointed_out(op: Any, slip: str) -> None:
    network = cr.Network([cr.Dense(4), op, cr.Dense(1)], loss=cr.MeanSquaredError())
    x = np.random.default_rng(0).normal(size=(8, 3))
    report = check(network, x, x[:, :1])
    by = {finding.by: finding for finding in report.wrong}
    assert set(by) == {"dense_1.weights", "dense_1.bias", "z"}
    assert str(by["z"].slip).startswith(slip)


def test_a_layer_and_a_graph_are_checked() -> None:
    assert check(cr.Dense(2, inputs=3), X).passed
    w = cr.Parameter("w", [[1.0, 2.0]])
    assert check(cr.mean(x=cr.tanh(z=w))).passed
    assert not check(cr.Graph(cr.Node(Sign(), {"z": w}))).passed


def test_a_backward_that_raises_is_a_finding() -> None:
    class Raising(OfZ):
        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            raise ZeroDivisionError("no")

    class Nothing(OfZ):
        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return {}

    assert "ZeroDivisionError: no" in str(check(Raising()))
    assert "returned no derivative" in str(check(Nothing()))
    assert "ZeroDivisionError: no" in str(check(cr.Graph(cr.Node(Raising(), {"z": cr.Parameter("w", [[1.0]])}))))


@pytest.mark.parametrize(
    ("of", "given", "message"),
    [
        (cr.ops.Gather(), {}, "an array for each role"),
        (3, {}, "an op, a layer"),
        (Linear, {}, r"the class Linear itself.*Pass Linear\(…\)"),
        (cr.Network([cr.Dense(1, inputs=2)]), {}, "without data"),
        (cr.Dense(2), {"weights": WEIGHTS}, "roles for an op only"),
    ],
    ids=["gather", "number", "class", "network", "roles"],
)
def test_bad_input_gets_one_clear_error(of: Any, given: Any, message: str) -> None:
    with pytest.raises(cr.errors.InputError, match=message):
        check(of, **given)


def times_in_place(array: Any) -> Any:
    array[array < 0] *= 0.1
    return array


def squared_in_place(array: Any) -> Any:
    array **= 2
    return array


# An op that works in place: forward, backward, what it changes, and the report's words.
IN_PLACE = {
    "forward changes z": (times_in_place, lambda dy, y, z: dy * np.where(z < 0, 0.1, 1), "z"),
    "backward changes dy": (np.tanh, lambda dy, y, z: np.multiply(dy, 1 - y * y, out=dy), "dy"),
    "backward changes y": (np.tanh, lambda dy, y, z: dy * (1 - squared_in_place(y)), "y"),
    "backward changes z": (np.tanh, lambda dy, y, z: dy * (1 - np.tanh(z, out=z) ** 2), "z"),
}


@pytest.mark.parametrize(("forward", "backward", "name"), IN_PLACE.values(), ids=IN_PLACE)
def test_an_op_that_changes_what_it_is_given_is_a_finding(
    request: pytest.FixtureRequest, forward: Any, backward: Any, name: str
) -> None:
    class InPlace(cr.Op):
        """y = f(z)"""

        def forward(self, z: Any) -> Any:
            return forward(z)

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=backward(dy, y, z))

    z = np.array([[-1.0, 0.5], [2.0, -3.0]])
    for report in (check(InPlace()), check(InPlace(), z=z)):
        assert [finding.by for finding in report.wrong] == [name]
        assert f"{request.node.callspec.id} in place" in str(report)
        assert f"write {name} = {name}.copy() first" in str(report)
    assert z.tolist() == [[-1.0, 0.5], [2.0, -3.0]]


def test_in_a_message_the_users_number_comes_first() -> None:
    found = check(Sign(), z=np.array([[0.0]])).wrong[0]
    assert found.verdict == "WRONG: the sign (your backward gives -0.12573 at [0, 0], differences give 0.12573)"


def test_numbers_that_look_alike_are_told_with_more_digits() -> None:
    class Off(OfZ):
        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy * (1 - y * y) * (1 + 3e-6))

    found = check(Off(), z=np.array([[0.5]])).wrong[0]
    mine, measured = found.disagreement.removeprefix("your backward gives ").split(" at [0, 0], differences give ")
    assert mine != measured
