"""Calling an op: with arrays that fit, and that it can't change.

Chainrule's own ops are proven to change nothing. Those of a user get views that can't be written to: an op that works
in place would otherwise change what its children show, and the derivative would be that of another function.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError, ShapeError
from chainrule.ops.op import Array, Op


def read_only(array: Array) -> Array:
    """Return a view that can be looked at but not written."""
    view = array.view()
    view.flags.writeable = False
    return view


def called(op: Op, where: str, method: str, roles: Mapping[str, Array], *ahead: Array) -> Any:
    """Return what an op's ``forward``, or with dy and y ahead its ``backward``, says of the arrays of its roles.

    Raises
    ------
    DerivativeError
        If an op of a user's writes into one of them.
    """
    function = getattr(op, method)
    if is_own(op):
        return function(*ahead, **roles)
    try:
        return function(*map(read_only, ahead), **{role: read_only(array) for role, array in roles.items()})
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise writes_into(op, where, method, roles, *ahead) from error


def is_own(op: Op) -> bool:
    """Return whether an op is chainrule's own: these are proven to change nothing that they are given."""
    return type(op) in _own_kinds()


@cache
def _own_kinds() -> frozenset[type[Op]]:
    from chainrule.ops import all_ops

    return frozenset(all_ops().values())


def writes_into(op: Op, where: str, method: str, roles: Mapping[str, Array], *ahead: Array) -> DerivativeError:
    """Return the error for an op that writes into what it is given, having found out what."""
    changed = changed_by(op, method, roles, *ahead)
    name = changed[0] if changed else next(iter({**dict(zip(("dy", "y"), ahead)), **roles}))
    return DerivativeError(
        where,
        given=f"{method} that writes into {' and '.join(changed) or 'what it is given'}",
        expected="an op that changes nothing: others read these arrays too",
        fix=f"Write {name} = {name}.copy() first, or compute a new array",
        cause="op.writes",
    )


def changed_by(op: Op, method: str, roles: Mapping[str, Array], *ahead: Array) -> list[str]:
    """Return the names of the arrays that an op's method changes, found out on copies."""
    given = {**dict(zip(("dy", "y"), ahead)), **roles}
    spread = {n: np.linspace(-1, 1, a.size).reshape(a.shape).astype(a.dtype) for n, a in given.items()}
    changed: list[str] = []
    for values in (given, spread):  # those at hand may be zeros, which much that works in place leaves as they are
        copies = {name: array.copy() for name, array in values.items()}
        with suppress(Exception), np.errstate(all="ignore"):  # what it changed until then is told all the same
            getattr(op, method)(*list(copies.values())[: len(ahead)], **{role: copies[role] for role in roles})
        changed += [name for name in given if copies[name].tobytes() != values[name].tobytes() and name not in changed]
    return changed


def checked_forward(op: Op, where: str, arrays: Mapping[str, Array]) -> Array:
    """Return the op's value after checking shapes and dtypes: for arrays it has not met before."""
    floats = {array.dtype for array in arrays.values() if array.dtype.kind == "f"}
    given = ", ".join(f"{role} in {array.dtype}" for role, array in arrays.items())
    fix = "Convert with array.astype('float32')"
    if len(floats) == 1 or op.dtype is not None:
        op.check(where, **arrays)
        with np.errstate(all="ignore"):
            value = np.asarray(called(op, where, "forward", arrays))
        if value.dtype in (floats if op.dtype is None else {np.dtype(op.dtype)}) or value.dtype.kind == "b":
            return value
        given = f"{value.dtype} from forward for {given}"
        if len({array.dtype for array in arrays.values()}) == 1:
            fix = "Let forward keep the dtype: compute with float(…) and math.sqrt(…), not with np.float64 scalars"
    raise ShapeError(
        where, given=given, expected="one floating dtype, float32 or float64, for all that is computed with", fix=fix
    )
