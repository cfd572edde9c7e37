"""The one edit of a dialect's program with which every number fits, and its constants as intervals.

Where a dialect is left for the first time, every edit is asked (places.py); of those that would
explain these steps the condition is read off (guards.py), and each is walked over all runs with the
bounds of the judge. Only what fits then is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final

import numpy as np

from adamcheck.identify.candidate import Candidate
from adamcheck.identify.guards import Facts, Limits, Mask, features, holds, learnt, opened
from adamcheck.identify.histories import proposed
from adamcheck.identify.intervals import interval
from adamcheck.identify.places import Places, Proposal, place_of
from adamcheck.identify.scoring import Scores
from adamcheck.identify.windows import Course, Windows, first_departures
from adamcheck.identify.wording import inferred_edit
from adamcheck.mutations.edits import Guard
from adamcheck.numerics.changed import Arrays, evaluated
from adamcheck.program import trace
from adamcheck.result import InferredEdit

_TRIED: Final = 12
_ROUNDS: Final = 6
_SEARCHED: Final = 4


@dataclass(frozen=True)
class Inference:
    """An edit that fits: as a candidate, its proposal, its guard, and the facts about that."""

    candidate: Candidate
    proposal: Proposal
    guard: Guard | None
    limits: Limits


@dataclass(frozen=True)
class Neighbourhood:
    """The edits of one dialect's program, held against observed runs."""

    base: Candidate
    scores: Scores

    @cached_property
    def courses(self) -> tuple[Course, ...]:
        """The dialect over all runs."""
        return _courses(self.base, self.scores)

    def inferred(self, *, longer: bool = False) -> list[InferredEdit]:
        """The edits with which every number fits, the likeliest first.

        longer: those that have acted since the first step, though they show later.
        """
        windows = first_departures(self.courses)
        if windows is None:
            return []
        program, fmt = trace(self.base.spec), self.scores.batches[0].fmt
        if longer:
            likely = proposed(program, self.courses)
        else:
            likely = Places(program, windows, fmt).proposals()
        found = _tried(self.base, self.scores, self.courses, likely[:_TRIED])
        told = [_told(one, self.base, windows, self.scores) for one in found]
        # with any number at all: the steps do not tell
        return [one for one in told if (-np.inf, np.inf) not in one.parameters.values()]


@lru_cache(maxsize=8)
def _courses(base: Candidate, scores: Scores) -> tuple[Course, ...]:
    return tuple(Course.of(base, batch, scores.admission) for batch in scores.batches)


def _tried(
    base: Candidate, scores: Scores, courses: Sequence[Course], proposals: Sequence[Proposal]
) -> list[Inference]:
    found: list[Inference] = []
    for k, proposal in enumerate(proposals):
        known = {one.guard: one.limits for one in found}
        if known:  # how the others act is known by now
            found += _fitting(base, proposal, scores, known)
        elif k < _SEARCHED:
            found += _guarded(base, proposal, scores, courses)
    return found


def _told(one: Inference, base: Candidate, windows: Windows, scores: Scores) -> InferredEdit:
    """As a record, with the intervals of its numbers."""
    edit, fmt = one.proposal.edit, scores.batches[0].fmt
    program = trace(base.spec)
    ends = {
        name[2:]: interval(
            program, edit, one.proposal.constants, name, windows, fmt, scores.admission,
            later=one.proposal.later,
        )
        for name, _ in one.proposal.constants
    }  # fmt: skip
    if one.proposal.given:
        ((_, value),) = one.proposal.given
        ends["value"] = (value, value)
    to = edit.get("to")
    ends |= {"to": (float(to), float(to))} if isinstance(to, int) else {}
    return inferred_edit(program, edit, ends, one.guard, one.limits)


def _fitting(
    base: Candidate,
    proposal: Proposal,
    scores: Scores,
    guards: Mapping[Guard | None, Limits],
) -> list[Inference]:
    """The proposal under those of some guards with which it fits."""
    tried = [(_candidate(base, proposal, guard), guard) for guard in guards]
    return [
        Inference(candidate, proposal, guard, guards[guard])
        for candidate, guard in tried
        if scores.explains(candidate)
    ]


def _guarded(
    base: Candidate, proposal: Proposal, scores: Scores, courses: Sequence[Course]
) -> list[Inference]:
    """The proposal under every guard that fits; what fails tells more of when it acts."""
    facts = _facts(base, proposal, courses, [None] * len(courses))
    tried: set[Guard | None] = set()
    for _ in range(_ROUNDS):
        guards = {guard: ends for guard, ends in facts.guards() if guard not in tried}
        fitting = _fitting(base, proposal, scores, guards)
        if fitting or not guards:
            return fitting
        tried |= guards.keys()
        guard = _next(guards)
        candidate = _candidate(base, proposal, guard)
        again = [Course.of(candidate, batch, scores.admission) for batch in scores.batches]
        active = [holds(guard, features(one.batch)) for one in again]
        facts = facts.joined(_facts(base, proposal, again, active))
    return []


def _next(guards: Mapping[Guard | None, Limits]) -> Guard | None:
    """The guard to learn from: what acts once only shows best when it acts again."""
    some = [guard for guard in guards if guard is not None]
    once = [guard for guard in some if guard.kind == "t=="]
    return next(iter([*once, *some]), None)


def _candidate(base: Candidate, proposal: Proposal, guard: Guard | None) -> Candidate:
    if proposal.given:
        return replace(base, given=_overridden(base, proposal))
    edit, numbers = opened(proposal.edit, guard)
    return replace(base, edit=edit, constants=(*proposal.constants, *numbers))


def _overridden(base: Candidate, proposal: Proposal) -> tuple[tuple[str, float], ...]:
    names = {name for name, _ in proposal.given}
    return (*(pair for pair in base.given if pair[0] not in names), *proposal.given)


def _facts(
    base: Candidate,
    proposal: Proposal,
    courses: Sequence[Course],
    active: Sequence[Mask | None],
) -> Facts:
    shows = [_shows(base, proposal, one) for one in courses]
    assumed = [
        np.zeros(one.batch.grads.shape, bool) if given is None else given
        for one, given in zip(courses, active, strict=True)
    ]
    batches, first = [c.batch for c in courses], [c.first for c in courses]
    return learnt(batches, first, assumed, shows, later=proposal.later)


def _shows(base: Candidate, proposal: Proposal, one: Course) -> Mask:
    """Where one step of the edit differs from one step without it, beyond all bounds ``[T, N]``."""
    shape = one.batch.grads.shape
    plain = trace(base.spec).expanded
    edited = _candidate(base, proposal, None)
    flat = {name: np.broadcast_to(x, shape).ravel() for name, x in one.inputs.items()}
    flat |= {name: np.full(flat["g"].shape, x) for name, x in edited.constants}
    arrays = Arrays(
        (np.arange(shape[0])[:, None] * (one.batch.array.max() + 1) + one.batch.array).ravel()
    )
    with np.errstate(all="ignore"):
        rule = evaluated(plain.ops, flat, arrays, [])
        place = np.broadcast_to(rule[place_of(trace(base.spec), proposal.edit)], flat["g"].shape)
        memory = place.reshape(shape)
        flat["s.edit1"] = np.concatenate([memory[:1], memory[:-1]]).ravel()
        if proposal.given:
            changed = dict(flat) | {
                f"h.{n}": np.full(flat["g"].shape, x) for n, x in proposal.given
            }
            program = plain
        else:
            changed, program = flat, edited.program
        after = evaluated(program.ops, changed, arrays, [])
        if proposal.later:
            following = dict(flat)
            for name, i in program.outputs:
                if name in following and name[:2] == "s.":
                    state = np.broadcast_to(after[i], flat["g"].shape).reshape(shape)
                    following[name] = np.concatenate([memory[:1], state[:-1]]).ravel()
            moved = evaluated(plain.ops, following, arrays, [])[plain.output["theta"]]
            moved = np.broadcast_to(moved, flat["g"].shape).reshape(shape)
            still = np.broadcast_to(rule[plain.output["theta"]], flat["g"].shape).reshape(shape)
            gap = np.abs(moved - still)
            gap, bound = gap[1:], one.walked.bound[1:]
            differs = ~(gap <= 4.0 * bound)
            return np.concatenate([differs, np.zeros((1, shape[1]), bool)])
        theta = np.broadcast_to(after[program.output["theta"]], flat["g"].shape)
        gap = np.abs(theta - rule[plain.output["theta"]]).reshape(shape)
        return np.asarray(~(gap <= 4.0 * one.walked.bound))
