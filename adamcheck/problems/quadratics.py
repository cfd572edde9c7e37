"""Quadratics of chosen condition number: diagonal, rotated, with a moving optimum, and a slope."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adamcheck.errors import UsageError
from adamcheck.problems.problem import EVALUATION, Float64, Problem


def _vector(values: float | Sequence[float], size: int, name: str) -> Float64:
    array = np.array(np.broadcast_to(np.asarray(values, np.float64), (size,)))
    if not np.isfinite(array).all():
        raise UsageError(f"problem: {name} must be finite")
    return array


def _spectrum(size: int, condition: float) -> Float64:
    """Curvatures from 1 down to 1/condition, evenly spaced in the exponent."""
    if size < 1 or not 1.0 <= condition < math.inf:
        raise UsageError("problem: needs size ≥ 1 and a finite condition ≥ 1")
    return np.asarray(condition ** -np.linspace(0.0, 1.0, size)) if size > 1 else np.ones(1)


def quadratic(
    *,
    size: int = 8,
    condition: float = 100.0,
    curvatures: Sequence[float] | None = None,
    optimum: float | Sequence[float] = 0.0,
    start: float | Sequence[float] = 1.0,
) -> Problem:
    """½ Σ λ_i (x_i - c_i)²: every variable by itself; λ from 1 down to 1/condition, or as given."""
    if curvatures is not None:
        size = len(curvatures)
    curve = _spectrum(size, condition) if curvatures is None else _vector(curvatures, size, "λ")
    if not (curve > 0.0).all():
        raise UsageError("problem: curvatures must be positive")
    centre = _vector(optimum, size, "optimum")

    def spread(t: int, x: Float64, radius: Float64) -> Float64:
        return curve * (radius + EVALUATION * (np.abs(x) + np.abs(centre) + radius))

    return Problem(
        name="quadratic",
        about=f"separable quadratic of {size} variables, condition {curve.max() / curve.min():.4g}",
        start=_vector(start, size, "start"),
        gradient=lambda t, x: curve * (x - centre),
        loss=lambda t, x: float(0.5 * np.sum(curve * (x - centre) ** 2)),
        spread=spread,
        optimum=lambda t: centre,
        separable=True,
        convexity=float(curve.min()),
        smoothness=float(curve.max()),
    )


def rotated(*, size: int = 6, condition: float = 100.0, start: float = 1.0) -> Problem:
    """½ xᵀHx with H = QΛQᵀ: one reflection Q mixes all variables; the optimum is 0."""
    curve = _spectrum(size, condition)
    normal = np.arange(1.0, size + 1.0)
    q = np.eye(size) - 2.0 * np.outer(normal, normal) / float(normal @ normal)
    hessian = (q * curve) @ q.T
    hessian = 0.5 * (hessian + hessian.T)
    size_of = np.abs(hessian)
    noise = EVALUATION * size

    def spread(t: int, x: Float64, radius: Float64) -> Float64:
        return np.asarray(size_of @ (radius + noise * (np.abs(x) + radius)))

    # what H is after its own rounding differs from QΛQᵀ by a few units of roundoff
    slack = 1.0 - 2.0**-40 * condition
    return Problem(
        name="rotated",
        about=f"quadratic of {size} variables with mixed axes, condition {condition:.4g}",
        start=np.full(size, float(start)) * np.where(np.arange(size) % 2 == 0, 1.0, -0.5),
        gradient=lambda t, x: hessian @ x,
        loss=lambda t, x: float(0.5 * x @ hessian @ x),
        spread=spread,
        optimum=lambda t: np.zeros(size),
        convexity=float(curve.min() * slack),
        smoothness=float(curve.max() * (1.0 + 2.0**-40)),
    )


def drifting(
    *, size: int = 6, condition: float = 16.0, speed: float = 2.0**-12, period: int = 256
) -> Problem:
    """A separable quadratic whose optimum moves to and fro at ``speed`` a step (a triangle wave).

    Every other variable's optimum sets out the other way, and none starts at its optimum.
    """
    curve = _spectrum(size, condition)
    if period < 2 or not math.isfinite(speed):
        raise UsageError("problem: drifting needs period ≥ 2 and a finite speed")
    sides = np.where(np.arange(size) % 2 == 0, 1.0, -1.0)

    def centre(t: int) -> Float64:
        phase = t % (2 * period)
        return np.asarray(sides * speed * min(phase, 2 * period - phase))

    def spread(t: int, x: Float64, radius: Float64) -> Float64:
        return np.asarray(curve * (radius + EVALUATION * (np.abs(x) + np.abs(centre(t)) + radius)))

    return Problem(
        name="drifting",
        about=f"separable quadratic; its optimum moves {speed:.4g} a step, turns every {period}",
        start=-0.25 * sides,
        gradient=lambda t, x: curve * (x - centre(t)),
        loss=lambda t, x: float(0.5 * np.sum(curve * (x - centre(t)) ** 2)),
        spread=spread,
        optimum=centre,
        separable=True,
        convexity=float(curve.min()),
        smoothness=float(curve.max()),
    )


def slope(*, gradients: Sequence[float] = (1.0, -0.25), start: float = 0.0) -> Problem:
    """A linear objective: the same gradient at every point and step."""
    g = _vector(gradients, len(gradients), "gradients")
    return Problem(
        name="slope",
        about="linear objective with a constant gradient",
        start=np.full(g.size, float(start)),
        gradient=lambda t, x: g.copy(),
        loss=lambda t, x: float(g @ x),
        spread=lambda t, x, radius: np.zeros(g.size),
    )
