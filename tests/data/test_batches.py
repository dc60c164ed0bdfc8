"""Batches and splits: every sample exactly once, and no pair ever torn apart."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.data import batches, digits, moons, read_npy, split
from chainrule.errors import InputError

COUNTS = st.integers(1, 60)


def pairs(count: int, order: str = "C", kind: str = "f4") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, targets and weights in which row i says i."""
    numbers = np.arange(count)
    X = np.asarray(np.stack([numbers, -numbers], axis=1), kind, order=order)
    return X, 10 * numbers, numbers / 2


@settings(max_examples=60)
@given(
    count=COUNTS,
    size=st.integers(1, 70),
    seed=st.none() | st.integers(0, 9),
    order=st.sampled_from("CF"),
    kind=st.sampled_from(["f4", ">f8", "u1"]),
)
def test_an_epoch_visits_each_sample_once_with_its_own_target(
    count: int, size: int, seed: int | None, order: str, kind: str
) -> None:
    X, y, weights = pairs(count, order, kind)
    generator = None if seed is None else np.random.default_rng(seed)
    found = batches(X, y, size, sample_weight=weights, shuffle=seed is not None, generator=generator)
    seen = list(found)
    assert len(found) == len(seen)
    assert [len(part) for part, _, _ in seen] == [size] * (count // size) + [count % size] * (count % size > 0)
    for X_batch, y_batch, weight_batch in seen:
        rows = y_batch // 10
        assert np.array_equal(X_batch, X[rows])
        assert np.array_equal(weight_batch, rows / 2)
    visited = np.concatenate([y_batch for _, y_batch, _ in seen]) // 10
    assert sorted(visited) == list(range(count))
    if seed is None:
        assert visited.tolist() == list(range(count))


@settings(max_examples=60)
@given(
    labels=st.lists(st.integers(0, 3), min_size=2, max_size=60),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 9),
    stratify=st.booleans(),
)
def test_a_split_holds_each_sample_once_with_its_own_target(
    labels: list[int], fraction: float, seed: int, stratify: bool
) -> None:
    y, numbers = np.array(labels), np.arange(len(labels))
    (X_rest, y_rest), (X_part, y_part) = split(numbers[:, None], y, fraction, seed, stratify)
    assert sorted(np.concatenate([X_rest, X_part])[:, 0]) == numbers.tolist()
    assert np.array_equal(y_rest, y[X_rest[:, 0]])
    assert np.array_equal(y_part, y[X_part[:, 0]])
    assert len(X_rest) >= 1
    assert len(X_part) >= 1
    assert abs(len(X_part) - fraction * len(y)) <= 1
    if stratify:
        share = len(X_part) / len(y)
        for k in range(4):
            assert abs((y_part == k).sum() - share * (y == k).sum()) < 1


def test_the_generator_decides_the_order() -> None:
    X, y, _ = pairs(50)

    def order(seed: int) -> list[int]:
        return np.concatenate([part for _, part in batches(X, y, 7, generator=np.random.default_rng(seed))]).tolist()

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1) != y.tolist()


def test_a_generator_goes_on_to_another_order_in_the_next_epoch() -> None:
    X, _, _ = pairs(50)
    generator = np.random.default_rng(0)
    first, second = (np.concatenate(list(batches(X, generator=generator))) for _ in range(2))
    assert not np.array_equal(first, second)


def test_batches_are_shuffled_anew_each_time_and_alike_in_each_program() -> None:
    X, y, _ = pairs(50)
    first, again = batches(X, y), batches(X, y)
    orders = [np.concatenate([part for _, part in found]).tolist() for found in (first, first, again, again)]
    assert orders[:2] == orders[2:]
    assert orders[0] != orders[1]
    assert all(sorted(order) == y.tolist() != order for order in orders)


def test_an_order_is_drawn_when_one_begins_to_go_through() -> None:
    X, _, _ = pairs(20)
    generator = np.random.default_rng(0)
    found = batches(X, batch_size=20, generator=generator)
    early = iter(found)
    generator.random(100)
    assert np.array_equal(next(early), X[np.random.default_rng(0).permutation(20)])


def test_two_that_go_through_the_same_batches_do_not_disturb_each_other() -> None:
    X, y, _ = pairs(9)
    found = batches(X, y, 2)
    for one, other in zip(found, found, strict=True):
        assert np.array_equal(one[0][:, 0] * 10, one[1])
        assert np.array_equal(other[0][:, 0] * 10, other[1])


def test_a_data_set_brings_its_targets() -> None:
    X, y = moons(20)
    for one, other in zip(batches(moons(20), batch_size=6), batches(X, y, 6), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    for part, parts in zip(split(moons(20)), split(X, y), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(part, parts, strict=True))
    with pytest.raises(InputError, match=r"batches: got Dataset\('moons'.*, and y beside it"):
        batches(moons(20), y)


def test_without_targets_a_batch_is_an_array_of_inputs() -> None:
    X, _, _ = pairs(5)
    assert [part.tolist() for part in batches(X, batch_size=3, shuffle=False)] == [X[:3].tolist(), X[3:].tolist()]


@pytest.mark.parametrize("generator", [None, np.random.default_rng(0)])
def test_changing_a_batch_changes_no_data(generator: np.random.Generator | None) -> None:
    X, y, _ = pairs(6)
    before = X.copy(), y.copy()
    for X_batch, y_batch in batches(X, y, 6, shuffle=generator is not None, generator=generator):
        X_batch[...] = 99
        y_batch[...] = 99
    assert np.array_equal(X, before[0])
    assert np.array_equal(y, before[1])


def test_batches_keep_types_and_trailing_shapes() -> None:
    X, y = np.zeros((5, 2, 3), np.uint8), np.zeros((5, 4), np.float64)
    X_batch, y_batch = next(iter(batches(X, y, 4)))
    assert (X_batch.shape, X_batch.dtype, y_batch.shape, y_batch.dtype) == ((4, 2, 3), np.uint8, (4, 4), np.float64)


def test_lists_are_taken_too() -> None:
    X_batch, y_batch = next(iter(batches([[1, 2], [3, 4]], [0, 1], shuffle=False)))
    assert X_batch.tolist() == [[1, 2], [3, 4]]
    assert y_batch.tolist() == [0, 1]


@pytest.mark.parametrize(("order", "kind"), [("C", "<f8"), ("F", "<f8"), ("C", ">f8")])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_memory_map_is_never_copied_whole(tmp_path: Path, order: Any, kind: str, shuffled: bool) -> None:
    path = tmp_path / "X.npy"
    np.save(path, np.asarray(np.arange(400_000.0).reshape(4000, 100), kind, order))
    X = read_npy(path)
    tracemalloc.start()
    total = sum(float(part.sum()) for part in batches(X, shuffle=shuffled))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(400_000 * 399_999 / 2)
    assert peak < 400_000 * 8 / 10
    assert type(next(iter(batches(X)))) is np.ndarray


def test_a_split_is_the_same_for_the_same_seed_only() -> None:
    X, labels = moons(100)
    (first, _), (again, _), (other, _) = (split(X, labels, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("count", "fraction", "size"), [(30, 0.1, 3), (10, 0.33, 3), (10, 0.25, 3), (3, 0.01, 1), (3, 0.99, 2)]
)
def test_the_part_is_rounded_to_whole_samples(count: int, fraction: float, size: int) -> None:
    _, (part, targets) = split(np.arange(count), None, fraction)
    assert len(part) == size
    assert targets is None


def test_a_stratified_split_keeps_the_share_of_a_rare_class() -> None:
    labels = np.repeat(["common", "rare"], [950, 50])
    _, (_, part) = split(np.arange(1000), labels, fraction=0.2, stratify=True)
    assert (part == "rare").sum() == 10
    assert part.tolist() != sorted(part)


@pytest.mark.parametrize("stratify", [False, True])
def test_both_parts_come_in_random_order(stratify: bool) -> None:
    (rest, _), (part, _) = split(np.arange(200), np.arange(200) // 100, 0.3, stratify=stratify)
    assert rest.tolist() != sorted(rest)
    assert part.tolist() != sorted(part)


def test_splitting_copies() -> None:
    X, y = np.array(digits().X), np.array(digits().y)
    for X_part, y_part in split(X, y):
        assert not np.shares_memory(X_part, X)
        assert not np.shares_memory(y_part, y)


GOOD = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((GOOD, [0, 1]), {}, "3 samples in X (3, 2) but 2 in y (2,)"),
        ((GOOD, [0, 1, 0]), {"sample_weight": [1, 1]}, "2 in sample_weight"),
        ((GOOD, [0, 1, 0]), {"sample_weight": [[1], [1], [1]]}, "sample_weight of shape (3, 1)"),
        ((GOOD,), {"sample_weight": [1, 1, 1]}, "weights only beside targets"),
        ((np.zeros((0, 2)), np.zeros(0)), {}, "X of shape (0, 2)"),
        ((5.0,), {}, "X of shape ()"),
        ((GOOD, 1), {}, "y of shape ()"),
        (([[1, 2], [3]],), {}, "rows of different lengths"),
        ((np.array([{}, {}]),), {}, "Python objects"),
        ((GOOD, None, 0), {}, "batches batch_size: got 0"),
        ((GOOD, None, -1), {}, "batches batch_size: got -1"),
        ((GOOD, None, 2.5), {}, "batches batch_size: got 2.5"),
        ((GOOD, None, True), {}, "batches batch_size: got True"),
        ((GOOD, None, "32"), {}, "batches batch_size: got '32'"),
        ((GOOD,), {"generator": np.random.default_rng(0), "shuffle": False}, "Leave one of them out"),
        ((GOOD,), {"generator": 0}, "numpy.random.default_rng(0)"),
        ((GOOD,), {"generator": np.random.RandomState(0)}, "numpy.random.default_rng(0)"),
    ],
)
def test_wrong_batches_are_refused_when_called(arguments: tuple[Any, ...], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=r".*: got .*, but expected .*\. .*\.") as caught:
        batches(*arguments, **options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        ((GOOD, [0, 1]), {}, "2 in y"),
        (([[1.0]], [1]), {}, "one sample"),
        ((GOOD, [0, 1, 1]), {"fraction": 0}, "split fraction: got 0"),
        ((GOOD, [0, 1, 1]), {"fraction": 1.0}, "split fraction: got 1.0"),
        ((GOOD, [0, 1, 1]), {"fraction": float("nan")}, "split fraction: got nan"),
        ((GOOD, [0, 1, 1]), {"seed": -1}, "split seed: got -1"),
        ((GOOD, None), {"stratify": True}, "no y"),
        ((GOOD, np.eye(3)), {"stratify": True}, "argmax"),
    ],
)
def test_a_wrong_split_is_one_clear_error(arguments: tuple[Any, ...], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=r".*: got .*, but expected .*\. .*\.") as caught:
        split(*arguments, **options)
    assert said in str(caught.value)
