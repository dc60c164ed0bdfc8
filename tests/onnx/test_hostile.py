"""Every ONNX file that is wrong is refused with one clear error, fast, in little memory, without anything being run,
imported or opened: a child process under an audit hook loads them all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.errors import FileError
from chainrule.onnx import load
from tests.files.test_hostile import WATCH
from tests.onnx.hostile import FILES, GOOD

# The same watch that model files are loaded under: what is opened and run, how long it takes, how much memory.
WATCH_ONNX = WATCH.replace("from chainrule.files import load", "from chainrule.onnx import load")
HEAVY = {"a million empty nodes", "a million empty attributes"}  # which are read until there are too many


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a child process saw when it loaded every hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = {name: str(folder / f"{i:03}") for i, name in enumerate([*FILES, "the good file"])}
    for name, path in paths.items():
        Path(path).write_bytes(FILES.get(name, GOOD))
    (folder / "list").write_text("".join(json.dumps(path) + "\n" for path in paths.values()))
    process = subprocess.run(
        [sys.executable, "-c", WATCH_ONNX, folder / "list", paths["the good file"]],
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
    assert ["open", path] in seen


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_is_refused_with_one_clear_error(reports: dict[str, Any], name: str) -> None:
    path, outcome, message, seconds, peak, seen = reports[name]
    assert outcome == "FileError", message
    assert message.startswith(f"onnx.load {path!r}")
    assert ": got " in message
    assert ", but expected " in message
    assert len(message) < 1500
    assert message.isprintable()
    assert seconds < (20 if name in HEAVY else 5)
    assert peak < (200e6 if name in HEAVY else 60e6)
    assert all(event == "open" and (what == path or what.isdigit()) for event, what in seen), seen


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "cut.onnx").write_bytes(GOOD[:length])
    with pytest.raises(FileError):
        load(tmp_path / "cut.onnx")


def test_changed_bytes_load_or_are_refused_and_nothing_else_happens(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        data = bytearray(GOOD)
        for place in rng.integers(len(data), size=rng.integers(1, 4)):
            data[place] = rng.integers(256)
        (tmp_path / "changed.onnx").write_bytes(data)
        try:
            load(tmp_path / "changed.onnx")
        except FileError:
            refused += 1
    assert refused > 150


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing", Path("/dev/zero")):
        with pytest.raises(FileError):
            load(path)
