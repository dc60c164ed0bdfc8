"""What derivatives are at kinks, measured: the slope from the left, from the right, and what the op's backward says.

The places are those that the tests hold the ops to; the numbers are computed when the page is built.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from chainrule.explain.notation import number
from chainrule.ops import Op, all_ops
from tests.ops.test_kinks import KINKS

_STEP = 1e-7


class Kink(NamedTuple):
    """One place where the slopes from both sides differ."""

    op: Op
    place: str
    left: float
    right: float
    ours: float


@functools.cache
def found() -> tuple[Kink, ...]:
    """Return the kinks of all ops, each once."""
    kinks: dict[Any, Kink] = {}
    for op, given, role, _ in KINKS:
        whole = {name: np.asarray(value, np.float64 if name == role else None) for name, value in given.items()}
        for arrays in _apart_from_each_other(op, whole):
            y = np.asarray(op.forward(**arrays))
            derivative = np.asarray(op.backward(np.ones_like(y), y, **arrays)[role])
            for index in np.ndindex(arrays[role].shape):
                left, right = (_slope(op, arrays, role, index, step) for step in (-_STEP, _STEP))
                if _differ(left, right):
                    place = _place(op, arrays, role, index)
                    found = Kink(op, place, left, right, float(derivative[index]))
                    kinks.setdefault((repr(op), role, place), found)
    return tuple(kinks.values())


def _apart_from_each_other(op: Op, arrays: dict[str, Any]) -> list[dict[str, Any]]:
    """Return each sample of a loss by itself: an infinite one would hide the others."""
    if "target" not in op.roles:
        return [arrays]
    return [{name: array[i : i + 1] for name, array in arrays.items()} for i in range(len(arrays["target"]))]


def kinks_of(kind: type[Op]) -> str:
    """Return the table of one op's kinks; nothing if it has none."""
    rows = [kink for kink in found() if type(kink.op) is kind]
    return _table(rows, named=False) if rows else ""


def kinks_page() -> str:
    """Return the page with the kinks of all ops."""
    order = list(all_ops().values())
    rows = sorted(found(), key=lambda kink: order.index(type(kink.op)))
    opening = (
        "# Conventions at kinks\n\nWhere a function has a kink, it has no derivative, and a library must choose. Here "
        "is what chainrule chooses: the slope from the left and from the right, measured by a small step, beside what "
        "`backward` returns for ∂y = 1. A dash stands for a side where the function isn't defined.\n\nAny number "
        "between the two slopes is a subgradient, and descent works with any of them. Of the slopes "
        "allowed, chainrule mostly takes the smallest, as PyTorch does. Ties share equally.\n\n"
    )
    return opening + _table(rows, named=True) + "\n"


def _table(rows: list[Kink], named: bool) -> str:
    head = ["| op | at | from the left | from the right | chainrule |", "|---|---|---|---|---|"]
    lines = []
    for kink in rows:
        name = f"[{kink.op!r}]({kink.op.name}.md)" if named else f"`{kink.op!r}`"
        numbers = " | ".join(_written(value) for value in (kink.left, kink.right))
        lines.append(f"| {name} | {kink.place} | {numbers} | **{_written(kink.ours)}** |")
    return "\n".join([*head, *lines])


def _slope(op: Op, arrays: dict[str, Any], role: str, index: tuple[int, ...], step: float) -> float:
    moved = {**arrays, role: arrays[role].copy()}
    moved[role][index] += step
    with np.errstate(all="ignore"):
        before, after = (np.asarray(op.forward(**given), np.float64) for given in (arrays, moved))
        slope = float(np.where(before == after, 0.0, after - before).sum() / step)  # −∞ beside it stays out
    return np.sign(slope) * np.inf if abs(slope) > 1e3 else slope


def _differ(left: float, right: float) -> bool:
    """Return whether this is a kink, or the edge of where the function is defined."""
    sides = [side for side in (left, right) if side == side]
    if not sides:
        return False
    return len(sides) == 1 or not np.isclose(left, right, rtol=1e-3, atol=1e-4)


def _place(op: Op, arrays: dict[str, Any], role: str, index: tuple[int, ...]) -> str:
    values = arrays[role]
    beside = {name: array for name, array in arrays.items() if name != role and array.shape == values.shape}
    if beside or np.shape(op.forward(**arrays)) == values.shape:  # each number by itself
        told = {role: values, **beside}
        return ", ".join(f"{name} = {number(array[index] + 0.0)}" for name, array in told.items())  # no −0
    row = values if values.ndim == 1 else values[index[0]]
    return f"{role} = {number(row[index[-1]] + 0.0)} in [{', '.join(number(value + 0.0) for value in row)}]"


def _written(value: float) -> str:
    value = 0.0 if abs(value) < 1e-6 else value
    return "–" if value != value else "∞" if value == np.inf else "−∞" if value == -np.inf else f"{value:.3g}"
