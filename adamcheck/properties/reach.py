"""Measure how far a judged run looked (adamcheck.horizon), in a few passes over its arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    if not seen.all():
        size, thetas, sharp = size[:, seen], thetas[:, seen], sharp[seen]
    sizes = evidence.sizes or (count,)
    gaps, late = _gaps(size)
    most = max(sizes, default=0)
    return Horizon(
        dtype,
        steps=steps,
        corrected=_corrected(evidence),
        silence=int(gaps.max(initial=0)),
        late_start=late,
        arrays=front((n, steps) for n in set(sizes)),
        sizes=tuple(sorted(set(sizes))),
        parameters=len(sizes),
        gradients=_range(size[:, sharp]),
        parameter_values=_range(thetas[:, sharp]),
        spikes=_spikes(size[:, sharp]),
        hyper={n: (float(x), float(x)) for n, x in evidence.hyper.items()},
        loaded=evidence.first,
        options=dict.fromkeys(_on(evidence), steps),
        together=_together(size[:, sharp], gaps[:, sharp], most, evidence.first),
    )


def _together(size: Array, gaps: Array, elements: int, first: int) -> dict[str, Front]:
    """What was met at one step of one element, of ``size`` |g| and ``gaps`` before, ``[T, N]``."""
    steps = size.shape[0]
    t = np.arange(1, steps + 1) + first
    largest = np.where(size < np.inf, size, 0.0).max(axis=1, initial=0.0)
    longest = gaps.max(axis=1, initial=0)
    ended = gaps > 0
    found = {
        "step, size": ((first + steps, elements),),
        "step, silence": _highest(t, longest),
        "step, gradient": _highest(t, largest),
        "size, silence": ((elements, longest.max(initial=0)),),
        "size, gradient": ((elements, largest.max(initial=0.0)),),
        "silence, gradient": _highest(gaps[ended], size[ended]),
    }
    return {
        name: kept
        for name, pairs in found.items()
        if (kept := front((float(a), float(b)) for a, b in pairs if a > 0 and 0 < b < np.inf))
    }


def _highest(first: Array, second: Array) -> list[tuple[float, float]]:
    """The pairs that no other exceeds in both, by the first number."""
    order = np.lexsort((second, first))[::-1]
    a, b = first[order], second[order]
    best = np.maximum.accumulate(b) if b.size else b
    kept = np.flatnonzero(np.r_[True, best[1:] > best[:-1]]) if b.size else np.zeros(0, np.int64)
    return [(float(a[k]), float(b[k])) for k in kept]


def _corrected(evidence: Evidence) -> int:
    """The last step of a run from the first one on at which a correction still moved."""
    if evidence.first or not trace(evidence.spec).clocks:
        return 0
    averages = [x for n, x in evidence.hyper.items() if HYPERPARAMETERS[n].role == "average"]
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


def _gaps(size: Array) -> tuple[NDArray[np.int32], int]:
    """Of ``[T, N]``: (zeros in a row between another one and this one, where this one is not zero,
    else 0; the most zeros before an element's first other one)."""
    given = size > 0.0
    gaps = np.zeros(size.shape, np.int32)
    if given.all() or not given.any():
        return gaps, 0
    some = ~given.all(axis=0)
    columns = given[:, some]
    t = np.arange(1, columns.shape[0] + 1, dtype=np.int32)[:, None]
    last = np.maximum.accumulate(columns * t, axis=0)  # the latest step with a gradient, or 0
    since = t[1:] - last[:-1]
    before = last[:-1] > 0
    gaps[1:, some] = (since - 1) * (columns[1:] & before)
    late = np.where(columns.any(axis=0), columns.argmax(axis=0), 0)
    return gaps, int(late.max())


def _range(size: Array) -> Range | None:
    """The smallest and the largest finite magnitude but 0."""
    usual = size[(size > 0.0) & (size < np.inf)]
    return (float(usual.min()), float(usual.max())) if usual.size else None


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
