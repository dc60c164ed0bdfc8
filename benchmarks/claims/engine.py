"""What the engine costs beyond NumPy: per call, in memory, and what its recording array lets through.

Workloads are those of the benchmarks: W1 is XOR on 2-3-1, W3 784-200-100-10 in batches of 64.
"""

from __future__ import annotations

import functools
import gc
import inspect
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from workloads import TABLES

from claims.figure import ROOT, Figure, Options, all_of, at_least, at_most, command, megabytes, milliseconds

ROUNDS, TURN = 300, 100  # many short turns: what disturbs the machine disturbs few of them


def calls(options: Options) -> Iterator[Figure]:
    """Time replayed calls beside the same calls written out, and ops that are called beside the call itself."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        program, batch, _ = _program("W1")
        steps = [step for plan in program.plans.values() for step in plan]
        program.feed(**batch)

        def replayed() -> None:
            program.run("forward")
            program.run("backward")

        costs = _least(replayed, _written_out(steps))
        each = (costs[0] - costs[1]) / len(steps)
        note = f" ({len(steps)} calls, forward and backward of W1)"
        yield at_most("cost of a recorded call over the NumPy call", each, 0.05e-6, _microseconds, note)
        step, bare = _called_op()
        costs = _least(step, bare)
        note = " (over forward(x) and storing its result)"
        yield at_most("cost of an op that is called", costs[0] - costs[1], 0.15e-6, _microseconds, note)
        took = min(_program("W3-sgd")[2] for _ in range(options.count(7, 3)))
        yield at_most("recording W3, forward and backward", took, 0.005, milliseconds)


def memory(options: Options) -> Iterator[Figure]:
    """Count what steps leave behind, and watch a process through very many."""
    from contenders.chainrule import build
    from threadpoolctl import threadpool_limits

    for name in ("W1", "W3-adam"):
        work = TABLES[name]
        model = build(replace(work, samples=min(work.samples, 6400)), "replayed")
        count = options.count(2000, 500)
        with threadpool_limits(limits=1, user_api="blas"):
            kept, grown = min(_retained(model.run, count) for _ in range(3))
        note = f" ({kept} allocations, {grown:,} bytes after {count:,} steps)"
        yield at_most(f"retained allocations per step, {name}", round(kept / count, 2), 0, "{:.2f}".format, note)
    steps = options.count(200_000, 20_000)
    script = Path(__file__).with_name("soak.py")
    grown_by = float(command([sys.executable, str(script), str(steps)], ROOT)) / 1e6
    yield at_most(f"growth of a process over {steps:,} steps of train", grown_by, 1, megabytes)


def closedness(options: Options) -> Iterator[Figure]:
    """Try NumPy functions and array methods on the recording array, as the tests do."""
    from claims.derivatives import passes
    from tests.replay import test_recording as tried

    count = len(tried.RECORDED) + len(tried.REFUSED)
    follows = tried.test_what_is_recorded_gives_on_new_values_the_bits_of_the_call
    recorded = sum(passes(follows, name) for name in tried.RECORDED)
    outcomes = Counter(_outcome(tried, name) for name in tried.REFUSED)
    yield at_least("closedness: NumPy functions and methods tried", count, 40, "{:.0f}".format)
    told = f" ({recorded} recorded identically, {outcomes['refused']} refused by name, {outcomes['frozen']} frozen)"
    yield all_of("closedness: recorded identically or refused", recorded + outcomes["refused"], count, note=told)


def _program(name: str) -> tuple[Any, dict[str, Any], float]:
    """Return a workload's training program, a batch for it, and the seconds it took to record."""
    from contenders.chainrule import build

    from chainrule.replay import Program

    work = replace(TABLES[name], samples=TABLES[name].batch)
    model = build(work, "replayed")
    graph = model.network.graph()
    batch = {"x": model.X[: work.batch], "y": model.y[: work.batch]}
    graph.values_on(batch)
    vectors = [model.network.parameters, model.network.gradients]
    began = time.perf_counter()
    program = Program(graph, batch, vectors, gradients=True)
    return program, batch, time.perf_counter() - began


def _written_out(steps: list[Any]) -> Callable[[], None]:
    """Return a function with one line for each call, its arrays at hand."""
    space: dict[str, Any] = {}
    lines = []
    for i, (function, arguments) in enumerate(steps):
        names = [f"a{i}_{k}" for k in range(len(arguments))]
        space |= {f"f{i}": function, **dict(zip(names, arguments, strict=True))}
        lines.append(f"    f{i}({', '.join(names)})")
    told = ", ".join(f"{name}={name}" for name in space)
    exec(f"def written({told}):\n" + "\n".join(lines), space)
    written: Callable[[], None] = space["written"]
    return written


def _called_op() -> tuple[Callable[[], None], Callable[[], None]]:
    """Return the replay of an op that can't be recorded, and the same by hand."""
    import chainrule as cr
    from chainrule.replay import Program

    class Unrecordable(cr.Op):
        """y = −x
        ∂x = −∂y"""

        def forward(self, x: Any) -> Any:
            return np.negative(np.asarray(x))

        def backward(self, dy: Any, y: Any, x: Any) -> Any:
            return dict(x=np.negative(np.asarray(dy)))

    op, x = Unrecordable(), np.ones(4, np.float32)
    node = cr.Node(op, {"x": cr.Input("x", x)})
    program = Program(cr.Graph(node), {"x": x})
    assert program.called, "the op was recorded: nothing is called"
    ((function, arguments),) = program.plans["forward"]
    out, *_ = arguments
    forward = functools.partial(inspect.unwrap(Unrecordable.forward), op)  # as programs call it

    def bare(out: Any = out, forward: Any = forward, x: Any = x) -> None:
        out[...] = forward(x)

    return (lambda: function(*arguments)), bare


def _least(*functions: Callable[[], None]) -> list[float]:
    """Return the least seconds that a call of each takes; they take turns."""
    least = [float("inf")] * len(functions)
    for _ in range(ROUNDS):
        for i, function in enumerate(functions):
            began = time.perf_counter()
            for _ in range(TURN):
                function()
            least[i] = min(least[i], (time.perf_counter() - began) / TURN)
    return least


def _retained(run: Callable[[int], None], count: int) -> tuple[int, int]:
    """Return how many allocations, and how many bytes, are there after so many steps that were not before."""
    gc.collect()
    tracemalloc.start()
    run(count)  # until Python has the small objects that it keeps for reuse
    gc.collect()
    blocks, before = sys.getallocatedblocks(), tracemalloc.get_traced_memory()[0]
    run(count)
    gc.collect()
    kept = sys.getallocatedblocks() - blocks
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return kept, grown


def _outcome(tried: Any, name: str) -> str:
    try:
        tried.test_what_is_not_known_is_refused_and_freezes_nothing(name)
    except BaseException as problem:  # pytest's own "did not raise" is no Exception
        if isinstance(problem, KeyboardInterrupt):
            raise
        return "frozen"
    return "refused"


def _microseconds(value: float) -> str:
    return f"{1e6 * value:.3f} µs"
