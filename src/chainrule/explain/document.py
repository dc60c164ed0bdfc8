"""An explanation before it is written for a terminal, a page or a file: blocks of sentences and formulas.

The sentences of each language are templates in ``words/``. What stands between backquotes is a formula or a name,
which is set apart and, in a language that runs from right to left, keeps running from left to right.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

import numpy as np

from chainrule import checks
from chainrule.errors import printable
from chainrule.explain.notation import Math
from chainrule.ops.op import Array

LANGUAGES = ("en", "he")


@dataclass(frozen=True)
class Text:
    """A sentence with what is to be filled in."""

    template: str
    fields: dict[str, Any] = field(default_factory=dict)

    def parts(self) -> list[tuple[str, bool]]:
        """Return the pieces of the sentence, and whether each is a formula or a name."""
        shown = {key: _Filled(printable(str(value))) for key, value in self.fields.items()}
        # Split first, fill in then: a name with a backquote in it is still a name.
        pieces = ((piece.format(**shown), i % 2 == 1) for i, piece in enumerate(self.template.split("`")))
        return [(piece, code) for piece, code in pieces if piece]

    def __str__(self) -> str:
        return "".join(piece for piece, _ in self.parts())


class _Filled(str):
    """What is filled in. Of a count, a template has a form for one and a form for others, with # for the number.

    >>> "{count:1 path|# paths}".format(count=_Filled("1")), "{count:1 path|# paths}".format(count=_Filled("1,200"))
    ('1 path', '1,200 paths')
    """

    def __format__(self, forms: str) -> str:
        one, _, others = forms.partition("|")
        return (one if self == "1" else others.replace("#", self)) if forms else str(self)


class Messages:
    """The sentences of one language."""

    def __init__(self, language: str) -> None:
        self.language = checks.one_of("explain language", language, LANGUAGES)
        self.right_to_left = language == "he"
        self._templates = templates(language)

    def __call__(self, key: str, **fields: Any) -> Text:
        return Text(self._templates[key], fields)


@cache
def templates(language: str) -> dict[str, str]:
    """Return every sentence of a language by its key."""
    text = files("chainrule.explain").joinpath("words", f"{language}.toml").read_text("utf-8")
    return tomllib.loads(text)


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
class CodeBlock:
    """Lines of Python."""

    note: Text
    code: str


@dataclass(frozen=True)
class Folded:
    """What stands beneath something, to be folded out, or nothing more than is said of it.

    In text, only the first line of each formula is written.
    """

    text: Text
    blocks: Sequence[Block]


@dataclass(frozen=True)
class TableBlock:
    """A table; where a page is narrow, the cells of one that `flows` follow each other as words do."""

    head: Sequence[Text]
    rows: Sequence[Sequence[Math | str | Text]]
    flows: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """A sample that is a picture; `note` says so."""

    note: Text
    picture: Array


@dataclass(frozen=True)
class Drawing:
    """Where the graph is drawn; `note` is said where that is done in text."""

    note: Text | None = None


@dataclass(frozen=True)
class NetworkDrawing:
    """Where the network is drawn, as neurons and edges; only a page does.

    Attributes
    ----------
    caption : Text
    show : {"weights", "gradients"}
    highlight : tuple of (layer, i, j) or (layer, j)
        Edges and neurons that stand out.
    """

    caption: Text
    language: str
    show: str = "weights"
    highlight: tuple[tuple[str, int, int] | tuple[str, int], ...] = ()


Block: TypeAlias = (
    "Heading | Paragraph | Equation | OpLine | Spread | CodeBlock | Folded | TableBlock | Picture "
    "| Drawing | NetworkDrawing"
)


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
