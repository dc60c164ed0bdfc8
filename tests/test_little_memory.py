"""Files that don't fit into what a process may have of memory are read, or refused with our own error."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from tests.onnx import forge
from tests.referees import needed

Image = needed("PIL.Image", "plot")

SIDE = 2000  # 16 MB of float32

# Run in a process of its own: everything is imported first, then it may have only so much more memory.
READ = """
import csv, difflib, gc, gzip, json, resource, sys, zipfile
import numpy as np
import PIL.JpegImagePlugin, PIL.PngImagePlugin
import chainrule as cr
from chainrule import onnx, recipes
from chainrule.recipes.image_files import picture_as_sample
import chainrule.torch
from chainrule.training.checkpoint import read_state

network = cr.Network([cr.Rescale(1 / 255), cr.Dense(10)], inputs=784)
READERS = {
    "a.npy": [cr.data.read_npy, lambda path: cr.data.read_npy(path, memory_map=False)],
    "a.npz": [cr.data.read_npz],
    "a.idx": [cr.data.read_idx],
    "a.gz": [cr.data.read_idx],
    "long.csv": [cr.data.read],
    "wide.csv": [cr.data.read],
    "classes.csv": [lambda path: cr.data.read_csv(path, target=-1)],
    "model": [cr.load, read_state],
    "onnx": [onnx.load],
    "weights": [cr.torch.load_weights, lambda path: cr.torch.load(path, cr.ReLU())],
    "a.png": [lambda path: picture_as_sample(network, None, path)],
    "a.jpg": [lambda path: picture_as_sample(network, None, path)],
    "a.toml": [recipes.load],
}

def read(reader, path):
    try:
        reader(path)
    except cr.ChainruleError:
        return "refused"
    except BaseException as error:
        return repr(error)
    return "read"

def held():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmSize:"))

read(recipes.load, "nowhere.toml")
resource.setrlimit(resource.RLIMIT_AS, (held() + int(sys.argv[1]), resource.RLIM_INFINITY))
for name, readers in READERS.items():
    for reader in readers:
        print(json.dumps([name, read(reader, name)]))
        gc.collect()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    square = np.ones((SIDE, SIDE), np.float32)
    np.save(folder / "a.npy", square)
    np.savez(folder / "a.npz", X=square, y=square)
    values = bytes([0, 0, 0x0D, 1]) + (SIDE * SIDE).to_bytes(4, "big") + square.astype(">f4").tobytes()
    (folder / "a.idx").write_bytes(values)
    (folder / "a.gz").write_bytes(gzip.compress(values, 1))
    (folder / "long.csv").write_text("a,b\n" + "1.5,2.5\n" * 600_000)
    (folder / "wide.csv").write_text(",".join(["1.5"] * 1_500_000))
    (folder / "classes.csv").write_text("".join(f"1.5,k{i}\n" for i in range(200_000)))
    cr.save(cr.Network([cr.Dense(SIDE, inputs=SIDE), cr.Dense(1)], optimizer=cr.SGD(0.1)), folder / "model")
    gemm = forge.node("Gemm", ["input", "w"], ["output"])
    ends = (forge.value("input", "n", SIDE),), (forge.value("output", "n", SIDE),)
    (folder / "onnx").write_bytes(forge.model(forge.graph([gemm], [forge.tensor("w", square)], *ends)))
    header = json.dumps({"0.weight": {"dtype": "F32", "shape": square.shape, "data_offsets": [0, square.nbytes]}})
    (folder / "weights").write_bytes(len(header).to_bytes(8, "little") + header.encode() + square.tobytes())
    noise = np.random.default_rng(0).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    Image.fromarray(noise).save(folder / "a.png", compress_level=1)
    Image.fromarray(noise).save(folder / "a.jpg", progressive=True)
    (folder / "a.toml").write_text(f"x = [{'1,' * 500_000}]")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how much memory a process has, and limits it")
@pytest.mark.parametrize("spare", [2, 8], ids="{} MiB".format)
def test_what_does_not_fit_is_refused(spare: int, folder: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", READ, str(spare << 20)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    outcomes = [json.loads(line) for line in told.stdout.splitlines()]
    assert len(outcomes) == 16
    assert [outcome for outcome in outcomes if outcome[1] not in ("read", "refused")] == []
    assert spare > 2 or sum(outcome == "refused" for _, outcome in outcomes) > 5
