"""The package works from a ZIP file, as it does from a folder: everything that ships inside it is found there."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import chainrule

PACKAGE = Path(chainrule.__file__).parent

# Run with nothing of the checkout on the path; NumPy, msgspec and the like are installed as usual.
USE = """
import sys
sys.path.insert(0, sys.argv[1])
import chainrule as cr
from chainrule.cli import status

assert cr.__file__.startswith(sys.argv[1]), cr.__file__
assert len(cr.data.digits()) == 1797
assert "xor" in cr.recipes.names() and len(cr.recipes.names()) > 5
assert cr.recipes.load("xor").layers == "2-8-1"
from chainrule.recipes.reproduce import experiments
assert "try1ofmse" in experiments()
network = cr.Network([cr.Dense(3, inputs=2), cr.Tanh(), cr.Dense(1)])
for language in ("en", "he"):
    page = cr.explain(network, [[1.0, 0.0]], [[1.0]], language=language, format="html")
    assert str(page)
    page.save(f"{language}.html")
cr.save(network, "a.safetensors")
cr.load("a.safetensors")
sys.exit(status(["train", "xor", "--epochs", "3", "--no-pictures", "--quiet"]))
"""


@pytest.mark.parametrize("flag", [[], ["-W", "error"]], ids=["plain", "with warnings as errors"])
def test_the_package_works_from_a_zip_file(flag: list[str], tmp_path: Path) -> None:
    archive = tmp_path / "chainrule.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for path in sorted(PACKAGE.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                made.write(path, path.relative_to(PACKAGE.parent))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    told = subprocess.run(
        [sys.executable, "-I", *flag, "-c", USE, archive],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "runs" / "xor-001" / "last.safetensors").is_file()
