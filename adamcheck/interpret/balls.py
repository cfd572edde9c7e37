"""Ball arithmetic: values as python-flint ``arb`` enclosures, bounds as mpmath numbers.

The top rung of the oracle: exact to any precision, without underflow, one element at a time.
"""

from __future__ import annotations

from typing import Any

import flint
import mpmath

from adamcheck.interpret.charges import SLACK, load_charges
from adamcheck.interpret.walk import Kit

_context = mpmath.mp.clone()
_context.prec = 64


def _upper(value: Any) -> Any:
    """An mpmath number not below |value|, a ball."""
    mantissa, exponent = value.abs_upper().mid().man_exp() if value.is_finite() else (1, 1 << 40)
    excess = max(int(mantissa).bit_length() - 60, 0)
    return _context.ldexp((int(mantissa) >> excess) + (excess > 0), int(exponent) + excess)


def lower_magnitude(value: Any) -> Any:
    """An mpmath number not above |value|, a ball (its low 64 bits are cut towards zero)."""
    mantissa, exponent = value.abs_lower().mid().man_exp()
    excess = max(int(mantissa).bit_length() - 60, 0)
    return _context.ldexp(int(mantissa) >> excess, int(exponent) + excess)


def magnitude(value: Any) -> Any:
    """Upper bound of |value| for a ball; |value| itself for a bound."""
    return _upper(value) if isinstance(value, flint.arb) else abs(value)


def _root(value: Any) -> Any:
    return value.sqrt()


def _root_of_bound(value: Any) -> Any:
    return _context.sqrt(value)


def _select(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _inverse(a: Any, e: Any) -> Any:
    return SLACK / (a - e) if 2 * e < a else _context.inf


def _larger(a: Any, b: Any) -> Any:
    return max(a, b)


def _larger_ball(a: Any, b: Any) -> Any:
    return a.max(b)


BALLS = Kit(
    magnitude,
    _root,
    _larger_ball,
    _larger,
    _inverse,
    load_charges(larger=max, smaller=min, root=_root_of_bound, select=_select, slack=SLACK),
)


def bound(value: float) -> Any:
    """A float as a number of the bounds' type."""
    return _context.mpf(value)


def ball(value: float) -> Any:
    """A float as an exact ball."""
    return flint.arb(value)
