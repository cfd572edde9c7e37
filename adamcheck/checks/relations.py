"""Special cases in which one rule is another: the target is held against the other rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from adamcheck.checks.draws import cancelling
from adamcheck.checks.registry import check
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Array, Context, Skip
from adamcheck.rules import RULES, Special
from adamcheck.spec import CONVENTIONS, Spec


@dataclass(frozen=True)
class Case:
    """A special case: where the claimed rule is ``other`` (see Special)."""

    other: Spec
    change: Mapping[str, float] = field(default_factory=dict)
    growing: bool = False
    steps: int = 32


def _as(spec: Spec, special: Special) -> Spec | None:
    """The other rule with the claimed spec's conventions; None where it has no such word."""
    if special.algorithm == spec.algorithm:
        return spec.with_(**special.switches)
    if spec.stored.keys() & {
        "moments",
        "m",
        "bits",
    }:  # a moment that the other rule has not is rounded
        return None
    words = CONVENTIONS[special.algorithm]
    shared = {
        name: getattr(spec, name)
        for name in ("eps", "decay", "maximize", "scalars")
        if name in words and name in spec.switches
    }
    asked = shared | dict(special.switches)
    if any(word not in words[name] for name, word in asked.items()):
        return None
    return Spec(special.algorithm).with_(**asked, **spec.stored)


def special_cases(spec: Spec) -> Iterator[Case]:
    """The special cases of a rule that are another rule (special-cases, amsgrad-growing)."""
    if spec.decay != "none":
        yield Case(spec.with_(decay="none"), {"weight_decay": 0.0})
    for special in RULES[spec.algorithm].special(spec):
        other = _as(spec, special)
        if other is not None:
            yield Case(other, special.change, special.growing, special.steps)


def _gradients(context: Context, case: Case) -> Array:
    rng = context.rng("special")
    if not case.growing:
        # one sign, and less than twice or half the last one: then m + 1·(g - m) is g exactly, as
        # g - m is (Sterbenz 1974), and no honest order is off where the other rule has no m
        # in few digits the bound of v - ḡ² soon is as wide as what the swings leave of it
        steps = min(case.steps, 16) if cancelling(context) else case.steps
        walk = np.cumsum(rng.uniform(-0.9, 0.9, (steps, 48)), axis=0)
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
def special(context: Context, account: Account) -> None:
    cases = list(special_cases(context.spec))
    takes = context.description.flags
    s = context.spec
    plain = s.algorithm == "adam" and s.amsgrad == s.decay == "none" and s.eps != "max"
    if plain and "amsgrad" in takes:
        cases.append(Case(context.spec, growing=True))
    refusals = []
    for case in cases:
        if reason := context.declared.denied(case.change):
            refusals.append(reason)
            continue
        hyper = context.altered(context.dyadic, **case.change)
        grads = _gradients(context, case)
        theta0 = context.rng("special start").uniform(-1.0, 1.0, grads.shape[1])
        trajectory = context.trajectory(grads, theta0, hyper=hyper)
        if case.growing and context.spec.amsgrad == "none":
            flags = trajectory.flags | {"amsgrad"}
            trajectory = context.trajectory(grads, theta0, hyper=hyper, flags=flags)
        if case.change and context.refusal(trajectory):
            what = ", ".join(f"{n} = {x:g}" for n, x in case.change.items())
            refusals.append(f"the target does not take {what}")
            continue
        hold(context, account, trajectory, spec=case.other)
    if not cases:
        raise Skip(f"no special case of {context.spec} is another rule")
    if len(refusals) == len(cases):
        raise Skip("; ".join(dict.fromkeys(refusals)))
