"""Looking inside: traces, drawings, steps, and what a notebook shows."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import inspection, show, trace
from tests.explain.names import HOSTILE

X, Y = cr.data.xor()


def network(**settings: Any) -> Any:
    layers = [cr.Dense(4, inputs=2), cr.ReLU(), cr.Residual([cr.Dense(4), cr.Tanh()]), cr.Dense(1), cr.Sigmoid()]
    return cr.Network(layers, **{"optimizer": cr.Adam(0.1), **settings})


def test_a_trace_has_every_value_and_gradient() -> None:
    net = network(l2=0.01)
    found = trace(net, X, Y)
    net.compute_loss(X, Y)
    net.backward()
    assert list(found) == list(net.nodes)
    for name, node in net.nodes.items():
        assert np.array_equal(found[name].value, node.value)
        if node.grad is not None:
            assert np.array_equal(found[name].grad, node.grad)
    assert str(found).splitlines()[0].split()[:2] == ["node", "op"]
    assert "<table>" in found._repr_html_()
    with pytest.raises(cr.ChainruleError, match="Did you mean 'dense_1'"):
        found["dens_1"]


def test_a_trace_changes_nothing() -> None:
    net = network()
    before = net.parameters.copy()
    trace(net, X, Y)
    assert np.array_equal(net.parameters, before)
    assert not net.gradients.any()


def test_a_drawing_shows_each_node_once() -> None:
    x, w = cr.Input("x", [[1.0, 2.0]]), cr.Parameter("w", [[3.0], [4.0]])
    shared = cr.tanh(z=x @ w, name="shared")
    drawn = show(cr.mean(x=shared * shared + shared, name="loss"))
    assert drawn.count("Tanh") == 1
    assert drawn.count("↑ shared") == 2
    assert "b: w (2, 1)" in drawn


def test_a_deep_graph_is_drawn_without_recursion() -> None:
    node: Any = cr.Parameter("w", [1.0])
    for _ in range(10_000):
        node = node + 1.0
    lines = show(cr.sum(x=node)).splitlines()
    assert len(lines) > 10_000
    assert max(map(len, lines)) < 80


def test_a_network_is_drawn_with_what_its_last_step_left() -> None:
    net = network()
    loss = net.compute_loss(X, Y)
    assert show(net) == show(net.graph())
    assert show(net).startswith("loss ")
    assert f"= {loss:.4g}" in show(net).splitlines()[0]


@pytest.mark.parametrize("leaf", [cr.Input("x", [[1.0]]), cr.Parameter("w", 2.0)], ids=["input", "parameter"])
def test_a_leaf_can_be_drawn(leaf: Any) -> None:
    assert show(leaf).startswith(leaf.name)


def test_a_notebook_shows_tables() -> None:
    net = network()
    history = cr.train(net, X, Y, epochs=30, batch_size=4, metrics=["accuracy"])
    shown: dict[str, str] = {
        name: thing._repr_html_()
        for name, thing in {
            "network": net,
            "unbuilt": cr.Network([cr.Dense(3)]),
            "history": history,
            "no history": cr.History(),
            "node": net["dense_1"],
            "parameter": net["dense_1.weights"],
            "graph": net.graph("training"),
        }.items()
    }
    assert "<td>dense_1</td>" in shown["network"]
    assert "28 weights + 9 biases = 37 parameters" in shown["network"]
    assert shown["unbuilt"].startswith("<pre>Network")
    assert "<th>accuracy</th>" in shown["history"]
    assert shown["history"].count("<tr>") <= 14
    assert "no epochs" in shown["no history"]
    assert shown["node"].count("<math") == shown["parameter"].count("<math") == 2  # value and gradient
    assert shown["graph"].startswith("<pre>loss")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_escaped_in_notebooks_and_drawings(name: str) -> None:
    node = cr.mean(x=cr.Parameter(name, [[1.0]]), name=name)
    for html in (inspection.node_html(node), inspection.graph_html(cr.Graph(node))):
        assert "<script" not in html
        assert "\x1b" not in html
    assert show(node).isprintable() or show(node).replace("\n", "").isprintable()


@pytest.mark.parametrize(
    "program",
    [
        "from chainrule.nn import Dense, Network; part = Network([Dense(1, inputs=2)])",
        "from chainrule.training import History; part = History()",
        "from chainrule.graph import Input; part = Input('x', [[1.0]])",
        "from chainrule.graph import Graph, Parameter; part = Graph(Parameter('w', 1.0) * 2.0)",
    ],
    ids=["network", "history", "node", "graph"],
)
def test_a_notebook_shows_what_comes_from_a_room_alone(program: str) -> None:
    asked = f"{program}; import sys; assert 'chainrule.public' not in sys.modules; print(part._repr_html_())"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("<")
