"""Where batches come from: arrays, taken by one index, or anything that can be iterated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any, Protocol, TypeAlias, cast

import numpy as np

from chainrule import checks
from chainrule.data import batches
from chainrule.errors import InputError, TrainingWarning
from chainrule.nn import validation
from chainrule.nn.network import Network
from chainrule.ops.losses import as_column
from chainrule.ops.op import Array
from chainrule.training.augmenting import Augment, Augmentation
from chainrule.training.data_digest import data_digest
from chainrule.training.evaluate import CHUNK, figures, outputs_of
from chainrule.training.measures import Measure
from chainrule.training.metrics import true_classes

Batch: TypeAlias = tuple[Array, Array, Array | None, float]


class BatchSource(Protocol):
    """What training takes its batches from."""

    def record(self) -> None:
        """Have the network record its steps for these batches, where it does that."""
        ...

    def batches(self, skip: int = 0) -> Iterator[Batch]:
        """Yield an epoch: (x, y, sample_weight or None, share of the epoch done before it).

        So many batches at the start are left out, but for the randomness that they take.
        """
        ...

    def state(self, batches: int) -> dict[str, Any]:
        """Return, as plain data, what it needs to give the rest of an epoch of which so many batches were taken."""
        ...

    def restore(self, state: dict[str, Any], batches: int) -> None:
        """Take up what `state` returned after so many batches of the epoch.

        Raises
        ------
        InputError
            If these data, or their settings, are others than then.
        """
        ...

    def evaluate(self, network: Network, measures: Mapping[str, Measure]) -> dict[str, Any]:
        """Return metrics on these data."""
        ...

    def count_batches(self) -> int | None:
        """Return how many batches an epoch has, where that is known."""
        ...


class ArraySource:
    """Arrays that have been through the network's door.

    With `rows`, samples are those rows of x, which is mapped from a file and stays there; targets and weights are of
    these rows alone.
    """

    def __init__(
        self,
        network: Network,
        arrays: tuple[Array, Array, Array | None],
        batch_size: int | None,
        generator: np.random.Generator | None,
        augment: Augment | None = None,
        rows: Array | None = None,
    ) -> None:
        x, y, weights = arrays
        self.x, self.y, self.weights, self.network, self.rows = x, y, weights, network, rows
        self.count = len(y)
        self.batch_size = self.count if batch_size is None else min(batch_size, self.count)
        self.generator = generator
        self.augment = None if augment is None else Augmentation(augment, network)
        self.validation: tuple[Array | None, ...] = ()  # the data beside them, of which checkpoints have a digest too
        self._digests: dict[str, str] = {}  # made when they are asked for
        self._order: dict[str, Any] | None = None  # the generator's state before it drew the order of this epoch

    def thinned(self, most: int) -> tuple[Callable[[], Array], Array, Array | None]:
        """Return about so many of the samples, evenly spaced: a function that gets them, targets and weights."""
        rows = slice(None, None, -(-self.count // most))
        weights = None if self.weights is None else self.weights[rows]
        return lambda: self.x[rows if self.rows is None else self.rows[rows]], self.y[rows], weights

    def record(self) -> None:
        x, y = self.network.cast(self.x[:1]), self.y
        if self.augment is not None:
            y = self.augment.as_rows(y[:1])
        self.network.stepped_because(self._not_compiled())
        for count in {self.batch_size, self.count % self.batch_size or self.batch_size}:
            self.network.record(x, y, self.weights, count)

    def _not_compiled(self) -> str:
        """Return why steps on these samples are taken one by one, also where they could be compiled."""
        if self.augment is not None:
            return "augment, which changes each batch"
        return "samples that are mapped from a file" if isinstance(self.x, np.memmap) else ""

    def batches(self, skip: int = 0) -> Iterator[Batch]:
        count = self.count
        if self.batch_size == count:  # all at once: their order doesn't matter, nothing has to be gathered
            if not skip:
                x = self.x if self.rows is None else self.x[self.rows]
                if self.augment is None:
                    yield self.network.cast(x), self.y, self.weights, 0.0
                else:  # what changes a batch may do so in place: the caller's own stay as they are
                    weights = None if self.weights is None else self.weights.copy()
                    yield *self.augment(x.copy(), self.y.copy(), weights), 0.0
            return
        if self.generator is not None:
            self._order = cast(dict[str, Any], self.generator.bit_generator.state)
        gathered = self.x if self.rows is None else self.rows
        parts = batches(
            gathered,
            self.y,
            self.batch_size,
            sample_weight=self.weights,
            shuffle=self.generator is not None,
            generator=self.generator,
            into=self._places(),
        )
        as_it_is, size = self.network.cast(self.x[:1]).dtype == self.x.dtype, self.batch_size  # asked once an epoch
        for i, (x, y, *weights) in islice(enumerate(parts), skip, None):
            x, weight, progress = x if self.rows is None else self.x[x], (*weights, None)[0], i * size / count
            if self.augment is None:
                yield x if as_it_is else self.network.cast(x), y, weight, progress
            else:
                yield *self.augment(x, y, weight), progress

    @contextmanager
    def peeked_order(self) -> Iterator[Array]:
        """Give the order of this epoch's samples; `batches` will draw the same one afterwards."""
        if self.generator is None:
            yield np.arange(self.count)
            return
        before = cast(dict[str, Any], self.generator.bit_generator.state)
        self._order = before
        order = self.generator.permutation(self.count)
        try:
            yield order
        finally:
            self.generator.bit_generator.state = before

    def drawn_order(self) -> Array:
        """Return the order of an epoch's samples, drawn as `batches` draws it."""
        if self.generator is None or self.batch_size == self.count:
            return np.arange(self.count)
        return self.generator.permutation(self.count)

    def state(self, batches: int) -> dict[str, Any]:
        return {
            "samples": self.count,
            "batch_size": self.batch_size,
            "order": self._order if batches else None,
            "digests": self._digested(),
        }

    def restore(self, state: dict[str, Any], batches: int) -> None:
        if "samples" not in state:
            raise _other_data("arrays X and y", "an iterable of batches")
        for name, own in (("samples", self.count), ("batch_size", self.batch_size)):
            if state[name] != own:
                raise _other_data(f"{name.replace('_', ' ')} {own}", f"{state[name]}")
        for name, digest in self._digested().items():
            if state["digests"].get(name, digest) != digest:
                raise _other_data(f"other {name}: their digests differ", "what was trained on")
        if batches > -(-self.count // self.batch_size):
            raise _other_data(f"{self.count} samples", f"enough for {batches} batches")
        if batches:
            shuffled = self.generator is not None and self.batch_size < self.count
            if shuffled != (state["order"] is not None):
                raise _other_data(f"shuffle={shuffled}", f"shuffle={not shuffled}")
            if self.generator is not None and shuffled:
                self.generator.bit_generator.state = self._order = state["order"]

    def _digested(self) -> dict[str, str]:
        """Return a digest of each part of the data, made once; of samples mapped from a file, of some rows alone."""
        if not self._digests:
            parts = {
                "X": (self.x,),
                "y": (self.y,),
                "sample weights": (self.weights,),
                "validation data": self.validation,
            }
            if isinstance(self.x, np.memmap):
                del parts["X"]
            self._digests = {name: data_digest(*arrays) for name, arrays in parts.items()}
            self._digests["rows of X"] = data_digest(self.x, rows=True)
        return self._digests

    def _places(self) -> Callable[[int], list[Array] | None]:
        """Return where a batch of some size is gathered: straight to where the network reads it, if it can be."""

        @cache
        def places(count: int) -> list[Array] | None:
            if self.augment is not None or self.rows is not None:  # what is gathered is not yet what the network reads
                return None
            x, weights = self.network.cast(self.x[:1]), self.weights
            found = self.network.record(x, self.y, weights, count)
            if found is None:
                return None
            return [found["x"], found["y"]] if weights is None else [found["x"], found["y"], found["sample_weight"]]

        return places

    def count_batches(self) -> int | None:
        return -(-self.count // self.batch_size)

    def evaluate(self, network: Network, measures: Mapping[str, Measure]) -> dict[str, Any]:
        if self.rows is None:
            outputs = outputs_of(network, self.x)
        else:
            chunks = (self.rows[start : start + CHUNK] for start in range(0, self.count, CHUNK))
            outputs = np.concatenate([outputs_of(network, self.x[rows]) for rows in chunks])
        return figures(network, measures, outputs, self.y)


class IterableSource:
    """Batches from a list, a loader, anything that can be iterated once an epoch.

    Warnings of the first batch are added to `doubts`; `first_batch` is called with its samples.
    """

    def __init__(
        self, network: Network, iterable: Any, doubts: list[TrainingWarning], first_batch: Callable[[Array], None]
    ) -> None:
        self.network = network
        self.iterable = iterable
        if isinstance(iterable, (np.ndarray, Mapping)) or not hasattr(iterable, "__iter__"):
            raise InputError(
                "train",
                given=f"X of type {type(iterable).__name__} without y",
                expected="X and y, or an iterable of batches (x, y)",
                fix="Pass the targets as the third argument: cr.train(network, X, y)",
            )
        self.doubts, self._looked, self._first_batch = doubts, False, first_batch
        self.steps: int | None = len(iterable) if hasattr(iterable, "__len__") else None

    def record(self) -> None:
        """Nothing: what the batches are like shows when they come."""

    def batches(self, skip: int = 0) -> Iterator[Batch]:
        count = 0
        for batch in self.iterable:
            if count < skip:
                count += 1
                continue
            whole = isinstance(batch, (tuple, list)) and len(batch) in (2, 3)
            if not whole or not (isinstance(batch[0], Mapping) or np.ndim(batch[0])):
                raise InputError(
                    "train",
                    given=f"{type(batch).__name__} {batch!r:.40} as a batch, from X without y",
                    expected="(x, y) or (x, y, sample_weight)",
                    fix="Pass the targets as well, cr.train(network, X, y), or let the iterable give tuples of arrays",
                )
            x, y, weights = self.network.as_batch(f"train, batch {count + 1}", *batch)
            self.network.check_targets(f"train, batch {count + 1}", y)
            if not self._looked:
                self.network.stepped_because("an iterable of batches")
                self._first_batch(x)
                self.doubts += [doubt for head in self.network.heads for doubt in head.doubts("train", y, weights)]
                self._looked = True
            yield x, y, weights, (0.0 if self.steps is None else count / self.steps)
            count += 1
        self.steps = count or None

    def state(self, batches: int) -> dict[str, Any]:
        return {"steps": self.steps}

    def restore(self, state: dict[str, Any], batches: int) -> None:
        if "samples" in state:
            raise _other_data("an iterable of batches", f"arrays of {state['samples']} samples")
        self.steps = state["steps"]

    def count_batches(self) -> int | None:
        return self.steps

    def evaluate(self, network: Network, measures: Mapping[str, Measure]) -> dict[str, Any]:
        parts = [(network.compute(x), y) for x, y, _, _ in self.batches()]
        if not parts:
            raise used_up("for the metrics")
        outputs, target = (np.concatenate(arrays) for arrays in zip(*parts))
        return figures(network, measures, outputs, target)


def _other_data(given: str, then: str) -> InputError:
    return InputError(
        "train resume",
        given=given,
        expected=f"{then}, as before",
        fix="Pass the same data and settings; or take the weights alone, network = cr.load(path), and begin a training "
        "of its own",
    )


def used_up(when: str) -> InputError:
    """Return the error for an iterable that gives nothing."""
    return InputError(
        "train",
        given=f"no batches {when}",
        expected="at least one, each time it is iterated",
        fix="Pass a list of batches, or an object whose __iter__ starts anew; a generator can be used once",
    )


def held_out(
    network: Network, x: Array, y: Array, weights: Array | None, share: float, counts: Array | None
) -> tuple[tuple[Array, Array, Array | None], Array | None, tuple[Array, ...]]:
    """Return the samples cut in two by the network's seed: to train on, to validate on. The same at each call.

    Those to train on have `weights`, those to validate on `counts`: what classes weigh is no matter of validation.

    Samples mapped from a file stay there: those to train on are all of them then, with the rows that are meant.
    """
    count = len(x)
    size = min(max(round(share * count), 1), count - 1)
    if count < 2:
        raise InputError(
            "train validation_split", given="one sample", expected="at least two", fix="Leave validation_split out"
        )
    order = network.generators.fresh("validation").permutation(count)
    kept, held = np.sort(order[size:]), np.sort(order[:size])
    mapped = isinstance(x, np.memmap)
    rest = (x if mapped else x[kept], y[kept], None if weights is None else weights[kept])
    part = (x[held], y[held]) if counts is None else (x[held], y[held], counts[held])
    return rest, kept if mapped else None, part


def weighted_by_class(
    network: Network,
    y: Array,
    weights: Array | None,
    class_weight: Mapping[int, float] | Sequence[float] | str | None,
) -> Array | None:
    """Return sample weights times the weight of each sample's class, or of each row's."""
    if class_weight is None:
        return weights
    head = network.only_head(
        "train class_weight",
        "Leave class_weight out: sample_weight weighs samples, in all heads, and cr.Network(…, loss_weights={…}) heads",
    )
    if head.task == "multilabel":
        raise InputError(
            "train class_weight",
            given="a network for several labels a sample",
            expected="one class a sample",
            fix="Pass sample_weight instead",
        )
    classes = true_classes(y, 1 + len(network.output_shape))
    if classes is None:
        raise InputError(
            "train class_weight",
            given="targets that are quantities",
            expected="classes",
            fix="Pass sample_weight instead",
        )
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise InputError(
                "train class_weight",
                given=repr(class_weight),
                expected='a mapping or "balanced"',
                fix="Pass class_weight={0: 1.0, 1: 5.0}",
            )
        counts = np.bincount(classes.ravel().astype(np.intp, copy=False))
        factors = {c: classes.size / (np.count_nonzero(counts) * n) for c, n in enumerate(counts.tolist()) if n}
    else:
        factors = _factors(class_weight)
    present = set(np.unique(classes).tolist())
    missing = present - set(factors)
    if missing:
        raise InputError(
            "train class_weight",
            given=f"weights for the classes {sorted(factors, key=str)}",
            expected=f"one for each class of y: {sorted(present)}",
            fix=f"Add {min(missing)}: 1.0",
        )
    of_class = np.zeros(int(max(present)) + 1, network.dtype)
    for c in present:
        of_class[c] = factors[c]
    own = of_class[classes]
    product = own if weights is None else as_column(weights, own) * own
    return validation.weights("train class_weight", product, classes.shape, head.objective, network.dtype)


def _factors(class_weight: Any) -> dict[int, float]:
    """Return class -> weight for a mapping, or for a sequence with a weight for each class."""
    try:
        pairs = class_weight.items() if isinstance(class_weight, Mapping) else enumerate(class_weight)
    except TypeError:
        raise InputError(
            "train class_weight",
            given=repr(class_weight)[:80],
            expected='a mapping or "balanced"',
            fix="Pass class_weight={0: 1.0, 1: 5.0}",
        ) from None
    return {c: checks.number(f"train class_weight[{c!r}]", factor, least=0, like=1) for c, factor in pairs}
