"""What the block machine can do: every instruction, its operands and its text.

The error bounds come from error_bounds.py word for word, values and comparisons from
double_double.py and comparison.py.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from adamcheck.numerics import comparison, double_double, error_bounds


@dataclass(frozen=True)
class Instruction:
    """``text`` computes ``results`` numbers a lane from ``operands``, in their order.

    An operand |x| is read as a magnitude. ``idle``: nothing is done to lanes where this one is 0.
    """

    name: str
    operands: tuple[str, ...]
    text: str
    results: int = 1
    idle: str = ""


def _of(name: str, operands: str, text: str, results: int = 1, idle: str = "") -> Instruction:
    return Instruction(name, tuple(operands.split()), text, results, idle)


VALUES: Final = (
    _of("copy", "x", "x"),
    _of("neg", "x", "-x"),
    _of("add", "x y", "x + y"),
    _of("sub", "x y", "x - y"),
    _of("mul", "x y", "x * y"),
    _of("div", "x y", "x / y"),
    _of("sqrt", "x", "sqrt(x)"),
    _of("max", "x y", "larger(x, y)"),
    _of("choose", "x a b", "select(x > 0.0, a, b)"),
    _of("dd_add", "xh xl yh yl", "dd_add(xh, xl, yh, yl)", 2),
    _of("dd_sub", "xh xl yh yl", "dd_add(xh, xl, -yh, -yl)", 2),
    _of("dd_mul", "xh xl yh yl", "dd_mul(xh, xl, yh, yl)", 2),
    _of("dd_div", "xh xl yh yl", "dd_div(xh, xl, yh, yl)", 2),
    _of("dd_sqrt", "xh xl", "dd_sqrt(xh, xl)", 2),
    _of("dd_max", "xh xl yh yl", "dd_max(xh, xl, yh, yl)", 2),
    _of("dd_choose", "xh xl ah al bh bl", "dd_choice(xh, xl, ah, al, bh, bl)", 2),
)
"""What computes values, in float64 and in double-double (``dd_``)."""

BOUNDS: Final = (
    _of("plus", "|x| |y|", "x + y"),
    _of("times", "|x| |y|", "x * y"),
    _of("plus.plus", "|x| |y| |z|", "x + y + z"),
    _of("times.plus", "|w| |x| |y|", "w * (x + y)"),
    _of("larger", "|x| |y|", "larger(x, y)"),
    # a result too small for double-double while none of its factors is zero
    _of("small", "was |r| |x| |y|", "select((r < SMALLEST) & (x > 0.0) & (y > 0.0), 1.0, was)"),
    _of("small.one", "was |r| |x|", "select((r < SMALLEST) & (x > 0.0), 1.0, was)"),
    _of("faint", "was e", "faint(was, e)"),
    _of("unswallowed", "was e part", "unswallowed(was, e, part)"),
    # what a parameter shows is rounded, but for one that shows 0 and was exactly that before
    _of("shown", "|x| before stored lost", "stored * x + unless_zero(x + before, lost)"),
)
"""What bounds are made of beside error bounds; they are sums and products of magnitudes."""

COMPARISONS: Final = (
    _of("distance", "seen high low", "distance(seen, high, low)"),
    _of("distance.single", "seen high", "abs(seen - high)"),
    _of(
        "outcome",
        "d bound |quantity| margin faint",
        "(outcome(d, bound, quantity, margin, faint), known_ratio(d, bound))",
        2,
    ),
    _of(
        "outcome.single",
        "d bound |quantity| margin",
        "(outcome(d, bound, quantity, margin, 0.0), known_ratio(d, bound))",
        2,
    ),
    _of("worst", "worst at ratio now", "(larger(worst, ratio), select(ratio > worst, now, at))", 2),
    _of(
        "count",
        "first open void weak what now",
        "(select((what == 1.0) & (first == 0.0), now, first), open + select(what == 4.0, 1.0, 0.0),"
        " void + select(what == 3.0, 1.0, 0.0), weak + select(what == 2.0, 1.0, 0.0))",
        4,
        "what",
    ),
    _of(
        "settle",
        "strained first open void weak steps",
        "settled(strained, first, open, void, weak, steps)",
        4,
    ),
)
"""What holds observed numbers against bounds, and counts the outcomes; ``single`` for float64."""

MEMORY: Final = ("load", "load32", "steady", "store", "store1")
"""Rows filled from a stream or written to it, at the current step: of a row's lanes in float64 or
float32, or one number for all lanes. Their arguments are a row and a stream."""

_MAGNITUDES: Final = ("a", "b", "beta", "new", "old", "q", "r", "result", "s", "w", "x")
_GUARD: Final = "within"


def _error_bound(function: Callable[..., Any]) -> Instruction:
    names = tuple(inspect.signature(function).parameters)
    marked = tuple(f"|{n}|" if n in _MAGNITUDES else n for n in names)
    values = ["above > 0.0" if n == "above" else n for n in names]
    return Instruction(function.__name__, marked, f"{function.__name__}({', '.join(values)})")


def _guarded(plain: Instruction) -> Instruction:
    """The error bound and the guard against overflow around it, in one pass."""
    operands = (*plain.operands, "|reach|", "most")
    return Instruction(f"{_GUARD}.{plain.name}", operands, f"{_GUARD}({plain.text}, reach, most)")


ERROR_BOUNDS: Final = tuple(_error_bound(f) for f in error_bounds.ERROR_BOUNDS)
GUARDED: Final = tuple(
    _guarded(c)
    for c in ERROR_BOUNDS
    if c.name.removesuffix("_or_zero") in ("total", "product", "quotient", "scaled_down", "average")
)
INSTRUCTIONS: Final = (*VALUES, *BOUNDS, *ERROR_BOUNDS, *GUARDED, *COMPARISONS)
BY_NAME: Final = {one.name: one for one in INSTRUCTIONS}
OPCODES: Final = {n: k for k, n in enumerate((*BY_NAME, *MEMORY))}
WIDTH: Final = 1 + max(one.results + len(one.operands) for one in INSTRUCTIONS)
"""Columns of a program: the opcode, the rows written, the rows read."""
CONSTANTS: Final = {
    "SLACK": error_bounds.SLACK,
    "TINIEST": error_bounds.TINIEST,
    "SMALLEST": double_double.SMALLEST,
    "FAINT": double_double.FAINT,
    "CERTAIN": comparison.CERTAIN,
}
