"""Mistakes in the derivative of a loss that have to do with its targets: their sign, their share, their absence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.gradcheck.jacobians import Jacobians, close
from chainrule.ops.cross_entropy import CategoricalCrossEntropy, SoftmaxCrossEntropy
from chainrule.ops.op import Array, Op

TARGETS = ("target", "targets", "truth", "label", "labels", "y_true", "one_hot", "expected")


def is_target(op: Op, role: str) -> bool:
    """Return whether a role is that of the truth, said to be constant or called as such are."""
    return role in op.constant or role in TARGETS


def name_of_targets(found: Jacobians) -> str | None:
    """Return the name of the mistake in a loss's derivative, or None if it has to do with no targets."""
    if found.y.size != 1:
        return None
    for role in found.arrays:
        if role == found.role or not is_target(found.op, role):
            continue
        truth = _one_hot(found.arrays[role], found.array)
        name = (truth is not None and (_signs(found, truth) or _fused(found, truth))) or _missing(found, role)
        if name:
            return name
    return None


def mean_over_classes(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    """Return what is to be said of a cross-entropy that is a mean over its classes too, right as its derivative is."""
    target = next((name for name in arrays if name != role and is_target(op, name)), None)
    prediction = arrays[role]
    if target is None or prediction.ndim < 2:
        return None
    value, classes = float(op.forward(**arrays)), prediction.shape[-1]
    for known, of in ((CategoricalCrossEntropy(), "prediction"), (SoftmaxCrossEntropy(), "logits")):
        try:
            known.check("", **{of: prediction, "target": arrays[target]})
        except ChainruleError:
            continue
        usual = float(known.forward(prediction, arrays[target]))
        if usual and classes > 1 and abs(value * classes - usual) <= 1e-9 * abs(usual):
            named = f"cr.{type(known).__name__}"
            return f"a mean over the {classes} classes too, so 1/{classes} of {named} and of its derivative"
    return None


def _one_hot(target: Array, like: Array) -> Array | None:
    """Return targets in the shape of the predictions: class indices as rows of zeros with a one."""
    if target.shape == like.shape:
        return target.astype(np.float64)
    if target.shape == like.shape[:-1] and target.dtype.kind in "iu":
        one_hot: Array = (target[..., None] == np.arange(like.shape[-1])).astype(np.float64)
        return one_hot
    return None


def _signs(found: Jacobians, truth: Array) -> str | None:
    """Right but for what is 1 in the targets, or for what is 0."""
    true = truth == 1
    if not (true | (truth == 0)).all() or true.all() or not true.any():
        return None
    given, measured = found.given[0], found.measured[0]
    forms = {
        "the wrong sign off the diagonal: of a class that is not the true one, s, not −s": (1, -1),
        "the wrong sign on the diagonal: of the class that is true, s − 1, not 1 − s": (-1, 1),
        "only where the target is 1: what the other classes, or the answer no, contribute is missing": (1, 0),
        "only where the target is 0: what the true class, or the answer yes, contributes is missing": (0, 1),
    }
    for name, (on, off) in forms.items():
        if _is_times(given, np.where(true, on * measured, off * measured)):
            return name
    return None


def _fused(found: Jacobians, truth: Array) -> str | None:
    """Cross-entropy times softmax's Jacobian, for targets that are shares: that Jacobian's sign off its diagonal."""
    z = found.array
    if z.ndim < 2:
        return None
    power = np.exp(z - z.max(axis=-1, keepdims=True))
    s, total = power / power.sum(axis=-1, keepdims=True), truth.sum(axis=-1, keepdims=True)
    given, measured = found.given[0], found.measured[0]
    if not _is_times(measured, s * total - truth):
        return None
    if _is_times(given, -truth * (1 - s) - s * (total - truth)):
        return "the wrong sign off the diagonal: softmax's ∂sᵢ/∂zⱼ is −sᵢsⱼ for i ≠ j"
    if _is_times(given, s * total + truth):
        return "the sign of the target: s − y, not s + y"
    return None


def _missing(found: Jacobians, role: str) -> str | None:
    target = found.arrays[role]
    others = {**found.arrays, role: np.roll(target.reshape(-1), 1).reshape(target.shape)}
    given, measured = found.given, found.measured
    if np.array_equal(target, others[role]) or close(found.measured_with(others, found.role), measured):
        return None
    if close(found.given_with(others, found.y), given):
        return f"the {role} is missing: the derivative does not depend on it"
    nothing = {**found.arrays, role: np.zeros_like(target)}
    parts = given - found.given_with(nothing, found.y), measured - found.measured_with(nothing, found.role)
    if target.dtype.kind == "f" and close(parts[0], -parts[1]) and close(given - parts[0], measured - parts[1]):
        return f"the sign of the {role}"
    return None


def _is_times(a: Array, b: Array) -> bool:
    """Return whether one array is the other times a constant above 0."""
    norm = float((b * b).sum())
    factor = float((a * b).sum()) / norm if norm else 0.0
    return factor > 0 and close(a, factor * b)
