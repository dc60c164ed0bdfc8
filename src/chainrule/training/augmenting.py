"""A function that changes batches before they are trained on, called with as much of them as it asks for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import InputError, ShapeError
from chainrule.nn.network import Network
from chainrule.ops.cross_entropy import one_hot
from chainrule.ops.op import Array

# Texts: numpy.random is imported when it is used.
OfSamples: TypeAlias = "Callable[[Array, np.random.Generator], Array]"
OfTargets: TypeAlias = "Callable[[Array, Array, np.random.Generator], tuple[Array, ...]]"
Augment: TypeAlias = "OfSamples | OfTargets"

_TARGETS = ("y", "target", "targets", "labels")


class Augmentation:
    """A function of (x, generator), or of (x, y, generator), as training calls it.

    Attributes
    ----------
    of_targets : bool
        Whether it gets targets too. Class indices come as one-hot rows, which can be mixed.
    of_weights : bool
        Whether it has a parameter `sample_weight`: it gets the weights too, and returns them where there are any.
    """

    def __init__(self, function: Any, network: Network) -> None:
        self.function, self.network = function, network
        if not callable(function) or isinstance(function, type):
            kind = isinstance(function, type)
            raise InputError(
                "train augment",
                given=f"the class {function.__name__} itself" if kind else repr(function)[:80],
                expected="a function of (x, generator) or (x, y, generator)",
                fix=f"Pass an instance: {function.__name__}()" if kind else "Pass for example cr.data.RandomAffine()",
            )
        self._names, self.of_weights = _parameters(function)
        self.of_targets = len(self._names) == 3
        alone = len(self._names) == 2 and self._names[1] not in _TARGETS and not self.of_weights
        if not alone and not self.of_targets:
            raise InputError(
                "train augment",
                given=f"a function of ({', '.join(self._names)}{', sample_weight' * self.of_weights})",
                expected="a function of (x, generator), or of (x, y, generator), perhaps with sample_weight",
                fix="Write it as (x, generator) and return x, or as (x, y, generator) and return x, y",
            )

    def __call__(self, x: Array, y: Array, weights: Array | None) -> tuple[Array, Array, Array | None]:
        """Return what to train on instead of a batch. It may change the samples in place, and its targets."""
        generator, network = self.network.generators["augment"], self.network
        inputs = network.named_inputs
        given = x if inputs is None else inputs.unpacked(x)
        if not self.of_targets:
            changed = network.as_samples("train augment", self.function(given, generator))
            if len(changed) != len(y):
                raise ShapeError(
                    "train augment",
                    given=f"{len(changed)} samples for {len(y)}",
                    expected="as many as before",
                    fix="Write a function of (x, y, generator) that returns (x, y), with a target for each sample",
                )
            return changed, y, weights
        told: dict[str, Any] = {self._names[2]: generator}
        if self.of_weights:
            told["sample_weight"] = weights
        found = self.function(given, network.targets_by_head(self.as_rows(y)), **told)
        parts = "x, y, sample_weight" if self.of_weights and weights is not None else "x, y"
        if not isinstance(found, tuple) or len(found) != parts.count(",") + 1:
            raise InputError(
                "train augment",
                given=f"a tuple of {len(found)}" if isinstance(found, tuple) else f"{type(found).__name__}",
                expected=f"({parts})",
                fix=f"Let the function return {parts}",
            )
        x, y, weights = found if len(found) == 3 else (*found, weights)
        if weights is not None and not np.any(weights):  # nobody in it counts: it is left out
            return network.as_samples("train augment", x), y, weights
        batch = network.as_batch("train augment", x, y, weights)
        network.check_targets("train augment", batch[1])
        return batch

    def as_rows(self, y: Array) -> Array:
        """Return targets with numbers like the outputs, also for class indices; those of several heads are such."""
        if not self.of_targets or self.network.heads[0].name or y.ndim > len(self.network.output_shape):
            return y
        return one_hot(y, np.empty((0, *self.network.output_shape), self.network.dtype))


def _parameters(function: Any) -> tuple[list[str], bool]:
    """Return the names of the parameters that a function must be given, and whether it takes `sample_weight`."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # written in another language: most take samples
        return ["x", "generator"], False
    places = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [
        p.name
        for p in parameters.values()
        if p.kind in places and p.default is inspect.Parameter.empty and p.name != "sample_weight"
    ]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values()) and len(required) < 2:
        required = ["x", "generator"]
    return required, "sample_weight" in parameters
