"""How a derivative is judged: its product with a cotangent, beside the Jacobian by complex step of the reference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.cases import Case

Backward = Callable[..., dict[str, Any]]


def cotangents(case: Case) -> list[Any]:
    """A random derivative to send back, two more, and each unit vector if there are few."""
    random = np.random.default_rng(5)
    shape = np.shape(case.op.forward(**case.arrays))
    count = int(np.prod(shape))
    some = [random.uniform(0.5, 2, shape) * random.choice([-1, 1], shape) for _ in range(3)]
    units = np.eye(count).reshape(count, *shape) if count <= 24 else np.empty((0, *shape))
    return [*map(np.asarray, some), *units]


def jacobian(case: Case, role: str) -> Any:
    """∂y/∂role of the reference, by complex step: (outputs, inputs)."""
    if role not in case.jacobians:
        array = case.arrays[role]
        columns = []
        for i in range(array.size):
            moved = array.astype(complex)
            moved.reshape(-1)[i] += 1e-30j
            columns.append(np.ravel(np.imag(case.reference(**(case.arrays | {role: moved})))) / 1e-30)
        case.jacobians[role] = np.stack(columns, axis=1)
    return case.jacobians[role]


def five_point(case: Case, role: str) -> Any:
    """∂y/∂role of the op itself, by 5-point differences: (outputs, inputs)."""
    array = case.arrays[role]
    columns = []
    for i in range(array.size):
        step = 1.0 if case.bilinear else 1e-3 * max(1, abs(array.reshape(-1)[i]))

        def at(steps: float, i: int = i, step: float = step) -> Any:
            moved = array.copy()
            moved.reshape(-1)[i] += steps * step
            return np.ravel(case.op.forward(**(case.arrays | {role: moved})))

        columns.append((8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step))
    return np.stack(columns, axis=1)


def backward(case: Case, dy: Any, arrays: dict[str, Any] | None = None) -> dict[str, Any]:
    """The op's own derivatives at the case's arrays."""
    arrays = case.arrays if arrays is None else arrays
    result: dict[str, Any] = case.op.backward(dy, case.op.forward(**arrays), **arrays)
    return result


def assert_is_derivative(case: Case, role: str, how: Backward, rtol: float = 1e-9) -> None:
    """Fail unless `how`, a backward, gives the product of each cotangent with the reference's Jacobian."""
    expected = jacobian(case, role)
    y = case.op.forward(**case.arrays)
    for dy in cotangents(case):
        got = np.asarray(how(dy, y, **case.arrays)[role])
        assert got.shape == case.arrays[role].shape
        close(got, (np.ravel(dy) @ expected).reshape(got.shape), rtol)


def close(got: Any, expected: Any, rtol: float) -> None:
    scale = float(np.max(np.abs(expected), initial=0))
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * 1e-2 * scale + 1e-300)
