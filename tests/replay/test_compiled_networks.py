"""Networks, compiled: whole epochs come to the numbers of plain calls, with every optimizer and layer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph, Input, Parameter
from chainrule.replay import Program
from chainrule.replay.compiled import CompiledEpoch, Uncompilable, cache, compile_program
from chainrule.replay.compiled.buffers import identifier
from tests.referees import needed

needed("numba", "fast")
pytestmark = pytest.mark.usefixtures("compiled_cache")

BATCH = 4
random = np.random.default_rng(0)
X = random.standard_normal((24, 5))
CLASSES = random.integers(0, 3, 24)
TARGETS = random.standard_normal((24, 2))
WEIGHTS = random.uniform(0.5, 2, 24)


def classifier(**settings: Any) -> cr.Network:
    settings = {"dtype": "float64", **settings}
    layers = [cr.Dense(6), cr.ReLU(), cr.Dense(3), cr.Softmax()]
    return cr.Network(layers, inputs=5, seed=1, **settings)


def residual() -> cr.Network:
    """Sums, products side by side, an activation after another, and noise that is fed."""
    inner = cr.Residual([cr.Dense(5), cr.Tanh(), cr.Dropout(0.4)])
    layers = [inner, cr.Branches([[cr.Dense(3)], [cr.Dense(2), cr.Sigmoid()]]), cr.Dense(2)]
    return cr.Network(layers, inputs=5, seed=2, dtype="float64", optimizer=cr.SGD(0.1, momentum=0.5))


def compiled(network: cr.Network, x: Any, y: Any, weights: Any = None) -> tuple[CompiledEpoch, list[Any]]:
    """The network's step, compiled, and the arrays of its scalars."""
    vector, state = network.vector, network.optimizer_state
    graph = network.graph("training" if weights is None else "training-weighted")
    examples = {"x": x[:BATCH], "y": y[:BATCH]} | ({} if weights is None else {"sample_weight": weights[:BATCH]})
    masks = [name for name in graph.inputs if "mask" in name or "dropout" in name]
    examples |= {name: np.resize(graph.inputs[name].value, (BATCH, 5)) for name in masks}

    def update(wrap: Any) -> None:
        state.formulas([wrap(gradient) for gradient in vector.learnt_gradients()], wrap)

    slots = [array for arrays in state.slots.values() for array in arrays]
    program = Program(
        graph,
        examples,
        [vector.array, vector.gradient, *slots],
        gradients=True,
        stages={"penalty": vector.add_penalty_gradients, "update": update},
    )
    program.show()
    scalars = [state.rate, *state.scalars.values()]
    gathered = [name for name in examples if name not in masks]
    epoch = compile_program(program, gathered=gathered, stacked=masks, scalars=scalars, gradient=vector.gradient)
    return epoch, scalars


def rows(network: cr.Network, scalars: list[Any], steps: int) -> Any:
    """The scalars of so many steps."""
    found = []
    for _ in range(steps):
        network.optimizer_state.advance()
        found.append([float(array) for array in scalars])
    return np.array(found).reshape(steps, len(scalars))


OPTIMIZERS: list[Any] = [
    cr.SGD(0.1),
    cr.SGD(0.1, momentum=0.9, nesterov=True, clip_norm=0.01),
    cr.RMSProp(0.01),
    cr.Adagrad(0.1, clip_value=0.01),
    cr.Adam(0.01),
    cr.AdamW(0.01, weight_decay=0.1, clip_norm=0.1),
]
NETWORKS: list[Any] = [
    *((f"{optimizer!r}", lambda o=optimizer: classifier(optimizer=o), CLASSES, None) for optimizer in OPTIMIZERS),
    ("penalties", lambda: classifier(optimizer=cr.SGD(0.1), l1=0.01, l2=0.1), CLASSES, None),
    ("float32", lambda: classifier(dtype="float32"), CLASSES, None),
    ("sample_weight", lambda: classifier(optimizer=cr.SGD(0.1)), CLASSES, WEIGHTS),
]


@pytest.mark.parametrize(("build", "y", "weights"), [n[1:] for n in NETWORKS], ids=[n[0] for n in NETWORKS])
def test_an_epoch_comes_to_the_numbers_of_plain_calls(build: Any, y: Any, weights: Any) -> None:
    network = build()
    reference = network.copy(engine="dynamic")
    dtype = np.dtype(network.dtype)
    weights = None if weights is None else weights.astype(dtype)
    epoch, scalars = compiled(network, X.astype(dtype), y, weights)
    order = np.random.default_rng(3).permutation(24)
    losses = np.empty(6)
    data = {"x": X.astype(dtype), "y": y} | ({} if weights is None else {"sample_weight": weights})
    assert epoch.run(data, order, rows(network, scalars, 6), losses) == 6
    for step in range(6):
        batch = order[step * BATCH : (step + 1) * BATCH]
        loss = reference.compute_loss(X[batch], y[batch], None if weights is None else weights[batch])
        penalty = 0 if step else reference.penalty()
        if not step:
            assert losses[0] == pytest.approx(loss - penalty, rel=1e-5)
        reference.backward()
        reference.optimize()
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(network.parameters, reference.parameters, rtol=tolerance, atol=tolerance)
    for name, node in network.graph("training" if weights is None else "training-weighted").names.items():
        other = reference.nodes[name]
        np.testing.assert_allclose(node.value, other.value, rtol=tolerance * 10, atol=tolerance * 10, err_msg=name)


def test_masks_are_taken_step_by_step_and_branches_compile() -> None:
    network = residual()
    epoch, scalars = compiled(network, X, TARGETS)
    (mask,) = epoch.inputs[2:]
    reference = network.copy()
    slabs = np.random.default_rng(5).integers(0, 2, (6, BATCH, 5)) / 0.6
    assert epoch.run({"x": X, "y": TARGETS, mask: slabs}, np.arange(24), rows(network, scalars, 6)) == 6
    graph, vector, state = reference.graph("training"), reference.vector, reference.optimizer_state
    for step in range(6):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        feeds = {"x": X[batch], "y": TARGETS[batch], mask: slabs[step]}
        values = graph.values_on(feeds)
        gradients = graph.walk.backward(values, graph.place(graph.root), np.ones(()))
        for node, gradient in zip(graph.nodes, gradients):
            if isinstance(node, Parameter):
                node.gradient_buffer[...] = gradient
        state.apply(vector.learnt_gradients())
    np.testing.assert_allclose(network.parameters, reference.parameters, rtol=1e-12, atol=1e-12)


def test_bytes_are_scaled_in_the_batch() -> None:
    images = random.integers(0, 256, (24, 5), dtype=np.uint8)
    network = cr.Network([cr.Rescale(1 / 255), cr.Dense(3), cr.Softmax()], inputs=5, optimizer=cr.SGD(0.1))
    reference = network.copy()
    epoch, scalars = compiled(network, images, CLASSES)
    assert epoch.run({"x": images, "y": CLASSES}, np.arange(24), rows(network, scalars, 6)) == 6
    for step in range(6):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        reference.compute_loss(images[batch], CLASSES[batch])
        reference.backward()
        reference.optimize()
    np.testing.assert_allclose(network.parameters, reference.parameters, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e308])
def test_a_step_that_is_not_finite_is_left_before_the_update(bad: float) -> None:
    network = classifier(optimizer=cr.SGD(0.1))
    epoch, scalars = compiled(network, X, CLASSES)
    samples = X.copy()
    samples[9] = bad
    losses = np.full(6, 7.0)
    with np.errstate(all="ignore"):
        assert epoch.run({"x": samples, "y": CLASSES}, np.arange(24), rows(network, scalars, 6), losses) == 2
    assert np.isfinite(losses[:2]).all()
    assert not np.isfinite(losses[2])
    assert (losses[3:] == 7).all()
    assert np.isfinite(network.parameters).all()
    assert not np.isfinite(network.graph("training").names["x"].value[1]).all() or bad == 1e308


def test_what_reads_old_numbers_is_computed_before_they_are_overwritten() -> None:
    w, total = np.arange(6.0), np.zeros(6)

    def update(wrap: Any) -> None:
        weights, sums = wrap(w), wrap(total)
        doubled = weights * 2  # nobody looks at it, so it waits for its reader
        weights += 1
        sums += doubled

    x = Parameter("x", np.ones((1, 2)))
    program = Program(Graph(cr.sum(x=x)), {}, [w, total], gradients=True, stages={"update": update})
    assert compile_program(program, gathered=()).run({}, np.zeros(2, int)) == 2
    np.testing.assert_array_equal(w, np.arange(6.0) + 2)
    np.testing.assert_array_equal(total, 4 * np.arange(6.0) + 2)


def test_a_deep_network_is_made_of_few_functions_and_learns_as_when_called() -> None:
    deep = [layer for _ in range(30) for layer in (cr.Dense(5), cr.Tanh())]
    network = cr.Network([*deep, cr.Dense(2)], inputs=5, seed=1, dtype="float64", optimizer=cr.SGD(0.1))
    reference = network.copy()
    epoch, scalars = compiled(network, X, TARGETS)
    assert epoch.source.count("def part_") < 8
    assert epoch.run({"x": X, "y": TARGETS}, np.arange(24), rows(network, scalars, 6)) == 6
    for step in range(6):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        reference.compute_loss(X[batch], TARGETS[batch])
        reference.backward()
        reference.optimize()
    np.testing.assert_allclose(network.parameters, reference.parameters, rtol=1e-10, atol=1e-12)
    for name, node in network.graph("training").names.items():
        np.testing.assert_allclose(node.value, reference.nodes[name].value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_step_too_long_to_compile_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.replay.compiled.epoch.MOST_LINES", 20)
    with pytest.raises(Uncompilable, match="lines of loops, more than 20"):
        compile_program(small_program(), gathered=["x"])


def test_nothing_is_taken_from_outside_the_data() -> None:
    network = classifier(optimizer=cr.SGD(0.1))
    epoch, scalars = compiled(network, X, CLASSES)
    data = {"x": X, "y": CLASSES}
    before = network.parameters.copy()
    for wrong, message in [
        (dict(order=np.arange(5)), "whole batches of 4"),
        (dict(order=np.arange(22, 26)), "got an order from 22 to 25, but expected 0 to 23"),
        (dict(order=-np.arange(4)), "order from -3"),
        (dict(data={"x": X}), "no 'y'"),
        (dict(data={**data, "x": X.astype(np.float32)}), "'x' as float32"),
        (dict(data={**data, "x": X[:, :4]}), r"'x' as float64 \(24, 4\)"),
        (dict(scalars=np.zeros((2, 9))), "scalars of shape"),
        (dict(losses=np.zeros(1, np.float32)), "losses of float32"),
        (dict(copies=np.zeros((1, 7))), r"copies of float64 \(1, 7\)"),
    ]:
        given = {"data": data, "order": np.arange(4), "scalars": rows(network, scalars, 1), **wrong}
        if len(given["order"]) != 4:
            given["scalars"] = None
        with pytest.raises(cr.errors.ShapeError, match=message):
            epoch.run(**given)
    np.testing.assert_array_equal(network.parameters, before)


def test_numbers_that_cross_from_loop_to_loop_have_a_place_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chainrule.replay.compiled.fusing.MOST_STATEMENTS", 1)
    z = Parameter("z", np.linspace(-2, 2, 6).reshape(2, 3))
    graph = Graph(cr.sum(x=cr.elu(z=z) * np.ones((2, 3))))
    expected = graph.forward()
    losses = np.empty(1)
    assert compile_program(Program(graph, {}, gradients=True), gathered=()).run({}, np.zeros(1, int), None, losses) == 1
    assert losses[0] == pytest.approx(float(expected), rel=1e-14)


def small_program() -> Program:
    x, w = Input("x", [[1.0, 2.0]]), Parameter("w", [[3.0], [4.0]])
    return Program(Graph(cr.sum(x=cr.tanh(z=x @ w))), {}, gradients=True)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "flip", "source", "sums", "unwritable"])
def test_a_damaged_cache_is_compiled_anew(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "new"))
    if damage == "unwritable":
        (tmp_path / "new").write_text("a file where the folder should be")
    compile_program(small_program(), gathered=["x"])
    code = sorted((tmp_path / "new").glob("__pycache__/*.nb[ic]")) if damage != "unwritable" else []
    for path in {"cut": code, "flip": code, "source": (tmp_path / "new").glob("*.py"),
                 "sums": (tmp_path / "new").glob("*.sums")}.get(damage, ()):  # fmt: skip
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(data if damage != "cut" else data[: len(data) // 2])
    program = small_program()
    epoch = compile_program(program, gathered=["x"])
    losses = np.empty(1)
    assert epoch.run({"x": np.array([[0.1, 0.2]], np.float32)}, np.zeros(1, int), None, losses) == 1
    assert losses[0] == pytest.approx(np.tanh(0.3 + 0.8), rel=1e-6)


@pytest.mark.slow
def test_another_process_loads_what_was_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    compile_program(small_program(), gathered=["x"])
    code = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ic]")}
    assert code
    program = "from tests.replay.test_compiled_networks import *; compile_program(small_program(), gathered=['x'])"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb[ic]")} == code


def test_without_numba_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(cr.errors.MissingExtraError, match=r"pip install .*\[fast\]"):
        compile_program(small_program(), gathered=["x"])


@pytest.mark.parametrize(
    "name", ['"""', "a\nimport os", "class", "exp", "v1", "part_1", "9 lives", "größe", "", "x" * 999]
)
def test_names_of_nodes_cannot_become_code(name: str) -> None:
    given = identifier(name)
    assert given.isidentifier()
    assert given.isascii()
    assert given not in ("class", "exp", "v1", "part_1")
    assert len(given) < 50


def test_the_source_bears_the_names_of_the_network() -> None:
    source = compiled(classifier(optimizer=cr.SGD(0.1)), X, CLASSES)[0].source
    for text in ("x[i, j] = x_data[sample, j]", "relu_1[i, j] = maximum(", "d_dense_1[i, j]", "losses[s] = loss[()]"):
        assert text in source
    assert source.count("for i in range(4):\n        for j in range(6):\n            v") >= 2  # fused
