"""The first minute of those who wrote a network by hand: each program in their words runs, or is told the word."""

from __future__ import annotations

import pytest

from tests.founding.programs import Program, programs

PROGRAMS = programs()


@pytest.mark.parametrize("program", PROGRAMS, ids=[program.title for program in PROGRAMS])
def test_a_program_in_the_documents_words_runs_or_is_told_the_word(program: Program) -> None:
    assert program.answered() == ""


def test_there_are_forty_or_more_and_both_documents_speak() -> None:
    assert len(PROGRAMS) >= 40
    assert len({program.title for program in PROGRAMS}) == len(PROGRAMS)
    assert all(sum(program.title.startswith(f"document {i}") for program in PROGRAMS) >= 20 for i in (1, 2))
