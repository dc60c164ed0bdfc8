"""What was watched, drawn: each figure at its step, under its name."""

from __future__ import annotations

import math
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, UnknownNameError
from chainrule.plot import watched
from chainrule.plot.lines import WRONG


class Recorded:
    """As much of a watch as a picture needs."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self.rows = rows

    def columns(self) -> dict[str, list[Any]]:
        names = ("step", "name", "value", "grad", "update", "dead", "saturated")
        return {name: [row[i] for row in self.rows] for i, name in enumerate(names)}


ROWS: list[tuple[Any, ...]] = [
    (1, "dense_1", 1.0, 0.5, None, None, None),
    (1, "dense_1.weights", 2.0, 0.4, 0.01, None, None),
    (1, "dense_1.bias", 2.0, 0.4, 0.2, None, None),
    (1, "relu_1", 0.5, 0.3, None, 0.25, 0.5),
    (1, "loss", 9.0, 1.0, None, None, None),
    (3, "dense_1", math.nan, 0.7, None, None, None),
    (3, "dense_1.weights", 2.0, 0.4, 0.03, None, None),
    (3, "relu_1", 0.5, 0.3, None, 0.75, 0.5),
]


def lines(axes: Any) -> dict[str, tuple[list[float], list[float]]]:
    kept = [line for line in axes.lines if line.get_label() != WRONG and not line.get_label().startswith("_")]
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in kept}


def test_layers_have_values_and_gradients_and_weights_have_steps() -> None:
    values, gradients, updates = watched(Recorded(ROWS)).axes
    assert list(lines(values)) == ["dense_1", "relu_1"]
    assert lines(gradients)["dense_1"] == ([1, 3], [0.5, 0.7])
    assert lines(updates) == {"dense_1.weights": ([1, 3], [0.01, 0.03])}
    assert updates.get_xlabel() == "step"


def test_what_is_not_finite_is_marked() -> None:
    axes = watched(Recorded(ROWS), "value").axes[0]
    (crosses,) = [line for line in axes.lines if line.get_label() == WRONG]
    assert list(crosses.get_xdata()) == [3]
    assert WRONG in [text.get_text() for text in axes.get_legend().get_texts()]


def test_shares_are_drawn_from_none_to_all() -> None:
    (axes,) = watched(Recorded(ROWS), "dead").axes
    assert lines(axes) == {"relu_1": ([1, 3], [0.25, 0.75])}
    assert axes.get_ylim() == (-0.03, 1.03)
    assert axes.yaxis.get_major_formatter()(0.5) == "50 %"


def test_a_layer_and_its_weights_have_the_same_colour() -> None:
    values, updates = watched(Recorded(ROWS), ["value", "update"]).axes
    assert values.lines[0].get_color() == updates.lines[0].get_color()


def test_nodes_may_be_chosen() -> None:
    (axes,) = watched(Recorded(ROWS), "value", names=["loss", "dense_1.bias"]).axes
    assert list(lines(axes)) == ["loss", "dense_1.bias"]


def test_what_cr_watch_records_can_be_drawn() -> None:
    X, y = cr.data.xor()
    seen = cr.watch(every=3)
    network = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(1), cr.Sigmoid()])
    cr.train(network, X, y, epochs=12, batch_size=4, callbacks=[seen])
    figure = watched(seen, ["value", "grad", "update", "dead", "saturated"])
    assert lines(figure.axes[0])["relu_1"] == ([3, 6, 9, 12], [record.value for record in seen["relu_1"]])
    assert lines(figure.axes[2])["dense_1.weights"][1] == [record.update for record in seen["dense_1.weights"]]


@pytest.mark.parametrize(
    ("watch", "settings", "error", "message"),
    [
        (cr.watch(), {}, InputError, "a watch that has recorded nothing"),
        ([1], {}, InputError, r"got \[1\], but expected what cr.watch\(\) returned"),
        (Recorded(ROWS), {"what": "values"}, InputError, "Did you mean 'value'"),
        (Recorded(ROWS), {"what": []}, InputError, "an empty choice"),
        (Recorded(ROWS), {"names": ["dense_2"]}, UnknownNameError, "Did you mean 'dense_1'"),
        (Recorded(ROWS), {"what": "dead", "names": ["loss"]}, InputError, "no figures of the kind 'dead'"),
    ],
)
def test_what_was_not_watched_is_refused(
    watch: Any, settings: dict[str, Any], error: type[ChainruleError], message: str
) -> None:
    with pytest.raises(error, match=message):
        watched(watch, **settings)
