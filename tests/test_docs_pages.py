"""The look and the script of the documentation, in a browser: code is copied as it is typed, nothing is cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import chromium, cut, opened, too_wide

STATIC = Path(__file__).parent.parent / "docs" / "_static"
LONG = "ShapeError: Dense 'hidden': x has 3 features but weights expects 2. " * 6
BLOCK = (
    '<div class="{}"><div class="highlight" style="overflow: hidden"><pre style="overflow: auto">{}</pre></div></div>'
)
PAGE = (
    f'<!DOCTYPE html><html lang="en"><link rel="stylesheet" href="{(STATIC / "chainrule.css").as_uri()}">'
    f'<script src="{(STATIC / "page.js").as_uri()}"></script><body><article>{{}}</article></body></html>'
)
CODES = {
    "x = 1\n\nprint(x)\n": "x = 1\n\nprint(x)",
    "&gt;&gt;&gt; for i in x:\n...     print(i)\n...\n1\n&gt;&gt;&gt; i\n": "for i in x:\n    print(i)\n\ni",
    "$ chainrule train xor\nepoch 1\n$ chainrule test\n": "chainrule train xor\nchainrule test",
}


@pytest.fixture(scope="module")
def browser() -> Any:
    """Return a headless browser."""
    with chromium() as running:
        yield running


def page(tmp_path: Path, *blocks: str) -> str:
    path = tmp_path / "page.html"
    path.write_text(PAGE.format("".join(blocks)), "utf-8")
    return path.as_uri()


def test_a_button_copies_what_is_typed_without_prompts_and_outputs(browser: Any, tmp_path: Path) -> None:
    address = page(tmp_path, *(BLOCK.format("highlight-python", code) for code in CODES))
    with opened(browser, address, 800, permissions=["clipboard-read", "clipboard-write"]) as tab:
        for button, expected in zip(tab.query_selector_all("button.copy"), CODES.values(), strict=True):
            assert button.get_attribute("aria-label") == "Copy the code"
            button.focus()
            tab.keyboard.press("Enter")
            tab.wait_for_selector("[role=status]:not(:empty)")
            assert tab.evaluate("navigator.clipboard.readText()") == expected
        assert tab.noted == []


def test_what_was_printed_has_no_button(browser: Any, tmp_path: Path) -> None:
    blocks = [BLOCK.format(kind, "1\n") for kind in ("output stream", "highlight-text", "highlight-none")]
    with opened(browser, page(tmp_path, *blocks), 800) as tab:
        assert tab.query_selector_all("button.copy") == []


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_ends_out_of_sight(browser: Any, tmp_path: Path, width: int) -> None:
    printed, lined_up = BLOCK.format("output stream prose", LONG), BLOCK.format("output stream aligned", LONG)
    with opened(browser, page(tmp_path, printed, lined_up), width) as tab:
        assert cut(tab, "pre") == []
        assert not too_wide(tab)
        wrapped, scrolled = tab.query_selector_all("pre")
        assert wrapped.evaluate("block => block.scrollWidth <= block.clientWidth && block.tabIndex < 0")
        assert scrolled.evaluate("block => block.scrollWidth > block.clientWidth && block.tabIndex === 0")


def test_a_block_without_a_bar_is_found_to_be_cut(browser: Any, tmp_path: Path) -> None:
    hidden = BLOCK.format("output stream aligned", LONG).replace("overflow: auto", "overflow: hidden")
    with opened(browser, page(tmp_path, hidden), 800) as tab:
        assert cut(tab, "pre") == [LONG.strip()[:60]]


def test_a_hebrew_caption_runs_from_right_to_left_and_the_picture_above_it_does_not(
    browser: Any, tmp_path: Path
) -> None:
    figure = '<div class="cell_output"><figure><pre>x</pre><figcaption>כל קו הוא שכבה.</figcaption></figure></div>'
    path = tmp_path / "page.html"
    path.write_text(PAGE.format(figure).replace('lang="en"', 'lang="he" dir="rtl"'), "utf-8")
    with opened(browser, path.as_uri(), 800) as tab:
        sides = [
            tab.query_selector(part).evaluate("e => getComputedStyle(e).direction") for part in ("pre", "figcaption")
        ]
    assert sides == ["ltr", "rtl"]
