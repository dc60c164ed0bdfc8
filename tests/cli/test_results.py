"""What a training shows while it goes, on a terminal and elsewhere, and what it says at its end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from chainrule import recipes
from chainrule.cli import results, status
from chainrule.cli.results import show_result, showing
from chainrule.errors import FileError
from tests.terminal import Terminal, screen

CAPTURED = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)


def finished(quiet: bool = False, **given: Any) -> recipes.Result:
    result = recipes.run(recipes.override(recipes.load("xor"), epochs=2))
    for name, value in given.items():
        setattr(result, name, value)
    return result


@pytest.mark.parametrize(("quiet", "as_json"), [(True, False), (False, True), (True, True)])
def test_who_wants_quiet_or_one_object_hears_nothing_before_the_end(
    capsys: CAPTURED, quiet: bool, as_json: bool
) -> None:
    showing(quiet, as_json)["say"]("epoch 1")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("out", "err", "options", "seen"),
    [
        (True, True, [], True),
        (True, True, ["--json"], True),
        (False, True, ["--json"], True),
        (False, True, [], False),  # a pipe may end on the same terminal
        (True, False, [], False),
        (True, True, ["--quiet"], False),
        (True, True, ["--json", "--quiet"], False),
    ],
)
def test_a_bar_is_on_standard_error_where_nothing_else_can_come_between(
    monkeypatch: pytest.MonkeyPatch, out: bool, err: bool, options: list[str], seen: bool
) -> None:
    streams = {"stdout": Terminal(out), "stderr": Terminal(err)}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    assert status(["train", "xor", "--epochs", "3", "--no-pictures", *options]) == 0
    assert ("epoch 1/3" in streams["stderr"].getvalue()) == seen
    assert "\r" not in streams["stdout"].getvalue()
    assert ("epoch 3/3" in streams["stdout"].getvalue()) == (not options)
    if "--json" in options:
        assert json.loads(streams["stdout"].getvalue())["epochs"] == 3


def test_the_log_comes_above_the_bar_which_goes_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, terminal)
    assert status(["train", "xor", "--epochs", "3", "--no-pictures"]) == 0
    lines = screen(terminal.getvalue())
    assert [line.split("  ")[0] for line in lines if line.startswith("epoch")] == [
        "epoch 1/3",
        "epoch 2/3",
        "epoch 3/3",
    ]
    assert not [line for line in lines if "|" in line and "%" in line]


def test_the_end_names_pictures_and_files(capsys: CAPTURED) -> None:
    result = finished()
    assert show_result(result, no_pictures=False, quiet=False, as_json=False) == 0
    out, err = capsys.readouterr()
    *_, pictures, run = out.splitlines()
    assert pictures == f"pictures  {', '.join(result.pictures)}"
    assert run.startswith(f"run       {result.run}: ")
    assert "last.safetensors" in run
    assert ".png" not in run
    assert "┌──" in out
    assert err == ""


@pytest.mark.parametrize(("stopped", "code"), [("interrupted", 130), ("terminated", 143)])
def test_a_run_that_was_stopped_says_how_it_goes_on(capsys: CAPTURED, stopped: str, code: int) -> None:
    result = finished()
    result.history.stopped = stopped
    assert show_result(result, no_pictures=True, quiet=True, as_json=False) == code
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"go on     chainrule resume {result.run}"
    assert "pictures" not in out


def test_files_that_could_not_be_written_are_an_error_after_the_figures(capsys: CAPTURED) -> None:
    problem = FileError("run", given="a full disk", expected="room", fix="Make room")
    result = finished(problem=problem, run="runs/gone")
    assert show_result(result, no_pictures=True, quiet=True, as_json=False) == 2
    out, err = capsys.readouterr()
    assert err == "Error: run: got a full disk, but expected room. Make room.\n"
    assert out.splitlines()[0].startswith("train ")
    assert out.splitlines()[-1] == "run       runs/gone: "


@pytest.mark.parametrize("as_json", [False, True])
def test_a_picture_that_can_not_be_drawn_is_noted(
    capsys: CAPTURED, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr(results, "draw", lambda result: ["no picture: matplotlib is missing"])
    result = finished()
    assert show_result(result, no_pictures=False, quiet=False, as_json=as_json) == 0
    told = capsys.readouterr()
    noted, other = (told.err, told.out) if as_json else (told.out, told.err)
    assert "no picture: matplotlib is missing\n" in noted
    assert "matplotlib" not in other


def test_a_problem_with_more_inputs_is_drawn_by_no_characters(capsys: CAPTURED) -> None:
    assert status(["train", "digits", "--epochs", "1", "--no-pictures"]) == 0
    assert "┌──" not in capsys.readouterr().out
