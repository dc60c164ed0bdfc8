"""Shows what was made to whoever made it: below the cell of a notebook, elsewhere as a file that the desktop opens.

A file stays where it was written, so that it can be looked at again, and where there is no desktop its name is enough.
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any


def in_notebook() -> bool:
    """Tell whether Python runs for a notebook, which shows pictures and pages itself."""
    return getattr(_ipython_shell(), "kernel", None) is not None


def show(shown: Any, name: str, content: bytes) -> None:
    """Show an object in the notebook, or write `content` under this name and open it, and print where it is."""
    if in_notebook():
        import_module("IPython.display").display(shown)
        return
    path = Path(tempfile.mkdtemp(prefix="chainrule-"), name)
    path.write_bytes(content)
    sys.stdout.write(f"Saved as {path}\n")
    if _has_desktop():
        import webbrowser  # it knows the program for files of every kind

        webbrowser.open(path.as_uri())


def _ipython_shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _has_desktop() -> bool:
    """Tell whether somebody sits before a screen: not where Python was started by a program, or over a bare line."""
    if not (sys.stdin is not None and sys.stdin.isatty()):
        return False
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
