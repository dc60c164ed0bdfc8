"""Weights of PyTorch's Linear layers, in and out, and of Keras' Dense layers, in: safetensors files, never pickles.

PyTorch keeps weights as (outputs, inputs) and names them by the layer's place, ``0.weight``; here they are
(inputs, outputs). Reading transposes, writing transposes back. Keras calls them ``kernel`` and has them as they are
here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from chainrule import checks
from chainrule.column_names import listed
from chainrule.data.limits import within_memory
from chainrule.data.opening import file_size, open_file, read_exactly, shown
from chainrule.errors import FileError, InputError, InputWarning, warn_user
from chainrule.files import strict_json
from chainrule.files.atomic import Path
from chainrule.files.formats import LONGEST_START, SAVE_PYTORCH, expect_another, expect_ending, expect_source
from chainrule.files.layer_order import orders
from chainrule.files.safetensors import LONGEST_HEADER, MOST_MARKS, Contents, marks, write
from chainrule.nn import Dense, Dropout, Network, PReLU, Rescale
from chainrule.nn.layer import LayerLike
from chainrule.ops import GELU, Array, Clip, Flatten, Identity, Op, Unscale
from chainrule.optim import Optimizer

LayerWeights: TypeAlias = "tuple[Array, Array | None]"
Activations: TypeAlias = "LayerLike | Sequence[LayerLike | Sequence[LayerLike] | None]"

_ENTRY = {"dtype", "shape", "data_offsets"}
_AS_ONNX = "cr.onnx.save, or chainrule export RUN --to onnx"
_WRITE_ONNX = f"Write ONNX instead: {_AS_ONNX}"
_EXPECTED = "weights and biases of Linear layers only"
_CONVERT = f"In PyTorch run {SAVE_PYTORCH}"
_OTHERWISE = "For other networks, export ONNX from PyTorch and use cr.onnx.load"
_FOLDED = (
    "Export ONNX instead, which says where it stands: torch.onnx.export(model.eval(), (x,), 'model.onnx'), and here "
    "cr.onnx.load('model.onnx'), which folds it into the layer before"
)
# safetensors' names of what a state dict may hold; what is no float is refused by the name of its layer.
_READ = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1", "BOOL": "?"}
_HALVES = ("F16", "BF16")
_IN_FULL = "Take model.float().state_dict(), which has float32 numbers"
_AGAIN = "It is damaged or no safetensors file: write it again"


@checks.keywords
@within_memory("torch.load")
def load_weights(source: Path | Mapping[str, Any], *, order: Sequence[str] | None = None) -> list[LayerWeights]:
    """Return the weights and the bias of each Linear or Dense layer in a state dict, the first layer first.

    Parameters
    ----------
    source : path or mapping
        A safetensors file, or ``model.state_dict()`` itself; of Keras,
        ``{v.path: v.numpy() for v in model.trainable_weights}``. Numbers in the names say the order, ``2.weight``
        before ``10.weight``; where words differ, the shapes do, if the layers fit together in one order only.
    order : sequence of str, optional
        The layers' names in the order of their use, where that is not enough: ``["encoder", "head"]``.

    Returns
    -------
    list of (weights, bias)
        Weights (inputs, outputs), contiguous; bias (outputs,), None if the layer has none.

    Raises
    ------
    FileError
        If the file is missing, damaged, or of another format. A pickle (``.pt``), which can run code, is never opened.
    InputError
        If there is something other than Linear layers in it, if they don't fit together in this order, or if neither
        names nor shapes say which order that is.

    Notes
    -----
    A tensor that two layers share, and that safetensors' ``save_model`` wrote once, is found under both names; here the
    layers are two, which learn apart.
    """
    expect_source("torch.load", source, "a safetensors file, or a state dict", "Pass a path", mapping=True)
    if isinstance(source, Mapping):
        arrays = {str(name): _array(str(name), value) for name, value in source.items()}
    else:
        arrays = _read(source)
    layers: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        layer, _, kind = name.replace("/", ".").rpartition(".")
        if kind == "kernel" and array.ndim == 2:
            kind, array = "weight", array.T
        if kind in layers.get(layer, ()):
            _refuse(f"{shown(name)} beside another {kind} of {shown(layer)}", "one of them")
        layers.setdefault(layer, {})[kind] = array
    for layer, parts in layers.items():
        _expect_linear(layer, parts)
    names = _in_order(layers, order)
    return [_layer(name, layers[name], layers[before] if before else None) for before, name in zip(["", *names], names)]


def _expect_linear(layer: str, parts: Mapping[str, Array]) -> None:
    """Raise unless these are the weights and the bias of a Linear layer."""
    shapes = {kind: array.shape for kind, array in parts.items()}
    weight = shapes.get("weight", (0, 0))
    if "running_mean" in parts or "num_batches_tracked" in parts:
        _refuse(f"{shown(layer)}, a batch normalisation", _EXPECTED, _FOLDED)
    if len(weight) == 1:
        _refuse(f"{shown(layer)} with weights {weight}, a normalisation or a PReLU", _EXPECTED)
    if len(weight) > 2:
        _refuse(f"{shown(layer)} with weights {weight}, a convolution", _EXPECTED, "Take out the layers behind it")
    for kind, shape in shapes.items():
        if (kind, len(shape)) not in (("weight", 2), ("bias", 1)):
            name = f"{layer}.{kind}" if layer else kind
            _refuse(f"{shown(name)} with shape {shape}", _EXPECTED)
    for kind, array in parts.items():
        if array.dtype not in (np.float32, np.float64) or 0 in array.shape:
            name = f"{layer}.{kind}" if layer else kind
            given, expected = f"{shown(name)} of {array.dtype} with shape {array.shape}", "float32 or float64 numbers"
            if array.dtype == np.float16:
                _refuse(given, expected, _IN_FULL)
            _refuse(given, expected)


def _in_order(layers: Mapping[str, Mapping[str, Array]], order: Sequence[str] | None) -> list[str]:
    """Return the names of the layers in the order of their use."""
    if order is not None:
        given = [str(name).replace("/", ".") for name in order] if isinstance(order, (list, tuple)) else []
        if sorted(given) != sorted(layers):
            _refuse(f"order={shown(order)}", f"each of {sorted(layers)} once", "Name each of them once")
        return given
    orderless = [name for name, parts in layers.items() if "weight" not in parts]
    if orderless:
        _refuse(f"a bias {shown(orderless[0])} without weights", "both")
    found = orders({name: parts["weight"].shape[::-1] for name, parts in layers.items()})
    names = shown(sorted(layers))
    if not found:
        _refuse(f"the layers {names}, which fit together in no order", "layers one after the other")
    if len(found) > 1:
        _refuse(
            f"the layers {names}, which fit together in more than one order",
            "names or shapes that say in which they are used",
            "Name each once, the first layer first: order=['first', 'second'], or --order first,second",
        )
    return found[0]


@checks.keywords
@within_memory("torch.load")
def load(
    source: Path | Mapping[str, Any],
    activations: Activations,
    *,
    loss: Op | None = None,
    optimizer: Optimizer | None = None,
    classes: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    seed: int = 0,
) -> Network:
    """Return a network of dense layers with the weights of a PyTorch state dict; the activations aren't in it.

    Parameters
    ----------
    source, order
        See `load_weights`.
    activations : layer, or sequence of layers
        One for all hidden layers, such as ``cr.ReLU()``; or what follows each layer, in order: a layer, a list of them,
        or None. The last layer's may be left out.
    loss, optimizer, classes, seed
        See `Network`. For logits pass ``loss=cr.SoftmaxCrossEntropy()``.

    Examples
    --------
    >>> import chainrule as cr
    >>> state_dict = {"0.weight": np.ones((3, 2), np.float32), "2.weight": np.ones((1, 3), np.float32)}
    >>> cr.torch.load(state_dict, cr.Tanh()).layers
    [Dense(3, inputs=2, use_bias=False), Tanh(), Dense(1, inputs=3, use_bias=False)]
    """
    numbers = load_weights(source, order=order)
    if not numbers:
        _refuse("no layers", "at least one Linear layer")
    following: list[Any]
    if isinstance(activations, (str, bytes)) or not isinstance(activations, Sequence):
        following = [activations] * (len(numbers) - 1) + [None]
    else:
        following = [*activations, *[None] * (len(activations) == len(numbers) - 1)]
    if len(following) != len(numbers):
        _refuse(f"{len(following)} activations for {len(numbers)} layers", "one for each, or for each but the last")
    layers: list[LayerLike] = []
    dense: list[Dense] = []
    for (weights, bias), after in zip(numbers, following):
        dense.append(Dense(weights.shape[1], inputs=weights.shape[0], use_bias=bias is not None))
        layers.append(dense[-1])
        layers += [] if after is None else list(after) if isinstance(after, (list, tuple)) else [after]
    dtype = str(np.result_type(*(weights for weights, _ in numbers)))
    network = Network(layers, loss, optimizer, classes=classes, dtype=dtype, seed=seed)
    for layer, (weights, bias) in zip(dense, numbers):
        layer.weights.assign(weights)
        if bias is not None:
            layer.bias.assign(bias)
    return network


@checks.keywords
def save(network: Network, path: Path) -> str:
    """Write a network's weights as the state dict of a PyTorch Sequential with the same layers in the same places.

    ``[Dense, Tanh, Dense]`` gives ``0.weight``, ``0.bias``, ``2.weight``, ``2.bias``; a network inside of a network is
    a Sequential inside of a Sequential. Scaling before a dense layer becomes part of that layer's weights, and an
    Identity stands in its place; dropout may lie between, where the scaling has no offset. In
    PyTorch: ``model.load_state_dict(safetensors.torch.load_file(path))``.

    A preparation has no place there: the module takes ``network.preparation.features(table)``, columns in the order of
    ``network.preparation.feature_names``. A warning says so.

    Returns
    -------
    str
        The expression that makes the module, such as ``nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))``;
        with ``.double()`` at its end where the network is in float64.

    Raises
    ------
    InputError
        If a layer has numbers that no Linear layer has.
    MisuseError
        If the network is not built.
    FileError
        If the file can't be written.
    """
    checks.instance("torch.save", network, Network, "a cr.Network")
    expect_ending("torch.save", path, ".safetensors")
    network.graph("prediction")  # raises if the network is not built
    writer = _SequentialWriter()
    module = writer.sequential(network.layers, "")
    writer.expect_taken_up(None)
    write(path, Contents({"format": "pt"}, writer.tensors), where="torch.save")
    preparation = network.preparation
    if preparation is not None and preparation.feature_names != preparation.names:
        warn_user(
            InputWarning(
                "torch.save",
                given=f"a network that makes {len(preparation.feature_names)} features of the columns "
                f"{listed(preparation.names)}",
                expected="samples of numbers: the file has the layers alone, and no preparation",
                fix="Feed it with network.preparation.features(table), in the order of "
                f"network.preparation.feature_names, or write ONNX, which takes the columns: {_AS_ONNX}",
            )
        )
    return f"{module}.double()" if network.dtype == "float64" else module


class _SequentialWriter:
    """Collects the numbers of layers, and says which modules of PyTorch have them.

    Scaling waits until a dense layer takes it up; what lies between must do the same to scaled and unscaled numbers.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Array] = {}
        self._waiting: list[Rescale] = []
        self._before: tuple[LayerLike, str] | None = None  # the layer that came last, and its prefix

    def sequential(self, layers: Sequence[LayerLike], prefix: str) -> str:
        """Return the module of layers, one after the other."""
        parts = [part for layer in layers for part in _parts(layer)]
        modules = []
        for i, layer in enumerate(parts):
            modules.append(self.module(layer, f"{prefix}{i}."))
            if not isinstance(layer, Network):
                self._before = layer, f"{prefix}{i}."
        return f"nn.Sequential({', '.join(modules)})"

    def module(self, layer: LayerLike, prefix: str) -> str:
        """Return the module of one layer."""
        if type(layer) is Dense:
            weights, bias = self._folded(layer)
            self.tensors[f"{prefix}weight"] = np.ascontiguousarray(weights.T)
            if bias is not None:
                self.tensors[f"{prefix}bias"] = bias
            return f"nn.Linear({', '.join(map(str, weights.shape))}{', bias=False' if bias is None else ''})"
        if isinstance(layer, Network):
            return self.sequential(layer.layers, prefix)
        if isinstance(layer, Rescale):
            self._waiting.append(layer)
            return "nn.Identity()"
        if isinstance(layer, Unscale):
            self._unscale(layer)
            return "nn.Identity()"
        if self._waiting and not self._passes(layer):
            self.expect_taken_up(layer)
        if isinstance(layer, Dropout):
            return f"nn.Dropout({layer.rate!r})"
        if type(layer) is PReLU:
            self.tensors[f"{prefix}weight"] = layer.slope.value
            return f"nn.PReLU({len(layer.slope.value)})"
        if isinstance(layer, Op) and (module := _module(layer)):
            return f"nn.{module}"
        raise InputError(
            "torch.save",
            given=f"{layer!r}"[:120],
            expected="dense layers, scaling before them and at the end, dropout, and activations that PyTorch has too",
            fix=_WRITE_ONNX,
        )

    def _passes(self, layer: LayerLike) -> bool:
        """Return whether a layer may stand between waiting scaling and the dense layer that takes it up.

        Dropout sets to 0 what came in: with an offset that is not what it does to the scaled numbers.
        """
        if isinstance(layer, Dropout):
            return all(not np.any(scaling.offset) for scaling in self._waiting)
        if isinstance(layer, Flatten):
            return all(np.ndim(scaling.scale) == np.ndim(scaling.offset) == 0 for scaling in self._waiting)
        return isinstance(layer, Identity)

    def expect_taken_up(self, behind: LayerLike | None) -> None:
        """Raise if scaling still waits for a dense layer: behind it is this layer, or nothing."""
        if not self._waiting:
            return
        expected = "a dense layer directly behind it, whose weights it becomes part of"
        if isinstance(behind, Dropout):
            expected = "no offset before a dropout, which in PyTorch sets to 0 what is not scaled yet"
        elif isinstance(behind, Flatten):
            expected = "one number for all features before they are flattened"
        raise InputError(
            "torch.save",
            given=f"{self._waiting[-1]!r:.80} with {'nothing' if behind is None else repr(behind)[:80]} behind it",
            expected=expected,
            fix=_WRITE_ONNX,
        )

    def _unscale(self, last: Unscale) -> None:
        """Have the dense layer before it give its outputs their unit."""
        before, prefix = self._before or (None, "")
        if type(before) is not Dense or not before.use_bias or (last.exact and before.weights.dtype == np.float32):
            raise InputError(
                "torch.save",
                given=f"{last!r:.80} behind {before!r:.60}",
                expected="a dense layer with a bias before it, whose float32 numbers can take it up",
                fix=_WRITE_ONNX,
            )
        weights, bias = self.tensors[f"{prefix}weight"], self.tensors[f"{prefix}bias"]
        scale = np.broadcast_to(np.array(last.scale), bias.shape)
        self.tensors[f"{prefix}weight"] = (weights * scale[:, None]).astype(weights.dtype)
        self.tensors[f"{prefix}bias"] = (bias * scale + np.array(last.offset)).astype(bias.dtype)

    def _folded(self, layer: Dense) -> LayerWeights:
        """Return a layer's weights and bias, those of (x − offset) · scale @ weights + bias if scaling waits for it."""
        dtype = layer.weights.value.dtype
        weights, bias = layer.weights.value, layer.bias.value if layer.use_bias else None
        for scaling in reversed(self._waiting):
            if scaling.exact and dtype == np.float32:
                raise InputError(
                    "torch.save",
                    given=f"{scaling!r:.80}, whose offset float32 weights can't take up",
                    expected="scaling that leaves float32 its digits",
                    fix=f"Scale the samples beforehand, or write ONNX instead: {_AS_ONNX}",
                )
            scale, offset = (
                np.broadcast_to(np.asarray(one, np.float64), len(weights)) for one in (scaling.scale, scaling.offset)
            )
            weights = scale[:, None] * weights
            if offset.any():
                bias = (0 if bias is None else bias) - offset @ weights
        self._waiting.clear()
        return weights.astype(dtype), None if bias is None else bias.astype(dtype)


def _parts(layer: LayerLike) -> list[LayerLike]:
    """Return what PyTorch has a module each for: of a dense layer with an activation the one and the other."""
    return [layer, layer.activation] if type(layer) is Dense and layer.activation is not None else [layer]


def _module(op: Op) -> str | None:
    """Return the module of PyTorch that does what an op does, with its settings."""
    if type(op) is GELU:
        return "GELU(approximate='tanh')" if op.approximate else "GELU()"
    if type(op) is Clip and op.low is not None and op.high is not None:
        return f"Hardtanh({op.low!r}, {op.high!r})"
    return op.torch and op.torch.format(**{name: repr(value) for name, value in op.settings().items()})


def _layer(name: str, arrays: dict[str, Array], before: dict[str, Array] | None) -> LayerWeights:
    """Return a layer's weights and bias, refused if they don't fit each other or the layer before."""
    weights, bias = arrays.get("weight"), arrays.get("bias")
    if weights is None:
        _refuse(f"a bias {shown(name)} without weights", "both")
    if bias is not None and bias.shape != weights.shape[:1]:
        _refuse(f"{shown(name)} with weights {weights.shape} and bias {bias.shape}", "a bias for each row of weights")
    if before is not None and before["weight"].shape[0] != weights.shape[1]:
        _refuse(
            f"{shown(name)}, which takes {weights.shape[1]} inputs, after {before['weight'].shape[0]} outputs",
            "layers that fit together",
            "Name the layers in the order of their use: order=['first', 'second', …]",
        )
    return np.array(weights.T, order="C"), None if bias is None else bias.copy()


def _array(name: str, value: Any) -> Array:
    """Return an array, or what a PyTorch tensor holds."""
    if str(getattr(value, "dtype", "")) == "torch.bfloat16":
        _refuse(f"{shown(name)} of bfloat16", "float32 or float64 numbers", _IN_FULL)
    try:
        return np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (ValueError, TypeError):
        _refuse(f"{shown(name)}, which is no array", _EXPECTED)


def _read(path: Path) -> dict[str, Array]:
    """Return the arrays in a safetensors file of any program, its header checked against its size."""
    expect_ending("torch.load", path, ".safetensors")
    with open_file("torch.load", path) as file:
        where, size = f"torch.load {shown(path)}", file_size(file)
        expect_another(where, path, file.peek(LONGEST_START)[:LONGEST_START], "safetensors", "weights in safetensors")
        prefix = file.read(8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or not 0 < length <= min(size - 8, LONGEST_HEADER):
            given = f"{size:,} bytes that begin {prefix!r}"
            raise FileError(where, given=given, expected="a safetensors file", fix=_CONVERT)
        text = file.read(length)
        if marks(text) > MOST_MARKS:
            _damaged(where, f"{marks(text):,} lists and keys in the header", f"at most {MOST_MARKS:,}")
        table = strict_json.loads(where, text)
        if not isinstance(table, dict):
            _damaged(where, shown(table), "a table of tensors")
        metadata = table.pop("__metadata__", None)
        places = {name: _place(f"{where}: {shown(name)}", entry) for name, entry in table.items()}
        stop = 0
        for name, (_, _, start, end) in sorted(places.items(), key=lambda item: item[1][2:]):
            if start != stop:
                _damaged(
                    f"{where}: {shown(name)}", "a hole before it, or another's bytes", "tensors one after the other"
                )
            stop = end
        if stop != size - 8 - length:
            _damaged(where, f"{size - 8 - length:,} bytes behind the header", f"{stop:,}, as the header says")
        data = read_exactly(where, file, stop)
    arrays = {name: data[a:b].view(dtype).reshape(shape) for name, (dtype, shape, a, b) in places.items()}
    return {**arrays, **_shared(where, arrays, metadata)}


def _shared(where: str, arrays: Mapping[str, Array], metadata: Any) -> dict[str, Array]:
    """Return the tensors that ``save_model`` left out, since others are the same: the metadata say which."""
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or any(not isinstance(value, str) for value in metadata.values()):
        _damaged(where, f"metadata {shown(metadata)}", "texts by name")
    kinds = {name.rpartition(".")[2] for name in arrays}
    for name, kept in metadata.items():
        if kept not in arrays and name.rpartition(".")[2] in kinds and name not in ("format", *arrays):
            _damaged(where, f"a tensor {shown(name)} that is {shown(kept)}, which isn't there", "one that is")
        if kept in arrays and name in arrays and name != kept:
            _damaged(where, f"{shown(name)} both as a tensor and as another name of {shown(kept)}", "one of them")
    return {name: arrays[kept] for name, kept in metadata.items() if kept in arrays and name not in arrays}


def _place(where: str, entry: Any) -> tuple[np.dtype[Any], tuple[int, ...], int, int]:
    if not isinstance(entry, dict) or set(entry) != _ENTRY:
        _damaged(where, shown(entry), "dtype, shape and data_offsets")
    code = entry["dtype"] if isinstance(entry["dtype"], str) else ""
    dtype = np.dtype(_READ[code]) if code in _READ else None
    if dtype is None:
        fix = _IN_FULL if code in _HALVES else _OTHERWISE
        raise FileError(where, given=f"dtype {shown(entry['dtype'])}", expected="F32 or F64", fix=fix)
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _whole(shape) or len(shape) > 8 or not _whole(offsets) or len(offsets) != 2:
        _damaged(where, f"shape {shown(shape)} and data_offsets {shown(offsets)}", "whole numbers")
    start, stop = offsets
    if math.prod(shape) * dtype.itemsize != stop - start or math.prod(n or 1 for n in shape) > 2**60:
        _damaged(where, f"{stop - start:,} bytes for shape {shown(shape)}", "as many as it needs")
    return dtype, tuple(shape), start, stop


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(n) is int and 0 <= n < 2**63 for n in numbers)


def _damaged(where: str, given: str, expected: str) -> NoReturn:
    raise FileError(where, given=given, expected=expected, fix=_AGAIN)


def _refuse(given: str, expected: str, fix: str = _OTHERWISE) -> NoReturn:
    raise InputError("torch.load", given=given, expected=expected, fix=fix)
