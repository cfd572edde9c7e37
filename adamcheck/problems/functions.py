"""Rosenbrock's valley, a sparse least-squares problem, and the cyclic online example."""

from __future__ import annotations

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.problems.problem import EVALUATION, Float64, Problem


def rosenbrock(*, pairs: int = 3, steepness: float = 100.0) -> Problem:
    """Σ (1-x)² + s(y-x²)² over pairs of variables, from three starts at most; not convex."""
    if pairs < 1 or not 0.0 < steepness < 1e12:
        raise UsageError("problem: rosenbrock needs pairs ≥ 1 and a steepness above 0")
    starts = np.array([(-1.25, 1.0), (0.0, 0.0), (0.75, -0.5)])
    start = starts[np.arange(pairs) % 3].reshape(-1)
    s = float(steepness)

    def gradient(t: int, z: Float64) -> Float64:
        x, y = z[0::2], z[1::2]
        valley = y - x * x
        g = np.empty_like(z)
        g[0::2] = -2.0 * (1.0 - x) - 4.0 * s * x * valley
        g[1::2] = 2.0 * s * valley
        return g

    def loss(t: int, z: Float64) -> float:
        x, y = z[0::2], z[1::2]
        return float(np.sum((1.0 - x) ** 2 + s * (y - x * x) ** 2))

    def spread(t: int, z: Float64, radius: Float64) -> Float64:
        r = radius + 2.0 * EVALUATION * (np.abs(z) + radius)
        x, y = np.abs(z[0::2]) + r[0::2], np.abs(z[1::2]) + r[1::2]
        # ∂²/∂x² = 2 - 4s(y - 3x²), ∂²/∂x∂y = -4sx, ∂²/∂y² = 2s, each at its largest in the box
        bound = np.empty_like(z)
        bound[0::2] = (2.0 + 4.0 * s * (y + 3.0 * x * x)) * r[0::2] + 4.0 * s * x * r[1::2]
        bound[1::2] = 4.0 * s * x * r[0::2] + 2.0 * s * r[1::2]
        terms = np.empty_like(z)
        terms[0::2] = 2.0 * (1.0 + x) + 4.0 * s * x * (y + x * x)
        terms[1::2] = 2.0 * s * (y + x * x)
        return bound + 4.0 * EVALUATION * terms

    return Problem(
        name="rosenbrock",
        about=f"Rosenbrock's valley, {pairs} pairs, steepness {s:.4g}",
        start=start,
        gradient=gradient,
        loss=loss,
        spread=spread,
        optimum=lambda t: np.ones(2 * pairs),
    )


def sparse(*, size: int = 8, rarest: int = 64) -> Problem:
    """A separable quadratic of which a step sees few variables: the i-th every rarest^(i/(N-1))-th.

    The gradient of a variable that is not seen is exactly 0.
    """
    if size < 2 or rarest < 1:
        raise UsageError("problem: sparse needs size ≥ 2 and rarest ≥ 1")
    every = np.rint(float(rarest) ** (np.arange(size) / (size - 1))).astype(np.int64)
    phase = np.arange(size) % every
    curve = np.exp2(-(np.arange(size) % 3))
    centre = np.where(np.arange(size) % 2 == 0, 0.5, -0.25)

    def gradient(t: int, x: Float64) -> Float64:
        return np.where(t % every == phase, curve * (x - centre), 0.0)

    def spread(t: int, x: Float64, radius: Float64) -> Float64:
        bound = curve * (radius + EVALUATION * (np.abs(x) + np.abs(centre) + radius))
        return np.where(t % every == phase, bound, 0.0)

    def loss(t: int, x: Float64) -> float:
        return float(0.5 * np.sum(curve * (x - centre) ** 2))

    return Problem(
        name="sparse",
        about=f"separable quadratic whose variables are seen every 1 to {rarest} steps",
        start=np.zeros(size),
        gradient=gradient,
        loss=loss,
        spread=spread,
        optimum=lambda t: centre,
        convexity=float(curve.min()),
        smoothness=float(curve.max()),
    )


def cyclic(*, c: float = 3.0) -> Problem:
    """f_t = Cx when t mod 3 = 1, else -x, of Reddi, Kale & Kumar 2018; best on [-1, 1] at -1.

    The gradient does not depend on x, so the projection can be applied to the recorded steps.
    """
    if not 2.0 < c < 1e6:
        raise UsageError("problem: cyclic needs C > 2")

    def of(t: int) -> float:
        return float(c) if t % 3 == 1 else -1.0

    return Problem(
        name="cyclic",
        about=f"the online example of Reddi, Kale & Kumar 2018 with C = {c:.4g}",
        start=np.ones(1),
        gradient=lambda t, x: np.full(1, of(t)),
        loss=lambda t, x: of(t) * float(x[0]),
        spread=lambda t, x, radius: np.zeros(1),
        optimum=lambda t: np.full(1, -1.0),
    )
