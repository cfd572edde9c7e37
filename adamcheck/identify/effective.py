"""The value of one hyperparameter that is really in use, found by search on a few columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.identify.candidate import Candidate
from adamcheck.identify.scoring import walk
from adamcheck.identify.stack import Array, Stack
from adamcheck.oracle.envelope import Admission

_POINTS: Final = 33
_ROUNDS: Final = 14
_COLUMNS: Final = 8
_STEPS: Final = 8
_RANGES: Final = {
    "lr": (1e-12, 1e6),
    "eps": (1e-20, 1e3),
    "eps_root": (1e-24, 1e3),
    "beta1": (1e-7, 1.0),
    "beta2": (1e-7, 1.0),
    "weight_decay": (1e-10, 1e3),
}
"""Where each is looked for; of β it is 1-β."""


def effective(candidate: Candidate, stack: Stack, name: str, admission: Admission) -> float | None:
    """The simplest value of ``name`` with which the candidate fits one run; None without one.

    ``stack`` holds the columns of one run (one set of hyperparameters).
    """
    few = np.unique(np.linspace(0, stack.count - 1, _COLUMNS).astype(np.intp))
    part = stack.columns(few).cut(_STEPS)
    low, high = np.log(_RANGES[name])
    best, stuck = np.inf, 0
    for _ in range(_ROUNDS):
        points = np.linspace(low, high, _POINTS)
        worst = _worst(candidate, part, name, _value(name, points), admission)
        at = int(np.argmin(worst))
        # every round narrows the search 16 times: an error that does not follow is another's
        stuck = stuck + 1 if best < np.inf and worst[at] > 0.5 * best else 0
        best, spacing = float(worst[at]), points[1] - points[0]
        low, high = points[at] - spacing, min(points[at] + spacing, np.log(_RANGES[name][1]))
        if not np.isfinite(best) or (stuck >= 3 and best > 1.0):
            return None
    found = float(_value(name, np.asarray([points[at]]))[0])
    rounded = np.asarray([float(f"{found:.{digits}e}") for digits in range(16)] + [found])
    fits = _worst(candidate, part, name, rounded, admission) <= 1.0
    return float(rounded[int(np.argmax(fits))]) if fits.any() else None


def _value(name: str, points: Array) -> Array:
    x = np.exp(points)
    return np.asarray(1.0 - x if name in ("beta1", "beta2") else x)


def _worst(
    candidate: Candidate, part: Stack, name: str, values: Array, admission: Admission
) -> NDArray[np.float64]:
    """Largest error/envelope for each value; the columns are repeated once for every value."""
    columns = np.tile(np.arange(part.count), len(values))
    many = part.columns(columns)
    each = np.repeat(np.arange(len(values)), part.count)
    many = replace(many, hyper={**many.hyper, name: values[each]}, run=each)
    given = tuple((n, x) for n, x in candidate.given if n != name)
    ratio = walk(replace(candidate, given=given), many, admission).ratio
    ratio = np.where(np.isnan(ratio), 0.0, ratio)
    return np.asarray(ratio.reshape(part.steps, len(values), part.count).max(axis=(0, 2)))
