"""What people hand over as X and y: the situation, its source in a word, and the right answer or the error.

A case that is refused carries out the advice of its error: it must lead to an answer.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from tests.referees import needed

TABLE = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
GAPS = np.ma.array(TABLE, mask=[[False, True], [False, False], [False, False]])
BIG = TABLE.astype(np.int64) + 2**53
pd, pl, sparse, torch = (lambda name=name: needed(name) for name in ("pandas", "polars", "scipy.sparse", "torch"))


def network(**told: Any) -> cr.Network:
    return cr.Network([cr.Dense(1, inputs=2)], loss=cr.MeanSquaredError(), seed=0, **told)


def answers(X: Any) -> Any:
    return cr.predict(network(dtype="float64"), X)


def table(pairs: Any) -> list[Any]:
    return [pytest.param(*case, id=name) for name, case in pairs.items()]


def frame(a: Any, b: Any = (1, 2, 3)) -> Any:
    return pd().DataFrame({"a": a, "b": b})


def polars(a: Any, **told: Any) -> Any:
    return pl().DataFrame({"a": a, "b": [1.0, 2.0, 3.0]}, **told)


def memory_mapped(array: Any, tmp_path: Any) -> Any:
    np.save(tmp_path / "X.npy", array)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


class ArrowColumn:
    """As pyarrow's: it has a type, and no dtype."""

    def __init__(self, values: Any, kind: str) -> None:
        self.values, self.type = values, kind

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values, dtype)


class ArrowTable:
    """As pyarrow's: `columns` are the columns themselves, and names stand elsewhere."""

    def __init__(self, **columns: ArrowColumn) -> None:
        self.by_name = columns

    @property
    def columns(self) -> list[ArrowColumn]:
        return list(self.by_name.values())

    @property
    def column_names(self) -> list[str]:
        return list(self.by_name)

    def column(self, i: int) -> ArrowColumn:
        return self.columns[i]

    def __len__(self) -> int:
        return len(self.columns[0].values)


TWO = [[1, 1], [2, 2], [3, 3]]
RIGHT: dict[str, tuple[str, Callable[[], Any], Any]] = {
    "float16": ("numpy", lambda: TABLE.astype(np.float16), TABLE),
    "float128": ("numpy", lambda: TABLE.astype(np.longdouble), TABLE),
    "big-endian": ("files", lambda: TABLE.astype(">f8"), TABLE),
    "columns first": ("numpy", lambda: np.asfortranarray(TABLE), TABLE),
    "yes and no": ("numpy", lambda: TABLE > 2, [[0, 0], [1, 1], [1, 1]]),
    "bytes": ("images", lambda: TABLE.astype(np.uint8), TABLE),
    "a mask that hides nothing": ("numpy.ma", lambda: np.ma.array(TABLE), TABLE),
    "numbers as objects": ("pandas", lambda: TABLE.astype(object), TABLE),
    "Decimal": ("sql", lambda: [[decimal.Decimal("0.5"), decimal.Decimal(2)]] * 3, [[0.5, 2]] * 3),
    "Fraction": ("python", lambda: [[fractions.Fraction(1, 2), True]] * 3, [[0.5, 1]] * 3),
    "whole numbers that float64 has": ("ids", lambda: [[2**60, 1]], [[2.0**60, 1]]),
    "pandas": ("pandas", lambda: pd().DataFrame(TABLE, columns=["a", "b"]), TABLE),
    "pandas, two columns of one name": ("joins", lambda: pd().DataFrame(TABLE, columns=["a", "a"]), TABLE),
    "pandas, booleans beside numbers": ("pandas", lambda: frame([True, False, True]), [[1, 1], [0, 2], [1, 3]]),
    "pandas, objects": ("pandas", lambda: frame([1, 2, 3]).astype(object), TWO),
    "pandas, Int64": ("pandas", lambda: frame(pd().array([1, 2, 3], "Int64")), TWO),
    "pandas, boolean": ("pandas", lambda: frame(pd().array([True, False, True], "boolean")), [[1, 1], [0, 2], [1, 3]]),
    "pandas, sparse": ("pandas", lambda: frame(pd().arrays.SparseArray([0, 0, 1.0])), [[0, 1], [0, 2], [1, 3]]),
    "polars": ("polars", lambda: polars([1, 2, 3]), TWO),
    "polars, booleans": ("polars", lambda: polars([True, False, True]), [[1, 1], [0, 2], [1, 3]]),
    "polars, decimals": ("polars", lambda: polars([decimal.Decimal("1.5")] * 3), [[1.5, 1], [1.5, 2], [1.5, 3]]),
    "pyarrow": (
        "pyarrow",
        lambda: ArrowTable(a=ArrowColumn([1, 2, 3], "int64"), b=ArrowColumn([1, 2, 3], "double")),
        TWO,
    ),
    "torch": ("torch", lambda: torch().tensor(TABLE), TABLE),
    "torch, bfloat16": ("torch", lambda: torch().tensor(TABLE, dtype=torch().bfloat16), TABLE),
    "torch, float8": ("torch", lambda: torch().tensor(TABLE).to(torch().float8_e4m3fn), TABLE),
    "torch, rows in a list": ("torch", lambda: list(torch().tensor(TABLE)), TABLE),
    "torch, negated in place of numbers": ("torch", lambda: torch().tensor(1j * TABLE).conj().imag, -TABLE),
    "bfloat16 of ml_dtypes": ("jax", lambda: TABLE.astype(needed("ml_dtypes").bfloat16), TABLE),
    "int4 of ml_dtypes": ("jax", lambda: TABLE.astype(needed("ml_dtypes").int4), TABLE),
    "a data set of lists": ("chainrule", lambda: cr.data.Dataset(TABLE.tolist(), None, "lists"), TABLE),
}


@pytest.mark.parametrize(("source", "given", "right"), table(RIGHT))
def test_numbers_are_taken_as_they_are(source: str, given: Any, right: Any) -> None:
    assert np.array_equal(answers(given()), answers(np.array(right, np.float64)))


def codes(X: Any, column: int) -> Any:
    names, found = np.unique(np.asarray(X)[:, column], return_inverse=True)
    return np.eye(len(names))[found]


# The situation: its source, X, words of the error, and its advice carried out.
REFUSED: dict[str, tuple[str, Callable[[], Any], list[str], Callable[[Any], Any] | None]] = {
    "masked": (
        "numpy.ma",
        lambda: GAPS,
        ["1 masked value, the first in row 0, column 1 (X[0, 1])"],
        lambda X: X.filled(X.mean()),
    ),
    "masked, the rows left out": (
        "numpy.ma",
        lambda: GAPS,
        ["rows = ~"],
        lambda X: X[~np.ma.getmaskarray(X).reshape(len(X), -1).any(axis=1)],
    ),
    "masked rows in a list": ("numpy.ma", lambda: list(GAPS), ["row 0, column 1"], None),
    "masked in a data set": ("numpy.ma", lambda: cr.data.Dataset(GAPS, None, "masked"), ["Dataset 'masked'"], None),
    "complex": ("signals", lambda: TABLE + 1j, ["dtype complex128", "X.real"], lambda X: X.real),
    "None": ("python", lambda: None, ["X=None"], None),
    "a path": ("python", lambda: "x.csv", ["X='x.csv'", "cr.data has readers"], None),
    "a gap": ("python", lambda: [[1, None], [2, 3]], ["a gap (None) in row 0, column 1 (X[0, 1])"], None),
    "a word among numbers": (
        "csv",
        lambda: np.array([[1, "x"], [2, "y"]], object),
        ["'x' in row 0, column 1"],
        lambda X: np.hstack([X[:, :1], codes(X, 1)])[:, :2],
    ),
    "numbers as texts": (
        "csv",
        lambda: TABLE.astype(str).tolist(),
        ["'1.0' in row 0, column 0", "dtype=float"],
        lambda X: np.asarray(X, dtype=float),
    ),
    "numbers as texts and objects": (
        "csv",
        lambda: np.array([["1", 2]], object),
        ["'1' in row 0, column 0"],
        lambda X: np.asarray(X, dtype=float),
    ),
    "dates": (
        "numpy",
        lambda: np.array([["2026-01-01", "2026-01-03"]], "M8[D]"),
        ["datetime64[D]", "days since the first"],
        lambda X: (X - X.min()) / np.timedelta64(1, "D"),
    ),
    "durations": ("numpy", lambda: TABLE.astype("m8[s]"), ["timedelta64"], lambda X: X / np.timedelta64(1, "s")),
    "rows as mappings": (
        "json",
        lambda: [{"a": 1, "b": 2}] * 3,
        ["dict {'a': 1, 'b': 2} in row 0"],
        lambda X: np.array([list(row.values()) for row in X]),
    ),
    "rows of different lengths": ("python", lambda: [[1, 2], [3], [4, 5]], ["row 1 has 1 value", "others 2"], None),
    "a number among rows": ("python", lambda: [[1, 2], 3, [4, 5]], ["row 1 has one number", "others 2"], None),
    "one sample": ("python", lambda: [1.0, 2.0], ["np.reshape(X, (1, -1))"], lambda X: np.reshape(X, (1, -1))),
    "an iterator": ("python", lambda: iter(TABLE), ["list(X)"], list),
    "a set": ("python", lambda: {(1, 2), (3, 4)}, ["has no order", "sorted(X)"], sorted),
    "whole numbers that floats can't hold": (
        "ids",
        lambda: BIG,
        ["9007199254740993 in row 0, column 0"],
        lambda X: np.asarray(X, dtype=float),
    ),
    "the largest of uint64": ("hashes", lambda: np.full((1, 2), 2**64 - 1, np.uint64), ["1844674407370955161"], None),
    "whole numbers beyond 64 bits": ("ids", lambda: [[10**25, 1]], [f"{10**25} in row 0, column 0"], None),
    "too large for float64": ("ids", lambda: [[10**5000, 1]], ["a whole number above 1e40 in row 0"], None),
    "pandas, words": (
        "pandas",
        lambda: pd().DataFrame({"b": ["x", "y", "x"]}),
        ["'x' in row 0, column 'b' (X.iloc[0, 0])", "get_dummies"],
        lambda X: pd().get_dummies(X, columns=["b"]),
    ),
    "pandas, a gap": (
        "pandas",
        lambda: frame([1, 2, None]),
        ["1 value in column 'a' missing", "row 2, column 'a' (X.iloc[2, 0])"],
        lambda X: X.assign(a=X["a"].astype(float).fillna(X["a"].mean())),
    ),
    "pandas, a gap in Int64": (
        "pandas",
        lambda: frame(pd().array([1, 2, None], "Int64")),
        ["row 2, column 'a'"],
        lambda X: X.assign(a=X["a"].astype(float).fillna(X["a"].mean())),
    ),
    "pandas, a gap in boolean": (
        "pandas",
        lambda: frame(pd().array([True, None, False], "boolean")),
        ["a gap (<NA>) in row 1, column 'a'"],
        lambda X: X.assign(a=X["a"].astype(float).fillna(X["a"].mean())),
    ),
    "pandas, categories": (
        "pandas",
        lambda: pd().DataFrame({"a": pd().Categorical([10, 20, 10])}),
        ["categories in column 'a'"],
        lambda X: pd().get_dummies(X, columns=["a"]),
    ),
    "pandas, dates": (
        "pandas",
        lambda: frame(pd().date_range("2026-01-01", periods=3)),
        ["datetime64", "column 'a'"],
        lambda X: X.assign(a=(X["a"] - X["a"].min()).dt.days),
    ),
    "pandas, large whole numbers beside floats": (
        "pandas",
        lambda: frame([2**53 + 1, 1, 2], [0.5, 1, 2]),
        ["9007199254740993 in row 0, column 'a'"],
        lambda X: np.asarray(X, dtype=float),
    ),
    "pandas, a list in a cell": ("json", lambda: frame([[1], [2], [3]]), ["list [1] in row 0, column 'a'"], None),
    "polars, words": (
        "polars",
        lambda: pl().DataFrame({"a": ["x", "y", "x"]}),
        ["'x' in row 0, column 'a' (X['a'][0])"],
        lambda X: X.to_dummies(["a"]),
    ),
    "polars, categories": (
        "polars",
        lambda: pl().DataFrame({"a": ["x", "y", "x"]}, schema={"a": pl().Categorical}),
        ["categories in column 'a'"],
        lambda X: X.to_dummies(["a"]),
    ),
    "polars, a gap": (
        "polars",
        lambda: polars([1, None, 3]),
        ["row 1, column 'a' (X['a'][1])"],
        lambda X: X.with_columns(X["a"].fill_null(strategy="mean")),
    ),
    "polars, NaN": (
        "polars",
        lambda: polars([1.0, float("nan"), None]),
        ["2 values in column 'a'"],
        lambda X: X.with_columns(X["a"].fill_nan(None).fill_null(strategy="mean")),
    ),
    "polars, dates": (
        "polars",
        lambda: polars([datetime.date(2026, 1, day) for day in (1, 2, 3)]),
        ["column 'a'", "total_days"],
        lambda X: X.with_columns((X["a"] - X["a"].min()).dt.total_days().alias("a")),
    ),
    "polars, lazy": ("polars", lambda: polars([1, 2, 3]).lazy(), ["not been computed"], lambda X: X.collect()),
    "pyarrow, words coded": (
        "pyarrow",
        lambda: ArrowTable(a=ArrowColumn(["x"], "dictionary<values=string>")),
        ["categories in column 'a'", "X.to_pandas()"],
        None,
    ),
    "sparse": ("scipy", lambda: sparse().csr_array(TABLE), ["sparse (csr_array"], lambda X: X.toarray()),
    "sparse, a mapping": ("scipy", lambda: sparse().dok_array(TABLE), ["sparse (dok_array"], lambda X: X.toarray()),
    "torch, with a gradient": (
        "torch",
        lambda: torch().tensor(TABLE, requires_grad=True),
        ["requires a gradient", "X.detach()"],
        lambda X: X.detach(),
    ),
    "torch, rows with a gradient": (
        "torch",
        lambda: list(torch().tensor(TABLE, requires_grad=True)),
        ["[row.detach() for row in X]"],
        lambda X: [row.detach() for row in X],
    ),
    "torch, sparse": ("torch", lambda: torch().tensor(TABLE).to_sparse(), ["X.to_dense()"], lambda X: X.to_dense()),
    "torch, complex": ("torch", lambda: torch().tensor(TABLE + 1j).conj(), ["complex128"], lambda X: X.real),
    "torch, without numbers": ("torch", lambda: torch().tensor(TABLE, device="meta"), ["on the device meta"], None),
    "too large for float32": ("numpy", lambda: TABLE * 1e300, ["6 values that are", "float32 can hold"], None),
}  # fmt: skip


@pytest.mark.parametrize(("source", "given", "words", "follow"), table(REFUSED))
def test_what_would_be_lost_is_refused_and_its_advice_works(
    source: str, given: Any, words: list[str], follow: Callable[[Any], Any] | None
) -> None:
    with pytest.raises(cr.ChainruleError) as caught:
        cr.predict(network(), given())
    for word in words:
        assert word in str(caught.value)
    if follow is not None:
        X = follow(given())
        cr.predict(cr.Network([cr.Dense(1)]), X)


@pytest.mark.parametrize("door", ["predict", "evaluate", "train"])
@pytest.mark.parametrize(("number", "told"), [(np.nan, "1 value"), (1e39, "1 value")], ids=["NaN", "beyond float32"])
def test_a_gap_in_a_mapped_file_is_found_by_its_row_and_column(
    tmp_path: Any, door: str, number: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.nn.validation._PIECE", 64)  # so that there are several
    X = np.ones((1000, 2))
    X[777, 1] = number
    mapped, y = memory_mapped(X, tmp_path), np.ones((1000, 1))
    call = {
        "predict": lambda: cr.predict(network(), mapped),
        "evaluate": lambda: cr.evaluate(network(), mapped, y),
        "train": lambda: cr.train(network(), mapped, y, epochs=1),
    }[door]
    with pytest.raises(cr.errors.InputError, match=r"1 value that is NaN or infinite, the first in row 777, column 1"):
        call()


def test_a_whole_number_in_a_mapped_file_that_floats_cannot_hold_is_found(tmp_path: Any) -> None:
    with pytest.raises(cr.errors.InputError, match=r"9007199254740993 in row 0, column 0 \(X\[0, 0\]\)"):
        cr.predict(network(), memory_mapped(BIG, tmp_path))


TARGETS: dict[str, tuple[str, Callable[[], Any], list[str], Callable[[Any], Any] | None]] = {
    "masked": ("numpy.ma", lambda: np.ma.array([0, 1, 0], mask=[0, 0, 1]), ["1 masked value", "(y[2])"], None),
    "words": (
        "csv",
        lambda: ["cat", "dog", "cat"],
        ["'cat' in row 0 (y[0])", "np.unique"],
        lambda y: np.unique(y, return_inverse=True)[1],
    ),
    "a column of words": (
        "pandas",
        lambda: pd().DataFrame({"kind": ["cat", "dog", "cat"]}),
        ["column 'kind'", "np.unique(y['kind'], return_inverse=True)"],
        lambda y: np.unique(y["kind"], return_inverse=True)[1],
    ),
    "a gap": (
        "pandas",
        lambda: pd().Series([0, 1, None], dtype="Int64"),
        ["NaN or infinite, the first in row 2 (y[2])"],
        None,
    ),
    "NaN": ("pandas", lambda: pd().Series([0, 1, None]), ["NaN or infinite, the first in row 2 (y[2])"], None),
    "sparse": ("scipy", lambda: sparse().csr_array([[0], [1], [0]]), ["sparse"], lambda y: y.toarray()),
    "with a gradient": (
        "torch",
        lambda: torch().tensor([0.0, 1, 0], requires_grad=True),
        ["y.detach()"],
        lambda y: y.detach(),
    ),
}


@pytest.mark.parametrize(("source", "given", "words", "follow"), table(TARGETS))
def test_targets_come_through_the_same_door(
    source: str, given: Any, words: list[str], follow: Callable[[Any], Any] | None
) -> None:
    classes = cr.Network([cr.Dense(2), cr.Softmax()])
    for call in (cr.evaluate, lambda *args: cr.train(*args, epochs=1)):
        with pytest.raises(cr.ChainruleError) as caught:
            call(classes, TABLE, given())
        for word in words:
            assert word in str(caught.value)
        if follow is not None:
            call(classes, TABLE, follow(given()))


def test_numbers_that_float32_cannot_tell_apart_are_warned_of_and_the_advice_works() -> None:
    """Times in seconds since 1970: float32 has every 128th."""
    X = 1.7e9 + np.arange(1000.0)[:, None]
    y = (X - X.mean()) / X.std()
    with pytest.warns(cr.errors.TrainingWarning, match="column 0 goes from 1700000000 to 1700000999.*multiples of 128"):
        cr.train(cr.Network([cr.Dense(1)]), X, y, epochs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.train(cr.Network([cr.Rescale.standard(X), cr.Dense(1)]), X, y, epochs=1)
        cr.train(cr.Network([cr.Dense(1)], dtype="float64"), X - 1.7e9, y, epochs=1)


HIDDEN = np.ma.array([[1.0, 2.0]], mask=[[True, False]])
DOORS: dict[str, Any] = {
    "Input": lambda: cr.Input("x", HIDDEN),
    "feed": lambda: cr.Graph(cr.tanh(cr.Input("x", [[1.0, 2.0]]))).forward(x=HIDDEN),
    "operator": lambda: cr.Parameter("a", [[1.0, 2.0]]) + HIDDEN,
    "assign": lambda: cr.Parameter("a", [[1.0, 2.0]]).assign(HIDDEN),
    "Rescale": lambda: cr.Rescale.standard(HIDDEN),
    "confusion": lambda: cr.confusion_matrix(np.eye(2), np.ma.array([0, 1], mask=[True, False])),
}


@pytest.mark.parametrize("door", DOORS)
def test_a_mask_is_seen_at_every_door(door: str) -> None:
    with pytest.raises(cr.errors.InputError, match="1 masked value, the first in row 0"):
        DOORS[door]()
    assert cr.Input("x", np.ma.array([[1.0, 2.0]])).value.tolist() == [[1.0, 2.0]]
