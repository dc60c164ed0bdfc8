"""The core: how much there is of it, how many files a training goes through, and what engines must agree on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.nn.engines import Replay
from claims.figure import ROOT, Figure, Options, all_of, at_most, stated
from claims.tested import cases

SOURCE = ROOT / "src" / "chainrule"


def core(options: Options) -> Iterator[Figure]:
    """Measure size and paths of the core, and run the tests that walk through it."""
    yield from _size()
    yield from _paths()
    for name, words, folders in (
        ("settings changed late: honoured or refused", "changed_late_is_honoured", ["tests/nn"]),
        ("users' mistakes: the same error in four ways of running", "mistake and in_every_way", ["tests/nn"]),
        ("files that import each other in a circle, arrows against the house", "circle or import", ["tests"]),
    ):
        found = cases(words, folders)
        yield all_of(name, sum(right for _, right in found), len(found), note=" cases")
    count = options.count(400, 40)
    equal = sum(_equal(seed) for seed in range(count))
    yield all_of("random networks: replayed without lowering = called, to the bit", equal, count)


def _size() -> Iterator[Figure]:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    longest = max(lines, key=lambda path: lines[path])
    yield at_most("lines in src/", sum(lines.values()), 25_500, "{:,.0f}".format, f" in {len(lines)} files")
    yield stated("longest file", f"{longest.relative_to(SOURCE)}, {lines[longest]} lines", lines[longest])


def _paths() -> Iterator[Figure]:
    """Follow two epochs of XOR: the files, and the way from `train` to where the weights change."""
    X, y = cr.data.xor()
    layers = [cr.Dense(8), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]
    network = cr.Network(layers, optimizer=cr.Adam(0.05), inputs=2)
    files: set[str] = set()
    ways: list[int] = []

    def look(frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(str(SOURCE)):
            files.add(name)
            if frame.f_code.co_name == "update" and Path(name).parent.name == "optim":
                ways.append(_frames(frame))

    sys.setprofile(look)
    try:
        cr.train(network, X, y, epochs=2, batch_size=2)
    finally:
        sys.setprofile(None)
    yield at_most("files that two epochs of XOR go through", len(files), 25, "{:.0f}".format)
    yield stated("frames from cr.train to Adam.update, which is recorded there", str(min(ways)), min(ways))


def _frames(frame: FrameType | None) -> int:
    count = 0
    while frame is not None and frame.f_code.co_name != "_paths":
        count, frame = count + 1, frame.f_back
    return count


def _equal(seed: int) -> bool:
    """Return whether a random network learns to the same bytes replayed, with lowering off, and called."""
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(23, 4)), rng.normal(size=(23, 2))
    kinds = [cr.Tanh, cr.ReLU, cr.Sigmoid, cr.GELU, cr.ELU, cr.SiLU, cr.Softplus, cr.Mish, cr.Softsign]
    optimizer = [cr.SGD(0.05, momentum=0.9), cr.Adam(0.01), cr.AdamW(0.01), cr.RMSProp(0.01)][seed % 4]

    def layers() -> list[Any]:
        own = np.random.default_rng(seed)
        found: list[Any] = []
        for _ in range(own.integers(1, 4)):
            width = int(own.integers(2, 9))
            found += [cr.Dense(width), kinds[own.integers(len(kinds))]()]
            if own.random() < 0.3:
                found.append(cr.Residual([cr.Dense(width), cr.Tanh()]))
            if own.random() < 0.2:
                found.append(cr.Dropout(0.3))
        return [*found, cr.Dense(2)]

    trained = []
    for engine in ("replay", "dynamic"):
        network = cr.Network(layers(), optimizer=optimizer, inputs=4, l2=0.01 * (seed % 2), seed=seed, engine=engine)
        if engine == "replay":
            network._engine = Replay(network.plan, lowering=False)
        cr.train(network, X, y, epochs=2, batch_size=5)
        trained.append(network.parameters.tobytes())
    return trained[0] == trained[1]
