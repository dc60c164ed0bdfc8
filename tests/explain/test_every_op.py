"""Every op of the library explains itself, and so does one written a minute ago: no special cases anywhere."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import explain
from chainrule.explain.notation import Matrix, Symbol, mathml, number
from chainrule.explain.op_formulas import backward_formula, forward_formula, typeset
from chainrule.explain.text_layout import formula_line, text
from chainrule.ops.op import Op
from chainrule.ops.pages import page
from tests.ops.cases import CASES
from tests.referees import REQUIRED


def seen(formula: Any) -> Any:
    """Return what a recorded formula is worth, evaluated as it is printed."""
    return eval(compile(ast.Expression(formula.result), "formula", "eval"), {"np": np, **formula.values})


ACCEPTED = [case for case in CASES if "rows-of-any-sum" not in case.note]  # the others no graph is built of
SETTINGS = {repr(case.op): case for case in ACCEPTED}  # a case for each op and its settings; in CI all of them


@pytest.mark.parametrize("case", ACCEPTED if REQUIRED else SETTINGS.values(), ids=str)
def test_an_op_is_explained_in_a_graph(case: Any) -> None:
    leaves = {}
    for role, array in case.arrays.items():
        kind = cr.Parameter if case.op.differentiable(role) and array.dtype.kind == "f" else cr.Input
        leaves[role] = kind(role, array)
    node = cr.Node(case.op, leaves, "node")
    loss = node if node.value.size == 1 else cr.sum(x=node * node)
    for form in ("terminal", "html"):
        told = str(explain(loss, format=form))
    assert str(page(type(case.op)).function.split(" = ")[0]) in told
    data = json.loads(str(explain(loss, format="json")))
    found = next(part for part in data["nodes"] if part["name"] == "node")
    assert found["formula"]
    assert found["textbook"]["agrees"]
    assert all(told["agrees"] for told in found["handed_textbook"].values())
    assert set(found["handed_textbook"]) == set(case.roles)
    assert set(found["handed"]) == set(case.roles)
    assert all(found["handed"].values())
    assert all(proof["error"] < 1e-6 for proof in data["proof"])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_printed_record_computes_the_printed_number(case: Any) -> None:
    y = np.asarray(case.op.forward(**case.arrays))
    dy = np.random.default_rng(0).standard_normal(y.shape)
    formulas = [(forward_formula(case.op, case.arrays), y)]
    parts = case.op.backward(dy, y, **case.arrays)
    formulas += [(backward_formula(case.op, dy, y, case.arrays, role), parts[role]) for role in case.roles]
    for formula, value in formulas:
        if formula.recorded:
            assert np.allclose(seen(formula), value, rtol=1e-12, atol=1e-300)
            assert formula_line(typeset(formula.result, {}))
        else:
            assert "def " in formula.source


def test_most_ops_are_explained_by_their_record() -> None:
    recorded = {case.op.name for case in CASES if forward_formula(case.op, case.arrays).recorded}
    assert set(cr.ops.all_ops()) - recorded <= {"gather", "slice"}


class Swish(cr.Op):
    """y = z · σ(βz)
    ∂z = ∂y · (σ(βz) + βz · σ(βz) (1 − σ(βz)))"""

    def __init__(self, beta: float = 1.5) -> None:
        self.beta = beta

    def forward(self, z: Any) -> Any:
        return z / (1 + np.exp(-self.beta * z))

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        s = 1 / (1 + np.exp(-self.beta * z))
        return dict(z=dy * (s + self.beta * z * s * (1 - s)))


class Looping(cr.Op):
    """y = z³"""

    def forward(self, z: Any) -> Any:
        total = np.ones_like(z)
        for _ in range(int(3 + 0 * z.flat[0])):
            total = total * z
        return total

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return {"z": dy * 3 * np.array([value**2 for value in z.flat]).reshape(z.shape)}


def test_a_users_op_explains_itself() -> None:
    network = cr.Network([cr.Dense(2, inputs=2), Swish(), cr.Dense(1)], loss=cr.MeanSquaredError())
    told = " ".join(str(explain(network, [[1.0, 2.0]], [[1.0]])).split())
    assert "a⁽¹⁾ = z⁽¹⁾ / (1 + e^(−1.5 · z⁽¹⁾))" in told
    assert "∂z = ∂y · (σ(βz) + βz · σ(βz) (1 − σ(βz)))" in told
    assert "t₁ = 1 / (1 + e^(−1.5 · z⁽¹⁾))" in told


def test_an_op_that_cannot_be_recorded_shows_its_source() -> None:
    network = cr.Network([cr.Dense(2, inputs=2), Looping(), cr.Dense(1)], loss=cr.MeanSquaredError())
    told = str(explain(network, [[1.0, 2.0]], [[1.0]]))
    assert "for _ in range(int(3 + 0 * z.flat[0])):" in told
    data = json.loads(str(explain(network, [[1.0, 2.0]], [[1.0]], format="json")))
    assert all(proof["error"] < 1e-6 for proof in data["proof"])


def test_an_op_without_source_is_explained_by_its_numbers() -> None:
    forward = "def forward(self, z):\n    return z * float(z.sum())\n"
    backward = "def backward(self, dy, y, z):\n    return {'z': dy * z.sum() + (dy * z).sum()}\n"
    scope: dict[str, Any] = {}
    exec(forward + backward, scope)
    kind = type("Unseen", (Op,), {"forward": scope["forward"], "backward": scope["backward"]})
    told = str(explain(cr.sum(x=cr.Node(kind(), {"z": cr.Parameter("w", [[1.0, 2.0]])}))))
    assert "z⁽¹⁾ = [ 3  6 ]" in told


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("a - (b - c)", "a − (b − c)"),
        ("a - b - c", "a − b − c"),
        ("(a + b) * c", "(a + b) · c"),
        ("-a * b", "(−a) · b"),
        ("-2 * a", "−2 · a"),
        ("b * (-2 * a)", "b · (−2 · a)"),
        ("a + -b", "a + (−b)"),
        ("a + -2 * b", "a + (−2 · b)"),
        ("(-3 < z) & (z < 3)", "[−3 < z < 3]"),
        ("(a < z) & (b < z)", "[a < z ∧ b < z]"),
        ("np.where(z > 0, z, np.where(z < -1, 0, 1))", "{z where z > 0, 0 where z < −1, else 1}"),
        ("table[indices]", "table[indices]"),
        ("np.transpose(x, (1, 2, 0))", "x^T(1,2,0)"),
        ("a / b / c", "(a / b) / c"),
        ("(a + b) ** 2", "(a + b)²"),
        ("a * a", "a²"),
        ("np.exp(-z)", "e^(−z)"),
        ("np.where(z > 0, z, 0)", "{z where z > 0, else 0}"),
        ("z * (z > 0)", "z · [z > 0]"),
        ("x.T @ dy", "xᵀ @ dy"),
        ("z.sum(axis=1, keepdims=True)", "Σ₁ z"),
        ("np.maximum(z, 0)", "max(z, 0)"),
        ("np.log1p(z)", "log(1 + z)"),
        ("dy[:, :2]", "dy[:, :2]"),
        ("self.slope * z", "slope · z"),
        ("np.sqrt(a + b)", "√(a + b)"),
        ("unknown(a, b)", "unknown(a, b)"),
        ("[f(v) for v in z]", "[f(v) for v in z]"),
    ],
)
def test_python_is_typeset_as_mathematics(expression: str, written: str) -> None:
    tree = typeset(ast.parse(expression, mode="eval").body, {})
    assert formula_line(tree) == written
    assert mathml(tree).startswith("<math")


def test_a_negative_number_in_a_product_keeps_its_brackets() -> None:
    names = {"a": Symbol("a"), "b": Matrix(np.array(-0.5))}
    assert formula_line(typeset(ast.parse("a * b", mode="eval").body, names)) == "a · (-0.5)"


def test_numbers_have_four_digits() -> None:
    assert [number(v) for v in (1 / 3, -123456.0, 1e-9, 0.0, np.float32(2), True, np.nan)] == [
        *("0.3333", "-1.235e+05", "1e-09", "0", "2", "1", "nan"),
    ]


def test_a_formula_with_matrices_stands_on_one_base_line() -> None:
    lines = text(typeset(ast.parse("a @ b", mode="eval").body, {"a": Matrix(np.eye(3)), "b": Matrix(np.ones(2))}))
    assert len(lines) == 3
    assert re.fullmatch(r"⎢ 0  1  0 ⎥ @ \[ 1  1 \]", lines[1])
