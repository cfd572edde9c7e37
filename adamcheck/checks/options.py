"""Options of the target: weight decay, AMSGrad, maximise, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from adamcheck.checks.draws import life, values
from adamcheck.checks.lab import Account, Array, Lab, Skip
from adamcheck.checks.properties import first_fit, hold
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory


def _some(lab: Lab, hyper: dict[str, float], salt: int) -> Array:
    laws = ("normal", "constant", "sparse", "spike", "sign-flipping", "lone")
    return lab.gradients(hyper, 24, salt, laws=laws)


def _one_of(lab: Lab, account: Account, trajectory: Trajectory, specs: Sequence[Spec]) -> Spec:
    """Hold under one of the specs that an option may mean; the first where none fits."""
    found = first_fit(lab, account, trajectory, specs)
    if found is None:
        found = specs[0]
        completed = replace(trajectory, hyper=lab.completed(trajectory.hyper, found))
        hold(lab, account, completed, spec=found)
    return found


_SHAPES = ((), (1,), (3, 5), (2, 3, 1, 2))
"""Shapes beside a plain vector: libraries leave scalars, biases or matrices out of an option."""


def _shaped(
    lab: Lab, account: Account, hyper: dict[str, float], flags: frozenset[str], spec: Spec
) -> None:
    """The same options on other shapes."""
    rng = lab.rng("shaped")
    for shape in _SHAPES:
        grads, theta0 = rng.standard_normal((5, *shape)), rng.uniform(-2.0, 2.0, shape)
        hold(lab, account, lab.trajectory(grads, theta0, hyper=hyper, flags=flags), spec=spec)


def _late(
    lab: Lab, account: Account, hyper: dict[str, float], flags: frozenset[str], spec: Spec
) -> None:
    """The same options over thousands of steps: none is forgotten, capped or switched off late."""
    steps = lab.affordable(lab.profile.option_steps, least=24)
    count = lab.profile.crowd // 2
    # where nothing came yet, and θ decays, only the highest rung of the oracle can decide
    grads = life(lab, hyper, steps, count, f"late {spec}", start=0)
    rng = lab.rng("late")
    theta0 = rng.choice((-1.0, 1.0), count) * np.exp2(rng.uniform(-3.0, 3.0, count))
    hold(lab, account, lab.trajectory(grads, theta0, hyper=hyper, flags=flags), spec=spec)


def _alone(lab: Lab) -> bool:
    """Whether an option's long run is its own: in quick, all options share one where they can."""
    return lab.profile.name != "quick" or not _combined(lab)


def _combined(lab: Lab) -> list[str]:
    """The switches that can be on together with weight decay."""
    known = lab.description
    if "weight_decay" not in known.hyperparameters:
        return []
    both = ("amsgrad", "maximize") if lab.spec.algorithm == "adam" else ("maximize",)
    return [f for f in both if f in known.flags]


def _couplings(spec: Spec) -> list[Spec]:
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
def weight_decay(lab: Lab, account: Account) -> None:
    if "weight_decay" not in lab.description.hyperparameters:
        raise Skip("the target takes no weight_decay")
    rng = lab.rng("decay")
    hyper = lab.dyadic | {"weight_decay": 0.0625}
    grads = _some(lab, hyper, 20)
    grads = np.concatenate([grads, np.zeros((24, 16), grads.dtype)], axis=1)
    n = grads.shape[1]
    theta0 = rng.choice((-1.0, 1.0), n) * 2.0 ** rng.uniform(-4, 4, n)
    specs = _couplings(lab.spec)
    found = _one_of(lab, account, lab.trajectory(grads, theta0, hyper=hyper), specs)
    for strength in values(lab, "weight_decay", rng, 2 * lab.profile.repeat):
        other = lab.dyadic | {"weight_decay": float(strength), "lr": 0.5}
        hold(lab, account, lab.trajectory(grads[:6], theta0, hyper=other), spec=found)
    _shaped(lab, account, hyper, lab.flags_of(found), found)
    if _alone(lab):
        _late(lab, account, lab.dyadic | {"weight_decay": 2.0**-6}, lab.flags_of(found), found)
    if lab.spec.decay == "none":
        lab.note("weight-decay", f"the option weight_decay is {found.decay}")
        zero = lab.dyadic | {"weight_decay": 0.0}  # λ = 0 is plain Adam
        hold(lab, account, lab.trajectory(grads, theta0, hyper=zero))


@check(
    "ADAM-AM-1",
    title="AMSGrad's maximum",
    law="With amsgrad on, the largest v (or v̂, as the spec says) of all steps stands in the"
    " denominator: after a spike the steps stay small.",
    clause="max(v_max, v_t)",
    theorem="amsgrad-bound",
    floor=SWALLOWED,
)
def amsgrad(lab: Lab, account: Account) -> None:
    if lab.spec.algorithm != "adam":
        raise Skip(f"AMSGrad is a dialect of Adam; the claim is {lab.spec}")
    if lab.spec.amsgrad == "none" and "amsgrad" not in lab.description.flags:
        raise Skip("neither the spec nor the target speaks of amsgrad")
    flags = lab.flags_of(lab.spec) | ({"amsgrad"} & lab.description.flags)
    rng = lab.rng("amsgrad")
    peak = 2.0**4 if lab.fmt.short_ranged else 2.0**8
    spiked = rng.uniform(0.5, 1.0, (32, 24)) * rng.choice((-1.0, 1.0), (32, 24))
    spiked[2, :8] *= peak
    spiked[rng.integers(3, 28, 8), np.arange(8, 16)] *= peak
    specs = _maxima(lab.spec)
    for grads in (spiked, _some(lab, lab.dyadic, 21)):
        trajectory = lab.trajectory(grads, hyper=lab.dyadic, flags=flags)
        specs = [_one_of(lab, account, trajectory, specs)]
    _shaped(lab, account, lab.dyadic, flags, specs[0])
    if _alone(lab):
        _late(lab, account, lab.dyadic, flags, specs[0])
    if lab.spec.amsgrad == "none":
        lab.note("amsgrad", f"the option amsgrad keeps the maximum of {specs[0].amsgrad}")


@check(
    "ADAM-MX-1",
    title="Maximise",
    law="With maximize on, the gradient is negated before everything else and nothing else is.",
    clause="-g",
    theorem="sign-flip",
    floor=SWALLOWED,
)
def maximize(lab: Lab, account: Account) -> None:
    if "maximize" not in lab.description.flags:
        raise Skip("the target has no option maximize")
    spec = lab.spec.with_(maximize="yes")
    flags = lab.flags_of(spec)
    grads = _some(lab, lab.dyadic, 22)
    theta0 = lab.rng("maximize").uniform(-1.0, 1.0, grads.shape[1])
    hold(lab, account, lab.trajectory(grads, theta0, hyper=lab.dyadic, flags=flags), spec=spec)
    if _alone(lab):
        _late(lab, account, lab.dyadic, flags, spec)


@check(
    "ADAM-OP-1",
    title="Options together",
    law="All options of the target that change the rule, switched on together, compose as the rule"
    " composes them.",
    clause="λ, -g, max(v_max, v_t)",
    theorem="dialects",
    floor=SWALLOWED,
)
def together(lab: Lab, account: Account) -> None:
    on = _combined(lab)
    if not on:
        raise Skip("the target has no two options to combine")
    spec = lab.spec
    if "maximize" in on:
        spec = spec.with_(maximize="yes")
    choices = _maxima(spec) if "amsgrad" in on else [spec]
    choices = [c for one in choices for c in _couplings(one)]
    hyper = lab.dyadic | {"weight_decay": 0.0625}
    grads = _some(lab, hyper, 23)
    theta0 = lab.rng("together").uniform(-2.0, 2.0, grads.shape[1])
    flags = lab.flags_of(lab.spec) | set(on)
    single = lab.trajectory(grads, theta0, hyper=hyper, flags=flags)
    found = _one_of(lab, account, single, choices)
    if lab.able("many"):  # lists of tensors may go through code of their own
        whole, start = single.grads[0], single.theta0[0]
        pair = replace(
            single, grads=(whole[:, ::2], whole[:, 1::2]), theta0=(start[::2], start[1::2])
        )
        hold(lab, account, pair, spec=found)
    _shaped(lab, account, hyper, flags, found)
    _late(lab, account, hyper | {"weight_decay": 2.0**-6}, flags, found)
