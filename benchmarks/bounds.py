"""What steps are held to: ratios within one run, to the best peer and to a roofline. Minima are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workloads import TABLES

Works = dict[str, dict[str, Any]]

STEP_BY_STEP = ("textbook", "torch-eager", "torch-compiled", "jax-step", "sklearn", "keras", "mygrad", "thinc")
ALL = (*STEP_BY_STEP, "jax-scan")
HEADER = ("work", "engine", "best peer", "of its time", "", "of the roofline", "")


@dataclass(frozen=True)
class Bound:
    """How much of others' time an engine's step may take."""

    engine: str
    peers: tuple[str, ...]
    of_peer: float
    of_roofline: float


BOUNDS = (
    Bound("replayed", STEP_BY_STEP, of_peer=1.1, of_roofline=1.3),
    Bound("replayed-fast", STEP_BY_STEP, of_peer=1.1, of_roofline=1.3),
    Bound("compiled", ALL, of_peer=1.0, of_roofline=1.1),
)


def verdicts(works: Works) -> Iterator[tuple[str, ...]]:
    """Yield, for each workload and engine that were measured, a row for `HEADER`."""
    for work in TABLES:
        for bound in BOUNDS:
            found = _ratios(works.get(work, {}), bound)
            if found is not None:
                peer, of_peer, of_roofline = found
                judged = (*_judged(of_peer, bound.of_peer), *_judged(of_roofline, bound.of_roofline))
                yield work, bound.engine, peer, *judged


def _ratios(entries: dict[str, Any], bound: Bound) -> tuple[str, float | None, float | None] | None:
    """Return the best peer, and the step's time as a multiple of its time and of the roofline's."""
    minima = {name: entry["minimum"] for name, entry in entries.items() if "minimum" in entry}
    ours = minima.get(f"chainrule-{bound.engine}")
    if ours is None:
        return None
    peer = min((name for name in bound.peers if name in minima), key=minima.__getitem__, default="–")
    of_peer = ours / minima[peer] if peer in minima else None
    return peer, of_peer, ours / minima["roofline"] if "roofline" in minima else None


def _judged(ratio: float | None, limit: float) -> tuple[str, str]:
    if ratio is None:
        return "–", "not measured"
    verdict = "met" if round(ratio, 2) <= limit else "MISSED"
    return f"{ratio:.2f}", f"<= {limit:g} {verdict}"
