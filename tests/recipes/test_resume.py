"""Runs that are stopped, terminated or killed, and go on to the bytes of the run that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.errors import FileError, InputError

KILLS = int(os.environ.get("CHAINRULE_KILLS", "3"))
SPIRALS = msgspec.structs.replace(
    recipes.override(recipes.load("spirals"), epochs=6), dropout=0.2, early_stopping=recipes.EarlyStop(patience=4)
)


class StopAt(cr.Callback):
    def __init__(self, step: int, way: str) -> None:
        self.step, self.way = step, way

    def after_step(self, training: cr.training.Training) -> None:
        if training.step == self.step:
            if self.way == "raise":
                raise ZeroDivisionError
            signal.raise_signal(getattr(signal, self.way))


def what_a_run_left(folder: str | Path) -> list[object]:
    """Return its weights files, and its log without times."""
    rows = [json.loads(line) for line in Path(folder, "log.jsonl").read_text().splitlines()]
    for row in rows:
        assert row.pop("seconds") >= 0
    return [Path(folder, "best.safetensors").read_bytes(), Path(folder, "last.safetensors").read_bytes(), rows]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> recipes.Result:
    return recipes.run(SPIRALS, out=tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("way", ["SIGINT", "SIGTERM", "raise"])
@pytest.mark.parametrize("step", [1, 10, 37, 60])
def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(
    tmp_path: Path, whole: recipes.Result, way: str, step: int
) -> None:
    try:
        result = recipes.run(SPIRALS, out=tmp_path, callbacks=[StopAt(step, way)])
        assert result.history.stopped == {"SIGINT": "interrupted", "SIGTERM": "terminated"}[way]
        assert (result.train is None) == (way == "SIGTERM")
    except ZeroDivisionError:
        assert way == "raise"
    folder = tmp_path / "spirals-001"
    resumed = recipes.resume(folder)
    assert what_a_run_left(folder) == what_a_run_left(whole.run)
    assert resumed.train == whole.train
    assert f"after {step % 10} of its steps, {step} in all" in (folder / "log.txt").read_text() or step % 10 == 0


def test_an_epoch_that_was_only_begun_leaves_no_trace_in_the_log(tmp_path: Path) -> None:
    recipes.run(SPIRALS, out=tmp_path, callbacks=[StopAt(33, "SIGINT")])
    folder = tmp_path / "spirals-001"
    assert len((folder / "log.jsonl").read_text().splitlines()) == 4
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"epoch": 5, "lo')  # a crash in the middle of a line
    recipes.resume(folder)
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row["seconds"] > 0 for row in rows)


def test_what_options_change_is_in_the_log_and_the_recipe_repeats_all_of_it(tmp_path: Path) -> None:
    constant = recipes.override(SPIRALS, learning_rate=0.01, epochs=4)
    folder = recipes.run(constant, out=tmp_path).run
    resumed = recipes.resume(folder, epochs=3, learning_rate=0.001)
    assert resumed.epochs == 7
    assert resumed.history["learning_rate"] == [0.01] * 4 + [0.001] * 3
    story = Path(folder, "log.txt").read_text()
    assert "learning rate 0.001 from here on, 0.01 until here" in story
    assert "7 epochs in all, 4 before" in story
    again = recipes.run(os.path.join(folder, "recipe.toml"), out=tmp_path)
    assert what_a_run_left(again.run) == what_a_run_left(folder)


def test_a_run_at_its_end_has_nothing_left_to_do(tmp_path: Path) -> None:
    folder = recipes.run(recipes.override(SPIRALS, epochs=1), out=tmp_path).run
    before = {name: Path(folder, name).read_bytes() for name in os.listdir(folder)}
    for told in ({}, {"learning_rate": 0.1}):
        with pytest.raises(InputError, match=r"Add --epochs"):
            recipes.resume(folder, **told)
    assert {name: Path(folder, name).read_bytes() for name in os.listdir(folder)} == before
    assert recipes.resume(folder, epochs=1).epochs == 2


def test_a_run_killed_after_its_last_step_only_ends(tmp_path: Path, whole: recipes.Result) -> None:
    folder = Path(recipes.run(SPIRALS, out=tmp_path).run)
    for name in ("result.json", "best.safetensors"):
        (folder / name).unlink()
    assert recipes.resume(folder).train == whole.train
    assert what_a_run_left(folder) == what_a_run_left(whole.run)


def test_another_environment_is_said(tmp_path: Path) -> None:
    folder = Path(recipes.run(SPIRALS, out=tmp_path, callbacks=[StopAt(5, "SIGINT")]).run)
    told = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps({**told, "numpy": "1.0"}))
    said: list[str] = []
    recipes.resume(folder, say=said.append)
    assert sum("numpy was 1.0, now" in line for line in said) == 1


@pytest.mark.parametrize("changed", ['layers = "2-32-31-3"', "samples = 30"])
def test_a_recipe_or_data_that_have_changed_are_refused(tmp_path: Path, changed: str) -> None:
    folder = Path(recipes.run(SPIRALS, out=tmp_path, callbacks=[StopAt(5, "SIGINT")]).run)
    text = (folder / "recipe.toml").read_text()
    key = changed.split(" = ")[0]
    lines = [changed if line.startswith(f"{key} =") else line for line in text.splitlines()]
    (folder / "recipe.toml").write_text("\n".join(lines))
    with pytest.raises(InputError):
        recipes.resume(folder)


@pytest.mark.parametrize("missing", ["recipe.toml", "last.safetensors"])
def test_a_folder_without_a_run_is_one_clear_error(tmp_path: Path, missing: str) -> None:
    folder = Path(recipes.run(recipes.override(SPIRALS, epochs=1), out=tmp_path).run)
    (folder / missing).unlink()
    with pytest.raises(FileError, match=missing):
        recipes.resume(folder)


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "chainrule", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def waited_for(path: Path) -> None:
    deadline = time.monotonic() + 20
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_killed_at_any_moment_goes_on_and_nothing_is_left_over(tmp_path: Path) -> None:
    """Kill one run again and again while it saves after every step; the shares of a second are random, not chosen."""
    epochs = 3 * KILLS
    spell = ["--epochs", str(epochs), "--checkpoint-steps", "1", "--no-pictures", "--quiet"]
    folder, rng = tmp_path / "runs" / "spirals-001", random.Random(0)
    process = started(tmp_path, "train", "spirals", *spell)
    waited_for(folder / "last.safetensors")
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.0, 0.05))
        process.kill()
        process.communicate()
        before = (folder / "last.safetensors").read_bytes()
        cr.load(folder / "last.safetensors")
        process = started(tmp_path, "resume", "runs/spirals-001", "--no-pictures", "--quiet")
        deadline = time.monotonic() + 20
        while process.poll() is None and (folder / "last.safetensors").read_bytes() == before:
            assert time.monotonic() < deadline
            time.sleep(0.002)
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, 2), errors
    if process.returncode == 2:
        assert "came to its end" in errors
    whole = recipes.run(
        recipes.override(recipes.load("spirals"), epochs=epochs, checkpoint_steps=1), out=tmp_path / "whole"
    )
    assert what_a_run_left(folder) == what_a_run_left(whole.run)
    assert not [name for name in os.listdir(folder) if name.endswith(".tmp")]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to one process")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_within_two_seconds_and_sets_the_exit_status(tmp_path: Path, number: int, status: int) -> None:
    process = started(tmp_path, "train", "spirals", "--epochs", "100000", "--no-pictures")
    folder = tmp_path / "runs" / "spirals-001"
    waited_for(folder / "log.jsonl")
    time.sleep(0.3)
    before = time.time()
    process.send_signal(number)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == status, errors
    assert "chainrule resume" in out
    assert (folder / "last.safetensors").stat().st_mtime - before < 2
