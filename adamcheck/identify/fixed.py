"""Hyperparameters that a target has and does not let be set: which values fit its runs.

Values that people use are tried together first; where none fits, those are searched that leave the
least error, one hyperparameter at a time. What is found has to fit as any dialect does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

import numpy as np

from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.dialects import dialects, distance
from adamcheck.identify.effective import closest
from adamcheck.identify.lockstep import walk
from adamcheck.identify.scoring import Scores
from adamcheck.oracle.envelope import Admission
from adamcheck.spec import Spec
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

_STEPS: Final = 12
_LABELS: Final = ("near-eps", "usual", "spike", "decades")
"""The runs in which each hyperparameter shows; two columns of each are tried."""
_SEARCHED: Final = 4
"""Dialects in which values are searched that nobody uses."""
_TURNS: Final = 8
_POINTS: Final = 65
_MOST_TRIED: Final = 1 << 17
"""Columns that are walked at once, about."""


def inferred(
    batches: Sequence[Batch],
    claimed: Spec | None,
    names: Sequence[str],
    given: Mapping[str, float],
    admissions: Sequence[Admission],
) -> dict[str, float]:
    """Values of the named hyperparameters with which some dialect of Adam fits; empty without any.

    given: hyperparameters whose values are known.
    """
    part = _part(batches)
    if part is None:
        return {}
    known = tuple(sorted(given.items()))
    specs = [s for s in dialects("adam", valued=given) if set(names) & set(s.hyperparameters)]
    first = [s for s in (claimed, Spec()) if s is not None and s.algorithm == "adam"]
    specs = list(dict.fromkeys([*first, *sorted(specs, key=lambda s: distance(s, Spec()))]))
    for admission in admissions:
        scores = Scores(batches, admission)
        for spec in specs:
            read = [n for n in names if n in spec.hyperparameters]
            for values in _plausible(spec, known, part, read, admission):
                if scores.fits(Candidate(spec, (*known, *values.items()))):
                    return values
        for spec in specs[:_SEARCHED]:
            read = [n for n in names if n in spec.hyperparameters]
            values = _searched(Candidate(spec, known), part, read, admission)
            if values and scores.fits(Candidate(spec, (*known, *values.items()))):
                return values
    return {}


def own_value(candidate: Candidate, batches: Sequence[Batch], name: str) -> float:
    """What a candidate has of a hyperparameter: its own value, else what it was run with."""
    return dict(candidate.given).get(name, float(batches[0].hyper[name][0]))


def interval(
    candidate: Candidate, batches: Sequence[Batch], name: str, admission: Admission
) -> tuple[float, float]:
    """The values of ``name`` from the least to the largest around its own with which runs fit."""
    parts = [batch.columns(_some(batch)) for batch in batches]
    own = own_value(candidate, batches, name)

    def fits(values: Array) -> Array:
        inside = np.ones(len(values), bool)
        for each in parts:
            inside &= _ratios(candidate, each, {name: values}, admission) <= 1.0
        return inside

    record = HYPERPARAMETERS[name]
    unit = 1.0 - own if record.role == "average" else own or record.usual[0]
    ends = []
    for sign, end in ((-1.0, record.low), (1.0, record.high)):
        room = abs(end - own)
        reach = np.unique(np.minimum(unit * np.exp2(np.linspace(-56.0, 8.0, _POINTS)), room))
        inside, last = 0.0, None
        for _ in range(3):
            good = fits(own + sign * reach)
            k = int(np.argmin(good)) if not good.all() else len(reach)
            inside = float(reach[k - 1]) if k else inside
            if k == len(reach):
                break
            last = float(reach[k])
            reach = np.linspace(inside, last, _POINTS)[1:]
        ends.append(own + sign * inside)
    return ends[0], ends[1]


def _part(batches: Sequence[Batch]) -> Batch | None:
    """Few columns of the runs in which hyperparameters show."""
    for batch in batches:
        if _LABELS[0] in batch.labels and batch.steps >= _STEPS:
            return batch.columns(_some(batch)).cut(_STEPS)
    return None


def _some(batch: Batch) -> Array:
    """Two columns of each run that matters; where none of them is in the batch, of every run."""
    wanted = [k for k, label in enumerate(batch.labels) if label in _LABELS]
    groups = [g for g in batch.groups if batch.run[g[0]] in wanted] or batch.groups
    return np.concatenate([g[np.unique([len(g) // 4, 3 * len(g) // 4])] for g in groups])


def _plausible(
    spec: Spec,
    known: tuple[tuple[str, float], ...],
    part: Batch,
    names: Sequence[str],
    admission: Admission,
) -> list[dict[str, float]]:
    """Values that people use and that fit the few columns, the usual ones first."""
    choices = [_used(name) for name in names]
    candidate = Candidate(spec, known)
    left = np.array(list(product(*choices)), np.float64).reshape(-1, len(names))
    for steps in (1, part.steps):
        most = max(1, _MOST_TRIED // (part.count * steps))
        kept = []
        for block in np.array_split(left, -(-len(left) // most)):
            rows = dict(zip(names, block.T, strict=True))
            kept.append(block[_ratios(candidate, part.cut(steps), rows, admission) <= 1.0])
        left = np.concatenate(kept)
        if not len(left):
            return []
    return [dict(zip(names, (float(x) for x in row), strict=True)) for row in left]


def _used(name: str) -> tuple[float, ...]:
    """What people pass for one hyperparameter."""
    one = HYPERPARAMETERS[name]
    decades = [10.0**-k for k in range(1, 17)] if one.role in ("floor", "rate") else []
    none = [0.0] if one.role != "rate" else []
    values = (*one.usual, *one.drawn, *one.dyadic, *decades, *none)
    return tuple(x for x in dict.fromkeys(values) if one.admits(x))


def _searched(
    candidate: Candidate, part: Batch, names: Sequence[str], admission: Admission
) -> dict[str, float]:
    """Values that nobody uses: each in turn where it leaves the least error; rounded to fit."""
    values = {name: HYPERPARAMETERS[name].usual[0] for name in names}
    for _ in range(_TURNS):
        before = dict(values)
        for name in names:
            others = tuple((n, x) for n, x in values.items() if n != name)
            trial = replace(candidate, given=(*candidate.given, *others))
            found = closest(trial, part, name, admission)
            if found is None:
                return {}
            values[name] = found
        if rounded := _rounded(candidate, part, values, admission):
            return rounded
        if values == before:
            break
    return {}


def _rounded(
    candidate: Candidate, part: Batch, values: Mapping[str, float], admission: Admission
) -> dict[str, float]:
    """The values with as few digits as fit, if any do."""
    shorter = {
        name: np.array([float(f"{x:.{digits}e}") for digits in range(17)])
        for name, x in values.items()
    }
    good = np.flatnonzero(_ratios(candidate, part, shorter, admission) <= 1.0)
    return {n: float(x[good[0]]) for n, x in shorter.items()} if good.size else {}


def _ratios(
    candidate: Candidate, part: Batch, values: Mapping[str, Array], admission: Admission
) -> Array:
    """The largest error in multiples of the envelope for each row of values; inf if unknown."""
    count = len(next(iter(values.values())))
    many = part.columns(np.tile(np.arange(part.count), count))
    each = np.repeat(np.arange(count), part.count)
    hyper = {**many.hyper, **{name: x[each] for name, x in values.items()}}
    many = replace(many, hyper=hyper, run=each)
    given = tuple((n, x) for n, x in candidate.given if n not in values)
    walked = walk(replace(candidate, given=given), many, admission)
    ratio = walked.ratio.reshape(len(walked.ratio), count, part.count)
    known = ~np.isnan(ratio)
    worst = np.where(known, ratio, 0.0).max(axis=(0, 2))
    return np.where(known.any(axis=(0, 2)), worst, np.inf)
