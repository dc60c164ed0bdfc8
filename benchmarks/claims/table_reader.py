"""The reader of any table: how long a million rows take and how much memory, and odd tables."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import soak

from claims.figure import ROOT, Figure, Options, all_of, at_most, command
from claims.figure import seconds as in_seconds

COLUMNS = 20
_CODE = (
    "import sys, time, chainrule as cr\n"
    "def memory(kind): return next(int(l.split()[1]) for l in open('/proc/self/status') if l.startswith(kind))\n"
    "cr.data.read_table; before, began = memory('VmRSS:'), time.perf_counter()\n"
    "cr.data.read_table(sys.argv[1])\n"
    "print(time.perf_counter() - began, (memory('VmHWM:') - before) * 1024)"
)
Cell = Callable[[random.Random], str]


def _number(rng: random.Random) -> str:
    return f"{rng.gauss(0, 1):.4f}"


def _whole(rng: random.Random) -> str:
    return str(rng.randrange(10_000))


def _gappy(rng: random.Random) -> str:
    return "" if rng.random() < 0.05 else _number(rng)


def _word(rng: random.Random) -> str:
    return f"k{rng.randrange(50)}"


def _day(rng: random.Random) -> str:
    return f"20{rng.randrange(10, 25)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"


def _comma(rng: random.Random) -> str:
    return _number(rng).replace(".", ",")


KINDS: dict[str, tuple[list[Cell], str]] = {
    "numbers": ([_number] * 19 + [_word], ","),
    "numbers, gaps, words and dates": ([_number] * 8 + [_whole] * 4 + [_gappy] * 3 + [_word] * 4 + [_day], ","),
    "decimal commas": ([_comma] * 20, ";"),
}


def write_table(path: Path, cells: list[Cell], delimiter: str, rows: int) -> None:
    """Write a table of such cells; each column repeats a thousand of them, in an order that differs by column."""
    rng = random.Random(0)
    pools = [[cell(rng) for _ in range(997 + 2 * i)] for i, cell in enumerate(cells)]
    with path.open("w", encoding="utf-8") as file:
        file.write(delimiter.join(f"c{i}" for i in range(len(cells))) + "\n")
        for row in range(rows):
            file.write(delimiter.join(pool[row % len(pool)] for pool in pools) + "\n")


def table_reader(options: Options) -> Iterator[Figure]:
    """Read long tables of several kinds, each in a process of its own, and broken ones."""
    rows = options.count(1_000_000, 100_000)
    for name, (cells, delimiter) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "long.csv")
            write_table(path, cells, delimiter, rows)
            seconds, memory = map(float, command([sys.executable, "-c", _CODE, str(path)], ROOT).split())
            share = memory / path.stat().st_size
        told = f"table of {rows:,} rows and {COLUMNS} columns, {name}"
        yield at_most(told, seconds, 5, in_seconds)
        yield at_most(f"{told}: memory, as a share of the file", share, 3, "{:.1f}".format)
    count = options.count(20_000, 2_000)
    with tempfile.TemporaryDirectory() as folder:
        right, said = soak.tables(count, Path(folder))
    yield all_of("odd tables: read, or refused by our own error", count if right else 0, count, note=f" ({said})")
