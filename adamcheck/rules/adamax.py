"""AdaMax (Kingma & Ba 2015, Algorithm 2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import Ops, Rule, Special, Step, Word, descended, moved, power_before
from adamcheck.rules.words import BOTH_BETAS, FIRST_T, SHARED

if TYPE_CHECKING:
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


def special(spec: Spec) -> Iterator[Special]:
    """With β1 = β2 = 0 it divides the gradient by |g| + ε, as Adam does."""
    if spec.eps in ("outside", "gradient") and spec.first_t == "1":
        yield Special("adam", {"eps": "outside"}, {"beta1": 0.0, "beta2": 0.0})


RULE: Final = Rule(
    name="adamax",
    title="AdaMax, u = max(β2·u, |g|) and θ - α·m̂/u (Kingma & Ba 2015, Algorithm 2)",
    source="Kingma & Ba 2015, arXiv:1412.6980, §7.1",
    initial=adamax_state,
    step=adamax,
    clocks=("p1",),
    reads=BOTH_BETAS,
    proposed={"lr": 2e-3, "beta1": 0.9, "beta2": 0.999},
    switches={
        "eps": {
            "none": Word("no ε"),
            "outside": Word("α·m̂/(u+ε)"),
            "gradient": Word("u = max(β2·u, |g|+ε)"),
            "decayed": Word("u = max(β2·u+ε, |g|)"),
        },
        "bias_correction": {"m": Word("m̂ = m/(1-β1^t)"), "none": Word("m as it is")},
        "first_t": FIRST_T,
        **SHARED,
    },
    aliases={"adamax": {}},
    special=special,
    theorems=(
        "adamax-bound",
        "power-of-two",
    ),
)
