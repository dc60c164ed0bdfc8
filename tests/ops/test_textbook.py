"""The textbook forms in docstrings are true: each is read, computed in float64, and equal to what is executed."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chainrule import ops
from chainrule.errors import ChainruleError, InputError
from chainrule.ops.error_bounds import rounding_error
from chainrule.ops.textbook import KNOWN, Textbook, condition, evaluate, in_numpy, parse, textbook
from chainrule.ops.textbook_forms import agreement, backward_form, compute, forward_form
from tests.ops.cases import CASES, Case

#: Up to where a textbook form and what is executed may differ, relative to the largest number of the result.
BOUNDS = {"float64": 1e-12, "float32": 1e-4}


def accepted(case: Case) -> bool:
    """Whether the op takes these arrays when it is no test that asks."""
    try:
        case.op.check(case.op.name, **case.arrays)
    except ChainruleError:
        return False
    return True


ACCEPTED = [case for case in CASES if accepted(case)]


def disagreements(op: Any, arrays: dict[str, Any], random: Any, of: Textbook | None = None) -> dict[str, float]:
    """Return how far y and the derivative by each role are off, more than rounding explains or not; inf without one."""
    y = np.asarray(op.forward(**arrays))
    dy = random.normal(size=y.shape).astype(y.dtype)
    executed = {"y": y, **op.backward(dy, y, **arrays)}
    found = {}
    for role, array in executed.items():
        if role not in ("y", *arrays):  # the derivative of what was left out
            continue
        try:
            form = forward_form(op, arrays, of) if role == "y" else backward_form(op, dy, y, arrays, role, of)
        except InputError:
            found[role] = np.inf
            continue
        told = agreement(form, array)
        rounding = told.holds and not np.asarray(array).any()  # of nothing: there is no size to compare with
        found[role] = np.inf if told.undefined or not told.holds else 0.0 if rounding else told.error
    return found


def in_float32(arrays: dict[str, Any]) -> dict[str, Any]:
    return {role: array.astype(np.float32) if array.dtype.kind == "f" else array for role, array in arrays.items()}


def another(case: Case, random: Any) -> dict[str, Any]:
    """Return random arrays like those of a case: as large, as positive, rows that add up to 1 if its rows do."""
    found = {}
    size = 10 ** random.uniform(-1, 0.5)
    for role, array in case.arrays.items():
        low, high = (array.min(), array.max()) if array.size else (0, 0)
        if array.dtype.kind != "f" or (array == np.floor(array)).all():
            found[role] = random.permutation(array.reshape(-1)).reshape(array.shape)
            if array.ndim > 1 and (array.sum(axis=-1) == 1).all():  # one-hot
                found[role] = random.permuted(array, axis=-1)
            continue
        drawn = random.uniform(low, high, array.shape)
        if array.ndim > 1 and array.shape[-1] > 1 and np.allclose(array.sum(axis=-1), 1):
            drawn = drawn / drawn.sum(axis=-1, keepdims=True)
        elif low < 0 < high and low * high < -0.01:
            drawn = drawn * size
        found[role] = drawn
    return found


@pytest.mark.parametrize("kind", ops.all_ops().values(), ids=ops.all_ops())
def test_every_op_of_the_registry_has_a_textbook_form_of_y_and_of_each_role(kind: Any) -> None:
    roles = [role for role in kind.roles if role not in kind.constant]
    assert [name.removesuffix("ᵢ") for name in textbook(kind).formulas] == ["y", *(f"∂{role}" for role in roles)]
    assert any(type(case.op) is kind for case in ACCEPTED)


@pytest.mark.parametrize("name", ops.all_ops())
def test_a_textbook_form_is_what_is_executed(name: str) -> None:
    random = np.random.default_rng(1)
    for case in (case for case in ACCEPTED if case.op.name == name):
        for dtype, arrays in (("float64", case.arrays), ("float32", in_float32(case.arrays))):
            found = disagreements(case.op, arrays, random)
            assert list(found) == ["y", *case.roles]
            assert max(found.values()) <= BOUNDS[dtype], (case, found)


def at_random_inputs(name: str, count: int) -> dict[str, float]:
    """Return, dtype by dtype, the largest disagreement of an op over so many random inputs."""
    random = np.random.default_rng(len(name))
    cases = [case for case in ACCEPTED if case.op.name == name]
    worst, tried = dict.fromkeys(BOUNDS, 0.0), 0
    while tried < count:
        case = cases[tried % len(cases)]
        exact = another(case, random)
        case.op.check(name, **exact)
        for dtype, arrays in (("float64", exact), ("float32", in_float32(exact))):
            worst[dtype] = max(worst[dtype], *disagreements(case.op, arrays, random).values())
        tried += 1
    return worst


@pytest.mark.parametrize("name", ops.all_ops())
def test_it_is_so_at_random_inputs(name: str) -> None:
    worst = at_random_inputs(name, 5)
    assert all(worst[dtype] <= bound for dtype, bound in BOUNDS.items()), worst


#: A wrong form in the place of the right one: op, formula, and what somebody might have written.
PLANTED = [
    ("sign", "tanh", "∂z = −∂y · (1 − y²)"),
    ("missing factor", "sigmoid", "∂z = ∂y · (1 − y)"),
    ("wrong argument", "silu", "∂z = ∂y · σ(z) (1 + z · σ(z))"),
    ("transposed", "matmul", "∂b = ∂yᵀ @ a"),
    ("factor 2", "mean_squared_error", "∂prediction = ∂y · (prediction − target) / n"),
    ("not divided by the samples", "softmax_cross_entropy", "∂logits = ∂y · (softmax(logits) − target)"),
    ("target minus prediction", "sigmoid_binary_cross_entropy", "∂logits = ∂y · (target − σ(logits)) / n"),
    ("only the diagonal", "softmax", "∂z = ∂y · y (1 − y)"),
    ("missing ∂y", "exp", "∂z = y"),
    ("bracket", "mish", "∂z = ∂y · (tanh(s) + z) · σ(z) (1 − tanh(s)²)"),
    ("other case", "elu", "∂z = ∂y where z < 0, else ∂y · alpha · eᶻ"),
    ("wrong function", "binary_cross_entropy", "y = mean(−target · log(prediction) − target · log(1 − prediction))"),
    ("summed over everything", "linear", "∂bias = Σ ∂y"),
    ("n for n − 1", "var", "y = Σ (x − m)² / (n − 1) over the axes, m = Σ x / n over the axes"),
    ("quotient upside down", "divide", "∂b = −∂y · b / y"),
    ("other setting", "categorical_cross_entropy", "with label_smoothing s: target = (1 − s) · target + s"),
]


def planted(name: str, wrong: str) -> Textbook:
    """Return the textbook form of an op with something wrong in it."""
    of = textbook(ops.all_ops()[name])
    if wrong.startswith("with "):
        slip = condition(wrong)
        return replace(of, conditions=tuple(slip if c.setting == slip.setting else c for c in of.conditions))
    parsed = parse(wrong)
    return replace(of, formulas={**of.formulas, parsed[0][0]: parsed})


def _right(name: str) -> str:
    return str(ops.all_ops()[name].__doc__).split("\n\n")[0]


def caught(name: str, wrong: str) -> bool:
    """Whether the cases of an op tell a wrong form from a right one."""
    of = planted(name, wrong)
    random = np.random.default_rng(2)
    cases = [case for case in ACCEPTED if case.op.name == name]
    return any(max(disagreements(c.op, c.arrays, random, of).values()) > BOUNDS["float64"] for c in cases)


@pytest.mark.parametrize(("slip", "name", "wrong"), PLANTED, ids=[slip for slip, *_ in PLANTED])
def test_a_wrong_form_is_caught(slip: str, name: str, wrong: str) -> None:
    assert caught(name, wrong)


def test_what_is_planted_is_caught_for_what_is_wrong_in_it() -> None:
    for name in {name for _, name, _ in PLANTED}:
        line = next(line.strip() for line in _right(name).splitlines() if line.strip().startswith("y = "))
        assert not caught(name, line)


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("y = a + b · c − d / e2", "a + b * c - d / e2"),
        ("y = 2 (a − b) / 3 c", "2 * (a - b) / (3 * c)"),
        ("y = −a² · b", "-(a ** 2 * b)"),
        ("y = 1 / (1 + e⁻ᶻ)", "1 / (1 + np.exp(-z))"),
        ("y = e^(−z² / 2) / √(2 π)", "np.exp(-(z ** 2 / 2)) / np.sqrt(2 * π)"),
        ("y = β₁ m̂ + ½ |z|", "β₁ * m̂ + 0.5 * np.abs(z)"),
        ("y = log p − log(q)", "np.log(p) - np.log(q)"),
        ("y = xᵀ @ ∂y", "x.T @ dy"),
        ("y = max(a, 2 b)", "np.maximum(a, 2 * b)"),
    ],
)
def test_the_notation_means_what_a_textbook_means(line: str, written: str) -> None:
    ((_, expression),) = parse(line)
    assert ast.unparse(in_numpy(expression)) == written


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("y = ", "a number or a name at its end"),
        ("y = z +", "a number or a name at its end"),
        ("y = z ? 2", r"no '\?' in a formula"),
        ("y = (z", r"expected \) before"),
        ("y = z where 3, else 2", "a comparison behind where"),
        ("y = z where z > 0 or so", "expected else before|, before"),
        ("y = z, in radians", "= or ← before 'radians'"),
        ("= z", "a name and = before a formula"),
    ],
)
def test_what_is_not_in_the_notation_is_refused(line: str, expected: str) -> None:
    with pytest.raises(InputError, match=f"textbook formula: got .*{expected}"):
        parse(line)


def test_a_docstring_that_lacks_a_role_is_refused() -> None:
    class Half(ops.Op):
        """y = a · b
        ∂a = ∂y · b"""

        def forward(self, a: Any, b: Any) -> Any:
            return a * b

    with pytest.raises(InputError, match="expected formulas for y, ∂a, ∂b"):
        textbook(Half)


def test_a_name_that_stands_for_nothing_is_refused() -> None:
    class Unknown(ops.Op):
        """y = z · w
        ∂z = ∂y · w"""

        def forward(self, z: Any) -> Any:
            return z

    with pytest.raises(InputError, match="got 'w', but expected a role, a setting or a definition of Unknown"):
        forward_form(Unknown(), {"z": np.ones(2)})


def test_definitions_of_known_functions_are_theirs() -> None:
    z = np.linspace(-3, 3, 7)
    found = 0
    for kind in ops.all_ops().values():
        for formulas in textbook(kind).formulas.values():
            for name, expression in formulas:
                if name.endswith("(z)") and name != "y":
                    np.testing.assert_allclose(evaluate(in_numpy(expression), {"z": z}), KNOWN[name[:-3]](z), 1e-14)
                    found += 1
    assert found >= 2


def test_definitions_take_no_letter_that_means_something_on_a_page() -> None:
    for kind in ops.all_ops().values():
        told = textbook(kind)
        names = {name for formulas in told.formulas.values() for name, _ in formulas[1:]}
        names |= {name for name, _ in told.definitions}
        names |= {name for held in told.conditions for name, _ in held.definitions if name not in told.formulas}
        assert not names & {"x", "W", "b", "z", "a", "ŷ", "y", "C", "R", "η"}, kind


@pytest.mark.parametrize("name", ops.all_ops())
def test_rounding_is_within_a_few_of_its_bounds(name: str) -> None:
    for case in [case for case in ACCEPTED if case.op.name == name][:6]:
        form = forward_form(case.op, in_float32(case.arrays))
        single = {key: a.astype(np.float32) for key, a in form.values.items() if a.dtype.kind == "f"}
        exact = {key: a.astype(np.float64) for key, a in single.items()}
        off = abs(compute(form, single).astype(np.float64) - compute(form, exact))
        known = {**form.functions, **form.values, **exact}
        bound = rounding_error(form.steps, form.result, evaluate, known, 2.0**-23)
        assert (off <= 4 * bound + 1e-30).all(), case


def test_a_wrong_textbook_form_in_float32_is_told_from_rounding() -> None:
    z = np.array([5.0, 6.0], np.float32)  # where 1 − y² has lost most of its digits
    op = ops.Tanh()
    y, dy = op.forward(z), np.ones(2, np.float32)
    executed = op.backward(dy, y, z)["z"]
    assert agreement(backward_form(op, dy, y, {"z": z}, "z"), executed).holds
    assert not agreement(backward_form(op, dy, y, {"z": z}, "z", planted("tanh", PLANTED[0][2])), executed).holds


def test_where_the_textbook_form_overflows_it_is_counted_as_undefined() -> None:
    z = np.array([[1000.0, 0.0], [1.0, 2.0]])
    form = forward_form(ops.Softmax(), {"z": z})
    told = agreement(form, ops.Softmax().forward(z))
    assert (told.undefined, told.holds) == (1, True)


def test_another_shape_agrees_with_nothing() -> None:
    form = forward_form(ops.Tanh(), {"z": np.ones(2)})
    assert not agreement(form, np.tanh(np.ones((2, 1)))).holds


def test_numbers_that_are_nan_from_the_start_raise_no_alarm_and_others_do() -> None:
    op = ops.PReLU()
    z, slope = np.array([[np.nan, -1.0, 2.0]]), np.array(0.25)
    dy = np.ones((1, 3))
    y = op.forward(z=z, slope=slope)
    executed = op.backward(dy, y, z=z, slope=slope)["slope"]
    form = backward_form(op, dy, y, {"z": z, "slope": slope}, "slope")
    assert np.isnan(executed)
    assert np.isfinite(form.value)
    assert agreement(form, executed).holds
    told = forward_form(op, {"z": z, "slope": slope})
    assert agreement(told, y).holds
    assert not agreement(told, y * 2).holds  # what is no NaN is compared
    whole = np.array([[1.0, -1.0, 2.0]])
    assert not agreement(forward_form(op, {"z": whole, "slope": slope}), np.full((1, 3), np.nan)).holds


@pytest.mark.parametrize(
    "line",
    [
        "y = 99999999^99999999^99999999",
        "y = z^1001",
        "y = z" + "²" * 5000,
        "y = " + "(" * 3000 + "z" + ")" * 3000,
        "y = " + "√" * 5000 + "z",
        "y = " + "−" * 5000 + "z",
    ],
    ids=lambda line: line[:12],
)
def test_formulas_without_end_are_refused_at_once(line: str) -> None:
    with pytest.raises(InputError, match=r"exponents up to 1000|fewer brackets"):
        parse(line)
