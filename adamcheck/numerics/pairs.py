"""Double-double on NumPy arrays: the same algorithms as double_double.py, without compiling.

Products are made exact by Dekker's and Veltkamp's splitting instead of a fused multiply-add;
bounds and sources are those of double_double.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adamcheck.numerics.double_double import fast_two_sum, two_sum
from adamcheck.numerics.walk import ARRAYS, Backend

_SPLIT = 2.0**27 + 1.0
_LARGE, _DOWN = 2.0**480, 2.0**-500


@dataclass(frozen=True, eq=False)
class Pair:
    """The unevaluated sum hi + lo, each a float64 array (or scalar)."""

    hi: Any
    lo: Any

    def __neg__(self) -> Pair:
        return Pair(-self.hi, -self.lo)

    def __add__(self, other: Any) -> Pair:
        y = _pair(other)
        sh, sl = two_sum(self.hi, y.hi)
        th, tl = two_sum(self.lo, y.lo)
        vh, vl = fast_two_sum(sh, sl + th)
        return Pair(*fast_two_sum(vh, tl + vl))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Pair:
        return self + (-_pair(other))

    def __rsub__(self, other: Any) -> Pair:
        return _pair(other) + (-self)

    def __mul__(self, other: Any) -> Pair:
        y = _pair(other)
        ch, cl = _two_product(self.hi, y.hi)
        cross = self.hi * y.lo + (self.lo * y.hi + self.lo * y.lo)
        return Pair(*fast_two_sum(ch, cl + cross))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Pair:
        y = _pair(other)
        th = self.hi / y.hi
        r = y * Pair(th, np.zeros_like(th))
        rest = (self.hi - r.hi) + (self.lo - r.lo)
        return Pair(*fast_two_sum(th, rest / y.hi))

    def __rtruediv__(self, other: Any) -> Pair:
        return _pair(other) / self

    def __pow__(self, other: Any) -> Pair:
        """One number to the power of another, by mpmath: for constants, not for arrays."""
        import mpmath

        context = mpmath.MPContext()  # not the host's
        context.prec = 240
        base, exponent = (context.mpf(float(x.hi)) + float(x.lo) for x in (self, _pair(other)))
        power = context.power(base, exponent)
        high = float(power)
        return Pair(np.float64(high), np.float64(float(power - high)))


def _halves(a: Any) -> tuple[Any, Any]:
    c = _SPLIT * a
    high = c - (c - a)
    return high, a - high


def _two_product(a: Any, b: Any) -> tuple[Any, Any]:
    """a·b = p + e exactly; large factors are scaled by powers of two before they are split."""
    p = a * b
    down_a, down_b = _scale(a), _scale(b)
    if down_a is None and down_b is None:
        return p, _rest(a, b, p)
    one = np.float64(1.0)
    down_a, down_b = one if down_a is None else down_a, one if down_b is None else down_b
    return p, _rest(a * down_a, b * down_b, p * down_a * down_b) / down_a / down_b


def _scale(a: Any) -> Any:
    large = np.abs(a) > _LARGE
    return np.where(large, _DOWN, 1.0) if np.any(large) else None


def _rest(a: Any, b: Any, p: Any) -> Any:
    ah, al = _halves(a)
    bh, bl = _halves(b)
    return ((ah * bh - p) + ah * bl + al * bh) + al * bl


def _pair(x: Any) -> Pair:
    return x if isinstance(x, Pair) else Pair(np.float64(x), np.float64(0.0))


def _root(x: Pair) -> Pair:
    sh = np.sqrt(x.hi)
    p, e = _two_product(sh, sh)
    rest = x.lo + ((x.hi - p) - e)
    return Pair(*fast_two_sum(sh, rest / np.where(sh > 0.0, sh + sh, 1.0)))


def _larger(x: Pair, y: Any) -> Pair:
    y = _pair(y)
    first = (x.hi > y.hi) | ((x.hi == y.hi) & (x.lo >= y.lo))
    return Pair(np.where(first, x.hi, y.hi), np.where(first, x.lo, y.lo))


def _magnitude(x: Any) -> Any:
    return np.abs(x.hi) if isinstance(x, Pair) else np.abs(x)


def _high(x: Pair) -> Any:
    return x.hi


def _above_zero(x: Any) -> Any:
    x = _pair(x)
    return (x.hi > 0.0) | ((x.hi == 0.0) & (x.lo > 0.0))


def _choice(x: Any, a: Any, b: Any) -> Pair:
    first, a, b = _above_zero(x), _pair(a), _pair(b)
    return Pair(np.where(first, a.hi, b.hi), np.where(first, a.lo, b.lo))


PAIRS = Backend(
    _magnitude,
    _root,
    _larger,
    ARRAYS.larger,
    ARRAYS.reciprocal_bound,
    ARRAYS.error_bounds,
    _above_zero,
    _choice,
)
SINGLES = replace(ARRAYS, narrow=_high, clocks=PAIRS)
"""Elements in float64, scalars in double-double: 1 - β^t in float64 would lose too many bits."""
