"""A full stop stays with the formula or the name before it, and a bracket or a prefix with the one behind it.

A browser may end a line between any formula and the next character, so a narrow page has lines that begin with a full
stop, and Hebrew ones that end in a single letter and a hyphen: ה־, ב־. What belongs together is put into one span that
doesn't break.
"""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

_LONGEST = 24  # letters of a name in the text that still fits on a narrow line
_AFTER = re.compile(r"[.,;:!?)״”…%]+")
_BEFORE = re.compile(r"(?:(?<=\s)|^)[^\s]{0,3}[(־״“]$")


def setup(app: Sphinx) -> dict[str, bool]:
    """Have it done when a page has been read."""
    app.connect("doctree-read", lambda app, doctree: keep_together(doctree))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_together(doctree: nodes.Element) -> None:
    """Put each formula or short name, with the marks that touch it, into a span that is not broken."""
    for node in [*doctree.findall(nodes.math), *doctree.findall(nodes.literal)]:
        if isinstance(node.parent, nodes.TextElement) and (isinstance(node, nodes.math) or _short(node)):
            _bind(node)


def _short(node: nodes.Element) -> bool:
    return len(node.astext()) <= _LONGEST


def _bind(node: nodes.Element) -> None:
    parent: Any = node.parent
    at = parent.index(node)
    before, after = _taken(parent, at - 1, _BEFORE), _taken(parent, at + 1, _AFTER)
    if not (before or after):
        return
    span = nodes.inline(classes=["together"])
    parent.replace(node, span)
    span += [nodes.Text(before)] * bool(before) + [node] + [nodes.Text(after)] * bool(after)


def _taken(parent: Any, at: int, marks: re.Pattern[str]) -> str:
    """Take the marks from the text at this place, if it is a text and has them."""
    text = parent[at] if 0 <= at < len(parent) else None
    if not isinstance(text, nodes.Text):
        return ""
    found = marks.search(text) if marks is _BEFORE else marks.match(text)
    if not found:
        return ""
    parent[at] = nodes.Text(text[: found.start()] + text[found.end() :])
    return found[0]
