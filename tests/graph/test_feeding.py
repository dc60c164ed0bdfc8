"""Feeding graphs: by name, in new batch sizes, from threads; and what dtypes may meet."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import UnknownNameError

RNG = np.random.default_rng(1)


def regression(dtype="float32"):
    x = cr.Input("x", np.zeros((1, 3), dtype))
    y = cr.Input("y", np.zeros((1, 1), dtype))
    w, b = cr.Parameter("w", RNG.normal(size=(3, 1)), dtype), cr.Parameter("b", [0.5], dtype)
    h = cr.tanh(z=cr.linear(x=x, weights=w, bias=b), name="h")
    return cr.Graph(cr.mean_squared_error(prediction=h, target=y, name="loss"))


def fingerprint(graph):
    return [(n.name, n.value.tobytes(), None if n.grad is None else n.grad.tobytes()) for n in graph.nodes]


def test_inputs_are_fed_by_name_and_others_keep_their_value():
    graph = regression("float64")
    X = RNG.normal(size=(7, 3))
    first = graph.forward(x=X, y=np.ones((7, 1)))
    assert first == pytest.approx(np.mean((np.tanh(X @ graph["w"].value + 0.5) - 1) ** 2), rel=1e-14)
    graph.forward(x=X * 2)
    assert np.array_equal(graph["y"].value, np.ones((7, 1)))


@pytest.mark.parametrize("count", [1, 2, 64])
def test_any_batch_size_follows_another(count):
    graph = regression()
    graph.forward(x=np.ones((5, 3), np.float32), y=np.ones((5, 1), np.float32))
    graph.forward(x=np.ones((count, 3), np.float32), y=np.ones((count, 1), np.float32))
    graph.backward()
    assert graph["h"].shape == graph["h"].grad.shape == (count, 1)


def test_lists_take_the_dtype_of_the_input():
    graph = regression("float64")
    graph.forward(x=[[1, 2, 3]], y=[[0]])
    assert {node.dtype for node in graph.nodes} == {np.dtype("float64")}


def test_a_refused_feed_changes_nothing():
    graph = regression()
    graph.backward()
    before = fingerprint(graph)
    with pytest.raises(cr.ChainruleError):
        graph.forward(x=np.ones((5, 2), np.float32))
    assert fingerprint(graph) == before


def test_calling_a_graph_changes_nothing_that_can_be_seen():
    graph = regression()
    graph.backward()
    before = fingerprint(graph)
    graph(x=np.ones((9, 3), np.float32), y=np.ones((9, 1), np.float32))
    graph.derivatives()
    assert fingerprint(graph) == before


def test_what_a_call_returns_belongs_to_the_caller():
    x = cr.Input("x", np.ones((2, 2), np.float32))
    fed = np.full((2, 2), 3, np.float32)
    for root in (x, cr.identity(z=x), cr.reshape(x=x, shape=(4,)), cr.transpose(x=x)):
        result = cr.Graph(root)(x=fed)
        result[...] = 7
        assert fed.tolist() == [[3, 3], [3, 3]]
        assert x.value.tolist() == [[1, 1], [1, 1]]
    node = cr.tanh(z=x)
    one, two = cr.Graph(node, cr.identity(z=node)).compute(x=fed)
    assert not np.shares_memory(one, two)


def test_eight_threads_calling_one_graph_get_the_serial_results():
    graph = regression()
    feeds = [RNG.normal(size=(1 + i % 5, 3)).astype(np.float32) for i in range(64)]
    targets = [np.ones((len(x), 1), np.float32) for x in feeds]
    serial = [graph(x=x, y=y) for x, y in zip(feeds, targets)]
    before = fingerprint(graph)
    results = {}

    def work(start):
        for i in range(start, 64, 8):
            results[i] = [graph(x=feeds[i], y=targets[i]) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, serial[i]) for i in range(64) for result in results[i])
    assert fingerprint(graph) == before


@pytest.mark.parametrize("twin_of", [copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))], ids=["copy", "pickle"])
def test_a_copied_graph_is_the_same_and_apart(twin_of):
    graph = regression()
    graph.forward(x=np.ones((4, 3), np.float32), y=np.ones((4, 1), np.float32))
    graph.backward()
    twin = twin_of(graph)
    assert fingerprint(twin) == fingerprint(graph)
    twin["w"].assign(np.zeros((3, 1)))
    assert graph["w"].value.any()
    twin.backward()
    graph.backward()
    assert [n.name for n in twin.wrt] == [n.name for n in graph.wrt]
    loss = twin_of(graph.root)
    loss.backward()
    assert loss.value == graph.root.value


def test_names_are_unique_and_unknown_ones_are_told():
    x = cr.Input("x", [1.0])
    graph = cr.Graph(cr.tanh(z=cr.tanh(z=x)))
    assert list(graph.names) == ["x", "tanh", "tanh_2"]
    with pytest.raises(UnknownNameError, match=r"Did you mean 'tanh_2'\?"):
        graph["tanh_3"]


def test_integers_feed_roles_without_derivative():
    table = cr.Parameter("table", np.arange(6.0).reshape(3, 2))
    picked = cr.gather(table=table, indices=cr.Input("i", np.array([2, 0, 2])))
    assert picked.value.tolist() == [[4, 5], [0, 1], [4, 5]]
    cr.sum(x=picked).backward()
    assert table.grad.tolist() == [[1, 1], [0, 0], [2, 2]]


NUMBERS = {
    "int": 2,
    "float": 0.5,
    "NumPy float64 scalar": np.float64(0.5),
    "NumPy integer": np.int64(2),
    "list": [1.0, 2.0],
    "array": np.array([1.0, 2.0], np.float32),
}
OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("other", NUMBERS.values(), ids=NUMBERS)
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_operators_take_numbers_and_arrays_on_both_sides_and_keep_the_dtype(operation, other, dtype):
    other = other.astype(dtype) if isinstance(other, np.ndarray) else other
    node = cr.Parameter("w", [[0.5, 1.5], [2.0, 3.0]], dtype)
    for result, plain in (
        (operation(node, other), operation(node.value, np.asarray(other, dtype))),
        (operation(other, node), operation(np.asarray(other, dtype), node.value)),
    ):
        assert isinstance(result, cr.Node)
        assert result.dtype == dtype
        np.testing.assert_allclose(result.value, plain, rtol=1e-6)
        cr.sum(x=result).backward()
        assert node.grad.dtype == dtype


def test_a_numpy_matrix_on_the_left_of_a_node():
    w = cr.Parameter("w", np.ones((3, 2)))
    result = np.arange(6.0).reshape(2, 3) @ w
    assert isinstance(result, cr.Node)
    assert result.value.tolist() == [[3, 3], [12, 12]]


OTHERS = {
    "list of floats": [[0.5, -2.0]],
    "list of whole numbers": [[1, -2]],
    "float32": np.array([[0.5, -2.0]], np.float32),
    "float64": np.array([[0.5, -2.0]]),
    "int64": np.array([[1, -2]]),
    "uint8": np.array([[1, 2]], np.uint8),
    "not contiguous": np.arange(4.0)[None, ::2],
}
WAYS = {
    "array @ node": lambda other, w: other @ w if isinstance(other, np.ndarray) else cr.matmul(other, w),
    "by role": lambda other, w: cr.linear(x=other, weights=w),
    "a layer's op": lambda other, w: cr.ops.Matmul()(other, w),
    "an input": lambda other, w: cr.Input("x", other) @ w,
    "an unnamed input": lambda other, w: cr.Input(other) @ w,
    "an input, first added to": lambda other, w: (cr.Input(other, dtype="float64") + np.float64(0)) @ w,
    "a state": lambda other, w: cr.State("x", np.asarray(other, "float64")) @ w,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_is_learnt_says_the_dtype(other, way, frozen, dtype):
    w = cr.Parameter(np.array([[0.5], [0.25]]), dtype=dtype)
    w.frozen = frozen
    result = way(other, w)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result.value, np.asarray(other, dtype) @ w.value)
    w.frozen = False
    cr.sum(way(other, w)).backward()
    np.testing.assert_array_equal(w.grad, np.asarray(other, dtype).T)
    assert w.grad.dtype == dtype


def test_an_array_takes_the_dtype_of_a_node_and_a_list_that_of_an_array():
    assert (cr.Input("x", [1.0]) * np.array([0.5])).dtype == "float32"
    assert cr.mean_squared_error([[1.0]], np.array([[0.5]])).dtype == "float64"
    assert cr.mean_squared_error([[1.0]], [[0.5]]).dtype == "float32"


def test_whole_numbers_stay_what_they_are_where_they_are_indices():
    table = cr.Parameter([[1.0], [2.0]])
    assert cr.gather(table, np.array([1])).children["indices"].dtype == np.int64
    logits = cr.Parameter([[1.0, 2.0]])
    assert cr.softmax_cross_entropy(logits, np.array([1])).children["target"].dtype == np.int64


def test_a_mixed_graph_is_differentiated_checked_written_and_copied():
    X, labels = RNG.normal(size=(6, 3)), RNG.integers(0, 2, (6, 1))
    x, y = cr.Input("x", X), cr.Input("y", labels)
    w, b, v = cr.Parameter(RNG.normal(size=(3, 2)).tolist()), cr.Parameter([0.1, 0.2]), cr.Parameter([[0.5], [-1]])
    loss = cr.mean_squared_error(cr.tanh(x @ w + b) @ v, y)
    graph = cr.Graph(loss)
    assert [name for name in graph.names if name.startswith("parameter")] == ["parameter", "parameter_2", "parameter_3"]
    report = cr.check_gradients(loss)
    assert report.passed
    assert [found.by for found in report.findings] == ["parameter", "parameter_2", "parameter_3"]
    assert cr.derivative(loss, x).dtype == "float64"
    value, gradients = {}, {}
    exec(page := cr.source(graph), value)
    value, gradients = value["step"](X.astype("float32"), w.value, b.value, v.value, labels)
    graph.backward()
    np.testing.assert_allclose(value, loss.value, rtol=1e-6)
    np.testing.assert_allclose(gradients["parameter_2"], b.grad, rtol=1e-5, err_msg=page)
    twin = pickle.loads(pickle.dumps(graph))
    for each in (graph, twin):
        assert each.forward(x=X[:2], y=labels[:2].astype("float64")).dtype == "float32"
        each.forward(x=X[:3].tolist(), y=labels[:3])
        each.forward(x=np.ones((1, 3), int), y=[[1]])
    assert fingerprint(twin) == fingerprint(graph)


def test_what_is_fed_takes_the_dtype_of_the_input():
    graph = regression("float32")
    graph.forward(x=RNG.normal(size=(4, 3)), y=np.ones((4, 1), int))
    assert {node.dtype for node in graph.nodes} == {np.dtype("float32")}


def test_a_name_is_optional():
    assert cr.Input([[1.0]]).name == cr.Input(value=[[1.0]]).name == ""
    assert cr.Input(name="x", value=[[1.0]]).name == cr.Input("x", [[1.0]]).name == "x"
    assert (cr.Parameter([1.0]).name, cr.Parameter(None, [1.0]).name, cr.State([1.0]).name) == (
        "parameter",
        "parameter",
        "state",
    )
    assert cr.Parameter([1.0], dtype="float64", penalised=True).penalised


def test_slices_of_a_node():
    w = cr.Parameter("w", np.arange(6.0).reshape(2, 3))
    cr.sum(x=w[:, 1:] * 2).backward()
    assert w.grad.tolist() == [[0, 2, 2], [0, 2, 2]]
