"""Run folders of strangers: whatever they hold, each command says what is wrong in a line and touches nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.recipes.hostile_folders import COMMANDS, NAMES, OTHER_THINGS, cases

CASES = int(os.environ.get("CHAINRULE_FOLDERS", "60"))
MEMORY = 200  # MB


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and devices are POSIX's")
def test_no_command_is_led_astray_by_the_folder_of_a_run() -> None:
    told = [sys.executable, "-m", "tests.recipes.hostile_folders", str(CASES)]
    done = subprocess.run(told, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "agg"})
    *problems, last = done.stdout.splitlines() or [""]
    assert done.returncode == 0, done.stderr
    assert problems == []
    found = json.loads(last)
    assert found["cases"] == CASES
    assert found["memory"] <= MEMORY


def test_the_cases_are_those_that_are_claimed() -> None:
    first = list(cases(10_000))
    assert {case.command for case in first} == set(COMMANDS)
    assert {case.name for case in first} == set(NAMES)
    assert {case.kind for case in first} > set(OTHER_THINGS)
    assert len({str(case) for case in first}) > 5_000
