"""Naming the mistake: which of the usual ones turns the right derivative into the one that was given?

Both derivatives are compared as whole Jacobians, outputs by inputs, where a mistake has a shape of its own: a factor,
a diagonal, a sum too many, a shift by one, a transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.ops.differences import central
from chainrule.ops.op import Array, Op

MOST_ENTRIES = 40_000  # of a Jacobian


def name_mistake(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    """Return the name of the mistake in an op's derivative by a role, or None if it is none of those known."""
    y = np.asarray(op.forward(**arrays))
    if y.size * arrays[role].size > MOST_ENTRIES:
        return None
    given = _given(op, arrays, y, role)
    measured = _measured(op, arrays, role)
    unsent = np.asarray(op.backward(np.zeros(y.shape), y, **arrays)[role])
    if unsent.any() and all(_close(row, unsent) for row in given):
        return "ignores the incoming gradient"
    summed = _summed(given, measured, y)
    if summed:
        return summed
    if given.shape[1:] != measured.shape[1:]:
        return _misshapen(given, measured)
    for test in (_nothing, _factor):
        found = test(given, measured, y, arrays[role])
        if found:
            return found
    found = _exchanged(op, arrays, role, y, measured)
    if found:
        return found
    for test in (_diagonal, _elementwise, _one_sample, _shifted, _per_output):
        found = test(given, measured, y, arrays[role])
        if found:
            return found
    return _transposed(op, arrays, role, given, measured)


def name_stale(op: Callable[[], Op], arrays: Mapping[str, Array], role: str) -> str | None:
    """Return a name if a derivative depends on what was computed before, as that of an op with a memory does.

    `op` makes a fresh copy.
    """
    others = {r: a * 0.9 + 0.05 if a.dtype.kind == "f" else a for r, a in arrays.items()}
    results = []
    for before in ((), (others,), (arrays, others)):
        fresh = op()
        y = np.asarray(op().forward(**arrays))
        for earlier in (*before, *(() if before else (arrays,))):
            fresh.forward(**earlier)
        results.append(np.asarray(fresh.backward(np.ones(y.shape), y, **arrays)[role]))
    if all(_close(result, results[0]) for result in results):
        return None
    return "stale value: backward uses what an earlier forward left behind"


def _given(op: Op, arrays: Mapping[str, Array], y: Array, role: str) -> Array:
    """Return the derivative that backward gives of every output, (outputs, …shape of what it returns)."""
    rows = []
    for k in range(y.size):
        one = np.zeros(y.size)
        one[k] = 1
        rows.append(np.asarray(op.backward(one.reshape(y.shape), y, **arrays)[role]))
    return np.array(rows)


def _measured(op: Op, arrays: Mapping[str, Array], role: str) -> Array:
    """Return the derivative by differences of every output, (outputs, …shape of the role)."""
    array = arrays[role].copy()
    columns = []
    for index in range(array.size):

        def moved(step: Array, index: int = index) -> Array:
            nearby = array.copy()
            nearby.flat[index] += step
            return np.array(op.forward(**{**arrays, role: nearby}), np.float64).reshape(-1)

        columns.append(central(moved, np.asarray(1e-4 * max(1.0, abs(float(array.flat[index]))))))
    return np.array(columns).T.reshape(-1, *array.shape)


def _close(a: Array, b: Array) -> bool:
    if a.shape != b.shape or np.array_equal(a, b, equal_nan=True):
        return a.shape == b.shape
    scale = max(float(np.abs(b).max(initial=0)), 1e-12)
    return bool(np.abs(a - b).max(initial=0) <= 1e-5 * scale)


def _summed(given: Array, measured: Array, y: Array) -> str | None:
    """Something broadcast, such as a bias, whose derivative was summed over more, or along another axis."""
    inputs = tuple(range(1, measured.ndim))
    if measured[0].size < 2 or _close(given, measured):
        return None
    total = measured.sum(axis=inputs, keepdims=True)
    by_output = given.reshape(len(given), -1)
    if total.any() and _close(by_output, np.broadcast_to(total.reshape(-1, 1), by_output.shape)):
        return "summed over everything: what was broadcast needs the sum over its copies only, as dy.sum(axis=0)"
    if y.ndim == 2 and given.shape == (y.size, len(y)) and measured.shape == (y.size, y.shape[1]):
        along = (np.reshape(j, (*y.shape, -1)) for j in (measured, given))
        if all(_close(j, _ones_along(axis, y)) for axis, j in enumerate(along)):
            return "summed along the wrong axis: the sum is over the samples, as dy.sum(axis=0)"
    return None


def _ones_along(axis: int, y: Array) -> Array:
    """Return the Jacobian of what is added to every row (axis 0) or to every column (axis 1) of y."""
    one = np.eye(y.shape[1 - axis])
    return np.broadcast_to(np.expand_dims(one, axis), (*y.shape, len(one)))


def _exchanged(op: Op, arrays: Mapping[str, Array], role: str, y: Array, measured: Array) -> str | None:
    """One array taken for another: the result for the argument, as in z(1 − z) for sigmoid, or one role for another."""
    array = arrays[role]
    if array.shape == y.shape:
        if _close(_given(op, {**arrays, role: y}, y, role), measured):
            return f"written in y but given {role}: where backward says {role}, the derivative has y"
        if _close(_given(op, arrays, array, role), measured):
            return f"written in {role} but given y: where backward says y, the derivative has {role}"
    for other in arrays:
        alike = other != role and arrays[other].shape == array.shape and op.differentiable(other)
        if alike and _close(_given(op, arrays, y, role), _measured(op, arrays, other)):
            return f"exchanged: this is the derivative by {other}"
    return None


def _misshapen(given: Array, measured: Array) -> str | None:
    missing = given.ndim - measured.ndim
    if missing > 0 and _close(given.sum(axis=tuple(range(1, 1 + missing))), measured):
        return "missing sum over rows: what was broadcast needs the sum over its copies"
    if given.ndim == measured.ndim == 3 and _close(given.transpose(0, 2, 1), measured):
        return "transposed"
    if given.ndim == measured.ndim and given[0].size > measured[0].size:
        for axis in range(1, given.ndim):
            if _close(given.sum(axis=axis, keepdims=True), measured):
                return "missing sum over rows: what was broadcast needs the sum over its copies"
    return None


def _nothing(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    if not given.any() and measured.any():
        return "no derivative at all: it is 0 everywhere"
    return None


def _factor(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    norm = float((measured * measured).sum())
    factor = float((given * measured).sum()) / norm if norm else 0.0
    if factor == 0 or not _close(given, factor * measured):
        return None
    samples = len(array) if array.ndim else 1
    if y.ndim and y.size > 1:
        samples = len(y)
    known: dict[float, str | None] = {
        -1.0: "the sign",
        2.0: "a factor 2",
        0.5: "a factor ½",
        float(array.size): "the sum instead of the mean" if y.size == 1 else None,
        1 / array.size: "the mean instead of the sum" if y.size == 1 else None,
        float(samples): "times the batch size" if y.size > 1 or samples != array.size else None,
        1 / samples: "divided by the batch size",
    }
    for value, name in known.items():
        if name and value != 1 and abs(factor - value) <= 1e-5 * abs(value):
            return name
    return f"a constant factor {factor:.6g}"


def _square(given: Array, measured: Array) -> tuple[Array, Array] | None:
    a, b = given.reshape(len(given), -1), measured.reshape(len(measured), -1)
    return (a, b) if a.shape[0] == a.shape[1] else None


def _is_diagonal(matrix: Array) -> bool:
    return _close(np.diag(np.diag(matrix)), matrix)


def _diagonal(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    square = _square(given, measured)
    if square is None:
        return None
    a, b = square
    if _is_diagonal(a) and not _is_diagonal(b) and _close(np.diag(a), np.diag(b)):
        return "only the diagonal of the Jacobian: every output depends on every input of its row, as in a softmax"
    return None


def _elementwise(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    square = _square(given, measured)
    if square is None or not all(_is_diagonal(matrix) for matrix in square):
        return None
    a, b = (np.diag(matrix) for matrix in square)
    if _close(a, np.ones_like(a)):
        return "missing σ′: the derivative that arrives is passed on as it is"
    if _close(a, b.max() + b.min() - b) and len(np.unique(b.round(6))) == 2:
        return "the wrong side: the slopes of the two sides are exchanged, as in a ReLU that lets z < 0 through"
    return None


def _one_sample(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    if y.ndim < 1 or len(y) < 2 or array.ndim >= y.ndim:
        return None
    by_sample = given.reshape(len(y), -1), measured.reshape(len(y), -1)
    for kept in (0, -1):
        only = np.zeros_like(by_sample[1])
        only[kept] = by_sample[1][kept]
        if _close(by_sample[0], only):
            return "missing sum over rows: only one sample counts"
    return None


def _shifted(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    for axis in range(1, given.ndim):
        if given.shape[axis] < 2:
            continue
        a, b = np.moveaxis(given, axis, 0), np.moveaxis(measured, axis, 0)
        if (_close(a[:-1], b[1:]) and b[1:].any()) or (_close(a[1:], b[:-1]) and b[:-1].any()):
            return "cut from the wrong side: shifted by one, as when the bias is cut off the other end"
    return None


def _per_output(given: Array, measured: Array, y: Array, array: Array) -> str | None:
    """Rows that differ by a factor each: something that belongs to the outputs was left out."""
    square = _square(given, measured)
    if square is not None and all(_is_diagonal(matrix) for matrix in square):
        return None  # element by element, any two slopes differ by a factor
    a, b = given.reshape(len(given), -1), measured.reshape(len(measured), -1)
    norms = (a * a).sum(axis=1)
    factors = (a * b).sum(axis=1) / np.where(norms == 0, 1, norms)
    if _close(factors.reshape(-1, 1) * a, b) and factors.any():
        return "missing σ′: a factor of each output's own is missing, as an activation's slope is"
    return None


def _transposed(op: Op, arrays: Mapping[str, Array], role: str, given: Array, measured: Array) -> str | None:
    if given.ndim == 3 and given.shape[1] == given.shape[2] and _close(given.transpose(0, 2, 1), measured):
        return "transposed"
    for other, array in arrays.items():
        if array.ndim == 2 and array.shape[0] == array.shape[1] and array.dtype.kind == "f":
            turned: dict[str, Any] = {**arrays, other: array.T.copy()}
            if _close(given, _measured(op, turned, role)):
                return f"transposed: {other} is taken the wrong way round"
    return None
