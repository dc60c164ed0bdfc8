"""Recording arrays for the walk through a graph: ops are applied to them, and their calls are noted.

An op that asks a recording array for something that it doesn't know is called at each run instead; `called` names it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from chainrule.graph.backprop import Roles
from chainrule.graph.calls import called
from chainrule.graph.graph import Graph
from chainrule.graph.node import Parameter
from chainrule.ops.op import Array, Op
from chainrule.replay.recording import Buffer, Recorded, Tape, was_refused


class RecordingArrays:
    """Applies ops to recording arrays and gathers derivatives, as a walk asks it to.

    Parameters
    ----------
    graph : Graph
    tape : Tape
        Where calls are noted.
    wrap : function of ndarray
        Returns a recording array for memory that others see too.

    Attributes
    ----------
    called : list of str
        The nodes whose op is called at each run because it could not be recorded.
    """

    def __init__(self, graph: Graph, tape: Tape, wrap: Callable[[Array], Recorded]) -> None:
        self.graph, self.tape, self.wrap = graph, tape, wrap
        self.called: list[str] = []
        self._owned: set[int] = set()  # buffers that are a node's value or gradient already
        self._growing: set[int] = set()  # buffers of gradients to which more will be added
        self._since = 0  # how many calls there were before the op that is asked now
        self._parts: Any = {}  # what it returned

    def keep_apart(self, values: Iterable[Recorded]) -> None:
        """Let no gradient lie where a value does."""
        self._owned |= {id(value.operand.buffer) for value in values}

    def forward(self, i: int, op: Op, roles: Roles) -> Recorded:
        where = self.graph.nodes[i].where
        done = len(self.tape.calls)
        try:
            return self.taken(op.forward(**roles))
        except Exception as error:
            if not was_refused(error):
                raise
        self.tape.take_back(done)
        self.called.append(where)
        arrays = {role: recorded.operand.array for role, recorded in roles.items()}
        call, value = _by_order(op, "forward", 0, list(roles)), np.asarray(called(op, where, "forward", arrays))

        def forward(out: Array, *inputs: Array) -> None:
            out[...] = call(*inputs)

        return self.tape.note(forward, "op", [recorded.operand for recorded in roles.values()], value, {})

    def backward(self, i: int, op: Op, dy: Recorded, y: Recorded, roles: Roles, wanted: list[str]) -> Any:
        where = self.graph.nodes[i].where
        self._growing.discard(id(dy.operand.buffer))
        self._since = done = len(self.tape.calls)
        try:
            self._parts = op.backward(dy, y, **roles)
        except Exception as error:
            if not was_refused(error):
                raise
            self.tape.take_back(done)
            if where not in self.called:
                self.called.append(f"{where} (on the way back)")
            self._parts = self._called_back(op, where, roles, dy, y, wanted)
        return self._parts

    def _called_back(self, op: Op, where: str, roles: Roles, dy: Recorded, y: Recorded, wanted: list[str]) -> Any:
        """Return the derivatives of an op that can't be recorded, each noted as a call of the op."""
        operands = [recorded.operand for recorded in (dy, y, *roles.values())]
        arrays = {role: recorded.operand.array for role, recorded in roles.items()}
        found = called(op, where, "backward", arrays, dy.operand.array, y.operand.array)
        if not isinstance(found, dict) or not set(wanted) <= set(found):
            return found  # which the walk refuses
        call, parts = _by_order(op, "backward", 2, list(roles)), dict(found)
        for role in wanted:

            def backward(out: Array, *inputs: Array, role: str = role) -> None:
                out[...] = call(*inputs)[role]

            parts[role] = self.tape.note(backward, "op", operands, np.asarray(found[role]), {})
        return parts

    def taken(self, part: Any) -> Recorded:
        return part if isinstance(part, Recorded) else self.tape.wrap(np.array(part), constant=True)

    def first(self, j: int, part: Recorded) -> Recorded:
        node, several = self.graph.nodes[j], self.graph.walk.arrivals[j] > 1
        if isinstance(node, Parameter) and node.gradient_buffer is not None:
            return self._written(part, self.wrap(node.gradient_buffer))
        buffer = part.operand.buffer
        if not is_dense(part.operand.array):  # as it is copied without replay: a product's last bits depend on gaps
            shareable = False
        elif several:
            shareable = part.operand.whole and id(buffer) not in self._owned and not buffer.constant
        else:
            shareable = id(buffer) not in self._growing
        kept = part if shareable else self._copied(part)
        self._owned.add(id(kept.operand.buffer))
        if several:
            self._growing.add(id(kept.operand.buffer))
        return kept

    def added(self, total: Recorded, part: Recorded) -> Recorded:
        self.tape.note_into(total, np.add, "call", [total.operand, part.operand], {})
        return total

    def _written(self, part: Recorded, target: Recorded) -> Recorded:
        """Let `part` be computed where it belongs, in a parameter's gradient, rather than copied there."""
        source, since = part.operand, self.tape.calls[self._since :]
        makers = [call for call in since if call.out.buffer is source.buffer]
        readers = any(operand.buffer is source.buffer for call in since for operand in call.read())
        asked = [p for p in self._parts.values() if isinstance(p, Recorded) and p.operand.buffer is source.buffer]
        if source.whole and len(makers) == 1 and not readers and len(asked) == 1 and source.array.shape == target.shape:
            target.operand.array[...] = source.array
            makers[0].out = target.operand
            source.buffer.version += 1
            target.operand.buffer.version += 1
        else:
            self.tape.note_into(target, np.copyto, "copy", [source], {})
            target.operand.array[...] = source.array
        return target

    def _copied(self, part: Recorded) -> Recorded:
        """Return a copy that is nobody else's: `part.copy()` would be one call, and one buffer, with an equal one."""
        array = part.operand.array.copy(order="K")
        copy = self.tape.wrap(array, buffer=Buffer(array))
        self.tape.note_into(copy, np.copyto, "copy", [part.operand], {})
        return copy


def is_dense(array: Array) -> bool:
    """Return whether an array's elements lie side by side, whatever the order of its axes."""
    step = array.itemsize
    for stride, length in sorted((s, n) for s, n in zip(array.strides, array.shape) if n > 1):
        if stride != step:
            return False
        step *= length
    return True


def _by_order(op: Op, method: str, ahead: int, roles: list[str]) -> Callable[..., Any]:
    """Return an op's method as a function of arrays in the order of `roles`, after so many others.

    It is the method as it was written: programs run with warnings off, so it need not turn them off itself.
    """
    function: Callable[..., Any] = partial(inspect.unwrap(getattr(type(op), method)), op)
    if not op.variadic and roles != list(op.roles[: len(roles)]):
        by_position = function

        def function(*arrays: Array) -> Any:
            return by_position(*arrays[:ahead], **dict(zip(roles, arrays[ahead:], strict=True)))

    return function
