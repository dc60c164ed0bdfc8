"""``chainrule train``, as a person or a program calls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from chainrule import plot
from chainrule.cli import status
from chainrule.errors import MissingExtraError

CAPTURED = pytest.CaptureFixture[str]
SHORT = ["train", "xor", "--epochs", "30"]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_json_prints_one_object_and_nothing_else(capsys: CAPTURED) -> None:
    assert status([*SHORT, "--seed", "4", "--json", "--no-pictures"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert out.count("\n") == 1
    figures = found["train"]
    assert {key: type(value).__name__ for key, value in figures.items()} == dict.fromkeys(
        ("loss", "error_rate", "mean_squared_error", "min_confidence"), "float"
    )
    del found["train"], found["seconds"]
    assert found == {
        "recipe": "xor",
        "start": None,
        "seed": 4,
        "epochs": 30,
        "parameters": 33,
        "validation": None,
        "test": None,
        "baselines": None,
        "run": os.path.join("runs", "xor-001"),
        "pictures": [],
    }


def test_a_rate_that_is_far_too_large_ends_with_a_line_and_not_without_a_word(capsys: CAPTURED) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert status([*SHORT, "--epochs", "100", "--learning-rate", "1000", "--quiet", "--no-pictures"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Warning: train: got a loss of ")
    assert "one constant answer" in line
    assert "--learning-rate" in line


def test_two_inputs_get_a_surface_saved_named_and_drawn_in_text(capsys: CAPTURED) -> None:
    assert status(SHORT) == 0
    out = capsys.readouterr().out
    for name in ("learning-curve.png", "decision-surface.png"):
        path = os.path.join("runs", "xor-001", name)
        assert path in out
        assert Path(path).read_bytes().startswith(b"\x89PNG")
    assert "┌──" in out


def test_json_names_the_pictures(capsys: CAPTURED) -> None:
    assert status(["train", "digits", "--epochs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == [os.path.join("runs", "digits-001", "learning-curve.png")]


def test_without_matplotlib_the_surface_is_drawn_in_text_and_the_command_named(
    capsys: CAPTURED, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise MissingExtraError("plot", given="none", expected="it", fix='Run pip install "chainrule[plot]"')

    monkeypatch.setattr(plot, "learning_curve", missing)
    assert status(SHORT) == 0
    out = capsys.readouterr().out
    assert 'pip install "chainrule[plot]"' in out
    assert "┌──" in out


def test_a_plain_run_shows_a_dozen_lines_at_most(capsys: CAPTURED) -> None:
    assert status(["train", "xor", "--no-pictures"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 10 <= sum(line.startswith("epoch") for line in lines) <= 12
    assert any(line.startswith("train  loss") for line in lines)


def test_quiet_shows_the_end_only(capsys: CAPTURED) -> None:
    assert status([*SHORT, "--quiet", "--no-pictures"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("train  loss")
    assert second.startswith(f"run       {os.path.join('runs', 'xor-001')}:")


def test_options_win_over_the_recipe(capsys: CAPTURED) -> None:
    options = (
        "--epochs 2 --batch-size 2 --learning-rate 0.5 --l2 0.25 --layers 2-5-1 --seed 3 --dtype float64 --keep best"
    )
    assert status(["train", "xor", *options.split(), "--threads", "1", "--out", "here", "--no-pictures"]) == 0
    capsys.readouterr()
    text = Path("here/xor-001/recipe.toml").read_text()
    for line in (
        "epochs = 2, learning_rate = 0.5", "batch_size = 2", "l2 = 0.25", '"2-5-1"', "seed = 3", '"float64"', '"best"',
        "threads = 1",
    ):  # fmt: skip
        assert line in text


def test_a_file_of_ones_own_is_learnt_from(capsys: CAPTURED) -> None:
    Path("my.csv").write_text("a,b,kind\n" + "0,0,no\n1,1,yes\n" * 10)
    Path("my.toml").write_text(
        'layers = "2-2"\nloss = "CategoricalCrossEntropy"\nphases = [{epochs = 30, learning_rate = 0.1}]\n'
        'data = {file = "my.csv", target = "kind", test = 4}\n'
    )
    assert status(["train", "my.toml", "--json", "--no-pictures"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["recipe"] == "my"
    assert found["test"]["error_rate"] == 0


def test_names_from_a_file_cannot_speak_to_the_terminal(capsys: CAPTURED) -> None:
    Path("my.csv").write_text("a,b,kind\n" + "0,0,[red]no\x1b[31m\n1,1,yes\n" * 2)
    Path("my.toml").write_text(
        'layers = "2-2"\nloss = "CategoricalCrossEntropy"\n'
        'phases = [{epochs = 1, learning_rate = 0.1}]\ndata = {file = "my.csv", target = "kind"}\n'
    )
    assert status(["train", "my.toml"]) == 0
    assert status(["predict", "runs/my-001", "my.csv"]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err
    assert "[red]no\\x1b[31m" in out


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "chainrule", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to one process")
def test_control_c_saves_what_was_learnt_and_exits_130() -> None:
    process = started("train", "xor", "--epochs", "1000000", "--no-pictures")
    log = Path("runs/xor-001/log.jsonl")
    deadline = time.monotonic() + 20
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "interrupted" in out
    assert "Traceback" not in err
    assert {"best.safetensors", "last.safetensors"} <= set(os.listdir("runs/xor-001"))


def test_an_error_is_one_line_on_stderr_and_exit_code_2() -> None:
    process = started("train", "xro")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert out == ""
    assert err.startswith("Error: recipe: got 'xro', but expected")
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_terminal_shows_a_live_line(as_json: bool) -> None:
    import pty

    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "chainrule", "train", "spirals", "--epochs", "300", "--no-pictures"]
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120"}
    if as_json:
        arguments.append("--json")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE if as_json else theirs, stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not chunk:
            break
        seen += chunk
    os.close(ours)
    out = process.communicate(timeout=20)[0]
    assert process.returncode == 0
    for word in (b"loss", b"error", b"samples/s", b"left"):
        assert word in seen
    if as_json:
        assert json.loads(out)["recipe"] == "spirals"
