"""A table of one's own: trained on, evaluated, asked for new rows, without an edit, and beside scikit-learn.

Each table is cut by lines into a file to train on and one of new rows. The command line gets the files as they are;
the comparison gets them through pandas, with a column transformer that a user of scikit-learn would write.
"""

from __future__ import annotations

import csv
import io
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from claims.figure import Figure, Options, Unavailable, chainrule, stated
from claims.table_sets import SETS, TableSet

_HEAD = 1  # lines that both files begin with


def own_tables(options: Options) -> Iterator[Figure]:
    """Train, evaluate and ask ten tables, from ten seeds each, beside scikit-learn."""
    try:
        import pandas  # noqa: F401 -- asked for only to say why nothing can be compared
        import sklearn  # noqa: F401
    except ImportError as problem:
        raise Unavailable(f"{problem.name} is not installed") from None
    for table in SETS:
        ours, theirs = [], []
        for seed in range(options.count(10, 2)):
            with tempfile.TemporaryDirectory() as folder:
                new = split(table, Path(folder), seed)
                ours.append(quality(table, of_chainrule(table, Path(folder), seed), new))
                theirs.append(quality(table, of_sklearn(table, Path(folder), seed), new))
        less = np.subtract(theirs, ours)
        error = float(less.std(ddof=1) / np.sqrt(len(less)))
        measure = "accuracy" if table.task == "classification" else "R²"
        yield Figure(
            f"{table.name}: {measure} of new rows",
            "not below scikit-learn's by more than a standard error",
            f"{np.mean(ours):.4f}, scikit-learn {np.mean(theirs):.4f}, standard error {error:.4f}, {len(ours)} seeds",
            bool(less.mean() <= error),
            float(np.mean(ours)),
        )
    yield stated("tables", f"{len(SETS)}", len(SETS))


def split(table: TableSet, folder: Path, seed: int) -> list[str]:
    """Write the files `train` and `new`; return the answers of the new rows as texts."""
    whole = folder / f"whole-{table.name}"
    table.write(whole)
    encoding = table.frame.get("encoding", "utf-8")
    lines = whole.read_text(encoding).splitlines()
    head, body = lines[:_HEAD], lines[_HEAD:]
    order = np.random.default_rng(seed).permutation(len(body))
    cut = len(body) // 5
    new, train = sorted(order[:cut]), sorted(order[cut:])
    for name, rows in (("train", train), ("new", new)):
        (folder / f"{name}-{table.name}").write_text("\n".join([*head, *(body[i] for i in rows)]) + "\n", encoding)
    return [str(value) for value in frame(table, folder / f"new-{table.name}")[column(table, folder)].tolist()]


def frame(table: TableSet, path: Path) -> Any:
    import pandas

    return pandas.read_csv(path, **table.frame)


def column(table: TableSet, folder: Path) -> Any:
    """Return the target as pandas calls it."""
    return table.target if table.target != "-1" else frame(table, folder / f"train-{table.name}").columns[-1]


def of_chainrule(table: TableSet, folder: Path, seed: int) -> list[str]:
    """Return the answers of the command line to the new rows."""
    chainrule(
        *("train", f"train-{table.name}", "--target", table.target, "--seed", str(seed), "--no-pictures", "--quiet"),
        folder=folder,
    )
    run = next((folder / "runs").iterdir())
    chainrule("evaluate", str(run), folder=folder)
    printed = chainrule("predict", str(run), f"new-{table.name}", folder=folder)
    rows = list(csv.DictReader(io.StringIO(printed)))
    name = "class" if table.task == "classification" else "prediction"
    return [row[name] for row in rows]


def of_sklearn(table: TableSet, folder: Path, seed: int) -> list[str]:
    """Return the answers of scikit-learn's perceptron behind a column transformer."""
    from sklearn.compose import TransformedTargetRegressor, make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    train, new = (frame(table, folder / f"{name}-{table.name}") for name in ("train", "new"))
    target = column(table, folder)
    for data in (train, new):
        for name in data.columns[[str(kind).startswith("datetime") for kind in data.dtypes]]:
            times = data.pop(name).dt
            data[f"{name} hour"], data[f"{name} weekday"], data[f"{name} day"] = times.hour, times.weekday, times.day
    X, y = train.drop(columns=[target, *table.drop]), train[target]
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
            make_column_selector(dtype_exclude="number"),
        ),
        sparse_threshold=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if table.task == "classification":
            model: Any = make_pipeline(prepared, MLPClassifier(random_state=seed))
        else:
            model = make_pipeline(
                prepared, TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
            )
        model.fit(X, y)
        return [str(value) for value in model.predict(new.drop(columns=[target, *table.drop])).tolist()]


def quality(table: TableSet, answers: list[str], truth: list[str]) -> float:
    """Return the share of right answers, or R²."""
    if table.task == "classification":
        words = {"0": "malignant", "1": "benign"} if table.name == "breast_cancer.csv" else {}
        words = {"0": "setosa", "1": "versicolor", "2": "virginica"} if table.name == "iris.csv" else words
        words = {str(k): f"class_{k}" for k in range(3)} if table.name == "wine_data.csv" else words
        return float(np.mean([words.get(a, a) == words.get(t, t) for a, t in zip(answers, truth, strict=True)]))
    predicted, true = np.array(answers, float), np.array(truth, float)
    return float(1 - ((true - predicted) ** 2).sum() / ((true - true.mean()) ** 2).sum())
