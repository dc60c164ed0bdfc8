"""What a shell completes: click's own classes are asked, as the scripts that it installs ask them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from chainrule.cli.commands import COMMANDS, chainrule
from chainrule.cli.pictures import KINDS
from chainrule.recipes import names

SHELLS = (BashComplete, ZshComplete, FishComplete)


@pytest.fixture(autouse=True)
def in_a_folder_with_two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("runs/xor-001", "runs/xor-002", "mine/digits-001", "runs/empty"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("runs/xor-001", "runs/xor-002", "mine/digits-001"):
        (tmp_path / name / "log.jsonl").touch()


def completed(line: str, shell: type[ShellComplete] = BashComplete) -> list[str]:
    *before, incomplete = line.split(" ")
    found = shell(chainrule, {}, "chainrule", "_CHAINRULE_COMPLETE").get_completions(before, incomplete)
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_told_the_commands(shell: type[ShellComplete]) -> None:
    assert completed("", shell) == list(COMMANDS)
    assert completed("re", shell) == ["resume", "recipes", "reproduce"]


CASES = {
    "train xo": ["xor", "xor-document"],
    "train mnist-": [name for name in names() if name.startswith("mnist-")],
    "train xor --dt": ["--dtype"],
    "train xor --dtype ": ["float32", "float64"],
    "train xor --keep b": ["best"],
    "recipes sp": ["spirals"],
    "reproduce xor-": ["xor-document"],
    "resume ": ["runs/xor-001", "runs/xor-002"],
    "evaluate runs/xor-002": ["runs/xor-002"],
    "evaluate mine/": ["mine/digits-001"],
    "compare runs/xor-001 ru": ["runs/xor-001", "runs/xor-002"],
    "explain xor-": ["xor-document"],
    "explain runs/": ["runs/xor-001", "runs/xor-002"],
    "explain xor --language ": ["en", "he"],
    "check spi": ["spirals"],
    "plot runs/xor-001 --kind lo": ["loss_along_gradient"],
    "plot runs/xor-001 --kind weights,gr": ["weights,graph"],
    "plot runs/xor-001 --format ": ["png", "svg"],
    "export runs/xor-001 --to ": ["onnx", "torch", "numpy_page"],
    "import a.onnx --recipe xor-": ["xor-document"],
    "ops softp": ["softplus"],
    "help tr": ["train"],
}


@pytest.mark.parametrize("line", CASES)
def test_what_is_being_typed_is_completed(line: str) -> None:
    assert sorted(completed(line)) == sorted(CASES[line])


def test_a_command_that_is_not_there_is_no_error_while_typing() -> None:
    assert completed("nosuch ") == list(COMMANDS)


def test_every_kind_of_picture_is_offered() -> None:
    assert completed("plot runs/xor-001 --kind ") == [*KINDS, "all"]


def test_where_no_name_fits_the_shell_completes_files() -> None:
    for line in ("train my", "evaluate best.sa", "explain my.to"):
        *before, incomplete = line.split(" ")
        (item,) = BashComplete(chainrule, {}, "chainrule", "_CHAINRULE_COMPLETE").get_completions(before, incomplete)
        assert item.type == "file"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_that_the_documentation_names_is_printed(shell: str) -> None:
    code = "from chainrule.cli import main; main([])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"_CHAINRULE_COMPLETE": f"{shell}_source", "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "_CHAINRULE_COMPLETE" in done.stdout, done.stderr
