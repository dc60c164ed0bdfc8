"""A graph's record, tidied, in memory of its own: run it, stage by stage, and look at every node.

Recording calls each op once with recording arrays. An op that asks them for something they don't know is called at
each run instead; `called` names it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import Any

import numpy as np

from chainrule import memory
from chainrule.errors import DerivativeError
from chainrule.graph.calls import is_own
from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter
from chainrule.ops.op import Array
from chainrule.replay.lowering import Step, compiled, plain, runs_before_compiling, steps
from chainrule.replay.recorded_ops import RecordingArrays
from chainrule.replay.recording import Buffer, Call, Operand, Recorded, Tape
from chainrule.replay.tidy import Arena, at_home, moved, with_conversions_merged, without_dead_results

Wrap = Callable[[Array], Recorded]
Stage = Callable[[Wrap], None]


class Program:
    """The calls of one graph on arrays of one shape.

    Parameters
    ----------
    graph : Graph
    feeds : dict of str to ndarray
        An example of what is fed: the shapes and dtypes of all runs.
    vectors : sequence of ndarray
        Memory that parameters, gradients or an optimizer's slots are views of.
    gradients : bool
        Whether derivatives go back.
    stages : mapping of str to function, optional
        What else belongs to a step, by name and in this order, after ``"forward"`` and ``"backward"``: each is called
        once with a function that turns arrays into recording arrays. A last stage, ``"state"``, is added where the
        graph has states to update.
    lowering : bool
        Whether calls take their cheapest form; without, replay gives the very bits of plain calls.
    keep_record : bool
        Whether `calls`, `recorded`, `recorded_gradients` and `locate` stay, and with them the memory that was used
        while recording.

    Attributes
    ----------
    calls : dict of str to list of Call
        By stage.
    called : tuple of str
        The nodes whose op is called at each run because it could not be recorded.
    recorded, recorded_gradients : list of Recorded
        Each node's value and gradient as the calls name them.
    values, gradients : list of ndarray
        The same as arrays, where they lie in memory.
    results : list of ndarray
        The roots' values.
    plans : dict of str to list of (function, arguments)
        What runs, by stage.
    before_update, before_update_silent : list of (function, arguments)
        All stages before ``"update"`` in one; the same without what only the root's value is computed for.
    from_update : list of (function, arguments)
        The stage ``"update"`` and what comes after it.
    inputs : dict of str to ndarray
        Where batches are read from.
    update_told : str
        What has become of the stage ``"update"``: "compiled", or why not; empty as long as it was not tried. See
        `lowering.runs_before_compiling`.
    """

    def __init__(
        self,
        graph: Graph,
        feeds: dict[str, Array],
        vectors: Sequence[Array] = (),
        *,
        gradients: bool = False,
        stages: Mapping[str, Stage] | None = None,
        lowering: bool = True,
        keep_record: bool = True,
    ) -> None:
        self.graph = graph
        self._tape = Tape()
        self._homes = [Buffer(np.array(vector), vector) for vector in vectors]
        nodes = graph.nodes
        self.inputs: dict[str, Array] = {}
        with np.errstate(all="ignore"):
            walk, arrays = graph.walk, RecordingArrays(graph, self._tape, self._wrap)
            self.recorded: list[Any] = [self._leaf(node, feeds) if node.op is None else None for node in nodes]
            walk.forward(self.recorded, arrays)
            self._tape.stage = "backward"
            self.recorded_gradients: list[Recorded | None] = [None] * len(nodes)
            if gradients:
                dy = self._tape.wrap(np.ones(graph.root.shape, graph.root.dtype), constant=True)
                arrays.keep_apart(self.recorded)
                self.recorded_gradients = walk.backward(self.recorded, graph.place(graph.root), dy, arrays)
            for self._tape.stage, stage in (stages or {}).items():
                stage(self._wrap)
            self._tape.stage = "state"
            for state, node in graph.updates:
                new = self.recorded[graph.place(node)]
                self._tape.note_into(self._wrap(state._value), np.copyto, "copy", [new.operand], {})
        self.called = tuple(arrays.called)
        if not all(node.op is None or is_own(node.op) for node in nodes):
            self._check()
        self._finish(["forward", "backward", *(stages or {}), *(["state"] if graph.updates else [])], lowering)
        if not keep_record:
            del self._tape, self._homes, self.calls, self.recorded, self.recorded_gradients, self.locate

    # ------------------------------------------------------------------ recording

    def _wrap(self, array: Array) -> Recorded:
        """Return a recording array for memory that others see too: a copy stands for it while recording."""
        for buffer in self._homes:
            home = buffer.home
            if home is not None and (array is home or (array.size and np.may_share_memory(array, home))):
                return self._tape.wrap(moved(array, home, buffer.array), buffer=buffer)
        buffer = Buffer(np.array(array), array)
        self._homes.append(buffer)
        return self._tape.wrap(buffer.array, buffer=buffer)

    def _leaf(self, node: Node, feeds: dict[str, Array]) -> Recorded:
        if isinstance(node, Parameter):
            return self._wrap(node.array)
        for name, leaf in self.graph.inputs.items():
            if leaf is node:
                self.inputs[name] = memory.copied(np.asarray(feeds.get(name, node._value)))
                return self._wrap(self.inputs[name])
        if isinstance(node, Input) and not node.name:  # nobody can feed it
            return self._tape.wrap(node._value.copy(), constant=True)
        return self._wrap(node._value)

    def _check(self) -> None:
        """Run the record once on other values, where it was recorded, and compare it with plain calls.

        A second fence, behind the closed recording array, against an op of a user's that keeps a value from an earlier
        call. Chainrule's own are proven to keep none, and checking takes two fifths of the time of recording.
        """
        factors = np.random.default_rng(0).uniform(0.5, 1.0, 1021)  # over and over: drawing as many takes longer
        values: list[Any] = []
        for node, recorded in zip(self.graph.nodes, self.recorded, strict=True):
            array = recorded.operand.array
            values.append(array if node.op is None else None)
            if node.op is None and not recorded.operand.buffer.constant:
                if array.ndim and not isinstance(node, Parameter):
                    array[...] = np.roll(array, 1, axis=0)
                if array.dtype.kind == "f":  # targets and weights stay in their range when they become smaller
                    array[~np.isfinite(array)] = 1.0  # of memory that nobody has filled yet, which compares nothing
                    array *= np.resize(factors.astype(array.dtype), array.shape)
        with np.errstate(all="ignore"):
            for call in self._tape.calls:
                if call.stage in ("forward", "backward"):
                    for function, arguments in plain(call, lambda operand: operand.array):
                        function(*arguments)
            self.graph.walk.forward(values)
            gradients: list[Any] = [None] * len(values)
            if any(gradient is not None for gradient in self.recorded_gradients):
                root = self.graph.place(self.graph.root)
                gradients = self.graph.walk.backward(values, root, np.ones_like(values[root]))
        for node, one, other in zip(self.graph.nodes, self.recorded, values, strict=True):
            if not _close(one.operand.array, other):
                raise _other_numbers(node.where, "forward")
        way_back = list(zip(self.graph.nodes, self.recorded_gradients, gradients, strict=True))[::-1]
        for node, gradient, other in way_back:  # the first to differ was handed on by an op that got what is right
            if gradient is not None and not _close(gradient.operand.array, other):
                users = [n for n in self.graph.nodes if any(child is node for child in n.children.values())]
                users.sort(key=lambda user: user.op is None or is_own(user.op))  # a user's own is the likelier
                raise _other_numbers(users[0].where if users else node.where, "backward")

    # ------------------------------------------------------------------ the finished program

    def _finish(self, stages: list[str], lowering: bool) -> None:
        results = [*self.recorded, *(g for g in self.recorded_gradients if g is not None)]
        kept = {id(r.operand.buffer): r.operand.buffer for r in results}
        kept |= {id(buffer): buffer for buffer in self._homes}
        calls = without_dead_results(self._tape.calls, kept.values())
        self.calls = {stage: [call for call in calls if call.stage == stage] for stage in stages}
        calls = with_conversions_merged(calls, kept.values())
        arena = Arena(calls, kept.values())
        plans: dict[str, list[tuple[Call, Step]]] = {}
        for stage in stages:
            elsewhere = {id(o.buffer) for call in calls if call.stage != stage for o in (*call.read(), call.out)}
            own = [call for call in calls if call.stage == stage]
            plans[stage] = steps(own, arena.array, kept.keys() | elsewhere, lowering=lowering)
        self.plans = {stage: [step for _, step in plan] for stage, plan in plans.items()}
        update = stages.index("update") if "update" in stages else len(stages)
        before = [pair for stage in stages[:update] for pair in plans[stage]]
        self.before_update = [step for _, step in before]
        self.update_told = ""
        in_update = self.calls.get("update", [])
        runs = runs_before_compiling(in_update) if lowering else None
        if runs is not None:
            countdown = itertools.count(runs, -1)
            as_recorded = self.plans["update"]
            again = partial(self._compile_update, at_home(in_update), as_recorded, countdown)
            self.plans["update"] = [*as_recorded, (again, ())]
        self.from_update = [step for stage in stages[update:] for step in self.plans[stage]]
        root = self.recorded[self.graph.place(self.graph.root)]
        asked = [r.operand.buffer for r in results if r is not root] + self._homes
        own = [call for call in calls if call.stage in stages[:update]]
        needed = {id(call) for call in without_dead_results(own, asked)}
        self.before_update_silent = [step for call, step in before if id(call) in needed]
        self.locate: Callable[[Operand], Array] = arena.array
        self.values = [arena.array(r.operand) for r in self.recorded]
        self.gradients = [None if g is None else arena.array(g.operand) for g in self.recorded_gradients]
        self.results = [self.values[self.graph.place(root)] for root in self.graph.roots]
        self.root = self.results[0]
        self._quiet = Context()
        self._quiet.run(np.seterr, all="ignore")
        for r in results:  # what is constant was worked out while recording
            if r.operand.buffer.temporary:
                arena.array(r.operand)[...] = r.operand.array

    def _compile_update(self, calls: list[Call], as_recorded: list[Step], countdown: Iterator[int]) -> None:
        """Compile the update at the end of a countdown; it computes the same bits from then on, in less time."""
        if next(countdown) <= 1:
            step, self.update_told = compiled(calls)
            self.plans["update"] = [step] if step else as_recorded
            self.from_update = [*self.plans["update"], *self.plans.get("state", [])]

    def feed(self, **arrays: Array) -> None:
        """Copy a batch to where the program reads it."""
        for name, array in arrays.items():
            np.copyto(self.inputs[name], array)

    def show(self) -> None:
        """Let every node of the graph show this program's values and gradients."""
        for node, value, gradient in zip(self.graph.nodes, self.values, self.gradients, strict=True):
            if node.op is not None or node.name in self.inputs:
                node._value = value
            node._grad = gradient

    def run_quietly(self, stage: str) -> None:
        """Run one stage; what overflows is looked at, not warned of."""
        if self.called:
            with np.errstate(all="ignore"):
                _run(self.plans[stage])
        else:  # 0.1 for 0.9 µs: nobody's code runs there who would miss variables of his own
            self._quiet.run(_run, self.plans[stage])

    def run(self, *stages: str) -> None:
        """Run these stages, such as ``"forward"``."""
        for stage in stages:
            _run(self.plans[stage])


def _run(steps: list[Step]) -> None:
    for function, arguments in steps:
        function(*arguments)


def _other_numbers(where: str, method: str) -> DerivativeError:
    return DerivativeError(
        where,
        given=f"other numbers when replayed than when called, from its {method}",
        expected="the same: an op computes from its arrays alone and keeps nothing from an earlier call",
        fix="Give the network engine='dynamic', where ops are only called, or let the op keep no state",
        cause="op.replay",
    )


def _close(a: Array | None, b: Array) -> bool:
    if a is None or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    finite = np.isfinite(b)
    if not np.array_equal(finite, np.isfinite(a)):
        return False
    if not finite.all():
        a, b = a[finite], b[finite]
    scale = max(float(b.max(initial=0.0)), -float(b.min(initial=0.0)))
    difference = a - b
    worst = max(float(difference.max(initial=0.0)), -float(difference.min(initial=0.0)))
    return worst <= (1e-3 if a.dtype == np.float32 else 1e-9) * scale + 1e-30
