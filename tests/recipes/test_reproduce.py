"""The founding experiments: what is documented is complete, our figures are put beside it rightly, and the two verdicts
are never mixed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import InputError
from chainrule.recipes import reproduce as room
from chainrule.recipes.runs import RunRecord
from chainrule.training import Callback, Epoch, History, Training
from tests.recipes.document_1 import from_the_same_start, run

DOCUMENTED = room.experiments()
CURVES = {name: found for name, found in DOCUMENTED.items() if isinstance(found, room.Curve)}
CHOICES = {name: found for name, found in DOCUMENTED.items() if isinstance(found, room.Choice)}


def test_every_documented_experiment_has_its_recipe_and_reports_only_epochs_that_it_has() -> None:
    assert sum(len(curve.rows) for curve in CURVES.values()) == 1 + 6 + 3 + 19 + 8 + 1 + 1
    for name, curve in CURVES.items():
        epochs, recipe = [row[0] for row in curve.rows], recipes.load(name)
        assert epochs == sorted(epochs)
        assert epochs[-1] == recipe.epochs
        assert curve.seeds >= 5
        assert recipe.data.name == "xor" or recipe.data.validation == "test"


def test_a_choice_is_measured_on_what_did_not_choose_it() -> None:
    for name in CHOICES:
        assert recipes.load(name).data.validation != "test"


@pytest.mark.parametrize("name", CURVES)
def test_a_candidate_is_the_recipe_with_something_changed_and_has_all_documented_epochs(name: str) -> None:
    recipe, curve = recipes.load(name), CURVES[name]
    for candidate in curve.candidates:
        changed = room._changed(recipe, candidate)
        assert changed != recipe
        assert changed.name == name
        assert changed.epochs == candidate.before + recipe.epochs


def record(errors: list[float], seed: int = 0) -> RunRecord:
    epochs = [
        Epoch(
            i, 0.1 * i, 0.0, {"validation_error_rate": e}, validation_loss=0.2, learning_rate=1.0, steps=1, seconds=2.0
        )
        for i, e in enumerate(errors, 1)
    ]
    return RunRecord("a", recipes.override(recipes.load("xor"), seed=seed), History(epochs), None)


CURVE = room.Curve(recipe="a", title="b", rows=[(1, 0.1, 0.3, 0.25), (3, math.nan, 0.2, 0.9), (9, 0, 0, 0)])


def test_a_documented_figure_is_compared_with_the_band_of_the_seeds_at_its_epoch() -> None:
    runs = [record([0.1, 0.1, 0.3]), record([0.4, 0.1, 0.2])]
    found = room.Reproduced(CURVE, runs, CURVE.compare(runs, epochs=3), [])
    assert (found.met, found.count) == (4, 5)
    assert found.table[1:] == [
        ["1", "training loss", "0.10000", "0.10000", "0.10000 – 0.10000", "yes"],
        ["1", "validation loss", "0.30000", "0.20000", "0.20000 – 0.20000", "no"],
        ["1", "error rate", "25.00 %", "25.00 %", "0.00 % – 100.00 %", "yes"],
        ["3", "validation loss", "0.20000", "0.20000", "0.20000 – 0.20000", "yes"],
        ["3", "error rate", "90.00 %", "25.00 %", "0.00 % – 100.00 %", "yes"],
    ]  # fmt: skip


def test_the_verdict_names_what_lies_outside_the_band() -> None:
    runs = [record([0.1, 0.1, 0.3]), record([0.4, 0.1, 0.2])]
    compared = CURVE.compare(runs, epochs=3)
    assert CURVE.verdict(compared, 5) == (
        "not the same curve everywhere: 4 of 5 documented figures in the band of 5 seeds, outside: validation loss at 1"
    )
    inside = CURVE.verdict([figure for figure in compared if figure.holds], 5)
    assert inside == "the same curve: 4 of 4 documented figures in the band of 5 seeds"
    assert CURVE.verdict(compared, 4).startswith("no verdict from fewer than 5 seeds")
    assert CURVE.verdict(CURVE.compare(runs, epochs=0), 2) == "nothing is documented of so few epochs"


@pytest.mark.parametrize("count", [2, 5, 39, 60])
def test_nineteen_of_twenty_further_values_lie_in_the_band(count: int) -> None:
    draws = np.random.default_rng(count).normal(3, 2, (1500, count + 1))
    ends = [room.band(row[:-1].tolist()) for row in draws]
    share = np.mean([low <= row[-1] <= high for (low, high), row in zip(ends, draws, strict=True)])
    assert share == pytest.approx(0.95, abs=0.02)


def test_a_share_of_the_starts_is_compared_with_that_of_the_documents_code() -> None:
    share = room.Share("stuck", documented=0.5, starts=100, above=0.2)
    losses = [0.1] * 60 + [0.2] * 10 + [0.3] * 30
    found = room._compared_share(share, losses, "3")
    assert (found.documented, found.ours, found.holds) == ("50.00 %", "30.00 %", False)
    assert found.spread == "36.14 % – 63.86 %"
    assert room._compared_share(share, [0.1] * 60 + [0.3] * 40, "3").holds


def test_candidates_are_shown_at_the_first_and_the_last_documented_epoch_counted_as_the_document_does() -> None:
    kept = room.Candidate("kept", {}, before=1)
    tried = [(kept, record([0.9, 0.8, 0.7, 0.6]))]
    found = room.Reproduced(CURVE, [record([0.1, 0.2, 0.3], seed=4)], [], tried)
    assert [row[:2] + row[-1:] for row in found.candidates] == [
        ["candidate", "epoch", "error rate"],
        ["the document", "1", "25.00 %"], ["this recipe, seed 4", "1", "10.00 %"], ["kept", "1", "80.00 %"],
        ["the document", "3", "90.00 %"], ["this recipe, seed 4", "3", "30.00 %"], ["kept", "3", "60.00 %"],
    ]  # fmt: skip


def test_the_page_keeps_the_two_verdicts_apart() -> None:
    runs = [record([0.1, 0.1, 0.3]), record([0.4, 0.1, 0.2])]
    curve = room.Reproduced(CURVE, runs, CURVE.compare(runs, epochs=3), [])
    finished = RunRecord("a", None, History([]), {"test": {"error_rate": 0.01}})
    choice = room.Choice(recipe="c", title="d", goals=[room.Goal("error_rate", 0.02, "e")])
    ours = room.Reproduced(choice, [finished], choice.compare([finished], 3), [])
    text = room.document([ours, curve])
    same, better = text.index("## The same curve"), text.index("## Better with our own choice")
    assert same < text.index("### a") < better < text.index("### c")
    assert "| 3 | error rate | 90.00 % | 25.00 % |" in text[same:better]
    assert "outside: validation loss at 1.** 12 s in all." in text[same:better]
    assert "| 3 | error rate (test), of e | 2.00 % | 1.00 % | 1.00 % – 1.00 % | yes |" in text[better:]
    assert "**Better with our own choice: 1 of 1 documented figures reached, 1 seed.**" in text[better:]
    assert text.endswith(f"Not run for this page: {', '.join(DOCUMENTED)}.\n")


def test_an_experiment_is_run_once_and_its_page_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["reproduce", "xor", "--seeds", "2", "--out", str(tmp_path / "runs"), "--markdown", str(tmp_path / "a.md")]
    assert status(told) == 0
    assert "2 of 2 documented figures reached" in capsys.readouterr().out
    assert "mean squared error (train), of document 1 | 0.00020 |" in (tmp_path / "a.md").read_text()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}
    assert status([*told, "--overwrite"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")} == before


class Stop(Callback):
    """Ctrl-C, or SIGTERM, after some epochs."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        if epoch.epoch == 20:
            training.stop(self.reason)


def ended(told: list[str]) -> int | str | None:
    try:
        return status(told)
    except SystemExit as end:
        return end.code


@pytest.mark.parametrize(("reason", "code"), [("interrupted", 130), ("terminated", 143)])
def test_what_stops_a_run_stops_the_others_with_it_and_all_go_on_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str, code: int
) -> None:
    told = ["reproduce", "xor", "--seeds", "2", "--out", str(tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(room, "run", lambda recipe, out: recipes.run(recipe, out=out, callbacks=[Stop(reason)]))
        assert ended(told) == code
    assert [len(found.history) for found in recipes.list_runs(tmp_path)] == [20]
    assert status(told) == 0
    assert [len(found.history) for found in recipes.list_runs(tmp_path)] == [500, 500]


def test_candidates_are_run_where_they_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = room.Candidate("slower", {"phases": [{"epochs": 1000, "learning_rate": 0.01}]})
    curve = room.Curve(recipe="xor-document", title="a", rows=[(2, 0.0002, math.nan, math.nan)], candidates=[slow])
    monkeypatch.setattr(room, "experiments", lambda: {"xor-document": curve})
    told = ["reproduce", "xor-document", "--seeds", "2", "--epochs", "2", "--out", str(tmp_path), "--json"]
    assert status([*told, "--candidates"]) == 0
    found = json.loads(capsys.readouterr().out)["experiments"][0]
    assert [row["candidate"] for row in found["candidates"]] == ["the document", "this recipe, seed 0", "slower"]
    assert found["candidates"][1]["training loss"] != found["candidates"][2]["training loss"]
    assert status(told) == 0
    assert "candidates" not in json.loads(capsys.readouterr().out)["experiments"][0]


def test_a_figure_that_is_missed_sets_the_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["reproduce", "xor", "--seeds", "1", "--epochs", "5", "--out", str(tmp_path)]) == 1
    assert "0 of 2" in capsys.readouterr().out


def test_an_unknown_experiment_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="Did you mean 'try1ofmse'"):
        room.reproduce("try1-of-mse")


def test_a_band_needs_two_seeds() -> None:
    with pytest.raises(InputError, match="reproduce seeds: got 1"):
        room.reproduce("try1ofmse", seeds=1)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.filterwarnings("ignore:train. got a loss")  # not every start of the document learns the exclusive or
def test_the_first_documents_program_and_its_recipe_are_equal_to_the_last_bit(seed: int) -> None:
    theirs = run(np.random.default_rng(seed), epochs=100)
    ours, error = from_the_same_start(theirs, epochs=100)
    assert error == theirs.error
    for a, b in zip(ours, theirs.end, strict=True):
        np.testing.assert_array_equal(a, b)
