"""A sample that is a picture, shown as one: as shaded blocks in text, as a PNG inside a page."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from chainrule.explain.analysis import Analysis
from chainrule.ops.op import Array

_SHADES = " ░▒▓█"
_LEAST_SIDE = 8
_SCREEN = 168  # pixels of the screen that a picture is wide


def picture_of(analysis: Analysis) -> Array | None:
    """Return the sample as a picture from 0 to 1, (rows, columns) or (rows, columns, 3); None if it is none."""
    network, batch = analysis.network, analysis.batch
    if network is None or batch is None or len(batch) != 1:
        return None
    if network.columns is not None or network.preparation is not None or network.named_inputs is not None:
        return None
    from chainrule.plot.axes import picture_shape  # a heavy room, for who explains

    sample = batch[0]
    if sample.ndim == 3 and sample.shape[2] in (1, 3):
        shown = sample[:, :, 0] if sample.shape[2] == 1 else sample
    elif sample.ndim <= 2 and (shape := picture_shape("explain", sample.shape, None)) is not None:
        shown = sample.reshape(shape)
    else:
        return None
    if min(shown.shape[:2]) < _LEAST_SIDE or not np.isfinite(shown).all():
        return None
    numbers = shown.astype(np.float64)
    low, high = min(float(numbers.min()), 0.0), float(numbers.max())
    scaled: Array = (numbers - low) / ((high - low) or 1.0)
    return scaled


def shaded(picture: Array, width: int) -> list[str]:
    """Return a picture as lines of blocks, the darker the larger the number.

    >>> import numpy as np
    >>> shaded(np.array([[0, 0.5, 1]]), 20)
    ['  ▒▒██']
    """
    grey = picture if picture.ndim == 2 else picture.mean(axis=2)
    if grey.shape[1] > width:
        every = -(-grey.shape[1] // width)
        grey = grey[::every, ::every]
    wide = 2 if 2 * grey.shape[1] <= width else 1
    levels = np.rint(grey * (len(_SHADES) - 1)).astype(int)
    return ["".join(_SHADES[level] * wide for level in row) for row in levels]


def image(picture: Array, told: str) -> str:
    """Return a picture as an element of a page; `told`, escaped already, says what it is to those who can't see it."""
    rows, columns = picture.shape[:2]
    high = round(_SCREEN * rows / columns)
    data = base64.b64encode(png(picture)).decode("ascii")
    return (
        f'<img class="sample" alt="{told}" width="{_SCREEN}" height="{high}" '
        f'style="image-rendering:pixelated" src="data:image/png;base64,{data}">'
    )


def png(picture: Array) -> bytes:
    """Return a picture from 0 to 1 as a PNG file: ISO/IEC 15948, without filters.

    >>> png(np.zeros((2, 3)))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    pixels = np.rint(255 * picture).astype(np.uint8)
    rows, columns = pixels.shape[:2]
    colour = 0 if pixels.ndim == 2 else 2
    lines = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", columns, rows, 8, colour, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
