"""The HTML and Markdown forms: self-contained, escaped, right to left in Hebrew, and calm in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import explain, html_page
from chainrule.explain.document import Text
from chainrule.explain.notation import CORNER, cells
from tests.browser import WIDTHS, becomes, chromium, numbers, opened, too_wide, violations
from tests.explain.names import HOSTILE
from tests.explain.test_explain import deep_network

X, Y = cr.data.xor()
VOID = {"meta", "link", "br", "img"}


class Checker(HTMLParser):
    """Notes every tag, and fails where they don't nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert not checker.open
    return checker


def network(**settings: Any) -> Any:
    return cr.Network(
        [cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1), cr.Tanh()], loss=cr.MeanSquaredError(), **settings
    )


def digit_network() -> Any:
    return cr.Network([cr.Rescale(1 / 16), cr.Dense(24), cr.ReLU(), cr.Dense(10), cr.Softmax()], inputs=64)


def skipping_network() -> Any:
    inner = [cr.Dense(6), cr.Tanh(), cr.Dense(4)]
    return cr.Network([cr.Dense(4, inputs=3), cr.Residual(inner), cr.Residual([cr.Sigmoid()]), cr.Dense(2)])


_random = np.random.default_rng(3)
_digits = cr.data.digits()
SUBJECTS: dict[str, Any] = {
    "2-3-1": (network, X, Y),
    "5-4-4-4-1": (deep_network, _random.normal(size=(6, 5)), _random.normal(size=(6, 1))),
    "digits": (digit_network, _digits.X[:3], _digits.y[:3]),
    "skips": (skipping_network, _random.normal(size=(4, 3)), _random.normal(size=(4, 2))),
}


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_page_is_one_file_that_allows_its_own_script_alone(language: str) -> None:
    text = str(explain(network(), X, Y, format="html", language=language))
    page = parsed(text)
    assert {"math", "svg", "table", "style"} <= page.seen
    assert not {"img", "iframe", "object", "form"} & page.seen
    [script] = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert text.count("<script") == 1
    [allowed] = re.findall(r"script-src 'sha256-([^';]*)';", text)
    assert base64.b64decode(allowed) == hashlib.sha256(script.encode()).digest()
    for tag, key, value in page.attributes:
        assert not key.startswith("on")
        if key in ("href", "src", "srcset", "data", "action"):
            assert value.startswith("#") or (tag, value) == ("link", "data:,")


def test_every_link_leads_somewhere() -> None:
    page = parsed(str(explain(network(l2=0.1), X, Y, format="html")))
    targets = {value for _, key, value in page.attributes if key == "id"}
    links = {value[1:] for tag, key, value in page.attributes if key == "href" and tag == "a"}
    assert links <= targets
    assert len([value for _, key, value in page.attributes if key == "id"]) == len(targets)
    assert {f"forward-{i}" for i in (3, 4, 7, 8, 10)} <= links  # the nodes of the drawing


def test_hebrew_runs_right_to_left_and_its_formulas_left_to_right() -> None:
    page = str(explain(network(), X, Y, format="html", language="he"))
    assert '<html lang="he" dir="rtl">' in page
    assert re.search(r"<p>[^<]*[א-ת]", page)
    assert "math, pre, code, .f { direction: ltr; unicode-bidi: isolate" in page
    assert '<bdi class="f" dir="ltr">' in page
    text = str(explain(network(), X, Y, language="he"))
    assert text.count("\u2066") == text.count("\u2069") > 0
    marked = str(explain(network(), X, Y, format="markdown", language="he"))
    assert marked.startswith('<div dir="rtl">')
    assert marked.count("<div") == marked.count("</div>") > 10


def test_markdown_keeps_formulas_in_fences() -> None:
    marked = str(explain(network(), X, Y, format="markdown"))
    assert marked.startswith("# What the network ")
    assert sum(line.startswith("```") for line in marked.splitlines()) % 2 == 0
    assert "z⁽¹⁾ = x @ W⁽¹⁾ + b⁽¹⁾" in marked


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_escaped_everywhere(name: str, language: str) -> None:
    x, w = cr.Input("x", [[1.0, 2.0]]), cr.Parameter(name, [[3.0], [4.0]])
    loss = cr.mean(x=cr.tanh(z=x @ w, name=name), name=name)
    page = str(explain(loss, format="html", language=language))
    checker = parsed(page)
    assert not {"img", "b"} & checker.seen
    assert page.count("<script") == 1  # the page's own
    assert not any(key.startswith("on") for _, key, _ in checker.attributes)
    assert not any("javascript" in value for _, key, value in checker.attributes if key not in ("title", "data-layer"))
    for form in ("terminal", "markdown", "html"):
        told = str(explain(loss, format=form, language=language))
        allowed = "\u2066\u2069\u00a0"
        assert all(line.translate({ord(c): None for c in allowed}).isprintable() for line in told.splitlines())
    marked = str(explain(loss, format="markdown", language=language))
    prose = re.sub(r"^(`{3,})text\n.*?^\1$", "", marked, flags=re.MULTILINE | re.DOTALL)
    assert "<script" not in prose
    assert "<img" not in prose
    assert not re.search(r"(?<!\\)\]\(javascript", prose)
    assert not re.search(r"(?<!\\)\*\*bold", prose)


def test_what_fills_a_sentence_is_escaped_inside_and_outside_of_names() -> None:
    told = html_page.sentence(Text("<{a}> `{a}`", {"a": "<b>`"}))
    assert told == '&lt;&lt;b&gt;`&gt; <bdi class="f" dir="ltr">&lt;b&gt;`</bdi>'


def test_no_line_ends_between_a_number_and_its_percent_sign() -> None:
    assert html_page.sentence(Text("{sure} % sure", {"sure": "99.9"})) == "99.9\u00a0% sure"


def test_an_edge_names_every_role_and_goes_around_the_nodes_between() -> None:
    w = cr.Parameter("w", [[1.0]])
    bent = cr.tanh(z=w)
    page = str(explain(cr.mean(x=bent * bent + w), format="html"))
    assert re.findall(r'<text class="role"[^>]*>([^<]*)<', page).count("input 1, input 2") == 1
    curves = [path.count("C") for path in re.findall(r'<path class="edge" d="([^"]*)"', page)]
    assert sorted(curves) == [1, 1, 1, 1, 3]  # from w to the sum, past tanh and the product


def test_a_graph_too_large_to_draw_is_said_to_be() -> None:
    node: Any = cr.Parameter("w", [1.0])
    for _ in range(60):
        node = node * 1.01
    page = str(explain(cr.sum(x=node), format="html"))
    assert "too many to draw" in page
    assert 'class="graph"' not in page


@pytest.fixture(scope="module")
def browser() -> Any:
    """Return a headless browser."""
    with chromium() as running:
        yield running


#: Short formulas and names in sentences that a line ends within: 2.4e- and 08.
IN_TWO_LINES = """[...document.querySelectorAll('bdi.f:not(.long)')]
    .filter(piece => piece.getClientRects().length > 1).map(piece => piece.textContent)"""


@cache
def calm_pages(language: str) -> dict[str, Any]:
    wide = cr.Network([cr.Dense(16, inputs=20), cr.ReLU(), cr.Dense(10), cr.Softmax()], l2=0.01)
    x = np.random.default_rng(0).normal(size=(3, 20))
    long = cr.mean(x=cr.Parameter(HOSTILE[0] * 9, [[1.0]]))
    return {
        "xor": explain(network(), X, Y, sample=1, format="html", language=language),
        "wide": explain(wide, x, [1, 2, 3], sample=None, format="html", language=language),
        "hostile": explain(long, format="html", language=language),
    }


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_browser_shows_the_page_calmly(browser: Any, tmp_path: Path, language: str) -> None:
    for name, page in calm_pages(language).items():
        with opened(browser, page.save(tmp_path / f"{name}.html").as_uri(), 1200, "dark") as tab:
            for width, scheme in ((1200, "dark"), (1200, "light"), (320, "light"), (320, "dark")):
                tab.set_viewport_size({"width": width, "height": 900})
                tab.emulate_media(color_scheme=scheme)
                assert not too_wide(tab), name
                assert tab.evaluate(IN_TWO_LINES) == [], name
            assert tab.evaluate("document.querySelector('math').getBoundingClientRect().height") > 5
            if name == "xor":
                tab.click("svg.graph a >> nth=0")
                assert "#" in tab.url
            assert tab.noted == []


def corner(shown: list[list[str]]) -> list[list[str]]:
    return [row[:CORNER] for row in shown[:CORNER]]


def as_shown(told: Any) -> list[list[str]]:
    """Return the numbers of an array in the JSON form, at least those of its corner, as a page shows them."""
    array = np.asarray(told["corner"] if isinstance(told, dict) else told)
    return [[value.replace("-", "−") for value in row] for row in cells(array)]


def tells(shown: dict[str, list[list[list[str]]]], nodes: list[dict[str, Any]]) -> bool:
    """Return whether the sections of a page show the arrays of the JSON form, each in its own."""
    told = {f"forward-{i}": node["value"] for i, node in enumerate(nodes) if node["op"]}
    told |= {f"backward-{i}": node["derivative"] for i, node in enumerate(nodes) if node["op"] and node["derivative"]}
    told |= {f"update-{i}": node["after"] for i, node in enumerate(nodes) if "after" in node}
    for section, array in told.items():
        by_shape = isinstance(array, dict) and array["norm"] and not np.any(array["corner"])  # its zeros aren't written
        if not by_shape and corner(as_shown(array)) not in map(corner, shown[section]):
            return False
    return True


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("name", SUBJECTS)
def test_every_number_is_seen_whole_at_every_width(browser: Any, tmp_path: Path, name: str, language: str) -> None:
    make, x, y = SUBJECTS[name]
    settings: dict[str, Any] = {"sample": 1, "language": language}
    nodes = json.loads(str(explain(make(), x, y, format="json", **settings)))["nodes"]
    page = explain(make(), x, y, format="html", **settings).save(tmp_path / "page.html")
    with opened(browser, page.as_uri(), WIDTHS[0]) as tab:
        for width in WIDTHS:
            tab.set_viewport_size({"width": width, "height": 900})
            assert not too_wide(tab)
            shown, faults = numbers(tab)
            assert faults == []
            assert tells(shown, nodes), width


def saved(tmp_path: Path, name: str = "xor", language: str = "en") -> str:
    return str(calm_pages(language)[name].save(tmp_path / "page.html").as_uri())


@pytest.mark.parametrize(
    ("name", "language", "scheme"), [("xor", "he", "dark"), ("xor", "en", "light"), ("wide", "he", "light")]
)
def test_axe_finds_nothing_wrong(browser: Any, tmp_path: Path, name: str, language: str, scheme: str) -> None:
    with opened(browser, saved(tmp_path, name, language), 380, scheme) as tab:
        if name == "xor":
            tab.click("[data-turn=step]")
        assert violations(tab) == []


def test_on_paper_nothing_is_cut_and_nothing_is_folded(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(tmp_path, "wide"), 680, "dark") as tab:
        tab.click("[data-turn=step]")
        tab.evaluate(
            "document.querySelector('main').append(new Range().createContextualFragment("
            "'<details><summary>s</summary><p id=folded>text</p></details>'))"
        )
        tab.emulate_media(media="print")
        assert not too_wide(tab)
        assert tab.evaluate("[...document.querySelectorAll('mn')].every(n => n.getBoundingClientRect().right <= 680)")
        assert tab.evaluate("[...document.querySelectorAll('.wide')].every(box => box.scrollWidth <= box.clientWidth)")
        assert tab.evaluate("[...document.querySelectorAll('main h3')].every(title => title.offsetHeight)")
        assert tab.evaluate("document.getElementById('folded').offsetHeight") > 0
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(253, 253, 252)"


def test_a_box_that_scrolls_is_reached_and_scrolled_by_keyboard(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(tmp_path, "wide"), 320) as tab:
        boxes = tab.evaluate(
            "[...document.querySelectorAll('.wide')].map(b => "
            "[b.tabIndex === 0, b.scrollWidth > b.clientWidth || b.scrollHeight > b.clientHeight])"
        )
        assert {reached for reached, _ in boxes} == {True, False}
        assert all(reached == scrolls for reached, scrolls in boxes)
        tab.focus(".wide:has(.matrix)[tabindex]")
        tab.keyboard.press("ArrowRight")
        assert becomes(tab, "document.activeElement.scrollLeft > 0")


LAYERS = {  # of the nodes of 2-3-1 whose neurons the drawing has
    **dict.fromkeys(("1", "2", "3", "4"), "dense_1"),
    **dict.fromkeys(("5", "6", "7", "8", "10"), "dense_2"),
}
STATE = """() => ({
  shown: [...document.querySelectorAll("main h3")].filter(title => title.offsetHeight).map(title => title.id),
  link: [...document.querySelectorAll("[aria-current=step]")].map(link => link.hash.slice(1)),
  node: [...document.querySelectorAll("svg .now[data-node]")].map(shape => shape.dataset.node),
  neurons: [...new Set([...document.querySelectorAll("svg .now[data-layer]")].map(shape => shape.dataset.layer))],
  said: document.querySelector("output").textContent,
})"""


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_page_is_walked_through_by_buttons_and_by_arrows(browser: Any, tmp_path: Path, language: str) -> None:
    onward, back = ("ArrowLeft", "ArrowRight") if language == "he" else ("ArrowRight", "ArrowLeft")
    with opened(browser, saved(tmp_path, "xor", language), 800) as tab:
        every = tab.evaluate(STATE)["shown"]
        walked = [key for key in every if key != "one-number"]
        assert [key.split("-")[0] for key in walked] == ["forward"] * 5 + ["backward"] * 5 + ["update"] * 4
        tab.click("[data-turn=step]")
        for i, key in enumerate(walked):
            state = tab.evaluate(STATE)
            assert state["shown"] == every[: i + 1] if i + 1 < len(walked) else every
            assert (state["link"], state["node"]) == ([key], [key.split("-")[1]])
            assert state["neurons"] == [LAYERS[key.split("-")[1]]]
            assert [int(found) for found in re.findall(r"\b\d+\b", state["said"])][:2] == [i + 1, len(walked)]
            assert tab.evaluate("key => document.getElementById(key).getBoundingClientRect().top >= 0", key)
            tab.keyboard.press(onward)
        state = tab.evaluate(STATE)
        assert (state["shown"], state["link"], state["node"]) == (every, [], [])
        tab.click("[data-turn=back]")
        tab.keyboard.press(back)
        assert tab.evaluate(STATE)["link"] == walked[-2:-1]
        tab.keyboard.press("Escape")
        assert tab.evaluate(STATE)["link"] == []
        assert tab.noted == []


def test_a_link_to_what_is_still_to_come_goes_there(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(tmp_path), 800) as tab:
        tab.click("[data-turn=step]")
        tab.click("nav a[href='#update-1']")
        assert becomes(tab, "document.querySelector('[aria-current]').hash === '#update-1'")
        assert tab.evaluate("document.getElementById('update-1').offsetHeight")


def test_without_a_script_a_page_shows_everything(browser: Any, tmp_path: Path) -> None:
    with opened(browser, saved(tmp_path), 380, java_script_enabled=False) as tab:
        assert not tab.is_visible(".stepper")
        assert all(title.is_visible() for title in tab.query_selector_all("main h3"))
        assert tab.query_selector_all(".wide:not([tabindex])") == []
