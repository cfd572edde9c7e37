"""Double-double by Python: the texts of double_double.py with a fused multiply-add by rationals."""

from __future__ import annotations

import inspect
from fractions import Fraction
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from adamcheck.numerics import double_double


def exact_fma(a: float, b: float, c: float) -> np.float64:
    """a·b + c rounded once, by rationals; what is not finite is left to the plain expression."""
    with np.errstate(all="ignore"):
        plain = np.float64(a) * np.float64(b) + np.float64(c)
    if not all(map(np.isfinite, (a, b, c))):
        return plain
    total = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    try:
        return np.float64(float(total)) if total else plain
    except OverflowError:
        return np.float64(np.inf if total > 0 else -np.inf)


@lru_cache(maxsize=1)
def pairs() -> SimpleNamespace:
    """The functions of double_double.py on NumPy scalars."""
    scope: dict[str, Any] = {"fma": exact_fma, "sqrt": np.sqrt}
    for function in double_double.FUNCTIONS:
        exec(compile(inspect.getsource(function), "double_double", "exec"), scope)
    return SimpleNamespace(**{f.__name__: scope[f.__name__] for f in double_double.FUNCTIONS})
