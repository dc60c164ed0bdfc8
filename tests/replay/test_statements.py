"""Calls become statements on tables, or are refused with the reason; products find NumPy's own BLAS, or numba's way."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from chainrule.replay.compiled import Uncompilable, blas
from chainrule.replay.compiled.statements import statements_of
from chainrule.replay.recording import Buffer, Call, Operand, Tape
from tests.referees import needed

needed("numba", "fast")
START = np.linspace(-1, 1, 24).reshape(4, 6)


def _placed(array: Any, key: Any, value: Any) -> Any:
    array[key] = value
    return array


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "an unknown function": (np.cbrt, r"np\.cbrt"),
    "logic of numbers": (lambda a: np.logical_and(a, a * 2), r"np\.logical_and of numbers"),
    "half precision": (lambda a: a.astype(np.float16) * 2, "arrays of float16"),
    "complex numbers": (lambda a: a.astype(np.complex128) * 2, "arrays of complex128"),
    "a product of unlike numbers": (
        lambda a: a.astype(np.float32) @ a.T,
        "a matrix product of unlike or whole numbers",
    ),
    "a product of whole numbers": (lambda a: (a.astype(np.int64)) @ a.T.astype(np.int64), "unlike or whole numbers"),
    "a product with a constant vector": (lambda a: a @ np.ones(6), "a matrix product of other than two tables"),
    "a product of all": (lambda a: np.multiply.reduce(a, axis=0), r"np\.multiply\.reduce"),
    "a sum of nothing": (lambda a: a[:0].sum(axis=0), "a reduction of nothing"),
    "how many are positive": (lambda a: (a > 0).sum(axis=0), "a reduction in int64 into int64"),
    "a sum over the axis in the middle": (lambda a: a.reshape(2, 3, 4).sum(axis=1), "over axis 1 of 3"),
    "axes that do not fold": (
        lambda a: a.reshape(2, 3, 4) * a.reshape(2, 3, 4)[:1, :, :1],
        r"arrays of \(2, 3, 4\) and \(1, 3, 1\) together",
    ),
    "more axes than there is room for": (
        lambda a: _placed(np.zeros_like(a), 0, a[None, None, 1]),
        "an array of more axes than its result",
    ),
    "axes with gaps": (lambda a: a.reshape(2, 3, 4)[:, :, ::2] * 2, "an array of 3 axes with gaps"),
}


@pytest.mark.parametrize(("function", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_statement_is_refused_with_the_reason(function: Callable[[Any], Any], reason: str) -> None:
    tape = Tape()
    function(tape.wrap(START.copy()))
    with pytest.raises(Uncompilable, match=reason):
        statements_of(tape.calls)


def test_an_op_that_could_not_be_recorded_has_no_statement() -> None:
    out = Operand(Buffer(START), START)
    with pytest.raises(Uncompilable, match=r"an op that could not be recorded \(op\)"):
        statements_of([Call(np.tanh, "op", [out], out, {})])


def test_a_product_is_not_written_into_a_table_with_gaps() -> None:
    wide = np.zeros((4, 8))
    a, out = Operand(Buffer(START), START), Operand(Buffer(wide), wide[:, ::2])
    call = Call(np.matmul, "call", [a, Operand(a.buffer, START.T)], out, {})
    with pytest.raises(Uncompilable, match="a matrix product into a table with gaps"):
        statements_of([call])
    call.out = Operand(Buffer(wide), wide.reshape(-1)[:16].reshape(4, 4))
    assert [statement.kind for statement in statements_of([call])] == ["product"]


def test_a_table_with_gaps_is_copied_before_it_is_multiplied() -> None:
    tape = Tape()
    a = tape.wrap(START.copy())
    assert (a[:, ::2] @ a[:3]).shape == (4, 6)
    copy, product = statements_of(tape.calls)
    assert (copy.kind, copy.function, product.kind) == ("each", np.copyto, "product")
    assert copy.out.buffer is product.reads[0].buffer
    assert copy.out.operand.array.flags.c_contiguous
    assert product.reads[1].buffer is a.operand.buffer


@pytest.mark.parametrize(
    ("function", "kind", "table"),
    [
        (lambda a: a.sum(), "total", (4, 6)),
        (lambda a: a.sum(axis=1), "row", (4, 6)),
        (lambda a: a.sum(axis=0), "column", (4, 6)),
        (lambda a: a[:1].sum(), "row", (1, 6)),
        (lambda a: a[:, 0].sum(), "row", (1, 4)),
        (lambda a: a[:1].sum(axis=0), "each", (1, 6)),
        (lambda a: a[:, :1].sum(axis=1), "each", (4, 1)),
        (lambda a: a.reshape(2, 3, 4).sum(axis=(1, 2)), "row", (2, 12)),
        (lambda a: a.reshape(2, 3, 4).sum(axis=(0, 1)), "column", (6, 4)),
    ],
)
def test_a_fold_is_of_rows_of_columns_or_of_all(
    function: Callable[[Any], Any], kind: str, table: tuple[int, int]
) -> None:
    tape = Tape()
    function(tape.wrap(START.copy()))
    (statement,) = statements_of(tape.calls)
    assert (statement.kind, (statement.rows, statement.columns)) == (kind, table)


@pytest.fixture
def looked_up_anew() -> Iterator[None]:
    """Let BLAS be looked for in this test, and afterwards once more."""
    blas._registered.cache_clear()
    yield
    blas._registered.cache_clear()


LIBRARIES = {
    "none": [],
    "another one": [{"internal_api": "mkl", "filepath": "numpy.libs/libmkl.so"}],
    "that of another package": [{"internal_api": "openblas", "filepath": "scipy.libs/libopenblas.so"}],
    "one without the functions": [{"internal_api": "openblas", "filepath": "numpy.libs/libopenblas.so"}],
}


@pytest.mark.parametrize("found", LIBRARIES.values(), ids=LIBRARIES)
@pytest.mark.usefixtures("looked_up_anew")
def test_without_blas_of_numpys_own_products_are_numbas(
    monkeypatch: pytest.MonkeyPatch, found: list[dict[str, str]]
) -> None:
    monkeypatch.setattr(blas, "threadpool_info", lambda: found)
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(cblas_sgemm=None))
    source = blas.product_source(np.dtype(np.float64))
    assert "ExternalFunction" not in source
    names: dict[str, Any] = {"np": np, "i4": np.int32, "njit": lambda **told: lambda function: function}
    exec(source, names)
    plain, turned = names["PLAIN"], names["TURNED"]
    a, b = START.copy(), START.T.copy()
    for first, way_a in ((a, plain), (a.T.copy(), turned)):
        for second, way_b in ((b, plain), (b.T.copy(), turned)):
            out = np.zeros((4, 4))
            names["product"](first, second, out, way_a, way_b)
            np.testing.assert_array_equal(out, START @ START.T)


@pytest.mark.parametrize(
    ("exported", "integer"),
    [
        (["scipy_cblas_sgemm64_", "scipy_cblas_dgemm64_"], "int64"),
        (["cblas_sgemm64_", "cblas_dgemm64_", "scipy_cblas_sgemm64_"], "int64"),
        (["cblas_sgemm", "cblas_dgemm", "cblas_sgemm64_"], "int32"),
    ],
)
@pytest.mark.usefixtures("looked_up_anew")
def test_blas_of_numpys_own_is_called_by_the_names_that_it_has(
    monkeypatch: pytest.MonkeyPatch, exported: list[str], integer: str
) -> None:
    from llvmlite import binding

    symbols: dict[str, int] = {}
    functions = {name: ctypes.c_void_p(i) for i, name in enumerate(exported, 1)}
    monkeypatch.setattr(blas, "threadpool_info", lambda: LIBRARIES["one without the functions"])
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(**functions))
    monkeypatch.setattr(binding, "add_symbol", symbols.__setitem__)
    for dtype, name in ((np.float32, "sgemm"), (np.float64, "dgemm")):
        source = blas.product_source(np.dtype(dtype))
        assert f"_long = types.{integer}\n" in source
        assert f"    {name}(101, way_a, way_b" in source
    assert symbols == {"chainrule_sgemm": 1, "chainrule_dgemm": 2}
