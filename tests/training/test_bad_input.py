"""What users get wrong: a table of calls and the words their one error must contain, and of odd calls that work."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from tests.mistakes import expect_one_clear_error

RNG = np.random.default_rng(0)
X, Y, LABELS = RNG.normal(size=(8, 3)), RNG.normal(size=(8, 2)), np.arange(8) % 3
YES = LABELS > 0
SHARES = np.full((8, 3), 1 / 3)
NAN = np.where(np.arange(24).reshape(8, 3) == 7, np.nan, X)


class Frame:
    """Something like a data frame: a table that is no array and iterates over its columns' names."""

    def __init__(self, table):
        self.table = table

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.table, dtype)

    def __iter__(self):
        return iter("abc"[: self.table.shape[1]])

    def __len__(self):
        return len(self.table)


def quantities(**told):
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(2)], **told)


def classes(**told):
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(3), cr.Softmax()], **told)


def yes_or_no(**told):
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1), cr.Sigmoid()], **told)


def labels(**told):
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(3), cr.Sigmoid()], **told)


def named_only(*, prediction, target):
    return 0.0


def train(X=X, Y=Y, network=quantities, **told):
    return cr.train(network(), X, Y, **{"epochs": 1, **told})


def train_classes(Y=LABELS, **told):
    return train(X, Y, classes, **told)


def after(*batch, network=classes):
    """Train on what is right, then predict."""
    trained = network()
    cr.train(trained, X, LABELS, epochs=1)
    return cr.predict(trained, *batch)


def twice(y):
    network = classes()
    network.compute_loss(X, LABELS)
    network.compute_loss(X, y)


BAD = {
    # the data
    "X of one axis": (lambda: train(X[0], Y[0]), ["X with shape (3,)", "np.reshape(X, (1, -1))"]),
    "X without features": (lambda: train(X[:, :0]), ["(8, 0)", "at least one feature"]),
    "X without samples": (lambda: train(X[:0], Y[:0]), ["no samples"]),
    "X with NaN": (lambda: train(NAN), ["X with 1 value that", "the first in row 2, column 1 (X[2, 1])", "finite"]),
    "X beyond float32": (lambda: train(X * 1e300), ["X with 24 values", "float32"]),
    "X complex": (lambda: train(X + 1j), ["complex128", "real numbers"]),
    "X ragged": (lambda: train([[1, 2], [3]], Y[:2]), ["rows of different lengths"]),
    "X a file's name": (lambda: train("data.csv"), ["X='data.csv'", "cr.data"]),
    "X nothing": (lambda: train(None), ["X=None"]),
    "X images": (lambda: train(np.zeros((8, 2, 2))), ["(2, 2)", "cr.Flatten()"]),
    "X without y": (lambda: train(X, None), ["without y", "cr.train(network, X, y)"]),
    "rows without y": (lambda: train(X.tolist(), None), ["without y", "cr.train(network, X, y)"]),
    "a pair as X": (lambda: train((X, Y), None), ["as a batch", "cr.train(network, X, y)"]),
    "a frame without y": (lambda: train(Frame(X), None), ["'a' as a batch", "cr.train(network, X, y)"]),
    "a dict as X": (lambda: train({"X": X}, None), ["X of type dict without y", "cr.train(network, X, y)"]),
    "y too short": (lambda: train(Y=Y[:5]), ["5 targets for 8 samples"]),
    "y too wide": (lambda: train(Y=X), ["(8, 3)", "2 columns"]),
    "labels for quantities": (lambda: train(Y=LABELS), ["(8,)", "loss=cr.SoftmaxCrossEntropy()"]),
    "y with NaN": (lambda: train(Y=NAN[:, :2]), ["y with 1 value that", "[2, 1]"]),
    "y beyond float32": (lambda: train(Y=Y * 1e300), ["y with 16 values"]),
    "y texts": (lambda: train_classes(np.array(list("abcabcab"))), ["np.unique(y, return_inverse=True)"]),
    "labels with NaN": (lambda: train_classes(NAN[:, 1]), ["y with 1 value that", "the first in row 2 (y[2])"]),
    "labels with fractions": (lambda: train_classes(LABELS / 2), ["not whole", "MeanSquaredError"]),
    "labels from 1": (lambda: train_classes(LABELS + 1), ["target[2] = 3", "3 classes", "from 0"]),
    "labels below 0": (lambda: train_classes(LABELS - 1), ["target[0] = -1"]),
    "one-hot too wide": (lambda: train_classes(np.eye(4)[LABELS]), ["(8, 4)", "class indices"]),
    "rows that don't add up": (
        lambda: train_classes(np.ones((8, 3))),
        ["sum 3", "end with cr.Sigmoid() and", "cr.BinaryCrossEntropy()"],
    ),
    "answers of -1 and 1": (lambda: train(Y=2.0 * YES - 1, network=yes_or_no), ["-1.0", "as 0 and 1"]),
    "three answers": (lambda: train(Y=LABELS, network=yes_or_no), ["target[2, 0] = 2.0"]),
    "wrong labels later": (lambda: twice(LABELS + 1), ["compute_loss", "target[2] = 3"]),
    # settings of train
    "epochs below 0": (lambda: train(epochs=-1), ["epochs", "-1"]),
    "epochs a fraction": (lambda: train(epochs=1.5), ["epochs", "1.5", "whole number"]),
    "no batch size": (lambda: train(batch_size=0), ["batch_size", "from 1"]),
    "batch size in words": (lambda: train(batch_size="all"), ["batch_size", "'all'"]),
    "a share above 1": (lambda: train(validation_split=20), ["validation_split", "20", "below 1"]),
    "one sample to split": (lambda: train(X[:1], Y[:1], validation_split=0.5), ["one sample", "at least two"]),
    "two validations": (lambda: train(validation_split=0.5, validation_data=(X, Y)), ["one of them"]),
    "validation without y": (lambda: train(validation_data=X), ["(X, y)", "validation_data=(X_validation"]),
    "validation with None": (lambda: train(validation_data=(X, None)), ["validation_data", "y=None"]),
    "validation other features": (lambda: train(validation_data=(X[:, :2], Y)), ["validation_data", "2 features"]),
    "validation with NaN": (lambda: train(validation_data=(X, NAN[:, :2])), ["validation_data", "y with 1 value that"]),
    "split of an iterable": (
        lambda: train([(X, Y)], None, validation_split=0.5),
        ["iterable", "validation_data=(X, y)"],
    ),
    "weights of an iterable": (lambda: train([(X, Y)], None, sample_weight=[1]), ["iterable", "(x, y, sample_weight)"]),
    "weights too few": (lambda: train(sample_weight=[1, 2]), ["(2,)", "8 finite numbers"]),
    "weights below 0": (lambda: train(sample_weight=-np.ones(8)), ["from -1 to -1", "none negative"]),
    "weights all 0": (lambda: train(sample_weight=np.zeros(8)), ["not all zero"]),
    "classes without weight": (lambda: train_classes(class_weight={0: 1}), ["classes [0]", "[0, 1, 2]", "Add 1: 1.0"]),
    "class weights of quantities": (lambda: train(class_weight={0: 1}), ["quantities", "sample_weight"]),
    "class weights in words": (lambda: train_classes(class_weight="auto"), ["'auto'", "balanced"]),
    "a class weight in words": (lambda: train_classes(class_weight=["a", 1, 1]), ["class_weight[0]", "'a'"]),
    "class weights a number": (lambda: train_classes(class_weight=5), ["got 5", "a mapping"]),
    "a metric unknown": (lambda: train(metrics=["acuracy"]), ["'acuracy'", "Did you mean 'accuracy'"]),
    "a metric a number": (lambda: train(metrics=5), ["got 5", "function of (prediction, target)"]),
    "a metric named loss": (
        lambda: train(metrics=[type("M", (), {"__name__": "loss", "__call__": max})()]),
        ["'loss'"],
    ),
    "accuracy of numbers": (lambda: train(metrics="accuracy"), ["regression", "r2", "classes=["]),
    "accuracy of quantities": (lambda: train_classes(SHARES, metrics="accuracy"), ["quantities", "r2"]),
    "a matrix to monitor": (
        lambda: train_classes(metrics=[cr.confusion_matrix], monitor="confusion_matrix"),
        ["monitor", "one number"],
    ),
    "monitor unknown": (lambda: train(monitor="losses"), ["'losses'", "Did you mean 'loss'"]),
    "monitor no name": (lambda: train(monitor=3), ["got 3"]),
    "monitor without validation": (lambda: train(monitor="val_loss"), ["'validation_loss' without", "'loss' for the"]),
    "metric without validation": (
        lambda: train_classes(metrics="validation_accuracy"),
        ["'validation_accuracy' without", "'accuracy' for the training data"],
    ),
    "monitor one of two losses": (
        lambda: train(monitor="loss", validation_split=0.5),
        ["by heart", 'monitor="validation_loss"'],
    ),
    "monitor one of two metrics": (
        lambda: train_classes(metrics="acc", monitor="accuracy", validation_split=0.5),
        ["by heart", 'monitor="validation_accuracy"'],
    ),
    "an op as metric": (
        lambda: train(metrics=cr.MeanSquaredError()),
        ["builds graphs", 'metrics="mean_squared_error"'],
    ),
    "a class of op as metric": (lambda: train(metrics=[cr.Huber]), ["builds graphs", "cr.Huber().forward(prediction"]),
    "a function of nodes as metric": (
        lambda: train(metrics=cr.mean_squared_error),
        ["cr.mean_squared_error, which builds graphs", 'metrics="mean_squared_error"'],
    ),
    "another function of nodes": (
        lambda: train(metrics=cr.huber),
        ["cr.huber, which", "cr.Huber().forward(prediction"],
    ),
    "a metric of x and y": (lambda: train(metrics=lambda x, y: 0.0), ["a function of (x, y)", "lambda y_true, y_pred"]),
    "a metric of two predictions": (lambda: train(metrics=lambda preds, output: 0.0), ["(preds, output)"]),
    "a metric of three": (lambda: train(metrics=lambda a, y_true, y_pred: 0.0), ["(a, y_true, y_pred)"]),
    "a metric of one": (lambda: train(metrics=lambda eval_pred: 0.0), ["(eval_pred)", "two arguments"]),
    "a metric in C": (lambda: train(metrics=max), ["max, a function whose arguments have no names"]),
    "a metric of keywords": (lambda: train(metrics=named_only), ["named_only", "(prediction, target)"]),
    "a metric that returns nothing": (lambda: train(metrics=lambda p, y: None), ["None, as without a return"]),
    "a metric that returns a text": (lambda: train(metrics=lambda p, y: "5 %"), ["str '5 %'", "float("]),
    "a metric that returns a pair": (lambda: train(metrics=lambda p, y: (1, 2)), ["tuple (1, 2)"]),
    "a metric that returns a node": (lambda: train(metrics=lambda p, y: cr.Input("x", p)), ["Input ", "float("]),
    "evaluated on validation": (
        lambda: cr.evaluate(classes(), X, LABELS, metrics="val_acc"),
        ["'validation_accuracy'", "Pass 'accuracy'"],
    ),
    "classes of numbers": (lambda: cr.classify(quantities(), X), ["regression", "cr.predict", "classes=["]),
    "a matrix of numbers": (lambda: train(metrics=cr.confusion_matrix), ["regression", "cr.Softmax()"]),
    "labels in a matrix": (
        lambda: cr.confusion_matrix(np.ones((8, 2)), np.ones((8, 2))),
        ["several labels", "prediction[..., [0]], target[..., [0]]"],
    ),
    "class weights of labels": (
        lambda: train(X, np.ones((8, 3)), labels, class_weight="balanced"),
        ["several labels", "sample_weight"],
    ),
    "an unknown task": (lambda: cr.confusion_matrix(np.ones((8, 2)), LABELS, task="classes"), ["'classes'", "binary"]),
    "keep unknown": (lambda: train(keep="first"), ["'first'", "best, last"]),
    "a callback's class": (lambda: train(callbacks=[cr.EarlyStopping]), ["the class EarlyStopping", "patience=10)"]),
    "a callback in words": (lambda: train(callbacks="early"), ["'early'"]),
    "layers to train": (lambda: cr.train([cr.Dense(2)], X, Y), ["[Dense(2)]", "cr.Network"]),
    "a class to train": (lambda: cr.train(cr.Network, X, Y), ["the class Network itself"]),
    # predict, evaluate
    "other features": (lambda: after(X[:, :2]), ["X with 2 features (shape (8, 2))", "3 features"]),
    "one sample": (lambda: after(X[0]), ["np.reshape(X, (1, -1)) if it is one sample"]),
    "flat images": (
        lambda: cr.predict(cr.Network([cr.Dense(2, inputs=4)]), np.zeros((3, 2, 2))),
        ["(2, 2)", "np.reshape(X, (-1, 4))"],
    ),
    "NaN": (lambda: after(NAN), ["predict", "X with 1 value that"]),
    "an op to predict": (lambda: cr.predict(cr.Tanh(), X), ["predict", "Tanh()"]),
    "evaluate without y": (lambda: cr.evaluate(quantities(), X, None), ["evaluate", "y=None"]),
    "evaluate wrong labels": (lambda: cr.evaluate(classes(), X, LABELS + 5), ["evaluate", "target[0] = 5"]),
    "evaluate no rows": (lambda: cr.evaluate(classes(), X, LABELS, batch_size=0), ["batch_size"]),
    "classes to count": (lambda: cr.confusion_matrix(LABELS, LABELS), ["shape (8,)", "cr.predict(network, X), y"]),
    "an unknown column": (lambda: train()["los"], ["'los'", "Did you mean 'loss'"]),
}


@pytest.mark.parametrize(("call", "words"), BAD.values(), ids=BAD)
def test_a_mistake_is_one_clear_error(call, words):
    expect_one_clear_error(call, words)


ODD = {
    "lists": lambda: train(X.tolist(), Y.tolist()),
    "tuples": lambda: train(tuple(map(tuple, X)), tuple(map(tuple, Y))),
    "frames": lambda: train(Frame(X), Frame(Y)),
    "one sample": lambda: train(X[:1], Y[:1]),
    "whole numbers": lambda: train((X * 9).astype(int), (Y * 9).astype(int)),
    "yes and no as X": lambda: train(X > 0),
    "float16": lambda: train(X.astype(np.float16)),
    "not contiguous": lambda: train(np.asfortranarray(X)[::-1], Y[::-1]),
    "labels in a column": lambda: train_classes(LABELS[:, None]),
    "labels as floats": lambda: train_classes(LABELS.astype(float)),
    "labels in a list": lambda: train_classes(LABELS.tolist()),
    "labels as uint8": lambda: train_classes(LABELS.astype(np.uint8)),
    "one-hot": lambda: train_classes(np.eye(3, dtype=bool)[LABELS]),
    "yes and no": lambda: train(Y=YES, network=yes_or_no),
    "yes and no in a column": lambda: train(Y=YES[:, None].astype(int), network=yes_or_no),
    "no epochs": lambda: train(epochs=0),
    "a large batch": lambda: train(batch_size=10**6),
    "NumPy's whole numbers": lambda: train(epochs=np.int64(1), batch_size=np.int32(4)),
    "a metric's name": lambda: train(metrics="r2"),
    "a function as metric": lambda: train(metrics=lambda p, y: 0.0),
    "no metrics": lambda: train(metrics=None),
    "validation in a list": lambda: train(validation_data=[X.tolist(), Y.tolist()]),
    "weighted validation": lambda: train(validation_data=(X, Y, np.arange(8))),
    "one callback": lambda: train(callbacks=cr.EarlyStopping()),
    "one function as callback": lambda: train(callbacks=lambda training, epoch: None),
    "no callbacks": lambda: train(callbacks=None),
    "weights in a list": lambda: train(sample_weight=[0, 1] * 4),
    "class weights in a list": lambda: train_classes(class_weight=[1, 2, 3]),
    "NumPy's classes": lambda: train_classes(class_weight={np.int64(c): 1 for c in range(3)}),
    "a generator of batches": lambda: train(((X, Y) for _ in range(2)), None),
    "batches as lists": lambda: train([[X.tolist(), Y.tolist()]], None),
}


@pytest.mark.parametrize("call", ODD.values(), ids=ODD)
def test_what_is_odd_but_plausible_works(call):
    history = call()
    assert isinstance(history, cr.History)
    assert all(np.isfinite(history["loss"]))


def test_what_is_odd_gives_the_same_as_what_is_plain():
    plain = train_classes()
    assert train_classes(LABELS[:, None])["loss"] == plain["loss"]
    assert train_classes(LABELS.astype(float).tolist())["loss"] == plain["loss"]
    assert train(Frame(X), Y.tolist())["loss"] == train()["loss"]
