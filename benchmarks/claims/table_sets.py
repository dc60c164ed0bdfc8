"""Tables as people have them: those that scikit-learn ships, and ones made here like the well-known ones.

Made ones have words, gaps, dates, an index or marks between digits, and an answer that follows from the columns with
noise on it, so that what can be learnt from them is known.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class TableSet:
    """A table in a file.

    Attributes
    ----------
    name : str
    target : str
        The column to predict, or its place.
    task : {"classification", "regression"}
    write : function of Path
        Writes the file.
    frame : keyword arguments
        With which pandas reads it for the comparison.
    drop : tuple of str
        Columns that name the rows, which the comparison leaves out.
    """

    name: str
    target: str
    task: str
    write: Callable[[Path], None]
    frame: dict[str, Any]
    drop: tuple[str, ...] = ()


def _rows(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]], **style: Any) -> None:
    encoding = style.pop("encoding", "utf-8")
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, lineterminator="\n", **style)
        writer.writerow(header)
        writer.writerows(rows)


def _gaps(generator: np.random.Generator, values: Iterable[Any], share: float, text: str = "") -> list[Any]:
    values = list(values)
    missing = generator.random(len(values)) < share
    return [text if gap else value for gap, value in zip(missing, values, strict=True)]


def titanic(path: Path) -> None:
    """Who survived: words, gaps in the age and the cabin, names that name the rows."""
    g = np.random.default_rng(1)
    n = 891
    rank, sex = g.choice([1, 2, 3], n, p=[0.24, 0.21, 0.55]), g.choice(["male", "female"], n, p=[0.65, 0.35])
    age = np.round(np.clip(g.normal(30, 14, n), 0.5, 80), 1)
    fare = np.round(np.exp(g.normal(4.3 - 0.75 * rank, 0.5, n)), 4)
    town = g.choice(["Southampton", "Cherbourg", "Queenstown"], n, p=[0.72, 0.19, 0.09])
    family = g.poisson(0.6, n)
    score = 2.6 * (sex == "female") - 1.0 * (rank - 2) - 0.03 * (age - 30) - 0.3 * family + 0.5 * (town == "Cherbourg")
    survived = (score - 1.1 + g.logistic(0, 0.7, n) > 0).astype(int)
    names = [f"Person, No. {i}" for i in range(n)]
    ages = _gaps(g, age, 0.2)
    decks = [f"{deck}{i}" for deck, i in zip(g.choice([*"ABCDE"], n), g.integers(1, 120, n), strict=True)]
    cabins, towns = _gaps(g, decks, 0.77), _gaps(g, town, 0.002)
    told = (range(1, n + 1), survived, rank, names, sex, ages, family, fare, cabins, towns)
    columns = zip(*told, strict=True)
    header = ["PassengerId", "Survived", "Pclass", "Name", "Sex", "Age", "Family", "Fare", "Cabin", "Embarked"]
    _rows(path, header, columns)


def penguins(path: Path) -> None:
    """Which of three species: measures with NA in them, an island, a sex."""
    g = np.random.default_rng(2)
    species = np.repeat(["Adelie", "Chinstrap", "Gentoo"], [152, 68, 124])
    centre = {
        "Adelie": (38.8, 18.3, 190, 3700),
        "Chinstrap": (48.8, 18.4, 196, 3730),
        "Gentoo": (47.5, 15.0, 217, 5080),
    }
    islands = {"Adelie": ["Torgersen", "Biscoe", "Dream"], "Chinstrap": ["Dream"], "Gentoo": ["Biscoe"]}
    rows = []
    for i in g.permutation(len(species)):
        kind = str(species[i])
        sex = g.choice(["male", "female"])
        larger = 1.03 if sex == "male" else 0.97
        measures = [g.normal(c * larger, s) for c, s in zip(centre[kind], (2.6, 1.1, 6, 350), strict=True)]
        told = [f"{m:.1f}" for m in measures[:2]] + [f"{m:.0f}" for m in measures[2:]]
        if g.random() < 0.01:
            told = ["NA"] * 4
        rows.append([kind, g.choice(islands[kind]), *told, "NA" if g.random() < 0.03 else sex])
    measured = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    _rows(path, ["species", "island", *measured, "sex"], rows)


def diamonds(path: Path) -> None:
    """Prices: an unnamed index column, three ordered words."""
    g = np.random.default_rng(3)
    n = 3000
    carat = np.round(np.exp(g.normal(-0.4, 0.55, n)), 2).clip(0.2, 4)
    cuts, colours = ["Fair", "Good", "Very Good", "Premium", "Ideal"], [*"JIHGFED"]
    clarities = ["SI2", "SI1", "VS2", "VS1", "IF"]
    cut, colour, clarity = g.integers(0, 5, n), g.integers(0, 7, n), g.integers(0, 5, n)
    depth, table = np.round(g.normal(61.7, 1.4, n), 1), g.normal(57.5, 2.2, n).round()
    worth = 8.2 + 1.7 * np.log(carat) + 0.03 * cut + 0.07 * colour + 0.12 * clarity
    price = np.exp(worth + g.normal(0, 0.12, n)).round().astype(int)
    width = np.round(6.4 * carat ** (1 / 3) * (1 + g.normal(0, 0.01, n)), 2)
    told = [[cuts[k] for k in cut], [colours[k] for k in colour], [clarities[k] for k in clarity]]
    rows = zip(range(1, n + 1), carat, *told, depth, table, price, width, strict=True)
    _rows(path, ["", "carat", "cut", "color", "clarity", "depth", "table", "price", "x"], rows)


def taxis(path: Path) -> None:
    """Fares: two times, zones of which many are rare, gaps in the payment."""
    g = np.random.default_rng(4)
    n = 2500
    start = np.datetime64("2019-03-01T00:00:00") + g.integers(0, 31 * 86400, n).astype("timedelta64[s]")
    distance = np.round(np.exp(g.normal(0.8, 0.7, n)), 2)
    zones = [f"Zone {k}" for k in range(90)]
    zone = np.minimum(g.geometric(0.05, n), 90) - 1
    hour = (start - start.astype("datetime64[D]")).astype(int) // 3600
    minutes = 4 + 3.2 * distance * (1 + 0.5 * ((hour > 7) & (hour < 19))) + g.exponential(1.5, n)
    fare = np.round((2.5 + 1.7 * distance + 0.45 * minutes + 3 * (zone % 7 == 0) + 0.5 * (hour >= 20)) * 2) / 2
    payment = _gaps(g, g.choice(["credit card", "cash"], n), 0.02)
    times, fares = [str(time).replace("T", " ") for time in start], [f"{amount:.1f}" for amount in fare]
    rows = zip(times, distance, g.integers(1, 6, n), [zones[k] for k in zone], payment, fares, strict=True)
    _rows(path, ["pickup", "distance", "passengers", "pickup_zone", "payment", "fare"], rows)


def houses(path: Path) -> None:
    """Prices of a million: semicolons, decimal commas, points between thousands."""
    g = np.random.default_rng(5)
    n = 1200
    area, rooms = g.normal(120, 35, n).clip(30, 300), g.integers(1, 8, n)
    year, town = g.integers(1900, 2024, n), g.choice(["München", "Köln", "Zürich"], n)
    extra = {"München": 250_000, "Köln": 0, "Zürich": 420_000}
    price = 180_000 + 6_500 * area + 22_000 * rooms + 1_100 * (year - 1900) + np.array([extra[str(t)] for t in town])
    price = (price + g.normal(0, 25_000, n)).round(2)

    def german(value: float, digits: int) -> str:
        return f"{value:,.{digits}f}".translate(str.maketrans(",.", ".,"))

    rows = ([german(area[i], 1), rooms[i], year[i], town[i], german(price[i], 2)] for i in range(n))
    _rows(path, ["Fläche", "Zimmer", "Baujahr", "Stadt", "Preis"], rows, delimiter=";", encoding="cp1252")


def shipped(name: str) -> Callable[[Path], None]:
    """Copy a table that scikit-learn ships."""

    def write(path: Path) -> None:
        import sklearn.datasets

        folder = Path(sklearn.datasets.__file__).parent / "data"
        path.write_bytes((folder / name).read_bytes())

    return write


def diabetes(path: Path) -> None:
    """The measures and the target of scikit-learn's diabetes set in one file, runs of spaces between them."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(scaled=False)
    lines = ["  ".join([*data.feature_names, "progression"])]
    lines += ["  ".join(f"{value:g}" for value in (*row, y)) for row, y in zip(data.data, data.target, strict=True)]
    path.write_text("\n".join(lines) + "\n")


_COUNTED = {"header": None, "skiprows": 1}
_GERMAN = {"sep": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252"}
SETS = (
    TableSet("breast_cancer.csv", "-1", "classification", shipped("breast_cancer.csv"), _COUNTED),
    TableSet("iris.csv", "-1", "classification", shipped("iris.csv"), _COUNTED),
    TableSet("wine_data.csv", "-1", "classification", shipped("wine_data.csv"), _COUNTED),
    TableSet("linnerud_exercise.csv", "Jumps", "regression", shipped("linnerud_exercise.csv"), {"sep": " "}),
    TableSet("diabetes.txt", "progression", "regression", diabetes, {"sep": r"\s+"}),
    TableSet("titanic.csv", "Survived", "classification", titanic, {}, ("PassengerId", "Name")),
    TableSet("penguins.csv", "species", "classification", penguins, {}),
    TableSet("diamonds.csv", "price", "regression", diamonds, {"index_col": 0}),
    TableSet("taxis.csv", "fare", "regression", taxis, {"parse_dates": ["pickup"]}),
    TableSet("houses.csv", "Preis", "regression", houses, _GERMAN),
)
