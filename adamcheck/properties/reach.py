"""Measure how far a judged run looked (adamcheck.horizon), in a few passes over its arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import widened
from adamcheck.horizon import Front, Horizon, Range, front
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement
from adamcheck.program import trace
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

Array = NDArray[Any]


def reached(judgement: Judgement) -> Horizon:
    """The horizon of one judged run: of its elements with a decided step.

    Magnitudes count only from elements of which at least half of the steps were decided.
    """
    evidence = judgement.evidence
    steps, count = evidence.shape
    decided = np.zeros(count, np.int64)
    for tally in judgement.tallies.values():
        decided = np.maximum(decided, tally.decided)
    seen = decided > 0
    dtype = evidence.fmt.name
    if not seen.any():
        return Horizon(dtype)
    size = np.abs(widened(evidence.grads[:steps]))
    thetas = np.abs(widened(evidence.thetas[:: max(1, steps)]))
    sharp = 2 * decided >= steps
    sizes = evidence.sizes or (count,)
    array = np.repeat(np.arange(len(sizes)), sizes)
    common = _common(size, array, len(sizes))
    if not seen.all():
        size, thetas, sharp, array = size[:, seen], thetas[:, seen], sharp[seen], array[seen]
    ended, late = _gaps(size)
    silence = int(ended.gaps.max(initial=0))
    if not sharp.all():
        size, thetas, array = size[:, sharp], thetas[:, sharp], array[sharp]
        ended = ended.only(sharp)
    return Horizon(
        dtype,
        steps=steps,
        corrected=_corrected(evidence),
        silence=silence,
        late_start=late,
        arrays=front((n, steps) for n in set(sizes)),
        sizes=tuple(sorted(set(sizes))),
        parameters=len(sizes),
        gradients=_range(size),
        parameter_values=_range(thetas),
        spikes=_spikes(size),
        hyper={n: (float(x), float(x)) for n, x in evidence.hyper.items()},
        loaded=evidence.first,
        options=dict.fromkeys(_on(evidence), steps),
        together=_together(size, ended, _Arrays(np.array(sizes), common, array), evidence.first),
    )


@dataclass(frozen=True)
class _Ended:
    """Where silences end: at ``steps`` (from 0) of ``columns``, after ``gaps`` zeros."""

    steps: NDArray[np.int64]
    columns: NDArray[np.int64]
    gaps: NDArray[np.int64]

    def only(self, kept: NDArray[np.bool_]) -> _Ended:
        """Those of the columns that are kept, which are counted anew."""
        here = kept[self.columns]
        columns = (np.cumsum(kept) - 1)[self.columns[here]]
        return _Ended(self.steps[here], columns, self.gaps[here])


@dataclass(frozen=True)
class _Arrays:
    """The arrays of a run: ``sizes``, most zeros in a row of all elements at once (``common``), and
    ``of`` which array each column is."""

    sizes: NDArray[np.int64]
    common: NDArray[np.int64]
    of: NDArray[np.int64]

    def most(self, each: Array) -> list[tuple[float, float]]:
        """(size, the largest number of one of its columns) of every array; ``each``: a column's."""
        if self.sizes.size == 1:
            return [(float(self.sizes[0]), float(each.max(initial=0)))]
        found = np.zeros(self.sizes.size)
        np.maximum.at(found, self.of, each)
        return list(zip(self.sizes.tolist(), found.tolist(), strict=True))

    def silent(self) -> list[tuple[float, float]]:
        """(size, the longest silence of all elements at once) of the arrays that are judged."""
        kept = np.unique(self.of)
        return list(zip(self.sizes[kept].tolist(), self.common[kept].tolist(), strict=True))


def _together(size: Array, ended: _Ended, arrays: _Arrays, first: int) -> dict[str, Front]:
    """What was met at one step of one element, of ``size`` |g| ``[T, N]`` and silences before."""
    t = np.arange(1, size.shape[0] + 1) + first
    finite = _finite(size)
    met = size[ended.steps, ended.columns]
    gaps = np.zeros(size.shape[1], np.int64)
    np.maximum.at(gaps, ended.columns, ended.gaps)
    found = {
        "step, size": [(first + size.shape[0], n) for n in arrays.sizes[np.unique(arrays.of)]],
        "step, silence": _highest(ended.steps + 1 + first, ended.gaps),
        "step, gradient": _highest(t, finite.max(axis=1, initial=0.0)),
        "size, silence": arrays.most(gaps),
        "size, common silence": arrays.silent(),
        "size, gradient": arrays.most(finite.max(axis=0, initial=0.0)),
        "silence, gradient": _highest(ended.gaps, met),
    }
    return {
        name: kept
        for name, pairs in found.items()
        if (kept := front((float(a), float(b)) for a, b in pairs if a > 0 and 0 < b < np.inf))
    }


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


def _corrected(evidence: Evidence) -> int:
    """The last step of a run from the first one on at which a correction of θ still moved."""
    program = trace(evidence.spec)
    behind = program.behind([program.output["theta"]])
    decays = [i for i in behind if program.ops[i].kind == "decay"]
    if evidence.first or not decays:
        return 0
    bases = program.behind(program.ops[i].args[1] for i in decays)
    names = {program.ops[i].name.removeprefix("h.") for i in bases} & evidence.hyper.keys()
    averages = [evidence.hyper[n] for n in names if HYPERPARAMETERS[n].role == "average"]
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


def _gaps(size: Array) -> tuple[_Ended, int]:
    """Of |g| ``[T, N]``: where zeros between two others end; the most before an element's first."""
    given = size > 0.0
    none = np.zeros(0, np.int64)
    some = np.flatnonzero(~given.all(axis=0))
    if not some.size or not given.any():
        return _Ended(none, none, none), 0
    columns = np.ascontiguousarray(given[:, some].T)
    late = np.where(columns.any(axis=1), columns.argmax(axis=1), 0)
    steps = columns.shape[1]
    # places in the columns one after another; a silence begins before it ends, in its own column
    begins = _places(columns[:, :-1] & ~columns[:, 1:], steps)
    ends = _places(columns[:, 1:] & ~columns[:, :-1], steps)
    begun = np.searchsorted(begins, ends) - 1
    own = (begun >= 0) & (begins[begun] // steps == ends // steps) if begins.size else ends < 0
    ends, begun = ends[own], begins[begun[own]]
    return _Ended(ends % steps, some[ends // steps], ends - begun), int(late.max())


def _common(size: Array, array: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Of each array the most steps in a row, between two gradients, in which all |g| are zero."""
    ends = np.searchsorted(array, np.arange(count + 1))
    longest = np.zeros(count, np.int64)
    for k in range(count):
        own = size[:, ends[k] : ends[k + 1]]
        given = np.flatnonzero((own > 0.0).any(axis=1))
        longest[k] = np.diff(given).max(initial=1) - 1
    return longest


def _places(changes: NDArray[np.bool_], steps: int) -> NDArray[np.int64]:
    """Where something changes with the step that follows, in columns ``[N, T]`` laid in a row."""
    column, step = np.nonzero(changes)
    return np.asarray(column * steps + step + 1)


def _finite(size: Array) -> Array:
    """The magnitudes, and 0 where they are no finite numbers."""
    return np.where(size < np.inf, size, 0.0)


def _range(size: Array) -> Range | None:
    """The smallest and the largest finite magnitude but 0."""
    least = np.where(size > 0.0, size, np.inf).min(initial=np.inf)
    return (float(least), float(_finite(size).max())) if least < np.inf else None


def _spikes(size: Array) -> Front:
    """(step, factor) of each element's largest gradient, where it is twice the others' mean."""
    steps = size.shape[0]
    if steps < 2 or not size.shape[1]:
        return ()
    most = size.max(axis=0).astype(np.float64)
    with np.errstate(all="ignore"):
        factor = most * (steps - 1) / (size.sum(axis=0, dtype=np.float64) - most)
    # a gradient among nothing but zeros is a lone one, and no spike
    spikes = np.flatnonzero(np.isfinite(factor) & (factor >= 2.0))
    at = size[:, spikes].argmax(axis=0)
    highest = np.zeros(steps)
    np.maximum.at(highest, at, factor[spikes])
    kept = np.flatnonzero(highest[1:]) + 1
    return front((float(t) + 1.0, float(highest[t])) for t in kept)
