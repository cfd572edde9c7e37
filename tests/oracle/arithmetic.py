"""IEEE arithmetic of any format over arrays, with exact fused multiply-add and flush-to-zero.

Written for the tests alone and independent of the zoo. NumPy's and ml_dtypes' single operations are
correctly rounded in all four formats; the fused one is rounded once from an odd-rounded sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from adamcheck.formats import FORMATS, Format

Array = np.ndarray[Any, np.dtype[Any]]


@intrinsic
def fma_intrinsic(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a·b + c with one rounding, as LLVM's intrinsic."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


@njit(error_model="numpy", cache=True)
def _fma64(a: Array, b: Array, c: Array, out: Array) -> None:
    for i in range(out.size):
        out[i] = fma_intrinsic(a[i], b[i], c[i])


def round_to(x: Array, fmt: Format) -> Array:
    """float64 numbers rounded to nearest, ties to even, in a narrower format (as float64)."""
    _, exponent = np.frexp(x)
    grain = np.maximum(exponent - 1, fmt.min_exponent) - (fmt.precision - 1)
    rounded = np.ldexp(np.rint(np.ldexp(x, -grain)), grain)
    return np.where(np.abs(rounded) > fmt.largest, np.copysign(np.inf, x), rounded)


def _to_odd(a: Array, b: Array) -> Array:
    """a + b in float64, inexact sums moved to the neighbour with an odd last bit."""
    s = a + b
    t = s - a
    error = (a - (s - t)) + (b - t)
    odd = (np.ascontiguousarray(s).view(np.int64) & 1).astype(bool)
    move = np.isfinite(s) & (error != 0) & ~odd
    return np.where(move, np.nextafter(s, np.where(error > 0, np.inf, -np.inf)), s)


@dataclass(frozen=True)
class Arithmetic:
    """Operations on arrays of one format; ``flush`` loses subnormal operands and results."""

    fmt: Format
    flush: bool = False

    @classmethod
    def of(cls, name: str, *, flush: bool = False) -> Arithmetic:
        return cls(FORMATS[name], flush)

    def cast(self, x: Any) -> Array:
        """Round numbers of any format to this one."""
        return self._out(np.asarray(x).astype(self.fmt.dtype))

    def add(self, a: Array, b: Array) -> Array:
        return self._out(self._in(a) + self._in(b))

    def sub(self, a: Array, b: Array) -> Array:
        return self._out(self._in(a) - self._in(b))

    def mul(self, a: Array, b: Array) -> Array:
        return self._out(self._in(a) * self._in(b))

    def div(self, a: Array, b: Array) -> Array:
        return self._out(self._in(a) / self._in(b))

    def sqrt(self, a: Array) -> Array:
        return self._out(np.sqrt(self._in(a)))

    def maximum(self, a: Array, b: Array) -> Array:
        return np.maximum(a, b)

    def fma(self, a: Array, b: Array, c: Array) -> Array:
        """a·b + c, rounded once."""
        wide = [self._in(x).astype(np.float64) for x in np.broadcast_arrays(a, b, c)]
        if self.fmt.precision == 53:
            out = np.empty(wide[0].shape)
            _fma64(*(np.ascontiguousarray(x).reshape(-1) for x in wide), out.reshape(-1))
            return self._out(out)
        exact = round_to(_to_odd(wide[0] * wide[1], wide[2]), self.fmt)
        return self._out(exact.astype(self.fmt.dtype))

    def _in(self, x: Array) -> Array:
        return self._out(x) if self.flush else x

    def _out(self, x: Array) -> Array:
        if not self.flush:
            return x
        tiny = np.abs(x).astype(np.float64) < self.fmt.smallest_normal
        return np.where(tiny, np.copysign(np.zeros_like(x), x), x)
