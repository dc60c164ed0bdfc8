"""Runs on a disk with so much room, and then with more: a program of its own, for it mounts a small disk.

    unshare -Urm python -m tests.recipes.full_disk 0 4 8 …     # KiB of room
    python -m tests.recipes.full_disk --failing 7              # every seventh operation of writing fails, in turn

Prints an object for each: how training ended, what was said, and whether the run then goes on to the bytes of the
one that nothing disturbed.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from chainrule import recipes
from chainrule.cli import status

ROOM = 2 << 20
NUMBERS = ("ENOSPC", "EIO", "EACCES", "EROFS", "EDQUOT", "EFBIG")
_PATCHED = ("files.atomic", "recipes.log", "recipes.folder")

SMALL = recipes.from_toml(
    """
    data = {name = "spirals", samples = 60, classes = 3, validation = 15}
    layers = "2-100-100-3"
    loss = "CategoricalCrossEntropy"
    phases = [{epochs = 4, learning_rate = 0.01}]
    batch_size = 16
    dropout = 0.1
    checkpoint_steps = 4
    checkpoint_seconds = 0
    """,
    "full disk",
    "small",
)


@dataclass
class Outcome:
    """How a run went on a disk that was too small, or failed once.

    Attributes
    ----------
    case : str
    code : int
        The exit status of the training.
    lines : int
        What it said on standard error.
    left : str
        "nothing", or whether what was left went on to the "same" or to "other" bytes.
    """

    case: str
    code: int
    lines: list[str]
    left: str

    @property
    def right(self) -> bool:
        """Whether it ended by itself, with one line at the most, and nothing was lost."""
        ended = {0: (0, ("same",)), 2: (1, ("same", "nothing"))}.get(self.code)
        return ended is not None and len(self.lines) == ended[0] and self.left in ended[1]


def what_is_left(folder: Path) -> list[object]:
    """Return the weights files of a run, and its log without times."""
    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    return [(folder / name).read_bytes() for name in ("best.safetensors", "last.safetensors")] + rows


def command(*told: str) -> tuple[int, list[str]]:
    """Run the command line here; return its exit status and what it said on standard error."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        code = status(told)
    return code, said.getvalue().splitlines()


def attempt(
    case: str, recipe: Path, out: Path, whole: list[object], failing: contextlib.AbstractContextManager[Any]
) -> Outcome:
    """Train where writing fails, and go on where it doesn't any more."""
    with failing:
        code, lines = command("train", str(recipe), "--out", str(out), "--no-pictures")
    folder = out / "small-001"
    if not folder.exists():
        return Outcome(case, code, lines, "nothing")
    if code == 2:
        again, problems = command("resume", str(folder), "--no-pictures")
        if again != 0:
            return Outcome(case, code, lines, f"can't go on: {problems}")
    litter = sorted(set(os.listdir(folder)) - set(recipes.folder.FILES))
    return Outcome(
        case, code, lines, f"litter {litter}" if litter else "same" if what_is_left(folder) == whole else "other"
    )


def on_small_disks(rooms: list[int], recipe: Path, disk: Path, whole: list[object]) -> Iterator[Outcome]:
    """Mount a disk, and train with so many KiB of room on it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", disk], check=True)
    for room in rooms:
        filler, out = disk / "filler", disk / "runs"
        out.mkdir()
        with open(filler, "wb") as file:
            free = os.statvfs(disk)
            file.write(bytes(free.f_bavail * free.f_bsize - room * 1024))

        @contextlib.contextmanager
        def full(filler: Path = filler) -> Iterator[None]:
            yield
            filler.unlink()

        yield attempt(f"{room} KiB", recipe, out, whole, full())
        shutil.rmtree(out)
    subprocess.run(["umount", disk], check=True)


class Failing:
    """The `os` module, but for operations of writing that fail: one of them, or all from that one on."""

    COUNTED = ("open", "write", "fsync", "replace", "mkdir", "makedirs", "ftruncate", "unlink")

    def __init__(self, number: int = 0, place: int = 0, lasting: bool = False) -> None:
        self.number, self.place, self.lasting, self.count = number, place, lasting, 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name == "fdopen":
            return lambda *told, **named: _FailingFile(real(*told, **named), self)
        return self.failing(real) if name in self.COUNTED else real

    def failing(self, real: Any) -> Any:
        def call(*told: Any, **named: Any) -> Any:
            writes = real is not os.open or told[1] & (os.O_WRONLY | os.O_RDWR)
            if writes:
                self.step()
            return real(*told, **named)

        return call

    def step(self) -> None:
        self.count += 1
        if self.place and (self.count == self.place or (self.lasting and self.count > self.place)):
            raise OSError(self.number, os.strerror(self.number))


class _FailingFile:
    def __init__(self, file: Any, failing: Failing) -> None:
        self.file, self.write_through = file, failing.failing(file.write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> _FailingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: Any) -> Any:
        return self.write_through(data)


@contextlib.contextmanager
def patched(failing: Failing) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for name in _PATCHED:
            stack.enter_context(mock.patch(f"chainrule.{name}.os", failing))
        yield


def with_failures(every: int, recipe: Path, folder: Path, whole: list[object]) -> Iterator[Outcome]:
    """Let each operation of writing fail in turn: alone, and all from there on."""
    counting = Failing()
    assert attempt("nothing", recipe, folder / "counted", whole, patched(counting)).right
    places = [(place, lasting) for place in range(1, counting.count + 1) for lasting in (False, True)]
    cases = [(name, *place) for place in places for name in NUMBERS][::every]
    for name, place, lasting in cases:
        out = folder / f"{name}-{place}-{lasting}"
        failing = Failing(getattr(errno, name), place, lasting)
        case = f"{name} in operation {place} of {counting.count}{' and all after it' * lasting}"
        yield attempt(case, recipe, out, whole, patched(failing))
        shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    """Do what the arguments say."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        recipe = folder / "small.toml"
        recipe.write_text(recipes.to_toml(SMALL))
        whole = what_is_left(Path(recipes.run(recipe, out=folder / "whole").run))
        if sys.argv[1] == "--failing":
            outcomes = with_failures(int(sys.argv[2]), recipe, folder, whole)
        else:
            (folder / "disk").mkdir()
            outcomes = on_small_disks([int(room) for room in sys.argv[1:]], recipe, folder / "disk", whole)
        for outcome in outcomes:
            sys.stdout.write(json.dumps({**asdict(outcome), "right": outcome.right}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
