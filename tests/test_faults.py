"""The table of planted faults is up to date: each has its place, and a test that is there. A few are planted here.

`benchmarks/figures.py --only planted-faults` plants them all.
"""

from __future__ import annotations

import ast

import pytest

from tests.faults import FAULTS, PACKAGE, ROOT, Copy, Fault

each_fault = pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])


@each_fault
def test_a_fault_has_exactly_one_place(fault: Fault) -> None:
    source = (PACKAGE / fault.file).read_text("utf-8")
    planted = fault.planted(source)
    assert planted != source
    ast.parse(planted)


@each_fault
def test_the_test_that_kills_a_fault_is_there(fault: Fault) -> None:
    file, _, name = fault.test.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name.partition("[")[0] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_there_are_enough_faults_in_every_room_of_the_core() -> None:
    rooms = {fault.file.partition("/")[0] for fault in FAULTS}
    assert len(FAULTS) >= 25
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    assert {"graph", "replay", "nn", "optim", "training"} <= rooms


@pytest.mark.parametrize("fault", FAULTS[::30], ids=[fault.name for fault in FAULTS[::30]])
def test_a_planted_fault_is_killed(fault: Fault) -> None:
    with Copy() as copy:
        assert copy.survivors([fault]) == []


def test_a_fault_whose_text_is_gone_is_an_error() -> None:
    with pytest.raises(LookupError, match="0 places for the fault 'gone'"):
        Fault("gone", "graph/graph.py", "no such text", "", "").planted("text")
