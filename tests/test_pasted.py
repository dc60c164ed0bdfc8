"""Every block of the documentation can be pasted into a plain Python prompt, and shows the figures that it makes.

All of them are run by `benchmarks/figures.py --only pasted`; here each is read by such a prompt, and some pages run.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pasted import DOCS, ELSEWHERE, OTHERS, PAGES, Prompt, blocks, pasted
from tests.referees import needed

ALL = [page for page in [*PAGES, *OTHERS] if blocks(page) and page.name not in ELSEWHERE]
QUICK = ["slopes", "chain-rule", "batches"]


def name(page: Path) -> str:
    return page.stem if page.parent.name in ("guide", "docs") else f"{page.parent.name}/{page.stem}"


@pytest.mark.parametrize("page", ALL, ids=name)
def test_a_plain_prompt_reads_every_block_line_by_line(page):
    for found in pasted(page, runs=False):
        assert not found.wrong, f"{found.wrong} in:\n{found.block}"


@pytest.mark.parametrize("chapter", QUICK)
def test_a_chapter_runs_at_a_plain_prompt_and_shows_its_figures(chapter, monkeypatch, tmp_path):
    needed("matplotlib", "plot")
    monkeypatch.chdir(tmp_path)
    for found in pasted(DOCS / "guide" / f"{chapter}.md"):
        assert not found.wrong, f"{found.wrong} in:\n{found.block}"
        assert not found.mute, found.block


@pytest.mark.parametrize("page", ALL, ids=name)
def test_a_block_that_ends_in_a_figure_shows_it(page):
    for block in blocks(page):
        last = block.rstrip().splitlines()[-1]
        if re.match(r"(figure|cr\.plot\.(?!surface_text)\w+\()", last):
            assert last.endswith(".show()"), block


@pytest.mark.parametrize(
    ("block", "wrong"),
    [
        ("def f():\n    a = 1\n\n    return a\n", "IndentationError"),
        ("for i in range(2):\n    print(i)\nprint(3)\n", "SyntaxError"),
        ("print(1\n", "doesn't end"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_what_a_plain_prompt_refuses_is_seen(block, wrong):
    assert wrong in Prompt().paste(block).wrong


def test_a_figure_that_nobody_sees_is_seen_here():
    needed("matplotlib", "plot")
    prompt = Prompt()
    prompt.paste("import chainrule as cr\n")
    assert prompt.paste("figure = cr.plot.new_figure()\nfigure\n").mute
    assert not prompt.paste("cr.plot.new_figure().show()\n").mute
