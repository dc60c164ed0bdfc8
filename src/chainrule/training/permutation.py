"""How much each column matters to a network: how much worse a figure gets when that column is shuffled.

What is shuffled keeps its values and loses what they say of their rows, so the network is asked without that column
and sees nothing that it has never seen (L. Breiman, *Random forests*, 2001, section 10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from chainrule import checks
from chainrule.column_names import names_of
from chainrule.data.dataset import Dataset
from chainrule.errors import InputError, ShapeError, UnknownNameError, nearest, printable
from chainrule.nn import validation
from chainrule.nn.network import Network
from chainrule.ops.op import Array, Samples
from chainrule.tables import in_columns
from chainrule.training.evaluate import CHUNK, expect_suited, measured
from chainrule.training.figure_text import in_words, number, written
from chainrule.training.measures import Measure, grows, named_measures
from chainrule.training.metrics import Metric
from chainrule.training.pairs import samples_and_targets

Groups: TypeAlias = Mapping[str, slice | Sequence[int] | int]

_MOST_ROWS = 30  # of the printed table


@dataclass(repr=False)
class Importance:
    """What `importance` returns: printed, the columns in the order of how much they matter.

    Attributes
    ----------
    figure : str
        What was measured, ``"loss"`` or a metric.
    value : float
        That figure on the samples as they are.
    names : list of str
        The columns, those that matter most first.
    means, deviations : ndarray, (columns,)
        By how much the figure got worse when the column was shuffled, over all repeats.
    values : ndarray, (columns, repeats)
    """

    figure: str
    value: float
    names: list[str]
    values: Array

    @property
    def means(self) -> Array:
        return np.asarray(self.values.mean(axis=1))

    @property
    def deviations(self) -> Array:
        return np.asarray(self.values.std(axis=1))

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain data."""
        rows = zip(self.names, self.means.tolist(), self.deviations.tolist(), self.values.tolist(), strict=True)
        return {
            "figure": self.figure,
            "value": self.value,
            "columns": [dict(zip(("name", "mean", "deviation", "values"), row, strict=True)) for row in rows],
        }

    def lines(self, everything: str = "importance.names") -> list[str]:
        """Return the table as lines; where columns are left out, one says what has them all: `everything`."""
        means = [number(mean) for mean in self.means.tolist()[:_MOST_ROWS]]
        width = max(map(len, [*means, "mean"]))
        rows = [
            [printable(name)[:40], mean.rjust(width), f"± {number(deviation)}"]
            for name, mean, deviation in zip(self.names, means, self.deviations.tolist(), strict=False)
        ]
        direction = "falls" if grows(self.figure) else "grows"
        repeats = self.values.shape[1]
        times = "once" if repeats == 1 else f"{repeats} times"
        worse = f"by how much it {direction} where a column is shuffled, {times}:"
        table = in_columns([["column", "mean".rjust(width), "deviation"], *rows])
        found = [f"{in_words(self.figure)} {written(self.figure, self.value)}; {worse}"]
        found += [line for row in table for line in row]
        if len(self.names) > _MOST_ROWS:
            found.append(f"These are the {_MOST_ROWS} that matter most of {len(self.names)}; {everything} has all.")
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__


@checks.keywords_and(test_data="X", true_data="y")
def importance(
    network: Network,
    X: Samples | Dataset,
    y: Samples | None = None,
    *,
    metric: str | Metric | None = None,
    repeats: int = 5,
    seed: int = 0,
    groups: Groups | None = None,
    sample_weight: npt.ArrayLike | None = None,
) -> Importance:
    """Return how much each column matters to a network on these samples: permutation importance.

    Columns that say the same share what they say: shuffled alone, each may seem to matter little. Take samples that the
    network was not trained on: on others a column may matter that it has only learnt by heart.

    Parameters
    ----------
    network : Network
    X, y : array_like
        Samples and targets, as `train` takes them; or a data set alone.
    metric : str or function, optional
        What gets worse, as `evaluate` takes it: ``"error_rate"``, ``"r2"``. Left out: the loss.
    repeats : int, default 5
        How often each column is shuffled.
    seed : int, default 0
        From which it is shuffled: the same seed gives the same.
    groups : mapping of str to indices, optional
        Which features are shuffled together, by a name, ``{"colour": slice(0, 3)}``; others are not. Left out: those
        that come from one column of a table, where the network has a preparation; each named input; else each feature.
    sample_weight : array_like, (samples,), optional
        As `evaluate` takes it, for the loss.

    Returns
    -------
    Importance

    Raises
    ------
    InputError
        If the samples are not like those of training, there is one alone, or a group has no features.

    Examples
    --------
    >>> import chainrule as cr
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> network = cr.Network([cr.Dense(1)], optimizer=cr.Adam(0.1))
    >>> history = cr.train(network, X, 2 * X[:, [2]] + X[:, [0]])
    >>> found = cr.importance(network, X, 2 * X[:, [2]] + X[:, [0]])
    >>> found.names
    ['feature 3', 'feature 1', 'feature 2']
    """
    checks.instance("importance", network, Network, "a cr.Network")
    given, (X, y) = X, samples_and_targets("importance", network, X, y)
    x, target, weights = network.as_batch("importance", X, y, sample_weight, mapped=True)
    expect_suited("importance", network, given)
    network.check_samples("importance", x)
    validation.finite("importance", "y", target)
    network.check_targets("importance", target)
    repeats = checks.whole("importance repeats", repeats)
    seed = checks.whole("importance seed", seed, least=0, most=2**63 - 1)
    if len(x) < 2:
        raise InputError("importance", given="one sample", expected="some, to shuffle", fix="Pass more samples")
    chosen = _features(network, x, names_of(given), groups)
    figure, measures = _measure(network, metric)
    if measures and sample_weight is not None:
        raise InputError(
            "importance",
            given=f"sample_weight, and metric={figure!r}, which counts every sample once",
            expected="weights for the loss, which alone takes them",
            fix="Leave sample_weight out, or metric",
        )
    x = np.array(x)
    sign = -1.0 if grows(figure) else 1.0

    def value(samples: Array) -> float:
        found = measured(network, (samples, target, weights), measures, CHUNK)[figure]
        if np.ndim(found):
            raise InputError(
                "importance metric",
                given=f"{figure!r}, which is an array",
                expected="a metric that is one number",
                fix="Pass another one, or leave it out for the loss",
            )
        return float(found)

    before = value(x)
    values = np.empty((len(chosen), repeats))
    shuffled = x.copy()
    for i, (places, generator) in enumerate(
        zip(chosen.values(), np.random.default_rng(seed).spawn(len(chosen)), strict=True)
    ):
        for k in range(repeats):
            shuffled[..., places] = x[generator.permutation(len(x))][..., places]
            values[i, k] = sign * (value(shuffled) - before)
        shuffled[..., places] = x[..., places]
    order = np.argsort(-values.mean(axis=1), kind="stable")
    names = list(chosen)
    return Importance(figure, before, [names[i] for i in order], values[order])


def _measure(network: Network, metric: Any) -> tuple[str, dict[str, Measure]]:
    """Return what the figure is called, and how it is measured: nothing more than the loss by itself."""
    if metric is None or metric == "loss":
        return "loss", {}
    measures = named_measures(metric, [head.name for head in network.heads])
    if len(measures) != 1:
        raise InputError(
            "importance metric",
            given=f"{metric!r:.80}, {len(measures)} figures",
            expected="one",
            fix=f"Pass one of them, metric={next(iter(measures), 'loss')!r}",
        )
    (measure,) = measures.values()
    measure.check(network.heads)
    return measure.name, measures


def _features(
    network: Network, x: Array, names: Sequence[str] | None, groups: Groups | None
) -> dict[str, slice | list[int]]:
    """Return which features are shuffled together, by the names of the groups."""
    count = x.shape[-1]
    names = network.columns or names
    if groups is None:
        if network.preparation is not None:
            groups = network.preparation.feature_groups
        elif network.named_inputs is not None:
            groups = {name: places for name, places, _ in network.named_inputs.places()}
        else:
            named = names if names is not None and len(names) == count else [f"feature {i + 1}" for i in range(count)]
            groups = {name: i for i, name in enumerate(named)}
    if not isinstance(groups, Mapping):
        raise InputError(
            "importance groups",
            given=f"{groups!r:.80}",
            expected="a mapping of name to features",
            fix='Pass {"colour": slice(0, 3), "size": [3]}',
        )
    if not groups:
        raise InputError(
            "importance groups",
            given="none",
            expected="at least one",
            fix="Leave groups out: each column is one then",
        )
    known = _named_places(network, names)
    found: dict[str, slice | list[int]] = {}
    for name, told in groups.items():
        places: Any = told
        if isinstance(places, str):
            places = _places(places, known)
        elif isinstance(places, (list, tuple)) and any(isinstance(each, str) for each in places):
            places = [place for each in places for place in (_places(each, known) if isinstance(each, str) else [each])]
        elif isinstance(places, (int, np.integer)):
            places = [places]
        try:
            indices = np.arange(count)[places]
        except (IndexError, TypeError):
            indices = np.arange(0)
        if not indices.size:
            raise ShapeError(
                "importance groups",
                given=f"{name!r}: {told!r:.60}",
                expected=f"features, from 0 to {count - 1}",
                fix=f"Pass for example {{{name!r}: slice(0, {count})}}",
            )
        found[str(name)] = places if isinstance(places, slice) else indices.tolist()
    return found


def _named_places(network: Network, names: Sequence[str] | None) -> dict[str, list[int]]:
    """Return which features a name means: those of a column of a table that was prepared, or that feature itself."""
    preparation = network.preparation
    if preparation is None:
        return {name: [i] for i, name in enumerate(names or ())}
    features = {name: [i] for i, name in enumerate(preparation.feature_names)}
    groups = preparation.feature_groups
    return features | {name: list(range(place.start, place.stop)) for name, place in groups.items()}


def _places(name: str, known: Mapping[str, list[int]]) -> list[int]:
    """Return the features that a name means."""
    if name not in known:
        raise UnknownNameError(
            "importance groups", given=repr(name)[:80], expected="a column", fix=nearest(name, list(known))
        )
    return known[name]
