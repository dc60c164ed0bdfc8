"""One-hot encoding: a single one per row, in the label's column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import one_hot
from chainrule.errors import InputError


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(10, 12))
def test_each_row_holds_a_single_one_in_its_labels_column(labels: list[int], classes: int) -> None:
    encoded = one_hot(labels, classes)
    assert encoded.shape == (len(labels), classes)
    assert encoded.argmax(axis=1).tolist() == labels
    assert (encoded.sum(axis=1) == 1).all()
    assert encoded.max() == 1


@pytest.mark.parametrize("kind", ["int8", "uint8", "int64", "uint64"])
def test_labels_of_any_whole_type_are_taken(kind: str) -> None:
    assert one_hot(np.array([2, 0], kind)).tolist() == [[0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_type_is_the_one_asked_for(dtype: str) -> None:
    assert one_hot([0, 1], dtype=dtype).dtype == dtype
    assert one_hot([0, 1]).dtype == np.float32


@pytest.mark.parametrize(
    ("labels", "options", "said"),
    [
        ([0, 3, 1], {"classes": 3}, "label 3 in row 1, but expected labels from 0 to 2. Pass classes=4"),
        ([0, -1], {}, "label -1 in row 1"),
        ([-5, -1], {}, "label -5 in row 0"),
        ([-5], {}, "label -5 in row 0"),
        ([0], {"classes": 0}, "one_hot classes: got 0"),
        ([], {}, "shape (0,)"),
        (3, {}, "shape ()"),
        ([[0], [1]], {}, "labels.ravel()"),
        ([0.0, 1.0], {}, "astype(int)"),
        ([True, False], {}, "astype(int)"),
        (["a", "b"], {}, "return_inverse=True"),
        ([[0, 1], [1]], {}, "rows of different lengths"),
        ([0, None], {}, "Python objects"),
        ([0, 1], {"classes": 2.0}, "one_hot classes: got 2.0"),
        ([0, 1], {"dtype": "int8"}, "dtype='int8'"),
        ([0, 2**31 - 2], {}, "at most 2**31 cells"),
        ([0, 2**40], {}, "one_hot classes"),
    ],
)
def test_wrong_labels_are_one_clear_error(labels: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=r".*: got .*, but expected .*\. .*\.") as caught:
        one_hot(labels, **options)
    assert said in str(caught.value)
