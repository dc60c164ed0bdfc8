"""Mistakes people make in ops of their own: the same error in every way of running, and no word of our insides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, DerivativeError
from tests.graph.test_user_ops import op
from tests.referees import needed

X = np.array([[0.5, -1.0], [2.0, 1.5], [-0.5, 0.25]], np.float32)
Y = np.zeros((3, 2), np.float32)


def good(self: Any, dy: Any, y: Any, z: Any) -> Any:
    return dict(z=dy * 2)


def double(self: Any, z: Any) -> Any:
    return z * 2


def in_place(self: Any, z: Any) -> Any:
    z[z < 0] *= -0.1
    return z


def in_place_whole(self: Any, z: Any) -> Any:
    z *= 2
    return z


def out_argument(self: Any, z: Any) -> Any:
    return np.multiply(z, 2, out=z)


def writes_dy(self: Any, dy: Any, y: Any, z: Any) -> Any:
    dy *= 2
    return dict(z=dy)


def writes_y(self: Any, dy: Any, y: Any, z: Any) -> Any:
    y[...] = 2
    return dict(z=dy * y)


def writes_z(self: Any, dy: Any, y: Any, z: Any) -> Any:
    z[0] = 0
    return dict(z=dy * 2)


def sorted_in_place(self: Any, z: Any) -> Any:
    z.sort(axis=0)
    return z * 1


Mistake = tuple[Callable[..., Any], Callable[..., Any], str]
MISTAKES: dict[str, Mistake] = {
    "another role": (double, lambda self, dy, y, z: dict(x=dy * 2), "got dict of x from backward .* by z"),
    "no role": (double, lambda self, dy, y, z: {}, "got dict of nothing from backward"),
    "a bare array": (double, lambda self, dy, y, z: dy * 2, "got ndarray of shape"),
    "a tuple": (double, lambda self, dy, y, z: (dy * 2,), "got tuple from backward"),
    "a list": (double, lambda self, dy, y, z: [dy * 2], "got list from backward"),
    "nothing": (double, lambda self, dy, y, z: None, "got NoneType None"),
    "summed over everything": (double, lambda self, dy, y, z: dict(z=np.sum(dy * 2)), r"got shape \(\)"),
    "summed over the samples": (double, lambda self, dy, y, z: dict(z=(dy * 2).sum(axis=0)), r"got shape \(2,\)"),
    "transposed": (double, lambda self, dy, y, z: dict(z=(dy * 2).T), r"got shape \(2, [123]\)"),
    "a column": (double, lambda self, dy, y, z: dict(z=dy[:, :1] * 2), r"got shape \([123], 1\)"),
    "another dtype": (double, lambda self, dy, y, z: dict(z=(dy * 2).astype(np.float64)), "in float64 from backward"),
    "whole numbers": (double, lambda self, dy, y, z: dict(z=(dy * 2).astype(np.int64)), "in int64 from backward"),
    "a number": (double, lambda self, dy, y, z: dict(z=2.0), r"got shape \(\) in float64"),
    "None by a role": (double, lambda self, dy, y, z: dict(z=None), r"got shape \(\) in object"),
    "forward works in place": (in_place, good, "forward that writes into z"),
    "forward works in place on all": (in_place_whole, good, "forward that writes into z"),
    "forward has an out=": (out_argument, good, "forward that writes into z"),
    "forward sorts in place": (sorted_in_place, good, "forward that writes into"),
    "backward works in dy": (double, writes_dy, "backward that writes into dy"),
    "backward works in y": (double, writes_y, "backward that writes into y"),
    "backward works in z": (double, writes_z, "backward that writes into z"),
    "forward widens": (lambda self, z: z * np.float64(2), good, "float64 from forward"),
    "forward returns None": (lambda self, z: None, good, "object from forward"),
    "forward returns a number": (lambda self, z: 2.0, good, "float64 from forward"),
}


def by_hand(mine: Any) -> None:
    w = cr.Parameter("w", np.eye(2, dtype=np.float32))
    graph = cr.Graph(cr.mean_squared_error(prediction=cr.Node(mine, {"z": cr.Input("x", X) @ w}), target=Y))
    graph.forward(x=X)
    graph.backward()


def trained(mine: Any, **engine: bool) -> None:
    network = cr.Network([cr.Dense(2), mine, cr.Dense(2)], seed=0, **engine)
    cr.train(network, X, Y, epochs=2, batch_size=2)


WAYS: dict[str, Callable[[Any], None]] = {
    "a graph by hand": by_hand,
    "dynamic": lambda mine: trained(mine, engine="dynamic"),
    "replayed": trained,
    "compiled": lambda mine: trained(mine, engine="compiled"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_an_op_gives_the_same_error_in_every_way_of_running(mistake: str, way: str) -> None:
    forward, backward, words = MISTAKES[mistake]
    if way == "compiled":
        needed("numba")
    with pytest.raises(ChainruleError, match=words) as told:
        WAYS[way](op(forward, backward))
    assert "Recorded" not in str(told.value)
    assert "Mine" in str(told.value)


@pytest.mark.parametrize("way", WAYS)
def test_an_op_without_a_mistake_runs_in_every_way(way: str) -> None:
    if way == "compiled":
        needed("numba")
    WAYS[way](op(double, good))


@pytest.mark.parametrize("mistake", [name for name in MISTAKES if "work" in name or "out=" in name])
def test_what_an_op_changes_is_named_by_the_check_and_stays_as_it_was(mistake: str) -> None:
    forward, backward, words = MISTAKES[mistake]
    z = cr.Parameter("z", X)
    with pytest.raises(DerivativeError, match=words):
        cr.check_gradients(cr.sum(x=cr.Node(op(forward, backward), {"z": z})))
    assert np.array_equal(z.value, X)


# ---------------------------------------------------------------------- losses


def squared(self: Any, prediction: Any, target: Any) -> Any:
    return ((prediction - target) ** 2).mean()


def of_squared(self: Any, dy: Any, y: Any, prediction: Any, target: Any) -> Any:
    return dict(prediction=dy * 2 * (prediction - target) / prediction.size)


def writes_prediction(self: Any, prediction: Any, target: Any) -> Any:
    prediction -= target
    return (prediction * prediction).mean()


def writes_target(self: Any, dy: Any, y: Any, prediction: Any, target: Any) -> Any:
    target *= -1
    return dict(prediction=dy * (prediction + target))


def back(found: Callable[[Any, Any, Any], Any]) -> Callable[..., Any]:
    """Return a backward that gives what a function makes of dy, prediction and target."""
    return lambda self, dy, y, prediction, target: found(dy, prediction, target)


LOSS_MISTAKES: dict[str, Mistake] = {
    "by the logits": (squared, back(lambda dy, p, t: dict(logits=dy * p)), "dict of logits from .* by prediction"),
    "by the target": (squared, back(lambda dy, p, t: dict(target=dy * p)), "dict of target from backward"),
    "summed": (squared, back(lambda dy, p, t: dict(prediction=(dy * p).sum())), r"got shape \(\)"),
    "a sample's sum": (squared, back(lambda dy, p, t: dict(prediction=(dy * p).sum(axis=1))), r"got shape \([123],\)"),
    "a bare derivative": (squared, back(lambda dy, p, t: dy * p), "got ndarray of shape"),
    "a widened derivative": (squared, back(lambda dy, p, t: dict(prediction=(p - t).astype(float))), "in float64 from"),
    "no derivative": (squared, back(lambda dy, p, t: None), "got NoneType None"),
    "a widened loss": (lambda self, prediction, target: prediction.mean(dtype=float), of_squared, "float64 from"),
    "the prediction changed": (writes_prediction, of_squared, "forward that writes into prediction"),
    "the target changed": (squared, writes_target, "backward that writes into target"),
}  # fmt: skip


def loss_by_hand(mine: Any) -> None:
    w = cr.Parameter("w", np.eye(2, dtype=np.float32))
    graph = cr.Graph(cr.Node(mine, {"prediction": cr.Input("x", X) @ w, "target": cr.Input("y", Y)}))
    graph.forward(x=X, y=Y)
    graph.backward()


LOSS_WAYS: dict[str, Callable[[Any], None]] = {
    "a graph by hand": loss_by_hand,
    **{
        engine: lambda mine, engine=engine: cr.train(
            cr.Network([cr.Dense(2), cr.Tanh(), cr.Dense(2)], mine, engine=engine), X, Y, epochs=2, batch_size=2
        )
        for engine in ("dynamic", "replay", "compiled")
    },
}


@pytest.mark.parametrize("way", LOSS_WAYS)
@pytest.mark.parametrize("mistake", LOSS_MISTAKES)
def test_a_mistake_in_a_loss_gives_the_same_error_in_every_way_of_running(mistake: str, way: str) -> None:
    forward, backward, words = LOSS_MISTAKES[mistake]
    if way == "compiled":
        needed("numba")
    with pytest.raises(ChainruleError, match=words) as told:
        LOSS_WAYS[way](op(forward, backward, constant=("target",)))
    assert "Recorded" not in str(told.value)
    assert "Mine" in str(told.value)


# ---------------------------------------------------------------------- layers


def layer(forward: Callable[..., Any], build: Callable[..., Any] = lambda self, shape: None) -> cr.Layer:
    made: cr.Layer = type("Mine", (cr.Layer,), {"forward": forward, "build": build})()
    return made


def made_in_forward(self: Any, x: Any) -> Any:
    return x * self.parameter("w", (2,))


def made_twice(self: Any, shape: Any) -> None:
    self.parameter("w", shape)
    self._built = True
    self.parameter("w", shape)


def of_a_wrong_shape(self: Any, shape: Any) -> None:
    self.w = self.parameter("w", (3,), cr.Constant(1.0))


def a_state_in_forward(self: Any, x: Any) -> Any:
    return x + self.state("mean", np.zeros(2))


def updates_a_node(self: Any, x: Any) -> Any:
    self.update(x, x)
    return x


def without_initializer(self: Any, shape: Any) -> None:
    self.parameter("w", shape, 3.0)


def weighted(self: Any, x: Any) -> Any:
    return x * self.w


def passes(self: Any, x: Any) -> Any:
    return x * 1.0


LAYER_MISTAKES: dict[str, tuple[Callable[[], cr.Layer], str]] = {
    "forward without a return": (lambda: layer(lambda self, x: None), "got NoneType as its result"),
    "forward returns a pair": (lambda: layer(lambda self, x: (x, x)), "got tuple as its result"),
    "forward returns a number": (lambda: layer(lambda self, x: 1.0), "got float as its result"),
    "forward returns an array": (lambda: layer(lambda self, x: np.ones((3, 2))), "got ndarray as its result"),
    "a parameter made in forward": (lambda: layer(made_in_forward), "made outside of build"),
    "a state made in forward": (lambda: layer(a_state_in_forward), "made outside of build"),
    "a parameter made twice": (lambda: layer(passes, made_twice), "made outside of build, or made twice"),
    "a parameter of another shape": (lambda: layer(weighted, of_a_wrong_shape), r"\(3,\)"),
    "no initializer": (lambda: layer(passes, without_initializer), "got 3.0, but expected something like"),
    "an update of what is no state": (lambda: layer(updates_a_node), "expected a state of this layer"),
    "a loop over rows": (lambda: layer(lambda self, x: [row * 2 for row in x]), "a loop over its rows"),
    "an op that needs two": (lambda: layer(lambda self, x: cr.matmul(x)), "needs|missing|without|expected"),
    "a keyword of its function": (lambda: layer(lambda self, x: cr.tanh(x=x)), "got x=…"),
}  # fmt: skip


def layer_by_hand(mine: cr.Layer) -> None:
    graph = cr.Graph(cr.mean_squared_error(prediction=mine(cr.Input("x", X)), target=Y))
    graph.forward(x=X)


LAYER_WAYS: dict[str, Callable[[cr.Layer], None]] = {
    "a graph by hand": layer_by_hand,
    **{
        engine: lambda mine, engine=engine: cr.train(
            cr.Network([cr.Dense(2), mine, cr.Dense(2)], engine=engine), X, Y, epochs=2, batch_size=2
        )
        for engine in ("dynamic", "replay", "compiled")
    },
}


@pytest.mark.parametrize("mistake", LAYER_MISTAKES)
def test_a_mistake_in_a_layer_gives_the_same_error_in_every_way_of_running(mistake: str) -> None:
    make, words = LAYER_MISTAKES[mistake]
    told = {}
    for way, run in LAYER_WAYS.items():
        with pytest.raises(ChainruleError, match=words) as caught:
            run(make())
        told[way] = type(caught.value), caught.value.expected, caught.value.fix, caught.value.cause
    assert len(set(told.values())) == 1, told


def test_there_are_thirty_mistakes_at_least() -> None:
    assert len(MISTAKES) + len(LOSS_MISTAKES) + len(LAYER_MISTAKES) >= 45
