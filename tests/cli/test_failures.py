"""Bad input on the command line: exit code 2, one line on stderr that says what to do, and nothing left behind."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule import recipes
from chainrule.cli import status

CAPTURED = pytest.CaptureFixture[str]

FILES = {
    "broken.toml": "layers = [",
    "unknown.toml": 'layers = "2-1"\nloss = "MeanSquaredError"\nepochs = 3\ndata = {name = "xor"}\nphases = []\n',
    "typed.toml": 'layers = "2-1"\nloss = "MeanSquaredError"\ndata = {name = "xor"}\nphases = 3\n',
    "gone.toml": (
        'layers = "2-1"\nloss = "MeanSquaredError"\ndata = {file = "gone.csv", target = "y"}\n'
        "phases = [{epochs = 1, learning_rate = 0.1}]\n"
    ),
    "column.toml": (
        'layers = "1-1"\nloss = "MeanSquaredError"\ndata = {file = "my.csv", target = "prise"}\n'
        "phases = [{epochs = 1, learning_rate = 0.1}]\n"
    ),
    "split.toml": (
        'layers = "1-1"\nloss = "MeanSquaredError"\ndata = {file = "my.csv", target = "price", validation = 9}\n'
        "phases = [{epochs = 1, learning_rate = 0.1}]\n"
    ),
    "hot.toml": (
        'layers = "1-1"\nloss = "MeanSquaredError"\ndata = {file = "my.csv", target = "price"}\noptimizer = "SGD"\n'
        'output = "Identity"\nphases = [{epochs = 60, learning_rate = 1e30}]\n'
    ),
    "my.csv": "size,price\n1,1.5\n2,2.5\n3,3.5\n",
    "words.csv": "size\nbig\n",
    "three.csv": "a,b,c\n1,2,3\n",
    "model.safetensors": "no model",
    "empty/readme": "no run",
}

CASES = [
    ("trian", "Did you mean 'train'"),
    ("--jsn", "the option --jsn"),
    ("train", "got no RECIPE"),
    ("train xro", "Did you mean 'xor'"),
    ("train XOR", "got 'XOR', but expected a built-in recipe, or the path of a TOML file. Did you mean 'xor'"),
    ("train xor spirals", "got unexpected extra argument"),
    ("train xor --epoch 3", "Write --epochs"),
    ("train xor --epochs", "--epochs: got no value, but expected one"),
    ("train xor --json=3", "--json: got a value, but expected none"),
    ("train xor --epochs -1", "--epochs: got -1, but expected a whole number from 1"),
    ("train xor --epochs 0", "--epochs: got 0"),
    ("train xor --epochs ten", "--epochs: got 'ten'"),
    ("train xor --epochs 2.5", "--epochs: got '2.5'"),
    ("train xor --batch-size -4", "--batch-size: got -4"),
    ("train xor --batch-size all", "--batch-size: got 'all', but expected a whole number, or full"),
    ("train xor --learning-rate 0", "--learning-rate: got 0"),
    ("train xor --learning-rate nan", "--learning-rate: got nan"),
    ("train xor --learning-rate fast", "--learning-rate: got 'fast'"),
    ("train xor --l2 -1", "--l2: got -1"),
    ("train xor --layers 2-8", "has 8 outputs"),
    ("train xor --layers 3-8-1", "takes 3 inputs"),
    ("train xor --layers 2x8x1", "layers: got '2x8x1'"),
    ("train xor --layers 2-0-1", "layers: got '2-0-1'"),
    ("train xor --layers 2-99999999999-1", "layers: got"),
    ("train xor --seed -1", "--seed: got -1"),
    ("train xor --dtype float16", "--dtype: got 'float16'"),
    ("train xor --keep worst", "--keep: got 'worst'"),
    ("train xor --threads many", "--threads: got 'many'"),
    ("train xor --out my.csv", "run folder"),
    ("train xor --data gone.csv", "what to predict"),
    ("train xor --data gone.csv --target y", "gone.csv"),
    ("train xor --target y", "the setting 'target'"),
    ("train nowhere.toml", "nowhere.toml"),
    ("train empty", "a folder without recipe.toml"),
    ("train empty/", "a folder without recipe.toml"),
    ("train broken.toml", "not TOML"),
    ("train unknown.toml", "got phases and epochs beside them"),
    ("train typed.toml", "phases: got 3, but expected a list"),
    ("train gone.toml", "gone.csv"),
    ("train column.toml", "Did you mean 'price'"),
    ("train split.toml", "fewer than the 3 samples"),
    ("train hot.toml --no-pictures", "overflows float32"),
    ("evaluate", "got no RUN"),
    ("evaluate nowhere", "got nothing there"),
    ("evaluate empty", "a folder without best.safetensors"),
    ("evaluate model.safetensors --data my.csv", "model.safetensors"),
    ("evaluate my.csv", "my.csv"),
    ("evaluate RUN --weights worst", "--weights: got 'worst'"),
    ("evaluate RUN --data gone.csv", "gone.csv"),
    ("evaluate RUN --data three.csv", "no targets"),
    ("evaluate RUN/best.safetensors", "a model file alone"),
    ("predict RUN", "got no FILE"),
    ("predict RUN gone.csv", "gone.csv"),
    ("predict RUN three.csv", "3 features"),
    ("predict RUN words.csv", "words.csv"),
    ("predict RUN my.csv --out nowhere/out.csv", "nowhere"),
    ("train xor --checkpoint-steps -1", "--checkpoint-steps: got -1"),
    ("train xor --checkpoint-seconds never", "--checkpoint-seconds: got 'never'"),
    ("resume", "got no RUN"),
    ("resume nowhere", "no folder of this name"),
    ("resume empty", "a folder without recipe.toml"),
    ("resume RUN", "Add --epochs N"),
    ("resume RUN --epochs 0", "--epochs: got 0"),
    ("resume RUN --learning-rate 0.1", "Add --epochs N"),
    ("resume RUN --learning-rate -1 --epochs 3", "--learning-rate: got -1"),
    ("runs nowhere", "no folder there"),
    ("compare RUN", "got no SECOND"),
    ("compare RUN empty", "a folder without recipe.toml"),
    ("log nowhere", "no folder of this name"),
    ("log RUN --csv nowhere/log.csv", "a folder that does not exist"),
    ("plot", "got no RUNS"),
    ("plot RUN --out curve.gif", ".png or .svg"),
    ("reproduce xro", "a founding experiment"),
    ("explain", "got no RUN|RECIPE"),
    ("explain nowhere", "a built-in recipe"),
    ("explain empty", "a folder without best.safetensors"),
    ("explain RUN/best.safetensors", "a model file alone"),
    ("explain RUN --sample 4", "got sample=4"),
    ("explain RUN --sample -1", "--sample: got -1"),
    ("explain RUN --sample some", "--sample: got 'some'"),
    ("explain RUN --node dens_1", "Did you mean 'dense_1'"),
    ("explain RUN --format pdf", "--format: got 'pdf'"),
    ("explain RUN --language fr", "--language: got 'fr'"),
    ("explain RUN --out nowhere/xor.html", "a folder that does not exist"),
    ("check", "got no RUN|RECIPE|FILE.py"),
    ("check empty", "a folder without best.safetensors"),
    ("ops tahn", "Did you mean 'tanh'"),
    ("recipes spiral", "Did you mean 'spirals'"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with files of all kinds, and a run of xor."""
    root = tmp_path_factory.mktemp("bad")
    for name, text in FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    assert status(["train", "xor", "--epochs", "1", "--quiet", "--no-pictures", "--out", str(root / "made")]) == 0
    return root


@pytest.mark.parametrize(("line", "said"), CASES, ids=[line for line, _ in CASES])
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: CAPTURED, folder: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    monkeypatch.chdir(folder)
    assert status(line.replace("RUN", "made/xor-001").split()) == 2
    out, err = capsys.readouterr()
    assert err.startswith("Error: ")
    assert said in err
    assert err.count("\n") == 1
    assert ", but expected " in err
    assert "Traceback" not in out + err
    if "hot.toml" not in line:  # that one was training already
        assert out == ""
        assert not (folder / "runs").exists() or not any((folder / "runs").glob("xor*"))


def test_a_file_name_cannot_speak_to_the_terminal(capsys: CAPTURED) -> None:
    assert status(["train", "\x1b[31m\nno.toml"]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="a working folder can't be removed there, and names are Unicode")
@pytest.mark.parametrize(
    "command",
    ["train xor", "train xor --data a.csv", "train mine.toml", "runs", "resume runs/xor-001", "evaluate runs/xor-001",
     "explain runs/xor-001", "check mine.py", "import model.onnx", "plot runs/xor-001", "log runs/xor-001"],
)  # fmt: skip
def test_a_working_folder_that_is_gone_is_one_line(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert status(command.split()) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a name be any bytes")
def test_a_file_whose_name_is_no_unicode_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.csv")
    Path(name).write_text("a,b,y\n1,2,x\n2,3,z\n")
    recipe = recipes.to_toml(recipes.load("spirals")).replace('name = "spirals"', "", 1)
    Path("mine.toml").write_text(recipe)
    assert status(["train", "mine.toml", "--data", name, "--target", "y"]) == 2
    assert "is not Unicode, " in capsys.readouterr().err
    assert sorted(os.listdir()) == sorted([name, "mine.toml"])


def too_large() -> None:
    np.empty(2**50)


def too_deep() -> None:
    too_deep()


MACHINE = [
    (MemoryError(), "got not enough memory, but expected room for the network and the samples. Make the layers"),
    (too_large, "not enough memory (Unable to allocate 8.00 PiB for an array"),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "not enough memory ([Errno 12] Cannot allocate memory)"),
    (too_deep, "got something that is nested too deeply"),
    (PermissionError(errno.EACCES, "Permission denied", "\x1b[31m\n.csv"), "Permission denied at '\\x1b[31m\\n.csv'"),
    (OSError(errno.EXDEV, "Invalid link", "a", None, Path("b")), "Invalid link at 'a' and 'b'"),
    (OSError(errno.EIO, "Input/output error"), "got Input/output error, but expected files"),
    (OSError("gone wrong"), "got gone wrong, but"),
    (TimeoutError(), "got TimeoutError, but"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "said"), MACHINE)
def test_what_the_machine_cannot_do_is_one_line(
    problem: Any, said: str, monkeypatch: pytest.MonkeyPatch, capsys: CAPTURED
) -> None:
    def fail() -> None:
        if isinstance(problem, Exception):
            raise problem
        problem()

    monkeypatch.setattr("chainrule.ops.table", fail)
    assert status(["ops"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Error: chainrule: got ")
    assert said in err
    assert err.count("\n") == 1
    assert "\x1b" not in err


IN_LITTLE_MEMORY = """
import re, resource, sys
from pathlib import Path
from chainrule.cli import status

line = "train xor --epochs 1 --quiet --no-pictures --layers"
codes = [status([*line.split(), "2-8-1"])]  # everything is imported now
used = int(re.search(r"VmSize:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
for megabytes in (16, 256):
    resource.setrlimit(resource.RLIMIT_AS, (used + megabytes * 2**20, -1))
    codes.append(status([*line.split(), "2-700-700-1"]))
print(*codes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there is it known how much is used")
def test_too_little_memory_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-c", IN_LITTLE_MEMORY]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "0 2 0", done
    assert done.stderr.count("\n") == 1
    assert "memory" in done.stderr
