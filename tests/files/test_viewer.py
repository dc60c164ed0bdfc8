"""What .show() does: below the cell in a notebook, in a viewer on a desktop, elsewhere a file whose name is printed."""

from __future__ import annotations

import sys
import types
import webbrowser
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.explain import explain
from chainrule.files import viewer
from tests.referees import needed


def page() -> object:
    return explain(cr.mean_squared_error(prediction=cr.Parameter("w", [[1.0]]), target=[[2.0]]), format="html")


def figure() -> object:
    needed("matplotlib", "plot")
    return cr.plot.confusion_matrix([[3, 1], [0, 4]])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Return what is opened, and have temporary files written in the test's own folder."""
    found: list[str] = []
    monkeypatch.setattr(webbrowser, "open", found.append)
    monkeypatch.setattr(viewer.tempfile, "tempdir", str(tmp_path))
    return found


def at(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, display: str) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(isatty=lambda: terminal))
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", display)


@pytest.mark.parametrize("made", [page, figure])
@pytest.mark.parametrize(("terminal", "display", "opens"), [(True, ":0", 1), (True, "", 0), (False, ":0", 0)])
def test_show_writes_a_file_says_where_and_opens_it_on_a_desktop(
    made, terminal, display, opens, monkeypatch, capsys, opened
):
    shown = made()
    at(monkeypatch, terminal=terminal, display=display)
    shown.show()
    path = Path(capsys.readouterr().out.removeprefix("Saved as ").strip())
    assert path.read_bytes()[:9] in (b"\x89PNG\r\n\x1a\n\x00", b"<!doctype", b"<!DOCTYPE")
    assert opened == [path.as_uri()] * opens


@pytest.mark.parametrize("made", [page, figure])
def test_a_notebook_shows_the_thing_itself_and_no_file_is_written(made, monkeypatch, capsys, opened, tmp_path):
    shown, displayed = made(), []
    kernel = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel="one"))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", types.SimpleNamespace(display=displayed.append))
    shown.show()
    assert displayed == [shown]
    assert not opened
    assert not capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_an_explanation_in_text_is_printed(capsys):
    told = explain(cr.mean_squared_error(prediction=cr.Parameter("w", [[1.0]]), target=[[2.0]]))
    told.show()
    assert capsys.readouterr().out == f"{told}\n"


def test_a_figure_is_saved_as_its_name_says(tmp_path):
    drawn = figure()
    for name, head in {"a.png": b"\x89PNG", "a.svg": b"<?xml"}.items():
        drawn.save(tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(head)
    for wrong in ("a.jpg", "", None, 3):
        with pytest.raises(cr.ChainruleError, match=r"a name that ends in \.png or \.svg"):
            drawn.save(wrong)


def test_a_figure_says_how_to_see_it():
    assert repr(figure()) == "<figure of 5.6 × 4.8 inches: .show() shows it, .save('figure.png') writes it>"
