"""Training: document 1's algorithm to the last digit, batches, weights, metrics, and where it goes on from."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import NonFiniteError, ShapeError
from chainrule.training import METRICS
from tests.referees import needed

RNG = np.random.default_rng(7)
X, Y = RNG.normal(size=(22, 3)), RNG.normal(size=(22, 2))
LABELS = np.arange(22) % 3
XOR = (np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]]))


def network_of(seed=0, optimizer=None, last=(), outputs=2, **settings):
    layers = [cr.Dense(5, inputs=3), cr.Tanh(), cr.Dense(outputs), *last]
    return cr.Network(layers, optimizer=optimizer or cr.SGD(0.05), seed=seed, **settings)


def test_document_ones_algorithm_to_twelve_digits():
    x, y = XOR
    layers = [cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()]
    network = cr.Network(layers, cr.MeanSquaredError(), cr.SGD(0.1), dtype="float64", seed=4)
    first, last = layers[0], layers[2]
    W1, b1, W2, b2 = (p.value.copy() for p in (first.weights, first.bias, last.weights, last.bias))
    history = cr.train(network, x, y, epochs=100, batch_size=1, shuffle=False)
    for _ in range(100):
        total = 0.0
        for sample, target in zip(x, y):
            h1 = np.tanh(sample @ W1 + b1)
            h2 = np.tanh(h1 @ W2 + b2)
            total += ((h2 - target) ** 2).item()
            d2 = 2 * (h2 - target) * (1 - h2**2)
            d1 = (W2 @ d2) * (1 - h1**2)
            W2, b2 = W2 - 0.1 * np.outer(h1, d2), b2 - 0.1 * d2
            W1, b1 = W1 - 0.1 * np.outer(sample, d1), b1 - 0.1 * d1
    for parameter, by_hand in ((first.weights, W1), (first.bias, b1), (last.weights, W2), (last.bias, b2)):
        np.testing.assert_allclose(parameter.value, by_hand, rtol=1e-12, atol=1e-12)
    assert history.final_loss == pytest.approx(total / 4, rel=1e-12)


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
def test_ten_lines_of_your_own_are_train(engine):
    settings = dict(dtype="float64", l2=0.1, engine=engine, optimizer=cr.Adam(0.01))
    one, two = network_of(**settings), network_of(**settings)
    cr.train(one, X, Y, epochs=4, batch_size=5)
    generator = two.generators["shuffle"]
    for _ in range(4):
        for x, y in cr.data.batches(X, Y, 5, generator=generator):
            two.compute_loss(x, y)
            two.backward()
            two.optimize()
    np.testing.assert_allclose(one.parameters, two.parameters, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 5, 7, 21, 22, 1000, None])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_every_sample_once_an_epoch_beside_its_own_target(batch_size, weighted):
    seen = []
    x = np.arange(22.0).reshape(22, 1)
    y = x * 2 + 1
    network = cr.Network([cr.Dense(1, inputs=1)], optimizer=cr.SGD(1e-9))

    class Look(cr.Callback):
        def after_step(self, training):
            nodes = training.network.nodes
            assert np.array_equal(nodes["y"].value, nodes["x"].value * 2 + 1)
            if weighted:
                assert np.array_equal(nodes["sample_weight"].value, nodes["x"].value[:, 0] + 1)
            seen.append(nodes["x"].value[:, 0].astype(int).tolist())

    weights = x[:, 0] + 1 if weighted else None
    history = cr.train(network, x, y, epochs=2, batch_size=batch_size, sample_weight=weights, callbacks=[Look()])
    size = min(batch_size or 22, 22)
    steps = -(-22 // size)
    assert history["steps"] == [steps, steps]
    assert [len(part) for part in seen] == ([size] * (22 // size) + ([22 % size] if 22 % size else [])) * 2
    epochs = [[i for part in epoch for i in part] for epoch in (seen[:steps], seen[steps:])]
    assert [sorted(epoch) for epoch in epochs] == [list(range(22))] * 2
    assert (epochs[0] != epochs[1]) == (size < 22), "shuffled anew each epoch"


def test_same_seed_same_bytes():
    networks = [network_of(seed=s, last=[cr.Dropout(0.2)]) for s in (3, 3, 4)]
    for network in networks:
        cr.train(network, X, Y, epochs=3, batch_size=4)
    assert networks[0].parameters.tobytes() == networks[1].parameters.tobytes()
    assert networks[0].parameters.tobytes() != networks[2].parameters.tobytes()


@pytest.mark.parametrize("optimizer", [cr.SGD(0.05, momentum=0.9), cr.Adam(0.01), cr.RMSProp(0.01)], ids=repr)
def test_five_epochs_and_five_are_ten_to_the_byte(optimizer):
    one, two = (network_of(optimizer=optimizer, last=[cr.Dropout(0.2)], l2=0.1) for _ in range(2))
    cr.train(one, X, Y, epochs=10, batch_size=4)
    cr.train(two, X, Y, epochs=5, batch_size=4)
    cr.predict(two, X)
    cr.train(two.copy(), X, Y, epochs=1)
    cr.train(two, X, Y, epochs=5, batch_size=4)
    assert one.parameters.tobytes() == two.parameters.tobytes()


OPTIMIZERS = [
    cr.SGD(0.5), cr.SGD(0.3, momentum=0.9), cr.SGD(0.3, momentum=0.9, nesterov=True), cr.RMSProp(0.02),
    cr.Adagrad(0.2), cr.Adam(0.05), cr.AdamW(0.05), cr.Adam(cr.OneCycle(0.1)), cr.SGD(0.5, clip_norm=1.0),
]  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer_lowers_xors_loss(optimizer):
    network = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], optimizer=optimizer, seed=1)
    history = cr.train(network, *XOR, epochs=300, batch_size=None)
    assert history.final_loss < 0.5 * history["loss"][0]


@pytest.mark.parametrize("batch_size", [None, 4])
def test_integer_weights_are_repeated_rows(batch_size):
    counts = np.array([0, 1, 2, 3] * 5 + [0, 4])
    weighted, repeated = network_of(dtype="float64"), network_of(dtype="float64")
    rows = np.repeat(np.arange(22), counts)
    one = cr.evaluate(weighted, X, Y, sample_weight=counts, batch_size=batch_size or 4096)["loss"]
    assert one == pytest.approx(cr.evaluate(repeated, X[rows], Y[rows])["loss"], rel=1e-13)
    cr.train(weighted, X, Y, epochs=3, batch_size=None, sample_weight=counts)
    cr.train(repeated, X[rows], Y[rows], epochs=3, batch_size=None)
    np.testing.assert_allclose(weighted.parameters, repeated.parameters, rtol=1e-12)


def test_a_batch_in_which_nobody_counts_is_left_out():
    weights = np.r_[np.zeros(10), np.ones(12)]
    network = network_of()
    history = cr.train(network, X, Y, epochs=2, batch_size=2, shuffle=False, sample_weight=weights)
    assert history["steps"] == [6, 6]
    assert np.isfinite(network.parameters).all()


def test_class_weights_are_sample_weights():
    given = {0: 1.0, 1: 0.5, 2: 3.0}
    networks = [network_of(outputs=3, last=[cr.Softmax()]) for _ in range(3)]
    cr.train(networks[0], X, LABELS, epochs=2, class_weight=given)
    cr.train(networks[1], X, np.eye(3)[LABELS], epochs=2, sample_weight=np.array([given[c] for c in LABELS]))
    cr.train(networks[2], X, LABELS, epochs=2, class_weight=[1.0, 0.5, 3.0])
    np.testing.assert_allclose(networks[0].parameters, networks[1].parameters, rtol=1e-5, atol=1e-6)
    assert np.array_equal(networks[0].parameters, networks[2].parameters)


def test_balanced_classes_all_count_the_same():
    labels = np.array([0] * 12 + [1] * 8 + [2] * 2)
    seen = []

    class Look(cr.Callback):
        def after_step(self, training):
            weights = training.network["sample_weight"].value
            seen.append([weights[training.network["y"].value == c].sum() for c in range(3)])

    cr.train(network_of(outputs=3, last=[cr.Softmax()]), X, labels, epochs=1, batch_size=None,
             class_weight="balanced", callbacks=[Look()])  # fmt: skip
    np.testing.assert_allclose(seen[0], [22 / 3] * 3, rtol=1e-6)


def test_the_running_loss_is_summed_in_float64():
    count = 60_000
    network = cr.Network([cr.Dense(1, inputs=1, initializer=cr.Zeros())], optimizer=cr.SGD(1e-30))
    y = np.full((count, 1), 0.1)
    history = cr.train(network, np.ones((count, 1)), y, epochs=1, batch_size=100)
    exact = float(np.float32(0.1)) ** 2
    assert history.final_loss == pytest.approx(exact, rel=1e-7)


def test_losses_penalties_and_metrics_are_apart_in_the_history():
    network = network_of(l2=0.5, outputs=3, last=[cr.Softmax()], optimizer=cr.SGD(cr.CosineDecay(0.1)))

    def farthest(prediction, target):
        assert prediction.shape == (len(target), 3)
        assert target.shape in ((4,), (22,))
        return float(np.abs(prediction).max())

    metrics = ["accuracy", farthest]
    history = cr.train(network, X, LABELS, epochs=3, validation_data=[X[:4], LABELS[:4]], metrics=metrics)
    network.parameters[:] = history.last_parameters
    assert history["penalty"][-1] == network.penalty()
    measured = cr.evaluate(network, X[:4], LABELS[:4], metrics=metrics)
    assert history["validation_loss"][-1] == measured["loss"]
    learnt = cr.evaluate(network, X, LABELS, metrics=metrics)
    for name in ("farthest", "accuracy"):
        assert history[f"validation_{name}"][-1] == measured[name]
        assert history[name][-1] == learnt[name]
    assert history["learning_rate"] == sorted(history["learning_rate"], reverse=True)
    assert history["epoch"] == [1, 2, 3]
    assert all(seconds > 0 for seconds in history["seconds"])
    assert len(list(history)) == len(history) == 3
    assert "3 epochs" in repr(history)
    assert "accuracy" in repr(history)


def test_the_full_batch_loss_is_the_loss_before_the_step():
    network = network_of(l2=0.5)
    before = cr.evaluate(network, X, Y)["loss"]
    assert cr.train(network, X, Y, epochs=1, batch_size=None).final_loss == pytest.approx(before, rel=1e-6)


def test_validation_split_holds_out_the_same_samples_each_time():
    x = np.arange(20.0).reshape(20, 1)
    parts = []
    network = cr.Network([cr.Dense(1, inputs=1)], optimizer=cr.SGD(1e-9))
    for _ in range(2):
        seen = set()

        class Look(cr.Callback):
            def after_step(self, training, seen=seen):
                seen.update(training.network["x"].value[:, 0].astype(int).tolist())

        history = cr.train(network, x, x, epochs=2, batch_size=4, validation_split=0.25, callbacks=[Look()])
        parts.append(seen)
    assert parts[0] == parts[1]
    assert len(parts[0]) == 15
    held = sorted(set(range(20)) - parts[0])
    network.parameters[:] = history.last_parameters
    assert history["validation_loss"][-1] == pytest.approx(cr.evaluate(network, x[held], x[held])["loss"], rel=1e-6)


class Loader:
    def __init__(self, size):
        self.size = size

    def __iter__(self):
        for start in range(0, 22, self.size):
            yield X[start : start + self.size], Y[start : start + self.size]

    def __len__(self):
        return -(-22 // self.size)


@pytest.mark.parametrize("made", [Loader, lambda size: list(Loader(size))], ids=["loader", "list"])
def test_batches_from_anything_that_can_be_iterated(made):
    one, two = network_of(), network_of()
    metrics = ["r2", "mean_squared_error"]
    first = cr.train(one, X, Y, epochs=3, batch_size=5, shuffle=False, metrics=metrics)
    second = cr.train(two, made(5), epochs=3, metrics=metrics)
    assert one.parameters.tobytes() == two.parameters.tobytes()
    assert first["loss"] == second["loss"]
    assert first["r2"] == pytest.approx(second["r2"], rel=1e-6)


def test_a_generator_serves_for_one_epoch():
    network = network_of()
    assert len(cr.train(network, iter(Loader(5)), epochs=1)) == 1
    with pytest.raises(cr.ChainruleError, match=r"no batches in epoch 2.*a generator can be used once"):
        cr.train(network, iter(Loader(5)), epochs=2)
    with pytest.raises(cr.ChainruleError, match=r"no batches for the metrics"):
        cr.train(network, iter(Loader(5)), epochs=1, metrics=["r2"])


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_memory_mapped_files_are_read_batch_by_batch(tmp_path, dtype):
    x = RNG.integers(0, 255, size=(22, 3)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    one, two = network_of(optimizer=cr.SGD(1e-4)), network_of(optimizer=cr.SGD(1e-4))
    cr.train(one, x, Y, epochs=2, batch_size=4)
    sizes = []
    cast = two.cast
    two.cast = lambda part: sizes.append(len(part)) or cast(part)
    cr.train(two, mapped, Y, epochs=2, batch_size=4)
    assert one.parameters.tobytes() == two.parameters.tobytes()
    assert cr.predict(two, mapped, batch_size=8).tobytes() == cr.predict(one, x, batch_size=8).tobytes()
    assert cr.evaluate(two, mapped, Y, batch_size=8) == cr.evaluate(one, x, Y, batch_size=8)
    assert max(sizes) <= 8


@pytest.mark.parametrize("batch_size", [4, None])
@pytest.mark.parametrize("weights", [None, np.linspace(0.5, 1, 22)], ids=["", "weighted"])
def test_samples_held_out_of_a_mapped_file_are_those_held_out_of_an_array(tmp_path, batch_size, weights):
    np.save(tmp_path / "x.npy", X)
    told = {"epochs": 2, "batch_size": batch_size, "validation_split": 0.3, "sample_weight": weights}
    one, two = network_of(), network_of()
    plain = cr.train(one, X, Y, metrics=["r2"], **told)
    mapped = cr.train(two, np.load(tmp_path / "x.npy", mmap_mode="r"), Y, metrics=["r2"], **told)
    assert one.parameters.tobytes() == two.parameters.tobytes()
    for column in ("loss", "validation_loss", "r2", "validation_r2"):
        assert plain[column] == mapped[column]


def test_holding_samples_out_of_a_mapped_file_leaves_the_others_there(tmp_path):
    large = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.float32, (20_000, 200))
    network = cr.Network([cr.Dense(1, inputs=200)], optimizer=cr.SGD(1e-4))
    y = np.zeros(20_000, np.float32)
    cr.train(network, large[:100], y[:100], epochs=1)
    tracemalloc.start()
    cr.train(network, large, y, epochs=1, batch_size=1000, validation_split=0.05)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < large.nbytes / 2


@pytest.mark.parametrize("batch_size", [1, 7, 22, 4096])
def test_evaluating_in_chunks_gives_the_whole(batch_size):
    network = network_of(outputs=3, last=[cr.Softmax()], dtype="float64")
    weights = np.arange(22)
    whole = cr.evaluate(network, X, LABELS, sample_weight=weights)
    assert cr.evaluate(network, X, LABELS, sample_weight=weights, batch_size=batch_size) == pytest.approx(
        whole, rel=1e-13
    )
    np.testing.assert_allclose(cr.predict(network, X, batch_size=batch_size), cr.predict(network, X), rtol=1e-13)
    assert np.array_equal(cr.classify(network, X, batch_size=batch_size), cr.predict(network, X).argmax(1))


def test_metrics_are_their_formulas():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]])
    y = np.array([0, 1, 1])
    truth = np.eye(3)[y]
    expected = {
        "accuracy": 2 / 3,
        "error_rate": 1 / 3,
        "min_confidence": 0.3,
        "mean_squared_error": np.mean((p - truth) ** 2),
        "mean_absolute_error": np.mean(np.abs(p - truth)),
    }
    for name, value in expected.items():
        assert METRICS[name](p, y) == pytest.approx(value), name
        assert METRICS[name](p, truth) == pytest.approx(value), name
    assert cr.confusion_matrix(p, y).tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]
    q, quantity = np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0])
    assert METRICS["mean_squared_error"](q, quantity) == pytest.approx(1 / 3)
    assert METRICS["r2"](q, quantity) == METRICS["r2"](q, quantity[:, None]) == pytest.approx(0.5)
    assert METRICS["r2"](quantity[:, None], quantity) == 1


def test_metrics_that_are_no_numbers_are_kept_too():
    network = network_of(outputs=3, last=[cr.Softmax()])
    history = cr.train(network, X, LABELS, epochs=2, metrics=[cr.confusion_matrix, lambda p, y: 1.0, lambda p, y: 2.0])
    assert history["confusion_matrix"][-1].sum() == 22
    assert history["<lambda>"] == [1, 1]
    assert history["<lambda>_2"] == [2, 2]
    assert "confusion" not in repr(history)


def test_augmented_samples_are_trained_on_and_never_measured_on():
    X = np.ones((6, 4), np.float32)
    network = cr.Network([cr.Dense(1, inputs=4)], optimizer=cr.SGD(0.01))
    seen, fed = [], []

    def double(x, generator):
        seen.append((x.copy(), generator.integers(1000)))
        return x * 2

    class Look(cr.Callback):
        def after_step(self, training):
            fed.append(training.network["x"].value.copy())

    def inputs(prediction, target):
        return len(prediction)

    cr.train(
        network, X, X[:, :1], epochs=2, batch_size=3, augment=double, callbacks=[Look()],
        validation_data=(X, X[:, :1]), metrics=[inputs],
    )  # fmt: skip
    assert len(seen) == len(fed) == 4
    assert len({draw for _, draw in seen}) > 1
    assert all((x == 1).all() for x, _ in seen)
    assert all((x == 2).all() for x in fed)


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        (dict(augment=lambda x, generator: x[:, :2]), ShapeError, "train augment: got X with 2 features"),
        (dict(augment=lambda x, generator: x * np.nan), NonFiniteError, "at 'x'"),
    ],
)
def test_an_augmentation_that_returns_something_else_is_refused(told, error, message):
    with pytest.raises(error, match=message):
        cr.train(cr.Network([cr.Dense(1, inputs=4)]), np.ones((6, 4)), np.ones((6, 1)), epochs=1, **told)


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_the_validation_loss_is_never_weighted_by_class(weighted, engine):
    if engine == "compiled":
        needed("numba")
    x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    y = (x[:, :1] > 0.5).astype(np.float32)
    sample_weight = np.linspace(0.5, 2, 40) if weighted else None

    def network():
        return cr.Network([cr.Dense(1, inputs=3), cr.Sigmoid()], optimizer=cr.SGD(1e-9), engine=engine)

    figures = []
    for class_weight in (None, "balanced", {0: 1.0, 1: 50.0}):
        options = dict(epochs=1, sample_weight=sample_weight, class_weight=class_weight)
        split = cr.train(network(), x, y, validation_split=0.25, **options)
        apart = (x, y) if sample_weight is None else (x, y, sample_weight)
        given = cr.train(network(), x, y, validation_data=apart, **options)
        figures.append((split["validation_loss"][0], given["validation_loss"][0], split.epochs[0].loss))
    assert figures[0][:2] == pytest.approx(figures[1][:2], rel=1e-6)
    assert figures[0][:2] == pytest.approx(figures[2][:2], rel=1e-6)
    assert figures[0][2] != pytest.approx(figures[2][2], rel=1e-3), "training has its weights"
