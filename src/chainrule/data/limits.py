"""How much a file of someone else's may take: what it unpacks to, and memory that runs out while it is read.

Deflate packs up to 1032 bytes into one, so a megabyte may hide a gigabyte. Real data don't shrink like that.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.errors import FileError

_ALWAYS = 32 << 20  # bytes
_EXPANSION = 200


def most_unpacked(size: int) -> int:
    """Return how many bytes a compressed file of this size may unpack to: 32 MiB, or 200 times its size if more."""
    return max(_ALWAYS, _EXPANSION * size)


@contextmanager
def within_memory(where: str) -> Iterator[None]:
    """Turn a lack of memory into an error of ours; ``with``, or a decorator."""
    try:
        yield
    except (MemoryError, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno != errno.ENOMEM:  # so says what maps a file into memory
            raise
        raise FileError(
            where,
            given="a file that needs more memory than there is",
            expected="one that fits into memory",
            fix="Close other programs, or take a part of it",
        ) from None
