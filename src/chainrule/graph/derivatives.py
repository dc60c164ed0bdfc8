"""Derivatives of any node by any leaf: saliency, Jacobians."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.errors import MisuseError, ShapeError
from chainrule.graph.graph import Graph
from chainrule.graph.node import Node
from chainrule.ops.op import Array


@overload
def derivative(of: Node, by: Node, grad: npt.ArrayLike | None = None) -> Array: ...
@overload
def derivative(of: Node, by: Sequence[Node], grad: npt.ArrayLike | None = None) -> list[Array]: ...
@checks.keywords
def derivative(of: Node, by: Node | Sequence[Node], grad: npt.ArrayLike | None = None) -> Array | list[Array]:
    """Return the derivative of a node by another one, or by each of several.

    Parameters
    ----------
    of : Node
        What is differentiated.
    by : Node or sequence of Node
        Leaves or nodes below it.
    grad : array_like, optional
        The derivative that arrives at `of`; 1 where it is one number.

    Returns
    -------
    ndarray or list of ndarray
        Shaped like the value of `by`.

    Examples
    --------
    >>> from chainrule.graph import Input
    >>> x = Input("x", 3.0)
    >>> float(derivative(x * x, x))
    6.0
    """
    results = Graph(of, wrt=by).derivatives(grad)
    return results[0] if isinstance(by, Node) else results


@checks.keywords
def jacobian(of: Node, by: Node, *, per_sample: bool = False) -> Array:
    """Return ∂of/∂by in full, or of each sample by its own numbers.

    Parameters
    ----------
    of : Node
        What is differentiated.
    by : Node
        A leaf or a node below it.
    per_sample : bool, default False
        Whether the first axis of both is that of the samples, and a sample's `of` is differentiated by its own `by`
        only: (batch, d) by (batch, d′) is then (batch, d, d′). Off, every element of `of` is differentiated by every
        element of `by`.

    Returns
    -------
    ndarray
        The shape of `of` followed by the shape of `by`; with `per_sample`, the axis of the samples comes once, first.

    Raises
    ------
    ShapeError
        With `per_sample`, if `of` and `by` have no axis of samples, or of different lengths.
    MisuseError
        With `per_sample`, if a sample's `of` depends on another sample's `by`, or if `of` doesn't depend on `by`.

    Notes
    -----
    One backward pass for each element of `of`; with `per_sample`, one for each element of a sample and three to see
    that no sample depends on another.

    Examples
    --------
    >>> from chainrule.graph import Input
    >>> x = Input("x", [1.0, 2.0])
    >>> jacobian(x * x, x)
    array([[2., 0.],
           [0., 4.]], dtype=float32)

    Softmax has a matrix for each sample, diag(s) − s sᵀ:

    >>> import chainrule as cr
    >>> s = cr.softmax(z=(z := cr.Input("z", [[0.0, 0.0], [0.0, 3.0], [5.0, 5.0]])))
    >>> jacobian(s, z, per_sample=True).shape
    (3, 2, 2)
    >>> jacobian(s, z, per_sample=True)[0]
    array([[ 0.25, -0.25],
           [-0.25,  0.25]], dtype=float32)
    """
    checks.instance("jacobian per_sample", per_sample, bool, "True or False")
    graph = Graph(of, wrt=[by])
    if per_sample:
        return _by_sample(graph, of, by)
    rows = np.empty((of._value.size, *by.shape), by.dtype)
    for i, one in enumerate(_ones(of.shape, of.dtype)):
        rows[i] = graph.derivatives(one)[0]
    return rows.reshape(of.shape + by.shape)


def _ones(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Iterator[Array]:
    """Yield arrays of zeros with a single 1, one for each place."""
    size = math.prod(shape)
    for i in range(size):
        one = np.zeros(size, dtype)
        one[i] = 1
        yield one.reshape(shape)


def _by_sample(graph: Graph, of: Node, by: Node) -> Array:
    """Return (samples, …of, …by), each pass for one element of all samples at once."""
    where = "jacobian per_sample"
    if not of.shape or not by.shape or of.shape[0] != by.shape[0]:
        raise ShapeError(
            where,
            given=f"{of.where} with shape {of.shape} by {by.where} with shape {by.shape}",
            expected="two nodes whose first axis is that of the same samples",
            fix="Leave per_sample=True away: the Jacobian by what all samples share is that in full",
        )
    samples, *inner = of.shape
    rows = np.empty((math.prod(inner), *by.shape), by.dtype)
    for k, one in enumerate(_ones(tuple(inner), of.dtype)):
        rows[k] = graph.derivatives(np.broadcast_to(one, of.shape))[0]
    if _mixes(graph, of, by):
        raise MisuseError(
            where,
            given=f"{of.where}, of which a sample depends on another sample's {by.where}",
            expected="samples that don't depend on each other",
            fix="Leave per_sample=True away: the Jacobian in full has the derivatives between samples, too",
        )
    return np.moveaxis(rows, 0, 1).reshape(samples, *inner, *by.shape[1:]).copy()


def _mixes(graph: Graph, of: Node, by: Node) -> bool:
    """Return whether a derivative that arrives at one sample is handed to another one.

    Random derivatives are sent, and then again, those of each sample times a power of two of its own. Where samples
    keep to themselves, what comes back has the same factors, to the last bit. Beyond 64 samples some have the same
    power: so it is done twice.
    """
    generator = np.random.default_rng(0)
    sent = generator.uniform(0.5, 2, of.shape).astype(of.dtype)
    once = graph.derivatives(sent)[0]
    info = np.finfo(by.dtype)
    for _ in range(2):
        powers = np.ldexp(1.0, generator.permutation(of.shape[0]) % 64)
        again = graph.derivatives(sent * _along_first(powers, of))[0]
        expected = once * _along_first(powers, by)
        if not np.isclose(again, expected, rtol=8 * info.eps, atol=1e4 * info.tiny, equal_nan=True).all():
            return True
    return False


def _along_first(numbers: Array, node: Node) -> Array:
    return numbers.astype(node.dtype).reshape(-1, *(1,) * (len(node.shape) - 1))
