"""The judge once more, on NumPy arrays by the generated walk, to hold the block machine against."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import FORMATS, widened
from adamcheck.numerics import error_bounds
from adamcheck.numerics.comparison import TALLIES, Outcome, known_ratio, outcome
from adamcheck.numerics.vectors import fused
from adamcheck.oracle import paths
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence

from .arithmetic import Arithmetic


@contextmanager
def once_rounded() -> Iterator[None]:
    """The walk's error bounds on arrays with an exact fused multiply-add, as the machine has it."""
    scope: dict[str, Any] = {**vars(error_bounds), "fma": Arithmetic(FORMATS["float64"]).fma}
    for function in error_bounds.ERROR_BOUNDS:
        exec(ast.unparse(ast.fix_missing_locations(fused(function))), scope)
    names = (function.__name__ for function in error_bounds.ERROR_BOUNDS)
    with mock.patch.multiple(error_bounds, **{name: scope[name] for name in names}):
        yield


def judge(
    level: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    margin: float,
) -> NDArray[np.float64]:
    """Tallies ``[len(observed), len(TALLIES), N]``, as evaluate.judge returns them."""
    count = evidence.shape[1]
    tally = np.zeros((len(observed), len(TALLIES), count))
    tiny = np.zeros(count, bool)
    paired = level == "dd"
    with np.errstate(all="ignore"), once_rounded():
        course, feed = paths.Course.of(evidence, admission), paths.observed(evidence, admission)
        walked = paths.flagged(course, feed, paired=paired)
        for t, (values, radii, low, faint) in enumerate(walked):
            tiny |= low & paired
            if t < evidence.unseen:
                continue
            for q, name in enumerate(observed):
                key = "theta" if name == "theta" else f"s.{name}"
                seen = evidence.thetas[t + 1] if name == "theta" else evidence.moments[name][t]
                quantity = values["update"] if name == "theta" else values[key]
                magnitude = np.abs(paths.high(quantity))
                d = paths.distance(widened(seen).astype(np.float64), values[key])
                bound = np.broadcast_to(radii[key], (count,))
                shaky = faint[key] * paired
                found = outcome(d, bound, magnitude, margin, shaky)
                _count(tally[q], found, known_ratio(d, bound), t + 1)
    column = {name: tally[:, k] for k, name in enumerate(TALLIES)}
    # out of the level's range nothing is decided
    column["undecided"] += tiny * (column["decided"] + column["weak"])
    for name in ("first_bad", "decided", "weak"):
        column[name] *= ~tiny
    return tally


def _count(row: NDArray[np.float64], found: Any, ratio: Any, step: int) -> None:
    column = {name: row[k] for k, name in enumerate(TALLIES)}
    higher = ratio > column["worst"]
    column["worst"][higher] = ratio[higher]
    column["worst_step"][higher] = step
    column["first_bad"][(found == Outcome.OUTSIDE) & (column["first_bad"] == 0.0)] = step
    column["undecided"] += found == Outcome.UNRESOLVED
    column["void"] += found == Outcome.UNBOUNDED
    column["weak"] += found == Outcome.UNINFORMATIVE
    column["decided"] += (found == Outcome.INSIDE) | (found == Outcome.OUTSIDE)
