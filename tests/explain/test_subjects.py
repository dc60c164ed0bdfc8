"""What the command line names: runs, recipes, and files of Python, in which every derivative is checked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.explain import explain
from chainrule.explain.subjects import check_named, network_and_samples


def test_a_recipe_is_explained_and_checked() -> None:
    network, x, y = network_and_samples("explain", "xor")
    assert "33 parameters" in str(explain(network, x, y))
    assert check_named("xor").passed


def test_a_recipe_has_no_weights_to_choose_from() -> None:
    with pytest.raises(cr.errors.InputError, match="weights='best' of a recipe"):
        network_and_samples("explain", "xor", "best")


def test_a_run_is_explained_with_its_own_weights(tmp_path: Path) -> None:
    recipe = cr.recipes.override(cr.recipes.load("xor"), epochs=3)
    folder = cr.recipes.run(recipe, out=tmp_path).run
    network, x, _ = network_and_samples("explain", str(folder))
    assert not (network.parameters == network_and_samples("explain", "xor")[0].parameters).all()
    assert x.shape == (4, 2)
    model = str(Path(folder) / "best.safetensors")
    with pytest.raises(cr.errors.InputError, match=r"^explain '.*: got a model file alone.*cr\.explain\(cr\.load"):
        network_and_samples("explain", model)
    with pytest.raises(cr.errors.InputError, match=r"^check '.*: got a model file alone.*cr\.check\(cr\.load"):
        check_named(model)


FILE = """
import numpy as np
import chainrule as cr
print("said on the way")

class Cube(cr.Op):
    '''y = z³'''

    def forward(self, z):
        return z ** 3

    def backward(self, dy, y, z):
        return dict(z={slope})

class Power(cr.Op):
    '''y = zᵖ'''

    def __init__(self, power):
        self.power = power

    def forward(self, z):
        return z ** self.power

    def backward(self, dy, y, z):
        return dict(z=dy * self.power * z ** (self.power - 1))

class Unused(Power):
    pass

class Shift(cr.Layer):
    def build(self, shape):
        self.by = self.parameter("by", shape)

    def forward(self, x):
        return x + self.by

fourth = Power(4)
sine = cr.Activation(np.sin, np.cos)
X, y = cr.data.xor()
network = cr.Network([cr.Dense(3, inputs=2), Cube(), cr.Dense(1)], loss=cr.MeanSquaredError())
w = cr.Parameter("w", [[0.5, 0.25]])
loss = cr.mean(x=cr.tanh(z=w))
"""
EXPECTED = ("Cube", "Shift: ", "fourth: Power", "sine: Activation", "network: loss", "network: Cube 'cu", "loss: mean")
WRONG_PAIR = "import chainrule as cr, numpy as np\n"


def written(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize(("slope", "passed"), [("dy * 3 * z * z", True), ("-dy * 3 * z * z", False)])
def test_everything_with_a_derivative_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], slope: str, passed: bool
) -> None:
    report = check_named(written(tmp_path, FILE.replace("{slope}", slope)))
    assert report.passed == passed
    places = {finding.where for finding in report.findings}
    assert [name for name in EXPECTED if not any(place.startswith(name) for place in places)] == []
    wrong = {finding.where.split()[0] for finding in report.wrong}
    assert wrong == (set() if passed else {"Cube", "network:"})
    assert passed or "Cube, by z, is WRONG: the sign" in str(report)
    assert [why.split(":")[0] for why in report.skipped] == ["Unused"]
    assert str(report).endswith("; 1 not checked")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "said on the way\n")


@pytest.mark.parametrize(
    "text",
    ["wrong = cr.Activation(np.sin, np.sin)", "cr.Network([cr.Dense(1, inputs=2), cr.Activation(np.sin, np.sin)])"],
)
def test_a_pair_that_is_refused_is_a_wrong_derivative(tmp_path: Path, text: str) -> None:
    report = check_named(written(tmp_path, WRONG_PAIR + text))
    assert not report.passed
    assert report.as_dict()["passed"] is False


def test_what_lies_beside_the_file_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "beside_the_checked_file.py").write_text("import chainrule as cr\nsine = cr.Tanh()\n", "utf-8")
    before = list(sys.path)
    report = check_named(written(tmp_path, "from beside_the_checked_file import sine"))
    del sys.modules["beside_the_checked_file"]
    assert [finding.where for finding in report.findings] == ["sine: Tanh"]
    assert sys.path == before


def test_a_node_called_x_is_not_taken_for_samples(tmp_path: Path) -> None:
    graph = "x, w = cr.Input('x', [[1.0, 2.0]]), cr.Parameter('w', [[1.0], [2.0]])\nloss = cr.mean(x=x @ w)\n"
    report = check_named(written(tmp_path, f"import chainrule as cr\n{graph}layer = cr.Dense(2, inputs=3)"))
    assert report.passed
    assert report.skipped == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 0\n1 / x", "ZeroDivisionError: division by zero, line 2"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("x = [", "SyntaxError"),
        ("x = 1", "no op, layer, network or graph"),
        (
            f"{WRONG_PAIR}n = cr.Network([cr.Dense(1, inputs=2)])",
            "nothing that could be checked .n: check: got a Network",
        ),
        (
            f"{WRONG_PAIR}class Refusing(cr.Op):\n    def forward(self, z):\n        raise KeyError('no')",
            "shapes it refuses .KeyError: 'no'",
        ),
        (None, "nothing there"),
    ],
)
def test_a_file_with_nothing_to_check_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    path = str(tmp_path / "mine.py") if text is None else written(tmp_path, text)
    with pytest.raises(cr.ChainruleError, match=message):
        check_named(path)
