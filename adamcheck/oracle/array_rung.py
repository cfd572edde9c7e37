"""The float64 and double-double rungs on NumPy arrays: for short runs that deserve no compiling."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import widened
from adamcheck.interpret.compiled import CERTAIN, TALLIES
from adamcheck.oracle import paths
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence


def judge(
    rung: str,
    observed: tuple[str, ...],
    evidence: Evidence,
    admission: Admission,
    margin: float,
) -> NDArray[np.float64]:
    """Tallies ``[len(observed), len(TALLIES), N]``, as the compiled judge returns them."""
    count = evidence.shape[1]
    tally = np.zeros((len(observed), len(TALLIES), count))
    tiny = np.zeros(count, bool)
    paired = rung == "dd"
    with np.errstate(all="ignore"):
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
                unsure = faint & paired & (d > 0.0) & (d <= bound * CERTAIN)
                _count(tally[q], d, bound, magnitude, t + 1, margin, unsure)
    column = {name: tally[:, k] for k, name in enumerate(TALLIES)}
    # out of the rung's range nothing is decided
    column["undecided"] += tiny * (column["decided"] + column["weak"])
    for name in ("first_bad", "decided", "weak"):
        column[name] *= ~tiny
    return tally


def _count(
    row: NDArray[np.float64],
    d: Any,
    bound: Any,
    quantity: Any,
    step: int,
    margin: float,
    unsure: Any,
) -> None:
    column = {name: row[k] for k, name in enumerate(TALLIES)}
    known = bound < np.inf
    bad = known & ~(d <= bound * (1.0 + margin))
    open_ = known & (unsure | (~bad & (d > bound * (1.0 - margin))))
    bad = bad & ~open_
    d = np.where(np.isnan(d), np.inf, d)
    ratio = np.where(d == 0.0, 0.0, d / bound)
    higher = known & (ratio > column["worst"])
    column["worst"][higher] = ratio[higher]
    column["worst_step"][higher] = step
    column["first_bad"][bad & (column["first_bad"] == 0.0)] = step
    blunt = (bound >= quantity) & (quantity > 0.0)
    column["undecided"] += open_
    column["void"] += ~known
    column["weak"] += known & ~open_ & blunt
    column["decided"] += known & ~open_ & ~blunt
