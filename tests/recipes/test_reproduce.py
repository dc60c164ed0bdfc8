"""The founding experiments: what is documented is complete, and our figures are put beside it rightly."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import InputError
from chainrule.recipes import reproduce as room
from chainrule.recipes.runs import RunRecord
from chainrule.training import Epoch, History

DOCUMENTED = room.experiments()


def test_every_documented_experiment_has_its_recipe_and_reports_only_epochs_that_it_has() -> None:
    assert sum(len(experiment.rows) for experiment in DOCUMENTED.values()) == 6 + 3 + 19 + 8 + 1 + 1
    for name, experiment in DOCUMENTED.items():
        epochs = [row[0] for row in experiment.rows]
        assert epochs == sorted(epochs)
        assert all(epoch <= recipes.load(name).epochs for epoch in epochs)
        recipe = recipes.load(name)
        assert experiment.loss_factor == (2 if recipe.loss == "HalfSquaredError" else 1)
        assert recipe.data.name == "xor" or recipe.data.validation == "test"


def record(errors: list[float]) -> RunRecord:
    epochs = [
        Epoch(
            i, 0.1 * i, 0.0, {"validation_error_rate": e}, validation_loss=0.2, learning_rate=1.0, steps=1, seconds=2.0
        )
        for i, e in enumerate(errors, 1)
    ]
    return RunRecord("a", recipes.load("xor"), History(epochs), None)


def test_the_mean_over_seeds_is_compared_epoch_by_epoch_in_the_documents_scale() -> None:
    experiment = room.Experiment("a", "b", loss_factor=2, rows=[(1, 0.5, 0.6, 0.25), (3, 0.4, 0.5, 0.2), (9, 0, 0, 0)])
    found = room._by_epoch(experiment, [record([0.1, 0.1, 0.3]), record([0.4, 0.1, 0.2])], epochs=3)
    assert (found.met, found.count) == (1, 2)
    assert found.table[1] == [
        "1", "0.50000", "0.20000", "0.60000", "0.40000", "25.00 %", "25.00 %", "10.00 % – 40.00 %", "yes",
    ]  # fmt: skip
    assert found.table[2][-3:] == ["25.00 %", "20.00 % – 30.00 %", "no"]
    text = room.document([found])
    assert "| 3 | 0.40000 | 0.60000 |" in text
    assert "**1 of 2 documented figures reached, mean of 2 seeds**; 12 s in all." in text


def test_an_experiment_is_run_once_and_its_page_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["reproduce", "xor", "--seeds", "2", "--out", str(tmp_path / "runs"), "--markdown", str(tmp_path / "a.md")]
    assert status(told) == 0
    assert "2 of 2 documented figures reached" in capsys.readouterr().out
    assert "| mean squared error | 0.00020 |" in (tmp_path / "a.md").read_text()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    assert status(told) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == before


def test_a_figure_that_is_missed_sets_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["reproduce", "xor-classic", "--seeds", "1", "--epochs", "5", "--out", str(tmp_path)]) == 1
    assert "0 of 1" in capsys.readouterr().out


def test_an_unknown_experiment_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="Did you mean 'mnist-mse-16'"):
        room.reproduce("mnist-mse16")
