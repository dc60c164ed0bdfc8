"""The drawing of a network by matplotlib: what the layout says, where it says, in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import ft2font

import chainrule as cr
from chainrule.errors import ChainruleError, InputError
from chainrule.plot import network
from chainrule.plot.network_layout import lay_out_network
from chainrule.plot.network_parts import network_parts
from chainrule.plot.right_to_left import in_visual_order, right_to_left

X, Y = cr.data.xor()


def small(**settings: Any) -> cr.Network:
    return cr.Network([cr.Dense(2, "tanh"), cr.Dense(1), cr.Sigmoid()], inputs=2, **settings)


def texts(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("language", ["en", "he"])
def test_the_picture_has_all_that_the_layout_has_where_it_has_it(language: str) -> None:
    residual = cr.Network([cr.Dense(3), cr.Residual([cr.Dense(3), cr.Dense(3)]), cr.Dense(2)], inputs=2)
    layout = lay_out_network(network_parts("network", residual, X[:1], None, "weights"), language)
    (axes,) = network(residual, X[:1], language=language).axes
    circles: list[Any] = [patch for patch in axes.patches if type(patch).__name__ == "Circle"]
    assert [circle.center for circle in circles] == [(circle.x, circle.y) for circle in layout.circles]
    assert len(axes.lines) == len(layout.lines)
    for drawn, line in zip(axes.lines, layout.lines, strict=True):
        assert drawn.get_xydata().tolist() == [[line.x1, line.y1], [line.x2, line.y2]]
        assert drawn.get_linewidth() == pytest.approx(0.75 * line.width)
    written = [right_to_left(label.text) for label in layout.labels] + [circle.text for circle in layout.circles]
    assert sorted(texts(axes.figure)) == sorted(written)


@pytest.mark.parametrize("letter", "amWi")
def test_nothing_that_is_written_is_cut_off(letter: str) -> None:
    figure = network(cr.Network([cr.Dense(30), cr.Dense(3), cr.Softmax()], inputs=784, classes=[letter * 40, "b", "c"]))
    figure.draw_without_rendering()
    whole = figure.bbox
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert whole.x0 <= box.x0, text
        assert box.x1 <= whole.x1, text
        assert whole.y0 <= box.y0, text
        assert box.y1 <= whole.y1, text


def test_the_same_network_gives_the_same_file(tmp_path: Path) -> None:
    for kind in ("png", "svg"):
        for name in ("a", "b"):
            network(small(), X[:1], Y[:1], show="gradients", path=tmp_path / f"{name}.{kind}", title="XOR")
        content = (tmp_path / f"a.{kind}").read_bytes()
        assert content == (tmp_path / f"b.{kind}").read_bytes()
        assert len(content) > 3000


def test_a_title_stands_above_the_drawing() -> None:
    plain, titled = network(small()), network(small(), title="two\nlines")
    assert [text.get_text() for text in titled.texts] == ["two\nlines"]
    assert titled.get_figheight() > plain.get_figheight()


def test_names_are_only_text() -> None:
    figure = network(cr.Network([cr.Dense(2), cr.Softmax()], inputs=2, classes=["$x^2$", "\x1b[31m"]))
    assert {"$x^2$", "\\x1b[31m"} <= set(texts(figure))


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("משקל w קטן", "ןטק w לקשמ"),
        ("784 בסך הכול, מצוירים 5", "5 םיריוצמ ,לוכה ךסב 784"),
        ("מקווקו: \u2066∂C/∂w\u2069 אין", "ןיא ∂C/∂w :וקווקמ"),
        ("dense_1", "dense_1"),
    ],
)
def test_hebrew_stands_in_the_order_in_which_it_is_seen(sentence: str, shown: str) -> None:
    assert (in_visual_order(sentence) if sentence != "dense_1" else right_to_left(sentence)) == shown


@pytest.mark.parametrize("shapes_itself", [True, False])
def test_letters_are_turned_only_for_a_matplotlib_that_does_not(
    shapes_itself: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shapes_itself:
        monkeypatch.setattr(ft2font, "__libraqm_version__", "0.10", raising=False)
    else:
        monkeypatch.delattr(ft2font, "__libraqm_version__", raising=False)
    assert right_to_left("אב") == ("\u200fאב" if shapes_itself else "בא")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((small(),), {"path": "network.pdf"}, "ends in .png or .svg"),
        (("network",), {}, "a cr.Network"),
        ((small(),), {"show": "slopes"}, "weights"),
        ((small(),), {"language": "fr"}, "he"),
        ((small(), np.ones((1, 3))), {}, "3 features"),
        ((small(), [[np.nan, 0.0]]), {}, "NaN"),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ChainruleError, match=message) as told:
        network(*arguments, **settings)
    assert isinstance(told.value, InputError)
