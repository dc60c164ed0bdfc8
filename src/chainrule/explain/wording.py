"""The sentences of an explanation: one table a language, in ``words/``.

A sentence is a template. What stands between backquotes is a formula or a name, which writers set apart and, in a
language that runs from right to left, keep running from left to right.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from chainrule import checks
from chainrule.errors import printable

LANGUAGES = ("en", "he")


@dataclass(frozen=True)
class Text:
    """A sentence with what is to be filled in."""

    template: str
    fields: dict[str, Any] = field(default_factory=dict)

    def parts(self) -> list[tuple[str, bool]]:
        """Return the pieces of the sentence, and whether each is a formula or a name."""
        shown = {key: printable(str(value)) for key, value in self.fields.items()}
        # Split first, fill in then: a name with a backquote in it is still a name.
        pieces = ((piece.format(**shown), i % 2 == 1) for i, piece in enumerate(self.template.split("`")))
        return [(piece, code) for piece, code in pieces if piece]

    def __str__(self) -> str:
        return "".join(piece for piece, _ in self.parts())


class Wording:
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
