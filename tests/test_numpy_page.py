"""A network leaves as a page of NumPy that predicts the same, trains the same, and needs nothing else."""

from __future__ import annotations

import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.column_preparation import PARTS
from chainrule.errors import ChainruleError
from tests.onnx.networks import random_network
from tests.referees import needed

# Runs the page where nothing but Python's own modules and NumPy can be imported, and says what was.
BARE = """
import runpy, sys

there = set(sys.modules)  # an environment may import something at its start

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in {"numpy", *sys.stdlib_module_names}:
            raise ModuleNotFoundError(f"no {name} here", name=name)

sys.meta_path.insert(0, Refuse())
import numpy as np

page = runpy.run_path(sys.argv[1])
np.save(sys.argv[3], page["predict"](np.load(sys.argv[2])))
print(*sorted({name.split(".")[0] for name in {*sys.modules} - there} - sys.stdlib_module_names))
"""


def small_network(**settings: Any) -> cr.Network:
    layers = [
        cr.Rescale((0.5, 2.0), 0.1),
        cr.Dense(5, inputs=2),
        cr.GELU(),
        cr.Residual([cr.Dense(5), cr.Tanh()]),
        cr.Branches([[], [cr.Dense(2, use_bias=False), cr.Softplus()]]),
        cr.Dense(3),
        cr.Softmax(),
    ]
    return cr.Network(layers, classes=["a", 'b"\n', "ä"], **settings)


@pytest.mark.parametrize("weights", ["inside", "beside"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_page_predicts_the_same_for_batches_of_any_size(tmp_path: Path, weights: str, dtype: str) -> None:
    for seed in range(30):
        network, x = random_network(seed, dtype)
        cr.numpy_page.save(network, tmp_path / "model.py", weights=weights)
        page = runpy.run_path(str(tmp_path / "model.py"))
        for batch in (x, x[:1], np.concatenate([x] * 3)):
            y = page["predict"](batch)
            assert y.dtype == dtype
            np.testing.assert_allclose(y, cr.predict(network, batch), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("weights", ["inside", "beside"])
def test_the_page_needs_numpy_alone(tmp_path: Path, weights: str) -> None:
    network = cr.Network([cr.Dense(100, inputs=30), cr.ReLU(), cr.Dense(3), cr.Softmax()])  # its weights are packed
    cr.numpy_page.save(network, tmp_path / "model.py", weights=weights, training_step=True)
    x = np.random.default_rng(0).normal(size=(4, 30)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    process = subprocess.run(
        [sys.executable, "-I", "-c", BARE, tmp_path / "model.py", tmp_path / "x.npy", tmp_path / "y.npy"],
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    assert {name for name in process.stdout.split() if not name.startswith(("_", "sitecustomize"))} <= {"numpy"}
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), cr.predict(network, x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("loss", [None, cr.MeanSquaredError(), cr.MeanAbsoluteError()])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_its_step_is_the_networks_step_of_gradient_descent(tmp_path: Path, loss: cr.Op | None, dtype: str) -> None:
    network = small_network(loss=loss, l1=0.01, l2=0.1, optimizer=cr.SGD(0.1), dtype=dtype)
    network.freeze("dense_1")
    cr.numpy_page.save(network, tmp_path / "model.py", training_step=True)
    page = runpy.run_path(str(tmp_path / "model.py"))
    rng = np.random.default_rng(1)
    for count in (6, 1, 11):
        x, y = rng.normal(size=(count, 2)), rng.integers(3, size=count)
        target = np.eye(3)[y] if loss is not None else y
        expected = network.compute_loss(x, target) - network.penalty()
        network.backward()
        network.optimize()
        assert page["step"](x, target, 0.1) == pytest.approx(expected, rel=1e-5)
    close = dict(rtol=1e-5, atol=1e-6) if dtype == "float32" else dict(rtol=1e-12, atol=1e-12)
    for name, leaf in network.leaves.items():
        np.testing.assert_allclose(page[name.replace(".", "_")], leaf.value, **close)
    assert page["dense_2_weights" if "dense_2_weights" in page else "dense_1_weights"].dtype == dtype


def test_dropout_is_in_the_step_and_not_in_the_prediction(tmp_path: Path) -> None:
    network = cr.Network([cr.Dropout(0.5), cr.Dense(1, inputs=4)], inputs=4)
    cr.numpy_page.save(network, tmp_path / "model.py", training_step=True)
    predict, _, step = (tmp_path / "model.py").read_text().partition("def step")
    assert "dropout_1_mask" not in predict
    assert "generator.random((x.shape[0], 4)) < 0.5" in step
    page = runpy.run_path(str(tmp_path / "model.py"))
    losses = {float(page["step"](np.ones((2, 4)), np.ones(2), 0.0)) for _ in range(8)}
    assert len(losses) > 1


def test_the_page_passes_ruff(tmp_path: Path) -> None:
    needed("ruff", "dev")
    large = cr.Network(
        [cr.Dense(100, inputs=30), cr.Dropout(0.1), cr.GELU(approximate=True), cr.Dense(3), cr.LogSoftmax()]
    )
    for i, network in enumerate([small_network(l2=0.1), large]):
        for weights in ("inside", "beside"):
            cr.numpy_page.save(network, tmp_path / f"{weights}{i}.py", weights=weights, training_step=True)
    for options in ([], ["--line-length=120", "--select=E,F,W,I,B,NPY,UP"]):
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", *options, tmp_path]
        process = subprocess.run(command, capture_output=True, text=True)
        assert process.returncode == 0, process.stdout


def test_the_same_network_gives_the_same_page_and_names_its_classes(tmp_path: Path) -> None:
    for name in ("a.py", "b.py"):
        cr.numpy_page.save(small_network(), tmp_path / name, weights="beside", training_step=True)
    assert (tmp_path / "a.py").read_bytes() == (tmp_path / "b.py").read_bytes()
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert runpy.run_path(str(tmp_path / "a.py"))["CLASSES"] == ["a", 'b"\n', "ä"]


@pytest.mark.parametrize("weights", ["inside", "beside"])
@pytest.mark.parametrize(
    "names",
    [
        ("import os; abort()", "class"),
        ("np", "len"),
        ("a b", "a-b"),
        ("d_z", "z"),
        ("1", "²"),
        ("ﬁ", "fi"),
        ("x", "y"),
        ("file", "allow_pickle"),
        ("predict", "CLASSES"),
        ("constant_1", "t1"),
        ("generator", "samples"),
        ("שלום", "😀"),
        ("n" * 120, 'w"'),
    ],
)
def test_names_that_are_hostile_or_meet_are_harmless(tmp_path: Path, names: tuple[str, str], weights: str) -> None:
    layers = [cr.Dense(2, inputs=2, name=names[0]), cr.Dense(2, name=names[1]), cr.Dropout(0.25), cr.GELU()]
    network = cr.Network(layers, classes=["a  b" * 30, 'b" + exit() + "'], optimizer=cr.SGD(0.1), l2=0.1)
    cr.numpy_page.save(network, tmp_path / "model.py", weights=weights, training_step=True)
    assert "abort()" not in (tmp_path / "model.py").read_text("utf-8")
    page = runpy.run_path(str(tmp_path / "model.py"))
    x = np.array([[1, 0.5], [0.25, -1]], np.float32)
    np.testing.assert_allclose(page["predict"](x), cr.predict(network, x), rtol=1e-5)
    assert page["CLASSES"] == list(network.classes or ())
    assert np.isfinite(page["step"](x, x, 0.1))


@pytest.mark.parametrize(
    ("network", "path", "options"),
    [
        ("network", "a.py", {}),
        (cr.Network([cr.Dense(2)]), "a.py", {}),
        (small_network(), "a.txt", {}),
        (small_network(), None, {}),
        (small_network(), "a.py", {"weights": "elsewhere"}),
        (small_network(), "no such folder/a.py", {}),
    ],
)
def test_what_can_not_be_written_says_why(tmp_path: Path, network: Any, path: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ChainruleError, match="but expected"):
        cr.numpy_page.save(network, path and tmp_path / path, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_several_heads_gives_them_by_name(tmp_path: Path) -> None:
    heads = cr.Heads({"rows": [cr.Dense(2)], 'say "kind"': [cr.Flatten(), cr.Dense(3), cr.Softmax()]})
    network = cr.Network([cr.Dense(4, "tanh"), heads], classes={'say "kind"': ["a", "b", "c"]}, inputs=(5, 3))
    x = np.random.default_rng(0).normal(size=(7, 5, 3)).astype(np.float32)
    path = tmp_path / "page.py"
    cr.numpy_page.save(network, path)
    page = runpy.run_path(str(path))
    expected: Any = cr.predict(network, x)
    found = page["predict"](x)
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-7)
    assert page["CLASSES"] == {'say "kind"': ["a", "b", "c"]}
    with pytest.raises(ChainruleError, match="Leave training_step out"):
        cr.numpy_page.save(network, path, training_step=True)


def of_page(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("page", path)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    return page


def test_a_page_prepares_a_table_as_the_network_does(tmp_path: Path) -> None:
    day = cr.data.Column("date", np.array(["2024-02-29T12:30", "NaT", "1969-12-31"], "datetime64[s]"))
    preparation = cr.data.Preparation(
        [
            cr.data.NumberColumn("si'ze", fill=2.5, flag=True),
            cr.data.CategoryColumn("kind", ['ro"se', "1", "(missing)"], fill="(missing)", other='ro"se'),
            cr.data.CategoryColumn("plain", ["a", "b"]),
            cr.data.CategoryColumn("member", ["false", "true"]),
            cr.data.DateColumn("day", list(PARTS), fill="2000-01-01", flag=True),
        ]
    )
    network = cr.Network([cr.Dense(2), cr.Tanh()], inputs=len(preparation.feature_names), preparation=preparation)
    cr.numpy_page.save(network, tmp_path / "page.py")
    columns = {
        "day": ["2024-02-29T12:30", None, "1969-12-31"],
        "plain": ["b", "a", "b"],
        "member": [True, "FALSE", "true"],
        "kind": ["", 1.0, "lily"],
        "si'ze": [None, 4, "7.5"],
    }
    cells = {"kind": ["", "1", "lily"], "member": ["True", "FALSE", "true"], "si'ze": [np.nan, 4.0, 7.5]}
    table = cr.data.Table.of({**columns, **cells, "day": day})
    page = of_page(tmp_path / "page.py")
    assert page.prepare(columns).tolist() == preparation.features(table).tolist()
    assert (page.predict(columns) == cr.predict(network, table)).all()
    with pytest.raises(KeyError, match="plain"):
        page.predict({name: cells for name, cells in columns.items() if name != "plain"})
    with pytest.raises(ValueError, match="a gap in row 1, column 'plain'"):
        page.predict({**columns, "plain": ["b", None, "b"]})


def test_a_page_takes_columns_by_name_where_the_network_does(tmp_path: Path) -> None:
    X = {"a": np.arange(6.0), "b": np.ones(6)}
    network = cr.Network([cr.Dense(1)])
    data = cr.data.Dataset(np.stack([*X.values()], axis=1), np.arange(6.0)[:, None], "ab", tuple(X))
    cr.train(network, data, epochs=1, verbose=0)
    cr.numpy_page.save(network, tmp_path / "page.py")
    page = of_page(tmp_path / "page.py")
    assert (page.predict({"b": X["b"], "a": X["a"], "c": X["a"]}) == cr.predict(network, data)).all()
    assert (page.predict(data.X) == cr.predict(network, data)).all()
