"""A data set unpacks into its arrays, cannot be changed by accident, and refuses pairs that don't pair."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from chainrule.data import Dataset, digits
from chainrule.errors import ShapeError


def test_a_dataset_unpacks_into_inputs_and_targets() -> None:
    X, y = np.zeros((3, 2)), np.zeros(3)
    dataset = Dataset(X, y, "zeros")
    first, second = dataset
    assert first is X
    assert second is y
    assert len(dataset) == 3


def test_a_dataset_without_targets_unpacks_with_none() -> None:
    _, y = Dataset(np.zeros((3, 2)), None, "zeros")
    assert y is None


def test_a_dataset_says_what_it_holds() -> None:
    assert repr(Dataset(np.zeros((3, 2)), None, "zeros")) == "Dataset('zeros', X (3, 2) float64, no y)"


def test_a_dataset_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        digits().__setattr__("name", "mine")


def test_a_dataset_survives_pickling() -> None:
    before = digits("test")
    after = pickle.loads(pickle.dumps(before))
    assert repr(after) == repr(before)
    assert np.array_equal(after.X, before.X)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.zeros((3, 2)), np.zeros(4), "3 samples in X"),
        (np.zeros((0, 2)), None, "at least one sample"),
        (np.array([None, None]), None, "Python objects"),
        (np.zeros(2), np.array(["a", None], object), "Python objects"),
    ],
)
def test_arrays_that_make_no_set_are_refused(X: np.ndarray, y: np.ndarray | None, said: str) -> None:
    with pytest.raises(ShapeError, match="Dataset 'mine'") as caught:
        Dataset(X, y, "mine")
    assert said in str(caught.value)
