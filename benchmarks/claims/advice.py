"""How much of the advice that errors give is followed by a test, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from claims.figure import Figure, Options, all_of


def advice(options: Options) -> Iterator[Figure]:
    """Follow the advice of every error that has a case; count those that have a reason instead, and the rest."""
    from tests.advice.cases import advices, cases, followed_in, reasons, rooms

    followed: set[str] = set()
    wrong = 0
    for room in rooms():
        given, problems = followed_in(room)
        followed |= {str(advice) for advice in given}
        wrong += len(problems)
    count = sum(len(cases(room)) for room in rooms())
    yield all_of("advice carried out: cases that lead on", count - wrong, count, "all")
    every = [str(advice) for advice in advices()]
    why = Counter(reasons().get(told, "") for told in every if told not in followed)
    waiting = why.pop("", 0)
    kinds = "; ".join(f"{number} because {reason[:1].lower()}{reason[1:]}" for reason, number in why.items())
    yield Figure("advice that is followed, or has a reason", f"all of {len(every)}",
                 f"{len(followed)} followed; {kinds}; {waiting} without", waiting == 0)  # fmt: skip
