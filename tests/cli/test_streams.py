"""Output that is closed or full: the training goes on to the same bytes, and the exit status says what was lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule import recipes
from tests.recipes.full_disk import SMALL, what_is_left

CLOSINGS = int(os.environ.get("CHAINRULE_CLOSINGS", "6"))
posix = pytest.mark.skipif(os.name == "nt", reason="descriptors are closed by the shell of POSIX")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    (folder / "small.toml").write_text(recipes.to_toml(SMALL))
    recipes.run(folder / "small.toml", out=folder / "whole")
    return folder


def command(*told: str) -> list[str]:
    return [sys.executable, "-m", "chainrule", *told]


def expect_whole(place: Path, out: Path) -> None:
    assert what_is_left(out / "small-001") == what_is_left(place / "whole" / "small-001")


def test_a_pipe_that_is_closed_at_any_moment_ends_no_training(place: Path, tmp_path: Path) -> None:
    rng, codes = random.Random(0), []
    for i in range(CLOSINGS):
        out = tmp_path / str(i)
        told = command("train", "small.toml", "--out", str(out), "--no-pictures")
        with subprocess.Popen(told, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            if i:  # the first is closed before anything was said
                process.stdout.read(rng.randint(1, 900))
            process.stdout.close()
            assert process.stderr.read() == b""
        codes.append(process.returncode)
        expect_whole(place, out)
    assert codes[0] == 1
    assert set(codes) <= {0, 1}  # 0: all had been said by then


@posix
@pytest.mark.parametrize(
    ("streams", "said", "code"),
    [
        *([(">/dev/full", 1, 2), (">/dev/full 2>/dev/full", 0, 2)] if os.path.exists("/dev/full") else []),
        (">&-", 0, 1),
        ("2>&-", 0, 0),  # nothing was to be said there
        ("<&- >&- 2>&-", 0, 1),
        ("| head -1", 0, 1),
        ("| true", 0, 1),
    ],
)
def test_output_that_takes_nothing_is_said_by_the_exit_status(
    streams: str, said: int, code: int, place: Path, tmp_path: Path
) -> None:
    told = " ".join(command("train", "small.toml", "--out", f"'{tmp_path}'", "--no-pictures"))
    script = f"set -o pipefail; {told} {streams}"
    done = subprocess.run(["bash", "-c", script], cwd=place, capture_output=True, text=True)
    assert done.returncode == code
    assert done.stderr.count("\n") == said, done.stderr
    expect_whole(place, tmp_path)


@posix
def test_whoever_reads_slowly_gets_everything(place: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    told = command("ops")
    with subprocess.Popen(told, stdout=writing, stderr=subprocess.PIPE) as process, open(reading, "rb") as end:
        os.close(writing)
        text = end.read()
    whole = subprocess.run(told, capture_output=True)
    assert process.returncode == 0
    assert text == whole.stdout
