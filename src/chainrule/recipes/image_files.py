"""A PNG or JPEG as a sample: read safely, brought to the form that the training images had, and said how.

A file may hold far more than a picture: texts, profiles, thumbnails and tables that unpack to gigabytes. Its size is
compared with the limit before anything is unpacked, only its pixels reach the decoder, and of the rest nothing is
looked at but which way up the camera was held. Handwriting is told from its paper, cut out, scaled and centred by its
mass as MNIST's was; other pictures are fitted in whole.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.data.limits import within_memory
from chainrule.data.opening import open_file, shown
from chainrule.errors import FileError, InputError, MissingExtraError, installing
from chainrule.nn import Network, Rescale
from chainrule.ops.op import Array
from chainrule.recipes.recipe import Recipe

_MOST_PIXELS = 4_000_000  # of a picture, for a network that looks at a few hundred; larger networks, four times theirs
_INK = {"mnist": 20 / 28, "digits": 1.0}  # which share of the frame the handwriting fills
_DARK = (*_INK, "fashion-mnist")  # sets of light images on dark ground
_FAINTEST = 8  # grey levels by which ink differs from its paper at least
_NOISE = 8  # and by so many deviations of the noise in the paper
_EVEN = 16  # grey levels by which the middle half of the edge may differ before the paper is evened out
_MOST_INK = 0.7  # of a picture: if there is more, the edge is not the paper
_LARGE = 4096  # pixels from which on noise can be told from ink


def is_picture(path: str) -> bool:
    """Return whether a file is a picture: by its first bytes, or by its name unless they are those of NPZ or NPY.

    Pictures that are neither PNG nor JPEG count: who reads them says what they are.
    """
    with open_file("predict", path) as file:
        start = file.read(12)
    if start.startswith((PNG, JPEG)) or _other_format(start) is not None:
        return True
    return path.lower().endswith(_ENDINGS) and not start.startswith((b"PK", b"\x93NUMPY"))  # a damaged one


def pictures_in(folder: str) -> tuple[list[str], list[str]]:
    """Return the paths of the pictures in a folder, sorted by name, and what else is in it.

    A picture is what begins as one, or what by its name should: a damaged one is to be told. What is hidden, with a dot
    at the start of its name, is passed over.

    Raises
    ------
    FileError
        If the folder can't be read, or has no picture in it.
    """
    where = f"predict {shown(folder)}"
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
    except OSError as problem:
        raise FileError(
            where,
            given=f"a folder that can't be listed ({problem.strerror})",
            expected="a folder of pictures",
            fix="Check its permissions",
        ) from None
    pictures, others = list[str](), list[str]()
    for name in names:
        path = os.path.join(folder, name)
        (others if os.path.isdir(path) or not _should_be_picture(path) else pictures).append(name)
    if not pictures:
        raise FileError(
            where,
            given="a folder without pictures",
            expected="PNG and JPEG files in it",
            fix="Name that folder, or files: chainrule predict RUN FILE FILE",
        )
    return [os.path.join(folder, name) for name in pictures], others


def _should_be_picture(path: str) -> bool:
    if path.lower().endswith(_ENDINGS):
        return True
    try:
        return is_picture(path)
    except FileError:  # what can't be read, and isn't called one
        return False


def picture_as_sample(network: Network, recipe: Recipe | None, path: str) -> tuple[Array, list[str]]:
    """Return a picture as the one sample it is, and what was done to it, in words.

    Raises
    ------
    MissingExtraError
        If Pillow is not installed.
    FileError
        If the file is damaged, too large, or neither PNG nor JPEG.
    InputError
        If the network is not one for images, or nothing can be seen in the picture.
    """
    where, name = f"predict {shown(path)}", None if recipe is None else recipe.data.name
    height, width = image_size(network, where)
    pixels, notes = grey_levels(path, where, max(_MOST_PIXELS, 4 * height * width))
    size = f"{pixels.shape[1]} x {pixels.shape[0]}"
    if name in _INK and pixels.size >= _LARGE and np.ptp(np.percentile(_edge(pixels), (25, 75))) > _EVEN:
        pixels = _evened(pixels)
        notes.append("the shade of its paper evened out")
    edge = _edge(pixels)
    if int(np.ptp(pixels)) < _FAINTEST:
        if name in _DARK:
            raise _nothing_seen(where, f"a picture of one grey, from {pixels.min()} to {pixels.max()} of 255")
        notes.append("nothing to be seen in it: every pixel has about the same grey")
    if name in _DARK and _is_dark_on_light(pixels, edge, name in _INK):
        pixels, edge = 255 - pixels, 255 - edge
        notes.append("inverted, for the training images are light on dark")
    if pixels.shape != (height, width):
        if name in _INK:
            pixels = _written(where, pixels, float(np.median(edge)), height, width, _INK[name])
            notes.append(f"cut out, scaled from {size} to {width} x {height} and centred")
        else:
            pixels = _fitted(pixels, float(np.median(edge)), height, width)
            notes.append(f"scaled from {size} to {width} x {height}")
    levels = _levels(network)
    sample = np.rint(pixels * (levels / 255)).astype(np.uint8)
    return sample.reshape(1, *(network.sample_shape or ())), notes


def image_size(network: Network, where: str) -> tuple[int, int]:
    """Return height and width of the images that a network takes.

    Raises
    ------
    InputError
        If it takes none.
    """
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


def _edge(pixels: Grey) -> Grey:
    """Return the pixels along the edge."""
    edge: Grey = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return edge


def _is_dark_on_light(pixels: Grey, edge: Grey, handwriting: bool) -> bool:
    """Return whether what is in a picture is darker than its edge; of handwriting, whichever the paper's grey is."""
    ground = float(np.median(edge))
    if not handwriting:
        return ground > 127
    darkest, lightest = np.percentile(pixels, (0.1, 99.9))
    return bool(ground - darkest > lightest - ground)


def _evened(pixels: Grey) -> Grey:
    """Return a picture whose paper has one grey: without the surface of second degree that lies through the paper.

    The surface is fitted by least squares to what is paper, which is found in a few rounds: what lies far from the
    surface is ink.
    """
    height, width = pixels.shape
    step = max(1, math.isqrt(pixels.size // _LARGE))
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    grey = pixels[rows][:, columns].astype(np.float64).ravel()

    def powers(row: Array, column: Array) -> Array:
        y, x = (2 * row / max(height - 1, 1) - 1)[:, None], (2 * column / max(width - 1, 1) - 1)[None]
        return np.stack(np.broadcast_arrays(np.ones_like(x * y), x, y, x * x, x * y, y * y), axis=-1)

    terms = powers(rows, columns).reshape(len(grey), -1)
    paper = np.ones(len(grey), bool)
    for _ in range(8):
        surface = np.linalg.lstsq(terms[paper], grey[paper], rcond=None)[0]
        rest = np.abs(grey - terms @ surface)
        paper = rest <= max(2.5 * float(np.median(rest)), _FAINTEST)
    shade = powers(np.arange(height), np.arange(width)) @ surface
    return np.asarray(np.rint(np.clip(pixels - shade + float(np.median(shade)), 0, 255)), np.uint8)


def _noise(pixels: Grey) -> float:
    """Return the deviation of the noise in a picture, by what neighbours differ by."""
    if pixels.size < _LARGE:
        return 0.0
    return 1.4826 / math.sqrt(2) * float(np.median(np.abs(np.diff(pixels.astype(np.int16), axis=1))))


def _nothing_seen(where: str, given: str) -> InputError:
    return InputError(
        where,
        given=f"{given}: no ink found",
        expected="something that stands out from the edge of the picture",
        fix="Look at the picture; cut out what is to be recognised, with some paper around it",
    )


def _written(where: str, pixels: Grey, ground: float, height: int, width: int, share: float) -> Array:
    """Return handwriting, light on dark, scaled to its share of the frame, with its mass in the middle."""
    strongest, noise = float(pixels.max()) - ground, _noise(pixels)
    if strongest < max(_FAINTEST, _NOISE * noise):
        raise _nothing_seen(
            where, f"a picture in which nothing differs by more than {max(strongest, 0):.0f} of 255 levels"
        )
    inked = pixels > ground + max(strongest * 64 / 255, 5 * noise)
    if inked.mean() > _MOST_INK:
        raise InputError(
            where,
            given=f"a picture of which {inked.mean():.0%} differ from its edge",
            expected="handwriting, with paper all around it",
            fix="Cut off the frame, so that the edge of the picture is paper",
        )
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
_ENDINGS = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif")
_OTHERS = {b"GIF8": "a GIF", b"II*\0": "a TIFF", b"MM\0*": "a TIFF", b"RIFF": "a WebP"}

_SEEN = 64  # grey levels: what has less contrast on white paper may be light
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


def _other_format(start: bytes) -> str | None:
    """Return what a file is that begins so, if it is a picture that isn't read."""
    if start[:3] == bytes(3) and start[4:8] == b"ftyp":
        return "a HEIC or AVIF"
    if start[:2] == b"BM" and start[6:10] == bytes(4):
        return "a BMP"
    if start[:4] == b"RIFF" and start[8:12] != b"WEBP":
        return None
    return _OTHERS.get(start[:4])


def grey_levels(path: str, where: str, most_pixels: int) -> tuple[Grey, list[str]]:
    """Return the grey levels of a picture from 0 to 255, a row for each of its rows, and what was decided, in words.

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
            fix=f"Run: {installing('plot')}, which brings it",
        ) from problem
    with within_memory(where), open_file("predict", path, most=_LARGEST) as file:
        data = file.read(_LARGEST)
        other = _other_format(data[:12])
        if other is not None:
            raise FileError(
                where,
                given=f"{other} picture",
                expected="a PNG or JPEG",
                fix='Save it as one: PIL.Image.open(path).convert("RGB").save("picture.png")',
            )
        if not data.startswith((PNG, JPEG[:2])):
            raise FileError(
                where,
                given=f"a file that is no picture (it begins with {data[:6]!r})" if data else "an empty file",
                expected="a PNG or JPEG",
                fix="Save the picture anew",
            )
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
            image, notes = _decoded(Image, pixels)
            if data.startswith(PNG) and b"acTL" in data.partition(b"IDAT")[0]:
                notes.append("the first picture of an animation")
        except (FileError, MemoryError):
            raise
        except Exception as problem:  # Pillow has a dozen classes for what is damaged
            raise FileError(
                where,
                given=f"a picture that can't be read ({shown(str(problem))})",
                expected="a whole PNG or JPEG",
                fix="Save it anew",
            ) from problem
    return image if orientation not in _TURNS else _TURNS[orientation](image), notes


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


def _decoded(pillow: Any, data: bytes) -> tuple[Grey, list[str]]:
    """Return the grey levels of a picture, on paper where it is transparent, and what was decided."""
    import io

    with pillow.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
        image.load()  # for what says that it is transparent may come after the pixels
        if image.mode.startswith("I"):  # 16 bits
            return _of_16_bits(np.clip(np.asarray(image), 0, 65535).astype(np.uint32))
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            light = image.convert("L")
            on = {}
            for white in (255, 0):
                paper = pillow.new("L", image.size, white)
                paper.paste(light, mask=image.getchannel("A"))
                on[white] = np.array(paper)
            if np.ptp(on[255]) < _SEEN and np.ptp(on[255]) < np.ptp(on[0]):
                return on[0], ["laid on black paper, for it is light where it isn't transparent"]
            seen_through = image.getchannel("A").getextrema()[0] < 255
            return on[255], ["laid on white paper, where it is transparent"] * seen_through
        grey = np.array(image.convert("L"))
        if data.startswith(PNG) and data[24] == 16:  # colours of 16 bits, of which Pillow keeps the first 8
            return _of_16_bits(grey.astype(np.uint32) * 257)
        return grey, []


def _of_16_bits(levels: NDArray[np.uint32]) -> tuple[Grey, list[str]]:
    """Return levels of 16 bits as 8, and how many bits they were taken to have: cameras put 10, 12 or 14 into 16."""
    bits = next(bits for bits in (8, 10, 12, 14, 16) if levels.max(initial=0) < 1 << bits)
    full = (1 << bits) - 1
    return np.asarray((levels * 255 + full // 2) // full, np.uint8), [] if bits == 16 else [
        f"read as {bits} bits in 16"
    ]
