"""A run whose folder was moved, or whose data were: the file is found and known again, or named with what works."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.errors import FileError, InputError

CAPTURED = pytest.CaptureFixture[str]
ROWS = [f"{k % 5},{k % 3},{k % 2}" for k in range(30)]


class Stop(cr.Callback):
    def after_epoch(self, training: cr.training.Training, epoch: cr.training.Epoch) -> None:
        if epoch.epoch == 2:
            training.stop("interrupted")


def table(rows: list[str]) -> str:
    return "\n".join(["a,b,kind", *rows])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of four epochs that was stopped after two, in a project whose data are in a folder of theirs."""
    project = tmp_path / "project"
    (project / "data").mkdir(parents=True)
    monkeypatch.chdir(project)
    Path("data/my.csv").write_text(table(ROWS))
    Path("my.toml").write_text(
        'layers = "2-3-2"\nloss = "CategoricalCrossEntropy"\nphases = [{epochs = 4, learning_rate = 0.1}]\n'
        'data = {file = "data/my.csv", target = "kind", validation = 6}\n'
    )
    return project / cr.recipes.run("my.toml", callbacks=[Stop()]).run


def deeper(run: Path) -> Path:
    Path("runs/old/2026").mkdir(parents=True)
    return Path(shutil.move(run, "runs/old/2026/my"))


def higher(run: Path) -> Path:
    return Path(shutil.move(run, "my-001"))


def elsewhere(run: Path) -> Path:
    (run.parents[2] / "other" / "place").mkdir(parents=True)
    return Path(shutil.move(run, "../other/place/my"))


def data_beside_the_run(run: Path) -> Path:
    shutil.move("data/my.csv", run.parent / "my.csv")
    return elsewhere_with(run, "my.csv")


def elsewhere_with(run: Path, name: str) -> Path:
    (run.parents[2] / "other").mkdir()
    shutil.move(run.parent / name, run.parents[2] / "other" / name)
    return Path(shutil.move(run, "../other/my"))


def data_in_the_run(run: Path) -> Path:
    shutil.move("data/my.csv", run / "my.csv")
    return run


def all_of_it(run: Path) -> Path:
    shutil.move("../project", "../moved")
    return run.parents[2] / "moved" / "runs" / run.name


def another_file_at_the_place(run: Path) -> Path:
    """Move the run deeper, to where its own path leads to another file of the same name."""
    moved = deeper(run)
    Path("runs/old/data").mkdir()
    Path("runs/old/data/my.csv").write_text(table(ROWS[::-1][:-1]))
    return moved


MOVES: dict[str, Callable[[Path], Path]] = {
    made.__name__.replace("_", " "): made
    for made in (deeper, higher, elsewhere, data_beside_the_run, data_in_the_run, all_of_it, another_file_at_the_place)
}


@pytest.mark.parametrize("move", MOVES)
def test_data_are_found_by_every_command_that_needs_them(run: Path, capsys: CAPTURED, move: str) -> None:
    assert status(["evaluate", str(run)]) == 0
    right = capsys.readouterr().out
    moved = MOVES[move](run)
    assert status(["evaluate", str(moved)]) == 0
    out, err = capsys.readouterr()
    assert out == right
    told = err.splitlines()
    assert told == [] if move == "all of it" else len(told) == 1
    for line in told:
        assert re.fullmatch(r"data      \S+my\.csv, the same by its digest; \S+ is not", line)
    for command in ("explain", "check"):
        assert status([command, str(moved)]) == 0
        assert capsys.readouterr().err.splitlines() == told
    assert status(["train", str(moved), "--out", "again", "--no-pictures"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("data ")] == told
    assert status(["evaluate", "again/my-001"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("move", MOVES)
def test_a_moved_run_goes_on_to_the_same_bytes_and_names_its_data_anew(run: Path, capsys: CAPTURED, move: str) -> None:
    whole = Path(cr.recipes.run("my.toml", out="whole").run, "last.safetensors").read_bytes()
    moved = MOVES[move](run)
    assert status(["resume", str(moved), "--no-pictures"]) == 0
    assert (moved / "last.safetensors").read_bytes() == whole
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("data ")]
    assert (moved / "log.txt").read_text().count("the same by its digest") == len(told) == (move != "all of it")
    assert status(["evaluate", str(moved)]) == 0
    assert capsys.readouterr().err == ""  # for the run names the place


def test_data_that_are_nowhere_are_one_error_whose_advice_works(run: Path, capsys: CAPTURED) -> None:
    shutil.move("data/my.csv", "../kept.csv")
    for command, option in {
        "evaluate": "--data FILE",
        "explain": "",
        "resume": "--data FILE",
        "train": "--data FILE",
    }.items():
        assert status([command, str(run)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "no data file 'my.csv', looked for at data/my.csv, " in err
        assert "Put it into the folder of the run, or beside that" in err
        assert ("--data FILE" in err) == (option != "")
    assert status(["predict", str(run), "1,0"]) == 0  # which needs none
    assert status(["evaluate", str(run), "--data", "../kept.csv"]) == 0
    assert status(["train", str(run), "--data", "../kept.csv", "--out", "again", "--no-pictures"]) == 0
    assert status(["resume", str(run), "--data", "../kept.csv", "--no-pictures"]) == 0
    assert status(["evaluate", str(run)]) == 0  # the place is kept
    shutil.copy("../kept.csv", run / "my.csv")
    Path("../kept.csv").unlink()
    capsys.readouterr()
    assert status(["evaluate", str(run)]) == 2  # its name is another by now, which the error says
    assert "no data file 'kept.csv'" in capsys.readouterr().err
    shutil.move(run / "my.csv", run.parent / "kept.csv")
    assert status(["evaluate", str(run)]) == 0


def test_other_data_are_refused_and_change_nothing(run: Path) -> None:
    Path("other.csv").write_text(table(ROWS[::-1][:-1] + ROWS[:1]))
    Path("short.csv").write_text(table(ROWS[:20]))
    before = {file.name: file.read_bytes() for file in run.iterdir()}
    for name in ("other.csv", "short.csv", "gone.csv"):
        with pytest.raises((InputError, FileError)):
            cr.recipes.resume(run, data=name)
        assert {file.name: file.read_bytes() for file in run.iterdir()} == before
    Path("data/my.csv").unlink()
    (run / "my.csv").write_text(Path("other.csv").read_text())
    with pytest.raises(FileError, match=r"my\.csv is another file"):
        cr.recipes.resume(run)
    moons = cr.recipes.run(cr.recipes.override(cr.recipes.load("xor"), epochs=1)).run
    with pytest.raises(InputError, match="the run was trained on xor"):
        cr.recipes.resume(moons, data="short.csv", epochs=1)


def test_data_that_have_changed_are_said(run: Path, capsys: CAPTURED) -> None:
    Path("data/my.csv").write_text(table([*ROWS, "1,2,0"]))
    assert status(["evaluate", str(run)]) == 0
    assert capsys.readouterr().err == "data      data/my.csv holds other samples than those that were trained on\n"
    assert status(["resume", str(run)]) == 2
    assert status(shlex.split(f"train {run} --out again --no-pictures")) == 0
