"""A page says every view in words that lead to the very same numbers, or refuses it with its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.errors import MisuseError
from chainrule.replay.expressions import text
from chainrule.replay.recording import Buffer, Operand, Tape
from chainrule.replay.views import of_view, placed_at

VIEWS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "all": (lambda x: x, "x"),
    "transposed": (lambda x: x.reshape(6, 4).T, "x.reshape((6, 4)).T"),
    "turned": (lambda x: x.transpose(2, 0, 1), "x.transpose(2, 0, 1)"),
    "a slice": (lambda x: x[:, 1:], "x[:, 1:, :]"),
    "from behind": (lambda x: x[:, ::-1], "x[:, ::-1, :]"),
    "one and a new axis": (lambda x: x[1, None], "x[None, 1, :, :]"),
    "windows": (
        lambda x: sliding_window_view(x, 2, axis=2),
        "np.lib.stride_tricks.sliding_window_view(x, 2, axis=2)",
    ),
    "windows of a slice": (
        lambda x: sliding_window_view(x[0], (2, 2))[1:],
        "np.lib.stride_tricks.sliding_window_view(x[0], (2, 2), axis=None)[1:]",
    ),
    "a diagonal": (lambda x: x.reshape(-1)[::5], "x.reshape((24,))[::5]"),
    "a diagonal of one that is turned": (
        lambda x: x.reshape(12, 2).reshape(24)[:9].reshape(3, 3).T.transpose(0, 1)[:, :2],
        "x.reshape((12, 2)).reshape((24,))[:9].reshape((3, 3)).T.transpose(0, 1)[:, :2]",
    ),
    "cut, and turned": (lambda x: x.transpose(2, 1, 0)[1:, ::-1], "x[:, ::-1, 1:].T"),
    "broadcast": (lambda x: np.broadcast_to(x[:, :1], (5, 2, 3, 4)), ""),
    "diagonals, turned": (
        lambda x: x.reshape(4, 6)[:2].reshape(12)[::5].reshape(3, 1).T,
        "",
    ),
}


@pytest.mark.parametrize(("function", "written"), VIEWS.values(), ids=VIEWS)
def test_a_view_is_written_so_that_it_gives_the_same_numbers(function: Callable[[Any], Any], written: str) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    page = text(of_view(("name", "x"), function(Tape().wrap(array)).operand))
    np.testing.assert_array_equal(eval(page, {"np": np, "x": array}), function(array))
    if written:
        assert page == written


def test_a_view_that_nobody_knows_the_way_to_is_refused_with_its_shape() -> None:
    whole = np.zeros((3, 3))
    diagonal = Operand(Buffer(whole), whole.reshape(-1)[::4])
    with pytest.raises(MisuseError, match=r"a view with shape \(3,\) of an array with shape \(3, 3\)"):
        of_view(("name", "x"), diagonal)


def test_a_place_is_written_as_one_key_or_refused() -> None:
    recorded = Tape().wrap(np.zeros((3, 4)))
    assert placed_at(recorded[1:, 2].operand) == "[1:, 2]"
    for part in (recorded, recorded.T, recorded[1:][:, 2]):
        with pytest.raises(MisuseError, match=r"got a view with shape .*slices, transposes and reshapes"):
            placed_at(part.operand)
