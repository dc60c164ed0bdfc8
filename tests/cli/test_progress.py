"""What a training shows while it goes, on a terminal and elsewhere, and what it says at its end."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

import chainrule as cr
from chainrule import recipes
from chainrule.cli import progress, status
from chainrule.cli.progress import Live, show_progress, show_result
from chainrule.errors import FileError
from chainrule.training import Training

CAPTURED = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)


def xor_training(epochs: int = 3, **given: Any) -> Training:
    """Return a training of two steps an epoch."""
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], loss=cr.BinaryCrossEntropy())
    return Training(network, *cr.data.xor(), epochs=epochs, batch_size=2, **given)


def finish(training: Training) -> None:
    for _ in training.events():
        pass


def live(training: Training) -> Live:
    line = Live(Progress(console=Console(file=io.StringIO(), width=120), auto_refresh=False))
    line.begin(training)
    return line


def words(line: Live) -> list[str]:
    return line.progress.tasks[0].description.split("  ")


def finished(quiet: bool = False, **given: Any) -> recipes.Result:
    result = recipes.run(recipes.override(recipes.load("xor"), epochs=2))
    for name, value in given.items():
        setattr(result, name, value)
    return result


def test_where_no_terminal_is_each_line_is_said(capsys: CAPTURED) -> None:
    with show_progress(quiet=False, as_json=False) as (callbacks, tell):
        tell("epoch 1\x1b[2J")
    assert callbacks == ()
    assert capsys.readouterr() == ("epoch 1\\x1b[2J\n", "")


@pytest.mark.parametrize(("quiet", "as_json"), [(True, False), (False, True), (True, True)])
def test_who_wants_quiet_or_one_object_hears_nothing_before_the_end(
    capsys: CAPTURED, quiet: bool, as_json: bool
) -> None:
    with show_progress(quiet, as_json) as (callbacks, tell):
        tell("epoch 1")
    assert callbacks == ()
    assert capsys.readouterr() == ("", "")


def test_a_terminal_has_a_live_line_and_the_log_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(progress, "REDRAW", 0)
    with show_progress(quiet=False, as_json=False) as (callbacks, tell):
        training = xor_training(callbacks=callbacks)
        finish(training)
        tell("[red]no\x1b[2J")
    shown = terminal.getvalue()
    assert len(training.history) == 3
    assert "[red]no\\x1b[2J" in shown
    for word in ("epoch 1/3", "epoch 3/3", f"loss {training.history.epochs[1].loss:.4f}", "samples/s", "0:00 left"):
        assert word in shown


def test_beside_a_json_object_the_live_line_is_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(progress, "REDRAW", 0)
    with show_progress(quiet=False, as_json=True) as (callbacks, tell):
        finish(xor_training(callbacks=callbacks))
        tell("a line of the log")
    assert out.getvalue() == ""
    assert "epoch 2/3" in err.getvalue()
    assert "a line of the log" not in err.getvalue()


def test_the_live_line_says_how_far_how_well_how_fast_and_how_long() -> None:
    training = xor_training(metrics=["error_rate"])
    line, seen = live(training), []
    for event in training.events():
        if event.kind == "step":
            line.draw(training, 2.0)
            seen.append(words(line))
        elif event.kind == "epoch":
            line.after_epoch(training, training.history.epochs[-1])
    first = training.history.epochs[0]
    assert seen[0] == ["epoch 1/3", "1 samples/s"]
    assert seen[1] == ["epoch 1/3", "2 samples/s"]
    figures = [f"loss {first.loss:.4f}", f"error rate {100 * first.metrics['error_rate']:.2f} %"]
    assert seen[2] == ["epoch 2/3", *figures, "3 samples/s", "0:02 left"]
    assert seen[5][0] == "epoch 3/3"
    assert seen[5][-2:] == ["6 samples/s", "0:00 left"]
    assert (line.progress.tasks[0].completed, line.progress.tasks[0].total) == (6, 6)


def test_a_training_that_goes_on_knows_how_long_an_epoch_is() -> None:
    training = xor_training()
    finish(training)
    line = live(training)
    line.draw(training, 1.0)
    assert words(line)[-2:] == ["0 samples/s", "0:00 left"]
    assert "error" not in line.progress.tasks[0].description


def test_the_line_is_redrawn_only_now_and_then() -> None:
    training = xor_training()
    line = live(training)
    finish(training)
    line.after_step(training)
    drawn = words(line)
    line.last += 1000
    line.after_epoch(training, training.history.epochs[-1])
    line.after_step(training)
    assert words(line) == drawn
    line.last -= 2000
    line.after_step(training)
    assert words(line)[0] == "epoch 3/3"


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
    assert show_result(result, no_pictures=True, quiet=True, as_json=False) == 1
    out, err = capsys.readouterr()
    assert err == "Error: run: got a full disk, but expected room. Make room.\n"
    assert out.splitlines()[0].startswith("train ")
    assert out.splitlines()[-1] == "run       runs/gone: "


@pytest.mark.parametrize("as_json", [False, True])
def test_a_picture_that_can_not_be_drawn_is_noted(
    capsys: CAPTURED, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    monkeypatch.setattr(progress, "draw", lambda result: ["no picture: matplotlib is missing"])
    result = finished()
    assert show_result(result, no_pictures=False, quiet=False, as_json=as_json) == 0
    told = capsys.readouterr()
    noted, other = (told.err, told.out) if as_json else (told.out, told.err)
    assert "no picture: matplotlib is missing\n" in noted
    assert "matplotlib" not in other


def test_a_problem_with_more_inputs_is_drawn_by_no_characters(capsys: CAPTURED) -> None:
    assert status(["train", "digits", "--epochs", "1", "--no-pictures"]) == 0
    assert "┌──" not in capsys.readouterr().out
