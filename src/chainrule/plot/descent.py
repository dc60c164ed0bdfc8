"""The loss along the way downhill: whether a step of the learning rate is too long, too short, or about right."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import checks
from chainrule.errors import NonFiniteError
from chainrule.nn import Network
from chainrule.nn.engines import quiet
from chainrule.ops.op import Array, Samples
from chainrule.plot.axes import draw_line, new_figure, plain_decades, plain_number
from chainrule.plot.batch_gradient import fill_gradient
from chainrule.plot.style import (
    CLASS_COLOURS,
    INK,
    documented,
    figure_path,
    printable_title,
    save_figure,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 81
_FARTHEST = 16  # learning rates
_DOUBLINGS = 20
_SEEN = 1e-3  # of the loss: a smaller change is a flat line, and soon rounding
_STEEP = 20  # from here a logarithmic scale shows both ends


@dataclass(frozen=True)
class LossLine:
    """The loss along a direction.

    Attributes
    ----------
    lengths, losses : ndarray
        Learning rates, and the losses after a step with each.
    start, slope : float
        The loss without a step, and its derivative by the learning rate there.
    rate, reached : float
        The learning rate in use, and the loss after its step.
    """

    lengths: Array
    losses: Array
    start: float
    slope: float
    rate: float
    reached: float


@checks.keywords
@documented
def loss_along_gradient(
    network: Network,
    X: Samples,
    y: Samples,
    *,
    learning_rate: float | None = None,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Draw the loss on a batch against the learning rate of one step, from where the network is now.

    For plain gradient descent the step goes along the negative gradient. The straight line is the tangent, what the
    gradient promises; a dashed line marks the learning rate in use. Where the curve still falls there the step could
    be longer, where it rises above the start the step is too long. Other optimizers step elsewhere than along the
    gradient: then the curve is the loss along their step, and a second one that along the negative gradient, over
    steps of the same length.

    Parameters
    ----------
    network : Network
        It is not changed. The loss is that of a prediction: penalties included, nothing dropped out.
    X, y : array_like
        A batch, as for `train`.
    learning_rate : float, optional
        The one to judge. Left out, the one in force: the optimizer's own, of a schedule the one of the last step that
        `train` has taken with it, or else its first.
    title : str, optional
        Left out, it says what the step does.

    Raises
    ------
    InputError
        If nothing in the network is learnt, or the data don't fit it.
    NonFiniteError
        If the loss or the gradient is NaN or infinite before any step.

    Examples
    --------
    >>> import chainrule as cr
    >>> network = cr.Network([cr.Dense(1, inputs=1)], loss=cr.MeanSquaredError(), optimizer=cr.SGD(0.1))
    >>> network.parameters[:] = 1, 0
    >>> loss_along_gradient(network, [[1.0]], [[3.0]]).axes[0].get_title()
    'a step with learning rate 0.1 lowers the loss from 4 to 1.44'
    """
    where = "loss_along_gradient"
    checked = figure_path(where, path)
    checks.instance(where, network, Network, "a cr.Network")
    if learning_rate is not None:
        checks.number(f"{where} learning_rate", learning_rate, above=0)
    found = losses_downhill(where, network, X, y, learning_rate)
    own = next(iter(found.values()))
    with styled(where):
        figure = new_figure(6.8, 4.8)
        axes = figure.subplots()
        for (name, line), colour, dash in zip(found.items(), CLASS_COLOURS, ("-", "--")):
            draw_line(axes, line.lengths.tolist(), line.losses.tolist(), colour, dash).set(label=name, marker="")
        _tangent(axes, own)
        axes.axvline(
            own.rate, color=INK, linestyle="--", linewidth=0.9, label=_name_of_rate(network, learning_rate, own.rate)
        )
        axes.plot([0], [own.start], "o", color=INK, markersize=5)
        if math.isfinite(own.reached):
            axes.plot([own.rate], [own.reached], "o", color=CLASS_COLOURS[0], markeredgecolor=INK, markersize=7)
        _limits(axes, list(found.values()))
        axes.set(xlabel="learning rate of one step", ylabel="loss")
        axes.set_title(printable_title(title, _verdict(own)), fontsize=9.5, pad=38)
        named = {str(line.get_label()): line for line in axes.lines if not str(line.get_label()).startswith("_")}
        axes.legend(handles=list(named.values()), loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        save_figure(where, figure, checked)
    return figure


def losses_downhill(where: str, network: Network, X: Any, y: Any, learning_rate: float | None) -> dict[str, LossLine]:
    """Return the loss along the optimizer's step, and along the negative gradient if that is another direction."""
    network = network.copy()
    x, target, _ = network.as_batch(where, X, y)
    network.check_finite(where, x)
    fill_gradient(where, network, x, target)
    optimizer = network.optimizer
    rate = learning_rate or network.rate_in_force
    start = network.parameters.copy()
    with quiet():
        gradient = network.gradients.astype(np.float64)
        network.optimizer_state.apply(network.vector.learnt_gradients(), rate)
        move = (network.parameters.astype(np.float64) - start) / rate

        def loss_after(step: Array) -> float:
            network.parameters[:] = start + step
            return network.compute_with_loss(x, target)[0] + network.penalty()

        before = loss_after(np.zeros_like(move))
        size, steepness = float(np.linalg.norm(move)), float(np.linalg.norm(gradient))
        if not (math.isfinite(before) and math.isfinite(steepness) and math.isfinite(size)):
            raise NonFiniteError(
                where,
                given=f"a loss of {before:g} with a gradient of norm {steepness:g}",
                expected="both to be finite before any step",
                fix="Look at cr.trace(network, X, y) for where it begins",
            )
        downhill = -gradient * (size / steepness) if steepness else -gradient
        if np.linalg.norm(move + gradient) <= 1e-3 * steepness:  # the optimizer's step is the gradient's
            return {"along the negative gradient": _line(loss_after, gradient, -gradient, before, rate)}
        name = f"along the step of {type(optimizer).__name__}"
        own = _line(loss_after, gradient, move, before, rate)
        other = _line(loss_after, gradient, downhill, before, rate, own.lengths)
    return {name: own, "along the negative gradient, as far": other}


def _line(
    loss_after: Callable[[Array], float],
    gradient: Array,
    direction: Array,
    start: float,
    rate: float,
    lengths: Array | None = None,
) -> LossLine:
    if lengths is None:
        reach = _reach(lambda length: loss_after(length * direction), start, rate)
        lengths = reach * np.linspace(0, 1, POINTS) ** 2  # closer together near the start
    losses = np.array([loss_after(length * direction) for length in lengths])
    return LossLine(lengths, losses, start, float(gradient @ direction), rate, loss_after(rate * direction))


def _reach(loss_at: Callable[[float], float], start: float, rate: float) -> float:
    """Return how far to look: well beyond the learning rate, and beyond the lowest loss if it isn't too far off.

    A rate after which nothing is to be seen yet, as at the end of a schedule, is looked beyond until something is.
    """
    shortest = rate
    for _ in range(_DOUBLINGS):
        if not abs(loss_at(shortest) - start) < _SEEN * abs(start):
            rate = shortest
            break
        shortest *= 2
    reached, length, before = loss_at(rate), rate, start
    if not reached < start:
        return 1.25 * rate
    while reached < before and length < _FARTHEST * rate:
        length, before = 2 * length, reached
        reached = loss_at(length)
    return max(2 * rate, length)


def _tangent(axes: Axes, line: LossLine) -> None:
    axes.plot(line.lengths, line.start + line.slope * line.lengths, color="#777777", linewidth=1.0, label="tangent")


def _limits(axes: Axes, lines: list[LossLine]) -> None:
    """Show the curves as far as the step, whatever the tangent and the curves do beyond."""
    own = lines[0]
    finite = np.concatenate([line.losses[np.isfinite(line.losses)] for line in lines])
    low, high = float(finite.min()), max(own.start, own.reached if math.isfinite(own.reached) else own.start)
    high = max(high, min(float(finite.max()), low + 2 * (high - low)))
    if low > 0 and high > _STEEP * max(own.start, low):
        axes.set_yscale("log")
        axes.set_ylim(low / 2, high * 2)
        plain_decades(axes.yaxis, high / low)
    else:
        room = 0.08 * ((high - low) or 1.0)
        axes.set_ylim(low - room, high + room)
    axes.set_xlim(-0.02 * own.lengths[-1], own.lengths[-1])


def _name_of_rate(network: Network, told: float | None, rate: float) -> str:
    """Return what the learning rate is, and of a schedule which of its rates."""
    shown = f"learning rate {plain_number(float(f'{rate:.3g}'))}"
    if told is not None or isinstance(network.optimizer.learning_rate, (int, float)):
        return shown
    return f"{shown}, of the {'last' if rate == network.last_learning_rate else 'first'} step"


def _verdict(line: LossLine) -> str:
    step = f"a step with learning rate {plain_number(float(f'{line.rate:.3g}'))}"
    before, after = f"{line.start:.4g}", f"{line.reached:.4g}"
    way = f"from {before} to {after}"
    if not math.isfinite(line.reached):
        return f"{step} is too long: the loss is not finite after it"
    if before == after:
        return f"{step} leaves the loss at {before}"
    if line.slope >= 0 and line.reached >= line.start:
        return f"{step} goes uphill on these samples, {way}"
    if line.reached > line.start:
        return f"{step} is too long: the loss rises {way}"
    return f"{step} lowers the loss {way}"
