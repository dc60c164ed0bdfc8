"""The gradient check one runs on an op, a layer or a network of one's own: is it wrong, where, and which mistake is it?

Every derivative is compared with difference quotients in float64, whatever the graph's own dtype, so that a
disagreement is a wrong derivative and not rounding: for each leaf of the graph, and for each role of each op. Where
they disagree, `mistakes` tries to say which of the usual ones it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.errors import DerivativeError, InputError, MisuseError
from chainrule.gradcheck.example_arrays import arrays_for, exact, exact_shares
from chainrule.gradcheck.mistakes import name_mistake, name_stale
from chainrule.gradcheck.report import Finding, Report
from chainrule.gradcheck.target_mistakes import is_target, mean_over_classes
from chainrule.graph import Graph, Input, Node
from chainrule.graph.calls import called, changed_by, is_own
from chainrule.nn import Layer, Network
from chainrule.ops.differences import compare_element
from chainrule.ops.op import Array, Op, Samples
from chainrule.ops.shaping import Cast

_SAMPLES = 5  # of a network's data
_ELEMENTS = 60  # of an array, checked one by one


def check(
    of: Op | Layer | Node | Graph,
    x: Samples | None = None,
    y: Samples | None = None,
    *,
    tolerance: float = 1e-6,
    **arrays: npt.ArrayLike,
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
        A finding for each leaf and for each role of each op, with the worst place and, where it is known, the name
        of the mistake. An op that changes the arrays it is given is a finding, too.

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
        tried = arrays_for(of, told)
        _expect_numbers(of, tried)
        return Report(tuple(_op_findings(of, tried, type(of).__name__, tolerance)))
    if arrays:
        role = next(iter(arrays))
        raise InputError("check", given=f"{role}=…", expected="roles for an op only", fix="Pass x and y")
    return Report(tuple(_graph_findings(_graph(of, x, y), tolerance)))


def _expect_numbers(op: Op, arrays: Mapping[str, Array]) -> None:
    """Raise if all that an op could be differentiated by are whole numbers: nothing would be checked."""
    whole = [role for role, array in arrays.items() if op.differentiable(role)]
    if whole and all(arrays[role].dtype.kind != "f" for role in whole):
        role = whole[0]
        raise InputError(
            f"check {type(op).__name__}",
            given=f"{role} in {arrays[role].dtype}",
            expected="float32 or float64: there is no derivative by whole numbers",
            fix=f"Pass {role}={role}.astype('float64')",
        )


@checks.keywords
def check_gradients(
    of: Node | Graph, *, tolerance: float = 1e-6, elements: int = 200, seed: int = 0, raise_error: bool = True
) -> Report:
    """Compare every derivative of a graph by its leaves with a 5-point difference of its function.

    Parameters
    ----------
    of : Node or Graph
        Usually a loss. Where it is not one number, the sum of its elements, randomly weighted, is checked. Of a
        graph's `wrt`, leaves are checked; what is computed can't be moved by itself.
    tolerance : float, default 1e-6
        The largest relative disagreement that passes.
    elements : int, default 200
        How many numbers of each leaf to check at most; larger leaves are sampled.
    seed : int, default 0
        For that sample.
    raise_error : bool, default True
        Raise if a derivative is wrong; otherwise only report it.

    Returns
    -------
    Report
        Prints as a table; `leaves` has a finding for each leaf.

    Raises
    ------
    DerivativeError
        With the leaf, the index, both derivatives.
    MisuseError
        If there is no leaf to check.

    Notes
    -----
    The formula is (f(x−2h) − 8f(x−h) + 8f(x+h) − f(x+2h)) / 12h, whose error is of order h⁴ [1]_, with h from 10⁻³
    down to 10⁻⁶ until the derivative agrees or is certainly wrong. Where the function is not finite nothing can be
    measured; the report says at how many places.

    References
    ----------
    .. [1] M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 1964, table 25.2.

    Examples
    --------
    >>> import chainrule as cr
    >>> w = cr.Parameter("w", [[0.5], [-0.25]])
    >>> check_gradients(cr.sum(cr.tanh(cr.Input("x", [[1.0, 2.0]]) @ w))).passed
    True
    """
    if not isinstance(of, Node | Graph):
        raise InputError(
            "check_gradients",
            given=repr(of)[:80],
            expected="a node of a graph, or the graph",
            fix="Use cr.check(…), which takes ops, layers and networks too",
        )
    graph = of if isinstance(of, Graph) else Graph(of)
    tolerance = checks.number("check_gradients tolerance", tolerance, above=0, like=1e-6)
    elements = checks.whole("check_gradients elements", elements)
    seed = checks.whole("check_gradients seed", seed, least=0)
    if all(node.op is not None for node in graph.wrt):
        raise MisuseError(
            "check_gradients",
            given=f"{graph.root.where} with no leaf to differentiate by",
            expected="a parameter that is not frozen, or a leaf in wrt=[…], below it",
            fix="Pass cr.Graph(node, wrt=[leaf, …])",
        )
    report = Report(tuple(_leaf_findings(graph, tolerance, elements, seed)))
    if report.wrong and raise_error:
        wrong = report.wrong[0]
        raise DerivativeError(
            f"check_gradients, {wrong.by}",
            given=f"a wrong derivative: {wrong.disagreement}",
            expected=f"a relative error of at most {tolerance:g}, not {wrong.worst:.1e}",
            fix="Pass the same to cr.check: it names the op and, if it is one of the usual ones, the mistake",
        )
    return report


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
    """Return the findings by leaf, then those by op and role, each kind of use once."""
    try:
        findings = _leaf_findings(graph, tolerance, _ELEMENTS)
    except Exception as error:  # whatever a user's op raises is a finding
        problem = f"{type(error).__name__}: {error}"
        findings = [Finding(_name(graph.root), "all", np.inf, passed=False, problem=problem)]
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


def _leaf_findings(graph: Graph, tolerance: float, elements: int, seed: int = 0) -> list[Finding]:
    """Return the findings about what the graph is differentiated by, all its ops together."""
    root = graph.place(graph.root)
    values: list[Any] = [exact(node.value) for node in graph.nodes]
    generator = np.random.default_rng(seed)
    weights = np.ones(graph.root.shape)
    if weights.size != 1:
        weights = generator.standard_normal(graph.root.shape)
    walk = graph.walk
    walk.forward(values)
    gradients = walk.backward(values, root, weights.copy())

    def loss() -> float:
        walk.forward(values)
        return float((values[root] * weights).sum())

    findings = []
    names = {id(node): name for name, node in graph.names.items()}
    for node in graph.wrt:
        place = graph.place(node)
        if node.op is None:
            values[place] = values[place].copy()
            given = np.zeros(node.shape) if gradients[place] is None else gradients[place]
            found = Finding(_name(graph.root), names.get(id(node)) or _name(node), leaf=True)
            findings.append(_compared(found, loss, values[place], given, tolerance, elements, generator))
    return findings


def _name(node: Node) -> str:
    return node.name or ("graph" if node.op is not None else "an unnamed constant")


def _compared(
    found: Finding,
    loss: Callable[[], float],
    array: Array,
    given: Array,
    tolerance: float,
    elements: int = _ELEMENTS,
    generator: np.random.Generator | None = None,
) -> Finding:
    """Return the finding about a derivative by an array that `loss` reads, element by element."""
    chosen: Any = range(array.size)
    if array.size > elements:
        generator = generator or np.random.default_rng(0)
        chosen = np.sort(generator.choice(array.size, elements, replace=False))
    found = replace(found, elements=array.size, checked=len(chosen))
    floor = 1e-3 * float(np.abs(given).max(initial=0, where=np.isfinite(given)))  # for tiny ones beside large ones
    for index in chosen:
        one = compare_element(loss, array, int(index), float(given.reshape(-1)[index]), tolerance, floor)
        found = replace(found, kinks=found.kinks + bool(one.kink), unknown=found.unknown + bool(one.unknown))
        if one.error > found.worst or not found.place:
            place = tuple(int(i) for i in np.unravel_index(index, array.shape))
            error, value, measured = float(one.error), float(one.given), float(one.measured)
            found = replace(found, worst=error, place=place, given=value, measured=measured)
    return replace(found, passed=found.worst <= tolerance)


def _op_findings(op: Op, arrays: Mapping[str, Array], where: str, tolerance: float) -> list[Finding]:
    if type(op) is Cast and op.dtype == "float32":
        op = Cast("float64")  # its rounding is no derivative: of large numbers it would be the whole difference
    arrays = {role: exact_shares(array) if is_target(op, role) else array for role, array in arrays.items()}
    roles = [role for role, array in arrays.items() if op.differentiable(role) and array.dtype.kind == "f"]
    broken = [Finding(where, role, np.inf, passed=False, elements=arrays[role].size) for role in roles]
    changed = [] if is_own(op) else changed_by(op, "forward", arrays)
    if changed:
        return [_writing(where, "forward", changed)]
    y = exact(op.forward(**arrays))
    dy = np.random.default_rng(0).standard_normal(y.shape)
    changed = [] if is_own(op) else changed_by(op, "backward", arrays, dy, y)
    if changed:
        return [_writing(where, "backward", changed)]
    try:
        parts = called(op, where, "backward", arrays, dy, y)
        if not isinstance(parts, Mapping):
            raise TypeError(f"backward returned a {type(parts).__name__}, not a dictionary by role")
    except Exception as error:  # whatever a user's op raises is a finding
        slip = "transposed: the shapes of a matrix product don't fit" if _is_matmul(error) else None
        problem = f"backward raised {type(error).__name__}: {error}"
        return [replace(finding, slip=slip, problem=problem) for finding in broken]
    return [_finding(op, arrays, dy, parts, finding, tolerance) for finding in broken]


def _writing(where: str, method: str, changed: list[str]) -> Finding:
    """Return the finding about an op that changes what it is given: no derivative of it means anything."""
    name = changed[0]
    problem = f"others read {name} too; write {name} = {name}.copy() first, or compute a new array"
    slip = f"{method} changes {' and '.join(changed)} in place"
    return Finding(where, ", ".join(changed), np.inf, passed=False, slip=slip, problem=problem)


def _finding(
    op: Op, arrays: Mapping[str, Array], dy: Array, parts: Mapping[str, Any], broken: Finding, tolerance: float
) -> Finding:
    role = broken.by
    array = arrays[role].copy()
    if role not in parts:
        return replace(broken, problem="backward returned no derivative for it")
    given = exact(parts[role])
    if given.shape != array.shape:
        problem = f"shape {given.shape} for an array of shape {array.shape}"
        return replace(broken, slip=_named(op, arrays, role), problem=problem)
    moved = {**arrays, role: array}

    def loss() -> float:
        with np.errstate(all="ignore"):
            return float((op.forward(**moved) * dy).sum())

    found = _compared(Finding(broken.where, role), loss, array, given, tolerance)
    stale = _stale(op, arrays, role)
    if found.passed and stale is None:
        return found if is_own(op) else replace(found, remark=_remark(op, arrays, role))
    note = "right only if nothing else was computed before" if found.passed else None
    return replace(found, passed=False, slip=stale or _named(op, arrays, role), problem=note)


def _named(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    try:
        with np.errstate(all="ignore"):
            return name_mistake(op, arrays, role)
    except Exception:  # a broken op may raise anything; then the mistake has no name
        return None


def _remark(op: Op, arrays: Mapping[str, Array], role: str) -> str | None:
    try:
        with np.errstate(all="ignore"):
            return mean_over_classes(op, arrays, role)
    except Exception:  # a user's op may raise anything; then there is nothing to remark
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
