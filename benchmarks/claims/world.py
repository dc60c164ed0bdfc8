"""The world around a training: run folders of strangers, disks that fill, outputs that close, two at once.

The cases are those of tests/; here all of them are met, and counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from claims.figure import ROOT, Figure, Options, Unavailable, all_of, at_most, command


def hostile_folders(options: Options) -> Iterator[Figure]:
    """Let each command meet run folders that are not what they should be."""
    count = options.count(5_000, 500)
    printed = command([sys.executable, "-m", "tests.recipes.hostile_folders", str(count)], ROOT)
    *problems, last = printed.splitlines()
    found = json.loads(last)
    right = found["cases"] - found["wrong"]
    name = "run folders of strangers"
    yield all_of(f"{name}: one clear error or a right answer, nothing written outside, within 2 s", right, count)
    yield at_most(f"{name}: memory of the process that met them", found["memory"], 200, "{:.0f} MB".format)
    if problems:
        print("\n".join(problems), file=sys.stderr)


def full_disks(options: Options) -> Iterator[Figure]:
    """Train on disks with more and more room, and with each operation of writing failing in turn."""
    rooms = [str(room) for room in range(0, 1025, options.count(4, 64))]
    small = ["unshare", "-Urm", sys.executable, "-m", "tests.recipes.full_disk"]
    try:
        outcomes = _outcomes([*small, *rooms])
    except (RuntimeError, FileNotFoundError) as problem:
        raise Unavailable(f"a small disk can't be mounted here: {problem}") from None
    claimed = "one line at most; the run that is left goes on to the same bytes"
    yield all_of(f"full disk, from 0 to 1 MiB of room: {_ended(outcomes)}", _right(outcomes), len(rooms), claimed)
    every = str(options.count(1, 23))
    outcomes = _outcomes([sys.executable, "-m", "tests.recipes.full_disk", "--failing", every])
    name = "an operation of writing fails (6 reasons), alone or with all after it"
    yield all_of(f"{name}: {_ended(outcomes)}", _right(outcomes), len(outcomes), claimed)


def closed_outputs(options: Options) -> Iterator[Figure]:
    """Close the pipe that a training prints to, at random moments."""
    count = options.count(100, 10)
    told = ["-q", "-p", "no:cacheprovider", "tests/cli/test_streams.py", "-k", "any_moment"]
    environment = {**os.environ, "CHAINRULE_CLOSINGS": str(count)}
    done = subprocess.run([sys.executable, "-m", "pytest", *told], cwd=ROOT, env=environment, capture_output=True)
    ok = done.returncode == 0
    yield Figure("output closed at a random moment", "all trained to the same bytes", f"{count} closings", ok, count)


def races(options: Options) -> Iterator[Figure]:
    """Let two processes go on with the same runs at the same moments."""
    from tests.recipes.races import races as raced

    count = options.count(100, 10)
    with tempfile.TemporaryDirectory() as out:
        right, _ = raced(count, Path(out))
    yield all_of("two processes on one run: exactly one trains, the other is told", right, count)


def _outcomes(arguments: list[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in command(arguments, ROOT).splitlines()]


def _right(outcomes: list[dict[str, object]]) -> int:
    for outcome in outcomes:
        if not outcome["right"]:
            print(outcome, file=sys.stderr)
    return sum(bool(outcome["right"]) for outcome in outcomes)


def _ended(outcomes: list[dict[str, object]]) -> str:
    codes = [outcome["code"] for outcome in outcomes]
    return ", ".join(f"exit status {code} {codes.count(code)} times" for code in (0, 1, 2))
