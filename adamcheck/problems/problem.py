"""What a problem is: an objective of some variables whose gradient may depend on the step.

NumPy only, and light to import: the child process that drives a target computes gradients here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

EVALUATION = 2.0**-50
"""Relative error granted to a float64 evaluation of a few terms; callers scale it by the count."""


@dataclass(frozen=True)
class Problem:
    """An objective f_t of N variables in float64; steps t count from 1.

    gradient(t, x) -> [N]; loss(t, x). spread(t, x, radius) -> [N] bounds how far the evaluated
    gradient at any point within ``radius`` (elementwise) of x lies from the exact one at x.
    optimum(t) -> [N] where a closed form or a certified point is known. ``separable``: each
    variable's gradient has the sign of its distance from the optimum, whatever the others are.
    convexity: f_t is λ-strongly convex with this λ, and smoothness: its gradient is L-Lipschitz, in
    the Euclidean norm (0: unknown).
    """

    name: str
    about: str
    start: Float64
    gradient: Callable[[int, Float64], Float64]
    loss: Callable[[int, Float64], float]
    spread: Callable[[int, Float64, Float64], Float64]
    optimum: Callable[[int], Float64] | None = None
    separable: bool = False
    convexity: float = 0.0
    smoothness: float = 0.0

    @property
    def size(self) -> int:
        """The number of variables."""
        return int(self.start.size)
