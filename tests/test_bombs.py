"""Small files that ask for much are refused at once and in little memory, or read as if that weren't in them."""

from __future__ import annotations

import pytest

from tests.bombs import BOMBS, MIB, Report, reports
from tests.referees import needed

needed("PIL", "plot")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    return reports(tmp_path_factory.mktemp("bombs"))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_next_to_nothing(name: str, told: dict[str, Report]) -> None:
    report = told[name]
    assert report.outcome == ("refused" if BOMBS[name].refused else "read"), report.message
    assert len(report.message) < 1000
    assert report.seconds < 0.6  # `make figures` holds it to 0.2, on a machine that does nothing else
    assert report.memory <= 50 * MIB
