"""`make soak`: the long forms of what the tests show shortly about runs, files and crashes. Takes an hour or two.

    python benchmarks/soak.py --only stops,kills
    python benchmarks/soak.py --count 20

Exits with 1 if anything is not as claimed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import chainrule as cr  # noqa: E402 -- after the path, for tests/ is beside it
from chainrule import recipes  # noqa: E402
from tests.recipes.configurations import CONFIGURATIONS  # noqa: E402

Outcome = tuple[bool, str]


class StopAt(cr.Callback):
    """Ends training after some step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def after_step(self, training: cr.training.Training) -> None:
        if training.step == self.step:
            training.stop("interrupted")


def left(folder: str | Path) -> list[Any]:
    """Return the weights files of a run, and its log without times."""
    rows = [json.loads(line) for line in Path(folder, "log.jsonl").read_text().splitlines()]
    for row in rows:
        del row["seconds"]
    return [Path(folder, name).read_bytes() for name in ("best.safetensors", "last.safetensors")] + rows


def stops(count: int, out: Path) -> Outcome:
    """Stop runs at random steps, and compare what they become with runs that were never stopped."""
    rng, equal = random.Random(0), 0
    whole = {name: recipes.run(recipe, out=out) for name, recipe in CONFIGURATIONS.items()}
    for i in range(count):
        name = list(CONFIGURATIONS)[i % len(CONFIGURATIONS)]
        steps = sum(whole[name].history["steps"])
        at = rng.randint(1, steps)
        folder = recipes.run(CONFIGURATIONS[name], out=out, callbacks=[StopAt(at)]).run
        recipes.resume(folder)
        same = left(folder) == left(whole[name].run)
        equal += same
        if not same:
            print(f"  {name}, stopped after step {at}: other bytes", flush=True)
    return equal == count, f"{equal} of {count} equal weights files and logs, over {len(CONFIGURATIONS)} configurations"


def kills(count: int, out: Path) -> Outcome:
    """Kill a run that saves after every step, at random moments, and let it go on each time."""
    rng, unreadable, back, runs = random.Random(1), 0, 0, 0
    told = ["--checkpoint-steps", "1", "--no-pictures", "--quiet", "--epochs", "60"]
    done = 0
    while done < count:
        runs += 1
        place = out / f"round-{runs}"
        place.mkdir()
        folder, before = place / "runs" / "spirals-001", 0
        command = ["train", "spirals", *told]
        while done < count:
            process = subprocess.Popen(
                [sys.executable, "-m", "chainrule", *command],
                cwd=place,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            state = folder / "last.safetensors"
            while process.poll() is None and (not state.exists() or step_of(state) <= before):
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.05))
            if process.poll() is not None:
                break  # it has come to its end
            process.kill()
            process.wait()
            done += 1
            try:
                now = step_of(state)
                back += now < before
                before = now
            except cr.ChainruleError:
                unreadable += 1
            command = ["resume", "runs/spirals-001", "--no-pictures", "--quiet"]
        if process.returncode == 0:
            whole = recipes.run(
                recipes.override(recipes.load("spirals"), epochs=60, checkpoint_steps=1), out=place / "w"
            )
            if left(folder) != left(whole.run):
                return False, f"other bytes after {done} kills"
        litter = [name for name in os.listdir(folder) if name.endswith(".tmp")]
        if process.returncode == 0 and litter:
            return False, f"left behind: {litter}"
    return not unreadable and not back, f"{done} kills: {unreadable} unreadable, {back} steps back"


def step_of(path: Path) -> int:
    """Return how far a checkpoint is."""
    from chainrule.training.checkpoint import read_state

    return read_state(path).step


def same(count: int, out: Path) -> Outcome:
    """Run every configuration in three processes, and the wide one with one and with two threads."""
    from tests.recipes.test_same_bytes import digests

    first, *others = digests([([], {"PYTHONHASHSEED": str(seed)}) for seed in (1, 2, 3)])
    wide = digests([(["wide", threads], {}) for threads in ("1", "2")])
    files = f"{first.count(chr(10))} files in 3 processes"
    ok = others == [first, first] and wide[0] == wide[1]
    return ok, f"{files}, and 2 with 1 and 2 threads, {'identical' if ok else 'differ'}"


def fuzz(count: int, out: Path) -> Outcome:
    """Read so many broken files, of every format that there is."""
    from tests.fuzz.formats import FORMATS
    from tests.fuzz.fuzzing import fuzzed

    problems, read, slowest, each = 0, 0, 0.0, -(-count // len(FORMATS))
    for name in FORMATS:
        folder = out / name.replace(" ", "-")
        folder.mkdir()
        report = fuzzed(name, range(each), folder)
        if count > 100_000:
            print(f"  {name}: {report.read:,} read, {report.refused:,} refused", flush=True)
        for problem in report.problems[:20]:
            print(f"  {problem}", flush=True)
        problems += len(report.problems)
        read += each
        slowest = max(slowest, report.slowest)
    told = f"{problems} in {read:,} files of {len(FORMATS)} formats, at most {1000 * slowest:.0f} ms each"
    return problems == 0, told


def tables(count: int, out: Path) -> Outcome:
    """Read so many tables with odd cells, columns, delimiters and encodings."""
    from tests.fuzz.fuzzing import fuzzed

    report = fuzzed("tables", range(count), out)
    for problem in report.problems[:20]:
        print(f"  {problem}", flush=True)
    told = f"{len(report.problems)} in {count:,} tables, of which {report.refused:,} were refused"
    return not report.problems, f"{told}, at most {1000 * report.slowest:.0f} ms each"


def bits(count: int, out: Path) -> Outcome:
    """Flip so many bits of a model of 64 KB one by one, or every one of them, and load it each time."""
    network = cr.Network([cr.Dense(50, inputs=100), cr.Tanh(), cr.Dense(4)], optimizer=cr.Adam())
    path, other = out / "model", out / "flipped"
    cr.save(network, path)
    good = path.read_bytes()
    places = range(8 * len(good))
    seen = 0
    for bit in places if count >= len(places) else random.Random(2).sample(places, count):
        data = bytearray(good)
        data[bit // 8] ^= 1 << bit % 8
        other.unlink(missing_ok=True)  # some systems force a file written over another to the disk
        other.write_bytes(data)
        try:
            cr.load(other)
        except cr.ChainruleError:
            seen += 1
    count = min(count, len(places))
    return seen == count, f"{seen:,} of {count:,} flipped bits seen, in a file of {len(good):,} bytes"


def files(count: int, out: Path) -> Outcome:
    """Fail every operation of a save in turn, and cut the power after each."""
    return tested("tests/files/test_atomic.py", "tests/files/test_power_loss.py", "tests/files/test_hostile.py")


def folders(count: int, out: Path) -> Outcome:
    """Let each command meet so many run folders of strangers, 5,000 to a process."""
    wrong = memory = met = 0
    for start in range(0, count, 5_000):
        command = [sys.executable, "-m", "tests.recipes.hostile_folders", str(min(5_000, count - start)), str(start)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        *problems, last = done.stdout.splitlines() or ["{}"]
        print("".join(f"  {problem}\n" for problem in problems), end="", flush=True)
        found = json.loads(last) if done.returncode == 0 else {"cases": 0, "wrong": 1, "memory": 0}
        met, wrong, memory = met + found["cases"], wrong + found["wrong"], max(memory, found["memory"])
    return met == count and not wrong and memory <= 200, f"{met:,} folders, {wrong} wrong, {memory:.0f} MB at most"


def tested(*paths: str, **environment: str) -> Outcome:
    """Run tests, and return what pytest says in the end."""
    command = [sys.executable, "-m", "pytest", "-q", *paths]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True)
    return done.returncode == 0, done.stdout.strip().splitlines()[-1]


SOAKS: dict[str, tuple[Callable[[int, Path], Outcome], int]] = {
    "stops": (stops, 200),
    "kills": (kills, 200),
    "same": (same, 3),
    "files": (files, 1),
    "folders": (folders, 100_000),
    "fuzz": (fuzz, 500_000),
    "tables": (tables, 200_000),
    "bits": (bits, 1_000_000),
}


def main() -> int:
    """Run what the options ask for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SOAKS), help=f"some of {', '.join(SOAKS)}")
    parser.add_argument("--count", type=int, help="how often, instead of what is claimed")
    options = parser.parse_args()
    well = True
    for name in options.only.split(","):
        soak, count = SOAKS[name]
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as out:
            ok, said = soak(options.count or count, Path(out))
        well &= ok
        print(f"{name:<6} {'ok ' if ok else 'BAD'} {said} ({time.perf_counter() - began:.0f} s)", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
