"""An environment for each library, so that none decides another's versions, and the processes that run in them.

Environments live in a folder that git does not see and are made once, again only when their list of packages changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import subprocess
import sys
import sysconfig
import venv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workloads import Unavailable, Workload

HERE = Path(__file__).parent
ROOT = HERE.parent
FOLDER = HERE / ".environments"
PATIENCE = 300.0  # seconds that a contender may take for one answer: compilers are slow

#: What is installed into each environment, which has the name of what it is for.
PACKAGES = {
    "numpy": ("numpy",),
    "chainrule": ("--editable", "."),
    "chainrule-fast": ("--editable", ".[fast]"),
    "torch": ("torch==2.13.0", "numpy"),
    "jax": ("jax",),
    "scikit-learn": ("scikit-learn",),
    "keras": ("keras", "jax"),
    "mygrad": ("mygrad",),
    "thinc": ("thinc",),
}


@dataclass(frozen=True)
class Contender:
    """One way to do the work: a module of contenders/, a variant of it, and where it runs."""

    name: str
    module: str
    variant: str
    environment: str


#: In the order of the tables. A family, such as jax, is chosen by the beginning of its names.
CONTENDERS = [
    Contender("floor", "floor", "", "numpy"),
    Contender("roofline", "floor", "roofline", "numpy"),
    Contender("chainrule-called", "chainrule", "called", "chainrule"),
    Contender("chainrule-replayed", "chainrule", "replayed", "chainrule"),
    Contender("chainrule-replayed-fast", "chainrule", "replayed-fast", "chainrule-fast"),
    Contender("chainrule-compiled", "chainrule", "compiled", "chainrule-fast"),
    Contender("textbook", "textbook", "", "numpy"),
    Contender("torch-eager", "torch", "eager", "torch"),
    Contender("torch-compiled", "torch", "compiled", "torch"),
    Contender("jax-step", "jax", "step", "jax"),
    Contender("jax-scan", "jax", "scan", "jax"),
    Contender("sklearn", "sklearn", "", "scikit-learn"),
    Contender("keras", "keras", "", "keras"),
    Contender("mygrad", "mygrad", "", "mygrad"),
    Contender("thinc", "thinc", "", "thinc"),
]


def python_of(environment: str) -> Path:
    """Return the environment's Python, making the environment if it is missing or another one is wanted now."""
    folder = FOLDER / environment
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    wanted = f"{sys.version.split()[0]} {' '.join(PACKAGES[environment])}"
    if "--editable" in PACKAGES[environment]:
        wanted += f" {hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Installing {' '.join(PACKAGES[environment])} ...", flush=True)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    venv.create(folder, clear=True, with_pip=True)
    install = [str(python), "-m", "pip", "install", "-qqq", "--disable-pip-version-check", *PACKAGES[environment]]
    if subprocess.run(install, cwd=ROOT).returncode:
        raise Unavailable(f"pip can't install {' '.join(PACKAGES[environment])}")
    stamp.write_text(wanted)
    return python


def installed_size(environment: str) -> float:
    """Return what a user's disk holds more after installing it, in MB: pip itself aside."""
    packages = FOLDER / environment / sysconfig.get_path("purelib", vars={"base": "."})
    roots = [path for path in packages.iterdir() if not path.name.startswith(("pip", "setuptools"))]
    if environment.startswith("chainrule"):
        roots.append(ROOT / "src" / "chainrule")
    files = {path for root in roots for path in (root.rglob("*") if root.is_dir() else [root]) if path.is_file()}
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc") / 1e6


class Process:
    """A contender that lives in a process of its own and answers requests."""

    def __init__(self, contender: Contender, threads: int) -> None:
        command = [str(python_of(contender.environment)), str(HERE / "worker.py"), contender.module, contender.variant]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=variables(threads),
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """Return the answer to a request; raise Unavailable if the process dies, says no, or never answers."""
        try:
            print(json.dumps({"do": request, **arguments}), file=self.requests, flush=True)
        except BrokenPipeError:
            raise Unavailable("its process died") from None
        with selectors.DefaultSelector() as selector:
            selector.register(self.answers, selectors.EVENT_READ)
            line = self.answers.readline() if selector.select(PATIENCE) else None
        if line is None:
            raise Unavailable(f"no answer within {PATIENCE:.0f} s")
        answer: dict[str, Any] = json.loads(line) if line else {"unavailable": "its process died"}
        if "unavailable" in answer:
            raise Unavailable(answer["unavailable"])
        return answer

    def prepare(self, work: Workload) -> None:
        """Import, build the network."""
        self.ask("prepare", work=asdict(work))

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def variables(threads: int) -> dict[str, str]:
    """Return the environment variables that give every library so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NPROC")
    flags = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        **dict.fromkeys(names, str(threads)),
        "XLA_FLAGS": flags,
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "jax",
        "CUDA_VISIBLE_DEVICES": "",
    }
