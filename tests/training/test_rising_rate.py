"""The learning-rate range test: what it measures, what it suggests, and that it leaves everything as it was."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ChainruleError, InputError, NonFiniteError
from chainrule.training import RangeTest

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(60, 4)), RNG.normal(size=(60, 1))
RATES = np.geomspace(1e-6, 1, 61)
range_test = cr.learning_rate_range_test


def network_of(optimizer=None, *extra, **settings):
    return cr.Network([cr.Dense(6), cr.Tanh(), *extra, cr.Dense(1)], optimizer=optimizer or cr.SGD(0.1), **settings)


def test_each_step_has_the_loss_of_its_batch_and_a_rate_that_rises_by_the_same_factor():
    network = network_of(cr.SGD(0.1), dtype="float64", inputs=4)
    twin = network.copy()
    result = range_test(network, X, Y, lowest=1e-3, highest=0.1, steps=12, batch_size=20, shuffle=False)
    np.testing.assert_allclose(result.rates, 10 ** np.linspace(-3, -1, 12))
    losses = []
    for i, rate in enumerate(result.rates):
        rows = slice(i % 3 * 20, i % 3 * 20 + 20)
        x, y, _ = twin.as_batch("test", X[rows], Y[rows])
        losses.append(twin.step(x, y, None, rate))
    np.testing.assert_allclose(result.losses, losses, rtol=1e-12)
    assert result.stopped == "finished"


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
@pytest.mark.parametrize("optimizer", [cr.SGD(0.1, momentum=0.9), cr.Adam(cr.CosineDecay(0.01), ema=0.9)], ids=repr)
def test_the_network_stays_as_it_is_to_the_byte(engine, optimizer):
    network = network_of(optimizer, cr.Dropout(0.2), engine="replay" if engine == "compiled" else engine)
    cr.train(network, X, Y, epochs=1)
    if engine == "compiled":
        network = pickle.loads(pickle.dumps(network)).copy(engine="compiled")
    before = pickle.dumps(network)
    range_test(network, X, Y, augment=lambda x, generator: x + generator.normal(size=x.shape))
    assert pickle.dumps(network) == before


def test_a_network_that_is_not_built_stays_unbuilt():
    network = network_of()
    assert len(range_test(network, X, Y, steps=10).losses) == 10
    assert not network.built


def test_the_same_network_gives_the_same_test():
    network = network_of(cr.Adam(), cr.Dropout(0.5))
    one, other = range_test(network, X, Y), range_test(network, X, Y)
    assert one.losses.tobytes() == other.losses.tobytes()


def test_every_engine_gives_the_same_test():
    results = [
        range_test(network_of(engine=engine, dtype="float64"), X, Y) for engine in ("replay", "dynamic", "compiled")
    ]
    np.testing.assert_allclose([r.losses for r in results[1:]], [results[0].losses] * 2, rtol=1e-9)


def test_steps_are_those_of_train_with_its_weights_and_several_batches_a_step():
    weights = RNG.integers(0, 3, 60)
    told = dict(batch_size=5, gradient_accumulation_steps=3, sample_weight=weights, shuffle=False)
    result = range_test(network_of(dtype="float64"), X, Y, steps=10, **told)
    told |= {"batch_size": 15, "gradient_accumulation_steps": 1}
    large = range_test(network_of(dtype="float64"), X, Y, steps=10, **told)
    np.testing.assert_allclose(result.losses, large.losses, rtol=1e-9)


def test_batches_may_come_from_an_iterable():
    batches = [(X[i : i + 20], Y[i : i + 20]) for i in range(0, 60, 20)]
    found = range_test(network_of(), batches, steps=10)
    other = range_test(network_of(), X, Y, steps=10, batch_size=20, shuffle=False)
    np.testing.assert_array_equal(found.losses, other.losses)


def test_it_ends_where_the_loss_is_four_times_the_smallest():
    result = range_test(network_of(), X, Y, highest=100.0, batch_size=None)
    assert result.stopped == "exploded"
    assert len(result.rates) == len(result.losses) < 100
    means = [np.average(result.losses[:n], weights=0.9 ** np.arange(n)[::-1]) for n in range(1, len(result.losses) + 1)]
    assert means[-1] > 4 * min(means)
    assert all(mean <= 4 * min(means[: n + 1]) for n, mean in enumerate(means[:-1]))


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_what_overflows_ends_it_without_an_error(engine):
    network = cr.Network([cr.Dense(6), cr.ReLU(), cr.Dense(1)], optimizer=cr.SGD(0.1), engine=engine)
    result = range_test(network, X, Y, lowest=1e30, highest=1e38, steps=10)
    assert result.stopped == "non-finite"
    assert np.isfinite(result.losses).all()
    assert "overflowed" in str(result)


def test_data_that_are_not_finite_are_an_error_as_in_train():
    bad = X.copy()
    bad[30] = np.nan
    with pytest.raises(InputError, match="NaN"):
        range_test(network_of(), bad, Y)
    batches = [(X[:20], Y[:20]), (np.where(X[:20] > 1, 1e39, X[:20]), Y[:20])]
    with pytest.raises(ChainruleError, match=r"X|x"), np.errstate(over="ignore"):
        range_test(network_of(), batches)


def test_weights_that_are_not_finite_before_the_first_step_are_an_error():
    network = network_of(inputs=4)
    network.parameters[0] = np.nan
    with pytest.raises(NonFiniteError, match="parameter"):
        range_test(network, X, Y)


def curve(function, stopped="finished"):
    return RangeTest(RATES, np.array([function(np.log10(rate)) for rate in RATES], float), stopped)


def test_the_suggestion_is_a_tenth_of_the_rate_with_the_smallest_smoothed_loss():
    result = curve(lambda place: (place + 2) ** 2)
    assert result.best_rate == pytest.approx(1e-2)
    assert result.suggestion == pytest.approx(1e-3)
    noisy = RangeTest(RATES, result.losses + 0.3 * RNG.normal(size=61), "finished")
    assert 3e-4 < noisy.suggestion < 3e-3


def test_one_lucky_batch_makes_no_suggestion():
    losses = curve(lambda place: (place + 2) ** 2).losses
    losses[5] = 0
    assert RangeTest(RATES, losses, "finished").suggestion == pytest.approx(1e-3)


def test_smoothing_leaves_a_level_as_it_is_and_counts_neighbours_by_a_bell():
    np.testing.assert_allclose(curve(lambda place: 3.0).smoothed, 3.0)
    losses = np.zeros(61)
    losses[30] = 1
    smoothed = RangeTest(RATES, losses, "finished").smoothed
    assert smoothed[30] / smoothed[33] == pytest.approx(np.exp(0.5 * (0.3 / 0.25) ** 2), rel=1e-3)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (curve(lambda place: (place + 2) ** 2), r"61 steps .* from 1e-06 to 1\n.* at 0\.01, .*\nsuggestion +0\.001,"),
        (curve(lambda place: (place + 2) ** 2, "exploded"), "to 1, where the loss exploded\n"),
        (curve(lambda place: 2 - place), "still falls at the end: try a larger `highest`"),
        (curve(lambda place: 7 + place), "no suggestion: the loss never falls"),
    ],
)
def test_a_result_prints_what_came_out(result, words):
    assert repr(result) == str(result)
    assert re.search(words, str(result)), str(result)


def test_where_the_loss_never_falls_there_is_no_suggestion():
    result = curve(lambda place: 7 + place)
    assert (result.best_rate, result.suggestion) == (None, None)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"lowest": 0}, "lowest: got 0"),
        ({"highest": -1.0}, "highest: got -1"),
        ({"lowest": 1, "highest": 0.1}, "expected lowest below highest"),
        ({"steps": 9}, "steps: got 9"),
        ({"batch_size": 0}, "batch_size: got 0"),
        ({"start_lr": 1e-7}, "Write lowest="),
        ({"end_lr": 10}, "Write highest="),
        ({"num_it": 50}, "Write steps="),
    ],
)
def test_wrong_settings_are_refused(told, words):
    with pytest.raises(ChainruleError, match=words):
        range_test(network_of(), X, Y, **told)


def test_a_network_is_asked_for():
    with pytest.raises(ChainruleError, match=r"a cr\.Network"):
        range_test([cr.Dense(1)], X, Y)
