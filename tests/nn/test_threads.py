"""Serving from threads: what one thread predicts is what it would predict alone."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import chainrule as cr

RNG = np.random.default_rng(6)
X, Y = RNG.normal(size=(64, 5)).astype(np.float32), RNG.normal(size=(64, 2)).astype(np.float32)


def network_of(**settings):
    layers = [cr.Dense(16, inputs=5), cr.ReLU(), cr.Dropout(0.2), cr.Residual([cr.Dense(16), cr.Tanh()]), cr.Dense(2)]
    return cr.Network(layers, seed=1, **settings)


def in_threads(work, count=8):
    errors = []

    def guarded(i):
        try:
            work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors, errors[0]


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_predictions_from_eight_threads_are_the_serial_ones(engine):
    network = network_of(engine=engine)
    slices = [X[i : i + 1 + i % 7] for i in range(40)]
    serial = [cr.predict(network, part) for part in slices]
    found = {}

    def work(i):
        for k in range(i, 40, 8):
            found[k] = [cr.predict(network, slices[k]) for _ in range(5)]

    in_threads(work)
    assert all(np.array_equal(one, serial[k]) for k in range(40) for one in found[k])


def test_the_first_predictions_may_come_from_threads_at_once():
    network = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(2)], seed=1)
    found = {}
    in_threads(lambda i: found.update({i: cr.predict(network, X)}))
    assert all(np.array_equal(found[0], one) for one in found.values())
    assert network.parameters.size == 5 * 16 + 16 + 16 * 2 + 2


def test_training_is_not_disturbed_by_predictions_from_other_threads():
    alone, together = network_of(), network_of()
    cr.train(alone, X, Y, epochs=20, batch_size=16)
    done = threading.Event()
    shapes = []

    def work(i):
        if i == 0:
            try:
                cr.train(together, X, Y, epochs=20, batch_size=16)
            finally:
                done.set()
        while not done.is_set():
            prediction = cr.predict(together, X[: i + 1])
            shapes.append((prediction.shape == (i + 1, 2)) and np.isfinite(prediction).all())

    in_threads(work, 4)
    assert alone.parameters.tobytes() == together.parameters.tobytes()
    assert all(shapes)


def test_what_predict_returns_belongs_to_the_caller():
    for layers in ([cr.Dense(2, inputs=5)], [cr.Identity()], [cr.Dropout(0.5)]):
        for engine in ("replay", "dynamic"):
            network = cr.Network(layers, inputs=5, engine=engine).copy()
            mine = X.copy()
            one = cr.predict(network, mine)
            kept = one.copy()
            one[...] = 9
            assert np.array_equal(cr.predict(network, mine), kept)
            assert np.array_equal(mine, X)
            layers = [layer.copy() if isinstance(layer, cr.Layer) else layer for layer in layers]
