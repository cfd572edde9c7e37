"""Laws that hold bit for bit in any fixed order of IEEE operations."""

from __future__ import annotations

import math

import numpy as np

from adamcheck.checks.registry import check
from adamcheck.inputs.followed import rests
from adamcheck.inputs.lives import lengths
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Array, Context, Skip
from adamcheck.rules import RULES


def _mild(context: Context, salt: str, *, steps: int = 24, n: int = 64) -> Array:
    rng = context.rng(salt)
    if context.ranged.short_ranged:  # no cancellation: m must stay normal at every scale
        steady: Array = rng.uniform(0.5, 4.0, (steps, n)) * rng.choice((-1.0, 1.0), n)
        return steady
    grads = rng.standard_normal((steps, n)) * 2.0 ** rng.integers(-3, 4, n)
    kept: Array = np.where(np.abs(grads) < 2.0**-6, 2.0**-6, grads)
    return kept


def _scalable(context: Context) -> None:
    """Skip where the update depends on the gradient's scale by design."""
    s = context.spec
    if not RULES[s.algorithm].scale_free:
        raise Skip(f"a step of {s.algorithm} grows with the gradient's scale")
    if s.decay == "l2":
        raise Skip("L2 decay ties the gradient's scale to the parameter's")
    if s.accumulator != "zero":
        raise Skip("an initial accumulator fixes a scale")


def _powers(context: Context, salt: str) -> tuple[int, ...]:
    """k of some factors 2^k by which gradients may grow or shrink without leaving the range."""
    if context.ranged.short_ranged:
        return 1, -1
    up, down, some = context.rng(salt).integers((2, 2, 1), (33, 33, 8))
    return int(up), -int(down), int(some)


@check(
    "ADAM-SC-1",
    title="Power-of-two scaling with ε",
    law="(g, ε) → (2^k·g, 2^k·ε) leaves every bit of every θ_t as it was.",
    clause="α·m̂/(√v̂+ε)",
    theorem="power-of-two",
)
def joint_scaling(context: Context, account: Account) -> None:
    _scalable(context)
    if "eps" not in context.dyadic:
        raise Skip(f"{context.spec} has no ε")
    # ε takes part only if it is not lost beside √v̂
    context.need(eps=0.25)
    hyper = context.altered(context.dyadic, eps=0.25)
    powers = _powers(context, "scale")
    square = 2 if context.spec.eps == "inside" else 1
    for k in powers:
        context.need(eps=math.ldexp(hyper["eps"], k * square))
    for k in powers:
        hold(
            context,
            account,
            context.trajectory(_mild(context, "scale"), hyper=hyper),
            "scaling",
            k=k,
        )


@check(
    "ADAM-SC-2",
    title="Power-of-two scaling without ε",
    law="With ε = 0, g → 2^k·g leaves every bit of every θ_t as it was.",
    clause="α·m̂/√v̂",
    theorem="power-of-two",
)
def pure_scaling(context: Context, account: Account) -> None:
    _scalable(context)
    if "eps_root" in context.dyadic:
        raise Skip("a second ε stays where the first is 0")
    context.need(eps=0.0)
    trajectory = context.trajectory(
        _mild(context, "pure"), hyper=context.altered(context.dyadic, eps=0.0)
    )
    if refusal := context.refusal(trajectory):
        raise Skip(f"the target does not take ε = 0 ({refusal})")
    powers = _powers(context, "pure")
    for k in powers:
        hold(context, account, trajectory, "scaling", k=k)
    hold(context, account, trajectory)


@check(
    "ADAM-SC-3",
    title="A scale that changes during the run",
    law="Gradients that become 2^k times as large or as small during the run move θ as the rule"
    " says: the moments remember the old scale.",
    clause="m and v across a change of scale",
    theorem="scaling",
)
def changing_scale(context: Context, account: Account) -> None:
    most = 5 if context.ranged.short_ranged else 24
    drawn = lengths(context.rng("jump size"), most, 4).tolist()
    powers = (0, *drawn, *(-k for k in drawn))
    steady = _mild(context, "jump", steps=48, n=8)
    for hyper in (context.dyadic, context.altered(context.dyadic, eps=0.25)):
        grads = np.concatenate([steady * 2.0**k for k in powers], axis=1)
        grads[:24] = np.tile(steady[:24], (1, len(powers)))
        hold(context, account, context.trajectory(grads, hyper=hyper))


@check(
    "ADAM-SC-4",
    title="Linear rules are linear",
    law="From θ0 = 0 gradients times 2^k move every parameter exactly 2^k times as far: a gradient"
    " is neither clipped nor normalised.",
    clause="whole update",
    theorem="linear-scaling",
    algorithms=("gd", "momentum"),
)
def linear_rule(context: Context, account: Account) -> None:
    if context.spec.algorithm not in ("gd", "momentum"):
        raise Skip(f"{context.spec.algorithm} is not linear in its gradients")
    powers = _powers(context, "linear")
    for k in powers:
        trajectory = context.trajectory(_mild(context, "linear"), hyper=context.dyadic)
        hold(context, account, trajectory, "linear", k=k)
        hold(context, account, trajectory)


@check(
    "ADAM-SF-1",
    title="Sign flip",
    law="Negated gradients and parameters give exactly negated parameters.",
    clause="whole update",
    theorem="sign-flip",
)
def sign_flip(context: Context, account: Account) -> None:
    theta0 = context.rng("flip").uniform(-1.0, 1.0, 64)
    for hyper in (context.dyadic, context.ordinary):
        hold(
            context,
            account,
            context.trajectory(_mild(context, "flip"), theta0, hyper=hyper),
            "sign flip",
        )


@check(
    "ADAM-LR-1",
    title="α = 0 moves nothing",
    law="With α = 0 the parameters keep every bit.",
    clause="α",
    theorem="hyperparameter-liveness",
)
def no_learning(context: Context, account: Account) -> None:
    if context.spec.decay == "decoupled-unscaled":
        raise Skip("decay that is not scaled by α moves θ at α = 0")
    if context.spec.decay == "l2" and not rests(context.spec, context.dyadic):
        raise Skip("without ε a gradient that the decay happens to cancel is 0/0")
    context.need(lr=0.0)
    trajectory = context.trajectory(
        _mild(context, "zero-lr"), context.rng("zero-lr").uniform(-2.0, 2.0, 64),
        hyper=context.altered(context.dyadic, lr=0.0),
    )  # fmt: skip
    if refusal := context.refusal(trajectory):
        raise Skip(f"the target does not take α = 0 ({refusal})")
    hold(context, account, trajectory, "unchanged", why="α = 0 moves the parameter")


@check(
    "ADAM-DT-1",
    title="Same input, same bits",
    law="The same run twice gives the same bits.",
    clause="whole update",
    theorem="elementwise",
)
def deterministic(context: Context, account: Account) -> None:
    wide = context.rng("twice").standard_normal((6, 4097))
    hold(context, account, context.trajectory(wide), "same bits")
    hold(context, account, context.trajectory(_mild(context, "twice")), "same bits")
