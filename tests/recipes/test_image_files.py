"""Pictures as samples: read safely whatever is in the file, and brought to the form of the training images."""

from __future__ import annotations

import io
import struct
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
from chainrule.recipes.image_files import grey_levels, is_picture, picture_as_sample
from tests.bombs import chunk, jpeg, png
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
    assert notes[-1] == "scaled from 40 x 20 to 4 x 4"
    assert "every pixel has about the same grey" in notes[0]
    assert np.array_equal(sample, np.full((1, 4, 4), 200))


def paper(ink: Any = 0, ground: Any = 255, mode: str = "L", size: tuple[int, int] = (120, 100)) -> Any:
    """Return a large seven in this ink on this ground."""
    image = Image.new(mode, size, ground)
    needed("PIL.ImageDraw", "plot").Draw(image).line([(40, 20), (80, 20), (55, 85)], fill=ink, width=9)
    return image


def shaded(image: Any, ink: float = 0.25) -> Any:
    """Return a sheet in light that falls off from the right to the left, with the noise of a camera."""
    light = np.linspace(140, 250, image.width)[None] * np.where(np.asarray(image) < 128, ink, 1.0)
    noise = np.random.default_rng(0).normal(0, 3, light.shape)
    return Image.fromarray(np.clip(light + noise, 0, 255).astype(np.uint8))


def of_bits(bits: int, image: Any) -> Any:
    return Image.fromarray((np.asarray(image).astype(np.float64) / 255 * (2**bits - 1)).astype(np.uint16))


CLEAR, WHITE = (0, 0, 0, 0), (255, 255, 255, 255)
# The situation: the picture, and the note that it must bring.
SEVENS = {
    "white ink on transparent": (lambda: paper(WHITE, CLEAR, "RGBA"), "laid on black paper"),
    "white ink on transparent white": (lambda: paper(WHITE, (255, 255, 255, 0), "RGBA"), "laid on black paper"),
    "black ink on transparent": (lambda: paper((0, 0, 0, 255), CLEAR, "RGBA"), "laid on white paper"),
    "half transparent ink": (lambda: paper((60, 60, 60, 128), CLEAR, "RGBA"), "laid on white paper"),
    "grey and alpha": (lambda: paper((255, 255), (0, 0), "LA"), "laid on black paper"),
    **{f"{bits} bits in 16": (lambda bits=bits: of_bits(bits, paper()), f"read as {bits} bits in 16")
       for bits in (8, 10, 12, 14)},
    "12 bits in 16, light on dark": (lambda: of_bits(12, paper(255, 0)), "read as 12 bits in 16"),
    "16 bits": (lambda: of_bits(16, paper()), "inverted"),
    "1 bit": (lambda: paper(0, 1, "1"), "inverted"),
    "colours": (lambda: paper((255, 0, 0), (0, 0, 255), "RGB"), "cut out"),
    "faint ink": (lambda: paper(240, 255), "inverted"),
    "black ink on dark paper": (lambda: paper(10, 100), "inverted"),
    "uneven light": (lambda: shaded(paper()), "the shade of its paper evened out"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "note"), SEVENS.values(), ids=SEVENS)
def test_ink_is_told_from_paper_whatever_they_are_made_of(make: Any, note: str, tmp_path: Path) -> None:
    make().save(tmp_path / "seven.png")
    paper().save(tmp_path / "plain.png")
    sample, notes = picture_as_sample(network_for((784,)), MNIST, str(tmp_path / "seven.png"))
    plain, _ = picture_as_sample(network_for((784,)), MNIST, str(tmp_path / "plain.png"))
    assert note in "; ".join(notes)
    assert np.corrcoef(sample[0], plain[0])[0, 1] > 0.97
    assert notes[-1] == "cut out, scaled from 120 x 100 to 28 x 28 and centred"


@pytest.mark.parametrize("frames", [1, 2])
def test_of_an_animation_the_first_picture_is_taken_and_said(frames: int, tmp_path: Path) -> None:
    paper().save(tmp_path / "a.png", save_all=True, append_images=[paper(255, 0)] * (frames - 1))
    _, notes = picture_as_sample(network_for((784,)), MNIST, str(tmp_path / "a.png"))
    assert ("the first picture of an animation" in notes) == (frames == 2)


BLANK = {
    **{f"a sheet of {grey}": (lambda grey=grey: Image.new("L", (90, 90), grey), "no ink found")
       for grey in (0, 128, 255)},
    "a sheet of one pixel": (lambda: Image.new("L", (1, 1)), "no ink found"),
    "a sheet in the training images' size": (lambda: Image.new("L", (28, 28), 255), "no ink found"),
    "nothing but transparent": (lambda: Image.new("RGBA", (90, 90), (10, 20, 30, 0)), "no ink found"),
    "a scanned sheet": (lambda: shaded(Image.new("L", (90, 90), 255)), "no ink found"),
    "ink as grey as its paper": (lambda: paper((255, 0, 0), (0, 130, 0), "RGB"), "no ink found"),
    "a black frame": (lambda: framed(paper()), "Cut off the frame"),
}  # fmt: skip


def framed(image: Any) -> Any:
    pixels = np.array(image)
    pixels[:5], pixels[-5:], pixels[:, :5], pixels[:, -5:] = 0, 0, 0, 0
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("make", "told"), BLANK.values(), ids=BLANK)
def test_where_no_ink_is_found_there_is_no_answer(make: Any, told: str, tmp_path: Path) -> None:
    make().save(tmp_path / "blank.png")
    with pytest.raises(InputError, match=told):
        picture_as_sample(network_for((784,)), MNIST, str(tmp_path / "blank.png"))


@pytest.mark.parametrize(("kind", "told"), [("GIF", "a GIF"), ("TIFF", "a TIFF"), ("BMP", "a BMP"), ("WEBP", "a WebP")])
def test_other_pictures_are_refused_by_the_name_of_their_format(
    kind: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = Image.fromarray(np.asarray(paper(), np.float32)) if kind == "TIFF" else paper()
    image.save(tmp_path / "seven", kind)
    cr.save(network_for((784,)), tmp_path / "a.safetensors")
    assert status(["predict", str(tmp_path / "a.safetensors"), str(tmp_path / "seven")]) == 2
    assert f"{told} picture, but expected a PNG or JPEG" in capsys.readouterr().err
    with Image.open(tmp_path / "seven") as opened:
        opened.convert("RGB").save(tmp_path / "picture.png")  # as the advice says
    assert status(["predict", str(tmp_path / "a.safetensors"), str(tmp_path / "picture.png")]) == 0


def test_a_table_whose_first_letters_are_those_of_a_format_is_a_table(tmp_path: Path) -> None:
    for start in (b"BMI,age\n1,2\n", b"RIFF,b\n1,2\n", b"abc,ftyp\n1,2\n"):
        (tmp_path / "a.csv").write_bytes(start)
        assert not is_picture(str(tmp_path / "a.csv"))


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
    with pytest.raises(MissingExtraError, match=r"pip install .*\[plot\]"):
        picture_as_sample(network_for((784,)), MNIST, path)


ImageOps = needed("PIL.ImageOps", "plot")

PIXELS = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def levels(data: bytes, folder: Path, most_pixels: int = 10_000) -> Any:
    (folder / "picture").write_bytes(data)
    return grey_levels(str(folder / "picture"), "predict", most_pixels)[0]


def encoded(image: Any, kind: str, **settings: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **settings)
    return stream.getvalue()


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("orientation", range(10))
def test_a_picture_is_turned_as_the_camera_says(orientation: int, kind: str, order: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x0110], exif[0x0112] = "camera", orientation
    data = encoded(Image.fromarray(PIXELS), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(levels(data, tmp_path), np.asarray(ImageOps.exif_transpose(image)))


# Directories of EXIF that say nothing about how to turn a picture.
TALES = {
    "a text": b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHI4s", 0x0112, 2, 4, b"6\0\0\0"),
    "a fraction": b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 0x0112, 5, 1, 8),
    "two numbers": b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 2, 9, 9),
    "40,000": b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 40_000, 0),
    "a directory that isn't there": b"II*\0\xff\xff\xff\xff",
    "a directory that is cut": b"II*\0\x08\0\0\0\x05\0" + b"\x12",
    "no EXIF": b"hello",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("exif", TALES.values(), ids=TALES)
def test_an_orientation_that_is_none_turns_nothing(exif: bytes, kind: str, tmp_path: Path) -> None:
    if kind == "PNG":
        data = png(8, 6, chunk(b"eXIf", exif))
    else:
        data = jpeg(b"\xff\xe1" + struct.pack(">H", 8 + len(exif)) + b"Exif\0\0" + exif)
    assert levels(data, tmp_path).shape == ((6, 8) if kind == "PNG" else (64, 64))


def test_texts_and_profiles_are_not_looked_at(tmp_path: Path) -> None:
    texts = (chunk(b"zTXt", b"Raw profile type exif\0\0broken"), chunk(b"iTXt", b"\xff"), chunk(b"iCCP", b"broken"))
    assert levels(png(8, 6, *texts, chunk(b"acTL", b"1")), tmp_path).shape == (6, 8)
    several = jpeg(b"\xff\xe2\0\x08MPF\0\0\0", b"\xff\xfe\0\x04ab", b"\xff\xff")
    assert levels(several, tmp_path).shape == (64, 64)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "I;16", "CMYK"])
def test_every_kind_of_pixels_becomes_bytes(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(PIXELS)
    if mode == "I;16":
        image = Image.fromarray(PIXELS.astype(np.uint16) * 257)
    elif mode in ("LA", "CMYK"):
        image = image.convert("RGB" if mode == "CMYK" else "L").convert(mode)
    else:
        image = image.convert(mode)
    found = levels(encoded(image, "JPEG" if mode == "CMYK" else "PNG"), tmp_path)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(float) - (255.0 * (PIXELS > 127) if mode == "1" else PIXELS)).mean() < (
        60 if mode == "1" else 6
    )


def test_what_is_transparent_lies_on_white_paper(tmp_path: Path) -> None:
    image = Image.fromarray(np.dstack([np.zeros((1, 3), np.uint8), np.array([[0, 128, 255]], np.uint8)]))
    assert levels(encoded(image, "PNG"), tmp_path).tolist() == [[255, 127, 0]]
    palette = Image.fromarray(PIXELS).convert("P")
    clear = encoded(palette, "PNG", transparency=bytes(256))
    assert (levels(clear, tmp_path) == 255).all()


def test_transparency_may_come_after_the_pixels(tmp_path: Path) -> None:
    data = encoded(Image.fromarray(PIXELS).convert("P"), "PNG", transparency=bytes(256))
    start = data.index(b"tRNS") - 4
    late = data[start : start + 12 + 256]
    assert (levels(data[:start] + data[start + len(late) : -12] + late + data[-12:], tmp_path) == 255).all()


REFUSED = {
    "one pixel too many": (lambda: png(101, 100), "101 x 100 pixels, but expected at most 10,000"),
    "no pixels": (lambda: png(0, 0, pixels=b""), "can't be read"),
    "33 MB": (lambda: png(8, 6) + bytes(33 << 20), "a file of 34,6"),
    "a size in a second frame": (
        lambda: jpeg(b"\xff\xc0\0\x0b\x08\xff\xff\xff\xff\x01\x01\x11\0"),
        "65,535 x 65,535 pixels",
    ),
    "too many scans": (lambda: jpeg(progressive=True, scans=10), "more than 50 scans"),
    "too many chunks": (lambda: png(8, 6, *[chunk(b"prVt")] * 20_000), "more than 20,000 chunks"),
    "too many segments": (lambda: jpeg(*[b"\xff\xfe\0\2"] * 20_000), "more than 20,000 segments"),
    "a segment of no length": (lambda: jpeg(b"\xff\xfe\0\0"), "no segment at byte 2"),
    "bytes between segments": (lambda: jpeg(b"hello"), "no segment at byte 2"),
    "a JPEG without pixels": (lambda: b"\xff\xd8\xff\xe0\0\x04ab", "no segment at byte 8"),
    "a PNG that is cut": (lambda: png(8, 6)[:40], "can't be read"),
    "a damaged chunk": (lambda: png(8, 6).replace(b"IDAT", b"IDAX"), "can't be read"),
}


@pytest.mark.parametrize(("make", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_picture_is_one_clear_error(make: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        levels(make(), tmp_path)
    assert said in str(caught.value)
