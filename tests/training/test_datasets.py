"""Every data set of `cr.data` comes in one form, which training, evaluation and prediction take as it is."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import chainrule as cr
from chainrule.data import Dataset
from chainrule.errors import InputError

MADE = {name: getattr(cr.data, name) for name in ("blobs", "circles", "curve", "digits", "moons", "spirals", "xor")}


def network(made: Dataset, **told: object) -> cr.Network:
    outputs = 10 if made.class_names is None or len(made.class_names) > 3 else len(made.class_names)
    end = [cr.Dense(np.shape(made.y)[1])] if np.ndim(made.y) == 2 else [cr.Dense(outputs), cr.Softmax()]
    return cr.Network([cr.Dense(4), cr.Tanh(), *end], **told)


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_data_set_is_taken_whole_or_as_arrays(make, engine):
    made = make()
    assert isinstance(made, Dataset)
    one, other = network(made, engine=engine), network(made, engine=engine)
    cr.train(one, made, epochs=2, batch_size=50, validation_data=made)
    X, y = make()
    cr.train(other, X, y, epochs=2, batch_size=50, validation_data=(X, y))
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert cr.evaluate(one, made) == cr.evaluate(other, X, y)
    assert cr.predict(one, made).tobytes() == cr.predict(other, X).tobytes()
    if y.ndim == 1:
        assert np.array_equal(cr.classify(one, made), cr.classify(other, X))
        assert made.class_names == tuple(str(k) for k in range(y.max() + 1))


def test_every_function_that_returns_data_has_the_same_form():
    returned = {
        name: inspect.signature(make).return_annotation
        for name in cr.data.__all__
        if inspect.isfunction(make := getattr(cr.data, name))
    }
    others = {"batches", "split", "one_hot", "read_npy", "read_idx"}  # of what they are given, or one array
    others |= {"read_table", "prepare"}  # of words, gaps and dates, and what becomes of them
    assert {name for name, kind in returned.items() if kind != "Dataset"} == others


def test_a_training_on_a_data_set_can_be_repeated_and_weighted():
    made = cr.data.moons(40)
    one = network(made)
    history = cr.train(one, made, epochs=2, class_weight="balanced", validation_split=0.25)
    assert history.repeat().final_loss == history.final_loss


def test_batches_are_trained_on_for_as_many_epochs_as_one_likes():
    made = cr.data.moons(40)
    history = cr.train(network(made), cr.data.batches(made, batch_size=16), epochs=3)
    assert len(history) == 3


@pytest.mark.parametrize("call", [cr.train, cr.evaluate, cr.report, cr.importance])
def test_numbers_beside_a_table_that_may_be_names_or_indices_are_refused(call):
    kinds = np.arange(30) % 3
    table = {"a": kinds * 2.0, "b": np.random.default_rng(0).normal(size=30), "kind": kinds + 1}
    preparation = cr.data.prepare(table, "kind", task="classification")
    network = cr.Network([cr.Dense(3), cr.Softmax()], preparation=preparation)
    assert network.classes == ("1", "2", "3")
    told = {"epochs": 1} if call is cr.train else {}
    few = {name: cells[kinds > 0] for name, cells in table.items()}  # classes 2 and 3, whose indices are 1 and 2
    for y in ([1, 2] * 10, np.ones(20), [2.0] * 20):
        with pytest.raises(InputError, match=r"is the index of the class '[23]', or the name"):
            call(network, few, y, **told)
    call(network, few, **told)
    call(network, few, few["kind"].astype(str), **told)
    call(network, few, np.array(network.classes)[kinds[kinds > 0]], **told)
    call(network, table, kinds, **told)  # 0 is no name
    call(network, preparation.features(few), kinds[kinds > 0], **told)  # no table


BAD = {
    "y beside it": (lambda n, d: cr.train(n, d, d.y), r"train: got Dataset\('moons'.*, and y beside it"),
    "evaluated with y": (lambda n, d: cr.evaluate(n, d, d.y), r"evaluate: got Dataset\('moons'"),
    "no targets": (
        lambda n, d: cr.train(n, Dataset(d.X, None, "those")),
        r"without y, but",
    ),
    "nothing to compare with": (lambda n, d: cr.evaluate(n, d.X), r"evaluate: got y=None"),
}


@pytest.mark.parametrize(("call", "says"), BAD.values(), ids=BAD)
def test_what_is_missing_or_too_much_is_one_clear_error(call, says):
    made = cr.data.moons(10)
    with pytest.raises(InputError, match=says):
        call(network(made), made)
