"""``chainrule explain``: printed, written to a file of each kind, of one node, and of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chainrule.cli import status

CAPTURED = pytest.CaptureFixture[str]


def printed(capsys: CAPTURED, *arguments: str) -> str:
    assert status(["explain", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_recipe_is_explained_on_the_terminal(capsys: CAPTURED) -> None:
    text = printed(capsys, "xor")
    assert text.startswith("What the network 2-8-1 computes, and how it learns\n═")
    assert "Explained for sample 0" in text
    assert "∂C/∂W⁽¹⁾ = xᵀ @ ∂C/∂z⁽¹⁾" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_run_is_explained_with_what_it_has_learnt(
    capsys: CAPTURED, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(["train", "xor", "--epochs", "20", "--quiet", "--no-pictures"]) == 0
    capsys.readouterr()
    best, last, recipe = (
        json.loads(printed(capsys, name, "--format", "json", *more))["cost"]
        for name, more in (("runs/xor-001", ()), ("runs/xor-001", ("--weights", "last")), ("xor", ()))
    )
    assert best < recipe
    assert last < recipe


@pytest.mark.parametrize(
    ("ending", "start"), [("txt", "What the "), ("md", "# What the "), ("html", "<!DOCTYPE html>"), ("json", "{")]
)
def test_a_file_is_written_as_its_ending_says(capsys: CAPTURED, tmp_path: Path, ending: str, start: str) -> None:
    path = tmp_path / f"xor.{ending}"
    assert str(path) in printed(capsys, "xor", "--sample", "2", "--out", str(path))
    assert path.read_text("utf-8").startswith(start)


def test_a_format_wins_over_an_ending(capsys: CAPTURED, tmp_path: Path) -> None:
    path = tmp_path / "xor.txt"
    printed(capsys, "xor", "--format", "json", "--out", str(path))
    assert json.loads(path.read_text("utf-8"))["parameters"] == 33


def test_one_node_of_all_samples_in_hebrew(capsys: CAPTURED) -> None:
    text = printed(capsys, "xor", "--sample", "all", "--node", "tanh_1", "--language", "he")
    assert "הפצה קדימה" in text
    assert "tanh_1" in text
    assert "dense_1.weights" not in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("runs/xor-009", "run 'runs/xor-009': got nothing there, but expected the folder of a run"),
        ("mine.toml", "recipe 'mine.toml': got no file of this name"),
        ("xro", "Did you mean 'xor'"),
    ],
)
def test_what_is_not_there_is_one_line_that_says_what_was_expected(capsys: CAPTURED, name: str, said: str) -> None:
    assert status(["explain", name]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_the_help_needs_no_numpy_and_shows_a_line_to_begin_with(capsys: CAPTURED) -> None:
    assert "chainrule explain xor | less" in printed(capsys, "--help")
