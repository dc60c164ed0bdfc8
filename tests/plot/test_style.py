"""Pictures on disk: the same bytes each time, one clear error where they can't be, and nothing left behind."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import matplotlib.image
import numpy as np
import pytest

from chainrule.errors import ChainruleError, FileError, InputError, MissingExtraError, printable
from chainrule.nn import Dense, Network
from chainrule.ops import Sigmoid, Tanh
from chainrule.plot import (
    confusion_matrix,
    decision_surface,
    graph,
    hidden_space,
    learning_curve,
    learning_curves,
    learning_rate_range_test,
    loss_along_gradient,
    network,
    neuron_surfaces,
    saliency,
    surface_text,
    watched,
    weights,
)
from chainrule.plot.style import CLASS_COLOURS, diverging_colours
from chainrule.training import RangeTest
from tests.plot.pictured import POINTS, THREE, TWO, history, slope, thirds


class Recorded:
    """As much of a watch as a picture needs."""

    def columns(self) -> dict[str, list[Any]]:
        rows = {"step": [1, 2], "name": ["tanh_1"] * 2, "value": [1.0, 2.0], "grad": [0.1, 0.001]}
        return rows | {"update": [None, None], "dead": [0.0, 0.0], "saturated": [0.5, 0.5]}


def bent() -> Network:
    return Network([Dense(2, inputs=2), Tanh(), Dense(1), Sigmoid()])


PICTURES: dict[str, Callable[[Any], Any]] = {
    "decision_surface": lambda path: decision_surface(slope(), POINTS, TWO, path=path),
    "decision_surface of classes": lambda path: decision_surface(thirds(), POINTS, THREE, path=path),
    "learning_curve": lambda path: learning_curve(history([2.0, 0.1], best=2, error_rate=[0.5, 0.1]), path=path),
    "learning_curves": lambda path: learning_curves({"a": history([2.0]), "b": history([1.0])}, path=path),
    "neuron_surfaces": lambda path: neuron_surfaces(bent(), POINTS, TWO, path=path),
    "hidden_space": lambda path: hidden_space(bent(), POINTS, TWO, path=path),
    "weights": lambda path: weights(bent(), path=path),
    "saliency": lambda path: saliency(bent(), POINTS, path=path),
    "watched": lambda path: watched(Recorded(), ["value", "grad"], path=path),
    "loss_along_gradient": lambda path: loss_along_gradient(bent(), POINTS, TWO, path=path),
    "learning_rate_range_test": lambda path: learning_rate_range_test(
        RangeTest(np.geomspace(1e-4, 1, 30), np.linspace(-2, 1, 30) ** 2, "finished"), path=path
    ),
    "network": lambda path: network(bent(), path=path),
    "weights of many": lambda path: weights(Network([Dense(40, inputs=64)]), path=path),
    "graph": lambda path: graph(bent(), POINTS, TWO, path=path),
    "confusion_matrix": lambda path: confusion_matrix([[8, 2], [0, 10]], path=path),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("suffix", [".PNG", ".svg"])
def test_the_same_picture_has_the_same_bytes(draw: Callable[[Any], Any], suffix: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{k}{suffix}" for k in range(2)]
    draw(paths[0])
    with matplotlib.rc_context({"axes.facecolor": "black", "font.size": 30, "svg.hashsalt": None}):
        draw(str(paths[1]))  # whatever the user's own settings are
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert b"matplotlib.org" not in first
    assert b"<dc:date>" not in first
    assert first.startswith(b"\x89PNG" if suffix.lower() == ".png" else b"<?xml")


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_not_empty(draw: Callable[[Any], Any], tmp_path: Path) -> None:
    draw(tmp_path / "picture.png")
    pixels = matplotlib.image.imread(tmp_path / "picture.png")
    assert pixels.shape[1] >= 400
    assert len(np.unique(pixels[::3, ::3] @ [1, 10, 100, 0])) > 20
    for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
        assert (edge == 1).all()  # on white, and nothing is cut


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_the_users_settings_are_left_alone(draw: Callable[[Any], Any], tmp_path: Path) -> None:
    with matplotlib.rc_context({"font.size": 33, "svg.hashsalt": "theirs"}):
        before = matplotlib.rcParams.copy()
        draw(tmp_path / "picture.svg")
        assert matplotlib.rcParams.copy() == before


def test_pictures_may_be_drawn_from_several_threads(tmp_path: Path) -> None:
    before = matplotlib.rcParams.copy()
    draw = PICTURES["confusion_matrix"]
    threads = [threading.Thread(target=draw, args=(tmp_path / f"{k}.png",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(tmp_path / f"{k}.png").read_bytes() for k in range(4)}) == 1
    assert matplotlib.rcParams.copy() == before


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
@pytest.mark.parametrize("path", ["picture", "picture.jpg", "picture.png.txt", "", 3, b"bytes"])
def test_a_name_that_does_not_say_what_kind_of_picture_is_refused(draw: Callable[[Any], Any], path: Any) -> None:
    with pytest.raises(InputError, match=r"expected a name that ends in \.png or \.svg"):
        draw(path)


@pytest.mark.parametrize(
    ("folder", "given"), [("missing", "a folder that does not exist"), ("file", "a path through something")]
)
def test_a_folder_that_cannot_be_written_is_one_clear_error(folder: str, given: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FileError, match=rf"^confusion_matrix '.*a\.png': got {given}"):
        PICTURES["confusion_matrix"](tmp_path / folder / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_without_matplotlib_the_command_that_installs_it_is_named(
    draw: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[plot\]") as caught:
        draw(None)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, ChainruleError)


def test_text_needs_no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "class 1" in surface_text(slope(), POINTS, TWO)


@pytest.mark.parametrize(
    ("code", "module"),
    [
        ("", "matplotlib"),
        ("chainrule.plot.confusion_matrix([[1, 2], [3, 4]]).savefig(io.BytesIO())", "matplotlib.pyplot"),
    ],
)
def test_what_is_not_needed_is_not_imported(code: str, module: str) -> None:
    code = f"import io, sys, chainrule.plot\n{code}\nsys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# What a colour becomes for an eye without one kind of cone, in linear light: Machado, Oliveira and Fernandes (2009).
EYES = {
    "every cone": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lightness(colours: Any, eye: Any) -> np.ndarray:
    """CIE L* of sRGB colours, as such an eye sees them."""
    rgb = np.asarray(colours, float)[..., :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = np.clip(linear @ np.asarray(eye).T, 0, 1) @ [0.2126, 0.7152, 0.0722]
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


@pytest.mark.parametrize("eye", EYES.values(), ids=EYES)
def test_the_two_sides_differ_in_grey_and_to_every_eye(eye: Any) -> None:
    shades = lightness(diverging_colours()(np.linspace(0, 1, 101)), eye)
    assert (np.diff(shades) > 0).all()
    assert shades[50] - shades[0] > 25
    assert shades[100] - shades[50] > 20


def test_the_first_four_classes_differ_in_grey() -> None:
    shades = np.sort(lightness([matplotlib.colors.to_rgb(c) for c in CLASS_COLOURS[:4]], np.eye(3)))
    assert (np.diff(shades) > 10).all()


def test_a_notebook_shows_the_picture():
    assert learning_curve(history([0.5, 0.2]))._repr_png_().startswith(b"\x89PNG")


HOSTILE = [
    "$\\frac{$",
    "$x$ costs $5",
    "w\x1b[31m",
    "w\u202ew",
    "w\x00",
    "\ud800",
    "w]]>",
    "-->",
    "😀",
    "_w_",
    "n" * 120,
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_is_drawn_as_it_is_or_escaped(name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.svg"
    figure = confusion_matrix([[8, 2], [0, 10]], [name, "dog"], path, title=f"{name}\n{name}")
    ElementTree.parse(path)
    (axes, _) = figure.axes
    shown = printable(name)
    assert axes.get_title() == f"{shown}\n{shown}"
    assert axes.get_xticklabels()[0].get_text() == (shown if len(shown) <= 24 else f"{shown[:23]}…")
    assert figure._repr_png_().startswith(b"\x89PNG")  # drawn once more, outside of our settings
    learning_curves({name: history([0.5, 0.2]), "b": history([0.4])}, path=path)
    ElementTree.parse(path)


def test_a_run_called_as_the_crosses_are_has_its_line() -> None:
    axes = learning_curves({"not finite": history([0.5, np.nan]), "b": history([0.4, 0.3])}).axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["not finite", "b", "not finite"]
