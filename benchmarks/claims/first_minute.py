"""The founding documents' own words: whether programs that are written in them run, or are told what to write."""

from __future__ import annotations

from collections.abc import Iterator

from claims.figure import Figure, Options, all_of


def first_minute(options: Options) -> Iterator[Figure]:
    """Run the programs of ``tests/founding/first_minute.txt``, and count those that are answered as they should be."""
    from tests.founding.programs import programs

    answers = {program.title: program.answered() for program in programs()}
    wrong = [title for title, answer in answers.items() if answer]
    raw = [title for title, answer in answers.items() if answer.startswith("raw")]
    runs = sum(not program.word for program in programs())
    note = f" ({runs} run, {len(answers) - runs} are told)" + (f"; not {'; '.join(wrong)}" if wrong else "")
    name = "first programs in the documents' words: run, or told the word to write"
    yield all_of(name, len(answers) - len(wrong), len(answers), note=note)
    yield all_of("first programs in the documents' words: without a raw error", len(answers) - len(raw), len(answers))
