"""Runs whose epochs are compiled: what the recipe keeps, what the log says, and the same bytes after a stop."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import installing
from tests.recipes.configurations import CONFIGURATIONS
from tests.recipes.test_resume import what_a_run_left
from tests.referees import needed

pytestmark = pytest.mark.usefixtures("compiled_cache")

# Batches of 7 of 60 samples: the smaller last one of each epoch is replayed between the compiled ones.
REPLAYED = msgspec.structs.replace(CONFIGURATIONS["one-cycle"], name="short")
COMPILED = msgspec.structs.replace(REPLAYED, compiled=True)


class StopFrom(cr.Callback):
    each_step = False

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, training: cr.training.Training) -> None:
        if training.step >= self.step:
            training.stop("interrupted")


def story(folder: str) -> str:
    return Path(folder, "log.txt").read_text()


def test_a_compiled_run_learns_what_a_replayed_one_does_and_says_that_it_is_compiled(tmp_path: Path) -> None:
    needed("numba", "fast")
    compiled, replayed = (recipes.run(recipe, out=tmp_path) for recipe in (COMPILED, REPLAYED))
    np.testing.assert_allclose(compiled.history["loss"], replayed.history["loss"], rtol=1e-4)
    assert "compiled  whole epochs" in story(compiled.run)
    assert "compiled" not in story(replayed.run)
    assert "numba" in json.loads(Path(compiled.run, "environment.json").read_text())
    assert "numba" not in json.loads(Path(replayed.run, "environment.json").read_text())
    differences = recipes.compare(recipes.open_run(compiled.run), recipes.open_run(replayed.run))
    assert ("compiled", "True", "False") in differences["recipe"]
    assert not differences["environment"]


def test_a_compiled_run_repeats_its_bytes_and_goes_on_to_them_after_a_stop(tmp_path: Path) -> None:
    needed("numba", "fast")
    whole = recipes.run(COMPILED, out=tmp_path).run
    assert recipes.load(Path(whole, "recipe.toml")).compiled
    assert what_a_run_left(recipes.run(Path(whole, "recipe.toml"), out=tmp_path).run) == what_a_run_left(whole)
    for step in (1, 8, 9, 20):
        folder = recipes.run(COMPILED, out=tmp_path, callbacks=[StopFrom(step)]).run
        assert recipes.resume(folder).network.engine == "compiled"
        assert what_a_run_left(folder) == what_a_run_left(whole)


def test_a_run_that_goes_on_with_another_numba_says_so(tmp_path: Path) -> None:
    needed("numba", "fast")
    folder = recipes.run(COMPILED, out=tmp_path, callbacks=[StopFrom(8)]).run
    path = Path(folder, "environment.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "numba": None}))
    recipes.resume(folder)
    assert "numba was not there, now" in story(folder)


def test_without_numba_a_run_is_replayed_and_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "numba" else there(name))
    result, replayed = (recipes.run(recipe, out=tmp_path) for recipe in (COMPILED, REPLAYED))
    np.testing.assert_array_equal(result.network.parameters, replayed.network.parameters)
    (line,) = [line for line in story(result.run).splitlines() if line.startswith("compiled")]
    assert "no numba" in line
    assert installing("fast") in line


@pytest.mark.parametrize(
    ("name", "reason"), [("turned", "augment, which changes each batch"), ("full", "an epoch is a single step")]
)
def test_what_is_not_compiled_is_said_in_one_line(tmp_path: Path, name: str, reason: str) -> None:
    result = recipes.run(msgspec.structs.replace(CONFIGURATIONS[name], compiled=True), out=tmp_path)
    assert story(result.run).count(f"compiled  nothing, every step is replayed: {reason}") == 1


@pytest.mark.parametrize(("told", "written"), [([], False), (["--compiled"], True), (["--no-compiled"], False)])
def test_the_option_is_kept_in_the_recipe_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str], written: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(["train", "xor", "--epochs", "2", "--no-pictures", "--quiet", *told]) == 0
    assert recipes.load("runs/xor-001/recipe.toml").compiled is written
