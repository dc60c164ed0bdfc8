"""Where compiled steps lie in tests: in pytest's own cache, so that a second run is fast."""

from __future__ import annotations

import pytest


@pytest.fixture
def compiled_cache(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep compiled steps out of the user's cache."""
    assert pytestconfig.cache is not None
    monkeypatch.setenv("CHAINRULE_CACHE", str(pytestconfig.cache.mkdir("compiled")))
