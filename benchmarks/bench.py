"""`make bench`: how long a training step takes, in chainrule and elsewhere, for the same work.

    python benchmarks/bench.py --quick
    python benchmarks/bench.py --only W3,depth --contenders floor,chainrule,jax --threads 2

A step is gather, forward, backward, update; "-silent" workloads leave the value of the loss out. Every contender gets
an environment of its own under benchmarks/.environments, made the first time.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import page
import report
from environments import CONTENDERS, HERE, Contender, installed_size, python_of
from machine import machine
from measure import Settings, footprint, measure
from pictures import draw
from workloads import SWEEPS, TABLES, Unavailable, Workload

QUICK = Settings(rounds=3, processes=1, turn=0.02)


def main() -> None:
    """Measure what the options ask for."""
    options = parser().parse_args()
    default = QUICK if options.quick else Settings()
    settings = Settings(
        options.rounds or default.rounds, options.processes or default.processes, default.turn, options.threads
    )
    works, contenders = chosen_works(options), chosen_contenders(options.contenders)
    content: dict[str, Any] = {"machine": machine(), "settings": asdict(settings)}
    print(", ".join(f"{key} {value}" for key, value in content["machine"].items()))
    if content["machine"]["load"] > 0.5:
        print("The machine is busy: expect noise, and believe minima before medians.")
    print(f"{settings.threads} thread(s), {settings.rounds} rounds in each of {settings.processes} process(es)\n")
    out = file_of(options.out)
    contenders = [contender for contender in contenders if installed(contender)]
    before = json.loads(out.read_text()) if options.add and out.exists() else {}
    content["footprints"] = before.get("footprints", {}) | footprints(contenders, settings.processes)
    content["works"] = before.get("works", {})
    for work in works:
        results = measure(work, contenders, settings)
        report.print_results(work.name, results)
        content["works"][work.name] = {result.contender.name: result.record() for result in results}
        report.write_json(out, content)  # after each, for all of it takes an hour
    report.print_overview(content["works"])
    report.print_footprints(content["footprints"])
    report.print_bounds(content["works"])
    print("Written:", ", ".join(path.name for path in (out, *draw(out, content["works"]))))
    if options.write:
        page.write(content)


def file_of(out: Path) -> Path:
    """Return the file to be written, its folder made: ``bench.json`` where a folder is named.

    Raises
    ------
    SystemExit
        If it can't be written there, before anything is measured.
    """
    path = out / "bench.json" if out.is_dir() or not out.suffix else out
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise SystemExit(
            f"bench: --out {out}: {error.strerror}. Name a folder, or a file such as bench.json."
        ) from None
    if not path.stat().st_size:
        path.unlink()
    return path


def installed(contender: Contender) -> bool:
    """Make the contender's environment; say why where that fails."""
    try:
        python_of(contender.environment)
    except Unavailable as reason:
        print(f"{contender.name} left out: {reason}")
        return False
    return True


def footprints(contenders: list[Contender], processes: int) -> dict[str, dict[str, Any]]:
    """Return what it costs to have each library and to start it, by environment."""
    found: dict[str, dict[str, Any]] = {}
    work = replace(TABLES["W3-sgd"], samples=1000)  # so that the library's memory counts, not the data's
    for contender in contenders:
        if contender.environment in found:
            continue
        try:
            entry = footprint(contender, work, processes)
        except Unavailable as reason:
            print(f"{contender.name} has no footprint: {reason}")
            continue
        environment, versions = contender.environment, entry.pop("versions")
        entry |= {"version": versions[environment.removesuffix("-fast")], "numpy": versions["numpy"]}
        found[environment] = entry | {"installed": round(installed_size(environment))}
    return found


def chosen_works(options: argparse.Namespace) -> list[Workload]:
    """Return the workloads that are asked for; without asking, the tables (and the sweeps)."""
    known = TABLES | SWEEPS
    if not options.only:
        works = list(known.values() if options.sweeps else TABLES.values())
        return [work for work in works if work.loss_value or not options.quick]
    return [known[name] for name in matching(options.only, list(known))]


def chosen_contenders(asked: str) -> list[Contender]:
    """Return the contenders that are asked for, all of them if none is."""
    known = {contender.name: contender for contender in CONTENDERS}
    return [known[name] for name in matching(asked, list(known))] if asked else CONTENDERS


def matching(asked: str, names: list[str]) -> list[str]:
    """Return the names asked for, separated by commas: W3 is W3-sgd and W3-adam, jax is jax-step and jax-scan."""
    chosen = set()
    for start in asked.split(","):
        found = [name for name in names if f"{name}-".startswith(f"{start}-")]
        if not found:
            raise SystemExit(f"bench: nothing is called {start!r}. Known: {', '.join(names)}.")
        chosen.update(found)
    return [name for name in names if name in chosen]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    made = argparse.ArgumentParser(prog="bench", description="Measure training steps against other libraries.")
    made.add_argument("--quick", action="store_true", help="few rounds, one process each, no -silent workloads")
    made.add_argument("--only", metavar="W3,depth", help="these workloads")
    made.add_argument("--sweeps", action="store_true", help="the sweeps over width, batch, depth and gates too")
    made.add_argument("--contenders", metavar="floor,chainrule,jax", default="", help="these alone")
    made.add_argument("--rounds", type=int, help="turns of each process")
    made.add_argument("--processes", type=int, help="fresh processes of each contender")
    made.add_argument("--threads", type=int, default=1, help="threads of each library (1)")
    made.add_argument("--add", action="store_true", help="to what an earlier run wrote, instead of beginning anew")
    made.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    made.add_argument(
        "--out", type=Path, default=HERE / "results" / "bench.json", help="a file or a folder: pictures beside it"
    )
    return made


if __name__ == "__main__":
    main()
