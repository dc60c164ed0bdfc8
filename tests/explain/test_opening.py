"""What the command line hands over: runs, recipes, files of Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import chainrule as cr
from chainrule.explain import explain
from chainrule.explain.opening import check_named, network_and_samples

FILE = """
import numpy as np
import chainrule as cr

class Cube(cr.Op):
    '''y = z³'''

    def forward(self, z):
        return z ** 3

    def backward(self, dy, y, z):
        return dict(z={slope})

X, y = cr.data.xor()
network = cr.Network([cr.Dense(2, 3), Cube(), cr.Dense(1)], loss=cr.MeanSquaredError())
"""


def test_a_recipe_is_explained_and_checked() -> None:
    network, x, y = network_and_samples("xor")
    assert "33 parameters" in str(explain(network, x, y))
    assert check_named("xor").passed


def test_a_run_is_explained_with_its_own_weights(tmp_path: Path) -> None:
    recipe = cr.recipes.override(cr.recipes.load("xor"), epochs=3)
    folder = cr.recipes.run(recipe, out=tmp_path).run
    network, x, _ = network_and_samples(str(folder))
    assert not (network.parameters == network_and_samples("xor")[0].parameters).all()
    assert x.shape == (4, 2)
    with pytest.raises(cr.errors.InputError, match="a model file alone"):
        network_and_samples(str(Path(folder) / "best.safetensors"))


@pytest.mark.parametrize(("slope", "passed"), [("dy * 3 * z * z", True), ("-dy * 3 * z * z", False)])
def test_a_file_of_python_is_checked(tmp_path: Path, slope: str, passed: bool) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE.replace("{slope}", slope), "utf-8")
    report = check_named(str(path))
    assert report.passed == passed
    assert {finding.where for finding in report.findings} >= {"Cube", "loss"}
    assert passed or "the sign" in str(report)


@pytest.mark.parametrize(
    ("text", "message"), [("1 / 0", "ZeroDivisionError"), ("x = 1", "no op, network or graph"), (None, "FileNotFound")]
)
def test_a_file_with_nothing_in_it_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(cr.ChainruleError, match=message):
        check_named(str(path))
