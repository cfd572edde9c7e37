"""Options of the target: weight decay, AMSGrad, maximise, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from adamcheck.checks.draws import CANCELLED, cancelling, life, values
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.properties import hold, offered
from adamcheck.properties.context import Account, Array, Context, Skip
from adamcheck.properties.envelope import first_fit
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory


def _some(context: Context, hyper: dict[str, float], salt: int) -> Array:
    laws = ("normal", "constant", "sparse", "spike", "sign-flipping", "lone")
    return context.gradients(hyper, 24, salt, laws=laws)


def _one_of(
    context: Context, account: Account, trajectory: Trajectory, specs: Sequence[Spec]
) -> Spec:
    """Hold under one of the specs that an option may mean; the first where none fits."""
    found = first_fit(context, account, trajectory, specs)
    if found is None:
        found = specs[0]
        completed = replace(trajectory, hyper=context.completed(trajectory.hyper, found))
        hold(context, account, completed, spec=found)
    return found


_SHAPES = ((), (1,), (3, 5), (2, 3, 1, 2))
"""Shapes beside a plain vector: libraries leave scalars, biases or matrices out of an option."""


def _shaped(
    context: Context, account: Account, hyper: dict[str, float], flags: frozenset[str], spec: Spec
) -> None:
    """The same options on other shapes."""
    rng = context.rng("shaped")
    for shape in _SHAPES:
        grads, theta0 = rng.standard_normal((5, *shape)), rng.uniform(-2.0, 2.0, shape)
        trajectory = context.trajectory(grads, theta0, hyper=hyper, flags=flags)
        offered(context, account, trajectory, spec=spec)


def _late(
    context: Context, account: Account, hyper: dict[str, float], flags: frozenset[str], spec: Spec
) -> None:
    """The same options over thousands of steps: none is forgotten, capped or switched off late."""
    steps = context.affordable(context.profile.option_steps, least=24)
    count = context.profile.crowd // 2
    # where nothing came yet, and θ decays, only the highest level of the oracle can decide
    grads = life(context, hyper, steps, count, f"late {spec}", start=0)
    rng = context.rng("late")
    theta0 = rng.choice((-1.0, 1.0), count) * np.exp2(rng.uniform(-3.0, 3.0, count))
    hold(context, account, context.trajectory(grads, theta0, hyper=hyper, flags=flags), spec=spec)


def _alone(context: Context) -> bool:
    """Whether an option's long run is its own: in quick, all options share one where they can."""
    return context.profile.name != "quick" or not _combined(context)


def _combined(context: Context) -> list[str]:
    """The switches that can be on together with weight decay."""
    known = context.description
    if "weight_decay" not in known.hyperparameters or "weight_decay" in known.declared.fixed:
        return []
    both = ("amsgrad", "maximize") if context.spec.algorithm == "adam" else ("maximize",)
    return [f for f in both if f in known.flags]


def _can_decay(context: Context) -> None:
    """Skip where no decay can be asked for; one that is fixed is the claimed spec's or none."""
    if context.spec.decay == "none":
        if "weight_decay" not in context.description.hyperparameters:
            raise Skip("the target takes no weight_decay")
        context.need(weight_decay=0.0625)


def couplings(spec: Spec) -> list[Spec]:
    """The couplings that an option weight_decay may mean: the claimed one, or either of the two."""
    return [spec] if spec.decay != "none" else [spec.with_(decay=d) for d in ("l2", "decoupled")]


def _maxima(spec: Spec) -> list[Spec]:
    """The maxima that an option amsgrad may mean: the claimed one, or either of the two."""
    return [spec] if spec.amsgrad != "none" else [spec.with_(amsgrad=a) for a in ("v", "vhat")]


@check(
    "ADAM-WD-1",
    title="Weight decay",
    law="weight_decay enters as L2 (into the gradient, so into m and v) or decoupled (α·λ·θ_{t-1}),"
    " exactly: at t = 1, at zero gradients, and in a run.",
    clause="λ",
    theorem="decay-closed-form",
    floor=SWALLOWED,
)
def weight_decay(context: Context, account: Account) -> None:
    _can_decay(context)
    rng = context.rng("decay")
    hyper = context.extended(context.dyadic, {"weight_decay": 0.0625})
    grads = _some(context, hyper, 20)
    grads = np.concatenate([grads, np.zeros((24, 16), grads.dtype)], axis=1)
    n = grads.shape[1]
    theta0 = rng.choice((-1.0, 1.0), n) * 2.0 ** rng.uniform(-4, 4, n)
    specs = couplings(context.spec)
    found = _one_of(context, account, context.trajectory(grads, theta0, hyper=hyper), specs)
    for strength in values(context, "weight_decay", rng, 2 * context.profile.repeat):
        other = context.extended(context.dyadic, {"weight_decay": float(strength), "lr": 0.5})
        hold(context, account, context.trajectory(grads[:6], theta0, hyper=other), spec=found)
    _shaped(context, account, hyper, context.flags_of(found), found)
    if cancelling(context):
        context.note("not-asked", f"no long run under weight decay: {CANCELLED}")
    elif _alone(context):
        _late(
            context,
            account,
            context.extended(context.dyadic, {"weight_decay": 2.0**-6}),
            context.flags_of(found),
            found,
        )
    if context.spec.decay == "none":
        context.note("weight-decay", f"the option weight_decay is {found.decay}")
        if not context.declared.denied({"weight_decay": 0.0}):
            zero = context.dyadic | {"weight_decay": 0.0}  # λ = 0 is plain Adam
            hold(context, account, context.trajectory(grads, theta0, hyper=zero))


@check(
    "ADAM-AM-1",
    title="AMSGrad's maximum",
    law="With amsgrad on, the largest v (or v̂, as the spec says) of all steps stands in the"
    " denominator: after a spike the steps stay small.",
    clause="max(v_max, v_t)",
    theorem="amsgrad-bound",
    floor=SWALLOWED,
)
def amsgrad(context: Context, account: Account) -> None:
    if context.spec.algorithm != "adam":
        raise Skip(f"AMSGrad is a dialect of Adam; the claim is {context.spec}")
    if context.spec.amsgrad == "none" and "amsgrad" not in context.description.flags:
        raise Skip("neither the spec nor the target speaks of amsgrad")
    flags = context.flags_of(context.spec) | ({"amsgrad"} & context.description.flags)
    rng = context.rng("amsgrad")
    peak = 2.0**4 if context.ranged.short_ranged else 2.0**8
    spiked = rng.uniform(0.5, 1.0, (32, 24)) * rng.choice((-1.0, 1.0), (32, 24))
    spiked[2, :8] *= peak
    spiked[rng.integers(3, 28, 8), np.arange(8, 16)] *= peak
    specs = _maxima(context.spec)
    for grads in (spiked, _some(context, context.dyadic, 21)):
        trajectory = context.trajectory(grads, hyper=context.dyadic, flags=flags)
        specs = [_one_of(context, account, trajectory, specs)]
    _shaped(context, account, context.dyadic, flags, specs[0])
    if _alone(context):
        _late(context, account, context.dyadic, flags, specs[0])
    if context.spec.amsgrad == "none":
        context.note("amsgrad", f"the option amsgrad keeps the maximum of {specs[0].amsgrad}")


@check(
    "ADAM-MX-1",
    title="Maximise",
    law="With maximize on, the gradient is negated before everything else and nothing else is.",
    clause="-g",
    theorem="sign-flip",
    floor=SWALLOWED,
)
def maximize(context: Context, account: Account) -> None:
    if "maximize" not in context.description.flags:
        raise Skip("the target has no option maximize")
    spec = context.spec.with_(maximize="yes")
    flags = context.flags_of(spec)
    grads = _some(context, context.dyadic, 22)
    theta0 = context.rng("maximize").uniform(-1.0, 1.0, grads.shape[1])
    hold(
        context,
        account,
        context.trajectory(grads, theta0, hyper=context.dyadic, flags=flags),
        spec=spec,
    )
    if _alone(context):
        _late(context, account, context.dyadic, flags, spec)


@check(
    "ADAM-OP-1",
    title="Options together",
    law="All options of the target that change the rule, switched on together, compose as the rule"
    " composes them.",
    clause="λ, -g, max(v_max, v_t)",
    theorem="dialects",
    floor=SWALLOWED,
)
def together(context: Context, account: Account) -> None:
    on = _combined(context)
    if not on:
        raise Skip("the target has no two options to combine")
    spec = context.spec
    if "maximize" in on:
        spec = spec.with_(maximize="yes")
    choices = _maxima(spec) if "amsgrad" in on else [spec]
    choices = [c for one in choices for c in couplings(one)]
    hyper = context.extended(context.dyadic, {"weight_decay": 0.0625})
    grads = _some(context, hyper, 23)
    theta0 = context.rng("together").uniform(-2.0, 2.0, grads.shape[1])
    flags = context.flags_of(context.spec) | set(on)
    single = context.trajectory(grads, theta0, hyper=hyper, flags=flags)
    found = _one_of(context, account, single, choices)
    if context.able("many"):  # lists of tensors may go through code of their own
        whole, start = single.grads[0], single.theta0[0]
        pair = replace(
            single, grads=(whole[:, ::2], whole[:, 1::2]), theta0=(start[::2], start[1::2])
        )
        hold(context, account, pair, spec=found)
    _shaped(context, account, hyper, flags, found)
    _late(context, account, context.extended(hyper, {"weight_decay": 2.0**-6}), flags, found)
