"""What a network says of a sample, in plain words: "It says 1; the truth is 1; it is 99.8 % sure."."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explain.analysis import Analysis
from chainrule.explain.document import Messages, Text
from chainrule.explain.notation import number
from chainrule.nn.heads import Head
from chainrule.ops import Sigmoid, Softmax
from chainrule.ops.op import Array
from chainrule.training.evaluate import head_probabilities
from chainrule.training.metrics import predicted_classes, true_classes

MOST_SAID = 10  # numbers or labels
MOST_LETTERS = 80  # of a class's name


@dataclass(frozen=True)
class Said:
    """A sentence: its key among the `words`, and what is filled in."""

    key: str
    fields: dict[str, Any]


def sentence_of(said: Said, words: Messages) -> Text:
    """Return the sentence; of one of several heads, with its name before it."""
    fields = {key: str(words("no_label")) if value == "" else value for key, value in said.fields.items()}
    text = words(said.key, **fields)
    return Text(f"`{{head}}`: {text.template}", text.fields) if "head" in said.fields else text


def said_of(analysis: Analysis) -> list[Said]:
    """Return what a network predicts for the sample that is explained, or how often it is right; of each head."""
    network = analysis.network
    outputs = analysis.outputs
    if network is None or outputs is None or analysis.target is None:
        return []
    found = []
    for head in network.heads:
        said = _of_head(head, head.outputs(outputs), head.targets(analysis.target))
        if said is not None and head.name:
            said = Said(said.key, {**said.fields, "head": head.name})
        found += [] if said is None else [said]
    return found


def _of_head(head: Head, outputs: Array, targets: Array) -> Said | None:
    if not np.isfinite(outputs).all():
        return Said("says_nothing", {"said": "NaN" if np.isnan(outputs).any() else "∞"})
    if head.task == "regression":
        return _amounts(outputs, targets)
    values = np.asarray(head_probabilities(head, outputs))
    chosen = predicted_classes(values, head.task)
    if head.task == "multilabel":
        true = np.asarray(targets).reshape(chosen.shape).round().astype(int)
        return _labels(head, values, chosen, true)
    classes = true_classes(targets, values.ndim)
    if classes is None:  # shared between classes
        return None
    true = classes.reshape(chosen.shape)
    if chosen.size > 1:
        return Said("says_right", {"right": int((chosen == true).sum()), "all": chosen.size})
    k, truth = int(chosen.flat[0]), int(true.flat[0])
    row = values.reshape(-1)
    share = float(row[k]) if len(row) > 1 else abs(1 - k - float(row[0]))
    fields = {"said": _name(head, k), "truth": _name(head, truth)}
    if not _probable(head, outputs, values):
        return Said("says_class" if k == truth else "says_wrong", fields)
    return Said("says_sure" if k == truth else "says_wrong_sure", {**fields, "sure": how_sure(share)})


def _amounts(outputs: Array, targets: Array) -> Said:
    said, truth = (np.asarray(array, np.float64).reshape(-1) for array in (outputs, targets))
    off = np.abs(said - truth)
    if said.size == 1:
        numbers = {"said": said[0], "truth": truth[0], "off": off[0]}
        return Said("says_amount", {key: number(value) for key, value in numbers.items()})
    if said.size <= MOST_SAID and len(outputs) == 1:
        listed = {"said": said, "truth": truth, "off": off}
        return Said("says_amount", {key: ", ".join(map(number, value)) for key, value in listed.items()})
    return Said("says_amounts", {"all": said.size, "mean": number(off.mean()), "most": number(off.max())})


def _labels(head: Head, values: Array, chosen: Array, true: Array) -> Said:
    if len(chosen) > 1 or chosen.ndim > 2:
        return Said("says_right", {"right": int((chosen == true).sum()), "all": chosen.size})
    sure = float((1 - np.abs(chosen - values)).min())
    said, truth = (_listed(head, labels.reshape(-1)) for labels in (chosen, true))
    key = {True: "says_labels", False: "says_labels_wrong"}[bool((chosen == true).all())]
    return Said(key, {"said": said, "truth": truth, "sure": how_sure(sure)})


def _listed(head: Head, labels: Array) -> str:
    names = [_name(head, int(k)) for k in np.flatnonzero(labels)]
    more = f", … ({len(names)})" if len(names) > MOST_SAID else ""
    return ", ".join(names[:MOST_SAID]) + more  # "" for none


def _probable(head: Head, outputs: Array, values: Array) -> bool:
    return values is not outputs or isinstance(head.objective.last, (Sigmoid, Softmax))


def _name(head: Head, k: int) -> str:
    name = str(k) if head.classes is None or k >= len(head.classes) else head.classes[k]
    return name if len(name) <= MOST_LETTERS else f"{name[: MOST_LETTERS - 1]}…"


def how_sure(share: float) -> str:
    """Return a probability in percent, with as many digits as tell it from 100.

    >>> how_sure(0.998), how_sure(0.5), how_sure(0.9999997), how_sure(1.0)
    ('99.8', '50', '99.99997', '100')
    """
    value = 100 * min(max(share, 0.0), 1.0)
    for digits in range(1, 8):
        text = f"{value:.{digits}f}"
        if value == 100 or float(text) < 100:
            return text.rstrip("0").rstrip(".")
    return "100"
