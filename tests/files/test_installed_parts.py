"""Recipes and files name parts of installed packages: only those that are offered, and only when they are named."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.cli import status
from chainrule.files import describe, rebuild
from chainrule.files.installed_parts import installed_names, installed_part

EXAMPLE = Path(__file__).parents[2] / "examples" / "own_parts"
Install = Callable[..., None]

PARTS = """
import math
import chainrule as cr

class Doubled(cr.Op):
    def forward(self, z):
        return 2 * z
    def backward(self, dy, y, z):
        return dict(z=2 * dy)

class CubicError(cr.Op):
    def forward(self, prediction, target):
        return abs(prediction - target).mean() ** 3
    def backward(self, dy, y, prediction, target):
        raise NotImplementedError

class Gain(cr.Layer):
    def __init__(self, start=1.0):
        self.start = start
    def build(self, shape):
        self.gain = self.parameter("gain", shape, cr.Constant(self.start))
    def forward(self, x):
        return x * self.gain

class Slow(cr.optim.SGD):
    pass

class Halving(cr.Schedule):
    def __init__(self, initial):
        self.initial = initial
    def rate(self, epoch, epochs, losses):
        return self.initial * 0.5 ** math.floor(epoch)

class Tenths(cr.Initializer):
    def __call__(self, shape, generator, dtype):
        raise NotImplementedError

def helper():
    pass
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put packages into a folder on the path as an installer leaves them: a module, and what its metadata say."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def put(package: str, points: dict[str, str], **modules: str) -> None:
        for name, text in modules.items():
            (site / f"{name}.py").write_text(text, "utf-8")
            monkeypatch.delitem(sys.modules, name, raising=False)
        info = site / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        listed = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[chainrule.parts]\n{listed}")
        monkeypatch.syspath_prepend(site)  # so that what was there before is looked for anew

    return put


@pytest.fixture
def parts(install: Install) -> None:
    names = ("Doubled", "CubicError", "Gain", "Slow", "Halving", "Tenths")
    install("my-parts", {name: f"my_parts_module:{name}" for name in names}, my_parts_module=PARTS)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("name", ["Doubled", "CubicError", "Gain", "Slow", "Tenths"])
def test_every_kind_of_part_is_found_by_its_name(name: str) -> None:
    made = rebuild({"type": name})
    assert type(made).__name__ == name
    assert rebuild(describe(made)).settings() == made.settings()
    assert name in installed_names()


@pytest.mark.usefixtures("parts")
def test_nothing_is_imported_before_a_name_comes_up_that_is_not_ours() -> None:
    for part in ({"type": "Dense", "units": 2}, {"type": "Tanh"}):
        rebuild(part)
    assert "Doubled" in installed_names()
    with pytest.raises(cr.errors.InputError, match="Doubled"):  # listed among the names, not imported
        rebuild({"type": "Nosuch"})
    assert "my_parts_module" not in sys.modules
    rebuild({"type": "Doubled"})
    assert "my_parts_module" in sys.modules


@pytest.mark.usefixtures("parts")
def test_a_network_with_such_parts_is_saved_and_loaded_without_naming_them_again(tmp_path: Path) -> None:
    doubled, gain = installed_part("Doubled"), installed_part("Gain")
    assert doubled is not None
    assert gain is not None
    network = cr.Network([gain(2.0), cr.Dense(3, inputs=2), doubled(), cr.Dense(1)], inputs=2)
    cr.save(network, tmp_path / "a.safetensors")
    x = np.ones((3, 2), np.float32)
    assert np.array_equal(cr.predict(cr.load(tmp_path / "a.safetensors"), x), cr.predict(network, x))


RECIPE = """
data = {name = "xor"}
layers = [
    {type = "Gain", start = 2.0}, {type = "Dense", units = 4}, {type = "Doubled"}, {type = "Dense", units = 1},
]
loss = "MeanSquaredError"
optimizer = "Slow"
phases = [{epochs = 2, learning_rate = {type = "Halving", initial = 0.1}}]
"""


@pytest.mark.usefixtures("parts")
def test_a_recipe_is_trained_resumed_and_asked_with_such_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(RECIPE)
    Path("x.csv").write_text("a,b\n0,1\n")
    for line in (
        "train mine.toml --no-pictures --quiet",
        "resume runs/mine-001 --epochs 2 --no-pictures --quiet",
        "predict runs/mine-001 x.csv",
        "check runs/mine-001",
        "source runs/mine-001",
    ):
        assert status(line.split()) == 0, capsys.readouterr().err
    assert [epoch.learning_rate for epoch in cr.recipes.open_run("runs/mine-001").history][:2] == [0.1, 0.05]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [('"MeanSquaredError"', '"Doubled"', "a loss"), ('"Slow"', '"Gain"', "an optimizer"),
     ('{type = "Doubled"}', '{type = "CubicError"}', "a layer"), ('{type = "Doubled"}', '{type = "Slow"}', "a layer"),
     ('"Slow"', '"Slwo"', "Did you mean 'Slow'")],
)  # fmt: skip
def test_a_part_of_another_kind_is_refused_where_a_recipe_wants_one(old: str, new: str, wanted: str) -> None:
    recipe = cr.recipes.recipe.from_toml(RECIPE.replace(old, new), "mine.toml")
    with pytest.raises(cr.errors.InputError, match=wanted):
        cr.recipes.build.build(recipe, cr.recipes.samples.gather(recipe))


WRONG: dict[str, tuple[dict[str, str], str, str]] = {
    "a module that is not there": ({"Gone": "no_such_module:Gone"}, "", r"'my-parts', whose no_such_module:Gone can't"),
    "a class that is not there": ({"Gone": "broken_module:Gone"}, "", r"'my-parts'.*AttributeError.*Repair 'my-parts'"),
    "code that fails": ({"Gone": "broken_module:Gone"}, "1 / 0", r"'my-parts'.*ZeroDivisionError"),
    "code that exits": ({"Gone": "broken_module:Gone"}, "raise SystemExit", r"'my-parts'.*SystemExit"),
    "a function": ({"Gone": "broken_module:Gone"}, "def Gone(): pass", r"'my-parts', which offers .*a class Gone"),
    "no part": ({"Gone": "broken_module:Gone"}, "class Gone: pass", r"'my-parts', which offers .*an Op, Layer"),
    "another name": (
        {"Gone": "broken_module:Other"},
        "import chainrule as cr\nclass Other(cr.Layer): pass",
        r"registered under its class's own name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_can_not_be_used_is_one_error_that_names_the_package(case: str, install: Install) -> None:
    points, text, words = WRONG[case]
    install("my-parts", points, broken_module=text)
    with pytest.raises(cr.errors.InputError, match=words):
        rebuild({"type": "Gone"})


def test_an_error_in_a_file_is_a_file_error(tmp_path: Path, install: Install) -> None:
    class Gone(cr.Layer):
        def forward(self, x: cr.Node) -> cr.Node:
            return x * 1.0

    cr.save(cr.Network([Gone(), cr.Dense(1, inputs=2)], inputs=2), tmp_path / "a.safetensors")
    install("my-parts", {"Gone": "broken_module:Gone"}, broken_module="1 / 0")
    with pytest.raises(cr.errors.FileError, match=r"layers\[0\]: got the package 'my-parts'"):
        cr.load(tmp_path / "a.safetensors")
    loaded = cr.load(tmp_path / "a.safetensors", custom={"Gone": Gone})  # the caller's word comes first
    assert type(loaded.layers[0]) is Gone


def test_no_package_stands_in_for_a_part_of_ours(install: Install) -> None:
    install("sly", {"Tanh": "sly_module:Tanh", "same": "sly_module:Tanh"}, sly_module="raise SystemExit")
    assert type(rebuild({"type": "Tanh"})) is cr.Tanh
    assert installed_names() == [] or "Tanh" not in installed_names()
    assert installed_part("Tanh") is installed_part("same") is None
    assert "sly_module" not in sys.modules


def test_two_packages_with_one_name_are_refused(install: Install) -> None:
    install("first", {"Gone": "first_module:Gone"}, first_module="")
    install("second", {"Gone": "second_module:Gone"}, second_module="")
    with pytest.raises(cr.errors.InputError, match="'first' and 'second', which both offer it"):
        rebuild({"type": "Gone"})
    assert not {"first_module", "second_module"} & set(sys.modules)


def test_the_example_is_trained_by_its_recipe(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    text = (EXAMPLE / "swish_part.py").read_text("utf-8")
    install(project["name"], project["entry-points"]["chainrule.parts"], swish_part=text)
    monkeypatch.chdir(tmp_path)
    assert status(["train", str(EXAMPLE / "moons.toml"), "--json", "--no-pictures"]) == 0
    assert json.loads(capsys.readouterr().out)["validation"]["error_rate"] < 0.1
    assert len(text.splitlines()) <= 25


def test_a_package_that_lies_in_the_current_folder_was_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[chainrule.parts]\nEvil = {tmp_path.name}:Evil\n")
    monkeypatch.chdir(tmp_path)
    for place in ("", ".", str(tmp_path)):
        monkeypatch.setattr(sys, "path", [place, *sys.path])
        assert "Evil" not in installed_names()
    monkeypatch.chdir("/")
    assert "Evil" in installed_names()
