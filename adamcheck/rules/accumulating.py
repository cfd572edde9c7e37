"""AdaGrad (Duchi, Hazan, Singer 2011) and RMSProp (Tieleman & Hinton 2012; Graves 2013)."""

from __future__ import annotations

from typing import Any

from adamcheck.rules.language import Ops, Step, accumulated, descended, divisor, moved
from adamcheck.spec import Spec


def adagrad_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """The sum of squares; the step count where α decays or the sum does not start at zero."""
    counts = spec.lr_decay == "yes" or spec.accumulator != "zero"
    return {**({"t": one - one} if counts else {}), "v": zero}


def adagrad(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """v = v + g² and θ - α·g/(√v+ε); with decay α/(1 + (t-1)·decay)."""
    g = descended(spec, h, g, theta)
    v = accumulated(spec, ops, h, s) + g * g
    state = {"v": v} | ({"t": s.t + 1} if hasattr(s, "t") else {})
    rate = h.lr / (1 + s.t * h.lr_decay) if spec.lr_decay == "yes" else h.lr
    denominator = divisor(spec, ops, h, v)
    update = rate * (g / denominator)
    return Step(
        state, moved(spec, h, theta, update), {"update": update, "denominator": denominator}
    )


def rmsprop_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """v; the mean m where centred, the velocity with momentum, and the clocks in use."""
    state = {"t": one - one} if spec.accumulator != "zero" else {}
    state |= {"p2": one} if spec.bias_correction == "v" else {}
    state |= {"v": zero} | ({"m": zero} if spec.centered == "yes" else {})
    return state | ({"velocity": zero} if spec.momentum == "yes" else {})


def rmsprop(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """θ - α·g/(√v̂+ε); centred: v̂ - m̂² under the root; with momentum b = μ·b + g/(√v̂+ε)."""
    g = descended(spec, h, g, theta)
    v = ops.ema(h.beta2, accumulated(spec, ops, h, s), g * g)
    state = {"v": v} | ({"t": s.t + 1} if spec.accumulator != "zero" else {})
    correction = None
    if spec.bias_correction == "v":
        state["p2"] = ops.decay(s.p2, h.beta2)
        correction = 1 - state["p2"]
    second = v if correction is None else v / correction
    if spec.centered == "yes":
        m = state["m"] = ops.ema(h.beta2, s.m, g)
        mean = m if correction is None else m / correction
        second = second - mean * mean
    denominator = divisor(spec, ops, h, second)
    q = g / denominator
    push = h.lr * q if spec.form == "inside" else q
    if spec.momentum == "yes":
        b = state["velocity"] = h.momentum * s.velocity + push
        push = push + h.momentum * b if spec.nesterov == "yes" else b
    update = push if spec.form == "inside" else h.lr * push
    return Step(
        state, moved(spec, h, theta, update), {"update": update, "denominator": denominator}
    )
