"""A network that prepares tables: its ONNX file takes the columns, computes the same elsewhere, and comes back."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FileError, InputError, InputWarning
from tests.onnx import elsewhere, forge
from tests.referees import needed

NUMBER, WORD = cr.data.NumberColumn, cr.data.CategoryColumn
GAP = float("nan")
SIZES = [1.0, 2.5, GAP, 3.0, GAP]
KINDS = ["rose", "", "tulip", "fern", "rose"]
TABLES: dict[str, tuple[list[Any], dict[str, list[Any]]]] = {
    "a number and words": ([NUMBER("size", fill=2.0), WORD("kind", ["rose", "tulip"], fill="tulip", other="rose")],
        {"size": SIZES, "kind": KINDS}),
    "a flag": ([WORD("kind", ["rose", "tulip", "(missing)"], fill="(missing)"), NUMBER("size", fill=0.1, flag=True)],
        {"size": SIZES, "kind": KINDS}),
    "words alone": ([WORD("output", ["fern", "rose"], fill="fern")], {"output": KINDS}),
    "gaps of numbers": ([NUMBER("size", fill=2.0), NUMBER("weight", fill=-1.0)],
        {"size": SIZES, "weight": [GAP, 0.0, 1.0, 2.0, GAP]}),
    "flags of numbers": ([NUMBER("size", fill=2.0, flag=True), NUMBER("weight"), NUMBER("age", fill=1.0, flag=True)],
        {"size": SIZES, "weight": [3.0, 0.0, 1.0, 2.0, 5.0], "age": [GAP, 0.0, 1.0, 2.0, GAP]}),
    "numbers without gaps": (["size", "weight"], {"size": [1.0, 2.0, 3.0], "weight": [4.0, 5.0, 6.0]}),
    "odd names": ([NUMBER("a = b\n", fill=2.0), WORD("größe 牛", ["ß", "b c"])],
        {"a = b\n": [1.0, GAP, 2.0], "größe 牛": ["ß", "b c", "ß"]}),
    "truths": ([WORD("member", ["False", "True"])], {"member": ["True", "true", "FALSE"]}),
    "one column": ([NUMBER("size", fill=2.0, flag=True)], {"size": SIZES}),
}  # fmt: skip


def of_table(name: str, **told: Any) -> tuple[cr.Network, dict[str, list[Any]]]:
    """Return a network that prepares such a table, and one."""
    columns, table = TABLES[name]
    preparation = cr.data.Preparation(columns, target="price", index="id", ignored=["note"], decimal=",")
    features = len(preparation.feature_names)
    layers = [
        cr.Rescale((0.5,) * features, (1.0,) * features),
        cr.Dense(4, inputs=features),
        cr.Tanh(),
        cr.Dense(1, inputs=4),
    ]
    network = cr.Network(layers, preparation=preparation, seed=1, **told)
    predicted(network, table)
    return network, table


def predicted(network: cr.Network, table: Any) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # of words that the training had not
        return cr.predict(network, table)


def fed(session: Any, table: dict[str, list[Any]]) -> dict[str, np.ndarray]:
    """Return a table as the inputs of a file."""
    dtypes = {"tensor(string)": object, "tensor(float)": np.float32, "tensor(double)": np.float64}
    given = session.get_inputs()
    if [value.name for value in given] == ["input"]:
        return {"input": np.array([*table.values()], dtypes[given[0].type]).T}
    return {value.name: np.array(table[value.name], dtypes[value.type])[:, None] for value in given}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", TABLES)
def test_a_file_takes_the_columns_and_brings_their_preparation_back(
    onnx: ModuleType, onnxruntime: ModuleType, tmp_path: Path, name: str, dtype: str
) -> None:
    network, table = of_table(name, dtype=dtype)
    cr.onnx.save(network, tmp_path / "a.onnx")
    onnx.checker.check_model(onnx.load(tmp_path / "a.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "a.onnx")
    (there,) = session.run(None, fed(session, table))
    np.testing.assert_allclose(there, predicted(network, table), rtol=1e-5, atol=1e-7)
    back = cr.onnx.load(tmp_path / "a.onnx")
    assert predicted(back, table).tobytes() == predicted(network, table).tobytes()
    assert repr(back.preparation) == repr(network.preparation)
    assert repr(back.layers) == repr(network.layers)


def test_only_numbers_are_a_matrix_whose_columns_the_metadata_names(onnx: ModuleType, tmp_path: Path) -> None:
    def taken(name: str, **told: Any) -> tuple[list[str], Any]:
        cr.onnx.save(of_table(name)[0], tmp_path / "a.onnx", **told)
        model = onnx.load(tmp_path / "a.onnx")
        metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
        return [value.name for value in model.graph.input], metadata.get("columns")

    assert taken("a number and words") == (["size", "kind"], None)
    assert taken("flags of numbers") == (["input"], ["size", "weight", "age"])
    assert taken("numbers without gaps") == (["input"], ["size", "weight"])
    assert taken("a number and words", inputs="features") == (["input"], ["size", "kind = rose", "kind = tulip"])


def test_the_layers_alone_take_features_by_place_or_name(onnx: ModuleType, tmp_path: Path) -> None:
    network, table = of_table("a number and words")
    cr.onnx.save(network, tmp_path / "a.onnx", inputs="features")
    back = cr.onnx.load(tmp_path / "a.onnx")
    assert network.preparation is not None
    with pytest.warns(InputWarning, match="2 gaps in column 'size'"):
        features = network.preparation.features(table, where="")
    assert back.preparation is None
    assert back.columns == network.preparation.feature_names
    assert (cr.predict(back, features) == predicted(network, table)).all()


def test_names_of_columns_and_classes_come_back(onnx: ModuleType, tmp_path: Path) -> None:
    table = {"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]}
    network = cr.Network([cr.Dense(2), cr.Softmax()], classes=["x", "y"], loss=cr.CategoricalCrossEntropy())
    cr.train(network, cr.data.Table.of(table), np.array([0, 0, 1, 1]), epochs=1)
    cr.onnx.save(network, tmp_path / "a.onnx")
    back = cr.onnx.load(tmp_path / "a.onnx")
    assert (back.columns, back.classes, back.preparation) == (("a", "b"), ("x", "y"), None)
    swapped = cr.data.Table.of({"b": table["b"], "a": table["a"]})
    assert (cr.predict(back, swapped) == cr.predict(network, swapped)).all()


def test_a_classifier_is_measured_on_a_table_with_its_target(onnx: ModuleType, tmp_path: Path) -> None:
    table = {"size": [1.0, GAP, 3.0, 4.0] * 5, "kind": ["a", "b", "b", "a"] * 5, "good": ["no", "no", "yes", "yes"] * 5}
    rows = cr.data.Table.of(table)
    network = cr.Network([cr.Dense(2), cr.Softmax()], preparation=cr.data.prepare(rows, target="good"))
    cr.train(network, rows, epochs=2)
    cr.onnx.save(network, tmp_path / "a.onnx")
    back = cr.onnx.load(tmp_path / "a.onnx")
    assert back.classes == ("no", "yes")
    assert cr.evaluate(back, rows) == cr.evaluate(network, rows)


def test_dates_are_refused_by_name_but_their_features_are_not(onnx: ModuleType, tmp_path: Path) -> None:
    preparation = cr.data.Preparation(["size", cr.data.DateColumn("sold", ["year"]), cr.data.DateColumn("built")])
    network = cr.Network([cr.Dense(1, inputs=7)], preparation=preparation)
    with pytest.raises(InputError, match=r"dates: 'sold', 'built'.*inputs=\"features\""):
        cr.onnx.save(network, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()
    cr.onnx.save(network, tmp_path / "a.onnx", inputs="features")
    assert cr.onnx.load(tmp_path / "a.onnx").columns == preparation.feature_names


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([WORD("kind", ["a", ""])], "an empty word among the categories of 'kind'"),
        ([WORD("kind", ["a", "\ud800"])], "in its categories"),
        ([WORD("\ud800", ["a", "b"])], "in its columns"),
    ],
)
def test_what_no_file_can_say_is_refused(onnx: ModuleType, tmp_path: Path, columns: Any, words: str) -> None:
    network = cr.Network([cr.Dense(1, inputs=2)], preparation=cr.data.Preparation(columns))
    with pytest.raises(InputError, match=words):
        cr.onnx.save(network, tmp_path / "a.onnx")


def test_inputs_are_for_networks_and_of_two_kinds(tmp_path: Path) -> None:
    needed("sklearn")
    from chainrule.sklearn import MLPClassifier

    with pytest.raises(InputError, match="got 'rows'"):
        cr.onnx.save(of_table("words alone")[0], tmp_path / "a.onnx", inputs="rows")
    with pytest.raises(InputError, match="for an estimator"):
        cr.onnx.save(MLPClassifier(), tmp_path / "a.onnx", inputs="features")


def test_a_head_and_a_column_need_different_names(onnx: ModuleType, tmp_path: Path) -> None:
    preparation = cr.data.Preparation([WORD("kind", ["a", "b"])])
    heads = cr.Heads({"kind": [cr.Dense(1)], "size": [cr.Dense(1)]})
    losses = {"kind": cr.MeanSquaredError(), "size": cr.MeanSquaredError()}
    network = cr.Network([cr.Dense(2, inputs=2), heads], losses, preparation=preparation)
    with pytest.raises(InputError, match="a head called 'kind'"):
        cr.onnx.save(network, tmp_path / "a.onnx")


# ------------------------------------------------------------------ files that contradict themselves


def changed(onnx: Any, tmp_path: Path, name: str, change: Callable[[Any, dict[str, Any]], None]) -> Path:
    """Write a network that prepares such a table, with something changed in the file: its graph, or its metadata."""
    path = tmp_path / "a.onnx"
    cr.onnx.save(of_table(name)[0], path)
    model = onnx.load(path)
    metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    change(model.graph, metadata)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("name", "key", "value", "words"),
    [
        ("gaps of numbers", "columns", ["size"], "2 different names in a list"),
        ("gaps of numbers", "columns", ["size", "size"], "2 different names in a list"),
        ("gaps of numbers", "columns", ["size", 3], "2 different names in a list"),
        ("numbers without gaps", "columns", {"size": 1}, "2 different names in a list"),
        ("a number and words", "table", {"target": "size"}, "the column 'size' twice"),
        ("a number and words", "table", {"drop": "id"}, "target, index, ignored, decimal, day_first"),
        ("a number and words", "table", {"index": 3}, "target, index, ignored, decimal, day_first"),
        ("a number and words", "table", {"decimal": ";"}, "names of other columns"),
        ("a number and words", "table", {"ignored": 3}, "names of other columns"),
    ],
)
def test_metadata_that_contradicts_the_graph_is_refused(
    onnx: ModuleType, tmp_path: Path, name: str, key: str, value: Any, words: str
) -> None:
    path = changed(onnx, tmp_path, name, lambda graph, metadata: metadata.update({key: value}))
    with pytest.raises(FileError, match=words):
        cr.onnx.load(path)


def encoder(graph: Any) -> Any:
    return next(node for node in graph.node if node.op_type == "LabelEncoder")


def codes(*numbers: int) -> Callable[[Any, Any], None]:
    def change(graph: Any, metadata: Any) -> None:
        attribute = next(told for told in encoder(graph).attribute if told.name == "values_int64s")
        attribute.ints[:] = numbers

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (codes(0, 0, 1), r"\(\'rose\', \'tulip\'|which share a column"),
        (codes(0, 5, 1), "1, which stands for no word"),
        (codes(0, 1), "the columns 'kind' by ai.onnx.ml.LabelEncoder"),
    ],
)
def test_words_without_a_column_each_are_refused(onnx: ModuleType, tmp_path: Path, change: Any, words: str) -> None:
    with pytest.raises(FileError, match=words):
        cr.onnx.load(changed(onnx, tmp_path, "a number and words", change))


def of_columns(*nodes: bytes, inputs: list[bytes], tensors: tuple[bytes, ...] = ()) -> bytes:
    """Return a file whose nodes make `f` of inputs, which a dense layer takes."""
    steps = [*nodes, forge.node("Gemm", ["f", "w"], ["output"])]
    more = forge.field(8, forge.opset(3, "ai.onnx.ml"))
    return forge.model(forge.graph(steps, [forge.tensor("w", forge.WEIGHTS), *tensors], inputs), more=more)


A, B = forge.value("a", "n", 1), forge.value("b", "n", 1)
BOTH = forge.node("Concat", ["a", "b"], ["f"], forge.attribute("axis", 1))


def test_inputs_side_by_side_are_columns(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(of_columns(BOTH, inputs=[B, A]))
    network = cr.onnx.load(tmp_path / "a.onnx")
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(cr.predict(network, {"b": x[:, 1], "a": x[:, 0]}), x @ forge.WEIGHTS, rtol=1e-6)


def test_columns_are_used_in_any_order_and_twice(tmp_path: Path) -> None:
    nodes = (
        forge.node("IsNaN", ["input"], ["g"]), forge.node("Where", ["g", "c", "input"], ["h"]),
        forge.node("Gather", ["h", "p"], ["f"], forge.attribute("axis", 1)),
    )  # fmt: skip
    for places in ([1, 0], [1, 1], [2, 0]):
        tensors = (forge.tensor("c", np.float32([1, 2, 3])), forge.tensor("p", np.array(places)))
        data = of_columns(*nodes, inputs=[forge.value("input", "n", 3)], tensors=tensors)
        (tmp_path / "a.onnx").write_bytes(data)
        network = cr.onnx.load(tmp_path / "a.onnx")
        x = np.array([[5.0, GAP, 6.0], [GAP, 7.0, 8.0]])
        expected = np.where(np.isnan(x), [1, 2, 3], x)[:, places] @ forge.WEIGHTS
        np.testing.assert_allclose(predicted(network, x), expected, rtol=1e-6)
        assert len(network.layers) == 2  # a dense layer of zeros and ones, which chooses


def test_a_flag_alone_is_a_column(tmp_path: Path) -> None:
    nodes = (
        forge.node("IsNaN", ["a"], ["g"]), forge.node("Cast", ["g"], ["h"], forge.attribute("to", 1)),
        forge.node("Concat", ["h", "b"], ["f"], forge.attribute("axis", 1)),
    )  # fmt: skip
    (tmp_path / "a.onnx").write_bytes(of_columns(*nodes, inputs=[A, B]))
    found = cr.predict(cr.onnx.load(tmp_path / "a.onnx"), {"b": [4.0, 5.0], "a": [GAP, 9.0]})
    np.testing.assert_allclose(found, [[1, 4], [0, 5]] @ forge.WEIGHTS, rtol=1e-6)


REFUSED: dict[str, tuple[bytes, str]] = {
    "an input of two columns": (of_columns(BOTH, inputs=[A, forge.value("b", "n", 2)]), "input 'b' of type float and"),
    "booleans": (of_columns(BOTH, inputs=[A, forge.value("b", "n", 1, kind=9)]), "input 'b' of type bool"),
    "a column scaled in two ways": (
        of_columns(
            forge.node("Mul", ["a", "c"], ["b"]), BOTH, inputs=[A, forge.value("k", "n", 1)],
            tensors=(forge.tensor("c", np.float32([2])),)),
        "column 'a' scaled in two ways"),
    "gaps filled in two ways": (
        of_columns(
            forge.node("IsNaN", ["a"], ["g"]), forge.node("Where", ["g", "c", "a"], ["b"]), BOTH,
            inputs=[A, forge.value("k", "n", 1)], tensors=(forge.tensor("c", np.float32([1])),)),
        "column 'a', whose gaps become"),
    "rows under rows": (
        of_columns(forge.node("Concat", ["a", "b"], ["f"], forge.attribute("axis", 0)), inputs=[A, B]),
        "2 inputs, which are not put side by side"),
    "sums of columns": (of_columns(forge.node("Add", ["a", "b"], ["f"]), inputs=[A, B]), "2 inputs, which are not put"),
    "words as they are": (
        of_columns(forge.node("Identity", ["a"], ["f"]), inputs=[forge.value("a", "n", 1, kind=8)]), "'a' by Gemm"),
    "a matrix that doubles": (
        of_columns(
            forge.node("Concat", ["a", "b"], ["x0"], forge.attribute("axis", 1)),
            *(forge.node("Concat", [f"x{i}", f"x{i}"], [f"x{i + 1}"], forge.attribute("axis", 1)) for i in range(40)),
            forge.node("Identity", ["x40"], ["f"]), inputs=[A, B]),
        "more than 262,144 columns"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_preparation_is_refused(tmp_path: Path, name: str) -> None:
    data, words = REFUSED[name]
    (tmp_path / "a.onnx").write_bytes(data)
    with pytest.raises(FileError, match=words):
        cr.onnx.load(tmp_path / "a.onnx")


# ------------------------------------------------------------------ scikit-learn


@pytest.mark.parametrize("name", elsewhere.TABLES)
def test_a_column_transformer_of_scikit_learn_comes_in_or_the_operator_is_named(
    skl2onnx: ModuleType, tmp_path: Path, name: str
) -> None:
    sent = elsewhere.sent_by_scikit_learn(name, tmp_path)
    if name in elsewhere.UNKNOWN:
        with pytest.raises(FileError, match=elsewhere.UNKNOWN[name]):
            cr.onnx.load(sent.path)
        return
    network = cr.onnx.load(sent.path)
    found = predicted(network, sent.x)
    np.testing.assert_allclose(found.reshape(sent.expected.shape), sent.expected, rtol=1e-5, atol=1e-6)
    if hasattr(sent.x, "columns"):
        swapped = sent.x[[*sent.x.columns][::-1]]
        assert (predicted(network, swapped) == found).all()
