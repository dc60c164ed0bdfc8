"""Objectives that can't work are refused when the network is made; targets that it can't give are warned of."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, ShapeError, TrainingWarning
from chainrule.ops import Absolute, Exp, Log, Matmul, Negative, Sqrt, all_ops
from tests.ops.cases import CASES

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
YES = (X[:, :1] > 0).astype(np.float32)

CATEGORICAL, BINARY = cr.CategoricalCrossEntropy, cr.BinaryCrossEntropy
SOFTMAX_LOGITS, SIGMOID_LOGITS = cr.SoftmaxCrossEntropy, cr.SigmoidBinaryCrossEntropy
#: What is refused where these are.
FOCAL = {
    CATEGORICAL: cr.CategoricalFocalCrossEntropy,
    BINARY: cr.BinaryFocalCrossEntropy,
    SOFTMAX_LOGITS: cr.SoftmaxFocalCrossEntropy,
    SIGMOID_LOGITS: cr.SigmoidFocalCrossEntropy,
}
OTHERS = (None, cr.MeanSquaredError, cr.SquaredError, cr.HalfSquaredError, cr.MeanAbsoluteError, cr.Huber)

Layers = Callable[[], list[Any]]
#: What the last layers are -> which cross-entropies are refused after them, and why.
ENDS: dict[str, tuple[Layers, dict[type[cr.Op], str]]] = {
    "linear": (list, {CATEGORICAL: "probabilities", BINARY: "probabilities"}),
    "softmax": (lambda: [cr.Softmax()], {SOFTMAX_LOGITS: "logits", SIGMOID_LOGITS: "logits"}),
    "sigmoid": (
        lambda: [cr.Sigmoid()],
        {CATEGORICAL: "probabilities", SOFTMAX_LOGITS: "logits", SIGMOID_LOGITS: "logits"},
    ),
    "log softmax": (
        lambda: [cr.LogSoftmax()],
        {CATEGORICAL: "probabilities", BINARY: "probabilities", SIGMOID_LOGITS: "logits"},
    ),
    "exp of log softmax": (lambda: [cr.LogSoftmax(), Exp()], {SOFTMAX_LOGITS: "logits", SIGMOID_LOGITS: "logits"}),
    "leaky relu": (lambda: [cr.LeakyReLU()], {CATEGORICAL: "probabilities", BINARY: "probabilities"}),
    "a wide range": (lambda: [cr.Tanh(), cr.Rescale(10)], {CATEGORICAL: "probabilities", BINARY: "probabilities"}),
    "a residual": (
        lambda: [cr.Residual([cr.Tanh()])],
        {CATEGORICAL: "probabilities", BINARY: "probabilities"},
    ),
    "nobody knows": (lambda: [cr.Activation(np.sin, np.cos)], {}),
    **{
        last.__name__: (
            (lambda last=last: [last()]),
            dict(zip((CATEGORICAL, BINARY, SOFTMAX_LOGITS, SIGMOID_LOGITS), ["probabilities"] * 2 + ["logits"] * 2)),
        )
        for last in (cr.ReLU, cr.Tanh, cr.ELU, cr.GELU, cr.SiLU, cr.Softplus, Exp, Sqrt, Absolute)
    },
    **{last.__name__: ((lambda last=last: [last()]), {CATEGORICAL: "probabilities", BINARY: "probabilities"})
       for last in (Negative, Log)},
}  # fmt: skip


#: Ways of putting the last layers at the end.
PLACES: dict[str, Callable[[list[Any]], list[Any]]] = {
    "last": lambda end: [cr.Dense(4, inputs=3), *end],
    "before an identity": lambda end: [cr.Dense(4, inputs=3), *end, cr.Identity(), cr.Flatten()],
    "before dropout": lambda end: [cr.Dense(4, inputs=3), *end, cr.Dropout(0.1)],
    "in a network": lambda end: [cr.Dense(4, inputs=3), cr.Network([cr.Dense(4, inputs=4), *end])],
    "in branches": lambda end: [cr.Dense(2, inputs=3), cr.Branches([[cr.Dense(2), *end], [cr.Dense(2), *end]])],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("end", ENDS)
def test_a_cross_entropy_is_refused_after_what_gives_no_such_numbers(end: str, place: str) -> None:
    layers, refused = ENDS[end]
    for loss, focal in FOCAL.items():
        for kind in (loss, focal):
            if loss in refused:
                with pytest.raises(InputError) as told:
                    cr.Network(PLACES[place](layers()), kind())
                assert told.value.cause == f"head.{refused[loss]}", (end, kind)
            else:
                cr.Network(PLACES[place](layers()), kind())
    for other in OTHERS:
        cr.Network(PLACES[place](layers()), other and other())


def test_what_the_refusals_advise_works() -> None:
    for layers, loss in (
        ([cr.Dense(4), cr.Softmax()], CATEGORICAL),
        ([cr.Dense(4), cr.Sigmoid()], BINARY),
        ([cr.Dense(4)], SOFTMAX_LOGITS),
        ([cr.Dense(4)], SIGMOID_LOGITS),
    ):
        targets = np.eye(4)[np.arange(24) % 4]
        if loss in (BINARY, SIGMOID_LOGITS):  # of which several may be true
            targets = np.maximum(targets, targets[::-1])
        for kind in (loss, FOCAL[loss]):
            cr.train(cr.Network([layer.copy() if isinstance(layer, cr.Dense) else layer for layer in layers], kind()),
                     X, targets, epochs=1)  # fmt: skip


@pytest.mark.parametrize(
    ("last", "loss", "advised"),
    [
        (cr.Softmax(), cr.SoftmaxCrossEntropy(0.1), cr.CategoricalCrossEntropy(0.1)),
        (cr.Softmax(), cr.SoftmaxFocalCrossEntropy(3, (1, 2)), cr.CategoricalFocalCrossEntropy(3, (1, 2))),
        (cr.Sigmoid(), cr.SigmoidFocalCrossEntropy(3, 0.2), cr.BinaryFocalCrossEntropy(3, 0.2)),
        (cr.Sigmoid(), cr.SoftmaxFocalCrossEntropy(3), cr.BinaryCrossEntropy()),
        (cr.Softmax(), cr.SigmoidBinaryCrossEntropy(0.1), cr.CategoricalCrossEntropy()),
    ],
    ids=repr,
)
def test_after_probabilities_the_loss_on_them_is_advised_with_its_settings(last: Any, loss: Any, advised: Any) -> None:
    with pytest.raises(InputError) as told:
        cr.Network([cr.Dense(2), last], loss)
    assert told.value.fix == f"Drop the last {last!r}, or pass cr.{advised!r}"
    assert cr.Network([cr.Dense(2), last], advised).objective.fused


def test_a_categorical_focal_loss_after_a_sigmoid_is_told_its_binary_one() -> None:
    with pytest.raises(InputError, match=r"cr\.BinaryFocalCrossEntropy\(\)"):
        cr.Network([cr.Dense(2), cr.Sigmoid()], cr.CategoricalFocalCrossEntropy())


@pytest.mark.parametrize(
    ("last", "loss", "fused"),
    [
        (cr.Softmax(), cr.CategoricalCrossEntropy(0.1), cr.SoftmaxCrossEntropy(0.1)),
        (cr.Sigmoid(), cr.BinaryCrossEntropy(label_smoothing=0.3), cr.SigmoidBinaryCrossEntropy(0.3)),
        (cr.Softmax(), cr.CategoricalFocalCrossEntropy(1.5, (1, 2)), cr.SoftmaxFocalCrossEntropy(1.5, (1, 2))),
        (cr.Sigmoid(), cr.BinaryFocalCrossEntropy(1.5, 0.2), cr.SigmoidFocalCrossEntropy(1.5, 0.2)),
    ],
    ids=repr,
)
def test_on_logits_a_loss_keeps_its_settings(last: Any, loss: Any, fused: Any) -> None:
    network = cr.Network([cr.Dense(2, inputs=3), last], loss)
    assert repr(network.objective.op) == repr(fused)
    twin = pickle.loads(pickle.dumps(network))
    assert repr(twin.objective.op) == repr(fused)
    y = np.eye(2)[np.arange(24) % 2]
    assert cr.evaluate(network, X, y)["loss"] == pytest.approx(float(loss.forward(cr.predict(network, X), y)), rel=1e-6)


@pytest.mark.parametrize(
    ("end", "name", "loss"),
    [
        ([cr.Softmax()], "focal_loss", cr.CategoricalFocalCrossEntropy),
        ([cr.Sigmoid()], "FocalLoss", cr.BinaryFocalCrossEntropy),
        ([], "focal", cr.SoftmaxFocalCrossEntropy),
        ([], "sigmoid_focal_loss", cr.SigmoidFocalCrossEntropy),
        ([], "quantile", cr.PinballLoss),
    ],
    ids=str,
)
def test_other_libraries_names_of_these_losses_are_taken(end: Any, name: str, loss: Any) -> None:
    assert type(cr.Network([cr.Dense(3), *end], name).loss) is loss


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_quantiles_of_one_column_are_trained_in_every_engine(engine: str) -> None:
    network = cr.Network([cr.Dense(3)], cr.PinballLoss(), cr.Adam(0.01), engine=engine)
    y = X @ [1.0, 2.0, 3.0]
    history = cr.train(network, X, y, epochs=3, batch_size=8, validation_data=(X, y[:, None]))
    assert cr.predict(network, X).shape == (24, 3)
    assert list(cr.evaluate(network, X, y)) == ["loss"]
    assert cr.evaluate(network, X, y)["loss"] == pytest.approx(min(e.validation_loss for e in history.epochs), rel=1e-6)


@pytest.mark.parametrize(
    "layers", [[cr.Dense(4, inputs=3)], [cr.Dense(4)]], ids=["known at once", "known with the data"]
)
@pytest.mark.parametrize(
    ("end", "loss"),
    [([], cr.PinballLoss((0.1, 0.9))), ([cr.Softmax()], cr.CategoricalFocalCrossEntropy(alpha=(1, 2)))],
    ids=["quantiles", "classes"],
)
def test_a_loss_of_two_columns_is_refused_four_outputs(layers: list[Any], end: list[Any], loss: Any) -> None:
    with pytest.raises(ShapeError, match=r"got 4 outputs for .* expected 2 outputs\. Build the last layer with 2"):
        cr.Network([*(layer.copy() for layer in layers), *end], loss).build(3)


@pytest.mark.parametrize("columns", [2, 3])
def test_several_columns_of_targets_are_refused_by_quantiles(columns: int) -> None:
    network = cr.Network([cr.Dense(3)], cr.PinballLoss())
    with pytest.raises(ShapeError, match=r"\(24, 1\), which PinballLoss\(\) compares .* y\[:, :1\]") as told:
        cr.train(network, X, X[:, :columns])
    assert told.value.cause == "target.shape"


def test_metrics_of_each_output_are_refused_for_quantiles() -> None:
    network = cr.Network([cr.Dense(3)], cr.PinballLoss())
    with pytest.raises(ShapeError, match="a target for each output"):
        cr.evaluate(network, X, YES, metrics="r2")


@pytest.mark.parametrize(
    ("last", "loss"), [(cr.Softmax, CATEGORICAL), (cr.Softmax, BINARY), *product((cr.Softmax, cr.LogSoftmax), OTHERS)]
)
@pytest.mark.parametrize("inputs", [None, 3])
def test_a_softmax_over_one_output_is_refused_with_any_loss(inputs: Any, last: Any, loss: Any) -> None:
    for end in ([last()], [last(), cr.Identity()], [cr.Network([last()], cr.MeanSquaredError())]):
        layers = [cr.Dense(1, inputs=inputs), *end]
        if loss is None and not inputs:  # it may become a layer of another network, which has an objective of its own
            network = cr.Network(layers)
            with pytest.raises(InputError) as told:
                network.build(3)
        else:
            with pytest.raises(InputError) as told:
                cr.Network(layers, loss and loss())
        assert told.value.cause == "head.softmax_of_one"


TWO_SOFTMAXES: dict[str, Layers] = {
    "in a row": lambda: [cr.Softmax(), cr.Softmax()],
    "a logarithm second": lambda: [cr.Softmax(), cr.LogSoftmax()],
    "with an identity between": lambda: [cr.Softmax(), cr.Identity(), cr.Dropout(0.1), cr.Softmax()],
    "the first in a network": lambda: [cr.Network([cr.Dense(3), cr.Softmax()]), cr.Softmax()],
    "the second in a network": lambda: [cr.Softmax(), cr.Network([cr.Softmax(), cr.Dense(2)])],
    "the second in a residual": lambda: [cr.Softmax(), cr.Residual([cr.Softmax()])],
    "both in a residual": lambda: [cr.Residual([cr.Softmax(), cr.Softmax()])],
    "both in a branch": lambda: [cr.Branches([[], [cr.Softmax(), cr.Softmax()]])],
    "the first in branches": lambda: [cr.Branches([[cr.Softmax()], [cr.Softmax()]]), cr.Softmax()],
}


@pytest.mark.parametrize("case", TWO_SOFTMAXES)
def test_a_softmax_after_a_softmax_is_refused(case: str) -> None:
    with pytest.raises(InputError, match="expected one softmax") as told:
        cr.Network([cr.Dense(3), *TWO_SOFTMAXES[case](), cr.Dense(2)], cr.MeanSquaredError())
    assert told.value.cause == "head.softmax_twice"


#: What a network ends in -> the loss that is advised to whoever passes something that is none.
ADVISED: dict[str, tuple[Layers, str]] = {
    "softmax": (lambda: [cr.Softmax()], "cr.CategoricalCrossEntropy()"),
    "sigmoid": (lambda: [cr.Sigmoid()], "cr.BinaryCrossEntropy()"),
    "log softmax": (lambda: [cr.LogSoftmax()], "cr.SoftmaxCrossEntropy()"),
    "softmax in a network": (lambda: [cr.Network([cr.Dense(4), cr.Softmax()])], "cr.CategoricalCrossEntropy()"),
    "sigmoid and an identity": (lambda: [cr.Sigmoid(), cr.Identity()], "cr.BinaryCrossEntropy()"),
    "softmax in a layer": (lambda: [cr.Dense(4, activation="softmax")], "cr.CategoricalCrossEntropy()"),
    "tanh": (lambda: [cr.Tanh()], "cr.MeanSquaredError()"),
    "linear": (list, "cr.MeanSquaredError()"),
}


@pytest.mark.parametrize("wrong", [42, max, "crossentropyy loss", cr.BinaryCrossEntropy, Matmul()])
@pytest.mark.parametrize("end", ADVISED)
def test_a_loss_is_advised_only_if_it_suits_the_last_layer(end: str, wrong: Any) -> None:
    layers, advised = ADVISED[end]
    with pytest.raises(InputError) as told:
        cr.Network([cr.Dense(4, inputs=3), *layers()], wrong)
    assert advised in str(told.value)
    for other in {advised for _, advised in ADVISED.values()} - {advised}:
        assert other not in str(told.value)
    cr.Network([cr.Dense(4, inputs=3), *layers()], eval(advised))


@pytest.mark.parametrize("loss", [SOFTMAX_LOGITS, SIGMOID_LOGITS])
@pytest.mark.parametrize(("last", "advised"), [(cr.Softmax, CATEGORICAL), (cr.Sigmoid, BINARY)])
def test_logits_after_probabilities_are_told_the_loss_of_those(last: Any, advised: Any, loss: Any) -> None:
    with pytest.raises(InputError, match=rf"or pass cr\.{advised.__name__}\(\)\.$"):
        cr.Network([cr.Dense(4, inputs=3), last()], loss())


#: Layers, loss and names of classes -> what the network's outputs answer.
TASKS: dict[str, tuple[Layers, Any, Any, str]] = {
    "linear": (lambda: [cr.Dense(2)], None, None, "regression"),
    "tanh": (lambda: [cr.Dense(1), cr.Tanh()], None, None, "regression"),
    "tanh with names": (lambda: [cr.Dense(1), cr.Tanh()], None, ["no", "yes"], "binary"),
    "linear with names": (lambda: [cr.Dense(3)], None, ["a", "b", "c"], "multiclass"),
    "softmax": (lambda: [cr.Dense(3), cr.Softmax()], None, None, "multiclass"),
    "softmax, squared": (lambda: [cr.Dense(3), cr.Softmax()], cr.MeanSquaredError, None, "multiclass"),
    "log softmax": (lambda: [cr.Dense(3), cr.LogSoftmax()], None, None, "multiclass"),
    "logits": (lambda: [cr.Dense(3)], SOFTMAX_LOGITS, None, "multiclass"),
    "softmax in a network": (lambda: [cr.Network([cr.Dense(3), cr.Softmax()])], None, None, "multiclass"),
    "sigmoid": (lambda: [cr.Dense(1), cr.Sigmoid()], None, None, "binary"),
    "sigmoid, squared": (lambda: [cr.Dense(1), cr.Sigmoid()], cr.MeanSquaredError, None, "binary"),
    "a logit": (lambda: [cr.Dense(1)], SIGMOID_LOGITS, None, "binary"),
    "sigmoids": (lambda: [cr.Dense(3), cr.Sigmoid()], None, None, "multilabel"),
    "sigmoids in a network": (lambda: [cr.Network([cr.Dense(3), cr.Sigmoid()])], None, None, "multilabel"),
    "sigmoids in a layer": (lambda: [cr.Dense(3, activation="sigmoid")], None, None, "multilabel"),
    "softmax in a layer": (lambda: [cr.Dense(3, activation="softmax")], None, None, "multiclass"),
    "sigmoids and a name": (lambda: [cr.Dense(3, activation="sigmoid")], lambda: "bce", None, "multilabel"),
    "sigmoids with names": (lambda: [cr.Dense(3), cr.Sigmoid()], BINARY, ["a", "b", "c"], "multilabel"),
    "several logits": (lambda: [cr.Dense(3)], SIGMOID_LOGITS, None, "multilabel"),
    "sigmoids, squared": (lambda: [cr.Dense(3), cr.Sigmoid()], cr.MeanSquaredError, None, "regression"),
    "sigmoids, squared, names": (lambda: [cr.Dense(2), cr.Sigmoid()], cr.MeanSquaredError, "ab", "multiclass"),
}


@pytest.mark.parametrize("case", TASKS)
def test_a_network_knows_its_task(case: str) -> None:
    layers, loss, names, task = TASKS[case]
    network = cr.Network(layers(), loss and loss(), classes=None if names is None else list(names), inputs=4)
    assert network.task == task
    assert network.copy().task == task


def test_a_softmax_over_one_output_may_stand_inside_a_network() -> None:
    assert cr.Network([cr.Dense(3, inputs=4), cr.Network([cr.Dense(1), cr.Softmax()]), cr.Dense(2)]).built


def test_softmaxes_along_two_axes_or_with_weights_between_are_none_in_a_row() -> None:
    cr.Network([cr.Dense(3), cr.Softmax(axis=0), cr.Softmax()])
    cr.Network([cr.Dense(3), cr.Softmax(), cr.Dense(3), cr.Softmax()])
    cr.Network([cr.Dense(3), cr.Softmax(), cr.Tanh(), cr.Softmax()])


def trained(layers: list[Any], y: Any, loss: Any = None, **settings: Any) -> list[TrainingWarning]:
    """Return what is warned of in two epochs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        network = cr.Network(layers, loss or cr.MeanSquaredError(), cr.SGD(1e-9))
        cr.train(network, X, y, epochs=2, batch_size=8, **settings)
    assert all(entry.filename == __file__ for entry in caught)
    return [entry.message for entry in caught if isinstance(entry.message, TrainingWarning)]


WARNED: dict[str, tuple[Layers, Any, str]] = {
    "100 under a sigmoid": (lambda: [cr.Sigmoid()], YES * 100, "from 0 to 1"),
    "-1 under a sigmoid": (lambda: [cr.Sigmoid()], YES * 2 - 1, "from 0 to 1"),
    "-1 under a softmax": (lambda: [cr.Dense(2), cr.Softmax()], np.hstack([YES, -YES]), "from 0 to 1"),
    "-1 under a relu": (lambda: [cr.ReLU()], -YES, "from 0 on"),
    "-1 under a softplus": (lambda: [cr.Softplus()], -YES, "from 0 on"),
    "-3 under an elu": (lambda: [cr.ELU()], -3 * YES, "from -1 on"),
    "2 under a tanh": (lambda: [cr.Tanh()], 2 * YES, "from -1 to 1"),
    "1 under a log softmax": (lambda: [cr.Dense(2), cr.LogSoftmax()], np.hstack([YES, -YES]), "up to 0"),
    "30 under a scaled tanh": (lambda: [cr.Tanh(), cr.Rescale(20, -0.5)], YES * 35, "from -10 to 30"),
    "no under a relu before a sigmoid": (lambda: [cr.ReLU(), cr.Sigmoid()], YES, "from 0.5 to 1"),
    "100 in a network": (lambda: [cr.Network([cr.Dense(1), cr.Sigmoid()])], YES * 100, "from 0 to 1"),
    "a mean of 31": (list, YES + 31, "a mean of up to"),
    "a mean of -31": (list, YES - 32, "a mean of up to"),
    "a spread of 31": (list, (YES - 0.5) * 64, "deviation of up to 3[12]"),
    "one column of two": (lambda: [cr.Dense(2)], np.hstack([YES, YES + 100]), "a mean of up to 10"),
    "100 under a relu": (lambda: [cr.ReLU()], YES + 100, "a mean of up to 10"),
}

SILENT: dict[str, tuple[Layers, Any]] = {
    "a sigmoid with squared error": (lambda: [cr.Sigmoid()], YES),
    "a tanh with 0 and 1": (lambda: [cr.Tanh()], YES),
    "a tanh with -1 and 1": (lambda: [cr.Tanh()], YES * 2 - 1),
    "a relu with 0 and 5": (lambda: [cr.ReLU()], YES * 5),
    "a linear end with 20": (list, YES * 20),
    "a linear end, scaled back": (lambda: [cr.Rescale(300.0, -1.0)], YES * 600),
    "a sum that goes beyond 1": (lambda: [cr.Residual([cr.Tanh()])], YES * 3),
    "nobody knows": (lambda: [cr.Activation(lambda z: 100 * z, lambda z: 100 + 0 * z)], YES * 100),
}


@pytest.mark.parametrize(
    "loss", [cr.MeanSquaredError, cr.SquaredError, cr.HalfSquaredError, cr.MeanAbsoluteError, cr.Huber]
)
@pytest.mark.parametrize("case", WARNED)
def test_targets_that_the_last_layer_hardly_gives_are_warned_of_once(case: str, loss: Any) -> None:
    layers, y, words = WARNED[case]
    (told,) = trained([cr.Dense(1), *layers()], y, loss())
    assert told.cause == ("target.scale" if "up to" in words and "up to 0" not in words else "target.range")
    with pytest.raises(TrainingWarning, match=words):
        raise told


@pytest.mark.parametrize("case", SILENT)
def test_targets_that_can_be_given_are_not_warned_of(case: str) -> None:
    layers, y = SILENT[case]
    assert trained([cr.Dense(1), *layers()], y) == []


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_every_engine_warns(engine: str) -> None:
    network = cr.Network([cr.Dense(1), cr.Sigmoid()], cr.MeanSquaredError(), engine=engine)
    with pytest.warns(TrainingWarning, match="from 0 to 1"):
        cr.train(network, X, YES * 100, epochs=1)


def test_batches_from_an_iterable_warn_once() -> None:
    network = cr.Network([cr.Dense(1), cr.Sigmoid()], cr.MeanSquaredError())
    with pytest.warns(TrainingWarning) as caught:
        cr.train(network, [(X, 9 * YES), (X, 9 * YES)], epochs=3)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_the_advice_of_the_warning_works() -> None:
    y = 1000 + 300 * X[:, :1].astype(np.float64)
    with pytest.warns(TrainingWarning, match=r"Put cr\.Unscale\.standard\(y\) last"):
        cr.train(cr.Network([cr.Dense(1)]), X, y, epochs=1)
    network = cr.Network([cr.Dense(1), cr.Unscale.standard(y)], optimizer=cr.SGD(0.1))
    cr.train(network, X, y, epochs=200)
    np.testing.assert_allclose(cr.predict(network, X), y, atol=3)


def test_targets_that_do_not_count_are_not_warned_of() -> None:
    y, weight = YES.copy(), np.ones(24)
    y[3], weight[3] = -999, 0
    assert trained([cr.Dense(1), cr.Sigmoid()], y, sample_weight=weight) == []
    assert len(trained([cr.Dense(1), cr.Sigmoid()], y)) == 1


def test_the_ranges_of_the_ops_are_true() -> None:
    """Every op's values on its cases, and far out, lie in its range, and come near its ends."""
    checked = set()
    for op in [case.op for case in CASES]:
        reach, name = op.range_of(None), op.name
        if reach is None or len(op.roles) != 1 or op.hands_on or getattr(op, "axis", -1) != -1:
            continue
        far = np.linspace(-400, 400, 80001)
        z = np.abs(far) if isinstance(op, (Log, Sqrt)) else far
        value = op.forward(z.reshape(-1, 1)) if not hasattr(op, "axis") else op.forward(np.stack([z, -z], axis=1))
        lowest, highest = reach
        assert value.min() >= lowest, name
        assert value.max() <= highest, name
        assert value.min() == pytest.approx(lowest, abs=0.02) if lowest > -np.inf else value.min() < -3, name
        assert value.max() == pytest.approx(highest, abs=0.02) if highest < np.inf else value.max() > 3, name
        if op.increasing:
            assert (np.diff(value[:, 0]) >= 0).all(), name
        checked.add(name)
    assert {"tanh", "sigmoid", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "softmax"} <= checked


def test_every_activation_names_its_range() -> None:
    """An op with one role z is a layer, and may be the last one."""
    unknown = {kind.name for kind in all_ops().values() if kind.roles == ("z",) and kind is not cr.Activation}
    for kind in all_ops().values():
        if kind.name in unknown and (kind.hands_on or kind().range_of(None) is not None):
            unknown.discard(kind.name)
    assert unknown == set(), "Give it a line output_range = (lowest, highest)"


def test_nothing_is_known_of_another_forward() -> None:
    class Steep(cr.Sigmoid):
        def forward(self, z: Any) -> Any:
            return 200 * z

    class Bounded(cr.Dense):
        def forward(self, x: cr.Node) -> cr.Node:
            return cr.sigmoid(z=super().forward(x))

    assert Steep().range_of((0.0, 1.0)) is None
    cr.Network([Bounded(2, inputs=3)], cr.BinaryCrossEntropy())
    assert trained([cr.Dense(1), Steep()], YES * 100) == []
