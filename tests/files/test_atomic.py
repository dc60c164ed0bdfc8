"""A file is written whole or not at all, whatever fails, and nothing else is left behind."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.errors import FileError, InputError
from chainrule.files import load, save, write_atomically
from tests.files.forge import small_network

posix = pytest.mark.skipif(sys.platform == "win32", reason="there are no such files, signals or permissions")
OLD, NEW = b"old" * 1000, b"new" * 50_000


class Faulty:
    """The `os` module, but for one call of those that are counted, which fails."""

    COUNTED = ("open", "fdopen", "stat", "listdir", "fsync", "replace", "close")

    def __init__(self, place: int, number: int, interrupt: bool = False) -> None:
        self.place, self.number, self.interrupt = place, number, interrupt
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self.COUNTED:
            return real

        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "close":  # as in a real failure, the descriptor is gone
                real(*args)
            self.count(name)
            if name == "close":
                return None
            result = real(*args, **kwargs)
            return FaultyFile(result, self) if name == "fdopen" else result

        return call

    def count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.place:
            if self.interrupt:
                raise KeyboardInterrupt
            raise OSError(self.number, os.strerror(self.number))


class FaultyFile:
    def __init__(self, file: Any, faulty: Faulty) -> None:
        self.file, self.faulty = file, faulty

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> FaultyFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.faulty.count("close of the file")

    def write(self, data: Any) -> int:
        half = len(data) // 2
        self.file.write(data[:half])
        self.faulty.count("write")
        return half + int(self.file.write(data[half:]))

    def flush(self) -> None:
        self.faulty.count("flush")
        self.file.flush()


def pour(file: Any) -> None:
    for start in range(0, len(NEW), 50_000):
        file.write(NEW[start : start + 50_000])


def attempt(path: Path, faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> BaseException | None:
    with monkeypatch.context() as patched:
        patched.setattr("chainrule.files.atomic.os", faulty)
        try:
            write_atomically(path, pour)
        except BaseException as error:
            return error
    return None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EFBIG, errno.ENOENT, 9999])
@pytest.mark.parametrize("existing", [True, False], ids=["over a file", "anew"])
def test_a_failure_of_any_operation_leaves_the_old_file_and_no_litter(
    number: int, existing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Faulty(0, 0)
    assert attempt(tmp_path / "a", counting, monkeypatch) is None
    total, renamed = len(counting.calls), counting.calls.index("replace") + 1
    assert {"write", "flush", "fsync", "replace", "close of the file"} <= set(counting.calls)
    assert total >= 12
    for place in range(1, total + 1):
        folder = tmp_path / str(place)
        folder.mkdir()
        if existing:
            (folder / "a").write_bytes(OLD)
        error = attempt(folder / "a", Faulty(place, number), monkeypatch)
        failed = counting.calls[place - 1]
        if error is None:
            assert failed in ("listdir", "stat"), failed  # nothing to sweep, or nothing there
        else:
            assert isinstance(error, FileError), (failed, error)
            assert str(error).startswith(f"save '{folder / 'a'}': got ")
        there = (folder / "a").read_bytes() if (folder / "a").exists() else b""
        assert there == (NEW if error is None or place > renamed else OLD if existing else b""), failed
        assert set(os.listdir(folder)) <= {"a"}, failed


def test_data_are_on_the_disk_before_the_name_and_the_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Faulty(0, 0)
    attempt(tmp_path / "a", counting, monkeypatch)
    order = ["write", "write", "write", "flush", "fsync", "replace", "close of the file", "open", "fsync", "close"]
    assert counting.calls[-len(order) :] == order


def test_an_interruption_at_any_operation_leaves_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Faulty(0, 0)
    attempt(tmp_path / "a", counting, monkeypatch)
    for place in range(1, len(counting.calls) + 1):
        folder = tmp_path / str(place)
        folder.mkdir()
        (folder / "a").write_bytes(OLD)
        error = attempt(folder / "a", Faulty(place, 0, interrupt=True), monkeypatch)
        assert isinstance(error, KeyboardInterrupt)
        assert (folder / "a").read_bytes() in (OLD, NEW)
        assert os.listdir(folder) == ["a"], counting.calls[place - 1]


def test_what_the_writing_function_raises_passes_through(tmp_path: Path) -> None:
    def fail(file: Any) -> None:
        file.write(b"half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "a", fail)
    assert os.listdir(tmp_path) == []


@posix
def test_a_real_limit_is_refused_with_the_old_file_intact(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(OLD)
    code = (
        "import resource, sys; from chainrule.files import write_atomically\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try: write_atomically(sys.argv[1], bytes(1_000_000))\n"
        "except Exception as error: sys.stdout.write(f'{type(error).__name__}: {error}')\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "a"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert re.match(r"FileError: save .*larger than allowed", done.stdout), done
    assert (tmp_path / "a").read_bytes() == OLD
    assert os.listdir(tmp_path) == ["a"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([".", *sys.path])}


@posix
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("folder", "a folder"),
        ("folder/", "a folder"),
        ("", "a folder"),
        ("missing/a", "a folder that does not exist"),
        ("file/a", "through something that is no folder"),
        ("fifo", "a pipe or a device"),
        ("loop", "links that lead in a circle"),
        ("x" * 256, "a name that is too long"),
        ("x\0y", "NUL"),
        ("/dev/null", "a pipe or a device"),
    ],
    ids=lambda value: ascii(value[:20]),
)
def test_a_bad_path_is_refused(path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(OLD)
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(FileError, match=message):
        write_atomically(os.path.join(tmp_path, path), NEW)
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "file").read_bytes() == OLD


@posix
def test_a_write_protected_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(OLD)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # who runs the tests may be allowed everything
    with pytest.raises(FileError, match="write-protected"):
        write_atomically(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == OLD


def test_a_path_must_be_one() -> None:
    with pytest.raises(InputError, match="expected a path"):
        write_atomically(3, NEW)


@posix
def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_bytes(OLD)
    (tmp_path / "a").symlink_to("there/file")
    (tmp_path / "new").symlink_to("there/not yet")
    write_atomically(tmp_path / "a", NEW)
    write_atomically(tmp_path / "new", NEW)
    assert (tmp_path / "a").is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == NEW
    assert (tmp_path / "there" / "not yet").read_bytes() == NEW


@posix
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_new_file_has_the_permissions_of_any_new_file(mask: int, mode: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a", NEW)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_names_of_all_kinds_are_written(tmp_path: Path) -> None:
    for name in ("größe 1.safetensors", "x" * 200, ".hidden", "a.tmp", "é" * 100):
        write_atomically(tmp_path / name, NEW)
        assert (tmp_path / name).read_bytes() == NEW
    assert len(os.listdir(tmp_path)) == 5


def test_a_relative_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomically("a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW


@posix
def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    import fcntl

    left, other, short = ".a.0123456789abcdef.tmp", ".b.0123456789abcdef.tmp", ".a.mine.tmp"
    held = ".a.fedcba9876543210.tmp"
    for name in (left, other, short, held):
        (tmp_path / name).write_bytes(b"half")
    with open(tmp_path / held, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_atomically(tmp_path / "a", NEW)
        assert sorted(os.listdir(tmp_path)) == sorted(["a", other, short, held])
    write_atomically(tmp_path / "a", NEW)
    assert sorted(os.listdir(tmp_path)) == sorted(["a", other, short])


def test_many_savers_of_one_file_do_not_disturb_each_other(tmp_path: Path) -> None:
    path, failures = tmp_path / "a", []

    def write(letter: bytes) -> None:
        try:
            for _ in range(15):
                write_atomically(path, letter * 100_000)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            data = path.read_bytes()
            assert data == data[:1] * 100_000
    assert not failures
    assert os.listdir(tmp_path) == ["a"]


SAVE_FOREVER = """
import sys
from chainrule.files import save
from tests.files.forge import small_network
network = small_network()
while True:
    save(network, sys.argv[1])
    sys.stdout.write("saved\\n")
    sys.stdout.flush()
    network.optimize()
"""


@posix
def test_killing_a_process_that_saves_loses_nothing_and_leaves_no_litter(tmp_path: Path) -> None:
    path, rng = tmp_path / "a", np.random.default_rng(5)
    steps = -1
    for _ in range(4):
        command = [sys.executable, "-c", SAVE_FOREVER, path]
        with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"saved\n"
            time.sleep(rng.uniform(0, 0.02))
            child.send_signal(signal.SIGKILL)
            saved = 1 + child.stdout.read().count(b"saved\n")
        steps = load(path).snapshot()["steps"]
        assert steps >= saved  # the network was stepped once before the first save: at most the last one is unknown
    save(small_network(), path)
    assert os.listdir(tmp_path) == ["a"]
