"""``chainrule source``: a page that runs, of a run, a model file or a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status

CAPTURED = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cr.recipes.run(cr.recipes.override(cr.recipes.load("xor"), epochs=2), out="runs")


def page(told: list[str], capsys: CAPTURED) -> str:
    capsys.readouterr()
    assert status(["source", *told]) == 0
    return capsys.readouterr().out


def executed(text: str, name: str) -> Any:
    space: dict[str, Any] = {}
    exec(text, space)
    return space[name]


def leaves(network: cr.Network) -> dict[str, Any]:
    return {name.replace(".", "_"): leaf.value for name, leaf in network.leaves.items()}


def test_the_step_of_a_run_gives_its_loss_and_its_derivatives(capsys: CAPTURED) -> None:
    network = cr.load("runs/xor-001/best.safetensors")
    X, y = cr.data.xor()
    loss, gradients = executed(page(["runs/xor-001"], capsys), "step")(x=X, y=y, **leaves(network))
    assert loss == pytest.approx(network.compute_loss(X, y), rel=1e-6)
    network.backward()
    for name, gradient in gradients.items():
        np.testing.assert_allclose(gradient, network[name].grad, rtol=1e-4, atol=1e-6)


def test_the_prediction_of_a_model_file_is_that_of_the_network(capsys: CAPTURED) -> None:
    network = cr.load("runs/xor-001/best.safetensors")
    predict = executed(page(["runs/xor-001/best.safetensors", "--predict"], capsys), "predict")
    X, _ = cr.data.xor()
    np.testing.assert_allclose(predict(x=X.astype(np.float32), **leaves(network)), cr.predict(network, X), rtol=1e-5)


def test_a_recipe_has_a_page_too_and_it_goes_into_a_file_if_told_to(capsys: CAPTURED) -> None:
    printed = page(["spirals"], capsys)
    Path("mine.toml").write_text(cr.recipes.to_toml(cr.recipes.load("spirals")))
    assert page(["mine.toml"], capsys) == printed
    assert "page.py" in page(["spirals", "--out", "page.py"], capsys)
    assert Path("page.py").read_text() == printed


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (["nosuch"], "a built-in recipe"),
        (["runs/nosuch"], "the folder of a run, or a model file"),
        (["runs"], "a folder without best.safetensors"),
        (["xor", "--out", "no/such/folder.py"], "a folder that does not exist"),
    ],
)
def test_what_has_no_page_is_one_line_of_error(capsys: CAPTURED, told: list[str], said: str) -> None:
    capsys.readouterr()
    assert status(["source", *told]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert out == ""
