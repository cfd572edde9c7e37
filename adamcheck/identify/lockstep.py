"""Walk a candidate over observed columns: the value and envelope of every step from the seen θ.

Candidates are walked in float64 with the envelope of the target's format. Under float64 that is one
more admissible evaluation, so an honest target is within twice the envelope of it; for narrower
formats the walk's own error is a small part of the envelope (_SHARE covers it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, Format, format_named
from adamcheck.identify.bounded import rounded
from adamcheck.identify.candidate import Candidate, Change, Hyper, Shrinkage
from adamcheck.identify.moments import substituted
from adamcheck.identify.stack import MOMENTS, Array, Stack
from adamcheck.interpret.walk import ARRAYS, carry, constants, step_function
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.program import Program, trace
from adamcheck.spec import Spec

_DOUBLE_SHARE: Final = 2.0
_SHARE: Final = 1.0 + 2.0**-16


@dataclass(frozen=True)
class Walked:
    """One candidate over one stack; all ``[T, N]``.

    ratio: error/envelope, NaN where the envelope says nothing (infinite, or θ not finite).
    move and bound: what the candidate makes of θ_t - θ_{t-1}, and the envelope of θ_t; denominator:
    its √v̂ with ε.
    """

    ratio: Array
    move: Array
    bound: Array
    denominator: Array


def walk(candidate: Candidate, stack: Stack, admission: Admission) -> Walked:
    """Walk a candidate in lock-step with the observed θ."""
    with np.errstate(all="ignore"):
        return _walk(candidate, stack, admission)


def _walk(candidate: Candidate, stack: Stack, admission: Admission) -> Walked:
    spec, change, fmt = candidate.spec, candidate.change, stack.fmt
    program = trace(spec)
    run = step_function(program)
    hyper = candidate.hyper(stack)
    # the format in which scalars are kept, where that is not float64
    kept = format_named(change.scalars) if change.scalars else fmt
    scalars = Admission("array") if change.scalars else admission
    us = envelope.scalar_roundoff(kept, scalars)
    values, bounds = _initial(program, stack, hyper, kept, scalars)
    if stack.first.any():
        _advance(program, run, stack, values, bounds, us)
    folds = _folds(spec, stack, hyper)
    grads = change.gradients(stack) if change.gradients else stack.grads
    # a changed gradient was computed with a few roundings of its own
    noise = 8.0 * fmt.u if change.gradients else 0.0
    memory: dict[str, Any] = {}
    out = Walked(*(np.full((stack.steps, stack.count), np.nan) for _ in range(4)))
    for t in range(stack.steps):
        c = _constants(fmt, us, envelope.underflow(fmt, admission), folds[t])
        theta, g = stack.thetas[t], grads[t]
        values |= {"g": g, "theta": theta}
        bounds |= {
            "g": noise * (np.abs(g) + np.abs(stack.grads[t])),
            "theta": (fmt.u if t else 0.0) * np.abs(theta),
        }
        if change.rounded and change.rounded[0] == "g":
            values["g"], bounds["g"] = rounded(g, bounds["g"], change.rounded[1])
        if change.corrections:
            _correct(change, values, bounds, t + 1 + stack.first, us)
        after, radii = run(ARRAYS, values, bounds, c)
        if change.moments or (change.rounded and change.rounded[0] in MOMENTS):
            after, radii = substituted(change, spec, run, values, bounds, after, radii, c, memory)
        new, bound = _stored(change, after, radii)
        if change.shrinkage:
            rate = hyper["lr"] * hyper["weight_decay"]
            taken = change.shrinkage(
                Shrinkage(theta, stack.thetas[0], g, rate, hyper, t + 1 + stack.first)
            )
            new = new - taken
            bound = bound + fmt.u * (8.0 * np.abs(taken) + np.abs(theta) + np.abs(new))
        denominator = after.get("denominator", np.full(stack.count, np.nan))
        # 0/0 is not a number in any evaluation, and neither is what a first step 0 divides by
        singular = (after.get("m_hat", g) == 0.0) & (denominator == 0.0)
        singular |= (stack.first + t == 0) & (spec.first_t == "0")
        out.ratio[t] = _ratio(new, bound, stack.thetas[t + 1], fmt, singular)
        # once a parameter is not finite there is nothing left to hold against the rule
        out.ratio[t, ~np.isfinite(theta)] = np.nan
        out.move[t], out.bound[t], out.denominator[t] = new - theta, bound, denominator
        values |= carry(program, after)
        bounds |= carry(program, radii)
    return out


def _constants(fmt: Format, us: float, eta: float, fold: Array) -> Any:
    return constants(u=fmt.u, us=us, eta=eta, largest=fmt.largest, fold=fold)


def _initial(
    program: Program, stack: Stack, hyper: Hyper, kept: Format, scalars: Admission
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hyperparameters and the state before the first step of all, with their bounds."""
    names = program.spec.hyperparameters
    values: dict[str, Any] = {f"h.{name}": hyper[name] for name in names}
    values |= {f"s.{name}": np.zeros(stack.count) for name in (*program.clocks, *program.moments)}
    for name in program.moments:
        values[f"s.{name}"] = stack.start.get(name, values[f"s.{name}"])
    bounds: dict[str, Any] = {name: np.zeros(stack.count) for name in values}
    # else every clock begins at 0 or 1, whatever the hyperparameters are
    moving = program.spec.first_t != "1" or program.spec.schedule != "constant"
    for columns in stack.groups:
        asked = tuple(float(hyper[name][columns[0]]) for name in names)
        hyper_here = dict(zip(names, asked, strict=True))
        errors = envelope.scalar_errors(names, hyper_here, kept, scalars)
        clocks = _clocks(program.spec, asked if moving else (), kept.name, scalars)
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
    """The clocks before the first step as (hi, lo, error), ``[C, 3]``; ``asked`` may be empty."""
    names = spec.hyperparameters
    hyper = dict(zip(names, asked or (0.5,) * len(names), strict=True))
    return envelope.start(trace(spec), hyper, FORMATS[kept], scalars)


def _inverse(beta: Array) -> Array:
    """1/β, or the neighbour of it that multiplied by β gives 1 exactly where there is one."""
    best = 1.0 / beta
    for other in (np.nextafter(best, 0.0), np.nextafter(best, np.inf)):
        best = np.where((best * beta != 1.0) & (other * beta == 1.0), other, best)
    return np.asarray(best)


def _advance(
    program: Program,
    run: Any,
    stack: Stack,
    values: dict[str, Any],
    bounds: dict[str, Any],
    us: float,
) -> None:
    """Clocks of columns that begin later, taken there by the rule on gradients of zero."""
    zero = np.zeros(stack.count)
    idle = {f"s.{name}": zero for name in program.moments} | {"g": zero, "theta": zero}
    c = _constants(FORMATS["float64"], us, 0.0, zero + 1.0)
    for t in range(int(stack.first.max())):
        after, radii = run(ARRAYS, values | idle, bounds | idle, c)
        for clock in (f"s.{name}" for name in program.clocks):
            ahead = stack.first > t
            values[clock] = np.where(ahead, after[clock], values[clock])
            bounds[clock] = np.where(ahead, radii[clock], bounds[clock])


def _folds(spec: Spec, stack: Stack, hyper: Hyper) -> Array:
    """``[T, 2, N]``; the columns of one run share their hyperparameters."""
    table = np.empty((stack.steps, 2, stack.count))
    names = spec.hyperparameters
    for columns in stack.groups:
        i = columns[0]
        asked = tuple(float(hyper[name][i]) for name in names)
        table[:, :, columns] = _fold(spec, asked, stack.steps, int(stack.first[i]))[:, :, None]
    return table


@lru_cache(maxsize=1 << 14)
def _fold(spec: Spec, asked: tuple[float, ...], steps: int, first: int) -> Array:
    hyper = dict(zip(spec.hyperparameters, asked, strict=True))
    return envelope.fold(spec, hyper, steps, first)


def _correct(
    change: Change, values: dict[str, Any], bounds: dict[str, Any], t: NDArray[np.int64], us: float
) -> None:
    """Set the clocks so that the rule finds the changed 1-β1^t and 1-β2^t."""
    betas = values["h.beta1"], values["h.beta2"]
    assert change.corrections is not None
    rests = change.corrections(t, *betas)
    for clock, rest, beta in zip(("s.p1", "s.p2"), rests, betas, strict=True):
        values[clock] = (1.0 - rest) / beta
        bounds[clock] = 4.0 * us * (1.0 + np.abs(values[clock]))


def _stored(change: Change, after: Mapping[str, Any], radii: Mapping[str, Any]) -> tuple[Any, Any]:
    """θ as the target would keep it, with its bound."""
    new, bound = after["theta"], radii["theta"]
    if not change.rounded:
        return new, bound
    place, name = change.rounded
    if place == "theta":
        return rounded(new, bound, name)
    if place == "update":
        update, radius = rounded(after["update"], radii["update"], name)
        return new + (after["update"] - update), bound + radius
    return new, bound


def _ratio(value: Array, bound: Array, seen: Array, fmt: Format, singular: Any) -> Array:
    """Error over envelope; ``singular``: where the rule itself divides by zero."""
    share = _DOUBLE_SHARE if fmt.is_double else _SHARE
    error = np.abs(seen - value)
    ratio = np.where(error == 0.0, 0.0, error / (share * bound))
    ratio = np.where(np.isfinite(seen), ratio, np.inf)
    same = (np.isnan(value) & np.isnan(seen)) | (value == seen)
    decided = np.isfinite(value) & np.isfinite(bound)
    beyond = np.where(singular & ~np.isfinite(value), np.where(same, 0.0, np.inf), np.nan)
    return np.where(decided, ratio, beyond)
