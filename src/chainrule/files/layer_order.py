"""In which order the layers of a state dict follow each other: files keep them by name, not by use.

Numbers in the names decide: ``fc1`` before ``fc2``, ``2`` before ``10``, Keras' ``dense`` before ``dense_1``. Where
words differ, ``encoder.0`` and ``decoder.0``, the shapes decide, if the layers fit together in one order only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

Sizes = Mapping[str, tuple[int, int]]  # layer -> its inputs and outputs

_MOST_SEARCHED = 64  # layers whose order is looked for by their shapes
_MOST_TRIED = 20_000


def orders(sizes: Sizes) -> list[list[str]]:
    """Return the orders that names and shapes allow: none, one, or two of many.

    One order that the names give alone is returned whether the shapes fit it or not.

    Examples
    --------
    >>> orders({"fc10": (4, 2), "fc9": (3, 4)})
    [['fc9', 'fc10']]
    >>> orders({"hidden": (4, 5), "input": (3, 4), "output": (5, 2)})
    [['input', 'hidden', 'output']]
    >>> orders({"hidden": (4, 4), "input": (4, 4)})
    [['hidden', 'input'], ['input', 'hidden']]
    """
    names = sorted(sizes, key=_parts)
    if all(_decided(a, b) for a, b in pairwise(names)):
        return [names]
    if len(names) > _MOST_SEARCHED:
        return [names, names]
    before = {b: {a for a in names if _decided(a, b) and _parts(a) < _parts(b)} for b in names}
    left = [_MOST_TRIED]
    found: list[list[str]] = []
    for order in _fitting(sizes, before, [], left):
        found.append(order)
        if len(found) == 2:
            return found
    return found if left[0] > 0 else [names, names]


def _fitting(sizes: Sizes, before: Mapping[str, set[str]], chain: list[str], left: list[int]) -> Iterator[list[str]]:
    """Yield the orders that begin with this one, in which each layer takes what the one before it gives."""
    if len(chain) == len(sizes):
        yield list(chain)
        return
    for name in sizes:
        left[0] -= 1
        if left[0] < 0:
            return
        fits = not chain or sizes[chain[-1]][1] == sizes[name][0]
        if fits and name not in chain and before[name] <= set(chain):
            yield from _fitting(sizes, before, [*chain, name], left)


def _decided(a: str, b: str) -> bool:
    """Return whether numbers say which of two layers comes first: where their names part, only a number differs."""
    parts = next(((x, y) for x, y in zip(_parts(a), _parts(b)) if x != y), None)
    return parts is not None and parts[0][0] == parts[1][0]


def _parts(name: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return a name's words between its dots, the numbers of each apart: ``dense`` is the ``dense_`` of number 0."""
    found = []
    for word in name.split("."):
        numbers = re.findall(r"[0-9]{1,9}", word)
        stem = re.sub(r"[0-9]{1,9}", "#", word)
        bare = not numbers and word.isidentifier()
        found.append((stem + "_#" if bare else stem, (0,) if bare else tuple(map(int, numbers))))
    return found
