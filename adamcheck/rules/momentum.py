"""Gradient descent with a velocity: heavy ball (Polyak 1964) and Nesterov's form of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import Needs, Ops, Rule, Special, Step, Word, descended, moved
from adamcheck.rules.words import SHARED, VELOCITY

if TYPE_CHECKING:
    from adamcheck.spec import Spec


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
        b = _velocity(spec, ops, h, s, -push)
        parts = (push, -(h.momentum * b)) if spec.nesterov == "yes" else (-b,)
    else:
        b = _velocity(spec, ops, h, s, push)
        ahead = (g, h.momentum * b) if spec.nesterov == "yes" else (b,)
        parts = tuple(h.lr * part for part in ahead)
    # Nesterov's two parts are subtracted one after the other: adding them first is closer
    return Step(
        state | {"velocity": b}, moved(spec, h, theta, *parts), {"update": reduce(add, parts)}
    )


def _velocity(spec: Spec, ops: Ops, h: Any, s: Any, push: Any) -> Any:
    """The velocity after the step: μ·b and the push by the weight that its dampening gives."""
    if spec.dampening == "ema":
        return ops.ema(h.momentum, s.velocity, push)
    if spec.dampening == "full":
        push = (1 - h.dampening) * push
    elif spec.dampening == "late":
        whole = push
        push = ops.choose(1 - 2 * s.t, lambda: whole, lambda: (1 - h.dampening) * whole)
    return h.momentum * s.velocity + push


def special(spec: Spec) -> Iterator[Special]:
    """At μ = 0 an average is its newest value, and looking ahead sees nothing."""
    if spec.dampening in ("none", "ema"):
        yield Special("gd", {}, {"momentum": 0.0})


RULE: Final = Rule(
    name="momentum",
    title="heavy ball, b = μ·b + g and θ - α·b (Polyak 1964)",
    source="Polyak 1964; Nesterov 1983; Sutskever, Martens, Dahl, Hinton 2013",
    initial=momentum_state,
    step=momentum,
    clocks=("t",),
    reads=("momentum",),
    switches={
        **VELOCITY,
        "dampening": {
            "none": Word("the gradient enters the velocity whole"),
            "late": Word(
                "it enters with weight 1-τ from the second step on, whole at the first",
                ("dampening",),
            ),
            "full": Word("it enters with weight 1-τ at every step", ("dampening",)),
            "ema": Word("it enters with weight 1-μ: the velocity is an average"),
        },
        **SHARED,
    },
    aliases={"momentum": {}, "nesterov": {"nesterov": "yes"}},
    needs=(Needs({"nesterov": "yes"}, {"dampening": "none"}, "nesterov=no"),),
    special=special,
    scale_free=False,
    theorems=(
        "momentum-quadratic",
        "linear-scaling",
    ),
)
