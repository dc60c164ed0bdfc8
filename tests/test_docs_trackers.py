"""The callbacks of the page on MLflow and Weights & Biases, with stand-ins that note what these are called with."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import chainrule as cr

PAGE = Path(__file__).parents[1] / "docs" / "howto" / "tracking.md"


class Run:
    """Takes what an MLflow module, or a run of Weights & Biases, takes, by the same names."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.figures: list[tuple[int, dict[str, Any]]] = []
        self.network: cr.Network | None = None
        self.ended = 0

    def log_params(self, params: dict[str, Any]) -> None:
        self.settings |= params

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        assert all(isinstance(value, (int, float)) for value in metrics.values())
        self.log(metrics, step)

    def log(self, data: dict[str, Any], step: int | None = None) -> None:
        assert step is not None
        self.figures.append((step, data))

    def log_artifact(self, path: str, **described: str) -> None:
        assert described in ({}, {"name": "moons", "type": "model"})
        self.network = cr.load(path)

    def start_run(self) -> Run:
        return self

    def init(self, project: str, config: dict[str, Any]) -> Run:
        self.settings |= config
        return self

    def finish(self) -> None:
        self.ended += 1

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *problem: object) -> None:
        self.finish()


@pytest.mark.parametrize("package", ["mlflow", "wandb"])
def test_settings_figures_and_the_network_are_logged(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (code,) = (block for block in blocks if f"import {package}" in block)
    run, module = Run(), ModuleType(package)
    vars(module).update({name: getattr(run, name) for name in dir(run) if not name.startswith("_")})
    monkeypatch.setitem(sys.modules, package, module)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(code, str(PAGE), "exec"), names)
    assert run.ended == 1
    assert run.settings["epochs"] == 20
    assert "Adam" in str(run.settings["optimizer"])
    assert [step for step, _ in run.figures] == list(range(1, 21))
    assert {"loss", "validation_loss", "learning_rate"} <= set(run.figures[-1][1])
    assert run.network is not None
    assert run.network.parameters.tobytes() == names["network"].parameters.tobytes()
    callback = code[code.index("class ") : code.index("\n\n\nX, y")]
    assert len([line for line in callback.splitlines() if line]) <= 10
