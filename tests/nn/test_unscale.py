"""Targets of another unit: trained on as if they had mean 0 and deviation 1, and predicted as they are."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import InputError, ShapeError, TrainingWarning, UnknownNameError
from chainrule.nn import Network
from chainrule.ops.scaling import Scaled
from tests.referees import needed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
SHARE = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=60)
SHARE = (SHARE - SHARE.mean()) / SHARE.std()
PRICES = 1e6 + 1e5 * SHARE
UNITS: dict[str, tuple[float, float]] = {  # offset and deviation
    "house prices": (1e6, 1e5),
    "years": (1987.0, 21.0),
    "seconds since 1970": (1.7e9, 1e6),
    "an hour since 1970": (1.7e9, 600.0),
    "an action": (0.0, 1e-34),
    "masses of stars": (2e30, 4e32),
    "what is scaled already": (0.0, 1.0),
}
LOSSES: dict[str, Callable[[], Any]] = {
    "mean squared": cr.MeanSquaredError,
    "squared": cr.SquaredError,
    "half squared": cr.HalfSquaredError,
    "absolute": cr.MeanAbsoluteError,
    "Huber": lambda: cr.Huber(0.5),
    "median": lambda: cr.PinballLoss(0.5),
    "a pair": lambda: cr.Loss(lambda p, t: np.mean((p - t) ** 2), lambda p, t: 2 * (p - t) / p.size),
}
END = cr.Unscale(1e5, 1e6)


def layers(outputs: int = 1, *end: Any) -> list[Any]:
    return [cr.Dense(4, "tanh"), cr.Dense(outputs), *end]


def by_hand(y: Any, end: cr.Unscale) -> Any:
    """Return targets with mean 0 and deviation 1, as whoever has no such layer writes it."""
    return (np.reshape(y, (len(y), -1)) - np.array(end.offset)) / np.array(end.scale)


def alike(y: Any, outputs: int = 1, **settings: Any) -> tuple[Network, Network, cr.Unscale]:
    """Return the network that ends in the layer, one without it, and the layer."""
    end = cr.Unscale.standard(y)
    return Network(layers(outputs, end), **settings), Network(layers(outputs), **settings), end


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("unit", "engine"),
    [*((unit, "replay") for unit in UNITS), ("years", "dynamic"), ("an hour since 1970", "dynamic"),
     ("an hour since 1970", "compiled")],
)  # fmt: skip
def test_it_trains_as_on_targets_that_were_scaled_by_hand_to_the_bit(unit: str, dtype: str, engine: str) -> None:
    if engine == "compiled":
        needed("numba")
    offset, deviation = UNITS[unit]
    y = offset + deviation * SHARE
    network, plain, end = alike(y, dtype=dtype, engine=engine, l2=0.01, optimizer=cr.Adam(0.01, clip_norm=1.0))
    settings: dict[str, Any] = {"epochs": 3, "batch_size": 16, "sample_weight": np.arange(60) % 7}
    history = cr.train(network, X, y, validation_split=0.2, **settings)
    other = cr.train(plain, X, by_hand(y, end), validation_split=0.2, **settings)
    assert np.array_equal(network.parameters, plain.parameters)
    assert [(e.loss, e.validation_loss) for e in history.epochs] == [(e.loss, e.validation_loss) for e in other.epochs]
    assert cr.evaluate(network, X, y)["loss"] == cr.evaluate(plain, X, by_hand(y, end))["loss"]
    expected = cr.predict(plain, X).astype(np.float64) * end.scale + end.offset
    np.testing.assert_allclose(cr.predict(network, X), expected, rtol=2e-7 if dtype == "float32" else 1e-15)
    assert np.abs(cr.predict(network, X) - expected).max() <= 3e-5 * deviation


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_for_quantities_is_that_of_scaled_targets(loss: str) -> None:
    network, plain, end = alike(PRICES, loss=LOSSES[loss]())
    cr.train(network, X, PRICES, epochs=2, batch_size=16)
    cr.train(plain, X, by_hand(PRICES, end), epochs=2, batch_size=16)
    assert np.array_equal(network.parameters, plain.parameters)
    assert network.compute_loss(X, PRICES) == plain.compute_loss(X, by_hand(PRICES, end))
    assert cr.check(Network(layers(1, end), LOSSES[loss](), dtype="float64"), X, PRICES).passed


def test_several_quantiles_share_one_scale() -> None:
    network, plain, end = alike(PRICES, 3, loss=cr.PinballLoss())
    cr.train(network, X, PRICES, epochs=30)
    cr.train(plain, X, by_hand(PRICES, end), epochs=30)
    assert np.array_equal(network.parameters, plain.parameters)
    assert cr.predict(network, X).shape == (60, 3)
    assert cr.evaluate(network, X, PRICES)["loss"] == pytest.approx(
        cr.PinballLoss().forward(cr.predict(network, X), PRICES[:, None]) / end.scale, rel=1e-4
    )


def test_several_targets_have_a_scale_each_and_metrics_are_in_their_own_units() -> None:
    y = np.stack([PRICES, 1.7e9 + SHARE**2, 0.5 + 0 * SHARE], axis=1)
    network, plain, end = alike(y, 3)
    kept: dict[str, Any] = {"epochs": 40, "keep": "last"}
    history = cr.train(network, X, y, metrics=["mae", "r2"], validation_data=(X[:9], y[:9]), **kept)
    cr.train(plain, X, by_hand(y, end), **kept)
    assert np.array_equal(network.parameters, plain.parameters)
    prediction = cr.predict(network, X)
    assert prediction.dtype == np.float64
    figures = cr.evaluate(network, X, y, metrics=["mae", "mse"])
    assert figures["mean_absolute_error"] == pytest.approx(np.abs(prediction - y).mean())
    assert figures["mean_squared_error"] == pytest.approx(np.square(prediction - y).mean())
    own = np.abs(cr.predict(network, X[:9]) - y[:9]).mean()
    assert history.epochs[-1].metrics["validation_mean_absolute_error"] == pytest.approx(own)


@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_heads_may_each_have_a_unit(engine: str) -> None:
    if engine == "compiled":
        needed("numba")
    seconds = 1.7e9 + 600 * SHARE
    ends = [cr.Unscale.standard(PRICES), cr.Unscale.standard(seconds)]

    def made(*last: cr.Unscale) -> Network:
        ends = [[end] for end in last] or [[], []]
        heads = cr.Heads(
            {"price": layers(1, *ends[0]), "time": layers(1, *ends[1]), "kind": [cr.Dense(2), cr.Softmax()]}
        )
        return Network([cr.Dense(4, "tanh"), heads], engine=engine)

    network, plain, kinds = made(*ends), made(), (X[:, 0] > 0).astype(int)
    y = {"price": PRICES, "time": seconds, "kind": kinds}
    scaled = {"price": by_hand(PRICES, ends[0]), "time": by_hand(seconds, ends[1]), "kind": kinds}
    cr.train(network, X, y, epochs=3, batch_size=16)
    cr.train(plain, X, scaled, epochs=3, batch_size=16)
    assert np.array_equal(network.parameters, plain.parameters)
    figures, others = cr.evaluate(network, X, y), cr.evaluate(plain, X, scaled)
    assert all(figures[name] == pytest.approx(others[name], rel=1e-6) for name in others if name.endswith("loss"))
    assert figures["kind_error_rate"] == others["kind_error_rate"]
    found: Any = cr.predict(network, X)
    assert {name: str(array.dtype) for name, array in found.items()} == {
        "price": "float32", "time": "float64", "kind": "float32"}  # fmt: skip
    assert np.array_equal(cr.predict(network.head("time"), X), found["time"])
    assert len(np.unique(found["time"])) == 60  # float32 has multiples of 128 there
    assert cr.check(network, X, y).passed
    assert [head.task for head in network.heads] == ["regression", "regression", "multiclass"]


def test_a_network_that_ends_in_it_may_be_the_last_layer_of_another() -> None:
    end = cr.Unscale.standard(PRICES)
    network, plain = Network([Network(layers(1, end))]), Network([Network(layers())])
    cr.train(network, X, PRICES, epochs=2)
    cr.train(plain, X, by_hand(PRICES, end), epochs=2)
    assert np.array_equal(network.parameters, plain.parameters)


def test_copies_pickles_files_and_repeated_trainings_go_on_alike(tmp_path: Path) -> None:
    network, _, _ = alike(PRICES)
    history = cr.train(network, X, PRICES, epochs=3)
    cr.save(network, tmp_path / "a.safetensors")
    again = cr.train(network.fresh(), X, PRICES, epochs=3)
    assert again.final_loss == history.repeat().final_loss == history.final_loss
    others = [
        network.copy(),
        network.copy(l2=0.0),
        pickle.loads(pickle.dumps(network)),
        cr.load(tmp_path / "a.safetensors"),
    ]
    for other in others:
        assert repr(other.layers) == repr(network.layers)
        assert np.array_equal(cr.predict(other, X), cr.predict(network, X))
    losses = {cr.train(other, X, PRICES, epochs=2).final_loss for other in [network, others[0], *others[2:]]}
    assert len(losses) == 1


def test_a_training_goes_on_from_a_checkpoint_to_the_bit(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    told: dict[str, Any] = {"batch_size": 16, "validation_split": 0.2, "keep": "last"}
    whole, half, rest = (alike(PRICES)[0] for _ in range(3))
    cr.train(whole, X, PRICES, epochs=4, **told)
    cr.train(half, X, PRICES, epochs=2, callbacks=cr.Checkpoint(path), **told)
    cr.train(rest, X, PRICES, epochs=4, resume=path, **told)
    assert np.array_equal(rest.parameters, whole.parameters)
    with pytest.raises(InputError, match="other"):
        cr.train(alike(PRICES)[0], X, PRICES + 1, epochs=4, resume=path, **told)


@pytest.mark.parametrize("unit", ["house prices", "an hour since 1970"])
def test_files_for_elsewhere_answer_in_the_unit_of_the_targets(unit: str, tmp_path: Path) -> None:
    offset, deviation = UNITS[unit]
    y = np.stack([offset + deviation * SHARE, SHARE], axis=1)
    network, _, end = alike(y, 2)
    cr.train(network, X, y, epochs=3)
    expected = cr.predict(network, X)
    cr.numpy_page.save(network, tmp_path / "a.py", training_step=True)
    page: dict[str, Any] = {}
    exec((tmp_path / "a.py").read_text(encoding="utf-8"), page)
    np.testing.assert_allclose(page["predict"](X), expected, rtol=1e-7, atol=1e-5)
    assert page["step"](X, y) == pytest.approx(cr.evaluate(network, X, y)["loss"], rel=1e-5)
    needed("onnx")
    cr.onnx.save(network, tmp_path / "a.onnx")
    back = cr.onnx.load(tmp_path / "a.onnx")
    np.testing.assert_allclose(cr.predict(back, X), expected, rtol=2e-7, atol=1e-5)
    assert back.objective.unscale is not None  # it learns on as before
    runtime = needed("onnxruntime")
    session = runtime.InferenceSession(tmp_path / "a.onnx")
    (answer,) = session.run(None, {"input": X.astype(np.float32)})
    assert answer.dtype == expected.dtype
    assert np.abs(answer - expected).max(axis=0)[0] < 1e-5 * deviation
    if end.exact:
        with pytest.raises(InputError, match=r"Unscale.*cr\.onnx\.save"):
            cr.torch.save(network, tmp_path / "a.safetensors")


def test_a_slope_of_a_prediction_is_the_scale_times_that_before_it() -> None:
    """The chain rule through the layer: ∂y/∂x = scale · ∂z/∂x."""
    network, plain, end = alike(PRICES, dtype="float64")
    for each in (network, plain):
        each.build(3)
    plain.parameters[:] = network.parameters
    slopes = []
    for each in (network, plain):
        x = cr.Input("x", X[:1])
        slopes.append(cr.jacobian(each(x), x))
    np.testing.assert_allclose(slopes[0], end.scale * slopes[1], rtol=1e-12)


def test_the_explanation_says_what_is_scaled() -> None:
    network, _, _ = alike(PRICES)
    cr.train(network, X, PRICES, epochs=1)
    text = str(cr.explain(network, X, PRICES, sample=0))
    assert "y.scaled = (y − 1e+06) / 100000" in text
    assert "ŷ = z⁽²⁾ · 100000 + 1e+06" in text
    assert "with targets scaled the same way" in " ".join(text.split())


def test_the_summary_the_lines_and_the_nodes_say_what_is_scaled(capsys: pytest.CaptureFixture[str]) -> None:
    network, _, _ = alike(PRICES)
    cr.train(network, X, PRICES, epochs=1, verbose=2)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "loss in deviations of the target; predictions and other figures are in its own unit"
    assert second.startswith("epoch 1/1")
    assert "targets in deviations" in network.summary().loss
    assert network["y"].value.dtype == np.float64
    np.testing.assert_allclose(network["y.scaled"].value, by_hand(network["y"].value, END), atol=1e-6)
    with pytest.raises(UnknownNameError, match="'dense_2' before it"):
        network["unscale_1"]


QUANTITIES = "a loss for quantities"
LAST = "as the last of the layers"
REFUSED: dict[str, tuple[Callable[[], object], list[str]]] = {
    "cross-entropy": (lambda: Network([cr.Dense(3), cr.Softmax(), END], "cross_entropy"), [QUANTITIES]),
    "a yes or no": (lambda: Network([cr.Dense(1), cr.Sigmoid(), END], cr.BinaryCrossEntropy()), [QUANTITIES]),
    "logits": (lambda: Network(layers(3, END), cr.SoftmaxCrossEntropy()), [QUANTITIES]),
    "logits of one": (lambda: Network(layers(1, END), cr.SigmoidBinaryCrossEntropy()), [QUANTITIES]),
    "classes in a head": (
        lambda: Network([cr.Heads({"a": layers(1, END), "b": []})], {"a": cr.BinaryCrossEntropy()}),
        ["head 'a'", QUANTITIES],
    ),
    "names of classes": (lambda: Network(layers(2, END), classes=["a", "b"], inputs=3), ["quantities"]),
    "a scale for each quantile": (
        lambda: Network(layers(3, cr.Unscale((1.0, 2.0, 3.0))), cr.PinballLoss()),
        ["one scale", "Unscale.standard"],
    ),
    "before an activation": (lambda: Network([*layers(1, END), cr.ReLU()]), [LAST, "cr.Rescale"]),
    "twice": (lambda: Network(layers(1, END, END)), [LAST]),
    "before heads": (lambda: Network([*layers(1, END), cr.Heads({"a": [], "b": [cr.Dense(1)]})]), [LAST]),
    "in a network before others": (lambda: Network([Network(layers(1, END)), cr.Dense(1)]), [LAST, "layers[:-1]"]),
    "in a residual": (lambda: Network([cr.Residual([cr.Dense(3), END])]), [LAST]),
    "in a branch": (lambda: Network([cr.Branches([[cr.Dense(1), END], []])]), [LAST]),
    "as an activation": (lambda: Network([cr.Dense(1, END)]), [LAST]),
    "a scale of 0": (lambda: cr.Unscale(0), ["above 0"]),
    "a negative scale": (lambda: cr.Unscale((1.0, -1.0)), ["above 0"]),
    "more offsets than scales": (lambda: cr.Unscale((1.0, 2.0), (0.0, 0.0, 0.0)), ["2 scales and 3 offsets"]),
    "words": (lambda: cr.Unscale("a"), ["'a'", "one for each output"]),
    "targets with a gap": (lambda: cr.Unscale.standard([1.0, np.nan]), ["NaN", "targets of the training"]),
    "targets in words": (lambda: cr.Unscale.standard(["a", "b"]), ["finite numbers"]),
    "targets by head": (lambda: cr.Unscale.standard({"price": PRICES}), ["y['price']"]),
    "fewer outputs": (lambda: Network(layers(1, cr.Unscale((1.0, 2.0))), inputs=3), ["1 output", "cr.Dense(2)"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_meaning_is_refused(case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises((InputError, ShapeError)) as told:
        make()
    assert all(word in str(told.value) for word in words)


WARNED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "without it": (lambda: layers(), "target.scale", r"Put cr\.Unscale\.standard\(y\) last"),
    "of another unit": (lambda: layers(1, cr.Unscale(2.0)), "target.scale", r"Put cr\.Unscale\.standard\(y\) in its"),
    "of a much larger unit": (
        lambda: layers(1, cr.Unscale(1e8, 1e6)),
        "target.scale",
        "as little as 0.001",
    ),
    "behind a sigmoid": (lambda: [*layers(), cr.Sigmoid(), END], "target.range", r"Drop the last Sigmoid\(\)"),
}


@pytest.mark.parametrize("case", WARNED)
def test_targets_that_it_does_not_help_with_are_warned_of(case: str) -> None:
    made, cause, fix = WARNED[case]
    with pytest.warns(TrainingWarning, match=fix) as told:
        cr.train(Network(made()), X, PRICES, epochs=1)
    assert [warning.message.cause for warning in told] == [cause]


def test_the_advice_is_followed_in_a_head_too() -> None:
    y = {"price": PRICES, "share": SHARE}
    with pytest.warns(TrainingWarning, match=r"Put cr\.Unscale\.standard\(y\['price'\]\) last"):
        cr.train(Network([cr.Heads({"price": [cr.Dense(1)], "share": [cr.Dense(1)]})]), X, y, epochs=1)
    network = Network([cr.Heads({"price": [cr.Dense(1), cr.Unscale.standard(y["price"])], "share": [cr.Dense(1)]})])
    history = cr.train(network, X, y, epochs=300, batch_size=None)
    assert history.final_loss < 2


def test_the_advice_is_followed_where_a_sample_has_a_row_for_each_time() -> None:
    samples, y = X.reshape(12, 5, 3), PRICES.reshape(12, 5)
    with pytest.warns(TrainingWarning, match=r"Put cr\.Unscale\.standard\(np\.ravel\(y\)\) last"):
        cr.train(Network([cr.Dense(1)]), samples, y, epochs=1)
    network = Network(layers(1, cr.Unscale.standard(np.ravel(y))), optimizer=cr.Adam(0.02))
    assert cr.train(network, samples, y, epochs=200, batch_size=None).final_loss < 0.1


def test_a_bounded_end_is_given_the_range_of_the_targets() -> None:
    low, high = PRICES.min(), PRICES.max()
    network = Network([*layers(), cr.Tanh(), cr.Unscale((high - low) / 2, (high + low) / 2)])
    network.build(3)
    network.parameters[:] *= 100
    answers = cr.predict(network, X)
    assert low * (1 - 1e-6) <= answers.min() < answers.max() <= high * (1 + 1e-6)


def test_a_constant_target_is_met() -> None:
    y = np.full(60, 7e5)
    network = Network(layers(1, cr.Unscale.standard(y)))
    assert cr.Unscale.standard(y).settings() == {"scale": 1.0, "offset": 7e5}
    cr.train(network, X, y, epochs=200, batch_size=None)
    assert np.abs(cr.predict(network, X) - y).max() < 5


def test_the_op_scales_what_its_opposite_takes_back() -> None:
    for end in (cr.Unscale(2.5, -3.0), cr.Unscale((2.0, 0.5), (1e9, -1.0))):
        back = Scaled(end.scale, end.offset, "float64").forward(end.forward(X[:, :2]))
        np.testing.assert_allclose(back, X[:, :2], atol=1e-6)
    assert Scaled(2.0, 1.0, "float32").backward(np.ones(1), np.ones(1), np.ones(1)) == {}


def test_a_new_head_leaves_it_behind() -> None:
    network = Network(layers(1, END), inputs=3)
    assert network.replace_head(cr.Dense(1), cr.Sigmoid()).objective.unscale is None
