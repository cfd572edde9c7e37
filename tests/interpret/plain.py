"""Generated kernels run by the interpreter: the same text, not compiled, one element at a time.

Compiling takes seconds a program; every dialect can be looked at this way.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from adamcheck.interpret import compiled, double_double, enclosing
from adamcheck.program import Program


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


def _untouched(*args: Any, **_: Any) -> Any:
    return args[0] if args and callable(args[0]) else lambda f: f


@lru_cache(maxsize=1)
def pairs() -> SimpleNamespace:
    """The functions of double_double.py without their decorators, on NumPy scalars."""
    source = inspect.getsource(double_double)
    source = source[source.index("@njit") :]
    scope: dict[str, Any] = {"njit": _untouched, "fma": exact_fma, "sqrt": np.sqrt}
    exec(compile(source, "double_double", "exec"), scope)
    return SimpleNamespace(**{k: x for k, x in scope.items() if not k.startswith("__")})


def _module(source: str) -> SimpleNamespace:
    body = source[source.index("SLACK = ") :]
    scope: dict[str, Any] = {
        "njit": _untouched,
        "prange": range,
        "np": np,
        "sqrt": np.sqrt,
        "SMALLEST": double_double.SMALLEST,
        "FAINT": double_double.FAINT,
        **vars(pairs()),
    }
    # a constant operand must be a NumPy number too: Python's own division by zero raises
    body = re.sub(r"^(\s*h\d+ = )([\d.e+-]+)(;|$)", r"\1np.float64(\2)\3", body, flags=re.M)
    exec(compile(body, "generated", "exec"), scope)
    return SimpleNamespace(**{k: scope[k] for k in ("uniform", "judge", "enclose") if k in scope})


@lru_cache(maxsize=4096)
def judge_module(program: Program, rung: str, observed: tuple[str, ...]) -> Any:
    """What ``compiled.compiled`` returns, uncompiled."""
    return _module(compiled.module_source(program, rung, observed))


@lru_cache(maxsize=4096)
def enclose_module(program: Program, rung: str, quantities: tuple[str, ...]) -> Any:
    """What ``enclosing.kernels`` returns, uncompiled."""
    text = enclosing.enclose_source(program, rung, quantities)
    head = compiled.header(program, rung) + compiled.uniform_source(program)
    return _module(head + "\n" + text)


Uncompiled = Callable[..., Any]
