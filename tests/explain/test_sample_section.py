"""Which sample is explained, and what is said of it: the largest loss, plain words, pictures, dropout, ∇C."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain.document import templates
from chainrule.explain.subjects import network_and_samples

XOR = cr.data.xor()
_random = np.random.default_rng(1)
X = _random.normal(size=(7, 3))


def told(of: Any, x: Any, y: Any, **options: Any) -> Any:
    return json.loads(str(cr.explain(of, x, y, format="json", **options)))


def text(of: Any, x: Any, y: Any, **options: Any) -> str:
    return " ".join(str(cr.explain(of, x, y, **options)).split())


def classifier(*layers: Any, **settings: Any) -> Any:
    return cr.Network([cr.Dense(4, "tanh"), *layers], inputs=3, seed=4, **settings)


CASES: dict[str, Any] = {
    "classes": (lambda: classifier(cr.Dense(3), cr.Softmax(), classes=["cat", "dog", "owl"]), [0, 1, 2, 0, 1, 2, 0]),
    "yes or no": (lambda: classifier(cr.Dense(1), cr.Sigmoid()), [0, 1, 1, 0, 1, 0, 0]),
    "amounts": (lambda: classifier(cr.Dense(2)), _random.normal(size=(7, 2))),
    "labels": (
        lambda: classifier(cr.Dense(3), cr.Sigmoid(), classes=["a", "b", "c"]),
        np.eye(3)[[0, 1, 2, 0, 1, 2, 0]],
    ),
    "thinned": (lambda: classifier(cr.Dropout(0.5), cr.Dense(1)), _random.normal(size=(7, 1))),
    "unscaled": (lambda: classifier(cr.Dense(1), cr.Unscale(100.0, 500.0)), 500 + 100 * _random.normal(size=(7, 1))),
}


@pytest.mark.parametrize("engine", ["replay", "dynamic"])
@pytest.mark.parametrize("name", CASES)
def test_the_sample_shown_is_the_one_with_the_largest_loss(name: str, engine: str) -> None:
    make, y = CASES[name]
    network = make().copy(engine=engine)
    losses = [cr.evaluate(network, X[i : i + 1], y[i : i + 1])["loss"] for i in range(len(X))]
    found = told(network, X, y)
    assert found["sample"] == int(np.argmax(losses))
    assert found["worst"] == {
        "sample": found["sample"],
        "loss": pytest.approx(max(losses), rel=1e-5),
        "among": 7,
        "every": True,
        "alike": 1,
    }
    assert found["cost"] == pytest.approx(max(losses), rel=1e-5)
    assert f"for sample {found['sample']}: of 7 samples it is the one with the largest loss" in text(network, X, y)


def test_heads_count_as_much_as_they_weigh() -> None:
    y = {"price": _random.normal(size=(7, 1)), "kind": [0, 1, 2, 0, 1, 2, 0]}
    for weights in ({"kind": 0.01}, {"kind": 100.0}):
        heads = cr.Heads({"price": [cr.Dense(1)], "kind": [cr.Dense(3), cr.Softmax()]})
        network = classifier(heads, loss_weights=weights)
        pick = [{key: value[i : i + 1] for key, value in y.items()} for i in range(7)]
        losses = [cr.evaluate(network, X[i : i + 1], one)["loss"] for i, one in enumerate(pick)]
        assert told(network, X, y)["sample"] == int(np.argmax(losses))


def test_xor_is_not_explained_by_the_sample_that_teaches_nothing() -> None:
    network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()], loss=cr.MeanSquaredError())
    assert told(network, *XOR)["sample"] != 0
    assert told(network, *XOR, sample=0)["sample"] == 0
    assert "worst" not in told(network, *XOR, sample=0)
    assert told(network, *XOR, sample=-1)["sample"] == 3


@pytest.mark.parametrize("sample", ["best", 4, -5, 1.0, True])
def test_a_sample_that_is_not_there_is_refused(sample: Any) -> None:
    with pytest.raises(cr.ChainruleError, match="explain"):
        cr.explain(cr.Network([cr.Dense(1, inputs=2)]), *XOR, sample=sample)


def test_among_very_many_samples_the_first_are_looked_at() -> None:
    network = cr.Network([cr.Dense(1, inputs=1)], seed=0)
    x = np.zeros((10_001, 1))
    x[10_000] = 1e3
    found = told(network, x, np.zeros((10_001, 1)))
    assert found["worst"]["among"] == 10_000
    assert not found["worst"]["every"]
    assert "of the first 10,000 samples" in text(network, x, np.zeros((10_001, 1)))


def set_output(network: Any, values: Any) -> Any:
    """Let a network say the same of every sample."""
    network.parameters[:] = 0
    network.leaves["dense_2.bias"].array[...] = values
    return network


@pytest.mark.parametrize(
    ("name", "outputs", "y", "said"),
    [
        ("classes", [0, 5, 0], [1], "It says dog; the truth is dog; it is 98.7 % sure."),
        ("classes", [0, 5, 0], [2], "It says dog; the truth is owl; it is 98.7 % sure, and wrong."),
        ("yes or no", [6], [1], "It says 1; the truth is 1; it is 99.8 % sure."),
        ("yes or no", [-6], [1], "It says 0; the truth is 1; it is 99.8 % sure, and wrong."),
        ("yes or no", [15], [1], "It says 1; the truth is 1; it is 99.99996 % sure."),
        ("amounts", [3.21, 1], [[3.0, 1.5]], "It says 3.21, 1; the truth is 3, 1.5; off by 0.21, 0.5."),
        ("thinned", [3.21], [[3.0]], "It says 3.21; the truth is 3: off by 0.21."),
        ("unscaled", [1.0], [[650.0]], "It says 600; the truth is 650: off by 50."),
        (
            *("labels", [5, 5, -3], [[1, 1, 0]]),
            "It says a, b; the truth is a, b; of the label that it is least sure of it is 95.3 % sure.",
        ),
        ("labels", [5, -5, -3], [[1, 1, 0]], "It says a; the truth is a, b: not all of that is right."),
        ("labels", [-5, -5, -3], [[0, 0, 0]], "It says no label; the truth is no label;"),
    ],
)
def test_what_it_says_is_said_in_plain_words(name: str, outputs: Any, y: Any, said: str) -> None:
    make, _ = CASES[name]
    network = set_output(make(), outputs)
    assert said.replace("; off by", ": off by") in text(network, X[:1], y)
    assert told(network, X[:1], y)["says"][0].startswith(said.replace("; off by", ": off by"))


def test_of_a_batch_the_right_answers_are_counted() -> None:
    make, y = CASES["classes"]
    network = make()
    right = int((cr.classify(network, X) == y).sum())
    assert f"It is right for {right} of 7 answers." in text(network, X, y, sample=None)
    make, y = CASES["amounts"]
    network = make()
    off = np.abs(cr.predict(network, X) - y)
    assert f"It says 14 numbers: off by {off.mean():.4g} on average" in text(network, X, y, sample=None)


def test_a_prediction_that_is_no_number_is_said_to_be_none() -> None:
    make, y = CASES["amounts"]
    network = make()
    network.parameters[:] = np.nan
    assert "It says NaN: nothing can be learnt from that." in text(network, X, y, sample=0)


def test_dropout_is_off_unless_it_is_asked_for() -> None:
    make, y = CASES["thinned"]
    network = make()
    off, on = told(network, X, y, sample=2), told(network, X, y, sample=2, dropout=True)
    assert (off["dropout"], on["dropout"]) == (False, True)
    assert off["cost"] == pytest.approx(cr.evaluate(network, X[2:3], y[2:3])["loss"], rel=1e-6)
    assert {"dropout_1"} == {node["name"] for node in on["nodes"]} - {n["name"] for n in off["nodes"]} - {
        "dropout_1.mask"
    }
    assert "Dropout is off here" in text(network, X, y)
    assert "Dropout is on here" in text(network, X, y, dropout=True)
    assert "ropout is o" not in text(CASES["amounts"][0](), X, CASES["amounts"][1])
    assert all(proof["error"] < 1e-6 for proof in off["proof"])


def test_a_recipe_without_dropout_says_nothing_of_it() -> None:
    network, x, y = network_and_samples("explain", "xor")
    assert "dropout" not in told(network, x, y)


def test_without_dropout_the_step_is_that_of_the_same_network_without_the_layer() -> None:
    make, y = CASES["thinned"]
    network = make()
    plain = classifier(cr.Dense(1))
    plain.parameters[:] = network.parameters
    found, expected = (
        {
            node["name"]: node.get("after")
            for node in told(of.copy(optimizer=cr.SGD(0.1, momentum=0.9), l2=0.1), X, y)["nodes"]
        }
        for of in (network, plain)
    )
    for name in ("dense_1.weights", "dense_1.bias", "dense_2.weights", "dense_2.bias"):
        assert np.allclose(found[name], expected[name], rtol=1e-6)


def test_the_gradient_is_one_vector() -> None:
    make, y = CASES["classes"]
    network = make()
    found = told(network, X, y, sample=3)["gradient"]
    network.compute_loss(X[3:4], y[3:4])
    network.backward()
    gradient = network.gradients
    assert found["entries"] == gradient.size == 31
    assert found["length"] == pytest.approx(float(np.linalg.norm(gradient)), rel=1e-6)
    assert found["zeros"] == int((gradient == 0).sum())
    largest = sorted(np.abs(gradient), reverse=True)[:8]
    assert [abs(entry["derivative"]) for entry in found["largest"]] == pytest.approx(largest)
    first = found["largest"][0]
    assert network[first["node"]].grad[tuple(first["index"])] == pytest.approx(first["derivative"])
    assert f"31 entries, {found['zeros']} of them 0, length {found['length']:.4g}." in text(network, X, y, sample=3)


def pictures(*shape: int) -> Any:
    x = np.zeros((2, *shape), np.float32)
    x.reshape(2, -1)[:, 20:30] = 0.5
    x.reshape(2, -1)[:, 30] = 1
    return x


@pytest.mark.parametrize("shape", [(64,), (8, 8), (8, 8, 1), (9, 12), (8, 8, 3)])
def test_a_picture_is_shown_as_one_and_its_zeros_are_not_written_out(shape: tuple[int, ...]) -> None:
    x = pictures(*shape)
    network = cr.Network([cr.Flatten(), cr.Dense(3), cr.Softmax()], inputs=shape, seed=0)
    page = str(cr.explain(network, x, [0, 1], sample=0, format="html"))
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    file = base64.b64decode(data)
    width, height, depth, colour = struct.unpack(">IIBB", file[16:26])
    side = (8, 8) if shape == (64,) else shape[:2]
    assert (height, width, depth, colour) == (*side, 8, 2 if shape[2:] == (3,) else 0)
    packed = file[41 : 41 + struct.unpack(">I", file[33:37])[0]]
    rows = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, -1)[:, 1:]
    assert np.array_equal(rows.reshape(-1), np.rint(255 * x[0].reshape(-1)))
    assert 'alt="The sample, a picture of' in page
    lines = str(cr.explain(network, x, [0, 1], sample=0)).splitlines()
    assert sum(line.strip(" ░▒▓█") == "" != line.strip() for line in lines[:30]) >= 1
    assert "[ 0  0  0  …" not in "\n".join(lines).split("Backward")[0]


def test_a_table_of_64_columns_that_have_names_is_no_picture() -> None:
    network = cr.Network([cr.Dense(1)], inputs=64, seed=0)
    assert "pixels" in text(network, pictures(64), [1.0, 2.0])
    network.note_columns(tuple(f"c{i}" for i in range(64)))
    assert "pixels" not in text(network, pictures(64), [1.0, 2.0])


def test_a_sample_of_a_few_numbers_is_no_picture() -> None:
    assert "pixels" not in text(cr.Network([cr.Dense(1, inputs=2)]), *XOR)


def test_no_label_is_said_in_words() -> None:
    net = cr.Network([cr.Dense(2, inputs=2), cr.Sigmoid()], loss="binary_crossentropy")
    net.parameters[:] = -1
    x, y = np.ones((1, 2)), np.array([[0.0, 1.0]])
    assert "It says no label; the truth is 1:" in str(cr.explain(net, x, y))
    assert "שום תווית" in str(cr.explain(net, x, y, language="he"))


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_sample_of_a_table_is_shown_by_its_columns(language: str) -> None:
    net = cr.Network([cr.Dense(2), cr.Tanh(), cr.Dense(1)], inputs=3)
    x, y = np.array([[1.5, 20.0, -0.25], [0.0, 0.0, 0.0]]), np.ones((2, 1))
    told = {"language": language, "sample": 0}
    assert "width" not in str(cr.explain(net, x, y, **told))
    net.note_columns(("width", "height", "weight"))  # as a training on a table does
    for settings in ({}, {"element": "dense_1.weights[0,1]"}):
        lines = [line.split() for line in str(cr.explain(net, x, y, **told, **settings)).splitlines()]
        for row in (["x[0]", "width", "1.5"], ["x[1]", "height", "20"], ["x[2]", "weight", "-0.25"]):
            assert row in lines
    assert "width" not in str(cr.explain(net, x, y, sample=None))
    wide = cr.Network([cr.Dense(1)], inputs=30)
    wide.note_columns(tuple(f"column {i}" for i in range(30)))
    text = str(cr.explain(wide, np.ones((1, 30)), np.ones((1, 1))))
    assert "column 23" in text
    assert "column 24" not in text
    assert "And 6 more columns." in text


@pytest.mark.parametrize("language", ["en", "he"])
def test_of_several_samples_with_the_largest_loss_it_is_said_to_be_the_first(language: str) -> None:
    network = cr.Network([cr.Dense(2), cr.Tanh(), cr.Dense(1)], inputs=2)
    x, y = np.zeros((4, 2)), np.array([[0.0], [1.0], [1.0], [1.0]])
    assert told(network, x, y)["worst"]["alike"] == 3
    sentence = templates(language)["sample_alike"].format(alike=3)
    assert sentence in " ".join(str(cr.explain(network, x, y, language=language)).split())
    y[2] = 2.0
    assert told(network, x, y)["worst"]["alike"] == 1
    assert sentence not in " ".join(str(cr.explain(network, x, y, language=language)).split())
    network.parameters[:] = np.nan
    assert told(network, x, y)["worst"]["alike"] == 4


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "json"])
def test_a_class_with_a_very_long_name_is_abridged(form: str) -> None:
    network = cr.Network([cr.Dense(2), cr.Softmax()], inputs=2, classes=["n" * 500, "b"])
    text = str(cr.explain(network, np.ones((2, 2)), [0, 1], format=form))
    assert "n" * 40 in text.replace("\n", "")
    assert "n" * 80 not in text
