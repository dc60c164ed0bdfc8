"""Graphs ten thousand nodes deep build, run, print, pickle, copy and are freed."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import chainrule as cr

DEPTH = 10_000


@pytest.fixture(scope="module")
def deep():
    w = cr.Parameter("w", np.array([0.5]))
    node = cr.Input("x", np.array([0.25]))
    for _ in range(DEPTH // 2):
        node = cr.tanh(z=node) + w
    return w, node


def by_hand(w, x):
    slope = 0.0
    for _ in range(DEPTH // 2):
        h = np.tanh(x)
        x, slope = h + w, (1 - h * h) * slope + 1
    return x, slope


@pytest.mark.slow
def test_it_runs_forward_and_backward(deep):
    w, node = deep
    value, slope = by_hand(0.5, 0.25)
    assert node.value == pytest.approx(value, rel=1e-14)
    node.backward()
    assert w.grad[0] == pytest.approx(slope, rel=1e-12)
    assert node.forward(x=np.array([0.75])) == pytest.approx(by_hand(0.5, 0.75)[0], rel=1e-14)
    node.forward(x=np.array([0.25]))


def test_it_prints(deep):
    _, node = deep
    assert repr(node).startswith("Add(a=tanh, b=w) (1,) float64 = [")
    graph = cr.Graph(node)
    assert repr(graph) == f"Graph(add: {DEPTH + 2} nodes, inputs x, 1 parameters)"


@pytest.mark.slow
@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))], ids=["copy", "pickle"])
def test_it_is_copied(deep, twin_of):
    _, node = deep
    twin = twin_of(node)
    assert twin is not node
    twin.backward()
    node.backward()
    assert np.array_equal(cr.Graph(twin)["w"].grad, cr.Graph(node)["w"].grad)
    graph = twin_of(cr.Graph(node))
    assert len(graph) == DEPTH + 2


@pytest.mark.slow
def test_it_is_freed():
    node = cr.Parameter("w", [0.5])
    leaf = weakref.ref(node)
    for _ in range(DEPTH):
        node = cr.negative(z=node)
    del node
    gc.collect()
    assert leaf() is None
