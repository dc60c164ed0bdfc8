"""What becomes of each column of a table, decided, measured on the training rows, kept, and done again."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.column_plans import ColumnPlan, fitted, planned
from chainrule.errors import ChainruleError, InputError, InputWarning, ShapeError

NAN = float("nan")


def dates(*texts: str) -> cr.data.Column:
    return cr.data.Column("date", np.array(texts, "datetime64[s]"))


def people(rows: int = 60) -> dict[str, Any]:
    """A table with a column of each kind."""
    generator = np.random.default_rng(1)
    age = generator.integers(18, 80, rows).astype(float)
    age[::7] = NAN
    day = np.datetime64("2020-01-30") + generator.integers(0, 900, rows)
    return {
        "number": np.arange(rows),
        "age": age,
        "town": np.array(["Ulm", "Bonn", "Kiel", ""], object)[generator.integers(0, 4, rows)],
        "member": np.array(["yes", "no"])[generator.integers(0, 2, rows)],
        "since": cr.data.Column("date", day.astype("datetime64[s]")),
        "name": np.array([f"person {i}" for i in range(rows)]),
        "country": np.array(["DE"] * rows),
        "paid": np.array(["late", "never", "soon"])[generator.integers(0, 3, rows)],
    }


def table_of(columns: dict[str, Any]) -> cr.data.Table:
    made = {}
    for name, cells in columns.items():
        if isinstance(cells, cr.data.Column):
            made[name] = cells
        elif np.asarray(cells).dtype.kind in "fiu":
            made[name] = cr.data.Column("number", np.asarray(cells, float))
        else:
            words = [str(cell) or None for cell in cells]
            codes = {word: i for i, word in enumerate(dict.fromkeys(word for word in words if word))}
            values = np.array([-1 if word is None else codes[word] for word in words], np.int32)
            made[name] = cr.data.Column("word", values, tuple(codes))
    return cr.data.Table(made, "people.csv")


@pytest.fixture(scope="module")
def table() -> cr.data.Table:
    return table_of(people())


def test_each_column_is_what_stands_in_it(table: cr.data.Table) -> None:
    preparation = cr.data.prepare(table, target="paid")
    assert preparation.names == ("age", "town", "member", "since")
    assert preparation.ignored == ("number", "name", "country")
    assert preparation.classes == ("late", "never", "soon")
    age, town, member, since = preparation.columns
    assert isinstance(age, cr.data.NumberColumn)
    assert age.flag
    assert age.fill == np.nanmedian(table["age"].values)
    assert town.feature_names == ("town = Bonn", "town = Kiel", "town = Ulm", "town = (missing)")
    assert member.feature_names == ("member = no", "member = yes")
    assert since.feature_names == tuple(f"{p} of since" for p in ("year", "month", "day", "weekday", "days"))


def test_features_are_those_that_one_would_write_down() -> None:
    preparation = cr.data.Preparation(
        [
            cr.data.NumberColumn("size", fill=2.5, flag=True),
            cr.data.CategoryColumn("kind", ["rose", "tulip", "(missing)"], fill="(missing)", other="rose"),
            cr.data.DateColumn("day", ["year", "month", "day", "weekday", "hour", "minute", "days"]),
        ]
    )
    table = table_of(
        {"day": dates("2024-02-29T12:30", "1969-12-31"), "kind": ["", "lily"], "size": [NAN, 4.0], "index": [0.0, 1.0]}
    )
    with pytest.warns(InputWarning, match="'index', with which the network was not trained"):
        features = preparation.features(table)
    assert features.tolist() == [
        [2.5, 1, 0, 0, 1, 2024, 2, 29, 3, 12, 30, 19782 + 12.5 / 24],
        [4.0, 0, 1, 0, 0, 1969, 12, 31, 2, 0, 0, -1],
    ]
    assert preparation.feature_groups == {"size": slice(0, 2), "kind": slice(2, 5), "day": slice(5, 12)}


@pytest.mark.parametrize(
    ("columns", "told", "message"),
    [
        ({"size": [1.0, NAN]}, "size", "a gap in row 1, column 'size'"),
        ({"size": ["1", "2x"]}, "size", "'2x' in row 1, column 'size', but expected a number"),
        ({"kind": ["a", ""]}, cr.data.CategoryColumn("kind", ["a"]), "a gap in row 1, column 'kind'"),
        ({"day": ["2020-01-01", "soon"]}, cr.data.DateColumn("day"), "'soon' in row 1, column 'day'"),
        ({"day": [1.0, 2.0]}, cr.data.DateColumn("day"), "'1' in row 0, column 'day'"),
        ({"size": [1.0]}, "weight", "without 'weight'|none is one of the network's"),
    ],
)
def test_what_cannot_be_prepared_is_refused_with_its_place(columns: Any, told: Any, message: str) -> None:
    preparation = cr.data.Preparation([told])
    with pytest.raises(InputError, match=message):
        preparation.features(table_of(columns))


def test_words_that_look_like_what_is_wanted_are_taken() -> None:
    preparation = cr.data.Preparation(
        ["size", cr.data.CategoryColumn("kind", ["1", "2"]), cr.data.DateColumn("day", ["year"])]
    )
    table = table_of({"size": ["1.5", "007"], "kind": [2.0, 1.0], "day": ["2020-01-01", "1999-12-31T23:59"]})
    assert preparation.features(table).tolist() == [[1.5, 0, 1, 2020], [7, 1, 0, 1999]]


def test_a_word_that_the_training_did_not_have_is_told(table: cr.data.Table) -> None:
    preparation = cr.data.Preparation([cr.data.CategoryColumn("kind", ["rose", "tulip"])])
    with pytest.warns(InputWarning, match="'lily' in column 'kind', 1 row, the first in row 1"):
        assert preparation.features(table_of({"kind": ["rose", "lily"]})).tolist() == [[1, 0], [0, 0]]


def test_gaps_that_the_training_did_not_have_are_filled_and_told() -> None:
    preparation = cr.data.prepare({"size": [1.0, 2.0, 9.0, 4.0], "price": [1.5, 1.0, 2.5, 9.0]}, target="price")
    with pytest.warns(InputWarning, match="1 gap in column 'size', the first in row 1"):
        assert preparation.features(table_of({"size": [1.0, NAN]})).tolist() == [[1.0], [3.0]]


def test_what_fills_gaps_comes_from_the_training_rows_alone(table: cr.data.Table) -> None:
    plan = planned(table, "paid")
    few = fitted(table.take(slice(0, 20)), plan, classes=("late", "never", "soon"))
    age = few.columns[0]
    assert isinstance(age, cr.data.NumberColumn)
    assert age.fill == np.nanmedian(table["age"].values[:20])
    assert few.names == ("age", "town", "member", "since")


@pytest.mark.parametrize(
    ("fill", "expected"), [("mean", 4.0), ("median", 3.0), ("most frequent", 1.0), (-7, -7.0), ("refuse", None)]
)
def test_numbers_are_filled_as_told(fill: Any, expected: float | None) -> None:
    table = {"size": [1.0, 1.0, 5.0, 9.0, NAN], "price": [1.5, 1.0, 2.5, 9.0, 1.0]}
    preparation = cr.data.prepare(table, target="price", columns={"size": {"use": "number", "fill": fill}})
    column = preparation.columns[0]
    assert isinstance(column, cr.data.NumberColumn)
    assert column.fill == expected


def test_rare_words_share_a_column() -> None:
    words = [f"w{i % 9}" for i in range(90)] + ["v"] * 5
    preparation = cr.data.prepare({"kind": words, "price": np.arange(95) / 2}, target="price", most_words=4)
    column = preparation.columns[0]
    assert isinstance(column, cr.data.CategoryColumn)
    assert column.categories == ("w0", "w1", "w2", "w3", "(other)")
    assert preparation.features(table_of({"kind": ["w3", "v", "new"]})).argmax(axis=1).tolist() == [3, 4, 4]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("category", cr.data.CategoryColumn),
        ("number", cr.data.NumberColumn),
        (ColumnPlan("number"), cr.data.NumberColumn),
    ],
)
def test_a_column_is_what_it_is_told_to_be(told: Any, kind: type) -> None:
    table = {"zip": [10115.0, 80331.0, 10115.0, 50667.0], "price": [1.5, 2.0, 0.5, 9.0]}
    preparation = cr.data.prepare(table, target="price", columns={"zip": told})
    assert isinstance(preparation.columns[0], kind)


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"target": "piad"}, "Did you mean 'paid'"),
        ({"target": "paid", "drop": ["nmae"]}, "Did you mean 'name'"),
        ({"target": "paid", "index": "nr"}, "expected a column of"),
        ({"target": "paid", "columns": {"town": "categorical"}}, "number, category, date, drop|category"),
        ({"target": "paid", "columns": {"town": {"use": "category", "fil": "x"}}}, "fil"),
        (
            {"target": "paid", "columns": {"age": {"use": "number", "fill": "own level"}}},
            "fill='own level' for a number",
        ),
        ({"target": "paid", "columns": {"town": "number"}}, "expected a number"),
        ({"target": "paid", "task": "regression"}, "expected a number"),
        ({"target": ["paid", "age"]}, "holds words"),
        ({"target": "name"}, "60 different words"),
        ({"target": "paid", "drop": ["age", "town", "member", "since"]}, "no column is left"),
        ({"target": "paid", "droop": []}, "drop"),
        ({"target": 0}, "expected names of columns"),
        ({"target": "paid", "drop": "age"}, r"Pass \['age'\]"),
        ({"target": "paid", "columns": {"paid": "category"}}, "'paid', which is the target"),
        ({"target": "paid", "index": "name", "columns": {"name": "category"}}, "'name', which is the index"),
        ({"target": "paid", "drop": ["age"], "columns": {"age": "number"}}, "'age', which is dropped"),
        ({"target": "paid", "columns": {"town": {"use": "category", "flag": True}}}, "flag=True for a column that is"),
        ({"target": "paid", "columns": {"town": {"use": "drop", "fill": "Ulm"}}}, "fill='Ulm' for a column that is"),
        ({"target": "paid", "columns": {"town": {"use": "drop", "flag": True}}}, "flag=True for a column that is"),
        ({"target": "paid", "columns": {"age": {"use": "number", "fill": True}}}, "got True"),
        ({"target": "paid", "columns": {"since": {"use": "date", "fill": 5}}}, "got 5, but expected a date"),
        ({"target": "paid", "task": "classify"}, "Did you mean 'classification'"),
        ({"task": "regression"}, "without a target"),
        ({"target": "paid", "most_words": "x"}, "got 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(table: cr.data.Table, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ChainruleError, match=message):
        cr.data.prepare(table, **keywords)


def test_a_column_that_is_dropped_may_be_said_to_be_so_twice(table: cr.data.Table) -> None:
    preparation = cr.data.prepare(table, target="paid", drop=["age"], columns={"age": "drop"})
    assert "age" in preparation.ignored


def test_classes_beside_those_of_a_preparation_are_refused() -> None:
    preparation = cr.data.Preparation(["a"], target="kind", classes=["rose", "tulip"])
    layers = [cr.Dense(2), cr.Softmax()]
    assert cr.Network(layers, classes=["rose", "tulip"], preparation=preparation).classes == ("rose", "tulip")
    for classes in (["tulip", "rose"], {"kind": ["rose", "tulip"]}):
        with pytest.raises(InputError, match="one order of classes"):
            cr.Network([cr.Dense(2), cr.Softmax()], classes=classes, preparation=preparation)
    with pytest.raises(InputError, match="one order of classes"):
        cr.Network([cr.Dense(2), cr.Softmax()], preparation=preparation).copy(classes=["tulip", "rose"])


def test_a_preparation_is_kept_with_its_network(table: cr.data.Table) -> None:
    preparation = cr.data.prepare(table, target="paid")
    rows = preparation.features(table)
    layers = [cr.Rescale.standard(rows), cr.Dense(8), cr.Tanh(), cr.Dense(3), cr.Softmax()]
    network = cr.Network(layers, preparation=preparation)
    assert network.classes == ("late", "never", "soon")
    cr.train(network, table, epochs=2, verbose=0)
    expected = cr.predict(network, table)
    assert (expected == cr.predict(network, rows)).all()  # features go by position
    for other in (
        cr.loads(cr.dumps(network)),
        pickle.loads(pickle.dumps(network)),
        network.copy(),
        network.copy(l2=0.0),
    ):
        assert (cr.predict(other, table.only([*reversed([*table])])) == expected).all()
        assert str(other.preparation) == str(preparation)


def test_a_data_set_without_names_goes_by_position() -> None:
    rows = np.arange(8.0)[:, None]
    network = cr.Network([cr.Dense(1)], preparation=cr.data.Preparation(["a"], target="b"))
    found = cr.data.Dataset(rows, rows * 2, "x")
    assert cr.evaluate(network, found) == cr.evaluate(network, rows, rows * 2)
    cr.train(network, found, epochs=1, verbose=0)


@pytest.mark.parametrize("form", [dict, cr.data.Table.of])
def test_a_table_alone_validates(form: Any) -> None:
    table = {"a": [0.0, 1.0, 2.0, 3.0], "b": [1.5, 3.0, 5.0, 7.0]}
    network = cr.Network([cr.Dense(1)], preparation=cr.data.prepare(table, "b"))
    history = cr.train(network, table, epochs=1, validation_data=form(table), verbose=0)
    assert history.epochs[0].validation_loss == pytest.approx(cr.evaluate(network, table)["loss"])


def test_named_inputs_take_no_preparation() -> None:
    first = cr.Branches({"a": [cr.Dense(2)], "b": []}, shapes={"a": 1, "b": 1})
    with pytest.raises(InputError, match="a first layer with named inputs"):
        cr.Network([first, cr.Dense(1)], preparation=cr.data.Preparation(["a", "b"]))


def test_a_preparation_can_be_written_by_hand_and_described() -> None:
    preparation = cr.data.Preparation(
        ["a", cr.data.CategoryColumn("b", ["x"])], target=["c", "d"], index="id", ignored=["e"]
    )
    again = cr.files.rebuild(cr.files.describe(preparation))
    assert repr(again) == repr(preparation)
    assert preparation.targets == ("c", "d")
    assert preparation.kinds == {"a": "number", "b": "word", "id": "word"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: cr.data.Preparation([]),
        lambda: cr.data.Preparation("ab"),
        lambda: cr.data.Preparation(["a", "a"]),
        lambda: cr.data.Preparation(["a"], target="a"),
        lambda: cr.data.Preparation([3]),
        lambda: cr.data.Preparation(["a"], classes=["x"]),
        lambda: cr.data.NumberColumn(""),
        lambda: cr.data.NumberColumn("a", fill=NAN),
        lambda: cr.data.NumberColumn("a", flag=3),
        lambda: cr.data.CategoryColumn("a", []),
        lambda: cr.data.CategoryColumn("a", "xy"),
        lambda: cr.data.CategoryColumn("a", ["x"], fill="y"),
        lambda: cr.data.CategoryColumn("a", ["x"], other="y"),
        lambda: cr.data.DateColumn("a", ["century"]),
        lambda: cr.data.DateColumn("a", []),
        lambda: cr.data.DateColumn("a", fill="soon"),
        lambda: cr.Network([cr.Dense(1)], preparation="age"),
        lambda: cr.data.Column("text", np.zeros(2)),
        lambda: cr.data.Column("number", np.zeros((2, 2))),
        lambda: cr.data.Column("word", np.array([0, 1], np.int32), ("a",)),
        lambda: cr.data.Column("date", np.zeros(2)),
        lambda: cr.data.Table({"a": np.zeros(2)}, "x"),
        lambda: cr.data.Preparation(["a"], index=5),
        lambda: cr.data.Preparation(["a"], target=5),
        lambda: cr.data.Preparation(["a"], target=[]),
        lambda: cr.data.Preparation(["a"], target="b", classes=[]),
        lambda: cr.data.Preparation(["a"], ignored=5),
    ],
    ids=range(27),
)
def test_settings_that_mean_nothing_are_refused(make: Any) -> None:
    with pytest.raises(ChainruleError):
        make()


def test_rows_by_position_have_the_columns_in_their_order() -> None:
    preparation = cr.data.Preparation(["size", cr.data.CategoryColumn("kind", ["rose", "tulip"])])
    assert preparation.features([[1.0, "rose"], [2, "tulip"]]).tolist() == [[1, 1, 0], [2, 0, 1]]
    assert preparation.features(np.array([[1.0, 0, 1]])).tolist() == [[1, 0, 1]]  # features already
    with pytest.raises(ShapeError, match="Pass them by name"):
        preparation.features(np.zeros((2, 4)))
    rooms = cr.data.Preparation(["size", cr.data.CategoryColumn("rooms", ["1", "2"])])
    assert rooms.features(np.array([[0.5, 2], [1.5, 1]])).tolist() == [[0.5, 0, 1], [1.5, 1, 0]]  # no features: too few
    plain = cr.data.Preparation(["a", "b"])
    assert plain.features(np.array([[1.0, 2.0]])).tolist() == [[1, 2]]
    with pytest.raises(InputError, match="a gap in row 0, column 'b'"):
        plain.features(np.array([[1.0, NAN]]))


def test_answers_are_those_of_the_column_to_predict(table: cr.data.Table) -> None:
    preparation = cr.data.prepare(table, target="paid")
    words = table["paid"].texts()
    assert preparation.answers(table).tolist() == [("late", "never", "soon").index(word) for word in words]
    amounts = cr.data.prepare({"a": [1.0, 2, 5], "b": [0.5, 1, 2], "c": [1.0, 4, 9]}, target=["b", "c"])
    assert amounts.answers(table_of({"c": [1.0], "b": [7.0]})).tolist() == [[7, 1]]
    for wrong, message in (
        ({"paid": ["late", "later"]}, "'later' in row 1, column 'paid'.*Did you mean 'late'"),
        ({"paid": ["late", ""]}, "a gap in row 1"),
        ({"Paid": ["late"]}, "without the column 'paid'"),
    ):
        with pytest.raises(InputError, match=message):
            preparation.answers(table_of(wrong))


def test_a_network_of_a_table_says_nothing_where_all_is_as_in_training(table: cr.data.Table) -> None:
    preparation = cr.data.prepare(table, target="paid")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        preparation.features(table)


def test_texts_of_a_frame_that_are_dates_or_amounts_are_words_and_a_warning_says_so() -> None:
    cells = {"day": ["2024-01-31", "2024-02-01"] * 3, "price": ["1,5", "2"] * 3, "floor": ["1", "2"] * 3}
    for name, what in (("day", "dates"), ("price", "numbers")):
        with pytest.warns(InputWarning, match=f"'{name}' of texts that are {what}"):
            prepared = cr.data.prepare({name: cells[name], "n": range(6)})
        assert f"{name}: a column for each of 2 words" in str(prepared)
        cr.data.prepare({name: cells[name], "n": range(6)}, columns={name: "category"})
    cr.data.prepare({"floor": cells["floor"], "n": range(6)})
