"""Hostile names in every text field of a run, a network and a graph: no writer runs one, nor lets it through.

The short form gives each writer names that have something of all, and a quick one another or two; to give every name
to each, with `CHAINRULE_INJECTION=all`, takes half an hour.
"""

from __future__ import annotations

import os

import pytest

from tests.injection.names import NAMES, TOGETHER
from tests.injection.tally import tried
from tests.injection.writers import WRITERS

ALL = os.environ.get("CHAINRULE_INJECTION") == "all"
SOME = os.environ.get("CHAINRULE_INJECTION") == "some"  # as in CI


def test_there_are_many_names_each_once() -> None:
    assert len({*NAMES}) == len(NAMES) > 100


@pytest.mark.skipif(os.environ.get("CHAINRULE_REFEREES") != "1", reason="packages may be missing")
def test_every_writer_is_here() -> None:
    assert not [name for name, writer in WRITERS.items() if not writer.here]


@pytest.mark.parametrize("slow", [False, True], ids=["quick", "slow"])
def test_no_writer_runs_a_name_or_lets_it_through(slow: bool) -> None:
    writers = [name for name, writer in WRITERS.items() if writer.slow == slow and writer.here]
    short = TOGETHER[:1] if slow else (*TOGETHER, *NAMES[2 :: 12 if SOME else 60])
    tally = tried(
        (name, [writer for k, writer in enumerate(writers) if ALL or name in TOGETHER or (i - k) % 8 == 0])
        for i, name in enumerate(NAMES if ALL else short)
    )
    assert not tally.run
    assert not tally.unescaped
    assert not tally.broken
    assert tally.pages > len(writers)
