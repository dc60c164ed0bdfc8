"""Reading IDX, the plain array format of MNIST: a magic number, the sizes, then the values, big-endian.

The header is two zero bytes, one byte for the type, one for the number of dimensions, and four bytes per dimension
(http://yann.lecun.com/exdb/mnist). A file that says one thing and holds another is refused.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import checks
from chainrule.data.limits import most_unpacked, within_memory
from chainrule.data.opening import Readable, file_size, open_file, read_exactly, shown
from chainrule.data.unpacking import GZIP, Unpacked, whole_gzip
from chainrule.errors import FileError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 32


@checks.keywords
def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the array in an IDX file, plain or compressed with gzip.

    Parameters
    ----------
    path : path
        The file; whether it is compressed is seen from its content, not from its name.

    Returns
    -------
    array
        With the sizes and the type that the header names, in the machine's own byte order.

    Raises
    ------
    FileError
        If the file is missing, not a regular file, not IDX, of another size than its header says, cut short, or
        damaged; or if it unpacks to more than 32 MiB and 200 times its size. Nothing is reserved for sizes that the
        file can't hold.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two-by-three.idx"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]))
    >>> cr.data.read_idx(path)
    array([[1, 2, 3],
           [4, 5, 6]], dtype=uint8)
    """
    return load_idx(path)


def load_idx(path: str | os.PathLike[str], feed: Callable[[Any], None] | None = None) -> NDArray[Any]:
    """Return the array in an IDX file, and pass the uncompressed bytes to `feed`, such as a hash's update."""
    where = f"read_idx {shown(path)}"
    with within_memory(where), open_file("read_idx", path) as file:
        size = file_size(file)
        compressed = file.read(2) == GZIP
        file.seek(0)
        if not compressed:
            return _parse(where, file, feed, exact_size=size)
        with whole_gzip(where):
            return _parse(where, Unpacked(file), feed, packed_size=size)


def _parse(
    where: str,
    stream: Readable,
    feed: Callable[[Any], None] | None,
    *,
    exact_size: int | None = None,
    packed_size: int | None = None,
) -> NDArray[Any]:
    header = stream.read(4)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] not in _TYPES:
        raise FileError(
            where,
            given=f"a file that starts with the bytes {header.hex(' ') or '(none)'}",
            expected="00 00, a type from 08 to 0e, and the number of dimensions",
            fix="Pass an IDX file, such as train-images-idx3-ubyte.gz",
        )
    dimensions = header[3]
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise FileError(
            where,
            given=f"{dimensions} dimensions",
            expected=f"1 to {_MOST_DIMENSIONS}",
            fix="The header is damaged: fetch the file again",
        )
    sizes = read_exactly(where, stream, 4 * dimensions)
    shape = tuple(int(size) for size in sizes.view(">u4"))
    kind = np.dtype(_TYPES[header[2]])
    needed = math.prod(shape) * kind.itemsize
    _check_room(where, shape, needed, len(header) + sizes.nbytes, exact_size, packed_size)
    values = read_exactly(where, stream, needed)
    if stream.read(1):  # also makes gzip compare its checksum
        raise FileError(
            where,
            given="bytes after the last value",
            expected=f"{needed} bytes of values for the shape {shape}",
            fix="The header or the file is damaged: fetch it again",
        )
    if feed is not None:
        for part in (header, sizes, values):
            feed(part)
    array = values.view(kind).reshape(shape)
    return array if kind.isnative else array.byteswap(inplace=True).view(kind.newbyteorder("="))


def _check_room(
    where: str, shape: tuple[int, ...], needed: int, header: int, exact_size: int | None, packed_size: int | None
) -> None:
    if exact_size is not None and header + needed != exact_size:
        given = f"a file of {exact_size} bytes whose header asks for {header + needed} (shape {shape})"
    elif packed_size is not None and header + needed > (most := most_unpacked(packed_size)):
        raise FileError(
            where,
            given=f"a compressed file of {packed_size} bytes whose header asks for {needed} (shape {shape})",
            expected=f"at most {most}, which is the most that one of its size may unpack to",
            fix="If it comes from someone you trust, unpack it with gunzip, and pass what comes out",
        )
    elif needed == 0:
        given = f"an array without values (shape {shape})"
    else:
        return
    raise FileError(
        where,
        given=given,
        expected="as many values as the header says, and at least one",
        fix="The header or the file is damaged or cut short: fetch it again",
    )
