"""The envelope's arithmetic: how far an admissible evaluation of one operation may land.

Each function bounds |computed - exact| of one operation from magnitudes and bounds of its operands;
proofs/rounding_envelope proves them. They run on NumPy arrays, inside compiled kernels and on wide
floats: only the four helpers ``larger``, ``smaller``, ``root``, ``select`` differ
(load_error_bounds).

Conventions: a, b, ... are magnitudes of computed reference values; ea, eb, ... bound the distance
of every admissible evaluation from the exact value; gamma_k = k·u/(1-k·u) bounds k roundings;
eta is what an underflow may lose. SLACK pays for evaluating the bound itself in float64 and for
using the reference level's magnitudes (off by at most 2^-28 of the bound) in place of exact ones.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

SLACK = 1.0 + 2.0**-24
TINIEST = 2.0**-1074

larger: Any = np.maximum
smaller: Any = np.minimum
root: Any = np.sqrt
select: Any = np.where


def total(s: Any, ea: Any, eb: Any, gamma: Any, eta: Any) -> Any:
    """A sum or difference of magnitude s: the operands' errors and one rounding."""
    moved = ea + eb
    return (moved + gamma * (s + moved) + eta) * SLACK


def product(a: Any, ea: Any, b: Any, eb: Any, gamma: Any, eta: Any) -> Any:
    """A product: |âb̂ - ab| <= |â||b̂ - b| + |b||â - a|, then its roundings."""
    high = a + ea
    return (high * eb + b * ea + gamma * (high * (b + eb)) + eta) * SLACK


def quotient(q: Any, ea: Any, b: Any, eb: Any, gamma: Any, eta: Any) -> Any:
    """A quotient of magnitude q by b; infinite once the divisor is known to less than a half."""
    moved = (ea + q * eb) / larger(b - eb, TINIEST)
    return select(eb + eb < b, (moved + gamma * (q + moved) + eta) * SLACK, np.inf)


def scaled_down(q: Any, ea: Any, eb: Any, inverse: Any, gamma: Any, eta: Any) -> Any:
    """A quotient by a scalar whose 1/(b - eb) was taken once (infinite where 2·eb >= b)."""
    moved = (ea + q * eb) * inverse
    return (moved + gamma * (q + moved) + eta) * SLACK


def radical(r: Any, ev: Any, gamma: Any) -> Any:
    """A root of value r: |√v̂ - √v| <= min(ev/√v, √ev), then its roundings."""
    moved = smaller(ev / larger(r, TINIEST), root(ev))
    return (moved + gamma * (r + moved)) * SLACK


def average(
    beta: Any,
    ebeta: Any,
    w: Any,
    ew: Any,
    old: Any,
    eold: Any,
    new: Any,
    enew: Any,
    result: Any,
    u: Any,
    gamma2: Any,
    gamma4: Any,
    eta: Any,
) -> Any:
    """β·old + w·new in any order: as written, old + w(new - old), new - β(new - old) for β < 1/2.

    In the difference forms β is 1 - ŵ, so β inherits ŵ's error; their roundings are proportional to
    w(|old| + |new|), four at most (two casts, the difference, the product).
    """
    # b - beta would lose off where off is below beta's last bit
    off = larger(ebeta, ew)
    b = beta + off
    high = w + ew
    o = old + eold
    n = new + enew
    moved = b * eold + high * enew + off * old + ew * new
    moved = moved + larger(gamma2 * b, gamma4 * high) * o + gamma4 * high * n
    return (moved + u * (result + moved) + eta * (3.0 + o + n)) * SLACK


def unless_zero(size: Any, eta: Any) -> Any:
    """What underflow may take, eta; nothing from operands that are exactly 0, of size 0."""
    return select(size > 0.0, eta, 0.0)


def underflowed(a: Any, e: Any, eta: Any) -> Any:
    """The bound e of a value of magnitude a that is multiplied and loses eta; 0 loses nothing."""
    return e + unless_zero(a + e, eta)


def total_or_zero(s: Any, a: Any, ea: Any, b: Any, eb: Any, gamma: Any, eta: Any) -> Any:
    """total, of operands of magnitudes a and b; 0 where both are exactly 0."""
    return total(s, ea, eb, gamma, unless_zero(a + b + (ea + eb), eta))


def product_or_zero(a: Any, ea: Any, b: Any, eb: Any, gamma: Any, eta: Any) -> Any:
    """product; 0 where a factor is exactly 0, as the other one is finite."""
    return product(a, ea, b, eb, gamma, unless_zero(smaller(a + ea, b + eb), eta))


def quotient_or_zero(q: Any, ea: Any, b: Any, eb: Any, gamma: Any, eta: Any) -> Any:
    """quotient; 0 where the dividend is exactly 0."""
    return quotient(q, ea, b, eb, gamma, unless_zero(q + ea, eta))


def scaled_down_or_zero(q: Any, ea: Any, eb: Any, inverse: Any, gamma: Any, eta: Any) -> Any:
    """scaled_down; 0 where the dividend is exactly 0."""
    return scaled_down(q, ea, eb, inverse, gamma, unless_zero(q + ea, eta))


def average_or_zero(
    beta: Any,
    ebeta: Any,
    w: Any,
    ew: Any,
    old: Any,
    eold: Any,
    new: Any,
    enew: Any,
    result: Any,
    u: Any,
    gamma2: Any,
    gamma4: Any,
    eta: Any,
) -> Any:
    """average; 0 where both the old and the new value are exactly 0."""
    kept = unless_zero(old + eold + (new + enew), eta)
    return average(beta, ebeta, w, ew, old, eold, new, enew, result, u, gamma2, gamma4, kept)


def inverse(a: Any, e: Any) -> Any:
    """The largest reciprocal of a number of magnitude a known to within e."""
    return select(e + e < a, SLACK / larger(a - e, TINIEST), np.inf)


def chosen(above: Any, a: Any, e: Any, ex: Any, ey: Any) -> Any:
    """One of two values by the sign of a third, of magnitude a and known to within e.

    Infinite where an admissible evaluation may fall on the other side.
    """
    return select(e < a, select(above, ex, ey), np.inf)


def rooted(a: Any, e: Any, bound: Any) -> Any:
    """The bound of a root whose radicand, of magnitude a, may come out negative: then no number.

    A radicand that is exactly 0 does not.
    """
    return select(e < a, bound, select(a + e <= 0.0, bound, np.inf))


def within(e: Any, x: Any, largest: Any) -> Any:
    """The bound e, or infinity where an admissible evaluation of magnitude x + e may overflow."""
    return select(x + e <= largest, e, np.inf)


ERROR_BOUNDS: tuple[Callable[..., Any], ...] = (
    total,
    product,
    quotient,
    scaled_down,
    radical,
    average,
    unless_zero,
    underflowed,
    total_or_zero,
    product_or_zero,
    quotient_or_zero,
    scaled_down_or_zero,
    average_or_zero,
    inverse,
    chosen,
    rooted,
    within,
)


def load_error_bounds(*, larger: Any, smaller: Any, root: Any, select: Any, slack: Any) -> Any:
    """The same functions over another number type, from the same source text."""
    scope: dict[str, Any] = {
        "larger": larger,
        "smaller": smaller,
        "root": root,
        "select": select,
        "SLACK": slack,
        "TINIEST": TINIEST,
        "np": np,
        "Any": Any,
    }
    for function in ERROR_BOUNDS:
        exec(
            compile(inspect.getsource(function), sys.modules[__name__].__file__ or "", "exec"),
            scope,
        )
    return SimpleNamespace(**{f.__name__: scope[f.__name__] for f in ERROR_BOUNDS})
