"""The recording array is closed: what it does not refuse by name, it records so that a replay follows new values."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.ops.special import sum_by_index
from chainrule.replay.lowering import plain
from chainrule.replay.recording import Recorded, Refused, Tape


def _placed(array: Any, key: Any, value: Any) -> Any:
    array[key] = value
    return array


RECORDED: dict[str, Callable[[Any], Any]] = {
    "add": lambda a: a + 1,
    "reversed subtract": lambda a: 1 - a,
    "multiply by itself": lambda a: a * a,
    "divide by a number": lambda a: a / 3.0,
    "power": lambda a: np.power(np.abs(a), 1.5),
    "matmul": lambda a: a @ a.T,
    "negative": lambda a: -a,
    "exp": np.exp,
    "tanh": np.tanh,
    "log1p": lambda a: np.log1p(np.abs(a)),
    "maximum": lambda a: np.maximum(a, 0),
    "minimum of two": lambda a: np.minimum(a, a * a),
    "sign": np.sign,
    "comparison": lambda a: a > 0,
    "comparison as a factor": lambda a: a * (a > 0),
    "logical and": lambda a: np.logical_and(a > 0, a < 1),
    "where": lambda a: np.where(a > 0, a, 2 * a),
    "sum over all": lambda a: a.sum(),
    "sum in float64": lambda a: a.sum(dtype=np.float64),
    "sum over rows": lambda a: a.sum(axis=0),
    "sum keeping the axis": lambda a: a.sum(axis=1, keepdims=True),
    "sum over the last axis": lambda a: a.sum(axis=-1),
    "np.sum": lambda a: np.sum(a, axis=0),
    "max": lambda a: a.max(axis=1, keepdims=True),
    "np.max": np.max,
    "min": lambda a: a.min(axis=0),
    "mean": lambda a: a.mean(axis=0),
    "np.mean": np.mean,
    "astype": lambda a: a.astype(np.float64) * 2,
    "copy": lambda a: a.copy() + 1,
    "np.copy": lambda a: np.copy(a) + 1,
    "transpose": lambda a: a.T + 1,
    "np.transpose": lambda a: np.transpose(a) + 1,
    "reshape": lambda a: a.reshape(-1) + 1,
    "reshape of a transpose": lambda a: a.T.reshape(-1) + 1,
    "ravel": lambda a: a.ravel() + 1,
    "slice": lambda a: a[1:3] * 2,
    "a column": lambda a: a[:, 0] * 2,
    "a new axis": lambda a: a[:, None, :] * 2,
    "every other row": lambda a: a[::2] + 0,
    "concatenate": lambda a: np.concatenate([a, a * 2], axis=1),
    "broadcast_to": lambda a: np.broadcast_to(a[0], a.shape) * a,
    "expand_dims": lambda a: np.expand_dims(a, 0) + 1,
    "zeros_like": lambda a: np.zeros_like(a) + a,
    "ones_like": lambda a: np.ones_like(a) * a,
    "swapaxes": lambda a: a.swapaxes(0, 1) + 1,
    "np.swapaxes": lambda a: np.swapaxes(a[None], -1, 0) + 1,
    "np.moveaxis": lambda a: np.moveaxis(a[None], -1, 0) + 1,
    "stack": lambda a: np.stack([a, a * 2], axis=1),
    "cumsum": lambda a: np.cumsum(a, axis=1),
    "cumsum in float64": lambda a: np.cumsum(a, axis=0, dtype=np.float64),
    "take by an array": lambda a: np.take(a, np.array([2, 0, 2]), axis=0),
    "take along columns": lambda a: np.take(a, np.array([[2, 0], [1, 1]]), axis=1),
    "take by values": lambda a: np.take(a, (np.abs(a[:, 0]) * 2).astype(np.intp) % 5, axis=0),
    "indexing by whole numbers that are values": lambda a: a[(np.abs(a) * 2).astype(np.intp) % 5],
    "sums by index": lambda a: sum_by_index(a, (np.abs(a[:, 0]) * 2).astype(np.intp) % 3, 3),
    "einsum of two": lambda a: np.einsum("ij,kj->ik", a, a * 2),
    "batched matmul": lambda a: a.reshape(5, 2, 2) @ a.reshape(5, 2, 2).swapaxes(1, 2),
    "pad": lambda a: np.pad(a, 1) * 2,
    "pad each side": lambda a: np.pad(a, ((0, 2), (1, 0))) + 0,
    "windows": lambda a: sliding_window_view(a, (2, 3)).reshape(8, 6) * 2,
    "windows along an axis": lambda a: sliding_window_view(a, 3, axis=0).sum(axis=-1),
    "a slice of fresh zeros": lambda a: _placed(np.zeros_like(a), (slice(1, 3), 0), a[:2, 0]) * 2,
    "two slices of fresh zeros": lambda a: _placed(_placed(np.zeros_like(a), 0, a[1]), (slice(None), 1), a[:, 0]),
    "a number in fresh zeros": lambda a: _placed(np.zeros_like(a), 0, 3) + a,
    "a reshape that NumPy does without a copy": lambda a: a[:, ::-1].reshape(5, 2, 2) + 1,
    "broadcast_to into a product": lambda a: np.broadcast_to(a[0], (3, 4)) @ a.T,
    "dot": lambda a: np.dot(a, a.T),
    "with a constant array": lambda a: a + np.arange(4, dtype=np.float32),
    "a chain that shares memory": lambda a: np.tanh(np.exp(a * 0.5) + 1) - a,
    "shape, size, ndim, len": lambda a: a * (a.shape[0] + a.size + a.ndim + len(a)),
}

REFUSED: dict[str, Callable[[Any], Any]] = {
    "bool": lambda a: a if a.sum() > 0 else -a,
    "float": lambda a: a * float(a.sum()),
    "int": lambda a: a * int(a.sum()),
    "as an index": lambda a: [1, 2, 3][a[0, 0] > 0],
    "item": lambda a: a * a.max().item(),
    "tolist": lambda a: np.array(a.tolist()),
    "iteration": lambda a: sum(row for row in a),
    "unpacking": lambda a: [*a],
    "in": lambda a: 0.5 in a,
    "indexing by values": lambda a: a[a > 0],
    "indexing by an array": lambda a: a[np.array([0, 1])],
    "assignment": lambda a: a.__setitem__(0, 1),
    "assignment to a part of fresh zeros": lambda a: np.zeros_like(a)[0].__setitem__(0, a[0, 0]),
    "assignment by values": lambda a: np.zeros_like(a).__setitem__(a > 0, 1),
    "assignment of a text": lambda a: np.zeros_like(a).__setitem__(0, "1"),
    "take with a mode": lambda a: np.take(a, np.array([7]), axis=0, mode="wrap"),
    "np.pad by values": lambda a: np.pad(a, 1, mode="edge"),
    "np.einsum of three": lambda a: np.einsum("ij,ij,ij->i", a, a, a),
    "np.einsum of lists": lambda a: np.einsum(a, [0, 1], a, [0, 1]),
    "windows that can be written": lambda a: sliding_window_view(a, 2, axis=0, writeable=True),
    "np.asarray": lambda a: np.asarray(a) + 1,
    "np.array": lambda a: np.array(a) + 1,
    "argmax": lambda a: a.argmax(axis=1),
    "np.argmax": lambda a: np.argmax(a),
    "np.sort": lambda a: np.sort(a),
    "np.einsum": lambda a: np.einsum("ij->i", a),
    "np.clip": lambda a: np.clip(a, 0, 1),
    "np.linalg.norm": np.linalg.norm,
    "np.var": np.var,
    "np.unique": np.unique,
    "np.nonzero": np.nonzero,
    "np.put_along_axis": lambda a: np.put_along_axis(a, np.zeros((5, 1), int), 0, 1),
    "np.add.at": lambda a: np.add.at(a, 0, 1),
    "np.add.accumulate": np.add.accumulate,
    "np.add.outer": lambda a: np.add.outer(a, a),
    "np.modf": np.modf,
    "np.save": lambda a: np.save("never", a),
    "an unknown attribute": lambda a: a.flat,
    "strides": lambda a: a.strides,
    "pickle": pickle.dumps,
    "hash": hash,
    "a string": lambda a: a + "1",
    "where as a keyword": lambda a: np.add(a, 1, where=a > 0),
    "out that is not recorded": lambda a: np.add(a, 1, out=np.zeros((5, 4), np.float32)),
}


def start(seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((5, 4)).astype(np.float32)


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_recorded_gives_on_new_values_the_bits_of_the_call(name: str) -> None:
    function = RECORDED[name]
    array = start(0)
    tape = Tape()
    result = function(tape.wrap(array))
    assert isinstance(result, Recorded)
    for seed in (1, 2, 3):
        array[...] = start(seed)
        for call in tape.calls:
            for step, arguments in plain(call, lambda operand: operand.array):
                step(*arguments)
        expected = np.asarray(function(array.copy()))
        assert result.operand.array.dtype == expected.dtype
        np.testing.assert_array_equal(result.operand.array, expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_refused_and_freezes_nothing(name: str) -> None:
    with pytest.raises(Refused) as refusal:
        REFUSED[name](Tape().wrap(start(0)))
    assert str(refusal.value), "a refusal names what it refuses"


def test_equal_calls_on_equal_values_are_one_call() -> None:
    tape = Tape()
    a = tape.wrap(start(0))
    assert (np.exp(a) + np.exp(a)).operand is not None
    assert [call.function for call in tape.calls] == [np.exp, np.add]


def test_equal_calls_are_two_calls_when_the_array_was_written_between_them() -> None:
    tape = Tape()
    a = tape.wrap(start(0))
    np.exp(a)
    a += 1
    np.exp(a)
    assert [call.function for call in tape.calls] == [np.exp, np.add, np.exp]


def test_an_equal_call_is_made_anew_when_its_result_was_written_over() -> None:
    tape = Tape()
    a = tape.wrap(start(0))
    doubled = a * 2
    doubled += 1
    again = a * 2
    np.testing.assert_array_equal(again.operand.array, start(0) * 2)
    assert [call.function for call in tape.calls] == [np.multiply, np.add, np.multiply]


def test_calls_on_constants_are_worked_out_while_recording() -> None:
    tape = Tape()
    a = tape.wrap(start(0))
    constant = tape.wrap(np.float32([2.0, 3.0, 4.0, 5.0]), constant=True)
    result = a * (constant * constant)
    assert [call.function for call in tape.calls] == [np.multiply]
    np.testing.assert_array_equal(result.operand.array, start(0) * np.float32([4, 9, 16, 25]))


def test_writing_into_a_constant_is_refused() -> None:
    constant = Tape().wrap(np.ones(3), constant=True)
    with pytest.raises(Refused, match="constant"):
        constant += 1
