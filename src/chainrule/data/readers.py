"""Reading a data file of any known kind: the file is looked at and handed to the reader for its kind."""

from __future__ import annotations

import os
from contextlib import suppress

from chainrule import checks
from chainrule.data.csv_files import read_csv
from chainrule.data.dataset import Dataset
from chainrule.data.idx import read_idx
from chainrule.data.labels import Task
from chainrule.data.numpy_files import read_npy, read_npz
from chainrule.data.opening import open_file, shown
from chainrule.data.unpacking import GZIP, Unpacked, whole_gzip
from chainrule.errors import FileError, InputError

TABLES = (".csv", ".tsv", ".txt", ".data")  # what tables end in; .gz may follow


@checks.keywords
def read(path: str | os.PathLike[str], target: str | int | None = None, *, task: Task | None = None) -> Dataset:
    r"""Return the data in a file: a table (CSV, TSV), or an NPZ, NPY or IDX file.

    NPZ, NPY and IDX are recognised by their first bytes, tables by their ending (.csv, .tsv, .txt, .data); tables and
    IDX files may be compressed with gzip (.csv.gz).

    Parameters
    ----------
    path : path
        The file.
    target : str or int, optional
        What to predict: a column of a table, by name or index, or the name of an array in an NPZ file. None reads
        inputs only.
    task : {"classification", "regression"}, optional
        What the target is, where its numbers leave that open: see `read_csv`.

    Returns
    -------
    Dataset
        As `read_csv` and `read_npz` return it. An NPY file is memory-mapped; the images in an IDX file become rows.

    Raises
    ------
    FileError
        If no reader knows the file, or the one that does refuses it.
    InputError
        If `target` means nothing in such a file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import chainrule as cr
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("width,height,kind\n1,2,rose\n3,4,tulip\n")
    >>> cr.data.read(path, target="kind")
    Dataset('flowers.csv', X (2, 2) float32, y (2,) int64, 2 classes)
    """
    start, inner = _starts("read", path)
    name = os.path.basename(os.fspath(path))
    if start[:2] == b"PK":
        if isinstance(target, int):
            raise _no_such_target(path, target, "the name of an array, such as 'y'")
        return read_npz(path, y=target, task=task)
    if start == b"\x93NUMPY":
        if target is not None:
            raise _no_such_target(path, target, "no target, for an NPY file holds a single array")
        return Dataset(read_npy(path), None, name)
    if inner[:2] in (b"\0\0", GZIP):
        if target is not None:
            raise _no_such_target(path, target, "no target, for an IDX file holds a single array")
        array = read_idx(path)
        return Dataset(array.reshape(len(array), -1), None, name)
    if is_table(name):
        return read_csv(path, target, task=task)
    raise FileError(
        f"read {shown(path)}",
        given=f"an unknown kind of file (it starts with {start!r})",
        expected=f"a table ({', '.join(TABLES)}), or an NPZ, NPY or IDX file",
        fix="Save the data in one of these, or call the reader of your choice, such as read_csv",
    )


def _starts(where: str, path: str | os.PathLike[str]) -> tuple[bytes, bytes]:
    """Return the first bytes of a file, and of what is packed in it."""
    with open_file(where, path) as file:
        start = inner = file.read(6)
        if start[:2] == GZIP:
            file.seek(0)
            with suppress(FileError), whole_gzip(where):
                inner = Unpacked(file).read(6)
    return start, inner


def holds_table(where: str, path: str | os.PathLike[str]) -> bool:
    """Return whether a file is a table: by its name, and because its first bytes are not those of another kind.

    Raises
    ------
    FileError
        If it can't be read.
    """
    if not is_table(path):
        return False
    start, inner = _starts(where, path)
    return start[:2] != b"PK" and start != b"\x93NUMPY" and inner[:2] not in (b"\0\0", GZIP)


def is_table(path: str | os.PathLike[str]) -> bool:
    """Return whether a file's name ends as a table's does, compressed or not.

    >>> is_table("a.csv"), is_table("a.tsv.gz"), is_table("a.npz")
    (True, True, False)
    """
    return os.fspath(path).lower().removesuffix(".gz").endswith(TABLES)


def _no_such_target(path: str | os.PathLike[str], target: str | int, expected: str) -> InputError:
    return InputError(
        f"read {shown(path)}", given=f"target={target!r}", expected=expected, fix="Pass target=None to read inputs only"
    )
