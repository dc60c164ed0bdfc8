"""Networks as others build them: what people write in PyTorch, scikit-learn and Keras, and then export.

The list was written before anyone looked at which of them come in. Sizes are small; the forms are those of tutorials
and of questions in forums. `make figures` sends all of them through; the tests take those that need no exporter.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[Any]


class Sent(NamedTuple):
    """A file, what its network is fed with, an array or a frame, and what it answers where it comes from."""

    path: Path
    x: Any
    expected: FloatArray


# What has no layer here yet: such a file is refused, and the error says which operator of it is in the way.
UNKNOWN = {
    "layer norm": "LayerNormalization",
    "a convolution": "Conv",
    "a gated linear unit": "Mul",
    "a frame: ordinal": "LabelEncoder",
    "MLPRegressor, two targets": "Reshape",  # skl2onnx writes it so that the samples of a batch are mixed
}


def of_pytorch(torch: Any) -> dict[str, tuple[Any, tuple[int, ...]]]:
    """Return networks of PyTorch's, in eval mode, and the shape of a sample of each."""
    nn, functional = torch.nn, torch.nn.functional

    class Written(nn.Module):
        """A module whose forward is a function of it and the samples."""

        def __init__(self, forward: Callable[..., Any], **parts: Any) -> None:
            super().__init__()
            self.written = forward
            for name, part in parts.items():
                if isinstance(part, nn.Module):
                    setattr(self, name, part)
                else:
                    self.register_buffer(name, torch.tensor(part))

        def forward(self, x: Any) -> Any:
            return self.written(self, x)

    def mlp(*between: Any) -> Any:
        return nn.Sequential(nn.Linear(6, 8), *between, nn.Linear(8, 3))

    def normal(features: int, **settings: Any) -> Any:
        layer = nn.BatchNorm1d(features, **settings)
        with torch.no_grad():
            for tensor in layer.state_dict().values():
                if tensor.is_floating_point():
                    tensor.uniform_(0.5, 2)
        return layer

    two = {"a": nn.Linear(6, 8), "b": nn.Linear(8, 3)}
    picture = {"a": nn.Linear(64, 16), "b": nn.Linear(16, 10)}
    activations = {
        "ReLU6": nn.ReLU6(), "Hardtanh": nn.Hardtanh(-2, 2), "leaky ReLU": nn.LeakyReLU(0.1), "ELU": nn.ELU(0.7),
        "SELU": nn.SELU(), "CELU": nn.CELU(1.5), "GELU": nn.GELU(), "GELU by tanh": nn.GELU(approximate="tanh"),
        "SiLU": nn.SiLU(), "Mish": nn.Mish(), "softplus": nn.Softplus(), "softplus, steep": nn.Softplus(beta=2),
        "softsign": nn.Softsign(), "tanh": nn.Tanh(), "hard sigmoid": nn.Hardsigmoid(), "hard swish": nn.Hardswish(),
        "PReLU": nn.PReLU(), "PReLU for each feature": nn.PReLU(8), "log sigmoid": nn.LogSigmoid(),
    }  # fmt: skip
    models: dict[str, tuple[Any, tuple[int, ...]]] = {
        **{f"an MLP with {name}": (mlp(layer), (6,)) for name, layer in activations.items()},
        "logistic regression": (nn.Sequential(nn.Linear(6, 1), nn.Sigmoid()), (6,)),
        "linear regression without bias": (nn.Linear(6, 1, bias=False), (6,)),
        "pictures, nn.Flatten": (
            nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10)), (1, 8, 8)),
        "pictures, x.view(x.size(0), -1)": (
            Written(lambda m, x: m.b(functional.relu(m.a(x.view(x.size(0), -1)))), **picture), (1, 8, 8)),
        "pictures, x.view(-1, 64)": (
            Written(lambda m, x: m.b(functional.relu(m.a(x.view(-1, 64)))), **picture), (1, 8, 8)),
        "pictures, x.reshape(x.shape[0], -1)": (
            Written(lambda m, x: m.b(functional.relu(m.a(x.reshape(x.shape[0], -1)))), **picture), (8, 8)),
        "pictures, torch.flatten(x, 1), log_softmax": (
            Written(lambda m, x: functional.log_softmax(m.b(torch.tanh(m.a(torch.flatten(x, 1)))), dim=1), **picture),
            (1, 8, 8)),
        "an end of .squeeze(-1)": (Written(lambda m, x: m.a(x).squeeze(-1), a=nn.Linear(6, 1)), (6,)),
        "an end of .squeeze(1), a sigmoid": (
            Written(lambda m, x: torch.sigmoid(m.a(x).squeeze(1)), a=nn.Linear(6, 1)), (6,)),
        "an end of .view(-1)": (Written(lambda m, x: m.a(x).view(-1), a=nn.Linear(6, 1)), (6,)),
        "an end of .flatten()": (Written(lambda m, x: m.a(x).flatten(), a=nn.Linear(6, 1)), (6,)),
        "an end of [:, 0]": (Written(lambda m, x: m.a(x)[:, 0], a=nn.Linear(6, 1)), (6,)),
        "batch norm after a dense layer": (mlp(normal(8), nn.ReLU()), (6,)),
        "batch norm after one without bias": (
            nn.Sequential(nn.Linear(6, 8, bias=False), normal(8), nn.ReLU(), nn.Linear(8, 3)), (6,)),
        "batch norm after the activation": (mlp(nn.ReLU(), normal(8), nn.Dropout(0.2)), (6,)),
        "batch norm of the samples": (nn.Sequential(normal(6), nn.Linear(6, 3)), (6,)),
        "batch norm without its own numbers": (mlp(normal(8, affine=False), nn.Tanh()), (6,)),
        "batch norm at the end": (nn.Sequential(nn.Linear(6, 3), normal(3)), (6,)),
        "dropout everywhere": (
            nn.Sequential(nn.Dropout(0.1), nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3)), (6,)),
        "SELU with alpha dropout": (mlp(nn.SELU(), nn.AlphaDropout(0.1)), (6,)),
        "softmax at the end": (nn.Sequential(nn.Linear(6, 3), nn.Softmax(dim=-1)), (6,)),
        "softmax at a temperature": (Written(lambda m, x: torch.softmax(m.a(x) / 2.5, dim=1), a=nn.Linear(6, 3)), (6,)),
        "samples standardised inside": (
            Written(lambda m, x: m.b(torch.relu(m.a((x - m.mean) / m.std))), **two,
                    mean=[0.1, 0.2, 0.3, 0.4, 0.5, 0.6], std=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), (6,)),
        "pixels divided by 255": (
            Written(lambda m, x: m.b(torch.relu(m.a(torch.flatten(x / 255.0, 1)))), **picture), (1, 8, 8)),
        "targets scaled back": (
            Written(lambda m, x: m.b(torch.relu(m.a(x))) * m.std + m.mean, **two, mean=[1.0, 2.0, 3.0],
                    std=[4.0, 5.0, 6.0]), (6,)),
        "an action between bounds": (Written(lambda m, x: 2.0 * torch.tanh(m.b(torch.relu(m.a(x)))), **two), (6,)),
        "an answer clamped": (Written(lambda m, x: m.b(torch.relu(m.a(x))).clamp(-0.5, 0.5), **two), (6,)),
        "clamped from below": (Written(lambda m, x: torch.clamp(m.b(m.a(x)), min=0.0), **two), (6,)),
        "a skip connection": (
            Written(lambda m, x: m.b(x + torch.relu(m.a(x))), a=nn.Linear(6, 6), b=nn.Linear(6, 3)), (6,)),
        "three residual blocks": (
            nn.Sequential(nn.Linear(6, 8), *(Written(lambda m, x: m.a(x) + x, a=nn.Sequential(
                nn.Linear(8, 8), normal(8), nn.ReLU(), nn.Linear(8, 8))) for _ in range(3)), nn.Linear(8, 3)), (6,)),
        "a shortcut with weights": (
            Written(lambda m, x: torch.relu(m.b(torch.relu(m.a(x))) + m.c(x)), **two, c=nn.Linear(6, 3)), (6,)),
        "a skip connection by torch.cat": (
            Written(lambda m, x: m.b(torch.cat([x, torch.relu(m.a(x))], dim=1)), a=nn.Linear(6, 4), b=nn.Linear(10, 3)),
            (6,)),
        "wide and deep": (
            Written(lambda m, x: m.b(torch.cat([m.a(x), x], -1)), a=mlp(nn.ReLU()), b=nn.Linear(9, 1)), (6,)),
        "two towers": (
            Written(lambda m, x: m.c(torch.cat([torch.relu(m.a(x)), torch.tanh(m.b(x))], 1)), a=nn.Linear(6, 4),
                    b=nn.Linear(6, 5), c=nn.Linear(9, 3)), (6,)),
        "towers of parts of the sample": (
            Written(lambda m, x: m.c(torch.cat([m.a(x[:, :2]), m.b(x[:, 2:])], 1)), a=nn.Linear(2, 4),
                    b=nn.Linear(4, 5), c=nn.Linear(9, 3)), (6,)),
        "heads of mean and spread": (
            Written(lambda m, x: torch.cat([m.a(x), functional.softplus(m.b(x))], 1), a=nn.Linear(6, 1),
                    b=nn.Linear(6, 1)), (6,)),
        "torch.cat of one": (Written(lambda m, x: torch.cat([m.a(x)], 1), a=nn.Linear(6, 3)), (6,)),
        "an autoencoder": (
            nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2), nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 6),
                          nn.Sigmoid()), (6,)),
        "an autoencoder of pictures": (
            nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 64), nn.Sigmoid(),
                          nn.Unflatten(1, (1, 8, 8))), (1, 8, 8)),
        "an autoencoder with tied weights": (
            Written(lambda m, x: functional.linear(torch.tanh(m.a(x)), m.a.weight.t()), a=nn.Linear(6, 4)), (6,)),
        "a layer used twice": (
            Written(lambda m, x: m.b(torch.tanh(m.c(torch.tanh(m.c(torch.tanh(m.a(x))))))), **two, c=nn.Linear(8, 8)),
            (6,)),
        "a loop over a ModuleList": (
            Written(lambda m, x: [x := torch.relu(layer(x)) for layer in m.layers][-1],
                    layers=nn.ModuleList([nn.Linear(6, 5), nn.Linear(5, 5), nn.Linear(5, 2)])), (6,)),
        "nested Sequentials": (
            nn.Sequential(nn.Sequential(nn.Linear(6, 8), nn.ReLU()), nn.Sequential(nn.Identity(), nn.Linear(8, 3))),
            (6,)),
        "float64": (mlp(nn.Tanh()).double(), (6,)),
        "dense layers along time": (nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), (5, 6)),
        "the last of a time": (Written(lambda m, x: m.b(torch.relu(m.a(x)))[:, -1], **two), (5, 6)),
        "the mean over a time": (Written(lambda m, x: m.b(torch.relu(m.a(x)).mean(dim=1)), **two), (5, 6)),
        "the largest over a time": (Written(lambda m, x: m.b(torch.relu(m.a(x)).amax(dim=1)), **two), (5, 6)),
        "time before features": (Written(lambda m, x: m.b(torch.relu(m.a(x.transpose(1, 2)))), **two), (6, 5)),
        "samples with an axis more": (Written(lambda m, x: m.b(torch.relu(m.a(x.squeeze(1)))), **two), (1, 6)),
        "layer norm": (mlp(nn.LayerNorm(8), nn.ReLU()), (6,)),
        "a convolution": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)), (1, 8, 8)),
        "a gated linear unit": (nn.Sequential(nn.Linear(6, 8), nn.GLU(dim=-1), nn.Linear(4, 3)), (6,)),
    }  # fmt: skip
    return {name: (model.eval(), shape) for name, (model, shape) in models.items()}


def sent_by_pytorch(torch: Any, dynamo: bool, name: str, folder: Path) -> Sent:
    """Export a network of `of_pytorch` as PyTorch does if it is told nothing but where to."""
    torch.manual_seed(sum(map(ord, name)))
    model, shape = of_pytorch(torch)[name]
    dtype = next(iter(model.parameters())).dtype
    x = torch.randn(7, *shape, dtype=dtype)
    path = folder / ("new.onnx" if dynamo else "old.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (x[:4],), path, dynamo=dynamo, verbose=False)
    with torch.no_grad():
        return Sent(path, x.numpy(), model(x).numpy())


@functools.cache
def of_scikit_learn() -> dict[str, tuple[Any, Any]]:
    """Return estimators and pipelines of scikit-learn's, fitted, and what they were fitted to."""
    from sklearn import linear_model
    from sklearn.decomposition import PCA
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

    rng = np.random.default_rng(0)
    X = (rng.normal(size=(80, 4)) * [1, 2, 0.5, 3] + 2).astype(np.float32)
    three, two = (X[:, 0] > 2).astype(int) + (X[:, 3] > 4), X[:, 0] > 2
    few: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 20, "random_state": 0}
    given = {
        "MLPClassifier, two classes": (MLPClassifier(**few), two),
        "MLPClassifier, three classes of words": (MLPClassifier(**few), np.array(["a", "b", "c"])[three]),
        "MLPClassifier, many labels": (MLPClassifier(**few), np.eye(3, dtype=int)[three]),
        "MLPRegressor": (MLPRegressor(**few), X[:, 0]),
        "MLPRegressor, two targets": (MLPRegressor(activation="tanh", **few), X[:, :2]),
        "StandardScaler and MLPClassifier": (make_pipeline(StandardScaler(), MLPClassifier(**few)), three),
        "MinMaxScaler and MLPRegressor": (make_pipeline(MinMaxScaler(), MLPRegressor(**few)), X[:, 1]),
        "MaxAbsScaler and MLPClassifier": (make_pipeline(MaxAbsScaler(), MLPClassifier(**few)), two),
        "RobustScaler and MLPRegressor": (make_pipeline(RobustScaler(), MLPRegressor(**few)), X[:, 2]),
        "PCA and MLPClassifier": (make_pipeline(PCA(2), MLPClassifier(**few)), three),
        "LinearRegression": (linear_model.LinearRegression(), X[:, 0] - X[:, 1]),
        "Ridge behind StandardScaler": (make_pipeline(StandardScaler(), linear_model.Ridge()), X[:, 0]),
        "LogisticRegression, two classes": (linear_model.LogisticRegression(), two),
        "LogisticRegression, three classes": (linear_model.LogisticRegression(), three),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = {name: (estimator.fit(X, y), X) for name, (estimator, y) in given.items()}
        return fitted | {name: _of_table(name) for name in TABLES}


# What comes before an MLP that is fitted to a table, and how much of the table it is fitted to.
TABLES = {
    "a frame: imputer, scaler, one-hot": "kinds alone",
    "a frame: passthrough, one-hot of whole numbers": "whole",
    "a frame: scaled between 0 and 1, gaps among words": "all",
    "a matrix: imputer, one-hot of whole numbers": "matrix",
    "a frame: one-hot with drop": "kinds alone",
    "a frame: ordinal": "kinds alone",
}


def _of_table(name: str) -> tuple[Any, Any]:
    """Return a pipeline of scikit-learn's, fitted, and the table that it was fitted to."""
    import pandas
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

    rng = np.random.default_rng(0)
    numbers = (rng.normal(size=(80, 2)) * [10, 3] + [40, 1]).astype(np.float32)
    fare, whole = numbers[:, 1].copy(), rng.integers(0, 3, 80)
    numbers[::7, 0] = np.nan
    ports = rng.choice(["Ost", "West", "Süd"], 80)
    frame = pandas.DataFrame({"age": numbers[:, 0], "fare": fare, "sex": rng.choice(["f", "m"], 80), "port": ports})
    filled, one_hot = SimpleImputer(strategy="median"), OneHotEncoder(handle_unknown="ignore")
    scaled = make_pipeline(filled, StandardScaler())
    X: Any = frame
    if TABLES[name] == "whole":
        X = frame.assign(age=fare, rooms=whole, left=fare, sex=frame.sex.where(whole > 0, "")).drop(columns="port")
    elif TABLES[name] == "all":
        X = frame.assign(port=np.where(whole, ports, ""))
    elif TABLES[name] == "matrix":
        X = np.column_stack([numbers, whole]).astype(np.float32)
    words = make_pipeline(SimpleImputer(missing_values="", strategy="most_frequent"), one_hot)
    columns: list[tuple[Any, list[Any]]] = {
        "a frame: imputer, scaler, one-hot": [(scaled, ["age", "fare"]), (one_hot, ["sex", "port"])],
        "a frame: passthrough, one-hot of whole numbers": [
            (one_hot, ["rooms", "sex"]), ("passthrough", ["age"]), (MinMaxScaler(), ["fare"])],
        "a frame: scaled between 0 and 1, gaps among words": [
            (words, ["port", "sex"]), (make_pipeline(MinMaxScaler(), filled), ["age"])],
        "a matrix: imputer, one-hot of whole numbers": [(scaled, [0, 1]), (one_hot, [2])],
        "a frame: one-hot with drop": [(scaled, ["age"]), (OneHotEncoder(drop="first"), ["sex", "port"])],
        "a frame: ordinal": [(scaled, ["age"]), (OrdinalEncoder(), ["sex", "port"])],
    }[name]  # fmt: skip
    few: dict[str, Any] = {"hidden_layer_sizes": (6,), "max_iter": 20, "random_state": 0}
    estimator, y = (MLPRegressor(**few), fare) if TABLES[name] == "whole" else (MLPClassifier(**few), fare > 1)
    return make_pipeline(make_column_transformer(*columns), estimator).fit(X, y), X


def sent_by_scikit_learn(name: str, folder: Path) -> Sent:
    """Export an estimator of `of_scikit_learn` as skl2onnx does."""
    import skl2onnx

    estimator, X = of_scikit_learn()[name]
    path = folder / "sklearn.onnx"
    path.write_bytes(skl2onnx.to_onnx(estimator, X[:1]).SerializeToString())
    probabilities = hasattr(estimator, "predict_proba")
    return Sent(path, X, (estimator.predict_proba if probabilities else estimator.predict)(X))


# The heads of the package openwakeword, and for those that are refused the operator in the way and why.
WAKE_WORDS: dict[str, tuple[str, str] | None] = {
    "alexa_v0.1.onnx": None,
    "timer_v0.1.onnx": None,
    "weather_v0.1.onnx": None,
    "hey_jarvis_v0.1.onnx": ("If", "a value of type 5"),
    "hey_marvin_v0.1.onnx": ("Div", "2 values that all depend on the samples"),  # a layer norm
    "hey_mycroft_v0.1.onnx": ("Squeeze", r"axes \(0,\)"),  # a recurrent layer, unrolled
}


def sent_by_openwakeword(onnxruntime: Any, package: Path, name: str) -> Sent:
    """Find a head that recognises a spoken word from features of sound, and have ONNX Runtime answer."""
    path = package / "resources" / "models" / name
    session = onnxruntime.InferenceSession(path)
    (given,) = session.get_inputs()
    x = np.random.default_rng(0).normal(size=(1, *given.shape[1:])).astype(np.float32)
    return Sent(path, x, session.run(None, {given.name: x})[0])


def of_keras(onnx: Any) -> Iterator[tuple[str, Any, FloatArray]]:
    """Yield networks in the forms that tf2onnx and Keras' own exporter give those of Keras, and samples."""
    rng = np.random.default_rng(0)

    def numbers(*shape: int) -> FloatArray:
        return rng.normal(size=shape).astype(np.float32)

    def model(shape: tuple[int, ...], steps: str, opset: int = 15, **constants: Any) -> Any:
        """Return a model of steps written as ``result = Op(a, b; axis=1)``, the last one its output."""
        nodes, result = [], ""
        for line in steps.strip().splitlines():
            result, _, call = line.strip().partition(" = ")
            op, _, inside = call.rstrip(")").partition("(")
            read, _, told = inside.partition(";")
            pairs = [part.split("=") for part in told.split("|") if part]
            attributes = {key.strip(): eval(value) for key, value in pairs}
            nodes.append(onnx.helper.make_node(op, [name.strip() for name in read.split(",")], [result], **attributes))
        kind = onnx.TensorProto.FLOAT
        graph = onnx.helper.make_graph(
            nodes, "keras", [onnx.helper.make_tensor_value_info("x", kind, ["batch", *shape])],
            [onnx.helper.make_tensor_value_info(result, kind, None)],
            [onnx.numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
        )  # fmt: skip
        made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
        return onnx.shape_inference.infer_shapes(made)

    one = np.float32
    dense = {"w": numbers(6, 8), "b": numbers(8), "v": numbers(8, 3), "c": numbers(3)}
    of_pictures = {"w": numbers(64, 8), "b": numbers(8), "row": np.array([-1, 64])}
    table, pictures = numbers(7, 6), rng.uniform(0, 255, size=(7, 8, 8)).astype(np.float32)
    head = "h = MatMul(x, w)\nd = Add(h, b)\n"
    tail = "\nm = MatMul(a, v)\ny = Add(m, c)"
    yield (
        "Keras, Rescaling, Flatten and Dense",
        model(
            (8, 8),
            """
        s = Mul(x, scale)
        f = Reshape(s, row)
        h = MatMul(f, w)
        d = Add(h, b)
        y = Softmax(d; axis=-1)""",
            scale=one(1 / 255),
            **of_pictures,
        ),
        pictures,
    )
    yield (
        "Keras, Rescaling with an offset",
        model(
            (8, 8),
            """
        s = Mul(x, scale)
        o = Add(s, offset)
        f = Reshape(o, row)
        h = MatMul(f, w)
        y = Add(h, b)""",
            scale=one(1 / 127.5),
            offset=one(-1),
            **of_pictures,
        ),
        pictures,
    )
    yield (
        "Keras, Flatten by the shape of the batch",
        model(
            (8, 8),
            """
        n = Shape(x)
        i = Cast(n; to=6)
        k = Slice(i, zero, one, zero)
        r = Concat(k, rest; axis=0)
        q = Cast(r; to=7)
        f = Reshape(x, q)
        h = MatMul(f, w)
        y = Add(h, b)""",
            zero=np.array([0]),
            one=np.array([1]),
            rest=np.array([64], np.int32),
            **of_pictures,
        ),
        pictures,
    )
    yield (
        "Keras, Normalization",
        model(
            (6,),
            f"""
        o = Sub(x, mean)
        s = Div(o, std)
        {head.replace("x", "s")}
        a = Relu(d){tail}""".replace("\n\n", "\n"),
            mean=numbers(1, 6),
            std=np.abs(numbers(1, 6)) + 1,
            **dense,
        ),
        table,
    )
    yield (
        "Keras, BatchNormalization as a product and a sum",
        model(
            (6,),
            f"""{head}
        k = Mul(d, gamma)
        l = Add(k, beta)
        a = Relu(l){tail}""".replace("\n\n", "\n"),
            gamma=numbers(8),
            beta=numbers(8),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, BatchNormalization",
        model(
            (6,),
            f"""{head}
        l = BatchNormalization(d, gamma, beta, mean, var; epsilon=0.001)
        a = Relu(l){tail}""".replace("\n\n", "\n"),
            gamma=numbers(8),
            beta=numbers(8),
            mean=numbers(8),
            var=np.abs(numbers(8)) + 1,
            **dense,
        ),
        table,
    )
    yield (
        "Keras, ReLU up to 6",
        model(
            (6,),
            f"""{head}
        r = Relu(d)
        a = Min(r, six){tail}""".replace("\n\n", "\n"),
            six=one(6),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, swish",
        model(
            (6,),
            f"""{head}
        g = Sigmoid(d)
        a = Mul(d, g){tail}""".replace("\n\n", "\n"),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, GELU",
        model(
            (6,),
            f"""{head}
        p = Div(d, root)
        e = Erf(p)
        f = Add(e, one)
        g = Mul(half, d)
        a = Mul(g, f){tail}""".replace("\n\n", "\n"),
            root=one(np.sqrt(2)),
            one=one(1),
            half=one(0.5),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, hard sigmoid",
        model(
            (6,),
            f"""{head}
        a = HardSigmoid(d; alpha={1 / 6}|beta=0.5){tail}""".replace("\n\n", "\n"),
            **dense,
        ),
        table,
    )
    yield (
        "Keras 2, hard sigmoid",
        model(
            (6,),
            f"""{head}
        a = HardSigmoid(d; alpha=0.2|beta=0.5){tail}""".replace("\n\n", "\n"),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, Concatenate of two branches",
        model(
            (6,),
            f"""{head}
        a = Relu(d)
        k = Concat(a, x; axis=-1)
        y = MatMul(k, u)""".replace("\n\n", "\n"),
            u=numbers(14, 3),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, Add of a shortcut",
        model(
            (6,),
            f"""{head}
        a = Relu(d)
        m = MatMul(a, u)
        k = Add(m, x)
        y = Relu(k)""".replace("\n\n", "\n"),
            u=numbers(8, 6),
            **dense,
        ),
        table,
    )
    yield (
        "Keras, Dense along time",
        model(
            (5, 6),
            f"""{head}
        a = Relu(d)
        p = ReduceMean(a; axes=[1]|keepdims=0)
        y = MatMul(p, v)""".replace("\n\n", "\n"),
            **dense,
        ),
        numbers(7, 5, 6),
    )
    yield (
        "Keras, PReLU and LeakyReLU",
        model(
            (6,),
            f"""{head}
        r = PRelu(d, slope)
        a = LeakyRelu(r; alpha=0.3){tail}""".replace("\n\n", "\n"),
            slope=np.abs(numbers(8)),
            **dense,
        ),
        table,
    )


def sent_by_keras(onnx: Any, onnxruntime: Any, name: str, folder: Path) -> Sent:
    """Write a network of `of_keras`, and have ONNX Runtime answer."""
    model, x = next((model, x) for found, model, x in of_keras(onnx) if found == name)
    onnx.checker.check_model(model, full_check=True)
    path = folder / "keras.onnx"
    path.write_bytes(model.SerializeToString())
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    return Sent(path, x, expected)
