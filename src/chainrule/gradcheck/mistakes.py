"""Naming the mistake: which of the usual ones turns the right derivative into the one that was given?

Both derivatives are compared as whole Jacobians, outputs by inputs, where a mistake has a shape of its own: a factor,
a diagonal, a sum too many, a shift by one, a transpose. `factors` and `target_mistakes` know those of one kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from chainrule.gradcheck.factors import name_factor
from chainrule.gradcheck.jacobians import Jacobians, close, is_diagonal, proportional
from chainrule.gradcheck.target_mistakes import is_target, name_of_targets
from chainrule.ops.op import Array, Op

MOST_ENTRIES = 40_000  # of a Jacobian


def name_mistake(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    """Return the name of the mistake in an op's derivative by a role, or None if it is none of those known."""
    found = _small_enough(Jacobians(op, arrays, role))
    if found is None:
        return None
    for test in (_of_what_arrives, _summed):
        name = test(found)
        if name:
            return name
    if found.given.shape[1:] != found.measured.shape[1:]:
        return _misshapen(found.given, found.measured)
    return next((name for name in (test(found) for test in _TESTS) if name), None)


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
    if all(close(result, results[0]) for result in results):
        return None
    return "stale value: backward uses what an earlier forward left behind"


def _small_enough(found: Jacobians) -> Jacobians | None:
    """Return Jacobians that can be looked at: of the first few samples, where those of all are too large."""
    entries = found.y.size * found.array.size
    if entries <= MOST_ENTRIES:
        return found
    samples = len(found.y) if found.y.ndim else len(found.array) if found.array.ndim else 1
    shared = found.y.ndim and found.array.ndim and len(found.y) == len(found.array)
    few = int(samples * (MOST_ENTRIES / entries) ** (0.5 if shared else 1.0))
    if few < 1:
        return None
    return found.changed(lambda array: array[:few] if array.ndim and len(array) == samples else array)


def _of_what_arrives(found: Jacobians) -> str | None:
    """Is the derivative that arrives used as it must be: multiplied, and nothing else?"""
    unsent = found.sent(np.zeros(found.y.shape))
    if unsent.any() and all(close(row, unsent) for row in found.given):
        return "ignores the incoming gradient"
    if unsent.any():
        fits = unsent.shape == found.array.shape and unsent.size > 1
        told = (("weights² added", found.array**2), ("weight decay added", found.array)) if fits else ()
        name = next((name for name, form in told if proportional(unsent, form)), "a term without dy")
        return f"{name}: a penalty is an op of its own, and its derivative, as any, is multiplied by what arrives"
    sent = np.random.default_rng(0).standard_normal(found.y.shape)
    once = found.sent(sent)
    for factor in (-1.0, 2.0):
        if not close(found.sent(factor * sent), factor * once):
            return "not linear in dy: the derivative that arrives is multiplied, never compared or squared"
    return None


def _summed(found: Jacobians) -> str | None:
    """Something broadcast, such as a bias, whose derivative was summed over more, or along another axis."""
    given, measured, y = found.given, found.measured, found.y
    inputs = tuple(range(1, measured.ndim))
    if measured[0].size < 2 or close(given, measured):
        return None
    total = measured.sum(axis=inputs, keepdims=True)
    by_output = given.reshape(len(given), -1)
    noise = 1e-9 * np.abs(measured).sum()
    if np.abs(total).max() > noise and close(by_output, np.broadcast_to(total.reshape(-1, 1), by_output.shape)):
        return "summed over everything: what was broadcast needs the sum over its copies only, as dy.sum(axis=0)"
    if y.ndim == 2 and given.shape == (y.size, len(y)) and measured.shape == (y.size, y.shape[1]):
        along = (np.reshape(j, (*y.shape, -1)) for j in (measured, given))
        if all(close(j, _ones_along(axis, y)) for axis, j in enumerate(along)):
            return "summed along the wrong axis: the sum is over the samples, as dy.sum(axis=0)"
    return None


def _ones_along(axis: int, y: Array) -> Array:
    """Return the Jacobian of what is added to every row (axis 0) or to every column (axis 1) of y."""
    one = np.eye(y.shape[1 - axis])
    return np.broadcast_to(np.expand_dims(one, axis), (*y.shape, len(one)))


def _misshapen(given: Array, measured: Array) -> str | None:
    missing = given.ndim - measured.ndim
    if missing > 0 and close(given.sum(axis=tuple(range(1, 1 + missing))), measured):
        return "missing sum over rows: what was broadcast needs the sum over its copies"
    if given.ndim == measured.ndim == 3 and close(given.transpose(0, 2, 1), measured):
        return "transposed"
    if given.ndim == measured.ndim and given[0].size > measured[0].size:
        for axis in range(1, given.ndim):
            if close(given.sum(axis=axis, keepdims=True), measured):
                return "missing sum over rows: what was broadcast needs the sum over its copies"
    return None


def _nothing(found: Jacobians) -> str | None:
    given, measured = found.given, found.measured
    if not measured.any() or np.abs(given).max() > 1e-12 * np.abs(measured).max():
        return None
    if given.any() and found.square is not None and not is_diagonal(found.square[1]):  # rounding, not zeros
        return "the rows of the Jacobian were summed: they add up to 0, as softmax's do"
    return "no derivative at all: it is 0 everywhere"


def _exchanged(found: Jacobians) -> str | None:
    """One array taken for another: the result for the argument, as in z(1 − z) for sigmoid, or one role for another."""
    arrays, role, y, array = found.arrays, found.role, found.y, found.array
    if array.shape == y.shape:
        if close(found.given_with({**arrays, role: y}, y), found.measured):
            return f"written in y but given {role}: where backward says {role}, the derivative has y"
        if close(found.given_with(arrays, array), found.measured):
            return f"written in {role} but given y: where backward says y, the derivative has {role}"
    for other in arrays:
        alike = other != role and arrays[other].shape == array.shape and found.op.differentiable(other)
        if alike and close(found.given, found.measured_with(arrays, other)):
            return f"exchanged: this is the derivative by {other}"
    return None


def _mixed(found: Jacobians) -> str | None:
    """What arrives at one sample is handed to another."""
    y, array = found.y, found.array
    if not y.ndim or not array.ndim or len(y) != len(array) or len(y) < 2:
        return None
    n = len(y)
    given, measured = (np.array(j).reshape(n, y.size // n, n, array.size // n) for j in (found.given, found.measured))
    for matrix in (given, measured):
        matrix[np.arange(n), :, np.arange(n)] = 0
    noise = 1e-5 * np.abs(found.measured).max()
    if np.abs(given).max() > noise >= np.abs(measured).max():
        return "samples are mixed: what arrives at one is handed to another, as by a sum along the wrong axis"
    return None


def _whole_jacobian(found: Jacobians) -> str | None:
    """Of an op whose outputs depend on every input of their row: the diagonal, what is beside it, and sums of both."""
    if found.square is None or is_diagonal(found.square[1]):
        return None
    a, b = found.square
    on = np.eye(len(a), dtype=bool)
    if is_diagonal(a):
        if close(np.diag(a), np.diag(b)):
            return "only the diagonal of the Jacobian: every output depends on every input of its row, as in a softmax"
        if any(close(np.diag(a), b.sum(axis=axis)) for axis in (0, 1)):
            return "the rows of the Jacobian were summed: what arrives is multiplied by the whole matrix, not by a row"
        return "only a diagonal: every output depends on every input of its row, whose sum is missing"
    signs = {
        "the wrong sign off the diagonal: ∂yᵢ/∂zⱼ for i ≠ j": np.where(on, b, -b),
        "the wrong sign on the diagonal: ∂yᵢ/∂zᵢ": np.where(on, -b, b),
        "transposed: the Jacobian's rows are multiplied by what arrives, its columns should be": b.T,
    }
    for name, wrong in signs.items():
        if close(a, wrong):
            return name
    if close(np.where(on, 0, a), np.where(on, 0, b)):
        return "wrong on the diagonal: ∂yᵢ/∂zᵢ, where i = j, has a term of its own"
    y = found.y.reshape(-1)
    if close(a * y, b):
        return "a factor y is missing"
    if close(np.diag(a), np.diag(b)):
        return "wrong off the diagonal: ∂yᵢ/∂zⱼ, where i ≠ j, has no 1 of its own"
    return None


def _elementwise(found: Jacobians) -> str | None:
    if (found.y.size == 1 and found.array.size > 1) or found.slopes is None:
        return None
    (a, b), y = found.slopes, found.y.reshape(-1)
    if close(a, np.ones_like(a)):
        return "missing σ′: the derivative that arrives is passed on as it is"
    if close(a, b.max() + b.min() - b) and len(np.unique(b.round(6))) == 2:
        return "the wrong side: the slopes of the two sides are exchanged, as in a ReLU that lets z < 0 through"
    if close(b, 1 - y * y) and close(a, 1 - y):
        return "y where y² belongs: tanh′ = 1 − y²"
    if close(b, y * (1 - y)) and close(a, y):
        return "a factor 1 − y is missing: σ′ = y(1 − y)"
    if close(a, y) and not proportional(b, found.array.reshape(-1)):
        return "the function itself, where its derivative belongs"
    if len(a) > 1 and (close(a + b, np.full_like(a, 2)) or close(a + b, 2 * y)):
        return "the wrong sign inside: + where − belongs, or − where + does"
    return None


def _square_for_double(found: Jacobians) -> str | None:
    """w² in the derivative where 2w belongs: alone, or beside the derivative of something else."""
    if found.slopes is None or found.array.size < 4:
        return None
    (a, b), w = found.slopes, found.array.reshape(-1)
    basis = np.stack([w * w, w], axis=1)
    if np.linalg.matrix_rank(basis, tol=1e-6) < 2:
        return None
    (squared, single), *_ = np.linalg.lstsq(basis, a - b, rcond=None)
    if not close(basis @ (squared, single), a - b) or abs(squared) < 1e-6 * abs(b).max():
        return None
    if any(abs(single + ratio * squared) <= 1e-4 * abs(squared) for ratio in (2, 1, 0.5)):
        return f"{found.role}² where 2·{found.role} belongs: the derivative of a square, as in an L2 penalty, is linear"
    if abs(single) <= 1e-4 * abs(squared):
        return f"{found.role}² added: no term of the function has it as its derivative"
    return None


def _factor_of_each(found: Jacobians) -> str | None:
    """A factor for each element: one of the arrays, too many or missing."""
    if found.slopes is None or found.array.size < 3:
        return None
    a, b = found.slopes
    known = {role: array.reshape(-1) for role, array in found.arrays.items() if array.shape == found.array.shape}
    known |= {f"1/{role}": 1 / array for role, array in known.items() if (array != 0).all()}
    if found.y.size > 1:
        y = found.y.reshape(-1)
        known |= {"y": y, "1 − y": 1 - y}
    constants = (1.0, 2.0, 0.5, -1.0)
    forms = [
        *((f"a factor {name} is missing", c, c * a * factor, b) for name, factor in known.items() for c in constants),
        *((f"a factor {name} too many", c, a, c * factor * b) for name, factor in known.items() for c in constants),
    ]
    if not any(is_target(found.op, role) for role in found.arrays):  # of a loss, what is missing is 1/prediction
        forms.sort(key=lambda form: "1/" in form[0])
    for name, constant, left, right in forms:
        if close(left, right):
            return name if constant == 1 else f"{name}, beside a constant {constant:g}"
    return None


def _one_sample(found: Jacobians) -> str | None:
    y, array = found.y, found.array
    if y.ndim < 1 or len(y) < 2 or array.ndim >= y.ndim:
        return None
    by_sample = found.given.reshape(len(y), -1), found.measured.reshape(len(y), -1)
    for kept in (0, -1):
        only = np.zeros_like(by_sample[1])
        only[kept] = by_sample[1][kept]
        if close(by_sample[0], only):
            return "missing sum over rows: only one sample counts"
    return None


def _shifted(found: Jacobians) -> str | None:
    for axis in range(1, found.given.ndim):
        if found.given.shape[axis] < 2:
            continue
        a, b = np.moveaxis(found.given, axis, 0), np.moveaxis(found.measured, axis, 0)
        if (close(a[:-1], b[1:]) and b[1:].any()) or (close(a[1:], b[:-1]) and b[:-1].any()):
            return "cut from the wrong side: shifted by one, as when the bias is cut off the other end"
    return None


def _per_output(found: Jacobians) -> str | None:
    """Rows that differ by a factor each: something that belongs to the outputs was left out."""
    if found.y.size > 1 and found.slopes is not None:
        return None  # element by element, any two slopes differ by a factor
    a, b = found.flat
    norms = (a * a).sum(axis=1)
    factors = (a * b).sum(axis=1) / np.where(norms == 0, 1, norms)
    if close(factors.reshape(-1, 1) * a, b) and factors.any():
        return "missing σ′: a factor of each output's own is missing, as an activation's slope is"
    return None


def _transposed(found: Jacobians) -> str | None:
    given, measured = found.given, found.measured
    if given.ndim == 3 and given.shape[1] == given.shape[2] and close(given.transpose(0, 2, 1), measured):
        return "transposed"
    for other, array in found.arrays.items():
        if array.ndim == 2 and array.shape[0] == array.shape[1] and array.dtype.kind == "f":
            turned = {**found.arrays, other: array.T.copy()}
            if close(given, found.measured_with(turned, found.role)):
                return f"transposed: {other} is taken the wrong way round"
    return None


_TESTS: Iterable[Callable[[Jacobians], str | None]] = (
    *(_nothing, name_factor, _exchanged, _transposed, _mixed, _whole_jacobian, _elementwise, _square_for_double),
    *(name_of_targets, _factor_of_each, _one_sample, _shifted, _per_output),
)
