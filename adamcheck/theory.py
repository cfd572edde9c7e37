"""Closed forms about Adam and its relatives; each is established by the theorem it names.

Functions on scalars use plain operators, so exact rationals, balls and symbols may be passed;
those that return float64 say so. α is divided out: a bound of R means |Δ| ≤ α·R.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from adamcheck.errors import UsageError

Float64 = NDArray[np.float64]


# --- the tight step bound (theorem step-bound) ---------------------------------------------------


def geometric_sum(ratio: Any, t: int) -> Any:
    """Σ_{k<t} ratio^k in closed form, exact for exact numbers (theorem geometric-weights)."""
    return t if ratio == 1 else (1 - ratio**t) / (1 - ratio)


def step_bound_squared(beta1: Any, beta2: Any, t: int) -> Any:
    """R_t² over any number type; exact for rationals (theorem step-bound)."""
    lift = (1 - beta1) / (1 - beta1**t)
    return lift * lift * (1 - beta2**t) / (1 - beta2) * geometric_sum(beta1 * beta1 / beta2, t)


def step_bound_limit_squared(beta1: Any, beta2: Any) -> Any:
    """R_∞² over any number type, for β1² < β2 (theorem step-bound)."""
    return (1 - beta1) * (1 - beta1) / ((1 - beta2) * (1 - beta1 * beta1 / beta2))


def step_bound(beta1: float, beta2: float, t: ArrayLike) -> Float64:
    """R_t in float64, elementwise over ``t``: |Δ_t| ≤ α·R_t for every gradient sequence.

    Accurate to a few ulps; where a rigorous value is needed use step_bound_ball.
    """
    _check_betas(beta1, beta2)
    steps = np.asarray(t, dtype=np.float64)
    if not np.all(steps >= 1):
        raise UsageError("step_bound: t must be at least 1.")
    weight_m = _one_minus_power(beta1, steps) / (1.0 - beta1)
    weight_v = _one_minus_power(beta2, steps) / (1.0 - beta2)
    if beta1 == 0.0:
        chi = np.ones_like(steps)
    elif beta2 == 0.0:
        chi = np.where(steps == 1, 1.0, np.inf)
    else:
        log_ratio = 2.0 * math.log(beta1) - math.log(beta2)
        with np.errstate(over="ignore"):
            chi = steps if log_ratio == 0.0 else np.expm1(steps * log_ratio) / math.expm1(log_ratio)
    return np.asarray(np.sqrt(weight_v * chi) / weight_m)


def step_bound_ball(beta1: Any, beta2: Any, t: int, *, bits: int = 200) -> Any:
    """R_t as a ball (flint.arb) that contains the exact value; β as Fraction, float or int."""
    import flint

    exact = step_bound_squared(Fraction(beta1), Fraction(beta2), t) if t <= 64 else None
    with flint.ctx.workprec(bits):
        if exact is None:
            return step_bound_squared(_ball(beta1), _ball(beta2), t).sqrt()
        return _ball(exact).sqrt()


def step_bound_limit(beta1: float, beta2: float) -> float:
    """R_∞ in float64: the bound that holds for every t; infinite when β1² ≥ β2."""
    _check_betas(beta1, beta2)
    b1, b2 = Fraction(beta1), Fraction(beta2)
    if b1 == b2 == 0:
        return 1.0
    if b1 * b1 >= b2:
        return math.inf
    return math.sqrt(step_bound_limit_squared(b1, b2))


def published_bound(beta1: float, beta2: float) -> float:
    """The bound of Kingma & Ba 2015, §2.1, which is false (theorem published-bound-refuted)."""
    _check_betas(beta1, beta2)
    b1, b2 = 1 - Fraction(beta1), 1 - Fraction(beta2)
    return math.sqrt(b1 * b1 / b2) if b1 * b1 > b2 else 1.0


def extremal_gradients(beta1: float, beta2: float, t: int) -> Float64:
    """Gradients g_1..g_t whose update attains α·R_t at step t, scaled to a largest value of 1.

    g_{t-k} ∝ (β1/β2)^k; entries below float64's range become 0, which costs nothing visible.
    """
    _check_betas(beta1, beta2)
    if t < 1:
        raise UsageError("extremal_gradients: t must be at least 1.")
    if beta2 == 0.0:
        raise UsageError("extremal_gradients: needs β2 > 0; at β2 = 0 the bound is infinite.")
    back = np.arange(t - 1, -1, -1, dtype=np.float64)
    if beta1 == 0.0:
        return np.where(back == 0, 1.0, 0.0)
    exponents = back * (math.log(beta1) - math.log(beta2))
    return np.asarray(np.exp(exponents - exponents.max()))


def extremal_gradients_exact(beta1: Fraction, beta2: Fraction, t: int) -> list[Fraction]:
    """The same sequence as exact rationals, with g_t = 1."""
    ratio = Fraction(beta1) / Fraction(beta2)
    return [ratio**k for k in range(t - 1, -1, -1)]


def first_violation(beta1: Any, beta2: Any, *, limit: int = 100_000) -> int | None:
    """The first t with R_t above the published bound, decided exactly; None if R_∞ never is."""
    b1, b2 = Fraction(beta1), Fraction(beta2)
    published = max((1 - b1) ** 2 / (1 - b2), Fraction(1))
    if b1 == b2 or (b1 * b1 < b2 and step_bound_limit_squared(b1, b2) <= published):
        return None
    low, high = 1, 2
    while step_bound_squared(b1, b2, high) <= published:
        low, high = high, high * 2
        if low > limit:
            raise UsageError(f"first_violation: none below t={limit}; raise limit=.")
    while high - low > 1:
        middle = (low + high) // 2
        above = step_bound_squared(b1, b2, middle) > published
        low, high = (low, middle) if above else (middle, high)
    return high


# --- bounds of the relatives ---------------------------------------------------------------------


def adamax_bound(beta1: float, beta2: float, t: ArrayLike) -> Float64:
    """Tight |Δ_t|/α of AdaMax in float64 (theorem adamax-bound); the published value is 1."""
    steps = np.asarray(t, dtype=np.float64)
    if beta1 == 0.0:
        return np.ones_like(steps)
    log_ratio = math.log(beta1) - math.log(beta2)
    with np.errstate(over="ignore"):
        total = steps if log_ratio == 0.0 else np.expm1(steps * log_ratio) / math.expm1(log_ratio)
    return np.asarray((1.0 - beta1) / _one_minus_power(beta1, steps) * total)


def adamax_bound_exact(beta1: Any, beta2: Any, t: int) -> Any:
    """The same over any number type; exact for rationals."""
    return (1 - beta1) / (1 - beta1**t) * geometric_sum(beta1 / beta2, t)


def adamax_limit(beta1: Any, beta2: Any) -> Any:
    """(1-β1)·β2/(β2-β1), the supremum over t for β1 < β2 (theorem adamax-bound)."""
    return (1 - beta1) * beta2 / (beta2 - beta1)


def adamax_extremal_gradients(beta2: float, t: int) -> Float64:
    """Gradients that attain adamax_bound at step t, g_{t-k} ∝ β2^{-k}, scaled to a maximum of 1."""
    return np.asarray(np.float64(beta2) ** np.arange(t, dtype=np.float64))


def rmsprop_bound(beta2: float) -> float:
    """|Δ|/α ≤ 1/√(1-β2) without correction, attained by a lone gradient (rmsprop-bound)."""
    return 1.0 / math.sqrt(1.0 - beta2)


def rmsprop_corrected_bound(beta2: float, t: ArrayLike) -> Float64:
    """|Δ_t|/α ≤ √((1-β2^t)/(1-β2)) with bias correction, in float64 (rmsprop-bound)."""
    steps = np.asarray(t, dtype=np.float64)
    return np.asarray(np.sqrt(_one_minus_power(beta2, steps) / (1.0 - beta2)))


def nadam_bound_squared(beta1: Any, beta2: Any, t: int) -> Any:
    """(|Δ_t|/α)² of NAdam with constant momentum, over any number type (theorem nadam-bound)."""
    ahead = beta1 / (1 - beta1 ** (t + 1))
    newest = ahead * (1 - beta1) + (1 - beta1) / (1 - beta1**t)
    older = (1 - beta1) * (1 - beta1) / (1 - beta2) * geometric_sum(beta1 * beta1 / beta2, t - 1)
    total = ahead * ahead * beta1 * beta1 / beta2 * older + newest * newest / (1 - beta2)
    return (1 - beta2**t) * total


def nadam_extremal_gradients(beta1: float, beta2: float, t: int) -> Float64:
    """Gradients that attain nadam_bound at step t ≥ 1, scaled to a largest value of 1.

    g_{t-k} ∝ c·(1-β1)·(β1/β2)^k, and g_t ∝ A, with the theorem's c and A.
    """
    ahead = beta1 / (1 - beta1 ** (t + 1))
    g = ahead * (1 - beta1) * (beta1 / beta2) ** np.arange(t - 1, -1, -1, dtype=np.float64)
    g[-1] += (1 - beta1) / (1 - beta1**t)
    return np.asarray(g / np.abs(g).max())


# --- closed forms of special runs ----------------------------------------------------------------


def constant_moment(beta: Any, t: int, value: Any) -> Any:
    """The moment after t steps of the same input: (1-β^t)·value (theorem geometric-weights)."""
    return (1 - beta**t) * value


def decayed_moment(beta: Any, k: int, value: Any) -> Any:
    """The moment k steps after the last nonzero input: β^k·value (theorem forgetting)."""
    return beta**k * value


def constant_gradient_update(g: Any, *, lr: Any, eps: Any) -> Any:
    """Δ_t = α·g/(|g|+ε) for every t while the gradient stays g (theorem constant-gradient)."""
    return lr * (g / (abs(g) + eps))


def stalled_update(beta1: Any, beta2: Any, last: int, *, sqrt: Any = math.sqrt) -> Any:
    """Δ/α under a constant gradient, at ε=0, of a step count that stops at ``last``, long after."""
    return sqrt(constant_moment(beta2, last, 1)) / constant_moment(beta1, last, 1)


def spiked_update(beta1: Any, beta2: Any, k: int, *, t: int = 1, sqrt: Any = math.sqrt) -> Any:
    """|Δ|/α at ε=0, k steps after a lone gradient at step t (theorem finite-spike-liveness)."""
    now = t + k
    m_hat = (1 - beta1) * beta1**k / (1 - beta1**now)
    v_hat = (1 - beta2) * beta2**k / (1 - beta2**now)
    return m_hat / sqrt(v_hat)


def decayed_theta(theta0: Any, *, lr: Any, weight_decay: Any, t: int) -> Any:
    """θ_t = (1-αλ)^t·θ_0 under decoupled decay and zero gradients (decay-closed-form)."""
    return (1 - lr * weight_decay) ** t * theta0


# --- dynamics on simple problems -----------------------------------------------------------------


def stable_curvature(beta1: Any) -> Any:
    """Largest stable α·λ/P for a fixed preconditioner P: 2(1+β1)/(1-β1) (stability-two-cycle)."""
    return 2 * (1 + beta1) / (1 - beta1)


def two_cycle(beta1: Any, *, lr: Any, eps: Any, curvature: Any) -> Any:
    """Amplitude c of Adam's two-cycle on λx²/2; it exists where c > 0 (stability-two-cycle)."""
    return lr * (1 - beta1) / (2 * (1 + beta1)) - eps / curvature


def two_cycle_state(
    beta1: Any, *, lr: Any, eps: Any, curvature: Any, t: int, beta2: Any
) -> dict[str, Any]:
    """θ, m, v on the two-cycle, as a state after step t; exact as β1^t and β2^t vanish.

    The parameter is at +c, so the last gradient was taken at -c.
    """
    c = two_cycle(beta1, lr=lr, eps=eps, curvature=curvature)
    slope = curvature * c
    m_hat, v_hat = -(1 - beta1) / (1 + beta1) * slope, slope * slope
    return {"theta": c, "m": m_hat * (1 - beta1**t), "v": v_hat * (1 - beta2**t)}


def cyclic_beta2(c: Any) -> Any:
    """β2 = 1/(1+C²) of the non-convergence example (theorem non-convergence)."""
    return 1 / (1 + c * c)


def cyclic_gradients(c: float, t: int) -> Float64:
    """Gradients of the non-convergence example: C when t mod 3 = 1, otherwise -1."""
    return np.where(np.arange(1, t + 1) % 3 == 1, float(c), -1.0)


def cyclic_regret(c: Any) -> Any:
    """Average regret per step that Adam tends to on it: (2C-4)/3 (theorem non-convergence)."""
    return (2 * c - 4) / 3


def scalar_error_factor(beta: Any, t: int) -> Any:
    """How much a relative error of β shows in 1-β^t: t·β^t/(1-β^t) (rounding-envelope)."""
    return t * beta**t / (1 - beta**t)


# --- helpers -------------------------------------------------------------------------------------


def weighted_moment(beta: Any, values: Sequence[Any]) -> Any:
    """(1-β)·Σ β^{t-i}·x_i, the closed form of an exponential moving average (closed-form)."""
    total: Any = 0
    for value in values:
        total = beta * total + value
    return (1 - beta) * total


def _one_minus_power(beta: float, steps: Float64) -> Float64:
    if beta == 0.0:
        return np.ones_like(steps)
    return np.asarray(-np.expm1(steps * math.log(beta)))


def _check_betas(beta1: float, beta2: float) -> None:
    for name, beta in (("beta1", beta1), ("beta2", beta2)):
        if not 0 <= beta < 1:
            raise UsageError(f"{name}={beta!r} is outside [0, 1).")


def _ball(value: Any) -> Any:
    import flint

    exact = Fraction(value)
    return flint.arb(flint.fmpq(exact.numerator, exact.denominator))
