"""Measure how far judged runs looked (adamcheck.horizon): many runs in a few passes over arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, reduce
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import widened
from adamcheck.horizon import Front, Horizon, Range, front
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement
from adamcheck.program import trace
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

Array = NDArray[Any]
_MOST: Final = 1 << 17
"""Element-steps that wait to be measured together, at most: about a mebibyte."""


@dataclass(frozen=True)
class _Run:
    """What of a judged run counts: ``seen`` elements have a decided step, ``sharp`` ones half."""

    grads: Array
    ends: Array
    sizes: tuple[int, ...]
    seen: NDArray[np.bool_]
    sharp: NDArray[np.bool_]


class Reach:
    """How far the judged runs of one check in one format looked: of elements with a decided step.

    Magnitudes count only from elements of which at least half of the steps were decided.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[int, int], list[_Run]] = {}
        self._many = 0
        self._last: Judgement | None = None
        self._measured: list[Horizon] = []
        self._told: dict[Any, Horizon] = {}  # runs that differ in their gradients alone are one

    def add(self, judgement: Judgement) -> None:
        """One more judged run."""
        if judgement is self._last:  # the same again
            return
        self._last = judgement
        evidence = judgement.evidence
        steps, count = evidence.shape
        decided = reduce(np.maximum, (tally.decided for tally in judgement.tallies.values()))
        seen = decided > 0
        if not seen.any():
            return
        sizes = evidence.sizes or (count,)
        ends = evidence.thetas[:: max(1, steps)].copy()
        grads = evidence.grads[:steps]
        run = _Run(grads, ends, sizes, seen, 2 * decided >= steps)
        self._waiting.setdefault((evidence.first, steps), []).append(run)
        since = evidence.first, evidence.loaded
        alike = evidence.spec, tuple(evidence.hyper.items()), since, steps, sizes
        if alike not in self._told:
            self._told[alike] = _told(evidence, sizes)
        self._many += grads.size
        if self._many > _MOST:
            self._measure()

    def take(self, other: Reach) -> None:
        """What another one has been told."""
        self._measured += other.horizons

    @property
    def horizons(self) -> list[Horizon]:
        """What was reached, in parts."""
        self._measure()
        return [*self._told.values(), *self._measured]

    def _measure(self) -> None:
        for (first, _), runs in self._waiting.items():
            dtype = next(iter(self._told.values())).dtype
            self._measured.append(_Block.of(runs, first).horizon(dtype))
        self._waiting, self._many = {}, 0


def _told(evidence: Evidence, sizes: tuple[int, ...]) -> Horizon:
    """What is known of a run without a look at its gradients."""
    steps = evidence.shape[0]
    return Horizon(
        evidence.fmt.name,
        steps=steps,
        corrected=_corrected(evidence),
        arrays=front((n, steps) for n in set(sizes)),
        sizes=tuple(sorted(set(sizes))),
        parameters=len(sizes),
        hyper={n: (float(x), float(x)) for n, x in evidence.hyper.items()},
        loaded=evidence.loaded,
        options=dict.fromkeys(_on(evidence), steps),
    )


@dataclass(frozen=True)
class _Block:
    """Elements of runs side by side that have as many steps, and ``first`` steps before them.

    size: |g| ``[T, N]``. ends: |θ| of each before its run and after it. Of each element ``array``
    is the index of its array; of these, ``sizes`` are the elements and ``common`` most zeros in a
    row of all of them at once.
    """

    size: Array
    ends: Array
    sharp: NDArray[np.bool_]
    array: NDArray[np.int64]
    sizes: NDArray[np.int64]
    common: NDArray[np.int64]
    first: int

    @classmethod
    def of(cls, runs: list[_Run], first: int) -> _Block:
        """The elements that were seen."""

        def joined(parts: list[Array]) -> Array:
            return np.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]

        size, ends = (
            np.abs(joined([widened(part) for part in parts]))
            for parts in ([run.grads for run in runs], [run.ends for run in runs])
        )
        sizes = np.array([n for run in runs for n in run.sizes])
        array = np.repeat(np.arange(sizes.size), sizes)
        seen, sharp = joined([run.seen for run in runs]), joined([run.sharp for run in runs])
        whole = cls(size, ends, sharp, array, sizes, _common(size, array, sizes.size), first)
        return whole if seen.all() else whole.only(seen)

    def only(self, kept: NDArray[np.bool_]) -> _Block:
        """Some of the elements."""
        return replace(
            self,
            size=self.size[:, kept],
            ends=self.ends[:, kept],
            sharp=self.sharp[kept],
            array=self.array[kept],
        )

    def horizon(self, dtype: str) -> Horizon:
        """How far these gradients went."""
        ended, late = _Ended.of(self.size)
        sharp, silence = self, int(ended.gaps.max(initial=0))
        if not self.sharp.all():
            sharp, ended = self.only(self.sharp), ended.only(self.sharp)
        finite = _finite(sharp.size)
        return Horizon(
            dtype,
            silence=silence,
            late_start=late,
            gradients=_range(finite),
            parameter_values=_range(_finite(sharp.ends)),
            spikes=sharp._spikes(),
            together=sharp._together(finite, ended),
        )

    def _together(self, finite: Array, ended: _Ended) -> dict[str, Front]:
        """What was met at one step of one element; the fronts that are not empty."""
        if not self.array.size:
            return {}
        kept, begins = _arrays(self.array)
        largest = np.maximum.reduceat(finite.max(axis=0), begins)
        silences = np.zeros(self.sizes.size)
        np.maximum.at(silences, self.array[ended.columns], ended.gaps.astype(np.float64))
        sizes, last = self.sizes[kept], self.first + len(finite)
        t = np.arange(self.first + 1, last + 1)
        met = self.size[ended.steps, ended.columns]
        found = {
            "step, size": ((last, n) for n in sizes.tolist()),
            "step, silence": _highest(t[ended.steps], ended.gaps),
            "step, gradient": _highest(t, finite.max(axis=1)),
            "size, silence": zip(sizes.tolist(), silences[kept].tolist(), strict=True),
            "size, common silence": zip(sizes.tolist(), self.common[kept].tolist(), strict=True),
            "size, gradient": zip(sizes.tolist(), largest.tolist(), strict=True),
            "silence, gradient": _highest(ended.gaps, met),
        }
        fronts = {name: _positive(pairs) for name, pairs in found.items()}
        return {name: highest for name, highest in fronts.items() if highest}

    def _spikes(self) -> Front:
        """(step, factor) of each element's largest gradient, where it is twice the others' mean."""
        size, most = self.size, self.size.max(axis=0, initial=0.0).astype(np.float64)
        with np.errstate(all="ignore"):
            factor = most * (len(size) - 1) / (size.sum(axis=0, dtype=np.float64) - most)
        # a gradient among nothing but zeros is a lone one, and no spike
        spikes = np.flatnonzero(np.isfinite(factor) & (factor >= 2.0))
        at = size[:, spikes].argmax(axis=0)
        later = at > 0
        return front(_highest(at[later] + 1, factor[spikes[later]]))


@dataclass(frozen=True)
class _Ended:
    """Where silences end: at ``steps`` (from 0) of ``columns``, after ``gaps`` zeros."""

    steps: NDArray[np.int64]
    columns: NDArray[np.int64]
    gaps: NDArray[np.int64]

    @classmethod
    def of(cls, size: Array) -> tuple[_Ended, int]:
        """Of |g| ``[T, N]``; and the most zeros before an element's first other one."""
        given = size > 0.0
        if given.all():
            none = np.zeros(0, np.int64)
            return cls(none, none, none), 0
        some = np.flatnonzero(~given.all(axis=0))
        columns = np.ascontiguousarray(given[:, some].T)
        count = columns.shape[1]
        # places of gradients, in the columns one after another
        places = np.flatnonzero(columns)
        apart = np.diff(places)
        jumps = np.flatnonzero(apart > 1)
        ends, gaps = places[jumps + 1], apart[jumps] - 1
        inside = ends % count > gaps  # else it began in the column before
        ends = ends[inside]
        late = columns.argmax(axis=1).max(initial=0) if count else 0
        return cls(ends % count, some[ends // count], gaps[inside]), int(late)

    def only(self, kept: NDArray[np.bool_]) -> _Ended:
        """Those of the columns that are kept, which are counted anew."""
        here = kept[self.columns]
        columns = (np.cumsum(kept) - 1)[self.columns[here]]
        return _Ended(self.steps[here], columns, self.gaps[here])


def _positive(pairs: Iterable[tuple[float, float]]) -> Front:
    """The pairs of positive finite numbers that no other exceeds in both."""
    return front((float(a), float(b)) for a, b in pairs if a > 0 and 0 < b < np.inf)


def _highest(first: Array, second: Array) -> list[tuple[float, float]]:
    """The pairs that no other exceeds in both, by the first number, a whole one."""
    if not first.size:
        return []
    low = int(first.min())
    best = np.zeros(int(first.max()) - low + 1)
    np.maximum.at(best, first - low, second.astype(np.float64))
    beyond = np.maximum.accumulate(best[:0:-1])[::-1]
    kept = np.flatnonzero(best > np.append(beyond, 0.0))
    return [(float(k + low), float(best[k])) for k in kept]


@cache
def _corrections(spec: Spec) -> frozenset[str] | None:
    """The averages whose powers θ is corrected by; None where it is corrected by none."""
    program = trace(spec)
    behind = program.behind([program.output["theta"]])
    decays = [i for i in behind if program.ops[i].kind == "decay"]
    if not decays:
        return None
    bases = program.behind(program.ops[i].args[1] for i in decays)
    names = {program.ops[i].name.removeprefix("h.") for i in bases} & HYPERPARAMETERS.keys()
    return frozenset(n for n in names if HYPERPARAMETERS[n].role == "average")


def _corrected(evidence: Evidence) -> int:
    """The last step of a run from the first one on at which a correction of θ still moved."""
    names = _corrections(evidence.spec)
    if evidence.first or names is None:
        return 0
    averages = [evidence.hyper[name] for name in names & evidence.hyper.keys()]
    last = [math.log(evidence.fmt.u) / math.log(beta) for beta in averages if 0.0 < beta < 1.0]
    return min(evidence.shape[0], int(max(last, default=1.0)))


def _on(evidence: Evidence) -> list[str]:
    """The switches that are on in a run; weight decay only where it is not 0."""
    spec, hyper = evidence.spec, evidence.hyper
    switches: Mapping[str, bool] = {
        "weight_decay": spec.decay != "none" and hyper.get("weight_decay", 0.0) != 0.0,
        "amsgrad": spec.amsgrad != "none",
        "maximize": spec.maximize == "yes",
        "nesterov": spec.nesterov == "yes",
        "centered": spec.centered == "yes",
    }
    return [name for name, on in switches.items() if on]


def _arrays(array: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The arrays that elements are left of, and where the elements of each begin."""
    begins = np.flatnonzero(np.diff(array, prepend=-1))
    return array[begins], begins


def _common(size: Array, array: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Of each array the most steps in a row, between two gradients, in which all |g| are zero."""
    longest = np.zeros(count, np.int64)
    kept, begins = _arrays(array)
    if kept.size:
        ended, _ = _Ended.of(np.maximum.reduceat(size, begins, axis=1))
        np.maximum.at(longest, kept[ended.columns], ended.gaps)
    return longest


def _finite(size: Array) -> Array:
    """The magnitudes, and 0 where they are no finite numbers."""
    return size if np.isfinite(size).all() else np.where(size < np.inf, size, 0.0)


def _range(finite: Array) -> Range | None:
    """The smallest and the largest magnitude but 0."""
    most = float(finite.max(initial=0.0))
    least = np.where(finite > 0.0, finite, np.inf).min(initial=np.inf)
    return (float(least), most) if most > 0.0 else None
