"""Walk a candidate over observed columns: the value and envelope of every step from the seen θ.

Candidates are walked in float64 with the envelope of the target's format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, Format, format_named
from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate, Count, Hyper
from adamcheck.numerics.changed import Arrays, changed_step
from adamcheck.numerics.joint import Joint, Member
from adamcheck.numerics.stepwise import stepwise
from adamcheck.numerics.walk import constants
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission, Roundings
from adamcheck.program import Program, trace
from adamcheck.spec import Spec
from adamcheck.storage import kept, unkept


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
    return walks([candidate], batch, admission)[0]


def walks(
    candidates: Sequence[Candidate], batch: Batch, admission: Admission
) -> tuple[Walked, ...]:
    """Walk several at once, whose scalars are kept in one format; what they share is done once."""
    with np.errstate(all="ignore"):
        return _walks(candidates, batch, admission, None)


def course(
    candidate: Candidate, batch: Batch, admission: Admission
) -> tuple[Walked, Mapping[str, Array], Mapping[str, Array]]:
    """The walk, and every input of every step by name with its bound, ``[T, N]`` each."""
    inputs: tuple[dict[str, Array], dict[str, Array]] = {}, {}
    with np.errstate(all="ignore"):
        (walked,) = _walks([candidate], batch, admission, inputs)
    return walked, *inputs


def _walks(
    candidates: Sequence[Candidate],
    batch: Batch,
    admission: Admission,
    inputs: tuple[dict[str, Array], dict[str, Array]] | None,
) -> tuple[Walked, ...]:
    """``inputs``: filled with those of the first candidate and their bounds."""
    shape = batch.grads.shape
    seen = _seen(batch)
    members = [_member(candidate, batch, admission, seen) for candidate in candidates]
    joint = Joint(members, shape)
    wanted = [
        {
            letter + name: joint.output(k, name, letter)
            for letter, name in _READ
            if name in member.step.outputs
        }
        for k, member in enumerate(members)
    ]
    states = [
        (table, name, joint.state(0, name, letter))
        for name in members[0].carried
        for letter, table in zip("he", inputs or (), strict=False)
    ]
    for table, given in zip(inputs or (), (members[0].values, members[0].bounds), strict=False):
        table |= {name: np.array(np.broadcast_to(x, shape)) for name, x in given.items()}
    found = [Walked(*(np.full(shape, np.nan) for _ in range(4))) for _ in candidates]
    nodes = [at for each in wanted for at in each.values()] + [at for _, _, at in states]
    for some, known in joint.run(nodes):
        for candidate, each, out in zip(candidates, wanted, found, strict=True):
            _hold(candidate, batch, some, {name: known[at] for name, at in each.items()}, out)
        for table, name, at in states:
            table[name][some] = known[at]
    return tuple(found)


_READ: Final = (("h", "theta"), ("e", "theta"), ("h", "m_hat"), ("h", "denominator"))
"""What is asked of a candidate's step: values and bounds of its outputs."""


def _hold(
    candidate: Candidate, batch: Batch, some: slice, made: Mapping[str, Any], out: Walked
) -> None:
    """Hold what a candidate makes of some steps against what was seen."""
    theta, g, after = batch.thetas[:-1][some], batch.grads[some], batch.thetas[1:][some]
    steps = batch.first + np.arange(some.start, some.start + len(g))[:, None]
    new, bound = made["htheta"], made["etheta"]
    denominator = made.get("hdenominator", np.nan)
    # 0/0 is not a number in any evaluation, and neither is what a first step 0 divides by
    singular = (made.get("hm_hat", g) == 0.0) & (denominator == 0.0)
    if candidate.spec.first_t == "0":
        singular = singular | (steps == 0)
    if candidate.count is not None:
        singular = singular | (_counts(candidate.count, steps) == 0)
    base = kept(candidate.spec, batch.fmt).base
    ratio = _ratio(new, bound, after, share(base), singular)
    # once a parameter is not finite there is nothing left to hold against the rule
    out.ratio[some] = np.where(np.isfinite(theta), ratio, np.nan)
    out.move[some], out.bound[some] = new - theta, bound
    out.denominator[some] = denominator


def _seen(batch: Batch) -> tuple[dict[str, Any], dict[str, Any]]:
    """What every candidate reads of a batch, with bounds: θ, g and where a step stands."""
    since = np.arange(1.0, batch.steps + 1.0)[:, None] + np.zeros(batch.count)
    values: dict[str, Any] = {"g": batch.grads, "theta": batch.thetas[:-1], "x.since": since}
    values |= {"x.t": batch.first + since, "x.silence": batch.silence}
    values |= {"x.index": batch.element + 0.0, "x.size": batch.size + 0.0}
    return values, dict.fromkeys(values, np.zeros(batch.count))


def _behind(batch: Batch, lossy: Roundings) -> Array:
    """How far each θ may be from the one behind it ``[T, N]``; the first is given, not rounded."""
    far = lossy.shown * np.abs(batch.thetas[:-1]) + lossy.lost
    far[0] = 0.0
    return np.asarray(far)


def _member(
    candidate: Candidate,
    batch: Batch,
    admission: Admission,
    seen: tuple[dict[str, Any], dict[str, Any]],
) -> Member:
    """A candidate's program with all that it reads in a batch."""
    base, program = trace(candidate.spec), candidate.program
    lossy = envelope.roundings(candidate.spec, batch.fmt, admission)
    hyper = candidate.hyper(batch)
    # the format in which scalars are kept, where that is not float64
    home = format_named(candidate.scalars) if candidate.scalars else lossy.base
    scalars = Admission("array") if candidate.scalars else admission
    us = envelope.scalar_roundoff(home, scalars)
    values, bounds = begun(base, batch, hyper, home, scalars)
    if batch.first.any():
        advanced(base, stepwise(base), batch, values, bounds, us)
    values |= seen[0]
    _further(candidate, program, batch, values)
    bounds |= seen[1] | {"theta": _behind(batch, lossy)}
    given = frozenset[str]()
    if candidate.count is not None:
        given = _counted(candidate.count, values, bounds, batch, us)
    bounds = dict.fromkeys(values, np.zeros(batch.count)) | bounds
    reassociation = np.ascontiguousarray(np.moveaxis(factors(candidate.spec, batch, hyper), 1, 0))
    c = step_constants(lossy, reassociation, Arrays(batch.array), us=us)
    step = stepwise(program) if program is base else changed_step(program)
    return Member(step, values, bounds, c, given)


def _counts(count: Count, before: NDArray[np.int64]) -> NDArray[np.int64]:
    """The step counts in use after ``before`` steps; beyond the known ones the last goes on."""
    known = np.asarray(count.steps, np.int64)
    return np.asarray(known[np.minimum(before, len(known) - 1)])


def _counted(
    count: Count, values: dict[str, Any], bounds: dict[str, Any], batch: Batch, us: float
) -> frozenset[str]:
    """Set powers of β so that the rule's next ones are those of another step count; their names.

    A power taken at once is within 4 units: pow is good to one, the quotient by β rounds, and so
    does the product that the rule forms again.
    """
    steps = _counts(count, batch.first + np.arange(batch.steps)[:, None])
    for power in count.powers:
        beta = values[f"h.beta{power[1:]}"]
        values[f"s.{power}"] = beta ** (steps - 1.0)
        bounds[f"s.{power}"] = 4.0 * us * np.abs(values[f"s.{power}"])
    return frozenset(f"s.{power}" for power in count.powers)


def _further(candidate: Candidate, program: Program, batch: Batch, values: dict[str, Any]) -> None:
    """What a changed program reads besides: its constants, states that begin at 0."""
    zero = np.zeros(batch.count)
    values |= {name: zero + value for name, value in candidate.constants}
    values |= batch.constants
    values |= {name: zero for name, _ in program.outputs if name[:2] == "s." and name not in values}


def step_constants(
    lossy: Roundings, reassociation: Array, arrays: Arrays, *, us: float | None = None
) -> Any:
    """What a step function reads besides values and bounds; ``us``: of scalars kept elsewhere."""
    c = constants(
        u=lossy.u,
        us=lossy.us if us is None else us,
        eta=lossy.eta,
        flush=lossy.flush,
        largest=lossy.largest,
        reassociation=reassociation,
        stored=lossy.stored,
    )
    c.arrays, c.share = arrays, share(lossy.base)
    return c


def begun(
    program: Program, batch: Batch, hyper: Hyper, home: Format, scalars: Admission
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The hyperparameters and the state before the first step of all, with their bounds."""
    names = program.spec.hyperparameters
    zero = np.zeros(batch.count)
    values: dict[str, Any] = {f"h.{name}": hyper[name] for name in names}
    values |= {f"s.{name}": batch.start.get(name, zero) for name in program.moments}
    for clock in program.clocks:
        values[f"s.{clock}"] = zero + (0.0 if clock == "t" else 1.0)
    bounds: dict[str, Any] = dict.fromkeys(values, zero)
    heads, of = batch.runs
    asked = list(zip(*(hyper[name][heads].tolist() for name in names), strict=True))
    if scalars.scalars == "array":
        errors = np.asarray(
            [
                envelope.scalar_errors(names, dict(zip(names, each, strict=True)), home, scalars)
                for each in asked
            ]
        )
        bounds |= {f"h.{name}": errors[of, k] for k, name in enumerate(names)}
    # else every clock begins at 0 or 1, whatever the hyperparameters are, and these are exact
    if program.spec.first_t != "1" or program.spec.schedule != "constant":
        begin = np.asarray([_clocks(program.spec, each, home.name, scalars) for each in asked])[of]
        for k, clock in enumerate(program.clocks):
            values[f"s.{clock}"] = begin[:, k, 0]
            bounds[f"s.{clock}"] = begin[:, k, 2] + np.abs(begin[:, k, 1])
    if program.spec.first_t == "0":
        for clock, name in (("s.p1", "beta1"), ("s.p2", "beta2")):
            if clock in values:
                values[clock] = _inverse(hyper[name])
    return values, bounds


@lru_cache(maxsize=1 << 12)
def _clocks(
    spec: Spec, asked: tuple[float, ...], home: str, scalars: Admission
) -> NDArray[np.float64]:
    """The clocks before the first step as (hi, lo, error), ``[C, 3]``."""
    hyper = dict(zip(spec.hyperparameters, asked, strict=True))
    return envelope.start(trace(spec), hyper, FORMATS[home], scalars)


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
        stored=unkept(wide.u),
    )
    for t in range(int(batch.first.max())):
        after, radii = run(values | idle, bounds | idle, c)
        for clock in (f"s.{name}" for name in program.clocks):
            ahead = batch.first > t
            values[clock] = np.where(ahead, after[clock], values[clock])
            bounds[clock] = np.where(ahead, radii[clock], bounds[clock])


def factors(spec: Spec, batch: Batch, hyper: Hyper) -> Array:
    """The envelope's reassociation ``[T, 2, N]``; a run's columns share their hyperparameters."""
    heads, of = batch.runs
    table = np.empty((len(heads), batch.steps, 2))
    for first in dict.fromkeys(batch.first[heads].tolist()):
        some = batch.first[heads] == first
        asked = {name: hyper[name][heads[some], None] for name in spec.hyperparameters}
        table[some] = envelope.reassociation(spec, asked, batch.steps, first)
    return np.moveaxis(table[of], 0, -1)


def _ratio(value: Array, bound: Array, seen: Array, part: float, singular: Any) -> Array:
    """Error over envelope; ``singular``: where the rule itself divides by zero."""
    error = np.abs(seen - value)
    ratio = np.where(error == 0.0, 0.0, error / (part * bound))
    ratio = np.where(np.isfinite(seen), ratio, np.inf)
    same = (np.isnan(value) & np.isnan(seen)) | (value == seen)
    decided = np.isfinite(value) & np.isfinite(bound)
    beyond = np.where(singular & ~np.isfinite(value), np.where(same, 0.0, np.inf), np.nan)
    return np.where(decided, ratio, beyond)
