"""Scaling: what is constant stays so, and large offsets are subtracted before the cast, in every way a network runs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.metrics import r2
from tests.referees import needed

RNG = np.random.default_rng(0)
SECONDS = 1.7e9 + RNG.uniform(0, 600, 200)
TIMES = np.stack([SECONDS, RNG.normal(size=200)], axis=1)
Y = np.sin((SECONDS - 1.7e9) / 60)[:, None]


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e9 + 0.1, -7.7, 0.0, 1e-300, 1e30])
@pytest.mark.parametrize("count", [3, 7, 1000])
def test_a_constant_column_is_constant_whatever_rounding_makes_of_its_deviation(value: float, count: int) -> None:
    X = np.stack([np.full(count, value), np.arange(count)], axis=1)
    scaling = cr.Rescale.standard(X)
    assert isinstance(scaling.scale, tuple)
    assert scaling.scale[0] == 1.0
    shifted = (value + 0.5 - np.array(scaling.offset[0])) * scaling.scale[0]
    assert abs(shifted) <= 0.5 + 1e-6 * abs(value)


@pytest.mark.parametrize("spread", [1e-3, 1.0, 600.0])
def test_what_varies_is_scaled_to_a_deviation_of_1(spread: float) -> None:
    column = 1.7e9 + RNG.uniform(0, spread, (500, 1))
    scaling = cr.Rescale.standard(column)
    assert ((column - scaling.offset) * scaling.scale).std() == pytest.approx(1)


@pytest.mark.parametrize(
    ("made", "kind"),
    [(SECONDS, "float64"), (SECONDS.astype(np.int64), "int64"), (SECONDS.astype(np.uint32), "uint32")],
    ids=["float64", "int64", "uint32"],
)
@pytest.mark.parametrize("engine", ["replay", "dynamic", "compiled"])
def test_values_far_from_0_stay_apart(engine: str, made: Any, kind: str) -> None:
    if engine == "compiled":
        needed("numba")
    X = made[:, None]
    scaling = cr.Rescale.standard(X)
    network = cr.Network([scaling, cr.Dense(8), cr.Tanh(), cr.Dense(1)], engine=engine)
    exact = (X.astype(np.float64) - scaling.offset) * scaling.scale
    cr.train(network, X, Y, epochs=2, batch_size=None)
    np.testing.assert_allclose(network["rescale_1"].value, exact, rtol=1e-6, atol=1e-6)
    assert network["rescale_1"].value.dtype == np.float32
    assert len(np.unique(cr.predict(network, X))) == len(np.unique(X))
    assert cr.predict(network, X).dtype == np.float32
    cr.train(network, [(X[:50], Y[:50])], epochs=1)
    assert len(np.unique(network["rescale_1"].value)) == len(np.unique(X[:50]))
    alike = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1)], inputs=1)
    alike.parameters[:] = network.parameters
    scaled = exact.astype(np.float32)
    np.testing.assert_allclose(cr.predict(network, X), cr.predict(alike, scaled), rtol=1e-4, atol=1e-5)
    assert cr.evaluate(network, X, Y)["loss"] == pytest.approx(cr.evaluate(alike, scaled, Y)["loss"], rel=1e-4)


def trained(**settings: Any) -> cr.Network:
    network = cr.Network([cr.Rescale.standard(TIMES), cr.Dense(8), cr.Tanh(), cr.Dense(1)], **settings)
    cr.train(network, TIMES, Y, epochs=2, batch_size=32)
    return network


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_copy_a_pickle_and_a_file_scale_alike(dtype: str, tmp_path: Path) -> None:
    network = trained(dtype=dtype)
    cr.save(network, tmp_path / "a.safetensors")
    cr.numpy_page.save(network, tmp_path / "a.py")
    page: dict[str, Any] = {"__file__": str(tmp_path / "a.py")}
    exec((tmp_path / "a.py").read_text(encoding="utf-8"), page)
    expected = cr.predict(network, TIMES)
    for twin in (network.copy(), pickle.loads(pickle.dumps(network)), cr.load(tmp_path / "a.safetensors")):
        assert np.array_equal(cr.predict(twin, TIMES), expected)
    np.testing.assert_allclose(page["predict"](TIMES), expected, atol=1e-5)


def test_onnx_scales_alike(tmp_path: Path) -> None:
    needed("onnx")
    runtime = needed("onnxruntime")
    from chainrule import onnx

    network = trained()
    onnx.save(network, tmp_path / "a.onnx")
    expected = cr.predict(network, TIMES)
    session = runtime.InferenceSession(str(tmp_path / "a.onnx"))
    np.testing.assert_allclose(session.run(None, {"input": TIMES})[0], expected, atol=1e-5)
    np.testing.assert_allclose(cr.predict(onnx.load(tmp_path / "a.onnx"), TIMES), expected, atol=1e-6)


def test_pytorch_gets_no_weights_that_lost_the_offset(tmp_path: Path) -> None:
    with pytest.raises(cr.ChainruleError, match="whose offset float32 weights can't take up"):
        cr.torch.save(trained(), tmp_path / "a.safetensors")


def test_inside_a_network_and_behind_a_flatten_it_is_exact_too() -> None:
    scaling = cr.Rescale.standard(TIMES)
    for layers in ([cr.Network([scaling, cr.Dense(2)])], [cr.Flatten(), scaling.copy(), cr.Dense(2)]):
        network = cr.Network([*layers, cr.Dense(1)])
        assert len(np.unique(cr.predict(network, TIMES))) > 195


def test_near_offsets_leave_everything_in_the_networks_own_dtype() -> None:
    network = cr.Network([cr.Rescale(0.1, 50.0), cr.Dense(1)], inputs=2)
    assert network.as_samples("here", [[1.0, 2.0]]).dtype == np.float32
    assert [leaf for leaf in network.leaves if "offset" in leaf] == ["rescale_1.offset"]
    assert network.cast(np.zeros((1, 2), np.uint8)).dtype == np.uint8


def test_r2_of_a_constant_target_allows_for_rounding() -> None:
    constant = np.full((7, 1), 0.1)
    constant[0] += 1e-17
    assert r2(np.full((7, 1), 0.1, np.float32), constant) == 1.0
    assert r2(np.full((7, 1), 0.1), constant) == 1.0
    assert r2(np.full((7, 1), 0.2), constant) == 0.0
    assert r2(np.full((7, 1), 0.1 + 1e-5), constant) == 0.0
    assert r2(np.zeros((7, 1)), np.zeros((7, 1))) == 1.0
    assert r2(np.full((7, 1), 1e-30), np.zeros((7, 1))) == 0.0
