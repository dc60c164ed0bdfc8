"""The gradient check one runs on an op, a layer or a network of one's own: is it wrong, where, and which slip is it?

Every derivative is compared with difference quotients in float64, for each parameter and for each role of each op.
Where they disagree, `slips` tries to say which of the usual mistakes it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from chainrule import checks
from chainrule.errors import InputError, printable
from chainrule.explain.differences import closest
from chainrule.explain.slips import name_slip, name_stale
from chainrule.explain.tables import html_table, text_table
from chainrule.explain.trying import arrays_for, exact
from chainrule.graph import Graph, Input, Node
from chainrule.nn import Layer, Network
from chainrule.ops.op import Array, Op

_HEAD = ("what", "by", "worst error", "verdict")
_SAMPLES = 5  # of a network's data
_ELEMENTS = 60  # of an array, checked one by one


@dataclass(frozen=True)
class Finding:
    """What was found about one derivative.

    Attributes
    ----------
    where : str
        The op, or the graph for a parameter.
    by : str
        The role, or the parameter.
    worst : float
        The largest disagreement, relative to the larger of the two derivatives.
    place : tuple of int
        Where it is.
    given, measured : float
        The derivative by backward there, and by difference.
    passed : bool
    slip : str or None
        The slip's name, where it has one.
    problem : str or None
        What else went wrong: an exception, a missing derivative, a shape.
    """

    where: str
    by: str
    worst: float = 0.0
    place: tuple[int, ...] = ()
    given: float = 0.0
    measured: float = 0.0
    passed: bool = True
    slip: str | None = None
    problem: str | None = None

    @property
    def verdict(self) -> str:
        """The finding in words."""
        if self.passed:
            return "ok"
        told = self.problem or f"at {list(self.place)} {self.given:.6g}, not {self.measured:.6g}"
        return f"WRONG: {self.slip} ({told})" if self.slip else f"WRONG: {told}"


@dataclass(frozen=True)
class Report:
    """What `check` found: prints as a table.

    Attributes
    ----------
    findings : tuple of Finding
    skipped : tuple of str
        What of a file could not be checked, and why.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """The findings that did not pass."""
        return tuple(finding for finding in self.findings if not finding.passed)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as data that JSON can hold: what is not finite as a text."""
        told = [asdict(finding) for finding in self.findings]
        for finding in told:
            finding |= {k: str(v) for k, v in finding.items() if isinstance(v, float) and not math.isfinite(v)}
        return {"passed": self.passed, "findings": told, "skipped": list(self.skipped)}

    def rows(self) -> list[tuple[str, ...]]:
        return [(printable(f.where), printable(f.by), f"{f.worst:.1e}", printable(f.verdict)) for f in self.findings]

    def __str__(self) -> str:
        wrong = len(self.wrong)
        last = f"{wrong} of {len(self.findings)} derivatives wrong" if wrong else "every derivative is right"
        last += f"; {len(self.skipped)} not checked" if self.skipped else ""
        rows = [(*row[:-1], row[-1].partition(":")[0]) for row in self.rows()]
        lines = text_table(_HEAD, rows)
        lines += [printable(f"{finding.where}, by {finding.by}, is {finding.verdict}") for finding in self.wrong]
        return "\n".join([*lines, *(f"not checked: {printable(why)}" for why in self.skipped), last])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self.rows())


def check(
    of: Op | Layer | Node | Graph, x: Any = None, y: Any = None, *, tolerance: float = 1e-6, **arrays: Any
) -> Report:
    """Check the derivatives of an op, a layer, a network or a graph.

    Parameters
    ----------
    of : Op or Layer or Network or Node or Graph
    x, y : array_like, optional
        For a network, samples and targets (the first few are taken); for a layer, samples; for an op, the roles of
        that name.
    tolerance : float, default 1e-6
        The largest relative disagreement that passes.
    **arrays : array_like
        For an op, its roles. Left out, numbers of shapes that the op accepts are made up.

    Returns
    -------
    Report
        A finding for each parameter and for each role of each op, with the worst place and, where it is known, the
        name of the slip.

    Examples
    --------
    >>> import chainrule as cr
    >>> class Cube(cr.Op):
    ...     '''y = z³
    ...     ∂z = ∂y · 3z²'''
    ...
    ...     def forward(self, z):
    ...         return z**3
    ...
    ...     def backward(self, dy, y, z):
    ...         return dict(z=-dy * 3 * z * z)
    >>> check(Cube()).wrong[0].slip
    'the sign'
    """
    tolerance = checks.number("check tolerance", tolerance, above=0, like=1e-6)
    if isinstance(of, type) and issubclass(of, (Op, Layer)):
        given, fix = f"the class {of.__name__} itself", f"Pass {of.__name__}(…)"
        raise InputError("check", given=given, expected="an object of it", fix=fix)
    if isinstance(of, Op):
        told = {role: value for role, value in {"x": x, "y": y, **arrays}.items() if value is not None}
        return Report(tuple(_op_findings(of, arrays_for(of, told), type(of).__name__, tolerance)))
    if arrays:
        role = next(iter(arrays))
        raise InputError("check", given=f"{role}=…", expected="roles for an op only", fix="Pass x and y")
    return Report(tuple(_graph_findings(_graph(of, x, y), tolerance)))


def _graph(of: Any, x: Any, y: Any) -> Graph:
    if isinstance(of, Graph):
        return of
    if isinstance(of, Node):
        return Graph(of)
    layer: Layer = checks.instance("check", of, Layer, "an op, a layer, a network, or a node")
    if x is None or (y is None and isinstance(layer, Network)):
        raise InputError(
            "check", given=f"a {type(of).__name__} without data", expected="samples", fix="Pass x=X, y=Y (y for a loss)"
        )
    layer = layer.copy()
    if not isinstance(layer, Network):
        return Graph(layer(Input("x", np.asarray(x)[:_SAMPLES])))
    batch, target, _ = layer.as_batch("check", x, y)
    return layer.plan.graph("training", batch[:_SAMPLES], target[:_SAMPLES])


def _graph_findings(graph: Graph, tolerance: float) -> list[Finding]:
    """Return the findings by parameter, then those by op and role, each kind of use once."""
    findings = _leaf_findings(graph, graph.root.name or "graph", tolerance)
    known = set()
    for node in graph.nodes:
        if node.op is None:
            continue
        arrays = {role: exact(child.value) for role, child in node.children.items()}
        kind = (repr(node.op), tuple((role, array.shape) for role, array in arrays.items()))
        if kind not in known:
            known.add(kind)
            findings += _op_findings(node.op, arrays, f"{type(node.op).__name__} {node.name!r}", tolerance)
    return findings


def _leaf_findings(graph: Graph, where: str, tolerance: float) -> list[Finding]:
    """Return the findings about what the graph is differentiated by, all its ops together."""
    root = graph.place(graph.root)
    values: list[Any] = [exact(node.value) for node in graph.nodes]
    dy = np.ones(graph.root.shape)
    if dy.size != 1:
        dy = np.random.default_rng(0).standard_normal(graph.root.shape)
    walk = graph.walk
    try:
        walk.forward(values)
        gradients = walk.backward(values, root, dy)
    except Exception as error:  # whatever a user's op raises is a finding
        return [Finding(where, "all", np.inf, passed=False, problem=f"{type(error).__name__}: {error}")]

    def loss() -> float:
        walk.forward(values)
        return float((values[root] * dy).sum())

    findings = []
    for node in graph.wrt:
        place = graph.place(node)
        if node.op is None:
            values[place] = values[place].copy()
            given = np.zeros(node.shape) if gradients[place] is None else gradients[place]
            worst = _compared(where, node.name, loss, values[place], given)
            findings.append(replace(worst, passed=worst.worst <= tolerance))
    return findings


def _compared(where: str, by: str, loss: Callable[[], float], array: Array, given: Array) -> Finding:
    """Return the worst disagreement of a derivative with difference quotients by the elements of an array."""
    chosen = range(array.size) if array.size <= _ELEMENTS else np.linspace(0, array.size - 1, _ELEMENTS).astype(int)
    worst = Finding(where, by)
    scale = max(float(np.abs(given).max(initial=0)), 1e-300)
    for index in chosen:
        value = float(given.flat[index])
        found = closest(loss, array, int(index), value)
        error = min(found.error(value), 1e3 * abs(value - found.measured) / scale)  # a tiny one beside large ones
        if not error <= worst.worst:
            place = tuple(int(i) for i in np.unravel_index(index, array.shape))
            worst = Finding(where, by, error, place, value, found.measured)
    return worst


def _op_findings(op: Op, arrays: Mapping[str, Array], where: str, tolerance: float) -> list[Finding]:
    roles = [role for role, array in arrays.items() if op.differentiable(role) and array.dtype.kind == "f"]
    y = exact(op.forward(**arrays))
    dy = np.random.default_rng(0).standard_normal(y.shape)
    try:
        parts = op.backward(dy, y, **arrays)
        if not isinstance(parts, Mapping):
            raise TypeError(f"backward returned a {type(parts).__name__}, not a dictionary by role")
    except Exception as error:  # whatever a user's op raises is a finding
        slip = "transposed: the shapes of a matrix product don't fit" if _is_matmul(error) else None
        problem = f"backward raised {type(error).__name__}: {error}"
        return [Finding(where, role, np.inf, passed=False, slip=slip, problem=problem) for role in roles]
    return [_finding(op, arrays, dy, parts, role, where, tolerance) for role in roles]


def _finding(
    op: Op, arrays: Mapping[str, Array], dy: Array, parts: Mapping[str, Any], role: str, where: str, tolerance: float
) -> Finding:
    array = arrays[role].copy()
    if role not in parts:
        return Finding(where, role, np.inf, passed=False, problem="backward returned no derivative for it")
    given = exact(parts[role])
    if given.shape != array.shape:
        problem = f"shape {given.shape} for an array of shape {array.shape}"
        return Finding(where, role, np.inf, passed=False, slip=_named(op, arrays, role), problem=problem)
    moved = {**arrays, role: array}

    def loss() -> float:
        with np.errstate(all="ignore"):
            return float((op.forward(**moved) * dy).sum())

    worst = _compared(where, role, loss, array, given)
    stale = _stale(op, arrays, role)
    if worst.worst <= tolerance and stale is None:
        return worst
    note = "right only if nothing else was computed before" if worst.worst <= tolerance else None
    return replace(worst, passed=False, slip=stale or _named(op, arrays, role), problem=note)


def _named(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    try:
        with np.errstate(all="ignore"):
            return name_slip(op, arrays, role)
    except Exception:  # a broken op may raise anything; then the slip has no name
        return None


def _is_matmul(error: Exception) -> bool:
    return isinstance(error, ValueError) and ("matmul" in str(error) or "not aligned" in str(error))


def _stale(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    def fresh() -> Op:
        return type(op)(**op.settings())

    try:
        with np.errstate(all="ignore"):
            return name_stale(fresh, arrays, role)
    except Exception:  # it can't be made anew, or raises on other numbers
        return None
