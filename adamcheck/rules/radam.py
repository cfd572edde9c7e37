"""RAdam (Liu et al. 2020)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import Ops, Rule, Special, Step, Word, descended, divisor, moved
from adamcheck.rules.words import BOTH_BETAS, EPS, SHARED

if TYPE_CHECKING:
    from adamcheck.spec import Spec


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


def special(spec: Spec) -> Iterator[Special]:
    """At β1 = 0 RAdam is gradient descent as long as its average is too short to divide by."""
    beta2 = Fraction(31, 32)
    longest, t = 2 / (1 - beta2) - 1, 1
    while longest - 2 * t * beta2**t / (1 - beta2**t) <= int(spec.cut):
        t += 1
    yield Special("gd", {}, {"beta1": 0.0, "beta2": float(beta2)}, steps=t - 1)


RULE: Final = Rule(
    name="radam",
    title="RAdam, the step rectified once the average is long enough (Liu et al. 2020)",
    formula="θ - α·r_t·m̂/(√v̂+ε) where ρ_t > cut, θ - α·m̂ before (Liu et al. 2020)",
    source="Liu et al. 2020, arXiv:1908.03265",
    initial=radam_state,
    step=radam,
    clocks=("t", "p1", "p2"),
    reads=BOTH_BETAS,
    switches={
        "eps": {word: EPS[word] for word in ("outside", "hat", "inside", "both", "none")},
        # the adaptive step is taken where the length ρ_t of the average exceeds the cut
        "cut": {"5": Word("rectified where ρ_t > 5"), "4": Word("rectified where ρ_t > 4")},
        **SHARED,
    },
    aliases={"radam": {}},
    special=special,
    scale_free=False,  # its first steps are those of gradient descent
    theorems=(
        "family",
        "sign-flip",
    ),
)
