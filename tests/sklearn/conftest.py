"""These tests need scikit-learn: left out without it, unless CHAINRULE_REFEREES=1 says that it must be there."""

from __future__ import annotations

import importlib.util
import os

import pytest

NEEDED = ("sklearn", "pandas", "polars")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if MISSING else []

if MISSING and os.environ.get("CHAINRULE_REFEREES") == "1":
    raise pytest.UsageError(f"{', '.join(MISSING)} not installed: pip install 'chainrule[sklearn]' pandas polars")
