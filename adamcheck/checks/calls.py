"""Calls that users make: without gradients, by a closure, at a rate that changes, in groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.checks.options import couplings
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Array, Context, Meaning, Skip
from adamcheck.properties.envelope import first_fit
from adamcheck.properties.exactly import state_after
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

_STEPS: Final = 12


@check(
    "ADAM-NG-1",
    title="Calls without gradients, and with a closure",
    law="A step in which a parameter has no gradient, or none has one, leaves it where it is; then"
    " it goes on as if nothing had been called (a count that advances, or a gradient of zero that"
    " moves it on, is named). Gradients that a closure sets give the bits of those set before.",
    clause="t, m, v",
    theorem="closed-form",
    needs=("stepwise",),
    floor=SWALLOWED,
)
def no_gradients(context: Context, account: Account) -> None:
    rng, size = context.rng("no gradient"), 8
    grads = rng.standard_normal((_STEPS, size))
    # first gradients and averages whose moments are exact: the state at a gap is known
    grads[:EXACT] = rng.choice((-1.0, 1.0), (EXACT, size))
    hyper = context.altered(context.dyadic, beta1=0.5, beta2=0.5, momentum=0.5)
    late = int(rng.integers(2, EXACT + 1))
    base = context.trajectory(grads, hyper=hyper)
    shown = (
        context.able("moments") and state_after(context, context.spec, hyper, grads[:late]) is None
    )
    for gaps in ((0,), (1,), (late, late + 1)):  # the first of them needs no state
        present = np.ones((_STEPS, 1), bool)
        present[list(gaps)] = False
        _hold(context, account, replace(base, present=present, moments=shown and 0 not in gaps))
    # averages that remember longer show in few digits how far a count has gone
    present = np.ones((_STEPS, 1), bool)
    present[0] = False
    _hold(context, account, replace(base, hyper=context.dyadic, present=present))
    if context.able("many", "missing"):
        present = np.ones((_STEPS, 3), bool)
        present[late, 0] = present[1:4, 1] = False
        if not account.refused:  # and a call in which none has one
            present[[1, late], 2] = present[late, 1] = False
        several = replace(base, theta0=base.theta0 * 3, grads=base.grads * 3, present=present)
        _hold(context, account, replace(several, moments=shown))
    for kind, what in _NAMED.items():
        meant = account.meant.get(kind, (Meaning.NOTHING,))
        if Meaning.NOTHING not in meant:
            context.note("empty-call", f"{what} {' or '.join(_MEANINGS[one] for one in meant)}")
    if context.able("closure"):
        hold(context, account, replace(base, closure=True), "same bits")


EXACT: Final = 5
"""Steps of gradients of ±1 after which averages at β = 1/2 are numbers of every format."""
_NAMED: Final = {
    "empty": "a call without a gradient",
    "beside": "a missing gradient beside those of others",
}
_MEANINGS: Final = {
    Meaning.COUNTED: "advances the step count",
    Meaning.ZERO: "is one of zero: θ coasts on",
}


def _hold(context: Context, account: Account, trajectory: Trajectory) -> None:
    hold(context, account, trajectory, "no gradient", meant=dict(account.meant))


@check(
    "ADAM-CR-1",
    title="A rate that changes",
    law="Where α changes from step to step, assigned, as a schedule or in an array that holds it,"
    " every step has its own α; m, v and t go on as if it had not changed, the array keeps what is"
    " in it, and a schedule goes on after a reload.",
    clause="α",
    theorem="closed-form",
    needs=("stepwise",),
    floor=SWALLOWED,
)
def changing_rate(context: Context, account: Account) -> None:
    paces = [pace for pace in ("assigned", "scheduled", "refilled") if context.able(pace)]
    if not paces or not context.may(lr=2.0 * context.dyadic["lr"]):
        raise Skip("the target's α cannot be changed between steps, or not in a way that is known")
    for pace in paces:
        for salt in ("every step", "in stretches"):
            hold(context, account, _paced(context, pace, salt))
        decayed = _decayed(context, pace)
        if decayed is not None:
            hold(context, account, decayed[0], spec=decayed[1])
        if pace == "scheduled" and context.able("state"):
            hold(context, account, replace(_paced(context, pace, "every step"), reload_after=5),
                 "reload")  # fmt: skip


def _rates(context: Context, salt: str, steps: int) -> Array:
    """α of every step: few digits, so that each format holds it; 0 among them."""
    rng, usual = context.rng(f"rates {salt}"), context.dyadic["lr"]
    rates = usual * rng.integers(1, 8, steps) * np.exp2(-rng.integers(0, 4, steps))
    if context.may(lr=0.0):
        rates[rng.integers(1, steps - 1)] = 0.0
    if salt == "in stretches":  # as schedules of plateaus have them
        rates = rates[np.sort(rng.integers(0, 4, steps))]
    return np.asarray(rates)


def _paced(context: Context, pace: str, salt: str) -> Trajectory:
    grads = context.rng("paced").standard_normal((_STEPS, 16))
    plain = context.trajectory(grads, hyper=context.dyadic)
    return replace(plain, lrs=_rates(context, salt, _STEPS), pace=pace)


def _decayed(context: Context, pace: str) -> tuple[Trajectory, Spec] | None:
    """The same with weight decay, under the coupling that the target was found to follow."""
    if "weight_decay" not in context.description.hyperparameters:
        return None
    plain = _paced(context, pace, "every step")
    theta0 = context.cast(np.where(np.arange(16) % 2 == 0, 1.0, -1.0))
    hyper = context.extended(plain.hyper, {"weight_decay": 0.0625})
    steady = replace(plain, theta0=(theta0,), hyper=hyper, lrs=None, pace="rebuilt")
    found = first_fit(context, Account(), steady, couplings(context.spec))
    if found is None:
        context.note("not-asked", f"ADAM-CR-1: no weight decay: {_NO_COUPLING}")
        return None
    return replace(steady, lrs=plain.lrs, pace=pace), found


_NO_COUPLING: Final = "no coupling of it that is known fits (ADAM-WD-1)"


_GROUPS: Final[tuple[dict[str, float], ...]] = (
    {},
    {"lr": 0.25},
    {"lr": 2.0, "beta1": 0.75, "eps": 4.0},
    {"beta1": 0.5, "beta2": 0.25, "momentum": 0.25},
    {"lr": 0.5, "beta2": 0.9375, "eps": 0.25, "weight_decay": 0.125},
)
"""Hyperparameters of groups; α and ε as factors of the usual ones, averages so far from them that
few digits tell them apart."""


@check(
    "ADAM-PG-1",
    title="Parameter groups",
    law="Parameters in groups with α, β, ε and λ of their own follow those, and the defaults in"
    " everything that their group does not say.",
    clause="α, β1, β2, ε, λ",
    theorem="elementwise",
    needs=("groups", "many"),
    floor=SWALLOWED,
)
def parameter_groups(context: Context, account: Account) -> None:
    rng, usual = context.rng("groups"), context.dyadic
    wanted = ((5,), (2, 3), (5,), (4,), (5,), (1,))
    few = (max(6, context.declared.least_size),)
    shapes = [shape if context.declared.takes(shape) else few for shape in wanted]
    base = context.trajectory(rng.standard_normal((_STEPS, 5)), hyper=usual)
    trajectory = replace(
        base,
        theta0=tuple(context.cast(rng.uniform(-1.0, 1.0, shape)) for shape in shapes),
        grads=tuple(context.cast(rng.standard_normal((_STEPS, *shape))) for shape in shapes),
    )
    drawn = rng.permutation(len(_GROUPS))
    order = (drawn[0], *drawn)
    plain = tuple(_scaled(context, usual, _GROUPS[k]) for k in order)
    differ = _differ(plain, usual)
    if differ:
        hold(context, account, replace(trajectory, groups=plain), "groups")
    decays = "weight_decay" in context.description.hyperparameters and "weight_decay" not in usual
    hyper = context.extended(usual, {"weight_decay": 0.0625}) if decays else usual
    own = tuple(_scaled(context, hyper, _GROUPS[k]) for k in order)
    if not differ and not _differ(own, hyper):
        raise Skip(_NO_GROUPS)
    if not decays:
        return
    steady = replace(trajectory, hyper=hyper)
    found = first_fit(context, Account(), steady, couplings(context.spec))
    if found is not None:
        # beside a decay that all have, and as the only ones that have any
        for default in (hyper, context.extended(usual, {"weight_decay": 0.0})):
            several = replace(trajectory, hyper=default, groups=own)
            hold(context, account, several, "groups", spec=found)
        return
    context.note("not-asked", f"ADAM-PG-1: no weight decay of a group: {_NO_COUPLING}")
    if not differ:
        raise Skip(f"{_NO_GROUPS} but weight decay, and {_NO_COUPLING}")


_NO_GROUPS: Final = "no hyperparameter of a group may be set"


def _scaled(context: Context, usual: dict[str, float], own: dict[str, float]) -> dict[str, float]:
    """What a group says, of what the rule reads and the target lets be set."""
    wanted = {n: usual[n] * x if n in ("lr", "eps") else x for n, x in own.items() if n in usual}
    return {n: x for n, x in wanted.items() if context.may(**{n: x})}


def _differ(groups: tuple[dict[str, float], ...], usual: dict[str, float]) -> bool:
    """Whether a group says anything but what holds without it."""
    return any(x != usual[name] for own in groups for name, x in own.items())
