"""A disk that fills, fails or vanishes ends no training; `benchmarks/soak.py` has the long form."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

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
    assert {outcome["code"] for outcome in found} == {0, 1, 2}  # there were some of each


def test_any_operation_of_writing_may_fail_alone_or_with_all_after_it() -> None:
    found = outcomes(sys.executable, "-m", "tests.recipes.full_disk", "--failing", EVERY)
    assert [outcome for outcome in found if not outcome["right"]] == []
    assert {outcome["code"] for outcome in found} == {0, 1, 2}


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
    assert status(["train", "small.toml"]) == 1
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "a disk that is full" in err
    assert "no learning-curve.png: " in out
    assert what_is_left(tmp_path / "runs" / "small-001")


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
