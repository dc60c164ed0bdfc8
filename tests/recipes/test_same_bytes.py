"""The same seed gives the same files in every process, and with `deterministic` whatever the number of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest

from chainrule import recipes
from tests.recipes.configurations import CONFIGURATIONS, WIDE

ROOT = Path(__file__).parents[2]


def digests(commands: Sequence[tuple[list[str], dict[str, str]]]) -> list[str]:
    """Run `print_digests` in several processes at once, each with its arguments and environment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.recipes.print_digests", *arguments],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        for arguments, environment in commands
    ]
    printed = [process.communicate(timeout=120)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes)
    return printed


def test_there_are_twenty_different_configurations() -> None:
    assert len({recipes.to_toml(recipe) for recipe in CONFIGURATIONS.values()}) == len(CONFIGURATIONS) >= 20


def test_the_same_seed_gives_the_same_files_in_three_processes() -> None:
    first, *others = digests(
        [([], {"PYTHONHASHSEED": str(seed), "LANG": lang}) for seed, lang in zip((1, 2, 3), "CCC")]
    )
    assert others == [first, first]
    assert first.count("\n") == 2 * len(CONFIGURATIONS)
    assert len({line.split()[-1] for line in first.splitlines()}) > 20


def test_another_seed_gives_other_files(tmp_path: Path) -> None:
    recipe = CONFIGURATIONS["adam"]
    folders = [recipes.run(r, out=tmp_path).run for r in (recipe, msgspec.structs.replace(recipe, seed=99))]
    assert len({Path(folder, "last.safetensors").read_bytes() for folder in folders}) == 2


def test_deterministic_results_do_not_depend_on_the_number_of_threads() -> None:
    told = [(["wide", threads], {"OPENBLAS_NUM_THREADS": threads}) for threads in ("1", "2")]
    one, two = digests(told)
    assert one == two


def test_deterministic_uses_one_thread_and_the_environment_says_so(tmp_path: Path) -> None:
    folder = recipes.run(recipes.override(WIDE, threads=2, epochs=1), out=tmp_path).run
    told = msgspec.json.decode(Path(folder, "environment.json").read_bytes())
    assert {library["threads"] for library in told["blas"]} <= {1}


@pytest.mark.parametrize("name", ["one-cycle", "turned"])
def test_a_run_with_the_same_recipe_learns_from_other_randomness_each_epoch(tmp_path: Path, name: str) -> None:
    losses = recipes.run(CONFIGURATIONS[name], out=tmp_path).history["loss"]
    assert len(np.unique(losses)) == len(losses)
