"""Every file that is not a model chainrule saved is refused with one clear error, fast, in little memory, and
without anything being run, imported or opened: a child process under an audit hook loads them all."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chainrule.errors import FileError
from chainrule.files import load, read, read_header
from tests.files import hostile_contents  # noqa: F401 -- adds its files to the others
from tests.files.hostile import FILES, GOOD

# What a load may do, as the interpreter's audit hook sees it: open the file it was asked to open, and look through what
# is installed for a part that the file names and chainrule does not have.
WATCH = """
import json, sys, time
from chainrule.errors import ChainruleError, nearest
from chainrule.files import load
from chainrule.files.installed_parts import installed_names
from chainrule.words import words

# What an error's text, and a name that is unknown, need of the standard library is imported at the first of them.
nearest("a", ["b"])
installed_names()
words("names"), words("keywords")
seen = []
watching = False

def hook(event, details):
    if watching and event not in {"object.__getattr__", "builtins.id", "sys._getframe"}:
        seen.append((event, str(details[0]) if details else ""))

load(sys.argv[2])
sys.addaudithook(hook)

def memory(kind):
    # ru_maxrss would begin with what the parent process had; where there is no /proc, nothing is measured
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(kind))
    except FileNotFoundError:
        return 0

def forget_the_peak():
    try:
        with open("/proc/self/clear_refs", "w") as switch:
            switch.write("5")
    except OSError:
        pass

for line in open(sys.argv[1]):
    path = json.loads(line)
    seen.clear()
    forget_the_peak()
    before, start = memory("VmRSS:"), time.process_time()
    watching = True
    try:
        load(path)
        outcome, message = "loaded", ""
    except ChainruleError as error:
        outcome, message = type(error).__name__, str(error)
    except BaseException as error:
        outcome, message = "escaped " + type(error).__name__, str(error)
    watching = False
    seconds = time.process_time() - start
    print(json.dumps([path, outcome, message, seconds, memory("VmHWM:") - before, seen]))
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return watched(tmp_path_factory.mktemp("hostile"))


def watched(folder: Path) -> dict[str, Any]:
    """Return what a child process saw when it loaded every hostile file.

    By name: the path, what became of it, its message, seconds, bytes of memory, and the events of the audit hook.
    """
    (folder / "good").write_bytes(GOOD)
    paths = {}
    for i, (name, make) in enumerate(FILES.items()):
        paths[name] = str(folder / f"{i:03}")
        Path(paths[name]).write_bytes(make())
    paths["the good file"] = str(folder / "good")
    (folder / "list").write_text("".join(json.dumps(path) + "\n" for path in paths.values()))
    process = subprocess.run(
        [sys.executable, "-c", WATCH, folder / "list", folder / "good"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    found = {path: report for path, *report in map(json.loads, process.stdout.splitlines())}
    return {name: (path, *found[path]) for name, path in paths.items()}


def test_the_good_file_loads_under_the_same_watch(reports: dict[str, Any]) -> None:
    path, outcome, _, _, _, seen = reports["the good file"]
    assert outcome == "loaded"
    assert [event for event, _ in seen].count("open") >= 1
    expect_nothing_but_the_file(path, seen)


def test_there_are_enough_hostile_files() -> None:
    assert len(FILES) >= 80


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused(name: str, reports: dict[str, Any]) -> None:
    path, outcome, message, seconds, memory, seen = reports[name]
    assert outcome == "FileError", message
    assert message.startswith("load '")
    assert message.isprintable()
    assert len(message) < 1500
    expect_nothing_but_the_file(path, seen)
    assert seconds < 0.5  # `make figures` holds it to 0.1, on a machine that does nothing else
    assert memory <= allowed(path)


def allowed(path: str) -> int:
    """Return how many bytes of memory refusing a file may take."""
    return 2 * os.path.getsize(path) + (16 << 20)


def expect_nothing_but_the_file(path: str, seen: list[tuple[str, str]]) -> None:
    for event, first in seen:
        if event == "os.listdir":  # a type that we don't have may be an installed package's
            assert os.path.isabs(first), first
            assert first != os.getcwd(), "a package was looked for in the current folder"
            continue
        assert event == "open", (event, first)
        # digits: the file, by its descriptor
        assert first == path or first.isdigit() or first.endswith("/entry_points.txt"), f"{first} was opened"


UNUSUAL = ["fifo", "loop", "dangling", "socket", "missing", "x\0y", "x" * 5000, "folder", "device", "null"]


def unusual(folder: Path) -> dict[str, Path]:
    os.mkfifo(folder / "fifo")
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "socket"))
    server.close()
    others = {"folder": folder, "device": Path("/dev/zero"), "null": Path("/dev/null")}
    return {name: others.get(name, folder / name) for name in UNUSUAL}


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such files")
@pytest.mark.parametrize("name", UNUSUAL, ids=lambda name: ascii(name[:10]))
def test_what_is_no_file_is_refused_without_waiting(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="load"):
        load(unusual(tmp_path)[name])


class Moving:
    """A file that changes while it is read."""

    def __init__(self, path: Path, change: Any) -> None:
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115 -- closed below; nothing is read ahead
        self.change = change

    def fileno(self) -> int:
        return self.file.fileno()

    def read(self, count: int = -1) -> bytes:
        return self.file.read(count)

    def readinto(self, buffer: Any) -> int:
        self.change(self.file)
        return self.file.readinto(buffer)

    def __enter__(self) -> Moving:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def shrink(file: Any) -> None:
    os.truncate(file.name, len(GOOD) - 20)


def grow(file: Any) -> None:
    with open(file.name, "ab") as other:
        other.write(b"more")


@pytest.mark.parametrize(("change", "message"), [(shrink, "became shorter"), (grow, "became longer")])
def test_a_file_that_changes_while_it_is_read_is_refused(
    change: Any, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(GOOD)

    monkeypatch.setattr("chainrule.files.safetensors.open_file", lambda _, path: Moving(path, change))
    with pytest.raises(FileError, match=message):
        read(path)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for length in range(0, len(GOOD), 7):
        path.write_bytes(GOOD[:length])
        with pytest.raises(FileError):
            load(path)


def test_the_header_alone_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(GOOD)
    header = read_header(tmp_path / "a")
    assert header.tensors["dense_1.weights"].shape == (2, 3)
    assert header.size == sum(t.stop - t.start for t in header.tensors.values())


WORDS = {
    "a length and nothing else": r"a header of 1,6\d\d bytes in a file of 8",
    "a byte order mark in the header": r"a header that begins with b'\\xef', but expected a JSON object",
    "a list as a header": r"a header that begins with b'\['",
    "a depth of 100,000": r"100,1\d\d lists, objects and keys in the header, but expected at most 100,000",
    "a digest with a space before it": "a digest that is not written as chainrule writes it",
    "a digest that is short": "the digest '0+', but expected a SHA-256, 64 hexadecimal digits",
    "a pickle": "a pickle, which can run code when it is opened",
    "no format": "a safetensors file of another program",
    "a future version": "format version '2', but expected version 1. Upgrade chainrule",
    "metadata that are null": "a safetensors file of another program",
    "an array called 'a/../b'": "'a/../b', with unprintable characters or slashes in it",
    "an array called 'a..b'": "'a..b', with a dot too many",
    "an array called 'a b:c'": "'a b:c', in no section",
    "dtype 'O'": "'dense_1.bias': got dtype 'O', but expected a dtype of numbers",
    "shape [-3]": r"'dense_1.bias': got shape \[-3\]",
    "offsets [12, 0]": r"data_offsets \[12, 0\], but expected two whole numbers, the first not above the second",
    "a hole": "a hole before it, but expected arrays one after the other",
    "no data": "0 bytes behind the header, but expected 156",
    "a flipped bit in the data": "bytes that don't match the file's own SHA-256",
}


@pytest.mark.parametrize("name", WORDS)
def test_what_is_wrong_with_a_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(FILES[name]())
    with pytest.raises(FileError, match=WORDS[name]):
        load(tmp_path / "a.safetensors")
