"""Options win over the recipe."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule import recipes
from chainrule.errors import InputError

LONG = recipes.load("mnist-cross-entropy-200")  # 10 epochs each at 1e-2, 1e-3, 1e-4


@pytest.mark.parametrize(
    ("name", "epochs", "expected"),
    [
        ("xor", 7, [7]),
        ("mnist-cross-entropy-200", 3, [1, 1, 1]),
        ("mnist-cross-entropy-200", 60, [20, 20, 20]),
        ("mnist-cross-entropy-200", 31, [10, 11, 10]),
        ("mnist-cross-entropy-200", 1, [1]),
        ("mnist-mse-200", 4, [3, 1]),
    ],
)
def test_epochs_are_shared_among_the_phases(name: str, epochs: int, expected: list[int]) -> None:
    changed = recipes.override(recipes.load(name), epochs=epochs)
    assert [phase.epochs for phase in changed.phases] == expected
    assert changed.epochs == epochs


def test_a_learning_rate_takes_the_place_of_all_rates() -> None:
    assert recipes.override(LONG, learning_rate=0.5).phases == [recipes.Phase(30, 0.5)]


def test_no_options_change_nothing() -> None:
    assert recipes.override(LONG) == LONG


@pytest.mark.parametrize(
    ("option", "value"),
    [("batch_size", 8), ("l2", 0.5), ("layers", "784-10"), ("seed", 9), ("dtype", "float64"), ("keep", "last")],
)
def test_an_option_takes_the_place_of_what_the_recipe_says(option: str, value: object) -> None:
    assert getattr(recipes.override(LONG, **{option: value}), option) == value


def test_another_file_keeps_target_and_splitting(tmp_path: Path) -> None:
    data = recipes.Data(file="old.csv", target="price", validation=0.2)
    recipe = recipes.Recipe(data=data, layers="2-1", loss="MeanSquaredError", phases=[recipes.Phase(1, 0.1)])
    changed = recipes.override(recipe, data=tmp_path / "new.csv").data
    assert (changed.file, changed.target, changed.validation) == (str(tmp_path / "new.csv"), "price", 0.2)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("epochs", 0, "epochs: got 0"),
        ("epochs", 2.5, "epochs: got 2.5"),
        ("batch_size", -1, "batch_size: got -1"),
        ("learning_rate", 0, "learning_rate: got 0"),
        ("l2", -1, "l2: got -1"),
        ("layers", "784,10", "layers: got '784,10'"),
        ("seed", -1, "seed: got -1"),
        ("dtype", "half", "dtype: got 'half'"),
        ("keep", "worst", "keep: got 'worst'"),
    ],
)
def test_a_bad_option_is_one_clear_error(option: str, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        recipes.override(LONG, **{option: value})
