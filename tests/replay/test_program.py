"""Replaying is calling: bit for bit with lowering off, within a stated rounding with lowering on."""

from __future__ import annotations

import tracemalloc
from typing import Any, ClassVar

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DerivativeError
from chainrule.graph import Graph, Input, Parameter
from chainrule.nn.engines import Replay
from chainrule.replay import Program, Programs
from tests.ops.cases import CASES, Case
from tests.referees import needed
from tests.replay.terms import fits, graph_of

# Sums and products are added up in another order: k·eps·Σ|a||b| for a sum over k terms, with k at most 100 here.
ROUNDING = {np.dtype(np.float32): 100 * 2.0**-23, np.dtype(np.float64): 100 * 2.0**-52}


FITTING = [case for case in CASES if fits(case)]


def test_every_op_is_replayed_in_some_case() -> None:
    assert {case.op.name for case in FITTING} == set(cr.ops.all_ops())


def called(graph: Graph, feeds: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    """Every value and every gradient, by calling the ops."""
    values = graph.values_on(feeds)
    dy = np.ones(graph.root.shape, graph.root.dtype)
    return values, graph.walk.backward(values, graph.place(graph.root), dy)


def replayed(graph: Graph, feeds: dict[str, Any], lowering: bool) -> Program:
    program = Program(graph, feeds, gradients=True, lowering=lowering)
    for parameter in graph.parameters:  # values it was not recorded with
        parameter.array[...] *= np.asarray(0.9, parameter.dtype)
    program.feed(**feeds)
    with np.errstate(all="ignore"):
        program.run("forward")
        program.run("backward")
    return program


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", FITTING, ids=str)
def test_every_op_replays_to_the_bits_of_its_calls(case: Case, dtype: str) -> None:
    graph = graph_of([case], dtype)
    feeds = {name: leaf.value.copy() for name, leaf in graph.inputs.items()}
    program = replayed(graph, feeds, lowering=False)
    values, gradients = called(graph, feeds)
    for got, expected in zip(program.values, values, strict=True):
        np.testing.assert_array_equal(got, expected)
    for node, got, expected in zip(graph.nodes, program.gradients, gradients, strict=True):
        if expected is not None:
            np.testing.assert_array_equal(got, expected, err_msg=node.where)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", FITTING, ids=str)
def test_every_op_replays_lowered_within_the_stated_rounding(case: Case, dtype: str) -> None:
    graph = graph_of([case], dtype)
    feeds = {name: leaf.value.copy() for name, leaf in graph.inputs.items()}
    program = replayed(graph, feeds, lowering=True)
    values, gradients = called(graph, feeds)
    for got, expected in zip([*program.values, *program.gradients], [*values, *gradients], strict=True):
        if expected is not None and expected.dtype.kind == "f":
            scale = np.abs(expected).max(initial=1.0)
            np.testing.assert_allclose(got, expected, rtol=0, atol=scale * ROUNDING[expected.dtype])


def networks(engine: str = "replay") -> dict[str, cr.Network]:
    def deep(**settings: Any) -> cr.Network:
        layers = [cr.Dense(9), cr.ReLU(), cr.Dropout(0.3), cr.Residual([cr.Dense(9), cr.GELU()]), cr.Dense(3)]
        return cr.Network([*layers, cr.Softmax()], inputs=6, engine=engine, **settings)

    tied = cr.Dense(6, inputs=6)
    return {
        "momentum": deep(optimizer=cr.SGD(0.1, momentum=0.9, nesterov=True)),
        "sgd, l1 and l2": deep(optimizer=cr.SGD(0.1), l1=1e-3, l2=1e-2),
        "rmsprop, float64": deep(optimizer=cr.RMSProp(0.01), dtype="float64"),
        "adagrad": deep(optimizer=cr.Adagrad(0.01)),
        "adam, clipped by norm": deep(optimizer=cr.Adam(0.01, clip_norm=0.5)),
        "adam, clipped by value": deep(optimizer=cr.Adam(0.01, clip_value=0.01)),
        "adamw": deep(optimizer=cr.AdamW(0.01)),
        "a schedule": deep(optimizer=cr.Adam(cr.CosineDecay(0.05))),
        "a loss of your own": deep(loss=cr.CategoricalCrossEntropy()),
        "tied": cr.Network([tied, cr.Tanh(), tied, cr.Dense(3), cr.Softmax()], optimizer=cr.SGD(0.1), engine=engine),
        "branches": cr.Network(
            [cr.Branches([[], [cr.Dense(4), cr.SiLU()]]), cr.Dense(3), cr.Softmax()],
            inputs=6,
            l2=1e-3,
            engine=engine,
        ),
    }


@pytest.mark.parametrize("lowering", [False, True], ids=["plain", "lowered"])
@pytest.mark.parametrize("weighted", [False, True], ids=["all alike", "weighted"])
@pytest.mark.parametrize("name", list(networks()))
def test_networks_train_replayed_as_they_train_called(name: str, weighted: bool, lowering: bool) -> None:
    generator = np.random.default_rng(0)
    X, y = generator.standard_normal((70, 6)), generator.integers(0, 3, 70)
    weights = generator.uniform(0.5, 2, 70) if weighted else None
    network, twin = networks()[name], networks(engine="dynamic")[name]
    network._engine = Replay(network.plan, lowering=lowering)
    for trained in (network, twin):
        cr.train(trained, X, y, epochs=2, batch_size=16, sample_weight=weights)
    np.testing.assert_allclose(network.parameters, twin.parameters, rtol=0, atol=2e-4 if lowering else 0)


class Maze(cr.Layer):
    """A random way through ops over a few parameters, each used by as many as it happens to be."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def build(self, shape: tuple[int, ...]) -> None:
        (size,) = shape
        self.matrices = [self.parameter(f"w{i}", (size, size), cr.Normal(0, 0.5)) for i in range(2)]
        self.vectors = [self.parameter(f"v{i}", (size,), cr.Normal(0, 0.5)) for i in range(2)]

    def forward(self, x: Any) -> Any:
        random = np.random.default_rng(self.seed)
        met = [x]
        for _ in range(random.integers(3, 12)):
            a, b = (met[i] for i in random.integers(len(met), size=2))
            w, v = (some[random.integers(2)] for some in (self.matrices, self.vectors))
            ways = (
                *(lambda a=a, b=b: a + b, lambda a=a, b=b: a - b, lambda a=a, b=b: a * b * 0.5, lambda a=a: -a),
                *(lambda a=a, w=w: a @ w, lambda a=a, w=w, v=v: cr.linear(x=a, weights=w, bias=v)),
                *(lambda a=a, v=v: a + v, lambda a=a, v=v: a * v, lambda a=a, v=v: v - a),
                *(lambda a=a: cr.tanh(z=a), lambda a=a: cr.softmax(z=a), lambda a=a: a[:, ::-1]),
            )
            met.append(ways[random.integers(len(ways))]())
        return sum(met[-3:], met[-1])


@pytest.mark.parametrize("seed", range(40))
def test_any_way_of_using_nodes_and_parameters_again_replays_to_the_bits_of_its_calls(seed: int) -> None:
    random = np.random.default_rng(seed)
    X, y = random.standard_normal((20, 4)), random.standard_normal((20, 2))
    network, twin = (
        cr.Network([Maze(seed), cr.Dense(2)], optimizer=cr.SGD(0.01), l2=0.01, engine=engine)
        for engine in ("replay", "dynamic")
    )
    network.build(4)
    network._engine = Replay(network.plan, lowering=False)
    for trained in (network, twin):
        cr.train(trained, X, y, epochs=2, batch_size=8)
    np.testing.assert_array_equal(network.parameters, twin.parameters)


def test_skip_connections_inside_skip_connections_train() -> None:
    X, y = np.random.default_rng(0).standard_normal((5, 4)), np.ones((5, 1))
    inside = [cr.Dense(4), cr.Residual([cr.Dense(4), cr.Tanh()])]
    cr.train(cr.Network([cr.Dense(4, inputs=4), cr.Residual(inside), cr.Dense(1)]), X, y, epochs=1)


def test_an_op_that_can_not_be_recorded_is_called_and_named() -> None:
    class Longest(cr.Op):
        """y = x / max|x|, by a branch on values
        ∂x = ∂y / max|x|"""

        def forward(self, x: Any) -> Any:
            return x / self.length(x)

        def backward(self, dy: Any, y: Any, x: Any) -> Any:
            return dict(x=dy / self.length(x))

        def length(self, x: Any) -> Any:
            return np.abs(x).max() if np.any(x) else x.dtype.type(1)

    network = cr.Network([cr.Dense(4, inputs=3), Longest(), cr.Dense(1)], optimizer=cr.SGD(0.1))
    twin = cr.Network([cr.Dense(4, inputs=3), Longest(), cr.Dense(1)], optimizer=cr.SGD(0.1), engine="dynamic")
    X, y = np.random.default_rng(0).standard_normal((20, 3)), np.ones(20)
    cr.train(network, X, y, epochs=3, batch_size=8)
    cr.train(twin, X, y, epochs=3, batch_size=8)
    np.testing.assert_allclose(network.parameters, twin.parameters, atol=1e-6)
    assert "Longest" in network.summary().engine
    assert "can't be recorded" in str(network.summary())


def test_an_op_that_keeps_a_value_from_its_first_call_is_found_out() -> None:
    class Stale(cr.Op):
        """y = z · (what z's mean was at first)
        ∂z = ∂y"""

        def forward(self, z: Any) -> Any:
            if not hasattr(self, "factor"):
                self.factor = 1.0 + np.asarray(z).mean() if isinstance(z, np.ndarray) else 1.0
            self.factor += 1.0
            return z * self.factor

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy * 1.0)

    network = cr.Network([cr.Dense(2, inputs=2), Stale()])
    with pytest.raises(cr.ChainruleError, match="replayed"):
        network.compute_loss([[1.0, 2.0]], [[0.0, 0.0]])


def test_nodes_show_the_last_training_step_whatever_its_batch_size() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)])
    for size in (4, 3, 4, 1):
        X = np.full((size, 2), size, np.float32)
        network.compute_loss(X, np.zeros((size, 1)))
        network.backward()
        np.testing.assert_array_equal(network["x"].value, X)
        assert network["tanh_1"].shape == network["tanh_1"].grad.shape == (size, 3)
    cr.predict(network, np.zeros((7, 2)))
    assert network["tanh_1"].shape == (1, 3), "predicting changes nothing that can be looked at"


def test_programs_are_dropped_least_recently_used_first() -> None:
    x, w = Input("x", np.ones((1, 2), np.float32)), Parameter("w", [[1.0], [1.0]])
    programs = Programs(Graph(cr.sum(x=x @ w)), gradients=True, limit=2)
    made = {size: programs.get({"x": np.ones((size, 2), np.float32)}) for size in (1, 2)}
    assert programs.get({"x": np.ones((1, 2), np.float32)}) is made[1]
    programs.get({"x": np.ones((3, 2), np.float32)})
    assert programs.get({"x": np.ones((1, 2), np.float32)}) is made[1]
    assert programs.get({"x": np.ones((2, 2), np.float32)}) is not made[2]


def test_a_step_keeps_no_memory_and_allocates_nothing_large() -> None:
    network = cr.Network([cr.Dense(30, inputs=20), cr.ReLU(), cr.Dense(3), cr.Softmax()], optimizer=cr.Adam(0.01))
    generator = np.random.default_rng(0)
    x, y, _ = network.as_batch("test", generator.standard_normal((64, 20)), generator.integers(0, 3, 64))
    buffers = network.record(x, y, None, 64)
    assert buffers is not None
    np.copyto(buffers["x"], x)
    np.copyto(buffers["y"], y)

    def step() -> None:
        network.step(buffers["x"], buffers["y"])

    tracemalloc.start()
    for _ in range(300):  # until Python has the small objects that it keeps for reuse
        step()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(500):
        step()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 1000
    assert peak - before < 40_000, "temporaries live in the arena"


def test_results_that_nobody_reads_are_not_computed() -> None:
    network = cr.Network([cr.Dense(4, inputs=50), cr.Tanh(), cr.Dense(1)])
    network.compute_loss(np.ones((8, 50)), np.ones((8, 1)))
    assert network["x"].grad is None
    x, y = np.ones((8, 50), np.float32), np.ones((8, 1), np.float32)
    program = Program(network.graph(), {"x": x, "y": y}, [network.parameters, network.gradients], gradients=True)
    backward = [call.out.array.shape for call in program.calls["backward"]]
    assert (8, 50) not in backward, "the derivative by the data, the largest product of a step"


class Returned(cr.Op):
    """y = mean((prediction − target)²), returned in some way"""

    constant = ("target",)
    forms: ClassVar[dict[str, Any]] = {
        "asarray": np.asarray,
        "array": lambda y: np.array(y, dtype=np.float32),
        "a scalar": np.float32,
        "sorted": lambda y: np.sort([y]).sum(),
        "ascontiguousarray": lambda y: np.ascontiguousarray(y).reshape(()),
        "item": lambda y: np.float32(y.item()),
    }

    def __init__(self, form: str) -> None:
        self.form = form

    def forward(self, prediction: Any, target: Any) -> Any:
        return self.forms[self.form](((prediction - target) ** 2).mean())

    def backward(self, dy: Any, y: Any, prediction: Any, target: Any) -> Any:
        return dict(prediction=dy * 2 * (prediction - target) / prediction.size)


@pytest.mark.parametrize("form", Returned.forms)
@pytest.mark.parametrize("engine", ["replay", "compiled"])
def test_a_right_op_that_returns_an_array_of_its_own_is_called(form: str, engine: str) -> None:
    """What it had noted until then is forgotten, so that backward doesn't read what nobody computes."""
    if engine == "compiled":
        needed("numba")
    X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    losses = []
    for way in ("dynamic", engine):
        network = cr.Network([cr.Dense(2, inputs=3), cr.Tanh(), cr.Dense(1)], Returned(form), engine=way)
        history = cr.train(network, X, X[:, :1], epochs=3, batch_size=3)
        losses.append(history["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert "called, because they can't be recorded: Returned 'loss'" in str(network.summary())


def test_an_op_that_is_called_on_the_way_back_alone_is_told_so() -> None:
    table = Parameter("table", np.ones((3, 2)))

    class Counting(cr.Op):
        """y = z"""

        def forward(self, z: Any) -> Any:
            return z * 1

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=np.array(dy.tolist(), dy.dtype))

    graph = Graph(cr.sum(x=cr.Node(Counting(), {"z": table * 2.0})))
    assert Program(graph, {}, gradients=True).called == ("Counting (on the way back)",)
    assert Program(graph, {}).called == ()


class Remembering(cr.Op):
    """y = z · how often it was asked, on one of the ways"""

    def __init__(self, way: str) -> None:
        self.way, self._asked = way, 0

    def forward(self, z: Any) -> Any:
        return z * self._factor("forward")

    def backward(self, dy: Any, y: Any, z: Any) -> Any:
        return dict(z=dy * self._factor("backward"))

    def _factor(self, way: str) -> float:
        self._asked += way == self.way
        return float(1 + self._asked) if way == self.way else 2.0


def test_of_several_users_of_a_node_the_one_that_is_no_own_op_is_named() -> None:
    w = Parameter("w", np.ones((3, 2)))
    graph = Graph(cr.sum(x=w * 2.0) + cr.sum(x=cr.Node(Remembering("backward"), {"z": w})))
    with pytest.raises(DerivativeError, match=r"^Remembering"):
        Program(graph, {}, gradients=True)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_an_op_that_keeps_something_is_named_and_no_innocent_parameter(way: str) -> None:
    X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    network = cr.Network([cr.Dense(2, inputs=3), Remembering(way), cr.Dense(1)], optimizer=cr.SGD(0.1))
    with pytest.raises(DerivativeError, match=rf"^Remembering .*from its {way}") as told:
        cr.train(network, X, X[:, :1], epochs=1)
    assert told.value.cause == "op.replay"


class Failing(cr.Op):
    """y = a b, until one of the ways fails"""

    way = ""

    def forward(self, a: Any, b: Any) -> Any:
        self._fail("forward")
        return a * b

    def backward(self, dy: Any, y: Any, a: Any, b: Any) -> Any:
        self._fail("backward")
        return dict(a=dy * b, b=dy * a)

    def _fail(self, way: str) -> None:
        if way == self.way:
            raise ZeroDivisionError(f"the op's own error on its way {way}")


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_an_error_of_an_op_is_raised_as_it_is_and_the_op_is_not_called_again(way: str) -> None:
    op = Failing()
    graph = Graph(cr.sum(x=cr.Node(op, {"a": Parameter("a", np.ones(3)), "b": Parameter("b", np.ones(3))})))
    op.way = way
    with pytest.raises(ZeroDivisionError, match=f"the op's own error on its way {way}"):
        Program(graph, {}, gradients=True)


class Unlike(cr.Op):
    """y = a − 2b, by values"""

    def forward(self, a: Any, b: Any) -> Any:
        return np.array(a.tolist()) - 2 * b

    def backward(self, dy: Any, y: Any, a: Any, b: Any) -> Any:
        return dict(a=np.array(dy.tolist()), b=-2 * dy)


@pytest.mark.parametrize("roles", [("a", "b"), ("b", "a")])
def test_an_op_that_is_called_gets_each_role_whatever_their_order(roles: tuple[str, str]) -> None:
    leaves = {name: Parameter(name, np.array(start)) for name, start in (("a", [5.0, 7.0]), ("b", [1.0, 2.0]))}
    node = cr.Node(Unlike(), {role: leaves[role] for role in roles})
    graph = Graph(cr.sum(x=node * np.array([1.0, 10.0])))
    program = Program(graph, {}, gradients=True)
    assert program.called == ("Unlike",)
    np.copyto(leaves["a"].array, [6.0, 8.0])
    program.run("forward", "backward")
    np.testing.assert_array_equal(program.values[graph.place(node)], [4.0, 4.0])
    np.testing.assert_array_equal(program.gradients[graph.place(leaves["a"])], [1.0, 10.0])
    np.testing.assert_array_equal(program.gradients[graph.place(leaves["b"])], [-2.0, -20.0])


def test_an_op_of_the_library_that_can_not_be_recorded_is_called() -> None:
    z = Parameter("z", np.array([0.5, -2.0]))
    slopes = cr.Activation(lambda z: np.array([n * n for n in z.tolist()]), lambda z: 2 * z)
    node = cr.Node(slopes, {"z": z})
    graph = Graph(cr.sum(x=node))
    program = Program(graph, {}, gradients=True)
    assert len(program.called) == 1
    np.copyto(z.array, [3.0, 4.0])
    program.run("forward", "backward")
    np.testing.assert_array_equal(program.values[graph.place(node)], [9.0, 16.0])
    np.testing.assert_array_equal(program.gradients[graph.place(z)], [6.0, 8.0])


@pytest.mark.parametrize("found", [None, {}, {"b": np.ones(3)}], ids=["nothing", "no role", "another role"])
def test_an_op_that_is_called_and_gives_no_derivative_is_named(found: Any) -> None:
    class Withholding(cr.Op):
        """y = z, by values"""

        def forward(self, z: Any) -> Any:
            return z * 1

        def backward(self, dy: Any, y: Any, z: Any) -> Any:
            return dict(z=dy) if dy.tolist() is found else found

    graph = Graph(cr.sum(x=cr.Node(Withholding(), {"z": Parameter("z", np.ones(3))})))
    with pytest.raises(DerivativeError, match=r"^Withholding"):
        Program(graph, {}, gradients=True)
