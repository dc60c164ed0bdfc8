"""An explanation as one JSON object, its numbers in full.

Large arrays are given by shape, norm, range and corner; NaN and infinities are written as texts, which JSON can hold.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.explain.anatomy import Anatomy, proofs
from chainrule.explain.boxes import one_line
from chainrule.explain.building import Builder
from chainrule.explain.document import histogram
from chainrule.explain.formulas import Formula, backward_formula, forward_formula
from chainrule.explain.notation import CORNER, MOST_COLUMNS, MOST_ROWS, Math
from chainrule.explain.typeset import typeset
from chainrule.files.strict_json import printed
from chainrule.ops.op import Array
from chainrule.ops.table import page


def to_json(anatomy: Anatomy, builder: Builder, place: int | None) -> str:
    """Return an explanation as JSON; of one node if `place` says which."""
    places = range(len(anatomy.graph)) if place is None else [place]
    data: dict[str, Any] = {
        "language": builder.words.language,
        "sample": anatomy.sample,
        "cost": anatomy.cost,
        "loss": anatomy.loss,
        "penalty": anatomy.penalty,
        "parameters": sum(parameter.value.size for parameter in anatomy.graph.parameters),
        "nodes": [_node(anatomy, builder, i) for i in places],
    }
    if anatomy.network is not None:
        state = anatomy.network.optimizer_state
        data["optimizer"] = {
            "rule": repr(anatomy.network.optimizer),
            "step": state.step,
            "learning_rate": float(state.rate),
        }
    data["proof"] = [
        {
            "node": anatomy.labels[proof.place],
            "index": list(proof.index),
            "by_chain": proof.given,
            "by_difference": float(proof.slope.measured),
            "kink": bool(proof.slope.kink),
            "error": float(proof.slope.error),
        }
        for proof in proofs(anatomy)
        if place in (None, proof.place)
    ]
    return printed(data, indent=1) + "\n"


def _node(anatomy: Anatomy, builder: Builder, place: int) -> dict[str, Any]:
    node = anatomy.graph.nodes[place]
    told: dict[str, Any] = {
        "name": anatomy.labels[place],
        "symbol": one_line(builder.symbols[place]),
        "op": None if node.op is None else node.op.name,
        "value": _array(anatomy.values[place]),
    }
    gradient = anatomy.gradients[place]
    told["derivative"] = None if gradient is None else _array(gradient)
    told["paths"] = [
        {
            "from": str(path.penalty) if path.parent is None else anatomy.labels[path.parent],
            "role": path.role,
            "derivative": _array(path.array),
        }
        for path in anatomy.paths[place]
    ]
    if place in anatomy.after and anatomy.network is not None:
        told["after"] = _array(anatomy.after[place])
    if node.op is None:
        return told
    roles = anatomy.roles(place)
    symbols: dict[str, Math] = {role: builder.math(child) for role, child in roles.items()}
    told["function"] = page(type(node.op)).function
    told["formula"] = _lines(forward_formula(node.op, anatomy.arrays(place)), symbols)
    told["children"] = {role: anatomy.labels[child] for role, child in roles.items()}
    if gradient is None:
        return told
    symbols |= {"dy": builder.partial(place), "y": builder.symbols[place]}
    told["local"] = page(type(node.op)).derivatives
    told["handed"] = {
        path.role: _lines(
            backward_formula(node.op, gradient, anatomy.values[place], anatomy.arrays(place), path.role), symbols
        )
        for child in sorted(set(roles.values()))
        for path in anatomy.paths[child]
        if path.parent == place
    }
    return told


def _lines(formula: Formula, symbols: dict[str, Math]) -> list[str]:
    if formula.result is None:
        return formula.source.splitlines()
    steps = [f"{name} = {one_line(typeset(expression, symbols))}" for name, expression in formula.steps]
    return [*steps, one_line(typeset(formula.result, symbols))]


def _array(array: Array) -> Any:
    """Return an array as nested lists; a large one as a description with its corner."""
    rows = array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
    if rows.shape[0] <= MOST_ROWS and rows.shape[1] <= MOST_COLUMNS:
        return array.tolist()
    numbers = array.astype(np.float64)
    return {
        "shape": list(array.shape),
        "norm": float(np.linalg.norm(numbers)),
        "range": [float(numbers.min()), float(numbers.max())],
        "histogram": list(histogram(numbers)),
        "corner": rows[:CORNER, :CORNER].tolist(),
    }
