"""Which of all steps are looked at: some that the base does not explain, and others around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from adamcheck.identify.batch import Array
from adamcheck.identify.guards import features_of
from adamcheck.identify.transitions import Clocks, Index, Mask, Steps, Transitions

# How many steps are looked at: these decide what is found and how long it takes, and no verdict, as
# every edit that is found has to fit all the steps that are held against it.
ASKED: Final = 96
"""Deviating steps from which edits are proposed."""
_HELD: Final = 3000
_QUIET: Final = 9000
"""Deviating steps, and others, that an edit is held against."""
_NEAR: Final = 64
"""Steps on either side of an extreme feature of what deviates, where a threshold may be."""
_EACH: Final = 24
"""Steps of a run of which whole arrays are looked at."""
_FEW: Final = 4
"""Elements of a run, of either kind, that are followed through all of its steps."""
_ROOM: Final = 1 << 15
"""Element-steps of whole arrays of each kind."""


@dataclass(frozen=True)
class Chosen:
    """Some steps by batch, step and column ``[E]``.

    own: error over envelope of every output under the base ``[outputs, E]``, NaN where undecided.
    """

    k: Index
    t: Index
    column: Index
    own: Array

    def __len__(self) -> int:
        return len(self.t)

    @cached_property
    def explained(self) -> Mask:
        """Whether the base explains each."""
        with np.errstate(all="ignore"):
            return np.asarray(~(self.own > 1.0).any(axis=0))

    def some(self, picked: Any) -> Chosen:
        """A part of them, or one several times."""
        return Chosen(self.k[picked], self.t[picked], self.column[picked], self.own[:, picked])

    @classmethod
    def joined(cls, parts: Sequence[Chosen]) -> Chosen:
        """All of them."""
        return cls(
            np.concatenate([p.k for p in parts]),
            np.concatenate([p.t for p in parts]),
            np.concatenate([p.column for p in parts]),
            np.concatenate([p.own for p in parts], axis=1),
        )


class Selection:
    """All steps of a table, and those of them that are looked at.

    telling: whether some parameter or moment that the base does not explain is a number, be it
    infinite. What is none fits whatever takes a root of less than zero.
    """

    def __init__(self, table: Transitions) -> None:
        self.table = table
        parts, self.telling = [], False
        for k, t, column in table.everything():
            steps = table.steps(k, t, column)
            own = table.ratios(table.answer(table.program, steps, {}), steps)
            parts.append(Chosen(k, t, column, own))
            numbers = ~np.isnan(np.stack([*steps.seen.values()]))
            with np.errstate(all="ignore"):
                self.telling |= bool((numbers & (own > 1.0)).any())
        self.all = Chosen.joined(parts)
        self.left = self.all.some(~self.all.explained)

    @cached_property
    def asked(self) -> Chosen:
        """Steps that the base does not explain, of every batch."""
        return self.of_every_run(self.left, ASKED)

    @cached_property
    def firsts(self) -> Chosen:
        """Of every run the steps at which its first element leaves the base."""
        run = self.run_of(self.left)
        first = np.full(int(run.max(initial=0)) + 1, np.iinfo(np.int64).max)
        np.minimum.at(first, run, self.left.t)
        return self.left.some(self.left.t == first[run])

    def run_of(self, chosen: Chosen) -> Index:
        """The run of each step."""
        found = np.zeros(len(chosen), np.int64)
        for k, batch in enumerate(self.table.batches):
            here = chosen.k == k
            found[here] = batch.run[chosen.column[here]]
        return found

    def of_every_run(self, chosen: Chosen, most: int) -> Chosen:
        """At most about so many, of every run as many."""
        runs = self._runs(chosen)
        each = max(1, most // max(1, len(runs)))
        few = [one[evenly(len(one), each)] for one in runs]
        return chosen.some(np.concatenate([np.zeros(0, np.intp), *few]))

    @cached_property
    def held(self) -> Chosen:
        """The steps that an edit is held against: those that deviate, and others all around."""
        parts = [self.of_every_run(self.left, _HELD), self.of_every_run(self.quiet, _QUIET)]
        if len(self.left):
            own, other = self.features(self.left), self.features(self.quiet)
            for name, values in own.items():
                for j in (int(values.argmin()), int(values.argmax())):
                    parts.append(self.left.some([j]))
                    parts.append(self.quiet.some(_around(other[name], float(values[j]))))
        return Chosen.joined(parts)

    @cached_property
    def quiet(self) -> Chosen:
        """The steps that the base explains."""
        return self.all.some(self.all.explained)

    def features(self, chosen: Chosen) -> dict[str, Array]:
        """What guards read at chosen steps."""
        return features_of(self.table.batches, chosen.k, chosen.t, chosen.column)

    @cached_property
    def followed(self) -> Chosen:
        """Every step of a few elements of each run: what changes a clock is felt ever after.

        By all elements: some that the base explains throughout are among them.
        """
        picked = []
        for here in self._runs(self.all):
            column, gone = self.all.column[here], ~self.all.explained[here]
            left = np.unique(column[gone])
            some = (left, np.setdiff1d(column, left))
            columns = np.concatenate([each[evenly(len(each), _FEW)] for each in some if len(each)])
            picked.append(here[np.isin(column, columns)])
        return self.all.some(np.concatenate(picked))

    @cached_property
    def whole(self) -> Chosen:
        """Steps of arrays with all their elements: some of those in which the base does not explain
        a step, and as many others."""
        found = [self.all.some(slice(0))]
        near = self.held.some(self.held.explained)
        for chosen, deviating in ((self.left, True), (near, False), (self.quiet, False)):
            total = 0
            for k, t, array in self._groups(chosen):
                here = self._row[k][t, self.table.batches[k].array == array]
                group = self.all.some(here[here >= 0])
                complete = len(group) == self.table.batches[k].size[group.column[0]]
                if complete and group.explained.all() != deviating and total + len(group) <= _ROOM:
                    total += len(group)
                    found.append(group)
        return Chosen.joined(found)

    @cached_property
    def of_whole(self) -> Index:
        """Which of those an edit that couples elements is held against."""
        gone = np.flatnonzero(~self.whole.explained)
        rest = np.flatnonzero(self.whole.explained)
        few = (x[evenly(len(x), most)] for x, most in ((gone, _HELD), (rest, _QUIET)))
        return np.sort(np.concatenate([*few]))

    @cached_property
    def _row(self) -> list[Index]:
        """Per batch ``[T, N]``: which of all steps each is, -1 where none."""
        found = [np.full(batch.grads.shape, -1) for batch in self.table.batches]
        for k, table in enumerate(found):
            here = np.flatnonzero(self.all.k == k)
            table[self.all.t[here], self.all.column[here]] = here
        return found

    @cached_property
    def _gone(self) -> list[Mask]:
        """Per batch ``[T, N]``: where the base does not explain a step."""
        found = []
        for k, batch in enumerate(self.table.batches):
            here = self.left.k == k
            gone = np.zeros(batch.grads.shape, bool)
            gone[self.left.t[here], self.left.column[here]] = True
            found.append(gone)
        return found

    def _groups(self, chosen: Chosen) -> Iterator[tuple[int, int, int]]:
        """(batch, step, array) of some of the chosen steps of each run, smaller arrays first."""
        found: dict[tuple[int, int, int], int] = {}
        for one in self._runs(chosen):
            for j in one[evenly(len(one), _EACH)]:
                k, t, i = int(chosen.k[j]), int(chosen.t[j]), chosen.column[j]
                batch = self.table.batches[k]
                found.setdefault((k, t, int(batch.array[i])), int(batch.size[i]))
        yield from sorted(found, key=lambda key: found[key])

    def _runs(self, chosen: Chosen) -> list[Index]:
        """Which of the chosen steps belong to each run."""
        run = self.run_of(chosen)
        order = np.argsort(run, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(run[order])) + 1) if len(run) else []

    def steps(self, chosen: Chosen, clocks: Mapping[int, Clocks] | None = None) -> Steps:
        """What they read and what was seen; with the clocks of the base unless others are given."""
        return self.table.steps(chosen.k, chosen.t, chosen.column, clocks)

    def before(self, chosen: Chosen) -> Steps:
        """The step before each of them, or the first of all."""
        return self.table.steps(chosen.k, np.maximum(chosen.t - 1, 0), chosen.column)

    def last(self, chosen: Chosen) -> Steps:
        """The last step before each one that the base explains, or the first of all."""
        t = np.zeros(len(chosen), np.intp)
        for k, gone in enumerate(self._gone):
            steps = np.where(gone, 0, np.arange(len(gone))[:, None])
            before = np.maximum.accumulate(steps, axis=0)
            here = chosen.k == k
            t[here] = before[np.maximum(chosen.t[here] - 1, 0), chosen.column[here]]
        return self.table.steps(chosen.k, t, chosen.column)


def evenly(count: int, most: int) -> Index:
    """At most so many of ``count`` indices, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.intp))


def _around(values: Array, end: float) -> Index:
    """Some of those that are a number, and of those next to it on either side."""
    order = np.argsort(values, kind="stable")
    low = int(np.searchsorted(values[order], end, side="left"))
    high = int(np.searchsorted(values[order], end, side="right"))
    same = order[low:high]
    few = same[evenly(len(same), _NEAR)]
    return np.concatenate([order[max(low - _NEAR, 0) : low], few, order[high : high + _NEAR]])
