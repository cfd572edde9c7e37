"""Gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adamcheck.rules.language import Ops, Rule, Step, descended, moved
from adamcheck.rules.words import SHARED

if TYPE_CHECKING:
    from adamcheck.spec import Spec


def gd_state(spec: Spec, h: Any, zero: Any, one: Any) -> dict[str, Any]:
    """Gradient descent keeps nothing."""
    return {}


def gd(spec: Spec, ops: Ops, h: Any, s: Any, g: Any, theta: Any) -> Step:
    """θ - α·g."""
    update = h.lr * descended(spec, h, g, theta)
    return Step({}, moved(spec, h, theta, update), {"update": update})


RULE: Final = Rule(
    name="gd",
    title="gradient descent, θ - α·g",
    source="Cauchy 1847",
    initial=gd_state,
    step=gd,
    switches=SHARED,
    aliases={"gd": {}, "sgd": {}},
    scale_free=False,
    theorems=(
        "linear-scaling",
        "momentum-quadratic",
        "convexity",
    ),
)
