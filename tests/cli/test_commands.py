"""The other commands: help, evaluate, predict, ops, recipes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.cli.commands import COMMANDS
from chainrule.errors import printable
from chainrule.recipes.answering import answer
from tests.terminal import Terminal

CAPTURED = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lines(capsys: CAPTURED, *arguments: str, code: int = 0) -> list[str]:
    capsys.readouterr()
    assert status(list(arguments)) == code
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def run(capsys: CAPTURED) -> str:
    """A run of xor in this folder."""
    assert status(["train", "xor", "--quiet", "--no-pictures"]) == 0
    capsys.readouterr()
    return "runs/xor-001"


@pytest.fixture
def flowers(capsys: CAPTURED) -> str:
    """A run on a table with named classes in this folder."""
    rows = [f"{k % 2},{k % 2},{('rose', 'tulip')[k % 2]}" for k in range(20)]
    Path("flowers.csv").write_text("width,height,kind\n" + "\n".join(rows))
    Path("flowers.toml").write_text(
        'layers = "2-2"\nloss = "CategoricalCrossEntropy"\nphases = [{epochs = 50, learning_rate = 0.1}]\n'
        'data = {file = "flowers.csv", target = "kind", validation = 4}\n'
    )
    assert status(["train", "flowers.toml", "--quiet", "--no-pictures"]) == 0
    capsys.readouterr()
    return "runs/flowers-001"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_names_every_command(capsys: CAPTURED, arguments: list[str]) -> None:
    text = "\n".join(lines(capsys, *arguments))
    for name, (_, what) in COMMANDS.items():
        assert name in text
        assert what in text


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(capsys: CAPTURED, command: str) -> None:
    assert lines(capsys, command, "--help")[0].startswith(f"Usage: chainrule {command}")


def test_the_version_is_the_packages(capsys: CAPTURED) -> None:
    assert lines(capsys, "--version") == [f"chainrule {cr.__version__}"]


def test_help_imports_no_command_and_nothing_heavy() -> None:
    heavy = ("tqdm", "matplotlib", "msgspec", "threadpoolctl", "chainrule.cli.listings", "chainrule.cli.train")
    code = (
        "import sys; from chainrule.cli import status; status(['--help']); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_evaluate_repeats_the_figures_of_the_run(capsys: CAPTURED) -> None:
    trained = json.loads(lines(capsys, "train", "digits", "--epochs", "2", "--json", "--no-pictures")[0])
    found = json.loads(lines(capsys, "evaluate", trained["run"], "--json")[0])
    kept = {"weights": "best", "epoch": 2}
    assert found.items() >= {**kept, "run": trained["run"]}.items()
    for part in ("train", "validation", "test"):
        assert found[part].items() >= trained[part].items()
        intervals = found[part]["intervals"]
        assert intervals["error_rate"][0] < found[part]["error_rate"] < intervals["error_rate"][1]
    assert [row["class"] for row in found["test"]["classes"]] == [str(k) for k in range(10)]
    assert np.sum(found["test"]["confusion_matrix"]) == found["test"]["samples"]


def test_evaluate_measures_each_part_apart(capsys: CAPTURED, flowers: str) -> None:
    weights, *parts = lines(capsys, "evaluate", flowers)
    assert weights.startswith("best weights, of epoch ")
    assert [line.split()[0] for line in parts[:2]] == ["train", "validation"]


def test_evaluate_prints_a_table_of_the_last_part(capsys: CAPTURED, flowers: str) -> None:
    table = lines(capsys, "evaluate", flowers)[3:]
    assert table[1] == "Validation samples, which have chosen its weights:"
    assert [line.split()[0] for line in table[2:5]] == ["class", "rose", "tulip"]
    assert any(line.startswith("error rate ") and " to " in line for line in table)


def test_evaluate_prints_errors_of_amounts_in_their_unit(capsys: CAPTURED) -> None:
    Path("prices.csv").write_text("a,price\n" + "".join(f"{i % 5},{1.5 + i % 5}\n" for i in range(40)))
    Path("prices.toml").write_text(
        'layers = "1-1"\nloss = "MeanSquaredError"\noptimizer = "Adam"\nbatch_size = 8\n'
        "phases = [{ epochs = 60, learning_rate = 0.1 }]\n"
        'data = { file = "prices.csv", target = "price", task = "regression" }\n'
    )
    lines(capsys, "train", "prices.toml", "--quiet", "--no-pictures")
    printed = lines(capsys, "evaluate", "runs/prices-001")
    assert any(line.startswith("root mean squared error ") and " to " in line for line in printed)
    assert printed[-1].startswith("Errors are in the unit of the target, whose mean and deviation are 3.5000 ± 1.4142")
    found = json.loads(lines(capsys, "evaluate", "runs/prices-001", "--json")[0])["train"]
    assert found["targets"][0]["root_mean_squared_error"] == found["root_mean_squared_error"]


def test_evaluate_cuts_a_hundred_classes_and_says_where_all_are(capsys: CAPTURED) -> None:
    network = cr.Network([cr.Dense(100), cr.Softmax()])
    X, y = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32), np.arange(200) % 100
    np.savez("many.npz", X=X, y=y)
    cr.train(network, X, y, epochs=1)
    cr.save(network, "many.safetensors")
    printed = lines(capsys, "evaluate", "many.safetensors", "--data", "many.npz")
    assert len(printed) < 32
    assert "These are the 10 of 100 classes with the smallest F1; --json has all." in printed
    assert (
        len(
            json.loads(lines(capsys, "evaluate", "many.safetensors", "--data", "many.npz", "--json")[0])["data"][
                "classes"
            ]
        )
        == 100
    )


def test_importance_names_the_columns_that_matter(capsys: CAPTURED, flowers: str) -> None:
    first, second, _, *rows = lines(capsys, "importance", flowers, "--repeats", "3")
    assert first.endswith(", on the validation samples")
    assert second.startswith("loss ")
    assert second.endswith("by how much it grows where a column is shuffled, 3 times:")
    assert {row.split()[0] for row in rows} == {"width", "height"}
    told = json.loads(
        lines(capsys, "importance", flowers, "--metric", "error_rate", "--data", "flowers.csv", "--json")[0]
    )
    assert (told["figure"], told["part"]) == ("error_rate", "data")
    assert {row["name"] for row in told["columns"]} == {"width", "height"}


def test_evaluate_measures_on_another_file(capsys: CAPTURED, flowers: str) -> None:
    Path("more.csv").write_text("width,height,kind\n1,1,tulip\n1,1,tulip\n")
    found = json.loads(lines(capsys, "evaluate", flowers, "--data", "more.csv", "--json")[0])
    assert found["data"]["error_rate"] == 0


def test_evaluate_takes_a_model_file_with_data(capsys: CAPTURED, run: str) -> None:
    Path("xor.csv").write_text("a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    model = f"{run}/last.safetensors"
    found = json.loads(lines(capsys, "evaluate", model, "--data", "xor.csv", "--target", "y", "--json")[0])
    assert found["data"]["error_rate"] == 0


def test_predict_prints_class_and_probability_of_each_row(capsys: CAPTURED, run: str) -> None:
    np.save("x.npy", cr.data.xor().X)
    rows = [line.split(",") for line in lines(capsys, "predict", run, "x.npy")]
    assert rows[0] == ["row", "class", "probability"]
    assert [row[:2] for row in rows[1:]] == [["1", "0"], ["2", "1"], ["3", "1"], ["4", "0"]]
    assert all(0.992 < float(row[2]) <= 1 for row in rows[1:])


def test_predict_names_classes_and_leaves_out_the_column_it_predicts(capsys: CAPTURED, flowers: str) -> None:
    Path("new.csv").write_text("width,height\n1,1\n0,0\n")
    first = lines(capsys, "predict", flowers, "new.csv")
    assert [line.split(",")[1] for line in first] == ["class", "tulip", "rose"]
    assert len(lines(capsys, "predict", flowers, "flowers.csv")) == 21


def test_predict_writes_a_file(capsys: CAPTURED, flowers: str) -> None:
    assert lines(capsys, "predict", flowers, "flowers.csv", "--out", "answers.csv") == ["20 answers in answers.csv"]
    assert Path("answers.csv").read_text().splitlines() == lines(capsys, "predict", flowers, "flowers.csv")


def test_predict_gives_numbers_where_the_targets_are_quantities(capsys: CAPTURED) -> None:
    Path("curve.toml").write_text(
        'layers = "1-4-1"\nloss = "MeanSquaredError"\nphases = [{epochs = 2, learning_rate = 0.01}]\n'
        'data = {name = "curve"}\n'
    )
    assert status(["train", "curve.toml", "--quiet", "--no-pictures"]) == 0
    Path("x.csv").write_text("x\n0.5\n")
    header, row = lines(capsys, "predict", "runs/curve-001", "x.csv")
    assert header == "row,prediction"
    network, _ = cr.recipes.load_run("runs/curve-001")
    assert float(row.split(",")[1]) == pytest.approx(float(cr.predict(network, [[0.5]])[0, 0]), rel=1e-5)


def test_predict_of_a_network_without_probabilities_says_output(capsys: CAPTURED) -> None:
    assert status(["train", "xor-document", "--epochs", "3", "--quiet", "--no-pictures"]) == 0
    np.save("x.npy", cr.data.xor().X)
    assert lines(capsys, "predict", "runs/xor-document-001", "x.npy")[0] == "row,class,output"


@pytest.mark.parametrize("written", ["1,0", "1, 0", "1 0", "(1,0)", "[1.0, 0]", "1;0", "+1,0.", "1e0,.0"])
def test_predict_answers_for_a_sample_that_is_written_out(capsys: CAPTURED, run: str, written: str) -> None:
    network, _ = cr.recipes.load_run(run)
    history = cr.recipes.open_run(run).history
    best = history.epochs[history.best_epoch - 1]
    output = float(cr.predict(network, [[1, 0]])[0, 0])
    assert lines(capsys, "predict", run, written) == [
        "prediction  1",
        f"confidence  {100 * output:.2f} %",
        f"error       {best.loss:.6g}, the training loss of epoch {best.epoch}",
    ]
    told = json.loads(lines(capsys, "predict", run, written, "--json", "--weights", "last")[0])
    last = history.epochs[-1]
    assert told == {"run": run, "sample": [1, 0], "prediction": "1", "confidence": pytest.approx(output, abs=1e-3),
                    "outputs": told["outputs"], "weights": "last", "error": last.loss, "epoch": last.epoch}  # fmt: skip


def test_predict_is_as_sure_of_a_0_as_the_output_is_near_it(capsys: CAPTURED, run: str) -> None:
    network, _ = cr.recipes.load_run(run)
    output = float(cr.predict(network, [[0, 0]])[0, 0])
    said = lines(capsys, "predict", run, "0,0")
    assert said[:2] == ["prediction  0", f"confidence  {100 * (1 - output):.2f} %"]
    assert lines(capsys, "predict", run, "-1,-0.5")[0].startswith("prediction ")
    of_file = json.loads(lines(capsys, "predict", f"{run}/best.safetensors", "0,0", "--json")[0])
    assert (of_file["error"], of_file["weights"]) == (None, None)
    assert len(lines(capsys, "predict", f"{run}/best.safetensors", "0,0")) == 2


# Layers and loss, names of classes, parameters; what is said of (1, 0), and how sure it is.
ENDS: dict[str, tuple[Any, Any, list[float], Any, float | None]] = {
    "softmax": ([[cr.Dense(3, inputs=2), cr.Softmax()]], "abc", [0, 1, 0, 0, 0, 0, 0, 0, 0], "b", np.e / (np.e + 2)),
    "logits": ([[cr.Dense(1, inputs=2)], cr.SigmoidBinaryCrossEntropy()], None, [2, 0, 0], "1", 1 / (1 + np.exp(-2))),
    "tanh": ([[cr.Dense(1, inputs=2), cr.Tanh()]], ["no", "yes"], [-0.1, 0, 0], "no", 1 - np.tanh(0.1)),
    "above 1": ([[cr.Dense(1, inputs=2)]], ["no", "yes"], [1.25, 0, 0], "yes", 0.75),
    "labels": ([[cr.Dense(2, inputs=2), cr.Sigmoid()], cr.BinaryCrossEntropy()], None, [0, 1, 0, 0, -2, 0], ["1"],
               1 / (1 + np.exp(-1))),
    "numbers": ([[cr.Dense(1, inputs=2)]], None, [1.5, 0, 0], 1.5, None),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS)
def test_how_sure_a_network_is_of_what_it_says(end: str) -> None:
    made, classes, parameters, prediction, confidence = ENDS[end]
    network = cr.Network(*made, classes=None if classes is None else list(classes))
    network.parameters[:] = parameters
    told = answer(network, [1, 0])
    assert told["prediction"] == prediction
    assert told["confidence"] == (None if confidence is None else pytest.approx(confidence, rel=1e-6))


def test_predict_takes_a_file_of_that_name_before_the_numbers(capsys: CAPTURED, run: str) -> None:
    np.save("1.npy", cr.data.xor().X)
    Path("1.npy").rename("1,0")
    assert len(lines(capsys, "predict", run, "1,0")) == 5


def test_predict_refuses_other_counts_of_numbers_and_a_file_for_one(capsys: CAPTURED, run: str) -> None:
    for arguments, words in (["1,0,1"], "expected 2 features"), (["1,0", "--out", "a.csv"], "Leave --out out"):
        assert status(["predict", run, *arguments]) == 2
        assert words in capsys.readouterr().err


def test_predict_and_evaluate_take_each_label_for_itself(capsys: CAPTURED) -> None:
    x = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    y = np.stack([x[:, 0] > 0, x.sum(axis=1) > 0], axis=1).astype(np.float32)
    network = cr.Network([cr.Dense(2), cr.Sigmoid()], classes=["sunny", "windy"])
    cr.train(network, x, y, epochs=2)
    cr.save(network, "weather.safetensors")
    np.save("x.npy", x)
    np.savez("both.npz", X=x, y=y)
    rows = [line.split(",") for line in lines(capsys, "predict", "weather.safetensors", "x.npy")]
    assert rows[0] == ["row", "sunny", "windy", "probability sunny", "probability windy"]
    assert [[int(value) for value in row[1:3]] for row in rows[1:]] == cr.classify(network, x).tolist()
    found = json.loads(lines(capsys, "evaluate", "weather.safetensors", "--data", "both.npz", "--json")[0])["data"]
    assert found["error_rate"] == pytest.approx((cr.classify(network, x) != y).mean())


def test_ops_prints_every_op(capsys: CAPTURED) -> None:
    assert lines(capsys, "ops") == cr.ops.table().splitlines()


@pytest.mark.parametrize("name", ["leaky_relu", "LeakyReLU"])
def test_ops_with_a_name_prints_its_page(capsys: CAPTURED, name: str) -> None:
    found = lines(capsys, "ops", name)
    assert found[0] == "leaky_relu(z)    cr.LeakyReLU"
    assert any(line.startswith("∂z = ") for line in found)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A function that runs a command on a terminal and returns the lines it shows there."""

    monkeypatch.setenv("TERM", "xterm")

    def shown(*arguments: str, columns: int) -> list[str]:
        made = Terminal()
        monkeypatch.setenv("COLUMNS", str(columns))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", made)
            assert status(list(arguments)) == 0
        return made.getvalue().splitlines()

    return shown


def test_ops_are_a_table_on_a_terminal(terminal: Callable[..., list[str]]) -> None:
    first, *lines = terminal("ops", columns=250)
    assert re.fullmatch(r"\x1b\[1mop +roles +function +derivatives\x1b\[0m", first)
    rows = [re.split("  +", line) for line in lines]
    assert [row[0] for row in rows if row[0]] == list(cr.ops.all_ops())
    sine = next(row for row in rows if row[0] == "sin")
    assert sine[1:] == ["z", "y = sin(z)", "∂z = ∂y · cos(z)"]


@pytest.mark.parametrize("columns", [60, 90])
def test_a_table_is_no_wider_than_the_terminal_and_loses_nothing(
    terminal: Callable[..., list[str]], columns: int
) -> None:
    narrow, wide = (terminal("ops", columns=width)[1:] for width in (columns, 250))
    assert max(map(len, narrow)) <= columns < max(map(len, wide))
    assert sorted("".join(narrow).replace(" ", "")) == sorted("".join(wide).replace(" ", ""))


def test_on_a_dumb_terminal_nothing_is_bold(
    terminal: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert terminal("ops", columns=250)[0].startswith("op  ")


def test_runs_are_listed_with_their_loss_where_there_is_no_error(capsys: CAPTURED) -> None:
    Path("curve.toml").write_text(
        'layers = "1-4-1"\nloss = "MeanSquaredError"\nphases = [{epochs = 2, learning_rate = 0.01}]\n'
        'data = {name = "curve"}\n'
    )
    found = json.loads(lines(capsys, "train", "curve.toml", "--json", "--no-pictures")[0])
    _, row = lines(capsys, "runs")
    assert re.split("  +", row)[:4] == ["curve-001", "2/2", "finished", f"train loss {found['train']['loss']:.5f}"]


@pytest.mark.parametrize("option", [["--csv", "log.csv"], ["--tensorboard", "events"]], ids=["csv", "tensorboard"])
def test_a_run_without_an_epoch_has_no_log_to_export(capsys: CAPTURED, run: str, option: list[str]) -> None:
    Path(run, "log.jsonl").write_text("")
    assert status(["log", run, *option]) == 2
    assert f"log {run!r}: got no epoch yet, but expected at least one" in capsys.readouterr().err
    assert not Path(option[1]).exists()


def test_recipes_lists_them_all(capsys: CAPTURED) -> None:
    found = [line.split()[0] for line in lines(capsys, "recipes") if line]
    assert found[:-1] == cr.recipes.names()


def test_recipes_with_a_name_prints_a_recipe_that_works(capsys: CAPTURED) -> None:
    Path("mine.toml").write_text("\n".join(lines(capsys, "recipes", "xor")))
    assert status(["train", "mine.toml", "--epochs", "2", "--quiet", "--no-pictures"]) == 0


def test_text_is_shown_on_one_line_without_control_characters() -> None:
    assert printable("a\x1b[31m\nb\u202e é") == "a\\x1b[31m\\nb\\u202e é"
