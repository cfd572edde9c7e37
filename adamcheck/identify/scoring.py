"""How well a candidate fits: error over envelope at every element-step of the observed runs.

Candidates are walked in float64 with the envelope of the target's format. For narrower formats the
walk's own error is at most 2^-24 of the envelope; under float64 it is one more admissible
evaluation, so an honest target is within twice the envelope of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import format_named
from adamcheck.identify.bounded import rounded
from adamcheck.identify.candidate import Candidate, Change, Shrinkage
from adamcheck.identify.moments import substituted
from adamcheck.identify.stack import MOMENTS, Array, Stack
from adamcheck.interpret.walk import ARRAYS, carry, constants, step_function
from adamcheck.oracle.envelope import Admission, fold, scalar_roundoff, underflow
from adamcheck.program import Program, trace
from adamcheck.rules import initial_state
from adamcheck.spec import Spec

STAGES: Final = (3, 32)
"""Steps after which a candidate that already left the envelope is walked no further."""


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


@dataclass(frozen=True)
class Fit:
    """A candidate over all stacks, and what is read off its ratios."""

    candidate: Candidate
    stacks: tuple[Stack, ...] = field(repr=False)
    walked: tuple[Walked, ...] = field(repr=False)

    @cached_property
    def ratios(self) -> Array:
        """All ratios that the envelope decides, in no particular shape."""
        flat = np.concatenate([w.ratio.ravel() for w in self.walked])
        return np.asarray(flat[~np.isnan(flat)])

    @property
    def largest(self) -> float:
        """The largest error in multiples of the envelope; infinite when nothing was decided."""
        return float(self.ratios.max(initial=0.0)) if self.ratios.size else np.inf

    @cached_property
    def decided(self) -> float:
        """The share of element-steps decided, of those that start from a finite parameter."""
        open_ = sum(int(np.isfinite(s.thetas[:-1]).sum()) for s in self.stacks)
        return self.ratios.size / max(1, open_)

    @property
    def fits(self) -> bool:
        """Whether every decided number lies in the envelope, and at least a quarter is decided."""
        return self.largest <= 1.0 and self.decided >= 0.25

    @cached_property
    def median(self) -> float:
        """The median error in multiples of the envelope, 1 for any that is inside."""
        return float(np.median(np.maximum(self.ratios, 1.0))) if self.ratios.size else np.inf

    @cached_property
    def outside(self) -> float:
        """The share of element-steps outside the envelope."""
        return float(np.mean(self.ratios > 1.0)) if self.ratios.size else 1.0


class Scores:
    """The fits of candidates to one list of stacks under one admission; each is walked once.

    A candidate that does not fit the first steps (``STAGES``) is not walked to the end: what is
    told of it then holds for those steps.
    """

    def __init__(self, stacks: Sequence[Stack], admission: Admission) -> None:
        self.stacks = tuple(stacks)
        self.admission = admission
        longest = max(stack.steps for stack in stacks)
        ends = [end for end in STAGES if end < longest]
        self._stages = [tuple(s.cut(end) for s in stacks) for end in ends] + [self.stacks]
        self._known: dict[tuple[Candidate, int], Fit] = {}

    def floor(self, candidate: Candidate) -> float:
        """A lower bound of the largest ratio, from the first steps."""
        return self.glimpse(candidate).largest

    def glimpse(self, candidate: Candidate) -> Fit:
        """The fit over the first steps."""
        return self._at(candidate, 0)

    def fit(self, candidate: Candidate) -> Fit:
        """The fit over all steps; over the first ones only where those settle it."""
        for stage in range(min(1, len(self._stages) - 1), len(self._stages)):
            found = self._at(candidate, stage)
            if found.largest > 1.0:
                break
        return found

    def fits(self, candidate: Candidate) -> bool:
        """Whether the candidate fits; most that do not are seen in the first steps."""
        return self.glimpse(candidate).largest <= 1.0 and self.fit(candidate).fits

    def _at(self, candidate: Candidate, stage: int) -> Fit:
        key = (candidate, stage)
        if key not in self._known:
            stacks = self._stages[stage]
            walked = tuple(walk(candidate, stack, self.admission) for stack in stacks)
            self._known[key] = Fit(candidate, stacks, walked)
        return self._known[key]


def walk(candidate: Candidate, stack: Stack, admission: Admission) -> Walked:
    """Walk a candidate in lock-step with the observed θ."""
    with np.errstate(all="ignore"):
        return _walk(candidate, stack, admission)


def _walk(candidate: Candidate, stack: Stack, admission: Admission) -> Walked:
    spec, change, fmt = candidate.spec, candidate.change, stack.fmt
    program = trace(spec)
    run = step_function(program)
    hyper = candidate.hyper(stack)
    scalars = format_named(change.scalars) if change.scalars else fmt
    us = scalar_roundoff(scalars, Admission("array") if change.scalars else admission)
    narrow = bool(change.scalars) or admission.scalars == "array"
    values, bounds = _initial(program, stack, hyper, us, scalars.dtype if narrow else None)
    folds = _folds(candidate, stack, hyper)
    grads = change.gradients(stack) if change.gradients else stack.grads
    # a changed gradient was computed with a few roundings of its own
    noise = 8.0 * fmt.u if change.gradients else 0.0
    memory: dict[str, Any] = {}
    shape = (stack.steps, stack.count)
    out = Walked(*(np.full(shape, np.nan) for _ in range(4)))
    for t in range(stack.steps):
        c = constants(
            u=fmt.u, us=us, eta=underflow(fmt, admission), largest=fmt.largest, fold=folds[t]
        )
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
        singular = (stack.first + t == 0) & (spec.first_t == "0")
        # 0/0 is not a number in any evaluation
        singular = singular | ((after["m_hat"] == 0.0) & (after["denominator"] == 0.0))
        out.ratio[t] = _ratio(new, bound, stack.thetas[t + 1], fmt.name, singular)
        # once a parameter is not finite there is nothing left to hold against the rule
        out.ratio[t, ~np.isfinite(theta)] = np.nan
        out.move[t], out.bound[t] = new - theta, bound
        out.denominator[t] = after["denominator"]
        values |= carry(program, after)
        bounds |= carry(program, radii)
    return out


def _initial(
    program: Program, stack: Stack, hyper: Mapping[str, Array], us: float, kind: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hyperparameters, and the state before the first observed step: clocks advanced to it.

    ``kind``: the dtype in which the hyperparameters are kept, None for float64.
    """
    zero = np.zeros(stack.count)
    spec = program.spec
    state = initial_state(spec, hyper, zero, zero + 1.0)
    values = {f"s.{name}": stack.start.get(name, value) for name, value in state.items()}
    bounds = dict.fromkeys(values, zero)
    for name in spec.hyperparameters:
        x = values[f"h.{name}"] = hyper[name]
        kept = zero if kind is None else np.abs(x - x.astype(kind).astype(np.float64))
        bounds[f"h.{name}"] = kept
    ahead = stack.first + int(spec.first_t) - 1
    for clock, name in (("s.p1", "beta1"), ("s.p2", "beta2")):
        beta = hyper[name]
        if spec.first_t == "0":
            values[clock] = _inverse(beta)
        values[clock] = values[clock] * beta**stack.first
        # each factor brings its rounding and how far β as kept is from β
        factor = 3.0 * us + bounds[f"h.{name}"] / beta
        bounds[clock] = np.abs(ahead) * factor * values[clock]
    return values, bounds


def _inverse(beta: Array) -> Array:
    """1/β, or the neighbour of it that multiplied by β gives 1 exactly where there is one."""
    best = 1.0 / beta
    for other in (np.nextafter(best, 0.0), np.nextafter(best, np.inf)):
        best = np.where((best * beta != 1.0) & (other * beta == 1.0), other, best)
    return np.asarray(best)


def _folds(candidate: Candidate, stack: Stack, hyper: Mapping[str, Array]) -> Array:
    """``[T, N]``; the columns of one run share their hyperparameters."""
    table = np.empty((stack.steps, stack.count))
    conventions = (candidate.spec.bias_correction, candidate.spec.first_t)
    for columns in stack.groups:
        i = columns[0]
        asked = tuple(float(hyper[name][i]) for name in ("lr", "beta1", "beta2"))
        table[:, columns] = _fold(conventions, asked, stack.steps, int(stack.first[i]))[:, None]
    return table


@lru_cache(maxsize=4096)
def _fold(conventions: tuple[str, str], asked: tuple[float, ...], steps: int, first: int) -> Array:
    spec = Spec(bias_correction=conventions[0], first_t=conventions[1])
    hyper = dict(zip(("lr", "beta1", "beta2"), asked, strict=True))
    return fold(spec, hyper, steps, first)


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


def _ratio(value: Array, bound: Array, seen: Array, fmt: str, singular: Any) -> Array:
    """Error over envelope; ``singular``: where the rule itself divides by zero."""
    share = 2.0 if fmt == "float64" else 1.0 + 2.0**-24
    error = np.abs(seen - value)
    ratio = np.where(error == 0.0, 0.0, error / (share * bound))
    ratio = np.where(np.isfinite(seen), ratio, np.inf)
    same = (np.isnan(value) & np.isnan(seen)) | (value == seen)
    decided = np.isfinite(value) & np.isfinite(bound)
    beyond = np.where(singular & ~np.isfinite(value), np.where(same, 0.0, np.inf), np.nan)
    return np.where(decided, ratio, beyond)


__all__ = ["Fit", "Scores", "Walked", "walk"]
