"""Files broken at random: they are read, or refused with chainrule's own error, whatever is wrong.

``CHAINRULE_FUZZ=500000`` makes a soak of it.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import FileError
from chainrule.files import load
from tests.files.hostile import GOOD
from tests.fuzz.formats import FORMATS
from tests.fuzz.fuzzing import fuzzed
from tests.referees import needed

needed("PIL", "plot")

COUNT = int(os.environ.get("CHAINRULE_FUZZ", "600"))


@pytest.mark.parametrize("name", FORMATS)
def test_only_our_errors_come_out(name: str, tmp_path: Path) -> None:
    count = 8 * COUNT if name == "tables" and COUNT >= 2500 else COUNT // len(FORMATS)
    report = fuzzed(name, range(count), tmp_path)
    assert report.problems == []
    if FORMATS[name].refused:
        assert report.refused > count / 10


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_not_broken_is_read(name: str, tmp_path: Path) -> None:
    for i, data in enumerate(FORMATS[name].good()):
        path = tmp_path / f"{i}{FORMATS[name].ending}"
        path.write_bytes(data)
        FORMATS[name].read(path)


def test_every_flipped_bit_of_a_model_is_seen(tmp_path: Path) -> None:
    path, bits = tmp_path / "a", 8 * len(GOOD)
    some = 2000 if COUNT >= 50_000 else 500
    chosen = range(bits) if COUNT > 100_000 else np.random.default_rng(7).choice(bits, some, replace=False).tolist()
    for bit in chosen:
        data = bytearray(GOOD)
        data[bit // 8] ^= 1 << bit % 8
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        with pytest.raises(FileError):
            load(path)
