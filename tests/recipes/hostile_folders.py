"""Run folders as a stranger may send them: each file as each kind of thing that it should not be, for each command.

    python -m tests.recipes.hostile_folders 5000         # so many, in a process whose memory is measured
    python -m tests.recipes.hostile_folders 5000 5000    # the next so many

A case is a good run with one of its files changed. Whatever a command makes of it, it says so in a line, writes
nothing outside of the run's folder, shows no text that a terminal would obey, and is done at once.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
import tomli_w

from chainrule import recipes
from chainrule.cli import status
from chainrule.recipes import Data, Phase, Recipe
from chainrule.recipes.folder import BEST, ENVIRONMENT, LAST, LOCK, LOG, RECIPE, RESULT, STORY
from tests.files.forge import ZEROS, compact, signed

SECONDS = 2.0
PICTURES = ("learning-curve.png", "decision-surface.png")
NAMES = (RECIPE, LOG, STORY, ENVIRONMENT, RESULT, BEST, LAST, LOCK, *PICTURES)
NEVER_MADE = (LOCK, *PICTURES)  # not in the good run, which is drawn no pictures

COMMANDS = (
    "resume RUN --no-pictures",
    "resume RUN --epochs 1 --no-pictures --json",
    "runs runs",
    "runs runs --json",
    "compare RUN GOOD",
    "compare GOOD RUN --json",
    "log RUN",
    "log RUN --csv out/log.csv",
    "evaluate RUN",
    "evaluate RUN --weights last --json",
    "predict RUN points.csv",
    "explain RUN --out out/page.html",
    "check RUN --json",
    "export RUN --out out/page.py --overwrite",
    "source RUN",
    "train RUN/recipe.toml --out out --no-pictures --epochs 1",
    "plot RUN",
)
RARE = ("plot RUN",)  # slow: drawn for the files that it reads or writes alone
PLOTTED = (RECIPE, LOG, RESULT, *PICTURES)

ESCAPES = ("\x1b[2J\x1b[31m", "\x9b31m", "\u202eevil", "a\nb", "a\r", "\u2028", "\x00", "\x07", "\ud800")
VALUES: tuple[Any, ...] = (
    *ESCAPES[:-1], "", "abc", "x" * 70_000, None, True, -1, 0, 0.5, -0.0, 2**52, 2**63, 10**30, 1e308, -1e308, 5e-324,
    [], {}, [[[[]]]], {"type": "Dense"}, {"": {"": ""}}, ["a", 1], "nan", "../../../outside/canary",
)  # fmt: skip
# Numbers that a recipe may honestly ask so much of that it takes a while.
PATIENT = {"epochs", "samples", "layers", "outputs", "classes", "turns", "batch_size", "threads", "checkpoint_steps"}

GOOD = Recipe(
    name="good",
    data=Data(name="spirals", samples=30, classes=3, validation=6),
    layers="2-4-3",
    loss="CategoricalCrossEntropy",
    phases=[Phase(3, 0.01)],
    batch_size=8,
)

Change = Callable[[Path, random.Random], None]


# ---------------------------------------------------------------------- kinds of things


def _socket(path: Path, rng: random.Random) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # names of sockets must be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _device(path: Path, rng: random.Random) -> None:
    try:
        os.mknod(path, 0o666 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except OSError:  # only the superuser may
        path.symlink_to("/dev/zero")


def _sparse(size: int) -> Change:
    def change(path: Path, rng: random.Random) -> None:
        with open(path, "wb") as file:
            file.truncate(size)

    return change


def _filled(part: bytes, size: int) -> Change:
    def change(path: Path, rng: random.Random) -> None:
        with open(path, "wb") as file:
            file.writelines(part * (min(size, 1_000_000) // len(part)) for _ in range(max(size // 1_000_000, 1)))

    return change


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("inside")


def _good_rows(path: Path, rng: random.Random) -> None:
    row = '{"epoch":%d,"loss":1,"penalty":0,"validation_loss":null,"learning_rate":0,"steps":1,"seconds":0}\n'
    with open(path, "w", encoding="ascii") as file:
        number = 0
        while file.tell() < (16 << 20) - 20_000:
            file.write("".join(row % (number + k) for k in range(1, 101)))
            number += 100


OTHER_THINGS: dict[str, Change] = {
    "a link to a file outside": lambda path, rng: path.symlink_to("../../outside/canary"),
    "a link to nothing outside": lambda path, rng: path.symlink_to("../../outside/new"),
    "a link to a folder outside": lambda path, rng: path.symlink_to("../../outside"),
    "a link to a device": lambda path, rng: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path, rng: path.symlink_to(path.name),
    "a second name of a file outside": lambda path, rng: os.link(path.parents[2] / "outside" / "canary", path),
    "a pipe": lambda path, rng: os.mkfifo(path),
    "a socket": _socket,
    "a device": _device,
    "a folder": lambda path, rng: path.mkdir(),
    "a folder with files": lambda path, rng: _folder(path),
    "300 MB of nothing": _sparse(300_000_000),
    "34 MB of nothing": _sparse(34_000_000),
    "30 MB of brackets": _filled(b"[", 30_000_000),
    "30 MB of rows": _filled(b'{"epoch":1}\n', 30_000_000),
    "16 MB of good rows": _good_rows,
    "empty": lambda path, rng: _write(path, b""),
    "deep lists": _filled(b"[", 100_000),
    "deep objects": lambda path, rng: _write(path, b'{"a":' * 900 + b"1" + b"}" * 900),
    "deep tables": lambda path, rng: _write(path, b"a" + b".a" * 20_000 + b" = 1"),
    "many digits": lambda path, rng: _write(path, b'{"epoch":' + b"1" * 5000 + b"}"),
    "many digits in TOML": lambda path, rng: _write(path, b"seed = " + b"1" * 5000),
    "noise": lambda path, rng: _write(path, rng.randbytes(3000)),
    "a pickle": lambda path, rng: _write(path, b"\x80\x04cos\nsystem\n(S'touch ../../outside/new'\ntR."),
    "missing": lambda path, rng: None,
}


# ---------------------------------------------------------------------- changes within


def _bytes_changed(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data) + 1)
    more = rng.choice([b"\x00", b"\xff", b"\xc2\x9b", b"\n", b'"', b"{", b"1e999", b"NaN", rng.randbytes(5)])
    match rng.randrange(5):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + more + data[place:]
        case 2:
            return data[:place] + more + data[place + len(more) :]
        case 3:
            return data[:place] + data[place + rng.randint(1, 9) :]
        case _:
            return data[:place] + data[rng.randrange(len(data) + 1) :]


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything inside of plain data."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*way, key)
        yield from _places(item, (*way, key))


def _data_changed(data: Any, rng: random.Random) -> Any:
    """Return plain data with one value another, one key another, one missing, or one more."""
    data = json.loads(json.dumps(data))
    *way, last = rng.choice(list(_places(data)) or [("",)])
    holder = data
    for key in way:
        holder = holder[key]
    if not isinstance(holder, dict | list) or last == "":
        return rng.choice(VALUES)
    patient = {last, *way} & PATIENT
    value = rng.choice([v for v in VALUES if not (patient and type(v) in (int, float) and abs(v) > 2)])
    match rng.randrange(4):
        case 0 if isinstance(holder, dict):
            holder[rng.choice([*ESCAPES[:-1], "", "x" * 300, "__proto__"])] = holder.pop(last)
        case 1 if isinstance(holder, dict):
            holder["new" + rng.choice(ESCAPES[:-1])] = value
        case 2:
            del holder[last]
        case _:
            holder[last] = value
    return data


def _json_changed(path: Path, rng: random.Random) -> None:
    data = _data_changed(json.loads(path.read_text()), rng)
    text = json.dumps(data, ensure_ascii=rng.random() < 0.5, allow_nan=True)
    if rng.random() < 0.1:
        text = text[:-1] + ',"stopped":"twice"}'
    path.write_text(text, "utf-8", "surrogatepass")


def _rows_changed(path: Path, rng: random.Random) -> None:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    k = rng.randrange(len(rows))
    rows[k] = _data_changed(rows[k], rng)
    if rng.random() < 0.2:
        rows.insert(k, rng.choice(rows))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _toml_changed(path: Path, rng: random.Random) -> None:
    data = _data_changed(tomllib.loads(path.read_text()), rng)
    if not isinstance(data, dict):
        data = {"data": data}
    try:
        text = tomli_w.dumps(_without_none(data))
    except (TypeError, ValueError):
        text = "x = 2020-01-01T00:00:00Z"
    path.write_text(text, "utf-8", "surrogatepass")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return [_without_none(item) for item in value if item is not None] if isinstance(value, list) else value


def _model_changed(path: Path, rng: random.Random) -> None:
    """Change a text in the header of a model file, and sign the file anew."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["sha256"] = ZEROS
    if rng.random() < 0.3:
        header = _data_changed(header, rng)
    else:
        metadata = header["__metadata__"]
        key = rng.choice(sorted(set(metadata) - {"sha256"}))
        try:
            metadata[key] = compact(_data_changed(json.loads(metadata[key]), rng)).decode("utf-8", "surrogatepass")
        except ValueError:
            metadata[key] = str(rng.choice(VALUES))
    path.write_bytes(signed(compact(header), data[8 + length :]))


CHANGES: dict[str, tuple[Change, ...]] = {
    RECIPE: (_toml_changed,),
    LOG: (_rows_changed,),
    ENVIRONMENT: (_json_changed,),
    RESULT: (_json_changed,),
    BEST: (_model_changed,),
    LAST: (_model_changed,),
}


def _bytes(path: Path, rng: random.Random) -> None:
    path.write_bytes(_bytes_changed(path.read_bytes(), rng))


def _escapes(path: Path, rng: random.Random) -> None:
    """Put what a terminal obeys into every text of a file."""
    told = rng.choice(ESCAPES[:-1])
    escaped = told if path.name == STORY else json.dumps(told, ensure_ascii=rng.random() < 0.5)[1:-1]
    text = path.read_text("utf-8")
    text = re.sub(r'(?<=[:=] )"([^"]*)"', lambda found: f'"{escaped}{found[1]}"', text)
    path.write_text(text if path.suffix != ".txt" else told + text, "utf-8", "surrogatepass")


# ---------------------------------------------------------------------- cases


@dataclass(frozen=True)
class Case:
    """A file of the run, what became of it, and the command that meets it."""

    name: str
    kind: str
    change: Change
    command: str
    seed: int

    def __str__(self) -> str:
        return f"{self.name} as {self.kind}: {self.command} ({self.seed})"


def cases(count: int, start: int = 0) -> Iterator[Case]:
    """Yield so many cases: things for all files and commands, and as many changes at random, all from `start` on."""
    rng = random.Random(0)
    things = [
        Case(name, kind, change, command, 0)
        for name in NAMES
        for kind, change in OTHER_THINGS.items()
        for command in COMMANDS
        if name in PLOTTED or command not in RARE
    ]
    rng.shuffle(things)
    chosen = things[start // 2 : (start + count + 1) // 2]
    yield from chosen
    for seed in range(start, start + count - len(chosen)):
        rng = random.Random(seed)
        name = rng.choice([name for name in NAMES if name not in NEVER_MADE])
        kinds: dict[str, Change] = {change.__name__[1:].replace("_", " "): change for change in CHANGES.get(name, ())}
        kinds["bytes changed"] = _bytes
        if name not in (BEST, LAST):
            kinds["escape sequences"] = _escapes
        kind = rng.choice(list(kinds))
        commands = COMMANDS if name in PLOTTED and rng.random() < 0.2 else [c for c in COMMANDS if c not in RARE]
        yield Case(name, kind, kinds[kind], rng.choice(commands), seed)


class Place:
    """A folder with a good run, a hostile one beside it, and something outside that nobody may touch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.good = Path(recipes.run(GOOD, out=folder / "runs").run)
        self.run = folder / "runs" / "hostile-001"
        (folder / "outside").mkdir()
        (folder / "outside" / "canary").write_text("canary")
        (folder / "points.csv").write_text("a,b\n0.1,0.2\n")
        self.before = self.seen()

    def seen(self) -> dict[str, tuple[int, int, bytes]]:
        """Return what lies outside of the hostile run: links, sizes and times of each file."""
        found = {}
        for place in (self.folder / "outside", self.good):
            for path in sorted(place.iterdir()):
                at = path.lstat()
                content = path.read_bytes() if path.name == "canary" else b""
                found[str(path)] = at.st_ino, at.st_mtime_ns, content
        return found

    def meet(self, case: Case) -> str:
        """Let a command meet a case; return what was wrong with how it went."""
        shutil.rmtree(self.run, ignore_errors=True)
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "out").mkdir()
        shutil.copytree(self.good, self.run)
        path = self.run / case.name
        if case.kind in OTHER_THINGS:
            path.unlink(missing_ok=True)
        case.change(path, random.Random(case.seed))
        told = [
            word.replace("RUN", "runs/hostile-001").replace("GOOD", "runs/good-001") for word in case.command.split()
        ]
        out, err = io.StringIO(), io.StringIO()
        began = time.process_time()  # the machine may have other work; what hangs without any is stopped by the alarm
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
                at_most(20),
                warnings.catch_warnings(),
            ):
                warnings.simplefilter("error")
                code = status(told)
        except BaseException as problem:
            return f"{type(problem).__name__}: {str(problem)[:300]}"
        seconds = time.process_time() - began
        if code not in (0, 1, 2) or (code == 2 and err.getvalue().count("\n") != 1):
            return f"exit status {code}, {err.getvalue()!r:.300}"
        if seconds > SECONDS:
            return f"{seconds:.1f} s"
        for text in (out.getvalue(), err.getvalue()):
            if not text.replace("\n", "").isprintable():
                return f"text that a terminal obeys: {text!r:.300}"
        if "--json" in told and code != 2:
            json.loads(out.getvalue(), parse_constant=_no_number)
        if told[0] == "runs" and "good-001" not in out.getvalue():
            return f"the good run is hidden: {out.getvalue()!r:.300}"
        before, self.before = self.before, self.seen()
        if self.before != before:
            return "something outside was written"
        return ""


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


@contextlib.contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """Raise where something takes longer than that."""

    def late(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def most_memory() -> float:
    """Return how many MB this process has held at most, without what it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Meet so many cases; print what went wrong, and at last an object with the counts and the memory it took."""
    wrong, count, slowest = 0, 0, 0.0
    with tempfile.TemporaryDirectory() as made:
        os.chdir(made)
        place = Place(Path(made))
        for case in cases(*map(int, sys.argv[1:3])):
            began = time.perf_counter()
            problem = place.meet(case)
            slowest = max(slowest, time.perf_counter() - began)
            count += 1
            if problem:
                wrong += 1
                sys.stdout.write(f"{case}: {problem}\n")
                sys.stdout.flush()
        os.chdir("/")
    memory = most_memory()
    sys.stdout.write(
        msgspec.json.encode({"cases": count, "wrong": wrong, "memory": memory, "slowest": slowest}).decode()
    )
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
