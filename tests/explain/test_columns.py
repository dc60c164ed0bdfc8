"""Explanations with samples as columns: what is printed is true as printed, and is the transpose of the program's."""

from __future__ import annotations

import ast
import json
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import explain
from chainrule.explain.columns import in_columns, turned
from chainrule.explain.op_formulas import backward_formula, forward_formula
from tests.ops.cases import CASES

RNG = np.random.default_rng(5)
XOR = cr.data.xor()
FLAT = [case for case in CASES if max(np.ndim(a) for a in [*case.arrays.values(), case.op.forward(**case.arrays)]) <= 2]
NOT_OF_MATRICES = {"reshape", "slice", "gather"}  # they pick numbers out of rows


@pytest.mark.parametrize("case", FLAT, ids=str)
def test_every_ops_formula_is_that_of_the_transposes(case: Any) -> None:
    y = np.asarray(case.op.forward(**case.arrays))
    dy = np.random.default_rng(0).standard_normal(y.shape)
    rows = {r: a.ndim == 1 for r, a in case.arrays.items() if r in case.op.constant and r != "condition"}
    parts = case.op.backward(dy, y, **case.arrays)
    formulas = [(forward_formula(case.op, case.arrays), y)]
    formulas += [(backward_formula(case.op, dy, y, case.arrays, role), parts[role]) for role in case.roles]
    for formula, value in formulas:
        found = in_columns(formula, rows)
        if found is None:
            assert case.op.name in NOT_OF_MATRICES or not formula.recorded
            continue
        written = ast.fix_missing_locations(ast.Expression(found[0].result or ast.Constant(None)))
        got = eval(compile(written, "formula", "eval"), {"np": np, **found[0].values})
        assert any(np.shape(got) == t.shape and np.allclose(got, t) for t in (turned(value), turned(value, True)))


# ------------------------------------------------------------------ what is printed, read back


_SIGNS = {"−": "-", "·": "*", "⊙": "*", "[": "(", "]": ")", "{": "cases(", "}": ")"}


class Printed:
    """A formula of an HTML page, turned into Python again."""

    def __init__(self, line: ET.Element) -> None:
        self.matrices: list[Any] = []
        self.code = self.read(line).replace("=", "", 1)

    def read(self, element: ET.Element) -> str:
        children = list(element)
        match element.tag:
            case "mtable":
                rows = [[float(str(n.text).replace("−", "-")) for n in row.iter("mn")] for row in element]
                self.matrices.append(np.array(rows))
                return f"m[{len(self.matrices) - 1}]"
            case "mn":
                return str(element.text).replace("−", "-")
            case "mi":
                return {"max": "np.maximum", "e": "np.e"}.get(str(element.text), str(element.text))
            case "mo":
                return _SIGNS.get(str(element.text), str(element.text))
            case "mspace":
                return "@" if element.get("width") == "0.25em" else ""
            case "msup":
                base, power = map(self.read, children)
                return (
                    f"({base}).T" if power == "T" else f"np.exp({power})" if base == "np.e" else f"({base})**({power})"
                )
            case "mfrac":
                return "(({})/({}))".format(*map(self.read, children))
            case "mtext":
                return ","
        parts = [self.read(child) for child in children]
        for i, part in enumerate(parts):
            if re.fullmatch("[Σ]?[₀₁]", part) or part == "Σ":
                told = [*parts[i + 1 :]]
                axis = {"Σ₀": "0", "Σ₁": "1", "Σ": "None"}[part]
                return "".join(parts[:i]) + f"total({''.join(told)}, {axis})"
        return "".join(parts)

    def value(self) -> Any:
        def total(array: Any, axis: int | None) -> Any:
            return array.sum(axis=axis, keepdims=axis is not None)

        def cases(yes: Any, where: Any, otherwise: Any) -> Any:
            return np.where(where, yes, otherwise)

        names = {"np": np, "m": self.matrices, "total": total, "tanh": np.tanh, "mean": np.mean, "cases": cases}
        return eval(self.code, names)


def numeric(page: str) -> list[tuple[str, Any, Any]]:
    """Return each formula with its numbers that is printed, what it comes to, and the result printed below it."""
    found = []
    for block in re.findall(r'(?:<div class="wide[^>]*><math.*?</math></div>)+', page):
        lines = [ET.fromstring(m) for m in re.findall(r"<math.*?</math>", block)]
        for formula, result in pairwise(lines[1:]):
            told = Printed(formula)
            if len(list(formula.iter("mtable"))) > 1 or "total" in told.code or "np." in told.code:
                found.append((told.code, told.value(), Printed(result).value()))
    return found


def network(**settings: Any) -> Any:
    layers = [cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(4), cr.ReLU(), cr.Dense(1), cr.Tanh()]
    return cr.Network(layers, loss=cr.MeanSquaredError(), optimizer=cr.SGD(0.1), seed=2, **settings)


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("notation", ["rows", "columns"])
@pytest.mark.parametrize("sample", [1, None])
def test_the_printed_matrices_come_to_the_printed_result(sample: int | None, notation: str, language: str) -> None:
    page = str(explain(network(l2=0.1), *XOR, sample=sample, format="html", notation=notation, language=language))
    found = numeric(page)
    products = [code for code, _, _ in found if "@" in code]
    assert len(products) >= 8, "three layers forward, and back by their inputs and weights"
    for code, value, result in found:
        assert np.shape(value) == np.shape(result), code
        np.testing.assert_allclose(value, result, rtol=2e-2, atol=2e-3)


def test_a_layer_is_w_a_plus_b_with_columns() -> None:
    text = str(explain(network(), *XOR, sample=None, notation="columns"))
    words = " ".join(text.split())
    for formula in (
        "z⁽¹⁾ = W⁽¹⁾ x + b⁽¹⁾",
        "z⁽²⁾ = W⁽²⁾ a⁽¹⁾ + b⁽²⁾",
        "∂C/∂z⁽¹⁾ = ∂C/∂a⁽¹⁾ ⊙ (1 − a⁽¹⁾²)",
        "∂C/∂a⁽¹⁾ = W⁽²⁾ᵀ ∂C/∂z⁽²⁾",
        "∂C/∂W⁽²⁾ = ∂C/∂z⁽²⁾ a⁽¹⁾ᵀ",
        "∂C/∂b⁽²⁾ = Σ₁ ∂C/∂z⁽²⁾",
        "a⁽ˡ⁾ = f(W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾)",
    ):
        assert formula in words
    assert "@" not in re.sub("The op says, of samples as rows: .*", "", text)
    assert re.search(r"W⁽²⁾ +dense_2.weights +parameter +4×3\n", text)
    assert re.search(r"b⁽²⁾ +dense_2.bias +parameter +4×1\n", text)


def test_rows_are_the_default_and_know_no_columns() -> None:
    for form in ("terminal", "markdown", "html", "json"):
        told = str(explain(network(), *XOR, format=form))
        assert told == str(explain(network(), *XOR, format=form, notation="rows"))
        assert "⊙" not in told


@pytest.mark.parametrize("penalty", [0.0, 0.1])
def test_in_json_every_array_is_the_transpose_and_every_place_turned(penalty: float) -> None:
    rows, columns = (
        json.loads(str(explain(network(l2=penalty), *XOR, sample=None, format="json", notation=notation)))
        for notation in ("rows", "columns")
    )
    assert (rows["notation"], columns["notation"]) == ("rows", "columns")
    for ours, theirs in zip(rows["nodes"], columns["nodes"], strict=True):
        for key in {"value", "derivative", "after"} & set(ours):
            if ours[key] is not None:
                assert turned(np.array(ours[key])).tolist() == theirs[key]
        for path, turned_path in zip(ours["paths"], theirs["paths"], strict=True):
            assert turned(np.array(path["derivative"])).tolist() == turned_path["derivative"]
    by_name = {node["name"]: np.array(node["derivative"]) for node in columns["nodes"]}
    for proof in columns["proof"]:
        place = tuple(proof["index"]) + (0,) * (len(proof["index"]) == 1)
        assert by_name[proof["node"]][place] == pytest.approx(proof["by_chain"], rel=1e-4, abs=1e-6)
    layer = next(node for node in columns["nodes"] if node["name"] == "dense_2")
    assert layer["formula"] == ["W⁽²⁾ a⁽¹⁾ + b⁽²⁾"]
    assert layer["handed"]["weights"] == ["∂C/∂z⁽²⁾ a⁽¹⁾ᵀ"]


CLASSES = {
    "one-hot": np.eye(3)[[0, 2, 1, 0]],
    "indices": np.array([0, 2, 1, 0]),
}


@pytest.mark.parametrize("targets", CLASSES)
@pytest.mark.parametrize("form", ["terminal", "html", "markdown", "json"])
def test_softmax_with_cross_entropy_is_written_in_columns(form: str, targets: str) -> None:
    classifier = cr.Network([cr.Dense(3, inputs=2), cr.Softmax()], seed=1)
    X, y = RNG.standard_normal((4, 2)), CLASSES[targets]
    text = str(explain(classifier, X, y, sample=None, format=form, notation="columns"))
    assert "is not rewritten" not in text
    if form == "json":
        assert all(node.get("formula", True) for node in json.loads(text)["nodes"])


def test_what_picks_numbers_out_of_rows_shows_what_comes_out() -> None:
    w = cr.Parameter("w", [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    text = str(explain(cr.sum(x=cr.reshape(x=w, shape=(3, 2))), notation="columns"))
    assert "Its formula is one of rows, and is not rewritten." in text
    assert "⎡ 1  3  5 ⎤" in text
    assert "⎣ 2  4  6 ⎦" in text


def test_of_arrays_with_three_axes_columns_are_refused_and_rows_are_not() -> None:
    w = cr.Parameter("w", np.ones((2, 3, 4)))
    loss = cr.sum(x=cr.tanh(z=w))
    with pytest.raises(cr.errors.InputError, match=r"shape \(2, 3, 4\).*Write notation='rows'"):
        explain(loss, notation="columns")
    assert explain(loss, notation="rows")
    with pytest.raises(cr.errors.InputError, match="colums"):
        explain(loss, notation="colums")


def test_vectors_are_columns_and_labels_a_row() -> None:
    w, b = cr.Parameter("w", [0.5, -1.0]), cr.Parameter("b", [0.1, 0.2])
    text = str(explain(cr.sum(x=cr.tanh(z=w * [1.0, 2.0] + b)), notation="columns"))
    assert "⊙" in text
    assert "not rewritten" not in text
    labels = cr.Input("y", np.array([0, 1, 1]))
    loss = cr.softmax_cross_entropy(logits=cr.Parameter("z", RNG.standard_normal((3, 2))), target=labels)
    rows = re.findall(r"^ +y +y +input +(\S+)$", str(explain(loss, notation="columns")), re.MULTILINE)
    assert rows == ["1×3"]
