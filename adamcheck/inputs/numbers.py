"""How simple a number is to a reader, and simpler numbers near a given one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format

Float64 = NDArray[np.float64]


def complexity(values: Float64) -> Float64:
    """What it costs to read each number: 0 for zero, 1 for one, then signs, exponents, bits."""
    mantissa, exponent = np.frexp(np.where(np.isfinite(values), values, 1.0))
    scaled = np.abs(np.ldexp(mantissa, 53)).astype(np.int64)
    trailing = np.log2(np.maximum(scaled & -scaled, 1)).astype(np.int64)
    bits = 52 - trailing
    cost = 1.0 + 0.5 * np.signbit(values) + 0.125 * np.abs(exponent - 1) + 2.0 * bits
    cost = np.where(np.isfinite(values), cost, 4.0 + 0.5 * np.signbit(values))
    return np.where(values == 0.0, 0.5 * np.signbit(values), cost)


def powers_below(values: Float64) -> Float64:
    """Each number with its mantissa cut to one: ±2^k; zeros and non-finite ones stay."""
    return truncated(values, 1)


def truncated(values: Float64, bits: int) -> Float64:
    """Each number with its mantissa cut to so many bits; zeros and non-finite ones stay."""
    finite = np.isfinite(values)
    mantissa, exponent = np.frexp(np.where(finite, values, 1.0))
    cut = np.ldexp(np.trunc(np.ldexp(mantissa, bits)), exponent - bits)
    return np.where(finite, cut, values)


def rounded(values: Float64, fmt: Format) -> NDArray[Any]:
    """The numbers in the format's dtype; the caller has chosen numbers that it holds."""
    with np.errstate(all="ignore"):
        return values.astype(fmt.dtype)


def representable(values: Float64, fmt: Format) -> Float64:
    """The nearest numbers of the format, as float64; overflow stays at the largest."""
    finite = np.isfinite(values)
    clipped = np.where(finite, np.clip(values, -fmt.largest, fmt.largest), values)
    return rounded(clipped, fmt).astype(np.float64)
