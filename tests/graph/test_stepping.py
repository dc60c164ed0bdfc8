"""The stepper: one op at a time, forward and then backward, with what the graph itself computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr

X, Y = cr.data.xor()


def small() -> Any:
    x, w = cr.Input("x", [[1.0, 1.0]]), cr.Parameter("w", [[1.0, 2.0]])
    return cr.mean(x=x * w, name="loss"), w


def test_the_stepper_gives_what_the_graph_gives() -> None:
    layers = [cr.Dense(4, inputs=2), cr.ReLU(), cr.Residual([cr.Dense(4), cr.Tanh()]), cr.Dense(1), cr.Sigmoid()]
    network: Any = cr.Network(layers)
    network.compute_loss(X, Y)
    network.backward()
    graph = network.graph("training")
    events = list(graph.steps(x=X, y=Y))
    forward = {event.name: event for event in events if event.way == "forward"}
    backward: dict[str, Any] = {event.name: event for event in events if event.way == "backward"}
    ops = [name for name, node in graph.names.items() if node.op is not None]
    assert list(forward) == ops
    assert list(backward) == ops[::-1]
    fresh: Any = cr.Graph(graph.root)
    fresh.forward(x=X, y=Y)
    fresh.backward()
    for name, event in forward.items():
        assert np.array_equal(event.value, fresh[name].value)
    for name, event in backward.items():
        assert np.array_equal(event.grad, fresh[name].grad)
    assert np.array_equal(backward["dense_1"].handed["weights"], network["dense_1.weights"].grad)


def test_the_stepper_leaves_the_graph_as_it_is() -> None:
    loss, w = small()
    for event in cr.Graph(loss).steps(x=np.array([[5.0, 5.0]], np.float32)):
        assert str(event)
    assert float(loss.value) == 1.5
    assert w.grad is None
    with pytest.raises(ValueError, match="read-only"):
        event.inputs["a"][...] = 0


def test_paths_are_added_up_where_they_meet() -> None:
    w = cr.Parameter("w", 3.0)
    square = cr.multiply(a=w, b=w, name="square")
    events = [e for e in cr.Graph(cr.add(a=square, b=square, name="loss")).steps() if e.way == "backward"]
    assert [str(event) for event in events] == [
        "backward  loss: 1 arrived; handed on: a 1, b 1",
        "backward  square: 2 arrived; handed on: a 6, b 6",
    ]


def test_steps_may_end_before_the_way_back() -> None:
    graph = cr.Graph(small()[1] * 2.0)
    assert [event.way for event in graph.steps(backward=False)] == ["forward"]
    assert [event.way for event in graph.steps(grad=[[1.0, 0.0]])] == ["forward", "backward"]


class Short(cr.Op):
    """y = z"""

    def forward(self, z: Any) -> Any:
        return z.copy()

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy[:, :1])


@pytest.mark.parametrize(
    ("root", "given", "message"),
    [
        (lambda w: cr.mean(x=w), {"z": 1.0}, "a value for 'z'"),
        (lambda w: w * 2.0, {}, "Pass grad="),
        (lambda w: w * 2.0, {"grad": [1.0]}, "grad with shape"),
    ],
    ids=["feed", "matrix", "grad"],
)
def test_bad_input_is_refused_before_the_first_step(root: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(cr.ChainruleError, match=message):
        cr.Graph(root(cr.Parameter("w", [[1.0, 2.0]]))).steps(**given)


def test_a_wrong_derivative_is_refused_where_it_is_handed_on() -> None:
    steps = cr.Graph(cr.sum(x=cr.Node(Short(), {"z": cr.Parameter("w", [[1.0, 2.0]])}))).steps()
    assert [next(steps).way for _ in range(3)] == ["forward", "forward", "backward"]
    with pytest.raises(cr.errors.DerivativeError, match="derivative by z"):
        next(steps)
