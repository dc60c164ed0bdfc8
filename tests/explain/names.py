"""Names that a file might bring along, for tests of what is shown: markup, control and direction characters."""

from __future__ import annotations

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "]]></math></style><script>alert(1)</script>",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egnirts",
    "{name} {0} %s `code`",
    "**bold** [link](javascript:alert(1)) | cell | # <b>",
    "```\nfence",
)
