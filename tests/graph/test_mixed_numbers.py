"""Lists, arrays of every number type, inputs and parameters in one graph: what it computes in, and to the last bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError
from tests.ops.cases import CASES, Case


def whole(array: Any) -> Any:
    return np.ceil(np.abs(array)).astype(np.int64)


# What stands in a role: made of an array, which number type it brings, and how much that weighs.
KINDS: dict[str, tuple[Callable[[Any], Any], str | None, int]] = {
    "float64": (lambda a: a, "float64", 0),
    "float32": (lambda a: a.astype(np.float32), "float32", 0),
    "whole": (whole, None, 0),
    "mask": (lambda a: np.asarray(a > 0), None, 0),
    "list": (lambda a: a.tolist(), None, 0),
    "list of whole numbers": (lambda a: whole(a).tolist(), None, 0),
    "input of float64": (lambda a: cr.Input(a), "float64", 1),
    "input of a list": (lambda a: cr.Input(a.tolist()), "float32", 1),
    "input of whole numbers": (lambda a: cr.Input(whole(a)), None, 1),
    "input of a mask": (lambda a: cr.Input(np.asarray(a > 0)), None, 1),
    "parameter of float64": (lambda a: cr.Parameter(a), "float64", 2),
    "parameter of a list": (lambda a: cr.Parameter(a.tolist()), "float32", 2),
    "parameter of whole numbers": (lambda a: cr.Parameter(whole(a)), "float32", 2),
}
FIRST: dict[str, Case] = {}
for each in CASES:
    if each.roles and (each.op.name not in FIRST or len(each.roles) > len(FIRST[each.op.name].roles)):
        FIRST[each.op.name] = each


def dtype_of(names: tuple[str, ...]) -> str:
    """The number type that a node of these computes in: the widest of those that weigh most."""
    told = [(weight, dtype) for _, dtype, weight in map(KINDS.__getitem__, names) if dtype is not None]
    most = max((weight for weight, _ in told), default=0)
    return max((dtype for weight, dtype in told if weight == most), default="float32", key="float32 float64".index)


@pytest.mark.parametrize("name", FIRST)
def test_every_op_takes_numbers_of_every_kind_in_every_role_together(name: str) -> None:
    case = FIRST[name]
    roles = case.roles[:2]
    others = {
        role: array.tolist() if array.dtype.kind == "f" else array
        for role, array in case.arrays.items()
        if role not in roles
    }
    tried = 0
    for names in itertools.product(KINDS, repeat=len(roles)):
        if case.op.in_files is False and any("whole" in kind or "mask" in kind for kind in names):
            continue  # a user's function of floats
        given = {role: KINDS[kind][0](case.arrays[role]) for role, kind in zip(roles, names)}
        dtype = dtype_of(names)
        plain = {
            role: np.asarray(value.value if isinstance(value, cr.Node) else value, dtype)
            for role, value in given.items()
        } | {
            role: np.asarray(value, dtype if isinstance(value, (list, float)) else None)
            for role, value in others.items()
        }
        try:
            case.op.check(name, **plain)
        except ChainruleError:  # whole numbers that are no probabilities
            continue
        node = cr.Node(case.op, given | others)
        expected = case.op.forward(**plain)
        assert node.dtype == expected.dtype == dtype, names
        np.testing.assert_array_equal(node.value, expected, str(names))
        np.testing.assert_array_equal(node.forward(), expected, str(names))
        tried += 1
        if not node.learnt:
            continue
        dy = np.ones(node.shape, dtype)
        node.backward(dy)
        slopes = case.op.backward(dy, expected, **plain)
        for role, value in given.items():
            if isinstance(value, cr.Parameter):
                assert value.grad is not None
                assert value.grad.dtype == value.dtype
                np.testing.assert_array_equal(value.grad, slopes[role].astype(value.dtype), str(names))
    assert tried >= len(KINDS) // 3


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "@": lambda a, b: a @ b,
}
NUMBERS = {
    "2": 2,
    "2.5": 2.5,
    "True": True,
    "np.float64": np.float64(2.5),
    "np.float32": np.float32(2.5),
    "np.int64": np.int64(2),
}


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_take_them_on_both_sides(operator: str) -> None:
    apply, matrix = OPERATORS[operator], np.array([[1.5, 2.0], [0.5, 3.0]])
    others = {kind: make(matrix) for kind, (make, _, _) in KINDS.items()} | (NUMBERS if operator != "@" else {})
    for kind, (make, _, _) in KINDS.items():
        node = make(matrix)
        if not isinstance(node, cr.Node):
            continue
        for name, other in others.items():
            dtype = dtype_of((kind, name)) if name in KINDS else dtype_of((kind,))
            if KINDS[kind][1] is None and name == "np.float64":
                dtype = "float64"  # a scalar says it where nothing else does
            plain = np.asarray(other.value if isinstance(other, cr.Node) else other, dtype)
            right, left = apply(node, other), apply(other, node)
            assert right.dtype == left.dtype == dtype, (kind, name)
            own = node.value.astype(dtype)
            np.testing.assert_allclose(right.value, apply(own, plain), rtol=1e-6, err_msg=f"{kind} {name}")
            np.testing.assert_allclose(left.value, apply(plain, own), rtol=1e-6, err_msg=f"{name} {kind}")


def test_scalars_of_numpy_are_numbers_like_others() -> None:
    for scalar in (np.int64(2), np.float32(2), np.float64(2), np.True_):
        for other in ([2.0], 3, np.int64(3), np.float64(3), np.ones(1, np.float32)):
            assert cr.add(scalar, other).dtype == cr.add(other, scalar).dtype
    assert cr.add(np.float64(2), [2.0]).dtype == np.float64
    assert cr.add(np.float64(2), np.ones(1, np.float32)).dtype == np.float32


def test_numbers_in_float32_are_not_widened_by_plain_ones() -> None:
    w = cr.Parameter([[0.5]])
    for other in (np.array([[0.1]]), np.float64(0.1), 0.1, [[0.1]], cr.Input(np.array([[0.1]]))):
        assert (w * other).dtype == np.float32


def test_weights_of_float64_and_a_bias_from_a_list_learn_together() -> None:
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], np.array([[0], [1], [1], [0]])
    w, b = cr.Parameter("w", np.array([[0.5], [-0.25]])), cr.Parameter("b", [0.125])
    loss = cr.mean_squared_error(cr.tanh(X @ w + b), y)
    graph = cr.Graph(loss)
    before = float(graph.forward())
    for _ in range(20):
        graph.forward()
        graph.backward()
        w.assign(w.value - 0.5 * w.grad)
        b.assign(b.value - 0.5 * b.grad)
    assert float(graph.forward()) < before
    assert (w.dtype, b.dtype) == ("float64", "float32")
    assert cr.check_gradients(loss).passed
