"""Mixup: a network learns from samples between the samples, and from targets between the targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule import checks
from chainrule.errors import InputError
from chainrule.settings import Configured


class Mixup(Configured):
    """A function of (x, y, generator) that mixes each sample of a batch with another one, and their targets too.

    x = share · x_i + (1 − share) · x_j and y = share · y_i + (1 − share) · y_j, where j is drawn for each sample, and
    its share from a Beta(alpha, alpha) distribution. Between samples the network is then held to go from one answer to
    the other on a straight line. H. Zhang et al., *mixup: beyond empirical risk minimization*, 2018.

    Parameters
    ----------
    alpha : float, default 0.2
        Above 0. The larger, the more is mixed: at 0.2 most samples stay nearly as they are, at 1 every share is as
        likely as any other.

    Examples
    --------
    >>> mixup = Mixup(alpha=0.4)
    >>> x, y = mixup(np.eye(2), np.eye(2), np.random.default_rng(1))
    >>> np.allclose(x, y) and np.allclose(y.sum(axis=1), 1)
    True

    It is what ``cr.train(…, augment=mixup)`` takes.
    """

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = checks.number("Mixup alpha", alpha, above=0, like=0.2)

    def __call__(
        self,
        x: NDArray[Any] | Mapping[str, NDArray[Any]],
        y: NDArray[Any] | Mapping[str, NDArray[Any]],
        generator: np.random.Generator,
        sample_weight: NDArray[Any] | None = None,
    ) -> tuple[Any, ...]:
        """Return a batch like this one, mixed.

        Parameters
        ----------
        x : ndarray, (samples, …), or mapping of name to array
        y : ndarray, (samples, …, outputs), or mapping of name to array
            Targets, of classes a column for each: ``cr.data.one_hot(y)``. Training passes them so.
        generator : numpy.random.Generator
        sample_weight : ndarray, (samples, …), optional
            Weights. The mixture has the mean of both, and each target counts in it as much as its sample does.

        Returns
        -------
        x, y, or x, y, sample_weight
            The last if there are weights.

        Raises
        ------
        InputError
            If `y` holds class indices, between which nothing lies.
        """
        checks.instance("Mixup generator", generator, np.random.Generator, "numpy.random.default_rng(0)")
        of_heads = y if isinstance(y, Mapping) else {"": y}
        for name, targets in of_heads.items():
            if np.ndim(targets) < 2:
                raise InputError(
                    "Mixup",
                    given=f"y{f'[{name!r}]' if name else ''} with shape {np.shape(targets)}",
                    expected="a row of targets for each sample, which can be mixed",
                    fix="Pass cr.data.one_hot(y) for class indices, or y.reshape(-1, 1) for one column of numbers",
                )
        count = len(next(iter(of_heads.values())))
        share = generator.beta(self.alpha, self.alpha, count)
        other = generator.permutation(count)
        inputs = _each(x, lambda array: _mixed(array, share, other))
        if sample_weight is None:
            return inputs, _each(y, lambda array: _mixed(array, share, other))
        weight = _mixed(sample_weight, share, other)

        def weighted(array: NDArray[Any]) -> NDArray[Any]:
            total, by = _mixed(array * _like(sample_weight, array), share, other), _like(weight, array)
            mean = _mixed(array, share, other)
            np.divide(total, by, out=mean, where=by > 0, casting="same_kind")
            return mean

        return inputs, _each(y, weighted), weight


def _each(given: Any, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    """Return what a function makes of an array, or of each array of a mapping."""
    if isinstance(given, Mapping):
        return {name: function(array) for name, array in given.items()}
    return function(given)


def _mixed(array: NDArray[Any], share: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return a share of each row, and the rest of another row."""
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float32)
    share = _like(share.astype(dtype), array)
    mixed: NDArray[Any] = share * array.astype(dtype, copy=False)
    mixed += (1 - share) * array[other]
    return mixed


def _like(numbers: NDArray[Any], array: NDArray[Any]) -> NDArray[Any]:
    """Return numbers with further axes of length 1, so that each meets all of an array that it belongs to."""
    return numbers.reshape(*numbers.shape, *(1,) * (array.ndim - numbers.ndim))
