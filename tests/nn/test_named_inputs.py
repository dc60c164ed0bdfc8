"""Several inputs by name give what the same network gives that takes its columns out of one matrix by hand."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, ShapeError
from chainrule.nn.validation import named_indices
from tests.referees import needed

ENGINES = ["replay", "dynamic", "compiled"]
RANDOM = np.random.default_rng(0)
P, T = RANDOM.normal(size=(60, 4, 4)), RANDOM.normal(size=(60, 3))
Y = (P.mean(axis=(1, 2)) * 4 + T[:, 0] > 0).astype(float)
X = {"picture": P, "table": T}
MATRIX = np.concatenate([P.reshape(60, -1), T], axis=1)


def named(**settings: Any) -> cr.Network:
    branches = cr.Branches({"picture": [cr.Flatten(), cr.Dense(6, "relu")], "table": [cr.Dense(2, "relu")]})
    return cr.Network([branches, cr.Dense(1), cr.Sigmoid()], **settings)


def shapes(network: cr.Network) -> Any:
    first: Any = network.layers[0]
    return first.shapes


def by_hand(**settings: Any) -> cr.Network:
    picture, table = (cr.ops.Slice((slice(None), columns)) for columns in (slice(0, 16), slice(16, 19)))
    branches = [[picture, cr.ops.Reshape((-1, 4, 4)), cr.Flatten(), cr.Dense(6, "relu")], [table, cr.Dense(2, "relu")]]
    return cr.Network([cr.Branches(branches), cr.Dense(1), cr.Sigmoid()], **settings)


@pytest.mark.parametrize("engine", ENGINES)
def test_named_inputs_train_as_the_columns_of_one_matrix(engine: str) -> None:
    if engine == "compiled":
        needed("numba")
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 16, "validation_split": 0.2, "metrics": "accuracy"}
    one, other = named(engine=engine), by_hand(engine=engine)
    weight = RANDOM.uniform(size=60)
    histories = [
        cr.train(network, data, Y, sample_weight=weight, **settings) for network, data in ((one, X), (other, MATRIX))
    ]
    assert histories[0]["loss"] == histories[1]["loss"]
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert cr.predict(one, X).tobytes() == cr.predict(other, MATRIX).tobytes()
    assert cr.evaluate(one, X, Y) == cr.evaluate(other, MATRIX, Y)
    assert (cr.classify(one, X) == cr.classify(other, MATRIX)).all()


def test_the_order_of_a_mapping_does_not_matter_and_a_matrix_of_all_columns_is_taken() -> None:
    network = named()
    cr.train(network, dict(reversed(X.items())), Y, epochs=1)
    expected = cr.predict(network, X)
    assert (cr.predict(network, dict(reversed(X.items()))) == expected).all()
    assert (cr.predict(network, MATRIX) == expected).all()
    assert (network.forward(X) == expected).all()


def test_the_first_data_tell_the_shapes_which_are_a_setting_from_then_on() -> None:
    network = named()
    assert shapes(network) == (("picture", None), ("table", None))
    cr.predict(network, X)
    assert shapes(network) == (("picture", (4, 4)), ("table", (3,)))
    told = cr.Network([cr.Branches({"a": [], "b": [cr.Dense(2)]}, shapes={"b": 3, "a": 2}), cr.Dense(1)])
    assert told.built
    assert told.sample_shape == (5,)
    assert repr(told.layers[0]) == "Branches(branches=[[], [Dense(2)]], shapes=(('a', (2,)), ('b', (3,))))"
    assert eval(repr(told.layers[0]), vars(cr.nn)).shapes == shapes(told)


def test_data_that_do_not_fit_leave_the_shapes_open() -> None:
    network = cr.Network([cr.Branches({"picture": [], "table": []}), cr.Dense(1)])
    with pytest.raises(ShapeError, match=r"cr\.Flatten\(\)"):
        cr.train(network, X, Y)
    assert cr.predict(network, {"picture": P.reshape(60, -1), "table": T}).shape == (60, 1)


@pytest.mark.parametrize("twin", ["copy", "pickle", "file", "repeat", "fresh"])
def test_a_twin_goes_on_to_the_byte(twin: str, tmp_path: Path) -> None:
    network = named()
    history = cr.train(network, X, Y, epochs=2)
    if twin == "file":
        cr.save(network, tmp_path / "model.safetensors")
    other: Callable[[], cr.Network] = {
        "copy": network.copy,
        "pickle": lambda: pickle.loads(pickle.dumps(network)),
        "file": lambda: cr.load(tmp_path / "model.safetensors"),
        "repeat": lambda: history.repeat().network,
        "fresh": lambda: cr.train(network.fresh(), X, Y, epochs=2).network,
    }[twin]
    found = other()
    assert shapes(found) == shapes(network)
    assert found.parameters.tobytes() == network.parameters.tobytes()
    for one in (network, found):
        cr.train(one, X, Y, epochs=2)
    assert found.parameters.tobytes() == network.parameters.tobytes()
    assert (cr.predict(found, X) == cr.predict(network, X)).all()


def test_a_resumed_training_is_one_never_stopped(tmp_path: Path) -> None:
    path = tmp_path / "training.safetensors"
    straight, stopped, resumed = named(), named(), named()
    cr.train(straight, X, Y, epochs=4)
    cr.train(stopped, X, Y, epochs=2, callbacks=cr.Checkpoint(path))
    cr.train(resumed, X, Y, epochs=4, resume=path)
    assert resumed.parameters.tobytes() == straight.parameters.tobytes()


def test_a_training_on_batches_is_resumed_by_a_network_that_is_not_built(tmp_path: Path) -> None:
    path, batches = tmp_path / "training.safetensors", cr.data.batches(X, Y, 16, shuffle=False)
    straight, stopped, resumed = named(), named(), named()
    cr.train(straight, batches, epochs=4)
    cr.train(stopped, batches, epochs=2, callbacks=cr.Checkpoint(path))
    cr.train(resumed, batches, epochs=4, resume=path)
    assert resumed.parameters.tobytes() == straight.parameters.tobytes()
    other = cr.Network([cr.Branches({"picture": [cr.Flatten()], "table": []}), cr.Dense(1)])
    with pytest.raises(InputError, match="the one that was saved"):
        cr.train(other, batches, epochs=4, resume=path)
    assert shapes(other) == (("picture", None), ("table", None))


def test_batches_and_split_keep_the_names() -> None:
    (kept, y_kept), (held, y_held) = cr.data.split(X, Y, fraction=0.25)
    same, _ = cr.data.split(MATRIX, Y, fraction=0.25)[0]
    assert (np.concatenate([kept["picture"].reshape(45, -1), kept["table"]], axis=1) == same).all()
    assert (len(held["picture"]), len(held["table"]), len(y_kept), len(y_held)) == (15, 15, 45, 15)
    pairs = zip(cr.data.batches(X, Y, 16), cr.data.batches(MATRIX, Y, 16), strict=True)
    assert all((x["table"] == m[:, 16:]).all() and (y == z).all() for (x, y), (m, z) in pairs)
    assert [list(x) for x in cr.data.batches({"a": T}, batch_size=60)] == [["a"]]
    one, other = named(), by_hand()
    cr.train(one, cr.data.batches(X, Y, 16), epochs=2, validation_data=(X, Y))
    cr.train(other, cr.data.batches(MATRIX, Y, 16), epochs=2, validation_data=(MATRIX, Y))
    assert one.parameters.tobytes() == other.parameters.tobytes()
    with pytest.raises(ShapeError, match=r"3 in X\['b'\]"):
        cr.data.split({"a": T, "b": T[:3]})


def test_augment_gets_and_returns_the_names() -> None:
    seen = []

    def doubled(x: Any, generator: np.random.Generator) -> Any:
        seen.append({name: array.shape for name, array in x.items()})
        return {**x, "table": 2 * x["table"]}

    one, other = named(), named()
    cr.train(one, X, Y, epochs=1, batch_size=60, augment=doubled)
    cr.train(other, {**X, "table": 2 * T}, Y, epochs=1, batch_size=60)
    assert seen == [{"picture": (60, 4, 4), "table": (60, 3)}]
    assert one.parameters.tobytes() == other.parameters.tobytes()
    cr.train(named(), X, Y, epochs=1, augment=cr.data.Mixup())
    with pytest.raises(InputError, match=r"turned\(x\['picture'\]"):
        cr.train(named(), X, Y, epochs=1, augment=cr.data.RandomAffine())


def test_a_branch_that_needs_float64_gets_it_and_the_others_do_not() -> None:
    times = 1.7e9 + np.arange(60.0)[:, None]
    network = cr.Network(
        [cr.Branches({"time": [cr.Rescale.standard(times)], "table": [cr.Dense(2)]}), cr.Dense(1)], seed=1
    )
    alone = cr.Network([cr.Rescale.standard(times)])
    cr.train(network, {"time": times, "table": T}, Y, epochs=1)
    scaled = network["branches_1"].value[:, 0]
    assert scaled.dtype == np.float32
    assert len(set(cr.predict(alone, times)[:, 0].tolist())) == 60
    assert len(set(scaled.tolist())) == len(scaled)
    assert network["dense_1"].value.dtype == np.float32


class Embedding(cr.Layer):
    def __init__(self, rows: int) -> None:
        self.rows = rows

    def build(self, shape: tuple[int, ...]) -> None:
        self.table = self.parameter("table", (self.rows, 3), cr.He())

    def forward(self, x: cr.Node) -> cr.Node:
        return cr.reshape(cr.gather(self.table, x), shape=(-1, 3))


@pytest.mark.parametrize("engine", ENGINES)
def test_an_input_of_indices_is_checked_at_the_door(engine: str) -> None:
    if engine == "compiled":
        needed("numba")
    network = cr.Network([cr.Branches({"id": [Embedding(5)], "table": []}), cr.Dense(1)], engine=engine)
    ids = np.arange(60.0)[:, None] % 5
    cr.train(network, {"id": ids, "table": T}, Y, epochs=1)
    assert np.any(network["branches_1.embedding_1.table"].grad)
    for wrong in (7, -1, 0.5):
        ids[40] = wrong
        for ask in (lambda x: cr.predict(network, x), lambda x: cr.train(network, x, Y, epochs=1)):
            with pytest.raises(InputError, match=r"X\['id'\]\[40, 0\] = .*table behind 'id'"):
                ask({"id": ids, "table": T})


def test_a_table_of_more_rows_than_float32_tells_apart_is_refused() -> None:
    with pytest.raises(InputError, match=r"16,777,216 rows.*dtype='float64'"):
        named_indices("id", np.zeros((1, 1), np.float32), 2**24 + 1)
    named_indices("id", np.zeros((1, 1)), 2**24 + 1)


def test_several_targets_are_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match=r"y with the names 'a', 'b'.*cr\.Heads\(\{\"a\": \[…\], \"b\": \[…\]\}\)"):
        cr.train(named(), X, {"a": Y, "b": Y})
    with pytest.raises(InputError, match=r"one output.*cr\.Heads\(\{\"a\": \[…\]\}\)"):
        named(loss={"a": "mse"})


def test_a_network_inside_another_one_brings_its_names() -> None:
    inner = named()
    cr.train(inner, X, Y, epochs=1)
    outer = cr.Network([inner.copy(), cr.Dense(1)])
    cr.train(outer, X, Y, epochs=1)
    assert cr.predict(outer, X).shape == (60, 1)
    assert inner.replace_head(cr.Dense(3), cr.Softmax()).named_inputs == inner.named_inputs
    unbuilt = cr.Network([named(), cr.Dense(1)])
    assert cr.predict(unbuilt, X).shape == (60, 1)


def test_what_is_printed_names_the_inputs() -> None:
    network = named()
    cr.train(network, X, Y, epochs=1)
    printed = str(network.summary())
    assert "input       picture       4 × 4" in printed
    assert "input       table             3" in printed
    assert network["x.picture"].shape == (28, 4, 4)
    assert network["x.table"].shape == (28, 3)
    assert "x.picture" in str(cr.explain(network, X, Y))


def test_an_sklearn_estimator_takes_the_matrix_where_the_shapes_are_told() -> None:
    needed("sklearn")
    branches = cr.Branches({"a": [cr.Dense(3), "tanh"], "b": []}, shapes={"a": 2, "b": 1})
    found = cr.sklearn.Classifier(cr.Network([branches, cr.Dense(1), cr.Sigmoid()]), epochs=2).fit(T, Y)
    assert found.predict(T).shape == (60,)
    with pytest.raises(ShapeError, match=r"shapes=\{'picture'"):
        cr.sklearn.Classifier(named(), epochs=2).fit(T, Y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"picture": P}, r"X without 'table'.*Pass \{'picture': …, 'table': …\}"),
        ({**X, "tabel": T}, r"'tabel'.*Did you mean 'table'"),
        ({"picture": P, 3: T}, r"the name 3.*'picture', 'table'"),
        ({**X, "table": T[:3]}, r"60 rows in X\['picture'\], 3 rows in X\['table'\]"),
        ({**X, "table": T[:, :2]}, r"X\['table'\] with 2 features.*3 features"),
        ({**X, "picture": P.reshape(60, -1)}, r"np.reshape\(X\['picture'\], \(-1, 4, 4\)\)"),
        ({**X, "table": T[:, 0]}, r"np.reshape\(X\['table'\], \(-1, 1\)\)"),
        ({**X, "table": np.where(T > 2, np.nan, T)}, r"X\['table'\] with \d values that are NaN"),
        (P, r"'picture' \(4, 4\), 'table' \(3,\), or a matrix with their 19 columns"),
        ([P, T], r"X of type list.*Pass \{'picture': …, 'table': …\}"),
        ("table", r"X of type str.*Pass \{'picture': …, 'table': …\}"),
    ],
)
def test_what_does_not_fit_is_refused_at_the_door_by_its_name(given: Any, message: str) -> None:
    network = named()
    cr.predict(network, X)
    for ask in (lambda: cr.predict(network, given), lambda: cr.train(network, given, Y)):
        with pytest.raises(ChainruleError, match=message):
            ask()


def test_names_are_refused_where_there_are_none_and_asked_for_where_there_are() -> None:
    with pytest.raises(InputError, match=r'cr\.Branches\(\{"picture": \[…\], "table": \[…\]\}\)'):
        cr.train(cr.Network([cr.Dense(1)]), X, Y)
    with pytest.raises(InputError, match=r"for each input: 'picture', 'table'\. Pass \{'picture'"):
        cr.train(named(), P, Y)
    with pytest.raises(InputError, match="dict without y"):
        cr.train(named(), X)
    with pytest.raises(ShapeError, match="Let it be the first layer"):
        cr.Network([cr.Dense(3), cr.Branches({"a": [], "b": []})], inputs=4)
    with pytest.raises(InputError, match=r"cr\.Branches\(.*shapes="):
        cr.Network([cr.Branches({"a": [], "b": []}), cr.Dense(1)], inputs={"a": 3, "b": 1})


@pytest.mark.parametrize(
    ("branches", "shapes", "message"),
    [
        ({"a": [], "b": []}, {"a": 3}, "Write the names of the branches"),
        ([[], []], {"a": 3}, "1 shapes for 2 branches"),
        ({"a": [], "b": []}, {"a": 3, "b": 0}, "a whole number from 1"),
        ({"a": [], "b": []}, 3, "the shape of each input"),
        ({"a.b": []}, None, "without dots"),
        ({None: []}, None, "a name for each input"),
        ({}, None, "a list of branches"),
    ],
)
def test_names_and_shapes_of_branches_are_checked(branches: Any, shapes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        cr.Branches(branches, shapes=shapes)
