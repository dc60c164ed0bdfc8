"""Classes or amounts: what a column of numbers is taken for, by the stated rule, and what a run keeps of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.recipes import run
from chainrule.recipes.evaluation import samples_in_file
from chainrule.recipes.recipe import from_toml

PRICES = [int(100 + (13 * i * i) % 997) for i in range(200)]
# The situation: its numbers, and what they are; None where it is asked for.
COLUMNS: dict[str, tuple[list[Any], str | None]] = {
    "prices": (PRICES, "regression"),
    "prices with cents": ([price / 100 for price in PRICES], "regression"),
    "digits": ([i % 10 for i in range(50)], "classification"),
    "digits from 1": ([1 + i % 10 for i in range(50)], "classification"),
    "digits with a point": ([float(i % 3) for i in range(50)], "classification"),
    "yes and no": ([i % 2 for i in range(50)], "classification"),
    "signs": ([(-1) ** i for i in range(50)], "classification"),
    "benign and malignant, 2 and 4": ([2 + 2 * (i % 2) for i in range(50)], "classification"),
    "marks from 3 to 8": ([3 + i % 6 for i in range(50)], "classification"),
    "ages without gaps": ([18 + i % 50 for i in range(200)], None),
    "letters by number": ([i % 26 for i in range(200)], None),
    "few amounts": ([10, 20, 40] * 10, None),
    "ranks": (list(range(1, 101)), "regression"),  # no class has two rows
    "ten of them": (list(range(1, 11)), "classification"),
    "half of them twice": ([i // 2 for i in range(100)], None),
}


def csv(path: Path, y: list[Any]) -> Path:
    rows = [f"{i * 0.5},{(7 * i) % 11},{value}" for i, value in enumerate(y)]
    path.write_text("\n".join(["a,b,y", *rows]) + "\n")
    return path


# An array of floats says by its dtype that they are amounts, so that of NPZ files the whole numbers are left to ask.
IN_FILES = [
    pytest.param(ending, y, task, id=f"{name}-{ending}")
    for name, (y, task) in COLUMNS.items()
    for ending in ("csv", "npz")
    if ending == "csv" or isinstance(y[0], int)
]


@pytest.mark.parametrize(("ending", "y", "task"), IN_FILES)
def test_numbers_are_classes_or_amounts_by_one_rule(
    tmp_path: Path, ending: str, y: list[Any], task: str | None
) -> None:
    if ending == "csv":
        path = csv(tmp_path / "table.csv", y)
    else:
        path = tmp_path / "table.npz"
        np.savez(path, X=np.arange(2.0 * len(y)).reshape(-1, 2), y=y)
    if task is None:
        with pytest.raises(cr.errors.InputError, match=r'may be classes or amounts.*Pass task="regression"'):
            cr.data.read(path, target="y")
    else:
        found = cr.data.read(path, target="y")
        assert ("regression" if found.y.ndim == 2 else "classification") == task
        assert found.notes[0].endswith("are amounts" if task == "regression" else "are classes")
        assert task == "classification" or np.allclose(found.y[:, 0], y)
    for told in ("classification", "regression"):
        found = cr.data.read(path, target="y", task=told)
        assert (found.y.ndim, found.notes) == (2 if told == "regression" else 1, ())


@pytest.mark.parametrize("names", [("a", "b", "c"), ("2", "4"), ("0", "1", "2")])
def test_a_network_of_numbers_does_not_learn_how_classes_are_numbered(names: tuple[str, ...]) -> None:
    data = cr.data.Dataset(np.ones((6, 2)), np.arange(6) % len(names), "set", class_names=names)
    for call in (lambda n: cr.train(n, data, epochs=1), lambda n: cr.evaluate(n, data)):
        with pytest.raises(cr.errors.InputError, match=r"their places in the list of names.*task=\"regression\""):
            call(cr.Network([cr.Dense(1)]))
        call(cr.Network([cr.Dense(len(names)), cr.Softmax()]))


def test_two_classes_may_be_learnt_as_0_and_1() -> None:
    data = cr.data.Dataset(np.ones((6, 2)), np.arange(6) % 2, "set", class_names=("no", "yes"))
    cr.train(cr.Network([cr.Dense(1)]), data, epochs=1)


def recipe(path: Path, layers: str, loss: str, more: str = "") -> Any:
    text = f'layers = "{layers}"\nloss = "{loss}"\nepochs = 2\nlearning_rate = 0.001\n[data]\nfile = "{path}"\n'
    return from_toml(f'{text}target = "y"\nscale = "standard"\n{more}', "mine.toml", "mine")


@pytest.mark.filterwarnings("ignore:train. got targets from")
def test_a_run_says_what_it_decided_keeps_it_and_measures_other_files_the_same_way(tmp_path: Path) -> None:
    result = run(recipe(csv(tmp_path / "prices.csv", PRICES), "2-4-1", "MeanSquaredError"), out=tmp_path)
    folder = Path(result.run)
    assert "table     column 'y': " in (folder / "log.txt").read_text()
    assert 'task = "regression"' in (folder / "recipe.toml").read_text()
    assert json.loads((folder / "result.json").read_text())["train"]["error_rate"] is None
    few = csv(tmp_path / "few.csv", [10, 20, 40])  # three amounts, which alone would be asked about
    found = cr.evaluate(result.network, *samples_in_file(result.network, None, str(few), "y"))
    right = cr.evaluate(result.network, cr.data.read_csv(few, "y", task="regression"))
    assert found is not None
    assert found["loss"] == right["loss"] > 10


@pytest.mark.parametrize(
    ("y", "told"),
    [([18 + i % 50 for i in range(200)], "may be classes or amounts"), ([3 + i % 6 for i in range(60)], "End with 6")],
    ids=["ages", "marks"],
)
@pytest.mark.filterwarnings("ignore:train. got targets from")
def test_a_recipe_that_is_asked_goes_on_once_it_says_the_task(tmp_path: Path, y: list[int], told: str) -> None:
    path = csv(tmp_path / "table.csv", y)
    with pytest.raises(cr.errors.InputError, match=rf'{told}.*task = "regression"'):
        run(recipe(path, "2-4-1", "MeanSquaredError"), out=tmp_path)
    result = run(recipe(path, "2-4-1", "MeanSquaredError", 'task = "regression"'), out=tmp_path)
    assert result.network.task == "regression"
