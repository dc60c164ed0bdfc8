"""Matrix products by NumPy's own BLAS: the same bits as when called, one pool of threads, and no SciPy.

numba multiplies by SciPy's BLAS, another build, up to a tenth slower (161 for 144 µs at (64, 784) @ (784, 200)).
Where NumPy was built on OpenBLAS its functions can be found and called; elsewhere numba's way is taken.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np
from threadpoolctl import threadpool_info

_BY_NUMPY = '''
PLAIN, TURNED = i4(111), i4(112)  # BLAS's numbers for a table as it lies, and for its transpose
_long = types.{integer}
sgemm = types.ExternalFunction("chainrule_sgemm", types.void(
    *[types.int32] * 3, *[_long] * 3, types.float32, *[types.intp, _long] * 2, types.float32, types.intp, _long))
dgemm = types.ExternalFunction("chainrule_dgemm", types.void(
    *[types.int32] * 3, *[_long] * 3, types.float64, *[types.intp, _long] * 2, types.float64, types.intp, _long))


@njit(error_model="numpy")
def product(a, b, out, way_a, way_b):
    """out = a @ b, either of them transposed first if its way is TURNED."""
    inner = a.shape[1] if way_a == PLAIN else a.shape[0]
    {gemm}(101, way_a, way_b, out.shape[0], out.shape[1], inner, {dtype}(1), a.ctypes.data, a.shape[1],
          b.ctypes.data, b.shape[1], {dtype}(0), out.ctypes.data, out.shape[1])
'''
_BY_NUMBA = '''
PLAIN, TURNED = i4(111), i4(112)


@njit(error_model="numpy")
def product(a, b, out, way_a, way_b):
    """out = a @ b, either of them transposed first if its way is TURNED."""
    if way_a == PLAIN and way_b == PLAIN:
        np.dot(a, b, out)
    elif way_b == PLAIN:
        np.dot(a.T, b, out)
    elif way_a == PLAIN:
        np.dot(a, b.T, out)
    else:
        np.dot(a.T, b.T, out)
'''


def product_source(dtype: np.dtype[np.generic]) -> str:
    """Return the source of `product` for tables of a dtype."""
    integer = _registered()
    if integer is None:
        return _BY_NUMBA
    gemm, name = ("sgemm", "f4") if dtype == np.float32 else ("dgemm", "f8")
    return _BY_NUMPY.format(integer=integer, gemm=gemm, dtype=name)


@cache
def _registered() -> str | None:
    """Make NumPy's products known to the compiler; return the type of their lengths, None if there are none."""
    from llvmlite import binding

    for library in threadpool_info():
        # numpy.libs on Linux and Windows, numpy/.dylibs on macOS: not another package's copy
        if library["internal_api"] != "openblas" or "numpy" not in library["filepath"]:
            continue
        functions = ctypes.CDLL(library["filepath"])
        for prefix in ("scipy_", ""):
            for suffix, integer in (("64_", "int64"), ("", "int32")):
                names = [f"{prefix}cblas_{kind}gemm{suffix}" for kind in "sd"]
                if all(hasattr(functions, name) for name in names):
                    for kind, name in zip("sd", names):
                        address = ctypes.cast(getattr(functions, name), ctypes.c_void_p).value
                        binding.add_symbol(f"chainrule_{kind}gemm", address)
                    return integer
    return None
