"""Closed loops: a target on a problem, judged in lock-step with the gradients that it was given.

Lock-step is always decidable; on top, laws of motion (motion.py) hold the whole path to theorems.
What leaves the envelope becomes an open-loop witness that needs no problem to be replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adamcheck.checks.lab import Account, Break, Broken, Lab
from adamcheck.checks.properties import PROPERTIES, How, departure, property_
from adamcheck.formats import widened
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.paths import Course, distance, lock_step_radii, observed, walk
from adamcheck.problems import Problem, build
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

Float64 = NDArray[np.float64]
CLOSED: Final = "closed loop"


@dataclass(frozen=True)
class Loop:
    """A finished closed loop that lies in the envelope at every step.

    ``lrs`` [T] is α of every step; ``how`` holds what the laws need to know.
    """

    lab: Lab
    account: Account
    spec: Spec
    problem: Problem
    trajectory: Trajectory
    evidence: Evidence
    lrs: Float64
    how: Mapping[str, Any]

    @property
    def hyper(self) -> Mapping[str, float]:
        """The hyperparameters asked for."""
        return self.evidence.hyper

    @cached_property
    def thetas(self) -> Float64:
        """θ_0 … θ_T, ``[T+1, N]``."""
        return widened(self.evidence.thetas).astype(np.float64)

    @cached_property
    def downhill(self) -> Float64:
        """The gradients ``[T, N]`` with the sign under which the rule descends."""
        g = widened(self.evidence.grads).astype(np.float64)
        return -g if self.spec.maximize == "yes" else g

    @cached_property
    def radii(self) -> Float64:
        """How far each θ_t may lie from the exact step, ``[T, N]``."""
        lrs = None if self.trajectory.lrs is None else self.lrs.tolist()
        course = Course.of(self.evidence, self.lab.admission, lrs)
        return lock_step_radii(course, self.evidence)

    @cached_property
    def slack(self) -> Float64:
        """What roundings may have added to the way since the start, ``[T, N]``."""
        return np.asarray(np.cumsum(self.radii, axis=0) * (1.0 + 2.0**-20))

    def exceeds(self, excess: Float64) -> tuple[int, int] | None:
        """(step from 1, element) where ``excess`` [T, N] is more than roundings explain.

        The bound on the roundings is computed only where something exceeds zero at all.
        """
        if not (excess > 0.0).any():
            return None
        beyond = np.argwhere(excess > self.slack)
        return None if not beyond.size else (int(beyond[0][0]) + 1, int(beyond[0][1]))


Law = Callable[[Loop], Break | None]
LAWS: Final[dict[str, Law]] = {}


Explanation = Callable[[Loop, Break], str]
EXPLANATIONS: Final[dict[str, Explanation]] = {}
"""What a law's theorem says of a step that left the envelope, in words; "" for nothing."""


def law(name: str) -> Callable[[Law], Law]:
    """Register a law of motion under the name that ``how["laws"]`` uses."""

    def register(function: Law) -> Law:
        LAWS[name] = function
        return function

    return register


def close(lab: Lab, account: Account, trajectory: Trajectory, *laws: str, **how: Any) -> bool:
    """Close the loop and hold it to the envelope and to the laws; True if all held."""
    given = {"laws": list(laws), **how}
    first = PROPERTIES[CLOSED](lab, account, trajectory, lab.spec, given)
    if first is None:
        return True
    account.broken.append(_broken(lab, trajectory, given, first))
    return False


@property_(CLOSED)
def closed_loop(
    lab: Lab, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every step lies in the envelope, and the path obeys the laws of motion that are named."""
    trace = lab.run(trajectory)
    opened = trajectory if trace.grads is None else replace(trajectory, grads=trace.grads)
    evidence = lab.evidence(opened, trace, spec)
    if trajectory.lrs is None:
        judgement = lab.judged(evidence)
        account.count(judgement)
        first = departure(judgement)
    else:
        first = _paced(lab, account, evidence, trajectory.lrs.tolist())
    if trajectory.problem is None:
        return first
    steps = evidence.shape[0]
    lrs = np.full(steps, evidence.hyper["lr"]) if trajectory.lrs is None else trajectory.lrs
    problem = build(trajectory.problem)
    loop = Loop(lab, account, spec, problem, trajectory, evidence, np.asarray(lrs), how)
    if first is not None:
        told = [EXPLANATIONS[name](loop, first) for name in how["laws"] if name in EXPLANATIONS]
        return replace(first, message="; ".join([first.message, *filter(None, told)]))
    for name in how["laws"]:
        first = LAWS[name](loop)
        if first is not None:
            return first
    return None


def _paced(lab: Lab, account: Account, evidence: Evidence, lrs: list[float]) -> Break | None:
    """Lock-step where α changes from step to step; the moments do not depend on it."""
    ratio, counts = _ratios(evidence, lab.admission, lrs)
    outside = np.argwhere(ratio > 1.0 + 2.0**-24)
    if not outside.size:
        account.examples += counts["decided"]
        account.undecided += counts["blunt"]
        account.open += int((ratio > 1.0 - 2.0**-24).sum())
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


def _broken(lab: Lab, trajectory: Trajectory, how: Mapping[str, Any], first: Break) -> Broken:
    if first.evidence is None:
        return Broken(CLOSED, how, trajectory, lab.spec, first)
    shape = trajectory.grads[0].shape
    grads = np.asarray(first.evidence.grads, lab.fmt.dtype).reshape(shape)
    opened = replace(trajectory, grads=(grads,), problem=None)
    law_ = "envelope" if trajectory.lrs is None else CLOSED
    return Broken(law_, {} if law_ == "envelope" else {"laws": []}, opened, lab.spec, first)
