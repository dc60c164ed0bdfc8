"""Opening what someone else made: only a regular file is read, and every refusal names the file.

The readers of this room treat a file as untrusted. They compare what its header promises with what the file can hold
before they reserve memory, and show names found in it only in escaped form. A whole folder of a stranger's is a
`Folder`: its files are opened relative to it, and a link in it is never followed.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import FileError, InputError

_CHUNK = 1 << 20
_BUFFER = 1 << 16
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_RELATIVE = os.open in os.supports_dir_fd  # False on Windows, where names are joined to the folder's path instead


class Readable(Protocol):
    """Anything bytes can be read from: a file, or what is unpacked from one."""

    def read(self, size: int, /) -> bytes: ...


def shown(value: object) -> str:
    """Return `value` as it may appear in a message: quoted, control characters escaped, at most 200 characters."""
    text = repr(os.fspath(value) if isinstance(value, os.PathLike) else value)
    return text if len(text) <= 200 else text[:197] + "..."


class Folder:
    """A folder that someone else may have filled.

    It is opened once, so that its files stay those of this folder even if its name comes to mean another one.

    Parameters
    ----------
    where : str
        Who speaks in errors.
    path : path
    links : bool, default True
        Whether `path` itself may be a link to a folder.

    Raises
    ------
    FileError
        If there is no folder of this name, or it can't be opened.
    """

    def __init__(self, where: str, path: str | os.PathLike[str], *, links: bool = True) -> None:
        self.path = os.fspath(path)
        self.descriptor: int | None = None
        where = f"{where} {shown(path)}"
        bare = self.path.rstrip("/" + os.sep) or self.path  # a slash at the end would follow a link
        try:
            if not links and os.path.islink(bare):
                raise OSError(errno.ELOOP, "a link")
            if _RELATIVE:
                kind = getattr(os, "O_DIRECTORY", 0) | (0 if links else _NO_LINK)
                self.descriptor = os.open(bare, _READ | kind)
            elif not os.path.isdir(bare):
                os.stat(bare)
                raise NotADirectoryError
        except FileNotFoundError:
            raise FileError(
                where,
                given="no folder of this name",
                expected="a folder",
                fix=f"Check the path; the working folder is {_working_folder()}",
            ) from None
        except (OSError, ValueError) as problem:
            if not links and os.path.islink(bare):
                raise FileError(
                    where,
                    given="a link to another folder",
                    expected="the folder itself, for something is written there",
                    fix=f"Name that folder: {shown(os.path.realpath(bare))}",
                ) from None
            given = f"a path that can't be opened ({_reason(problem)})"
            if isinstance(problem, NotADirectoryError):
                given = "a file, or a path through one"
            raise FileError(
                where, given=given, expected="a folder that can be read", fix="Check the path and its permissions"
            ) from None

    def file(self, name: str) -> FolderFile:
        """Return the place of a file in it, whether there is one or not."""
        return FolderFile(self, name)

    def expect_plain(self, names: Iterable[str]) -> None:
        """Raise unless each of these is a regular file, or isn't there."""
        for name in names:
            file = self.file(name)
            status = file.status()
            if status is not None:
                expect_regular("folder", file, status)

    def close(self) -> None:
        """Close it; its files can't be opened any more."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "descriptor", None) is not None:
            self.close()


class FolderFile(os.PathLike[str]):
    """A file by its name in a `Folder`: a path for messages, and for `open_file` and `write_atomically` more than that.

    Attributes
    ----------
    folder : Folder
    name : str
        Without slashes.
    """

    def __init__(self, folder: Folder, name: str) -> None:
        self.folder, self.name = folder, name

    def __fspath__(self) -> str:
        return os.path.join(self.folder.path, self.name)

    def __str__(self) -> str:
        return os.fspath(self)

    @property
    def suffix(self) -> str:
        """The ending of its name, with the dot."""
        return os.path.splitext(self.name)[1]

    @property
    def relative(self) -> tuple[str, dict[str, Any]]:
        """What the functions of `os` take: a path, and the descriptor that it is relative to."""
        if self.folder.descriptor is None:
            return os.fspath(self), {}
        return self.name, {"dir_fd": self.folder.descriptor}

    def status(self) -> os.stat_result | None:
        """Return what `os.lstat` says; None if there is nothing of this name.

        Raises
        ------
        FileError
            If that can't be found out.
        """
        path, at = self.relative
        try:
            return os.stat(path, **at, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as problem:
            raise FileError(
                f"file {shown(self)}",
                given=f"a file that can't be looked at ({_reason(problem)})",
                expected="a readable folder",
                fix="Check its permissions",
            ) from None

    def remove(self) -> None:
        """Remove it, if it is there; of a link, the link."""
        path, at = self.relative
        try:
            os.unlink(path, **at)
        except FileNotFoundError:
            pass
        except OSError as problem:
            raise FileError(
                f"file {shown(self)}",
                given=f"a file that can't be removed ({_reason(problem)})",
                expected="a folder that can be written to",
                fix="Check its permissions",
            ) from None


def is_folder(reader: str, path: str | os.PathLike[str], expected: str = "a folder or a file") -> bool:
    """Return whether a path leads to a folder; `expected` says in errors what should be there.

    Raises
    ------
    FileError
        If there is nothing, or it can't be found out.
    """
    where = f"{reader} {shown(path)}"
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:
        raise FileError(
            where,
            given="nothing there",
            expected=expected,
            fix=f"Check the path; the working folder is {_working_folder()}",
        ) from None
    except (OSError, ValueError) as problem:
        raise FileError(
            where,
            given=f"a path that can't be looked at ({_reason(problem)})",
            expected=expected,
            fix="Check the path and its permissions",
        ) from None


def open_file(reader: str, path: str | os.PathLike[str], most: int | None = None) -> io.BufferedReader:
    """Open a regular file for reading bytes; anything else that has a path is refused without waiting for it.

    Parameters
    ----------
    reader : str
        Who speaks in errors.
    path : path
        Links are followed, unless it is a `FolderFile`.
    most : int, optional
        How many bytes it may hold.

    Returns
    -------
    io.BufferedReader
        Reading from it raises no other errors than ours.

    Raises
    ------
    FileError
        If it is missing, no regular file, can't be opened or is too large.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(reader, given=shown(path), expected="a path", fix="Pass the name of a file")
    where = f"{reader} {shown(path)}"
    try:
        # A FIFO would block an ordinary open until someone writes to it.
        if isinstance(path, FolderFile):
            status = path.status()
            if status is not None:
                expect_regular(reader, path, status)
            name, at = path.relative
            handle = os.open(name, _READ | _NO_LINK, **at)
        else:
            handle = os.open(path, _READ)
    except FileNotFoundError:
        raise FileError(
            where,
            given="no file of this name",
            expected="a file",
            fix=f"Check the path; the working folder is {_working_folder()}",
        ) from None
    except FileError:
        raise
    except (OSError, ValueError) as problem:
        raise FileError(
            where,
            given=f"a path that can't be opened ({_reason(problem)})",
            expected="a readable file",
            fix="Check the path and its permissions",
        ) from None
    try:
        status = os.fstat(handle)
        expect_regular(reader, path, status)
        if most is not None and status.st_size > most:
            raise FileError(
                where,
                given=f"a file of {status.st_size:,} bytes",
                expected=f"at most {most:,}",
                fix="No file of this kind is that large: get another copy",
            )
    except FileError:
        os.close(handle)
        raise
    return io.BufferedReader(_CheckedFile(handle, where), _BUFFER)


class _CheckedFile(io.FileIO):
    """An open file that says in our voice what goes wrong while it is read."""

    def __init__(self, handle: int, where: str) -> None:
        super().__init__(handle, "rb")
        self.where = where

    def readinto(self, buffer: Any, /) -> Any:
        try:
            return super().readinto(buffer)
        except OSError as problem:
            raise self._failure(problem) from problem

    def readall(self) -> Any:
        try:
            return super().readall()
        except OSError as problem:
            raise self._failure(problem) from problem

    def _failure(self, problem: OSError) -> FileError:
        return FileError(
            self.where,
            given=f"an error while reading ({_reason(problem)})",
            expected="a file that can be read to its end",
            fix="Copy it to another disk, and try again",
        )


def expect_regular(reader: str, path: str | os.PathLike[str], status: os.stat_result) -> None:
    """Raise unless what was found under a path is a regular file."""
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return
    given = "a folder" if stat.S_ISDIR(mode) else "a link" if stat.S_ISLNK(mode) else "a pipe or a device"
    raise FileError(
        f"{reader} {shown(path)}",
        given=given,
        expected="a regular file",
        fix="Put the file itself there" if isinstance(path, FolderFile) else "Pass the path of the file itself",
    )


def absolute(where: str, path: str | os.PathLike[str]) -> str:
    """Return a path that doesn't depend on the working folder.

    Raises
    ------
    FileError
        If the path depends on it, and it is gone.
    """
    try:
        return os.path.abspath(path)
    except OSError:
        raise FileError(
            f"{where} {shown(path)}",
            given="a path in a working folder that is gone",
            expected="one that is there",
            fix="Change to another folder, or name the whole path",
        ) from None


def file_size(file: io.BufferedReader) -> int:
    """Return how many bytes an open file holds."""
    return os.fstat(file.fileno()).st_size


def _reason(problem: Exception) -> str:
    return (problem.strerror if isinstance(problem, OSError) else None) or str(problem)


def _working_folder() -> str:
    try:
        return shown(os.getcwd())
    except OSError:
        return "gone"


def read_exactly(where: str, stream: Readable, count: int) -> NDArray[np.uint8]:
    """Return the next `count` bytes; fewer are an error. Memory is only touched as the bytes arrive."""
    try:
        data = np.empty(count, np.uint8)
    except MemoryError:
        raise FileError(
            where,
            given=f"{count} bytes of values",
            expected="values that fit into memory",
            fix="Use read_npy with memory_map=True for data larger than memory",
        ) from None
    done = 0
    while done < count:
        chunk = np.frombuffer(stream.read(min(_CHUNK, count - done)), np.uint8)
        if len(chunk) == 0:
            raise FileError(
                where,
                given=f"a file that ends after {done} of {count} bytes of values",
                expected="all of them",
                fix="The file is cut short: fetch or write it again",
            )
        data[done : done + len(chunk)] = chunk
        done += len(chunk)
    return data
