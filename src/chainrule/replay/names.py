"""Texts as Python: identifiers that no two texts share, and texts as literals.

Names come from files, and files are data: a quote in a name must not end a string, nor a word in it become code.
Whatever is written as Python takes its identifiers and its texts from here.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable

from chainrule.errors import printable


def literal(text: str) -> str:
    """Return a text as Python writes it, between double quotes, what doesn't print as an escape.

    >>> print(literal("w"), literal('say "hi"\\n'))
    "w" "say \\"hi\\"\\n"
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(escaped)}"'


def identifier(text: str) -> str:
    """Return an identifier made of a text: an underscore stands for what can't be in one.

    It is the same after Python has normalised it, and never begins with two underscores, as Python's own names do. It
    may be a keyword: `Identifiers` gives none.

    >>> identifier("dense_1.weights"), identifier("2²"), identifier("ﬁ")
    ('dense_1_weights', '_22', 'fi')
    """
    letters = unicodedata.normalize("NFKC", text)
    name = "".join(letter if f"_{letter}".isidentifier() else "_" for letter in letters)
    return re.sub("^__+", "_", name if name.isidentifier() else f"_{name}")


class Identifiers:
    """Identifiers, each given once.

    Parameters
    ----------
    taken : iterable of str
        What is not to be given: names that the page uses itself.

    Examples
    --------
    >>> names = Identifiers(["np"])
    >>> [names.new(text) for text in ("w", "np", "class", "w", "w")]
    ['w', 'np_', 'class_', 'w_', 'w_2']
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*keyword.kwlist, *taken}
        self._counts: dict[str, int] = {}

    def new(self, text: str) -> str:
        """Return an identifier made of a text that nobody has yet."""
        stem = name = identifier(text)
        while name in self.taken:
            number = self._counted(f"{stem}_")
            name = f"{stem}_{number}" if number > 1 else f"{stem}_"
        self.taken.add(name)
        return name

    def numbered(self, stem: str) -> str:
        """Return the stem with the first number that nobody has yet: t1, t2, …"""
        name = f"{stem}{self._counted(stem)}"
        while name in self.taken:
            name = f"{stem}{self._counted(stem)}"
        self.taken.add(name)
        return name

    def _counted(self, stem: str) -> int:
        self._counts[stem] = self._counts.get(stem, 0) + 1
        return self._counts[stem]
