"""Ball arithmetic: values as python-flint ``arb`` enclosures, bounds as wide-exponent floats.

The top level of the oracle: exact to any precision, without underflow, one element at a time.
Bounds need few digits but no underflow: gmpy2's mpfr where it is installed, mpmath's slower mpf
elsewhere; SLACK pays for their roundings. All of it runs inside ``working``, never in a context
that the host program set.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Final

import flint

from adamcheck.numerics.error_bounds import SLACK, load_error_bounds
from adamcheck.numerics.walk import Backend

_PRECISION = 64
"""Bits of a bound: its roundings, 2^-64 each, are far below the 2^-24 that SLACK pays for."""

try:
    import gmpy2
except ImportError:
    import mpmath

    _context = mpmath.MPContext()
    _context.prec = _PRECISION
    _number, _sqrt, _infinity, _ldexp = _context.mpf, _context.sqrt, _context.inf, _context.ldexp
    _bounds: Any = nullcontext
else:
    _sqrt, _infinity = gmpy2.sqrt, gmpy2.inf()
    _ONE = gmpy2.mpfr(1)

    def _number(value: float) -> Any:
        return _ONE * value  # ten times as fast as its constructor

    def _bounds() -> Any:
        return gmpy2.context(precision=_PRECISION)

    def _ldexp(mantissa: int, exponent: int) -> Any:
        scale = gmpy2.mul_2exp if exponent >= 0 else gmpy2.div_2exp
        return scale(gmpy2.mpfr(mantissa), abs(exponent))


_BITS = 52
"""Bits kept of a ball's magnitude when it becomes a bound, rounded outwards."""
_NORMAL: Final = 2.0**-1000, 2.0**1000
"""Magnitudes that a float64 holds with all its digits, and the next one too."""


@contextmanager
def working(precision: int) -> Iterator[None]:
    """Balls of ``precision`` bits and bounds rounded to nearest, whatever the host has set."""
    with flint.ctx.workprec(precision), _bounds():
        yield


def _upper(value: Any) -> Any:
    """A bound not below |value|, a ball: its leading bits, rounded up."""
    if not value.is_finite():
        return _infinity
    upper = value.abs_upper()
    near = float(upper)  # less than its last place away
    if _NORMAL[0] < near < _NORMAL[1]:
        return _number(math.nextafter(near, math.inf))
    if upper.is_zero():
        return _number(0.0)
    mantissa, exponent = upper.mid().man_exp()
    excess = max(int(mantissa).bit_length() - _BITS, 0)
    return _ldexp((int(mantissa) >> excess) + (excess > 0), int(exponent) + excess)


def lower_magnitude(value: Any) -> Any:
    """A bound not above |value|, a ball: its leading bits, cut."""
    mantissa, exponent = value.abs_lower().mid().man_exp()
    excess = max(int(mantissa).bit_length() - _BITS, 0)
    return _ldexp(int(mantissa) >> excess, int(exponent) + excess)


def magnitude(value: Any) -> Any:
    """Upper bound of |value| for a ball; |value| itself for a bound."""
    return _upper(value) if isinstance(value, flint.arb) else abs(value)


def _root(value: Any) -> Any:
    return value.sqrt()


def _root_of_bound(value: Any) -> Any:
    return _sqrt(value)


def _select(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _inverse(a: Any, e: Any) -> Any:
    return SLACK / (a - e) if 2 * e < a else _infinity


def _larger(a: Any, b: Any) -> Any:
    return max(a, b)


def _larger_ball(a: Any, b: Any) -> Any:
    return a.max(b)


def _above_zero(value: Any) -> Any:
    return value > 0


def _choice(x: Any, a: Any, b: Any) -> Any:
    return a if x > 0 else b


BALLS = Backend(
    magnitude,
    _root,
    _larger_ball,
    _larger,
    _inverse,
    load_error_bounds(larger=max, smaller=min, root=_root_of_bound, select=_select, slack=SLACK),
    _above_zero,
    _choice,
)


def bound(value: float) -> Any:
    """A float as a number of the bounds' type; exact inside ``working``."""
    return _number(value)


def ball(value: float) -> Any:
    """A float as an exact ball."""
    return flint.arb(value)
