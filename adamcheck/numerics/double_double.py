"""Double-double arithmetic: a number as hi + lo, with proven relative error bounds.

Algorithms and bounds (u = 2^-53): AccurateDWPlusDW 3u²/(1-4u), DWTimesDW3 5u², DWDivDW2 15u²+56u³
(Joldes, Muller, Popescu 2017, "Tight and rigorous error bounds for basic building blocks of
double-word arithmetic", Algorithms 6, 12, 17); SQRTDWtoDW 25u²/8 (Lefèvre, Louvet, Muller, Picot,
Rideau 2023, "Accurate calculation of Euclidean norms using double-word arithmetic", Algorithm 8).
All hold barring overflow and underflow; UNIT = 16u² covers each of them. The functions are texts
for the block machine, as those of error_bounds.py are; pairs.py has what arrays do without fma.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, Final

UNIT = 2.0**-102
SMALLEST = 2.0**-900
"""Below this magnitude an error term of a product may underflow; such elements escalate a level."""
FAINT = 2.0**-1000
"""A bound below this may have lost more to its own underflow than the slack pays for."""


fma: Any = None
"""a·b + c with one rounding, as IEEE 754 has it: the block machine puts the instruction here."""


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b = s + e exactly (Knuth); of numbers or of arrays, as the next one."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def fast_two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b = s + e exactly for |a| >= |b| (Dekker)."""
    s = a + b
    return s, b - (s - a)


def dd_add(xh: float, xl: float, yh: float, yl: float) -> tuple[float, float]:
    """AccurateDWPlusDW."""
    sh, sl = two_sum(xh, yh)
    th, tl = two_sum(xl, yl)
    vh, vl = fast_two_sum(sh, sl + th)
    return fast_two_sum(vh, tl + vl)


def dd_mul(xh: float, xl: float, yh: float, yl: float) -> tuple[float, float]:
    """DWTimesDW3."""
    ch = xh * yh
    cl = fma(xh, yh, -ch)
    t = fma(xh, yl, xl * yl)
    return fast_two_sum(ch, cl + fma(xl, yh, t))


def dd_div(xh: float, xl: float, yh: float, yl: float) -> tuple[float, float]:
    """DWDivDW2, with DWTimesFP3 inside."""
    th = xh / yh
    ch = yh * th
    rh, rl = fast_two_sum(ch, fma(yl, th, fma(yh, th, -ch)))
    return fast_two_sum(th, ((xh - rh) + (xl - rl)) / yh)


def dd_sqrt(xh: float, xl: float) -> tuple[float, float]:
    """SQRTDWtoDW; 0 for 0 (the guarded divisor keeps 0/0 away without a branch)."""
    sh = sqrt(xh)
    rest = xl + fma(-sh, sh, xh)
    return fast_two_sum(sh, rest / (sh + sh if sh > 0.0 else 1.0))


def dd_choice(
    xh: float, xl: float, ah: float, al: float, bh: float, bl: float
) -> tuple[float, float]:
    """a where x > 0, else b."""
    first = xh > 0.0 or (xh == 0.0 and xl > 0.0)
    return (ah if first else bh), (al if first else bl)


def dd_max(xh: float, xl: float, yh: float, yl: float) -> tuple[float, float]:
    """The larger of two normalised double-doubles."""
    first = xh > yh or (xh == yh and xl >= yl)
    return (xh if first else yh), (xl if first else yl)


FUNCTIONS: Final[tuple[Callable[..., Any], ...]] = (
    two_sum,
    fast_two_sum,
    dd_add,
    dd_mul,
    dd_div,
    dd_sqrt,
    dd_choice,
    dd_max,
)
