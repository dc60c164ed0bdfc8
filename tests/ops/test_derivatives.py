"""Every op's value and derivative, judged four ways; and the judge judged, by derivatives that are wrong on purpose."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from chainrule import ops
from tests.ops.cases import CASES, Case
from tests.ops.checking import assert_is_derivative, backward, close, cotangents, five_point, jacobian

each_case = pytest.mark.parametrize("case", CASES, ids=str)


def test_every_op_has_a_case() -> None:
    assert {type(case.op) for case in CASES} == set(ops.all_ops().values())


def test_every_role_has_a_case() -> None:
    for name, kind in ops.all_ops().items():
        shown = {role for case in CASES if type(case.op) is kind for role in case.arrays}
        assert kind.variadic or shown == set(kind.roles), name


@each_case
def test_value_is_the_references(case: Case) -> None:
    y = case.op.forward(**case.arrays)
    complex_ones = {role: case.arrays[role].astype(complex) for role in case.roles}
    expected = np.real(case.reference(**(case.arrays | complex_ones)))
    assert np.shape(y) == np.shape(expected)
    close(y, expected, 1e-13)


@each_case
def test_derivative_is_that_of_the_reference_by_complex_step(case: Case) -> None:
    for role in case.roles:
        assert_is_derivative(case, role, case.op.backward)


@each_case
def test_derivative_is_that_of_the_op_by_differences(case: Case) -> None:
    dy = cotangents(case)[0]
    derivatives = backward(case, dy)
    for role in case.roles:
        expected = (np.ravel(dy) @ five_point(case, role)).reshape(case.arrays[role].shape)
        close(derivatives[role], expected, 1e-12 if case.bilinear else 1e-7)


@pytest.mark.parametrize("case", [case for case in CASES if case.torch], ids=str)
def test_value_and_derivative_are_pytorchs(case: Case, referee: ModuleType) -> None:
    assert case.torch is not None
    tensors = {role: referee.tensor(array, requires_grad=role in case.roles) for role, array in case.arrays.items()}
    y = case.torch(referee, **tensors)
    dy = cotangents(case)[0]
    y.backward(referee.tensor(dy))
    close(case.op.forward(**case.arrays), y.detach().numpy(), 1e-12)
    derivatives = backward(case, dy)
    for role in case.roles:
        close(derivatives[role], tensors[role].grad.numpy(), 1e-12)


# Wrong derivatives. Each takes the right backward and returns one that is wrong for `role`.
Backward = Callable[..., dict[str, Any]]


def _after(change: Callable[[Any], Any]) -> Callable[[Backward, str], Backward]:
    def mutant(right: Backward, role: str) -> Backward:
        return lambda dy, y, **arrays: {role: change(np.asarray(right(dy, y, **arrays)[role]))}

    return mutant


def _before(change: Callable[[Any], Any]) -> Callable[[Backward, str], Backward]:
    def mutant(right: Backward, role: str) -> Backward:
        return lambda dy, y, **arrays: right(change(dy), y, **arrays)

    return mutant


def _without_every_second(dy: Any) -> Any:
    rest = np.array(dy)
    rest.reshape(-1)[::2] = 0
    return rest


def _mean_for_sum(right: Backward, role: str) -> Backward:
    return lambda dy, y, **arrays: {role: right(dy, y, **arrays)[role] / max(np.size(y) / arrays[role].size, 1)}


MUTANTS: dict[str, Callable[[Backward, str], Backward]] = {
    "a millionth too large": _after(lambda g: g * (1 + 1e-6)),
    "wrong sign": _after(lambda g: -g),
    "a millionth added": _after(lambda g: g + 1e-6),
    "doubled": _after(lambda g: g * 2),
    "zero": _after(lambda g: g * 0),
    "ignores the incoming gradient": _before(np.ones_like),
    "permuted": _after(lambda g: g.reshape(-1)[::-1].reshape(g.shape)),
    "terms dropped": _before(_without_every_second),
}
# Wrong in a way that only some roles can be: square ones, broadcast ones.
SPECIAL_MUTANTS: dict[str, Callable[[Backward, str], Backward]] = {
    "transposed": _after(lambda g: g.T if g.ndim == 2 and g.shape[0] == g.shape[1] else g),
    "mean in place of the sum over what was broadcast": _mean_for_sum,
}


def _is_caught(case: Case, role: str, mutant: Backward) -> bool:
    try:
        assert_is_derivative(case, role, mutant)
    except AssertionError:
        return True
    return False


def _differs(case: Case, role: str, mutant: Backward) -> bool:
    y = case.op.forward(**case.arrays)
    return any(
        not np.array_equal(mutant(dy, y, **case.arrays)[role], case.op.backward(dy, y, **case.arrays)[role])
        for dy in cotangents(case)
    )


@each_case
def test_every_wrong_derivative_is_caught(case: Case) -> None:
    for role in case.roles:
        for name, mutate in (MUTANTS | SPECIAL_MUTANTS).items():
            mutant = mutate(case.op.backward, role)
            if _differs(case, role, mutant):
                assert _is_caught(case, role, mutant), f"{role}: {name}"


@pytest.mark.parametrize("name", MUTANTS)
def test_every_wrong_derivative_is_wrong_for_every_op_and_role(name: str) -> None:
    wrong = {
        (type(case.op), role)
        for case in CASES
        for role in case.roles
        if _differs(case, role, MUTANTS[name](case.op.backward, role))
    }
    assert wrong == {(type(case.op), role) for case in CASES for role in case.roles}


def test_special_mutants_are_wrong_somewhere() -> None:
    for mutate in SPECIAL_MUTANTS.values():
        assert any(_differs(case, role, mutate(case.op.backward, role)) for case in CASES for role in case.roles)


def test_complex_step_of_the_reference_sees_an_error_of_a_billionth() -> None:
    tanh = next(case for case in CASES if isinstance(case.op, ops.Tanh))
    exact = jacobian(tanh, "z").diagonal().reshape(tanh.arrays["z"].shape)
    truth = 1 / np.cosh(tanh.arrays["z"]) ** 2
    assert np.max(np.abs(exact / truth - 1)) < 1e-14
