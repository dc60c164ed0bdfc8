"""``chainrule explain`` and ``check``."""

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
    assert "of 4 samples it is the one with the largest loss" in " ".join(text.split())
    assert "∂C/∂W⁽¹⁾ = xᵀ @ ∂C/∂z⁽¹⁾" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_run_is_explained_with_what_it_has_learnt(
    capsys: CAPTURED, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert status(["train", "xor", "--epochs", "20", "--quiet", "--no-pictures"]) == 0
    capsys.readouterr()
    best, last, recipe = (
        json.loads(printed(capsys, name, "--json", *more))["cost"]
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


def test_a_format_is_written_to_a_name_without_an_ending_and_not_to_one_of_another_format(
    capsys: CAPTURED, tmp_path: Path
) -> None:
    printed(capsys, "xor", "--json", "--out", str(tmp_path / "xor"))
    assert json.loads((tmp_path / "xor").read_text("utf-8"))["parameters"] == 33
    printed(capsys, "xor", "--json", "--out", str(tmp_path / "xor.txt"))  # whatever it is, it is text
    for name in ("xor.md", "xor.pdf"):
        assert status(["explain", "xor", "--json", "--out", str(tmp_path / name)]) == 2
        assert "a name that ends in" in capsys.readouterr().err
        assert not (tmp_path / name).exists()


@pytest.mark.parametrize("language", ["en", "he"])
def test_columns_are_asked_for_by_the_notation(capsys: CAPTURED, tmp_path: Path, language: str) -> None:
    options = ("xor", "--notation", "columns", "--language", language)
    assert "z⁽¹⁾ = W⁽¹⁾ x + b⁽¹⁾" in printed(capsys, *options)
    assert json.loads(printed(capsys, *options, "--json"))["notation"] == "columns"
    printed(capsys, *options, "--out", str(tmp_path / "xor.html"))
    assert "<mo>⊙</mo>" in (tmp_path / "xor.html").read_text("utf-8")
    assert status(["explain", "xor", "--notation", "column"]) == 2
    assert "columns" in capsys.readouterr().err


def test_one_node_of_all_samples_in_hebrew(capsys: CAPTURED) -> None:
    text = printed(capsys, "xor", "--sample", "all", "--node", "tanh_1", "--language", "he")
    assert "הפצה קדימה" in text
    assert "tanh_1" in text
    assert "dense_1.weights" not in text


@pytest.mark.parametrize("language", ["en", "he"])
def test_one_weight_and_one_neuron_are_explained_alone(capsys: CAPTURED, tmp_path: Path, language: str) -> None:
    weight = printed(capsys, "xor", "--weight", "dense_1.weights[0,2]", "--language", language)
    assert "∂C/∂W⁽¹⁾[0, 2] = x[0] · tanh′(z⁽¹⁾[2]) · W⁽²⁾[2, 0] · " in weight
    assert "dense_2.bias" not in weight
    assert "∂C/∂b⁽¹⁾[2]" in printed(capsys, "xor", "--weight", "dense_1.bias[2]", "--language", language)
    neuron = printed(capsys, "xor", "--neuron", "dense_1[2]", "--language", language)
    assert "z⁽¹⁾[2] = x[0] · W⁽¹⁾[0, 2] + x[1] · W⁽¹⁾[1, 2] + b⁽¹⁾[2]" in neuron
    told = json.loads(printed(capsys, "xor", "--neuron", "dense_1[2]", "--json"))
    assert (told["element"]["node"], told["element"]["index"]) == ("dense_1", [0, 2])
    options = ("xor", "--weight", "dense_1.weights[1,0]", "--language", language)
    for name in ("one.md", "one.html"):
        printed(capsys, *options, "--out", str(tmp_path / name))
        assert "W⁽¹⁾[1, 0]" in (tmp_path / name).read_text("utf-8").replace("\\", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--weight", "dense_1.weights[0,9]"), "'dense_1.weights[1,7]'"),
        (("--weight", "dens_1.weights[0,1]"), "Did you mean 'dense_1.weights'"),
        (("--neuron", "dense_1"), "'dense_1[7]'"),
        (("--neuron", "sigmoid_1[0]"), "Name a neuron of 'dense_2'"),
        (("--neuron", "dense_1[0]", "--sample", "all"), "Choose one: sample=0"),
        (("--neuron", "dense_1[0]", "--weight", "dense_1.bias[0]"), "got --weight and --neuron, but expected one"),
        (("--sample", "best"), "a whole number, or all, worst"),
    ],
)
def test_a_number_that_is_not_there_is_one_line(capsys: CAPTURED, options: tuple[str, ...], said: str) -> None:
    assert status(["explain", "xor", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err


def test_the_prediction_is_said_in_plain_words(capsys: CAPTURED) -> None:
    text = " ".join(printed(capsys, "xor", "--sample", "3").split())
    assert "Explained for sample 3 of the data. It says 0; the truth is 0; it is " in text or "and wrong." in text


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


CUBE = """
import chainrule as cr
print("loud")

class Cube(cr.Op):
    '''y = z³'''

    def forward(self, z):
        return z ** 3

    def backward(self, dy, y, z):
        return dict(z={slope})
"""


def test_the_network_of_a_recipe_is_right(capsys: CAPTURED) -> None:
    assert status(["check", "xor-document"]) == 0
    out = capsys.readouterr().out
    assert out.endswith("every derivative is right\n")
    assert "dense_1.weights" in out


@pytest.mark.parametrize(
    ("slope", "code", "said"),
    [
        ("dy * 3 * z * z", 0, "every derivative is right"),
        ("dy * 6 * z * z", 1, "Cube, by z, is WRONG: a factor 2 (your backward gives "),
        ("dy * 3 * z * (z + 0.01)", 1, "1 of 1 derivatives wrong"),
        ("dy[:, :0]", 1, "shape (4, 0) for an array of shape (4, 3)"),
    ],
)
def test_a_file_of_python_decides_the_exit_status(
    capsys: CAPTURED, tmp_path: Path, slope: str, code: int, said: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(CUBE.replace("{slope}", slope), "utf-8")
    assert status(["check", str(path)]) == code
    assert said in capsys.readouterr().out
    assert status(["check", str(path), "--json"]) == code
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["passed"] == (code == 0)
    assert told["findings"][0]["where"] == "Cube"
    assert err == "loud\n"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone.py", "got nothing there, but expected a file of Python"),
        ("empty.py", "got no op, layer, network or graph in it"),
        ("raising.py", "got ZeroDivisionError: division by zero, line 1"),
        ("xro", "Did you mean 'xor'"),
    ],
)
def test_nothing_to_check_is_one_line_and_exit_status_2(
    capsys: CAPTURED, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.py").write_text("x = 1\n")
    Path("raising.py").write_text("1 / 0\n")
    assert status(["check", name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: ")
    assert err.count("\n") == 1
    assert said in err


def test_what_a_file_says_of_itself_cannot_speak_to_the_terminal(capsys: CAPTURED, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import chainrule as cr\nw = cr.Parameter('\x1b[31m', [[1.0]])\nloss = cr.mean(x=w, name='\x1b[2J')"
    )
    assert status(["check", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err


def test_the_help_says_what_a_file_may_hold(capsys: CAPTURED) -> None:
    assert status(["check", "--help"]) == 0
    out = capsys.readouterr().out
    assert "class Cube(cr.Op)" in out
    assert "check only a file that you would run" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--weight", "dense_1[0]"), "--weight with dense_1, a neuron"),
        (("--weight", "x[0]"), "--weight with x, a neuron"),
        (("--neuron", "dense_1.weights[0,1]"), "Write --weight 'dense_1.weights[0,1]'"),
        (("--neuron", "dense_1.bias[0]"), "--neuron with dense_1.bias, a weight or bias"),
        (("--weight", "dens_1[0]"), "Did you mean 'dense_1'"),
        (("--weights", "best"), "weights='best' of a recipe"),
    ],
)
def test_an_option_that_can_not_apply_is_refused_in_one_line(
    capsys: CAPTURED, arguments: tuple[str, ...], message: str
) -> None:
    assert status(["explain", "xor", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
