"""Single steps at which a dialect is left for the first time, with all that led up to them.

Before the first departure of an element the dialect's own state is the target's, as far as runs
tell; so what happens at that step can be asked of any change, without walking up to it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.lockstep import Walked, course, factors, share
from adamcheck.numerics.changed import Arrays
from adamcheck.oracle.envelope import Admission

_SINGLES = 48
_WHOLE = 4
_LARGEST = 4096
_AHEAD = 3


@dataclass(frozen=True)
class Course:
    """A candidate over one batch: its walk, and the inputs of every step with bounds ``[T, N]``.

    reassociation: ``[T, 2, N]``. first: the first step (from 0) at which each column leaves the
    envelope, T where none does.
    """

    batch: Batch
    walked: Walked
    inputs: Mapping[str, Array]
    bounds: Mapping[str, Array]
    reassociation: Array
    first: NDArray[np.intp]

    @classmethod
    def of(cls, candidate: Candidate, batch: Batch, admission: Admission) -> Course:
        """Walk the candidate."""
        walked, inputs, bounds = course(candidate, batch, admission)
        bad = walked.ratio > 1.0
        first = np.where(bad.any(axis=0), bad.argmax(axis=0), batch.steps)
        reassociation = factors(candidate.spec, batch, candidate.hyper(batch))
        return cls(batch, walked, inputs, bounds, reassociation, first)


@dataclass(frozen=True)
class Windows:
    """W element-steps side by side: what the step read, what it made, what was seen.

    inputs and bounds: by name ``[W]``; before: both of the step before (the same ones at a first
    step); reassociation: ``[2, W]``. seen: θ after; own: the dialect's θ after, and bound: its
    envelope.
    scored: those at which the dialect is left; the others make up the arrays that ``whole`` columns
    belong to.
    following: gradient, θ before and after of some steps after it, NaN beyond the run.
    """

    inputs: Mapping[str, Array]
    bounds: Mapping[str, Array]
    before: Mapping[str, Array]
    before_bounds: Mapping[str, Array]
    reassociation: Array
    seen: Array
    own: Array
    bound: Array
    scored: NDArray[np.bool_]
    whole: NDArray[np.bool_]
    arrays: Arrays
    following: tuple[tuple[Array, ...], ...]

    @property
    def count(self) -> int:
        """W."""
        return len(self.seen)


def first_departures(courses: Sequence[Course]) -> Windows | None:
    """The first departures of some dozens of columns, and of a few whole arrays; None without."""
    picked: list[tuple[Course, int, NDArray[np.intp], bool]] = []
    for one in courses:
        picked += _whole(one)
    for one in courses:
        gone = np.flatnonzero(one.first < one.batch.steps)
        few = gone[
            np.unique(np.linspace(0, len(gone) - 1, min(len(gone), _SINGLES)).astype(np.intp))
        ]
        picked += [(one, int(one.first[i]), np.asarray([i]), False) for i in few]
    if not picked:
        return None
    parts = [_gathered(one, t, columns) for one, t, columns, _ in picked]
    names = [n for n in parts[0][0] if all(n in part[0] for part in parts)]

    def joined(k: int) -> dict[str, Array]:
        return {n: np.concatenate([part[k][n] for part in parts]) for n in names}

    def along(k: int) -> Array:
        return np.concatenate([part[k] for part in parts])

    sizes = [len(columns) for _, _, columns, _ in picked]
    whole = np.repeat([flag for *_, flag in picked], sizes)
    return Windows(
        inputs=joined(0),
        bounds=joined(1),
        before=joined(2),
        before_bounds=joined(3),
        reassociation=np.concatenate([part[8] for part in parts], axis=1),
        seen=along(4),
        own=along(5),
        bound=along(6),
        scored=along(7).astype(bool),
        whole=np.asarray(whole, bool),
        arrays=Arrays(np.repeat(np.arange(len(sizes)), sizes)),
        following=tuple(
            tuple(
                np.concatenate([_step(one, t + k, columns)[j] for one, t, columns, _ in picked])
                for j in range(3)
            )
            for k in range(1, _AHEAD + 1)
        ),
    )


def _step(one: Course, t: int, columns: NDArray[np.intp]) -> tuple[Array, Array, Array]:
    if t >= one.batch.steps:
        lost = np.full(len(columns), np.nan)
        return lost, lost, lost
    thetas = one.batch.thetas[:, columns]
    return one.batch.grads[t, columns], thetas[t], thetas[t + 1]


def _whole(one: Course) -> list[tuple[Course, int, NDArray[np.intp], bool]]:
    """Arrays with all their columns, at the earliest step at which one of them leaves."""
    found: list[tuple[Course, int, NDArray[np.intp], bool]] = []
    for array in np.unique(one.batch.array):
        columns = np.flatnonzero(one.batch.array == array)
        t = int(one.first[columns].min())
        if t < one.batch.steps and len(columns) == one.batch.size[columns[0]] <= _LARGEST:
            found.append((one, t, columns, True))
    return found[:_WHOLE]


def _gathered(one: Course, t: int, columns: NDArray[np.intp]) -> tuple[Any, ...]:
    def at(table: Mapping[str, Array], step: int) -> dict[str, Array]:
        return {name: values[step, columns] for name, values in table.items()}

    theta = one.batch.thetas[:, columns]
    bound = share(one.batch.fmt) * one.walked.bound[t, columns]
    return (
        at(one.inputs, t),
        at(one.bounds, t),
        at(one.inputs, max(t - 1, 0)),
        at(one.bounds, max(t - 1, 0)),
        theta[t + 1],
        theta[t] + one.walked.move[t, columns],
        bound,
        one.first[columns] == t,
        one.reassociation[t][:, columns],
    )
