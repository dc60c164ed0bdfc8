"""A contender's process: it reads a request a line, does it, and answers in a line, as JSON.

Run as ``python worker.py MODULE VARIANT`` by the Python of the contender's environment. Time is taken here, around the
steps alone, so that neither pipes nor JSON are in it. A contender is a module with ``build(work, variant)``, which
returns an object with ``run(steps)`` and ``state()``: the parameters, or the first batch's probabilities. One that has
to shuffle by itself has ``run_in_order(steps)`` too, for the check.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time
import traceback
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import numpy as np
from workloads import Unavailable, Workload


class Worker:
    """Answers requests; one model at a time."""

    def __init__(self, module: str, variant: str) -> None:
        self.module, self.variant = module, variant
        self.model: Any = None

    def prepare(self, work: dict[str, Any]) -> dict[str, Any]:
        """Import the library and build the network."""
        self.work = Workload(**{**work, "sizes": tuple(work["sizes"])})
        build = importlib.import_module(f"contenders.{self.module}").build
        self.model = build(self.work, self.variant)
        return {}

    def check(self, steps: int) -> dict[str, Any]:
        """Take the first steps in the given order; return the hash of the start and the loss that is reached."""
        getattr(self.model, "run_in_order", self.model.run)(steps)
        state = self.model.state()
        loss = None if state is None else self.work.judge([np.asarray(array) for array in state])
        return {"digest": self.work.digest(), "loss": loss}

    def run(self, steps: int) -> dict[str, Any]:
        """Take so many steps; return the seconds they took, and the seconds of all cores together."""
        gc.collect()
        started, worked = time.perf_counter(), time.process_time()
        self.model.run(steps)
        return {"seconds": time.perf_counter() - started, "worked": time.process_time() - worked}

    def footprint(self) -> dict[str, Any]:
        """Return the most memory this process has held, in MB, and the versions installed beside it."""
        versions = {d.metadata["Name"].lower(): d.version for d in distributions()}
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {"memory": round(peak_memory(), 1), "versions": versions, "blas": f"{blas['name']} {blas['version']}"}


def peak_memory() -> float:
    """Return the peak of this process alone, in MB: `getrusage` counts what its parent held when it started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def main(module: str, variant: str) -> None:
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    worker = Worker(module, variant)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Unavailable as reason:
            answer = {"unavailable": str(reason)}
        except Exception as problem:  # whatever a library raises, the others are measured
            traceback.print_exc()
            answer = {"unavailable": f"{type(problem).__name__}: {problem}"[:200]}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
