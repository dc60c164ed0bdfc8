"""Reading NumPy's own files, NPY and NPZ, when someone else wrote them.

NumPy's loader believes the header: 128 bytes can ask for 32 GiB, a ZIP may hold a member twice, and object arrays are
pickles. Here the header is read first, nothing in it is evaluated, and only plain numbers that fit the file are loaded.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chainrule import checks
from chainrule.data.dataset import Dataset
from chainrule.data.labels import Task, decided_task
from chainrule.data.limits import most_unpacked, within_memory
from chainrule.data.opening import Readable, file_size, open_file, read_exactly, shown
from chainrule.errors import ChainruleError, FileError, InputError, nearest

if TYPE_CHECKING:
    import zipfile

_NUMBERS = r"[<>|=]?(b1|[iu][1248]|f[248])"
_LONGEST_HEADER = 4096
_LONGEST_PIECE = 1 << 20  # bytes
_MOST_DIMENSIONS = 32


@checks.keywords
def read_npy(path: str | os.PathLike[str], memory_map: bool = True) -> NDArray[Any]:
    """Return the array in an NPY file, by default left on disk: for data larger than memory.

    Parameters
    ----------
    path : path
        The file.
    memory_map : bool
        True returns a read-only memory map, from which `batches` reads the rows it needs; False reads the file.

    Returns
    -------
    array
        Of the shape and type in the file.

    Raises
    ------
    FileError
        If the file is missing, not a regular file, not NPY, holds anything but plain numbers (Python objects are
        never loaded), has no values, or is of another size than its header says.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "X.npy"
    >>> np.save(path, np.arange(6.0).reshape(3, 2))
    >>> X = cr.data.read_npy(path)
    >>> type(X).__name__, X.shape, [float(batch.sum()) for batch in cr.data.batches(X, batch_size=2, shuffle=False)]
    ('memmap', (3, 2), [6.0, 9.0])
    """
    where = f"read_npy {shown(path)}"
    with within_memory(where), open_file("read_npy", path) as file:
        header = _read_header(where, file)
        _check_size(where, header, held=file_size(file) - header.length)
        if memory_map:
            order: Any = "F" if header.fortran_order else "C"
            return np.memmap(file, header.dtype, "r", offset=header.length, shape=header.shape, order=order)
        return header.arrange(read_exactly(where, file, header.content))


@checks.keywords
def read_npz(path: str | os.PathLike[str], X: str = "X", y: str | None = "y", *, task: Task | None = None) -> Dataset:
    """Return inputs and targets from an NPZ file, as `numpy.savez` and `numpy.savez_compressed` write it.

    Parameters
    ----------
    path : path
        The file.
    X : str
        The name of the inputs' array in the file.
    y : str or None
        The name of the targets' array; None for none. Floats of shape (samples,) become values of shape (samples, 1),
        integers of that shape int64 labels, or values if they are amounts; everything else stays as it is.
    task : {"classification", "regression"}, optional
        What the targets of shape (samples,) are. By default integers are what `read_csv` takes whole numbers for.

    Returns
    -------
    Dataset

    Raises
    ------
    FileError
        If the file is missing, not a regular file, not NPZ, or damaged; if it lacks the array, or holds it twice; if
        the array is not of plain numbers, empty, not finite, or of another size than its header says; if what is
        compressed unpacks to more than 32 MiB and 200 times its size.
    InputError
        If the targets may be classes or amounts, or `task` is not what it should be.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "set.npz"
    >>> np.savez(path, inputs=np.eye(3), y=np.array([0, 1, 1]))
    >>> cr.data.read_npz(path, X="inputs")
    Dataset('set.npz', X (3, 3) float64, y (3,) int64)
    """
    import zipfile

    where = f"read_npz {shown(path)}"
    with within_memory(where), open_file("read_npz", path) as file:
        try:
            with zipfile.ZipFile(_Piecewise(where, file)) as archive:
                members = _list_members(where, archive)
                names = [X] if y is None else [X, y]
                total = sum(members[name].file_size for name in names if name in members)
                _check_unpacked(where, total, file_size(file))
                arrays = [_read_member(where, archive, members, name, file_size(file)) for name in names]
        except (ChainruleError, MemoryError):
            raise
        except Exception as problem:  # zipfile, zlib and struct have a dozen classes for what is damaged
            raise FileError(
                where,
                given=f"a file that is damaged or not NPZ ({shown(str(problem))})",
                expected="a file written by numpy.savez",
                fix="Write or fetch the file again",
            ) from None
    inputs, targets = arrays[0], None if y is None else arrays[1]
    if inputs.ndim < 2 or (targets is not None and (targets.ndim == 0 or len(targets) != len(inputs))):
        raise FileError(
            where,
            given=f"{X!r} of shape {inputs.shape}"
            + ("" if targets is None else f" and {y!r} of shape {targets.shape}"),
            expected="inputs of shape (samples, features), and a target for each",
            fix="Save arrays with one sample per row",
        )
    if task is not None:
        checks.one_of("read_npz task", task, ("classification", "regression"))
    targets, notes = _as_targets(where, f"array {y!r}", targets, task)
    return Dataset(inputs, targets, os.path.basename(os.fspath(path)), notes=notes)


class _Header:
    """What an NPY header says, with its own length and that of the values below it, in bytes."""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], fortran_order: bool, length: int) -> None:
        self.shape, self.dtype, self.fortran_order, self.length = shape, dtype, fortran_order, length
        self.content = math.prod(shape) * dtype.itemsize

    def arrange(self, data: NDArray[np.uint8]) -> NDArray[Any]:
        array = data.view(self.dtype).reshape(self.shape, order="F" if self.fortran_order else "C")
        return np.asarray(array, self.dtype.newbyteorder("="), order="C")


def _read_header(where: str, stream: Readable) -> _Header:
    """Read an NPY header, leaving the stream at the first value. It is a Python literal, and never evaluated."""
    import ast

    start = stream.read(8)
    width = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}.get(start)
    if width is None:
        raise FileError(
            where,
            given=f"data that starts with the bytes {start.hex(' ') or '(none)'}",
            expected="an NPY header of version 1 or 2",
            fix="Write the array with numpy.save or numpy.savez",
        )
    length = int.from_bytes(stream.read(width), "little")
    text = stream.read(length) if length <= _LONGEST_HEADER else b""
    fields: Any = None
    if len(text) == length and not re.search(rb"\\|[0-9.][A-Za-z_]", text):  # of both Python's parser warns
        try:
            fields = ast.literal_eval(text.decode("ascii").strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            fields = None
    if not isinstance(fields, dict) or fields.keys() != {"descr", "fortran_order", "shape"}:
        raise FileError(
            where,
            given="a damaged NPY header",
            expected="type, order and shape of an array",
            fix="Write the array with numpy.save or numpy.savez",
        )
    kind, order, shape = fields["descr"], fields["fortran_order"], fields["shape"]
    if not isinstance(kind, str) or not re.fullmatch(_NUMBERS, kind):
        raise FileError(
            where,
            given=f"values of type {shown(kind)}" + (" (Python objects)" if kind == "|O" else ""),
            expected="plain numbers: bool, int, uint or float",
            fix="Convert the array with astype before saving it",
        )
    sizes_fit = isinstance(shape, tuple) and len(shape) <= _MOST_DIMENSIONS
    if not sizes_fit or not all(type(size) is int and size > 0 for size in shape) or type(order) is not bool:
        raise FileError(
            where,
            given=f"shape {shown(shape)} with fortran_order {shown(order)}",
            expected=f"at most {_MOST_DIMENSIONS} sizes of at least 1",
            fix="Save an array that holds values",
        )
    return _Header(shape, np.dtype(kind), order, len(start) + width + length)


def _check_unpacked(where: str, size: int, packed: int) -> None:
    most = most_unpacked(packed)
    if size > most:
        raise FileError(
            where,
            given=f"{size} bytes of values from {packed} in the file",
            expected=f"at most {most}, which is the most that they may unpack to",
            fix="If they come from someone you trust, save them without compression: "
            "numpy.savez(new_path, **numpy.load(path))",
        )


def _check_size(where: str, header: _Header, held: int) -> None:
    if header.content != held:
        raise FileError(
            where,
            given=f"{held} bytes of values under a header that asks for {header.content} (shape {header.shape})",
            expected="as many bytes as the header says",
            fix="The file is damaged or cut short: write or fetch it again",
        )


class _Piecewise:
    """A file that is read in pieces. zipfile reads its list of members in one, and makes an object of each."""

    def __init__(self, where: str, file: io.BufferedReader) -> None:
        self.where, self.file = where, file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        size = file_size(self.file) - self.file.tell() if size < 0 else size
        if size > _LONGEST_PIECE:
            raise FileError(
                self.where,
                given=f"a list of arrays that has {size:,} bytes",
                expected=f"at most {_LONGEST_PIECE:,}",
                fix="Write the arrays that are wanted into a file of their own, with numpy.savez",
            )
        return self.file.read(size)


def _list_members(where: str, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name in members:
            raise FileError(
                where,
                given=f"two arrays called {shown(name)}",
                expected="every name once",
                fix="Write the file again with numpy.savez",
            )
        members[name] = member
    return members


def _read_member(
    where: str, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str, archive_size: int
) -> NDArray[Any]:
    member = members.get(name)
    if member is None:
        raise FileError(
            where,
            given=f"no array called {shown(name)}",
            expected="the name of an array in the file",
            fix=_nearest_shown(name, members),
        )
    where, stored = f"{where} array {shown(name)}", member.compress_type == 0
    if member.flag_bits & 1 or member.compress_type not in (0, 8) or (stored and member.file_size > archive_size):
        raise FileError(
            where,
            given=f"a member of {member.file_size} bytes from {member.compress_size}, "
            f"method {member.compress_type}{', encrypted' * (member.flag_bits & 1)}",
            expected="one that is stored or deflated, and can be unpacked to its size",
            fix="Write the file again with numpy.savez",
        )
    if not stored:
        _check_unpacked(where, member.file_size, min(member.compress_size, archive_size))
    with archive.open(member) as stream:
        header = _read_header(where, stream)
        _check_size(where, header, held=member.file_size - header.length)
        array = header.arrange(read_exactly(where, stream, header.content))
        stream.read(1)  # reaching the end makes zipfile compare the checksum
    _check_finite(where, array)
    return array


def _check_finite(where: str, array: NDArray[Any]) -> None:
    if array.dtype.kind == "f" and not (finite := np.isfinite(array)).all():
        place = tuple(int(i) for i in np.unravel_index(int(finite.argmin()), array.shape))
        raise FileError(
            where,
            given=f"{array[place]} at {place}",
            expected="finite numbers",
            fix="Fill in or drop missing values before saving",
        )


def _as_targets(
    where: str, what: str, y: NDArray[Any] | None, task: Task | None
) -> tuple[NDArray[Any] | None, tuple[str, ...]]:
    """Return labels, (samples,), or values, (samples, 1), from targets of one axis; and what was decided."""
    if y is None or y.ndim != 1:
        return y, ()
    notes: tuple[str, ...] = ()
    if task is None and y.dtype.kind == "f":
        task = "regression"
    elif task is None:
        task, note = decided_task(where, what, y, len(y))
        notes = (note,)
    if task == "regression":
        return (y if y.dtype.kind == "f" else y.astype(np.float64))[:, None], notes
    if y.dtype.kind == "f" and not (np.floor(y) == y).all():
        raise InputError(
            where,
            given=f"{what} with numbers that are not whole, and task='classification'",
            expected="class indices 0, 1, 2, …",
            fix="Leave task out",
        )
    return y.astype(np.int64), notes


def _nearest_shown(name: str, members: Iterable[str]) -> str:
    """Name the nearest array; names that come from a file are escaped, and there may be any number of them."""
    return nearest(name, [shown(member)[1:-1] for member in itertools.islice(members, 50)])
