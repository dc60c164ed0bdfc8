"""A disk that fills, fails or vanishes ends no training; `benchmarks/soak.py` has the long form."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.cli import status
from chainrule.data.opening import Folder
from chainrule.errors import FileError, FileWarning
from chainrule.recipes.log import LogFile
from tests.recipes.full_disk import SMALL, what_is_left
from tests.referees import needed

ROOMS = os.environ.get("CHAINRULE_ROOMS", "0 48 152 200 256 300 352 420 520 1020").split()
EVERY = os.environ.get("CHAINRULE_FAILING_EVERY", "97")
ENDS = {(0, "same"), (2, "same"), (2, "nothing")}  # the exit status, and what is left once the run went on
SMALL_DISKS = (
    shutil.which("unshare") and not subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode
)


def outcomes(*command: str) -> list[dict[str, object]]:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(not SMALL_DISKS, reason="a small disk needs Linux's unshare, and the right to mount")
def test_a_full_disk_ends_no_training_and_loses_nothing() -> None:
    found = outcomes("unshare", "-Urm", sys.executable, "-m", "tests.recipes.full_disk", *ROOMS)
    assert len(found) == len(ROOMS)
    assert [outcome for outcome in found if not outcome["right"]] == []
    assert {(outcome["code"], outcome["left"]) for outcome in found} == ENDS  # there were some of each


def test_any_operation_of_writing_may_fail_alone_or_with_all_after_it() -> None:
    found = outcomes(sys.executable, "-m", "tests.recipes.full_disk", "--failing", EVERY)
    assert [outcome for outcome in found if not outcome["right"]] == []
    assert {(outcome["code"], outcome["left"]) for outcome in found} == ENDS


class Vanish(cr.Callback):
    """Removes the folder of the run in the midst of its training."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def after_epoch(self, training: cr.training.Training, epoch: cr.training.Epoch) -> None:
        if epoch.epoch == 2:
            shutil.rmtree(self.folder)


def test_a_run_whose_folder_vanishes_is_trained_to_its_end_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    result = recipes.run(SMALL, out=tmp_path, say=said.append, callbacks=[Vanish(tmp_path / "small-001")])
    assert len(result.history) == 4
    assert result.problem is not None
    assert "the folder is gone" in result.problem.fix
    assert sum("training goes on" in line for line in said) == 1
    assert not (tmp_path / "small-001").exists()


def test_who_listens_to_no_log_is_warned(tmp_path: Path) -> None:
    with pytest.warns(FileWarning, match="the folder is gone"):
        recipes.run(SMALL, out=tmp_path, callbacks=[Vanish(tmp_path / "small-001")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert recipes.run(SMALL, out=tmp_path).problem is None


def test_pictures_that_can_not_be_written_lose_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed("matplotlib", "plot")
    monkeypatch.chdir(tmp_path)
    real = os.replace

    def full(source: str, target: str, **named: int) -> None:
        if str(target).endswith(".png"):
            raise OSError(28, "No space left on device")
        real(source, target, **named)

    monkeypatch.setattr("chainrule.files.atomic.os.replace", full)
    (tmp_path / "small.toml").write_text(recipes.to_toml(SMALL))
    assert status(["train", "small.toml"]) == 2
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "a disk that is full" in err
    assert "no learning-curve.png: " in out
    assert what_is_left(tmp_path / "runs" / "small-001")


class Full(io.StringIO):
    """A standard output on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_what_can_not_be_shown_ends_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = what_is_left(Path(recipes.run(SMALL, out=tmp_path / "whole").run))
    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.warns(FileWarning, match="takes no more of it"):
        result = recipes.run(SMALL, out=tmp_path, say=print)
    assert what_is_left(Path(result.run)) == whole
    network = cr.Network([cr.Dense(2, inputs=2), cr.Tanh(), cr.Dense(1)])
    with pytest.warns(FileWarning, match="takes no more of it"):
        assert len(cr.train(network, *cr.data.xor(), epochs=3, verbose=2)) == 3


@pytest.fixture
def full_events(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What os.write of event files does: so many bytes fit, and then no more; the list can be changed."""
    needed("tensorboardX", "tensorboard")
    room = [1000]

    class Small:
        """The `os` module, on a small disk."""

        def __getattr__(self, name: str) -> Any:
            return getattr(os, name)

        def write(self, file: int, data: bytes) -> int:
            if room[0] <= 0:
                raise OSError(28, "No space left on device")
            count = os.write(file, data[: room[0]])
            room[0] -= count
            return count

    monkeypatch.setattr("chainrule.tensorboard.os", Small())
    return room


def test_event_files_on_a_full_disk_end_no_training_and_are_tried_again(tmp_path: Path, full_events: list[int]) -> None:
    class MakeRoom(cr.Callback):
        def after_epoch(self, training: cr.training.Training, epoch: cr.training.Epoch) -> None:
            if epoch.epoch == 15:
                full_events[0] = 1 << 20

    def trained(folder: Path, *others: cr.Callback) -> tuple[int, FileError | None]:
        board = cr.tensorboard.TensorBoard(folder)
        network = cr.Network([cr.Dense(2, inputs=2), cr.Tanh(), cr.Dense(1)])
        cr.train(network, *cr.data.xor(), epochs=20, callbacks=[board, *others], verbose=0)
        return next(folder.iterdir()).stat().st_size, board.problem

    with pytest.warns(FileWarning, match=r"a disk that is full.* Training goes on") as warned:
        size, problem = trained(tmp_path / "late", MakeRoom())
    assert (len(warned), problem) == (1, None)
    assert trained(tmp_path / "whole") == (size, None)  # byte for byte, but for the times in it
    full_events[0] = 1000
    with pytest.warns(FileWarning):
        size, problem = trained(tmp_path / "full")
    assert (size, "a disk that is full" in str(problem)) == (1000, True)
    with pytest.raises(FileError, match="a disk that is full"):
        cr.tensorboard.TensorBoard(tmp_path / "never")


def test_the_command_line_says_how_to_write_the_events_then(
    tmp_path: Path, full_events: list[int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        assert status(["train", "xor", "--tensorboard", "events", "--no-pictures", "--quiet"]) == 2
    warning, error = capsys.readouterr().err.splitlines()
    assert warning.startswith("Warning: TensorBoard 'events': got a disk that is full")
    advice = error.partition("from the log of the run: chainrule ")[2].rstrip(".").split()
    assert status(advice) == 2  # the disk is still full
    assert capsys.readouterr().err.count("\n") == 1
    full_events[0] = 1 << 20
    assert status(advice) == 0
    assert {"result.json", "best.safetensors"} < set(os.listdir("runs/xor-001"))


def test_a_log_that_is_full_says_so_once_and_the_rest_is_in_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(recipes.folder.MOST, recipes.folder.LOG, 500)
    said: list[str] = []
    result = recipes.run(SMALL, out=tmp_path, say=said.append)
    assert sum("log.jsonl is full" in line for line in said) == 1
    kept = (tmp_path / "small-001" / "log.jsonl").read_text().splitlines()
    assert 1 < len(kept) < 4
    more = recipes.resume(result.run, epochs=1)
    assert [epoch.epoch for epoch in more.history] == [1, 2, 3, 4, 5]
    assert (tmp_path / "small-001" / "log.jsonl").read_text().splitlines()[0] == kept[0]
    assert result.problem is None


def test_a_run_without_its_best_weights_has_not_come_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace

    def failing(source: str, target: str, **named: int) -> None:
        if target == "best.safetensors":
            raise OSError(5, "Input/output error")
        real(source, target, **named)

    with monkeypatch.context() as patched:
        patched.setattr("chainrule.files.atomic.os.replace", failing)
        result = recipes.run(SMALL, out=tmp_path, say=lambda line: None)
    assert "best.safetensors, result.json" in str(result.problem)
    assert "result.json" not in os.listdir(result.run)
    assert recipes.resume(result.run).problem is None
    assert what_is_left(Path(result.run)) == what_is_left(Path(recipes.run(SMALL, out=tmp_path).run))


def test_a_log_is_written_bit_by_bit_and_through_no_second_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    with Folder("run", tmp_path) as folder:
        monkeypatch.setattr("chainrule.recipes.log.os.write", lambda file, data: real(file, data[:3]))
        log = LogFile(folder.file("log.txt"))
        log.add("a line that is written three bytes at a time")
        log.add("and one more")
        log.close()
        assert (tmp_path / "log.txt").read_text().count("\n") == 2
        assert "three bytes at a time\nand one more\n" in (tmp_path / "log.txt").read_text()
        os.link(tmp_path / "log.txt", tmp_path / "other")
        with pytest.raises(FileError, match="a second name elsewhere"):
            LogFile(folder.file("log.txt"))
