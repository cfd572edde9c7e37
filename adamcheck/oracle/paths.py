"""The oracle step by step: the rule with its running bound, in lock-step or on its own path.

α may differ from step to step, and the loop may be closed: then the bound grows to an enclosure of
every admissible trajectory, for as long as it is finite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import Format, widened
from adamcheck.numerics.double_double import two_sum
from adamcheck.numerics.error_bounds import unless_zero
from adamcheck.numerics.pairs import PAIRS, SINGLES, Pair
from adamcheck.numerics.walk import carry, constants, step_function
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.problems.problem import Problem
from adamcheck.program import Program, trace
from adamcheck.rules import initial_state
from adamcheck.spec import Spec
from adamcheck.storage import places

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Given:
    """What goes into a step: parameter and gradient ``[N]`` with bounds on their errors."""

    theta: Float64
    theta_error: Float64 | float
    g: Float64
    g_error: Float64 | float


class Feed(Protocol):
    """Where a step's inputs come from; ``theta`` and ``error`` are the step before's (None: θ0)."""

    def __call__(self, t: int, theta: Float64 | None, error: Float64 | None) -> Given: ...


@dataclass(frozen=True)
class Course:
    """A run of a rule: the spec, the format, α of every step and where the moments start."""

    spec: Spec
    fmt: Format
    hyper: Mapping[str, float]
    count: int
    steps: int
    admission: Admission
    lrs: Sequence[float] | None = None
    start: Mapping[str, NDArray[Any]] | None = None
    first: int = 0

    @classmethod
    def of(
        cls, evidence: Evidence, admission: Admission, lrs: Sequence[float] | None = None
    ) -> Course:
        """The course that an evidence was taken on."""
        steps, count = evidence.shape
        return cls(
            evidence.spec, evidence.fmt, evidence.hyper, count, steps, admission,
            lrs if lrs is not None else evidence.lrs or None,
            evidence.start, evidence.first,
        )  # fmt: skip

    def lr(self, t: int) -> float:
        """α of step t (from 0)."""
        return float(self.hyper["lr"] if self.lrs is None else self.lrs[t])


def walk(
    course: Course, feed: Feed, *, paired: bool = False
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (values, bounds) of every step by output name; ``paired``: in double-double."""
    for values, bounds, *_ in flagged(course, feed, paired=paired):
        yield values, bounds


def flagged(
    course: Course, feed: Feed, *, paired: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any], Any, Any]]:
    """Yield (values, bounds, low, faint): where a pair of doubles, or a bound, left its range."""
    program = trace(course.spec)
    backend = PAIRS if paired else SINGLES
    number = _pair if paired else _single
    run = step_function(program, flagged=True)
    c = _constants(course)
    reassociation = _reassociation(course)
    values, bounds = _beginning(program, course, number)
    values, bounds = _advanced(program, course, run, backend, number, values, bounds, c)
    theta = error = None
    for t in range(course.steps):
        given = feed(t, theta, error)
        values |= {"g": number(given.g), "theta": number(given.theta)}
        bounds |= {"g": given.g_error, "theta": given.theta_error}
        if course.lrs is not None:
            values["h.lr"], bounds["h.lr"] = _lr(course, t)
        c.reassociation = reassociation[t]
        with np.errstate(all="ignore"):
            after, radii, low, faint = run(backend, values, bounds, c)
        yield after, radii, low, faint
        theta, error = high(after["theta"]), np.broadcast_to(radii["theta"], (course.count,))
        values |= carry(program, after)
        bounds |= carry(program, radii)


def observed(evidence: Evidence, admission: Admission) -> Feed:
    """Lock-step: every step starts from the target's own parameter and gradient."""
    lossy = envelope.roundings(evidence.spec, evidence.fmt, admission)
    fed_back = trace(evidence.spec).feeds_back

    def feed(t: int, theta: Float64 | None, error: Float64 | None) -> Given:
        seen = widened(evidence.thetas[t]).astype(np.float64)
        # a target may keep a wider parameter inside; what it shows is rounded
        if t == 0 and not evidence.shown:
            stored: Any = 0.0
        elif t == 0:
            stored = lossy.shown * np.abs(seen) + lossy.lost
        elif fed_back:  # where it was exactly 0 and shows that, it is
            stored = lossy.shown * np.abs(seen) + unless_zero(np.abs(seen) + error, lossy.lost)
        else:
            stored = lossy.shown * np.abs(seen) + lossy.lost
        return Given(seen, stored, widened(evidence.grads[t]).astype(np.float64), 0.0)

    return feed


def closed(problem: Problem, course: Course, theta0: Float64) -> Feed:
    """The oracle's own path on a problem; the bound takes in every admissible target's path."""
    fmt, several = course.fmt, places(course.spec)
    eta = envelope.underflow(fmt, course.admission)

    def feed(t: int, theta: Float64 | None, error: Float64 | None) -> Given:
        if theta is None or error is None:
            theta, error = theta0, np.zeros_like(theta0)
        with np.errstate(all="ignore"):
            shown = several * (fmt.u * (np.abs(theta) + error) + eta)
            reach = error + shown if t else error
            g = problem.gradient(t + 1, theta)
            spread = problem.spread(t + 1, theta, reach)
            # both sides evaluate the gradient; the target's is rounded to its format
            spread = 2.0 * spread + fmt.u * (np.abs(g) + spread) + eta
        return Given(
            theta, reach, g, np.where(g == 0.0, np.where(reach > 0.0, spread, 0.0), spread)
        )

    return feed


def distance(seen: Any, value: Any) -> Any:
    """|seen - value| without losing the low part of a double-double."""
    if isinstance(value, Pair):
        top, low = two_sum(seen, -value.hi)
        return np.abs(top + (low - value.lo))
    return np.abs(seen - value)


def high(value: Any) -> Any:
    """The float64 nearest to a walked value."""
    return value.hi if isinstance(value, Pair) else value


def _pair(x: Any) -> Pair:
    x = np.asarray(x, np.float64)
    return Pair(x, np.zeros_like(x))


def _single(x: Any) -> Any:
    return np.asarray(x, np.float64)


def _constants(course: Course) -> Any:
    known = envelope.roundings(course.spec, course.fmt, course.admission)
    return constants(
        u=known.u,
        us=known.us,
        eta=known.eta,
        flush=known.flush,
        largest=known.largest,
        reassociation=(1.0, 1.0),
        stored=known.stored,
    )


def _base(course: Course) -> Format:
    """The format of the arithmetic, and of scalars in the array's own."""
    return envelope.roundings(course.spec, course.fmt, course.admission).base


def _reassociation(course: Course) -> Float64:
    hyper, lrs = course.hyper, course.lrs or ()
    return envelope.reassociation(course.spec, hyper, course.steps, course.first, lrs)


def _lr(course: Course, t: int) -> tuple[Pair, float]:
    lr = course.lr(t)
    errors = envelope.scalar_errors(("lr",), {"lr": lr}, _base(course), course.admission)
    return _pair(lr), float(errors[0])


def _beginning(
    program: Program, course: Course, number: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    base, admission, hyper = _base(course), course.admission, course.hyper
    names = program.hyper
    given = {n: _pair(float(hyper[n])) for n in names}
    state = initial_state(program.spec, given, number(np.zeros(course.count)), _pair(1.0))
    for name, array in (course.start or {}).items():
        state[name] = number(widened(array))
    values = {f"s.{n}": x for n, x in state.items()} | {f"h.{n}": x for n, x in given.items()}
    errors = envelope.scalar_errors(names, hyper, base, admission)
    bounds: dict[str, Any] = dict.fromkeys(values, 0.0)
    bounds |= {f"h.{n}": e for n, e in zip(names, errors, strict=True)}
    clocks = envelope.start(program, hyper, base, admission)[:, 2]
    bounds |= {f"s.{n}": e for n, e in zip(program.clocks, clocks, strict=True)}
    return values, bounds


def _advanced(
    program: Program,
    course: Course,
    run: Any,
    backend: Any,
    number: Any,
    values: dict[str, Any],
    bounds: dict[str, Any],
    c: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The clocks after the steps that were taken before: the moments are given."""
    idle = {f"s.{m}": number(np.zeros(1)) for m in program.moments}
    idle |= {"g": number(np.ones(1)), "theta": number(np.zeros(1))}
    for _ in range(course.first):
        with np.errstate(all="ignore"):
            after, radii, *_ = run(backend, values | idle, bounds | {"g": 0.0, "theta": 0.0}, c)
        for clock in program.clocks:
            values[f"s.{clock}"], bounds[f"s.{clock}"] = after[f"s.{clock}"], radii[f"s.{clock}"]
    return values, bounds


__all__ = [
    "Course",
    "Feed",
    "Given",
    "closed",
    "distance",
    "flagged",
    "high",
    "observed",
    "walk",
]
