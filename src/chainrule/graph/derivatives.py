"""Derivatives of any node by any leaf: saliency, Jacobians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from chainrule import checks
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
def jacobian(of: Node, by: Node) -> Array:
    """Return ∂of/∂by in full, with the shape of `of` followed by the shape of `by`.

    One backward pass for each element of `of`.

    Examples
    --------
    >>> from chainrule.graph import Input
    >>> x = Input("x", [1.0, 2.0])
    >>> jacobian(x * x, x)
    array([[2., 0.],
           [0., 4.]], dtype=float32)
    """
    graph = Graph(of, wrt=[by])
    rows = np.empty((of._value.size, *by.shape), by.dtype)
    for i in range(of._value.size):
        one = np.zeros(of._value.size, of.dtype)
        one[i] = 1
        rows[i] = graph.derivatives(one.reshape(of.shape))[0]
    return rows.reshape(of.shape + by.shape)
