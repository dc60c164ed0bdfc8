"""What lasts: files that are refused, runs that are stopped and killed, crashes, and the same bytes.

Short forms of `make soak`, which does the same many more times; cases and helpers are those of tests/.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import soak

from claims.figure import (
    ROOT,
    Figure,
    Options,
    all_of,
    at_least,
    at_most,
    chainrule,
    command,
    megabytes,
    milliseconds,
    stated,
)
from claims.figure import seconds as in_seconds
from claims.tested import cases


def hostile_files(options: Options) -> Iterator[Figure]:
    """Load every hostile file in a process under an audit hook."""
    from tests.files.test_hostile import allowed, expect_nothing_but_the_file, watched

    with tempfile.TemporaryDirectory() as folder:
        reports = watched(Path(folder))
        del reports["the good file"]
        refused = [outcome == "FileError" for _, outcome, *_ in reports.values()]
        slowest = max(seconds for _, _, _, seconds, _, _ in reports.values())
        memory = max(memory / allowed(path) for path, _, _, _, memory, _ in reports.values())
        quiet = sum(not _raises(expect_nothing_but_the_file, path, seen) for path, *_, seen in reports.values())
    yield at_least("hostile model files", len(reports), 80, "{:.0f}".format)
    yield all_of("hostile model files: refused with one clear error", sum(refused), len(refused))
    yield all_of("hostile model files: nothing imported, run, or opened besides", quiet, len(reports))
    yield at_most("hostile model files: slowest refusal", slowest, 0.1, milliseconds)
    name = "hostile model files: most memory, as a share of twice the file + 16 MiB"
    yield at_most(name, memory, 1.0, "{:.2f}".format)


def broken_files(options: Options) -> Iterator[Figure]:
    """Read files of every format that are broken at random, and a good one with single bits flipped."""
    count = options.count(10_000, 2000)
    yield _soaked("errors of others, warnings, hangs: broken files at random", "0", soak.fuzz, count)
    yield _soaked("single bits of a model file flipped", "all seen", soak.bits, options.count(2000, 500))


def bombs(options: Options) -> Iterator[Figure]:
    """Read small files that ask for much, each in a process that does nothing else, and wide and long tables."""
    from tests.bombs import BOMBS, MIB, reports

    with tempfile.TemporaryDirectory() as folder:
        told = reports(Path(folder))
    right = sum(report.outcome == ("refused" if BOMBS[name].refused else "read") for name, report in told.items())
    yield all_of("small files that ask for much: refused, or read without it", right, len(told))
    yield at_most("small files that ask for much: slowest", max(r.seconds for r in told.values()), 0.2, milliseconds)
    most = max(report.memory for report in told.values()) / MIB
    yield at_most("small files that ask for much: most memory", most, 50, megabytes)


def tables(options: Options) -> Iterator[Figure]:
    """Read a table of genes, and one with many rows."""
    rows, columns = 200, 60_000
    with tempfile.TemporaryDirectory() as folder:
        seconds, _ = _read_table(Path(folder, "genes.csv"), rows, columns)
        yield at_most(f"CSV of {columns:,} columns and {rows} rows", seconds, 5, in_seconds)
        rows, columns = options.count(1_000_000, 100_000), 20
        seconds, share = _read_table(Path(folder, "long.csv"), rows, columns)
        yield stated(f"CSV of {rows:,} rows and {columns} columns", f"{seconds:.1f} s", seconds)
        yield at_most("memory that reading it takes, as a share of the file", share, 3, "{:.1f}".format)


def _read_table(path: Path, rows: int, columns: int) -> tuple[float, float]:
    """Write a table and read it; return the seconds, and the peak of memory as a share of the file."""
    import random

    cells = [f"{random.Random(0).gauss(0, 1):.4f}" for _ in range(1000)]
    with path.open("w") as file:
        file.write(",".join(f"gene{i}" for i in range(columns)) + ",kind\n")
        for i in range(rows):
            file.write(",".join(cells[(i + j) % 1000] for j in range(columns)) + f",k{i % 3}\n")
    code = (
        "import sys, time, chainrule as cr\n"
        "def memory(kind): return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith(kind))\n"
        "cr.data.read_csv; before, began = memory('VmRSS:'), time.perf_counter()\n"
        "cr.data.read_csv(sys.argv[1], target='kind')\n"
        "print(time.perf_counter() - began, (memory('VmHWM:') - before) * 1024)"
    )
    seconds, memory = map(float, command([sys.executable, "-c", code, str(path)], ROOT).split())
    return seconds, memory / path.stat().st_size


def crashes(options: Options) -> Iterator[Figure]:
    """Cut the power in every state that a disk can be in, fail every operation of a save, and kill runs that save."""
    import pytest

    from chainrule.files import write_atomically
    from tests.files.test_power_loss import outcomes, recorded

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path, contents = Path(folder, "a"), [b"first" * 100, b"second" * 100, b"third" * 100]
        steps = recorded([lambda data=data: write_atomically(path, data) for data in contents], patch)
        count, torn, lost = outcomes(path, steps, contents)
    yield all_of("power loss: crash states with nothing torn or lost", count - torn - lost, count)
    found = cases("failure_of_any_operation or interruption_at_any", ["tests/files"])
    yield all_of("a save with any operation failing", sum(right for _, right in found), len(found), "old file intact")
    yield _soaked("kill -9 of a run that saves after every step", "nothing lost", soak.kills, options.count(20, 5))


def resuming(options: Options) -> Iterator[Figure]:
    """Stop runs at random steps, and compare what they become with runs that were never stopped."""
    yield _soaked("runs stopped anywhere and resumed", "the same bytes", soak.stops, options.count(40, 10))


def going_on(options: Options) -> Iterator[Figure]:
    """Go on from the weights of a run at a tenth of its rate, by command and from Python."""
    import chainrule as cr
    from chainrule import recipes
    from chainrule.recipes.samples import gather

    right = 0
    with tempfile.TemporaryDirectory() as folder:
        chainrule("train", "digits", "--epochs", "4", "--learning-rate", "0.005", "--no-pictures", folder=Path(folder))
        parent = Path(folder, "runs", "digits-001")
        samples = gather(recipes.load("digits"))
        for number, weights in enumerate(("best", "last"), 2):
            line = ("--from", "runs/digits-001", "--weights", weights, "--learning-rate", "0.0005", "--epochs", "3")
            said = chainrule("train", "digits", *line, "--no-pictures", folder=Path(folder)).splitlines()[0]
            network = cr.load(parent / f"{weights}.safetensors")
            step = network.optimizer_state.step + 1
            network.optimizer.learning_rate = 0.0005
            cr.train(network, *samples.train, epochs=3, validation_data=samples.validation)
            child = cr.load(parent.with_name(f"digits-{number:03}") / "best.safetensors")
            told = (
                f"at learning rate 0.0005, step {step} of Adam, with the {weights} weights of runs/digits-001" in said
            )
            right += told and child.parameters.tobytes() == network.parameters.tobytes()
    claimed = "the same bytes; the log begins with rate, step, weights"
    yield all_of("going on at a tenth of the rate, by command and from Python", right, 2, claimed)
    found = cases("another_scale or ordinary", ["tests/nn/test_input_range.py"])
    told = "warned of, or not, as they should be"
    yield all_of("samples of another scale, and ordinary ones", sum(ok for _, ok in found), len(found), told)


def same_bytes(options: Options) -> Iterator[Figure]:
    """Run every configuration in three processes, and time what one thread costs a wide network."""
    yield _soaked("the same seed, and --deterministic", "identical files", soak.same, 3)
    import msgspec

    from chainrule import recipes
    from tests.recipes.configurations import WIDE

    least = {1: float("inf"), 2: float("inf")}
    with tempfile.TemporaryDirectory() as out:
        for _ in range(options.count(5, 2)):
            for threads in least:
                recipe = msgspec.structs.replace(WIDE, deterministic=False, threads=threads)
                least[threads] = min(least[threads], recipes.run(recipe, out=out).seconds)
    ratio = least[1] / least[2]
    told = f"{ratio:.2f} times that of 2, 2-700-600-3 in batches of 300"
    yield stated("cost of --deterministic: time of 1 thread", told, ratio)


def _soaked(name: str, claimed: str, soaking: Callable[[int, Path], soak.Outcome], count: int) -> Figure:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        ok, said = soaking(count, Path(out))
    return Figure(name, claimed, f"{said} ({time.perf_counter() - began:.0f} s)", ok, count)


def _raises(check: Callable[..., None], *arguments: object) -> bool:
    try:
        check(*arguments)
    except AssertionError:
        return True
    return False
