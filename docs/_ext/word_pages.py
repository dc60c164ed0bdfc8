"""The pages for those who come from another library, written from the table of words that errors read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from chainrule.words import LIBRARIES, answers, program, words

_PLACES = {
    "module": "In the library itself, and in its modules",
    "data": "For data",
    "network": "At a network",
    "layer": "At a layer",
    "optimizer": "At an optimizer",
    "history": "At a history",
    "node": "At a node of a graph",
}
# A name of ours or NumPy's, with what it is called with or indexed by; brackets inside of brackets, twice.
_INSIDE = r"(?:[^()\[\]]|\((?:[^()]|\([^()]*\))*\)|\[(?:[^\[\]]|\[[^\[\]]*\])*\])*"
_CODE = re.compile(
    rf"\b(?:cr|np|network|node|history|training|optimizer|layer|parameter|result|self|schedule|epoch|scores)\b"
    rf"(?:\.\w+|\({_INSIDE}\)|\[{_INSIDE}\])+"
)
_CALLS = {
    "anywhere": "anywhere",
    "elsewhere": "anywhere",
    "optimizer": "an optimizer",
    "schedule": "a schedule",
    "loss": "a loss",
    "recipe": "a recipe",
    "cli": "the command line",
}


def word_pages(folder: Path) -> Iterator[tuple[str, str]]:
    """Return the name and the text of every page."""
    yield "index.md", _index()
    for library, title in LIBRARIES.items():
        yield f"{library}.md", "\n\n".join(_parts(library, title)) + "\n"


def _index() -> str:
    entries = "\n".join(LIBRARIES)
    return (
        "# Coming from …\n\nWhat other libraries call things, and what to write here. The same words answer when you "
        "type one of those names from memory: `network.fit` says `cr.train(network, X, y, epochs=…)`, `lr=` says "
        '`learning_rate=`. And parts go by name, in any spelling, theirs too: `loss="mse"`, `optimizer="adam"`, '
        '`cr.Dense(8, activation="relu")`, `initializer="he_normal"`.\n\n'
        f"```{{toctree}}\n:maxdepth: 1\n\n{entries}\n```\n"
    )


def _parts(library: str, title: str) -> Iterator[str]:
    yield f"# From {title}"
    yield (
        "A whole program, which runs: what it is there stands as a comment above each part. The same is printed by "
        f"`chainrule words {library}`."
    )
    yield f"```python\n{program(library)}```"
    yield f"Names that {title} has, or that people write who come from there, and what stands for them here:"
    for place, heading in _PLACES.items():
        rows = _rows(library, "names", [place])
        if rows:
            yield f"## {heading}"
            yield "\n".join(["| there | here |", "|---|---|", *rows])
    calls: dict[str, list[str]] = {}
    for section in words("keywords"):
        calls.setdefault(_CALLS.get(section, f"`cr.{section}`"), []).append(section)
    for name, sections in calls.items():
        rows = _rows(library, "keywords", sections)
        if rows:
            yield f"## Keywords of {name}" if name != "anywhere" else "## Keywords"
            yield "\n".join(["| there | here |", "|---|---|", *rows])


def _rows(library: str, table: str, sections: list[str]) -> list[str]:
    rows = [
        f"| {', '.join(f'`{name}`' for name in theirs)} | {_marked(ours, table)} |"
        for ours, theirs in answers(library, table, sections).items()
    ]
    return sorted(rows, key=str.casefold)


def _marked(ours: str, table: str) -> str:
    """Return an answer, in which what is code is set as code."""
    if table == "keywords" and ours.isidentifier():
        return f"`{ours}=`"
    return _CODE.sub(r"`` \g<0> ``", ours).replace("|", r"\|")
