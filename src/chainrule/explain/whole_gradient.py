"""∇C: the derivatives of all weights and biases as one vector, its length and its largest entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explain.document import Block, Heading, Paragraph, TableBlock, Text
from chainrule.explain.notation import Math, Number, number
from chainrule.explain.one_neuron import name_of
from chainrule.explain.paths import Unit
from chainrule.explain.text_layout import formula_line

if TYPE_CHECKING:
    from chainrule.explain.analysis import Analysis
    from chainrule.explain.builder import Builder

MOST_ENTRIES = 8


def largest_entries(analysis: Analysis) -> list[tuple[Unit, float]]:
    """Return the entries of ∇C that are farthest from 0, the largest first."""
    found: list[tuple[Unit, float]] = []
    for place in analysis.parameters():
        gradient = analysis.gradients[place]
        if gradient is None or not gradient.size:
            continue
        flat = gradient.reshape(-1)
        size = np.abs(flat)
        most = np.argsort(-size, kind="stable")[:MOST_ENTRIES]
        for k in most:
            index = tuple(int(i) for i in np.unravel_index(int(k), gradient.shape))
            found.append((Unit(place, index), float(flat[k])))
    return sorted(found, key=lambda entry: -abs(entry[1]))[:MOST_ENTRIES]


def measures(analysis: Analysis) -> dict[str, Any]:
    """Return how many entries ∇C has, how many are 0, and its length."""
    parts = [analysis.gradients[place] for place in analysis.parameters()]
    flat = np.concatenate([np.zeros(0), *(part.reshape(-1).astype(np.float64) for part in parts if part is not None)])
    return {"entries": int(flat.size), "zeros": int((flat == 0).sum()), "length": float(np.linalg.norm(flat))}


def gradient_blocks(builder: Builder) -> list[Block]:
    """Write ∇C as one vector."""
    words, analysis = builder.words, builder.analysis
    told = measures(analysis)
    if not told["entries"]:
        return []
    fields = {key: f"{value:,}" if isinstance(value, int) else number(value) for key, value in told.items()}
    cost = f"∇{formula_line(builder.cost)}"
    entries = largest_entries(analysis)
    rows: list[list[Math | str | Text]] = [
        [
            builder.derivative_of(name_of(builder, unit), _penalised(analysis, unit)),
            analysis.labels[unit.place],
            Number(number(value)),
        ]
        for unit, value in entries
    ]
    head = [words(f"head_{key}") for key in ("derivative", "of_node", "number")]
    few = len(entries) < told["entries"]
    return [
        Heading(2, words("whole_gradient"), "whole-gradient"),
        Paragraph(words("gradient_intro", cost=cost, **fields)),
        Paragraph(words("gradient_largest" if few else "gradient_all", shown=len(entries), **fields)),
        TableBlock(head, rows, flows=True),
    ]


def gradient_json(analysis: Analysis) -> dict[str, Any]:
    """Return ∇C's measures and largest entries, for JSON."""
    largest = [
        {"node": analysis.labels[unit.place], "index": list(unit.index), "derivative": value}
        for unit, value in largest_entries(analysis)
    ]
    return {**measures(analysis), "largest": largest}


def _penalised(analysis: Analysis, unit: Unit) -> bool:
    return any(path.penalty is not None for path in analysis.paths[unit.place])
