"""Which number of a network is meant: ``("dense_1.weights", 0, 2)`` or ``"dense_1.weights[0,2]"``, a neuron
``("dense_1", 2)`` or ``"dense_1[2]"``."""

from __future__ import annotations

import operator
import re
from typing import Any

from chainrule.errors import InputError, MisuseError, UnknownNameError, nearest
from chainrule.explain.analysis import Analysis
from chainrule.explain.paths import Unit
from chainrule.graph import Parameter
from chainrule.graph.node import Drawn

_WHERE = "explain element"


def parse(given: Any) -> tuple[str, tuple[int, ...]]:
    """Return the name of a node and the place of a number in it.

    >>> parse(("dense_1.weights", 0, 2)), parse("dense_1[2]"), parse("dense_1.weights[0, 2]")
    (('dense_1.weights', (0, 2)), ('dense_1', (2,)), ('dense_1.weights', (0, 2)))
    """
    if isinstance(given, str):
        name: Any
        name, opened, index = given.strip().partition("[")
        if opened and not index.endswith("]"):
            name, index = given, ""
        name, index = name.strip(), index.removesuffix("]").strip()
        parts: list[Any] = [part.strip() for part in index.split(",")] if index else []
        given_index: list[Any] = [int(p) if re.fullmatch(r"[+-]?\d{1,18}", p) else p for p in parts]
    elif isinstance(given, (tuple, list)) and given:
        name, *given_index = given
        if len(given_index) == 1 and isinstance(given_index[0], (tuple, list)):  # ("dense_1.weights", (0, 2))
            given_index = list(given_index[0])
    else:
        name, given_index = None, []
    try:
        if not isinstance(name, str) or not name or any(isinstance(k, (bool, str)) for k in given_index):
            raise TypeError
        return name, tuple(operator.index(k) for k in given_index)
    except TypeError:
        raise InputError(
            _WHERE,
            given=f"{given!r:.80}",
            expected="the name of a node and the place of a number in it, counted from 0",
            fix="Pass ('dense_1.weights', 0, 2) for a weight, ('dense_1', 2) for a neuron, or write "
            "'dense_1.weights[0,2]' and 'dense_1[2]'",
        ) from None


def find(analysis: Analysis, given: Any) -> Unit:
    """Return the number of a graph that is meant.

    Raises
    ------
    InputError
        If it is written in another way, or lies outside.
    UnknownNameError
        If there is no node of this name.
    MisuseError
        If it is a neuron, which has a value for each of several samples.
    """
    name, index = parse(given)
    if name not in analysis.labels:
        raise UnknownNameError(
            _WHERE,
            given=f"{name!r:.80}",
            expected="the name of a node",
            fix=_layers_of_prediction(analysis, name) or nearest(name, analysis.labels),
        )
    place = analysis.labels.index(name)
    shape = analysis.values[place].shape
    whole = index
    if of_samples(analysis, place):
        if analysis.samples != 1:
            raise MisuseError(
                _WHERE,
                given=f"{name!r}, a neuron, which has a value for each of {analysis.samples} samples",
                expected="one sample for a neuron; a weight may be explained for all of them",
                fix="Choose one: sample=0",
            )
        if len(index) < len(shape):
            whole = (0, *index)
    shown = shape[len(whole) - len(index) :]
    if len(whole) != len(shape) or not all(-size <= k < size for k, size in zip(whole, shape)):
        of_one = shape[1:] if len(whole) > len(index) or of_samples(analysis, place) else shape
        raise InputError(
            _WHERE,
            given=f"{_written(name, index)}",
            expected=f"a number of {name}, which has shape {shown if len(whole) == len(shape) else of_one}",
            fix=_example(name, of_one),
        )
    return Unit(place, tuple(int(k) % size for k, size in zip(whole, shape)))


def of_samples(analysis: Analysis, place: int) -> bool:
    """Return whether the first axis of a node's value is that of the samples, in a network."""
    node = analysis.graph.nodes[place]
    if analysis.network is None or analysis.samples is None or (node.op is None and isinstance(node, Parameter)):
        return False
    shape = analysis.values[place].shape
    return bool(shape) and shape[0] == analysis.samples and _follows_samples(analysis, place)


def _follows_samples(analysis: Analysis, place: int) -> bool:
    """Return whether a node is computed from the samples or the targets, or is one of them, or is drawn for each."""
    nodes, open_places, seen = analysis.graph.nodes, [place], set[int]()
    while open_places:
        at = open_places.pop()
        if at in seen:
            continue
        seen.add(at)
        if isinstance(nodes[at], Drawn) or (nodes[at].op is None and nodes[at].name in ("x", "y", "sample_weight")):
            return True
        open_places += analysis.roles(at).values()
    return False


def _written(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, index))}]" if index else f"{name} without the place of a number"


def _example(name: str, shape: tuple[int, ...]) -> str:
    if 0 in shape:
        return "Name a node that has numbers"
    last = ",".join(str(size - 1) for size in shape)
    return f"Count from 0: the last one is '{name}[{last}]'" if shape else f"Write '{name}' alone: it is one number"


def _layers_of_prediction(analysis: Analysis, name: str) -> str:
    """Say what to name instead of a last layer that is computed together with the loss."""
    network = analysis.network
    if network is None or name not in network.graph("prediction").names:
        return ""
    for loss, head in analysis.losses().items():
        if head.objective.fused:
            below = analysis.labels[analysis.roles(loss)[head.objective.prediction_role]]
            return f"Name a neuron of {below!r}: in training {name!r} and the loss are computed together, from it"
    return ""
