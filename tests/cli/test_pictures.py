"""chainrule plot: which pictures of which runs, where they go, and what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.cli.pictures import KINDS, file_name

CAPTURED = pytest.CaptureFixture[str]
TWO_UNITS = (
    'layers = "2-2-1"\nloss = "BinaryCrossEntropy"\nphases = [{epochs = 3, learning_rate = 0.1}]\n'
    'data = {name = "xor"}\n'
)
CURVE = (
    'layers = "1-4-1"\nloss = "MeanSquaredError"\nphases = [{epochs = 2, learning_rate = 0.01}]\n'
    'data = {name = "curve"}\n'
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of xor, of digits, of a network with two hidden units, and of a regression."""
    root = tmp_path_factory.mktemp("plots")
    before = os.getcwd()
    os.chdir(root)
    try:
        Path("two.toml").write_text(TWO_UNITS)
        Path("curve.toml").write_text(CURVE)
        for recipe in ("xor", "digits", "two.toml", "curve.toml"):
            assert status(["train", recipe, "--epochs", "2", "--quiet", "--no-pictures"]) == 0
    finally:
        os.chdir(before)
    return root


@pytest.fixture(autouse=True)
def in_the_folder_of_the_runs(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)


def drawn(capsys: CAPTURED, *arguments: str) -> tuple[list[str], list[str]]:
    """The files that were named, and what was left out."""
    capsys.readouterr()
    assert status(["plot", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    files = [line.removeprefix("picture   ") for line in lines if line.startswith("picture")]
    left = [line.removeprefix("left out  ") for line in lines if line.startswith("left out")]
    assert len(files) + len(left) == len(lines)
    for file in files:
        assert Path(file).stat().st_size > 1000
    return files, left


@pytest.mark.parametrize(
    ("run", "kinds", "left"),
    [
        (
            "two",
            [
                "learning_curve",
                "decision_surface",
                "neuron_surfaces",
                "hidden_space",
                "weights",
                "confusion_matrix",
                "saliency",
                "loss_along_gradient",
                "network",
                "graph",
            ],
            [],
        ),
        (
            "digits",
            ["learning_curve", "weights", "confusion_matrix", "saliency", "loss_along_gradient", "network", "graph"],
            ["decision_surface, neuron_surfaces, hidden_space: only with two inputs, and classes"],
        ),
        (
            "curve",
            ["learning_curve", "weights", "saliency", "loss_along_gradient", "network", "graph"],
            [
                "decision_surface, neuron_surfaces, hidden_space: only with two inputs, and classes",
                "confusion_matrix: only with classes",
            ],
        ),
    ],
)
def test_all_draws_what_suits_the_run_and_names_the_rest(
    capsys: CAPTURED, run: str, kinds: list[str], left: list[str], tmp_path: Path
) -> None:
    out = str(tmp_path / "pictures")
    assert drawn(capsys, f"runs/{run}-001", "--kind", "all", "--out", out) == (
        [os.path.join(out, f"{file_name(kind)}.png") for kind in kinds],
        left,
    )


def test_pictures_go_into_the_folder_of_the_run(capsys: CAPTURED) -> None:
    files, _ = drawn(capsys, "runs/xor-001", "--kind", "weights,graph", "--format", "svg")
    assert files == [os.path.join("runs/xor-001", name) for name in ("weights.svg", "graph.svg")]
    assert Path(files[0]).read_text().startswith("<?xml")


def test_the_network_is_drawn_in_hebrew_too(capsys: CAPTURED, tmp_path: Path) -> None:
    contents = []
    for language in ("en", "he"):
        out = str(tmp_path / f"{language}.svg")
        assert drawn(capsys, "runs/digits-001", "--kind", "network", "--language", language, "--out", out)[0] == [out]
        contents.append(Path(out).read_text())
    assert contents[0] != contents[1]
    assert status(["plot", "runs/digits-001", "--kind", "weights", "--language", "he"]) == 2
    assert "expected it with --kind network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (["--layer", "tanh_1"], "--layer"),
        (["--weights", "best"], "--weights"),
        (["--kind", "network", "--layer", "tanh_1"], "--layer"),
        (["--kind", "graph,saliency", "--language", "en"], "--language"),
        (["--kind", "watched", "--weights", "last"], "--weights"),
    ],
)
def test_an_option_that_no_picture_takes_is_refused(capsys: CAPTURED, options: list[str], wrong: str) -> None:
    assert status(["plot", "runs/xor-001", *options]) == 2
    assert f"Error: {wrong}: got" in capsys.readouterr().err


def test_the_curve_is_drawn_where_nothing_is_said(capsys: CAPTURED) -> None:
    assert drawn(capsys, "runs/xor-001")[0] == [os.path.join("runs/xor-001", "learning-curve.png")]


def test_several_runs_have_their_curves_in_one_picture(capsys: CAPTURED, tmp_path: Path) -> None:
    assert drawn(capsys, "runs/xor-001", "runs/digits-001", "--out", str(tmp_path / "both.svg"))[0] == [
        str(tmp_path / "both.svg")
    ]
    assert "runs/digits-001" in (tmp_path / "both.svg").read_text()


def test_the_weights_drawn_are_those_asked_for(capsys: CAPTURED, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree("runs/two-001", run)
    network = cr.load(run / "best.safetensors")
    network.parameters[:] = 0
    cr.save(network, run / "best.safetensors")
    pictures = {}
    for which in ("best", "last"):
        out = tmp_path / f"{which}.svg"
        drawn(capsys, str(run), "--kind", "weights", "--weights", which, "--layer", "dense_2", "--out", str(out))
        pictures[which] = out.read_text()
    assert pictures["best"].count("<!-- 0.00 -->") > pictures["last"].count("<!-- 0.00 -->")
    assert all("dense_2.weights" in text for text in pictures.values())


def test_what_flowed_is_watched_in_the_same_training_once_more(capsys: CAPTURED, tmp_path: Path) -> None:
    out = str(tmp_path / "watched.svg")
    assert drawn(capsys, "runs/two-001", "--kind", "watched", "--out", out)[0] == [out]
    text = Path(out).read_text()
    assert all(name in text for name in ("size of the gradients", "relu_1", "dense_2.weights"))


def test_rates_are_tried_on_the_network_as_it_was_before_its_first_step(capsys: CAPTURED, tmp_path: Path) -> None:
    out = tmp_path / "rates.svg"
    assert status(["plot", "runs/two-001", "--kind", "learning_rate_range_test", "--out", str(out)]) == 0
    assert "steps with learning rates from 1e-06" in capsys.readouterr().out
    assert "learning rate" in out.read_text()


def test_a_film_is_the_same_training_once_more(capsys: CAPTURED, tmp_path: Path) -> None:
    from PIL import Image

    out = str(tmp_path / "film.gif")
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    assert drawn(capsys, "runs/two-001", "--kind", "animation", "--out", out)[0] == [out]
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before
    with Image.open(out) as film:
        assert film.n_frames == 3
        assert np.asarray(film).any()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("runs/xor-001 --kind wights", "Did you mean 'weights'"),
        ("runs/xor-001 --kind learning_curve,", "--kind: got ''"),
        ("runs/xor-001 runs/digits-001 --kind graph", "expected one run"),
        ("runs/xor-001 --kind graph,learning_curve --out x.png", "Pass --out pictures"),
        ("runs/xor-001 --kind graph --format pdf", "--format: got 'pdf'"),
        ("runs/xor-001 --kind graph --out x.pdf", ".png or .svg"),
        ("runs/xor-001 --kind graph --out two.toml/x", "where no folder can be made"),
        ("runs/xor-001 --kind hidden_space", "a hidden layer with 2 units"),
        ("runs/xor-001 --kind neuron_surfaces --layer tanh_2", "Did you mean 'tanh_1'"),
        ("runs/xor-001 --kind weights --layer dense", "Did you mean 'dense_"),
        ("runs/digits-001 --kind decision_surface", "a network with 64 inputs"),
        ("runs/digits-001 --kind animation", "a network with 64 inputs"),
        ("runs/curve-001 --kind confusion_matrix", "a run whose targets are quantities"),
        ("runs --kind graph", "a folder without recipe.toml"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(capsys: CAPTURED, arguments: str, expected: str) -> None:
    assert status(["plot", *arguments.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert expected in err


def test_help_names_every_kind(capsys: CAPTURED) -> None:
    assert status(["plot", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {kind}" in text for kind in [*KINDS, "all"])
