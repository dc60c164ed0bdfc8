"""The learning curve shows every column of a history, on a scale that shows its range, and hides no NaN."""

from __future__ import annotations

import math
from typing import Any

import pytest

from chainrule.errors import InputError
from chainrule.plot import learning_curve
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


@pytest.mark.parametrize(("validation", "data"), [(None, "training"), ([1.0, 1.0], "validation")])
def test_each_metric_has_a_panel_that_says_on_which_data(validation: list[float] | None, data: str) -> None:
    seen = history([2.0, 1.0], validation=validation, error_rate=[0.5, 0.25], r2=[0.1, 0.2], table=[[1], [2]])
    figure = learning_curve(seen)
    titles = [axes.get_title(loc="left") for axes in figure.axes[1:]]
    assert titles == [f"error rate on {data} data", f"r2 on {data} data"]
    assert column(figure.axes[1]) == ([1, 2], [0.5, 0.25])
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
