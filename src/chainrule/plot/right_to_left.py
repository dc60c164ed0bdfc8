"""Sentences in Hebrew for matplotlib, which has put letters in their order only since its version 3.11."""

from __future__ import annotations

import re
import unicodedata

_MARKS = re.compile("[\u200e\u200f\u2066-\u2069]")


def right_to_left(text: str) -> str:
    """Return a text as the installed matplotlib is to be given it: as it is, if nothing in it runs from the right."""
    if not any(_runs_left(letter) for letter in text):
        return text
    from matplotlib import ft2font

    return "\u200f" + text if hasattr(ft2font, "__libraqm_version__") else in_visual_order(text)


def in_visual_order(text: str) -> str:
    """Return the letters of a sentence from right to left in the order in which they stand from left to right.

    That is what Unicode's algorithm (UAX 9) makes of words, numbers and names; of what stands between two isolating
    marks the order stays.

    >>> in_visual_order("בדיוק 0 כאן")
    'ןאכ 0 קוידב'
    """
    found: list[str] = []
    for piece in re.split("(\u2066.*?\u2069)", text):
        if piece.startswith("\u2066"):
            found.append(_MARKS.sub("", piece))
            continue
        runs: list[str] = []
        for word in re.findall(r"[^\W\d_]+|[\d.,]*\d|.", _MARKS.sub("", piece)):
            left = not _runs_left(word[0]) and word[0].isalnum()
            runs.append(word if left else word[::-1])
        found += runs
    return "".join(reversed(found))


def _runs_left(letter: str) -> bool:
    return unicodedata.bidirectional(letter) == "R"
