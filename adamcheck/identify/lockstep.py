"""Walk a candidate over observed columns: the value and envelope of every step from the seen θ.

Candidates are walked in float64 with the envelope of the target's format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, Format, format_named
from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate, Count, Hyper
from adamcheck.numerics.changed import Arrays, changed_step
from adamcheck.numerics.stepwise import stepwise
from adamcheck.numerics.walk import carry, constants
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.program import Program, trace
from adamcheck.spec import Spec


def share(fmt: Format) -> float:
    """In how many envelopes of a walk an admissible evaluation in ``fmt`` lies.

    Under float64 the walk is one more admissible evaluation: both are within one envelope of the
    exact value. Under a narrower format of roundoff u its own error is at most 2^-52/u of the
    envelope, as error bounds grow at least in proportion to the roundoff (theorem envelope-growth).
    """
    return min(2.0, 1.0 + 2.0**-52 / fmt.u)


@dataclass(frozen=True)
class Walked:
    """One candidate over one batch; all ``[T, N]``.

    ratio: error/envelope, NaN where the envelope says nothing (infinite, or θ not finite).
    move and bound: what the candidate makes of θ_t - θ_{t-1}, and the envelope of θ_t; denominator:
    its √v̂ with ε.
    """

    ratio: Array
    move: Array
    bound: Array
    denominator: Array


def walk(candidate: Candidate, batch: Batch, admission: Admission) -> Walked:
    """Walk a candidate in lock-step with the observed θ."""
    with np.errstate(all="ignore"):
        return _walk(candidate, batch, admission, None)


def course(
    candidate: Candidate, batch: Batch, admission: Admission
) -> tuple[Walked, Mapping[str, Array], Mapping[str, Array]]:
    """The walk, and every input of every step by name with its bound, ``[T, N]`` each."""
    kept: list[tuple[dict[str, Any], dict[str, Any]]] = []
    with np.errstate(all="ignore"):
        walked = _walk(candidate, batch, admission, kept)
    shape = batch.grads.shape

    def table(part: int) -> dict[str, Array]:
        return {
            name: np.stack([np.broadcast_to(step[part][name], shape[1:]) for step in kept])
            for name in kept[0][0]
        }

    return walked, table(0), table(1)


def _walk(
    candidate: Candidate,
    batch: Batch,
    admission: Admission,
    kept_inputs: list[tuple[dict[str, Any], dict[str, Any]]] | None,
) -> Walked:
    spec, fmt = candidate.spec, batch.fmt
    base, program = trace(spec), candidate.program
    run = stepwise(program) if program is base else changed_step(program)
    hyper = candidate.hyper(batch)
    # the format in which scalars are kept, where that is not float64
    kept = format_named(candidate.scalars) if candidate.scalars else fmt
    scalars = Admission("array") if candidate.scalars else admission
    us = envelope.scalar_roundoff(kept, scalars)
    values, bounds = begun(base, batch, hyper, kept, scalars)
    if batch.first.any():
        advanced(base, stepwise(base), batch, values, bounds, us)
    _further(candidate, program, batch, values, bounds)
    reassociations, zero = factors(spec, batch, hyper), np.zeros(batch.count)
    arrays = Arrays(batch.array)
    out = Walked(*(np.full((batch.steps, batch.count), np.nan) for _ in range(4)))
    for t in range(batch.steps):
        c = step_constants(fmt, us, admission, reassociations[t], arrays)
        theta, g = batch.thetas[t], batch.grads[t]
        values |= {"g": g, "theta": theta, "x.t": batch.first + (t + 1.0)}
        values |= {"x.silence": batch.silence[t], "x.since": zero + (t + 1.0)}
        bounds |= {"g": zero, "theta": (fmt.u if t else 0.0) * np.abs(theta)}
        if candidate.count is not None:
            _counted(candidate.count, values, bounds, t + batch.first, us)
        if kept_inputs is not None:
            kept_inputs.append((dict(values), dict(bounds)))
        after, radii = run(values, bounds, c)
        new, bound = after["theta"], radii["theta"]
        denominator = after.get("denominator", np.full(batch.count, np.nan))
        # 0/0 is not a number in any evaluation, and neither is what a first step 0 divides by
        singular = (after.get("m_hat", g) == 0.0) & (denominator == 0.0)
        singular |= (batch.first + t == 0) & (spec.first_t == "0")
        if candidate.count is not None:
            singular |= _counts(candidate.count, t + batch.first) == 0
        out.ratio[t] = _ratio(new, bound, batch.thetas[t + 1], fmt, singular)
        # once a parameter is not finite there is nothing left to hold against the rule
        out.ratio[t, ~np.isfinite(theta)] = np.nan
        out.move[t], out.bound[t], out.denominator[t] = new - theta, bound, denominator
        values |= carry(program, after)
        bounds |= carry(program, radii)
    return out


def _counts(count: Count, before: NDArray[np.int64]) -> NDArray[np.int64]:
    """The step counts in use after ``before`` steps; beyond the known ones the last goes on."""
    known = np.asarray(count.steps, np.int64)
    return np.asarray(known[np.minimum(before, len(known) - 1)])


def _counted(
    count: Count,
    values: dict[str, Any],
    bounds: dict[str, Any],
    before: NDArray[np.int64],
    us: float,
) -> None:
    """Set powers of β so that the rule's next ones are those of another step count.

    A power taken at once is within 4 units: pow is good to one, the quotient by β rounds, and so
    does the product that the rule forms again.
    """
    steps = _counts(count, before)
    for power in count.powers:
        beta = values[f"h.beta{power[1:]}"]
        values[f"s.{power}"] = beta ** (steps - 1.0)
        bounds[f"s.{power}"] = 4.0 * us * np.abs(values[f"s.{power}"])


def _further(
    candidate: Candidate,
    program: Program,
    batch: Batch,
    values: dict[str, Any],
    bounds: dict[str, Any],
) -> None:
    """What a changed program reads besides: exact inputs, its constants, states that begin at 0."""
    zero = np.zeros(batch.count)
    values |= {"x.index": batch.element.astype(np.float64), "x.size": batch.size + 0.0}
    values |= {name: zero + value for name, value in candidate.constants}
    values |= batch.constants
    values |= {name: zero for name, _ in program.outputs if name[:2] == "s." and name not in values}
    inputs = {"x.t", "x.since", "x.silence", *values}
    bounds |= {name: zero for name in inputs if name not in bounds}


def step_constants(
    fmt: Format, us: float, admission: Admission, reassociation: Array, arrays: Arrays
) -> Any:
    """What a step function reads besides values and bounds."""
    c = constants(
        u=fmt.u,
        us=us,
        eta=envelope.underflow(fmt, admission),
        flush=envelope.flushed(fmt, admission),
        largest=fmt.largest,
        reassociation=reassociation,
    )
    c.arrays, c.share = arrays, share(fmt)
    return c


def begun(
    program: Program, batch: Batch, hyper: Hyper, kept: Format, scalars: Admission
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hyperparameters and the state before the first step of all, with their bounds."""
    names = program.spec.hyperparameters
    values: dict[str, Any] = {f"h.{name}": hyper[name] for name in names}
    values |= {f"s.{name}": np.zeros(batch.count) for name in (*program.clocks, *program.moments)}
    for name in program.moments:
        values[f"s.{name}"] = batch.start.get(name, values[f"s.{name}"])
    bounds: dict[str, Any] = {name: np.zeros(batch.count) for name in values}
    # else every clock begins at 0 or 1, whatever the hyperparameters are
    moving = program.spec.first_t != "1" or program.spec.schedule != "constant"
    for columns in batch.groups:
        asked = tuple(float(hyper[name][columns[0]]) for name in names)
        hyper_here = dict(zip(names, asked, strict=True))
        errors = envelope.scalar_errors(names, hyper_here, kept, scalars)
        clocks = _clocks(program.spec, asked, kept.name, scalars) if moving else _ordinary(program)
        for name, error in zip(names, errors, strict=True):
            bounds[f"h.{name}"][columns] = error
        for clock, (high, low, error) in zip(program.clocks, clocks, strict=True):
            values[f"s.{clock}"][columns] = high
            bounds[f"s.{clock}"][columns] = error + abs(low)
    if program.spec.first_t == "0":
        for clock, name in (("s.p1", "beta1"), ("s.p2", "beta2")):
            if clock in values:
                values[clock] = _inverse(hyper[name])
    return values, bounds


@lru_cache(maxsize=1 << 12)
def _clocks(
    spec: Spec, asked: tuple[float, ...], kept: str, scalars: Admission
) -> NDArray[np.float64]:
    """The clocks before the first step as (hi, lo, error), ``[C, 3]``."""
    hyper = dict(zip(spec.hyperparameters, asked, strict=True))
    return envelope.start(trace(spec), hyper, FORMATS[kept], scalars)


def _ordinary(program: Program) -> NDArray[np.float64]:
    """The same for powers of β and counts that begin where Algorithm 1's do, exactly."""
    return np.asarray([(0.0 if clock == "t" else 1.0, 0.0, 0.0) for clock in program.clocks])


def _inverse(beta: Array) -> Array:
    """1/β, or the neighbour of it that multiplied by β gives 1 exactly where there is one."""
    best = 1.0 / beta
    for other in (np.nextafter(best, 0.0), np.nextafter(best, np.inf)):
        best = np.where((best * beta != 1.0) & (other * beta == 1.0), other, best)
    return np.asarray(best)


def advanced(
    program: Program,
    run: Any,
    batch: Batch,
    values: dict[str, Any],
    bounds: dict[str, Any],
    us: float,
) -> None:
    """Clocks of columns that begin later, taken there by the rule on gradients of zero."""
    zero = np.zeros(batch.count)
    idle = {f"s.{name}": zero for name in program.moments} | {"g": zero, "theta": zero}
    wide = FORMATS["float64"]
    c = constants(
        u=wide.u,
        us=us,
        eta=0.0,
        flush=0.0,
        largest=wide.largest,
        reassociation=np.ones((2, batch.count)),
    )
    for t in range(int(batch.first.max())):
        after, radii = run(values | idle, bounds | idle, c)
        for clock in (f"s.{name}" for name in program.clocks):
            ahead = batch.first > t
            values[clock] = np.where(ahead, after[clock], values[clock])
            bounds[clock] = np.where(ahead, radii[clock], bounds[clock])


def factors(spec: Spec, batch: Batch, hyper: Hyper) -> Array:
    """The envelope's reassociation ``[T, 2, N]``; a run's columns share their hyperparameters."""
    table = np.empty((batch.steps, 2, batch.count))
    names = spec.hyperparameters
    for columns in batch.groups:
        i = columns[0]
        asked = tuple(float(hyper[name][i]) for name in names)
        table[:, :, columns] = _reassociation(spec, asked, batch.steps, int(batch.first[i]))[
            :, :, None
        ]
    return table


@lru_cache(maxsize=1 << 14)
def _reassociation(spec: Spec, asked: tuple[float, ...], steps: int, first: int) -> Array:
    hyper = dict(zip(spec.hyperparameters, asked, strict=True))
    return envelope.reassociation(spec, hyper, steps, first)


def _ratio(value: Array, bound: Array, seen: Array, fmt: Format, singular: Any) -> Array:
    """Error over envelope; ``singular``: where the rule itself divides by zero."""
    error = np.abs(seen - value)
    ratio = np.where(error == 0.0, 0.0, error / (share(fmt) * bound))
    ratio = np.where(np.isfinite(seen), ratio, np.inf)
    same = (np.isnan(value) & np.isnan(seen)) | (value == seen)
    decided = np.isfinite(value) & np.isfinite(bound)
    beyond = np.where(singular & ~np.isfinite(value), np.where(same, 0.0, np.inf), np.nan)
    return np.where(decided, ratio, beyond)
