"""``chainrule predict``: all probabilities, columns carried over, formats, several files, folders of pictures."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.cli.commands import COMMANDS, chainrule
from tests.referees import needed

CAPTURED = pytest.CaptureFixture[str]
RUN = "runs/flowers-001"
NEW = "id,width,height\n007,0,0\n012,1,1\n1e3,0,0\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs on flowers of two kinds and on digits."""
    folder = tmp_path_factory.mktemp("predict")
    rows = [f"{k % 2},{k % 2},{('=rose', 'tulip')[k % 2]}" for k in range(20)]
    (folder / "flowers.csv").write_text("width,height,kind\n" + "\n".join(rows))
    (folder / "flowers.toml").write_text(
        'layers = "2-2"\nloss = "CategoricalCrossEntropy"\nphases = [{epochs = 40, learning_rate = 0.1}]\n'
        'data = {file = "flowers.csv", target = "kind"}\n'
    )
    (folder / "new.csv").write_text(NEW)
    cr.recipes.run(folder / "flowers.toml", out=folder / "runs")
    cr.recipes.run(cr.recipes.override(cr.recipes.load("digits"), epochs=3), out=folder / "runs")
    return folder


@pytest.fixture(autouse=True)
def in_that_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def said(capsys: CAPTURED, *arguments: str, code: int = 0, given: bytes = b"") -> tuple[str, str]:
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        ended = status(["predict", *arguments])
    told = capsys.readouterr()
    assert ended == code, told.err
    return told.out, told.err


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_kept_column_is_carried_over_as_it_is_written_and_is_no_input(capsys: CAPTURED) -> None:
    rows = table(said(capsys, RUN, "new.csv", "--keep", "id")[0])
    assert list(rows[0]) == ["row", "id", "class", "probability"]
    assert [row["id"] for row in rows] == ["007", "012", "1e3"]
    without = table(said(capsys, RUN, "-", given=b"width,height\n0,0\n1,1\n0,0\n")[0])
    assert [row["probability"] for row in rows] == [row["probability"] for row in without]


@pytest.mark.parametrize(
    ("header", "keep", "columns"),
    [
        ("id,width,height", ["0"], ["id"]),
        ("id,width,height", ["-3", "id"], ["id"]),
        ("width,height", ["width", "height"], ["width", "height"]),  # inputs stay inputs
        ("width,height,kind", ["kind"], ["kind"]),  # the target, to compare
        ("id,width,height,kind,note", ["note", "id", "kind"], ["note", "id", "kind"]),
        ("class,width,height", ["class"], ["column class"]),  # what a column of the answers is called
        ("file,width,height", ["file"], ["column file"]),
    ],
)
def test_any_columns_are_kept(capsys: CAPTURED, header: str, keep: list[str], columns: list[str]) -> None:
    row = ",".join({"width": "1", "height": "1"}.get(name, f"a {name}") for name in header.split(","))
    options = [option for name in keep for option in ("--keep", name)]
    (found,) = table(said(capsys, RUN, "-", *options, given=f"{header}\n{row}\n".encode())[0])
    assert list(found) == ["row", *columns, "class", "probability"]
    assert found["class"] == "tulip"
    for name in columns:
        assert found[name] == {"width": "1", "height": "1"}.get(name, f"a {name.removeprefix('column ')}")


def test_a_network_that_knows_its_columns_tells_inputs_from_others(capsys: CAPTURED) -> None:
    network = cr.Network([cr.Dense(1, inputs=2)])
    frame = cr.data.Dataset(np.eye(2), np.eye(2)[:, :1], "named", feature_names=("width", "height"))
    cr.train(network, frame, epochs=1, verbose=0)
    network.parameters[:] = [1, 10, 0]
    cr.save(network, "named.safetensors")
    options = ["--keep", "height", "--keep", "id"]
    out, _ = said(capsys, "named.safetensors", "-", *options, given=b"id,height,width\n007,3,2\n")
    assert out == "row,height,id,prediction\n1,3,007,32\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new.csv", "--keep", "idd"], "Did you mean 'id'?"),
        (["new.csv", "--keep", "7"], "the column 7 to keep"),
        (["x.npy", "--keep", "id"], "a file that is no table"),
        (["1,0", "--keep", "id"], "Leave --keep out"),
        (["1,0", "--format", "jsonl"], "Leave --format jsonl out"),
        (["1,", "0"], "Write one alone, as 1,0"),
        (["1,0", "new.csv"], "1 of 2 files"),
        (["-", "-"], "- more than once"),
        (["new.csv", "--json", "--format", "csv"], "--json with --format csv"),
        (["new.csv", "--json", "--out", "b.json"], "--format json --out FILE"),
        (["new.csv", "--format", "xml"], "--format"),
    ],
)
def test_what_means_nothing_is_refused_in_a_line(capsys: CAPTURED, arguments: list[str], words: str) -> None:
    np.save("x.npy", np.zeros((3, 2), np.float32))
    out, err = said(capsys, RUN, *arguments, code=2)
    assert (out, err.count("\n")) == ("", 1)
    assert words in err


def test_all_gives_the_probability_of_every_class(capsys: CAPTURED) -> None:
    rows = table(said(capsys, RUN, "new.csv", "--keep", "id", "--all")[0])
    network, _ = cr.recipes.load_run(RUN)
    right = cr.predict(network, [[0, 0], [1, 1], [0, 0]])
    for row, probabilities in zip(rows, right):
        assert list(row)[2:] == ["class", "probability", "probability =rose", "probability tulip"]
        assert [float(row[f"probability {name}"]) for name in ("=rose", "tulip")] == pytest.approx(
            probabilities, rel=1e-5
        )
        assert float(row["probability"]) == pytest.approx(probabilities.max(), rel=1e-5)
    out = said(capsys, RUN, "1,1", "--all")[0]
    assert [line.split()[-1] for line in out.splitlines()[2:4]] == ["=rose", "tulip"]
    one = json.loads(said(capsys, RUN, "1,1", "--all", "--json")[0])
    assert list(one["probabilities"].values()) == one["outputs"]


def test_one_output_for_two_classes_has_two_probabilities(capsys: CAPTURED) -> None:
    network = cr.Network([cr.Dense(1, inputs=2), cr.Sigmoid()], classes=["no", "yes"])
    network.parameters[:] = [1, 1, 0]
    cr.save(network, "two.safetensors")
    (row,) = table(said(capsys, "two.safetensors", "-", "--all", given=b"a,b\n1,0\n")[0])
    assert float(row["probability yes"]) == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-5)
    assert float(row["probability no"]) + float(row["probability yes"]) == pytest.approx(1)
    assert row["probability"] == row["probability yes"]


def test_amounts_keep_all_their_digits(capsys: CAPTURED) -> None:
    network = cr.Network([cr.Dense(2, inputs=1)])
    network.parameters[:] = [0, 0, 1_234_567.9, 0.1]
    cr.save(network, "amounts.safetensors")
    assert (
        said(capsys, "amounts.safetensors", "-", given=b"a\n1\n")[0]
        == "row,prediction_1,prediction_2\n1,1234567.9,0.1\n"
    )


def test_the_format_is_the_one_named_or_that_of_the_ending(capsys: CAPTURED, tmp_path: Path) -> None:
    lines = said(capsys, RUN, "new.csv", "--keep", "id", "--format", "jsonl")[0].splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == ["007", "012", "1e3"]
    whole = json.loads(said(capsys, RUN, "new.csv", "--keep", "id", "--format", "json")[0])
    assert whole == json.loads(said(capsys, RUN, "new.csv", "--keep", "id", "--json")[0])
    assert (whole["answers"], whole["files"], whole["errors"]) == (rows, ["new.csv"], [])
    for ending, form in {"csv": "csv", "txt": "csv", "json": "json", "jsonl": "jsonl", "ndjson": "jsonl"}.items():
        file = tmp_path / f"a.{ending}"
        assert said(capsys, RUN, "new.csv", "--keep", "id", "--out", str(file))[0] == f"3 answers in {file}\n"
        assert file.read_text() == said(capsys, RUN, "new.csv", "--keep", "id", "--format", form)[0]


def test_several_files_are_answered_one_after_the_other_each_by_its_name(capsys: CAPTURED) -> None:
    Path("more.csv").write_text("width,height\n1,1\n")
    out, err = said(capsys, RUN, "flowers.csv", "gone.csv", "-", "more.csv", code=2, given=b"width,height\n1,1\n0,0\n")
    rows = table(out)
    assert list(rows[0]) == ["file", "row", "class", "probability"]
    assert [(row["file"], row["row"]) for row in rows[18:]] == [
        ("flowers.csv", "19"), ("flowers.csv", "20"), ("-", "1"), ("-", "2"), ("more.csv", "1")]  # fmt: skip
    assert err.startswith("Error: predict 'gone.csv': got no file")
    Path("three.csv").write_text("a,b,c\n1,1,1\n")
    found = json.loads(said(capsys, RUN, "three.csv", "more.csv", "--json", code=2)[0])
    assert [error["file"] for error in found["errors"]] == ["three.csv"]
    assert found["errors"][0]["error"].startswith("predict 'three.csv': got the columns 'a', 'b', 'c'")
    out, err = said(capsys, RUN, "gone.csv", "gone too.csv", "--out", "none.csv", code=2)
    assert (out, err.count("Error: "), os.path.exists("none.csv")) == ("", 2, False)


def test_what_a_spreadsheet_takes_for_a_formula_stays_text_wherever_it_stands(capsys: CAPTURED) -> None:
    texts = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-12.5", "+3", "-inf", "007", "＝1"]
    given = io.StringIO()
    csv.writer(given).writerows([["=id", "width", "height"], *([text, 0, 0] for text in texts)])
    rows = list(csv.reader(io.StringIO(
        said(capsys, RUN, "-", "--keep", "=id", "--all", given=given.getvalue().encode())[0])))  # fmt: skip
    assert rows[0] == ["row", "'=id", "class", "probability", "probability =rose", "probability tulip"]
    assert [row[1] for row in rows[1:]] == [
        "'=1+1", "'+1+1", "'-1+1", "'@SUM(A1)", "'=1", "'=1", "-12.5", "+3", "-inf", "007", "'＝1"]  # fmt: skip
    assert {row[2] for row in rows[1:]} == {"'=rose"}


class TestPictures:
    @pytest.fixture
    def scans(self, tmp_path: Path) -> Path:
        """A folder of pictures: two that can be read, two that can't, one blank, and what is no picture."""
        image = needed("PIL.Image", "plot")
        pixels = np.full((40, 40), 255, np.uint8)
        pixels[8:32, 18:22] = 0
        image.fromarray(pixels).save(tmp_path / "b.png")
        image.fromarray(pixels).convert("CMYK").save(tmp_path / "=a.jpg")
        image.new("L", (40, 40), 255).save(tmp_path / "blank.png")
        (tmp_path / "cut.png").write_bytes((tmp_path / "b.png").read_bytes()[:60])
        (tmp_path / "empty.jpg").touch()
        (tmp_path / "gone.png").symlink_to("nowhere")
        (tmp_path / "labels.csv").write_text("a\n1\n")
        (tmp_path / ".hidden.png").touch()
        (tmp_path / "folder.png").mkdir()
        return tmp_path

    def test_a_folder_has_a_row_for_each_picture_by_name(self, capsys: CAPTURED, scans: Path) -> None:
        out, err = said(capsys, "runs/digits-001", str(scans), "--all", code=2)
        rows = list(csv.DictReader(io.StringIO(out)))
        assert [Path(row["file"]).name for row in rows] == ["=a.jpg", "b.png"]
        assert list(rows[0])[:3] == ["file", "class", "probability"]
        assert len(rows[0]) == 13
        assert rows[0]["probability"] == rows[1]["probability"]
        told = err.splitlines()
        for name, words in {"blank": "no ink found", "cut": "can't be read", "empty": "an empty file",
                            "gone.png": "no file of this name"}.items():  # fmt: skip
            assert sum(words in line and name in line for line in told) == 1
        assert f"{scans}: without what is no picture: folder.png, labels.csv" in told
        assert any(line.startswith("2 files, such as ") and "inverted" in line for line in told)
        assert ".hidden" not in err

    def test_one_picture_is_the_same_alone_in_a_folder_and_from_standard_input(
        self, capsys: CAPTURED, scans: Path
    ) -> None:
        data = (scans / "b.png").read_bytes()
        alone = json.loads(said(capsys, "runs/digits-001", str(scans / "b.png"), "--json")[0])["answers"]
        piped = json.loads(said(capsys, "runs/digits-001", "-", "--json", given=data)[0])["answers"]
        found = json.loads(said(capsys, "runs/digits-001", str(scans), "--json", code=2)[0])
        assert alone == piped
        assert {"file": str(scans / "b.png"), **alone[0]} == {**found["answers"][1], "row": 1}
        assert len(found["errors"]) == 4

    def test_a_folder_without_pictures_is_told(self, capsys: CAPTURED, tmp_path: Path) -> None:
        (tmp_path / "labels.csv").write_text("a\n1\n")
        assert "a folder without pictures" in said(capsys, "runs/digits-001", str(tmp_path), code=2)[1]

    def test_what_holds_for_all_is_said_once(
        self, capsys: CAPTURED, scans: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert said(capsys, RUN, str(scans), code=2)[1].count("Error: ") == 1  # a network for tables
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, "PIL", None)
            told = said(capsys, "runs/digits-001", str(scans), code=2)[1]
        assert told.count("Error: ") == 1
        assert "no Pillow" in told


WRITTEN: dict[str, Any] = {
    "predict": f"predict {RUN} new.csv --keep id --out OUT",
    "explain": f"explain {RUN} --out OUT",
    "source": f"source {RUN} --out OUT",
    "log": f"log {RUN} --csv OUT",
    "export": f"export {RUN} --out OUT.py",
    "plot": f"plot {RUN} --out OUT.png",
    "reproduce": "reproduce xor --seeds 1 --epochs 1 --out reproduced --markdown OUT",
}


@pytest.mark.parametrize("command", WRITTEN)
def test_no_command_writes_over_a_file_without_being_told(capsys: CAPTURED, tmp_path: Path, command: str) -> None:
    if command == "plot":
        needed("matplotlib", "plot")
    line = WRITTEN[command].replace("OUT", str(tmp_path / "mine")).split()
    file = next(Path(word) for word in line if word.startswith(str(tmp_path)))
    file.write_text("years of work")
    assert status(line) == 2
    assert f"{str(file)!r}, which is there already" in capsys.readouterr().err
    assert file.read_text() == "years of work"
    assert status([*line, "--overwrite"]) in (0, 1)
    assert file.read_bytes()[:5] != b"years"


def test_what_export_writes_beside_a_page_and_plot_into_a_folder_is_not_written_over(
    capsys: CAPTURED, tmp_path: Path
) -> None:
    needed("matplotlib", "plot")
    (tmp_path / "model.npz").write_text("mine")
    (tmp_path / "weights.png").write_text("mine")
    assert status(["export", RUN, "--out", str(tmp_path / "model.py"), "--beside"]) == 2
    for kind in ("weights", "all", "learning_curve,weights"):
        assert status(["plot", RUN, "--kind", kind, "--out", str(tmp_path)]) == 2
        assert sorted(os.listdir(tmp_path)) == ["model.npz", "weights.png"]
    assert capsys.readouterr().err.count("Add --overwrite") == 4
    assert status(["plot", RUN]) == status(["plot", RUN]) == 0  # in the folder of its run a picture is drawn anew


def test_every_option_that_names_a_file_to_write_has_overwrite_beside_it() -> None:
    found = set()
    for name in COMMANDS:
        command = chainrule.get_command(chainrule.make_context("chainrule", [name], resilient_parsing=True), name)
        assert command is not None
        options = {option for parameter in command.params for option in parameter.opts}
        if options & {"--out", "--csv", "--markdown"}:
            found.add(name)
        assert ("--overwrite" in options) == (name in WRITTEN), name
    assert found - set(WRITTEN) == {"train", "import"}  # which make a folder that is not there yet
