"""The page of the docs that shows what steps cost: the tables of a run, written between its marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bounds import HEADER, Works, verdicts
from report import shown
from workloads import SWEEPS, TABLES

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def write(content: dict[str, Any]) -> None:
    """Put the tables of a run where the page has a mark for them.

    Raises
    ------
    SystemExit
        If the page has no such mark.
    """
    threads = content["settings"]["threads"]
    works: Works = content["works"]
    parts = {"tables": table(*_minima(works, TABLES))}
    if threads == 1:
        held = table(HEADER, verdicts(works))
        parts |= {
            "sweeps": table(*_minima(works, SWEEPS)),
            "machine": _machine(content),
            "bounds": held,
            "footprints": table(*_footprints(content)),
        }
    if not any(work in works for work in SWEEPS):
        parts.pop("sweeps", None)  # those of an earlier run stay
    text = PAGE.read_text("utf-8")
    for name, part in parts.items():
        mark = name if threads == 1 else f"{name}-{threads}"
        pattern = re.compile(rf"(<!-- {mark} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise SystemExit(f"bench: {PAGE.name} has no place for a table, between <!-- {mark} --> and <!-- end -->.")
        text = pattern.sub(lambda match, part=part: f"{match[1]}\n{part}{match[2]}", text)
    PAGE.write_text(text, "utf-8")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, all columns but the first to the right."""
    ruler = ["---"] + ["---:"] * (len(header) - 1)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (header, ruler, *rows))


def _minima(works: Works, known: Iterable[str]) -> tuple[list[str], list[list[str]]]:
    names = list(dict.fromkeys(name for work in works.values() for name in work if name != "A/A"))
    rows = []
    for work in known:
        if work in works:
            entries = works[work]
            minima = (entries.get(name, {}).get("minimum") for name in names)
            noise = _noise(entries)
            rows.append([work, *("–" if minimum is None else shown(minimum) for minimum in minima), noise])
    return ["µs a step", *names, "A/A"], rows


def _noise(entries: dict[str, Any]) -> str:
    """How far two measurements of the same contender lie apart."""
    first = next(iter(entries.values()))
    both = first.get("minimum"), entries.get("A/A", {}).get("minimum")
    return "–" if None in both else f"{abs(both[1] / both[0] - 1):.1%}"


def _footprints(content: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    rows = [
        [name, entry["version"], f"{entry['seconds'] * 1e3:.0f}", f"{entry['memory']:.0f}", f"{entry['installed']:.0f}"]
        for name, entry in content["footprints"].items()
    ]
    return ["", "version", "start, import, build: ms", "peak memory: MB", "installed: MB"], rows


def _machine(content: dict[str, Any]) -> str:
    machine, settings = content["machine"], content["settings"]
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    versions = ", ".join(f"{name} {entry['version']}" for name, entry in content["footprints"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['vector']}, {caches}, {machine['memory']}; "
        f"{machine['system']}, Python {machine['python']}; {versions}. "
        f"{settings['processes']} processes of each contender, {settings['rounds']} rounds in each; load before the "
        f"run {machine['load']}.\n"
    )
