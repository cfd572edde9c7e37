"""AdaMax (Kingma & Ba 2015, Algorithm 2), NAdam (Dozat 2016) and RAdam (Liu et al. 2020)."""

from __future__ import annotations

from typing import Any

from adamcheck.rules.language import Ops, Step, descended, divisor, moved, power_before
from adamcheck.spec import Spec


def adamax_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """m, and in v the decayed maximum that the paper calls u."""
    corrects = spec.bias_correction == "m"
    clock = {"p1": power_before(spec, h.beta1, one)} if corrects else {}
    return {**clock, "m": zero, "v": zero}


def adamax(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """u = max(β2·u, |g|) and θ - α·m̂/u, with ε in one of its places."""
    g = descended(spec, h, g, theta)
    m = ops.ema(h.beta1, s.m, g)
    size = ops.maximum(g, -g)
    decayed = h.beta2 * s.v
    if spec.eps == "gradient":
        size = size + h.eps
    elif spec.eps == "decayed":
        decayed = decayed + h.eps
    v = ops.maximum(decayed, size)
    state, m_hat = {"m": m, "v": v}, m
    if spec.bias_correction == "m":
        p1 = state["p1"] = ops.decay(s.p1, h.beta1)
        m_hat = m / (1 - p1)
    denominator = v + h.eps if spec.eps == "outside" else v
    update = h.lr * (m_hat / denominator)
    theta = moved(spec, h, theta, update)
    return Step(state, theta, {"update": update, "m_hat": m_hat, "denominator": denominator})


def nadam_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """m, v and clocks: p1 = Π μ_k, p2 = β2^t, and d = q^t with q = 0.96^ψ for μ_t = β1(1 - d/2)."""
    state = {"p1": one, "p2": one}
    if spec.schedule != "constant":
        base = 24 * one / 25
        exponents = {
            "momentum-decay": lambda: base**h.momentum_decay,
            "0.96^(t/250)": lambda: base ** (one / 250),
            "0.96^t": lambda: base,
        }
        state |= {"d": one, "q": exponents[spec.schedule]()}
    return {**state, "m": zero, "v": zero}


def nadam(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """θ - α·(μ'·m/(1-Πμ') + (1-μ)·g/(1-Πμ))/(√v̂+ε), the dash for the next step's momentum."""
    g = descended(spec, h, g, theta)
    m = ops.ema(h.beta1, s.m, g)
    v = ops.ema(h.beta2, s.v, g * g)
    clocks: dict[str, Any] = {"p2": ops.decay(s.p2, h.beta2)}
    mu = following = h.beta1
    if spec.schedule != "constant":
        d = ops.decay(s.d, s.q)
        mu, following = h.beta1 * (1 - d / 2), h.beta1 * (1 - ops.decay(d, s.q) / 2)
        clocks |= {"d": d, "q": s.q}
    p1 = clocks["p1"] = ops.decay(s.p1, mu)
    if spec.lookahead == "yes":
        ahead = following * (m / (1 - ops.decay(p1, following)))
    else:
        ahead = mu * (m / (1 - p1))
    fresh = (1 - mu) * (g / (1 - p1))
    correction = 1 - clocks["p2"]
    v_hat = v / correction
    denominator = divisor(spec, ops, h, v_hat, correction)
    # the two parts are subtracted one after the other: an order that adds them first is closer
    parts = h.lr * (ahead / denominator), h.lr * (fresh / denominator)
    named = {"update": parts[0] + parts[1], "m_hat": ahead + fresh, "v_hat": v_hat}
    named["denominator"] = denominator
    return Step(clocks | {"m": m, "v": v}, moved(spec, h, theta, *parts), named)


def radam_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """m, v, the powers of β and the step count."""
    return {"t": one - one, "p1": one, "p2": one, "m": zero, "v": zero}


def radam(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """θ - α·r·m̂/(√v̂+ε) where the average is long enough, ρ_t > cut, and θ - α·m̂ before."""
    g = descended(spec, h, g, theta)
    m = ops.ema(h.beta1, s.m, g)
    v = ops.ema(h.beta2, s.v, g * g)
    t, p1, p2 = s.t + 1, ops.decay(s.p1, h.beta1), ops.decay(s.p2, h.beta2)
    correction = 1 - p2
    m_hat, v_hat = m / (1 - p1), v / correction
    denominator = divisor(spec, ops, h, v_hat, correction)
    longest = 2 / (1 - h.beta2) - 1
    length = longest - 2 * t * p2 / correction

    def adapted() -> Any:
        above = (length - 4) * (length - 2) * longest
        below = (longest - 4) * (longest - 2) * length
        return ops.sqrt(above / below) * (m_hat / denominator)

    update = h.lr * ops.choose(length - int(spec.cut), adapted, lambda: m_hat)
    state = {"t": t, "p1": p1, "p2": p2, "m": m, "v": v}
    named = {"update": update, "m_hat": m_hat, "v_hat": v_hat, "denominator": denominator}
    return Step(state, moved(spec, h, theta, update), named)
