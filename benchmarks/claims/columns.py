"""Columns in another order, renamed, missing, or too many: each way in, each answer right or refused by name."""

from __future__ import annotations

import csv
import runpy
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.recipes.answering import answers
from chainrule.recipes.for_table import for_table
from claims.figure import Figure, Options, Unavailable, all_of

CHANGES = ("permuted", "renamed", "missing", "extra", "as it was")


def columns(options: Options) -> Iterator[Figure]:
    """Ask networks of random tables, in all ways in which a table can come, after random changes of its columns."""
    try:
        import pandas
        import polars
    except ImportError as problem:
        raise Unavailable(f"{problem.name} is not installed") from None
    frames = {"pandas": pandas.DataFrame, "polars": polars.DataFrame}
    count, right = options.count(200, 20), 0
    with tempfile.TemporaryDirectory() as folder:
        for trial in range(count):
            right += _trial(np.random.default_rng(trial), Path(folder), frames)
    yield all_of("columns permuted, renamed, missing, extra: right, or refused by name", right, count)


def _table(generator: np.random.Generator, rows: int) -> dict[str, list[Any]]:
    """Return columns of each kind, and one to predict that follows from them."""
    names = [
        f"{word} {k}" for k, word in enumerate(generator.permutation(["size", "age", "kind", "town", "day", "mass"]))
    ]
    made: dict[str, list[Any]] = {}
    total = np.zeros(rows)
    for name in names[: generator.integers(2, 6)]:
        if "kind" in name or "town" in name:
            words = generator.choice(["red", "green", "blue"], rows)
            total += words == "red"
            made[name] = words.tolist()
        elif "day" in name:
            days = np.datetime64("2021-03-01") + generator.integers(0, 500, rows)
            made[name] = [str(day) for day in days]
        else:
            numbers = generator.normal(5, 3, rows).round(3)
            total += numbers > 5
            made[name] = numbers.tolist()
    made["answer"] = np.where(total + generator.normal(0, 0.3, rows) > 1, "yes", "no").tolist()
    return made


def _written(path: Path, table: dict[str, list[Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def _trial(generator: np.random.Generator, folder: Path, frames: dict[str, Callable[[Any], Any]]) -> bool:
    """Return whether an answer was right, or refused by the name of the column."""
    table = _table(generator, 60)
    recipe = cr.recipes.override(for_table(_written(folder / "train.csv", table), "answer").recipe, epochs=2)
    network = cr.recipes.run(recipe, out=folder / "runs", verbose=0).network
    asked = {name: cells[:7] for name, cells in table.items() if name != "answer"}
    expected = cr.predict(network, asked)
    used = [column.name for column in network.preparation.columns]
    change, name = str(generator.choice(CHANGES)), str(generator.choice(used))
    changed = dict(asked)
    if change == "renamed":
        changed = {(f"other {old}" if old == name else old): cells for old, cells in asked.items()}
    elif change == "missing":
        del changed[name]
    elif change == "extra":
        changed["shoes"] = [42] * 7
    changed = {column: changed[column] for column in generator.permutation(list(changed)).tolist()}
    if not changed:
        return True
    ways = ["file", "dict", "saved", "page", *frames]
    way = str(generator.choice(ways))
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = _asked(network, way, changed, folder, frames)
    except (cr.ChainruleError, KeyError) as problem:
        return change in ("renamed", "missing") and name in str(problem)
    said = way == "page" or any("'shoes'" in str(warning.message) for warning in told) == (change == "extra")
    return change not in ("renamed", "missing") and said and bool(np.allclose(found, expected, rtol=1e-5, atol=1e-6))


def _asked(network: Any, way: str, table: dict[str, list[Any]], folder: Path, frames: dict[str, Any]) -> Any:
    if way == "file":
        rows, _ = answers(network, None, str(_written(folder / "new.csv", table)), every=True)
        return [[row[f"probability {name}"] for name in network.classes] for row in rows]
    if way == "page":
        cr.numpy_page.save(network, folder / "page.py")
        return runpy.run_path(str(folder / "page.py"))["predict"](table)
    if way == "saved":
        return cr.predict(cr.loads(cr.dumps(network)), table)
    return cr.predict(network, frames[way](table) if way in frames else table)
