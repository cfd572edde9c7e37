"""AdaGrad (Duchi, Hazan, Singer 2011)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import Ops, Rule, Step, Word, accumulated, descended, divisor, moved
from adamcheck.rules.words import ACCUMULATOR, EPS, SHARED

if TYPE_CHECKING:
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


RULE: Final = Rule(
    name="adagrad",
    title="AdaGrad, v = Σg² and θ - α·g/(√v+ε) (Duchi, Hazan, Singer 2011)",
    source="Duchi, Hazan, Singer 2011, JMLR 12",
    initial=adagrad_state,
    step=adagrad,
    clocks=("t",),
    switches={
        "eps": {word: EPS[word] for word in ("outside", "inside", "none")},
        "lr_decay": {
            "no": Word("α is constant"),
            "yes": Word("α/(1+(t-1)·lr_decay)", ("lr_decay",)),
        },
        "accumulator": ACCUMULATOR,
        **SHARED,
    },
    aliases={"adagrad": {}},
    theorems=(
        "adagrad-bound",
        "power-of-two",
    ),
)
