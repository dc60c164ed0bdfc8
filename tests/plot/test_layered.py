"""Graphs in rows: data flow downwards, nodes don't cover each other, and no edge crosses without need."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from chainrule.plot.layered import laid_out

CHAIN = [[], [], [0, 1], [2], [], [3, 4], [], [5, 6]]  # two layers with weights, and a target
DIAMOND = [[], [0], [0], [1, 2]]
SKIP = [[], [0], [1], [2], [0, 3]]  # a connection that passes three rows
TWICE = [[], [0, 0]]
SHAPES = {"chain": CHAIN, "diamond": DIAMOND, "skip": SKIP, "twice": TWICE, "alone": [[]]}


def random_graph(seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [sorted({int(k) for k in rng.integers(0, i, rng.integers(0, 3))}) if i else [] for i in range(25)]


GRAPHS = [*SHAPES.values(), *(random_graph(seed) for seed in range(4))]


@pytest.mark.parametrize("children", GRAPHS)
def test_every_node_stands_below_its_children(children: list[list[int]]) -> None:
    row = laid_out(children).row
    assert all(row[kid] < row[place] for place, kids in enumerate(children) for kid in kids)
    assert min(row) >= 0


@pytest.mark.parametrize("children", GRAPHS)
def test_nodes_and_bends_of_a_row_are_apart(children: list[list[int]]) -> None:
    layout = laid_out(children)
    spots = list(zip(layout.row, layout.x)) + [(row, x) for bends in layout.bends.values() for x, row in bends]
    for (row, x), (other_row, other_x) in itertools.combinations(spots, 2):
        assert row != other_row or abs(x - other_x) >= 1 - 1e-6
    assert min(x for _, x in spots) == 0
    assert max(x for _, x in spots) == layout.width


@pytest.mark.parametrize("children", GRAPHS)
def test_an_edge_bends_in_each_row_it_passes(children: list[list[int]]) -> None:
    layout = laid_out(children)
    for place, kids in enumerate(children):
        for kid in kids:
            passed = [row for _, row in layout.bends.get((kid, place), [])]
            assert passed == list(range(layout.row[kid] + 1, layout.row[place]))


def test_a_chain_of_layers_stands_straight_with_its_parameters_beside_it() -> None:
    layout = laid_out(CHAIN)
    spine = [layout.x[place] for place in (2, 3, 5, 7)]
    assert max(spine) - min(spine) < 0.02
    assert layout.row == [0, 0, 1, 2, 2, 3, 3, 4]


def test_a_leaf_stands_just_above_the_first_of_its_parents() -> None:
    assert laid_out([[], [0], [1], [], [2, 3]]).row[3] == 2


def test_edges_that_need_not_cross_do_not() -> None:
    children = [[], [], [], [0], [1, 2], [0, 1], [1, 5], [5]]  # crosses four times in the order of a walk
    layout = laid_out(children)
    pieces = []
    for parent, kids in enumerate(children):
        for kid in kids:
            ends = [(layout.x[kid], layout.row[kid]), *layout.bends.get((kid, parent), []), (layout.x[parent], 0)]
            pieces += [(row, x, below) for (x, row), (below, _) in itertools.pairwise(ends)]
    for (row, x, below), (other_row, other_x, other_below) in itertools.combinations(pieces, 2):
        assert row != other_row or (x - other_x) * (below - other_below) >= 0
