"""Power cuts in a model: every state in which the recorded operations of saves may leave the disk.

What is written reaches the disk when its file is forced there, and until then wholly, in part, or not at all; what
happens to names reaches it when their folder is forced there, and until then each such operation may have or not.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chainrule.errors import FileError
from chainrule.files import atomic, load, save, write_atomically
from tests.files.forge import small_network

posix = pytest.mark.skipif(os.name == "nt", reason="folders can't be forced to the disk there")


class Recorder:
    """The `os` module, noting what is done to files: (operation, details)."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.paths: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def open(self, path: str, flags: int, mode: int = 0o777, **others: Any) -> int:
        descriptor = os.open(path, flags, mode, **others)
        self.paths[descriptor] = path
        if flags & os.O_CREAT:
            self.done.append(("create", path))
        return descriptor

    def fdopen(self, descriptor: int, mode: str) -> Any:
        file = os.fdopen(descriptor, mode, buffering=0)
        return _Noted(file, lambda data: self.done.append(("write", self.paths[descriptor], bytes(data))))

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)
        self.done.append(("force", self.paths[descriptor]))

    def replace(self, source: str, target: str) -> None:
        os.replace(source, target)
        self.done.append(("rename", source, target))


class _Noted:
    def __init__(self, file: Any, note: Callable[[Any], object]) -> None:
        self.file, self.note = file, note

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> _Noted:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: Any) -> int:
        self.note(data)
        return int(self.file.write(data))

    def writelines(self, parts: list[Any]) -> None:
        for part in parts:
            self.write(part)


def crash_states(done: list[tuple[Any, ...]], disk: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Yield name -> content for every state a power cut after these operations may leave."""
    written: dict[str, bytes] = {}
    forced: dict[str, bytes] = {}
    names: list[tuple[Any, ...]] = []  # operations on names that the folder has not been forced to keep
    content_of: dict[str, str] = {name: name for name in disk}  # name -> the file (by its first name) it stands for
    data = dict(disk)
    forced.update(disk)
    for operation, path, *rest in done:
        if operation == "create":
            names.append(("create", path))
            written[path], forced[path] = b"", b""
        elif operation == "write":
            written[path] += rest[0]
        elif operation == "rename":
            names.append(("rename", path, rest[0]))
        elif path in written:
            forced[path] = written[path]
        else:  # the folder
            content_of = applied(names, content_of)
            names = []
    data.update(written)
    for kept in itertools.product((True, False), repeat=len(names)):
        there = applied([name for name, k in zip(names, kept) if k], content_of)
        for partly in ("all", "half", "none", "zeros"):
            yield {name: surviving(data[file], forced[file], partly) for name, file in there.items()}


def applied(names: list[tuple[Any, ...]], content_of: dict[str, str]) -> dict[str, str]:
    result = dict(content_of)
    for operation, path, *rest in names:
        if operation == "create":
            result[path] = path
        else:  # a name kept without the one before it: the file itself is there
            result.pop(path, None)
            result[rest[0]] = path
    return result


def surviving(data: bytes, forced: bytes, partly: str) -> bytes:
    """Return what of a file is there: what was forced, and of the rest something."""
    rest = data[len(forced) :]
    kept = {"all": rest, "half": rest[: len(rest) // 2], "none": b"", "zeros": bytes(len(rest))}[partly]
    return forced + kept


def recorded(steps: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch, **without: Any) -> list[Any]:
    """Return the operations of each step, with some functions of `os` doing nothing."""
    found = []
    for step in steps:
        recorder = Recorder()
        for name, function in without.items():
            setattr(recorder, name, function)
        with monkeypatch.context() as patched:
            patched.setattr(atomic, "os", recorder)
            step()
        found.append(recorder.done)
    return found


def outcomes(path: Path, steps: list[list[Any]], contents: list[bytes]) -> tuple[int, int, int]:
    """Return how many crash states there are, in how many the file is torn, and in how many a save is lost."""
    count = torn = lost = 0
    everything = list(itertools.chain(*steps))
    ends = list(itertools.accumulate(len(step) for step in steps))
    for cut in range(len(everything) + 1):
        returned = sum(end <= cut for end in ends)  # saves that had come to their end
        for state in crash_states(everything[:cut], {}):
            count += 1
            found = state.get(str(path), b"")
            if found not in (b"", *contents):
                torn += 1
            elif returned and (found == b"" or contents.index(found) < returned - 1):
                lost += 1
    return count, torn, lost


@posix
def test_no_crash_state_is_torn_and_none_loses_a_save_that_returned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    contents = [b"first" * 100, b"second" * 100, b"third" * 100]
    steps = recorded([lambda data=data: write_atomically(path, data) for data in contents], monkeypatch)
    count, torn, lost = outcomes(path, steps, contents)
    assert count >= 100
    assert (torn, lost) == (0, 0)


@posix
@pytest.mark.parametrize(("without", "bad"), [("file", "torn"), ("folder", "lost")])
def test_the_model_sees_what_would_go_wrong_without_forcing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: str, bad: str
) -> None:
    path = tmp_path / "a"
    contents = [b"first" * 100, b"second" * 100, b"third" * 100]
    steps = recorded([lambda data=data: write_atomically(path, data) for data in contents], monkeypatch)
    kept = [
        [op for op in step if op[0] != "force" or (op[1] == str(tmp_path)) == (without == "file")] for step in steps
    ]
    _, torn, lost = outcomes(path, kept, contents)
    assert {"torn": torn, "lost": lost}[bad] > 0


@posix
def test_a_model_in_any_crash_state_of_two_saves_is_there_or_not_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, network = tmp_path / "a", small_network()
    steps = recorded([lambda: save(network, path), lambda: (network.optimize(), save(network, path))], monkeypatch)
    everything = list(itertools.chain(*steps))
    distinct = {
        state.get(str(path), b"") for cut in range(len(everything) + 1) for state in crash_states(everything[:cut], {})
    }
    assert len(distinct) == 3
    for i, data in enumerate(sorted(distinct)):
        other = tmp_path / f"state-{i}"
        other.write_bytes(data)
        if data:
            load(other)
        else:
            with pytest.raises(FileError):
                load(other)
