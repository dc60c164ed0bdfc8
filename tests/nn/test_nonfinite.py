"""A NaN or an infinity is blamed on what it came from, the same in every way of running."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import NonFiniteError
from chainrule.ops import Exp, Log, Sqrt
from tests.referees import needed

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)


class Forgetful(cr.Op):
    """y = z, and NaN where z > 1
    ∂z = ∂y"""

    def forward(self, z: Any) -> Any:
        return np.where(z > 1, np.float32(np.nan), z)

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy)


class Explosive(cr.Op):
    """y = z
    ∂z = ∞"""

    def forward(self, z: Any) -> Any:
        return z * 1

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy / (z * 0))


class Function(cr.Layer):
    """Whatever a function makes of a node."""

    def __init__(self, function: Callable[[cr.Node], cr.Node]) -> None:
        self.function = function

    def forward(self, x: cr.Node) -> cr.Node:
        return self.function(x)


@dataclass
class Blame:
    cause: str
    words: str
    layers: Callable[[], list[Any]]
    x: Any = field(default_factory=lambda: X)
    y: Any = field(default_factory=lambda: Y)
    settings: dict[str, Any] = field(default_factory=dict)
    parameters: float | None = None
    step: int = 1


def certain(z: Any) -> Any:
    return (z > 0) * 1.0


STEEP = dict(optimizer=cr.SGD(0.01))
BLAMED = {
    "log of a negative number": Blame(
        "op.domain",
        "forward at 'log_1': got log of -0.35.* expected numbers above 0.*softplus",
        lambda: [cr.Dense(2), Log()],
    ),
    "log of 0": Blame(
        "op.domain", "forward at 'log_1': got log of 0 .*adding 1e-6", lambda: [cr.Dense(2), cr.ReLU(), Log()]
    ),
    "square root below 0": Blame("op.domain", "got sqrt of -0.35", lambda: [cr.Dense(2), Sqrt()]),
    "square root at 0": Blame(
        "op.domain",
        "backward at 'relu_1': got the derivative of sqrt by z at z 0, dy .*adding 1e-6",
        lambda: [cr.Dense(2), cr.ReLU(), Sqrt()],
    ),
    "division by 0": Blame(
        "op.domain", "got divide of a 0.12573, b 0 .*divisor other than 0", lambda: [Function(lambda x: x / (x - x))]
    ),
    "a negative power of 0": Blame("op.domain", "got power of base 0", lambda: [Function(lambda x: (x - x) ** -1)]),
    "exp of 800": Blame(
        "op.overflow", "got exp of 800 overflows float32.*Scale", lambda: [Exp()], np.full_like(X, 800)
    ),
    "exp of 800 in float64": Blame(
        "op.overflow",
        "got exp of 800 overflows float64",
        lambda: [Exp()],
        np.full_like(X, 800),
        settings={"dtype": "float64"},
    ),
    "huge samples": Blame("data.scale", "overflows float32, with samples up to 2.3", lambda: [cr.Dense(3)], X * 1e30),
    "huge targets": Blame("target.scale", "overflows float32, with targets up to 1e", list, y=Y * 1e30),
    "huge weights": Blame("weights.scale", "with weights up to 1e.30.*initial", lambda: [cr.Dense(3)], parameters=1e30),
    "NaN in a weight": Blame(
        "weights.nonfinite", "at 'dense_1.weights': got NaN", lambda: [cr.Dense(3)], parameters=np.nan
    ),
    "an op of a user's": Blame(
        "op.nonfinite",
        "forward at 'forgetful_1': got Forgetful of 1.4.*Correct Forg",
        lambda: [cr.Dense(3), Forgetful()],
    ),
    "backward of a user's op": Blame(
        "op.nonfinite", "backward at 'dense_1': got the derivative of Explosive", lambda: [cr.Dense(3), Explosive()]
    ),
    "a certainty that is wrong": Blame(
        "head.probabilities",
        "got log of 0: the last layer gives no probabilities.*prediction 0, target 1.*End the network with cr.Sigmoid",
        lambda: [cr.Dense(1), cr.Sigmoid(), cr.Identity()],
        X * 1000,
        settings={"loss": cr.BinaryCrossEntropy()},
    ),
    "one class for sure": Blame(
        "head.probabilities",
        "log of 0: the last layer gives no probabilities.*End the network with cr.Softmax",
        lambda: [cr.Dense(2), cr.Activation(certain, lambda z: z * 0)],
        y=Y[:, 0].astype(int),
        settings={"loss": cr.CategoricalCrossEntropy()},
    ),
    "a penalty": Blame(
        "penalty.scale", "penalty: got .*smaller l1 or l2", lambda: [cr.Dense(8)], settings={"l2": 3e38}, parameters=2.0
    ),
    "a NaN in a later batch": Blame(
        "data.nonfinite",
        "forward at 'x': got NaN or infinity in X .*first at .2, 0.*Look at the data",
        lambda: [cr.Dense(3)],
        np.where(np.arange(20)[:, None] == 17, np.nan, X),
        step=4,
    ),
    "a rate too large": Blame(
        "optimizer.rate",
        "with weights up to .*Try a learning rate of 0.1,.*at a learning rate of 10000",
        lambda: [cr.Dense(8), cr.ReLU()],
        settings={"optimizer": cr.SGD(1e4)},
        step=3,
    ),
    "samples that nobody scaled": Blame(
        "data.scale",
        "with samples up to 1.5.*Rescale.standard",
        lambda: [cr.Dense(8), cr.ReLU()],
        X * 1e4,
        settings=STEEP,
        step=3,
    ),
    "targets that nobody scaled": Blame(
        "target.scale", "with targets up to 1e", lambda: [cr.Dense(8), cr.ReLU()], y=Y * 1e6, settings=STEEP, step=4
    ),
}


def told(name: str, engine: str) -> NonFiniteError:
    this = BLAMED[name]
    end = [] if "loss" in this.settings else [cr.Dense(1)]
    network = cr.Network([*this.layers(), *end], inputs=3, **this.settings, engine=engine)
    if this.parameters is not None:
        network.parameters[:5] = this.parameters
    before = network.parameters.copy()
    x, y = np.asarray(this.x, network.dtype), np.asarray(this.y)
    batches = [(x[i : i + 5], y[i : i + 5]) for i in range(0, 20, 5)]
    with pytest.raises(NonFiniteError) as caught:
        cr.train(network, batches, epochs=50)
    if this.step == 1:
        assert np.array_equal(network.parameters, before, equal_nan=True)
    return caught.value


@pytest.mark.filterwarnings("ignore::chainrule.errors.TrainingWarning")
@pytest.mark.parametrize("way", ["replay", "dynamic", "compiled"])
@pytest.mark.parametrize("name", BLAMED)
def test_what_is_not_finite_is_blamed_on_what_it_came_from(name: str, way: str) -> None:
    this = BLAMED[name]
    if way == "compiled":
        needed("numba")
    error = told(name, way)
    assert error.cause == this.cause
    assert error.where.startswith(f"train, step {this.step}, ")
    with pytest.raises(NonFiniteError, match=this.words):
        raise error
    at_first = "it can't be the learning rate" in str(error)
    assert at_first == (this.step == 1)
    assert ("learning rate of" in str(error)) == (this.step > 1)
    assert pickle.loads(pickle.dumps(error)).cause == this.cause


def test_scaled_samples_are_measured_behind_their_scaling() -> None:
    network = cr.Network([cr.Rescale(1e-6), cr.Dense(8), cr.ReLU(), cr.Dense(1)], optimizer=cr.SGD(1e4))
    with pytest.raises(NonFiniteError) as caught:
        cr.train(network, X * 1e6, Y, epochs=50)
    assert caught.value.cause == "optimizer.rate"


@pytest.mark.parametrize(
    ("layers", "advised"),
    [
        ([cr.Dense(2), Log()], [cr.Dense(2), Function(lambda x: cr.log(z=cr.softplus(z=x)))]),
        ([cr.Dense(2), cr.ReLU(), Sqrt()], [cr.Dense(2), cr.ReLU(), Function(lambda x: cr.sqrt(z=x + 1e-6))]),
        ([Function(lambda x: x / (x - x))], [Function(lambda x: x / ((x - x) + 1e-6))]),
    ],
    ids=["log", "sqrt", "divide"],
)
def test_the_advice_works(layers: list[Any], advised: list[Any]) -> None:
    with pytest.raises(NonFiniteError):
        cr.train(cr.Network([*layers, cr.Dense(1)]), X, Y, epochs=1)
    cr.train(cr.Network([*advised, cr.Dense(1)]), X, Y, epochs=3)
