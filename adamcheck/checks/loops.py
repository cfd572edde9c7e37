"""Closed loops: a target on a problem, judged in lock-step with the gradients that it was given.

What leaves the envelope becomes an open-loop witness that needs no problem to be replayed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.checks.lab import Account, Break, Broken, Lab
from adamcheck.checks.properties import PROPERTIES, How, departure, property_
from adamcheck.formats import widened
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.paths import Course, distance, observed, walk
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

Float64 = NDArray[np.float64]
CLOSED: Final = "closed loop"
MARGIN: Final = 2.0**-24
"""A share of the bound, within which this float64 walk leaves a step open: its own roundings move
the value by less than 2^-28 of the bound (theorem envelope-slack)."""


def close(lab: Lab, account: Account, trajectory: Trajectory) -> bool:
    """Close the loop and hold every step to the envelope; True if all held."""
    first = PROPERTIES[CLOSED](lab, account, trajectory, lab.spec, {})
    if first is None:
        return True
    account.broken.append(_broken(lab, trajectory, first))
    return False


@property_(CLOSED)
def closed_loop(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every step lies in the envelope of the step from the target's own parameter."""
    trace = lab.run(trajectory)
    opened = trajectory if trace.grads is None else replace(trajectory, grads=trace.grads)
    evidence = lab.evidence(opened, trace, spec)
    if trajectory.lrs is not None:
        return _paced(lab, account, evidence, trajectory.lrs.tolist())
    judgement = lab.judged(evidence)
    account.count(judgement)
    return departure(judgement)


def _paced(lab: Lab, account: Account, evidence: Evidence, lrs: list[float]) -> Break | None:
    """Lock-step where α changes from step to step; the moments do not depend on it."""
    ratio, counts = _ratios(evidence, lab.admission, lrs)
    outside = np.argwhere(ratio > 1.0 + MARGIN)
    if not outside.size:
        account.examples += counts["decided"]
        account.undecided += counts["blunt"]
        account.open += int((ratio > 1.0 - MARGIN).sum())
        return None
    step, element = (int(k) for k in outside[0])
    at = replace(evidence, hyper={**evidence.hyper, "lr": lrs[step]})
    text = f"leaves the envelope at step {step + 1} while α changes from step to step"
    return Break(text, element, step + 1, "theta", at, lab.admission)


def _ratios(
    evidence: Evidence, admission: Admission, lrs: list[float]
) -> tuple[Float64, dict[str, int]]:
    """error/bound of every θ_t ``[T, N]``, and how many were decided sharply."""
    ratio = np.zeros(evidence.shape)
    decided = 0
    paired = evidence.fmt.is_double
    seen = widened(evidence.thetas).astype(np.float64)
    course = Course.of(evidence, admission, lrs)
    walked = walk(course, observed(evidence, course.admission), paired=paired)
    for t, (values, bounds) in enumerate(walked):
        d, bound = distance(seen[t + 1], values["theta"]), np.asarray(bounds["theta"])
        with np.errstate(invalid="ignore", divide="ignore"):
            far = np.where(np.isnan(d), np.inf, d) / bound
        ratio[t] = np.where(d == 0.0, 0.0, np.where(np.isfinite(bound), far, 0.0))
        decided += int((bound < np.abs(seen[t + 1] - seen[t])).sum())
    return ratio, {"decided": decided, "blunt": ratio.size - decided}


def _broken(lab: Lab, trajectory: Trajectory, first: Break) -> Broken:
    if first.evidence is None:
        return Broken(CLOSED, {}, trajectory, lab.spec, first)
    shape = trajectory.grads[0].shape
    grads = np.asarray(first.evidence.grads, lab.fmt.dtype).reshape(shape)
    opened = replace(trajectory, grads=(grads,), problem=None)
    law = "envelope" if trajectory.lrs is None else CLOSED
    return Broken(law, {}, opened, lab.spec, first)
