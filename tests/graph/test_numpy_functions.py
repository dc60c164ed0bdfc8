"""NumPy's functions on nodes: operators build nodes, whatever stands first; all else is refused with what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError

ARRAY = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)

OPERATORS: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "+": (lambda a, b: a + b, "add"),
    "-": (lambda a, b: a - b, "subtract"),
    "*": (lambda a, b: a * b, "multiply"),
    "/": (lambda a, b: a / b, "divide"),
    "@": (lambda a, b: a @ b, "matmul"),
    "**": (lambda a, b: a**b, "power"),
}

REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "np.dot(node, node)": (lambda a: np.dot(a, a), "Write a @ b"),
    "array.dot(node)": (lambda a: ARRAY.dot(a), "Take node.value"),
    "np.tanh(node)": (lambda a: np.tanh(a), r"Write cr\.tanh"),
    "np.exp(node)": (lambda a: np.exp(a), r"Write cr\.exp"),
    "np.mean(node)": (lambda a: np.mean(a), r"Write cr\.mean"),
    "np.sum(node)": (lambda a: np.sum(a), r"Write cr\.sum"),
    "np.square(node)": (lambda a: np.square(a), r"Write cr\.power"),
    "np.abs(node)": (lambda a: np.abs(a), r"Write cr\.absolute"),
    "np.concatenate": (lambda a: np.concatenate([a, a]), r"Write cr\.concatenate"),
    "np.where": (lambda a: np.where(a, 1, 0), "Write cr.where"),
    "np.maximum": (lambda a: np.maximum(a, 0), "Write cr.maximum"),
    "np.linalg.norm": (lambda a: np.linalg.norm(a), "Write cr.norm"),
    "np.add with out": (lambda a: np.add(ARRAY, a, out=ARRAY.copy()), r"Write cr\.add"),
    "np.add.reduce": (lambda a: np.add.reduce(a), "Take node.value"),
    "array += node": (lambda a: ARRAY.copy().__iadd__(a), r"Write cr\.add"),
    "np.asarray": (lambda a: np.asarray(a), "Take node.value"),
    "np.array of nodes": (lambda a: np.array([a, a]), "Take node.value"),
    "array[node]": (lambda a: ARRAY[a], "Take node.value"),
    "list[node]": (lambda a: [1, 2][a], "Take node.value"),
    "float": (lambda a: float(a), "Take node.value"),
    "int": (lambda a: int(a), "Take node.value"),
    "node > 0": (lambda a: a > 0, "Take node.value"),
    "array < node": (lambda a: a > ARRAY, "Take node.value"),
    "max(node, node)": (lambda a: max(a, a), "Take node.value"),
}


FIRST = ("node", "array", "scalar", "number")


@pytest.mark.parametrize(
    ("sign", "first"), [(s, f) for s in OPERATORS for f in FIRST if s != "@" or f in ("node", "array")]
)
def test_an_operator_builds_a_node_whatever_stands_first(sign: str, first: str) -> None:
    operator, name = OPERATORS[sign]
    left: Any = {
        "node": cr.Parameter("a", ARRAY), "array": ARRAY, "scalar": np.float32(3), "number": 3.0,
    }[first]  # fmt: skip
    node = operator(left, cr.Parameter("b", ARRAY))
    assert isinstance(node, cr.Node)
    assert node.op is not None
    assert node.op.name == name
    plain = ARRAY if first == "node" else left
    assert np.array_equal(node.value, operator(plain, ARRAY))


@pytest.mark.parametrize("name", REFUSED)
def test_numpy_on_a_node_is_refused_with_what_to_write(name: str) -> None:
    use, advice = REFUSED[name]
    with pytest.raises(InputError, match=advice):
        use(cr.Parameter("a", ARRAY))


def test_the_size_of_a_node_is_an_op() -> None:
    node = abs(cr.Parameter("a", -ARRAY))
    assert np.array_equal(node.value, ARRAY)
