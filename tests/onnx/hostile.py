"""ONNX files as an enemy, a bad disk or an exporter with other ideas would hand them over, by what is wrong."""

from __future__ import annotations

import itertools
import pickle

import numpy as np

from tests.onnx.forge import (
    GEMM,
    GOOD,
    WEIGHTS,
    after_gemm,
    attribute,
    field,
    graph,
    model,
    node,
    of,
    opset,
    tensor,
    value,
    varint,
)

W = tensor("w", WEIGHTS)
GRAPH = graph([GEMM], [W])
ELSEWHERE = field(13, field(1, "location") + field(2, "../../secret.bin"))
EXTERNAL = ELSEWHERE + field(14, 1)


def _with(weights: bytes) -> bytes:
    return model(graph([GEMM], [weights]))


def _int(name: str, *numbers: int) -> bytes:
    return tensor(name, np.array(numbers, np.int64))


def _doubling(op: str, levels: int) -> bytes:
    """Return a chain in which every value is read twice by the next one: 2 to the levels as a formula."""
    names = ["h", *(f"v{i}" for i in range(levels - 1)), "output"]
    axis = [attribute("axis", 1)] if op == "Concat" else []
    steps = [node(op, [a, a], [b], *axis) for a, b in itertools.pairwise(names)]
    return of(node("Gemm", ["input", "w"], ["h"]), *steps)


def _entangled(count: int) -> bytes:
    """Return a long chain, and nodes that each read its end and a value near its start."""
    chain = [node("Relu", [f"c{i}"], [f"c{i + 1}"]) for i in range(count)]
    joins = [node("Mul", [f"c{count}", f"c{i % 5}"], [f"j{i}"]) for i in range(count)]
    last = node("Sum", [f"j{i}" for i in range(count)], ["output"])
    return of(node("Gemm", ["input", "w"], ["c0"]), *chain, *joins, last)


def _nested(depth: int) -> bytes:
    """Return skip connections inside of skip connections."""
    down = [node("Relu", [f"d{i}"], [f"d{i + 1}"]) for i in range(depth)]
    up = [node("Add", [f"d{i}", f"u{i + 1}" if i < depth - 1 else f"d{depth}"], [f"u{i}"]) for i in range(depth)][::-1]
    return of(node("Gemm", ["input", "w"], ["d0"]), *down, *up, node("Identity", ["u0"], ["output"]))


def _one_weight_many_ways(count: int) -> bytes:
    """Return one matrix of 4 MB, used in many layers that differ by a factor."""
    names = ["input", *(f"v{i}" for i in range(count - 1)), "output"]
    steps = [
        node("Gemm", [a, "big"], [b], attribute("alpha", 1.0 + i / 1024))
        for i, (a, b) in enumerate(itertools.pairwise(names))
    ]
    big = tensor("big", np.zeros((1024, 1024), np.float32))
    return model(graph(steps, [big], (value("input", "n", 1024),), (value("output", "n", 1024),)))


FILES: dict[str, bytes] = {
    # no ONNX file at all
    "empty": b"",
    "a text": b"hello, this is no ONNX file\n" * 10,
    "a pickle": pickle.dumps({"weights": [1.0, 2.0]}),
    "a zip archive": b"PK\x03\x04" + bytes(100),
    "another safetensors file": (64).to_bytes(8, "little") + b'{"w":{"dtype":"F32"}}' + bytes(100),
    # protobuf
    "a number of eleven bytes": b"\x08" + b"\xff" * 11,
    "a length beyond the file": GOOD[:-4] + varint(8 << 3 | 2) + varint(2**40),
    "an unknown field": GOOD + field(99, 1),
    "a field 0": GOOD + field(0, 1),
    "a group": GOOD + varint(6 << 3 | 3) + varint(6 << 3 | 4),
    "a text where a number belongs": field(1, "eight") + GOOD,
    "two graphs": GOOD + field(7, GRAPH),
    "a name that is not UTF-8": _with(tensor("", WEIGHTS).replace(field(8, ""), field(8, b"\xff"))),
    "a million empty nodes": model(field(1, b"") * 1_000_000),
    "a million empty attributes": model(graph([GEMM + field(5, b"") * 1_000_000], [W])),
    # the model
    "no graph": field(1, 8) + field(8, opset(18)),
    "no version": field(7, GRAPH) + field(8, opset(18)),
    "a future version": model(GRAPH, version=99),
    "no opset": model(GRAPH, opsets=()),
    "an unknown opset": model(GRAPH, opsets=(opset(99),)),
    "an ancient opset": model(GRAPH, opsets=(opset(1),)),
    "two opsets": model(GRAPH, opsets=(opset(18), opset(19))),
    "functions": model(GRAPH, more=field(25, b"")),
    "a training graph": model(GRAPH, more=field(20, b"")),
    "sparse weights": model(graph([GEMM], [W], more=field(15, b""))),
    "quantized weights": model(graph([GEMM], [W], more=field(14, b""))),
    "class names nested deeply": model(GRAPH, more=field(14, field(1, "classes") + field(2, "[" * 100_000))),
    "class names that are none": model(GRAPH, more=field(14, field(1, "classes") + field(2, '{"a": 1}'))),
    "more class names than outputs": model(GRAPH, more=field(14, field(1, "classes") + field(2, '["a", "b"]'))),
    # inputs and outputs
    "no input": model(graph([GEMM], [W], inputs=())),
    "two inputs": of(GEMM, inputs=(value("input", "n", 2), value("more", "n", 2))),
    "no output": model(graph([GEMM], [W], outputs=())),
    "an output that nobody makes": of(GEMM, outputs=(value("other", "n", 3),)),
    "an output that is constant": of(GEMM, outputs=(value("w", 2, 3),)),
    "two outputs": of(GEMM, node("Relu", ["output"], ["r"]), outputs=(value("output", "n", 3), value("r", "n", 3))),
    "an input of texts": of(GEMM, inputs=(value("input", "n", 2, kind=8),)),
    "an input of 2^40 features": of(node("Relu", ["input"], ["output"]), inputs=(value("input", "n", 2**40),)),
    "an input of 2^30 features": of(node("Relu", ["input"], ["output"]), inputs=(value("input", "n", 2**30),)),
    "an input of -1 features": of(node("Relu", ["input"], ["output"]), inputs=(value("input", "n", -1),)),
    "an input of 60 axes": of(node("Flatten", ["input"], ["output"]), inputs=(value("input", "n", *[2] * 60),)),
    # tensors
    "data in another file": _with(tensor("w", np.zeros((0, 0), np.float32), (2, 3), more=EXTERNAL)),
    "data in another file, besides its own": _with(tensor("w", WEIGHTS, more=EXTERNAL)),
    "data said to be elsewhere, and here": _with(tensor("w", WEIGHTS, more=ELSEWHERE)),
    "data somewhere else, not said where": _with(tensor("w", WEIGHTS, more=field(14, 1))),
    "a piece of a tensor": _with(tensor("w", WEIGHTS, more=field(3, b""))),
    "2^31 rows": _with(tensor("w", WEIGHTS, (2**31, 3))),
    "2^62 numbers": _with(tensor("w", WEIGHTS, (2**30, 2**30, 4))),
    "-2 rows": _with(tensor("w", WEIGHTS, (-2, -3))),
    "33 axes": _with(tensor("w", WEIGHTS, (*[1] * 31, 2, 3))),
    "too few bytes": _with(tensor("w", WEIGHTS, (2, 4))),
    "too many bytes": _with(tensor("w", WEIGHTS, (2, 2))),
    "numbers in two fields": _with(tensor("w", WEIGHTS, more=field(4, WEIGHTS.tobytes()))),
    "float16": _with(tensor("w", WEIGHTS.astype(np.float32), kind=10)),
    "texts as weights": _with(tensor("w", np.zeros(0, np.float32), (2, 3), kind=8)),
    "an unknown type": _with(tensor("w", WEIGHTS, kind=77)),
    "whole numbers as weights": _with(_int("w", *range(6))),
    "the same weights twice": model(graph([GEMM], [W, W])),
    "weights without a name": model(graph([GEMM], [W, tensor("", WEIGHTS)])),
    "ten million indices": after_gemm(
        "Reshape", tensors=[field(1, 10**7) + field(2, 7) + field(7, bytes(10**7)) + field(8, "s")], inputs=["s"]
    ),
    # slices, which may leave out everything
    **{
        f"a slice of {inputs}": after_gemm(
            "Slice", tensors=[_int("zero", 0), _int("one", 1), _int("none")], inputs=inputs
        )
        for inputs in ([], ["", "one", "one"], ["zero", "", "one"], ["none", "none"], ["zero", "one", "zero"])
    },
    "a slice of an axis twice": after_gemm(
        "Slice", tensors=[_int("zeros", 0, 0), _int("ones", 1, 1)], inputs=["zeros", "ones", "ones"]
    ),
    # nodes
    "a circle": of(node("Relu", ["b"], ["a"]), node("Relu", ["a"], ["b"]), node("Gemm", ["b", "w"], ["output"])),
    "a node that reads itself": of(node("Add", ["input", "output"], ["output"])),
    "a value made twice": of(GEMM, node("Relu", ["input"], ["output"])),
    "a node that replaces the weights": of(node("Relu", ["input"], ["w"]), GEMM),
    "too many nodes": of(*[node("Relu", ["input"], [f"r{i}"]) for i in range(10_001)], GEMM),
    "an unknown operator": after_gemm("Frobnicate"),
    "an operator of another domain": of(node("Gemm", ["input", "w"], ["output"], domain="evil.example")),
    "an unprintable operator of two values": of(
        node("Gemm", ["input", "w"], ["h"]), node("M\0\x1b[31m", ["h", "input"], ["output"])
    ),
    "an operator called like a path": after_gemm("../../bin/sh"),
    "a subgraph": after_gemm("If", field(1, "then_branch") + field(6, GRAPH) + field(20, 5)),
    "a loop": after_gemm("Loop", field(1, "body") + field(6, GRAPH) + field(20, 5)),
    "an attribute of a function": after_gemm("Relu", field(1, "alpha") + field(21, "outer") + field(20, 1)),
    "an attribute twice": after_gemm("Elu", attribute("alpha", 1.0), attribute("alpha", 2.0)),
    "an unknown attribute": after_gemm("Relu", attribute("slope", 1.0)),
    "an attribute of another type": after_gemm("Elu", attribute("alpha", 1)),
    "an attribute that is NaN": after_gemm("Elu", attribute("alpha", float("nan"))),
    "a slope of 7": after_gemm("LeakyRelu", attribute("alpha", 7.0)),
    "a softmax over axis 9": after_gemm("Softmax", attribute("axis", 9)),
    "a conversion to whole numbers": after_gemm("Cast", attribute("to", 7)),
    "zeros by the terabyte": of(node("ConstantOfShape", ["s"], ["z"]), node("Gemm", ["input", "z"], ["output"]),
                                tensors=[_int("s", 2**20, 2**20)]),
    "a repetition by the terabyte": of(node("Gemm", ["input", "w"], ["h"]), node("Expand", ["h", "s"], ["output"]),
                                       tensors=[_int("s", 2**20, 2**20)]),
    "a constant from nothing": of(node("Identity", [], ["v"]), node("Gemm", ["input", "v"], ["output"])),
    "no inputs": of(node("Gemm", [], ["h"]), GEMM, node("Add", ["h", "output"], ["o"]), outputs=(value("o", "n", 3),)),
    # layers
    "weights for other features": of(GEMM, features=5),
    "weights that are a vector": model(graph([GEMM], [tensor("w", WEIGHTS.reshape(6))])),
    "weights that depend on the samples": of(node("Gemm", ["input", "input"], ["output"])),
    "samples as weights": of(node("MatMul", ["w", "input"], ["output"])),
    "samples in columns": of(node("Gemm", ["input", "w"], ["output"], attribute("transA", 1))),
    "no weights": of(node("Gemm", ["input"], ["output"])),
    "a bias of another size": of(node("Gemm", ["input", "w", "b"], ["output"]), tensors=[tensor("b", WEIGHTS[:1, :2])]),
    "a scale that is NaN": after_gemm("Mul", tensors=[tensor("s", np.float32(np.nan))], inputs=["s"]),
    "a scale of a whole matrix": after_gemm("Mul", tensors=[tensor("s", np.eye(3, dtype=np.float32))], inputs=["s"]),
    "a division by zero": after_gemm("Div", tensors=[tensor("s", np.float32(0))], inputs=["s"]),
    "a product of samples": after_gemm("Mul", inputs=["input"]),
    "a sum of two branches": of(node("Relu", ["input"], ["a"]), node("Tanh", ["input"], ["b"]),
                                node("Add", ["a", "b"], ["output"])),
    "samples one below the other": of(GEMM, node("Concat", ["output", "output"], ["o"], attribute("axis", 0)),
                                      outputs=(value("o", "n", 3),)),
    "a skip connection to other features": of(node("Gemm", ["input", "w"], ["h"]),
                                              node("Add", ["input", "h"], ["output"])),
    "a shape that does not fit": after_gemm("Reshape", tensors=[_int("s", -1, 7)], inputs=["s"]),
    "a shape of the whole batch": after_gemm("Reshape", tensors=[_int("s", 6)], inputs=["s"]),
    "a shape with two unknowns": after_gemm("Reshape", tensors=[_int("s", -1, -1)], inputs=["s"]),
    "a shape that depends on the samples": of(GEMM, node("Reshape", ["output", "input"], ["o"]),
                                              outputs=(value("o", "n", 3),)),
    "axes in a circle": after_gemm("Transpose", attribute("perm", (1, 1))),
    "steps of zero": after_gemm("Slice", tensors=[_int("a", 0), _int("b", 2), _int("c", 1), _int("d", 0)],
                                inputs=["a", "b", "c", "d"]),
    "samples cut away": after_gemm("Slice", tensors=[_int("a", 0), _int("b", 2), _int("c", 0)], inputs=["a", "b", "c"]),
    "an axis that is not there": after_gemm("Squeeze", tensors=[_int("a", 7)], inputs=["a"]),
    "all axes summed away": after_gemm("ReduceSum"),
    "a dropout of everything": after_gemm("Dropout", tensors=[tensor("r", np.float32(1))], inputs=["r"]),
    "classes of broken texts": of(GEMM, node("ai.onnx.ml.ZipMap", ["output"], ["o"]), outputs=(value("o", "n", 3),)),
    # what grows
    "a formula that doubles 60 times": _doubling("Mul", 60),
    "a network that doubles 2000 times": _doubling("Concat", 2000),
    "branches that part and meet too often": _entangled(4_900),
    "skip connections 200 deep": _nested(200),
    "one weight used in many ways": _one_weight_many_ways(2_000),
}  # fmt: skip
