"""The float64 and double-double rungs on NumPy arrays: for short runs that deserve no compiling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import widened
from adamcheck.interpret.compiled import CERTAIN, TALLIES, hyper_inputs
from adamcheck.interpret.double_double import FAINT, SMALLEST
from adamcheck.interpret.pairs import PAIRS, SINGLES, Pair, two_sum
from adamcheck.interpret.walk import carry, constants, step_function
from adamcheck.oracle import envelope
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.program import Program
from adamcheck.rules import initial_state


def walk(
    program: Program, evidence: Evidence, admission: Admission, *, paired: bool
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (values, bounds) by output name for every step; values are Pair or float64 arrays."""
    fmt, hyper = evidence.fmt, evidence.hyper
    steps, count = evidence.shape
    names = hyper_inputs(program)
    kit = PAIRS if paired else SINGLES

    def scalar(x: Any) -> Pair:
        x = np.asarray(x, np.float64)
        return Pair(x, np.zeros_like(x))

    def number(x: Any) -> Any:
        return scalar(x) if paired else np.asarray(x, np.float64)

    given = {n: scalar(float(hyper[n])) for n in names}
    state = initial_state(program.spec, given, number(np.zeros(count)), scalar(1.0))
    for name, array in evidence.start.items():
        state[name] = number(widened(array))
    values = {f"s.{n}": x for n, x in state.items()} | {f"h.{n}": x for n, x in given.items()}
    errors = envelope.scalar_errors(names, hyper, fmt, admission)
    bounds: dict[str, Any] = dict.fromkeys(values, 0.0)
    bounds |= {f"h.{n}": e for n, e in zip(names, errors, strict=True)}
    clocks = envelope.start(program, hyper, fmt, admission)[:, 2]
    bounds |= {f"s.{n}": e for n, e in zip(program.clocks, clocks, strict=True)}
    fold = envelope.fold(program.spec, hyper, steps, evidence.first)
    c = constants(
        u=fmt.u,
        us=envelope.scalar_roundoff(fmt, admission),
        eta=envelope.underflow(fmt, admission),
        largest=fmt.largest,
        fold=1.0,
    )
    run = step_function(program)
    moments = {f"s.{m}" for m in program.moments}
    for _ in range(evidence.first):  # the clocks alone: the moments before are given
        idle = {"g": number(np.ones(1)), "theta": number(np.zeros(1))}
        rest = {k: x for k, x in values.items() if k not in moments}
        rest |= {k: number(np.zeros(1)) for k in moments}
        after, radii = run(kit, rest | idle, bounds | {"g": 0.0, "theta": 0.0}, c)
        for clock in program.clocks:
            values[f"s.{clock}"], bounds[f"s.{clock}"] = after[f"s.{clock}"], radii[f"s.{clock}"]
    for t in range(steps):
        theta = widened(evidence.thetas[t])
        values |= {"g": number(widened(evidence.grads[t])), "theta": number(theta)}
        stored = fmt.u * np.abs(theta.astype(np.float64)) + c.eta if t else 0.0
        bounds |= {"g": 0.0, "theta": stored}
        c.fold = fold[t]
        after, radii = run(kit, values, bounds, c)
        yield after, radii
        values |= carry(program, after)
        bounds |= carry(program, radii)


def judge(
    program: Program,
    rung: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    margin: float,
) -> NDArray[np.float64]:
    """Tallies ``[len(observed), len(TALLIES), N]``, as the compiled judge returns them."""
    count = evidence.shape[1]
    tally = np.zeros((len(observed), len(TALLIES), count))
    tiny = np.zeros(count, bool)
    paired = rung == "dd"
    with np.errstate(all="ignore"):
        for t, (values, radii) in enumerate(walk(program, evidence, admission, paired=paired)):
            if paired:
                tiny |= _tiny(program, values, widened(evidence.grads[t]))
            if t < evidence.unseen:
                continue
            faint = _faint(program, values, radii) if paired else np.False_
            for q, name in enumerate(observed):
                key = "theta" if name == "theta" else f"s.{name}"
                seen = evidence.thetas[t + 1] if name == "theta" else evidence.moments[name][t]
                quantity = values["update"] if name == "theta" else values[key]
                magnitude = np.abs(quantity.hi if paired else quantity)
                d = _distance(widened(seen).astype(np.float64), values[key])
                bound = np.broadcast_to(radii[key], (count,))
                unsure = faint & (d > 0.0) & (d <= bound * CERTAIN)
                _count(tally[q], d, bound, magnitude, t + 1, margin, unsure)
    column = {name: tally[:, k] for k, name in enumerate(TALLIES)}
    # out of the rung's range nothing is decided
    column["undecided"] += tiny * (column["decided"] + column["weak"])
    for name in ("first_bad", "decided", "weak"):
        column[name] *= ~tiny
    return tally


def _distance(seen: Any, value: Any) -> Any:
    if isinstance(value, Pair):
        high, low = two_sum(seen, -value.hi)
        return np.abs(high + (low - value.lo))
    return np.abs(seen - value)


def _tiny(program: Program, values: dict[str, Any], g: Any) -> Any:
    """Elements so small that a product's error term may be lost."""
    size = np.abs(g.astype(np.float64))
    flags = (size < SMALLEST**0.5) & (size > 0.0)
    shown = (name for name in ("m_hat", "update", "theta") if name in values)
    for name in (*(f"s.{m}" for m in program.moments), *shown):
        a = np.abs(values[name].hi)
        flags |= (a < SMALLEST) & (a > 0.0)
    return flags


def _faint(program: Program, values: dict[str, Any], radii: dict[str, Any]) -> Any:
    """Elements where a bound of this step is so small that its own underflow counts."""
    flags = np.False_
    for name in (*(f"s.{m}" for m in program.moments), "update"):
        small = (radii[name] > 0.0) & (radii[name] < FAINT)
        flags = flags | (small & (np.abs(values[name].hi) < SMALLEST))
    return flags


def _count(
    row: NDArray[np.float64],
    d: Any,
    bound: Any,
    quantity: Any,
    step: int,
    margin: float,
    unsure: Any,
) -> None:
    column = {name: row[k] for k, name in enumerate(TALLIES)}
    known = bound < np.inf
    bad = known & ~(d <= bound * (1.0 + margin))
    open_ = known & (unsure | (~bad & (d > bound * (1.0 - margin))))
    bad = bad & ~open_
    d = np.where(np.isnan(d), np.inf, d)
    ratio = np.where(d == 0.0, 0.0, d / bound)
    higher = known & (ratio > column["worst"])
    column["worst"][higher] = ratio[higher]
    column["worst_step"][higher] = step
    column["first_bad"][bad & (column["first_bad"] == 0.0)] = step
    blunt = (bound >= quantity) & (quantity > 0.0)
    column["undecided"] += open_
    column["void"] += ~known
    column["weak"] += known & ~open_ & blunt
    column["decided"] += known & ~open_ & ~blunt
