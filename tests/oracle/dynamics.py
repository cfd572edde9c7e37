"""Closed forms of what Adam and momentum do on convex problems, from the step bound's certificate.

With ρ = β1/√β2 and m² ≤ K_∞·v: while a gradient keeps its sign, the part of m against it shrinks at
least as β1^k while √v shrinks at most as β2^(k/2). So a variable is carried against its gradient by
at most α·c·√K_∞·Σ ρ^k, whatever the problem is (theorem settled-neighbourhood).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adamcheck.spec import Spec
from adamcheck.theory import step_bound_limit

Float64 = NDArray[np.float64]
Hyper = Mapping[str, float]


def follows_adam(spec: Spec) -> bool:
    """Whether the carry and the settled neighbourhood are stated for a spec."""
    return spec.algorithm == "adam" and spec.decay == "none" and spec.first_t == "1"


def corrections(spec: Spec, hyper: Hyper, steps: int) -> tuple[Float64, Float64]:
    """(weight of m̂, weight of √v̂) under a constant gradient at t = 1 … T: 1 where corrected."""
    t = np.arange(1, steps + 1)
    m = np.ones(steps) if spec.bias_correction in ("both", "m") else -_power(hyper["beta1"], t)
    v = np.ones(steps) if spec.bias_correction in ("both", "v") else -_power(hyper["beta2"], t)
    return m, np.sqrt(v)


def lift(spec: Spec, hyper: Hyper, steps: int) -> Float64:
    """c_t, by which corrections stretch |m|/√v: √(1-β2^t)/(1-β1^t) where both are applied."""
    t = np.arange(1, steps + 1)
    first, second = corrections(spec, hyper, steps)
    full_m, full_v = -_power(hyper["beta1"], t), np.sqrt(-_power(hyper["beta2"], t))
    return np.asarray((first / full_m) * (full_v / second))


def carry(spec: Spec, hyper: Hyper, steps: int) -> tuple[float, float]:
    """(largest |Δ|/α, largest travel/α against a gradient that keeps its sign), for t ≤ T."""
    limit = step_bound_limit(hyper["beta1"], hyper["beta2"])
    ratio = hyper["beta1"] / math.sqrt(hyper["beta2"])
    if not ratio < 1.0 or not math.isfinite(limit):
        return math.inf, math.inf
    step = limit * float(lift(spec, hyper, steps).max()) * (1.0 + 2.0**-40)
    return step, step * ratio / (1.0 - ratio) * (1.0 + 2.0**-40)


def floor_of_denominator(spec: Spec, hyper: Hyper) -> float:
    """The most that ε adds to √v̂, wherever the dialect puts it."""
    eps = hyper["eps"]
    if spec.eps == "inside":
        return math.sqrt(eps)
    if spec.eps == "both":
        return math.sqrt(hyper["eps_root"]) + eps
    if spec.eps == "hat" and spec.bias_correction in ("both", "v"):
        return eps / math.sqrt(1.0 - hyper["beta2"]) * (1.0 + 2.0**-40)
    return eps


@dataclass(frozen=True)
class Linear:
    """b_t = μ·b + w_t·g and Δ_t = a_t·(p·g + q·b_t): momentum in all its writings."""

    mu: float
    weights: Float64
    rates: Float64
    p: float
    q: float

    def roots(self, curvature: float) -> float:
        """The spectral radius of the late steps on λx²/2 (theorem momentum-quadratic)."""
        a, w = float(self.rates[-1]), float(self.weights[-1])
        # θ' = θ - a(pλθ + q(μb + wλθ)), b' = μb + wλθ
        trace = 1.0 - a * curvature * (self.p + self.q * w) + self.mu
        determinant = self.mu * (1.0 - a * curvature * self.p)
        return float(np.abs(np.roots([1.0, -trace, determinant])).max())


def linear(spec: Spec, hyper: Hyper, steps: int) -> Linear | None:
    """The spec as a linear method; Adam is one where ε is far above every gradient (P = ε)."""
    ones = np.ones(steps)
    if spec.decay != "none":
        return None
    if spec.algorithm == "gd":
        return Linear(0.0, ones, hyper["lr"] * ones, 1.0, 0.0)
    if spec.algorithm == "momentum":
        mu, weights = hyper["momentum"], ones.copy()
        if spec.dampening == "ema":
            weights = (1.0 - mu) * ones
        elif spec.dampening in ("full", "late"):
            weights = (1.0 - hyper["dampening"]) * ones
            weights[: int(spec.dampening == "late")] = 1.0
        p, q = (1.0, mu) if spec.nesterov == "yes" else (0.0, 1.0)
        return Linear(mu, weights, hyper["lr"] * ones, p, q)
    if follows_adam(spec) and spec.eps in ("outside", "max") and spec.amsgrad == "none":
        beta = hyper["beta1"]
        corrected = spec.bias_correction in ("both", "m")
        factor = -_power(beta, np.arange(1, steps + 1)) if corrected else ones
        return Linear(beta, (1.0 - beta) * ones, hyper["lr"] / hyper["eps"] / factor, 0.0, 1.0)
    return None


def predicted(
    method: Linear, curvature: Float64, theta0: Float64, moved: Float64, turned: Float64
) -> tuple[Float64, Float64]:
    """(θ_1 … θ_T, how far a perturbed run may stray), each ``[T, N]``, on Σ λx²/2.

    moved, turned ``[T, N]``: the largest error of every θ_t and of every gradient. A linear method
    carries each error on by its own powers, so the bound does not forget that errors shrink.
    """
    steps, count = moved.shape
    theta, b = theta0.astype(np.float64), np.zeros(count)
    path, stray = np.empty((steps, count)), np.empty((steps, count))
    # influence on (b, θ) of a unit error of θ, and of a gradient, made at step k: [k, N]
    of_theta, of_g = np.zeros((2, steps, count)), np.zeros((2, steps, count))
    own_theta, own_g = np.empty((steps, count)), np.empty((steps, count))
    for t in range(steps):
        a, w = method.rates[t], method.weights[t]
        before, (b, theta) = theta, _advance(method, t, b, theta, curvature * theta)
        # what this float64 recursion rounds away itself, as errors of the same two kinds
        own_theta[t] = 2.0**-49 * (np.abs(before) + np.abs(theta))
        own_g[t] = 2.0**-49 * (np.abs(curvature * before) + np.abs(b) / w)
        past, seen = slice(0, t), slice(0, t + 1)
        for errors in (of_theta, of_g):
            turn = curvature * errors[1, past]
            errors[0, past], errors[1, past] = _advance(
                method, t, errors[0, past], errors[1, past], turn
            )
        of_theta[1, t] = 1.0
        of_g[0, t], of_g[1, t] = w, -a * (method.p + method.q * w)
        path[t] = theta
        stray[t] = np.sum(np.abs(of_theta[1, seen]) * (moved[seen] + own_theta[seen]), axis=0)
        stray[t] += np.sum(np.abs(of_g[1, seen]) * (turned[seen] + own_g[seen]), axis=0)
    return path, stray * (1.0 + 2.0**-30)


def _advance(method: Linear, t: int, b: Float64, x: Float64, g: Float64) -> Pair:
    b = method.mu * b + method.weights[t] * g
    return b, x - method.rates[t] * (method.p * g + method.q * b)


Pair = tuple[Float64, Float64]


def optimal_momentum(smallest: float, largest: float) -> tuple[float, float]:
    """(α, μ) of the best heavy ball on curvatures in [λ1, λn] (theorem momentum-quadratic)."""
    low, high = math.sqrt(smallest), math.sqrt(largest)
    return (2.0 / (low + high)) ** 2, ((high - low) / (high + low)) ** 2


def _power(beta: float, t: NDArray[np.int64]) -> Float64:
    """β^t - 1 without cancellation."""
    return np.asarray(np.expm1(t * math.log(beta))) if beta > 0.0 else -np.ones(t.shape)
