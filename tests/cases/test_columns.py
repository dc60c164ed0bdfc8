"""Columns and classes keep their names: each way to bring them in another order, or wrong, and the right answer."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, InputWarning
from tests.referees import needed

ROWS = 40
NAMES = ("age", "height", "weight", "income")
CLASSES = ("no", "yes")


def columns() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {name: generator.normal(3 * i, i + 1, ROWS) for i, name in enumerate(NAMES)}


def answers() -> Any:
    table = columns()
    return np.where(table["age"] + table["height"] > 3, "yes", "no")


def structured(table: dict[str, Any]) -> Any:
    array = np.zeros(ROWS, [(name, float) for name in table])
    for name, values in table.items():
        array[name] = values
    return array


def of_pandas(table: dict[str, Any]) -> Any:
    return needed("pandas").DataFrame(table)


def of_polars(table: dict[str, Any]) -> Any:
    return needed("polars").DataFrame(table)


def data_set(table: dict[str, Any]) -> Any:
    return cr.data.Dataset(np.stack([*table.values()], axis=1), None, "people", tuple(table))


FORMS = {
    "pandas": of_pandas,
    "polars": of_polars,
    "structured array": structured,
    "data set": data_set,
    "dict of columns": dict,
    "list of rows": lambda table: [dict(zip(table, row)) for row in zip(*table.values())],
    "table": cr.data.Table.of,
}


@pytest.fixture(scope="module")
def network() -> cr.Network:
    """A network that was trained on columns with names."""
    made = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(2), cr.Softmax()], classes=CLASSES)
    cr.train(made, structured(columns()), answers(), epochs=3, verbose=0)
    return made


WAYS = {
    "as it is": lambda network: network,
    "copied": lambda network: network.copy(),
    "copied with a change": lambda network: network.copy(l2=0.1),
    "pickled": lambda network: pickle.loads(pickle.dumps(network)),
    "saved": lambda network: cr.loads(cr.dumps(network)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("form", FORMS)
def test_columns_in_another_order_give_the_same_answers(network: cr.Network, form: str, way: str) -> None:
    asked = WAYS[way](network)
    expected = cr.predict(network, np.stack([*columns().values()], axis=1))
    for order in itertools.islice(itertools.permutations(NAMES), 0, 24, 5):
        table = FORMS[form]({name: columns()[name] for name in order})
        assert (cr.predict(asked, table) == expected).all()
        assert cr.evaluate(asked, table, answers()) == cr.evaluate(network, structured(columns()), answers())
        assert (asked.forward(table) == expected).all()


@pytest.mark.parametrize("form", FORMS)
def test_a_column_too_many_is_named_and_ignored(network: cr.Network, form: str) -> None:
    table = FORMS[form]({"shoe size": np.ones(ROWS), **columns()})
    with pytest.warns(InputWarning, match="'shoe size', with which the network was not trained"):
        found = cr.predict(network, table)
    assert (found == cr.predict(network, structured(columns()))).all()


@pytest.mark.parametrize(
    ("renamed", "message"),
    [
        ({"age": "Age"}, "without 'age'.*Rename 'Age' to 'age'"),
        ({"age": "years"}, "without 'age'"),
        ({"age": None}, "without 'age'"),
        ({"age": "height", "height": None}, "without 'height'|without 'age'"),
        (dict(zip(NAMES, "abcd")), "none is one of the network's"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_column_that_is_missing_or_renamed_is_refused_by_name(
    network: cr.Network, form: str, renamed: dict[str, str | None], message: str
) -> None:
    names = {name: renamed.get(name, name) for name in NAMES}
    table = FORMS[form]({new: columns()[old] for old, new in names.items() if new is not None})
    with pytest.raises(InputError, match=message) as caught:
        cr.predict(network, table)
    assert caught.value.cause == "data.columns"


def test_two_columns_of_one_name_are_refused(network: cr.Network) -> None:
    frame = of_pandas(columns())
    doubled = needed("pandas").concat([frame, frame[["age"]]], axis=1)
    with pytest.raises(InputError, match="two columns called 'age'"):
        cr.predict(network, doubled)


def test_what_has_no_names_goes_by_position(network: cr.Network) -> None:
    matrix = np.stack([*columns().values()], axis=1)
    expected = cr.predict(network, structured(columns()))
    assert (cr.predict(network, matrix) == expected).all()
    assert (cr.predict(network, needed("pandas").DataFrame(matrix)) == expected).all()  # numbered, not named


def test_validation_data_come_in_the_order_of_the_training_data() -> None:
    table, y = columns(), answers()
    swapped = {name: table[name] for name in reversed(NAMES)}
    histories = []
    for validation in (structured(table), structured(swapped)):
        made = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2), cr.Softmax()], classes=CLASSES)
        histories.append(cr.train(made, structured(table), y, epochs=2, validation_data=(validation, y), verbose=0))
    first, second = ([epoch["validation_loss"] for epoch in history] for history in histories)
    assert first == second


def test_a_network_as_it_was_before_training_has_no_names(network: cr.Network) -> None:
    assert network.columns == NAMES
    assert network.fresh().columns is None


def test_training_goes_on_by_name(network: cr.Network) -> None:
    table = columns()
    swapped = {name: table[name] for name in reversed(NAMES)}
    first, second = network.copy(), network.copy()
    cr.train(first, structured(table), answers(), epochs=2, verbose=0)
    cr.train(second, structured(swapped), answers(), epochs=2, verbose=0)
    assert (first.parameters == second.parameters).all()


@pytest.mark.parametrize(
    "texts",
    [
        lambda y: y,
        lambda y: y.tolist(),
        lambda y: y.astype(object),
        lambda y: y[:, None],
        lambda y: needed("pandas").Series(y),
        lambda y: needed("pandas").Series(y).astype("category"),
        lambda y: needed("pandas").Series(y, dtype="string"),
        lambda y: needed("polars").Series(y),
    ],
    ids=["array", "list", "objects", "column", "series", "categories", "strings", "polars"],
)
@pytest.mark.parametrize("classes", [("no", "yes"), ("yes", "no")])
def test_targets_may_be_the_names_of_classes(classes: tuple[str, ...], texts: Any) -> None:
    X, y = structured(columns()), answers()
    by_name, by_index = (cr.Network([cr.Dense(2), cr.Softmax()], classes=classes) for _ in range(2))
    cr.train(by_name, X, texts(y), epochs=2, verbose=0)
    cr.train(by_index, X, np.array([classes.index(word) for word in y]), epochs=2, verbose=0)
    assert (by_name.parameters == by_index.parameters).all()


def test_one_output_takes_names_of_its_two_classes() -> None:
    X, y = structured(columns()), answers()
    by_name, by_index = (cr.Network([cr.Dense(1), cr.Sigmoid()], classes=CLASSES) for _ in range(2))
    cr.train(by_name, X, y, epochs=2, verbose=0)
    cr.train(by_index, X, np.array([CLASSES.index(word) for word in y]), epochs=2, verbose=0)
    assert (by_name.parameters == by_index.parameters).all()


def test_a_name_that_is_no_class_is_refused_with_its_place(network: cr.Network) -> None:
    y = answers()
    y[7] = "ja"
    with pytest.raises(InputError, match=r"'ja' in row 7 .*'no', 'yes'"):
        cr.evaluate(network, structured(columns()), y)


def test_labels_of_a_data_set_are_those_of_the_classes_names(network: cr.Network) -> None:
    matrix, y = np.stack([*columns().values()], axis=1), answers()
    turned = cr.data.Dataset(matrix, (y == "no").astype(int), "people", NAMES, ("yes", "no"))
    assert cr.evaluate(network, turned) == cr.evaluate(network, structured(columns()), y)
    others = cr.data.Dataset(matrix, (y == "no").astype(int), "people", NAMES, ("ja", "no"))
    with pytest.raises(InputError, match="'ja'"):
        cr.evaluate(network, others)


def test_a_network_learns_what_the_classes_of_a_data_set_are_called() -> None:
    data = cr.data.Dataset(np.stack([*columns().values()], axis=1), (answers() == "no").astype(int), "people", NAMES,
                           ("yes", "no"))  # fmt: skip
    made = cr.Network([cr.Dense(2), cr.Softmax()])
    cr.train(made, data, epochs=1, verbose=0)
    assert made.classes == ("yes", "no")
    numbers = cr.Network([cr.Dense(1), cr.Tanh()])
    cr.train(numbers, cr.data.xor(), epochs=1, verbose=0)
    assert numbers.classes is None


def test_a_frame_without_y_says_what_is_missing() -> None:
    made = cr.Network([cr.Dense(2), cr.Softmax()])
    with pytest.raises(InputError, match="without y"):
        cr.train(made, structured(columns()), epochs=1)
