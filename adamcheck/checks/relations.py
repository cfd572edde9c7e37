"""Special cases in which one rule is another: the target is held against the other rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from adamcheck.checks.lab import Account, Array, Lab, Skip
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import check
from adamcheck.spec import CONVENTIONS, Spec

_WITH_EPS = ("outside", "gradient")
"""Forms of AdaMax's ε that are |g| + ε at β2 = 0."""


@dataclass(frozen=True)
class Special:
    """Where ``change`` holds, the claimed rule is ``other``; on growing |g| alone where said."""

    other: Spec
    change: dict[str, float] = field(default_factory=dict)
    growing: bool = False
    steps: int = 32


def _as(algorithm: str, spec: Spec, **switches: str) -> Spec | None:
    """The other algorithm with the claimed spec's conventions; None where it has no such word."""
    words = CONVENTIONS[algorithm]
    shared = {
        name: getattr(spec, name)
        for name in ("eps", "decay", "maximize", "scalars")
        if name in words and name in CONVENTIONS[spec.algorithm]
    }
    asked = shared | switches
    if any(word not in words[name] for name, word in asked.items()):
        return None
    return Spec(algorithm).with_(**asked)


def special_cases(spec: Spec) -> Iterator[Special]:
    """The special cases of a rule that are another rule (special-cases, amsgrad-growing)."""
    if spec.decay != "none":
        yield Special(spec.with_(decay="none"), {"weight_decay": 0.0})
    if spec.algorithm == "adam":
        yield from _of_adam(spec)
    elif spec.algorithm == "momentum" and spec.dampening in ("none", "ema"):
        # at μ = 0 an average is its newest value, and looking ahead sees nothing
        other = _as("gd", spec)
        if other is not None:
            yield Special(other, {"momentum": 0.0})
    elif spec.algorithm == "rmsprop" and spec.momentum == "yes":
        plain = spec.with_(momentum="no", nesterov="no", form="outside")
        yield Special(plain, {"momentum": 0.0})
    elif spec.algorithm == "nadam" and (spec.eps == "outside" or spec.schedule == "constant"):
        other = _as("rmsprop", spec, bias_correction="v")
        if other is not None:
            yield Special(other, {"beta1": 0.0})
    elif spec.algorithm == "adamax" and spec.eps in _WITH_EPS and spec.first_t == "1":
        # with β1 = β2 = 0 both divide the gradient by |g| + ε
        other = _as("adam", spec, eps="outside")
        if other is not None:
            yield Special(other, {"beta1": 0.0, "beta2": 0.0})
    elif spec.algorithm == "radam":
        beta2 = 0.96875
        other = _as("gd", spec)
        if other is not None:
            steps = _unrectified(Fraction(beta2), int(spec.cut))
            yield Special(other, {"beta1": 0.0, "beta2": beta2}, steps=steps)


def _of_adam(spec: Spec) -> Iterator[Special]:
    if spec.first_t != "1":
        return
    corrected = "v" if spec.bias_correction in ("both", "v") else "none"
    if spec.amsgrad == "none" and spec.eps in ("outside", "inside"):
        other = _as("rmsprop", spec, bias_correction=corrected)
        if other is not None:
            yield Special(other, {"beta1": 0.0})
    if spec.amsgrad != "none" and spec.decay == "none" and spec.eps != "max":
        yield Special(spec.with_(amsgrad="none"), growing=True)


def _unrectified(beta2: Fraction, cut: int) -> int:
    """The last step at which RAdam's average is too short to divide by."""
    longest, t = 2 / (1 - beta2) - 1, 1
    while longest - 2 * t * beta2**t / (1 - beta2**t) <= cut:
        t += 1
    return t - 1


def _gradients(lab: Lab, case: Special) -> Array:
    rng = lab.rng("special")
    if not case.growing:
        # one sign, and less than twice or half the last one: then m + 1·(g - m) is g exactly, as
        # g - m is (Sterbenz 1974), and no honest order is off where the other rule has no m
        walk = np.cumsum(rng.uniform(-0.5, 0.5, (case.steps, 48)), axis=0)
        steady: Array = 2.0 ** np.clip(walk, -4.0, 4.0) * rng.choice((-1.0, 1.0), 48)
        return steady
    # a quarter larger at every step: no rounding lets v fall
    sizes = 1.25 ** np.arange(24.0)[:, None] * 2.0 ** rng.integers(-5, -2, 48)
    grown: Array = sizes * rng.choice((-1.0, 1.0), sizes.shape)
    return grown


@check(
    "ADAM-RL-1",
    title="Special cases are other rules",
    law="Adam at β1 = 0 is RMSProp, AMSGrad on growing |g| is Adam, momentum at μ = 0 is gradient"
    " descent, AdamW at λ = 0 is Adam, and so on: the target follows the other rule there.",
    clause="whole update",
    theorem="special-cases",
)
def special(lab: Lab, account: Account) -> None:
    cases = list(special_cases(lab.spec))
    takes = lab.description.flags
    s = lab.spec
    plain = s.algorithm == "adam" and s.amsgrad == s.decay == "none" and s.eps != "max"
    if plain and "amsgrad" in takes:
        cases.append(Special(lab.spec, growing=True))
    refusals = []
    for case in cases:
        hyper = lab.altered(lab.dyadic, **case.change)
        grads = _gradients(lab, case)
        theta0 = lab.rng("special start").uniform(-1.0, 1.0, grads.shape[1])
        trajectory = lab.trajectory(grads, theta0, hyper=hyper)
        if case.growing and lab.spec.amsgrad == "none":
            flags = trajectory.flags | {"amsgrad"}
            trajectory = lab.trajectory(grads, theta0, hyper=hyper, flags=flags)
        if case.change and lab.refusal(trajectory):
            refusals.append(", ".join(f"{n} = {x:g}" for n, x in case.change.items()))
            continue
        hold(lab, account, trajectory, spec=case.other)
    if not cases:
        raise Skip(f"no special case of {lab.spec} is another rule")
    if len(refusals) == len(cases):
        raise Skip(f"the target does not take {' or '.join(refusals)}")
