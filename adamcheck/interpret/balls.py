"""Ball arithmetic: values as python-flint ``arb`` enclosures, bounds as wide-exponent floats.

The top rung of the oracle: exact to any precision, without underflow, one element at a time. Bounds
need few digits but no underflow: gmpy2's mpfr where it is installed, mpmath's slower mpf elsewhere;
SLACK pays for their roundings.
"""

from __future__ import annotations

from typing import Any

import flint

from adamcheck.interpret.charges import SLACK, load_charges
from adamcheck.interpret.walk import Kit

try:
    import gmpy2
except ImportError:
    import mpmath

    _context = mpmath.mp.clone()
    _context.prec = 64
    _number, _sqrt, _infinity, _ldexp = _context.mpf, _context.sqrt, _context.inf, _context.ldexp
else:
    _number, _sqrt, _infinity = gmpy2.mpfr, gmpy2.sqrt, gmpy2.inf()

    def _ldexp(mantissa: int, exponent: int) -> Any:
        scale = gmpy2.mul_2exp if exponent >= 0 else gmpy2.div_2exp
        return scale(gmpy2.mpfr(mantissa), abs(exponent))


_BITS = 52


def _upper(value: Any) -> Any:
    """A bound not below |value|, a ball: its leading bits, rounded up."""
    if not value.is_finite():
        return _infinity
    mantissa, exponent = value.abs_upper().mid().man_exp()
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


BALLS = Kit(
    magnitude,
    _root,
    _larger_ball,
    _larger,
    _inverse,
    load_charges(larger=max, smaller=min, root=_root_of_bound, select=_select, slack=SLACK),
    _above_zero,
    _choice,
)


def bound(value: float) -> Any:
    """A float as a number of the bounds' type."""
    return _number(value)


def ball(value: float) -> Any:
    """A float as an exact ball."""
    return flint.arb(value)
