"""``python -m chainrule``: the command line, for where its script is not on the path."""

from __future__ import annotations

from chainrule.cli import main

main()
