"""A PNG or JPEG as a sample: read safely, brought to the form that the training images had, and said how.

A file may hold far more than a picture: texts, profiles, thumbnails and tables that unpack to gigabytes. Its size is
compared with the limit before anything is unpacked, only its pixels reach the decoder, and of the rest nothing is
looked at but which way up the camera was held. Handwriting is cut out, scaled and centred by its mass as MNIST's was;
other pictures are fitted in whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.limits import within_memory
from chainrule.data.opening import open_file, shown
from chainrule.errors import FileError, InputError, MissingExtraError
from chainrule.nn import Network, Rescale
from chainrule.ops.op import Array
from chainrule.recipes.recipe import Recipe

_MOST_PIXELS = 4_000_000  # of a picture, for a network that looks at a few hundred; larger networks, four times theirs
_INK = {"mnist": 20 / 28, "digits": 1.0}  # which share of the frame the handwriting fills
_DARK = (*_INK, "fashion-mnist")  # sets of light images on dark ground


def is_picture(path: str) -> bool:
    """Tell whether a file begins as a PNG or a JPEG does."""
    with open_file("predict", path) as file:
        return file.read(4).startswith((PNG, JPEG))


def picture_as_sample(network: Network, recipe: Recipe | None, path: str) -> tuple[Array, list[str]]:
    """Return a picture as the one sample it is, and what was done to it, in words.

    Raises
    ------
    MissingExtraError
        If Pillow is not installed.
    FileError
        If the file is damaged, or too large.
    InputError
        If the network is not one for images.
    """
    where, name = f"predict {shown(path)}", None if recipe is None else recipe.data.name
    height, width = _frame(network, where)
    pixels, notes = grey_levels(path, where, max(_MOST_PIXELS, 4 * height * width)), []
    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if name in _DARK and np.median(edge) > 127:
        pixels, edge = 255 - pixels, 255 - edge
        notes.append("inverted, for the training images are light on dark")
    if pixels.shape != (height, width):
        if name in _INK:
            pixels = _written(pixels, float(np.median(edge)), height, width, _INK[name])
            notes.append(f"cut out, scaled from {size} to {width} x {height} and centred")
        else:
            pixels = _fitted(pixels, float(np.median(edge)), height, width)
            notes.append(f"scaled from {size} to {width} x {height}")
    levels = _levels(network)
    sample = np.rint(pixels * (levels / 255)).astype(np.uint8)
    return sample.reshape(1, *(network.sample_shape or ())), notes


def _frame(network: Network, where: str) -> tuple[int, int]:
    """Return height and width of the images that a network takes."""
    shape = network.sample_shape or ()
    side = math.isqrt(math.prod(shape))
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) == 1 and side > 1 and side * side == shape[0]:
        return side, side
    raise InputError(
        where,
        given=f"a picture for a network that takes samples of shape {shape}",
        expected="a network for images",
        fix="Name a table (CSV, NPZ, NPY or IDX)",
    )


def _levels(network: Network) -> int:
    """Return the value that full light has in the training images: what the network itself scales to 1."""
    first = network.layers[0]
    if isinstance(first, Rescale) and isinstance(first.scale, float) and 1 / 255 <= first.scale <= 1:
        return round(1 / first.scale)
    return 255


def _written(pixels: Grey, ground: float, height: int, width: int, share: float) -> Array:
    """Return handwriting, light on dark, scaled to its share of the frame, with its mass in the middle."""
    strongest = float(pixels.max()) - ground
    if strongest <= 0:
        return np.zeros((height, width))
    inked = pixels > ground + strongest * 64 / 255
    rows, columns = (np.flatnonzero(inked.any(axis=axis)) for axis in (1, 0))
    ink = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    ink = np.clip(ink - np.float32(ground), 0, None) * np.float32(255 / strongest)
    ink = _resized(ink, share * height, share * width)
    frame, mass = np.zeros((3 * height, 3 * width)), float(ink.sum()) or 1.0
    middle = [float((np.arange(n) * ink.sum(axis=1 - axis)).sum()) / mass for axis, n in enumerate(ink.shape)]
    top, left = round(1.5 * height - 0.5 - middle[0]), round(1.5 * width - 0.5 - middle[1])
    if share == 1.0:  # nothing may fall over the edge
        top, left = height + (height - ink.shape[0]) // 2, width + (width - ink.shape[1]) // 2
    frame[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return frame[height : 2 * height, width : 2 * width]


def _fitted(pixels: Array, ground: float, height: int, width: int) -> Array:
    """Return a whole picture in the middle of the frame."""
    picture = _resized(pixels, height, width)
    frame = np.full((height, width), ground)
    top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
    frame[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return frame


def _resized(pixels: Array, height: float, width: float) -> Array:
    """Return a picture scaled to fit, sides in proportion."""
    from PIL import Image

    factor = min(height / pixels.shape[0], width / pixels.shape[1])
    size = (max(round(pixels.shape[1] * factor), 1), max(round(pixels.shape[0] * factor), 1))
    image = Image.fromarray(np.rint(pixels).astype(np.uint8))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float64)


PNG, JPEG = b"\x89PNG", b"\xff\xd8\xff"
Grey = NDArray[np.uint8]

_LARGEST = 32 << 20  # bytes: 4 megapixels, not compressed, four channels of 16 bits
_MOST_PIECES = 20_000  # chunks or segments
_MOST_SCANS = 50  # a JPEG that is refined step by step has about ten, and each costs as much as the whole picture
_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
Sizes = list[tuple[int, int]]  # width and height
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG's segments with a picture's size

# EXIF's orientation -> how to turn the picture.
_TURNS: dict[int, Callable[[Grey], Grey]] = {
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.T,
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].T,
    8: lambda image: np.rot90(image),
}


def grey_levels(path: str, where: str, most_pixels: int) -> Grey:
    """Return the grey levels of a picture from 0 to 255, a row for each of its rows.

    Raises
    ------
    MissingExtraError
        If Pillow is not installed.
    FileError
        If the file is damaged, or has more than `most_pixels`.
    """
    try:
        from PIL import Image
    except ImportError as problem:
        raise MissingExtraError(
            where,
            given="no Pillow",
            expected="it to read pictures with",
            fix='Run: pip install "chainrule[plot]", which brings it',
        ) from problem
    with within_memory(where), open_file("predict", path, most=_LARGEST) as file:
        data = file.read(_LARGEST)
        try:
            pixels, sizes, orientation = _png(data) if data.startswith(PNG) else _jpeg(data)
            for width, height in sizes:
                if width * height > most_pixels:
                    raise FileError(
                        where,
                        given=f"{width:,} x {height:,} pixels",
                        expected=f"at most {most_pixels:,}",
                        fix="Scale it down, or cut out what is to be looked at",
                    )
            image = _decoded(Image, pixels)
        except (FileError, MemoryError):
            raise
        except Exception as problem:  # Pillow has a dozen classes for what is damaged
            raise FileError(
                where,
                given=f"a picture that can't be read ({shown(str(problem))})",
                expected="a whole PNG or JPEG",
                fix="Save it anew",
            ) from problem
    return image if orientation not in _TURNS else _TURNS[orientation](image)


def _png(data: bytes) -> tuple[bytes, Sizes, int | None]:
    """Return a PNG without what isn't pixels, its size, and its orientation."""
    kept, sizes, orientation, at = [data[:8]], Sizes(), None, 8
    for _ in range(_MOST_PIECES):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        inside, at = at + 8, at + 12 + length
        if kind == b"IHDR":
            sizes.append((int.from_bytes(data[inside : inside + 4]), int.from_bytes(data[inside + 4 : inside + 8])))
        if kind == b"eXIf" and orientation is None:
            orientation = _orientation(data[inside : inside + length])
        if kind in _PIXELS:
            kept.append(data[inside - 8 : at])
        if kind == b"IEND" or at >= len(data):
            return b"".join(kept), sizes, orientation
    raise ValueError(f"more than {_MOST_PIECES:,} chunks")


def _jpeg(data: bytes) -> tuple[bytes, Sizes, int | None]:
    """Return a JPEG without what isn't pixels, its sizes (of a good one there is one), and its orientation."""
    if data.count(b"\xff\xda") > _MOST_SCANS:
        raise ValueError(f"more than {_MOST_SCANS} scans")
    kept, sizes, orientation, at = [data[:2]], Sizes(), None, 2
    for _ in range(_MOST_PIECES):
        mark, length = data[at : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        if len(mark) < 2 or mark[0] != 0xFF or (length < 2 and mark != b"\xff\xff"):
            raise ValueError(f"no segment at byte {at}")
        if mark == b"\xff\xff":  # a byte that only fills
            at += 1
            continue
        if mark == b"\xff\xda":  # the pixels, to the end
            return b"".join([*kept, data[at:]]), sizes, orientation
        segment, at = data[at : at + 2 + length], at + 2 + length
        if segment[4:10] == b"Exif\0\0" and orientation is None:
            orientation = _orientation(segment[10:])
        if mark[1] in _FRAMES:
            sizes.append((int.from_bytes(segment[7:9], "big"), int.from_bytes(segment[5:7], "big")))
        if not 0xE1 <= mark[1] <= 0xED and mark[1] not in (0xEF, 0xFE):  # applications' own, and comments
            kept.append(segment)
    raise ValueError(f"more than {_MOST_PIECES:,} segments")


def _orientation(exif: bytes) -> int:
    """Return how a picture has to be turned, which EXIF says as a number from 1 to 8; 1 is not at all."""
    order: Any = "little" if exif.startswith(b"II") else "big"
    start = int.from_bytes(exif[4:8], order)
    count = int.from_bytes(exif[start : start + 2], order)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = (int.from_bytes(exif[at + i : at + i + 2], order) for i in (0, 2))
        if tag == 0x0112 and kind == 3:
            return int.from_bytes(exif[at + 8 : at + 10], order)
    return 1


def _decoded(pillow: Any, data: bytes) -> Grey:
    """Return the grey levels of a picture, on white paper where it is transparent."""
    import io

    with pillow.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
        image.load()  # for what says that it is transparent may come after the pixels
        if image.mode.startswith("I"):  # 16 bits
            levels = np.clip(np.asarray(image), 0, 65535).astype(np.uint32)
            return np.asarray((levels + 128) // 257, np.uint8)
        if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
            return np.array(image.convert("L"))
        image = image.convert("RGBA")
        paper = pillow.new("L", image.size, 255)
        paper.paste(image.convert("L"), mask=image.getchannel("A"))
        return np.array(paper)
