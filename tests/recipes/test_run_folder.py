"""What a stranger's run folder can't do: lead elsewhere, or put lines of its own where lines are written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from chainrule import recipes
from chainrule.cli import status
from chainrule.errors import FileError
from chainrule.recipes.folder import FILES
from tests.recipes.hostile_folders import ESCAPES, GOOD
from tests.referees import needed


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return Path(recipes.run(GOOD, out=tmp_path / "runs").run)


@pytest.mark.parametrize("text", ESCAPES[:-1], ids=ascii)
def test_text_of_the_environment_makes_no_line_and_moves_no_cursor(text: str, run: Path) -> None:
    told = json.loads((run / "environment.json").read_text())
    told["numpy"] = f"2.0{text}export PATH=/evil"
    (run / "environment.json").write_text(json.dumps(told))
    said: list[str] = []
    recipes.resume(run, epochs=1, say=said.append)
    lines = (run / "log.txt").read_text("utf-8").split("\n")
    assert any("numpy was 2.0" in line for line in lines)
    assert not any(line.startswith("export") for line in lines)
    assert all(line.isprintable() for line in (*lines, *said))


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
@pytest.mark.parametrize("name", FILES)
def test_resuming_writes_through_no_link(name: str, run: Path, tmp_path: Path) -> None:
    outside = tmp_path / "profile"
    outside.write_text("kept")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(outside)
    with pytest.raises(FileError, match="a link"):
        recipes.resume(run, epochs=1)
    (run / name).unlink()
    (run / name).symlink_to(tmp_path / "new")
    with pytest.raises(FileError, match="a link"):
        recipes.resume(run, epochs=1)
    assert outside.read_text() == "kept"
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
@pytest.mark.parametrize("name", ["log.txt", "log.jsonl"])
def test_a_second_name_of_a_log_gets_no_line(name: str, run: Path, tmp_path: Path) -> None:
    os.link(run / name, tmp_path / "backup")
    before = (tmp_path / "backup").read_bytes()
    recipes.resume(run, epochs=1)
    assert (tmp_path / "backup").read_bytes() == before
    assert len((run / name).read_bytes()) > len(before)


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
def test_pictures_are_drawn_through_no_link(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needed("matplotlib", "plot")
    outside = tmp_path / "profile"
    outside.write_text("kept")
    (run / "learning-curve.png").symlink_to(outside)
    assert status(["plot", str(run)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert status(["resume", str(run), "--epochs", "1"]) == 2  # trained, but for its picture
    assert "no learning-curve.png" in capsys.readouterr().out
    assert outside.read_text() == "kept"


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
def test_a_run_that_is_a_link_is_read_and_not_written(run: Path, tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to(run)
    assert recipes.open_run(tmp_path / "latest").state == "finished"
    assert recipes.load_run(tmp_path / "latest")[1] is not None
    with pytest.raises(FileError, match="Name that folder"):
        recipes.resume(tmp_path / "latest", epochs=1)
    recipes.resume(os.path.realpath(tmp_path / "latest"), epochs=1)  # as the error says


DAMAGED = {
    "result.json": ("a folder", lambda path: path.mkdir()),
    "log.jsonl": ("a pipe", lambda path: os.mkfifo(path)),
    "recipe.toml": ("not TOML", lambda path: path.write_text("layers = [")),
    "best.safetensors": ("a link", lambda path: path.symlink_to("last.safetensors")),
}


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are POSIX's")
@pytest.mark.parametrize("name", DAMAGED)
def test_one_bad_run_says_so_and_hides_no_other(name: str, run: Path) -> None:
    words, damage = DAMAGED[name]
    (run / name).unlink()
    damage(run / name)
    good = Path(recipes.run(GOOD, out=run.parent).run)
    records = {os.path.basename(record.folder): record for record in recipes.list_runs(run.parent)}
    assert records[good.name].state == "finished"
    assert records[run.name].state.startswith("damaged: ")
    assert words in records[run.name].state
