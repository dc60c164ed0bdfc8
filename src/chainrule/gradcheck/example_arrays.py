"""Numbers to try an op on, where a user gives none: random ones, of the first shapes that the op accepts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError, InputError
from chainrule.gradcheck.target_mistakes import is_target
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
        plain = {role: generator.standard_normal(shape) for role, shape in zip(roles, shapes)}
        shares = {r: _in_rows(a) if a.ndim else a for r, a in plain.items()}  # probabilities, in rows of sum 1
        indices, of_shares = (_with_targets(op, arrays, _indices) for arrays in (plain, shares))
        for arrays in (plain, shares, indices, of_shares):
            if arrays is None:
                continue
            try:
                with contextlib.suppress(DerivativeError):  # a wrong derivative is what is looked for
                    op.check(type(op).__name__, **arrays)
                value = np.asarray(op.forward(**arrays))
            except Exception as error:  # these shapes don't suit it: try the next
                problem = problem or f", and shapes it refuses ({type(error).__name__}: {error!s:.100})"
                continue
            if value.ndim == 0 and np.isfinite(value):
                return _of_classes(op, arrays)
            if np.isfinite(value).all() and (arrays is plain or arrays is shares):
                return arrays
    raise InputError(
        "check",
        given=f"{op!r} without arrays{problem}",
        expected="an array for each role",
        fix=f"Pass {', '.join(f'{role}=…' for role in roles)}",
    )


def _of_classes(op: Op, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the arrays with one-hot targets, where only those make sense: those of a loss over classes.

    Its derivative by logits, s − y, is right for targets of sum 1, and many a one is written for 0 and 1 alone. It is
    known by what its numbers are: probabilities, or logits, of which nothing changes if a row is raised.
    """
    one_hot = _with_targets(op, arrays, _one_hot)
    if one_hot is None:
        return arrays
    raised = {role: a if is_target(op, role) or a.ndim < 2 else a + 1.0 for role, a in one_hot.items()}
    try:
        before, after = (np.asarray(op.forward(**some)) for some in (one_hot, raised))
    except Exception:  # a user's op may raise anything
        return arrays
    probabilities = all((a >= 0).all() for a in arrays.values())
    return one_hot if np.isfinite(before) and (probabilities or np.isclose(before, after, rtol=1e-9)) else arrays


def _with_targets(op: Op, arrays: dict[str, Array], made: Callable[[Array, Array], Array | None]) -> Any:
    """Return the arrays with other targets, made from them and from the predictions; None if there are none."""
    found = dict(arrays)
    predictions = next((a for role, a in arrays.items() if not is_target(op, role)), None)
    for role, array in arrays.items():
        if is_target(op, role) and predictions is not None:
            targets = made(array, predictions)
            if targets is not None:
                found[role] = targets
    return found if any(found[role] is not arrays[role] for role in arrays) else None


def _one_hot(target: Array, prediction: Array) -> Array | None:
    if target.ndim < 2 or target.shape != prediction.shape or target.shape[-1] < 2:
        return None
    largest: Array = target == target.max(axis=-1, keepdims=True)
    return largest.astype(np.float64)


def _indices(target: Array, prediction: Array) -> Array | None:
    if not target.ndim or target.shape != prediction.shape[:-1] or prediction.shape[-1] < 2:
        return None
    indices: Array = np.arange(target.size).reshape(target.shape) % prediction.shape[-1]
    return indices


def _in_rows(array: Array) -> Array:
    powers: Array = np.exp(array)
    rows: Array = powers / powers.sum(axis=-1, keepdims=True)
    return rows


def exact(given: Any) -> Array:
    """Return an array in float64, if it is one of floating-point numbers."""
    array: Array = np.asarray(given)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def exact_shares(target: Array) -> Array:
    """Return targets whose rows add up to 1 in float64, if they did but for the rounding of float32."""
    if target.dtype.kind != "f" or target.ndim < 2 or (target < 0).any():
        return target
    sums: Array = target.sum(axis=-1, keepdims=True)
    return target / sums if (np.abs(sums - 1) < 1e-6).all() else target
