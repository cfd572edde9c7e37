"""RMSProp (Tieleman & Hinton 2012), plain, centred, corrected, with a velocity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import (
    Needs,
    Ops,
    Rule,
    Special,
    Step,
    Word,
    accumulated,
    descended,
    divisor,
    moved,
)
from adamcheck.rules.words import ACCUMULATOR, EPS, SHARED, VELOCITY

if TYPE_CHECKING:
    from adamcheck.spec import Spec


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


def special(spec: Spec) -> Iterator[Special]:
    """At μ = 0 the velocity is the step."""
    if spec.momentum == "yes":
        plain = {"momentum": "no", "nesterov": "no", "form": "outside"}
        yield Special("rmsprop", plain, {"momentum": 0.0})


RULE: Final = Rule(
    name="rmsprop",
    title="RMSProp, θ - α·g/(√v+ε) with v an average of g² (Tieleman & Hinton 2012)",
    source="Tieleman & Hinton 2012, lecture 6.5; Graves 2013, arXiv:1308.0850",
    initial=rmsprop_state,
    step=rmsprop,
    clocks=("t", "p2"),
    late=("velocity",),
    reads=("beta2",),
    proposed={"beta2": 0.9},
    switches={
        "eps": {word: EPS[word] for word in ("outside", "inside", "none")},
        "bias_correction": {"none": Word("v as it is"), "v": Word("v̂ = v/(1-β2^t)")},
        "centered": {"no": Word("√v"), "yes": Word("√(v-m²): the mean's square is taken off")},
        "momentum": {
            "no": Word("no velocity"),
            "yes": Word("b = μ·b + g/(√v+ε) and θ - α·b", ("momentum",)),
        },
        **VELOCITY,
        "accumulator": ACCUMULATOR,
        **SHARED,
    },
    aliases={"rmsprop": {}},
    needs=(Needs({"momentum": "no"}, {"nesterov": "no", "form": "outside"}, "momentum=yes"),),
    # its average has a name of its own in every library
    words={
        "beta2": ("decay", "gamma", "alpha"),
        "initial_accumulator": ("initial_scale",),
    },
    special=special,
    theorems=(
        "rmsprop-bound",
        "power-of-two",
    ),
)
