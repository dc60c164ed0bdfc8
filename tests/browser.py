"""A headless browser, driven by playwright, and what it finds on a page: numbers that are cut, boxes, requests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.referees import missing, needed

WIDTHS = (320, 380, 768, 1280)

# The numbers of each section of an explanation, as one who scrolls each box sees them: matrices as lists of rows, and
# what is no matrix as one of one number. A number that is broken, covered or cut is "" and stands among the faults.
_NUMBERS = """() => {
  document.querySelectorAll("details").forEach(details => details.open = true);
  const faults = [];
  const text = token => {
    token.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
    const range = document.createRange();
    range.selectNodeContents(token);
    const box = range.getBoundingClientRect();
    const lines = new Set([...range.getClientRects()].filter(part => part.width).map(part => Math.round(part.top)));
    const holds = (outer, sides) =>
      (!sides.includes("x") || (box.left >= outer.left - 0.5 && box.right <= outer.right + 0.5)) &&
      (!sides.includes("y") || (box.top >= outer.top - 0.5 && box.bottom <= outer.bottom + 0.5));
    let fault = lines.size === 1 ? "" : "broken";
    const cell = token.closest("mtd, td");
    if (cell && !holds(cell.getBoundingClientRect(), "x")) fault = "wider than its cell";
    for (let outer = token.parentElement; outer; outer = outer.parentElement)
      if (getComputedStyle(outer).overflowX !== "visible" && outer.closest("main")
          && !holds(outer.getBoundingClientRect(), "xy"))
        fault = "cut by its box";
    if (box.left < 0 || box.right > document.documentElement.clientWidth) fault = "beyond the page";
    const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    if (there !== token && !token.contains(there)) fault ||= "covered";
    if (fault) faults.push(`${token.textContent}: ${fault}`);
    return fault ? "" : token.textContent;
  };
  const sections = {};
  let section = sections[""] = [];
  for (const found of document.querySelectorAll("h2, h3, mtable, mn, td:not(.flows .words)")) {
    if (found.matches("h2, h3")) section = sections[found.id] = [];
    else if (found.matches("mtable"))
      section.push([...found.children].map(row => [...row.children].map(cell => text(cell.firstElementChild))));
    else if (found.matches("td") ? !found.querySelector("math") && found.textContent : !found.closest("mtable"))
      section.push([[text(found)]]);
  }
  return [sections, faults];
}"""


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a running browser."""
    sync_playwright = needed("playwright.sync_api").sync_playwright
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("chromium", "it is a package of the system, as in apt-get install chromium")
    calm = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    with sync_playwright() as started:
        running = started.chromium.launch(
            executable_path=found,
            args=[*calm.split(), "--disable-component-update", "--disable-sync"],
            ignore_default_args=["--hide-scrollbars"],
        )
        yield running
        running.close()


@contextmanager
def opened(browser: Any, address: str, width: int, scheme: str = "light", **settings: Any) -> Iterator[Any]:
    """Give a tab that shows a page, and in ``tab.noted`` what went wrong in it: messages, errors, requests outside."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **settings)
    tab = context.new_page()
    tab.noted = []
    tab.on("console", lambda message: tab.noted.append(message.text))
    tab.on("pageerror", lambda error: tab.noted.append(str(error)))
    tab.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else tab.noted.append(r.url))
    tab.goto(address)
    yield tab
    context.close()


# Blocks whose end is out of sight: wider than their box, which has no bar; or beyond the page, where nothing scrolls.
_CUT = """selector => [...document.querySelectorAll(selector)].filter(block => {
  const range = document.createRange(), page = document.documentElement.clientWidth;
  range.selectNodeContents(block);
  if (!block.clientWidth) return false;
  let right = range.getBoundingClientRect().right;
  for (let box = block; box !== document.body; box = box.parentElement) {
    const {overflowX, borderTopWidth, borderBottomWidth} = getComputedStyle(box);
    const bar = box.offsetHeight - box.clientHeight - parseFloat(borderTopWidth) - parseFloat(borderBottomWidth) > 3;
    if (box.scrollWidth > box.clientWidth + 1 && overflowX !== "visible") {
      if (!bar) return true;
      right = box.getBoundingClientRect().right;
    }
  }
  return right > page + 1;
}).map(block => block.textContent.trim().slice(0, 60))"""


def cut(tab: Any, blocks: str) -> list[str]:
    """Return the blocks of a selector that are cut off at the right; bars must be shown, as `chromium` does."""
    found: list[str] = tab.evaluate(_CUT, blocks)
    return found


def numbers(tab: Any) -> tuple[dict[str, list[list[list[str]]]], list[str]]:
    """Return the numbers that are seen in each section of an explanation, and those that can't be seen whole."""
    sections, faults = tab.evaluate(_NUMBERS)
    return sections, faults


def becomes(tab: Any, condition: str, tries: int = 100) -> bool:
    """Wait until a condition holds; playwright's own way is forbidden by the policy of our pages."""
    for _ in range(tries):
        if tab.evaluate(condition):
            return True
        tab.wait_for_timeout(20)
    return False


def violations(tab: Any) -> list[str]:
    """Return what axe-core finds wrong on a page: each rule with the first element that breaks it."""
    axe = needed("axe_playwright_python.sync_playwright").Axe()
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in axe.run(tab).response["violations"]]


def too_wide(tab: Any) -> bool:
    """Return whether the page, not a box in it, scrolls to the side."""
    return bool(tab.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
