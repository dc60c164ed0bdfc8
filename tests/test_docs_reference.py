"""The generated reference: every op and every public name has its place, and what the pages print is true."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.errors import CAUSES
from chainrule.graph.functions import FUNCTIONS
from chainrule.ops import all_ops
from tests.referees import needed

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.append(str(DOCS / "_ext"))

import kinks  # noqa: E402  # after the path to it
import op_pages  # noqa: E402

OPS = sorted(all_ops())
EXTRAS = ("sklearn", "onnx")  # without them, their rooms can't be looked into


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return dict(op_pages.op_pages(tmp_path_factory.mktemp("ops")))


def test_an_op_has_a_page_and_each_kind_of_op_an_entry(pages: dict[str, str]) -> None:
    assert set(pages) == {"index.md", "table.md", "kinks.md", *(f"{name}.md" for name in OPS)}
    for listing in ("index.md", "table.md"):
        assert all(f"[{name}]({name}.md)" in pages[listing] for name in OPS)


@pytest.mark.parametrize("name", OPS)
def test_the_page_of_an_op_shows_its_code_and_an_example_that_was_run(name: str, pages: dict[str, str]) -> None:
    page = pages[f"{name}.md"]
    assert "def forward(" in page
    assert "def backward(" in page
    assert page.count("  ok") >= 1  # the gradient check, printed
    assert "WRONG" not in page


@pytest.mark.parametrize("kind", [*all_ops().values(), cr.SGD, cr.RMSProp, cr.Adam, cr.AdamW])
def test_the_reference_sets_formulas_line_by_line_and_leaves_why_to_its_section(kind: type) -> None:
    needed("sphinx", "docs")
    import reference

    lines = str(inspect.getdoc(kind)).splitlines()
    formulas = lines[: lines.index("")]
    reference._as_restructured_text(None, "class", kind.__name__, kind, None, lines)
    assert [line.replace("\\|", "|") for line in lines[: len(formulas)]] == [f"| {line}" for line in formulas]
    assert "Why:" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "drawn"), [("tanh", True), ("log", True), ("softmax", False), ("flatten", False), ("transpose", False)]
)
def test_only_what_works_element_by_element_is_drawn(name: str, drawn: bool, pages: dict[str, str]) -> None:
    assert (f"{name}.svg" in pages[f"{name}.md"]) is drawn


def test_a_users_op_gets_a_page_by_existing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cubed(cr.Op):
        """y = z³
        ∂z = ∂y · 3z²"""

        def forward(self, z: object) -> object:
            return z * z * z

        def backward(self, dy: object, y: object, z: object) -> dict[str, object]:
            return dict(z=dy * (3 * z * z))

    monkeypatch.setattr(op_pages, "all_ops", lambda: {"cubed": Cubed})
    monkeypatch.setattr(op_pages, "kinds", dict)
    monkeypatch.setattr(cr, "cubed", cr.graph.functions.function_of(Cubed), raising=False)
    page = dict(op_pages.op_pages(tmp_path))["cubed.md"]
    assert "∂z = ∂y · 3z²" in page
    assert "  ok" in page
    assert (tmp_path / "cubed.svg").exists()


@pytest.mark.parametrize(
    ("op", "place", "slopes"),
    [
        ("relu", "z = 0", (0, 1, 0)),
        ("absolute", "z = 0", (-1, 1, 0)),
        ("max", "x = 3 in [1, 3, 3]", (0, 1, 0.5)),
        ("elu", "z = 0", (0.5, 1, 1)),
        ("mean_absolute_error", "prediction = 0, target = 0", (-0.5, 0.5, 0)),
    ],
)
def test_kinks_are_measured_from_both_sides(op: str, place: str, slopes: tuple[float, ...]) -> None:
    kink = next(kink for kink in kinks.found() if kink.op.name == op and kink.place == place)
    assert (kink.left, kink.right, kink.ours) == pytest.approx(slopes, abs=1e-6)


def test_smooth_ops_have_no_kink() -> None:
    assert not {kink.op.name for kink in kinks.found()} & {"tanh", "sigmoid", "gelu", "silu", "softplus", "huber"}


def test_every_public_name_is_documented_once() -> None:
    for extra in EXTRAS:
        needed(extra, extra)
    import api_pages

    entries = [entry for members in api_pages.entries().values() for entry in members]
    names = [entry.full for entry in entries]
    assert len(names) == len(set(names))
    documented = {id(entry.thing) for entry in entries} | {id(FUNCTIONS[name]) for name in OPS}
    documented |= {id(kind) for kind in all_ops().values()}
    rooms = ("module", "_Room")
    public = {name: getattr(cr, name) for name in dir(cr) if name != "__version__"}
    named = {name: thing for name, thing in public.items() if type(thing).__name__ not in rooms}
    missing = [name for name, thing in named.items() if id(thing) not in documented]
    assert missing == []


def test_what_the_map_of_the_code_names_is_there() -> None:
    text = (DOCS / "code.md").read_text("utf-8")
    source = ROOT / "src" / "chainrule"
    named = set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+(?:\.py|/))`", text))
    assert len(named) > 20
    rows = re.findall(r"^\| (.+?) \| (.+?) \|", text, re.MULTILINE)[2:]
    inside = {name for room, first in rows for name in re.findall(r"`([a-z_]+\.py)`", first)}
    for name in named - inside:
        assert (source / name).exists() or (ROOT / name).exists(), name
    for room, first in rows:
        folder = source / re.findall(r"`([a-z_./]+)`", room)[0]
        for name in re.findall(r"`([a-z_]+\.py)`", first):
            assert (folder / name if folder.is_dir() else source / name).exists(), f"{room}: {name}"


@pytest.mark.parametrize("folder", ["concepts", "howto", "mishaps"])
def test_every_page_is_in_its_index(folder: str) -> None:
    index = (DOCS / folder / "index.md").read_text("utf-8")
    pages = {path.stem for path in (DOCS / folder).glob("*.md")} - {"index"}
    assert pages <= set(re.findall(r"^([\w-]+)$", index, re.MULTILINE))


def test_the_documentation_lists_every_cause() -> None:
    page = (DOCS / "howto/causes.md").read_text(encoding="utf-8")
    assert [line for line in page.splitlines() if line.startswith("| `")] == [
        f"| `{code}` | {meaning} |" for code, meaning in CAUSES.items()
    ]
