"""A correctly rounded a·b + c over arrays, for the orders that contract multiply and add.

Narrow formats: the product is exact in float64, the sum is rounded to odd there, and rounding that
to the narrow format is then correct. float64: Boldo and Melquiond's algorithm, and exact fractions
where its intermediates could overflow or lose bits.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
_SPLIT = 134217729.0  # 2^27 + 1


def fma(a: Any, b: Any, c: Any, dtype: Any) -> Array:
    """Round a·b + c once to ``dtype``; operands are arrays or scalars of that format."""
    a, b, c = np.broadcast_arrays(*(np.asarray(x, np.float64) for x in (a, b, c)))
    if np.dtype(dtype) == np.float64:
        return _fma64(a, b, c)
    odd = _sum_to_odd(a * b, c)
    if np.dtype(dtype) == ml_dtypes.bfloat16:
        odd = _to_odd_float32(odd)  # the conversion passes through float32, and would round twice
    return np.asarray(odd.astype(dtype))


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Knuth: the rounded sum and its error, exactly."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Dekker: the rounded product and its error, exact within the range that _fma64 checks."""
    p = a * b
    ah, bh = _SPLIT * a, _SPLIT * b
    ah, bh = ah - (ah - a), bh - (bh - b)
    al, bl = a - ah, b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _sum_to_odd(a: Array, b: Array) -> Array:
    """a + b rounded to odd: where inexact, the neighbour whose last bit is one."""
    s, error = two_sum(a, b)
    bits = np.atleast_1d(s).view(np.int64)
    inexact = np.isfinite(s) & (error != 0) & ((bits & 1).reshape(s.shape) == 0)
    if not inexact.any():
        return s
    away = np.where(error > 0, np.inf, -np.inf)
    return np.where(inexact, np.nextafter(s, away), s)


def _to_odd_float32(x: Array) -> Array:
    narrow = x.astype(np.float32)
    back = narrow.astype(np.float64)
    even = (np.atleast_1d(narrow).view(np.int32) & 1).reshape(narrow.shape) == 0
    away = np.where(x > back, np.float32(np.inf), np.float32(-np.inf))
    inexact = np.isfinite(narrow) & (x != back) & even
    return np.where(inexact, np.nextafter(narrow, away), narrow)


def _fma64(a: Array, b: Array, c: Array) -> Array:
    uh, ul = two_product(a, b)
    th, tl = two_sum(c, ul)
    vh, vl = two_sum(uh, th)
    z = vh + _sum_to_odd(tl, vl)
    plain = a * b + c
    z = np.where(uh == 0, plain, z)  # an exact product; also keeps the sign of a zero
    big = np.maximum(np.maximum(np.abs(a), np.abs(b)), np.maximum(np.abs(uh), np.abs(c)))
    exact = (a == 0) | (b == 0)
    unsafe = ~exact & ((np.abs(uh) < 2.0**-960) | (big > 2.0**990))
    if unsafe.any():
        finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
        z = np.where(unsafe, plain, z)
        for k in zip(*np.nonzero(unsafe & finite), strict=True):
            z[k] = _exactly(float(a[k]), float(b[k]), float(c[k]))
    return z


def _exactly(a: float, b: float, c: float) -> float:
    total = Fraction(a) * Fraction(b) + Fraction(c)
    try:
        return float(total) if total else a * b + c
    except OverflowError:
        return float("inf") if total > 0 else float("-inf")
