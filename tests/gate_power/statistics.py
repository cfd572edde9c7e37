"""Exact statements about a share that was counted: Clopper and Pearson (1934)."""

from __future__ import annotations

import math
from collections.abc import Callable


def interval(count: int, total: int, *, level: float = 0.95) -> tuple[float, float]:
    """The shares that ``count`` of ``total`` do not refute, each side at (1-level)/2."""
    if not 0 <= count <= total:
        raise ValueError(f"{count} of {total} is no count")
    alpha = (1.0 - level) / 2.0
    low = 0.0 if count == 0 else _crossing(lambda p: at_least(count, total, p), alpha)
    high = 1.0 if count == total else _crossing(lambda p: 1.0 - at_most(count, total, p), 1 - alpha)
    return low, high


def at_least(count: int, total: int, p: float) -> float:
    """P(X >= count) for ``total`` trials of chance p."""
    return math.fsum(_chance(k, total, p) for k in range(count, total + 1))


def at_most(count: int, total: int, p: float) -> float:
    """P(X <= count) for ``total`` trials of chance p."""
    return math.fsum(_chance(k, total, p) for k in range(count + 1))


def below(count: int, total: int, floor: float, *, level: float) -> bool:
    """Whether so few of ``total`` refute a share of at least ``floor`` at that level."""
    return total > 0 and at_most(count, total, floor) < 1.0 - level


def _chance(k: int, total: int, p: float) -> float:
    if p in (0.0, 1.0):
        return 1.0 if k == total * p else 0.0
    logarithm = (
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        + k * math.log(p) + (total - k) * math.log1p(-p)
    )  # fmt: skip
    return math.exp(logarithm)


def _crossing(rising: Callable[[float], float], value: float) -> float:
    """Where a rising function of a share reaches a value, by bisection to 2^-40."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < value else (low, middle)
    return (low + high) / 2.0
