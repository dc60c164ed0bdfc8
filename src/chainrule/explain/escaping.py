"""Names come from files, and files are data: what doesn't print is written out before anybody sees it.

Control characters could move a terminal's cursor, and direction marks turn a line around. HTML and Markdown have
characters of their own on top of that; each writer escapes those.
"""

from __future__ import annotations

import re


def printable(text: str) -> str:
    """Return text with everything that doesn't print written as an escape.

    >>> printable("rose\\x1b[31m")
    'rose\\\\x1b[31m'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def markdown(text: str) -> str:
    """Return text in which Markdown and HTML find nothing to obey.

    >>> print(markdown("**a** <b> [c](d)"))
    \\*\\*a\\*\\* &lt;b&gt; \\[c\\](d)
    """
    text = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#|~$!])", r"\\\1", text)
