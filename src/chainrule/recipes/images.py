"""A picture as a sample: a PNG or JPEG brought to the form that the images of the training had, and said how.

Handwriting is cut out, scaled and centred by its mass as MNIST's was; other pictures are fitted in whole.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.data.opening import open_file, shown
from chainrule.errors import InputError
from chainrule.nn import Network, Rescale
from chainrule.ops.op import Array
from chainrule.recipes.picture_files import JPEG, PNG, Grey, grey_levels
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
