"""A table of one's own on the command line: trained on, written as a recipe, evaluated, and asked for new rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.errors import InputWarning
from chainrule.training.events import INTERRUPTED
from tests.referees import needed

CAPTURED = Any
COLUMNS = "customer,age,town,since,orders,paid"


def rows(count: int, start: int = 0) -> list[str]:
    generator = np.random.default_rng(start)
    found = []
    for i in range(start, start + count):
        age = "" if i % 9 == 4 else str(generator.integers(18, 80))
        town = generator.choice(["Bonn", "Kiel", "Ulm"])
        day = np.datetime64("2020-01-30") + generator.integers(0, 900)
        orders = generator.integers(0, 9)
        found.append(f"C{i},{age},{town},{day},{orders},{'late' if orders > 4 else 'in time'}")
    return found


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("people.csv").write_text("\n".join([COLUMNS, *rows(80)]) + "\n")
    Path("new.csv").write_text("\n".join([COLUMNS.removesuffix(",paid"), *(r.rpartition(",")[0] for r in rows(9, 80))]))


def said(capsys: CAPTURED, line: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert status(line.split()) == code, capsys.readouterr().err
    told = capsys.readouterr()
    return told.out, told.err


def answered(capsys: CAPTURED, run: str, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said(capsys, f"predict {run} {file}")[0])))


DATED = [COLUMNS, *rows(80)]
TRAIN = "train people.csv --target paid --index customer --epochs 15 --no-pictures --quiet"


def test_a_table_is_trained_on_evaluated_and_asked_without_an_edit_in_between(capsys: CAPTURED) -> None:
    said(capsys, TRAIN)
    story = Path("runs/people-001/log.txt").read_text()
    for line in (
        "age: a number; a gap becomes the median, and has a flag",
        "town: a column for each word (3 different words)",
        "since: a date",
        "customer: says which row it is",
        "column 'paid': 2 different words are classes",
        "one answer for all",
    ):
        assert line in story
    assert "test  " in said(capsys, "evaluate runs/people-001")[0]
    found = answered(capsys, "runs/people-001", "new.csv")
    assert [row["customer"] for row in found] == [f"C{i}" for i in range(80, 89)]
    assert {row["class"] for row in found} <= {"late", "in time"}


def test_what_init_writes_trains_to_the_same_bytes(capsys: CAPTURED) -> None:
    said(capsys, TRAIN)
    text = said(capsys, "init people.csv --target paid --index customer")[0]
    assert "# Held out to the end" in text
    assert "[data.columns.age]" in text
    Path("people.toml").write_text(text)
    said(capsys, "train people.toml --epochs 15 --no-pictures --quiet")
    said(capsys, "train runs/people-001 --no-pictures --quiet")  # the run's own recipe
    first = Path("runs/people-001/last.safetensors").read_bytes()
    assert Path("runs/people-002/last.safetensors").read_bytes() == first
    assert Path("runs/people-003/last.safetensors").read_bytes() == first


def test_a_run_on_a_table_that_was_stopped_goes_on_to_the_same_bytes(capsys: CAPTURED) -> None:
    said(capsys, TRAIN)
    recipe = Path("runs/people-001/recipe.toml").read_text()
    Path("half.toml").write_text(recipe.replace("../../", ""))
    result = cr.recipes.run("half.toml", callbacks=[_stop_after(4)], verbose=0)
    said(capsys, f"resume {result.run} --no-pictures --quiet")
    name = "last.safetensors"
    assert Path(result.run, name).read_bytes() == Path("runs/people-001", name).read_bytes()


def _stop_after(epoch: int) -> Any:
    class Stop(cr.Callback):
        def after_epoch(self, training: Any, told: Any) -> None:
            if told.epoch == epoch:
                training.stop(INTERRUPTED)

    return Stop()


@pytest.mark.filterwarnings("always::chainrule.errors.InputWarning")
@pytest.mark.parametrize("way", ["permuted", "one too many", "gzip", "semicolons", "renamed", "without one"])
def test_columns_are_known_by_their_names(capsys: CAPTURED, way: str) -> None:
    said(capsys, TRAIN)
    expected = answered(capsys, "runs/people-001", "new.csv")
    table = list(csv.DictReader(io.StringIO(Path("new.csv").read_text())))
    names = [*table[0]]
    renamed = {name: name for name in names}
    file = "other.csv"
    if way == "permuted":
        names.reverse()
    elif way == "one too many":
        for row in table:
            row["shoes"] = "42"
        names, renamed = ["shoes", *names], {**renamed, "shoes": "shoes"}
    elif way == "renamed":
        renamed["town"] = "city"
    elif way == "without one":
        names.remove("orders")
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if way == "semicolons" else ",")
    writer.writerows([[renamed[name] for name in names], *([row[name] for name in names] for row in table)])
    Path(file).write_text(text.getvalue())
    if way == "gzip":
        file = "other.csv.gz"
        Path(file).write_bytes(gzip.compress(text.getvalue().encode()))
    if way in ("renamed", "without one"):
        out, err = said(capsys, f"predict runs/people-001 {file}", code=2)
        assert (out, err.count("\n")) == ("", 1)
        assert "without 'town'" in err or "without 'orders'" in err
        return
    out, err = said(capsys, f"predict runs/people-001 {file}")
    assert list(csv.DictReader(io.StringIO(out))) == expected
    assert ("'shoes', with which the network was not trained" in err) == (way == "one too many")
    assert ("other.csv: its columns are in another order, and go by their names" in err) == (way == "permuted")


def test_a_network_saved_from_a_run_answers_as_the_run_does(capsys: CAPTURED) -> None:
    said(capsys, TRAIN)
    network, _ = cr.recipes.load_run("runs/people-001")
    cr.save(network, "people.safetensors")
    expected = answered(capsys, "runs/people-001", "new.csv")
    assert answered(capsys, "people.safetensors", "new.csv") == expected
    given = cr.predict(network, cr.data.read_table("new.csv")).max(axis=1)
    assert [row["probability"] for row in expected] == [f"{value:.6g}" for value in given.tolist()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("train people.csv", "Name it, --target paid for example; there are: customer, age, town"),
        ("train people.csv --target paidd", "Did you mean 'paid'"),
        ("train people.csv --target paid --drop twon", "Did you mean 'town'"),
        ("train people.csv --target paid --index costumer", "Did you mean 'customer'"),
        ("train people.csv --target customer", "80 different words"),
        ("train people.csv --target paid --task regression", "expected a number"),
        ("train people.csv --target paid --data other.csv", "expected one table"),
        ("train gone.csv --target paid", "no file of this name"),
        ("init people.csv", "Name it, --target paid"),
        ("init people.toml --target paid", "a table: .csv"),
        ("train people.csv --target age --target town", "among several targets"),
        ("train people.csv --target 9", "one from 0 to 5"),
        ("train xor --index customer", "the setting 'index'"),
    ],
)
def test_what_makes_no_sense_is_a_line(capsys: CAPTURED, line: str, words: str) -> None:
    out, err = said(capsys, line, code=2)
    assert (out, err.count("\n")) == ("", 1)
    assert words in err
    assert not Path("runs").exists()


def test_what_a_network_goes_on_with_is_what_its_preparation_knows(capsys: CAPTURED) -> None:
    said(capsys, TRAIN.replace("15", "1"))
    run = "runs/people-001"
    for options, words in {
        "--index town": "'town', where the network that it begins with has 'customer'",
        "--drop town": "'town', where the network that it begins with uses it",
        "--target town": "'town', where the network that it begins with predicts 'paid'",
        "--task regression": "predicts classes",
    }.items():
        err = said(capsys, f"train {run} --from {run} --epochs 1 --quiet --no-pictures {options}", code=2)[1]
        assert words in err, options
    text = Path(run, "recipe.toml").read_text()
    for old, new, words in (
        ('use = "date"', 'use = "category"', "'category', where the network that it begins with takes 'since'"),
        ("flag = true", "flag = false", "knows 'age' otherwise"),
    ):
        assert old in text
        Path("other.toml").write_text(text.replace(old, new))
        assert words in said(capsys, f"train other.toml --from {run} --data people.csv --quiet", code=2)[1]
    for command in ("evaluate", "importance"):
        assert "--target age without --data" in said(capsys, f"{command} {run} --target age", code=2)[1]
    said(capsys, f"train {run} --from {run} --epochs 1 --learning-rate 0.001 --quiet --no-pictures")


def test_amounts_come_in_the_targets_unit_several_at_once(capsys: CAPTURED) -> None:
    generator = np.random.default_rng(0)
    area = generator.normal(100, 30, 90).round(1)
    text = ["area,town,price,rent"]
    text += [f"{a},{t},{1e6 + 9000 * a:.0f},{10 * a:.2f}" for a, t in zip(area, generator.choice(["U", "B"], 90))]
    Path("flats.csv").write_text("\n".join(text))
    said(capsys, "train flats.csv --target price --target rent --no-pictures --quiet --epochs 60")
    found = answered(capsys, "runs/flats-001", "flats.csv")
    price, rent = (np.array([float(row[f"prediction {name}"]) for row in found]) for name in ("price", "rent"))
    assert np.corrcoef(price, 1e6 + 9000 * area)[0, 1] > 0.9
    assert abs(price.mean() - 1.9e6) < 2e5
    assert abs(rent.mean() - 1000) < 200
    told = json.loads(said(capsys, "evaluate runs/flats-001 --data flats.csv --json")[0])["data"]
    assert told["target_names"] == ["price", "rent"]
    shown = said(capsys, "importance runs/flats-001")[0]
    assert "area" in shown
    assert "town" in shown


def test_a_file_that_leaves_open_how_it_is_written_is_read_as_that_of_the_training(capsys: CAPTURED) -> None:
    lines = [f"{i},{i % 10};{1 + i % 28}/{1 + i % 12}/2024;{3 * i}" for i in range(60)]
    Path("german.csv").write_text("\n".join(["weight;day;cost", *lines]))
    said(capsys, "train german.csv --target cost --no-pictures --quiet --epochs 5 --task regression")
    network = cr.recipes.load_run("runs/german-001")[0]
    Path("open.csv").write_text("weight;day\n1,234;3/2/2024\n")
    Path("told.csv").write_text("weight;day\n1,234;3/2/2024\n1,5;20/2/2024\n")
    first = answered(capsys, "runs/german-001", "open.csv")
    assert first[0] == answered(capsys, "runs/german-001", "told.csv")[0]
    assert network.preparation is not None
    expected = cr.predict(network, {"weight": [1.234], "day": ["2024-02-03"]})[0, 0]
    assert float(first[0]["prediction"]) == expected


def test_truth_is_truth_however_it_is_written() -> None:
    preparation = cr.data.Preparation([cr.data.CategoryColumn("member", ["False", "True"])])
    assert preparation.features({"member": ["true", "FALSE", "True"]}).tolist() == [[0, 1], [1, 0], [0, 1]]


def test_a_run_is_exported_with_what_prepares_its_table(capsys: CAPTURED) -> None:
    needed("onnx")
    Path("undated.csv").write_text("\n".join(",".join(row.split(",")[i] for i in (1, 2, 4, 5)) for row in DATED))
    said(capsys, "train undated.csv --target paid --epochs 3 --no-pictures --quiet")
    run = "runs/undated-001"
    assert "takes     age, town, orders\n" in said(capsys, f"export {run} --out a.onnx")[0]
    said(capsys, "import a.onnx --out mine")
    assert answered(capsys, "mine", "undated.csv") == answered(capsys, run, "undated.csv")
    features = "age, age is missing, town = Bonn, town = Kiel, town = Ulm, orders"
    assert features in said(capsys, f"export {run} --out b.onnx --inputs features")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("always", InputWarning)
        told, warned = said(capsys, f"export {run} --out a.safetensors")
    assert f"takes     {features}\n" in told
    assert "6 features of the columns 'age', 'town', 'orders'" in warned
    assert json.loads(said(capsys, f"export {run} --out a.py --json")[0])["takes"] == ["age", "town", "orders"]


def test_an_export_that_can_say_no_dates_names_the_way_out(capsys: CAPTURED) -> None:
    needed("onnx")
    said(capsys, TRAIN)
    assert "dates: 'since'" in said(capsys, "export runs/people-001 --out a.onnx", code=2)[1]
    assert "year of since" in said(capsys, "export runs/people-001 --out a.onnx --inputs features")[0]
    assert "PyTorch loads safetensors" in said(capsys, "export runs/people-001 --out a.pt", code=2)[1]
