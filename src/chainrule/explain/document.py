"""What an explanation consists of, before it is written down for a terminal, a page or a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from chainrule.explain.notation import Math
from chainrule.explain.wording import Text
from chainrule.ops.op import Array


@dataclass(frozen=True)
class Heading:
    """A title; `key` is what links lead to, `math` the symbol of the node it is about."""

    level: int
    text: Text
    key: str
    math: Math | None = None


@dataclass(frozen=True)
class Paragraph:
    text: Text


@dataclass(frozen=True)
class Equation:
    """Formulas below each other, each after the first beginning with its equals sign; `note` says what they are."""

    lines: Sequence[Math]
    note: Text | None = None


@dataclass(frozen=True)
class OpLine:
    """A line of an op's docstring, as it stands there."""

    note: Text
    line: str


@dataclass(frozen=True)
class Spread:
    """What is said of an array too large to be shown whole; `math` is its symbol."""

    math: Math
    text: Text
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Source:
    """Lines of Python."""

    note: Text
    code: str


@dataclass(frozen=True)
class Table:
    head: Sequence[Text]
    rows: Sequence[Sequence[Math | str | Text]]


@dataclass(frozen=True)
class Drawing:
    """Where the graph is drawn."""


Block: TypeAlias = "Heading | Paragraph | Equation | OpLine | Spread | Source | Table | Drawing"


@dataclass
class Document:
    """Blocks in order, and how they run."""

    language: str
    right_to_left: bool
    title: Text
    blocks: list[Block] = field(default_factory=list)


def histogram(array: Array, bins: int = 12) -> tuple[int, ...]:
    """Return how many of the finite numbers fall into each of a few bins from the least to the largest."""
    numbers = array[np.isfinite(array)].astype(np.float64)
    if not numbers.size:
        return (0,) * bins
    counts, _ = np.histogram(numbers, bins)
    return tuple(int(count) for count in counts)
