"""An estimator of scikit-learn's kind as ONNX, with all that prepares its samples: skl2onnx writes it, and asks ours.

What a file takes is an array of all features, or, for a frame, an input for each column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ChainruleError, InputError, MisuseError
from chainrule.onnx.exporting import OPSET, package

if TYPE_CHECKING:
    from onnx import ModelProto

_WHERE = "onnx.save"


def from_estimator(estimator: Any, X: Any) -> ModelProto:
    """Return an estimator as ONNX."""
    skl2onnx = package("skl2onnx")
    from sklearn.base import is_classifier
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    import chainrule.sklearn
    from chainrule.sklearn.onnx_converters import register, scaled_target_types, write_scaled_target

    kinds = [getattr(chainrule.sklearn, name) for name in chainrule.sklearn.__all__]
    for kind in kinds:
        register(kind)
        kinds += kind.__subclasses__()
    name = type(estimator).__name__
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise MisuseError(
            _WHERE, given=f"a {name} that is not fitted", expected="a fitted one", fix="Call fit(X, y) first"
        ) from error
    types = _types(skl2onnx.common.data_types, estimator, X)
    try:
        model: ModelProto = skl2onnx.convert_sklearn(
            estimator,
            name=name,
            initial_types=types,
            target_opset=OPSET,
            custom_conversion_functions={TransformedTargetRegressor: write_scaled_target},  # skl2onnx has none
            custom_shape_calculators={TransformedTargetRegressor: scaled_target_types},
            options={id(estimator): {"zipmap": False}} if is_classifier(estimator) else None,
        )
    except ChainruleError:
        raise
    except Exception as error:  # skl2onnx has many classes of them
        told = " ".join(str(error).split())
        raise InputError(
            _WHERE,
            given=f"a {name} with which skl2onnx ends in {type(error).__name__}: {told:.200}",
            expected="steps, and samples, that it can write",
            fix="Change that step, or save the network inside alone: it is the attribute network_ of its estimator",
        ) from error
    return model


def _types(kinds: Any, estimator: Any, X: Any) -> list[tuple[str, Any]]:
    """Return the name and the type of each input of the file."""
    first, usual = _first(estimator), kinds.FloatTensorType  # runtimes lack more operators in float64
    names = getattr(first, "feature_names_in_", None)
    if X is None or not hasattr(X, "columns"):
        if hasattr(first, "transformers_") and names is not None:
            raise InputError(
                _WHERE,
                given=f"{'no X' if X is None else 'an array as X'} for a {type(first).__name__} that knows its columns",
                expected="a frame, whose columns say their types",
                fix="Pass the samples of fit too: cr.onnx.save(pipeline, path, X)",
            )
        if X is not None and np.asarray(X).dtype == np.float64:
            usual = kinds.DoubleTensorType
        network = vars(first).get("network_")
        shape = (int(estimator.n_features_in_),) if network is None else network.sample_shape
        return [("input", usual([None, *shape]))]
    if names is None:
        raise InputError(
            _WHERE,
            given="a frame for an estimator that was fitted on an array",
            expected="an array",
            fix="Leave X out, or pass X.to_numpy()",
        )
    missing = [name for name in names if name not in X.columns]
    if missing:
        raise InputError(
            _WHERE,
            given=f"a frame without the column {missing[0]!r}",
            expected=f"the columns of fit: {', '.join(map(str, names)):.200}",
            fix="Pass the samples of fit",
        )
    if not hasattr(first, "transformers_"):  # all columns are numbers, side by side
        return [("input", usual([None, len(names)]))]
    encoded = set(_encoded(first))

    def kind(name: str) -> Any:
        letter = np.asarray(X[name]).dtype.kind
        if letter in "iub":
            return kinds.Int64TensorType if name in encoded else usual
        return usual if letter == "f" else kinds.StringTensorType

    return [(str(name), kind(name)([None, 1])) for name in names]


def _first(estimator: Any) -> Any:
    """Return the step of an estimator that takes the samples."""
    while inside := [key for key in ("best_estimator_", "regressor_", "steps") if key in vars(estimator)]:
        estimator = _steps(estimator)[0] if inside[0] == "steps" else getattr(estimator, inside[0])
    return estimator


def _steps(pipeline: Any) -> list[Any]:
    return [step for _, step in pipeline.steps if step not in (None, "passthrough")]


def _encoded(transformer: Any) -> Iterator[str]:
    """Yield the columns that an encoder takes, by name: those of whole numbers have to stay such."""
    names = np.asarray(transformer.feature_names_in_, object)
    for _, part, columns in transformer.transformers_:
        if any(hasattr(step, "categories_") for step in (_steps(part) if hasattr(part, "steps") else [part])):
            chosen = [columns] if isinstance(columns, str) else columns
            yield from chosen if all(isinstance(one, str) for one in np.atleast_1d(chosen)) else names[chosen]
