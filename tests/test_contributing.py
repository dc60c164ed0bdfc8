"""An op is a class, a line and its cases: CONTRIBUTING's steps, taken to the letter on a copy, give a full citizen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.referees import absent, needed

ROOT = Path(__file__).parents[1]

# What a user may do with any op.
USE = """
import json, pickle, sys
import numpy as np
import chainrule as cr

assert cr.bent is cr.graph.FUNCTIONS["bent"] and cr.Bent is cr.ops.Bent
assert pickle.loads(pickle.dumps(cr.bent)) is cr.bent
x, y = np.random.default_rng(0).normal(size=(20, 3)), np.ones((20, 1))
network = cr.Network([cr.Dense(4), cr.Bent(), cr.Dense(1)], cr.MeanSquaredError(), seed=0)
cr.train(network, x, y, epochs=3)
dynamic = cr.Network([cr.Dense(4), cr.Bent(), cr.Dense(1)], cr.MeanSquaredError(), seed=0, engine="dynamic")
cr.train(dynamic, x, y, epochs=3)
assert np.allclose(cr.predict(dynamic, x), cr.predict(network, x), rtol=1e-5)
cr.save(network, "bent.safetensors")
assert np.array_equal(cr.predict(cr.load("bent.safetensors"), x), cr.predict(network, x))
assert cr.check(network, x, y).passed
assert "(√(z⁽¹⁾² + 1) − 1) / 2 + z⁽¹⁾" in str(cr.explain(network, x, y)).split("As it is executed")[0]
assert any(node["op"] == "bent" for node in json.loads(str(cr.explain(network, x, y, format="json")))["nodes"])
assert "bent" in cr.ops.table()
cr.numpy_page.save(network, "page.py")
sys.path.insert(0, ".")
import page
assert np.allclose(page.predict(x), cr.predict(network, x), rtol=1e-5)
if sys.argv[1:] == ["onnx"]:
    import chainrule.onnx
    from onnx.reference import ReferenceEvaluator

    chainrule.onnx.save(network, "bent.onnx")
    (out,) = ReferenceEvaluator("bent.onnx").run(None, {"input": x.astype(np.float32)})
    assert np.allclose(out, cr.predict(network, x), rtol=1e-4)
from chainrule.cli import status
assert status(["ops", "bent"]) == 0
"""
# Where something is asked of every op.
SUITES = [
    *("tests/ops/test_derivatives.py", "tests/ops/test_contract.py", "tests/ops/test_pages.py", "tests/test_stubs.py"),
    *(
        "tests/files/test_description.py",
        "tests/explain/test_every_op.py",
        "tests/ops/test_textbook.py",
        "tests/replay/test_program.py",
    ),
    "tests/nn/test_objective.py",
]
CHOSEN = "Bent or bent or stubs or no_op_is_missing or every_op_has or every_role_has or every_activation_names"


def blocks() -> dict[str, str]:
    """Return where -> code of each step that has some."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## An op in ten minutes")[1].split("\n## ")[0]
    found = re.findall(r"^   ```python\n   # (.+?)\n(.+?)^   ```", text, re.MULTILINE | re.DOTALL)
    return {where: textwrap.dedent(code) if where[:2] != "in" else code[3:] for where, code in found}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository after the steps."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("src", "tests", ".ci"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "conftest.py", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, folder / name)
    for where, code in blocks().items():
        if end := re.fullmatch(r"at the end of (\S+)", where):
            path = folder / end[1]
            path.write_text(path.read_text("utf-8") + "\n\n" + code, "utf-8")
        elif line := re.fullmatch(r"in _OPS of (\S+), after (\S+)", where):
            path = folder / line[1]
            before = path.read_text("utf-8")
            assert before.count(f"    {line[2]},\n") == 1
            path.write_text(before.replace(f"    {line[2]},\n", f"    {line[2]},\n{code}"), "utf-8")
    assert run(folder, ".ci/stubs.py").returncode == 0
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_there_is_a_block_for_the_class_the_line_a_look_and_the_cases() -> None:
    assert list(blocks()) == [
        "at the end of src/chainrule/ops/activations.py",
        "in _OPS of src/chainrule/ops/__init__.py, after activations.Softplus",
        "anywhere",
        "at the end of tests/ops/cases.py",
    ]


def test_looking_at_the_new_op_finds_it_right(copy: Path) -> None:
    done = run(copy, "-c", blocks()["anywhere"])
    assert done.stdout.endswith("every derivative is right\n"), done.stderr


def test_the_new_op_is_a_full_citizen(copy: Path, tmp_path: Path) -> None:
    script = tmp_path / "use.py"
    script.write_text(USE, "utf-8")
    done = run(copy, "-W", "error", str(script), *([] if absent("onnx") else ["onnx"]))
    assert done.returncode == 0, done.stderr


def test_the_new_op_passes_the_suites_of_all_ops(copy: Path) -> None:
    done = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES, "-k", CHOSEN)
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 50


def test_a_checker_of_types_knows_the_new_op(copy: Path) -> None:
    needed("mypy", "dev")
    (copy / "page.py").write_text(
        "import chainrule as cr\nz = cr.Parameter('z', [1.0])\ncr.bent(z=z, name='b').value\ncr.Bent()\ncr.bent(zz=z)\n"
    )
    done = run(copy, "-m", "mypy", "--config-file=", "--no-pretty", "--cache-dir=.mypy", "page.py")
    assert re.findall(r"page\.py:(\d+): error", done.stdout) == ["5"], done.stdout
