"""Schedules against tables worked out by hand, exact at both ends, and free of memory."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from chainrule.optim import (
    ConstantRate,
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    Phases,
    ReduceOnPlateau,
    Schedule,
    StepDecay,
    Warmup,
    as_schedule,
)

HALF_ROOT = 0.7071067811865476  # cos 45°

# schedule, epochs planned, {epoch: rate}
TABLES = [
    (ConstantRate(0.3), 4, {0: 0.3, 2.5: 0.3, 4: 0.3}),
    (StepDecay(1.0), 100, {0: 1.0, 9.999: 1.0, 10: 0.5, 19: 0.5, 20: 0.25, 100: 0.5**10}),
    (StepDecay(0.8, factor=0.1, every=1), 3, {0: 0.8, 0.5: 0.8, 1: 0.08, 2: 0.008}),
    (ExponentialDecay(2.0, factor=0.25), 5, {0: 2.0, 0.5: 1.0, 1: 0.5, 2: 0.125}),
    (ExponentialDecay(1.0), 5, {0: 1.0, 1: 0.95, 2: 0.9025}),
    (CosineDecay(1.0), 8, {0: 1.0, 2: (1 + HALF_ROOT) / 2, 4: 0.5, 6: (1 - HALF_ROOT) / 2, 8: 0.0, 9: 0.0}),
    (CosineDecay(0.9, final_learning_rate=0.1), 3, {0: 0.9, 1: 0.7, 2: 0.3, 3: 0.1, 30: 0.1}),
    (OneCycle(1.0), 10, {0: 0.04, 1: 0.28, 1.5: 0.52, 2: 0.76, 3: 1.0, 6.5: 0.50005, 10: 0.0001, 11: 0.0001}),
    (
        OneCycle(0.5, initial_learning_rate=0.1, final_learning_rate=0.3, warmup=0.5),
        4,
        {0: 0.1, 1: 0.3, 2: 0.5, 3: 0.4, 4: 0.3},
    ),
    (OneCycle(0.5, initial_learning_rate=0.0, final_learning_rate=0.0), 10, {0: 0.0, 3: 0.5, 10: 0.0}),
    (Warmup(4, 0.8), 10, {0: 0.0, 1: 0.2, 2: 0.4, 4: 0.8, 10: 0.8}),
    (Warmup(0.5, 0.8, initial_learning_rate=0.4), 10, {0: 0.4, 0.25: 0.6, 0.5: 0.8, 1: 0.8}),
    (Warmup(2, CosineDecay(1.0)), 6, {0: 0.0, 1: 0.5, 2: 1.0, 4: 0.5, 6: 0.0}),
    (Warmup(5, CosineDecay(1.0)), 3, {0: 0.0, 1: 0.2, 3: 0.6}),  # longer than the training: only ever upwards
    (Warmup(2, StepDecay(1.0, every=3)), 20, {0: 0.0, 2: 1.0, 4.9: 1.0, 5: 0.5}),
    (Phases((2, 0.5), (3, 0.25)), 5, {0: 0.5, 1.99: 0.5, 2: 0.25, 5: 0.25, 50: 0.25}),
    (Phases((2, CosineDecay(1.0)), (4, CosineDecay(0.5, 0.1))), 6, {0: 1.0, 1: 0.5, 2: 0.5, 4: 0.3, 6: 0.1, 9: 0.1}),
    (Phases((1, 0.9), (2, Warmup(1, 0.4)), (1, 0.1)), 4, {0: 0.9, 1: 0.0, 1.5: 0.2, 2: 0.4, 3: 0.1}),
    (Phases((1, 0.9), (2, Phases((1, 0.6), (1, 0.3)))), 3, {0: 0.9, 1: 0.6, 2: 0.3}),
]
every_schedule = pytest.mark.parametrize("schedule", [row[0] for row in TABLES], ids=repr)


@pytest.mark.parametrize(("schedule", "epochs", "table"), TABLES, ids=lambda value: repr(value)[:60])
def test_rates_are_those_worked_out_by_hand(schedule, epochs, table):
    for epoch, rate in table.items():
        assert schedule.rate(epoch, epochs, []) == pytest.approx(rate, rel=1e-12, abs=1e-15), epoch


@pytest.mark.parametrize(
    ("schedule", "first", "last"),
    [
        (CosineDecay(0.1, final_learning_rate=0.003), 0.1, 0.003),
        (OneCycle(0.3, initial_learning_rate=0.07, final_learning_rate=0.011, warmup=0.35), 0.07, 0.011),
        (OneCycle(0.3), 0.3 / 25, 0.3 / 1e4),
        (Warmup(3, CosineDecay(0.1, final_learning_rate=0.003), initial_learning_rate=0.001), 0.001, 0.003),
        (Phases((7, 0.1), (3, CosineDecay(0.07, final_learning_rate=0.003))), 0.1, 0.003),
    ],
    ids=repr,
)
@pytest.mark.parametrize("epochs", [10, 1, 7, 33])
def test_both_ends_are_exact(schedule, first, last, epochs):
    epochs = 10 if isinstance(schedule, (Phases, Warmup)) else epochs
    assert schedule.rate(0, epochs, []) == first
    assert schedule.rate(epochs, epochs, []) == last


def test_the_top_of_a_cycle_is_exact():
    assert OneCycle(0.1).rate(3, 10, []) == 0.1
    assert Warmup(3, 0.1, initial_learning_rate=0.03).rate(3, 10, []) == 0.1


@every_schedule
def test_a_rate_is_a_plain_float_and_the_same_each_time(schedule):
    for epoch in np.linspace(0, 12, 49).tolist():
        rate = schedule.rate(epoch, 12, [1.0] * int(epoch))
        assert type(rate) is float
        assert rate >= 0
        assert rate == schedule.rate(epoch, 12, tuple([1.0] * int(epoch)))


@every_schedule
def test_per_epoch_means_that_nothing_changes_within_an_epoch(schedule):
    changes = any(
        len({schedule.rate(epoch + part, 12, [1.0] * epoch) for part in (0, 0.25, 0.75)}) > 1 for epoch in range(12)
    )
    assert schedule.per_epoch is not changes


@every_schedule
def test_settings_make_the_same_schedule_again(schedule):
    other = type(schedule)(**schedule.settings())
    assert repr(other) == repr(schedule) == repr(eval(repr(schedule))) == repr(pickle.loads(pickle.dumps(schedule)))
    epochs = [0.3, 2, 7.7]
    assert [other.rate(e, 9, []) for e in epochs] == [schedule.rate(e, 9, []) for e in epochs]


def test_phases_may_come_as_one_sequence():
    assert Phases(phases=[[2, 0.5], [3, 0.25]]).phases == Phases((2, 0.5), (3, 0.25)).phases == ((2, 0.5), (3, 0.25))


def test_as_schedule_keeps_schedules_and_wraps_numbers():
    schedule = CosineDecay(0.1)
    assert as_schedule(schedule) is schedule
    assert as_schedule(0.25).rate(1, 2, []) == 0.25


def test_a_schedule_of_ones_own_is_a_class_with_a_rate():
    class Root(Schedule):
        def rate(self, epoch, epochs, losses):
            return 0.1 / (1 + epoch) ** 0.5

    assert Warmup(1, Root()).rate(4, 10, []) == 0.05


# ----------------------------------------------------------------------------------------------- losses that stall


def rates_of_the_plain_loop(losses, initial_learning_rate, factor, patience, threshold, minimum_learning_rate):
    """Return the rate after 0, 1, 2 … losses, kept from epoch to epoch as a training loop would."""
    rate, best, stale, rates = initial_learning_rate, None, 0, [initial_learning_rate]
    for loss in losses:
        if best is None or loss < best - threshold * abs(best):
            best, stale = loss, 0
        else:
            stale += 1
        if stale >= patience:
            rate, stale = max(rate * factor, minimum_learning_rate), 0
        rates.append(rate)
    return rates


def stalling_losses(seed):
    rng = np.random.default_rng(seed)
    return (3 * 0.9 ** np.minimum(np.arange(80), 25) + 0.1 * rng.standard_normal(80) - (seed % 2)).tolist()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "settings",
    [
        dict(initial_learning_rate=0.5, factor=0.1, patience=10, threshold=1e-4, minimum_learning_rate=0.0),
        dict(initial_learning_rate=0.5, factor=0.5, patience=3, threshold=0.05, minimum_learning_rate=0.01),
        dict(initial_learning_rate=0.5, factor=0.5, patience=1, threshold=0.0, minimum_learning_rate=0.001),
    ],
    ids=repr,
)
def test_reduction_on_a_plateau_is_that_of_a_plain_loop(settings, seed):
    losses = stalling_losses(seed)
    expected = rates_of_the_plain_loop(losses, **settings)
    schedule = ReduceOnPlateau(**settings)
    rates = [schedule.rate(epoch, 80, losses[:epoch]) for epoch in range(81)]
    assert rates == pytest.approx(expected, rel=1e-12)
    assert len(set(rates)) > 1


@pytest.mark.parametrize("seed", [0, 2])  # positive losses: PyTorch's threshold turns round below zero
def test_reduction_on_a_plateau_is_that_of_pytorch_with_one_epoch_less_of_patience(referee, seed):
    losses = [loss + 1 for loss in stalling_losses(seed)]
    theirs = referee.optim.SGD([referee.zeros(1)], lr=0.5)
    plateau = referee.optim.lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5, patience=4, threshold=0.01, min_lr=0.01)
    schedule = ReduceOnPlateau(0.5, factor=0.5, patience=5, threshold=0.01, minimum_learning_rate=0.01)
    for epoch, loss in enumerate(losses):
        plateau.step(loss)
        assert schedule.rate(epoch + 1, 80, losses[: epoch + 1]) == pytest.approx(theirs.param_groups[0]["lr"])


@pytest.mark.parametrize(("total", "warmup"), [(20, 0.3), (50, 0.1)])
def test_one_cycle_is_that_of_pytorch(referee, total, warmup):
    theirs = referee.optim.SGD([referee.zeros(1)], lr=0.5)
    steps = total + 1  # PyTorch's last step is the end itself, and its top is one step early
    cycle = referee.optim.lr_scheduler.OneCycleLR(
        theirs, 0.5, total_steps=steps, pct_start=(total * warmup + 1) / steps, final_div_factor=400
    )
    schedule = OneCycle(0.5, warmup=warmup)
    for step in range(steps):
        assert schedule.rate(step, total, []) == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-9)
        if step < total:
            theirs.step()
            cycle.step()


@pytest.mark.parametrize(
    ("losses", "rate"),
    [
        ([], 1.0),
        ([5.0], 1.0),
        ([5.0, 5.0], 1.0),
        ([5.0, 5.0, 5.0], 0.5),
        ([5.0, 5.0, 4.0, 5.0], 1.0),
        ([5.0, 5.0, 5.0, 5.0, 5.0], 0.25),
        ([5.0, 4.9996, 4.9996], 0.5),  # better by less than the threshold
        ([-5.0, -5.0, -5.0], 0.5),
        ([-5.0, -5.1, -5.2], 1.0),
        ([0.0, 0.0, 0.0], 0.5),
        ([float("nan")] * 2, 0.5),
        ([5.0, float("nan"), float("nan")], 0.5),
        ([float("inf"), 5.0, 4.0], 1.0),
        ([5.0] * 50, 0.2),  # the minimum
    ],
)
def test_reduction_on_a_plateau_by_hand(losses, rate):
    schedule = ReduceOnPlateau(1.0, factor=0.5, patience=2, minimum_learning_rate=0.2)
    assert schedule.rate(len(losses), 50, losses) == rate


def test_a_plateau_in_a_phase_or_after_a_warm_up_sees_only_its_own_losses():
    losses = [5.0, 1.0, 9.0, 8.0, 7.0]
    plateau = ReduceOnPlateau(1.0, factor=0.5, patience=2)
    assert plateau.rate(5, 9, losses) == 0.5
    assert Phases((2, 0.1), (7, plateau)).rate(5, 9, losses) == 1.0
    assert Warmup(2, plateau).rate(5, 9, losses) == 1.0
    assert Warmup(1.5, plateau).rate(5, 9, losses) == 1.0
    assert Warmup(1, plateau).rate(5, 9, losses) == 0.5


class Counted(float):
    """A loss that counts how often it is compared with another one."""

    comparisons = 0

    def __lt__(self, other):
        Counted.comparisons += 1
        return float(self) < other


def test_a_plateau_looks_at_every_loss_when_it_is_new(monkeypatch):
    monkeypatch.setattr(Counted, "comparisons", 0)
    schedule, losses = ReduceOnPlateau(1.0, patience=3), []
    for value in np.random.default_rng(0).normal(size=300):
        losses.append(Counted(value))
        schedule.rate(len(losses), 300, losses)
    assert 300 <= Counted.comparisons <= 600  # with the best so far, which is compared with infinity


def test_a_plateau_asked_about_other_losses_remembers_nothing_of_those_before():
    generator = np.random.default_rng(0)
    used = ReduceOnPlateau(1.0, factor=0.5, patience=2)
    for _ in range(300):
        losses = generator.normal(size=generator.integers(0, 8)).round(1).tolist()
        assert used.rate(0, 0, losses) == ReduceOnPlateau(1.0, factor=0.5, patience=2).rate(0, 0, losses)
