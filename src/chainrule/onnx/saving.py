"""`save`: an ONNX file of a network, or of an estimator with all that prepares its samples."""

from __future__ import annotations

from typing import Any

from chainrule import checks
from chainrule.errors import InputError
from chainrule.files.atomic import Path, write_atomically
from chainrule.files.formats import expect_ending
from chainrule.nn import Network
from chainrule.onnx.exporting import model_of, package
from chainrule.ops.op import Samples


@checks.keywords
def save(network: Network | Any, path: Path, X: Samples | None = None, *, inputs: str = "columns") -> None:
    """Write a network as an ONNX file, in opset 18: what it predicts, for batches of any size.

    Scaling is part of the graph; dropout is left out, since it does nothing in prediction. The input is called
    ``input`` and the output ``output``; several heads are outputs with their names. The names of the classes, if the
    network knows them, are in the file's metadata as ``classes``, a list in JSON, or an object with a list for each
    head. The same network gives the same bytes.

    The file of a network with a preparation takes the columns of a table. If all are numbers, ``input`` is a matrix of
    them, in the order of the list ``columns`` in the metadata. Else there is an input for each column, by its name, of
    shape (samples, 1): floats or texts. NaN is a gap and so is an empty text: what fills it, flags and columns for
    words are part of the graph. Where the network refuses gaps, the file answers with NaN for a number, and takes a
    gap among words for none of them.

    A fitted estimator of `chainrule.sklearn`, alone or in a pipeline or a search of scikit-learn's, is written whole,
    scaler and all, by the package skl2onnx. The outputs of a classifier are called ``label`` and ``probabilities``,
    that of a regressor ``variable``.

    Parameters
    ----------
    network : Network, or fitted estimator
    path : path
        Usually ``"name.onnx"``.
    X : array or frame, (samples, features), optional
        For an estimator: samples such as the file is to take, of which only the types matter. The file takes float32,
        or float64 where this is an array of that. A frame gives it an input for each column, of shape (samples, 1): of
        texts, of whole numbers where an encoder takes them, else of float32. It is needed where a `ColumnTransformer`
        comes first.
    inputs : {"columns", "features"}
        What the file of a network with a preparation takes: the columns of a table, or what has been prepared of them,
        ``network.preparation.features(table)``, as one matrix. The metadata names the features then.

    Raises
    ------
    MissingExtraError
        If the package onnx, or for an estimator skl2onnx, is not installed.
    InputError
        If an op has no form in ONNX: a function of your own in `Activation`. If a column to prepare holds dates, which
        ONNX can't read. If skl2onnx can't write a step.
    MisuseError
        If the network is not built, or the estimator is not fitted.
    FileError
        If the file can't be written. What was there before is untouched.

    Notes
    -----
    A runtime need not have every operator in float64: onnxruntime, for one, has no Erf there, and so no exact GELU.
    """
    where = "onnx.save"
    estimator = hasattr(network, "get_params") and hasattr(network, "fit") and not isinstance(network, type)
    checks.one_of(f"{where} inputs", inputs, ("columns", "features"))
    if estimator and inputs != "columns":
        raise InputError(
            where, given=f"inputs={inputs!r} for an estimator", expected="it for a network", fix="Leave it out"
        )
    if not estimator:
        checks.instance(where, network, Network, "a cr.Network")
        if X is not None:
            raise InputError(where, given="X for a network", expected="X for an estimator only", fix="Leave X out")
    expect_ending(where, path, ".onnx")
    if estimator:
        from chainrule.onnx.pipelines import from_estimator

        model = from_estimator(network, X)
    else:
        model = model_of(package("onnx"), network, takes_features=inputs == "features")
    write_atomically(path, model.SerializeToString(deterministic=True), where=where)
