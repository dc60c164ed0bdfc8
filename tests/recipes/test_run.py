"""A run: what its folder holds, that nothing is written over or lost, and that it can be repeated."""

from __future__ import annotations

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.errors import ChainruleError, FileError, InputError, NonFiniteError
from chainrule.recipes.environment import chosen_threads, environment
from chainrule.recipes.folder import new_folder
from chainrule.threads import exactly
from chainrule.training.progress import has_line

FILES = [
    "best.safetensors",
    "environment.json",
    "last.safetensors",
    "log.jsonl",
    "log.txt",
    "recipe.toml",
    "result.json",
]
SHORT = recipes.override(recipes.load("xor"), epochs=20)


def replaced(**changes: object) -> recipes.Recipe:
    return msgspec.structs.replace(SHORT, **changes)


def test_a_run_leaves_all_its_files(tmp_path: Path) -> None:
    result = recipes.run(SHORT, out=tmp_path)
    assert result.run == str(tmp_path / "xor-001")
    assert sorted(os.listdir(result.run)) == FILES


def test_the_log_has_an_object_an_epoch_and_the_plain_lines(tmp_path: Path) -> None:
    said: list[str] = []
    folder = Path(recipes.run(SHORT, out=tmp_path, say=said.append).run)
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == list(range(1, 21))
    assert {"loss", "validation_loss", "error_rate", "learning_rate", "seconds"} <= set(rows[0])
    assert (folder / "log.txt").read_text().splitlines() == said


def test_the_log_can_be_read_while_the_run_goes_on(tmp_path: Path) -> None:
    counts: list[int] = []

    class Reader(cr.Callback):
        def after_epoch(self, training: cr.training.Training, epoch: cr.training.Epoch) -> None:
            counts.append((tmp_path / "xor-001" / "log.jsonl").read_text().count("\n"))

    recipes.run(SHORT, out=tmp_path, callbacks=[Reader()])
    assert counts == list(range(1, 21))


@pytest.mark.parametrize("epochs", [1, 2, 9, 10, 11, 60, 199, 500, 1000, 12345])
def test_the_log_is_thinned_to_twelve_lines_with_the_first_and_the_last(epochs: int) -> None:
    told = [epoch for epoch in range(1, epochs + 1) if has_line(epoch, epochs)]
    assert len(told) <= 12
    assert (told[0], told[-1]) == (1, epochs)
    assert len(told) >= min(epochs, 5)


def test_a_run_is_repeated_from_its_own_recipe_to_the_byte(tmp_path: Path) -> None:
    first = Path(recipes.run(SHORT, out=tmp_path).run)
    second = Path(recipes.run(first / "recipe.toml", out=tmp_path).run)
    assert second.name == "xor-002"
    for name in ("best.safetensors", "last.safetensors", "recipe.toml"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_run_on_a_file_is_repeated_from_its_own_recipe(tmp_path: Path) -> None:
    (tmp_path / "my.csv").write_text("a,b,price\n" + "\n".join(f"{i},{i % 3},{i / 2}" for i in range(20)))
    (tmp_path / "mine.toml").write_text(
        'layers = "2-1"\nloss = "MeanSquaredError"\nphases = [{epochs = 2, learning_rate = 0.01}]\n'
        'data = {file = "my.csv", target = "price", validation = 5, scale = "standard"}\n'
    )
    first = recipes.run(tmp_path / "mine.toml", out=tmp_path / "runs")
    assert 'file = "../../my.csv"' in Path(first.run, "recipe.toml").read_text()
    second = recipes.run(os.path.join(first.run, "recipe.toml"), out=tmp_path / "runs")
    assert second.as_dict()["validation"] == first.as_dict()["validation"]
    assert first.validation is not None
    assert first.validation["error_rate"] is None
    assert first.validation["min_confidence"] is None


@pytest.mark.filterwarnings("ignore:train. got a loss")  # a rate that is too large, as it is meant to be
def test_the_saved_networks_are_the_best_and_the_last(tmp_path: Path) -> None:
    result = recipes.run(recipes.override(SHORT, learning_rate=5.0), out=tmp_path)
    best, _ = recipes.load_run(result.run, "best")
    last, recipe = recipes.load_run(result.run)  # those that are kept where nothing is validated
    assert recipe == recipes.override(SHORT, learning_rate=5.0)
    assert np.array_equal(best.parameters, result.history.best_parameters)
    assert np.array_equal(last.parameters, result.history.last_parameters)
    assert not np.array_equal(best.parameters, last.parameters)


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.filterwarnings("ignore:train. got a loss")  # a rate that is too large, as it is meant to be
def test_figures_are_of_the_weights_kept(tmp_path: Path, keep: str) -> None:
    result = recipes.run(replaced(phases=[recipes.Phase(20, 5.0)], keep=keep), out=tmp_path)
    network, _ = recipes.load_run(result.run, keep)
    X, y = result.samples.train
    assert result.train is not None
    assert result.train["loss"] == cr.evaluate(network, X, y)["loss"]


def test_runs_at_the_same_time_get_folders_of_their_own(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: new_folder(tmp_path / "runs", "a"), range(40)))
    assert sorted(folders) == [str(tmp_path / "runs" / f"a-{k:03}") for k in range(1, 41)]


def test_the_next_number_is_after_the_largest_whatever_lies_there(tmp_path: Path) -> None:
    (tmp_path / "xor-007").write_text("a file, not a folder")
    for name in ("xor-abc", "xor-document-009", "xor-2"):
        (tmp_path / name).mkdir()
    assert new_folder(tmp_path, "xor") == str(tmp_path / "xor-008")


def test_what_is_refused_at_the_door_leaves_nothing_behind(tmp_path: Path) -> None:
    for recipe in (replaced(layers="3-1"), replaced(loss="x"), replaced(class_weight={"2": 1.0})):
        with pytest.raises(InputError):
            recipes.run(recipe, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="--out DIR"):
        recipes.run(SHORT, out=tmp_path / "file")


class InterruptAfter(cr.Callback):
    """Ctrl-C in the middle of training."""

    def __init__(self, epoch: int, times: int = 1) -> None:
        self.epoch, self.times = epoch, times

    def after_step(self, training: cr.training.Training) -> None:
        if training.step == self.epoch:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_an_interrupted_run_saves_both_and_says_so(tmp_path: Path) -> None:
    result = recipes.run(SHORT, out=tmp_path, callbacks=[InterruptAfter(7)])
    assert result.interrupted
    assert result.epochs == 7
    assert sorted(os.listdir(result.run)) == FILES
    assert "stopped in epoch 7 of 20: interrupted" in Path(result.run, "log.txt").read_text()


def test_a_second_interrupt_stops_at_once_and_saves_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        recipes.run(SHORT, out=tmp_path, callbacks=[InterruptAfter(7, times=2)])
    assert sorted(os.listdir(tmp_path / "xor-001")) == FILES[:-1]


def test_a_loss_that_is_not_finite_saves_what_was_learnt_and_says_so(tmp_path: Path) -> None:
    recipe = replaced(loss="MeanSquaredError", output="Identity", optimizer="SGD", phases=[recipes.Phase(500, 1e20)])
    with pytest.raises(NonFiniteError):
        recipes.run(recipe, out=tmp_path)
    assert sorted(os.listdir(tmp_path / "xor-001")) == FILES[:-1]
    assert "stopped: train, step" in (tmp_path / "xor-001" / "log.txt").read_text()
    network, _ = recipes.load_run(tmp_path / "xor-001", "last")
    assert np.isfinite(network.parameters).all()


def test_early_stopping_and_class_weights_by_name_take_effect(tmp_path: Path) -> None:
    stop = recipes.EarlyStop(patience=1, minimum_change=10.0)
    result = recipes.run(replaced(early_stopping=stop, class_weight={"0": 1.0, "1": 3.0}), out=tmp_path)
    assert result.history.stopped == "no better for 1 epochs"
    plain = recipes.run(replaced(early_stopping=stop), out=tmp_path)
    assert result.history["loss"] != plain.history["loss"]


@pytest.mark.parametrize("name", ["spirals", "digits"])
def test_a_small_recipe_learns_its_data(tmp_path: Path, name: str) -> None:
    result = recipes.run(name, out=tmp_path)
    measured = result.train if result.test is None else result.test
    assert measured is not None
    assert measured["error_rate"] <= {"spirals": 0.0, "digits": 0.03}[name]


def test_the_xor_recipe_is_sure_of_all_four(tmp_path: Path) -> None:
    for seed in range(3):
        result = recipes.run(recipes.override(recipes.load("xor"), seed=seed), out=tmp_path)
        assert result.train is not None
        assert result.train["error_rate"] == 0
        assert result.train["min_confidence"] >= 0.992
        assert result.train["mean_squared_error"] <= 0.0002


def test_the_result_has_the_keys_that_are_promised(tmp_path: Path) -> None:
    result = recipes.run(SHORT, out=tmp_path).as_dict()
    figures = ["loss", "error_rate", "mean_squared_error", "min_confidence"]
    assert list(result) == [
        "recipe", "start", "seed", "epochs", "seconds", "parameters", "train", "validation", "test",
        "baselines", "run", "pictures",
    ]  # fmt: skip
    assert list(result["train"]) == figures
    assert result["validation"] is result["test"] is None


def test_the_environment_names_versions_and_threads_but_no_path() -> None:
    with exactly(1):
        told = environment()
    assert told["numpy"] == np.__version__
    assert {library["threads"] for library in told["blas"]} <= {1}
    assert "/" not in json.dumps(told)


def test_threads_are_chosen_by_the_work_of_a_step() -> None:
    network = cr.Network([cr.Dense(1000, inputs=1000)])
    assert chosen_threads(network, 1) == 1
    assert chosen_threads(network, 1, asked=3) == 3
    assert chosen_threads(network, 10_000) >= 1


@pytest.mark.parametrize("path", ["nowhere", ".", "recipe.toml"])
def test_a_path_without_a_run_is_one_clear_error(tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text("")
    with pytest.raises(ChainruleError):
        recipes.load_run(path)


def test_figures_on_the_screen_have_the_names_that_they_have_in_json(tmp_path: Path) -> None:
    said: list[str] = []
    recipe = recipes.from_toml(VALIDATED_TOML, "moons")
    result = recipes.run(recipe, out=tmp_path, say=said.append)
    row = json.loads((Path(result.run) / "log.jsonl").read_text().splitlines()[0])
    line = next(line for line in said if line.startswith("epoch"))
    for name in ("loss", "validation_loss", "validation_error_rate", "learning_rate"):
        assert name in row
        assert f" {name.replace('_', ' ')} " in line
    assert result.validation is not None
    (last,) = (line for line in said if line.startswith("validation"))
    assert result.validation["error_rate"] > 0  # so that the least probability of a true class says nothing more
    told = [name for name in result.validation if name != "min_confidence"]
    assert all(f"  {name.replace('_', ' ')} " in last for name in told)
    assert "min confidence" not in last
    assert "the best by validation error rate" in "\n".join(said)


VALIDATED_TOML = """
layers = "2-4-1"
loss = "BinaryCrossEntropy"
phases = [{epochs = 3, learning_rate = 0.01}]
monitor = "validation_error_rate"

[data]
name = "moons"
samples = 60
validation = 0.3
"""


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_a_run_on_a_file_says_how_good_it_is_beside_baselines(tmp_path: Path, task: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    noisy = x @ [2, -1] + 0.5 * rng.normal(size=200)
    y = noisy if task == "regression" else noisy > 0.7
    rows = "".join(f"{a:.5f},{b:.5f},{'yes' if c is np.True_ else c}\n" for (a, b), c in zip(x, y, strict=True))
    (tmp_path / "own.csv").write_text(f"a,b,y\n{rows}")
    loss, end = ("MeanSquaredError", "2-8-1") if task == "regression" else ("CategoricalCrossEntropy", "2-8-2")
    recipe = recipes.from_toml(
        f'name = "own"\nlayers = "{end}"\nloss = "{loss}"\noptimizer = "Adam"\nbatch_size = 20\n'
        + ('output = "Softmax"\n' if task == "classification" else "")
        + "phases = [{ epochs = 30, learning_rate = 0.02 }]\n"
        + f'data = {{ file = "{tmp_path}/own.csv", target = "y", test = 0.3, task = "{task}" }}\n',
        "own",
    )
    said: list[str] = []
    result = recipes.run(recipe, out=tmp_path, say=said.append)
    told = result.baselines
    assert told is not None
    assert told["part"] == "test"
    assert told["network"] < 0.7 * told["constant"]
    assert told["linear"] < 0.7 * told["constant"]
    assert any(line.startswith("beside    test ") and "a linear model" in line for line in said)
    assert json.loads(Path(result.run, "result.json").read_text())["baselines"] == told
    assert recipes.run("xor", out=tmp_path).baselines is None
