"""Pictures as samples: read, inverted and scaled as the training images were, and refused where they can't be."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import chainrule as cr
from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import ChainruleError, FileError, InputError, MissingExtraError
from chainrule.recipes.images import picture_as_sample
from tests.referees import needed

Image = needed("PIL.Image", "plot")

X, Y = cr.data.digits("test")
MNIST = recipes.load("mnist")


def network_for(shape: Any, scale: float = 1 / 255) -> cr.Network:
    return cr.Network([cr.Rescale(scale), *([cr.Flatten()] if len(shape) > 1 else []), cr.Dense(10)], inputs=shape)


def a_seven() -> Any:
    """Return a seven in 28 x 28, light on dark, its mass in the middle."""
    image = np.zeros((28, 28), np.uint8)
    image[4:7, 7:21] = 250
    for row in range(7, 24):
        image[row, 20 - (row - 7) // 2 - 2 : 21 - (row - 7) // 2] = 250
    return np.roll(image, (3, -1), (0, 1))


def saved(pixels: Any, path: Path) -> str:
    Image.fromarray(pixels).save(path)
    return str(path)


def test_a_picture_of_the_right_size_is_the_sample_itself(tmp_path: Path) -> None:
    path = saved(a_seven(), tmp_path / "seven.png")
    sample, notes = picture_as_sample(network_for((784,)), MNIST, path)
    assert np.array_equal(sample, a_seven().reshape(1, 784))
    assert notes == []


def test_dark_on_light_is_inverted_and_said(tmp_path: Path) -> None:
    path = saved(255 - a_seven(), tmp_path / "seven.png")
    sample, notes = picture_as_sample(network_for((28, 28)), MNIST, path)
    assert np.array_equal(sample, a_seven()[None])
    assert notes == ["inverted, for the training images are light on dark"]


@pytest.mark.parametrize("kind", ["png", "jpg", "rgb", "transparent", "grey paper", "16 bits"])
def test_a_large_picture_is_cut_out_scaled_and_centred(tmp_path: Path, kind: str) -> None:
    large = np.kron(a_seven(), np.ones((9, 9), np.uint8))
    paper = np.full((500, 400), 255, np.uint8)
    paper[200 : 200 + 252, 30 : 30 + 252] = 255 - large
    path = tmp_path / ("seven.jpg" if kind == "jpg" else "seven.png")
    if kind == "rgb":
        paper = np.dstack([paper] * 3)
    elif kind == "transparent":
        paper = np.dstack([np.zeros_like(paper)] * 3 + [255 - paper])
    elif kind == "grey paper":
        paper = (40 + paper * 0.6).astype(np.uint8)
    elif kind == "16 bits":
        paper = paper.astype(np.uint16) * 257
    sample, notes = picture_as_sample(network_for((784,)), MNIST, saved(paper, path))
    assert notes[-1] == "cut out, scaled from 400 x 500 to 28 x 28 and centred"
    assert np.corrcoef(sample[0], a_seven().ravel())[0, 1] > 0.9


def test_a_network_for_digits_answers_for_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = msgspec.structs.replace(recipes.override(recipes.load("digits"), epochs=8))
    run = recipes.run(short, out=tmp_path).run
    right = 0
    for i in range(10):
        paper = 255 - np.kron(X[i].reshape(8, 8) * 15, np.ones((12, 12), np.uint8))
        assert status(["predict", run, saved(paper, tmp_path / f"{i}.png")]) == 0
        out, err = capsys.readouterr()
        assert "inverted" in err
        right += out.splitlines()[1].split(",")[1] == str(Y[i])
    assert right >= 8


def test_other_pictures_are_fitted_in_whole(tmp_path: Path) -> None:
    path = saved(np.full((20, 40), 200, np.uint8), tmp_path / "wide.png")
    sample, notes = picture_as_sample(network_for((4, 4)), None, path)
    assert notes == ["scaled from 40 x 20 to 4 x 4"]
    assert np.array_equal(sample, np.full((1, 4, 4), 200))


def test_an_empty_sheet_is_an_empty_sample(tmp_path: Path) -> None:
    sample, _ = picture_as_sample(
        network_for((784,)), MNIST, saved(np.full((90, 90), 255, np.uint8), tmp_path / "a.png")
    )
    assert not sample.any()


def test_a_network_for_other_things_refuses_pictures(tmp_path: Path) -> None:
    path = saved(a_seven(), tmp_path / "seven.png")
    with pytest.raises(InputError, match="a network for images"):
        picture_as_sample(network_for((7,)), None, path)


def test_a_damaged_picture_is_one_clear_error(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.fromarray(a_seven()).save(whole, "PNG")
    for cut in (8, 20, 40, len(whole.getvalue()) // 2):
        (tmp_path / "cut.png").write_bytes(whole.getvalue()[:cut])
        with pytest.raises(ChainruleError, match="can't be read"):
            picture_as_sample(network_for((784,)), MNIST, str(tmp_path / "cut.png"))


def test_a_picture_that_would_fill_memory_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.new("1", (8000, 7000)).save(whole, "PNG")
    (tmp_path / "bomb.png").write_bytes(whole.getvalue())
    with pytest.raises(FileError, match="8,000 x 7,000 pixels, but expected at most 4,000,000"):
        picture_as_sample(network_for((784,)), MNIST, str(tmp_path / "bomb.png"))


def test_without_pillow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(a_seven(), tmp_path / "seven.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtraError, match=r'pip install "chainrule\[plot\]"'):
        picture_as_sample(network_for((784,)), MNIST, path)
