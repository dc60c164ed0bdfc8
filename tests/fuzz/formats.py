"""Every kind of file that chainrule reads: good ones, ways to break them, and who reads them. One table."""

from __future__ import annotations

import contextlib
import copy
import csv
import gzip
import io
import json
import struct
import tempfile
import tomllib
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

import chainrule as cr
from chainrule import memory, onnx, recipes
from chainrule.errors import ChainruleError
from chainrule.files import Contents, read, rebuild
from chainrule.recipes.build import build
from chainrule.recipes.image_files import picture_as_sample
from chainrule.recipes.samples import gather
from chainrule.training.checkpoint import contents, read_state
from tests.files import forge
from tests.files.forge import Forgery, compact, signed
from tests.fuzz.changes import (
    Change,
    Rng,
    array_changed,
    bytes_changed,
    data_changed,
    jpeg_changed,
    lines_changed,
    one_of,
    png_changed,
    protobuf_changed,
    several,
    text_changed,
    zip_changed,
)
from tests.onnx import forge as onnx_forge


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    good : function
        Returns files that are read.
    changes : sequence of functions
        Return a file like a good one, broken.
    read : function of a path
    ending : str
        Of its name.
    own : bool
        Whether only chainrule reads it: no error of anyone else's may then stand behind ours.
    refused : bool
        Whether the reader raises, where it doesn't say in what it returns what is wrong.
    """

    good: Callable[[], Sequence[bytes]]
    changes: Sequence[Change]
    read: Callable[[Path], object]
    ending: str = ""
    own: bool = True
    refused: bool = True


# ------------------------------------------------------------------ models and checkpoints


def _forged(data: bytes) -> Forgery:
    return Forgery(read_bytes(data))


@cache
def read_bytes(data: bytes) -> Contents:
    """Return what is in the bytes of a model file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        path.write_bytes(data)
        return read(path)


def header_changed(data: bytes, rng: Rng) -> bytes:
    """A file whose header is another, with the right length and digest."""
    forgery = _forged(data)
    header: Any = forgery.header()
    for _ in several(rng):
        header = data_changed(header, rng)
    return signed(compact(header), forgery.data())


def header_text_changed(data: bytes, rng: Rng) -> bytes:
    """A file whose header's text is changed, with the right length and digest."""
    forgery = _forged(data)
    return signed(text_changed(compact(forgery.header()), rng), forgery.data())


def contents_changed(data: bytes, rng: Rng) -> bytes:
    """A file with another description, another state or other arrays, well packed."""
    forgery = _forged(data)
    for _ in several(rng):
        part = rng.integers(3)
        if part == 0:
            forgery.description = data_changed(forgery.description, rng)
        elif part == 1:
            forgery.state = data_changed(forgery.state, rng)
        else:
            _change_array(forgery, list(forgery.arrays), rng)
    return forgery.file()


def _change_array(forgery: Forgery, names: list[str], rng: Rng) -> None:
    if not names:
        return
    name = names[rng.integers(len(names))]
    array = array_changed(forgery.arrays.pop(name), rng)
    forgery.arrays[[name, name, name, names[0], "x.y", "optimizer:x"][rng.integers(6)]] = array


def training_changed(data: bytes, rng: Rng) -> bytes:
    """A checkpoint that says something else of its training, or has other arrays of it."""
    forgery = _forged(data)
    plain: Any = json.loads(forgery.metadata["training"])
    for _ in several(rng):
        if rng.random() < 0.7:
            plain = data_changed(plain, rng)
        else:
            _change_array(forgery, [name for name in forgery.arrays if name.startswith("training:")], rng)
    forgery.metadata["training"] = compact(plain).decode("utf-8", "surrogatepass")
    return forgery.file()


def load_and_save(path: Path) -> None:
    network = cr.load(path)
    again = path.with_name("again")
    again.unlink(missing_ok=True)
    cr.save(network, again)
    assert np.array_equal(cr.load(again).parameters, network.parameters, equal_nan=True)
    if np.prod(network.sample_shape or ()) < 10_000:
        cr.predict(network, np.zeros((2, *(network.sample_shape or ()))))


X = np.random.default_rng(11).normal(size=(23, 4))
LABELS = np.random.default_rng(12).integers(0, 3, 23)
BATCHES = [(X[i : i + 5], LABELS[i : i + 5]) for i in range(0, 23, 5)]
WAYS: dict[str, tuple[Sequence[Any], dict[str, Any]]] = {
    "arrays": (
        (X, LABELS),
        dict(batch_size=4, validation_split=0.3, metrics=["error_rate"], monitor="validation_error_rate"),
    ),
    "all at once": ((X, LABELS), dict(batch_size=None)),
    "batches": ((BATCHES,), {}),
}


def _trainable() -> cr.Network:
    layers = [cr.Dense(5, inputs=4), cr.ReLU(), cr.Dropout(0.2), cr.Dense(3), cr.Softmax()]
    return cr.Network(layers, optimizer=cr.Adam(cr.CosineDecay(0.01)), l2=0.01)


class _Stop(cr.Callback):
    def __init__(self, step: int) -> None:
        self.step, self.found = step, []

    def after_step(self, training: Any) -> None:
        if training.step == self.step:
            training.stop("interrupted")

    def ending(self, training: Any) -> None:
        self.found.append(contents(training))


def _checkpoints(way: str) -> Sequence[bytes]:
    """Return checkpoints before the first step, in the middle of an epoch, and at the end."""
    data, told = WAYS[way]
    made = []
    for step in (0, 2, 6, 1000):
        stop = _Stop(step)
        cr.train(_trainable(), *data, epochs=0 if step == 0 else 3, callbacks=[stop], **told)
        with tempfile.TemporaryDirectory() as folder:
            cr.files.write(Path(folder, "a"), stop.found[0])
            made.append(Path(folder, "a").read_bytes())
    return made


def _resume(way: str) -> Callable[[Path], None]:
    data, told = WAYS[way]

    def resume(path: Path) -> None:
        read_state(path)
        again = path.with_name("again")
        again.unlink(missing_ok=True)
        saving = cr.Checkpoint(again, seconds=0)
        history = cr.train(_trainable(), *data, epochs=4, callbacks=[saving], resume=path, **told)
        repr(history), history["loss"]
        read_state(again)  # what went on can be gone on from
        assert len(history) == 4 or history.stopped != "finished"

    return resume


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Let no change make a network that is large, and takes long."""
    before, memory.most = memory.most, lambda: 1 << 26
    try:
        yield
    finally:
        memory.most = before


def rebuild_twice(path: Path) -> None:
    data = json.loads(path.read_bytes())
    for complete in (False, True):
        with contextlib.suppress(ChainruleError), little_memory():
            rebuild(data, complete=complete)


def description_changed(data: bytes, rng: Rng) -> bytes:
    description = json.loads(data)
    for _ in range(rng.integers(1, 6)):
        description = data_changed(description, rng)
    return compact(description)


# ------------------------------------------------------------------ data

TABLES = [
    "width,height,kind\n1,2,rose\n3,4.5,tulip\n5,-6e1,rose\n",
    "1;2;3\n4;5;6\n7;8;9\n",
    'a\tb\n"1"\t2\n3\t"4"\n',
    "x, y\n" + "".join(f"{i}, {i / 7}\n" for i in range(40)),
]


def read_table(path: Path) -> None:
    refused = []
    for options in ({}, {"target": -1}, {"target": "kind", "task": "classification"}, {"header": False}):
        try:
            cr.data.read_csv(path, **options)
        except ChainruleError as error:
            refused.append(error)
    with contextlib.suppress(ChainruleError):
        cr.data.read(path, target="kind")
    if len(refused) == 4:
        raise refused[0]


ANY_TABLES = [
    "town,rooms,price,built\nUlm,3,1200.5,1999-12-31\nBonn,?,950,2004-05-01\nUlm,2,,2010-01-01\n",
    "a;b;c\n1,5;1.234,5;31.12.1999\n3;2;1.5.2004\n",
    'p,q,"r s"\n"$1,200",45 %,12/31/1999\n$85,5 %,1/2/2004\n',
    ",mpg,cyl\nMazda,21,6\nDatsun,22.8,4\n",
    "sep=;\n# a comment\nid;x\n1234567890123456789;01\n2;02\n",
    "2,2,rose,lily\n5.1,3.5,0\n6.2,3.4,1\n",
    "x  y\n 1   2.5\n 3   4\n",
    "n,m\n" + "".join(f"{i},{i / 7}\n" for i in range(300)) + "x,NA\n",
]
CELLS = [
    "", "NA", "?", "-", ".", "none", "inf", "-inf", "nan", "1e999", "-1e-999", "01234", "9" * 19, "9" * 400, "1_000",
    "1,234", "1.234", "1,234.5", "1.234,5", "1 234", "1'234", "1,23,456", "$1,200", "EUR 5", "45 %", "(12)", "+", "−5",
    "1/2/2024", "13/2/2024", "2/13/2024", "31.12.99", "2024-02-30", "0000-01-01",
    "9999-12-31T23:59:59-23:59", "1 Jan 2024", "0x10", "true", "²", "١٢", "½", "\u202e", "\x1b[31m",
    "a\nb", 'a"b', "\0", "\ufeff", "é" * 300, "#", "#N/A",
    "sep=,", "Unnamed: 0", " 5 ", "\u00a05", "5\u202f000", "1e5", "1E+400", "--5", "5-", "..5", "5..", ",5", "5,",
]  # fmt: skip
ENCODINGS = ["utf-8"] * 8 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7"]


def table_changed(data: bytes, rng: Rng) -> bytes:
    """A table with other cells, columns, lines, delimiter, ends of lines or encoding, most often well formed."""
    text = data.decode()
    delimiter = next(mark for mark in ";,  " if mark in text.splitlines()[-1])
    rows = [next(csv.reader([line], delimiter=delimiter), []) for line in text.splitlines()]
    for _ in several(rng):
        i, action = int(rng.integers(len(rows))), rng.integers(8)
        j = int(rng.integers(len(rows[i]) or 1))
        if action < 3 and rows[i]:
            rows[i][j] = str(one_of(CELLS, rng))
        elif action == 3:
            cells = [str(one_of(CELLS, rng)) for _ in range(int(rng.integers(1, 4)))]
            for row in rows[1:]:  # a whole column of such cells
                row[j : j + 1] = [str(one_of(cells, rng))]
        elif action == 4:
            rows.insert(i, [str(one_of(CELLS, rng)) for _ in range(len(rows[i]))])
        elif action == 5:
            rows = (rows * int(rng.integers(1, 40)))[:2000]
        elif action == 6:
            for row in rows[int(rng.integers(2)) :]:
                row.insert(j, str(one_of(CELLS, rng)))
        elif rows[i]:
            del rows[i][j]
    delimiter = delimiter if rng.random() < 0.6 else one_of([",", ";", "\t", "|", " "], rng)
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=one_of(["\n", "\n", "\r\n", "\r"], rng)).writerows(rows)
    made = out.getvalue().encode(one_of(ENCODINGS, rng), "replace")
    return gzip.compress(made, 1, mtime=0) if rng.random() < 0.1 else made


def read_any_table(path: Path) -> None:
    """Read a table without and with what may be told about it; what is read is whole."""
    options: list[dict[str, Any]] = [{}, {"header": False}, {"decimal": ",", "day_first": True, "missing": ["2", "x"]}]
    problem = None
    for told in options:
        try:
            table = cr.data.read_table(path, **told)
        except ChainruleError as error:
            problem = problem if told else error
            continue
        assert all(note.isprintable() for note in table.notes)
        assert table.lines is not None
        assert len(table.lines) == len(table)
        for name in table:
            column = table[name]
            assert len(column.texts()) == len(table)
            assert column.kind != "number" or not np.isinf(column.values).any()
            assert column.kind != "word" or column.values.max() < len(column.words)
        kinds = {name: table[name].kind for name in table}
        if not told:
            with contextlib.suppress(ChainruleError):  # where an order was found among other cells
                again = cr.data.read_table(path, kinds=kinds)
                assert [again[name].kind for name in again] == list(kinds.values())
    if problem is not None:
        raise problem


def npy(array: Any, version: tuple[int, int] | None = None) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), version)
    return stream.getvalue()


def npz(members: dict[str, bytes], method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def member_changed(data: bytes, rng: Rng) -> bytes:
    """An NPZ file in which one array is broken, or goes by another name, the ZIP around it whole."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = list(members)[rng.integers(len(members))]
    content = members.pop(name)
    content = npy_changed(content, rng) if rng.random() < 0.8 else content
    members[name if rng.random() < 0.7 else ["y.npy", "X", "\x1b[31m", "../X.npy", "x" * 300][rng.integers(5)]] = (
        content
    )
    return npz(members, zipfile.ZIP_DEFLATED if rng.random() < 0.5 else zipfile.ZIP_STORED)


def npy_changed(data: bytes, rng: Rng) -> bytes:
    """An NPY file with another header, its length right, or other values."""
    if rng.random() < 0.3:
        return bytes_changed(data, rng)
    length = int.from_bytes(data[8:10], "little")
    header = text_changed(data[10 : 10 + length], rng)[:60_000]
    return data[:8] + struct.pack("<H", len(header)) + header + data[10 + length :]


def unpacked_changed(data: bytes, rng: Rng) -> bytes:
    """A gzip file in which something else is packed."""
    return gzip.compress(bytes_changed(gzip.decompress(data), rng), mtime=0)


def read_arrays(path: Path) -> None:
    cr.data.read(path)


def read_npz(path: Path) -> None:
    with contextlib.suppress(ChainruleError):
        cr.data.read(path)
    cr.data.read_npz(path)


def read_npy(path: Path) -> None:
    with contextlib.suppress(ChainruleError):
        np.array(cr.data.read_npy(path))
    cr.data.read_npy(path, memory_map=False)


IDX = bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 3, *range(24)])
IDX_FLOATS = bytes([0, 0, 0x0D, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + np.arange(6, dtype=">f4").tobytes()

# ------------------------------------------------------------------ pictures


@cache
def pictures(kind: str) -> Sequence[bytes]:
    """Return pictures of a few kinds."""
    from PIL import Image

    pixels = np.arange(28 * 20, dtype=np.uint16).reshape(28, 20)
    grey = Image.fromarray((pixels % 256).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    clear = Image.merge("LA", [grey, grey])
    made: list[tuple[Any, dict[str, Any]]] = [(grey, {"exif": exif}), (grey.convert("RGB"), {})]
    if kind == "PNG":
        made += [(grey.convert("P"), {"transparency": 3}), (clear, {}), (Image.fromarray(pixels * 100), {})]
        made += [(grey.convert("1"), {}), (grey.convert("RGBA"), {})]
    else:
        made += [(grey, {"progressive": True}), (grey.convert("CMYK"), {"comment": b"hello"})]
    files = []
    for image, told in made:
        stream = io.BytesIO()
        image.save(stream, kind, **told)
        files.append(stream.getvalue())
    return files


@cache
def _seeing() -> tuple[cr.Network, recipes.Recipe]:
    return cr.Network([cr.Rescale(1 / 255), cr.Dense(10)], inputs=784), recipes.load("mnist")


def look_at(path: Path) -> None:
    network, recipe = _seeing()
    for told in (recipe, None):
        sample, notes = picture_as_sample(network, told, str(path))
        assert sample.shape == (1, 784)
        assert all(note.isprintable() for note in notes)


# ------------------------------------------------------------------ ONNX


def _onnx_models() -> Sequence[bytes]:
    f = onnx_forge
    whole = lambda name, *numbers: f.tensor(name, np.array(numbers, np.int64))  # noqa: E731 -- read as a word
    vector = f.tensor("v", np.array([0.5, 1.5, 2.5], np.float32))
    scalar = f.tensor("c", np.float32(2.0) * np.ones(()))
    square = f.tensor("q", np.eye(3, dtype=np.float32))
    h = f.node("Gemm", ["input", "w"], ["h"])
    many = [
        h,
        f.node("Relu", ["h"], ["a"]),
        f.node("Dropout", ["a"], ["b"], f.attribute("ratio", 0.25)),
        f.node("MatMul", ["b", "q"], ["d"]),
        f.node("Add", ["d", "v"], ["e"]),
        f.node("Softmax", ["e"], ["output"], f.attribute("axis", -1)),
    ]
    skip = [
        h,
        f.node("Gemm", ["h", "q", "v"], ["i"], f.attribute("transB", 1), f.attribute("alpha", 0.5)),
        f.node("Tanh", ["i"], ["j"]),
        f.node("Add", ["h", "j"], ["output"]),
    ]
    branches = [
        h,
        f.node("Sigmoid", ["h"], ["s"]),
        f.node("Mul", ["h", "s"], ["t"]),
        f.node("Elu", ["h"], ["u"], f.attribute("alpha", 0.5)),
        f.node("Concat", ["t", "u"], ["output"], f.attribute("axis", 1)),
    ]
    shapes = [
        h,
        f.node("Reshape", ["h", "shape"], ["a"]),
        f.node("Transpose", ["a"], ["b"], f.attribute("perm", (0, 1, 2))),
        f.node("Slice", ["b", "one", "three", "one"], ["d"]),
        f.node("Unsqueeze", ["d", "one"], ["e"]),
        f.node("Squeeze", ["e", "one"], ["g"]),
        f.node("ReduceMean", ["g", "one"], ["i"], f.attribute("keepdims", 1)),
        f.node("Flatten", ["i"], ["output"]),
    ]
    arithmetic = [
        f.node("Sub", ["input", "c"], ["a"]),
        f.node("Div", ["a", "c"], ["b"]),
        f.node("Gemm", ["b", "w"], ["d"]),
        f.node("Cast", ["d"], ["output"], f.attribute("to", 1)),
    ]
    weights = f.tensor("w", f.WEIGHTS)
    tensors = [weights, vector, scalar, square, whole("shape", -1, 3, 1), whole("one", 1), whole("three", 3)]
    of_nodes = (many, skip, branches, shapes, arithmetic)
    return [f.GOOD, _table_model(), *(f.model(f.graph(nodes, tensors, more=b"")) for nodes in of_nodes)]


def _table_model() -> bytes:
    """Return a file that takes a column of numbers with gaps, and one of words."""
    f = onnx_forge
    ml = {"domain": "ai.onnx.ml"}
    texts = lambda name, *words: f.field(1, name) + b"".join(f.field(9, word) for word in words) + f.field(20, 8)  # noqa: E731
    nodes = [
        f.node("IsNaN", ["a"], ["gaps"]),
        f.node("Where", ["gaps", "c", "a"], ["filled"]),
        f.node("Cast", ["gaps"], ["flag"], f.attribute("to", 1)),
        f.node("LabelEncoder", ["k"], ["code"], texts("keys_strings", b"x", b"y", b""),
               f.attribute("values_int64s", (0, 1, 0)), f.attribute("default_int64", -1), **ml),
        f.node("Equal", ["code", "places"], ["found"]),
        f.node("Cast", ["found"], ["words"], f.attribute("to", 1)),
        f.node("OneHotEncoder", ["k"], ["hot"], texts("cats_strings", b"x", b"y"), f.attribute("zeros", 1), **ml),
        f.node("Scaler", ["filled"], ["scaled"], f.attribute("scale", 0.5), **ml),
        f.node("Concat", ["filled", "flag", "words"], ["f"], f.attribute("axis", 1)),
        f.node("Gemm", ["f", "w"], ["output"]),
    ]  # fmt: skip
    weights, places = np.ones((4, 3), np.float32), np.array([[0, 1]])
    tensors = [f.tensor("w", weights), f.tensor("c", np.float32([2])), f.tensor("places", places)]
    inputs = [f.value("a", "n", 1), f.value("k", "n", 1, kind=8)]
    told = f.field(14, f.field(1, "table") + f.field(2, '{"target": "t", "index": null, "ignored": ["i"]}'))
    return f.model(f.graph(nodes, tensors, inputs), more=told + f.field(8, f.opset(3, "ai.onnx.ml")))


def load_onnx(path: Path) -> None:
    network = onnx.load(path)
    if np.prod(network.sample_shape or ()) < 10_000:
        cr.predict(network, np.zeros((2, *(network.sample_shape or ()))))


# ------------------------------------------------------------------ weights of PyTorch and Keras


def _state_dicts() -> Sequence[bytes]:
    w, b = np.ones((4, 3), np.float32), np.ones(4, np.float32)
    first = {"0.weight": w, "0.bias": b, "2.weight": np.ones((2, 4), np.float32)}
    second = {"dense/kernel": w.astype(np.float64), "dense/bias": np.ones(3), "head/kernel": np.ones((3, 1))}
    return [_safetensors(first), _safetensors(second)]


def _safetensors(arrays: dict[str, np.ndarray]) -> bytes:
    table: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    stop = 0
    for name, array in arrays.items():
        start, stop = stop, stop + array.nbytes
        table[name] = {
            "dtype": forge.CODES[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [start, stop],
        }
    return signed(compact(table), b"".join(array.tobytes() for array in arrays.values()))


def weights_header_changed(data: bytes, rng: Rng) -> bytes:
    """Weights whose header is another, with the right length."""
    length = int.from_bytes(data[:8], "little")
    header: Any = json.loads(data[8 : 8 + length])
    for _ in several(rng):
        header = data_changed(header, rng)
    return signed(compact(header), data[8 + length :])


def load_weights(path: Path) -> None:
    with contextlib.suppress(ChainruleError):
        cr.torch.load(path, cr.ReLU())
    cr.torch.load_weights(path)


# ------------------------------------------------------------------ recipes and runs

NAMES = ("xor", "xor-document", "spirals", "digits")


def _recipes() -> Sequence[bytes]:
    listed = """layers = [{ type = "Dense", units = 3, initializer = { type = "He" } }, { type = "Tanh" },
        { type = "Residual", layers = [{ type = "Dense", units = 3 }] }, { type = "Dense", units = 1 }]
        loss = { type = "Huber", delta = 0.5 }
        optimizer = { type = "SGD", momentum = 0.9 }
        phases = [{ epochs = 2, learning_rate = 0.1 },
            { epochs = 3, learning_rate = { type = "OneCycle", maximum_learning_rate = 1 } }]
        data = { name = "curve", samples = 40, noise = 0.1, validation = 0.2, test = 5, scale = "standard" }"""
    return [recipes.to_toml(recipes.load(name)).encode() for name in NAMES] + [listed.encode()]


def toml_changed(data: bytes, rng: Rng) -> bytes:
    """A recipe of which some decisions are others."""
    raw: Any = tomllib.loads(data.decode())
    for _ in several(rng):
        raw = data_changed(raw, rng)
    try:
        return tomli_w.dumps(raw if isinstance(raw, dict) else {"x": raw}).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, AttributeError, RecursionError):  # what TOML has no word for
        return text_changed(data, rng)


def build_recipe(path: Path) -> None:
    recipe = recipes.load(path)
    if (recipe.data.samples or 0) > 1000 or recipe.data.name in ("mnist", "fashion-mnist"):
        return
    with little_memory():
        build(recipe, gather(recipe))
    assert recipes.from_toml(recipes.to_toml(recipe), "again").name == recipe.name


@cache
def run_files() -> dict[str, bytes]:
    """Return the files of a run."""
    with tempfile.TemporaryDirectory() as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recipe = recipes.override(recipes.load("spirals"), epochs=4)
        folder = Path(recipes.run(recipe, out=out).run)
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def json_lines_changed(data: bytes, rng: Rng) -> bytes:
    """Lines of JSON of which some say something else."""
    lines = data.splitlines()
    for _ in several(rng):
        i = rng.integers(len(lines))
        lines[i] = compact(data_changed(json.loads(data.splitlines()[i]), rng))
    return b"\n".join(lines) + b"\n"


def json_changed(data: bytes, rng: Rng) -> bytes:
    """JSON that says something else."""
    changed: Any = json.loads(data)
    for _ in several(rng):
        changed = data_changed(changed, rng)
    return compact(changed)


def _look_at_run(name: str) -> Callable[[Path], None]:
    def look(path: Path) -> None:
        folder = path.parent / "runs" / "spirals-001"
        if not folder.exists():
            folder.mkdir(parents=True)
            for other, content in run_files().items():
                (folder / other).write_bytes(content)
        (folder / name).write_bytes(path.read_bytes())
        assert len(recipes.list_runs(folder.parent)) == 1  # one bad folder doesn't break it for the others
        record = recipes.open_run(folder)
        recipes.compare(record, record)
        repr((record.state, record.figures, record.history))

    return look


_MODEL = (bytes_changed, header_changed, header_text_changed, contents_changed)

FORMATS: dict[str, Format] = {
    "models": Format(lambda: [Forgery().file()], _MODEL, load_and_save),
    "descriptions": Format(
        lambda: [compact(Forgery().description)], [description_changed], rebuild_twice, refused=False
    ),
    **{
        f"checkpoints, {way}": Format(
            lambda way=way: _checkpoints(way), (training_changed, training_changed, *_MODEL), _resume(way)
        )
        for way in WAYS
    },
    "CSV": Format(
        lambda: [table.encode() for table in TABLES], (bytes_changed, text_changed, lines_changed), read_table, ".csv"
    ),
    "tables": Format(
        lambda: [table.encode() for table in ANY_TABLES],
        (table_changed, table_changed, table_changed, bytes_changed, text_changed, lines_changed),
        read_any_table,
        ".csv",
    ),
    "NPZ": Format(
        lambda: [
            npz({"X.npy": npy(X[:3]), "y.npy": npy(LABELS[:3])}, zipfile.ZIP_DEFLATED),
            npz({"X.npy": npy(X[:3]), "y.npy": npy(X[:3, :1])}, zipfile.ZIP_STORED),
        ],
        (bytes_changed, zip_changed, member_changed),
        read_npz,
    ),
    "NPY": Format(lambda: [npy(X[:3]), npy(LABELS.astype("<i2"))], (bytes_changed, npy_changed), read_npy),
    "IDX": Format(lambda: [IDX, IDX_FLOATS], [bytes_changed], read_arrays),
    "packed IDX": Format(
        lambda: [gzip.compress(IDX, mtime=0), gzip.compress(IDX_FLOATS, mtime=0)],
        (bytes_changed, unpacked_changed),
        read_arrays,
    ),
    "PNG": Format(lambda: pictures("PNG"), (bytes_changed, png_changed), look_at, own=False),
    "JPEG": Format(lambda: pictures("JPEG"), (bytes_changed, jpeg_changed), look_at, own=False),
    "ONNX": Format(_onnx_models, (bytes_changed, protobuf_changed, protobuf_changed), load_onnx),
    "weights": Format(_state_dicts, (bytes_changed, weights_header_changed), load_weights),
    "recipes": Format(_recipes, (bytes_changed, text_changed, toml_changed, toml_changed), build_recipe, ".toml"),
    "logs of runs": Format(
        lambda: [run_files()["log.jsonl"]],
        (bytes_changed, text_changed, lines_changed, json_lines_changed, json_lines_changed),
        _look_at_run("log.jsonl"),
        refused=False,
    ),
    "results of runs": Format(
        lambda: [run_files()["result.json"]],
        (bytes_changed, text_changed, json_changed),
        _look_at_run("result.json"),
        refused=False,
    ),
    "recipes of runs": Format(
        lambda: [run_files()["recipe.toml"]], (text_changed, toml_changed), _look_at_run("recipe.toml"), refused=False
    ),
    "environments of runs": Format(
        lambda: [run_files()["environment.json"]],
        (bytes_changed, text_changed, json_changed),
        _look_at_run("environment.json"),
        refused=False,
    ),
}


def broken(name: str, index: int) -> bytes:
    """Return a broken file of a format: the same each time."""
    kind = FORMATS[name]
    rng = np.random.default_rng([index, *name.encode()])
    good = _good(name)
    change = kind.changes[index % len(kind.changes)]
    return change(copy.copy(good[int(rng.integers(len(good)))]), rng)


@cache
def _good(name: str) -> Sequence[bytes]:
    return FORMATS[name].good()
