"""Stopping a training anywhere and going on: the same bytes as if it had never been stopped."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FileError, FileWarning, InputError, MisuseError
from chainrule.files import atomic
from chainrule.training.checkpoint import contents

RNG = np.random.default_rng(11)
X, LABELS = RNG.normal(size=(23, 4)), RNG.integers(0, 3, 23)
WEIGHTS = RNG.integers(0, 3, 23).astype(float)
BATCHES = [(X[i : i + 5], LABELS[i : i + 5]) for i in range(0, 23, 5)]


def classifier(optimizer, *extra, **settings):
    return cr.Network(
        [cr.Dense(6, inputs=4), cr.ReLU(), *extra, cr.Dense(3), cr.Softmax()], optimizer=optimizer, **settings
    )


# Networks, and how they are trained: optimizers, schedules, dropout, early stopping, a last batch that is smaller.
CONFIGURATIONS = {
    "sgd": (lambda: classifier(cr.SGD(0.1)), {}),
    "momentum and steps": (lambda: classifier(cr.SGD(cr.StepDecay(0.1, every=2), momentum=0.9)), {}),
    "nesterov, no shuffling": (lambda: classifier(cr.SGD(0.1, momentum=0.9, nesterov=True)), dict(shuffle=False)),
    "adam, one cycle, dropout": (lambda: classifier(cr.Adam(cr.OneCycle(0.05)), cr.Dropout(0.4)), {}),
    "adamw, cosine": (lambda: classifier(cr.AdamW(cr.CosineDecay(0.05))), dict(class_weight="balanced")),
    "rmsprop, exponential": (lambda: classifier(cr.RMSProp(cr.ExponentialDecay(0.01, factor=0.5))), {}),
    "adagrad, warm-up": (lambda: classifier(cr.Adagrad(cr.Warmup(1.5, 0.1))), dict(batch_size=1)),
    "phases": (lambda: classifier(cr.Adam(cr.Phases((2, 0.1), (3, cr.OneCycle(0.01))))), {}),
    "plateau": (lambda: classifier(cr.SGD(cr.ReduceOnPlateau(0.5, patience=1))), dict(validation_data=(X, LABELS))),
    "clipping, l2": (lambda: classifier(cr.SGD(0.5, clip_norm=0.1), l2=0.01), dict(batch_size=5)),
    "best by a metric": (
        lambda: classifier(cr.Adam(0.05), cr.Dropout(0.2)),
        dict(validation_split=0.3, metrics=["error_rate", "confusion"], monitor="validation_error_rate"),
    ),
    "early stopping": (
        lambda: classifier(cr.SGD(2.0)),
        dict(validation_data=(X, LABELS), callbacks=[cr.EarlyStopping(patience=1)], epochs=9),
    ),
    "sample weights with zeros": (lambda: classifier(cr.Adam(0.05)), dict(sample_weight=WEIGHTS, batch_size=2)),
    "several batches a step": (
        lambda: classifier(cr.Adam(cr.OneCycle(0.05)), cr.Dropout(0.4), l2=0.01),
        dict(batch_size=2, gradient_accumulation_steps=5, sample_weight=WEIGHTS),
    ),
    "averaged weights": (
        lambda: classifier(cr.Adam(0.05, ema=0.9), cr.Dropout(0.2)),
        dict(validation_split=0.3, metrics=["error_rate"]),
    ),
    "full batch": (lambda: classifier(cr.Adam(0.05), cr.Dropout(0.5)), dict(batch_size=None, epochs=12)),
    "float64, dynamic": (lambda: classifier(cr.Adam(0.05), cr.Dropout(0.5), dtype="float64", engine="dynamic"), {}),
    "images that are turned": (
        lambda: classifier(cr.Adam(0.05), cr.Dropout(0.2)),
        dict(augment=cr.data.RandomAffine(20, 0.3, 0.2)),
    ),
    "samples that are mixed": (
        lambda: classifier(cr.Adam(0.05), cr.Dropout(0.2)),
        dict(augment=cr.data.Mixup(0.5), class_weight="balanced"),
    ),
    "all images at once": (lambda: classifier(cr.Adam(0.05)), dict(augment=cr.data.RandomAffine(), batch_size=None)),
    "batches of one's own": (lambda: classifier(cr.Adam(cr.CosineDecay(0.05))), dict(batches=BATCHES)),
}


class StopAt(cr.Callback):
    def __init__(self, step, way):
        self.step, self.way = step, way

    def after_step(self, training):
        if training.step == self.step:
            self.way(training)


def confusion(prediction, target):
    return cr.confusion_matrix(prediction, target)


def trained(make, told, path, *more, **also):
    """Train with a checkpoint, and return the history, what it logs without times, and the file."""
    told = {"epochs": 5, "batch_size": 4, **told, **also}
    if "metrics" in told:
        told["metrics"] = [confusion if name == "confusion" else name for name in told["metrics"]]
    callbacks = [*told.pop("callbacks", []), cr.Checkpoint(path, steps=13, seconds=0), *more]
    network = make()
    if "batches" in told:
        told.pop("batch_size")
        history = cr.train(network, told.pop("batches"), callbacks=callbacks, **told)
    else:
        history = cr.train(network, X, LABELS, callbacks=callbacks, **told)
    log = [{**epoch.as_dict(), "seconds": 0} for epoch in history]
    return history, str(log), path.read_bytes(), network.parameters.tobytes()


def stop(training):
    training.stop("interrupted")


def press(training):
    signal.raise_signal(signal.SIGINT)


def fail(training):
    raise ZeroDivisionError("mine")


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_training_stopped_anywhere_goes_on_to_the_same_bytes(name, tmp_path):
    make, told = CONFIGURATIONS[name]
    whole, *expected = trained(make, told, tmp_path / "whole.safetensors")
    steps = sum(whole["steps"])
    rng = np.random.default_rng(len(name))
    stops = sorted({1, steps - 1, *rng.integers(1, steps, 3).tolist()})
    path = tmp_path / "stopped.safetensors"
    for step, way in zip(stops, (stop, press, fail, stop, press)):
        try:
            trained(make, told, path, StopAt(step, way))
        except ZeroDivisionError:
            assert way is fail
        history, *found = trained(make, told, path, resume=path)
        assert found == expected, f"stopped after step {step}"
        assert (history.stopped, history.best_epoch) == (whole.stopped, whole.best_epoch)
        for kept in ("best_parameters", "last_parameters"):
            assert np.array_equal(getattr(history, kept), getattr(whole, kept))


@pytest.mark.slow
def test_a_training_that_is_stopped_at_every_step_goes_on_to_the_same_bytes(tmp_path):
    make, told = CONFIGURATIONS["adam, one cycle, dropout"]
    whole, *expected = trained(make, told, tmp_path / "whole.safetensors")
    path = tmp_path / "stopped.safetensors"
    trained(make, told, path, StopAt(1, stop))
    for step in range(2, sum(whole["steps"]) + 1):
        trained(make, told, path, StopAt(step, stop), resume=path)
    assert trained(make, told, path, resume=path)[1:] == tuple(expected)


def test_a_training_that_has_ended_does_not_go_on_by_itself(tmp_path):
    make, told = CONFIGURATIONS["early stopping"]
    path = tmp_path / "a.safetensors"
    first = trained(make, told, path)
    assert first[0].stopped == "no better for 1 epochs"
    again = trained(make, told, path, resume=path)
    assert again[1:] == first[1:]
    assert again[0].stopped == first[0].stopped


def test_more_epochs_are_what_they_would_have_been_at_once(tmp_path):
    make = lambda: classifier(cr.Adam(0.05), cr.Dropout(0.2))  # noqa: E731 -- a network of three words
    expected = trained(make, {}, tmp_path / "a.safetensors", epochs=7)
    trained(make, {}, tmp_path / "b.safetensors", epochs=3)
    assert (
        trained(make, {}, tmp_path / "b.safetensors", epochs=7, resume=tmp_path / "b.safetensors")[1:] == expected[1:]
    )


def test_another_learning_rate_wins_and_the_moments_are_kept(tmp_path):
    path = tmp_path / "a.safetensors"
    trained(lambda: classifier(cr.Adam(0.05)), {}, path)
    twin = classifier(cr.Adam(0.001))
    seen = []

    class Look(cr.Callback):
        def begin(self, training):
            seen.append((twin.optimizer_state.step, float(np.abs(twin.optimizer_state.slots["m"][0]).max())))

    history = cr.train(twin, X, LABELS, epochs=6, batch_size=4, callbacks=[Look()], resume=path)
    assert seen[0][0] == 30
    assert seen[0][1] > 0
    assert history["learning_rate"] == [0.05] * 5 + [0.001]


def test_a_checkpoint_is_a_model_file_too(tmp_path):
    history = trained(*CONFIGURATIONS["adam, one cycle, dropout"], tmp_path / "a.safetensors")[0]
    assert np.array_equal(cr.load(tmp_path / "a.safetensors").parameters, history.last_parameters)


def test_a_second_ctrl_c_in_the_middle_of_a_step_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    network = classifier(cr.Adam(0.05))
    network.step = lambda *_: press(press(None))  # the step itself hears both
    with pytest.raises(KeyboardInterrupt):
        cr.train(network, X, LABELS, callbacks=[cr.Checkpoint(path, steps=1)])
    assert cr.load(path).optimizer_state.step == 0


def test_a_save_that_fails_on_the_way_is_a_warning_and_training_goes_on(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    class Fill(cr.Callback):
        def after_epoch(self, training, epoch):
            monkeypatch.setattr(atomic.os, "fsync", full) if epoch.epoch == 2 else monkeypatch.undo()

    path = tmp_path / "a.safetensors"
    with pytest.warns(FileWarning, match=r"a disk that is full.* Training goes on"):
        history = trained(*CONFIGURATIONS["sgd"], path, Fill())[0]
    assert len(history) == 5


def test_a_last_save_that_fails_costs_neither_the_history_nor_the_best_weights(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    class Fill(cr.Callback):
        def after_epoch(self, training, epoch):
            monkeypatch.setattr(atomic.os, "fsync", full)

    network = cr.Network([cr.Dense(3, inputs=4), cr.Softmax()], optimizer=cr.SGD(50.0))
    with pytest.warns(FileWarning, match="a disk that is full"):
        history = cr.train(
            network, X, LABELS, epochs=4, keep="best", callbacks=[Fill(), cr.Checkpoint(tmp_path / "a.safetensors")]
        )
    assert len(history) == 4
    assert history.best_epoch != 4
    assert np.array_equal(network.parameters, history.best_parameters)


def test_what_cannot_be_saved_is_refused_before_training_starts(tmp_path):
    network = cr.Network([cr.Dense(3, inputs=4), cr.Activation(np.sin, np.cos)])
    start = network.parameters.copy()
    with pytest.raises(InputError, match="function"):
        cr.train(network, X, X[:, :3], callbacks=[cr.Checkpoint(tmp_path / "a.safetensors")])
    assert np.array_equal(network.parameters, start)
    assert list(tmp_path.iterdir()) == []


REFUSED = {
    "another network": (lambda: cr.Network([cr.Dense(3, inputs=4), cr.Softmax()]), {}, "layers"),
    "another seed": (lambda: classifier(cr.SGD(0.1), seed=1), {}, "seed"),
    "another optimizer": (lambda: classifier(cr.Adam(0.1)), {}, "optimizer"),
    "another batch size": (lambda: classifier(cr.SGD(0.1)), dict(batch_size=5), "batch size 5, but expected 4"),
    "fewer samples": (lambda: classifier(cr.SGD(0.1)), dict(validation_split=0.5), "samples 11, but expected 23"),
}


@pytest.mark.parametrize(("make", "told", "message"), REFUSED.values(), ids=REFUSED)
def test_what_differs_is_refused_by_name(make, told, message, tmp_path):
    path = tmp_path / "a.safetensors"
    trained(*CONFIGURATIONS["sgd"], path)
    with pytest.raises(InputError, match=message):
        trained(make, told, tmp_path / "b.safetensors", resume=path)


def test_a_model_without_a_training_is_refused(tmp_path):
    cr.save(classifier(cr.SGD(0.1)), tmp_path / "a.safetensors")
    with pytest.raises(FileError, match=r"cr\.load"):
        cr.train(classifier(cr.SGD(0.1)), X, LABELS, resume=tmp_path / "a.safetensors")


def forged(path, change, at, name="sgd", **told):
    """Write the checkpoint of a training stopped after step `at`, the section's data and arrays changed."""

    class Forge(cr.Callback):
        def ending(self, training):
            found = contents(training)
            plain = json.loads(found.metadata["training"])
            arrays = {name: array.copy() for name, array in found.tensors.items()}
            change(plain, arrays)
            metadata = {**found.metadata, "training": json.dumps(plain)}
            cr.files.write(path, cr.files.Contents(metadata, arrays))

    callbacks = [Forge(), StopAt(at, stop)]
    make, configured = CONFIGURATIONS[name]
    settings = {"epochs": 5, "batch_size": 4, **configured, **told, "callbacks": callbacks}
    if "batches" in settings:
        settings.pop("batch_size")
        cr.train(make(), settings.pop("batches"), **settings)
    else:
        cr.train(make(), X, LABELS, **settings)


def entry(name, value):
    return lambda plain, arrays: plain.update({name: value})


def column(name, value):
    return lambda plain, arrays: arrays.update({f"training:{name}": value(arrays[f"training:{name}"])})


def first(value):
    return lambda array: np.array([value, *array[1:]], array.dtype)


def of_source(**entries):
    return lambda plain, arrays: plain["source"].update(entries)


# What is changed in the checkpoint of a training that was stopped in its third epoch, after step 14 = 6 + 6 + 2.
FORGED = {
    **{f"{name} {value}": entry(name, value) for name in ("epochs", "epoch", "batches", "steps", "step")
       for value in (-1, 2**31 + 1, 2**52, 10**30, 1.5, "2", None, True)},
    "a step too many": entry("step", 15),
    "a step too few": entry("step", 13),
    "a step of the epoch too many": entry("steps", 3),
    "more batches than there are": entry("batches", 7),
    "no steps in an epoch under way": entry("steps", 0),
    "an epoch that isn't recorded": entry("epoch", 4),
    "an epoch 0": entry("epoch", 0),
    "no weight": entry("weight", 0.0),
    "a weight below 0": entry("weight", -1.0),
    "a weight that is almost 0": entry("weight", 1e-320),
    "a loss below 0": entry("loss", -1.0),
    "a loss in words": entry("loss", "small"),
    **{f"batches per step {value}": entry("batches_per_step", value) for value in (0, -4, 2**52, 1.5, "4", None)},
    "other batches per step": entry("batches_per_step", 2),
    "a learning rate below 0": entry("learning_rate", -0.1),
    "an unknown key": entry("code", "x"),
    "a reason that is none": entry("stopped", 7),
    "metrics that have no array": entry("metrics", ["a"]),
    "steps of an epoch in another": column("steps", lambda array: np.array([0, 12])),
    "a source that is a list": entry("source", []),
    "a source of something else": entry("source", {"steps": 6}),
    "no order": of_source(order=None),
    "an order that is none": of_source(order={"bit_generator": "os.system"}),
    "no digests": lambda plain, arrays: plain["source"].pop("digests"),
    **{f"digests {value}": of_source(digests=value) for value in ([], None, {"X": 7}, {"X": "0"}, {"X": "Z" * 32})},
    "an order without a key": lambda plain, arrays: plain["source"].pop("order"),
    "no samples": of_source(samples=0),
    "samples in words": of_source(samples="23"),
    "samples that are true": of_source(samples=True),
    "a batch size with a fraction": of_source(batch_size=4.0),
    "a batch size of -4": of_source(batch_size=-4),
    "a batch that is larger than all": of_source(batch_size=24),
    "a key too many in the source": of_source(extra=1),
    **{f"{name} {value}": column(name, first(value)) for name in ("loss", "learning_rate")
       for value in (-1.0, np.nan, np.inf)},
    "a penalty below 0": column("penalty", first(-1.0)),
    **{f"steps {value}": column("steps", first(value)) for value in (0, -6, 2**52, 2**63 - 1)},
    "steps of the epochs that don't add up": column("steps", first(5)),
    "steps with fractions": column("steps", lambda array: array.astype(np.float64)),
    "losses in float32": column("loss", lambda array: array.astype(np.float32)),
    "losses in two columns": column("loss", lambda array: np.stack([array, array], 1)),
    "a loss too many": column("loss", lambda array: np.append(array, 1.0)),
    "validation losses below 0": lambda plain, arrays: arrays.update({"training:validation_loss": np.full(2, -1.0)}),
    "a validation loss too few": lambda plain, arrays: arrays.update({"training:validation_loss": np.ones(1)}),
    "best parameters of another size": column("best", lambda array: array[1:]),
    "best parameters of another kind": column("best", lambda array: array.astype(np.float64)),
    "no best parameters": lambda plain, arrays: arrays.pop("training:best"),
    "another array": lambda plain, arrays: arrays.update({"training:more": np.ones(2)}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("change", FORGED.values(), ids=FORGED)
def test_a_forged_checkpoint_is_refused(change, tmp_path):
    path = tmp_path / "a.safetensors"
    forged(path, change, at=14)
    make, told = CONFIGURATIONS["sgd"]
    with pytest.raises((FileError, InputError)):
        cr.train(make(), X, LABELS, epochs=5, batch_size=4, resume=path, **told)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (entry("source", {"steps": 0}), "batches of one's own"),
        (entry("source", {"steps": "5"}), "batches of one's own"),
        (entry("source", {"samples": 23, "batch_size": 4, "order": None, "digests": {}}), "batches of one's own"),
        (column("metrics.2", lambda array: array[:0]), "best by a metric"),
        (entry("metrics", ["confusion", "accuracy"]), "best by a metric"),
        (column("metrics.2", lambda array: np.stack([array, array], 1)), "best by a metric"),
        (entry("metrics", ["error_rate", "error_rate"]), "best by a metric"),
    ],
    ids=range(7),
)
def test_what_belongs_to_another_way_of_training_is_refused(change, name, tmp_path):
    path = tmp_path / "a.safetensors"
    make, told = CONFIGURATIONS[name]
    told = {**told, "metrics": ["error_rate", confusion]} if "metrics" in told else told
    forged(path, change, 8, name, **told)
    arrays = (told.pop("batches"),) if "batches" in (told := dict(told)) else (X, LABELS)
    with pytest.raises((FileError, InputError)):
        cr.train(make(), *arrays, epochs=5, resume=path, **told, **({} if len(arrays) == 1 else {"batch_size": 4}))


class Below(cr.Op):
    """y = mean of prediction − 9
    ∂prediction = ∂y / size"""

    constant = ("target",)

    def forward(self, prediction, target):
        return (prediction - 9).mean()

    def backward(self, dy, y, prediction, target):
        return dict(prediction=np.full_like(prediction, dy / prediction.size))


def test_a_loss_of_ones_own_may_be_negative(tmp_path):
    path = tmp_path / "a.safetensors"
    network = lambda: cr.Network([cr.Dense(1, inputs=4)], Below(), cr.SGD(0.01))  # noqa: E731 -- a network of three words
    told = {"epochs": 4, "batch_size": 4, "callbacks": [cr.Checkpoint(path)]}
    whole = cr.train(network(), X, X[:, :1], **told)
    cr.train(network(), X, X[:, :1], **{**told, "callbacks": [cr.Checkpoint(path), StopAt(9, stop)]})
    assert cr.train(network(), X, X[:, :1], **told, resume=path)["loss"] == whole["loss"]


def test_a_training_killed_right_after_it_was_resumed_goes_on_to_the_same_bytes(tmp_path):
    make, told = CONFIGURATIONS["sgd"]
    whole = trained(make, told, tmp_path / "whole.safetensors")
    path, again = tmp_path / "a.safetensors", tmp_path / "again.safetensors"
    trained(make, told, path, StopAt(14, stop))

    class Kill(cr.Callback):
        def begin(self, training):
            again.write_bytes(path.read_bytes())  # what is saved as the training begins is all that is left

    trained(make, told, path, Kill(), resume=path)
    assert trained(make, told, again, resume=again)[1:] == whole[1:]


@pytest.mark.parametrize(("then", "now"), [(True, False), (False, True)])
def test_another_order_is_refused_in_the_middle_of_an_epoch(then, now, tmp_path):
    path = tmp_path / "a.safetensors"
    trained(*CONFIGURATIONS["sgd"], path, StopAt(3, stop), shuffle=then)
    with pytest.raises(InputError, match=f"got shuffle={now}, but expected shuffle={then}, as before"):
        trained(*CONFIGURATIONS["sgd"], path, shuffle=now, resume=path)


def test_a_snapshot_before_training_has_nothing_to_say():
    with pytest.raises(MisuseError, match="has not begun"):
        cr.training.Training(classifier(cr.SGD(0.1)), X, LABELS, epochs=1).snapshot()


OTHER = {
    "one number of X": (dict(X=np.where(np.arange(92).reshape(23, 4) == 50, 0.5, X)), "other X"),
    "the order of the rows": (dict(X=X[::-1]), "other X"),
    "one label": (dict(y=np.where(np.arange(23) == 22, (LABELS + 1) % 3, LABELS)), "other y"),
    "weights": (dict(sample_weight=WEIGHTS + 1), "other sample weights"),
    "weights of classes": (dict(class_weight="balanced"), "other sample weights"),
    "validation data": (dict(validation_data=(X[:5] + 1, LABELS[:5])), "other validation data"),
}


@pytest.mark.parametrize(("change", "told"), OTHER.values(), ids=OTHER)
def test_other_data_of_the_same_size_are_refused_by_name(change, told, tmp_path):
    path = tmp_path / "a.safetensors"
    given = dict(X=X, y=LABELS, epochs=2, batch_size=4, validation_data=(X[:5], LABELS[:5]))
    cr.train(classifier(cr.SGD(0.1)), **given, callbacks=[cr.Checkpoint(path)])
    with pytest.raises(InputError, match=f"{told}.*as before.*network = cr.load"):
        cr.train(classifier(cr.SGD(0.1)), **{**given, "epochs": 4, **change}, resume=path)
    cr.train(classifier(cr.SGD(0.1)), **{**given, "epochs": 4}, resume=path)
    cr.train(cr.load(path), **{**given, **change})  # as the advice says


@pytest.mark.parametrize("how", ["lists", "float32", "columns first", "a mapped file"])
def test_the_same_data_in_another_form_are_the_same(how, tmp_path):
    path = tmp_path / "a.safetensors"
    cr.train(classifier(cr.SGD(0.1)), X, LABELS, epochs=2, callbacks=[cr.Checkpoint(path)])
    np.save(tmp_path / "X.npy", X)
    same = {
        "lists": X.tolist(),
        "float32": X.astype(np.float32),
        "columns first": np.asfortranarray(X),
        "a mapped file": np.load(tmp_path / "X.npy", mmap_mode="r"),
    }[how]
    assert len(cr.train(classifier(cr.SGD(0.1)), same, LABELS, epochs=3, resume=path)) == 3


@pytest.mark.filterwarnings("ignore:train. got a loss")  # random labels
def test_some_rows_of_a_mapped_file_are_looked_at(tmp_path):
    path, big = tmp_path / "a.safetensors", RNG.normal(size=(5000, 4))
    labels = np.arange(5000) % 3
    for k, name in enumerate(("a.npy", "b.npy")):
        np.save(tmp_path / name, big + k)
    first, second = (np.load(tmp_path / name, mmap_mode="r") for name in ("a.npy", "b.npy"))
    cr.train(classifier(cr.SGD(0.1)), first, labels, epochs=1, callbacks=[cr.Checkpoint(path)])
    with pytest.raises(InputError, match="other rows of X"):
        cr.train(classifier(cr.SGD(0.1)), second, labels, epochs=2, resume=path)


def test_nothing_is_digested_without_a_checkpoint(monkeypatch):
    monkeypatch.setattr("chainrule.training.batch_source.data_digest", lambda *arrays, **told: 1 / 0)
    cr.train(classifier(cr.SGD(0.1)), X, LABELS, epochs=2)
