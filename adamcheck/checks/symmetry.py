"""Laws that hold bit for bit in any fixed order of IEEE operations."""

from __future__ import annotations

import numpy as np

from adamcheck.adversaries.lives import lengths
from adamcheck.checks.lab import Account, Array, Lab, Skip
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import check
from adamcheck.rules import RULES


def _mild(lab: Lab, salt: str, *, steps: int = 24, n: int = 64) -> Array:
    rng = lab.rng(salt)
    if lab.fmt.short_ranged:  # no cancellation: m must stay normal at every scale
        steady: Array = rng.uniform(0.5, 4.0, (steps, n)) * rng.choice((-1.0, 1.0), n)
        return steady
    grads = rng.standard_normal((steps, n)) * 2.0 ** rng.integers(-3, 4, n)
    kept: Array = np.where(np.abs(grads) < 2.0**-6, 2.0**-6, grads)
    return kept


def _scalable(lab: Lab) -> None:
    """Skip where the update depends on the gradient's scale by design."""
    s = lab.spec
    if not RULES[s.algorithm].scale_free:
        raise Skip(f"a step of {s.algorithm} grows with the gradient's scale")
    if s.decay == "l2":
        raise Skip("L2 decay ties the gradient's scale to the parameter's")
    if s.accumulator != "zero":
        raise Skip("an initial accumulator fixes a scale")


def _powers(lab: Lab, salt: str) -> tuple[int, ...]:
    """k of some factors 2^k by which gradients may grow or shrink without leaving the range."""
    if lab.fmt.short_ranged:
        return 1, -1
    up, down, some = lab.rng(salt).integers((2, 2, 1), (33, 33, 8))
    return int(up), -int(down), int(some)


@check(
    "ADAM-SC-1",
    title="Power-of-two scaling with ε",
    law="(g, ε) → (2^k·g, 2^k·ε) leaves every bit of every θ_t as it was.",
    clause="α·m̂/(√v̂+ε)",
    theorem="power-of-two",
)
def joint_scaling(lab: Lab, account: Account) -> None:
    _scalable(lab)
    if "eps" not in lab.dyadic:
        raise Skip(f"{lab.spec} has no ε")
    # ε takes part only if it is not lost beside √v̂
    hyper = lab.altered(lab.dyadic, eps=0.25)
    powers = _powers(lab, "scale")
    for k in powers:
        hold(lab, account, lab.trajectory(_mild(lab, "scale"), hyper=hyper), "scaling", k=k)


@check(
    "ADAM-SC-2",
    title="Power-of-two scaling without ε",
    law="With ε = 0, g → 2^k·g leaves every bit of every θ_t as it was.",
    clause="α·m̂/√v̂",
    theorem="power-of-two",
)
def pure_scaling(lab: Lab, account: Account) -> None:
    _scalable(lab)
    if "eps_root" in lab.dyadic:
        raise Skip("a second ε stays where the first is 0")
    trajectory = lab.trajectory(_mild(lab, "pure"), hyper=lab.altered(lab.dyadic, eps=0.0))
    if refusal := lab.refusal(trajectory):
        raise Skip(f"the target does not take ε = 0 ({refusal})")
    powers = _powers(lab, "pure")
    for k in powers:
        hold(lab, account, trajectory, "scaling", k=k)
    hold(lab, account, trajectory)


@check(
    "ADAM-SC-3",
    title="A scale that changes during the run",
    law="Gradients that become 2^k times as large or as small during the run move θ as the rule"
    " says: the moments remember the old scale.",
    clause="m and v across a change of scale",
    theorem="scaling",
)
def changing_scale(lab: Lab, account: Account) -> None:
    most = 5 if lab.fmt.short_ranged else 24
    drawn = lengths(lab.rng("jump size"), most, 4).tolist()
    powers = (0, *drawn, *(-k for k in drawn))
    steady = _mild(lab, "jump", steps=48, n=8)
    for hyper in (lab.dyadic, lab.altered(lab.dyadic, eps=0.25)):
        grads = np.concatenate([steady * 2.0**k for k in powers], axis=1)
        grads[:24] = np.tile(steady[:24], (1, len(powers)))
        hold(lab, account, lab.trajectory(grads, hyper=hyper))


@check(
    "ADAM-SC-4",
    title="Linear rules are linear",
    law="From θ0 = 0 gradients times 2^k move every parameter exactly 2^k times as far: a gradient"
    " is neither clipped nor normalised.",
    clause="whole update",
    theorem="linear-scaling",
    algorithms=("gd", "momentum"),
)
def linear_rule(lab: Lab, account: Account) -> None:
    if lab.spec.algorithm not in ("gd", "momentum"):
        raise Skip(f"{lab.spec.algorithm} is not linear in its gradients")
    powers = _powers(lab, "linear")
    for k in powers:
        trajectory = lab.trajectory(_mild(lab, "linear"), hyper=lab.dyadic)
        hold(lab, account, trajectory, "linear", k=k)
        hold(lab, account, trajectory)


@check(
    "ADAM-SF-1",
    title="Sign flip",
    law="Negated gradients and parameters give exactly negated parameters.",
    clause="whole update",
    theorem="sign-flip",
)
def sign_flip(lab: Lab, account: Account) -> None:
    theta0 = lab.rng("flip").uniform(-1.0, 1.0, 64)
    for hyper in (lab.dyadic, lab.ordinary):
        hold(lab, account, lab.trajectory(_mild(lab, "flip"), theta0, hyper=hyper), "sign flip")


@check(
    "ADAM-LR-1",
    title="α = 0 moves nothing",
    law="With α = 0 the parameters keep every bit.",
    clause="α",
    theorem="hyperparameter-liveness",
)
def no_learning(lab: Lab, account: Account) -> None:
    if lab.spec.decay == "decoupled-unscaled":
        raise Skip("decay that is not scaled by α moves θ at α = 0")
    trajectory = lab.trajectory(
        _mild(lab, "zero-lr"), lab.rng("zero-lr").uniform(-2.0, 2.0, 64),
        hyper=lab.altered(lab.dyadic, lr=0.0),
    )  # fmt: skip
    if refusal := lab.refusal(trajectory):
        raise Skip(f"the target does not take α = 0 ({refusal})")
    hold(lab, account, trajectory, "unchanged", why="α = 0 moves the parameter")


@check(
    "ADAM-DT-1",
    title="Same input, same bits",
    law="The same run twice gives the same bits.",
    clause="whole update",
    theorem="elementwise",
)
def deterministic(lab: Lab, account: Account) -> None:
    wide = lab.rng("twice").standard_normal((6, 4097))
    hold(lab, account, lab.trajectory(wide), "same bits")
    hold(lab, account, lab.trajectory(_mild(lab, "twice")), "same bits")
