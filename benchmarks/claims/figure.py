"""What a figure is: what is claimed, what was measured, and whether the one holds the other.

A measurement is a function that takes `Options` and yields figures. It raises `Unavailable` where something it needs is
missing; anything else that goes wrong is a claim that does not hold.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # some figures are counted by what is in tests/


class Unavailable(Exception):
    """Why a figure can't be measured here."""


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    quick: bool = False

    def count(self, full: int, quick: int) -> int:
        """Return how often something is repeated."""
        return quick if self.quick else full


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    name : str
        What is measured.
    claimed : str
        The bound, in words; empty where a figure is stated without one.
    measured : str
    met : bool or None
        Whether the bound is met; None where there is none, or nothing could be measured.
    value : float or None
        The measured number as it is, for JSON.
    """

    name: str
    claimed: str
    measured: str
    met: bool | None = None
    value: float | None = None

    @property
    def verdict(self) -> str:
        if self.met is None:
            return "stated" if self.value is not None else "not measured"
        return "met" if self.met else "MISSED"


Measurement = Callable[[Options], Iterator[Figure]]


def at_most(name: str, value: float, bound: float, spell: Callable[[float], str], note: str = "") -> Figure:
    """Return the figure of a number that must not be larger than `bound`; NaN is."""
    return Figure(name, f"<= {spell(bound)}", spell(value) + note, bool(value <= bound), value)


def at_least(name: str, value: float, bound: float, spell: Callable[[float], str], note: str = "") -> Figure:
    """Return the figure of a number that must not be smaller than `bound`; NaN is."""
    return Figure(name, f">= {spell(bound)}", spell(value) + note, bool(value >= bound), value)


def all_of(name: str, right: int, total: int, claimed: str = "all", note: str = "") -> Figure:
    """Return the figure of a count that must be complete, and not of nothing."""
    return Figure(name, claimed, f"{right:,} of {total:,}{note}", 0 < right == total, right)


def stated(name: str, measured: str, value: float) -> Figure:
    """Return a figure without a bound."""
    return Figure(name, "", measured, None, value)


def percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def milliseconds(value: float) -> str:
    return f"{1000 * value:.1f} ms"


def small(value: float) -> str:
    return f"{value:.1e}"


def megabytes(value: float) -> str:
    return f"{value:.2f} MB"


def command(arguments: list[str], folder: Path) -> str:
    """Run a program in `folder` and return what it prints; raise RuntimeError with its last words if it fails."""
    told = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    told.pop("PYTHONDONTWRITEBYTECODE", None)  # it would have every process compile every file anew
    done = subprocess.run(arguments, cwd=folder, env=told, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no words").splitlines()[-1]
        raise RuntimeError(f"{Path(arguments[0]).name} {' '.join(arguments[1:4])} … failed: {last}")
    return done.stdout


def chainrule(*arguments: str, folder: Path) -> str:
    """Run the command line in a process of its own and return what it prints."""
    return command([sys.executable, "-m", "chainrule", *arguments], folder)


def trained(recipe: str, seed: int, folder: Path, *options: str) -> dict[str, Any]:
    """Return the JSON object that ``chainrule train`` prints."""
    printed = chainrule("train", recipe, "--seed", str(seed), "--json", *options, folder=folder)
    found: dict[str, Any] = json.loads(printed)
    return found
