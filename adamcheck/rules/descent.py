"""Gradient descent, and with a velocity: heavy ball (Polyak 1964) and Nesterov's form of it."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

from adamcheck.rules.language import Ops, Step, descended, moved
from adamcheck.spec import Spec


def gd_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """Gradient descent keeps nothing."""
    return {}


def gd(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """θ - α·g."""
    update = h.lr * descended(spec, h, g, theta)
    return Step({}, moved(spec, h, theta, update), {"update": update})


def momentum_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """The velocity, and the step count where the first step differs from the others."""
    count = {"t": one - one} if spec.dampening == "late" else {}
    return {**count, "velocity": zero}


def momentum(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """b = μ·b + w·g and θ - α·b; inside: b = μ·b - α·w·g and θ + b.

    Nesterov steps along what the velocity would be after the same gradient once more.
    """
    g = descended(spec, h, g, theta)
    state: dict[str, Any] = {"t": s.t + 1} if spec.dampening == "late" else {}
    push = h.lr * g if spec.form == "inside" else g
    if spec.form == "inside":
        b = h.momentum * s.velocity - _weighted(spec, ops, h, s, push)
        parts = (push, -(h.momentum * b)) if spec.nesterov == "yes" else (-b,)
    else:
        if spec.dampening == "ema":
            b = ops.ema(h.momentum, s.velocity, push)
        else:
            b = h.momentum * s.velocity + _weighted(spec, ops, h, s, push)
        ahead = (g, h.momentum * b) if spec.nesterov == "yes" else (b,)
        parts = tuple(h.lr * part for part in ahead)
    # Nesterov's two parts are subtracted one after the other: adding them first is closer
    return Step(
        state | {"velocity": b}, moved(spec, h, theta, *parts), {"update": reduce(add, parts)}
    )


def _weighted(spec: Spec, ops: Ops, h: Any, s: Any, push: Any) -> Any:
    """What goes into the velocity: the push by the weight that its dampening gives."""
    if spec.dampening == "ema":
        return (1 - h.momentum) * push
    if spec.dampening == "full":
        return (1 - h.dampening) * push
    if spec.dampening == "late":
        return ops.choose(1 - 2 * s.t, lambda: push, lambda: (1 - h.dampening) * push)
    return push
