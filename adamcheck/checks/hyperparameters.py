"""Hyperparameters do what they say, and senseless ones are refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from adamcheck.checks.draws import choices, life
from adamcheck.checks.registry import check
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Context, Skip, TargetTrouble
from adamcheck.spec.hyperparameters import HYPERPARAMETERS
from adamcheck.targets.protocol import Failure, Trajectory


@check(
    "ADAM-HP-1",
    title="Each hyperparameter is alive",
    law="Changing α, β1, β2 or ε, one of them or all at once and as far as anybody goes, changes"
    " the result exactly as the rule says: .999 is not .9999.",
    clause="α, β1, β2, ε",
    theorem="hyperparameter-liveness",
)
def alive(context: Context, account: Account) -> None:
    rng = context.rng("alive")
    grads = rng.standard_normal((20, 24)) * 2.0 ** rng.integers(-2, 3, 24)
    usual = context.dyadic
    narrow = context.fmt.narrow or context.ranged.short_ranged
    changes: tuple[dict[str, float], ...] = (
        {"lr": 3.0 * usual["lr"]},
        {"beta1": 0.0},
        {"beta2": 0.0},
        {"beta1": 0.875, "beta2": 0.875},
        {"beta1": 0.96875, "beta2": 0.75},
        {"eps": 1.0},
        {"beta2": 0.999, "beta1": 0.9},
        {"beta2": 0.9999},
        {"lr": 1.0 if narrow else 3e-4, "eps": 1e-3},
        {"lr": 64.0},
        {"beta1": 1.0 - 2.0**-10},
        {"beta2": 1.0 - 2.0**-20},
        {"momentum": 0.0},
        {"momentum": 1.0 - 2.0**-10},
        {"dampening": 0.0},
        {"dampening": 1.0 - 2.0**-7},
        {"lr_decay": 1.0},
        {"initial_accumulator": 2.0},
    )
    for change in changes:
        if not change.keys() <= usual.keys():
            continue
        if not _distinct(context, change):
            asked = ", ".join(f"{name} {value:.6g}" for name, value in change.items())
            context.note(
                "not-asked", f"no change to {asked}: the format cannot tell it from others"
            )
            continue
        if context.declared.denied(change):
            continue
        trajectory = context.trajectory(grads, hyper=usual | change)
        if not context.unspoken(trajectory):
            hold(context, account, trajectory)
    for k, hyper in enumerate(choices(context, context.profile.hypers, "alive")):
        lived = life(context, hyper, 20, 48, f"alive {k}")
        trajectory = context.trajectory(lived, hyper=hyper)
        if not context.unspoken(trajectory):
            hold(context, account, trajectory)


def _distinct(context: Context, change: dict[str, float]) -> bool:
    """False where the format cannot tell β from 1 or from its neighbours: bfloat16(0.999) is 1."""
    weights = [n for n in change if HYPERPARAMETERS[n].role == "average"]
    held = {n: context.coarsest.rounded(change[n]) for n in weights}
    return all(abs(held[n] - change[n]) <= (1.0 - change[n]) / 4.0 for n in held)


@check(
    "ADAM-HP-2",
    title="Hyperparameters out of range are refused",
    law="A target that refuses some senseless hyperparameters refuses all of them; one that refuses"
    " none makes no promise, and that is a finding.",
    clause="0 ≤ β1, β2 < 1, α ≥ 0, ε ≥ 0",
    theorem="hyperparameter-liveness",
)
def refused(context: Context, account: Account) -> None:
    grads = np.ones((2, 3))
    taken: list[tuple[str, float, Trajectory]] = []
    promised = False
    # a decay is refused even where the spec has none and leaves it at 0
    read = context.description.hyperparameters & {*context.dyadic, "weight_decay"}
    read -= context.declared.fixed.keys()
    known = [one for name, one in HYPERPARAMETERS.items() if name in read]
    for name, value in [(one.name, x) for one in known for x in one.refused]:
        trajectory = context.trajectory(grads, hyper=context.dyadic | {name: value})
        trace = context.attempt(trajectory)
        account.examples += 1
        if trace.failure is None:
            taken.append((name, value, trajectory))
        elif trace.failure.kind not in ("raised", "exited"):
            hold(context, account, trajectory, "refused", what=f"{name}={value:g}")
        promised = promised or (trace.failure is not None and _meant(trace.failure))
    if not taken:
        return
    listed = ", ".join(f"{name}={value:g}" for name, value, _ in taken)
    if not promised:
        context.note("no-validation", f"accepts senseless hyperparameters without a word: {listed}")
        return
    gating = [t for t in taken if not math.isnan(t[1])]
    if not gating:
        context.note("nan-accepted", f"refuses senseless hyperparameters, but takes {listed}")
        return
    what = f"{listed}, although it refuses other senseless hyperparameters"
    hold(context, account, gating[0][2], "refused", what=what)


def _meant(failure: Failure) -> bool:
    """A refusal while it is built; in a step, or by arithmetic, it may be 1/(1-β) at β = 1."""
    arithmetic = ("ZeroDivisionError", "OverflowError", "FloatingPointError", "ArithmeticError")
    return failure.step == 0 and failure.type not in arithmetic


@check(
    "ADAM-HP-3",
    title="Gradients of another shape are refused",
    law="A gradient with another number of elements is refused, not cut or repeated in silence; one"
    " that broadcasting or reshaping makes sense of is refused, or named in a finding.",
    clause="interface",
    theorem="elementwise",
    needs=("stepwise",),
)
def other_shape(context: Context, account: Account) -> None:
    if "layouts" not in context.description.abilities:
        raise Skip("the library makes its own arrays of the gradients")
    if context.declared.least_size > 6:
        raise Skip("the law is stated for a parameter of six elements")
    theta = context.cast(np.linspace(0.5, 1.5, 6))
    for shape in ((12,), (5,), (7,), (2, 3), (1,), (6, 1)):
        base = context.trajectory(np.ones((1, 6)), hyper=context.dyadic)
        trajectory = replace(base, theta0=(theta,), grads=(context.cast(np.ones((1, *shape))),))
        trace = context.attempt(trajectory)
        account.examples += 1
        if trace.failure is not None:
            if trace.failure.kind in ("raised", "exited"):
                continue
            if trace.failure.kind != "protocol":  # a crash is no refusal
                raise TargetTrouble(trace.failure)
        # what broadcasting or reshaping makes sense of, whatever shape comes back
        if shape in ((2, 3), (1,), (6, 1)):
            context.note(
                "shape-broadcast", f"takes a gradient of shape {shape} for a parameter (6,)"
            )
            continue
        what = f"a gradient of shape {shape} for a parameter of shape (6,)"
        hold(context, account, trajectory, "refused", what=what)
