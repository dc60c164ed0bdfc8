"""Build what is published, and try it as a stranger gets it: installed, away from the sources.

    python .ci/wheel.py build              build twice, from two clones: equal, described, and left in dist/
    python .ci/wheel.py test alone         the README's first program, then the tests of files of its own, and commands
    python .ci/wheel.py test oldest        every adapter's tests too, with the oldest versions that are declared
    python .ci/wheel.py test newest        the same with the newest, or with pre-releases: `test pre-releases`
    python .ci/wheel.py conditions         -OO, warnings as errors, a C locale, an installation that is read-only

Environments are made with the Python that runs this file. Building needs the extra
`release`.
"""

from __future__ import annotations

import argparse
import email
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
import zipfile
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# The tests of what asks something of how it was installed: what reads the package's own files, and its commands.
INSTALLED = ("cli", "data", "files", "recipes")
# Tests of the repository, not of the package: its documents, its files, its tools.
LEFT_BEHIND = [
    f"test_{name}.py"
    for name in (
        *("contributing", "docs", "docs_pages", "docs_reference", "docs_trackers", "environment", "faults", "house"),
        *("packaging", "pasted", "pipes", "readme", "referees", "release", "stubs"),
    )
]
COMMANDS = ("train xor", "train xor --compiled", "ops", "explain xor", "check xor", "source xor")
READ_ONLY = "read-only"
BEGAN = time.monotonic()


def build() -> None:
    """Build in two clones under different circumstances, compare, and keep the files."""
    circumstances: dict[str, dict[str, Any]] = {
        "first": dict(umask=0o077, env=clean(TZ="Asia/Tokyo", PYTHONHASHSEED="1", LC_ALL="C")),
        "second, longer": dict(umask=0o022, env=clean(TZ="UTC", PYTHONHASHSEED="2")),
    }
    with tempfile.TemporaryDirectory() as folder:
        built: list[dict[str, str]] = []
        for name, circumstance in circumstances.items():
            clone, out = Path(folder, name), Path(folder, name, "dist")
            run(["git", "clone", "--quiet", ROOT, clone], **circumstance)
            parts = [] if not built else ["--sdist", "--wheel"]  # the first wheel is built from the first sdist
            run([sys.executable, "-m", "build", "--outdir", out, *parts, clone], quiet=True, **circumstance)
            built.append({path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())})
        if built[0] != built[1] or len(built[0]) != 2:
            fail(f"two builds of one commit differ: {built[0]} and {built[1]}")
        shutil.rmtree(DIST, ignore_errors=True)
        shutil.copytree(out, DIST)
    described(wheel())
    run([sys.executable, "-m", "twine", "check", "--strict", *sorted(DIST.iterdir())], quiet=True)
    for name, digest in built[0].items():
        say(f"built twice, equal: {digest}  dist/{name}")


def described(path: Path) -> None:
    """Check what a package index will show of the wheel."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        metadata = email.message_from_bytes(archive.read(next(n for n in names if n.endswith("/METADATA"))))
    relative = re.findall(r"\]\((?!https://|#)([^)]*)", str(metadata.get_payload()))
    faults = [f"the description points to {link}, which no index has" for link in relative]
    faults += [
        f"there is no {name}" for name in PROJECT["urls"] if f"{name}," not in str(metadata.get_all("Project-URL"))
    ]
    if metadata["License-Expression"] != PROJECT["license"] or len(metadata.get_all("License-File", [])) < 3:
        faults.append("a licence is missing")
    faults += [
        f"it does not hold {name}" for name in ("chainrule/py.typed", "chainrule/data/digits.npz") if name not in names
    ]
    if faults:
        fail(f"{path.name}: {'; '.join(faults)}")


def test(dependencies: str) -> None:
    """Run the tests from another folder on the installed wheel."""
    extras = ["test"] if dependencies == "alone" else ["test", "all"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = environment(folder / "venv")
        options: list[Any] = []
        if dependencies == "oldest":
            (folder / "oldest.txt").write_text("\n".join(oldest()))
            options = ["--constraint", folder / "oldest.txt"]
        elif dependencies != "alone":
            options = ["--upgrade", "--upgrade-strategy=eager", *(["--pre"] if dependencies == "pre-releases" else [])]
        install(python, *options, wheel())
        readme(folder, [python], clean())
        tables = ["pandas", "polars"] if "sklearn" in extras else []  # which its tests hand over
        install(python, *options, f"{wheel()}[{','.join(extras)}]", *tables)
        away = folder / "away"
        shutil.copytree(ROOT / "tests", away / "tests", ignore=shutil.ignore_patterns("__pycache__", *LEFT_BEHIND))
        for beside in ("data", "examples"):
            shutil.copytree(ROOT / beside, away / beside)
        shutil.copy(ROOT / "pyproject.toml", away)  # how pytest is set up
        # What an old release of a dependency does that a newer Python deprecates is not ours.
        lenient = ["-W", "default::DeprecationWarning"] if dependencies == "oldest" else []
        # Beside the whole suite on the sources, which `.ci/run` runs: what only computes is the same when installed.
        only = ["--quick", *(f"tests/{room}" for room in INSTALLED)] if dependencies == "alone" else []
        only += [str(path.relative_to(away)) for path in sorted(away.glob("tests/test_*.py"))] if only else []
        run([python, "-m", "pytest", "-q", "-r", "fE", *only, *lenient], cwd=away, env=clean())
    say(f"installed {dependencies}: the README's first program and the tests pass")


def conditions() -> None:
    """Run the README's first program and the commands where something is unusual; what they print is the same."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = environment(folder / "venv")
        install(python, f"{wheel()}[fast,plot]")
        unusual: dict[str, dict[str, str]] = {
            "as usual": {},
            "-OO": dict(PYTHONOPTIMIZE="2"),
            "-W error": dict(PYTHONWARNINGS="error"),
            "in a C locale": dict(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
        }
        if os.name == "posix":
            unusual[READ_ONLY] = dict(HOME=os.devnull)  # no cache can be made there either
        usual: dict[str, list[str]] = {}
        faults: list[str] = []
        for condition, variables in unusual.items():
            away = folder / condition.replace(" ", "-")
            away.mkdir()
            prefix = read_only(folder / "venv") if condition == READ_ONLY else []
            readme(away, [*prefix, python], clean(**variables))
            for line in COMMANDS:
                command = [*prefix, python.with_name("chainrule"), *line.split()]
                printed = run(command, cwd=away, env=clean(**variables), quiet=True).splitlines()
                if line.startswith("train"):  # seconds, and how a drawing is drawn, may differ
                    printed = [word for word in printed if word.startswith("run ")]
                expected = usual.setdefault(line, printed)
                other = [pair for pair in zip_longest(printed, expected, fillvalue="nothing") if pair[0] != pair[1]]
                faults += [
                    f"{condition}: chainrule {line} prints {a!r}, where it usually prints {b!r}" for a, b in other[:1]
                ]
            say(f"installed, {condition}: the README's first program and {len(COMMANDS)} commands have run")
    if faults:
        fail("\n".join(faults))


def read_only(folder: Path) -> list[Any]:
    """Return what runs a command with the folder read-only: a mount for root, who may write anywhere else."""
    prefix: list[Any] = []
    if os.geteuid() == 0:
        script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
        prefix = ["unshare", "--mount", "sh", "-c", script, folder]
    else:
        for path in [folder, *folder.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o555)
    if subprocess.run([*prefix, "touch", folder / "written"], capture_output=True).returncode == 0:
        fail(f"{folder} can be written, so nothing is tried there")
    return prefix


def readme(folder: Path, python: list[Any], env: dict[str, str]) -> None:
    """Run the README's first program in the folder; it prints what the README shows."""
    text = (ROOT / "README.md").read_text("utf-8")
    program, shown = (
        re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0] for kind in ("python", "text")
    )
    (folder / "program.py").write_text(f"{program}\nprint(cr.__file__)\n", "utf-8")
    *printed, place = run([*python, "program.py"], cwd=folder, env=env, quiet=True).splitlines()
    if printed != shown.splitlines():
        fail(f"the README's first program printed {printed}")
    if "site-packages" not in Path(place).parts:
        fail(f"that was not the installed package, but {place}")


def oldest() -> list[str]:
    """Return the oldest versions that are declared, as pins."""
    declared = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    return sorted({line.replace(">=", "==") for line in declared if not line.startswith("chainrule[")})


def wheel() -> Path:
    found = sorted(DIST.glob("*.whl"))
    if len(found) != 1:
        fail("there is not one wheel in dist/: run `python .ci/wheel.py build`")
    return found[0]


def environment(folder: Path) -> Path:
    """Make an empty environment and return its Python."""
    venv.create(folder, with_pip=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(python: Path, *requirements: Any) -> None:
    run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
        env=clean(),
        quiet=True,
    )


def clean(**variables: str) -> dict[str, str]:
    """Return the environment's variables without those that change what Python, a build or the library does."""
    changing = ("PYTHON", "CHAINRULE", "SOURCE_DATE_EPOCH", "VIRTUAL_ENV")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(changing)}, **variables}


def run(command: list[Any], quiet: bool = False, **options: Any) -> str:
    """Run a command; stop with what it said if it fails. What it prints is returned if `quiet`, shown otherwise."""
    words = [str(word) for word in command]
    done = subprocess.run(words, text=True, encoding="utf-8", errors="replace", capture_output=quiet, **options)
    if done.returncode:
        said = f":\n{done.stdout}{done.stderr}" if quiet else ""
        fail(f"{' '.join(words)} ended with {done.returncode}{said}")
    return done.stdout or ""


def say(line: str) -> None:
    print(f"[{time.monotonic() - BEGAN:.0f} s] {line}", flush=True)


def fail(line: str) -> NoReturn:
    sys.exit(f"wheel.py: {line}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tasks = arguments.add_subparsers(dest="task", required=True)
    tasks.add_parser("build")
    tasks.add_parser("test").add_argument("dependencies", choices=["alone", "oldest", "newest", "pre-releases"])
    tasks.add_parser("conditions")
    given = arguments.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # tests press Ctrl-C, which is ignored behind a shell's &
    if given.task == "test":
        test(given.dependencies)
    else:
        {"build": build, "conditions": conditions}[given.task]()


if __name__ == "__main__":
    main()
