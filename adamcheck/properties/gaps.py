"""Calls that give a parameter nothing: what they may mean, and which meanings explain a run.

One mechanism for calls without a gradient and for steps that a guard skips: the call never was, or
it counts alone, or it is one with a gradient of zero. A meaning explains a run only where what
follows the gap was judged under it, and a target has one meaning for all of its gaps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck import rules
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement
from adamcheck.program import trace
from adamcheck.properties.base import difference
from adamcheck.properties.context import Account, Break, Context, Meaning
from adamcheck.properties.envelope import departure
from adamcheck.properties.exactly import Doubles, state_after
from adamcheck.spec import Spec

Kinds = Mapping[int, str]
"""The steps (from 0) that give nothing, and the kind of each: those of a kind mean the same."""
Meanings = Mapping[str, Sequence[Meaning]]
"""What the steps of a kind may still mean."""


@dataclass(frozen=True)
class _Reading:
    """A run under one meaning for each kind of its gaps; ``told``: all that follows was judged."""

    meant: Mapping[str, Meaning]
    judgements: tuple[Judgement, ...]
    told: bool

    @property
    def broken(self) -> Break | None:
        return next((b for one in self.judgements if (b := departure(one)) is not None), None)


def possible(how: Mapping[str, Any], kinds: Kinds) -> dict[str, tuple[Meaning, ...]]:
    """What each kind of gap may mean: what a check has found before stands in ``how``."""
    known = how.get("meant", {})
    return {k: tuple(map(Meaning, known.get(k, Meaning))) for k in dict.fromkeys(kinds.values())}


def explained(
    context: Context, account: Account, evidence: Evidence, kinds: Kinds, possible: Meanings
) -> Break | None:
    """Judge a run under all that its gaps may mean; what is left is kept in ``account.meant``.

    A count that goes on where the state at a gap is not known is no explanation by itself: it is
    taken where judged steps of another run have shown that a gap is not as if it had never been.
    The steps before the gap and that θ stays are judged all the same, and the rest is said.
    """
    still = {t: _stays(evidence, t) for t in kinds}
    readings = []
    for choice in product(*possible.values()):
        meant = dict(zip(possible, choice, strict=True))
        if all(meant[kind] is Meaning.ZERO or still[t] for t, kind in kinds.items()):
            readings.append(_read(context, evidence, kinds, meant))
    fitting = [one for one in readings if one.broken is None]
    held = [one for one in fitting if one.told]
    other = {k: Meaning.NOTHING not in known for k, known in possible.items()}
    open_ = [
        one
        for one in fitting
        if not one.told and all(other[k] for k, m in one.meant.items() if m is Meaning.COUNTED)
    ]
    if not held and not open_:
        return next((one.broken for one in readings if one.broken is not None), None) or _moved(
            evidence, kinds
        )
    for judgement in (held or open_)[0].judgements:
        account.count(judgement)
    if not held:
        at = ", ".join(str(t + 1) for t in sorted(kinds))
        context.note(
            "not-asked",
            f"what follows a step that gives nothing and counts (step {at}) is not judged under"
            f" {evidence.spec}: the state there is not known",
        )
    for kind, known in possible.items():
        left = {one.meant[kind] for one in (*held, *open_)}
        account.meant[kind] = tuple(m for m in known if m in left)
    return None


def _stays(evidence: Evidence, t: int) -> bool:
    return difference(evidence.thetas[t : t + 1], evidence.thetas[t + 1 : t + 2], "") is None


def _moved(evidence: Evidence, kinds: Kinds) -> Break:
    """That a parameter moves in a step that gives it nothing."""
    for t in sorted(kinds):
        text = "a parameter without a gradient moves"
        moved = difference(evidence.thetas[t : t + 1], evidence.thetas[t + 1 : t + 2], text)
        if moved is not None:
            return replace(moved, step=t + 1)
    raise AssertionError("nothing moves, and no meaning was tried")


def _read(
    context: Context, evidence: Evidence, kinds: Kinds, meant: Mapping[str, Meaning]
) -> _Reading:
    parts, told = _parts(context, evidence, {t: meant[kind] for t, kind in kinds.items()})
    return _Reading(meant, tuple(context.judged(part) for part in parts), told)


def _parts(
    context: Context, evidence: Evidence, idle: Mapping[int, Meaning]
) -> tuple[list[Evidence], bool]:
    """The evidence under what each idle step means, and whether it is of all steps.

    A part begins after every step that only counts.
    """
    steps = np.arange(evidence.shape[0])
    grads = evidence.grads.copy()
    grads[[t for t, m in idle.items() if m is Meaning.ZERO]] = 0
    evidence = replace(evidence, grads=grads)
    counted = np.array([idle.get(int(t)) is Meaning.COUNTED for t in steps], bool)
    taken = np.array([idle.get(int(t)) in (None, Meaning.ZERO) for t in steps], bool)
    ahead = np.cumsum(counted)
    parts, told = [], True
    for k in np.unique(ahead[taken]).tolist():
        before, now = (steps[taken & where] for where in (ahead < k, ahead == k))
        part = _picked(evidence, now) if k == 0 else _after(context, evidence, before, now, k)
        told = told and part is not None
        parts += [] if part is None else [part]
    return parts, told


def _picked(evidence: Evidence, steps: NDArray[np.intp]) -> Evidence:
    """Some of the steps, one after another; what is left out between them moved nothing."""
    return replace(
        evidence,
        grads=evidence.grads[steps],
        thetas=evidence.thetas[np.append(steps[:1], steps + 1)],
        moments={n: x[steps] for n, x in evidence.moments.items()},
    )


def _after(
    context: Context,
    evidence: Evidence,
    before: NDArray[np.intp],
    now: NDArray[np.intp],
    ahead: int,
) -> Evidence | None:
    """The steps ``now`` of a run whose count is ``ahead`` of those it has taken; None if unknown.

    From the state that exact gradients leave; else from that of steps of zero gradients, which do
    nothing but count, and the gradients after them; else from the moments that the target shows.
    """
    spec, part = evidence.spec, _picked(evidence, now)
    first = before.size + ahead
    if not before.size:
        return replace(part, first=first)
    known = trace(spec)
    at_rest = not (known.feeds_back and evidence.thetas[0].any())
    state = state_after(context, spec, evidence.hyper, evidence.grads[before]) if at_rest else None
    if state is None and _follows_gradients(spec) and _rests(spec, evidence.hyper):
        all_ = _picked(evidence, np.concatenate([before, now]))
        return replace(
            all_,
            grads=np.concatenate([np.zeros_like(all_.grads[:1]).repeat(ahead, 0), all_.grads]),
            thetas=np.concatenate([all_.thetas[:1].repeat(ahead, 0), all_.thetas]),
            moments={n: np.concatenate([x[:1].repeat(ahead, 0), x]) for n, x in
                     all_.moments.items()},
            unseen=first,
        )  # fmt: skip
    if state is None and known.moments and set(known.moments) <= evidence.moments.keys():
        state = {n: evidence.moments[n][before[-1]] for n in known.moments}
    return None if state is None else replace(part, start=state, first=first, shown=True)


@lru_cache(maxsize=256)
def _follows_gradients(spec: Spec) -> bool:
    """Whether the moments depend on gradients alone: on no count and on no parameter."""
    program = trace(spec)
    behind = program.behind(program.output[f"s.{m}"] for m in program.moments)
    others = {"theta", *(f"s.{clock}" for clock in program.clocks)}
    return not any(program.inputs[n] in behind for n in others if n in program.inputs)


def _rests(spec: Spec, hyper: Mapping[str, float]) -> bool:
    """Whether a step of zero gradients leaves the first moments as they are."""
    zero, names = np.zeros(1), trace(spec).moments
    with np.errstate(all="ignore"):
        start = rules.initial_state(spec, hyper, np.float64(0.0), np.float64(1.0))
        after = rules.step(spec, Doubles(), hyper, start, zero, zero).state
    return all(bool((np.asarray(after[n]) == start[n]).all()) for n in names)
