"""The programs of one graph: a record for each shape of batch, made when it is first met, the oldest dropped."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.graph.graph import Graph
from chainrule.ops.op import Array
from chainrule.replay.program import Program, Stage

Signature = tuple[tuple[str, tuple[int, ...], np.dtype[Any]], ...]


class Programs:
    """Programs of one graph by the shapes and dtypes of what is fed.

    Parameters
    ----------
    graph : Graph
    vectors : sequence of ndarray
        Memory that parameters, gradients or an optimizer's slots are views of.
    gradients : bool
        Whether derivatives go back.
    stages : mapping of str to function, optional
        See `Program`.
    lowering : bool
    keep_record : bool
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
        stages: Mapping[str, Stage] | None = None,
        lowering: bool = True,
        keep_record: bool = False,
        limit: int = 8,
    ) -> None:
        self.graph, self.vectors = graph, vectors
        self._options: dict[str, Any] = {
            "gradients": gradients,
            "stages": stages,
            "lowering": lowering,
            "keep_record": keep_record,
        }
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
        """Return a new program."""
        self.graph.values_on(feeds)  # refuses what doesn't fit, in words
        program = Program(self.graph, feeds, self.vectors, **self._options)
        self.called = tuple(sorted({*self.called, *program.called}))
        return program
