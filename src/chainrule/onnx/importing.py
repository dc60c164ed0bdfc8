"""From an ONNX file to a network: the graph is walked from its output to its input, node by node and branch by branch.

The result consists of chainrule's own layers, so it can be trained, saved and explained like any other network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule import checks
from chainrule.data.limits import within_memory
from chainrule.data.opening import shown
from chainrule.data.preparation import Preparation
from chainrule.errors import ChainruleError, InputError
from chainrule.files import strict_json
from chainrule.files.atomic import Path
from chainrule.files.bounds import Size
from chainrule.files.formats import expect_ending, expect_source
from chainrule.files.part_classes import MOST_DEPTH
from chainrule.nn import Branches, Dense, Network, Rescale, Residual
from chainrule.nn.layer import LayerLike
from chainrule.nn.objective import as_loss, suits_quantities
from chainrule.onnx.flow import Flow
from chainrule.onnx.formulas import recognised
from chainrule.onnx.layers import ELEMENTWISE, SPARE, LayerMaker, Piece
from chainrule.onnx.model_file import TEXT, OnnxModel, Step, ValueInfo, read_model, refusal
from chainrule.onnx.table_reading import column_names, table_of
from chainrule.ops import Identity, Op, Reshape, Slice, Unscale

if TYPE_CHECKING:
    from chainrule.optim import Optimizer

_MOST_SHAPES = 100  # values whose shapes a file computes with
_FLOATS = ("float", "double")
_INPUTS = (*_FLOATS, "int32", "int64", "uint8", "int8")


@checks.keywords
@within_memory("onnx.load")
def load(
    path: Path,
    *,
    loss: Op | None = None,
    optimizer: Optimizer | None = None,
    output: str | None = None,
    seed: int = 0,
) -> Network:
    """Return the network in an ONNX file, ready to predict and to be trained further.

    Understood are feed-forward networks as PyTorch, Keras and scikit-learn export them: Gemm, MatMul and Add,
    activations (also as formulas), softmax, batch normalisation, scaling by constants, reshapes, skip connections,
    sums of dense layers, concatenated branches. Weights that two nodes share are tied; slopes of a PReLU are not.
    Nothing is opened but the file, and those beside it in which it says that its weights are; nothing is executed.
    An output of one number for a sample is a column.

    Where the file prepares a table, numbers with gaps and words, as files of ours and of skl2onnx's `ColumnTransformer`
    do, that becomes the network's preparation, read from the graph: it takes tables and frames by the names of their
    columns, and arrays by position. Names of columns in the metadata become the network's `columns`.

    Parameters
    ----------
    path : path
    loss : Op, optional
        What to train it for. Exported networks often end in logits: pass ``cr.SoftmaxCrossEntropy()`` for classes then.
        If left out, see `Network`.
    optimizer : Optimizer, optional
        ``cr.Adam()`` if left out.
    output : str, optional
        The output to take, if the file has more than one of floating-point numbers.
    seed : int, default 0
        For the randomness of further training.

    Returns
    -------
    Network
        In float64 if the file's input is, else in float32.

    Raises
    ------
    FileError
        If the file is missing or damaged, or has something in it that no layer of chainrule does: it is named.
    """
    where = "onnx.load"
    expect_ending(where, path, ".onnx")
    expect_source(where, path, "the path of an ONNX file", "Pass the name of a file")
    model = read_model(path, where=where)
    chosen = _output(model, output)
    model, preparation, scaling = table_of(model, chosen)
    if model.input.type not in _INPUTS:
        raise refusal(model.where, f"the input {shown(model.input.name)} of type {model.input.type}", "numbers")
    flow = Flow(model, chosen)
    flow.shape_of = _Shapes(flow)
    maker = LayerMaker(flow)
    layers = [*scaling, *_merged(_between(flow, maker, flow.start, flow.end, 0))] or [Identity()]
    sample, dtype = model.input.sample, "float64" if _is_double(model, maker) else "float32"
    try:
        layers = _bounded(layers, sample, dtype, maker)
    except ChainruleError as error:
        raise refusal(f"{model.where}: {error.where}", error.given, error.expected) from error
    classes = _classes(model, maker, chosen)
    if preparation is not None and classes is not None and len(preparation.targets) == 1:
        preparation = Preparation(**{**preparation.settings(), "classes": classes})
    try:
        if classes is None:
            layers = _with_unit(layers, loss, maker)
        network = Network(
            layers, loss, optimizer, inputs=sample, classes=classes, dtype=dtype, seed=seed, preparation=preparation
        )
    except ChainruleError as error:
        given = loss is not None or optimizer is not None
        if given and error.where.startswith("Network") and error.where != "Network classes":  # the caller's argument
            raise
        raise refusal(f"{model.where}: {error.where}", error.given, error.expected) from error
    if not network.built:
        raise refusal(model.where, "an input whose shape is not told", "the shape of a sample")
    for step, layer in maker.of_rows:
        if len(network[layer.path].shape) != 2:
            raise refusal(step.where, "axis=1 for samples of several axes", "-1, the features")
    for layer, weights, bias in maker.dense.values():
        if not hasattr(layer, "weights"):  # it became part of a sum, and is in no network
            continue
        layer.weights.assign(weights)
        if bias is not None:
            layer.bias.assign(bias)
    for slopes, values in maker.slopes:
        (features,) = slopes.slope.shape
        if values.size not in (1, features):
            told = f"{values.size} slopes for {features} features"
            raise refusal(maker.made_by[id(slopes)], told, "one for each, or one for all")
        slopes.slope.assign(np.broadcast_to(values, slopes.slope.shape).astype(dtype))
    _expect_rows(model, network, maker)
    if preparation is None:
        network.note_columns(_columns(model))
    return network


def _expect_rows(model: OnnxModel, network: Network, maker: LayerMaker) -> None:
    """Raise unless the answer for a sample is the same whatever other samples there are."""
    x = network.cast(np.random.default_rng(0).uniform(0.1, 0.9, size=(3, *(network.sample_shape or ()))))
    together, alone = network.compute(x), network.compute(x[1:2])
    scale = 1e-3 * np.abs(alone[np.isfinite(alone)]).max(initial=0)
    with np.errstate(all="ignore"):
        if len(together) == 3 and np.allclose(together[1:2], alone, rtol=1e-3, atol=scale, equal_nan=True):
            return
    graph = network.graph("prediction")
    rows = {node.shape[:1] for node in graph.inputs.values()}
    mixing = (node.op for node in graph.nodes if id(node.op) in maker.made_by and node.shape[:1] not in rows)
    place = maker.made_by.get(id(next(mixing, None)), model.where)
    raise refusal(place, "operators that mix the samples of a batch", "a row of outputs for each sample")


class _Shapes:
    """Says how a sample of a value is shaped: the layers that lead to it are walked with the shape of the input."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.known: dict[str, tuple[int, ...]] = {}

    def __call__(self, name: str, step: Step) -> tuple[int, ...]:
        if name not in self.known:
            if len(self.known) >= _MOST_SHAPES:
                raise refusal(step.where, f"more than {_MOST_SHAPES} computations with shapes", "fewer")
            self.known[name] = ()  # no layer before a value needs the shape of it
            maker, sample = LayerMaker(self.flow), self.flow.model.input.sample
            layers = _between(self.flow, maker, self.flow.start, name, 0)
            try:
                shape = Size(maker.held + SPARE).chain(layers, sample, "float32")
            except ChainruleError as error:
                raise refusal(f"{step.where}: {error.where}", error.given, error.expected) from error
            if shape is None:
                raise refusal(step.where, f"the shape of {shown(name)}, which is not known", "one that is")
            self.known[name] = shape
        return self.known[name]


def _bounded(layers: list[LayerLike], sample: tuple[int, ...] | None, dtype: str, maker: LayerMaker) -> list[LayerLike]:
    """Return the layers, refused if they need more memory than the file's own numbers, with a column for one number."""
    output = Size(maker.held + SPARE).chain(layers, sample, dtype)
    if output != ():
        return layers
    # One number for a sample: a column here. What dropped its axis is left out, where that was all it did.
    for i in reversed(range(len(layers))):
        shorter = layers[:i] + layers[i + 1 :]
        if isinstance(layers[i], (Reshape, Slice)) and Size(maker.held + SPARE).chain(shorter, sample, dtype) == (1,):
            return shorter
        if not isinstance(layers[i], ELEMENTWISE):
            break
    return [*layers, Reshape((-1, 1))]


def _output(model: OnnxModel, wanted: str | None) -> str:
    """Return the name of the output to take: the one of numbers that vary smoothly."""
    names = [value.name for value in model.outputs]
    if wanted is not None:
        if wanted in names:
            return wanted
        raise InputError("onnx.load output", given=repr(wanted), expected="an output of the file", fix=_known(names))
    smooth = [value.name for value in model.outputs if _is_smooth(value)]
    if len(smooth) != 1:
        again = "Export the model again with such an output: the scores from which the answers follow"
        fix = f"Pass output={shown(smooth[0])}, or another of them" if smooth else again
        raise refusal(model.where, f"the outputs {shown(names)}", "one of floating-point numbers", fix)
    return smooth[0]


def _known(names: list[str]) -> str:
    return f"Known: {shown(names)}"


def _is_smooth(value: ValueInfo) -> bool:
    return value.type in (*_FLOATS, "no tensor", "unknown")


def _is_double(model: OnnxModel, maker: LayerMaker) -> bool:
    if maker.dense:
        return any(weights.dtype == np.float64 for _, weights, _ in maker.dense.values())
    return model.input.type == "double"


def _between(flow: Flow, maker: LayerMaker, start: str, end: str, depth: int) -> list[LayerLike]:
    """Return the layers that lead from one value to another that it dominates."""
    if depth > MOST_DEPTH:
        raise refusal(flow.model.where, "branches nested too deeply", f"at most {MOST_DEPTH} deep")
    pieces: list[list[LayerLike]] = []
    while end != start:
        end, layers = _piece(flow, maker, end, depth)
        pieces.append(layers)
    return [layer for layers in reversed(pieces) for layer in layers]


def _piece(flow: Flow, maker: LayerMaker, end: str, depth: int) -> Piece:
    """Return the layers that make a value, and the nearest value before them."""
    step = flow.makers[end]
    if end != step.outputs[step.op == "ai.onnx.ml.LinearClassifier"]:  # whose second output are the scores
        raise refusal(step.where, f"its output {shown(end)} in use", "the first one only")
    formula = recognised(flow, end)
    if formula is not None:
        return formula
    inputs = flow.inputs(step)
    if len(inputs) == 1:
        found, layers = maker.piece(step)
        maker.made_by.update((id(layer), step.where) for layer in layers)
        return found, layers
    start = flow.above[end]
    if step.op == "Concat" and len(inputs) == len(step.inputs):
        return start, [_concatenate(flow, maker, step, start, depth)]
    if step.op == "Add" and len(inputs) == 2 and start in inputs:
        inside = inputs[1 - inputs.index(start)]
        return start, [Residual(_merged(_between(flow, maker, start, inside, depth + 1)) or [Identity()])]
    if step.op == "Add" and len(inputs) == 2:
        branches = [_merged(_between(flow, maker, start, part, depth + 1)) for part in inputs]
        layer = maker.summed(step, [branch[-1] for branch in branches])
        if layer is not None:
            return start, [Branches([branch[:-1] for branch in branches]), layer]
    raise refusal(
        step.where,
        f"{shown(step.op)[1:-1]} of {len(inputs)} values that all depend on the samples",
        "x + layers(x), a concatenation of branches, or the formula of an activation",
        "No layer here does that: leave it out where the model comes from",
    )


def _concatenate(flow: Flow, maker: LayerMaker, step: Step, start: str, depth: int) -> LayerLike:
    axis = step.attributes.get("axis")
    if axis not in (1, -1) or len(step.attributes) > 1:
        raise refusal(step.where, f"axis={shown(axis)}", "1, the features")
    layer = Branches([_merged(_between(flow, maker, start, part, depth + 1)) for part in step.inputs])
    if axis == 1:
        maker.of_rows.append((step, layer))
    return layer


def _merged(layers: list[LayerLike]) -> list[LayerLike]:
    """Return the layers, an offset and the scale that follows it as one."""
    merged: list[LayerLike] = []
    for layer in layers:
        before = merged[-1] if merged else None
        if isinstance(layer, Rescale) and isinstance(before, Rescale) and before.scale == 1 and layer.offset == 0:
            merged[-1] = Rescale(layer.scale, before.offset)
        else:
            merged.append(layer)
    return merged


def _with_unit(layers: list[LayerLike], loss: Op | None, maker: LayerMaker) -> list[LayerLike]:
    """Return layers whose end is a dense layer, a scale, and an offset, with `Unscale` for these two.

    So what was exported comes back as it was, and large numbers stay exact.
    """
    if len(layers) < 3 or not isinstance(layers[-3], Dense) or not all(type(one) is Rescale for one in layers[-2:]):
        return layers
    *before, first, second = layers
    assert isinstance(first, Rescale)
    assert isinstance(second, Rescale)
    scales = np.all(np.greater(first.scale, 0)) and not np.any(first.offset) and second.scale == 1
    named = None if loss is None else as_loss(before, loss)
    suited = named is None or (isinstance(named, Op) and suits_quantities(named))
    if not scales or not suited or any(layer is first for _, layer in maker.of_rows):
        return layers
    offset = second.offset
    return [*before, Unscale(first.scale, tuple(-o for o in offset) if isinstance(offset, tuple) else -offset)]


def _columns(model: OnnxModel) -> tuple[str, ...] | None:
    """Return the names of the columns that a file takes as they are, if its metadata tells them."""
    sample = model.input.sample
    names = column_names(model, sample[0] if sample is not None and len(sample) == 1 else None)
    return None if names is None else tuple(names)


def _classes(model: OnnxModel, maker: LayerMaker, output: str) -> tuple[str, ...] | None:
    """Return the names of an output's classes, if the file tells them: in its metadata, or where it makes labels."""
    listed = model.metadata.get("classes")
    if listed is not None:
        names = strict_json.loads(f"{model.where}: metadata", listed)
        if isinstance(names, dict) and len(model.outputs) > 1:
            names = names.get(output)
            if names is None:
                return None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise refusal(model.where, f"the metadata classes={shown(listed)}", "a list of names in JSON")
        return tuple(names)
    if maker.classes is not None:
        return maker.classes
    for step in model.steps:
        if step.op in ("ai.onnx.ml.ArrayFeatureExtractor", "Gather") and step.inputs[0] in model.constants:
            names = model.constants[step.inputs[0]]
            if step.op != "Gather" or names.kind == TEXT:
                return names.texts()
    return None
