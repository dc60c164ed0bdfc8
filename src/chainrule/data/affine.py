"""Small random rotations, shifts and scalings of images, so that a network never sees the same image twice.

Each image of a batch gets a transformation of its own; where a pixel comes from lies between four, and it is their
mean, weighted by how near they are (bilinear interpolation). All of a batch is done at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import checks
from chainrule.errors import InputError, ShapeError
from chainrule.settings import Configured


class RandomAffine(Configured):
    """A function of (images, generator) that returns the images, each turned, shifted and scaled a little at random.

    Every amount is drawn evenly: the angle from ±rotation, the shift along each axis from ±shift, the logarithm of
    the scale along each axis from ±log(1 + scale), the shear from ±shear. What comes in over an edge is 0.

    Parameters
    ----------
    rotation : float, default 10
        Degrees.
    shift : float, default 2
        Pixels.
    scale : float, default 0.1
        Up to 1 + scale times as large, or as small.
    shear : float, default 0
        Pixels to the side for each pixel down.
    shape : tuple of int, optional
        Height and width of an image; needed where images come as rows and are not square.

    Examples
    --------
    >>> import chainrule as cr
    >>> X, y = cr.data.digits()
    >>> augment = RandomAffine(rotation=20)
    >>> augment(X[:3], np.random.default_rng(0)).shape
    (3, 64)

    It is what ``cr.train(…, augment=augment)`` takes.
    """

    def __init__(
        self,
        rotation: float = 10.0,
        shift: float = 2.0,
        scale: float = 0.1,
        shear: float = 0.0,
        *,
        shape: tuple[int, int] | None = None,
    ) -> None:
        self.rotation = checks.number("RandomAffine rotation", rotation, least=0, most=180, like=10)
        self.shift = checks.number("RandomAffine shift", shift, least=0, like=2)
        self.scale = checks.number("RandomAffine scale", scale, least=0, most=10, like=0.1)
        self.shear = checks.number("RandomAffine shear", shear, least=0, most=10, like=0.1)
        if shape is not None:
            height, width = shape
            shape = (checks.whole("RandomAffine shape", height), checks.whole("RandomAffine shape", width))
        self.shape = shape

    def __call__(self, images: NDArray[Any], generator: np.random.Generator) -> NDArray[np.float32]:
        """Return images like these, transformed, as float32 in the range that they have.

        Parameters
        ----------
        images : ndarray, (samples, height · width) or (samples, height, width)
        generator : numpy.random.Generator

        Raises
        ------
        ShapeError
            If they are no images of a known shape.
        """
        checks.instance("RandomAffine generator", generator, np.random.Generator, "numpy.random.default_rng(0)")
        height, width = self._sides(images)
        count = len(images)
        # A frame of zeros two pixels wide around each image: what lies outside is taken from there.
        padded = np.zeros((count, height + 4, width + 4), np.float32)
        padded[:, 2:-2, 2:-2] = images.reshape(count, height, width)
        down, right = self._sources(count, height, width, generator)
        top, left = down.astype(np.int32), right.astype(np.int32)  # rounded down, for none is negative
        down -= top
        right -= left
        top *= width + 4
        top += left
        top += (np.arange(count, dtype=np.int32) * ((height + 4) * (width + 4)))[:, None]
        flat = padded.reshape(-1)
        upper = _between(flat, top, right)
        top += width + 4
        lower = _between(flat, top, right)
        lower -= upper
        lower *= down
        upper += lower
        return upper.reshape(images.shape)

    def _sources(
        self, count: int, height: int, width: int, generator: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return where in the padded images each pixel comes from: down and right, (samples, pixels)."""
        angle, log_down, log_right, shear, shift_down, shift_right = generator.uniform(-1.0, 1.0, (6, count, 1))
        cosine, sine = np.cos(angle * math.radians(self.rotation)), np.sin(angle * math.radians(self.rotation))
        growth = math.log1p(self.scale)
        by_down, by_right = np.exp(log_down * growth), np.exp(log_right * growth)
        slant = shear * self.shear
        rows = np.repeat(np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2), width)
        columns = np.tile(np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2), height)
        down = _plane(by_down * cosine, rows, by_down * sine, columns, shift_down * self.shift + (height - 1) / 2)
        right = _plane(
            by_right * (slant * cosine - sine),
            rows,
            by_right * (cosine + slant * sine),
            columns,
            shift_right * self.shift + (width - 1) / 2,
        )
        for place, side in ((down, height), (right, width)):
            place += 2
            np.clip(place, 0, side + 2, out=place)
        return down, right

    def _sides(self, images: NDArray[Any]) -> tuple[int, int]:
        if isinstance(images, Mapping):
            raise InputError(
                "RandomAffine",
                given=f"inputs with the names {', '.join(map(repr, images))}",
                expected="one array of images",
                fix="Pass augment=lambda x, generator: {**x, 'picture': turned(x['picture'], generator)}, with "
                "turned=cr.data.RandomAffine()",
            )
        shape: tuple[int, ...] = getattr(images, "shape", ())
        sides = self.shape
        if sides is None and len(shape) == 3:
            sides = (shape[1], shape[2])
        elif sides is None and len(shape) == 2:
            sides = (math.isqrt(shape[1]), math.isqrt(shape[1]))
        if sides is None or shape[1:] not in (sides, (sides[0] * sides[1],)):
            raise ShapeError(
                "RandomAffine",
                given=f"samples of shape {shape}",
                expected="images" if self.shape is None else f"images of {self.shape[0]} x {self.shape[1]}",
                fix="Pass shape=(height, width)",
            )
        if images.dtype.kind not in "fiub":
            raise InputError(
                "RandomAffine", given=f"dtype {images.dtype}", expected="numbers", fix="Convert the images first"
            )
        return sides


def _plane(
    a: NDArray[Any], x: NDArray[np.float32], b: NDArray[Any], y: NDArray[np.float32], c: NDArray[Any]
) -> NDArray[np.float32]:
    """Return a·x + b·y + c, a row for each of the a, b and c."""
    result = a.astype(np.float32) * x
    result += b.astype(np.float32) * y
    result += c.astype(np.float32)
    return result


def _between(flat: NDArray[np.float32], place: NDArray[np.int32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values at a place and right of it, as near to the second as `share` says."""
    value = flat.take(place)
    following = flat[1:].take(place)
    following -= value
    following *= share
    value += following
    return value
