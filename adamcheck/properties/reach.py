"""Measure how far a judged run looked (adamcheck.horizon), in a few passes over its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import widened
from adamcheck.horizon import Front, Horizon, Range, front
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement

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
    silence, late = _silences(size)
    return Horizon(
        dtype,
        steps=steps,
        silence=silence,
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
    )


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


def _silences(size: Array) -> tuple[int, int]:
    """(most zeros in a row between two others, most before the first other), over ``[T, N]``."""
    given = size > 0.0
    if given.all() or not given.any():
        return 0, 0
    columns = given[:, ~given.all(axis=0)]
    t = np.arange(1, columns.shape[0] + 1, dtype=np.int32)[:, None]
    last = np.maximum.accumulate(columns * t, axis=0)  # the latest step with a gradient, or 0
    since = t[1:] - last[:-1]
    before = last[:-1] > 0
    gaps = (since - 1) * (columns[1:] & before)
    late = np.where(columns.any(axis=0), columns.argmax(axis=0), 0)
    return int(gaps.max(initial=0)), int(late.max())


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
