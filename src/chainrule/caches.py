"""Where an operating system wants a program to keep, for its user, what it could get again."""

from __future__ import annotations

import os
import sys


def user_cache() -> str:
    """Return the library's folder there, which need not exist."""
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or os.path.join(home, "AppData", "Local")
        return os.path.join(base, "chainrule", "Cache")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Caches", "chainrule")
    base = os.environ.get("XDG_CACHE_HOME", "")
    return os.path.join(base if os.path.isabs(base) else os.path.join(home, ".cache"), "chainrule")
