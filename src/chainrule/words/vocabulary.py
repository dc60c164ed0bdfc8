"""The tables, read when the first error, or a page, asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from chainrule.words.by_name import folded


@dataclass(frozen=True)
class Word:
    """A name that other libraries have, and what stands for it here.

    Attributes
    ----------
    theirs : str
    ours : str
        A name or a keyword of ours, or a sentence.
    libraries : tuple of str
        Those that have it.
    """

    theirs: str
    ours: str
    libraries: tuple[str, ...]


@cache
def words(table: str) -> dict[str, dict[str, Word]]:
    """Return section -> name -> word, of the table ``"names"`` or ``"keywords"``.

    >>> words("names")["network"]["fit"].ours
    'cr.train(network, X, y, epochs=…)'
    """
    from importlib.resources import files  # slow to import, and only who asks for a word waits

    found: dict[str, dict[str, Word]] = {}
    section, ours = "", ""
    for line in files(__package__).joinpath(f"{table}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = {}
        elif line.startswith("    "):
            libraries, _, names = line.strip().partition("  ")
            for name in names.split(", "):
                found[section][name] = Word(name, ours, tuple(libraries.split()))
        elif line and not line.startswith("#"):
            ours = line
    return found


def find(table: str, section: str, name: str) -> Word | None:
    """Return the word for a name in any spelling; None if there is none.

    >>> find("keywords", "anywhere", "N_Epochs").ours
    'epochs'
    """
    return _by_folded_name(table).get(section, {}).get(folded(name))


@cache
def _by_folded_name(table: str) -> dict[str, dict[str, Word]]:
    return {
        section: {folded(name): word for name, word in reversed(found.items())}
        for section, found in words(table).items()
    }
