"""Adam in all its dialects (Kingma & Ba 2015, Algorithm 1; AMSGrad, AdamW)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import (
    Ops,
    Rule,
    Special,
    Step,
    Word,
    descended,
    divisor,
    moved,
    power_before,
)
from adamcheck.rules.words import BOTH_BETAS, FIRST_T, SHARED

if TYPE_CHECKING:
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


def special(spec: Spec) -> Iterator[Special]:
    """At β1 = 0 Adam is RMSProp; AMSGrad is Adam as long as v grows."""
    if spec.first_t != "1":
        return
    if spec.amsgrad == "none" and spec.eps in ("outside", "inside"):
        corrected = "v" if spec.bias_correction in ("both", "v") else "none"
        yield Special("rmsprop", {"bias_correction": corrected}, {"beta1": 0.0})
    if spec.amsgrad != "none" and spec.decay == "none" and spec.eps != "max":
        yield Special("adam", {"amsgrad": "none"}, growing=True)


RULE: Final = Rule(
    name="adam",
    title="Algorithm 1 of Kingma & Ba 2015",
    formula="θ - α·m̂/(√v̂+ε) (Kingma & Ba 2015, Algorithm 1)",
    source="Kingma & Ba 2015, arXiv:1412.6980; Reddi, Kale, Kumar 2018; Loshchilov, Hutter 2019",
    initial=adam_state,
    step=adam,
    clocks=("p1", "p2"),
    reads=BOTH_BETAS,
    proposed={"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    switches={
        "eps": {
            "outside": Word("α·m̂/(√v̂+ε): ε outside the root (Kingma & Ba 2015, Algorithm 1)"),
            "hat": Word(
                "α·√(1-β2^t)/(1-β1^t)·m/(√v+ε): ε added to the uncorrected root"
                " (Kingma & Ba 2015, end of §2)"
            ),
            "inside": Word("α·m̂/√(v̂+ε): ε inside the root"),
            "both": Word("α·m̂/(√(v̂+ε_root)+ε): one ε inside and one outside", ("eps_root",)),
            "max": Word("α·m̂/max(√v̂, ε): ε as a floor"),
        },
        "bias_correction": {
            "both": Word("m̂ = m/(1-β1^t) and v̂ = v/(1-β2^t)"),
            "m": Word("only m is corrected"),
            "v": Word("only v is corrected"),
            "none": Word("neither moment is corrected"),
        },
        "decay": SHARED["decay"],
        "amsgrad": {
            "none": Word("no running maximum"),
            "v": Word("the root is taken of max v_i, corrected afterwards"),
            "vhat": Word("the root is taken of max v̂_i, each corrected before"),
        },
        "maximize": SHARED["maximize"],
        "first_t": FIRST_T,
        "scalars": SHARED["scalars"],
    },
    aliases={"adam": {}, "adamw": {"decay": "decoupled"}, "amsgrad": {"amsgrad": "v"}},
    special=special,
    theorems=(
        "step-bound",
        "constant-gradient",
        "bias",
        "amsgrad-bound",
        "adamw-bound",
    ),
)
