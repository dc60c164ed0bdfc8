"""Rounds: contenders take turns, so that whatever disturbs the machine disturbs them all.

Every contender is measured in several fresh processes, because where its buffers happen to lie moves products by up to
a fifth, and the first contender twice (A/A), which shows how much a difference must be to mean anything.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass, field, replace
from typing import Any

from environments import Contender, Process
from workloads import Unavailable, Workload

CHECKED_STEPS = 20
TOLERANCE = 1e-5  # of the loss: rounding moves it by 1e-6 at most, a learning rate 2 % off by 2e-5 at least


@dataclass(frozen=True)
class Settings:
    """How long and how often."""

    rounds: int = 7
    processes: int = 3
    turn: float = 0.05  # seconds that a contender's turn takes at least
    threads: int = 1


@dataclass
class Result:
    """What was measured of one contender."""

    contender: Contender
    turns: list[list[float]] = field(default_factory=list)  # seconds a step, by process and round
    seconds: float = 0.0
    worked: float = 0.0  # seconds of all cores together
    loss: float | None = None
    digest: str = ""
    refusal: str = ""

    @property
    def minimum(self) -> float:
        return min(min(turns) for turns in self.turns)

    @property
    def median(self) -> float:
        return statistics.median(turn for turns in self.turns for turn in turns)

    @property
    def spread(self) -> float:
        """How much slower the unluckiest process was than the luckiest, both at their best."""
        best = [min(turns) for turns in self.turns]
        return max(best) / min(best) - 1

    @property
    def cores(self) -> float:
        """How many cores were at work: more than the threads asked for, and the comparison is unfair."""
        return self.worked / self.seconds

    def record(self) -> dict[str, Any]:
        """Return it for JSON, in µs."""
        if self.refusal:
            return {"unavailable": self.refusal}
        best = [round(min(turns) * 1e6, 3) for turns in self.turns]
        median = round(self.median * 1e6, 3)
        rest = {"processes": best, "cores": round(self.cores, 2), "loss": self.loss}
        return {"minimum": min(best), "median": median, **rest}


def measure(work: Workload, contenders: list[Contender], settings: Settings) -> list[Result]:
    """Return the results of `work`, the control (the first contender once more) last."""
    results = [Result(contender) for contender in contenders]
    results.append(Result(replace(contenders[0], name="A/A")))
    for _ in range(settings.processes):
        running = {}
        try:
            for result in results:
                if not result.refusal:
                    try:
                        running[id(result)] = _started(result, work, settings)
                    except Unavailable as reason:
                        result.refusal = str(reason)
            _take_turns([r for r in results if id(r) in running], running, settings)
        finally:
            for process, _ in running.values():
                process.close()
    _compare(work, results)
    return results


def _started(result: Result, work: Workload, settings: Settings) -> tuple[Process, int]:
    """Return a process that is ready, and how many steps a turn has."""
    process = Process(result.contender, settings.threads)
    try:
        process.prepare(work)
        checked = process.ask("check", steps=1 if work.kind == "predict" else CHECKED_STEPS)
        result.loss, result.digest = checked["loss"], checked["digest"]
        steps = 1
        while True:  # a compiler may compile for each number of steps: ask twice, believe the second
            process.ask("run", steps=steps)
            seconds = process.ask("run", steps=steps)["seconds"]
            if seconds > 0.6 * settings.turn:
                break
            steps = max(steps + 1, min(100 * steps, int(steps * settings.turn / max(seconds, 1e-6)) + 1))
        result.turns.append([])
        return process, steps
    except Unavailable:
        process.close()
        raise


def _take_turns(results: list[Result], running: dict[int, tuple[Process, int]], settings: Settings) -> None:
    order = random.Random(0)
    for _ in range(settings.rounds):
        order.shuffle(results)
        for result in results:
            process, steps = running[id(result)]
            if settings.threads > 1:
                time.sleep(0.3)  # until the threads of the one before have stopped spinning
            answer = process.ask("run", steps=steps)
            result.turns[-1].append(answer["seconds"] / steps)
            result.seconds += answer["seconds"]
            result.worked += answer["worked"]


def _compare(work: Workload, results: list[Result]) -> None:
    """Refuse the time of whoever started elsewhere or arrived elsewhere than the others."""
    measured = [result for result in results if not result.refusal]
    if len({result.digest for result in measured}) > 1:
        raise SystemExit(f"{work.name}: contenders had different data or starting weights: nothing was compared.")
    losses = [result.loss for result in measured if result.loss is not None]
    agreed = statistics.median(losses) if losses else 0.0
    for result in measured:
        if result.loss is not None and not abs(result.loss - agreed) <= TOLERANCE * agreed:
            result.refusal = f"its loss is {result.loss:.6g} where the others' is {agreed:.6g}"


def footprint(contender: Contender, work: Workload, processes: int) -> dict[str, Any]:
    """Return what it costs to be there: seconds to start, import and build the network, and memory."""
    seconds, answer = [], {}
    for _ in range(processes):
        started = time.perf_counter()
        process = Process(contender, 1)
        try:
            process.prepare(work)
            seconds.append(time.perf_counter() - started)
            answer = process.ask("footprint")
        finally:
            process.close()
    return {"seconds": round(min(seconds), 3), **answer}
