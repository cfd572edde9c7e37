"""Enclosures of every output of a run, with the envelope's radius next to each.

A rung is itself an admissible evaluation: with its own unit roundoff in place of the format's, the
envelope's bound encloses the exact value. What leaves a rung's range is enclosed by balls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, widened
from adamcheck.interpret import double_double
from adamcheck.interpret.compiled import hyper_inputs, scalars_of
from adamcheck.interpret.enclosing import kernels
from adamcheck.oracle import envelope, top
from adamcheck.oracle.envelope import STRICT, Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program, trace

_ROUNDOFF = {"f64": 2.0**-53, "dd": double_double.UNIT}
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
    rung: str = "dd",
    quantities: tuple[str, ...] = ("theta", "update"),
) -> Mapping[str, Enclosure]:
    """Enclose the named outputs of every element-step: theta, update, m_hat … and moments m, v …

    rung: "dd" (width about 2^-100 of the value; what is too small for it climbs to balls) or "f64"
    (about 2^-50; infinite where float64 evidence is too small for it).
    """
    program = trace(evidence.spec)
    high, low, radius, tiny = run(program, evidence, rung, quantities, None)
    bound = run(program, evidence, rung, quantities, admission)[2]
    lower, upper = _outwards(high, low, radius)
    for i in np.flatnonzero(tiny):
        _by_balls(program, evidence, int(i), quantities, admission, (lower, upper, bound))
    return {q: Enclosure(lower[k], upper[k], bound[k]) for k, q in enumerate(quantities)}


def run(
    program: Program,
    evidence: Evidence,
    rung: str,
    quantities: tuple[str, ...],
    admission: Admission | None,
) -> tuple[_Array, _Array, _Array, _Array]:
    """Values (hi, lo) and bounds ``[Q, T, N]`` of a rung, and where it left its range ``[N]``.

    The bounds are those of the envelope, or those of the rung itself where ``admission`` is None.
    """
    shape = (len(quantities), *evidence.shape)
    high, low, radius, tiny = (np.zeros(s) for s in (shape, shape, shape, shape[2]))
    inputs = Inputs.of(program, evidence, rung, admission)
    fill(program, rung, quantities, inputs, (high, low, radius, tiny))
    return high, low, radius, tiny


@dataclass(frozen=True)
class Inputs:
    """What a kernel reads: grads [T, N], thetas [T+1, N], moments [M, N], scalars and constants."""

    grads: NDArray[Any]
    thetas: NDArray[Any]
    moments: _Array
    clocks: tuple[Any, ...]
    first: int
    fold: _Array
    constants: tuple[Any, ...]

    @classmethod
    def of(
        cls, program: Program, evidence: Evidence, rung: str, admission: Admission | None
    ) -> Inputs:
        """Gather them for the envelope's bounds, or the rung's own where ``admission`` is None."""
        steps, count = evidence.shape
        hyper, fmt = evidence.hyper, evidence.fmt
        names = hyper_inputs(program)
        start = envelope.start(program, hyper, fmt, admission or STRICT)
        if admission is None:
            u, limits = _ROUNDOFF[rung], FORMATS["float64"]
            errors, us, fold = np.zeros(len(names)), u, np.ones((steps, 2))
            gammas = (2 * u / (1 - 2 * u), 4 * u / (1 - 4 * u))
            constants = (u, *gammas, limits.eta, limits.largest, 0.0, 0.0)
        else:
            errors = envelope.scalar_errors(names, hyper, fmt, admission)
            us = envelope.scalar_roundoff(fmt, admission)
            fold = envelope.fold(program.spec, hyper, steps, evidence.first)
            constants = envelope.compiled_constants(fmt, admission, 0.0)
        moments = np.zeros((len(program.moments), count))
        for k, name in enumerate(program.moments):
            if name in evidence.start:
                moments[k] = widened(evidence.start[name])
        exact = np.array([float(hyper[n]) for n in names])
        return cls(
            np.ascontiguousarray(widened(evidence.grads[:steps])),
            np.ascontiguousarray(widened(evidence.thetas)),
            moments,
            (exact, errors, start, us),
            evidence.first,
            fold,
            constants,
        )


def fill(
    program: Program,
    rung: str,
    quantities: tuple[str, ...],
    inputs: Inputs,
    out: tuple[_Array, _Array, _Array, _Array],
) -> None:
    """Run a rung's kernel into given arrays: hi, lo, bound ``[Q, T, N]`` and tiny ``[N]``."""
    module = kernels(program, rung, quantities)
    steps = inputs.first + len(inputs.grads)
    table = np.zeros((steps, len(scalars_of(program)), 3))
    with np.errstate(all="ignore"):
        module.uniform(steps, *inputs.clocks, table)
        module.enclose(
            inputs.grads,
            inputs.thetas,
            inputs.moments,
            table[inputs.first :],
            inputs.fold,
            inputs.constants,
            *out,
        )


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
    from adamcheck.interpret.balls import working

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
    mantissa, exponent = exact.mid().man_exp()
    number = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    try:
        nearest = float(number)
    except OverflowError:
        nearest = np.inf if number > 0 else -np.inf
    if np.isinf(nearest):
        return nearest if nearest == towards else float(np.nextafter(nearest, 0.0))
    beyond = nearest > number if towards < 0 else nearest < number
    return float(np.nextafter(nearest, towards)) if beyond else nearest
