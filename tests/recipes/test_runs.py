"""Runs side by side, as Python and the command line show them."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import FileError, InputError, installing
from tests.recipes.test_resume import SPIRALS, StopAt
from tests.referees import needed

CAPTURED = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    recipes.run(SPIRALS, out=out)
    recipes.run(recipes.override(SPIRALS, learning_rate=0.5, seed=3), out=out)
    recipes.run(SPIRALS, out=out, callbacks=[StopAt(13, "SIGINT")])
    with pytest.raises(ZeroDivisionError):
        recipes.run(SPIRALS, out=out, callbacks=[StopAt(25, "raise")])
    (out / "spirals-005").mkdir()
    (out / "spirals-005" / "recipe.toml").write_text("layers = 3")
    (out / "nothing").mkdir()
    return out


def test_runs_are_listed_with_what_became_of_them(made: Path, capsys: CAPTURED) -> None:
    assert status(["runs", str(made)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:5]] == [
        ["spirals-001", "6/6", "finished"],
        ["spirals-002", "6/6", "finished"],
        ["spirals-003", "2/6", "stopped"],
        ["spirals-004", "2/6", "unfinished"],
    ]
    assert "damaged: " in lines[5]
    assert len(lines) == 6
    assert "train error" in lines[1]


def test_runs_are_listed_as_json(made: Path, capsys: CAPTURED) -> None:
    assert status(["runs", str(made), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["runs"]
    assert [run["state"].split(":")[0] for run in found] == [
        "finished", "finished", "stopped", "unfinished", "damaged",
    ]  # fmt: skip


def test_what_differs_between_two_runs_is_shown_and_nothing_else(made: Path, capsys: CAPTURED) -> None:
    found = recipes.compare(*(recipes.open_run(made / f"spirals-00{k}") for k in (1, 2)))
    names = [name for name, _, _ in found["recipe"]]
    assert "seed" in names
    assert all(name == "seed" or name.startswith("phases[0].learning_rate") for name in names)
    assert ("seed", "0", "3") in found["recipe"]
    assert {"train.loss", "train.error_rate"} <= {name for name, _, _ in found["result"]}
    assert [name for name, _, _ in found["weights"]] == ["best.safetensors", "last.safetensors"]
    assert found["environment"] == []
    assert status(["compare", str(made / "spirals-001"), str(made / "spirals-002")]) == 0
    assert "environment: the same" in capsys.readouterr().out
    assert status(["compare", str(made / "spirals-001"), str(made / "spirals-002"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recipe"]


def test_a_run_equals_itself(made: Path) -> None:
    record = recipes.open_run(made / "spirals-001")
    assert not any(recipes.compare(record, record).values())


def test_what_is_no_run_is_one_clear_error(made: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"without recipe\.toml"):
        recipes.open_run(made / "nothing")
    with pytest.raises(FileError, match="chainrule train"):
        recipes.list_runs(tmp_path / "nowhere")
    with pytest.raises(InputError, match="damaged"):
        recipes.compare(recipes.open_run(made / "spirals-001"), recipes.open_run(made / "spirals-005"))


def test_a_row_of_the_log_that_is_nested_without_end_is_no_row(made: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(made / "spirals-001", tmp_path / "nested")
    log = folder / "log.jsonl"
    rows = log.read_text().splitlines()
    log.write_text("\n".join([*rows[:2], '{"x":' + "[" * 100_000, *rows[3:]]) + "\n")
    assert len(recipes.open_run(folder).history) == 2


def test_the_log_is_shown_and_exported(made: Path, tmp_path: Path, capsys: CAPTURED) -> None:
    assert status(["log", str(made / "spirals-001")]) == 0
    assert "epoch 6/6" in capsys.readouterr().out
    assert status(["log", str(made / "spirals-001"), "--csv", str(tmp_path / "log.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    logged = [json.loads(line) for line in (made / "spirals-001" / "log.jsonl").read_text().splitlines()]
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in logged]
    assert list(rows[0]) == list(logged[0])


def test_curves_of_several_runs_are_drawn_in_one_picture(made: Path, tmp_path: Path) -> None:
    needed("matplotlib", "plot")
    folders = [str(made / f"spirals-00{k}") for k in (1, 2)]
    assert status(["plot", *folders, "--out", str(tmp_path / "both.png")]) == 0
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    assert status(["plot", folders[0], "--out", str(tmp_path / "one.svg")]) == 0
    assert b"<svg" in (tmp_path / "one.svg").read_bytes()


def test_event_files_hold_every_figure(made: Path, tmp_path: Path) -> None:
    needed("tensorboardX", "tensorboard")
    from tensorboardX.event_file_writer import directory_check  # noqa: F401 -- it is all there
    from tensorboardX.proto.event_pb2 import Event

    assert status(["log", str(made / "spirals-001"), "--tensorboard", str(tmp_path)]) == 0
    data = next(tmp_path.iterdir()).read_bytes()
    found, place = [], 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 8], "little")
        event = Event.FromString(data[place + 12 : place + 12 + length])
        found += [(event.step, value.tag) for value in event.summary.value]
        place += 16 + length
    assert {step for step, tag in found if tag == "loss"} == {1, 2, 3, 4, 5, 6}


def test_figures_of_any_name_have_tags_of_their_own(tmp_path: Path) -> None:
    needed("tensorboardX")
    from chainrule.tensorboard import TensorBoard

    names = ["loss", "top-5", "val/loss", "a b", "a_b", "<b>", "..", "/x", "\x1b[31m", "\ud800", "", "²", "class"]
    board = TensorBoard(tmp_path)
    tags = [board._tag(name) for name in names]
    assert [board._tag(name) for name in names] == tags
    board.close()
    assert tags[:3] == names[:3]
    assert len({*tags}) == len(tags)
    assert all(re.fullmatch(r"[\w.-][\w./-]*", tag) for tag in tags)


def test_without_tensorboardx_the_extra_is_named(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: CAPTURED
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert status(["log", str(made / "spirals-001"), "--tensorboard", str(tmp_path)]) == 2
    assert installing("tensorboard") in capsys.readouterr().err
