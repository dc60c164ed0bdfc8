"""The loss along a step: the network's own losses, the promise of its gradient, and the verdict of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, NonFiniteError
from chainrule.plot import loss_along_gradient

X, Y = [[1.0]], [[3.0]]


def line(optimizer: cr.Optimizer | None = None, **settings: Any) -> cr.Network:
    """One weight 1 and a bias 0: the loss is (w + b − 3)² = 4, and its derivative −4 by each."""
    network = cr.Network(
        [cr.Dense(1, inputs=1)],
        loss=cr.MeanSquaredError(),
        optimizer=optimizer or cr.SGD(0.1),
        dtype="float64",
        **settings,
    )
    network.parameters[:] = 1, 0
    return network


def drawn(figure: Any, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = [line for line in figure.axes[0].lines if line.get_label() == label]
    return np.asarray(found.get_xdata(), float), np.asarray(found.get_ydata(), float)


def test_the_curve_is_the_loss_after_each_step() -> None:
    rates, losses = drawn(loss_along_gradient(line(), X, Y), "along the negative gradient")
    np.testing.assert_allclose(losses, (1 + 8 * rates - 3) ** 2, atol=1e-12)
    assert rates[0] == 0
    assert rates[-1] >= 0.25  # where the loss is lowest


def test_the_tangent_has_the_gradients_slope() -> None:
    rates, promised = drawn(loss_along_gradient(line(), X, Y), "tangent")
    np.testing.assert_allclose(promised, 4 - 32 * rates)


@pytest.mark.parametrize(
    ("rate", "title"),
    [
        (0.1, "a step with learning rate 0.1 lowers the loss from 4 to 1.44"),
        (1e-5, "a step with learning rate 10⁻⁵ leaves the loss at 4"),
        (1.0, "a step with learning rate 1 is too long: the loss rises from 4 to 36"),
        (1e200, "a step with learning rate 10²⁰⁰ is too long: the loss is not finite after it"),
    ],
)
def test_the_title_tells_what_the_step_does(rate: float, title: str) -> None:
    figure = loss_along_gradient(line(), X, Y, learning_rate=rate)
    figure.draw_without_rendering()
    assert figure.axes[0].get_title() == title
    assert list(drawn(figure, next(text for text in labels(figure) if "learning rate" in text))[0]) == [rate, rate]


def labels(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_another_optimizer_has_two_curves_of_steps_of_the_same_length() -> None:
    figure = loss_along_gradient(line(cr.Adam(0.05)), X, Y)
    assert labels(figure)[:2] == ["along the step of Adam", "along the negative gradient, as far"]
    rates, losses = drawn(figure, "along the step of Adam")
    np.testing.assert_allclose(losses, (1 + 2 * rates - 3) ** 2, rtol=1e-5)  # Adam's first step is the rate for each
    _, others = drawn(figure, "along the negative gradient, as far")
    np.testing.assert_allclose(others, losses, rtol=1e-5)  # and here the gradient's has equal parts too


def test_a_step_that_goes_uphill_is_not_called_too_long() -> None:
    network = line(cr.SGD(0.1, momentum=0.9))
    network.compute_loss(X, [[30.0]])
    network.backward()
    network.optimize()  # gains a speed towards 30, and is at 12.6: beyond where the next sample wants it
    assert "goes uphill on these samples" in loss_along_gradient(network, X, [[12.0]]).axes[0].get_title()


def test_penalties_belong_to_the_loss_and_frozen_weights_stay() -> None:
    network = line(l2=0.5)
    network.freeze("dense_1.bias")
    rates, losses = drawn(loss_along_gradient(network, X, Y), "along the negative gradient")
    weight = 1 - rates * (-4 + 0.5)
    np.testing.assert_allclose(losses, (weight - 3) ** 2 + 0.25 * weight**2)


def test_a_schedule_begins_with_its_first_rate() -> None:
    figure = loss_along_gradient(line(cr.SGD(cr.StepDecay(0.2, factor=0.5, every=1))), X, Y)
    assert "learning rate 0.2, of the first step" in labels(figure)


def test_of_a_schedule_that_has_run_the_last_rate_is_marked() -> None:
    network = line(cr.SGD(cr.StepDecay(0.2, factor=0.5, every=1)))
    cr.train(network, X, Y, epochs=4)
    figure = loss_along_gradient(network, X, Y)
    assert network.last_learning_rate == pytest.approx(0.025)
    assert "learning rate 0.025, of the last step" in labels(figure)
    assert "with learning rate 0.025 " in figure.axes[0].get_title()
    network.optimizer.learning_rate = 0.3
    assert "learning rate 0.3" in labels(loss_along_gradient(network, X, Y))


def test_a_saved_network_keeps_the_rate_in_force() -> None:
    network = line(cr.SGD(cr.CosineDecay(0.2)))
    cr.train(network, X, Y, epochs=7)
    assert cr.loads(cr.dumps(network)).rate_in_force == network.rate_in_force == network.last_learning_rate


def test_a_rate_too_small_to_be_seen_is_looked_beyond_until_the_loss_changes() -> None:
    for rate, dtype in ((1e-4, "float64"), (3e-7, "float32")):
        network = cr.Network([cr.Dense(1, inputs=1)], loss="mse", optimizer=cr.Adam(rate), dtype=dtype)
        network.parameters[:] = 1, 0
        figure = loss_along_gradient(network, X, Y)
        rates, losses = drawn(figure, "along the step of Adam")
        assert 1e-3 < 1 - losses[-1] / losses[0] < 0.1
        assert len(set(losses)) > 40
        assert rates[-1] > rate
    still = line(cr.SGD(0.1))
    still.parameters[:] = 3, 0
    rates, losses = drawn(loss_along_gradient(still, X, Y), "along the negative gradient")
    assert rates[-1] == pytest.approx(0.125)


def test_dropout_drops_nothing_here() -> None:
    layers = [cr.Dense(8, inputs=2), cr.Dropout(0.5), cr.Dense(1)]
    network = cr.Network(layers, optimizer=cr.SGD(0.01), dtype="float64")
    x, y = np.ones((4, 2)), np.ones((4, 1))
    figure = loss_along_gradient(network, x, y)
    _, losses = drawn(figure, "along the negative gradient")
    _, promised = drawn(figure, "tangent")
    assert losses[0] == pytest.approx(cr.evaluate(network, x, y)["loss"])
    assert (losses[1] - losses[0]) == pytest.approx(promised[1] - promised[0], rel=0.05)


def test_drawing_changes_nothing_in_the_network() -> None:
    network = line(cr.Adam(0.1))
    network.compute_loss(X, Y)
    network.backward()
    network.optimize()
    before, steps = network.parameters.copy(), network.optimizer_state.step
    loss_along_gradient(network, X, [[9.0]])
    np.testing.assert_array_equal(network.parameters, before)
    assert network.optimizer_state.step == steps


def frozen() -> cr.Network:
    network = line()
    network.freeze()
    return network


def broken() -> cr.Network:
    network = line()
    network.parameters[0] = math.nan
    return network


@pytest.mark.parametrize(
    ("network", "settings", "error", "message"),
    [
        (frozen(), {}, InputError, "a network in which nothing is learnt"),
        (broken(), {}, NonFiniteError, "a loss of nan"),
        (line(), {"learning_rate": 0}, InputError, "a finite number above 0"),
        (line(), {"learning_rate": math.inf}, InputError, "a finite number above 0"),
        (None, {}, InputError, "expected something like a cr.Network"),
    ],
)
def test_what_has_no_way_down_is_refused(
    network: Any, settings: dict[str, Any], error: type[ChainruleError], message: str
) -> None:
    with pytest.raises(error, match=message):
        loss_along_gradient(network, X, Y, **settings)
