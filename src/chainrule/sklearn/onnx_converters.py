"""How skl2onnx writes the estimators here: their networks, op by op as `chainrule.onnx.save` has them, and the answers.

`register` tells skl2onnx of them; from then on ``skl2onnx.to_onnx`` takes them alone, in pipelines and in searches.
`chainrule.onnx.save` calls it, and so does every fit where somebody has imported skl2onnx.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from chainrule.errors import InputError
from chainrule.onnx.exporting import OPSET, GraphWriter, package, write_nodes

_OF_CLASSIFIERS = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}


def register(kind: type[Any]) -> None:
    """Tell skl2onnx how to write a class of estimators here, or one made of it. It is imported for that."""
    from skl2onnx import update_registered_converter
    from skl2onnx._supported_operators import sklearn_operator_name_map

    if kind in sklearn_operator_name_map:
        return
    labels = issubclass(kind, ClassifierMixin)
    update_registered_converter(
        kind,
        f"{kind.__module__}.{kind.__qualname__}",
        _classifier_types if labels else _regressor_types,
        _write_classifier if labels else _write_regressor,
        options=_OF_CLASSIFIERS if labels else {},
    )


def _classifier_types(operator: Any) -> None:
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType
    from skl2onnx.common.utils_classifier import get_label_classes

    model, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    several = model._head == "multilabel"
    names = get_label_classes(operator.scope_inst, model)
    kind = Int64TensorType if several or names.dtype.kind in "biuf" else StringTensorType
    operator.outputs[0].set_type(kind([rows, len(names)] if several else [rows]))
    operator.outputs[1].set_type(_float_type(operator)([rows, len(names)]))


def _regressor_types(operator: Any) -> None:
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_float_type(operator)([rows, operator.raw_operator._columns]))


def _float_type(operator: Any) -> Any:
    """Return the type of the outputs: double for double, float for all else."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    given = operator.inputs[0].type
    return DoubleTensorType if isinstance(given, DoubleTensorType) else FloatTensorType


def _write_regressor(scope: Any, operator: Any, container: Any) -> None:
    writer, answers = _network(operator, container)
    _hand_over(scope, operator, container, writer, [answers])


def _write_classifier(scope: Any, operator: Any, container: Any) -> None:
    from skl2onnx.common.utils_classifier import get_label_classes

    model = operator.raw_operator
    if not hasattr(model, "predict_proba"):
        raise InputError(
            "onnx.save",
            given=f"{type(model).__name__} around a network that gives no probabilities",
            expected="one that ends in a softmax or a sigmoid",
            fix="Save the network alone: cr.onnx.save(estimator.network_, path)",
        )
    writer, answers = _network(operator, container)
    writer.label = "labels"
    int64 = writer.onnx.TensorProto.INT64
    if model._head == "multilabel":
        above = writer.node("Greater", answers, writer.number(0.5))
        _hand_over(scope, operator, container, writer, [writer.node("Cast", above, to=int64), answers])
        return
    if model._head == "binary" and len(model.classes_) == 1:
        answers = writer.node("Add", writer.node("Sub", answers, answers), writer.number(1))
    elif model._head == "binary":
        answers = writer.node("Concat", writer.node("Sub", writer.number(1), answers), answers, axis=1)
    names = get_label_classes(scope, model)
    texts = names.dtype.kind not in "biuf"
    stored = writer.constant("classes", np.array(list(map(str, names)), object) if texts else names.astype(np.int64))
    indices = writer.node("ArgMax", answers, axis=1, keepdims=0)
    _hand_over(scope, operator, container, writer, [writer.node("Gather", stored, indices, axis=0), answers])


def scaled_target_types(operator: Any) -> None:
    """Say what a `TransformedTargetRegressor` gives."""
    model, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_float_type(operator)([rows, model.transformer_.n_features_in_]))


def write_scaled_target(scope: Any, operator: Any, container: Any) -> None:
    """Write a `TransformedTargetRegressor` around a regressor: its answer, scaled back."""
    from skl2onnx._supported_operators import sklearn_operator_name_map

    model = operator.raw_operator
    scaler = model.transformer_
    if type(scaler) is StandardScaler:
        scale, offset = scaler.scale_, scaler.mean_ if scaler.with_mean else None
    elif type(scaler) is MinMaxScaler and not scaler.clip:
        scale, offset = 1 / scaler.scale_, -scaler.min_ / scaler.scale_
    else:
        raise InputError(
            "onnx.save",
            given=f"a TransformedTargetRegressor with {scaler!r:.60}",
            expected="a StandardScaler or a MinMaxScaler, without clip",
            fix="Fit it with transformer=StandardScaler()",
        )
    inside = scope.declare_local_operator(sklearn_operator_name_map[type(model.regressor_)], model.regressor_)
    inside.inputs = operator.inputs
    inside.outputs.append(scope.declare_local_variable("scaled", _float_type(operator)()))
    writer = GraphWriter(package("onnx"), str(_dtype(operator)), [])
    writer.label = "unscaled"
    none = np.zeros(scaler.n_features_in_)
    numbers = [
        writer.constant(name, (none + filled if array is None else array).astype(writer.dtype))
        for name, array, filled in (("scale", scale, 1), ("offset", offset, 0))
    ]
    answers = writer.node("Add", writer.node("Mul", "input", numbers[0]), numbers[1])
    _hand_over(scope, operator, container, writer, [answers], inside.outputs[0].full_name)


def _network(operator: Any, container: Any) -> tuple[GraphWriter, str]:
    """Write an estimator's network, in the precision of what it is given; return the name of its answers."""
    import onnx
    from skl2onnx.common.data_types import guess_proto_type

    if container.target_opset_onnx < OPSET:
        raise InputError(
            "onnx.save",
            given=f"target_opset={container.target_opset_onnx}",
            expected=f"{OPSET} or above",
            fix=f"Pass target_opset={OPSET}",
        )
    network = operator.raw_operator.network_
    dtype = _dtype(operator)
    network = network.copy(dtype=dtype) if dtype != network.dtype else network
    writer = GraphWriter(onnx, dtype, [])
    taken = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(network.input_dtype(network.dtype)))
    if guess_proto_type(operator.inputs[0].type) != taken:
        writer.steps.append(onnx.helper.make_node("Cast", ["samples"], ["input"], to=taken))
    (answers,) = write_nodes(writer, network, [network.graph("prediction").root])
    aim = network.objective
    if aim.prediction_role == "logits" and not aim.fused:
        writer.label = "probabilities"
        answers = writer.node("Sigmoid", answers) if aim.binary else writer.node("Softmax", answers, axis=-1)
    return writer, answers


def _dtype(operator: Any) -> str:
    """Return the dtype in which an estimator's numbers are written."""
    from skl2onnx.common.data_types import DoubleTensorType

    return "float64" if _float_type(operator) is DoubleTensorType else "float32"


def _hand_over(
    scope: Any, operator: Any, container: Any, writer: GraphWriter, answers: list[str], given: str | None = None
) -> None:
    """Give what was written to skl2onnx, under names that are free there; `given` is what it starts from."""
    converted = {made for step in writer.steps for made in step.output} & {"input"}
    names = {"samples" if converted else "input": given or operator.inputs[0].full_name}

    def name(own: str) -> str:
        if own and own not in names:
            names[own] = scope.get_unique_variable_name(own)
        return str(names.get(own, ""))

    for tensor in writer.constants:
        container.add_initializer(
            name(tensor.name), tensor.data_type, list(tensor.dims), writer.onnx.numpy_helper.to_array(tensor).ravel()
        )
    for step in writer.steps:
        attributes = {a.name: writer.onnx.helper.get_attribute_value(a) for a in step.attribute}
        container.add_node(
            step.op_type, [name(one) for one in step.input], [name(one) for one in step.output],
            op_version=OPSET, name=scope.get_unique_operator_name(step.op_type), **attributes,
        )  # fmt: skip
    for own, output in zip(answers, operator.outputs, strict=True):
        container.add_node(
            "Identity", [name(own)], [output.full_name],
            op_version=OPSET, name=scope.get_unique_operator_name("Identity"),
        )  # fmt: skip
