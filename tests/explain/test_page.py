"""The HTML and Markdown forms: self-contained, escaped, right to left in Hebrew, and calm in a real browser."""

from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import explain, html_page
from chainrule.explain.document import Text
from tests.explain.names import HOSTILE
from tests.referees import missing, needed

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


@pytest.mark.parametrize("language", ["en", "he"])
def test_a_page_is_one_file_without_script(language: str) -> None:
    page = parsed(str(explain(network(), X, Y, format="html", language=language)))
    assert {"math", "svg", "table", "style"} <= page.seen
    assert not {"script", "img", "iframe", "object", "form"} & page.seen
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
    assert not {"script", "img", "b"} & checker.seen
    assert not any(key.startswith("on") or "javascript" in value for _, key, value in checker.attributes)
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


def test_an_edge_names_every_role_and_goes_around_the_nodes_between() -> None:
    w = cr.Parameter("w", [[1.0]])
    bent = cr.tanh(z=w)
    page = str(explain(cr.mean(x=bent * bent + w), format="html"))
    assert re.findall(r'<text class="role"[^>]*>([^<]*)<', page).count("a, b") == 1
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
    """Return a headless browser, driven by playwright."""
    sync_playwright = needed("playwright.sync_api").sync_playwright
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        missing("chromium", "it is a package of the system, as in apt-get install chromium")
    calm = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    with sync_playwright() as started:
        running = started.chromium.launch(
            executable_path=chromium, args=[*calm.split(), "--disable-component-update", "--disable-sync"]
        )
        yield running
        running.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 1200])
@pytest.mark.parametrize("language", ["en", "he"])
def test_a_browser_shows_the_page_calmly(browser: Any, tmp_path: Path, language: str, width: int, scheme: Any) -> None:
    wide = cr.Network([cr.Dense(16, inputs=20), cr.ReLU(), cr.Dense(10), cr.Softmax()], l2=0.01)
    x = np.random.default_rng(0).normal(size=(3, 20))
    pages = {
        "xor": explain(network(), X, Y, sample=1, format="html", language=language),
        "wide": explain(wide, x, [1, 2, 3], sample=None, format="html", language=language),
        "hostile": explain(cr.mean(x=cr.Parameter(HOSTILE[0] * 9, [[1.0]])), format="html", language=language),
    }
    for name, page in pages.items():
        tab, noted = opened(browser, page.save(tmp_path / f"{name}.html").as_uri(), width, scheme)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, name
        assert tab.evaluate("document.querySelector('math').getBoundingClientRect().height") > 5
        if name == "xor":
            tab.click("svg.graph a >> nth=0")
            assert "#" in tab.url
        assert noted == []
        tab.context.close()


def opened(browser: Any, address: str, width: int, scheme: Any) -> tuple[Any, list[str]]:
    """Return a tab that shows the page, and a list of what goes wrong in it: messages, errors, requests."""
    tab = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    noted: list[str] = []
    tab.on("console", lambda message: noted.append(message.text))
    tab.on("pageerror", lambda error: noted.append(str(error)))
    tab.on("request", lambda r: noted.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
    tab.goto(address)
    return tab, noted
