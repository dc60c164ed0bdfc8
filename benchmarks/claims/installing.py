"""What it costs to have chainrule: time to start, size on disk, and whether a fresh clone works."""

from __future__ import annotations

import compileall
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from claims.figure import (
    ROOT,
    Figure,
    Options,
    Unavailable,
    at_most,
    command,
    megabytes,
    milliseconds,
    seconds,
    stated,
)

STARTS = 9
PYTHONS = range(11, 15)  # what the project declares
IMPORT = """
import time
import numpy
began = time.perf_counter()
import chainrule
chainrule.Network, chainrule.train
print(time.perf_counter() - began)
"""
# What an installed distribution holds on disk, by its own list of files. pip brings itself and setuptools.
SIZES = """
import importlib.metadata as metadata, json
sizes = {}
for found in metadata.distributions():
    files = [file.locate() for file in found.files or ()]
    sizes[found.metadata["Name"]] = sum(file.stat().st_size for file in files if file.is_file())
print(json.dumps(sizes))
"""


def start(options: Options) -> Iterator[Figure]:
    """Start fresh processes, one before the first measured so that the files are in memory.

    They are compiled beforehand, as installing does it, also where the environment lets Python write nothing.
    """
    compileall.compile_dir(ROOT / "src" / "chainrule", quiet=2)
    imports = [float(command([sys.executable, "-c", IMPORT], ROOT)) for _ in range(STARTS + 1)][1:]
    yield at_most(f"import beyond NumPy, median of {STARTS}", median(imports), 0.040, milliseconds)
    helped = []
    for _ in range(STARTS + 1):
        began = time.perf_counter()
        command([sys.executable, "-m", "chainrule", "--help"], ROOT)
        helped.append(time.perf_counter() - began)
    yield at_most(f"chainrule --help, median of {STARTS}", median(helped[1:]), 0.250, milliseconds)


def installed_size(options: Options) -> Iterator[Figure]:
    """Install into an empty environment, without extras, and weigh each package, its compiled files included."""
    name = "installed size without NumPy"
    with tempfile.TemporaryDirectory() as folder:
        python = _environment(Path(folder, "venv"))
        try:
            command([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)], ROOT)
        except RuntimeError as problem:
            raise Unavailable(str(problem)) from None
        sizes = json.loads(command([python, "-c", SIZES], Path(folder)))
    sizes = {package: size / 1e6 for package, size in sizes.items() if package not in ("pip", "setuptools")}
    beside = {package: size for package, size in sizes.items() if package != "numpy"}
    yield at_most(name, sum(beside.values()), 12, megabytes, f" in {len(beside)} packages")
    for package, size in sorted(sizes.items(), key=lambda item: -item[1]):
        yield stated(f"installed: {package}", megabytes(size), size)


def wheel(options: Options) -> Iterator[Figure]:
    """Build the last commit twice; try the wheel alone on every Python there is, and with other dependencies."""
    if importlib.util.find_spec("build") is None or importlib.util.find_spec("twine") is None:
        raise Unavailable("pip install 'chainrule[release]'")
    yield _tried("two builds of one commit", "equal, byte for byte", sys.executable, "build")
    if options.quick:
        yield Figure("wheel: installed", "passes", "left out by --quick")
        return
    yield _tried("-OO, -W error, a C locale, read-only", "prints what it usually prints", sys.executable, "conditions")
    for minor in PYTHONS:
        yield _tried(f"installed alone, Python 3.{minor}", "passes", _interpreter(minor), "test", "alone")
    oldest = _interpreter(PYTHONS[0])  # the oldest releases were not built for a newer Python
    for dependencies, python in {"oldest": oldest, "newest": sys.executable, "pre-releases": sys.executable}.items():
        yield _tried(f"installed with {dependencies} dependencies", "passes", python, "test", dependencies)


def fresh_clone(options: Options) -> Iterator[Figure]:
    """Clone the last commit into an empty folder and type what the README says."""
    if options.quick:
        for target in ("demo", "test"):
            yield Figure(f"fresh clone: make {target}", "works", "left out by --quick")
        return
    if not all(map(shutil.which, ("git", "make"))):
        raise Unavailable("git and make are needed")
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        command(["git", "clone", "--quiet", str(ROOT), str(clone)], Path(folder))
        for target, bound in {"demo": None, "test": 240.0}.items():
            began = time.perf_counter()
            done = subprocess.run(["make", target], cwd=clone, capture_output=True, text=True, env=_like_a_strangers())
            took = time.perf_counter() - began
            if done.returncode:
                told = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1].strip("= ")
                yield Figure(f"fresh clone: make {target}", "works", f"fails: {told}", False)
            elif bound is None:
                named = [line for line in done.stdout.splitlines() if line.startswith("pictures")]
                told = f"works in {seconds(took)}, installation included; names {len(named)} lots of pictures"
                yield Figure(f"fresh clone: make {target}", "XOR and MNIST, pictures named", told, len(named) == 2)
            else:
                last = done.stdout.strip().splitlines()[-1].strip("= ")
                note = f", installation included: {last}"
                yield at_most(f"fresh clone: make {target}", took, bound, seconds, note)


def _tried(name: str, claimed: str, python: str | None, *task: str) -> Figure:
    """Run a task of `.ci/wheel.py`; what it counted, or how it failed, is what was measured."""
    if python is None:
        return Figure(f"wheel: {name}", claimed, "this Python is not here")
    began = time.perf_counter()
    script = str(ROOT / ".ci" / "wheel.py")
    done = subprocess.run([python, script, *task], cwd=ROOT, capture_output=True, text=True, env=_like_a_strangers())
    took = seconds(time.perf_counter() - began)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no words").splitlines()[-1]
        return Figure(f"wheel: {name}", claimed, f"fails: {said}"[:200], False)
    counted = re.findall(r"^(\d+ passed.*?) in ", done.stdout, re.MULTILINE)
    return Figure(f"wheel: {name}", claimed, f"{', '.join([claimed, *counted])} in {took}", True)


def _interpreter(minor: int) -> str | None:
    """Return a Python 3.`minor` of this machine, on the path or among pyenv's."""
    of_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions").glob(f"3.{minor}.*/bin/python")
    for python in filter(None, [shutil.which(f"python3.{minor}"), *map(str, sorted(of_pyenv))]):
        told = subprocess.run([python, "-c", "import ensurepip, sys; print(sys.version_info[1])"], capture_output=True)
        if told.stdout.strip() == str(minor).encode():
            return python
    return None


def _environment(folder: Path) -> str:
    """Make an empty environment and return its Python."""
    if importlib.util.find_spec("ensurepip") is None:
        raise Unavailable("Python is without ensurepip: an empty environment can't be made")
    venv.create(folder, with_pip=True)
    return str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")


def _like_a_strangers() -> dict[str, str]:
    """Return the environment's variables without what this process's own make and Python put there."""
    ours = ("MAKE", "PYTHON", "CHAINRULE", "VIRTUAL_ENV", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
