"""Where a NaN or an infinity came from, and whose fault it is: the data's, the weights', the objective's, an op's, or
the learning rate's.

The step is walked through once more with plain arrays, whatever engine took it. The first node with something not
finite, whose children are finite, is where it began: forward, or else on the way back. What is to blame follows from
the op there, and from what has grown: the samples, the targets or the weights. At the first step it is never the
learning rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import NonFiniteError
from chainrule.graph.calls import called, is_own
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter
from chainrule.nn.layer import Layer
from chainrule.ops.cross_entropy import BinaryLoss, ClassLoss
from chainrule.ops.op import Array, Op

if TYPE_CHECKING:
    from chainrule.nn.plan import Plan

_LARGE = 1e3  # from here on samples, targets or weights are to blame for what overflows after some steps
_HUGE = 1e9  # and from here on at the first one
_NAMES = {"x": "X", "sample_weight": "the sample weights"}
_SCALES = {
    "data.scale": "Scale the samples to about −1 … 1: put cr.Rescale.standard(X) before the other layers",
    "target.scale": "Scale the targets: train on (y - y.mean(axis=0)) / y.std(axis=0)",
    "weights.scale": "Start with smaller weights: look at the initializers, and at what was written into parameters",
}


@dataclass(frozen=True)
class _Place:
    """Where the first NaN or infinity is: in the value of a node, or in the derivative by one of its roles."""

    node: Node
    role: str | None
    shown: Node  # the one at which it is seen: the node itself, or the child that gets the derivative
    array: Array
    operands: Mapping[str, Array]

    @property
    def first(self) -> tuple[int, ...]:
        return tuple(np.argwhere(~np.isfinite(self.array))[0].tolist())


def nonfinite_error(plan: Plan, graph: Graph, learning_rate: float | None) -> NonFiniteError:
    """Return the error that says where the last step went wrong; the network still has its weights from before."""
    if learning_rate is None:
        own = plan.optimizer.learning_rate
        learning_rate = own if isinstance(own, float) else float(plan.optimizer_state.rate)
    step = plan.optimizer_state.step + 1
    place = _place(graph)
    if place is None:
        given, cause = "a penalty whose derivative is not finite", "penalty.scale"
        where, expected, fix = "penalty", "a finite one", "Pass a smaller l1 or l2, or start with smaller weights"
    else:
        where = f"{'backward' if place.role else 'forward'} at {place.shown.name!r}"
        given, expected, fix, cause = _told(plan, graph, place, step, learning_rate)
        bad = int((~np.isfinite(place.array)).sum())
        if place.array.ndim:
            given += f" ({bad} of {place.array.size} values are NaN or infinite, the first at {list(place.first)})"
    fix += ". At the first step it can't be the learning rate" if step == 1 else ""
    fix += "; the network has the weights from before this step"
    fix += f", at a learning rate of {learning_rate:g}" if step > 1 else ""
    return NonFiniteError(f"train, step {step}, {where}", given=given, expected=expected, fix=fix, cause=cause)


def _place(graph: Graph) -> _Place | None:
    """Walk through the step with plain arrays; return where something is not finite first."""
    values: list[Any] = [node._value if node.op is None else None for node in graph.nodes]
    graph.walk.forward(values)
    place = {id(node): i for i, node in enumerate(graph.nodes)}
    for node, value in zip(graph.nodes, values):
        if not _finite(value):
            operands = {role: values[place[id(child)]] for role, child in node.children.items()}
            return _Place(node, None, node, value, operands)
    root = graph.place(graph.root)
    gradients = graph.walk.backward(values, root, np.ones_like(values[root]))
    for (i, role), (j, part) in graph.walk.handed(values, gradients).items():
        if not _finite(part) or not _finite(gradients[i]):
            node = graph.nodes[i]
            operands = {role: values[place[id(child)]] for role, child in node.children.items()}
            return _Place(node, role, graph.nodes[j], part, {**operands, "dy": gradients[i]})
    return None


def _told(plan: Plan, graph: Graph, place: _Place, step: int, rate: float) -> tuple[str, str, str, str]:
    """Return given, expected, fix and cause."""
    node, op = place.node, place.node.op
    finite = "finite numbers"
    slower = (
        f"Try a learning rate of {_smaller(rate):g}, clip the gradients (clip_norm=1.0), "
        "or scale the data to about −1 … 1"
    )
    if isinstance(node, Input) or (op is None and not isinstance(node, Parameter)):
        fix = "Look at the data: drop those samples, fill the gaps, or scale what is too large"
        return f"NaN or infinity in {_NAMES.get(str(node.name), str(node.name))}", finite, fix, "data.nonfinite"
    if op is None:
        if step > 1:
            return "weights that overflowed in the step before", finite, slower, "optimizer.rate"
        fix = "Look at what wrote into the parameter: its initializer, a file, or your own code"
        return "NaN or infinity in a parameter", finite, fix, "weights.nonfinite"
    what = _described(op, place)
    if not is_own(op):
        fix = f"Correct {type(op).__name__}, or keep what goes into it where it is defined"
        return f"{what} from numbers that are finite", "finite ones from it", fix, "op.nonfinite"
    grown = _grown(plan, graph, _LARGE if step > 1 else _HUGE)
    if _outside(op, place):
        if "weights.scale" in grown and step > 1:
            return f"{what}, with {_listed(grown)}", op.limit, slower, "optimizer.rate"
        if isinstance(op, (BinaryLoss, ClassLoss)):
            end = "cr.Softmax()" if isinstance(op, ClassLoss) else "cr.Sigmoid()"
            fix = f"End the network with {end} directly before the loss: the two are computed from logits then"
            given = f"log of 0: the last layer gives no probabilities, but 0 to what is true, {what}"
            return given, op.limit, fix, "head.probabilities"
        negative = place.role is None and op.name != "divide" and np.isnan(place.array[place.first])
        way = "make it positive first, for example by cr.softplus(z=…)" if negative else "for example by adding 1e-6"
        return what, op.limit, f"Keep what goes into {op.name} away from there: {way}", "op.domain"
    dtype = place.array.dtype
    given = f"{what} overflows {dtype}"
    expected = f"results that {dtype} can hold, up to {np.finfo(dtype).max:.1e}"
    if step > 1 and "weights.scale" in grown and len(grown) == 1:
        return f"{given}, with {_listed(grown)}", expected, slower, "optimizer.rate"
    causes = [cause for cause in ("data.scale", "target.scale", "weights.scale") if cause in grown]
    if causes and not op.increasing:
        return f"{given}, with {_listed(grown)}", expected, _SCALES[causes[0]], causes[0]
    fix = f"Scale the samples, or keep what goes into {op.name} small"
    return given, expected, fix + (f"; or try a learning rate of {_smaller(rate):g}" if step > 1 else ""), "op.overflow"


def _smaller(rate: float) -> float:
    """Return a learning rate to try after one that was too large: a tenth of it, and none that is hopeless too."""
    return min(rate / 10, 0.1)


def _described(op: Op, place: _Place) -> str:
    """Return what was computed, with the operands there: "exp of 800"."""
    operands = place.operands
    if not place.array.ndim and (row := _first_row(op, operands)):
        operands = row
    at, told = place.first, []
    for role, array in operands.items():
        if array.shape == place.array.shape and array.dtype.kind in "fiu":
            told.append((role, f"{array[at]:.6g}"))
        elif array.dtype.kind in "fiu" and array.size:
            several = f"from {array.min():.3g} to {array.max():.3g}" if array.size > 1 else f"{array.item():.6g}"
            told.append((role, several))
    name = op.name if is_own(op) else type(op).__name__
    if place.role:
        return f"the derivative of {name} by {place.role} at " + ", ".join(f"{role} {text}" for role, text in told)
    if len(told) == 1:
        return f"{name} of {told[0][1]}"
    return f"{name} of " + ", ".join(f"{role} {text}" for role, text in told)


def _first_row(op: Op, operands: Mapping[str, Array]) -> dict[str, Array] | None:
    """Return the operands of the first sample whose loss alone is not finite, if there is one."""
    count = {len(array) for array in operands.values() if array.ndim}
    if len(count) != 1 or not is_own(op):
        return None
    for i in range(count.pop()):
        row = {role: array[i : i + 1] for role, array in operands.items() if role != "sample_weight"}
        if not _finite(np.asarray(op.forward(**row))):
            return {role: array for role, array in row.items() if array.size < 20}
    return None


def _outside(op: Op, place: _Place) -> bool:
    """Return whether an op is asked for what is undefined or infinite, however many digits there are."""
    if not op.limit:
        return False
    exact = {
        role: array.astype(np.float64) if array.dtype.kind == "f" else array
        for role, array in place.operands.items()
        if role != "dy"
    }
    value = np.asarray(called(op, "", "forward", exact))
    if not place.role:
        return not _finite(value)
    dy = place.operands["dy"].astype(np.float64)
    return not _finite(called(op, "", "backward", exact, dy, value)[place.role])


def _grown(plan: Plan, graph: Graph, bound: float) -> dict[str, float]:
    """Return cause -> the largest number, of those among samples, targets and weights that are large."""
    nodes = graph.names
    first = plan.layers[0]
    arrays = {
        "data.scale": nodes[first.path if isinstance(first, Layer) and first.rescales else "x"]._value,
        "target.scale": nodes["y"]._value,
        "weights.scale": plan.vector.array,
    }
    sizes = {c: float(np.abs(a).max(initial=0.0)) for c, a in arrays.items() if a.dtype.kind == "f"}
    return {cause: size for cause, size in sizes.items() if not size < bound}


def _listed(grown: dict[str, float]) -> str:
    names = {"data.scale": "samples", "target.scale": "targets", "weights.scale": "weights"}
    return " and ".join(f"{names[cause]} up to {size:.3g}" for cause, size in grown.items())


def _finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())
