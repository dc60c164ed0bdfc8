"""What bears a hostile name: a run folder, where its readers let it through, and a network, a graph and a history."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.files.safetensors import read
from chainrule.recipes import load_run, open_run
from chainrule.recipes.samples import gather
from tests.files.forge import Forgery

RUN = "runs/points-001"
CLASSES = ("apple", "pear", "plum")
# Every field of a run that holds a text, and what is in it where nobody means harm.
PLAIN: dict[str, str] = {
    "layer": "layer",
    "network": "net",
    "class": "apple",
    "column": "kind",
    "title": "points of three kinds",
    "metric": "accuracy",
    "stopped": "finished",
    "version": "2.0.0",
    "story": "epoch 1",
}


class Scale(cr.Layer):
    """A layer whose parameter is called anything."""

    def __init__(self, called: str, name: str | None = None) -> None:
        self.called, self.name = called, name

    def build(self, shape: tuple[int, ...]) -> None:
        self.factors = self.parameter(self.called, shape, cr.Constant(1.5))

    def forward(self, x: cr.Node) -> cr.Node:
        return x * self.factors


@dataclass
class Subject:
    """Everything that bears one name.

    Attributes
    ----------
    name : str
    folder : Path
        Where commands work; its run has the name in each field that is not refused.
    refused : tuple of str
        Fields of a run whose readers refuse the name; they have a plain one.
    named : str
        The same run in a folder that is called so, where one can be.
    """

    name: str
    folder: Path
    refused: tuple[str, ...] = ()
    named: str = ""

    def __post_init__(self) -> None:
        self.named = f"runs/{self.name}"

    @cached_property
    def samples(self) -> tuple[Any, Any]:
        generator = np.random.default_rng(0)
        return generator.standard_normal((12, 2)).astype(np.float32), np.arange(12) % 3

    @property
    def classes(self) -> list[str]:
        return [self.name, f"{self.name}2", "pear"]

    def called(self, suffix: str = "") -> str | None:
        """Return the name for a layer, None where layers may not be called so."""
        try:
            return cr.Dense(2, name=self.name + suffix).name
        except ChainruleError:
            return None

    @cached_property
    def network(self) -> cr.Network:
        """A network that bears it wherever a network in Python may."""
        inner = cr.Network([cr.Dense(2, name=self.called()), cr.Tanh()], name=self.called("2"))
        layers = [cr.Dense(2, inputs=2, name=self.called()), cr.Tanh(), Scale(self.name, self.called("3")), inner]
        layers += [cr.Residual([cr.Dense(2)], name=self.called("4")), cr.Dropout(0.25, name=self.called("5"))]
        layers += [cr.Dense(3), cr.Softmax()]
        network = cr.Network(layers, classes=self.classes, name=self.called(), l2=0.01)
        network.compute_loss(*self.samples)
        network.backward()
        return network

    @cached_property
    def portable(self) -> cr.Network:
        """The same with layers that PyTorch has too."""
        layers = [
            cr.Dense(2, inputs=2, name=self.called()),
            cr.Tanh(),
            cr.Dense(3, name=self.called("2")),
            cr.Softmax(),
        ]
        return cr.Network(layers, classes=self.classes, name=self.called("3"))

    @cached_property
    def graph(self) -> cr.Graph:
        """A graph by hand, whose nodes bear it."""
        x, name = cr.Input(self.name or "x", [[1.0, 2.0], [0.5, -1.0]]), self.name or None
        z = cr.Node(cr.ops.Matmul(), {"a": x, "b": cr.Parameter(f"d_{self.name}", [[0.1], [0.2]])}, name)
        a = cr.tanh(z=z * cr.Parameter(self.name or "w", [2.0]), name=name)
        target = cr.Input(f"{self.name}3", [[0.5], [1.0]])
        graph = cr.Graph(cr.mean_squared_error(prediction=a, target=target, name=name))
        graph.backward()
        return graph

    @cached_property
    def history(self) -> cr.History:
        """A history with metrics that bear it."""
        metrics = {self.name: 0.5, f"{self.name}/": 0.25, "error_rate": 0.25}
        return cr.History([cr.training.Epoch(i, 1.0 / i, 0.0, metrics, 0.9 / i, 0.1, 3, 0.5) for i in (1, 2, 3)])


class Base:
    """A run that was trained with plain names, and what others are made of."""

    def __init__(self, folder: Path) -> None:
        self.samples = Subject("", folder).samples
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.chdir(folder):
            _write_data(PLAIN, self.samples)
            Path("points.toml").write_text(tomli_w.dumps(recipe(PLAIN, "points.csv")), "utf-8")
            cr.recipes.run("points.toml", out="runs")
            self.models = {file: read(Path(RUN, file)) for file in ("best.safetensors", "last.safetensors")}
            self.result = json.loads(Path(RUN, "result.json").read_text())
            self.environment = json.loads(Path(RUN, "environment.json").read_text())
            self.log = [json.loads(line) for line in Path(RUN, "log.jsonl").read_text().splitlines()]

    def subject(self, name: str, folder: Path) -> Subject:
        """Return what bears a name, its run written into a folder."""
        folder.mkdir(parents=True)
        with contextlib.chdir(folder):
            refused: list[str] = []
            if not self._accepted(dict.fromkeys(PLAIN, name)):
                refused = [field for field in PLAIN if not self._accepted(PLAIN | {field: name})]
                self._write(PLAIN | {field: name for field in PLAIN if field not in refused})
            made = Subject(name, folder, tuple(refused))
            try:
                shutil.copytree(RUN, made.named)
            except (OSError, ValueError):  # no folder can be called so
                made.refused += ("folder",)
            if "folder" in made.refused or not os.path.samefile(Path(made.named).parent, "runs"):
                made.named = RUN
        return made

    def _accepted(self, texts: dict[str, str]) -> bool:
        """Return whether the readers let these texts through, the log's epochs too."""
        try:
            self._write(texts)
            _, told = load_run(RUN)
            assert told is not None
            gather(told)
            record = open_run(RUN)
            return record.recipe is not None and len(record.history) == len(self.log)
        except (ChainruleError, UnicodeEncodeError, csv.Error):  # or it can't even be written
            return False

    def _write(self, texts: dict[str, str]) -> None:
        """Write a run with these texts into the working folder."""
        Path(RUN).mkdir(parents=True, exist_ok=True)
        _write_data(texts, self.samples)
        names = dict(zip(layer_names(PLAIN), layer_names(texts), strict=True))
        for file, contents in self.models.items():
            forgery = Forgery(contents)
            forgery.description = renamed(forgery.description, names)
            forgery.description["classes"] = sorted((texts["class"], *CLASSES[1:]))
            if file == "best.safetensors":  # a checkpoint's network is compared with the recipe's, which has no name
                forgery.description["name"] = texts["network"]
            forgery.state = renamed(forgery.state, names)
            forgery.arrays = renamed(forgery.arrays, names)
            Path(RUN, file).write_bytes(forgery.file())
        told = tomli_w.dumps(recipe(texts, "../../points.csv"))
        Path(RUN, "recipe.toml").write_bytes(told.encode())
        result = self.result | {"stopped": texts["stopped"]}
        result["train"] = {texts["metric"]: 0.5, **result["train"]}
        environment = self.environment | {"numpy": texts["version"], texts["version"]: "1"}
        rows = [{**row, texts["metric"]: 0.5} for row in self.log]
        Path(RUN, "result.json").write_text(json.dumps(result))
        Path(RUN, "environment.json").write_text(json.dumps(environment))
        Path(RUN, "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        Path(RUN, "log.txt").write_bytes(f"points\n{texts['story']}\n".encode())


def recipe(texts: dict[str, str], file: str) -> dict[str, Any]:
    """Return a recipe with these texts."""
    first, left, around, inner, last = layer_names(texts)
    layers = [
        {"type": "Dense", "units": 2, "name": first},
        {"type": "Tanh"},
        {"type": "Dropout", "rate": 0.25, "name": left},
        {"type": "Residual", "layers": [{"type": "Dense", "units": 2, "name": inner}], "name": around},
        {"type": "Dense", "units": 3, "name": last},
        {"type": "Softmax"},
    ]
    return {
        "name": "points",
        "title": texts["title"],
        "layers": layers,
        "loss": "CategoricalCrossEntropy",
        "phases": [{"epochs": 2, "learning_rate": 0.01}],
        "batch_size": 8,
        "data": {"file": file, "target": texts["column"], "validation": 0.25},
    }


def layer_names(texts: dict[str, str]) -> list[str]:
    """Return what the five layers with names are called."""
    return [texts["layer"] + suffix for suffix in ("", "2", "3", "4", "5")]


def renamed(data: Any, names: dict[str, str]) -> Any:
    """Return data in which these words, alone or in paths, are called otherwise."""
    if isinstance(data, dict):
        return {renamed(key, names): renamed(value, names) for key, value in data.items()}
    if isinstance(data, list):
        return [renamed(part, names) for part in data]
    return ".".join(names.get(word, word) for word in data.split(".")) if isinstance(data, str) else data


def _write_data(texts: dict[str, str], samples: tuple[Any, Any]) -> None:
    with open("points.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length", "width", texts["column"]])
        names = (texts["class"], *CLASSES[1:])
        writer.writerows([*row, names[k]] for row, k in zip(samples[0].tolist(), samples[1], strict=True))
