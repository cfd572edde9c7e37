"""The top level: one element at a time in ball arithmetic, at growing precision until decided.

Also where a single number is explained: its enclosure, its bound, and what the bound is made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format
from adamcheck.numerics.comparison import TALLIES, Outcome
from adamcheck.numerics.walk import carry, constants, step_function
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program, trace
from adamcheck.rules import initial_state
from adamcheck.storage import unkept

PRECISIONS = (160, 640, 2560)
"""Bits of the balls, tried in turn: any will do, as what none decides stays undecided."""


@dataclass(frozen=True)
class Point:
    """One output of one step: an enclosure (ball) and the envelope's radius (mpmath number)."""

    ball: Any
    bound: Any

    @property
    def finite(self) -> bool:
        """True where the envelope is bounded."""
        return bool(self.ball.is_finite()) and math.isfinite(self.bound)


def walk(
    program: Program,
    evidence: Evidence,
    admission: Admission,
    precision: int,
    *,
    without: str = "",
) -> Iterator[dict[str, Point]]:
    """Yield every step's outputs for the single element of ``evidence``.

    without: "scalars" or "underflow" leaves that source of error out of the bound. What is done
    with the points belongs inside ``balls.working``, as the steps are.
    """
    from adamcheck.numerics.balls import BALLS, ball, bound, working

    run = step_function(program)
    fmt = evidence.fmt
    names = program.hyper
    lossy = envelope.roundings(evidence.spec, fmt, admission)
    errors = envelope.scalar_errors(names, evidence.hyper, lossy.base, admission)
    steps = evidence.shape[0]
    reassociation = envelope.reassociation(
        evidence.spec, evidence.hyper, steps, evidence.first, evidence.lrs
    )
    with working(precision):
        zero = bound(0.0)
        us = bound(lossy.us)
        eta, flush, gone = (
            zero if without == "underflow" else bound(lost)
            for lost in (lossy.eta, lossy.flush, lossy.lost)
        )
        stored = {name: bound(x) for name, x in lossy.stored.items()}
        if without == "underflow":
            stored |= {name: zero for name in stored if name.startswith("eta")}
        if without == "scalars":
            us, errors = zero, np.zeros_like(errors)
        hyper = {n: ball(float(evidence.hyper[n])) for n in names}
        state = initial_state(program.spec, hyper, ball(0.0), ball(1.0))
        for name, array in evidence.start.items():
            state[name] = ball(float(array[0]))
        values = {f"s.{n}": x for n, x in state.items()} | {f"h.{n}": x for n, x in hyper.items()}
        bounds: dict[str, Any] = dict.fromkeys(values, zero)
        bounds |= {f"h.{n}": bound(float(e)) for n, e in zip(names, errors, strict=True)}
        clocks = envelope.start(program, evidence.hyper, lossy.base, admission)[:, 2]
        bounds |= {f"s.{n}": bound(e) for n, e in zip(program.clocks, clocks.tolist(), strict=True)}
        bounds |= {"g": zero, "theta": zero}
        if evidence.first:
            asked = tuple(sorted((n, float(evidence.hyper[n])) for n in names))
            ran = _clocks_after(program, asked, lossy.base, admission, precision, evidence.first)
            for clock, (value, error) in ran.items():
                values[f"s.{clock}"], bounds[f"s.{clock}"] = value, error
        if without == "scalars":
            bounds |= {f"s.{n}": zero for n in program.clocks}
        u, largest = bound(lossy.u), bound(lossy.largest)
        c = constants(
            u=u, us=us, eta=eta, flush=flush, largest=largest, reassociation=(), stored=stored
        )  # fmt: skip
        shown = bound(lossy.shown)
    for t in range(steps):
        with working(precision):
            theta = float(evidence.thetas[t, 0])
            g = float(evidence.grads[t, 0])
            values |= {"g": ball(g), "theta": ball(theta)}
            if evidence.lrs:
                lr = float(evidence.lrs[t])
                (error,) = envelope.scalar_errors(
                    ("lr",), {"lr": lr}, lossy.base, admission
                ).tolist()
                values["h.lr"] = ball(lr)
                bounds["h.lr"] = zero if without == "scalars" else bound(error)
            if (
                t or evidence.shown
            ):  # what a parameter shows is rounded; where it matters, exactly 0 shows that
                size = abs(theta) + bounds["theta"]
                lost = BALLS.error_bounds.unless_zero(size, gone) if program.feeds_back else gone
                bounds["theta"] = shown * abs(theta) + lost
            c.reassociation = tuple(bound(x) for x in reassociation[t].tolist())
            after, radii = run(BALLS, values, bounds, c)
        yield {name: Point(after[name], radii[name]) for name in after}
        values |= carry(program, after)
        bounds |= carry(program, radii) | {"theta": radii["theta"]}


@lru_cache(maxsize=64)
def _clocks_after(
    program: Program,
    hyper: tuple[tuple[str, float], ...],
    fmt: Format,
    admission: Admission,
    precision: int,
    steps: int,
) -> dict[str, tuple[Any, Any]]:
    """The clocks (ball, bound) after so many steps; kept, as all elements of a run share them."""
    from adamcheck.numerics.balls import BALLS, ball, bound, working

    run = step_function(program)
    known, names = dict(hyper), program.hyper
    errors = envelope.scalar_errors(names, known, fmt, admission)
    with working(precision):
        zero, us = bound(0.0), bound(envelope.scalar_roundoff(fmt, admission))
        c = constants(
            u=zero,
            us=us,
            eta=zero,
            flush=zero,
            largest=bound(1e300),
            reassociation=(bound(1.0),) * 2,
            stored={name: bound(x) for name, x in unkept(0.0).items()},
        )
        given = {n: ball(known[n]) for n in names}
        # the rule on a fixed gradient and zero moments: only the clocks go on
        state = initial_state(program.spec, given, ball(0.0), ball(1.0))
        values = {f"s.{n}": x for n, x in state.items()} | {f"h.{n}": x for n, x in given.items()}
        values |= {f"s.{m}": ball(0.0) for m in program.moments}
        values |= {"g": ball(1.0), "theta": ball(0.0)}
        bounds: dict[str, Any] = dict.fromkeys(values, zero)
        bounds |= {f"h.{n}": bound(float(e)) for n, e in zip(names, errors, strict=True)}
        clocks = envelope.start(program, known, fmt, admission)[:, 2]
        bounds |= {f"s.{n}": bound(e) for n, e in zip(program.clocks, clocks.tolist(), strict=True)}
        for _ in range(steps):
            after, radii = run(BALLS, values, bounds, c)
            for clock in program.clocks:
                values[f"s.{clock}"] = after[f"s.{clock}"]
                bounds[f"s.{clock}"] = radii[f"s.{clock}"]
    return {n: (values[f"s.{n}"], bounds[f"s.{n}"]) for n in program.clocks}


def judge_element(
    program: Program, observed: tuple[str, ...], evidence: Evidence, admission: Admission
) -> NDArray[np.float64]:
    """The tallies of one element, ``[len(observed), len(TALLIES)]``."""
    for precision in PRECISIONS:
        tally, open_ = _tally_at(program, observed, evidence, admission, precision)
        if not open_:
            break
    return tally


def _tally_at(
    program: Program,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    precision: int,
) -> tuple[NDArray[np.float64], bool]:
    from adamcheck.numerics.balls import working

    tally = np.zeros((len(observed), len(TALLIES)))
    with working(precision):
        for t, points in enumerate(walk(program, evidence, admission, precision)):
            if t < evidence.unseen:
                continue
            for q, name in enumerate(observed):
                shown = evidence.thetas[t + 1] if name == "theta" else evidence.moments[name][t]
                _count(tally[q], t + 1, points, name, float(shown[0]))
    return tally, bool(tally[:, TALLIES.index("undecided")].any())


def _count(
    row: NDArray[np.float64], step: int, points: dict[str, Point], name: str, observed: float
) -> None:
    column = {name: k for k, name in enumerate(TALLIES)}
    point = points["theta" if name == "theta" else f"s.{name}"]
    if not point.finite:
        row[column["void"]] += 1
        return
    quantity = abs(float((points["update"] if name == "theta" else point).ball.mid()))
    found, ratio = _outcome(point, observed, quantity)
    if ratio > row[column["worst"]]:
        row[column["worst"]], row[column["worst_step"]] = ratio, step
    if found == Outcome.OUTSIDE and row[column["first_bad"]] == 0:
        row[column["first_bad"]] = step
    counted = {Outcome.UNRESOLVED: "undecided", Outcome.UNINFORMATIVE: "weak"}
    row[column[counted.get(found, "decided")]] += 1


def _outcome(point: Point, observed: float, quantity: float) -> tuple[Outcome, float]:
    """What the envelope says of a number at this precision; and error/bound, rounded up."""
    from adamcheck.numerics.balls import ball, lower_magnitude, magnitude

    if not math.isfinite(observed):
        return Outcome.OUTSIDE, math.inf
    distance = ball(observed) - point.ball
    upper = magnitude(distance)
    ratio = float(upper / point.bound) if point.bound > 0 else (math.inf if upper > 0 else 0.0)
    if lower_magnitude(distance) > point.bound:
        return Outcome.OUTSIDE, ratio
    if not upper <= point.bound:
        return Outcome.UNRESOLVED, ratio
    blunt = float(point.bound) >= quantity > 0.0
    return Outcome.UNINFORMATIVE if blunt else Outcome.INSIDE, ratio


def explain(evidence: Evidence, admission: Admission, step: int, quantity: str) -> dict[str, Any]:
    """Everything about one number of a one-element evidence: enclosure, bound, and its terms.

    Returns floats: exact, radius, bound, update (exact Δ), denominator (exact), and terms
    {rounding, scalars, underflow, stored parameter}; the terms are what the bound loses when that
    source is taken away, so they need not add up exactly.
    """
    from adamcheck.numerics.balls import working

    with working(PRECISIONS[0]):
        return _explained(evidence, admission, step, quantity)


def _explained(
    evidence: Evidence, admission: Admission, step: int, quantity: str
) -> dict[str, Any]:
    program = trace(evidence.spec)
    name = "theta" if quantity == "theta" else f"s.{quantity}"
    point = _nth(program, evidence, admission, step)
    full = float(point[name].bound)
    terms = {}
    for label, variant, without in (
        ("scalars", evidence, "scalars"),
        ("underflow", evidence, "underflow"),
        ("stored parameter", _at_zero(evidence), ""),
    ):
        less = _nth(program, variant, admission, step, without=without)[name].bound
        terms[label] = max(0.0, full - float(less))
    terms["rounding"] = max(0.0, full - sum(terms.values()))
    middle = point[name].ball
    return {
        "exact": float(middle.mid()),
        "radius": float(middle.rad()),
        "bound": full,
        "update": float(point["update"].ball.mid()),
        "denominator": float(point["denominator"].ball.mid()) if "denominator" in point else 1.0,
        "terms": terms,
    }


def _nth(
    program: Program, evidence: Evidence, admission: Admission, step: int, *, without: str = ""
) -> dict[str, Point]:
    walked = walk(program, evidence, admission, PRECISIONS[0], without=without)
    for t, points in enumerate(walked, start=1):
        if t == step:
            return points
    raise ValueError(
        f"step {step} of {evidence.shape[0]} was not reached (non-finite input before)"
    )


def _at_zero(evidence: Evidence) -> Evidence:
    return replace(evidence, thetas=np.zeros_like(evidence.thetas))
