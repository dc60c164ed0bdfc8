"""Who trains a run: one process at a time, so that two trainings never mix in one folder.

The holder keeps a lock on the file ``run.lock`` (``flock``), which the system lifts when the process ends, however it
ends. Where there are no such locks, the file being there is the lock; it is stale if the process that it names, on
this very machine, is gone.
"""

from __future__ import annotations

import errno
import os
import platform
import sys
import time
from contextlib import suppress
from typing import NoReturn

import msgspec

from chainrule.data.opening import Folder, expect_regular, shown
from chainrule.errors import FileError, MisuseError, printable
from chainrule.files.atomic import failure
from chainrule.recipes.folder import LOCK, MOST, decoded

if sys.platform != "win32":
    import fcntl

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
        except OSError:  # somebody else's, but alive
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
        If somebody else is training it, and who.
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
            elif locked is None:  # whoever made the file holds the run
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
        """Return who signed the lock; None if nobody has, though whoever took it just now was given time to."""
        for _ in range(20):
            try:
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                if told := os.read(self._descriptor, MOST[LOCK]):
                    return decoded("run.lock", told, Holder)
            except OSError:  # a FileError too: it is signed by nobody
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
    """Lock an open file; return False where somebody else has it, None where there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        return False if problem.errno in _HELD else None
    return True
