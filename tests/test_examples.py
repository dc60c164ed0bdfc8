"""The examples run as they stand, print what they are there to show, and fit on a page."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from chainrule.cli import status
from tests.referees import needed

EXAMPLES = Path(__file__).parents[1] / "examples"
SHOWN = {
    "average": r"ema=None(.|\n)*error on new data 1\d\.\d%\nema=0\.995(.|\n)*error on new data (1[0-2]|9)\.\d%",
    "custom_op_and_layer": r"Swish  z .* ok\nevery derivative is right(.|\n)*t₁ = 1 / \(1 \+ e\^\(−1\.5",
    "founding_xor": r"prediction 1, confidence 9[5-9]\.\d%, error 0\.000\d",
    "gradient_accumulation": r"256: +4 steps(.|\n)*64: 4 steps(.|\n)*weights: \de-1\d",
    "graph_by_hand": r"backward  loss: 1 arrived(.|\n)*\bw .* ok(.|\n)*After 30 steps(.|\n)*def step\(",
    "grid_search": r"8\d\.\d% \[Dense\(1\)(.|\n)*9\d\.\d%(.|\n)*dense_1    Dense\(16\)",
    "mnist": r"1,500 images(.|\n)*test error [12]?\d\.\d\d%(.|\n)*taken for a",
    "multi_label": r"far: 5\d of 61 found, 9[789]\.\d% of the answers right",
    "own_training_loop": r"right: 9\d",
    "quantile_regression": r"at 3\.5: .*, 1\.[45]\d wide\nbelow each quantile lie (9|10|11)% (49|50|51)% (89|90|91)%",
    "regression": r"best kept(.|\n)*without noise: [01]\.",
    "spirals": r"right: 9\d(.|\n)*▒▒▒▒.*░░░░(.|\n)*dense_3\.weights: 0\.0",
    "transfer": r"what it knew +[89]\d\.\d% right\nfrom nothing +[67]\d\.\d% right",
    "two_inputs": r"input +picture +8 × 8(.|\n)*\n(89|9\d)\.\d% right\n[67]\d\.\d% right where each picture",
    "two_outputs": r"output +ink +1\n(.|\n)*ink: 0\.1 · Mean(.|\n)*\n9[5-8]\.\d% of .*ink is 0\.9\d\d\na 2, of 2\d",
    "xor": r"1 xor 0 = (0\.99\d|1\.000)(.|\n)*tanh_1 .* 4×8",
}


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_runs_and_shows_what_it_is_there_for(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if name == "grid_search":
        needed("sklearn", "sklearn")
    if name == "founding_xor":
        needed("matplotlib", "plot")
        monkeypatch.chdir(tmp_path)  # it writes a picture; the others look for data from where they are
    monkeypatch.setattr(sys, "argv", [name, *(["1500"] if name == "mnist" else [])])
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert re.search(SHOWN[name], printed), printed


def test_every_example_is_run_and_listed_and_fits_on_a_page() -> None:
    files = {path.stem: path.read_text("utf-8") for path in EXAMPLES.glob("*.py")}
    assert set(files) == set(SHOWN)
    assert set(re.findall(r"\((\w+)\.py\)", (EXAMPLES / "README.md").read_text("utf-8"))) == set(SHOWN)
    assert {name: len(text.splitlines()) for name, text in files.items() if len(text.splitlines()) >= 60} == {}


def test_the_example_of_an_own_op_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["check", str(EXAMPLES / "custom_op_and_layer.py")]) == 0
    assert "network: Swish 'swish_1'" in capsys.readouterr().out
