"""One process trains a run: who is second is told who is first, and a lock that nobody holds stops nobody."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.data.opening import Folder
from chainrule.errors import FileError, MisuseError
from chainrule.recipes import folder as run_folder
from chainrule.recipes.folder import LOCK, RunLock
from tests.recipes.full_disk import SMALL, what_is_left
from tests.recipes.races import races

TOLD = r"process \d+ on .* has been training since \d{4}-|came to its end"


def test_of_two_processes_exactly_one_trains_and_the_other_is_told(tmp_path: Path) -> None:
    right, said = races(4, tmp_path)
    assert right == 4, said
    assert all(re.search(TOLD, line) and line.count("\n") == 1 for line in said)


def test_a_run_is_refused_while_it_is_trained_and_can_be_read_meanwhile(tmp_path: Path) -> None:
    seen: list[str] = []

    class Second(cr.Callback):
        def after_epoch(self, training: cr.training.Training, epoch: cr.training.Epoch) -> None:
            folder = tmp_path / "small-001"
            with pytest.raises(MisuseError, match=f"process {os.getpid()} on .* has been training since"):
                recipes.resume(folder)
            with pytest.raises(MisuseError):
                recipes.resume(folder, epochs=3)
            seen.append(recipes.open_run(folder).state)
            recipes.load_run(folder, "last")

    result = recipes.run(SMALL, out=tmp_path, callbacks=[Second()])
    assert seen == ["unfinished"] * 4
    assert LOCK not in os.listdir(result.run)
    assert what_is_left(Path(result.run)) == what_is_left(Path(recipes.run(SMALL, out=tmp_path).run))


HOLD = """
import sys
from chainrule.data.opening import Folder
from chainrule.recipes.folder import RunLock
RunLock(Folder("run", sys.argv[1]))
sys.stdout.write("held\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.parametrize("locks", [True, False], ids=["flock", "no flock"])
def test_a_process_that_was_killed_holds_nothing(locks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        HOLD
        if locks
        else HOLD.replace("RunLock(", "run_folder._locked = lambda descriptor: None; RunLock(", 1).replace(
            "import RunLock", "import RunLock; from chainrule.recipes import folder as run_folder"
        )
    )
    if not locks:
        monkeypatch.setattr(run_folder, "_locked", lambda descriptor: None)
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        with Folder("run", tmp_path) as folder, pytest.raises(MisuseError, match=f"process {child.pid} on"):
            RunLock(folder)
        child.kill()
    assert LOCK in os.listdir(tmp_path)
    with Folder("run", tmp_path) as folder:
        RunLock(folder).release()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "free"),
    [
        (json.dumps({"host": "elsewhere", "process": 1, "since": "then"}), False),
        (json.dumps({"host": platform.node(), "process": 2**22 + 1, "since": "then"}), True),
        (json.dumps({"host": platform.node(), "process": 10**18, "since": "then"}), False),
        (json.dumps({"host": platform.node(), "process": -1, "since": "then"}), False),
        ("", False),
        ("[" * 100_000, False),
        ("\x00\xff", False),
    ],
    ids=["another machine", "nobody any more", "no process", "every process", "not signed yet", "deep", "no text"],
)
def test_without_locks_a_file_is_the_lock_and_stale_only_if_its_process_is_gone(
    text: str, free: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "_locked", lambda descriptor: None)
    (tmp_path / LOCK).write_text(text, "latin-1")
    with Folder("run", tmp_path) as folder:
        if free:
            RunLock(folder).release()
            return
        with pytest.raises(MisuseError, match=rf"remove {re.escape(LOCK)}"):
            RunLock(folder)
        (tmp_path / LOCK).unlink()  # as the error says
        RunLock(folder).release()


@pytest.mark.skipif(os.name == "nt", reason="there it is another lock")
def test_a_file_with_a_second_name_elsewhere_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("kept")
    (tmp_path / "run").mkdir()
    os.link(tmp_path / "outside", tmp_path / "run" / LOCK)
    with Folder("run", tmp_path / "run") as folder:
        RunLock(folder).release()
    assert (tmp_path / "outside").read_text() == "kept"


def test_with_locks_what_a_file_says_binds_nobody(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(json.dumps({"host": "elsewhere", "process": 1, "since": "then"}))
    with Folder("run", tmp_path) as folder:
        RunLock(folder).release()


def test_text_in_a_lock_is_shown_in_escaped_form(tmp_path: Path) -> None:
    with Folder("run", tmp_path) as folder:
        held = RunLock(folder)
        (tmp_path / LOCK).write_text(json.dumps({"host": "a\x1b[31m\n\u202e", "process": 1, "since": "b" * 999}))
        with pytest.raises(MisuseError) as refused:
            RunLock(folder)
        held.release()
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 500


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are POSIX's")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_lock_that_is_no_file_is_refused_without_waiting(kind: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    run = tmp_path / "run"
    run.mkdir()
    make = {"link": lambda path: path.symlink_to(outside), "pipe": os.mkfifo, "folder": os.mkdir}
    make[kind](run / LOCK)
    with Folder("run", run) as folder, pytest.raises(FileError, match="but expected a regular file"):
        RunLock(folder)
    assert outside.read_text() == "kept"


@pytest.mark.skipif(os.name == "nt", reason="there it is another lock")
def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = run_folder._locked
    removed: list[bool] = []

    def removed_first(descriptor: int) -> bool | None:
        if not removed:
            removed.append(True)
            (tmp_path / LOCK).unlink()  # as whoever held it does, after we have opened it
        return real(descriptor)

    monkeypatch.setattr(run_folder, "_locked", removed_first)
    with Folder("run", tmp_path) as folder:
        held = RunLock(folder)
        assert LOCK in os.listdir(tmp_path)
        with pytest.raises(MisuseError):
            RunLock(folder)
        held.release()
