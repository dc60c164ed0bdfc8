"""What steps are held to: bounds on times and on ratios of times, judged by the minima of one run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Works = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Bound:
    """A bound on chainrule's time beside another contender's.

    `against` the floor or JAX at most so many times its time; against others at least so many times faster. Without
    `against` the time itself, in µs.
    """

    work: str
    variant: str
    limit: float
    against: str = ""
    faster: bool = False

    def claim(self) -> str:
        """Return the bound in words."""
        if not self.against:
            return f"<= {self.limit:g} µs"
        if self.faster:
            return f">= {self.limit:g} x as fast as {self.against}"
        return f"<= {self.limit:g} x {self.against}"

    def judged(self, works: Works) -> tuple[float, bool] | None:
        """Return the measured figure and whether the bound is met; None if it was not measured."""
        entries = works.get(self.work, {})
        ours = entries.get(f"chainrule-{self.variant}", {}).get("minimum")
        theirs = entries.get(self.against, {}).get("minimum") if self.against else 1.0
        if ours is None or theirs is None:
            return None
        figure = theirs / ours if self.faster else ours / theirs
        return figure, figure >= self.limit if self.faster else figure <= self.limit


BOUNDS = [
    Bound("W1", "replayed", 9),
    Bound("W1-silent", "replayed", 7.5),
    Bound("W1", "replayed", 25, "torch-eager", faster=True),
    Bound("W1", "replayed", 1.75, "jax-step", faster=True),
    Bound("W1", "compiled", 3, "jax-scan", faster=True),
    Bound("W2", "replayed", 2.4, "floor"),
    Bound("W2-uint8", "replayed", 2.05, "floor"),
    Bound("W2", "replayed", 4.5, "torch-eager", faster=True),
    Bound("W2-uint8", "replayed", 1.3, "jax-scan", faster=True),
    Bound("W2", "compiled", 1.6, "jax-scan", faster=True),
    Bound("W2-uint8", "compiled", 1.8, "jax-scan", faster=True),
    Bound("W3-sgd", "replayed", 1.22, "floor"),
    Bound("W3-sgd", "replayed", 1.5, "torch-eager", faster=True),
    Bound("W3-sgd", "replayed", 1.8, "sklearn", faster=True),
    Bound("W3-sgd", "compiled", 1.03, "jax-scan"),
    Bound("W3-adam", "replayed", 1.65, "floor"),
    Bound("W3-adam", "replayed", 1.7, "torch-eager", faster=True),
    Bound("W3-adam", "compiled", 1.27, "floor"),
    Bound("W3-adam", "compiled", 1.1, "jax-scan", faster=True),
    Bound("W4", "replayed", 1.2, "floor"),
    Bound("W4", "replayed", 1.3, "torch-eager", faster=True),
    Bound("W4", "compiled", 1.03, "jax-scan"),
    Bound("W5", "replayed", 1.23, "floor"),
    Bound("W5", "compiled", 1.16, "floor"),
    Bound("W6-1", "replayed", 2.5, "torch-eager", faster=True),
    Bound("W6-10000", "replayed", 1.07, "floor"),
]


def verdicts(works: Works) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield workload, variant, claim, measured figure and verdict of each bound."""
    for bound in BOUNDS:
        found = bound.judged(works)
        unit = "" if bound.against else " µs"
        figure, verdict = "–", "not measured"
        if found is not None:
            figure, verdict = f"{found[0]:.2f}{unit}", "met" if found[1] else "MISSED"
        yield bound.work, bound.variant, bound.claim(), figure, verdict
