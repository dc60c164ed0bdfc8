"""What every test gets: nothing global, the same examples each time, and PyTorch as a referee where it is installed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from types import ModuleType

import hypothesis
import numpy as np
import pytest

from tests.referees import needed

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's `&` turns Ctrl-C off for what runs behind it
    signal.signal(signal.SIGINT, signal.default_int_handler)

hypothesis.settings.register_profile("chainrule", derandomize=True, deadline=None)
hypothesis.settings.load_profile("chainrule")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what is marked as slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


@pytest.fixture(autouse=True)
def nothing_global() -> Iterator[None]:
    """Fail a test after which NumPy's global generator or its handling of floating-point errors is another."""
    before = _global_state()
    yield
    assert _global_state() == before, "this test, or what it called, changed NumPy's global state"


def _global_state() -> tuple[object, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 -- read to see that nobody draws from it
    return kind, hash(keys.tobytes()), *rest, np.geterr()


@pytest.fixture
def compiled_cache(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep compiled steps out of the user's cache: in pytest's own, if it has one, so that a second run is fast."""
    cache = getattr(pytestconfig, "cache", None)
    folder = tmp_path_factory.getbasetemp() / "compiled" if cache is None else cache.mkdir("compiled")
    monkeypatch.setenv("CHAINRULE_CACHE", str(folder))


@pytest.fixture(scope="session")
def referee() -> ModuleType:
    """Return PyTorch."""
    return needed("torch")
