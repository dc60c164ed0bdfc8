"""Any text becomes an identifier or a literal, and never anything else."""

from __future__ import annotations

import ast
import keyword
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import InputError
from chainrule.replay.names import Identifiers, identifier, literal

ANY_TEXT = st.text(st.characters() | st.sampled_from("\"'\\\n{}$_ab\u0301\u202e"), max_size=12)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("w", "w"),
        ("dense_1.weights", "dense_1_weights"),
        ("größe", "größe"),
        ("שלום", "שלום"),
        ("²", "_2"),
        ("2 x", "_2_x"),
        ("ﬁ", "fi"),
        ("e\u0301", "é"),
        ("__import__", "_import__"),
        ("", "_"),
        ("😀", "_"),
        ("n" * 120, "n" * 120),
    ],
)
def test_an_identifier_is_as_like_the_text_as_can_be(text: str, name: str) -> None:
    assert identifier(text) == name


@given(ANY_TEXT)
def test_any_text_gives_an_identifier_that_python_leaves_as_it_is(text: str) -> None:
    name = identifier(text)
    assert name.isidentifier()
    assert unicodedata.normalize("NFKC", name) == name
    assert not name.startswith("__")


def test_every_seventh_character_gives_an_identifier_that_python_leaves_as_it_is() -> None:
    for code in range(0, sys.maxunicode + 1, 7):
        name = identifier(f"a{chr(code)}")
        assert name.isidentifier(), code
        assert unicodedata.normalize("NFKC", name) == name, code


@given(st.lists(ANY_TEXT | st.sampled_from([*keyword.kwlist, "np", "a", "a_", "a_2", "t1", "t_"]), max_size=12))
def test_no_two_texts_share_an_identifier_nor_get_one_that_is_taken(texts: list[str]) -> None:
    names = Identifiers(["np", "len"])
    found = [names.new(text) for text in texts] + [names.numbered("t") for _ in range(3)]
    assert len({*found, *keyword.kwlist, "np", "len"}) == len(found) + len(keyword.kwlist) + 2
    space: dict[str, int] = {}
    exec("\n".join(f"{name} = {i}" for i, name in enumerate(found)), space)
    assert [space[name] for name in found] == list(range(len(found)))


def test_ten_thousand_texts_that_meet_are_told_apart_at_once() -> None:
    names = Identifiers()
    assert len({names.new(chr(0x1F300 + i % 100)) for i in range(10_000)}) == 10_000


@given(ANY_TEXT)
def test_a_literal_is_the_text_and_prints_on_one_line(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text
    assert literal(text).isprintable()
    assert literal(text)[0] == literal(text)[-1] == '"'


@pytest.mark.parametrize("name", ["np", "len", "samples", "class", "a b", "ﬁ", "__step", "", None])
def test_a_function_is_called_nothing_that_the_page_needs(name: str) -> None:
    with pytest.raises(InputError, match="a name for a function"):
        cr.source(cr.Graph(cr.sum(x=cr.Parameter("w", [1.0]))), name=name)


def test_every_leaf_keeps_its_derivative_whatever_names_meet() -> None:
    texts = ["w", "d_w", "d_d_w", "w_", "np", "len", "samples", "step", "t1", "constant_1", "²", "_2", "ﬁ", "fi"]
    texts += ["class", "a b", "a-b", 'a"b', "a\nb", "a\\", '"""', "שלום", "n" * 120, "x", "t", "__debug__", "inf"]
    x, target = cr.Input("x", [[1.0, 2.0], [0.5, -1.0]]), cr.Input("t", [[0.5], [1.0]])
    out = x @ cr.Parameter("first", [[0.1], [0.2]])
    for i, text in enumerate(texts):
        out = out + cr.tanh(z=x @ cr.Parameter(text, [[0.01 * i], [0.2]]), name=text)
    graph = cr.Graph(cr.mean_squared_error(prediction=out, target=target))
    space: dict[str, object] = {}
    exec(cr.source(graph), space)
    leaves = [node.value for node in graph.nodes if node.op is None and node.name]
    loss, gradients = space["step"](*leaves)
    graph.backward()
    np.testing.assert_allclose(loss, graph.root.value, rtol=1e-5)
    asked = {name: node for name, node in graph.names.items() if isinstance(node, cr.Parameter)}
    assert list(gradients) == list(asked)
    for name, node in asked.items():
        np.testing.assert_allclose(gradients[name], node.grad, rtol=1e-4, err_msg=name)


def test_numbers_without_end_are_written_as_numpy_calls_them() -> None:
    w = cr.Parameter("w", [1.0, 2.0])
    for numbers in ([np.inf, -1.0], [np.nan, 2.0], -np.inf):
        graph = cr.Graph(cr.sum(x=w * cr.Input(None, numbers)))
        space: dict[str, object] = {}
        exec(cr.source(graph), space)
        loss, _ = space["step"](w.value)
        np.testing.assert_array_equal(loss, graph.root.value)
