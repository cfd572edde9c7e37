"""Edits that have acted since the first step, asked over the whole way to the first departures.

Where an edit shows late (its effect is small, or was hidden by the rounding), the state at the
departure is no longer the dialect's. A few columns are then run from their first step, without
bounds; as in places.py nothing is judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Array
from adamcheck.identify.lockstep import share
from adamcheck.identify.places import GRID, LIKELY, SOLVED, Proposal, mostly, nearest_roots, plain
from adamcheck.identify.places import shared as shared_number
from adamcheck.identify.windows import Course
from adamcheck.mutations import apply, neighbours
from adamcheck.numerics.changed import Arrays, evaluated
from adamcheck.program import Program

_COLUMNS: Final = 24
_LONGEST: Final = 24
_AHEAD: Final = 2
_SPLIT: Final = 16
_TURNS: Final = 14
_COUPLED: Final = ("couple", "clip-norm")
_WORST: Final = 64.0


@dataclass(frozen=True)
class Histories:
    """W columns from their first step: inputs of each step by name ``[T, W]``, θ after it, and the
    dialect's envelope; left: the step (from 0) at which each leaves the dialect."""

    inputs: Sequence[dict[str, Array]]
    seen: Array
    bound: Array
    left: NDArray[np.intp]

    @classmethod
    def of(cls, courses: Sequence[Course]) -> Histories | None:
        """The columns that leave a dialect early; None where none does."""
        for one in sorted(courses, key=lambda c: -c.batch.count):
            gone = np.flatnonzero(one.first < min(one.batch.steps, _LONGEST))
            if len(gone):
                break
        else:
            return None
        few = gone[np.unique(np.linspace(0, len(gone) - 1, _COLUMNS).astype(np.intp))]
        steps = min(int(one.first[few].max()) + 1 + _AHEAD, one.batch.steps)
        return cls(
            [{name: x[t, few] for name, x in one.inputs.items()} for t in range(steps)],
            one.batch.thetas[1 : steps + 1, few],
            share(one.batch.fmt) * one.walked.bound[:steps, few],
            one.first[few],
        )

    def run(self, program: Program, numbers: dict[str, Any], columns: Any) -> Array:
        """θ after every step ``[T, …, W]`` of a program with its open numbers ``[…, 1]``."""
        arrays = Arrays(np.arange(len(self.left)))
        zero = np.zeros(len(self.left))
        states = {
            name: self.inputs[0].get(name, zero)[columns]
            for name, _ in program.outputs
            if name[:2] == "s."
        }
        found = []
        for inputs in self.inputs:
            given = {name: x[columns] for name, x in inputs.items()}
            known = evaluated(program.ops, given | numbers | states, arrays, [])
            states = {name: known[i] for name, i in program.outputs if name in states}
            found.append(known[program.output["theta"]])
        shape = np.broadcast_shapes(*(np.shape(x) for x in found))
        return np.stack([np.broadcast_to(x, shape) for x in found])

    def score(self, theta: Array) -> float:
        """How far θ ``[T, W]`` is from what was seen, up to a little after each departure."""
        near = np.arange(len(theta))[:, None] <= self.left + _AHEAD
        error = np.abs(theta - self.seen) / self.bound
        off = np.log2(1.0 + np.where(theta == self.seen, 0.0, error))
        return float(mostly(np.minimum(np.nan_to_num(off, nan=_WORST), _WORST)[near]))


def proposals(program: Program, histories: Histories) -> list[Proposal]:
    """The edits, without a guard, that would explain the way to the first departures."""
    found: list[Proposal] = []
    everywhere = slice(None)
    with np.errstate(all="ignore"):
        for edit in neighbours(program):
            if edit.operator in _COUPLED:
                continue
            changed = apply(program, edit)
            numbers = _number(changed, histories) if edit.is_open else ()
            if numbers is None:
                continue
            theta = histories.run(changed, dict(numbers), everywhere)
            score = histories.score(theta)
            if score <= LIKELY:
                found.append(Proposal(edit, score, tuple(numbers)))
    return sorted(found, key=lambda p: (round(p.score), plain(p.edit)))


def _number(program: Program, histories: Histories) -> tuple[tuple[str, float], ...] | None:
    """The open number of an edit's program that most departures agree on."""
    w = np.arange(len(histories.left))

    def at_departure(numbers: Any, columns: NDArray[np.intp]) -> Array:
        theta = histories.run(program, {"e.c": numbers}, columns)
        return np.moveaxis(theta[histories.left[columns], ..., np.arange(len(columns))], 0, -1)

    seen = histories.seen[histories.left, w]
    theta = np.broadcast_to(at_departure(GRID[:, None], w), (len(GRID), len(w)))
    k, at, rising = nearest_roots(theta, seen)
    if len(np.unique(at)) < SOLVED * len(w):
        return None
    bound = histories.bound[histories.left, w]
    goals = (seen + np.array([[-2.0], [2.0]]) * bound)[:, at]
    low = np.broadcast_to(GRID[np.maximum(k - 1, 0)], goals.shape)
    high = np.broadcast_to(GRID[np.minimum(k + 2, len(GRID) - 1)], goals.shape)
    parts = np.linspace(0.0, 1.0, _SPLIT + 1)[:, None, None]
    for _ in range(_TURNS):
        between = low + (high - low) * parts
        above = (at_departure(between, at) >= goals) == rising
        above[-1] = True
        above[0] = False
        first = above.argmax(axis=0)
        high = np.take_along_axis(between, first[None], 0)[0]
        low = np.take_along_axis(between, first[None] - 1, 0)[0]
    ends = np.sort(0.5 * (low + high), axis=0)
    c = shared_number(ends[0], ends[1], at, SOLVED * len(w))
    return None if c is None else (("e.c", c),)


def proposed(program: Program, courses: Sequence[Course]) -> list[Proposal]:
    """As ``proposals``, from courses; nothing where no column leaves early."""
    histories = Histories.of(courses)
    return [] if histories is None else proposals(program, histories)
