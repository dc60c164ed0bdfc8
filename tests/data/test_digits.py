"""The digits that ship with the package: the original's pixels, and a split that never moves."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from chainrule.data import digits
from chainrule.errors import InputError


def test_the_digits_are_the_original_ones() -> None:
    X, y = digits()
    assert (X.shape, X.dtype, y.shape, y.dtype) == ((1797, 64), np.uint8, (1797,), np.int64)
    assert (X.min(), X.max()) == (0, 16)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert y[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


def test_training_and_test_part_are_the_whole_and_never_move() -> None:
    everything, train, test = digits(), digits("train"), digits("test")
    assert (len(train), len(test)) == (1437, 360)
    rows = {row.tobytes() + bytes([label]) for row, label in zip(everything.X, everything.y, strict=True)}
    parts = [{row.tobytes() + bytes([k]) for row, k in zip(part.X, part.y, strict=True)} for part in (train, test)]
    assert parts[0] | parts[1] == rows
    assert not parts[0] & parts[1]
    digest = hashlib.sha256(test.X.tobytes() + test.y.astype(np.uint8).tobytes()).hexdigest()
    assert digest[:16] == "fe440d4b583c008a"


def test_both_parts_hold_each_digit_in_proportion() -> None:
    _, y = digits()
    _, held_out = digits("test")
    np.testing.assert_allclose(np.bincount(held_out), np.bincount(y) * 360 / 1797, atol=1)


def test_the_names_fit_the_columns_and_classes() -> None:
    dataset = digits("test")
    assert dataset.feature_names is not None
    assert (len(dataset.feature_names), dataset.feature_names[9]) == (64, "row 1 column 1")
    assert dataset.class_names == tuple("0123456789")


def test_every_call_returns_arrays_of_its_own() -> None:
    digits().X[...] = 7
    assert digits().X.max() == 16


@pytest.mark.parametrize("split", ["trian", "", 1, True])
def test_an_unknown_part_is_one_clear_error(split: Any) -> None:
    with pytest.raises(InputError, match=r"digits split: got .*, but expected one of the known names"):
        digits(split)
