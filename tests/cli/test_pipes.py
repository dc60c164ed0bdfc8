"""`-` is standard input and output, bytes as they are, and what `--json` prints has the keys that are documented."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from tests.referees import needed

CAPTURED = pytest.CaptureFixture[bytes]
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "command_line.md"
RUN = "runs/xor-001"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of xor, and points for it."""
    folder = tmp_path_factory.mktemp("pipes")
    cr.recipes.run(cr.recipes.override(cr.recipes.load("xor"), epochs=20), out=folder / "runs")
    (folder / "points.csv").write_text("a,b\n0,0\n0,1\n1,0\n1,1\n")
    (folder / "labelled.csv").write_text("a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    return folder


@pytest.fixture(autouse=True)
def in_that_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def said(capsys: CAPTURED, line: str, given: bytes = b"", code: int = 0) -> tuple[bytes, bytes]:
    """Return what a command prints, and what it says on standard error, with these bytes as its standard input."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        ended = status(line.split())
    captured = capsys.readouterr()
    assert ended == code, captured.err
    return captured.out, captured.err


def as_npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def as_npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


X, Y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)


@pytest.mark.parametrize("given", [b"a,b\n0,0\n0,1\n1,0\n1,1\n", as_npy(X), as_npz(X=X)], ids=["csv", "npy", "npz"])
def test_predict_answers_for_what_comes_in(capfdbinary: CAPTURED, given: bytes) -> None:
    expected, _ = said(capfdbinary, f"predict {RUN} points.csv")
    assert expected.count(b"\n") == 5
    assert said(capfdbinary, f"predict {RUN} -", given)[0] == expected
    assert said(capfdbinary, f"predict {RUN} - --out -", given)[0] == expected


def test_evaluate_measures_what_comes_in(capfdbinary: CAPTURED) -> None:
    expected = said(capfdbinary, f"evaluate {RUN} --data labelled.csv --target y --json")
    assert (
        said(capfdbinary, f"evaluate {RUN} --data - --target y --json", Path("labelled.csv").read_bytes()) == expected
    )
    assert said(capfdbinary, f"evaluate {RUN} --data - --json", as_npz(X=X, y=Y)) == expected


def test_an_error_about_what_came_in_names_no_file_that_stood_for_it(capfdbinary: CAPTURED) -> None:
    _, told = said(capfdbinary, f"predict {RUN} -", b"a,b\n0\n", code=2)
    assert b"'-'" in told
    assert b"tmp" not in told
    assert told.count(b"\n") == 1
    said(capfdbinary, f"predict {RUN} -", b"", code=2)


def test_a_recipe_comes_in_and_its_file_is_seen_from_here(capfdbinary: CAPTURED) -> None:
    recipe, _ = said(capfdbinary, "recipes xor")
    out, _ = said(capfdbinary, "train - --epochs 1 --no-pictures --json", recipe)
    assert json.loads(out)["run"] == os.path.join("runs", "recipe-001")
    own = b'layers = "2-1"\nloss = "MeanSquaredError"\nphases = [{epochs = 1, learning_rate = 0.1}]\n'
    own += b'data = {file = "labelled.csv", target = "y", task = "regression"}\n'
    out, _ = said(capfdbinary, "train - --no-pictures --json", own)
    assert json.loads(out)["run"] == os.path.join("runs", "recipe-002")
    _, told = said(capfdbinary, "train -", b"\xff", code=2)
    assert b"recipe '-': got a file that is no recipe (it is not UTF-8)" in told


FILES: dict[str, tuple[str, str, bytes]] = {
    "torch": (f"export {RUN} --to torch", "a.safetensors", b""),
    "numpy_page": (f"export {RUN} --to numpy_page", "a.py", b""),
    "onnx": (f"export {RUN} --to onnx", "a.onnx", b""),
    "page": (f"source {RUN}", "source.py", b""),
    "html": (f"explain {RUN} --format html", "a.html", b""),
    "predict": (f"predict {RUN} points.csv", "answers.csv", b""),
    "svg": (f"plot {RUN} --kind weights --format svg", "w.svg", b"<?xml"),
    "png": (f"plot {RUN}", "curve.png", b"\x89PNG\r\n\x1a\n"),
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_printed_is_the_file_byte_by_byte(capfdbinary: CAPTURED, name: str) -> None:
    line, file, start = FILES[name]
    needed({"onnx": "onnx", "svg": "matplotlib", "png": "matplotlib"}.get(name, "numpy"), "plot")
    said(capfdbinary, f"{line} --out {file}")
    printed, _ = said(capfdbinary, f"{line} --out -")
    assert printed == Path(file).read_bytes()
    assert printed.startswith(start)
    assert not os.path.exists("-")


def test_the_module_for_pytorch_is_said_beside_its_weights(capfdbinary: CAPTURED) -> None:
    _, told = said(capfdbinary, f"export {RUN} --to torch --out -")
    assert b"model = nn.Sequential(" in told


def test_the_log_is_printed_as_a_table(capfdbinary: CAPTURED) -> None:
    said(capfdbinary, f"log {RUN} --csv log.csv")
    assert said(capfdbinary, f"log {RUN} --csv -")[0] == Path("log.csv").read_bytes()


@pytest.mark.parametrize(
    "line",
    [f"export {RUN} --to torch --out - --json", f"predict {RUN} points.csv --out a.csv --json",
     f"log {RUN} --csv - --json", f"plot {RUN} --out - --json", f"explain {RUN} --json --format html",
     f"plot {RUN} --kind all --out -", "reproduce xor --markdown -"],
)  # fmt: skip
def test_two_things_do_not_go_into_one_output(capfdbinary: CAPTURED, line: str) -> None:
    out, told = said(capfdbinary, line, code=2)
    assert out == b""
    assert told.count(b"\n") == 1


def test_bytes_pass_a_real_pipe_as_they_are(place: Path) -> None:
    def run(*words: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", "chainrule", *words], input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    weights = run("export", RUN, "--to", "torch", "--out", "-")
    Path("piped.safetensors").write_bytes(weights)
    assert len(cr.torch.load_weights("piped.safetensors")) == 2
    assert run("predict", RUN, "-", given=as_npy(X)).count(b"\n") == 5


def documented() -> dict[str, tuple[list[str], list[str]]]:
    """Return command -> the keys that the page lists for it; behind a semicolon are those that some answers have."""
    rows = re.findall(r"^\| (`.+?`) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    named = {command: keys for commands, keys in rows for command in re.findall(r"`(.+?)`", commands)}
    always = {command: keys.partition(";") for command, keys in named.items()}
    return {command: (re.findall(r"`(.+?)`", a), re.findall(r"`(.+?)`", b)) for command, (a, _, b) in always.items()}


LINES = {
    "train": "train xor --epochs 1 --no-pictures",
    "resume": f"resume {RUN} --epochs 1 --no-pictures",
    "evaluate": f"evaluate {RUN}",
    "evaluate --data": f"evaluate {RUN} --data labelled.csv --target y",
    "importance": f"importance {RUN}",
    "predict": f"predict {RUN} points.csv",
    "predict 1,0": f"predict {RUN} 1,0",
    "runs": "runs",
    "compare": f"compare {RUN} {RUN}",
    "log": f"log {RUN}",
    "plot": f"plot {RUN} --kind weights --out picture.svg",
    "export": f"export {RUN} --out json.py",
    "import": f"import {RUN}/best.safetensors --out imported",
    "explain": f"explain {RUN}",
    "check": f"check {RUN}",
    "ops": "ops",
    "ops NAME": "ops tanh",
    "recipes": "recipes",
    "recipes NAME": "recipes xor",
    "reproduce": "reproduce xor --seeds 1 --epochs 2 --out reproduced",
}


def test_every_command_with_json_is_documented() -> None:
    from chainrule.cli.commands import COMMANDS, chainrule

    found = set()
    for name in COMMANDS:
        command = chainrule.get_command(chainrule.make_context("chainrule", [name], resilient_parsing=True), name)
        assert command is not None
        if any("--json" in parameter.opts for parameter in command.params):
            found.add(name)
    assert {name.split(" ")[0] for name in documented()} == found
    assert documented().keys() == LINES.keys()
    assert set(COMMANDS) - found == {"init", "source", "help", "words"}  # pages of text


@pytest.mark.parametrize("command", LINES)
def test_json_has_the_keys_that_are_documented(capfdbinary: CAPTURED, command: str) -> None:
    if command == "plot":
        needed("matplotlib", "plot")
    missed = command == "reproduce"  # two epochs reach no documented figure
    out, _ = said(capfdbinary, f"{LINES[command]} --json", code=1 if missed else 0)
    printed = json.loads(out)
    keys, some = documented()[command]
    assert {*keys} <= {*printed} <= {*keys, *some}


def test_answers_have_names_and_whole_numbers(capfdbinary: CAPTURED) -> None:
    answers = json.loads(said(capfdbinary, f"predict {RUN} points.csv --json")[0])["answers"]
    assert [answer["row"] for answer in answers] == [1, 2, 3, 4]
    assert all(set(answer) == {"row", "class", "probability"} for answer in answers)
    table = said(capfdbinary, f"predict {RUN} points.csv")[0].decode().splitlines()[1:]
    assert [f"{answer['probability']:.6g}" for answer in answers] == [row.split(",")[2] for row in table]


def test_help_of_a_command_is_its_help(capfdbinary: CAPTURED) -> None:
    assert said(capfdbinary, "help train") == said(capfdbinary, "train --help")
    assert said(capfdbinary, "help")[0] == said(capfdbinary, "--help")[0]
    assert b"Did you mean 'train'?" in said(capfdbinary, "help trian", code=2)[1]


@pytest.mark.parametrize("line", ["explain xor --out new/", "source xor --out new/"])
def test_a_folder_is_no_file_to_write(capsys: pytest.CaptureFixture[str], line: str) -> None:
    assert status(line.split()) == 2
    assert "'new/', a folder, but expected a file" in capsys.readouterr().err
    assert not Path("new").exists()
