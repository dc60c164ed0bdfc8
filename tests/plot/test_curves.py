"""Figures over time: every figure of a history is drawn, and what a watch recorded."""

from __future__ import annotations

import math
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, UnknownNameError
from chainrule.plot import learning_curve, watched
from chainrule.plot.axes import WRONG
from chainrule.training import History
from tests.plot.pictured import history


def column(axes: Any, index: int = 0) -> tuple[list[float], list[float]]:
    line = axes.lines[index]
    return list(line.get_xdata()), list(line.get_ydata())


def legend(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_the_losses_are_drawn_over_the_epochs() -> None:
    figure = learning_curve(history([3.0, 2.0, 1.0], validation=[3.5, 2.5, 2.0], penalties=[0.5, 0.6, 0.7], best=3))
    (axes,) = figure.axes
    assert column(axes, 0) == ([1, 2, 3], [3.0, 2.0, 1.0])
    assert column(axes, 1) == ([1, 2, 3], [3.5, 2.5, 2.0])
    assert column(axes, 2) == ([1, 2, 3], [0.5, 0.6, 0.7])
    assert legend(figure) == ["training", "validation", "penalty", "best: epoch 3"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("epoch", "loss", "linear")


def test_what_a_history_lacks_is_not_drawn() -> None:
    figure = learning_curve(history([3.0, 2.0]))
    assert len(figure.axes) == 1
    assert len(figure.axes[0].lines) == 1
    assert legend(figure) == ["training"]


@pytest.mark.parametrize(
    ("losses", "scale"),
    [([10.0, 0.5], "log"), ([10.0, 1.5], "linear"), ([10.0, 0.0], "linear"), ([10.0, -1.0], "linear")],
)
def test_a_scale_is_logarithmic_where_that_shows_more(losses: list[float], scale: str) -> None:
    assert learning_curve(history(losses)).axes[0].get_yscale() == scale


def test_each_metric_has_a_panel_that_says_on_which_data() -> None:
    seen = history(
        [2.0, 1.0], validation=[1.0, 1.0], error_rate=[0.5, 0.25], validation_error_rate=[0.75, 0.5], r2=[0.1, 0.2],
        validation_accuracy=[0.5, 1.0], table=[[1], [2]],
    )  # fmt: skip
    figure = learning_curve(seen)
    titles = [axes.get_title(loc="left") for axes in figure.axes[1:]]
    assert titles == [
        "error rate on training and validation data", "r2 on training data", "accuracy on validation data"
    ]  # fmt: skip
    assert column(figure.axes[1]) == ([1, 2], [0.5, 0.25])
    training, validation = figure.axes[1].lines
    assert list(validation.get_ydata()) == [0.75, 0.5]
    assert [line.get_color() for line in (training, validation)] == [
        line.get_color() for line in figure.axes[0].lines[:2]
    ]
    assert figure.axes[1].yaxis.get_major_formatter()(0.25) == "25 %"


def test_a_learning_rate_that_changes_has_a_panel() -> None:
    figure = learning_curve(history([2.0, 1.0], rates=[0.1, 0.001]))
    assert figure.axes[1].get_title(loc="left") == "learning rate"
    assert column(figure.axes[1]) == ([1, 2], [0.1, 0.001])
    assert figure.axes[1].get_yscale() == "log"


def test_the_best_epoch_is_marked_in_every_panel() -> None:
    figure = learning_curve(history([2.0, 1.0, 1.5], best=2, error_rate=[0.5, 0.1, 0.2]))
    assert [list(axes.lines[-1].get_xdata()) for axes in figure.axes] == [[2, 2], [2, 2]]


@pytest.mark.parametrize("losses", [[0.3], [0.3, 0.2]])
def test_few_epochs_are_dots_at_whole_numbers(losses: list[float]) -> None:
    figure = learning_curve(history(losses, best=1))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert axes.lines[0].get_marker() == "o"
    assert all(float(tick).is_integer() for tick in axes.get_xticks())


def test_epochs_keep_their_numbers_when_training_went_on() -> None:
    axes = learning_curve(history([2.0, 1.0], first=41)).axes[0]
    assert column(axes)[0] == [41, 42]
    assert axes.get_xlim() == (40.5, 42.5)


def test_figures_that_are_not_finite_are_marked_and_not_hidden() -> None:
    figure = learning_curve(history([2.0, math.nan, 1.0, math.inf], validation=[2.0, None, 1.0, 1.0]))
    marks = [line for line in figure.axes[0].lines if line.get_label() == "not finite"]
    assert [list(mark.get_xdata()) for mark in marks] == [[2, 4]]
    assert legend(figure)[-1] == "not finite"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (History(), "got a history without epochs"),
        (None, "expected something like the history that cr.train returned"),
        ([1.0, 0.5], "expected something like the history"),
    ],
)
def test_what_is_no_history_is_refused(given: Any, message: str) -> None:
    with pytest.raises(InputError, match=f"learning_curve: .*{message}|learning_curve: {message}"):
        learning_curve(given)


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
