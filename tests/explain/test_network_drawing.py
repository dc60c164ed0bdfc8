"""The drawings of the network on an explanation's page show the numbers that the page explains."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import chainrule as cr

X, Y = cr.data.xor()
EDGE = re.compile(r"<title>(?:∂[^<]*?/∂)?([\w.]+)\[(\d+), (\d+)\] = ([^<]+)</title>")


def drawings(page: str) -> list[str]:
    return re.findall(r'<svg [^>]*class="network-drawing".*?</svg>', page)


def edges(drawing: str) -> dict[tuple[str, int, int], float]:
    return {(name, int(i), int(j)): float(number) for name, i, j, number in EDGE.findall(drawing)}


def network(**settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(3, "tanh"), cr.Dropout(0.5), cr.Dense(1), cr.Sigmoid()], inputs=2, **settings)


@pytest.mark.parametrize("settings", [{}, {"l2": 0.1}])
@pytest.mark.parametrize("sample", [1, None])
def test_the_edges_are_the_weights_before_the_step_and_the_derivatives_of_the_step(
    settings: dict[str, Any], sample: int | None
) -> None:
    page = str(cr.explain(network(**settings), X, Y, sample=sample, format="html"))
    told = json.loads(str(cr.explain(network(**settings), X, Y, sample=sample, format="json")))
    weights, slopes = (
        edges(drawing) for drawing in drawings(page) if 'class="on"' not in drawing and ' on"' not in drawing
    )
    nodes = {node["name"]: node for node in told["nodes"]}
    assert len(weights) == len(slopes) == 9
    for (name, i, j), weight in weights.items():
        assert weight == pytest.approx(nodes[name]["value"][i][j], rel=1e-5)
        assert slopes[name, i, j] == pytest.approx(nodes[name]["derivative"][i][j], rel=1e-4, abs=1e-7)
    assert ("∂(C + R)/∂w" in page) == bool(settings)


def test_a_graph_built_by_hand_is_no_network() -> None:
    loss = cr.mean(x=cr.Parameter("w", [1.0, 2.0]))
    assert not drawings(str(cr.explain(loss, format="html")))


def test_where_nothing_is_learnt_the_weights_alone_are_drawn() -> None:
    frozen = network()
    frozen.freeze()
    assert len(drawings(str(cr.explain(frozen, X, Y, format="html")))) == 1


def test_text_leaves_the_drawing_out() -> None:
    assert "orange" not in str(cr.explain(network(), X, Y))


def test_a_notebook_draws_a_network_and_its_summary() -> None:
    of = network()
    for page in (of._repr_html_(), of.summary()._repr_html_()):
        (drawing,) = drawings(page)
        assert edges(drawing)["dense_1.weights", 0, 2] == pytest.approx(
            float(of["dense_1.weights"].value[0, 2]), rel=1e-5
        )
    assert not drawings(cr.Network([cr.Dense(2)])._repr_html_())


def test_a_network_with_nan_is_shown_with_a_word_in_place_of_its_drawing() -> None:
    of = network()
    of.parameters[0] = np.nan
    assert "NaN" in of._repr_html_()
    assert not drawings(of._repr_html_())
    assert "<table>" in of._repr_html_()
