"""Every op of the table of cases, compiled: the same numbers as called, or a refusal that says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.graph import Graph, Input, Node, Parameter
from chainrule.replay import Program
from chainrule.replay.compiled import Uncompilable, compile_program
from tests.ops.cases import CASES, Case

pytest.importorskip("numba")

# Sums and products are added up in another order, and exp and tanh are others in float32: k·eps·Σ|a||b| with k <= 100.
ROUNDING = {"float32": 100 * 2.0**-23, "float64": 100 * 2.0**-52}


def term(case: Case, dtype: str, number: int) -> tuple[Node, list[Parameter]]:
    """The case's op made one number by weights of its own."""
    children: dict[str, Node] = {}
    for role, array in case.arrays.items():
        kept = array if array.dtype.kind in "iu" else array.astype(dtype)
        learnt = case.op.differentiable(role) and kept.dtype.kind == "f"
        name = f"{role}_of_{number}"
        children[role] = Parameter(name, kept) if learnt else Input(name, kept)
    node = Node(case.op, children, f"case_{number}")
    weights = np.random.default_rng(1).uniform(0.5, 1.5, node.shape).astype(dtype)
    return cr.sum(x=node * weights), [c for c in children.values() if isinstance(c, Parameter)]


def test_ops() -> None:
    import collections,os
    bad=[]; refused=collections.Counter()
    for n,case in enumerate(CASES[int(os.environ["A"]):int(os.environ["B"])]):
        try: case.op.check("case", **case.arrays)
        except cr.ChainruleError: continue
        for dtype in ("float64","float32"):
            root,parameters = term(case, dtype,0); graph=Graph(root)
            feeds = {name: leaf.value.copy() for name, leaf in graph.inputs.items()}
            program = Program(graph, feeds, gradients=True, lowering=False)
            try:
                epoch = compile_program(program, gathered=(), stacked=list(program.inputs))
            except Uncompilable as e:
                refused[f'{e}']+=1; continue
            except Exception as e:
                bad.append((str(case),dtype,type(e).__name__,str(e)[:900].replace('\n','|'))); continue
            for p in parameters: p.array[...] *= np.asarray(0.9,p.dtype)
            values = graph.values_on(feeds)
            grads=graph.calls.backward(values, graph.place(graph.root), np.ones(root.shape,root.dtype), {})
            epoch.run({n:np.stack([feeds[n]]) for n in program.inputs}, np.zeros(1,int))
            eps=ROUNDING[dtype]
            for node,a,b in zip([*graph.nodes]*2,[*program.values,*program.gradients],[*values,*grads]):
                if b is None: continue
                if b.dtype.kind=='f' and not np.allclose(a,b,rtol=eps,atol=eps*abs(b).max(initial=0),equal_nan=True): bad.append((str(case),dtype,'numbers',node.where,abs(a-b).max())); break
    for b in bad: print(b)
    print(refused); print(len(bad), len(CASES))
    assert 0
