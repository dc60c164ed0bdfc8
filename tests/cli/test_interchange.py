"""Networks leave a run for other programs, and come in as runs that every command opens."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import chainrule as cr
from chainrule.cli import status
from tests.referees import needed

CAPTURED = pytest.CaptureFixture[str]
RECIPE = (
    'layers = "2-3-2"\nloss = "CategoricalCrossEntropy"\nphases = [{epochs = 2, learning_rate = 0.1}]\n'
    'data = {file = "flowers.csv", target = "kind", validation = 4, scale = "standard"}\n'
)
STATE = {"0.weight": np.eye(3, 2, dtype=np.float32), "2.weight": np.ones((2, 3), np.float32)}


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys: CAPTURED) -> str:
    """A run on a table with named classes, its data scaled."""
    rows = [f"{k % 2 + k / 100},{k % 2 - k / 50},{('rose', 'tulip')[k % 2]}" for k in range(20)]
    Path("flowers.csv").write_text("width,height,kind\n" + "\n".join(rows))
    Path("flowers.toml").write_text(RECIPE)
    said(capsys, "train flowers.toml --quiet --no-pictures")
    return "runs/flowers-001"


def said(capsys: CAPTURED, line: str, code: int = 0) -> str:
    capsys.readouterr()
    ended = status(line.split())
    captured = capsys.readouterr()
    assert ended == code, captured.err
    if code:
        assert captured.out == ""
        assert captured.err.count("\n") == 1
    return captured.err if code else captured.out


def answers(capsys: CAPTURED, folder: str) -> list[float]:
    Path("points.csv").write_text("width,height\n0.1,0.9\n1,-1\n0,0\n")
    rows = said(capsys, f"predict {folder} points.csv").splitlines()[1:]
    return [float(row.split(",")[2]) for row in rows]


def test_every_format_is_written_and_shown(capsys: CAPTURED, run: str) -> None:
    needed("onnx")
    told = said(capsys, f"export {run} --out a.onnx") + said(capsys, f"export {run} --out a.safetensors")
    told += said(capsys, f"export {run} --out a.py --training-step --beside")
    assert "model = nn.Sequential(nn.Identity(), nn.Linear(2, 3), nn.ReLU()" in told
    for name in ("a.onnx", "a.safetensors", "a.py", "a.npz"):
        assert name in told
        assert os.path.exists(name)
    assert "def step(" in Path("a.py").read_text()


@pytest.mark.parametrize(
    ("formats", "options"),
    [
        ("--out a.onnx", "--recipe flowers.toml"),
        ("--out a.safetensors", "--recipe flowers.toml --scaling none --activation ReLU --output Softmax"),
        ("", "--recipe flowers.toml"),
    ],
)
def test_what_was_exported_comes_back_and_every_command_opens_it(
    capsys: CAPTURED, run: str, formats: str, options: str
) -> None:
    if "onnx" in formats:
        needed("onnx")
    file = f"{run}/best.safetensors"
    if formats:
        said(capsys, f"export {run} {formats}")
        file = formats.split()[1]
    assert "go on     chainrule resume mine" in said(capsys, f"import {file} {options} --out mine")
    np.testing.assert_allclose(answers(capsys, "mine"), answers(capsys, run), rtol=1e-4)
    figures = [json.loads(said(capsys, f"evaluate {folder} --json"))["validation"] for folder in ("mine", run)]
    assert figures[0]["loss"] == pytest.approx(figures[1]["loss"], rel=1e-4)
    assert "every derivative is right" in said(capsys, "check mine")
    assert "softmax" in said(capsys, "explain mine").lower()
    more = json.loads(said(capsys, "resume mine --no-pictures --json"))
    assert more["epochs"] == 2
    again = json.loads(said(capsys, "resume mine --epochs 3 --learning-rate 0.01 --no-pictures --json"))
    assert again["epochs"] == 5


def test_without_a_recipe_a_run_answers_and_is_numbered(capsys: CAPTURED) -> None:
    save_file(STATE, "my net.safetensors")
    assert status(["import", "my net.safetensors", "--activation", "Tanh"]) == 0
    assert status(["import", "my net.safetensors", "--activation", "Tanh"]) == 0
    capsys.readouterr()
    assert sorted(os.listdir("runs")) == ["my-net-001", "my-net-002"]
    network, recipe = cr.recipes.load_run("runs/my-net-002")
    assert recipe is None
    assert repr(network.layers) == "[Dense(3, inputs=2, use_bias=False), Tanh(), Dense(2, inputs=3, use_bias=False)]"
    (prediction,) = cr.predict(network, [[1.0, 0.5]])
    np.testing.assert_allclose(prediction, [np.tanh(1) + np.tanh(0.5)] * 2, rtol=1e-6)
    assert "imported from 'my net.safetensors'" in said(capsys, "log runs/my-net-002")


@pytest.mark.parametrize(
    ("target", "output", "loss"),
    [("kind", "", "SoftmaxCrossEntropy"), ("kind", "--output Softmax", "CategoricalCrossEntropy"),
     ("width", "", "MeanSquaredError")],
)  # fmt: skip
def test_a_file_alone_says_what_to_go_on_with(capsys: CAPTURED, run: str, target: str, output: str, loss: str) -> None:
    outputs = 2 if target == "kind" else 1
    state = {**STATE, "2.weight": STATE["2.weight"][:outputs]}
    if target == "width":
        Path("flowers.csv").write_text("width,a,b\n" + "".join(f"{k / 3},{k / 5},{1 / (k + 1)}\n" for k in range(8)))
    save_file(state, "a.safetensors")
    said(capsys, f"import a.safetensors --activation ReLU {output} --data flowers.csv --target {target} --out mine")
    _, recipe = cr.recipes.load_run("mine")
    assert recipe is not None
    assert recipe.loss == loss
    result = json.loads(said(capsys, "resume mine --epochs 1 --no-pictures --json"))
    assert result["train"]["loss"] > 0


def test_a_sigmoid_of_one_output_goes_on_with_the_cross_entropy_of_two_classes(capsys: CAPTURED, run: str) -> None:
    save_file({"0.weight": np.ones((1, 2), np.float32)}, "a.safetensors")
    for output, loss in (("--output Sigmoid", "BinaryCrossEntropy"), ("", "SigmoidBinaryCrossEntropy")):
        said(capsys, f"import a.safetensors {output} --data flowers.csv --target kind --out {loss}")
        _, recipe = cr.recipes.load_run(loss)
        assert recipe is not None
        assert recipe.loss == loss


BAD = [
    ("export {run}", "export: got no format, but expected --to onnx, torch, numpy_page, or a file that ends in"),
    ("export gone --out a.onnx", "got nothing there"),
    ("export {run} --to torch", "export: got no place to write to, but expected a file. Add --out model.safetensors"),
    (
        "export {run} --to keras --out a",
        "--to: got 'keras', but expected one of the known names. Known: numpy_page, onnx",
    ),
    ("export {run} --out a.h5", "got --out 'a.h5', which ends as no format does"),
    ("export {run} --out a.onnx --training-step", "got --training-step without a page"),
    ("export {run} --out a.onnx --beside", "got --beside without a page"),
    ("export {run} --out a.py --inputs features", "got --inputs without ONNX"),
    ("export {run} --to numpy_page --out a.txt", "expected a path that ends in .py"),
    ("export {run} --to numpy_page --out - --beside", "got --beside with --out -"),
    ("export {run} --to torch --out flowers.csv", "'flowers.csv', which is there already, but expected a new file"),
    ("export {run} --weights first --to torch --out a", "--weights: got 'first'"),
    ("export {run} --to torch --out no/such/folder/a", "torch.save"),
    ("import gone.onnx", "onnx.load 'gone.onnx'"),
    ("import gone.safetensors", "import 'gone.safetensors'"),
    ("import flowers.csv", "a table, and no model, but expected a name that ends in .safetensors"),
    ("import a.safetensors", "weights of 2 layers alone, but expected to be told what stands between"),
    ("import a.safetensors --activation relu", "--activation: got 'relu', but expected a layer. Write 'ReLU'"),
    ("import a.safetensors --activation ReLU --output Dense", "--output"),
    ("import a.safetensors --activation ReLU --order 0,1", "order=['0', '1']"),
    ("import {run}/best.safetensors --activation ReLU", "--activation with a file that says it itself"),
    ("import a.safetensors --activation ReLU --recipe flowers.toml", "Add --scaling recipe if it does"),
    ("import a.safetensors --activation ReLU --scaling recipe", "got scaling 'recipe' without a recipe"),
    ("import a.safetensors --activation ReLU --target kind", "got the target 'kind' without data"),
    ("import a.safetensors --activation ReLU --scaling all", "--scaling: got 'all'"),
    ("import a.safetensors --activation ReLU --recipe xro", "Did you mean 'xor'"),
    (
        "import a.safetensors --activation ReLU --recipe digits --scaling none",
        "samples of shape (2,), but expected (64,)",
    ),
    ("import a.safetensors --activation ReLU --data flowers.csv --target knid", "Did you mean 'kind'"),
    ("import {run}/best.safetensors --out runs", "'runs', which is there already, but"),
    ("import {run}/best.safetensors --recipe xor", "the classes rose, tulip, but expected those of the data"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[line for line, _ in BAD])
def test_what_can_not_be_done_is_one_line_and_leaves_nothing_behind(
    capsys: CAPTURED, run: str, line: str, message: str
) -> None:
    save_file(STATE, "a.safetensors")
    before = sorted(Path().rglob("*"))
    assert message in said(capsys, line.format(run=run), code=2)
    assert sorted(Path().rglob("*")) == before


def test_an_export_is_written_over_if_that_is_said(capsys: CAPTURED, run: str) -> None:
    Path("a.py").write_text("mine")
    said(capsys, f"export {run} --out a.py", code=2)
    assert Path("a.py").read_text() == "mine"
    said(capsys, f"export {run} --out a.py --overwrite")
    assert "def predict" in Path("a.py").read_text()


def test_a_run_that_can_not_be_written_is_not_there_at_all(
    capsys: CAPTURED, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise cr.errors.FileError("run", given="a full disk", expected="room", fix="Make room")

    monkeypatch.setattr("chainrule.recipes.import_run.write", refuse)
    assert "a full disk" in said(capsys, f"import {run}/best.safetensors --recipe flowers.toml --out mine", code=2)
    assert not os.path.exists("mine")


def test_layers_that_a_recipe_has_no_words_for_are_refused_with_data_and_taken_without(
    capsys: CAPTURED, run: str
) -> None:
    tied = cr.Dense(2, inputs=2)
    cr.save(cr.Network([tied, cr.Tanh(), tied, cr.Softmax()]), "tied.safetensors")
    refused = said(capsys, "import tied.safetensors --data flowers.csv --target kind --out mine", code=2)
    assert "used twice" in refused
    said(capsys, "import tied.safetensors --out mine")
    assert len(answers(capsys, "mine")) == 3


def test_commands_that_are_shown_may_be_pasted(capsys: CAPTURED, run: str) -> None:
    os.mkdir("$(touch it); x")
    ended = status(["import", f"{run}/best.safetensors", "--recipe", "flowers.toml", "--out", "$(touch it); x/run"])
    captured = capsys.readouterr()
    assert ended == 0, captured.err
    assert "go on     chainrule resume '$(touch it); x/run'" in captured.out

    assert status(["export", run, "--out", 'a" + exit() + "b.safetensors']) == 0
    assert r'load_file("a\" + exit() + \"b.safetensors")' in capsys.readouterr().out


def test_a_network_with_several_outputs_is_imported_exported_and_else_refused_in_one_line(capsys: CAPTURED) -> None:
    needed("onnx")
    heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
    cr.save(cr.Network([cr.Dense(3), heads], inputs=2), "two.safetensors")
    Path("points.csv").write_text("a,b\n0.1,0.9\n1,-1\n")
    said(capsys, "import two.safetensors")
    said(capsys, "export runs/two-001 --out two.onnx")
    advice = "cr.save(network.head('price'), 'price.safetensors')"
    for line in ("predict runs/two-001 points.csv", "import two.safetensors --data points.csv --target b"):
        assert advice in said(capsys, line, code=2)
    cr.save(cr.load("two.safetensors").head("price"), "price.safetensors")
    assert said(capsys, "predict price.safetensors points.csv").startswith("row")
    Path("two.toml").write_text(
        'loss = "MeanSquaredError"\nphases = [{epochs = 2, learning_rate = 0.1}]\n'
        'data = {file = "points.csv", target = "b"}\n'
        '[[layers]]\ntype = "Heads"\nheads = {p = [{type = "Dense", units = 1}], q = [{type = "Dense", units = 1}]}\n'
    )
    assert "the heads 'p', 'q'" in said(capsys, "train two.toml", code=2)
