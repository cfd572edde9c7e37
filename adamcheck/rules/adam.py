"""Adam in all its dialects (Kingma & Ba 2015, Algorithm 1; AMSGrad, AdamW)."""

from __future__ import annotations

from typing import Any

from adamcheck.rules.language import Ops, Step, descended, divisor, moved, power_before
from adamcheck.spec import Spec


def adam_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """The state before the first step; p1 and p2 stand for β1^t and β2^t of the step before."""
    p1, p2 = power_before(spec, h.beta1, one), power_before(spec, h.beta2, one)
    state = {"p1": p1, "p2": p2, "m": zero, "v": zero}
    return state | ({"v_max": zero} if spec.amsgrad != "none" else {})


def adam(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """One step of Adam.

    ``h`` holds the hyperparameters, ``s`` the state of adam_state; both by attribute.
    """
    g = descended(spec, h, g, theta)
    p1, p2 = ops.decay(s.p1, h.beta1), ops.decay(s.p2, h.beta2)
    m = ops.ema(h.beta1, s.m, g)
    v = ops.ema(h.beta2, s.v, g * g)
    state = {"p1": p1, "p2": p2, "m": m, "v": v}

    m_hat = m / (1 - p1) if spec.bias_correction in ("both", "m") else m
    corrects_v = spec.bias_correction in ("both", "v")
    second = v
    if spec.amsgrad == "v":
        second = state["v_max"] = ops.maximum(s.v_max, v)
    v_hat = second / (1 - p2) if corrects_v else second
    if spec.amsgrad == "vhat":
        v_hat = state["v_max"] = ops.maximum(s.v_max, v_hat)

    denominator = divisor(spec, ops, h, v_hat, 1 - p2 if corrects_v else None)
    update = h.lr * (m_hat / denominator)
    theta = moved(spec, h, theta, update)
    named = {"update": update, "m_hat": m_hat, "v_hat": v_hat, "denominator": denominator}
    return Step(state, theta, named)
