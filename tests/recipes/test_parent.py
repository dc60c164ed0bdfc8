"""Runs that begin with the weights of another: the same bytes as in Python, anything changed, and what can't fit."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import FileError, InputError, InputWarning, TrainingWarning
from chainrule.recipes.samples import gather

DIGITS = recipes.override(recipes.load("digits"), epochs=3)
RATE = 0.0005
Say = pytest.CaptureFixture[str]


def with_(recipe: recipes.Recipe, **changes: Any) -> recipes.Recipe:
    return msgspec.structs.replace(recipe, **changes)


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(recipes.run(DIGITS, out=tmp_path_factory.mktemp("parents")).run)


@pytest.fixture
def at_home(parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a copy of the parent, and return its path from there."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(parent, "runs/digits-001")
    return Path("runs/digits-001")


def story(run: str | Path) -> list[str]:
    return Path(run, "log.txt").read_text().splitlines()


def flowers(path: Path, names: str, columns: int = 2) -> None:
    rng = np.random.default_rng(0)
    rows = [",".join([*(f"{v:.3f}" for v in rng.normal(k, 0.3, columns)), n]) for k, n in enumerate(names.split())]
    header = ",".join([*(f"x{k}" for k in range(columns)), "kind"])
    path.write_text("\n".join([header, *rows * 20, ""]))


@pytest.mark.parametrize("weights", ["best", "last"])
def test_the_command_and_python_come_to_the_same_bytes(at_home: Path, weights: str, capsys: Say) -> None:
    told = ["--from", str(at_home), "--weights", weights, "--learning-rate", str(RATE), "--epochs", "2"]
    assert status(["train", "digits", *told, "--no-pictures"]) == 0
    step = 1 if weights == "best" else 118
    first = (
        f"begins    at learning rate 0.0005, step {step} of Adam, with the {weights} weights of {at_home}, of epoch 3"
    )
    assert capsys.readouterr().out.startswith(f"{first}\n")
    assert story("runs/digits-002")[0] == first
    network = cr.load(at_home / f"{weights}.safetensors")
    network.optimizer.learning_rate = RATE
    samples = gather(DIGITS)
    history = cr.train(network, *samples.train, epochs=2, validation_data=samples.validation, batch_size=32)
    assert history.began == f"learning rate 0.0005, step {step} of Adam"
    child = cr.load("runs/digits-002/best.safetensors")
    assert network.parameters.tobytes() == child.parameters.tobytes()
    network.parameters[:] = history.last_parameters
    assert cr.dumps(network) == cr.dumps(cr.load("runs/digits-002/last.safetensors"))


def test_another_optimizer_is_new_as_that_of_a_copy_is(parent: Path, tmp_path: Path) -> None:
    recipe = recipes.override(with_(DIGITS, optimizer="SGD"), learning_rate=0.01, start=parent, weights="last")
    result = recipes.run(recipe, out=tmp_path)
    assert "step 1 of SGD, with the last weights of" in story(result.run)[0]
    network = cr.load(parent / "last.safetensors").copy(optimizer=cr.SGD(0.01))
    cr.train(network, *result.samples.train, epochs=3, validation_data=result.samples.validation)
    assert network.parameters.tobytes() == result.network.parameters.tobytes()


CHANGES: dict[str, Callable[[recipes.Recipe], recipes.Recipe]] = {
    "l2": lambda recipe: recipes.override(recipe, l2=0.01),
    "batch": lambda recipe: recipes.override(recipe, batch_size=7),
    "seed": lambda recipe: recipes.override(recipe, seed=5),
    "dtype": lambda recipe: recipes.override(recipe, dtype="float64"),
    "dropout": lambda recipe: with_(recipe, dropout=0.2, input_dropout=0.1),
    "loss": lambda recipe: with_(recipe, loss="CategoricalFocalCrossEntropy"),
    "a loss of another kind": lambda recipe: with_(
        recipe, loss="MeanSquaredError", output="Softmax", data=with_(recipe.data, one_hot=True)
    ),
    "samples held out": lambda recipe: with_(recipe, data=with_(recipe.data, validation=100, seed=3)),
    "images that are turned": lambda recipe: with_(recipe, augment=recipes.recipe.Affine(shift=0.5)),
}


@pytest.mark.parametrize("weights", ["best", "last"])
@pytest.mark.parametrize("change", CHANGES)
def test_anything_but_the_layers_may_be_changed(parent: Path, tmp_path: Path, change: str, weights: Any) -> None:
    recipe = recipes.override(CHANGES[change](DIGITS), learning_rate=1e-30, epochs=1, start=parent, weights=weights)
    result = recipes.run(with_(recipe, optimizer="SGD"), out=tmp_path)
    theirs, _ = recipes.load_run(parent, weights)
    assert np.allclose(result.network.parameters, theirs.parameters, rtol=0, atol=1e-20)
    assert result.network.dtype == recipe.dtype
    assert type(result.network.loss).__name__ == recipe.loss
    assert result.network.l2 == recipe.l2


def test_the_run_names_its_parent_wherever_runs_are_told_of(at_home: Path, capsys: Say) -> None:
    line = ["train", "--from", str(at_home), "--learning-rate", "1e-4", "--epochs", "1", "--no-pictures"]
    assert status([*line, "--json"]) == 0
    start = {"run": str(at_home), "weights": "best"}
    assert json.loads(capsys.readouterr().out)["start"] == start
    assert status([*line, "--weights", "last", "--quiet"]) == 0
    assert '[start]\nrun = "../digits-001"\nweights = "last"\n' in Path("runs/digits-003/recipe.toml").read_text()
    capsys.readouterr()
    assert status(["runs"]) == 0
    head, *rows = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert head.endswith("from")
    assert [row.partition(" s")[2].strip() for row in rows] == ["", f"{at_home} best", f"{at_home} last"]
    assert status(["runs", "--json"]) == 0
    assert [run["start"] for run in json.loads(capsys.readouterr().out)["runs"]] == [
        None, start, {**start, "weights": "last"},
    ]  # fmt: skip
    assert status(["compare", "runs/digits-001", "runs/digits-002"]) == 0
    assert re.search(r"start\.run +– +runs/digits-001", capsys.readouterr().out)
    assert recipes.open_run("runs/digits-001").recipe.start is None


def test_no_parents_no_column(at_home: Path, capsys: Say) -> None:
    assert status(["runs"]) == 0
    assert "from" not in capsys.readouterr().out.splitlines()[0]


def test_a_run_as_a_recipe_is_a_new_run_and_says_how_to_go_on(at_home: Path, capsys: Say) -> None:
    assert status(["train", str(at_home), "--no-pictures"]) == 0
    said = capsys.readouterr().out.splitlines()[0]
    assert said == f"again     the recipe of {at_home}, from its start; to go on from its weights add --from {at_home}"
    assert story("runs/digits-002")[0] == said
    for name in ("best.safetensors", "last.safetensors"):
        assert Path("runs/digits-002", name).read_bytes() == (at_home / name).read_bytes()
    recipes.run(at_home, out="others")
    assert story("others/digits-001")[0] == said
    advice = re.search(r"--from .*", said)
    assert advice is not None
    line = ["train", str(at_home), *advice[0].split(), "--learning-rate", "1e-4", "--epochs", "1", "--no-pictures"]
    assert status(line) == 0
    assert capsys.readouterr().out.startswith(
        "begins    at learning rate 0.0001, step 1 of Adam, with the best weights"
    )


def test_children_have_children_and_each_is_made_again_from_its_recipe(at_home: Path) -> None:
    before, folder = at_home, ""
    for rate in (1e-3, 1e-4):
        folder = recipes.run(recipes.override(DIGITS, start=before, learning_rate=rate, epochs=2), out="runs").run
        assert f"with the best weights of {before}" in story(folder)[0]
        before = Path(folder)
    assert recipes.open_run(folder).recipe.start.run.endswith("digits-002")
    again = recipes.run(folder, out="runs").run
    assert [line.split(",")[-2:] for line in story(again)[:1]] == [line.split(",")[-2:] for line in story(folder)[:1]]
    assert Path(again, "last.safetensors").read_bytes() == Path(folder, "last.safetensors").read_bytes()
    moved = shutil.move("runs", "elsewhere")
    assert recipes.run(f"{moved}/digits-003", out="runs").network.parameters.size == 6570


def test_a_run_goes_on_when_its_parent_is_gone_and_says_that_it_is_where_it_is_needed(
    at_home: Path, capsys: Say
) -> None:
    recipe = recipes.override(DIGITS, start=at_home, learning_rate=1e-3, epochs=4)
    whole = recipes.run(recipe, out="whole").run

    class Stop(cr.Callback):
        def after_step(self, training: cr.training.Training) -> None:
            if training.step == 50:
                signal.raise_signal(signal.SIGINT)

    folder = recipes.run(recipe, out="runs", callbacks=[Stop()]).run
    shutil.rmtree(at_home)
    assert recipes.resume(folder).history.stopped == "finished"
    for name in ("best.safetensors", "last.safetensors"):
        assert Path(folder, name).read_bytes() == Path(whole, name).read_bytes()
    assert status(["runs"]) == status(["compare", whole, folder]) == status(["evaluate", folder]) == 0
    capsys.readouterr()
    assert status(["train", folder]) == 2
    assert "Error: start " in capsys.readouterr().err


def test_a_schedule_that_starts_again_is_warned_of_in_a_line(at_home: Path, capsys: Say) -> None:
    code = "import sys; from chainrule.cli import main; main(sys.argv[1:])"
    line = [sys.executable, "-c", code, "train", "--from", str(at_home), "--epochs", "1", "--quiet", "--no-pictures"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stderr.startswith(
        "Warning: train: got a network that has been trained, and whose schedule starts again"
    )
    assert done.stderr.count("\n") == 1
    rate = re.search(r"--learning-rate [0-9.e-]+", done.stderr)
    assert rate is not None
    done = subprocess.run([*line, *rate[0].split()], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    with pytest.warns(TrainingWarning, match="starts again"):
        recipes.run(recipes.override(recipes.load("digits"), l2=0.1, epochs=3, start=at_home), out="others")


REFUSED: dict[str, tuple[Callable[[Path], recipes.Recipe], str]] = {
    "fewer units": (
        lambda run: recipes.override(DIGITS, layers="64-64-16-10", start=run),
        r"recipe digits, layers: got Dense\(16, inputs=64\) where .* has Dense\(32, inputs=64\)",
    ),
    "a layer more": (
        lambda run: recipes.override(DIGITS, layers="64-64-32-32-10", start=run),
        r"got Dense\(32, inputs=32\) where .* has Dense\(10, inputs=32\)",
    ),
    "another activation": (
        lambda run: recipes.override(with_(DIGITS, activation="Tanh"), start=run),
        r"got Tanh\(\) where .* has ReLU\(\), but expected the layers of the run",
    ),
    "no end": (
        lambda run: recipes.override(with_(DIGITS, loss="SoftmaxCrossEntropy"), start=run),
        r"got no more layers where .* has Softmax\(\)",
    ),
    "no scaling": (
        lambda run: recipes.override(with_(DIGITS, data=with_(DIGITS.data, scale="none")), start=run),
        r"got Dense\(64, inputs=64\) where .* has Rescale",
    ),
    "other samples": (lambda run: recipes.override(recipes.load("xor"), start=run), r"samples of shape \(2,\)"),
    "a choice of a file's": (
        lambda run: recipes.override(DIGITS, start=run / "best.safetensors", weights="last"),
        "'last' of the model file",
    ),
    "nothing": (lambda run: recipes.override(DIGITS, start=run / "nothing"), "got nothing there"),
    "no run": (lambda run: recipes.override(DIGITS, start=run.parent), "a folder without best.safetensors"),
    "no model": (lambda run: recipes.override(DIGITS, start=run / "log.txt"), "load"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_one_error_that_leaves_nothing_behind(parent: Path, tmp_path: Path, name: str) -> None:
    recipe, text = REFUSED[name]
    with pytest.raises((InputError, FileError), match=text):
        recipes.run(recipe(parent), out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("damage", ["missing", "cut", "others"])
def test_a_broken_parent_is_one_error(at_home: Path, damage: str) -> None:
    best = at_home / "best.safetensors"
    if damage == "missing":
        best.unlink()
    elif damage == "cut":
        best.write_bytes(best.read_bytes()[:-9])
    else:
        best.write_bytes(b"PK" + best.read_bytes())
    with pytest.raises(FileError) as told:
        recipes.run(recipes.override(DIGITS, start=at_home), out="runs")
    if damage == "missing":  # as in a run in its first epoch
        assert "--weights last" in told.value.fix
        recipes.run(recipes.override(DIGITS, start=at_home, weights="last", learning_rate=0.01, epochs=1), out="runs")


def test_a_run_that_was_interrupted_and_one_that_goes_on_are_parents_too(tmp_path: Path) -> None:
    class Child(cr.Callback):
        def after_step(self, training: cr.training.Training) -> None:
            if training.step == 60:
                for weights in ("best", "last"):
                    recipe = recipes.override(DIGITS, start=tmp_path / "a/digits-001", weights=weights, epochs=1)
                    recipes.run(recipes.override(recipe, learning_rate=0.01), out=tmp_path / "b")
                signal.raise_signal(signal.SIGINT)

    often = recipes.override(DIGITS, checkpoint_steps=5)
    folder = recipes.run(often, out=tmp_path / "a", callbacks=[Child()]).run
    assert "with the best weights of" in story(tmp_path / "b/digits-001")[0]
    result = recipes.run(recipes.override(DIGITS, start=folder, learning_rate=0.01, epochs=1), out=tmp_path / "b")
    assert "with the best weights of" in story(result.run)[0]


def test_a_model_file_is_a_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = cr.Network([cr.Dense(8, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], seed=7)
    cr.save(network, "mine.safetensors")
    recipe = recipes.override(recipes.load("xor"), start="mine.safetensors", epochs=1, learning_rate=1e-30)
    result = recipes.run(with_(recipe, optimizer="SGD"))
    assert np.allclose(result.network.parameters, network.parameters, rtol=0, atol=1e-20)
    assert story(result.run)[0].endswith("with the weights in mine.safetensors")


def test_scaling_and_the_order_of_classes_are_the_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Say
) -> None:
    monkeypatch.chdir(tmp_path)
    flowers(Path("first.csv"), "rose tulip aster")
    flowers(Path("second.csv"), "tulip rose")
    text = """
        layers = "2-8-3"
        loss = "CategoricalCrossEntropy"
        epochs = 60
        learning_rate = 0.05
        data = {file = "first.csv", target = "kind", scale = "standard"}
    """
    Path("kinds.toml").write_text(text)
    first = recipes.run("kinds.toml")
    recipe = recipes.override(recipes.load("kinds.toml"), data="second.csv", start=first.run, epochs=1)
    second = recipes.run(recipes.override(recipe, learning_rate=1e-9))
    assert second.network.classes == first.network.classes == ("aster", "rose", "tulip")
    assert second.network.layers[0].settings() == first.network.layers[0].settings()
    assert set(second.samples.train[1]) == {1, 2}
    assert status(["evaluate", second.run, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["train"].items() >= second.train.items()
    flowers(Path("third.csv"), "tulip orchid")
    with pytest.raises(InputError, match="'orchid' in line 3, column 'kind'"):
        recipes.run(recipes.override(recipe, data="third.csv"))
    flowers(Path("wide.csv"), "tulip rose", columns=3)
    with pytest.warns(InputWarning, match="'x2', with which the network was not trained"):
        recipes.run(recipes.override(recipe, data="wide.csv"))
    flowers(Path("narrow.csv"), "tulip rose", columns=1)
    with pytest.raises(InputError, match="without 'x1'"):
        recipes.run(recipes.override(recipe, data="narrow.csv"))


def test_a_recipe_file_may_name_its_parent(at_home: Path) -> None:
    text = recipes.to_toml(recipes.override(DIGITS, learning_rate=1e-3, epochs=1))
    Path("mine.toml").write_text(f'{text}\n[start]\nrun = "{at_home.as_posix()}"\n')
    assert "with the best weights of" in story(recipes.run("mine.toml").run)[0]
    for wrong, said in (('run = ""', "an empty text"), ('run = "a"\nweights = "first"', "first"), ("", "run")):
        Path("mine.toml").write_text(f"{text}\n[start]\n{wrong}\n")
        with pytest.raises(InputError, match=said):
            recipes.load("mine.toml")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("train", "got no RECIPE"),
        ("train --from RUN/best.safetensors", "Name it: chainrule train RECIPE --from FILE"),
        ("train digits --weights last", "Add --from RUN"),
        ("train digits --from RUN --weights first", "Known: best, last"),
        ("train digits --from RUN/best.safetensors --weights best", "Leave --weights out"),
        ("evaluate RUN/best.safetensors --weights last", "Leave --weights out"),
        ("resume RUN --weights first", "Known: best, last"),
        ("resume RUN --weights best", "Add --epochs N"),
        ("train runs", "a folder without recipe.toml"),
    ],
)
def test_a_line_that_can_not_be_meant_is_one_error(at_home: Path, line: str, said: str, capsys: Say) -> None:
    assert status(line.replace("RUN", str(at_home)).split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_going_back_to_the_best_weights(at_home: Path) -> None:
    worse = recipes.resume(at_home, epochs=2, learning_rate=0.5)
    best = worse.history.best_parameters.copy()
    assert worse.history.best_epoch == 3
    result = recipes.resume(at_home, epochs=1, learning_rate=1e-30, weights="best")
    assert np.allclose(result.history.last_parameters, best)
    assert [line for line in story(at_home) if line.startswith("resumed  ")] == [
        "resumed   at learning rate 0.5, step 118 of Adam, with the last weights",
        "resumed   at learning rate 1e-30, step 1 of Adam, with the best weights, of epoch 3, and its optimizer anew",
    ]
    assert result.epochs == 6
    assert result.history.began == "learning rate 1e-30, step 1 of Adam"


def test_going_back_in_the_first_epoch_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    class Stop(cr.Callback):
        def after_step(self, training: cr.training.Training) -> None:
            training.stop("interrupted")

    folder = Path(recipes.run(DIGITS, out=tmp_path, callbacks=[Stop()]).run)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="in its first epoch"):
        recipes.resume(folder, weights="best")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert recipes.resume(folder).epochs == 3


def test_a_run_that_went_back_and_was_killed_goes_on_from_there(at_home: Path) -> None:
    class Fail(cr.Callback):
        def after_step(self, training: cr.training.Training) -> None:
            if training.step == 130:
                raise ZeroDivisionError

    shutil.copytree(at_home, "whole")
    whole = recipes.resume("whole", epochs=2, learning_rate=1e-3, weights="best")
    with pytest.raises(ZeroDivisionError):
        recipes.resume(at_home, epochs=2, learning_rate=1e-3, weights="best", callbacks=[Fail()])
    recipes.resume(at_home)
    for name in ("best.safetensors", "last.safetensors"):
        assert (at_home / name).read_bytes() == Path(whole.run, name).read_bytes()


def test_the_best_file_has_the_states_of_its_epoch_and_an_optimizer_that_has_not_begun(parent: Path) -> None:
    network = cr.load(parent / "best.safetensors")
    assert network.optimizer_state.step == 0
    assert not any(array.any() for array in network.optimizer_state.arrays().values())
    assert network.generators.states() == {}
    record = recipes.open_run(parent)
    assert network.last_learning_rate == record.history.epochs[record.history.best_epoch - 1].learning_rate
    assert cr.load(parent / "last.safetensors").optimizer_state.step == 117


def test_seconds_of_all_parts_count(at_home: Path, capsys: Say) -> None:
    told = json.loads((at_home / "result.json").read_text())
    (at_home / "result.json").write_text(json.dumps({**told, "seconds": 1000.0}))
    second = recipes.resume(at_home, epochs=1)
    assert 1000 < second.seconds < 1010
    third = recipes.resume(at_home, epochs=1)
    assert second.seconds < third.seconds < 1020
    (at_home / "result.json").unlink()  # as after a kill
    rows = (at_home / "log.jsonl").read_text().splitlines()
    (at_home / "log.jsonl").write_text("".join(f"{json.dumps({**json.loads(row), 'seconds': 7.0})}\n" for row in rows))
    assert 35 < recipes.resume(at_home, epochs=1).seconds < 45
    assert status(["runs"]) == 0
    assert re.search(r" (3[5-9]|4[0-5])\.\d s", capsys.readouterr().out)


@pytest.mark.parametrize("weights", ["best", "last", None])
def test_evaluate_and_predict_say_which_weights_they_use(at_home: Path, weights: str | None, capsys: Say) -> None:
    recipes.resume(at_home, epochs=2, learning_rate=0.5)
    np.save("some.npy", cr.data.digits("test").X[:3])
    chosen = [] if weights is None else ["--weights", weights]
    told = {"weights": weights or "best", "epoch": 5 if weights == "last" else 3}
    words = f"{told['weights']} weights, of epoch {told['epoch']}"
    assert status(["evaluate", str(at_home), *chosen]) == 0
    assert capsys.readouterr().out.startswith(f"{words}\n")
    assert status(["predict", str(at_home), "some.npy", *chosen]) == 0
    assert capsys.readouterr().err == f"{at_home}: {words}\n"
    for line in (["evaluate", str(at_home)], ["predict", str(at_home), "some.npy"]):
        assert status([*line, *chosen, "--json"]) == 0
        out, err = capsys.readouterr()
        assert told.items() <= json.loads(out).items()
        assert err == ""
    model = str(at_home / "best.safetensors")
    assert status(["predict", model, "some.npy"]) == 0
    assert capsys.readouterr().err == f"{model}: weights of a model file\n"


def test_files_of_another_scale_are_warned_of_in_a_line(at_home: Path) -> None:
    np.save("scaled.npy", cr.data.digits("test").X[:40] / 255)
    line = [sys.executable, "-m", "chainrule", "predict", str(at_home), "scaled.npy", "--out", "answers.csv"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    warning, weights = done.stderr.splitlines()
    assert warning.startswith("Warning: predict: got samples whose largest values are about 0.0")
    assert weights.endswith("best weights, of epoch 3")
