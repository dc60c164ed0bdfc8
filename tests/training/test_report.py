"""Reports: their figures against scikit-learn's, their intervals against theory and repetition, the table."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import MisuseError
from chainrule.training.intervals import blocks, of_area, of_mean, of_share, of_sums
from tests.referees import needed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3)).astype(np.float32)
WEIGHTS = RNG.uniform(0.2, 2, 120)
TARGETS: dict[str, tuple[list[Any], Any]] = {
    "binary": ([cr.Dense(1), cr.Sigmoid()], (X[:, 0] + RNG.normal(size=120) > 0).astype(int)),
    "multiclass": ([cr.Dense(4), cr.Softmax()], RNG.integers(0, 3, 120)),  # one of the classes has no samples
    "multilabel": ([cr.Dense(3), cr.Sigmoid()], (X + RNG.normal(size=X.shape) > 0).astype(np.float32)),
    "regression": ([cr.Dense(2)], X[:, :2] * [1, 100] + RNG.normal(size=(120, 2))),
}


def network_of(task: str, **settings: Any) -> cr.Network:
    return cr.Network([type(layer)(**layer.settings()) for layer in TARGETS[task][0]], **settings)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_the_table_of_classes_is_that_of_scikit_learn(task: str, weights: Any) -> None:
    metrics = needed("sklearn.metrics")
    network, y = network_of(task), TARGETS[task][1]
    found = cr.report(network, X, y, sample_weight=weights)
    expected = metrics.classification_report(
        y, cr.classify(network, X), labels=range(len(found.classes)), sample_weight=weights, output_dict=True,
        zero_division=0,
    )  # fmt: skip
    for row in found.classes:
        theirs = expected[row["class"]]
        for ours, name in (("precision",) * 2, ("recall",) * 2, ("f1", "f1-score"), ("count", "support")):
            assert row[ours] == pytest.approx(theirs[name])
    for name in ("precision", "recall"):
        assert found.averages["weighted"][name] == pytest.approx(expected["weighted avg"][name])
    if task != "multilabel":
        matrix = metrics.confusion_matrix(y, cr.classify(network, X), labels=range(len(found.classes)))
        assert np.array_equal(found.confusion_matrix, matrix)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("task", TARGETS)
def test_each_interval_is_around_its_figure_and_the_same_each_time(task: str, weights: Any) -> None:
    network, y = network_of(task), TARGETS[task][1]
    found, again = (cr.report(network, X, y, sample_weight=weights) for _ in range(2))
    assert found.as_dict() == again.as_dict() or task == "multiclass"  # whose ROC AUC is NaN
    assert str(found) == str(again)
    for name, ends in found.intervals.items():
        if ends is not None:
            assert ends[0] < found.figures[name] < ends[1], name
    told = {name for name, ends in found.intervals.items() if ends is not None}
    assert {"loss", "r2" if task == "regression" else "error_rate"} <= told
    json.dumps(found.as_dict())


def test_figures_are_those_of_evaluate() -> None:
    for task, (_, y) in TARGETS.items():
        network = network_of(task)
        found = cr.report(network, X, y)
        asked = [name for name in found.figures if name not in ("loss", "min_confidence")]
        assert cr.evaluate(network, X, y, metrics=asked) == pytest.approx(
            {name: found.figures[name] for name in ("loss", *asked)}, nan_ok=True
        )


def test_the_interval_of_a_share_is_wilsons() -> None:
    stats = needed("scipy.stats")
    for right, count in ((0, 10), (3, 10), (10, 10), (981, 1000)):
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert of_share(right / count, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_an_area_is_delongs() -> None:
    rng = np.random.default_rng(1)
    scores, true = np.round(rng.normal(size=60), 1), rng.uniform(size=60) < 0.3
    scores[true] += 1
    own, others = scores[true], scores[~true]
    wins = (own[:, None] > others) + (own[:, None] == others) / 2
    variance = wins.mean(axis=1).var(ddof=1) / len(own) + wins.mean(axis=0).var(ddof=1) / len(others)
    half = 1.959963984540054 * variance**0.5
    expected = max(wins.mean() - half, 0), min(wins.mean() + half, 1)
    assert of_area([(scores, true)], 60, None) == pytest.approx(expected, rel=1e-12)
    assert of_area([(scores, true)], 60, np.full(60, 2.5)) == pytest.approx(expected, rel=1e-12)
    assert of_area([(scores, true)] * 3, 60, None) == pytest.approx(expected, rel=1e-12)  # they say no more than one
    assert of_area([(scores, scores > 9)], 60, None) is None


@pytest.mark.parametrize("count", [200, 3000])
def test_intervals_hold_the_truth_in_about_95_of_100_cases(count: int) -> None:
    rng = np.random.default_rng(2)
    held = {"mean": 0, "r2": 0}
    for _ in range(100):
        x, noise = rng.normal(size=(2, count))
        block = blocks(count)
        sums = np.array([np.bincount(block, part) for part in (np.ones(count), x + noise, (x + noise) ** 2, noise**2)])

        def r2(total: Any) -> Any:
            mass, first, second, squares = total
            return np.array([1 - squares / (second - first * first / mass)])

        (of_r2,) = of_sums(sums.T, r2)
        of_noise = of_mean(noise)
        assert of_r2 is not None
        assert of_noise is not None
        held["r2"] += of_r2[0] < 0.5 < of_r2[1]
        held["mean"] += of_noise[0] < 0 < of_noise[1]
    assert all(89 <= times <= 100 for times in held.values()), held


def test_a_weight_of_two_is_a_sample_twice_in_every_figure() -> None:
    counts = np.random.default_rng(3).integers(1, 4, 120)
    for task, (_, y) in TARGETS.items():
        network = network_of(task)
        once = cr.report(network, X, y, sample_weight=counts)
        twice = cr.report(network, X.repeat(counts, axis=0), np.repeat(y, counts, axis=0))
        assert once.figures == pytest.approx(twice.figures, rel=1e-5, nan_ok=True)


def test_it_is_read_with_2_10_and_100_classes() -> None:
    for classes in (2, 10, 100):
        network = cr.Network([cr.Dense(classes), cr.Softmax()], classes=[f"kind {k}" for k in range(classes)])
        lines = str(cr.report(network, X, np.arange(120) % classes)).splitlines()
        assert len(lines) < 30
        assert max(map(len, lines)) < 80
        assert sum(line.startswith("kind ") for line in lines) == min(classes, 10)
        assert any("report.classes has all" in line for line in lines) == (classes == 100)
    names = cr.Network([cr.Dense(2), cr.Softmax()], classes=["a\x1b[31m", "b"])
    assert "\x1b" not in str(cr.report(names, X, np.arange(120) % 2))


def test_without_any_error_there_is_no_interval_that_says_so() -> None:
    network = cr.Network([cr.Dense(1), cr.Sigmoid()], seed=0)
    y = cr.classify(network, X)
    found = cr.report(network, X, y)
    assert found.figures["roc_auc"] == 1
    assert found.intervals["roc_auc"] is None
    assert found.intervals["f1"] is None
    assert found.intervals["error_rate"] == of_share(0.0, 120)
    assert "min confidence" in str(found)


def test_amounts_have_their_unit_and_single_samples_no_interval() -> None:
    network = network_of("regression")
    text = str(cr.report(network, X, TARGETS["regression"][1]))
    assert "Errors are in the unit of the targets" in text
    assert "target 2" in text
    alone = cr.report(network, X[:1], TARGETS["regression"][1][:1])
    assert set(alone.intervals.values()) == {None}


def test_outputs_over_time_are_told_of_by_sample() -> None:
    sequences = RNG.normal(size=(20, 7, 3)).astype(np.float32)
    labels = RNG.integers(0, 3, (20, 7))
    found = cr.report(cr.Network([cr.Dense(3), cr.Softmax()]), sequences, labels)
    assert found.samples == 20
    assert sum(row["count"] for row in found.classes) == 140

    def area(times: int) -> Any:
        network = cr.Network([cr.Dense(3), cr.Softmax()])
        parts = (part[:, :1].repeat(times, axis=1) for part in (sequences, labels))
        return cr.report(network, *parts).intervals["roc_auc"]

    assert np.diff(area(7)) > 0.85 * np.diff(area(1))  # the same row 7 times is no 7 samples


def test_several_heads_are_told_of_one_by_one() -> None:
    network = cr.Network([cr.Heads({"a": [cr.Dense(1)], "b": [cr.Dense(1)]})])
    with pytest.raises(MisuseError, match=r"cr\.report\(network\.head\('a'\)"):
        cr.report(network, X, {"a": X[:, :1], "b": X[:, :1]})
    assert cr.report(network.head("a"), X, X[:, :1]).task == "regression"
