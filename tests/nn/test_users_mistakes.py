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
