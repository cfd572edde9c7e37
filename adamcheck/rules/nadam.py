"""NAdam (Dozat 2016)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import Ops, Rule, Special, Step, Word, descended, divisor, moved
from adamcheck.rules.words import BOTH_BETAS, EPS, SHARED

if TYPE_CHECKING:
    from adamcheck.spec import Spec


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


def special(spec: Spec) -> Iterator[Special]:
    """At β1 = 0 NAdam is RMSProp with bias correction."""
    if spec.eps == "outside" or spec.schedule == "constant":
        yield Special("rmsprop", {"bias_correction": "v"}, {"beta1": 0.0})


RULE: Final = Rule(
    name="nadam",
    title="NAdam, Nesterov's look-ahead on m̂ (Dozat 2016)",
    formula="θ - α·(c·m + (1-μ_t)·g/(1-Πμ))/(√v̂+ε), c = μ_{t+1}/(1-Πμ·μ_{t+1}) (Dozat 2016)",
    source="Dozat 2016, ICLR workshop",
    initial=nadam_state,
    step=nadam,
    clocks=("p1", "p2", "d", "q"),
    reads=BOTH_BETAS,
    proposed={"momentum_decay": 0.004},
    switches={
        "eps": {word: EPS[word] for word in ("outside", "hat", "inside", "both", "none")},
        "schedule": {
            "constant": Word("μ_t = β1"),
            "momentum-decay": Word(
                "μ_t = β1·(1-0.96^(ψt)/2) with ψ the hyperparameter momentum_decay",
                ("momentum_decay",),
            ),
            "0.96^(t/250)": Word("μ_t = β1·(1-0.96^(t/250)/2)"),
            "0.96^t": Word("μ_t = β1·(1-0.96^t/2)"),
        },
        "lookahead": {
            "yes": Word("m is weighted and corrected with the next step's momentum"),
            "no": Word("m is weighted and corrected with this step's momentum"),
        },
        **SHARED,
    },
    aliases={"nadam": {}},
    special=special,
    theorems=(
        "nadam-bound",
        "power-of-two",
    ),
)
