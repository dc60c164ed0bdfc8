"""What every mistake must come to: one error, in one voice, on one line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

import chainrule as cr


def expect_one_clear_error(call: Callable[[], Any], words: Iterable[str]) -> None:
    """Make a call that is wrong; fail unless it raises one error of ours that has these words."""
    with pytest.raises(cr.ChainruleError) as caught:
        call()
    error = caught.value
    for word in words:
        assert word in str(error)
    assert error.where
    assert error.given
    assert error.expected
    assert error.fix
    assert error.__suppress_context__ or (error.__cause__ is None and error.__context__ is None), "one error, not two"
    assert "\n" not in str(error)
    assert len(str(error)) < 600
