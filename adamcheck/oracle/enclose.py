"""Enclosures of every output of a run, with the envelope's radius next to each.

A level is itself an admissible evaluation: with its own unit roundoff in place of the format's, the
envelope's bound encloses the exact value. What leaves a level's range is enclosed by balls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.oracle import evaluate, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program, trace

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Enclosure:
    """One quantity: lower <= exact <= upper, and the envelope's radius; each ``[T, N]`` float64.

    Where nothing is known (non-finite inputs, overflow) lower and upper are infinite.
    """

    lower: _Array
    upper: _Array
    bound: _Array


def enclose(
    evidence: Evidence,
    admission: Admission = STRICT,
    *,
    level: str = "dd",
    quantities: tuple[str, ...] = ("theta", "update"),
) -> Mapping[str, Enclosure]:
    """Enclose the named outputs of every element-step: theta, update, m_hat … and moments m, v …

    level: "dd" (width about 2^-100 of the value; what is too small for it escalates to balls) or
    "f64" (about 2^-50; infinite where float64 evidence is too small for it).
    """
    program = trace(evidence.spec)
    high, low, radius, tiny = evaluate.enclose(program, level, quantities, evidence, None)
    bound = evaluate.enclose(program, level, quantities, evidence, admission)[2]
    lower, upper = _outwards(high, low, radius)
    for i in np.flatnonzero(tiny):
        _by_balls(program, evidence, int(i), quantities, admission, (lower, upper, bound))
    return {q: Enclosure(lower[k], upper[k], bound[k]) for k, q in enumerate(quantities)}


def _outwards(high: _Array, low: _Array, radius: _Array) -> tuple[_Array, _Array]:
    with np.errstate(all="ignore"):
        known = np.isfinite(radius) & np.isfinite(high)
        below = _sum(high, np.nextafter(low - radius, -np.inf), -np.inf)
        above = _sum(high, np.nextafter(low + radius, np.inf), np.inf)
    return np.where(known, below, -np.inf), np.where(known, above, np.inf)


def _sum(a: _Array, b: _Array, towards: float) -> _Array:
    s = a + b
    t = s - a
    error = (a - (s - t)) + (b - t)
    beyond = error < 0.0 if towards < 0.0 else error > 0.0
    return np.where(beyond, np.nextafter(s, towards), s)


def _by_balls(
    program: Program,
    evidence: Evidence,
    i: int,
    quantities: tuple[str, ...],
    admission: Admission,
    out: tuple[_Array, _Array, _Array],
) -> None:
    from adamcheck.numerics.balls import working

    precision = top.PRECISIONS[0]
    with working(precision):
        walked = top.walk(program, evidence.element(i), admission, precision)
        for t, points in enumerate(walked):
            for k, name in enumerate(quantities):
                point = points[name if name in points else f"s.{name}"]
                for array, number in zip(out, _in_doubles(point), strict=True):
                    array[k, t, i] = number


def _in_doubles(point: top.Point) -> tuple[float, float, float]:
    """Lower and upper end of the ball, and the bound, each rounded outwards."""
    nearest = float(point.bound)
    bound = float(np.nextafter(nearest, np.inf)) if nearest < point.bound else nearest
    if not point.ball.is_finite():
        return -np.inf, np.inf, bound
    ends = (_directed(point.ball.lower(), -np.inf), _directed(point.ball.upper(), np.inf))
    return *ends, bound


def _directed(exact: Any, towards: float) -> float:
    """A number without radius as a double, rounded down or up."""
    from adamcheck.numerics.balls import ball

    near = float(exact)  # how it was rounded, the comparison of exact numbers says
    if math.isinf(near):
        return near if near == towards else math.nextafter(near, 0.0)
    while ball(near) > exact if towards < 0.0 else ball(near) < exact:
        near = math.nextafter(near, towards)
    return near
