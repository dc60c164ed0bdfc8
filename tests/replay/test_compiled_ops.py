"""Every op of the table of cases, compiled: the same numbers as called, or a refusal that says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chainrule.graph.graph import Graph
from chainrule.graph.node import Input, Node, Parameter
from chainrule.ops import Multiply, Sum
from chainrule.replay.compiled import Uncompilable, compile_program
from chainrule.replay.program import Program
from tests.ops.cases import CASES, Case

pytest.importorskip("numba")


def graph_of(case: Case, dtype: Any) -> tuple[Graph, dict[str, Any]]:
    """A loss over the op: the sum of its elements times fixed factors."""
    leaves: dict[str, Node] = {}
    inputs = {}
    for role, array in case.arrays.items():
        array = array.astype(dtype) if array.dtype.kind == "f" else array
        if case.op.differentiable(role):
            leaves[role] = Parameter(role, array)
        else:
            leaves[role] = Input(role, array)
            inputs[role] = array
    y = Node(case.op, leaves, "y")
    factors = np.random.default_rng(3).uniform(0.5, 2, y.shape).astype(dtype)
    loss = Node(Sum(), {"x": Node(Multiply(), {"a": y, "b": Input("factors", factors)}, "weighted")}, "loss")
    return Graph(loss), inputs | {"factors": factors}


def numbers_of(program: Program) -> list[Any]:
    return [array.copy() for array in (*program.values, *program.gradients) if array is not None]


def test_ops() -> None:
    import collections
    bad=[]; refused=collections.Counter()
    for case in CASES[int(__import__("os").environ["A"]):int(__import__("os").environ["B"])]:
        for dtype in (np.float64,np.float32):
            graph, feeds = graph_of(case, dtype)
            program = Program(graph, feeds, gradients=True, lowering=False)
            try:
                epoch = compile_program(program, gathered=(), stacked=list(program.inputs))
            except Uncompilable as e:
                refused[f'{e}']+=1; continue
            except Exception as e:
                bad.append((str(case),dtype.__name__,type(e).__name__,str(e)[:900].replace('\n','|'))); continue
            for node in graph.nodes:
                if isinstance(node,Parameter): node.array[...] *= node.array.dtype.type(1.01)
            program.feed(**feeds); program.run(0); program.run(1); want=numbers_of(program)
            for a in (*program.values,*program.gradients):
                if a is not None and a.flags.writeable and not any(a is n._value or np.shares_memory(a,n._value) for n in graph.nodes if n.op is None): a[...]=7
            epoch.run({n:np.stack([feeds[n]]) for n in program.inputs}, np.zeros(1,int))
            got=numbers_of(program)
            for a,b in zip(got,want):
                eps=np.finfo(dtype).eps
                if b.dtype.kind=='f' and not np.allclose(a,b,rtol=64*eps,atol=64*eps*abs(b).max(initial=0)): bad.append((str(case),dtype.__name__,'numbers',abs(a-b).max())); break
    for b in bad: print(b)
    print(refused); print(len(bad), len(CASES))
    assert 0
