"""A finished closed loop, what laws of motion decide of it, and the tube around its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adamcheck.formats import widened
from adamcheck.oracle.envelope import Admission
from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.paths import Course, closed, observed, walk
from adamcheck.problems import Problem
from adamcheck.spec import Spec

Float64 = NDArray[np.float64]
NUMPY: Any = np
"""NumPy as a rule's functions: all but a choice, which Adam's rules do not make."""


@dataclass(frozen=True)
class Break:
    """A law seen broken: in words, at which element and step (from 1)."""

    message: str
    element: int
    step: int


@dataclass
class Account:
    """How many element-steps a law decided, and how many it could not."""

    examples: int = 0
    undecided: int = 0


@dataclass(frozen=True)
class Loop:
    """A finished closed loop: a path, the gradients met on it, and what an admission lets it stray.

    ``noise`` [T, N] is what was added to the problem's gradient; ``lrs`` [T] is α of every step;
    ``how`` holds what single laws need to know.
    """

    spec: Spec
    problem: Problem
    evidence: Evidence
    lrs: Float64
    noise: Float64
    admission: Admission
    how: Mapping[str, Any] = field(default_factory=dict)
    account: Account = field(default_factory=Account)

    @property
    def hyper(self) -> Mapping[str, float]:
        """The hyperparameters asked for."""
        return self.evidence.hyper

    @cached_property
    def thetas(self) -> Float64:
        """θ_0 … θ_T, ``[T+1, N]``."""
        return np.asarray(widened(self.evidence.thetas), np.float64)

    @cached_property
    def downhill(self) -> Float64:
        """The gradients ``[T, N]`` with the sign under which the rule descends."""
        g = np.asarray(widened(self.evidence.grads), np.float64)
        return -g if self.spec.maximize == "yes" else g

    @property
    def paced(self) -> list[float] | None:
        """α of every step where it changes."""
        return None if (self.lrs == self.hyper["lr"]).all() else self.lrs.tolist()

    @cached_property
    def radii(self) -> Float64:
        """How far each θ_t may lie from the exact step, ``[T, N]``."""
        course = Course.of(self.evidence, self.admission, self.paced)
        radii = np.empty(self.evidence.shape)
        for t, (_, bounds) in enumerate(walk(course, observed(self.evidence, course.admission))):
            radii[t] = bounds["theta"]
        return radii

    @cached_property
    def slack(self) -> Float64:
        """What roundings may have added to the way since the start, ``[T, N]``."""
        return np.asarray(np.cumsum(self.radii, axis=0) * (1.0 + 2.0**-20))

    def exceeds(self, excess: Float64) -> tuple[int, int] | None:
        """(step from 1, element) where ``excess`` [T, N] is more than roundings explain."""
        beyond = np.argwhere((excess > 0.0) & (excess > self.slack))
        return None if not beyond.size else (int(beyond[0][0]) + 1, int(beyond[0][1]))


Law = Callable[[Loop], Break | None]
LAWS: dict[str, Law] = {}


def law(name: str) -> Callable[[Law], Law]:
    """Register a law of motion."""

    def register(function: Law) -> Law:
        LAWS[name] = function
        return function

    return register


def tube(course: Course, problem: Problem, theta0: Float64) -> tuple[Float64, Float64]:
    """(centre, radius) ``[T, N]`` of θ_1 … θ_T: every admissible closed-loop trajectory is inside.

    Both the target and this float64 walk are admissible evaluations of the exact trajectory, so
    they differ by at most twice the bound. Where nothing is known the radius is infinite.
    """
    centre = np.full((course.steps, course.count), np.nan)
    radius = np.full((course.steps, course.count), np.inf)
    steps = walk(course, closed(problem, course, theta0))
    for t, (values, radii) in enumerate(steps):
        centre[t], radius[t] = values["theta"], 2.0 * np.asarray(radii["theta"])
        if not (radius[t] < np.abs(centre[t]) + 1.0).any():
            break
    return centre, np.where(np.isfinite(radius) & np.isfinite(centre), radius, np.inf)
