"""What brings people to the wrong verb: a file of another format, by its name or its first bytes, or an object.

A file called ``m.pt`` that holds something else misleads whoever opens it next, so a model is not written under the
ending of another format, nor looked for there. Whoever passes the wrong thing is told what it is, and the right call.
Nothing is opened for that but the file itself, and nothing in it is executed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from chainrule.data.opening import shown
from chainrule.errors import FileError, InputError

# What programs there write as safetensors, so that no pickle needs to be opened.
SAVE_PYTORCH = "safetensors.torch.save_file(model.state_dict(), 'model.safetensors')"
SAVE_KERAS = "safetensors.numpy.save_file({v.path: v.numpy() for v in model.trainable_weights}, 'model.safetensors')"
_THEN = "and here cr.torch.load('model.safetensors', cr.ReLU())"


class Format(NamedTuple):
    """What a file is, how such a one is written, and how to read what it holds; ``{path}`` is its name."""

    what: str
    to_write: str
    to_read: str


_PICKLE = Format(
    "a pickle, which can run code when it is opened",
    "Write cr.save(network, 'model.safetensors')",
    "Where it comes from, save the network with cr.save(network, 'model.safetensors'); a model of PyTorch's with "
    f"{SAVE_PYTORCH}; one of scikit-learn's with skl2onnx.to_onnx, for cr.onnx.load",
)
FORMATS = {
    "pytorch": Format(
        "a PyTorch file, which is pickled",
        "Write cr.save(network, 'model.safetensors'), to come back here; cr.torch.save is for PyTorch to read",
        f"In PyTorch run {SAVE_PYTORCH}, {_THEN}",
    ),
    "onnx": Format("an ONNX file", "Write cr.onnx.save(network, 'model.onnx')", "Write cr.onnx.load({path})"),
    "onnx weights": Format(
        "the weights that lie beside an ONNX file",
        "Write cr.onnx.save(network, 'model.onnx')",
        "Write cr.onnx.load with the name of the ONNX file itself, which finds them",
    ),
    "keras": Format(
        "a Keras file",
        "Write cr.onnx.save(network, 'model.onnx'), or cr.save(network, 'model.safetensors') to come back here",
        f"In Keras run {SAVE_KERAS}, {_THEN}",
    ),
    "pickle": _PICKLE,
    "program": Format(
        "a program",
        "Write cr.numpy_page.save(network, 'model.py')",
        "Import it as Python does; cr.load reads what cr.save wrote",
    ),
    "numpy": Format(
        "arrays of NumPy's",
        "Write cr.numpy_page.save(network, 'model.py', weights='beside'), or cr.save(network, 'model.safetensors')",
        "Open it with numpy.load; cr.load reads what cr.save wrote",
    ),
    "zip": Format(
        "a ZIP archive, as PyTorch, Keras and NumPy write them",
        "Write cr.save(network, 'model.safetensors')",
        f"If PyTorch wrote it, run {SAVE_PYTORCH} there, {_THEN}",
    ),
    "table": Format(
        "a table, and no model",
        "Write cr.save(network, 'model.safetensors')",
        "Read it with cr.data.read_table({path}); a command takes the run of a network that learns from it: "
        "chainrule train {path} --target COLUMN",
    ),
    "gzip": Format("a gzip archive", "Write cr.save(network, 'model.safetensors')", "Unpack it first: gunzip"),
    "safetensors": Format(
        "a model file, or PyTorch's weights",
        "Write cr.save(network, 'model.safetensors'), or cr.torch.save for PyTorch",
        "Write cr.load({path}), or cr.torch.load where PyTorch or Keras wrote it",
    ),
    "own": Format(
        "a model file of chainrule's", "Write cr.save(network, 'model.safetensors')", "Write cr.load({path})"
    ),
}
_ENDINGS = {
    **dict.fromkeys((".pt", ".pth", ".ckpt"), "pytorch"),
    ".onnx": "onnx",
    **dict.fromkeys((".h5", ".hdf5", ".keras"), "keras"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "pickle"),
    ".py": "program",
    **dict.fromkeys((".npz", ".npy"), "numpy"),
    ".safetensors": "safetensors",
    **dict.fromkeys((".csv", ".tsv"), "table"),
    ".gz": "gzip",
}
LONGEST_START = 4096  # bytes by which a file is told


def expect_ending(where: str, path: object, *own: str) -> None:
    """Raise if a file's name ends as another format's does, and not in one of these endings.

    Parameters
    ----------
    where : str
        Who speaks: what ends in ``save`` is told how to write the other format, what ends in ``load`` how to read it.
    path : path
        Anything else is left to who opens it.
    *own : str
        The endings of this format.
    """
    if not isinstance(path, (str, os.PathLike)):
        return
    name = os.fsdecode(os.fspath(path))
    ending = os.path.splitext(name)[1].lower()
    kind = "onnx weights" if name.lower().endswith(".onnx.data") else _ENDINGS.get(ending)
    if kind is not None and ending not in own:
        found = FORMATS[kind]
        raise FileError(
            where,
            given=f"{os.path.basename(name)!r}, by its name {found.what}",
            expected=f"a name that ends in {own[0]}",
            fix=found.to_write if where.endswith("save") else found.to_read.replace("{path}", shown(path)),
        )


def expect_another(where: str, path: object, start: bytes, own: str, expected: str) -> None:
    """Raise if a file begins as one of another format does.

    Parameters
    ----------
    where, path
        Who speaks, and the file.
    start : bytes
        Its first bytes, `LONGEST_START` of them or all.
    own : str
        The key in `FORMATS` of what is read here.
    expected : str
    """
    kind = kind_of(start)
    if kind not in (None, own):
        found = FORMATS[kind]
        raise FileError(where, given=found.what, expected=expected, fix=found.to_read.replace("{path}", shown(path)))


def kind_of(start: bytes) -> str | None:
    """Return the key in `FORMATS` of a file that begins like this; None if it may be anything."""
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 40:
        return "own" if b'"format":"chainrule"' in start else "safetensors"
    if start.startswith(b"PK\x03\x04"):
        name = start[30:130]  # of the first file in it
        if b".npy" in name:
            return "numpy"
        if b"data.pkl" in start or b".format_version" in name:
            return "pytorch"
        return "keras" if b"metadata.json" in name or b"config.json" in name else "zip"
    for magic, kind in ((b"\x89HDF", "keras"), (b"\x93NUMPY", "numpy"), (b"\x1f\x8b", "gzip")):
        if start.startswith(magic):
            return kind
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    # An ONNX model opens with its version and then its producer, its graph or its operators.
    if start[:1] == b"\x08" and start[1:2] < b"\x20" and start[2:3] in (b"\x12", b"\x1a", b"\x3a", b"\x42"):
        return "onnx"
    return None


def expect_source(where: str, value: Any, expected: str, fix: str, *, mapping: bool = False) -> None:
    """Raise if what should be read is an object of another library's, or a checkpoint around a state dict.

    Parameters
    ----------
    where : str
    value : object
    expected, fix : str
        What is read here, and how, for objects that nobody knows.
    mapping : bool, default False
        Whether a state dict is read here too.
    """
    if isinstance(value, (str, bytes, os.PathLike)) or hasattr(value, "read"):
        return
    given, right = _known_object(value)
    if isinstance(value, Mapping):
        inside = next((key for key, part in value.items() if isinstance(part, Mapping)), None)
        if inside is not None:
            given = f"a checkpoint, whose weights are in {inside!r}"
            right = f"Pass what is in it: cr.torch.load(checkpoint[{inside!r}], cr.ReLU())"
        elif mapping:
            return
    raise InputError(where, given=given or shown(value), expected=expected, fix=right or fix)


def _known_object(value: Any) -> tuple[str, str]:
    """Return what an object of another library is, and the call for it; nothing if it isn't known."""
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if callable(getattr(value, "state_dict", None)) and callable(getattr(value, "parameters", None)):
        return (
            f"a module of PyTorch's, {type(value).__name__}",
            "Pass its weights: cr.torch.load(model.state_dict(), cr.ReLU())",
        )
    if hasattr(value, "trainable_weights"):
        return (
            f"a model of Keras', {type(value).__name__}",
            "Pass its weights: cr.torch.load({v.path: v.numpy() for v in model.trainable_weights}, cr.ReLU())",
        )
    if hasattr(value, "SerializeToString"):
        return "an ONNX model in memory", "Write it to a file, onnx.save(model, 'model.onnx'), and cr.onnx.load that"
    if name.startswith("chainrule.") and hasattr(value, "layers"):
        return "a network", "Use it as it is, or a copy: network.copy()"
    if isinstance(value, Mapping):
        return "a mapping of names", "Of a state dict: cr.torch.load(state_dict, cr.ReLU())"
    if hasattr(value, "predict") and hasattr(value, "get_params"):
        return (
            f"an estimator of scikit-learn's, {type(value).__name__}",
            "Write it with skl2onnx.to_onnx(model, X[:1]).SerializeToString() to a file, and cr.onnx.load that",
        )
    if isinstance(value, Iterable):
        return (
            f"a {type(value).__name__} of values without names",
            "Pass model.state_dict() of a PyTorch model, in which each has its name",
        )
    return "", ""
