"""The gradient check: every derivative of a graph once more, by finite differences.

The graph is run in float64 whatever its own dtype, so that a disagreement is a wrong derivative and not rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from chainrule import checks
from chainrule.errors import DerivativeError, MisuseError
from chainrule.graph.backprop import Values
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.ops.op import Array


@dataclass(frozen=True)
class LeafCheck:
    """What the check found for one leaf.

    Attributes
    ----------
    name : str
        The leaf's name.
    elements, checked, kinks : int
        How many numbers it has, how many were checked, and at how many of those the function has a kink, so that
        any slope between the one-sided ones is right.
    worst : float
        The largest disagreement, relative to the larger of the two derivatives.
    place : tuple of int
        The index where it is.
    given, measured : float
        The derivative by backpropagation there, and by finite differences.
    passed : bool
        Whether all agree.
    """

    name: str
    elements: int
    checked: int
    kinks: int
    worst: float
    place: tuple[int, ...]
    given: float
    measured: float
    passed: bool


@dataclass(frozen=True)
class GradientCheck:
    """The result of `check_gradients`: one `LeafCheck` for each leaf."""

    leaves: tuple[LeafCheck, ...]

    @property
    def passed(self) -> bool:
        return all(leaf.passed for leaf in self.leaves)

    def __str__(self) -> str:
        lines = ["leaf                  checked      worst disagreement"]
        for leaf in self.leaves:
            verdict = "ok" if leaf.passed else f"WRONG at {list(leaf.place)}: {leaf.given:.9g}, not {leaf.measured:.9g}"
            count = f"{leaf.checked} of {leaf.elements}"
            lines.append(f"{leaf.name:<20}  {count:<11}  {leaf.worst:.1e}  {verdict}")
        return "\n".join(lines)


def check_gradients(
    of: Node | Graph, *, tolerance: float = 1e-6, elements: int = 200, seed: int = 0, raise_error: bool = True
) -> GradientCheck:
    """Compare every derivative of a graph with a 5-point difference of its function.

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
    GradientCheck
        Prints as a table.

    Raises
    ------
    DerivativeError
        With the leaf, the index, both derivatives.
    MisuseError
        If there is no leaf to check.

    Notes
    -----
    The step is h = 10⁻³ · max(1, |x|) and the formula (f(x−2h) − 8f(x−h) + 8f(x+h) − f(x+2h)) / 12h, whose error
    is of order h⁴ [1]_. A disagreement is measured again with a smaller step before it counts.

    References
    ----------
    .. [1] M. Abramowitz, I. Stegun, Handbook of Mathematical Functions, 1964, table 25.2.

    Examples
    --------
    >>> from chainrule.graph import FUNCTIONS, Input, Parameter
    >>> w = Parameter("w", [[0.5], [-0.25]])
    >>> check_gradients(FUNCTIONS["sum"](x=FUNCTIONS["tanh"](z=Input("x", [[1.0, 2.0]]) @ w))).passed
    True
    """
    graph = of if isinstance(of, Graph) else Graph(of)
    tolerance = checks.number("check_gradients tolerance", tolerance, above=0, like=1e-6)
    elements = checks.whole("check_gradients elements", elements)
    generator = np.random.default_rng(checks.whole("check_gradients seed", seed, least=0))
    asked = [node for node in graph.wrt if node.op is None]  # what is computed can't be moved by itself
    if not asked:
        raise MisuseError(
            "check_gradients",
            given=f"{graph.root.where} with no leaf to differentiate by",
            expected="a parameter that is not frozen, or a leaf in wrt=[…], below it",
            fix="Pass cr.Graph(node, wrt=[leaf, …])",
        )
    probe = _Probe(graph, generator)
    given = probe.gradients()
    leaves = []
    for node in asked:
        place = graph.place(node)
        leaves.append(_check_leaf(probe, node, place, given[place], tolerance, elements, generator))
    result = GradientCheck(tuple(leaves))
    wrong = next((leaf for leaf in leaves if not leaf.passed), None)
    if wrong and raise_error:
        raise DerivativeError(
            f"check_gradients, {wrong.name} at {list(wrong.place)}",
            given=f"{wrong.given:.9g} from backward",
            expected=f"{wrong.measured:.9g}, which finite differences give (relative error {wrong.worst:.1e})",
            fix="Look at the backward of the ops above it; each op can be checked alone the same way",
        )
    return result


class _Probe:
    """The graph as a function of its leaves, in float64, to one number."""

    def __init__(self, graph: Graph, generator: np.random.Generator) -> None:
        self.graph = graph
        self.root = graph.place(graph.root)
        self.values: Values = [n._value.astype(np.float64) if n.dtype.kind == "f" else n._value for n in graph.nodes]
        shape = graph.root.shape
        self.weights = np.ones(shape) if graph.root._value.size == 1 else generator.standard_normal(shape)

    def __call__(self) -> float:
        self.graph.walk.forward(self.values)
        return float((self.values[self.root] * self.weights).sum())

    def gradients(self) -> Values:
        self()
        return self.graph.walk.backward(self.values, self.root, self.weights.copy())


def _check_leaf(
    probe: _Probe,
    node: Node,
    place: int,
    gradient: Array | None,
    tolerance: float,
    elements: int,
    generator: np.random.Generator,
) -> LeafCheck:
    array = probe.values[place]
    gradient = np.zeros(array.shape) if gradient is None else gradient
    size = array.size
    chosen = range(size) if size <= elements else np.sort(generator.choice(size, elements, replace=False))
    worst, kinks = (-1.0, 0, 0.0, 0.0), 0
    for index in chosen:
        given = float(gradient.flat[index])
        for step in (1e-3, 1e-5):
            measured, slack, kink = _slope(probe, array, int(index), step, given)
            error = abs(given - measured) / max(abs(given), abs(measured), slack / tolerance, 1e-300)
            error = math.inf if math.isnan(error) else error
            if error <= tolerance:
                break
        kinks += kink
        if error > worst[0]:
            worst = (error, int(index), given, measured)
    error, index, given, measured = worst
    return LeafCheck(
        name=node.name,
        elements=size,
        checked=len(chosen),
        kinks=kinks,
        worst=max(error, 0.0),
        place=tuple(int(i) for i in np.unravel_index(index, array.shape)) if size else (),
        given=given,
        measured=measured,
        passed=error <= tolerance,
    )


def _slope(probe: _Probe, array: Array, index: int, step: float, given: float) -> tuple[float, float, bool]:
    """Return the measured slope, how much rounding may falsify it, and whether there is a kink."""
    h = step * max(1.0, abs(float(array.flat[index])))
    f = _values_around(probe, array, index, h)
    slack = 8 * np.finfo(np.float64).eps * max(map(abs, f.values())) / h
    low, high = _one_sided(f, h)
    margin = 1e-3 * (high - low)  # the slopes are measured, and the right answer may be one of them
    if high - low > max(1e-4 * max(abs(low), abs(high)), 10 * slack) and low - margin <= given <= high + margin:
        # A curve's one-sided slopes come together as the step shrinks, a kink's stay apart.
        nearer_low, nearer_high = _one_sided(_values_around(probe, array, index, h / 10), h / 10)
        if nearer_high - nearer_low > (high - low) / 2 and nearer_low - margin <= given <= nearer_high + margin:
            return given, slack, True
    return (f[-2] - 8 * f[-1] + 8 * f[1] - f[2]) / (12 * h), slack, False


def _values_around(probe: _Probe, array: Array, index: int, h: float) -> dict[int, float]:
    """Return the function at so many steps from where it is, by one number of a leaf."""
    start = float(array.flat[index])
    values = {}
    for k in (-2, -1, 0, 1, 2):
        array.flat[index] = start + k * h
        values[k] = probe()
    array.flat[index] = start
    return values


def _one_sided(f: dict[int, float], h: float) -> list[float]:
    """Return the slopes on both sides, the smaller one first."""
    return sorted([(3 * f[0] - 4 * f[-1] + f[-2]) / (2 * h), (-3 * f[0] + 4 * f[1] - f[2]) / (2 * h)])
