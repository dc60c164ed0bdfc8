"""Two processes that go on with the same runs at the same moments."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from chainrule import recipes
from chainrule.cli import status
from chainrule.training import Callback, Training
from tests.recipes.full_disk import SMALL, what_is_left


class Stop(Callback):
    """Ends a training after its first step, as Ctrl-C does."""

    def after_step(self, training: Training) -> None:
        training.stop("interrupted")


def races(count: int, out: Path) -> tuple[int, list[str]]:
    """Let two processes resume each of so many runs; return in how many exactly one did, and what the others said."""
    whole = what_is_left(Path(recipes.run(SMALL, out=out / "whole").run))
    folders = [recipes.run(SMALL, out=out / "races", callbacks=[Stop()]).run for _ in range(count)]
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_resume, args=(folders, barrier, told)) for _ in range(2)]
    for worker in workers:
        worker.start()
    outcomes = [told.get(timeout=600) for _ in range(2 * count)]
    for worker in workers:
        worker.join()
    right, said = 0, []
    for folder in folders:
        codes, lines = zip(*((code, line) for name, code, line in outcomes if name == folder), strict=True)
        same = what_is_left(Path(folder)) == whole
        right += sorted(codes) == [0, 2] and same
        said += [f"{codes} {'same' if same else 'other bytes'}: {line}" for line in lines if line]
    return right, said


def _resume(folders: list[str], barrier: Barrier, told: Queue[tuple[str, int, str]]) -> None:
    for folder in folders:
        said = io.StringIO()
        barrier.wait(timeout=600)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            code = status(["resume", folder, "--no-pictures"])
        told.put((folder, code, said.getvalue()))
