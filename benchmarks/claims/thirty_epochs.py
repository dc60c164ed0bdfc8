"""The thirty epochs that taught nothing, and the same thirty with one thing changed at a time: on MNIST, rate 0.001.

The page *Starts that lead nowhere* tells of them, on digits of 8 × 8 pixels; these are the figures beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from claims.figure import Figure, Options, at_least, at_most, stated

EPOCHS, RATE, L2 = 30, 1e-3, 1e-3
NAME = "thirty epochs at 0.001"


def thirty_epochs(options: Options) -> Iterator[Figure]:
    """Train 784-16-16-10 three times: what differs is the activations, then the loss."""
    import chainrule as cr

    train, test = cr.data.mnist("train"), cr.data.mnist("test")
    networks: dict[str, tuple[Any, Any, Any]] = {
        "sigmoids, squared error": (cr.Sigmoid, cr.Sigmoid, cr.SquaredError()),
        "ReLU in the hidden layers, squared error": (cr.ReLU, cr.Sigmoid, cr.SquaredError()),
        "ReLU, softmax, cross-entropy": (cr.ReLU, cr.Softmax, cr.CategoricalCrossEntropy()),
    }
    errors: dict[str, list[float]] = {name: [] for name in networks}
    for seed in range(options.count(3, 1)):
        for name, (hidden, last, loss) in networks.items():
            layers = [cr.Rescale(1 / 255), cr.Dense(16), hidden(), cr.Dense(16), hidden(), cr.Dense(10), last()]
            network = cr.Network(layers, loss=loss, optimizer=cr.SGD(RATE), l2=L2, seed=seed)
            y = train.y if last is cr.Softmax else cr.data.one_hot(train.y, 10)
            cr.train(network, train.X, y, epochs=EPOCHS, batch_size=64)
            answers = cr.predict(network, test.X).argmax(axis=1)
            errors[name].append(float((answers != test.y).mean()))

    def told(name: str) -> str:
        return f" to {max(errors[name]):.4f}, {len(errors[name])} seeds"

    def figure(value: float) -> str:
        return f"{value:.4f}"

    nothing, relu, entropy = networks
    yield at_least(f"{NAME}: {nothing}, test error", min(errors[nothing]), 0.87, figure, told(nothing))
    yield stated(f"{NAME}: {relu}, test error", figure(min(errors[relu])) + told(relu), min(errors[relu]))
    yield at_most(
        f"{NAME}: {entropy}, test error", max(errors[entropy]), 0.13, figure, f", {len(errors[entropy])} seeds"
    )
