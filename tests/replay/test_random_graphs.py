"""Any graph of chainrule's ops replays, lowering off, to the very bits of its calls.

`CHAINRULE_GRAPHS=400` tries so many graphs.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph, Input, Node, Parameter
from chainrule.replay import Program

COUNT = int(os.environ.get("CHAINRULE_GRAPHS", "60"))
AXES = [None, 0, 1, (0, 1)]


class Spread(cr.Op):
    """y = the mean of each column of x, in every row
    ∂x = the mean of each column of ∂y, in every row"""

    def forward(self, x: Any) -> Any:
        return np.broadcast_to(x.mean(axis=0), x.shape)

    def backward(self, dy: Any, y: Any, x: Any) -> Any:
        return dict(x=np.broadcast_to(dy.mean(axis=0), x.shape))


def random_graph(seed: int) -> Graph:
    """A graph over a few leaves, its nodes used by as many others as happens."""
    random = np.random.default_rng(seed)
    rows, columns = (int(size) for size in random.integers(1, (6, 70)[random.integers(2)], size=2))
    dtype = np.float32 if random.integers(2) else np.float64

    def numbers(*shape: int) -> Any:
        return random.standard_normal(shape).astype(dtype)

    def pick(*wanted: Any) -> Node:
        fitting = [node for node in met if (len(node.shape) == 2 and not wanted) or node.shape in wanted]
        return fitting[random.integers(len(fitting))]

    def weights(*shape: int) -> Node:
        return Parameter(f"w{len(met)}", numbers(*shape))

    def reduced(kind: Any) -> Node:
        x, axis = pick(), AXES[random.integers(4)]
        y = kind(x=x, axis=axis, keepdims=True)
        return x * y if random.integers(2) else cr.add(a=y, b=x)

    def turned() -> Node:
        x = pick()
        return cr.transpose(x=x) @ weights(x.shape[0], columns)

    met: list[Node] = [Input("x", numbers(rows, columns)), Parameter("w", numbers(rows, columns))]
    ways = [
        lambda: (lambda x: x @ weights(x.shape[1], columns))(pick()),
        lambda: (lambda x: weights(rows, x.shape[0]) @ x)(pick()),
        lambda: (lambda x: cr.linear(x=x, weights=weights(x.shape[1], columns), bias=weights(columns)))(pick()),
        lambda: (lambda x: cr.matmul(a=x, b=cr.transpose(x=pick(x.shape))))(pick()),
        turned,
        lambda: (lambda x: x + pick(x.shape))(pick()),
        lambda: (lambda x: pick(x.shape) - x * 0.5)(pick()),
        lambda: (lambda x: x * pick(x.shape))(pick()),
        lambda: (lambda x: x * weights(x.shape[1]))(pick()),
        lambda: (lambda x: x / (pick(x.shape) ** 2 + 1))(pick()),
        lambda: (lambda x: weights(x.shape[0], 1) * x)(pick()),
        lambda: reduced(cr.sum),
        lambda: reduced(cr.mean),
        lambda: reduced(cr.max),
        lambda: reduced(cr.log_sum_exp),
        lambda: cr.sum(x=pick(), axis=0) * pick()[0, 0],
        lambda: cr.tanh(z=pick()),
        lambda: cr.relu(z=pick()),
        lambda: cr.gelu(z=pick()),
        lambda: cr.softmax(z=pick(), axis=int(random.integers(2))),
        lambda: cr.log_softmax(z=pick()),
        lambda: -pick(),
        lambda: cr.identity(z=pick()),
        lambda: Node(Spread(), {"x": pick()}),
        lambda: cr.reshape(x=pick()[:, ::-1], shape=(1, -1)),
        lambda: pick()[::-1],
        lambda: pick()[:, ::-1],
        lambda: pick()[:1],
        lambda: (lambda x: cr.concatenate(x, pick(x.shape), axis=int(random.integers(2))))(pick()),
        lambda: (lambda x: cr.reshape(x=x, shape=(x.shape[1], x.shape[0])))(pick()),
        lambda: cr.gather(table=pick(), indices=Input(f"i{len(met)}", np.zeros(rows, int))),
    ]
    for _ in range(random.integers(4, 14)):
        met.append(ways[random.integers(len(ways))]())
    terms = [(cr.sum, cr.mean)[random.integers(2)](x=node * node if random.integers(2) else node) for node in met[-3:]]
    return Graph(terms[0] + terms[1] * terms[2] + cr.sum(x=met[-1]))


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_random_graph_replays_to_the_bits_of_its_calls(seed: int) -> None:
    graph = random_graph(seed)
    feeds = {name: np.array(leaf.value, order="CF"[seed % 2]) for name, leaf in graph.inputs.items()}
    program = Program(graph, feeds, gradients=True, lowering=False)
    for parameter in graph.parameters:  # values it was not recorded with
        parameter.array[...] *= np.asarray(0.9, parameter.dtype)
    program.feed(**feeds)
    with np.errstate(all="ignore"):
        program.run("forward", "backward")
        values = graph.values_on(feeds)
        gradients = graph.walk.backward(values, graph.place(graph.root), np.ones(graph.root.shape, graph.root.dtype))
    for node, got, expected in zip(graph.nodes, program.values, values, strict=True):
        np.testing.assert_array_equal(got, expected, err_msg=node.where)
    for node, got, expected in zip(graph.nodes, program.gradients, gradients, strict=True):
        if expected is not None:
            np.testing.assert_array_equal(got, expected, err_msg=f"the derivative by {node.where}")
