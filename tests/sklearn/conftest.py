"""These tests need scikit-learn: their files are left out without it, unless it must be there."""

from __future__ import annotations

from tests.referees import absent

collect_ignore_glob = ["test_*.py"] if absent("sklearn", "pandas", "polars") else []
