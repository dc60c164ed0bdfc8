"""Numbers to try an op on, where a user gives none: random ones, of the first shapes that the op accepts."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError, InputError
from chainrule.ops.op import Array, Op

_SHAPES = ((4, 3), (3, 3), (3,), (3, 2), (2,), (4,), ())
_OF_A_BIAS = tuple(sorted(_SHAPES, key=lambda shape: len(shape) != 1))  # (4, 3) would fit as well, but isn't meant
_MOST_ROLES = 4  # beyond, there are too many combinations of shapes


def arrays_for(op: Op, told: Mapping[str, Any]) -> dict[str, Array]:
    """Return the arrays to check an op on: those given, or numbers of the first shapes that it accepts."""
    if told:
        return {
            role: exact(np.asarray(value, np.float64 if isinstance(value, list) else None))
            for role, value in told.items()
        }
    generator = np.random.default_rng(0)
    roles = [f"{op.variadic}{i}" for i in range(2)] if op.variadic else list(op.roles)
    roles = [role for role in roles if role != "sample_weight"]
    problem = ""
    choices = [_OF_A_BIAS if role in ("bias", "b") else _SHAPES for role in roles]
    for shapes in product(*choices) if len(roles) <= _MOST_ROLES else ():
        for positive in (False, True):
            arrays = {role: generator.standard_normal(shape) for role, shape in zip(roles, shapes)}
            if positive:  # probabilities, in rows of sum 1
                arrays = {r: _in_rows(a) if a.ndim else a for r, a in arrays.items()}
            try:
                with contextlib.suppress(DerivativeError):  # a wrong derivative is what is looked for
                    op.check(type(op).__name__, **arrays)
                value = np.asarray(op.forward(**arrays))
            except Exception as error:  # these shapes don't suit it: try the next
                problem = problem or f", and shapes it refuses ({type(error).__name__}: {error!s:.100})"
                continue
            if np.isfinite(value).all():
                return arrays
    raise InputError(
        "check",
        given=f"{op!r} without arrays{problem}",
        expected="an array for each role",
        fix=f"Pass {', '.join(f'{role}=…' for role in roles)}",
    )


def _in_rows(array: Array) -> Array:
    powers: Array = np.exp(array)
    rows: Array = powers / powers.sum(axis=-1, keepdims=True)
    return rows


def exact(given: Any) -> Array:
    """Return an array in float64, if it is one of floating-point numbers."""
    array: Array = np.asarray(given)
    return array.astype(np.float64) if array.dtype.kind == "f" else array
