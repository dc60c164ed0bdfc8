"""The programs of one graph: a record for each shape of batch, made when it is first met, the oldest dropped.

After recording, a program is run once on other values and compared with plain calls: a second fence, behind the
closed recording array, against a value of the first batch that stayed in the record.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.errors import DerivativeError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.ops.op import Array
from chainrule.replay.program import Program, Stage

Signature = tuple[tuple[str, tuple[int, ...], np.dtype[Any]], ...]


class Programs:
    """Programs of one graph by the shapes and dtypes of what is fed.

    Parameters
    ----------
    graph : Graph
    vectors : sequence of ndarray
        Memory that parameters and gradients are views of. Recording and checking leave it as it was.
    gradients : bool
        Whether derivatives go back.
    stages : sequence of function
        See `Program`.
    lowering : bool
    limit : int, default 8
        How many shapes are kept.

    Attributes
    ----------
    called : tuple of str
        The nodes whose op is called because it could not be recorded.
    """

    def __init__(
        self,
        graph: Graph,
        vectors: Sequence[Array] = (),
        *,
        gradients: bool = False,
        stages: Sequence[Stage] = (),
        lowering: bool = True,
        limit: int = 8,
    ) -> None:
        self.graph, self.vectors = graph, vectors
        self._options: dict[str, Any] = {"gradients": gradients, "stages": stages, "lowering": lowering}
        self._limit = limit
        self._kept: OrderedDict[Signature, Program] = OrderedDict()
        self._resting: OrderedDict[Signature, list[Program]] = OrderedDict()
        self.called: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def get(self, feeds: dict[str, Array]) -> Program:
        """Return the program for arrays like these, recording it if it is the first of its kind."""
        signature = tuple((name, array.shape, array.dtype) for name, array in feeds.items())
        program = self._kept.get(signature)
        if program is None:
            program = self._kept[signature] = self.record(feeds)
            if len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(signature)
        return program

    @contextmanager
    def lent(self, feeds: dict[str, Array]) -> Iterator[Program]:
        """Lend a program for arrays like these that no other thread is using."""
        signature = tuple((name, array.shape, array.dtype) for name, array in feeds.items())
        with self._lock:
            resting = self._resting.setdefault(signature, [])
            self._resting.move_to_end(signature)
            program = resting.pop() if resting else None
            while len(self._resting) > self._limit:
                self._resting.popitem(last=False)
        if program is None:
            program = self.record(feeds)
        with np.errstate(all="ignore"):
            yield program
        with self._lock:
            resting.append(program)

    def record(self, feeds: dict[str, Array]) -> Program:
        """Return a new program, checked against plain calls on other values."""
        self.graph.values_on(feeds)  # refuses what doesn't fit, in words
        with _untouched(self.vectors):
            program = Program(self.graph, feeds, self.vectors, **self._options)
        with _untouched(self.vectors):
            self._compare(program, feeds)
        self.called = tuple(sorted({*self.called, *program.called}))
        return program

    def _compare(self, program: Program, feeds: dict[str, Array]) -> None:
        """Raise if the program and plain calls differ on values it was not recorded with."""
        generator = np.random.default_rng(0)
        other = {}
        for name, array in feeds.items():
            other[name] = np.roll(array, 1, axis=0) if array.ndim else array
            if array.dtype.kind == "f":  # targets and weights stay in their range when they become smaller
                other[name] = other[name] * generator.uniform(0.5, 1.0, array.shape).astype(array.dtype)
        program.feed(**other)
        with np.errstate(all="ignore"):
            program.run(0)
            values = self.graph.values_on(other)
            expected: list[tuple[Node, Array | None, Array]] = list(
                zip(self.graph.nodes, program.values, values, strict=True)
            )
            if self._options["gradients"]:
                program.run(1)
                root = self.graph.place(self.graph.root)
                dy = np.ones(self.graph.root.shape, self.graph.root.dtype)
                gradients = self.graph.calls.backward(values, root, dy, {})
                expected += [
                    (node, array, called)
                    for node, array, called in zip(self.graph.nodes, program.gradients, gradients, strict=True)
                    if called is not None
                ]
        for node, replayed, called in expected:
            if not _close(replayed, called):
                raise DerivativeError(
                    node.where,
                    given="other numbers when replayed than when called",
                    expected="the same: an op computes from its arrays alone and keeps nothing from an earlier call",
                    fix="Build the network with dynamic=True, where ops are only called, or let the op keep no state",
                )


def _close(a: Array | None, b: Array) -> bool:
    if a is None or a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    finite = np.isfinite(b)
    if not np.array_equal(finite, np.isfinite(a)):
        return False
    scale = float(np.abs(b[finite]).max(initial=0.0))
    tolerance = 1e-3 if a.dtype == np.float32 else 1e-9
    return bool((np.abs(a[finite] - b[finite]) <= tolerance * scale + 1e-30).all())


@contextmanager
def _untouched(vectors: Sequence[Array]) -> Iterator[None]:
    """Put the numbers back that recording and checking change."""
    before = [vector.copy() for vector in vectors]
    try:
        yield
    finally:
        for vector, numbers in zip(vectors, before, strict=True):
            vector[...] = numbers
