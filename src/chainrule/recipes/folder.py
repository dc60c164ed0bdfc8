"""The folder of a run: made once, with the next free number, never written over, and trained by one process at a time.

A run folder may come from a stranger, so all that is read and written in it goes through `chainrule.data.opening`:
plain files of this very folder, each no larger than one of its kind can be. The process that trains keeps a lock on the
file ``run.lock`` (``flock``), which the system lifts when the process ends, however it ends. Where there are no such
locks, the file being there is the lock; it is stale if the process that it names, on this very machine, is gone.
"""

from __future__ import annotations

import errno
import os
import platform
import re
import sys
import time
from contextlib import suppress
from typing import Annotated, Any, NoReturn, TypeAlias, TypeVar

import msgspec

from chainrule.data.opening import Folder, FolderFile, absolute, expect_regular, open_file, shown
from chainrule.errors import FileError, MisuseError, printable
from chainrule.files.atomic import failure
from chainrule.recipes.recipe import Recipe, from_toml, located

if sys.platform != "win32":
    import fcntl

T = TypeVar("T")

BEST, LAST, RECIPE = "best.safetensors", "last.safetensors", "recipe.toml"
LOG, STORY, ENVIRONMENT, RESULT = "log.jsonl", "log.txt", "environment.json", "result.json"
LOCK = "run.lock"
FILES = (RECIPE, BEST, LAST, LOG, STORY, ENVIRONMENT, RESULT, LOCK)

#: How many bytes a file of each kind may hold; model files say it themselves, in their headers.
MOST = {RECIPE: 1 << 20, LOG: 16 << 20, STORY: 4 << 20, ENVIRONMENT: 1 << 16, RESULT: 1 << 18, LOCK: 1 << 12}


def new_folder(out: str | os.PathLike[str], name: str) -> str:
    """Make the folder ``<out>/<name>-001``, or with the next free number, and return its path.

    Of several processes that ask at once each gets its own.

    Raises
    ------
    FileError
        If no folder can be made there.

    Examples
    --------
    >>> import os, tempfile
    >>> runs = tempfile.mkdtemp()
    >>> [os.path.basename(new_folder(runs, "xor")) for _ in range(2)]
    ['xor-001', 'xor-002']
    """
    out = os.fspath(out)
    try:
        os.makedirs(out, exist_ok=True)
        numbered = re.compile(re.escape(name) + r"-([0-9]{3,9})")
        taken = [int(match[1]) for entry in os.listdir(out) if (match := numbered.fullmatch(entry))]
        number = max(taken, default=0) + 1
        while True:
            folder = os.path.join(out, f"{name}-{number:03}")
            try:
                os.mkdir(folder)
            except FileExistsError:  # another process was faster
                number += 1
            else:
                return folder
    except (OSError, ValueError) as problem:
        raise _impossible(out, problem) from None


def own_folder(path: str | os.PathLike[str]) -> str:
    """Make a folder that isn't there yet, and return its path.

    Raises
    ------
    FileError
        If something is there already, or no folder can be made.

    Examples
    --------
    >>> import tempfile
    >>> runs = tempfile.mkdtemp()
    >>> own_folder(runs)
    Traceback (most recent call last):
    chainrule.errors.FileError: run folder: got ..., which is there already, but ...
    """
    path = os.fspath(path)
    try:
        os.makedirs(os.path.dirname(absolute("run folder", path)), exist_ok=True)
        os.mkdir(path)
    except FileExistsError:
        raise FileError(
            "run folder",
            given=f"{path!r}, which is there already",
            expected="a new name, because runs are never written over",
            fix="Name another one: --out RUN",
        ) from None
    except (OSError, ValueError) as problem:
        raise _impossible(path, problem) from None
    return path


def expect_files(folder: Folder, *names: str) -> None:
    """Raise unless these are in the folder of a run.

    Raises
    ------
    FileError
        If one is missing, or is no plain file.
    """
    folder.expect_plain(names)
    for name in names:
        if folder.file(name).status() is None:
            raise FileError(
                f"run {folder.path!r}",
                given=f"a folder without {name}",
                expected="the folder of a run",
                fix="Name a folder that train made, such as runs/xor-001; chainrule runs lists them",
            )


def read_bytes(file: FolderFile) -> bytes:
    """Return what a file in the folder of a run holds, if it is no larger than one of its kind can be.

    Raises
    ------
    FileError
        If it is missing, no plain file, too large, or can't be read.
    """
    with open_file("run", file, MOST[file.name]) as opened:
        return opened.read(MOST[file.name])


def read_json(file: FolderFile, kind: type[T]) -> T:
    """Return what a JSON file in the folder of a run says.

    Raises
    ------
    FileError
        If it is missing, or anything about it is not of this kind.
    """
    return decoded(f"run {shown(file)}", read_bytes(file), kind)


def decoded(where: str, data: bytes, kind: type[T]) -> T:
    """Return what JSON stands for.

    Raises
    ------
    FileError
        If anything about it is not of this kind.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise FileError(
            where,
            given=f"what chainrule doesn't write ({str(problem).rstrip('.')})",
            expected="the file as a run leaves it",
            fix="It was damaged or changed since: get another copy",
        ) from None


# A number, or the text that stands for one that is not finite; by name.
_Short: TypeAlias = Annotated[str, msgspec.Meta(max_length=20)]
_Figures: TypeAlias = dict[Annotated[str, msgspec.Meta(max_length=100)], float | _Short | None]


class _Result(msgspec.Struct, frozen=True):
    """What a run says it came to: as much of it as is shown, and nothing of another type."""

    stopped: Annotated[str, msgspec.Meta(max_length=200)]
    best_epoch: Annotated[int, msgspec.Meta(ge=0, lt=2**53)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] | None = None
    parameters: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    train: _Figures | None = None
    validation: _Figures | None = None
    test: _Figures | None = None


def read_result(file: FolderFile) -> tuple[dict[str, Any] | None, str]:
    """Return what a run came to, None if it is not there; and what is wrong with the file, if anything."""
    try:
        if file.status() is None:
            return None, ""
        return msgspec.to_builtins(read_json(file, _Result)), ""
    except FileError as problem:
        return None, str(problem)


def read_recipe(folder: Folder) -> Recipe:
    """Return the recipe of a run.

    Raises
    ------
    FileError
        If its file is missing, or can't be read.
    InputError
        If it holds no recipe.
    """
    file = folder.file(RECIPE)
    try:
        text = read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(
            f"recipe {str(file)!r}",
            given="a file that is no recipe (it is not UTF-8)",
            expected="a recipe in TOML",
            fix="Check the path",
        ) from None
    return located(from_toml(text, f"recipe {str(file)!r}"), folder.path)


def _impossible(path: str, problem: Exception) -> FileError:
    reason = getattr(problem, "strerror", None) or str(problem)
    return FileError(
        "run folder",
        given=f"{path!r}, where no folder can be made ({reason})"[:300],
        expected="a folder that can be written to",
        fix="Name another one: --out DIR",
    )


_OPEN = (
    os.O_RDWR | os.O_CREAT | sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
)
_HELD = {errno.EAGAIN, errno.EACCES}


class Holder(msgspec.Struct, frozen=True):
    """Who holds a run: what ``run.lock`` says.

    Attributes
    ----------
    host : str
    process : int
    since : str
    """

    host: str
    process: int
    since: str

    @property
    def gone(self) -> bool:
        """Whether it was a process of this machine that is no more."""
        if self.host != platform.node() or not 0 < self.process < 2**31:
            return False
        if sys.platform == "win32":  # where a signal of 0 would end it
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:  # another user's, but alive
            return False
        return False


class RunLock:
    """The right to train a run, until it is released.

    Parameters
    ----------
    folder : Folder
        The run's.

    Raises
    ------
    MisuseError
        If another process is training it, and which.
    FileError
        If the lock can't be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = Folder("run", tempfile.mkdtemp())
    >>> lock = RunLock(folder)
    >>> RunLock(folder)
    Traceback (most recent call last):
    chainrule.errors.MisuseError: run '...': got a run that process ... has been training since ...
    >>> lock.release()
    """

    def __init__(self, folder: Folder) -> None:
        self.folder, self.file = folder, folder.file(LOCK)
        try:
            while not self._taken():
                pass
        except OSError as problem:
            raise (
                problem if isinstance(problem, FileError) else failure(f"run {shown(self.file)}", problem)
            ) from problem
        self._sign()

    def release(self) -> None:
        """Let others train the run."""
        if sys.platform == "win32":  # where an open file can't be removed
            os.close(self._descriptor)
        with suppress(FileError):  # the lock ends with its file being closed, whether its name can be removed or not
            self.file.remove()
        if sys.platform != "win32":
            os.close(self._descriptor)

    def _taken(self) -> bool:
        """Return whether the run is ours now; False if the file was removed meanwhile, by who held it or as stale."""
        path, at = self.file.relative
        self.folder.expect_plain([LOCK])
        try:
            self._descriptor, created = os.open(path, _OPEN | os.O_EXCL, 0o666, **at), True
        except FileExistsError:
            self._descriptor, created = os.open(path, _OPEN, 0o666, **at), False
        keep = False
        try:
            expect_regular("run", self.file, os.fstat(self._descriptor))
            locked = _locked(self._descriptor)
            if locked is None and created:
                keep = True
            elif locked is None:  # the process that made the file holds the run
                holder = self._holder()
                if holder is None or not holder.gone:
                    self._refuse(holder, f"; if nobody trains it, remove {LOCK} from its folder")
                self.file.remove()
            elif not locked:
                self._refuse(self._holder(), "")
            else:
                ours, there = os.fstat(self._descriptor), self.file.status()
                keep = there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
                if keep and ours.st_nlink > 1:  # a file that has a second name elsewhere must not be written to
                    self.file.remove()
                    keep = False
        finally:
            if not keep:
                os.close(self._descriptor)
        return keep

    def _holder(self) -> Holder | None:
        """Return who signed the lock; None if there is no signature, though a new holder was given time to write it."""
        for _ in range(20):
            try:
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                if content := os.read(self._descriptor, MOST[LOCK]):
                    return decoded("run.lock", content, Holder)
            except OSError:  # a FileError too: there is no signature
                return None
            time.sleep(0.01)
        return None

    def _refuse(self, holder: Holder | None, besides: str) -> NoReturn:
        who = "another process is training"
        if holder is not None:
            host, since = (printable(text)[:80] for text in (holder.host, holder.since))
            who = f"process {holder.process} on {host} has been training since {since}"
        raise MisuseError(
            f"run {self.folder.path!r}",
            given=f"a run that {who}",
            expected="one that nobody else trains",
            fix=f"Wait until it is done, or stop it, and go on with the run then{besides}",
        )

    def _sign(self) -> None:
        """Write down who holds the run; where the disk is full it is held all the same."""
        holder = Holder(platform.node(), os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S"))
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, msgspec.json.encode(holder))


def _locked(descriptor: int) -> bool | None:
    """Lock an open file; return False where another process has it, None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        return False if problem.errno in _HELD else None
    return True
