"""A derivative that is wrong by a constant factor: which sum, mean, sign or 2 is it?

A factor 3 may be the number of samples, that of outputs, or a 3. What is ambiguous is tried again on fewer samples
and on other numbers of outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import numpy as np

from chainrule.gradcheck.jacobians import Jacobians, close
from chainrule.ops.op import Array

_SIGNS = {1.0: "", -1.0: "the sign"}
_TWOS = {1.0: "", 2.0: "a factor 2", 0.5: "a factor ½"}


def name_factor(found: Jacobians) -> str | None:
    """Return the name of the factor by which a derivative is wrong, or None if it is wrong by more than one."""
    factor = _factor(found)
    if factor is None:
        return None
    names = _matching(found, factor)
    for change in _changes(found):
        other = found.changed(change) if len(names) > 1 else None
        changed = None if other is None else _factor(other)
        if other is not None and changed is not None:
            known = {tuple(map(_kind, name)) for name in _matching(other, changed)}
            names = [name for name in names if tuple(map(_kind, name)) in known] or names
    fewest = min(map(len, names), default=0)
    return next((", and ".join(name) for name in names if len(name) == fewest), f"a constant factor {factor:.6g}")


def _kind(name: str) -> str:
    """Return a name without its numbers."""
    return "".join(letter for letter in name if not letter.isdigit())


def _factor(found: Jacobians) -> float | None:
    given, measured = found.given, found.measured
    norm = float((measured * measured).sum())
    factor = float((given * measured).sum()) / norm if norm else 0.0
    return factor if factor and close(given, factor * measured) else None


def _matching(found: Jacobians, factor: float) -> list[tuple[str, ...]]:
    """Return the names, one or several together, whose factor it is."""
    scales = [(1.0, ""), *_scales(found)]
    return [
        tuple(name for name in (of_sign, of_two, of_scale) if name)
        for (sign, of_sign), (two, of_two), (scale, of_scale) in product(_SIGNS.items(), _TWOS.items(), scales)
        if math.isclose(factor, sign * two * scale, rel_tol=1e-5)
    ]


def _scales(found: Jacobians) -> list[tuple[float, str]]:
    """Return the factors that come of sums and means, with their names."""
    array, y = found.array, found.y
    loss = y.size == 1
    counted = array if loss or not y.ndim else y
    samples = len(counted) if counted.ndim else 1
    outputs = counted.shape[-1] if counted.ndim > 1 else 1
    rows = counted.size // outputs
    scales: list[tuple[float, str]] = []
    if loss:
        scales += [(array.size, "the sum instead of the mean"), (1 / array.size, "the mean instead of the sum")]
    if not (loss and samples == array.size):
        scales += [(samples, "times the batch size"), (1 / samples, "divided by the batch size")]
    if outputs > 1 and rows > 1:
        mean = f"a mean over the {outputs} outputs or classes: 1/{outputs} of the derivative, where their sum is meant"
        scales += [
            (1 / outputs, mean),
            (outputs, f"times the {outputs} outputs or classes: the function is a mean over them"),
            (
                rows / outputs,
                f"divided by {outputs} outputs instead of {rows} samples: a mean along the wrong axis",
            ),
            (
                outputs / rows,
                f"divided by {rows} samples instead of {outputs} outputs: a mean along the wrong axis",
            ),
        ]
    if rows != samples:
        scales += [(rows, "times the number of rows"), (1 / rows, "divided by the number of rows")]
    return [(scale, name) for scale, name in scales if scale != 1]


def _changes(found: Jacobians) -> list[Callable[[Array], Array]]:
    """Return ways to make other arrays: with a sample less, or one twice; with an output less, or one more."""
    counted = found.array if found.y.size == 1 or not found.y.ndim else found.y
    samples = len(counted) if counted.ndim else 1
    outputs = counted.shape[-1] if counted.ndim > 1 else 1

    def of_samples(change: Callable[[Array], Array]) -> Callable[[Array], Array]:
        return lambda array: change(array) if array.ndim and len(array) == samples else array

    def of_outputs(change: Callable[[Array], Array]) -> Callable[[Array], Array]:
        return lambda array: change(array) if array.ndim > 1 and array.shape[-1] == outputs else array

    return [
        of_samples((lambda a: a[:-1]) if samples > 2 else lambda a: np.concatenate([a, a[:1]])),
        *([of_outputs(lambda a: a[..., :-1])] if outputs > 2 else []),
        of_outputs(lambda a: np.concatenate([a, 0 * a[..., :1]], axis=-1)),
        of_outputs(lambda a: np.concatenate([a, a[..., :1]], axis=-1)),
    ]
