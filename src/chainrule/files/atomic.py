"""Writing a file whole or not at all, whatever happens: the one way in which chainrule saves anything.

A temporary file beside the target is written, forced to the disk and renamed over it, and the folder is forced to
the disk too: after a crash or a power cut there is the old file or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import string
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias

from chainrule.data.opening import FolderFile, shown
from chainrule.errors import FileError, InputError

if sys.platform != "win32":
    import fcntl

Path: TypeAlias = "str | os.PathLike[str]"

_ENDING = ".tmp"
_RANDOM = 16  # hexadecimal digits in the name of a temporary file
_LONGEST_NAME = 100  # characters of the target's name in that of the temporary file, which must not get too long
_NO_FSYNC_OF_FOLDERS = {errno.EINVAL, errno.ENOTSUP}

_REASONS = {
    errno.ENOSPC: ("a disk that is full", "Make room, or save elsewhere"),
    errno.EDQUOT: ("a disk quota that is used up", "Make room, or save elsewhere"),
    errno.EFBIG: ("a file that is larger than allowed here", "Raise the limit (ulimit -f), or save elsewhere"),
    errno.EACCES: ("no permission to write here", "Choose a folder of your own"),
    errno.EPERM: ("no permission to write here", "Choose a folder of your own"),
    errno.EROFS: ("a disk that is read-only", "Save elsewhere"),
    errno.ENOENT: ("a folder that does not exist", "Make the folder first"),
    errno.ENOTDIR: ("a path through something that is no folder", "Correct the path"),
    errno.ENAMETOOLONG: ("a name that is too long", "Choose a shorter one"),
    errno.ELOOP: ("links that lead in a circle", "Remove them, or save elsewhere"),
    errno.EIO: ("an error of the disk itself", "Save elsewhere, and look after the disk"),
}


def write_atomically(path: Path, data: bytes | Callable[[BinaryIO], object], *, where: str = "save") -> None:
    """Write a file so that there is the old one or the new one, whole, at any moment.

    A link is followed: the file it points to is replaced; but in a `Folder` of a stranger's it is refused. The new file
    has the permissions that any new file gets. When this returns, the file is on the disk.

    Parameters
    ----------
    path : path
        Where to; the folder must exist.
    data : bytes, or function of a binary file
        What to write, or what writes it.
    where : str
        Who speaks in errors.

    Raises
    ------
    FileError
        If it can't be written. What was there before is untouched, and nothing else is left behind. Only when the
        very last step fails, forcing the folder to the disk, the new file is in place.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
    >>> write_atomically(path, b"whole")
    >>> path.read_bytes()
    b'whole'
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(where, given=shown(path), expected="a path", fix="Pass the name of a file")
    where = f"{where} {shown(path)}"
    try:
        if isinstance(path, FolderFile):
            place = Place(path.folder.path, path.name, path.folder.descriptor)
        else:
            place = Place(*os.path.split(os.path.realpath(os.fsdecode(path))))
        _expect_replaceable(where, place)
        _sweep(place)
        with _temporary(place) as (temporary, file):
            if callable(data):
                data(file)
            else:
                file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if sys.platform == "win32":
                file.close()  # an open file can't be renamed there; elsewhere it keeps its lock until it is
            there = {} if place.descriptor is None else {f"{end}_dir_fd": place.descriptor for end in ("src", "dst")}
            os.replace(temporary, place.path(place.name), **there)
        _force_folder(place)
    except FileError:
        raise
    except OSError as error:
        raise failure(where, error) from error
    except ValueError as error:
        if "null byte" not in str(error) and "null character" not in str(error):
            raise
        raise FileError(where, given="a name with a NUL in it", expected="a name", fix="Correct the path") from error


def failure(where: str, error: OSError) -> FileError:
    """Return in our voice what the system says of a file that can't be written."""
    given, fix = _REASONS.get(
        error.errno or 0, (f"a refusal by the system ({error.strerror or error})", "Try to save elsewhere")
    )
    return FileError(where, given=given, expected="a place to write a file", fix=fix)


@dataclass(frozen=True)
class Place:
    """Where a file is to be: its name in a folder, which is a path, or open already."""

    folder: str
    name: str
    descriptor: int | None = None

    def path(self, name: str) -> str:
        """Return what stands for a name in the folder, together with `at`."""
        return name if self.descriptor is not None else os.path.join(self.folder, name)

    @property
    def at(self) -> dict[str, Any]:
        """What the functions of `os` take besides."""
        return {} if self.descriptor is None else {"dir_fd": self.descriptor}

    def names(self) -> list[str]:
        """Return what is in the folder."""
        return os.listdir(self.folder if self.descriptor is None else self.descriptor)


def _expect_replaceable(where: str, place: Place) -> None:
    """Raise if something is there that must not be replaced by a file."""
    target = place.path(place.name)
    try:
        mode = os.stat(target, **place.at, follow_symlinks=place.descriptor is None).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise FileError(where, given="a folder", expected="the name of a file", fix="Add a name to the path")
    if not stat.S_ISREG(mode):
        given = "a link" if stat.S_ISLNK(mode) else "a pipe or a device"
        raise FileError(where, given=given, expected="a file", fix="Choose another name")
    if not os.access(target, os.W_OK, **place.at):
        raise FileError(
            where, given="a file that is write-protected", expected="one to replace", fix="Choose another name"
        )


@contextlib.contextmanager
def _temporary(place: Place) -> Iterator[tuple[str, BinaryIO]]:
    """Open a new file beside the target, locked so that no process removes it; remove it if anything goes wrong."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    path = ""
    try:
        while True:
            path = place.path(f"{_stem(place.name)}{secrets.token_hex(_RANDOM // 2)}{_ENDING}")
            with os.fdopen(os.open(path, flags, 0o666, **place.at), "wb") as file:  # the system takes the umask off
                lock(file.fileno(), wait=True)
                if os.fstat(file.fileno()).st_nlink:
                    yield path, file
                    return
            # Another saver of this file has swept it away just before it was locked: once more.
    except BaseException:  # Ctrl-C, too
        with contextlib.suppress(OSError):
            os.unlink(path, **place.at)
        raise


def _stem(name: str) -> str:
    return f".{name[:_LONGEST_NAME]}."


def lock(descriptor: int, *, wait: bool) -> bool:
    """Lock an open file until it is closed; False where another process has it, or there are no locks."""
    if sys.platform == "win32":  # where a file that is being written can't be removed anyway
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sweep(place: Place) -> None:
    """Remove what processes that were killed while they saved this file have left: its lock is free."""
    stem = _stem(place.name)
    try:
        left = [n for n in place.names() if n.startswith(stem) and _is_random(n[len(stem) :])]
    except OSError:  # a folder one may write to but not list
        return
    for entry in left:
        with contextlib.suppress(OSError):
            path = place.path(entry)
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            descriptor = os.open(path, flags, **place.at)
            try:
                if lock(descriptor, wait=False):
                    os.unlink(path, **place.at)
            finally:
                os.close(descriptor)


def _is_random(ending: str) -> bool:
    word = ending.removesuffix(_ENDING)
    return len(ending) == _RANDOM + len(_ENDING) and len(word) == _RANDOM and not set(word) - set(string.hexdigits)


def _force_folder(place: Place) -> None:
    """Bring a renaming to the disk."""
    if sys.platform == "win32":  # no folder can be opened there
        return
    path = place.folder if place.descriptor is None else "."
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0), **place.at)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FSYNC_OF_FOLDERS:
            raise
    finally:
        os.close(descriptor)
