"""The built site holds together: no dead link inside, nothing fetched from outside, a description for every picture."""

from __future__ import annotations

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

_FETCHED = {"audio": "src", "embed": "src", "iframe": "src", "img": "src", "script": "src", "source": "src"}
_logger = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, bool]:
    """Have the site looked through once it is built."""
    app.connect("build-finished", _look_through)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Page(HTMLParser):
    """What a page links to, what it fetches, the places in it, and pictures that are not described."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places = {"", "top"}
        self.mute: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        given = {name: value or "" for name, value in attrs}
        self.places |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") != "canonical":
            self.fetched.append(given["href"])
        if _FETCHED.get(tag, "") in given:
            self.fetched.append(given[_FETCHED[tag]])
        if tag == "img" and not given.get("alt"):
            self.mute.append(given.get("src", ""))


def faults(site: Path) -> list[str]:
    """Return what is wrong with the pages below a folder."""
    page = cache(Page)
    found = []
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.parts:
            continue
        here = page(path)
        name = path.relative_to(site)
        found += [f"{name}: the picture {source} has no description" for source in here.mute]
        for address in here.fetched:
            if urlsplit(address).netloc or urlsplit(address).scheme not in ("", "data"):
                found.append(f"{name}: {address} is fetched from outside")
        for address in (*here.links, *here.fetched):
            target, place = urldefrag(address)
            if urlsplit(address).scheme or urlsplit(address).netloc:
                continue
            file = (path.parent / unquote(urlsplit(target).path)).resolve() if target else path
            if not file.exists():
                found.append(f"{name}: {address} leads nowhere")
            elif file.suffix == ".html" and unquote(place) not in page(file).places:
                found.append(f"{name}: there is no place {place!r} in {address}")
    return found


def _look_through(app: Sphinx, failed: Exception | None) -> None:
    if failed is None and app.builder.format == "html":
        for fault in faults(Path(app.outdir)):
            _logger.warning(fault)
