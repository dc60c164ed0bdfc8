"""What is not understood in an ONNX file is named: the node or the tensor, what it says, and what is expected."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import FileError
from chainrule.onnx import load
from tests.onnx.forge import GEMM, WEIGHTS, after_gemm, attribute, field, graph, model, node, of, tensor, value
from tests.onnx.hostile import FILES

W = tensor("w", WEIGHTS)
NOTHING = np.zeros(0, np.float32)


def whole(name: str, *numbers: int) -> bytes:
    return tensor(name, np.array(numbers, np.int64))


def bare(name: str, kind: int, more: bytes, *dims: int) -> bytes:
    """Return a tensor without raw bytes: its numbers are in the field that `more` writes."""
    return tensor(name, NOTHING, dims, kind, more)


def told(name: str, number: int, inside: bytes, kind: int) -> bytes:
    """Return an attribute of any kind, its value in the field of this number."""
    return field(1, name) + field(number, inside) + field(20, kind)


def reshaped(shape: bytes) -> bytes:
    return after_gemm("Reshape", tensors=[shape], inputs=["s"])


def scaled(op: str, constant: object) -> bytes:
    return after_gemm(op, tensors=[tensor("c", constant)], inputs=["c"])


def with_constant(*attributes: bytes) -> bytes:
    """Return a product with weights that a node of the operator Constant gives."""
    return of(node("Constant", [], ["v"], *attributes), node("MatMul", ["input", "v"], ["output"]))


def biased(bias: np.ndarray) -> bytes:
    return of(
        node("MatMul", ["input", "w"], ["h"]), node("Add", ["h", "b"], ["output"]), tensors=[tensor("b", bias)]
    )  # fmt: skip


def joined(*inputs: bytes, axis: Sequence[int]) -> bytes:
    """Return two branches that are concatenated along an axis."""
    steps = [node("Relu", ["input"], ["a"]), node("Tanh", ["input"], ["b"])]
    return of(*steps, node("Concat", ["a", "b"], ["output"], *(attribute("axis", a) for a in axis)), inputs=inputs)


def normalised(*attributes: bytes, sizes: Sequence[int] = (3, 3, 3, 3), variance: float = 1.0) -> bytes:
    """Return a product with weights, and batch normalisation of it."""
    numbers = [np.full(size, variance if i == 3 else 1.0, np.float32) for i, size in enumerate(sizes)]
    tensors = [tensor(name, array) for name, array in zip("abcd", numbers, strict=True)]
    return after_gemm("BatchNormalization", *attributes, tensors=tensors, inputs=[*"abcd"])


# What is wrong in files that a child process loads under a watch too, see `hostile`.
WORDS = {
    "empty": "got 0 bytes, but expected an ONNX file",
    "a number of eleven bytes": "a number in Model that is cut off or longer than 64 bits",
    "a million empty nodes": "more than 200,000 fields",
    "a future version": "ONNX IR version 99, but expected one from 3 to 14",
    "an unknown opset": "opset 99, but expected one from 9 to 28",
    "functions": "functions of its own",
    "a training graph": "a training graph",
    "sparse weights": "sparse weights",
    "quantized weights": "quantized weights",
    "two opsets": "two operator sets of the domain ''",
    "no graph": "got no graph",
    "an output that is constant": "the output 'w', which does not depend on the input",
    "an input of texts": "the input 'input' of type string",
    "an input of 2^40 features": r"shape \[None, 1099511627776\]",
    "data in another file": r"'w': got data in another file, '\.\./\.\./secret\.bin'",
    "data somewhere else, not said where": "'w': got data in another file and in this one",
    "a piece of a tensor": "'w': got a piece of a tensor",
    "33 axes": "'w': got shape None, but expected at most 32 lengths",
    "2^62 numbers": "of a tensor that fits in a file",
    "too few bytes": r"'w': got 24 bytes for shape \(2, 4\) of float",
    "numbers in two fields": "its numbers in float_data, raw_data",
    "float16": "data of the type float16, but expected float, double",
    "an unknown type": "data of the type number 77",
    "too many nodes": "10,002 nodes, but expected at most 10,000",
    "an attribute twice": r"1 \(Elu\): got the attribute 'alpha' twice",
    "a subgraph": "attribute 'then_branch': got a value of type 5",
    "a circle": "the value 'b' before it is made",
    "a value made twice": "a second value 'output'",
    "zeros by the terabyte": "a computation on constants",
    "an unknown operator": "the operator 'Frobnicate', but expected one of Abs, Add, BatchNormalization, Cast",
    "samples as weights": r"the inputs \('w', 'input'\), but expected the samples first",
    "weights that are a vector": "weights that are no constant matrix",
    "one weight used in many ways": "weights that are used in many different ways",
    "a bias of another size": r"a bias of shape \(1, 2\), but expected a number for each of 3 outputs",
    "a scale that is NaN": "a constant that is NaN or infinite",
    "a scale of a whole matrix": r"a constant of shape \(3, 3\), but expected one number, or one for each feature",
    "a division by zero": "a division by what depends on the samples, or by 0",
    "a slope of 7": r"1 \(LeakyRelu\): got 7\.0, but expected a finite number of at least 0 and of at most 1",
    "a shape of the whole batch": r"the shape \(6,\), but expected a row for each sample",
    "a shape with two unknowns": r"the shape \(-1, -1\)",
    "steps of zero": "a step of 0",
    "samples cut away": r"axes \(0,\) and steps \(1,\), but expected axes counted from 1",
    "a conversion to whole numbers": "a conversion to type 7, but expected float or double",
    "an unknown attribute": "an attribute 'slope', but expected none",
    "an attribute of another type": r"alpha=1, but expected a value like 1\.0",
    "all axes summed away": "operators that mix the samples of a batch",
    "samples one below the other": "axis=0, but expected 1, the features",
    "a product of samples": "Mul of 2 values that all depend on the samples",
    "skip connections 200 deep": "branches nested too deeply, but expected at most 64 deep",
    "branches that part and meet too often": "branches that part and meet too often",
    "class names that are none": "the metadata classes=.*a list of names in JSON",
    "more class names than outputs": "Network classes: got 2 names, but expected 3",
}

# Of each what the message has to say.
REFUSED: dict[str, tuple[bytes, str]] = {
    # constants
    "floats in the field of doubles": (
        model(graph([GEMM], [bare("w", 1, field(10, bytes(48)), 2, 3)])), "'w': got its numbers in double_data"),
    "floats in the field of whole numbers": (
        model(graph([GEMM], [bare("w", 1, field(7, 1), 2, 3)])), "'w': got float numbers in int64_data"),
    "int32 in the field of int64": (
        reshaped(bare("s", 6, field(7, 0) + field(7, 3), 2)),
        "int32 numbers in int64_data"),
    "fewer whole numbers than the shape has": (
        reshaped(bare("s", 7, field(7, 3), 2)), r"other whole numbers than shape \(2,\) has, but expected 2"),
    "a whole number beyond its type": (
        reshaped(bare("s", 3, field(5, 0) + field(5, 300), 2)), "numbers beyond int8, but expected numbers that int8"),
    "a boolean that is 2": (
        reshaped(bare("s", 9, field(5, 1) + field(5, 2), 2)), "booleans that are neither 0 nor 1"),
    "a shape of floats": (
        reshaped(tensor("s", np.array([0, 3], np.float32))), r"a constant of float32 and shape \(2,\)"),
    "a shape that is a matrix": (reshaped(whole("s", 0, 3).replace(field(1, 2), field(1, 1) + field(1, 2), 1)),
                                 r"a constant of int64 and shape \(1, 2\), but expected a few whole numbers"),
    "a shape of 33 axes": (reshaped(whole("s", 0, *[1] * 32)), r"shape \(33,\), but expected a few whole numbers"),
    # attributes
    "an attribute that is a tensor": (after_gemm("Elu", attribute("alpha", W)), "alpha=StoredTensor"),
    "an attribute of a piece of a float": (
        after_gemm("Elu", told("alpha", 7, b"abc", 6)), "attribute 'alpha': got a value of type 6"),
    "an attribute of a number without an end": (
        after_gemm("Transpose", told("perm", 8, b"\xff", 7)), "attribute 'perm': got a value of type 7"),
    "an attribute without its tensor": (
        after_gemm("Elu", field(1, "alpha") + field(20, 4)), "attribute 'alpha': got a value of type 4"),
    "a list of other things": (
        after_gemm("Transpose", told("perm", 7, np.array([0, 1], np.float32).tobytes(), 6)), r"perm=\(0\.0, 1\.0\)"),
    "classes that are no text": (
        of(GEMM, node("ZipMap", ["output"], ["o"], told("classlabels_strings", 9, b"\xff", 8), domain="ai.onnx.ml"),
           outputs=(value("o", "n", 3),)), r"the text b'\\xff', but expected UTF-8"),
    # inputs and outputs
    "an input that is no tensor": (
        of(GEMM, inputs=(field(1, "input") + field(2, b""),)), "the input 'input' of type no tensor"),
    "an input without a shape": (
        of(node("Relu", ["input"], ["output"]), inputs=(field(1, "input") + field(2, field(1, field(1, 1))),)),
        "an input whose shape is not told, but expected the shape of a sample"),
    "an input of no axes": (
        of(node("Relu", ["input"], ["output"]), inputs=(value("input"),)), "an input whose shape is not told"),
    # the way through the graph
    "the second output of a node": (
        of(node("Dropout", ["input"], ["d", "mask"]), node("Gemm", ["mask", "w"], ["output"])),
        "its output 'mask' in use, but expected the first one only"),
    "features joined along axis 1 of images": (
        joined(value("input", "n", 2, 2), axis=[1]), "axis=1 for samples of several axes, but expected -1"),
    "samples joined without saying where": (joined(value("input", "n", 2), axis=[]), "axis=None, but expected 1"),
    "weights that come from the samples": (
        of(node("Gemm", ["input", "w"], ["h"]), node("Clip", ["input", "", "h"], ["output"])),
        r"Clip of 2 values that all depend on the samples"),
    "a chain of a hundred transposes": (
        of(*(node("Transpose", [a], [b]) for a, b in itertools.pairwise(["w", *(f"t{i}" for i in range(100))])),
           node("MatMul", ["input", "t99"], ["output"])), "Transpose, a computation on constants"),
    "weights turned into a circle": (
        of(node("Transpose", ["w"], ["t"], attribute("perm", (0, 0))), node("MatMul", ["input", "t"], ["output"])),
        r"perm=\(0, 0\) for shape \(2, 3\), but expected each axis once"),
    "samples as weights, and a bias": (
        of(node("MatMul", ["w", "input"], ["h"]), node("Add", ["h", "b"], ["output"]),
           tensors=[tensor("b", np.ones(2, np.float32))]),
        "'input', which depends on the samples, but expected a constant in its place"),
    "a constant of nothing": (with_constant(), r"the attributes \[\], but expected one value, of numbers"),
    "a constant of two values": (
        with_constant(attribute("value_int", 1), attribute("value_float", 1.0)),
        r"the attributes \['value_float', 'value_int'\]"),
    "a constant that is a text": (
        with_constant(told("value_string", 4, b"w", 3)),
        r"the attributes \['value_string'\]"),
    "a constant of a kind that its name denies": (
        with_constant(attribute("value_float", 3)), r"the attributes \['value_float'\]"),
    # weights
    "more inputs than an operator has": (
        after_gemm("Relu", tensors=[whole("a", 1)], inputs=["a"]),
        r"the inputs \('h', 'a'\), but expected the samples"),
    "a product with a vector": (
        of(node("MatMul", ["input", "v"], ["output"]), tensors=[tensor("v", np.ones(2, np.float32))]),
        "a product that is not samples times a constant matrix"),
    "whole numbers as a matrix": (
        of(node("MatMul", ["input", "v"], ["output"]), tensors=[tensor("v", np.ones((2, 3), np.int64))]),
        r"weights of shape \(2, 3\) and int64, but expected a matrix of floats"),
    "a matrix without columns": (
        of(node("MatMul", ["input", "v"], ["output"]), tensors=[tensor("v", np.ones((2, 0), np.float32))]),
        r"weights of shape \(2, 0\) and float32"),
    # arithmetic
    "a number divided by the samples": (
        of(node("Div", ["c", "input"], ["output"]), tensors=[tensor("c", np.float32(2))]),
        "a division by what depends on the samples"),
    "a sum of the samples alone": (
        of(node("Add", ["input"], ["output"])), "1 inputs, of which one value, but expected a constant"),
    "a scale of no numbers": (scaled("Mul", np.zeros((0,), np.float32)), r"a constant of shape \(0,\)"),
    "a scale for each sample": (
        scaled("Mul", np.ones((3, 1), np.float32)),
        "a number for each feature, in the last axis"),
    "an infinite offset": (scaled("Add", np.float32(np.inf)), "a constant that is NaN or infinite"),
    "a bias that is a matrix": (biased(np.ones((2, 3), np.float32)), r"a constant of shape \(2, 3\)"),
    # activations and what changes shapes
    "a SELU of another slope": (
        after_gemm("Selu", attribute("alpha", 1.5)),
        r"alpha=1\.5, gamma=1\.05.*, but expected those that make it SELU"),
    "a bound for each feature": (
        after_gemm("Min", tensors=[tensor("c", np.zeros(3, np.float32))], inputs=["c"]), "a bound for each feature"),
    "a CELU of no slope": (after_gemm("Celu", attribute("alpha", 0.0)), r"alpha=0\.0, but expected a number above 0"),
    "a slope for each sample": (
        after_gemm("PRelu", tensors=[tensor("c", np.ones((3, 1), np.float32))], inputs=["c"]),
        "a number for each feature, in the last axis"),
    "slopes for another number of features": (
        after_gemm("PRelu", tensors=[tensor("c", np.ones(5, np.float32))], inputs=["c"]),
        r"1 \(PRelu\): got 5 slopes for 3 features"),
    "slopes along axis 1 of images": (
        of(node("PRelu", ["input", "c"], ["output"]), tensors=[tensor("c", np.ones(2, np.float32))],
           inputs=[value("input", "n", 2, 2)]), "axis=1 for samples of several axes"),
    "batch normalisation as in training": (
        normalised(attribute("training_mode", 1)), r"as in training.*model\.eval\(\)"),
    "batch normalisation of too few numbers": (normalised(sizes=(3, 3, 3, 2)), "four for each feature"),
    "batch normalisation along axis 1 of images": (
        of(node("BatchNormalization", ["input", *"cccc"], ["output"]), tensors=[tensor("c", np.ones(2, np.float32))],
           inputs=[value("input", "n", 2, 2)]), "axis=1 for samples of several axes"),
    "batch normalisation of a variance below 0": (normalised(variance=-2.0), "NaN or infinite"),
    "samples taken out of a batch": (
        after_gemm("Gather", tensors=[whole("a", 0)], inputs=["a"]), "along axis 0, but expected one along an axis"),
    "several features gathered": (
        after_gemm("Gather", attribute("axis", 1), tensors=[whole("a", 0, 2)], inputs=["a"]),
        r"indices of shape \(2,\)"),
    "all samples in one row": (
        reshaped(whole("s", -1)), r"1 \(Reshape\): got operators that mix the samples of a batch"),
    "samples of three, mixed behind a shape": (
        of(GEMM, node("Reshape", ["output", "a"], ["r"]), node("Reshape", ["r", "b"], ["o"]),
           tensors=[whole("a", 0, 1, 3), whole("b", -1, 1)], outputs=(value("o", "n", 1),)),
        r"2 \(Reshape\): got operators that mix the samples of a batch"),
    "a softmax over the samples": (
        of(node("Gemm", ["input", "w"], ["h"]), node("Gather", ["h", "i"], ["g"], attribute("axis", 1)),
           node("Softmax", ["g"], ["output"]), tensors=[tensor("i", np.array(0, np.int64))]),
        "operators that mix the samples of a batch|one output for Softmax"),
    "a shape that is computed wrongly": (
        of(GEMM, node("Shape", ["output"], ["s"]), node("Gather", ["s", "i"], ["t"]),
           node("Reshape", ["output", "t"], ["o"]), tensors=[whole("i", 7)], outputs=(value("o", "n", 3),)),
        r"Gather of .*, but expected whole numbers that it can compute with"),
    "twice as many samples": (
        of(GEMM, node("Shape", ["output"], ["s"]), node("Add", ["s", "s"], ["t"]),
           node("Reshape", ["output", "t"], ["o"]), outputs=(value("o", "n", 3),)),
        r"Add of .*, but expected whole numbers that it can compute with"),
    "as many features as samples": (
        of(GEMM, node("Shape", ["output"], ["s"]), node("Concat", ["i", "s"], ["t"], attribute("axis", 0)),
           node("Reshape", ["output", "t"], ["o"]), tensors=[whole("i", 0)], outputs=(value("o", "n", 3),)),
        "the number of samples among its settings"),
    "bounds for each feature": (
        after_gemm("Clip", tensors=[tensor("c", np.zeros(3, np.float32))], inputs=["c"]), "bounds that are no numbers"),
    "no bounds at all": (after_gemm("Clip"), "bounds that are no numbers, but expected a number for each"),
    "sums along no axis": (after_gemm("CumSum"), "a sum along an unknown axis"),
    "sums that leave out the last": (
        after_gemm("CumSum", attribute("exclusive", 1), tensors=[whole("a", 1)], inputs=["a"]), "exclusive"),
    "sums in reverse": (
        after_gemm("CumSum", attribute("reverse", 1), tensors=[whole("a", 1)], inputs=["a"]), "in reverse"),
    "an unknown form of GELU": (
        after_gemm("Gelu", told("approximate", 4, b"erf", 3)), "approximate=b'erf', but expected none or tanh"),
    "a SiLU with a slope": (after_gemm("Swish", attribute("alpha", 2.0)), r"alpha=2\.0, but expected 1"),
    "samples flattened away": (after_gemm("Flatten", attribute("axis", 0)), "axis=0, but expected 1: a row for each"),
    "an unknown length among three": (
        reshaped(whole("s", 0, -1, 3)), r"the shape \(0, -1, 3\), but expected each length but that of the samples"),
    "a length of 0": (reshaped(whole("s", 0, 0)), r"the shape \(0, 0\)"),
    "zeros that mean zero": (
        after_gemm("Reshape", attribute("allowzero", 1), tensors=[whole("s", 0, 3)], inputs=["s"]),
        r"the shape \(0, 3\)"),
    "the axis of the samples squeezed": (
        after_gemm("Squeeze", tensors=[whole("a", 0)], inputs=["a"]), r"axes \(0,\), but expected axes counted from 1"),
    "a new axis before the samples": (
        after_gemm("Unsqueeze", tensors=[whole("a", 0)], inputs=["a"]),
        r"axes \(0,\), but expected axes counted from 1"),
    "no axis to squeeze": (after_gemm("Squeeze"), r"axes \(\)"),
    "no new axis": (after_gemm("Unsqueeze"), r"axes \(\)"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "words"),
    [*((FILES[name], words) for name, words in WORDS.items()), *REFUSED.values()],
    ids=[*WORDS, *REFUSED],
)
def test_what_is_not_understood_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.onnx").write_bytes(data)
    with pytest.raises(FileError, match=words):
        load(tmp_path / "a.onnx")
