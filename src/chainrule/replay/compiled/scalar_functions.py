"""What NumPy's functions are called in the compiled source: one line each, and a few helpers in full.

A ufunc stands for a scalar expression of its arguments. Nothing here knows an op. Float32 `exp` and `tanh` are
written out, because a loop over the C library's can't be vectorised: 7 and 11 µs for 12,800 numbers instead of 30
and 160. They are good to 1.5 units in the last place; the coefficients are those of the Cephes library (Moshier).
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

EXPRESSIONS: dict[Any, str] = {
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.negative: "-{0}",
    np.positive: "{0}",
    np.absolute: "abs({0})",
    np.fabs: "abs({0})",
    np.sign: "sign({0})",
    np.square: "square({0})",
    np.reciprocal: "reciprocal({0})",
    np.sqrt: "math.sqrt({0})",
    np.exp: "math.exp({0})",
    np.expm1: "math.expm1({0})",
    np.log: "math.log({0})",
    np.log1p: "math.log1p({0})",
    np.log10: "math.log10({0})",
    np.logaddexp: "logaddexp({0}, {1})",
    np.power: "math.pow({0}, {1})",
    np.sin: "math.sin({0})",
    np.cos: "math.cos({0})",
    np.tan: "math.tan({0})",
    np.arctan: "math.atan({0})",
    np.sinh: "math.sinh({0})",
    np.cosh: "math.cosh({0})",
    np.tanh: "math.tanh({0})",
    np.floor: "np.floor({0})",
    np.ceil: "np.ceil({0})",
    np.trunc: "np.trunc({0})",
    np.rint: "np.rint({0})",
    np.maximum: "maximum({0}, {1})",
    np.minimum: "minimum({0}, {1})",
    np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}",
    np.less: "{0} < {1}",
    np.less_equal: "{0} <= {1}",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
    np.isnan: "math.isnan({0})",
    np.isinf: "math.isinf({0})",
    np.isfinite: "math.isfinite({0})",
    np.logical_and: "{0} & {1}",
    np.logical_or: "{0} | {1}",
    np.logical_not: "not {0}",
    np.bitwise_and: "{0} & {1}",
    np.bitwise_or: "{0} | {1}",
    np.invert: "not {0}",
}
FLOAT32_EXPRESSIONS: dict[Any, str] = {np.exp: "exp({0})", np.tanh: "tanh({0})"}
ON_BOOLEANS = {np.logical_and, np.logical_or, np.logical_not, np.bitwise_and, np.bitwise_or, np.invert}

# Of a reduction: what folds a row, two numbers, and nothing.
FOLDS: dict[Any, tuple[str, str, float]] = {
    np.add: ("total", "{0} + {1}", 0.0),
    np.maximum: ("largest", "maximum({0}, {1})", -math.inf),
    np.minimum: ("smallest", "minimum({0}, {1})", math.inf),
}

# fastmath="reassoc" lets a sum be added up in lanes and nothing else: NaN and infinities stay what they are.
HELPERS: dict[str, str] = {
    "sign": """
@njit(error_model="numpy")
def sign(x):
    return type(x)(1) if x > 0 else type(x)(-1) if x < 0 else x
""",
    "square": """
@njit(error_model="numpy")
def square(x):
    return x * x
""",
    "reciprocal": """
@njit(error_model="numpy")
def reciprocal(x):
    return type(x)(1) / x
""",
    "maximum": '''
@njit(error_model="numpy")
def maximum(a, b):
    """The larger one; NaN if one is."""
    return a if (a >= b) | (a != a) else b
''',
    "minimum": '''
@njit(error_model="numpy")
def minimum(a, b):
    """The smaller one; NaN if one is."""
    return a if (a <= b) | (a != a) else b
''',
    "logaddexp": '''
@njit(error_model="numpy")
def logaddexp(a, b):
    """log(e^a + e^b)"""
    if a == b:
        return a + type(a)(0.6931471805599453)
    return maximum(a, b) + type(a)(math.log1p(math.exp(-abs(a - b))))
''',
    "exp": '''
@njit(error_model="numpy")
def exp(x):
    """e^x = 2^n e^r with a whole n and |r| <= log(2) / 2, where a polynomial is enough; x is float32."""
    x = f4(88.8) if x > f4(88.8) else x
    x = f4(-104.0) if x < f4(-104.0) else x
    # 1.5 * 2**23 is so large that adding it rounds to a whole number, which is then in the low bits.
    rounded = f4(x * f4(1.44269504) + f4(12582912.0))
    n = rounded - f4(12582912.0)
    r = (x - n * f4(0.693359375)) + n * f4(2.12194440e-4)
    p = f4(1.9875691500e-4)
    p = p * r + f4(1.3981999507e-3)
    p = p * r + f4(8.3334519073e-3)
    p = p * r + f4(4.1665795894e-2)
    p = p * r + f4(1.6666665459e-1)
    p = p * r + f4(5.0000001201e-1)
    p = (p * r) * r + r + f4(1)
    # 2^n in two factors, because 2^-150 and 2^128 are no float32: n goes where a float32 keeps its exponent.
    power = i4(f4(rounded).view(i4) - i4(0x4B400000))
    half = i4(power >> i4(1))
    first = i4(i4(half + i4(127)) << i4(23))
    second = i4(i4(i4(power - half) + i4(127)) << i4(23))
    return (p * i4(first).view(f4)) * i4(second).view(f4)
''',
    "tanh": '''
@njit(error_model="numpy")
def tanh(x):
    """x times a polynomial near 0, 1 - 2 / (e^2x + 1) elsewhere; x is float32."""
    size = abs(x)
    far = f4(1) - f4(2) / (exp(size + size) + f4(1))
    q = x * x
    p = f4(-5.70498872745e-3)
    p = p * q + f4(2.06390887954e-2)
    p = p * q + f4(-5.37397155531e-2)
    p = p * q + f4(1.33314422036e-1)
    p = p * q + f4(-3.33332819422e-1)
    near = (p * q) * x + x
    return near if size < f4(0.625) else -far if x < f4(0) else far
''',
    "choose": """
@njit(error_model="numpy")
def choose(condition, a, b):
    return a if condition else b
""",
    "total": '''
@njit(error_model="numpy", fastmath={"reassoc"})
def total(row, start):
    """The sum of a row, added to `start`."""
    for j in range(row.shape[0]):
        start += row[j]
    return start
''',
    "largest": '''
@njit(error_model="numpy")
def largest(row, start):
    """The largest of a row and `start`; NaN if one is."""
    for j in range(row.shape[0]):
        start = maximum(row[j], start)
    return start
''',
    "smallest": '''
@njit(error_model="numpy")
def smallest(row, start):
    """The smallest of a row and `start`; NaN if one is."""
    for j in range(row.shape[0]):
        start = minimum(row[j], start)
    return start
''',
    "all_finite": '''
@njit(error_model="numpy", fastmath={"reassoc"})
def all_finite(a):
    """Whether no element is NaN or infinite."""
    squares = a[0] * a[0]  # their sum is finite if they are; only if it is not, a closer look is needed
    for k in range(a.shape[0]):
        squares += a[k] * a[k]
    if math.isfinite(squares):
        return True
    for k in range(a.shape[0]):
        if not math.isfinite(a[k]):
            return False
    return True
''',
}


def helpers(source: str) -> str:
    """Return the helpers that some source calls, and those they call, in the order of the table."""
    needed: set[str] = set()
    texts = [source]
    while texts:
        text = texts.pop()
        found = {name for name in HELPERS if re.search(rf"(?<![\w.]){name}\(", text)} - needed
        needed |= found
        texts += [HELPERS[name] for name in found]
    order = ["maximum", "minimum", "exp", *HELPERS]
    return "\n".join(HELPERS[name] for name in dict.fromkeys(order) if name in needed)
