"""`make figures`: measure every figure that the documentation claims, now, and print them beside their bounds.

    python benchmarks/figures.py --quick
    python benchmarks/figures.py --only xor,start --json figures.json
    python benchmarks/figures.py --write

Exits with 1 if a bound is missed. What can't be measured here says why, and misses nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
from claims import (
    adapters,
    advice,
    columns,
    core,
    derivatives,
    engine,
    explaining,
    first_minute,
    founding,
    installing,
    lasting,
    learning,
    other_words,
    own_tables,
    pages,
    planted,
    table_reader,
    tested,
    thirty_epochs,
    untrusted,
    world,
)
from claims.figure import ROOT, Figure, Measurement, Options, Unavailable
from machine import machine

PAGE = ROOT / "docs" / "figures.md"
MEASUREMENTS: dict[str, Measurement] = {
    "fresh-clone": installing.fresh_clone,
    "start": installing.start,
    "installed-size": installing.installed_size,
    "wheel": installing.wheel,
    "core": core.core,
    "other-words": other_words.other_words,
    "first-minute": first_minute.first_minute,
    "calls": engine.calls,
    "memory": engine.memory,
    "closedness": engine.closedness,
    "xor": learning.xor,
    "xor-pictures": learning.xor_pictures,
    "columns": columns.columns,
    "own-tables": own_tables.own_tables,
    "house-prices": learning.house_prices,
    "document-1": founding.document_1,
    "plateau": founding.plateau,
    "l2-slip": founding.l2_slip,
    "mnist": learning.mnist,
    "mnist-best": learning.mnist_best,
    "founding": founding.founding,
    "thirty-epochs": thirty_epochs.thirty_epochs,
    "derivatives": derivatives.derivatives,
    "wrong-derivatives": derivatives.wrong_derivatives,
    "kinks": derivatives.kinks,
    "per-sample-descent": derivatives.per_sample_descent,
    "jacobians": derivatives.jacobians,
    "exact": tested.exact,
    "typing": tested.typing,
    "bad-input": tested.bad_input,
    "planted-faults": planted.planted_faults,
    "hostile-files": lasting.hostile_files,
    "broken-files": lasting.broken_files,
    "injection": untrusted.injection,
    "bombs": lasting.bombs,
    "tables": lasting.tables,
    "table-reader": table_reader.table_reader,
    "crashes": lasting.crashes,
    "resuming": lasting.resuming,
    "going-on": lasting.going_on,
    "same-bytes": lasting.same_bytes,
    "hostile-folders": world.hostile_folders,
    "full-disks": world.full_disks,
    "closed-outputs": world.closed_outputs,
    "races": world.races,
    "estimators": adapters.estimators,
    "fitting": adapters.fitting,
    "onnx": adapters.onnx_networks,
    "pytorch-networks": adapters.pytorch_networks,
    "models-of-others": adapters.models_of_others,
    "wake-words": adapters.wake_words,
    "numpy-pages": adapters.numpy_pages,
    "hostile-onnx": adapters.hostile_onnx,
    "pytorch": derivatives.against_pytorch,
    "watching": explaining.watching,
    "explanations": explaining.explanations,
    "pages": pages.pages,
    "advice": advice.advice,
    "textbook": explaining.textbook_forms,
    "mistakes": explaining.mistakes,
    "pasted": explaining.pasted,
    "one-weight": explaining.one_weight_alone,
}


Row = tuple[str, str, str, str]


def main() -> int:
    """Measure what the options ask for; return the exit status."""
    options = parser().parse_args()
    names = chosen(options.only)
    told = {"machine": machine(), "quick": options.quick}
    held_on = described(told["machine"], options.quick)
    print(held_on, flush=True)
    figures: list[Figure] = []
    for name in names:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        began = time.perf_counter()
        figures += measured(name, Options(options.quick))
        print(f"measuring {name} took {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    rows = rows_of(figures)
    print(f"\n{table(rows)}\n")
    missed = [figure for figure in figures if figure.met is False]
    unmeasured = [figure for figure in figures if figure.verdict == "not measured"]
    met = sum(figure.met is True for figure in figures)
    print(f"{met} met, {len(missed)} missed, {len(unmeasured)} not measured.")
    if options.json:
        records = [asdict(figure) | {"verdict": figure.verdict} for figure in figures]
        text = json.dumps({**told, "figures": records}, indent=1, ensure_ascii=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.write:
        write(held_on, rows, whole=not options.only)
    return 1 if missed else 0


def write(held_on: str, rows: list[Row], *, whole: bool) -> None:
    """Put what was measured into the documentation: a whole table, or rows in the place of what they were before."""
    before, start, rest = PAGE.read_text("utf-8").partition("<!-- measured -->\n")
    old, end, after = rest.partition("<!-- end -->\n")
    if not end:
        raise SystemExit(
            f"figures: {PAGE.name} has no place for the table, between <!-- measured --> and <!-- end -->."
        )
    if not whole:
        kept = {row[0]: row for row in rows_in(old)}
        rows = list((kept | {row[0]: row for row in rows}).values())
        held_on += "\nMeasured in several runs."
    PAGE.write_text(f"{before}{start}\n{held_on}\n\n{table(rows)}\n\n{end}{after}", "utf-8")


def measured(name: str, options: Options) -> list[Figure]:
    """Return the figures of one measurement; what goes wrong in it is a figure too."""
    figures: list[Figure] = []
    try:
        figures += MEASUREMENTS[name](options)
    except Unavailable as reason:
        figures.append(Figure(name, "", str(reason)))
    except Exception as problem:  # the others are measured whatever happens to one
        figures.append(Figure(name, "can be measured", f"{type(problem).__name__}: {problem}"[:200], False))
    return figures


def rows_of(figures: list[Figure]) -> list[Row]:
    """Return the figures as rows of a table."""
    return [(f.name, f.claimed, f.measured.replace("|", "¦"), f.verdict) for f in figures]


def table(rows: list[Row]) -> str:
    """Return rows as a Markdown table that reads as it is."""
    rows = [("figure", "claimed", "measured", "verdict"), *rows]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows]
    lines.insert(1, f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return "\n".join(lines)


def rows_in(text: str) -> list[Row]:
    """Return the rows of a table that was written here, its head left out."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [
        (name.strip(), claimed.strip(), told.strip(), verdict.strip()) for name, claimed, told, verdict in lines[2:]
    ]


def described(about: dict[str, object], quick: bool) -> str:
    """Return what the figures hold for, in a sentence or two."""
    versions = f"Python {about['python']}, NumPy {np.__version__}"
    text = f"{about['cores']} cores, {about['memory']}, {about['system']}, {versions}"
    if quick:
        text += "\n--quick: fewer seeds, epochs and rounds than the claims speak of; no fresh clone"
    if float(str(about["load"])) > 0.5:
        text += f"\nThe machine is busy (load {about['load']}): times are longer than they need to be."
    return text


def chosen(asked: str) -> list[str]:
    """Return the measurements asked for, in their order; all of them if none is."""
    wanted = asked.split(",") if asked else list(MEASUREMENTS)
    unknown = [name for name in wanted if name not in MEASUREMENTS]
    if unknown:
        raise SystemExit(f"figures: nothing is called {unknown[0]!r}. Known: {', '.join(MEASUREMENTS)}.")
    return [name for name in MEASUREMENTS if name in wanted]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    made = argparse.ArgumentParser(prog="figures", description="Measure every figure that the documentation claims.")
    made.add_argument("--quick", action="store_true", help="fewer seeds, epochs and rounds; no fresh clone")
    made.add_argument("--only", metavar="NAME,NAME", default="", help=f"these alone: {', '.join(MEASUREMENTS)}")
    made.add_argument(
        "--write", action="store_true", help="put the table, or with --only its rows, into docs/figures.md"
    )
    made.add_argument("--json", metavar="FILE", type=Path, help="write them to this file too")
    return made


if __name__ == "__main__":
    sys.exit(main())
