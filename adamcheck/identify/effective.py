"""The value of one hyperparameter that is really in use, found by search on a few columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.identify.batch import Array, Batch
from adamcheck.identify.candidate import Candidate
from adamcheck.identify.lockstep import walk
from adamcheck.oracle.envelope import Admission
from adamcheck.spec.hyperparameters import HYPERPARAMETERS

_FIRST: Final = 129
_POINTS: Final = 33
_ROUNDS: Final = 14
_COLUMNS: Final = 8
_STEPS: Final = 8


def effective(candidate: Candidate, batch: Batch, name: str, admission: Admission) -> float | None:
    """The simplest value of ``name`` with which the candidate fits one run; None without one.

    ``batch`` holds the columns of one run (one set of hyperparameters).
    """
    few = np.unique(np.linspace(0, batch.count - 1, _COLUMNS).astype(np.intp))
    part = batch.columns(few).cut(_STEPS)
    found = closest(candidate, part, name, admission)
    if found is None:
        return None
    rounded = np.asarray([float(f"{found:.{digits}e}") for digits in range(16)] + [found])
    fits = _errors(candidate, part, name, rounded, admission)[1] <= 1.0
    return float(rounded[int(np.argmax(fits))]) if fits.any() else None


def closest(candidate: Candidate, part: Batch, name: str, admission: Admission) -> float | None:
    """The value of ``name`` with which the candidate is off least, whether or not it fits."""
    ends = HYPERPARAMETERS[name].searched
    if ends is None:
        raise ValueError(f"{name}: no value of it is searched for")
    low, high = np.log(ends)
    best, stuck = np.inf, 0
    for turn in range(_ROUNDS):
        points = np.linspace(low, high, _POINTS if turn else _FIRST)
        off, _ = _errors(candidate, part, name, _value(name, points), admission)
        at = int(np.argmin(off))
        if not np.isfinite(off[at]):
            return None
        # every round narrows the search 16 times: an error that does not follow is the floor
        stuck = stuck + 1 if off[at] > 0.5 * best else 0
        best, spacing = min(best, float(off[at])), points[1] - points[0]
        low, high = points[at] - spacing, min(points[at] + spacing, np.log(ends[1]))
        if stuck >= 4:
            break
    return float(_value(name, np.asarray([points[at]]))[0])


def _value(name: str, points: Array) -> Array:
    x = np.exp(points)
    return np.asarray(1.0 - x if HYPERPARAMETERS[name].role == "average" else x)


def _errors(
    candidate: Candidate, part: Batch, name: str, values: Array, admission: Admission
) -> tuple[Array, Array]:
    """For each value the mean error relative to what was seen, and the largest error/envelope.

    The columns are repeated once for every value. The envelope is no guide while searching: it
    widens without limit toward β = 1.
    """
    columns = np.tile(np.arange(part.count), len(values))
    many = part.columns(columns)
    each = np.repeat(np.arange(len(values)), part.count)
    many = replace(many, hyper={**many.hyper, name: values[each]}, run=each)
    given = tuple((n, x) for n, x in candidate.given if n != name)
    walked = walk(replace(candidate, given=given), many, admission)
    with np.errstate(all="ignore"):
        seen = np.diff(many.thetas, axis=0)
        off = np.abs(seen - walked.move) / (np.abs(seen) + np.abs(walked.move))
        off = np.where(seen == walked.move, 0.0, np.where(np.isnan(off), np.inf, off))

    def by_value(x: Array) -> Array:
        return x.reshape(part.steps, len(values), part.count)

    ratio = by_value(np.where(np.isnan(walked.ratio), np.inf, walked.ratio))
    return by_value(off).mean(axis=(0, 2)), ratio.max(axis=(0, 2))
