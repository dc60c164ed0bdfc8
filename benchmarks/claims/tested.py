"""What tests hold: bad input, and what must be exact. The tests are run, and their cases counted from the report."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from claims.figure import ROOT, Figure, Options, all_of, at_least

#: The names of tests whose every case is one bad input and the error that it gives.
ONE_BAD_INPUT = "clear_error or is_refused or exit_code_2"
#: Where bad input comes in: what is counted, by the folder of its tests.
DOORS = {
    "ops": "ops",
    "graph": "graphs",
    "optim": "optimizers",
    "nn": "networks and layers",
    "data": "readers and data",
    "files": "model files",
    "training": "train and predict",
    "recipes": "recipes",
    "cli": "command line",
}
EXACT = {
    "backward() twice": "backward_twice",
    "one node in two roles, tied weights, skip connections": "two_roles or tied or residual or skip",
    "10,000 deep": "deep and not deepcopy",
    "copy and pickle": "copy or copies or copied or pickle",
    "predict from 8 threads": "thread",
}


def bad_input(options: Options) -> Iterator[Figure]:
    """Run the tables of bad input and count the cases of each room."""
    found = cases(ONE_BAD_INPUT, [f"tests/{room}" for room in DOORS])
    passed = Counter(room for room, right in found if right)
    total = Counter(room for room, _ in found)
    rooms = ", ".join(f"{DOORS[room]} {passed[room]}" for room in DOORS)
    yield at_least("bad input: cases that give one clear error", sum(passed.values()), 60, "{:,.0f}".format)
    yield all_of("bad input: the same, of those in the tables", sum(passed.values()), sum(total.values()))
    missing = [DOORS[room] for room in DOORS if not passed[room]]
    yield Figure("bad input: by where it comes in", "every door", rooms, not missing, len(DOORS) - len(missing))


def exact(options: Options) -> Iterator[Figure]:
    """Run the tests of what must be exact."""
    for name, words in EXACT.items():
        found = cases(words, ["tests/graph", "tests/nn", "tests/training"])
        yield all_of(f"exact: {name}", sum(right for _, right in found), len(found), note=" tests")


def typing(options: Options) -> Iterator[Figure]:
    """Run the tests of types: a user's page under mypy and pyright, both strict, and every public signature."""
    found = cases("test", ["tests/test_types.py"])
    yield all_of("types: tests of the public face", sum(right for _, right in found), len(found), note=" tests")


def cases(words: str, folders: list[str]) -> list[tuple[str, bool]]:
    """Run the tests with these words in their name; return the room and the verdict of each that ran."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        told = ["-q", "-p", "no:cacheprovider", "-k", words, f"--junit-xml={report}", "-o", "junit_family=xunit1"]
        subprocess.run([sys.executable, "-m", "pytest", *told, *folders], cwd=ROOT, capture_output=True)
        if not report.exists():
            raise RuntimeError("pytest wrote no report")
        cases = ElementTree.parse(report).getroot().iter("testcase")
        run = [case for case in cases if case.get("file") and case.find("skipped") is None]
        return [(Path(case.get("file", "")).parts[1], len(case) == 0) for case in run]
