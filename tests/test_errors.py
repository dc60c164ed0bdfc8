"""The one voice of errors: what they say can be read, whatever was given."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from chainrule import checks
from chainrule.errors import InputError, nearest


def test_what_was_given_may_be_any_length() -> None:
    with pytest.raises(InputError) as caught:
        checks.one_of("dtype", "x" * 100_000, ("float32", "float64"))
    error = caught.value
    assert len(str(error)) < 1500
    assert error.given.endswith("xxx…")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize(
    "check",
    [
        lambda value: checks.whole("size", value),
        lambda value: checks.number("rate", value),
        lambda value: checks.one_of("dtype", value, ("float32", "float64")),
        lambda value: checks.instance("optimizer", value, str, "cr.Adam()"),
    ],
    ids=["whole", "number", "one of", "instance"],
)
def test_a_number_that_python_does_not_write_is_told(check: Callable[[object], object]) -> None:
    with pytest.raises(InputError, match="got int that is too long to be written"):
        check(10**5000)


def test_of_many_names_the_nearest_and_some_are_told() -> None:
    told = nearest("gnee500", [f"gene{i}" for i in range(5000)])
    assert told.startswith("Did you mean 'gene500'? Known: gene0, gene1, gene10,")
    assert told.endswith(" and 4,900 more")
    assert nearest("gnee3", ["gene3", "x"]) == "Did you mean 'gene3'? Known: gene3, x"
    assert nearest("q", []) == "Known: none"
