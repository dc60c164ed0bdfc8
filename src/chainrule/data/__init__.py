"""Data to learn from: sets to play with, readers for files, and the cutting of both into batches.

A set is a pair of arrays, `X` of shape (samples, features) and `y`: class labels as an int64 vector, or values to
predict as floats of shape (samples, outputs). Everything is seeded, and row i of `X` always stays with row i of `y`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.data.batches import batches, split
from chainrule.data.dataset import Dataset
from chainrule.data.digits import digits
from chainrule.data.labels import one_hot
from chainrule.data.mnist import fashion_mnist, mnist
from chainrule.data.toys import blobs, circles, curve, moons, spirals, xor
from chainrule.words import names_of_room

if TYPE_CHECKING:  # a checker that saw `__getattr__` would take any name for one of the room's
    from chainrule.data.affine import RandomAffine
    from chainrule.data.column_plans import prepare
    from chainrule.data.column_preparation import CategoryColumn, DateColumn, NumberColumn
    from chainrule.data.csv_files import read_csv
    from chainrule.data.idx import read_idx
    from chainrule.data.mixup import Mixup
    from chainrule.data.numpy_files import read_npy, read_npz
    from chainrule.data.preparation import Preparation
    from chainrule.data.readers import read
    from chainrule.data.table import Column, Table
    from chainrule.data.table_files import read_table
else:
    # What reads files and prepares tables is imported when it is asked for: `import chainrule` is not kept waiting.
    _LATER = {
        "RandomAffine": "affine",
        "prepare": "column_plans",
        **dict.fromkeys(("CategoryColumn", "DateColumn", "NumberColumn"), "column_preparation"),
        "read_csv": "csv_files",
        "read_idx": "idx",
        "Mixup": "mixup",
        **dict.fromkeys(("read_npy", "read_npz"), "numpy_files"),
        "Preparation": "preparation",
        "read": "readers",
        **dict.fromkeys(("Column", "Table"), "table"),
        "read_table": "table_files",
    }

    __getattr__ = names_of_room(__name__, _LATER)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "CategoryColumn",
    "Column",
    "Dataset",
    "DateColumn",
    "Mixup",
    "NumberColumn",
    "Preparation",
    "RandomAffine",
    "Table",
    "batches",
    "blobs",
    "circles",
    "curve",
    "digits",
    "fashion_mnist",
    "mnist",
    "moons",
    "one_hot",
    "prepare",
    "read",
    "read_csv",
    "read_idx",
    "read_npy",
    "read_npz",
    "read_table",
    "spirals",
    "split",
    "xor",
]
