"""Training a network again: with which rate and step it goes on is said, and a schedule that starts again warned of."""

from __future__ import annotations

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FileError, TrainingWarning

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(40, 3)), RNG.integers(0, 2, 40)
AGAIN = "whose schedule starts again"


def network_of(rate: Any, optimizer: Any = cr.SGD, **settings: Any) -> cr.Network:
    return cr.Network(
        [cr.Dense(4, inputs=3), cr.Tanh(), cr.Dense(2), cr.Softmax()], optimizer=optimizer(rate), **settings
    )


def train(network: cr.Network, **told: Any) -> cr.History:
    return cr.train(network, X, Y, **{"epochs": 4, "batch_size": 10, **told})


# Schedules, and the rates with which one of four epochs, of four steps each, begins and ends.
SCHEDULES: dict[str, tuple[Any, float, float]] = {
    "phases": (cr.Phases((2, 0.1), (2, 0.01)), 0.1, 0.01),
    "step decay": (cr.StepDecay(0.1, every=2), 0.1, 0.05),
    "exponential": (cr.ExponentialDecay(0.1, factor=0.5), 0.1, 0.1 * 0.5**3.75),
    "cosine": (cr.CosineDecay(0.1), 0.1, 0.1 * (1 + np.cos(np.pi * 15 / 16)) / 2),
    "warm-up": (cr.Warmup(1, 0.1, 0.01), 0.01, 0.1),
    "plateau": (cr.ReduceOnPlateau(0.1, patience=1, threshold=0.9), 0.1, 0.001),
}
WAYS: dict[str, Callable[[cr.Network], cr.Network]] = {
    "itself": lambda network: network,
    "a file": lambda network: cr.loads(cr.dumps(network)),
    "a copy": lambda network: network.copy(),
    "a copy with a penalty": lambda network: network.copy(l2=0.1),
    "a deep copy": copy.deepcopy,
    "a pickle": lambda network: pickle.loads(pickle.dumps(network)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_that_starts_again_is_warned_of(name: str, way: str) -> None:
    schedule, first, last = SCHEDULES[name]
    network = network_of(schedule)
    history = train(network)
    assert history.epochs[-1].learning_rate == pytest.approx(last)
    assert history.began == ""
    again = WAYS[way](network)
    with pytest.warns(TrainingWarning, match=rf"{AGAIN}: learning rate {first:g}, .* such as {last:g},") as told:
        history = train(again)
    assert told[0].message.cause == "schedule.again"
    step = 1 if way == "a copy with a penalty" else 17
    assert history.began == f"learning rate {first:g}, step {step} of SGD"


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_it_is_warned_of_with_every_engine_and_what_the_warning_says_helps(engine: str) -> None:
    network = network_of(cr.Phases((2, 0.1), (2, 0.01)), engine=engine)
    train(network)
    with pytest.warns(TrainingWarning, match=AGAIN) as told:
        train(network)
    fix = re.search(r"network\.optimizer\.learning_rate = [0-9.]+", told[0].message.fix)
    assert fix is not None
    exec(fix[0])
    history = train(network)
    assert history["learning_rate"] == [0.01] * 4
    assert history.began == "learning rate 0.01, step 33 of SGD"


@pytest.mark.parametrize("way", ["itself", "a copy", "a pickle"])
def test_whoever_gives_a_new_schedule_has_decided(way: str) -> None:
    network = network_of(cr.CosineDecay(0.1))
    train(network)
    network.optimizer.learning_rate = cr.CosineDecay(0.1)
    assert train(WAYS[way](network)).began == "learning rate 0.1, step 17 of SGD"


def test_whoever_gives_a_new_optimizer_has_decided() -> None:
    network = network_of(cr.CosineDecay(0.1))
    train(network)
    train(network.copy(optimizer=cr.SGD(cr.CosineDecay(0.1))))
    with pytest.warns(cr.errors.ChainruleWarning, match="begins anew"):
        network.optimizer = cr.SGD(cr.CosineDecay(0.1))
    train(network)


def test_a_constant_rate_goes_on_without_a_word() -> None:
    network = network_of(0.1, cr.Adam)
    train(network)
    assert train(network).began == "learning rate 0.1, step 17 of Adam"
    network.optimizer.learning_rate = 0.01
    assert train(network).began == "learning rate 0.01, step 33 of Adam"


def test_a_schedule_that_goes_on_with_the_rate_it_had_is_no_matter() -> None:
    network = network_of(cr.ReduceOnPlateau(0.1, patience=9))
    train(network)
    train(network)


def test_fresh_networks_and_repeated_trainings_begin_for_the_first_time() -> None:
    network = network_of(cr.CosineDecay(0.1))
    history = train(network)
    assert train(network.fresh()).began == ""
    assert history.repeat().began == history.repeat(optimizer=cr.SGD(cr.CosineDecay(0.2))).began == ""
    loaded = WAYS["a file"](network)
    assert train(loaded.fresh()).final_loss == history.final_loss


def test_a_resumed_training_says_where_it_is_in_its_schedule(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    train(network_of(cr.StepDecay(0.1, every=1)), epochs=2, callbacks=cr.Checkpoint(path))
    assert train(network_of(cr.StepDecay(0.1, every=1)), resume=path).began == "learning rate 0.025, step 9 of SGD"
    assert train(network_of(0.001), resume=path).began == "learning rate 0.001, step 9 of SGD"


@pytest.mark.filterwarnings("ignore:train. got a loss")  # a rate that is too large, as it is meant to be
def test_the_best_weights_have_the_rate_of_their_epoch() -> None:
    network = network_of(cr.Phases((1, 1e-3), (3, 50.0)))
    history = train(network, validation_data=(X, Y))
    assert history.best_epoch == 1
    assert network.last_learning_rate == 1e-3
    train(network)


def test_a_checkpoint_in_the_middle_knows_the_rate_it_was_saved_with(tmp_path: Path) -> None:
    class StopAt(cr.Callback):
        def after_step(self, training: cr.training.Training) -> None:
            if training.step == 13:
                raise ZeroDivisionError

    path = tmp_path / "a.safetensors"
    with pytest.raises(ZeroDivisionError):
        train(network_of(cr.StepDecay(0.1, every=1)), callbacks=[cr.Checkpoint(path), StopAt()])
    assert cr.load(path).last_learning_rate == 0.0125
    with pytest.warns(TrainingWarning, match=r"learning rate 0.1, .* such as 0.0125"):
        train(cr.load(path))


def test_the_advice_for_a_model_that_is_no_checkpoint_goes_on_at_the_rate_it_had_come_to(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    network = network_of(cr.Phases((2, 0.1), (2, 0.01)))
    train(network)
    cr.save(network, path)
    with pytest.raises(FileError, match="Load it and begin a training of its own: ") as told:
        train(network_of(0.1), resume=path)
    first, second, third = re.findall(r"network[ .].*?(?=,| and)|cr\.train\(.*?\)", told.value.fix)
    names: dict[str, Any] = {"cr": cr, "path": path, "X": X, "y": Y}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "train: got a loss")  # the labels are random
        exec(f"{first}\n{second}\nhistory = {third}", names)
    assert set(names["history"]["learning_rate"]) == {0.01}


@pytest.mark.parametrize("verbose", [1, 2])
def test_it_is_shown(verbose: int, capsys: pytest.CaptureFixture[str]) -> None:
    network = network_of(0.1, cr.Adam)
    train(network, verbose=verbose)
    assert "goes on" not in "".join(capsys.readouterr())
    train(network, verbose=verbose)
    assert "".join(capsys.readouterr()).startswith("goes on at learning rate 0.1, step 17 of Adam\n")
