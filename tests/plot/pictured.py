"""What the pictures of these tests show: small networks whose every weight is written down, and made-up histories."""

from __future__ import annotations

from typing import Any

from chainrule.nn import Dense, Network
from chainrule.ops import Sigmoid, Softmax
from chainrule.training import Epoch, History

POINTS = [[0.0, 0.0], [0.2, 1.0], [1.0, 1.0]]
TWO = [[0], [0], [1]]
THREE = [0, 1, 2]


def slope(**settings: Any) -> Network:
    """One probability: above ½ where the first input is above ½."""
    network = Network([Dense(1, inputs=2), Sigmoid()], **settings)
    network.parameters[:] = 4, 0, -2
    return network


def line(*weights: float) -> Network:
    """One output that is no probability, linear in the inputs: weights, then the bias."""
    network = Network([Dense(1, inputs=2)])
    network.parameters[:] = weights
    return network


def thirds(**settings: Any) -> Network:
    """Three probabilities: the lower left, the upper left, and the right each belong to a class."""
    network = Network([Dense(3, inputs=2), Softmax()], **settings)
    network.parameters[:] = -4, -4, 8, -4, 4, 0, 4, 0, -4.4
    return network


def history(
    losses: list[Any],
    *,
    validation: list[Any] | None = None,
    penalties: list[float] | None = None,
    rates: list[float] | None = None,
    best: int | None = None,
    first: int = 1,
    **metrics: list[Any],
) -> History:
    """A history with these columns."""
    return History(
        [
            Epoch(
                epoch=first + k,
                loss=loss,
                penalty=penalties[k] if penalties else 0.0,
                metrics={name: values[k] for name, values in metrics.items()},
                validation_loss=validation[k] if validation else None,
                learning_rate=rates[k] if rates else 0.1,
                steps=1,
                seconds=0.01,
            )
            for k, loss in enumerate(losses)
        ],
        best_epoch=best,
    )
