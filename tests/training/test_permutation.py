"""Permutation importance: against scikit-learn's, by name and by group, the same each time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, UnknownNameError
from tests.referees import needed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32)
Y = X @ [[0], [3], [0], [1]]


def linear() -> cr.Network:
    network = cr.Network([cr.Dense(1, inputs=4)])
    network.layers[0].weights.assign(np.array([[0], [3], [0], [1]], np.float32))
    return network


def test_it_is_by_how_much_a_figure_gets_worse() -> None:
    found = cr.importance(linear(), X, Y, repeats=20)
    assert found.figure == "loss"
    assert found.value < 1e-12
    assert found.names[:2] == ["feature 2", "feature 4"]
    assert found.means[:2] == pytest.approx([18, 2], rel=0.25)  # 2 w² of the variance, of columns that are independent
    assert found.means[2:].tolist() == found.deviations[2:].tolist() == [0, 0]


def test_it_is_that_of_scikit_learn_but_for_the_shuffling() -> None:
    inspection = needed("sklearn.inspection")
    data = cr.data.digits("test")
    network = cr.Network([cr.Dense(10), cr.Softmax()], optimizer=cr.Adam(0.01))
    X, y = data.X[:200], np.asarray(data.y[:200])
    cr.train(network, X, y, epochs=20)

    def score(_: Any, X: Any, y: Any) -> float:
        return float((cr.classify(network, X) == y).mean())

    class Fitted(needed("sklearn.base").BaseEstimator):
        def fit(self) -> None: ...

    theirs = inspection.permutation_importance(Fitted(), X, y, scoring=score, n_repeats=10, random_state=0)
    ours = cr.importance(network, X, y, metric="accuracy", repeats=10)
    order = [int(name.split()[1]) - 1 for name in ours.names]
    assert ours.means == pytest.approx(theirs.importances_mean[order], abs=0.02)
    errors = cr.importance(network, X, y, metric="error_rate", repeats=10)  # it grows where the accuracy falls
    assert errors.means == pytest.approx(ours.means)


def test_columns_that_belong_together_are_shuffled_together() -> None:
    twice = np.c_[X, X[:, [1]]]
    network = cr.Network([cr.Dense(1, inputs=5)])
    network.layers[0].weights.assign(np.array([[0], [1.5], [0], [1], [1.5]], np.float32))
    apart = cr.importance(network, twice, Y)
    together = cr.importance(network, twice, Y, groups={"same": [1, 4], "other": slice(3, 4)})
    assert together.names == ["same", "other"]
    assert together.means[0] > 1.8 * (apart.means[0] + apart.means[1])


def test_columns_go_by_the_names_that_the_network_knows() -> None:
    data = cr.data.Dataset(X, Y, name="some", feature_names=("a", "b", "c", "d"))
    network = cr.Network([cr.Dense(1)], optimizer=cr.Adam(0.1))
    cr.train(network, data, epochs=20)
    assert cr.importance(network, data).names[:2] == ["b", "d"]
    assert cr.importance(network, X, Y).names[:2] == ["b", "d"]
    assert cr.importance(network, X, Y, groups={"both": ["b", "d"], "c": "c"}).names == ["both", "c"]
    with pytest.raises(UnknownNameError, match="'e'"):
        cr.importance(network, X, Y, groups={"e": ["e"]})


def test_columns_of_a_table_are_shuffled_before_they_become_several() -> None:
    codes = RNG.integers(0, 3, 300).astype(np.int32)
    columns = {
        "colour": cr.data.Column("word", codes, ("red", "green", "blue")),
        "size": cr.data.Column("number", X[:, 0].astype(float)),
        "y": cr.data.Column("number", 2.0 * (codes == 0) + 0.1 * X[:, 0]),
    }
    table = cr.data.Table(columns, "things.csv")
    preparation = cr.data.prepare(table, target="y")
    network = cr.Network([cr.Dense(1)], optimizer=cr.Adam(0.1), preparation=preparation)
    cr.train(network, table, epochs=20)
    assert cr.importance(network, table).names == ["colour", "size"]


def test_a_column_of_a_table_means_all_that_it_became_wherever_it_stands() -> None:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 60)
    table = {
        "price": (kinds * 5.0).tolist(),
        "noise": rng.normal(size=60).tolist(),
        "kind": np.array(["rose", "tulip"])[kinds].tolist(),
    }
    network = cr.Network([cr.Dense(1)], preparation=cr.data.prepare(table, "price"))
    cr.train(network, table, epochs=20, verbose=0)
    both = cr.importance(network, table, groups={"kind": slice(1, 3)})
    for told in ("kind", ["kind"], ["kind = rose", "kind = tulip"]):
        assert cr.importance(network, table, groups={"kind": told}).values.tolist() == both.values.tolist()
    with pytest.raises(UnknownNameError, match="price"):  # no feature
        cr.importance(network, table, groups={"price": "price"})


def test_named_inputs_are_shuffled_one_by_one() -> None:
    told = {"a": X[:, :3], "b": X[:, 3:]}
    network = cr.Network([cr.Branches({"a": [cr.Dense(4)], "b": [cr.Dense(4)]}), cr.Dense(1)])
    cr.train(network, told, Y, epochs=30)
    assert cr.importance(network, told, Y).names == ["a", "b"]


def test_the_same_seed_gives_the_same_and_nothing_is_changed() -> None:
    network, before = linear(), X.copy()
    first, again, other = (cr.importance(network, X, Y, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    assert np.array_equal(X, before)
    some = cr.importance(network, X, Y, groups={"feature 1": 0, "feature 2": 1})
    assert np.array_equal(some.values[0], first.values[0])  # whatever else is shuffled


def test_it_prints_a_table_and_plain_data() -> None:
    found = cr.importance(linear(), X, Y)
    lines = str(found).splitlines()
    assert lines[0].partition("; ")[2] == "by how much it grows where a column is shuffled, 5 times:"
    assert [line.split()[0] for line in lines[1:]] == ["column", *["feature"] * 4]
    assert json.loads(json.dumps(found.as_dict()))["columns"][0]["name"] == "feature 2"
    wide = cr.importance(cr.Network([cr.Dense(1)]), RNG.normal(size=(5, 50)), np.arange(5.0)[:, None], repeats=1)
    assert len(str(wide).splitlines()) == 33
    assert "30 that matter most of 50" in str(wide)


@pytest.mark.parametrize(
    ("told", "match"),
    [
        ({"metric": ["r2", "mae"]}, "2 figures"),
        ({"metric": "f1"}, "tells classes apart"),
        ({"groups": {"x": [9]}}, "from 0 to 3"),
        ({"groups": {"x": []}}, "from 0 to 3"),
        ({"groups": [0, 1]}, "mapping"),
        ({"groups": {}}, "at least one"),
        ({"metric": "r2", "sample_weight": np.ones(300)}, "the loss, which alone takes them"),
        ({"repeats": 0}, "repeats"),
    ],
    ids=str,
)
def test_what_can_not_be_told_is_refused(told: Any, match: str) -> None:
    with pytest.raises(ChainruleError, match=match):
        cr.importance(linear(), X, Y, **told)
    with pytest.raises(InputError, match="one sample"):
        cr.importance(linear(), X[:1], Y[:1])
