"""A table of one's own, from training to answers: odd tables, each with the answers that are right, or what is said.

The answers to a new file are right if they are those to the same rows of the training's own file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status

CAPTURED = pytest.CaptureFixture[str]
ROWS = 30


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(capsys: CAPTURED, *arguments: str, code: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    assert status([*arguments]) == code, capsys.readouterr()
    told = capsys.readouterr()
    return told.out, told.err


def trained(capsys: CAPTURED, text: str, *options: str) -> str:
    Path("my.csv").write_text(text)
    said(capsys, "train", "my.csv", *options, "--epochs", "2", "--no-pictures", "--quiet")
    return "runs/my-001"


def answered(capsys: CAPTURED, run: str, file: str, *options: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(said(capsys, "predict", run, file, "--all", *options)[0])))


def cells(count: int = ROWS) -> list[tuple[float, float, str, str]]:
    generator = np.random.default_rng(0)
    return [
        (round(generator.normal(), 2), round(generator.normal(50, 9), 1), "uvw"[i % 3], ("no", "yes")[i % 2])
        for i in range(count)
    ]


def text(header: str, row: Callable[[Any], str], count: int = ROWS) -> str:
    lines = [",".join(map(str, row(each))) if not isinstance(row(each), str) else row(each) for each in cells(count)]
    return "\n".join([header, *lines] if header else lines) + "\n"


# situation: (what of, the training's file, options, a new file with the first rows of it)
ANSWERED: dict[str, tuple[str, str, list[str], str]] = {
    "a column is called km/h": (
        "units in names, as in any export",
        text("km/h,q,y", lambda row: (row[0], row[1], row[3])),
        ["--target", "y"],
        text("q,km/h", lambda row: (row[1], row[0]), 3),
    ),
    "names with a colon, dots, underscores and a line end": (
        "spreadsheets",
        text('a:b,a..b,__x,"two\nlines",y', lambda row: (row[0], row[1], row[0], row[2], row[3])),
        ["--target", "y"],
        text('"two\nlines",__x,a..b,a:b', lambda row: (row[2], row[0], row[1], row[0]), 3),
    ),
    "names are years, and stand in another order": (
        "statistics by year",
        text("2019,2020,2021,y", lambda row: (row[0], row[1], row[0] * 2, row[3])),
        ["--target", "y"],
        text("2020,2019,2021", lambda row: (row[1], row[0], row[0] * 2), 3),
    ),
    "names are words and years, all over numbers or words": (
        "statistics by year, with a code of the country",
        text("code,2020,2021,y", lambda row: (row[2], row[0], row[1], row[3])),
        ["--target", "y"],
        text("2021,2020,code", lambda row: (row[1], row[0], row[2]), 3),
    ),
    "no header, the target first, and a new file without it": (
        "UCI's wine.data, in which the class stands first",
        text("", lambda row: (row[3], row[0], row[1], 7)),
        ["--target", "0"],
        text("", lambda row: (row[0], row[1], 7), 3),
    ),
    "no header, and only the columns that are used": (
        "UCI's wine.data",
        text("", lambda row: (row[3], row[0], row[2], 7)),
        ["--target", "0"],
        text("", lambda row: (row[0], row[2]), 3),
    ),
    "a gap alone in its row, as programs write it": (
        "csv.writer and pandas, of one column",
        'p,y\nu,no\n"",yes\nv,no\n' + text("", lambda row: (row[2], row[3])),
        ["--target", "y"],
        'p\nu\n""\nv\n',
    ),
    "a header in training alone": (
        "new rows pasted from a sheet",
        text("p,q,y", lambda row: (row[0], row[2], row[3])),
        ["--target", "y"],
        text("", lambda row: (row[0], row[2]), 3),
    ),
}


@pytest.mark.filterwarnings("always::chainrule.errors.InputWarning")
@pytest.mark.parametrize("situation", ANSWERED)
def test_new_rows_get_the_answers_of_the_same_rows_in_training(capsys: CAPTURED, situation: str) -> None:
    _, own, options, new = ANSWERED[situation]
    run = trained(capsys, own, *options)
    Path("new.csv").write_text(new)
    expected = answered(capsys, run, "my.csv")[:3]
    assert answered(capsys, run, "new.csv") == expected
    assert len({row["probability"] for row in expected}) == 3


# situation: (what of, the training's file, options, a new file or None, the command, what is said)
REFUSED: dict[str, tuple[str, str, list[str], str | None, list[str]]] = {
    "one class": (
        "a filtered export",
        text("p,y", lambda row: (row[0], "yes")),
        ["--target", "y"],
        None,
        ["column 'y', which is 'yes' in each row", "Name another column"],
    ),
    "one amount": (
        "a filtered export",
        text("p,y", lambda row: (row[0], 5.5)),
        ["--target", "y"],
        None,
        ["column 'y', which is '5.5' in each row"],
    ),
    "nothing but the target": (
        "a list of numbers",
        text("y", lambda row: f"{row[0]}"),
        ["--target", "y"],
        None,
        ["a table without a column beside 'y'"],
    ),
    "the target is dropped": (
        "a list of columns to drop, written once",
        text("p,q,y", lambda row: (row[0], row[1], row[3])),
        ["--target", "y", "--drop", "q", "--drop", "y"],
        None,
        ["drop: got 'y', which is the target"],
    ),
    "the target says which row it is": (
        "a typing error",
        text("p,y", lambda row: (row[0], row[3])),
        ["--target", "y", "--index", "y"],
        None,
        ["index: got 'y', which is the target"],
    ),
    "an index that is no column": (
        "a typing error",
        text("p,id,y", lambda row: (row[0], row[1], row[3])),
        ["--target", "y", "--index", "ID"],
        None,
        ["index: got 'ID', but expected a column of 'my.csv'", "Did you mean 'id'?"],
    ),
    "no header, and a column too few": (
        "UCI's wine.data",
        text("", lambda row: (row[3], row[0], row[1], row[0] * 2, 7)),
        ["--target", "0"],
        text("", lambda row: (row[0], row[1]), 3),
        ["2 columns without names", "Name the columns"],
    ),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_what_can_t_be_right_is_refused_by_name(capsys: CAPTURED, situation: str) -> None:
    _, own, options, new, parts = REFUSED[situation]
    if new is None:
        Path("my.csv").write_text(own)
        told = said(capsys, "train", "my.csv", *options, code=2)[1]
        assert not Path("runs").exists()
    else:
        run = trained(capsys, own, *options)
        Path("new.csv").write_text(new)
        told = said(capsys, "predict", run, "new.csv", code=2)[1]
    assert told.count("\n") == 1
    for part in parts:
        assert part in told


def test_columns_that_are_kept_are_all_there(capsys: CAPTURED) -> None:
    run = trained(capsys, text("p,q,y", lambda row: (row[0], row[1], row[3])), "--target", "y")
    Path("new.csv").write_text("p,q,row,column row,class\n1,2,A,B,C\n")
    keep = [part for name in ("row", "column row", "class") for part in ("--keep", name)]
    (row,) = answered(capsys, run, "new.csv", *keep)
    assert row.items() >= {"row": "1", "column column row": "A", "column row": "B", "column class": "C"}.items()


@pytest.mark.filterwarnings("always::chainrule.errors.InputWarning")
def test_columns_that_lost_their_names_are_said_to_go_by_position(capsys: CAPTURED) -> None:
    run = trained(capsys, text("p,q,y", lambda row: (row[0], row[2], row[3])), "--target", "y")
    Path("new.csv").write_text("1,u\n2,v\n")
    assert "taken to be 'p', 'q', in this order" in said(capsys, "predict", run, "new.csv")[1]
    Path("new.csv").write_text("p,q\n1,u\n2,v\n")
    assert "order" not in said(capsys, "predict", run, "new.csv")[1]
    Path("my.csv").write_text(text("", lambda row: (row[3], row[0], row[2], 7)))
    said(capsys, "train", "my.csv", "--target", "0", "--epochs", "1", "--no-pictures", "--quiet")
    Path("new.csv").write_text("1,u,7\n2,v,7\n")
    assert "order" not in said(capsys, "predict", "runs/my-002", "new.csv")[1]


@pytest.mark.filterwarnings("always::chainrule.errors.InputWarning")
@pytest.mark.parametrize(
    ("then", "now", "told"),
    [
        ("{}", "{}", ""),
        ("{} %", "{}%", ""),
        ("${}", "${}", ""),
        ("{}", "{} %", "with '%' in column 'p', but expected numbers with nothing beside them"),
        ("{} %", "{}", "with nothing beside them in column 'p', but expected numbers with '%'"),
        ("${}", "€{}", "with '€' in column 'p', but expected numbers with '$'"),
        ("{} %", "", ""),
    ],
)
def test_another_unit_than_in_training_is_said(capsys: CAPTURED, then: str, now: str, told: str) -> None:
    run = trained(capsys, text("p,q,y", lambda row: (then.format(row[1]), row[0], row[3])), "--target", "y")
    Path("new.csv").write_text(f"p,q\n{now.format(45)},1\n")
    warned = said(capsys, "predict", run, "new.csv")[1]
    assert told in warned
    assert ("unit of the training" in warned) == bool(told)
    said(capsys, "predict", run, "my.csv")


def test_several_amounts_are_answered_by_their_names(capsys: CAPTURED) -> None:
    own = text("p,tall,c,wide", lambda row: (row[0], row[1], row[2], row[0] * 2))
    run = trained(capsys, own, "--target", "wide", "--target", "tall")
    (first, *_) = answered(capsys, run, "my.csv")
    assert [*first] == ["row", "prediction wide", "prediction tall"]
    expected = cr.predict(cr.recipes.load_run(run)[0], cr.data.read_table("my.csv"))[0]
    np.testing.assert_allclose([float(first[f"prediction {name}"]) for name in ("wide", "tall")], expected, rtol=1e-6)


@pytest.mark.parametrize("way", [",", "."])
def test_what_a_table_leaves_open_is_told_on_the_command_line(capsys: CAPTURED, way: str) -> None:
    Path("my.csv").write_text(
        "p;day;y\n" + "".join(f"{1 + i % 9},{i + 100};{1 + i % 9}/{1 + i % 8}/2023;{i}\n" for i in range(60))
    )
    options = ["my.csv", "--target", "y", "--task", "regression"]
    assert "--decimal" in said(capsys, "train", *options, code=2)[1]
    options += ["--decimal", way]
    assert "--day-first" in said(capsys, "train", *options, code=2)[1]
    options += ["--day-first" if way == "," else "--month-first"]
    Path("my.toml").write_text(said(capsys, "init", *options)[0])
    for recipe in (options, ["my.toml"]):
        said(capsys, "train", *recipe, "--epochs", "1", "--no-pictures", "--quiet")
    one, other = (Path(f"runs/my-00{k}/last.safetensors").read_bytes() for k in (1, 2))
    assert one == other
    preparation = cr.recipes.load_run("runs/my-001")[0].preparation
    Path("new.csv").write_text("p;day\n2,500;3/4/2023\n")
    table = cr.data.read_table("new.csv", decimal=way, day_first=way == ",")
    assert preparation.features(table)[0][:3].tolist() == [2.5 if way == "," else 2500, 2023, 4 if way == "," else 3]
    assert answered(capsys, "runs/my-001", "new.csv")


def test_a_target_told_by_its_place_is_known_by_its_name_from_then_on(capsys: CAPTURED) -> None:
    run = trained(capsys, text("p,q,y", lambda row: (row[0], row[1], row[3])), "--target", "-1")
    Path("new.csv").write_text(text("y,q,p", lambda row: (row[3], row[1], row[0])))
    found = [said(capsys, "evaluate", run, "--data", file, "--json")[0] for file in ("my.csv", "new.csv")]
    assert found[0].replace("my.csv", "") == found[1].replace("new.csv", "")


def test_a_run_on_a_table_that_changed_is_not_gone_on_with(capsys: CAPTURED) -> None:
    rows = text("p,q,y", lambda row: (row[0], row[1], row[3]))
    run = trained(capsys, rows, "--target", "y")
    Path("my.csv").write_text(rows.replace("\n", "\n9", 1))
    told = said(capsys, "resume", run, "--epochs", "1", "--no-pictures", code=2)[1]
    assert "got other samples in my.csv: their digests differ" in told


def test_a_new_table_without_a_column_of_the_recipe_says_so(capsys: CAPTURED) -> None:
    run = trained(capsys, text("p,q,y", lambda row: (row[0], row[2], row[3])), "--target", "y")
    Path("new.csv").write_text(text("p,y", lambda row: (row[0], row[3])))
    told = said(capsys, "train", run, "--data", "new.csv", code=2)[1]
    assert "columns: got 'q', but expected a column of 'new.csv'" in told


def test_the_derivatives_of_a_network_on_dates_are_right(capsys: CAPTURED) -> None:
    own = text("day,p,y", lambda row: (f"2024-03-{1 + int(row[1]) % 28:02}", row[0], row[3]))
    assert "every derivative" in said(capsys, "check", trained(capsys, own, "--target", "y"))[0]


def test_a_cast_to_float32_is_right_where_numbers_are_large() -> None:
    assert cr.check(cr.ops.shaping.Cast("float32"), x=np.array([[1.7e9, -2.5e7]])).passed
