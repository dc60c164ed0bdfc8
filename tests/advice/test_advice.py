"""The advice of every error is followed, and leads on.

An error that says what to do promises that it works. The cases in this folder carry out what errors advise, with the
code that they name where they name some; what has no case has a reason in ``reasons.txt``.
"""

from __future__ import annotations

import gc

import pytest

from tests.advice.cases import advices, followed_in, reasons, room_of, rooms
from tests.referees import needed


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # programs of a few lines leave their files open
@pytest.mark.parametrize("room", rooms())
def test_advice_works_and_all_of_it_is_followed(room: str) -> None:
    if room == "sklearn":  # whose programs are written with it
        needed("sklearn")
    followed, wrong = followed_in(room)
    gc.collect()  # while their files may be open
    assert not wrong, "\n\n" + "\n\n".join(wrong)
    known = {str(advice) for advice in followed if room_of(advice) == room}
    excused = reasons()
    twice = sorted(known & excused.keys())
    assert not twice, "followed by now: take it out of reasons.txt:\n" + "\n".join(twice)
    alone = [str(advice) for advice in advices() if room_of(advice) == room and str(advice) not in known]
    alone = [told for told in alone if told not in excused]
    assert not alone, f"a new error needs a case in tests/advice/{room}.txt:\n" + "\n".join(alone)


def test_reasons_are_of_advice_that_is_given() -> None:
    given = {str(advice) for advice in advices()}
    gone = [told for told in reasons() if told not in given]
    assert not gone, "take them out of reasons.txt, no error says so:\n" + "\n".join(gone)
