"""Picture files of anyone's: whatever is in them beside the pixels is passed over, without a word from Pillow."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.errors import FileError
from chainrule.recipes.picture_files import grey_levels
from tests.bombs import chunk, jpeg, png
from tests.referees import needed

Image = needed("PIL.Image", "plot")
ImageOps = needed("PIL.ImageOps", "plot")

PIXELS = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5


def levels(data: bytes, folder: Path, most_pixels: int = 10_000) -> Any:
    (folder / "picture").write_bytes(data)
    return grey_levels(str(folder / "picture"), "predict", most_pixels)


def saved(image: Any, kind: str, **settings: Any) -> bytes:
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
    data = saved(Image.fromarray(PIXELS), kind, exif=exif)
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
    found = levels(saved(image, "JPEG" if mode == "CMYK" else "PNG"), tmp_path)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(float) - (255.0 * (PIXELS > 127) if mode == "1" else PIXELS)).mean() < (
        60 if mode == "1" else 6
    )


def test_what_is_transparent_lies_on_white_paper(tmp_path: Path) -> None:
    image = Image.fromarray(np.dstack([np.zeros((1, 3), np.uint8), np.array([[0, 128, 255]], np.uint8)]))
    assert levels(saved(image, "PNG"), tmp_path).tolist() == [[255, 127, 0]]
    palette = Image.fromarray(PIXELS).convert("P")
    clear = saved(palette, "PNG", transparency=bytes(256))
    assert (levels(clear, tmp_path) == 255).all()


def test_transparency_may_come_after_the_pixels(tmp_path: Path) -> None:
    data = saved(Image.fromarray(PIXELS).convert("P"), "PNG", transparency=bytes(256))
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
