"""What a browser shows of explanations and of the documentation: numbers whole, nothing cut, axe-core content.

The numbers' networks are those of tests/explain/test_page.py. The documentation is looked at as `make docs` built it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from claims.figure import ROOT, Figure, Options, Unavailable, all_of, at_most

SITE = ROOT / "docs" / "_build" / "html"
BLOCKS = "article pre, article table, .output.text_html > *, .op-formulas, .op-definition"
DOCS = (
    *("index", "search", "figures", "guide/neuron", "guide/xor", "guide/chain-rule", "guide/mnist", "ops/relu"),
    *("ops/softmax_cross_entropy", "howto/look_inside", "api/nn", "mishaps/numbers", "he/xor", "he/mnist"),
)


def pages(options: Options) -> Iterator[Figure]:
    """Open explanations and pages of the documentation in Chromium, light and dark, narrow and wide."""
    try:
        import axe_playwright_python  # noqa: F401  # the referee
        import playwright.sync_api  # noqa: F401
    except ModuleNotFoundError:
        raise Unavailable("pip install 'chainrule[referee]'") from None
    from tests.browser import chromium, opened, too_wide, violations

    with chromium() as browser, TemporaryDirectory() as folder:
        seen, total, explained = numbers(browser, Path(folder))
        yield all_of("pages: numbers of explanations seen whole at 320 to 1280 px, en and he", seen, total)
        if not SITE.is_dir():
            yield Figure("pages: the documentation", "nothing cut off", "run `make docs` first")
            return
        looked = [*explained, *(SITE / f"{name}.html" for name in DOCS[: options.count(len(DOCS), 4)])]
        wrong: list[str] = []
        asked: list[str] = []
        wide = 0
        for path in looked:
            for scheme in ("light", "dark"):
                with opened(browser, path.as_uri(), 320, scheme) as tab:
                    wide += too_wide(tab)
                    asked += tab.noted[:]  # before axe-core, which asks for style sheets itself
                    wrong += violations(tab)
        note = f" ({len(looked)} pages, light and dark)"
        yield at_most("pages: what axe-core finds wrong", len(wrong), 0, "{:.0f}".format, note)
        yield at_most("pages: requests outside, messages and errors", len(asked), 0, "{:.0f}".format, note)
        yield at_most("pages: that scroll to the side at 320 px", wide, 0, "{:.0f}".format, note)
        yield from cut_off(browser, options)


def numbers(browser: Any, folder: Path) -> tuple[int, int, list[Path]]:
    """Return how many numbers of explanations are seen whole, of how many, and the pages."""
    from chainrule.explain import explain
    from tests.browser import WIDTHS, numbers, opened
    from tests.explain.test_page import SUBJECTS, tells

    seen = total = 0
    saved = []
    for name, (make, x, y) in SUBJECTS.items():
        for language in ("en", "he"):
            settings = {"sample": 1, "language": language}
            told = json.loads(str(explain(make(), x, y, format="json", **settings)))
            path = explain(make(), x, y, format="html", **settings).save(folder / f"{name}-{language}.html")
            saved.append(path)
            with opened(browser, path.as_uri(), WIDTHS[0]) as tab:
                for width in WIDTHS:
                    tab.set_viewport_size({"width": width, "height": 900})
                    shown, faults = numbers(tab)
                    right = tells(shown, told["nodes"])
                    found = sum(len(row) for section in shown.values() for matrix in section for row in matrix)
                    total += found
                    seen += found - len(faults) if right else 0
    return seen, total, saved


def cut_off(browser: Any, options: Options) -> Iterator[Figure]:
    """Count blocks of the whole documentation whose end is out of sight."""
    from tests.browser import cut, opened

    blocks = 0
    found: list[str] = []
    built = [path for path in sorted(SITE.rglob("*.html")) if "_static" not in path.parts]
    for path in built[:: options.count(1, 10)]:
        with opened(browser, path.as_uri(), 1280) as tab:
            for width in (1280, 320):
                tab.set_viewport_size({"width": width, "height": 900})
                blocks += tab.evaluate("selector => document.querySelectorAll(selector).length", BLOCKS)
                found += cut(tab, BLOCKS)
    note = f" of {blocks:,}, at 1280 and 320 px"
    yield at_most("pages: blocks of the documentation that are cut off", len(found), 0, "{:.0f}".format, note)
