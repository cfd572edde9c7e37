"""Lock-step agreement with the oracle: the heart of the gate."""

from __future__ import annotations

import numpy as np

from adamcheck.checks.draws import brief, choices, life, usual
from adamcheck.checks.lab import Account, Lab, Skip
from adamcheck.checks.properties import hold
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.program import trace


@check(
    "ADAM-LS-1",
    title="Dyadic hyperparameters, from zero",
    law="With hyperparameters that every format holds exactly and θ0 = 0, every θ_t lies in the"
    " envelope of Algorithm 1 (or of the claimed dialect).",
    clause="whole update",
    theorem="rounding-envelope",
    floor=SWALLOWED,
)
def dyadic_from_zero(lab: Lab, account: Account) -> None:
    grads = lab.gradients(lab.dyadic, lab.profile.steps, 0, repeat=lab.profile.repeat)
    hold(lab, account, lab.trajectory(grads, hyper=lab.dyadic))


@check(
    "ADAM-LS-2",
    title="Ordinary hyperparameters, from zero",
    law="With the usual hyperparameters and θ0 = 0, every θ_t lies in the envelope.",
    clause="whole update",
    theorem="rounding-envelope",
    floor=SWALLOWED,
)
def ordinary_from_zero(lab: Lab, account: Account) -> None:
    grads = lab.gradients(lab.ordinary, lab.profile.steps, 1, repeat=lab.profile.repeat)
    hold(lab, account, lab.trajectory(grads))


@check(
    "ADAM-LS-3",
    title="Away from zero",
    law="From parameters of many magnitudes every step stays in the envelope; zero gradients leave"
    " a fresh parameter where it is, so hidden decay shows.",
    clause="θ_t = θ_{t-1} - Δ_t",
    theorem="decay-closed-form",
    floor=SWALLOWED,
)
def away_from_zero(lab: Lab, account: Account) -> None:
    rng = lab.rng("away")
    steps = lab.profile.steps
    laws = ("zeros", "zeros-mixed", "normal", "sparse", "lone", "constant")
    wide = np.tile(lab.gradients(lab.dyadic, steps, 2, laws=laws), (1, 4))
    high = 6 if lab.fmt.short_ranged else 12
    size = np.asarray(rng.uniform(-high, high, wide.shape[1]))
    if lab.spec.decay == "none":  # from near underflow to near overflow; λθ would join in there
        size[::4] *= (lab.fmt.max_exponent - 2) / high
    theta0 = rng.choice((-1.0, 1.0), wide.shape[1]) * 2.0**size
    for hyper in (lab.dyadic, lab.ordinary):
        hold(lab, account, lab.trajectory(wide, theta0, hyper=hyper))


@check(
    "ADAM-LS-4",
    title="Where ε rules",
    law="Where √v̂ is about ε or far below, every θ_t lies in the envelope: ε stands where the spec"
    " puts it, and is the one that was asked for.",
    clause="√v̂ + ε",
    theorem="dialects",
)
def epsilon_regime(lab: Lab, account: Account) -> None:
    if "eps" not in lab.dyadic:
        raise Skip(f"{lab.spec} has no ε")
    laws = ("eps-scale", "log-uniform", "constant", "decaying")
    for hyper in choices(lab, 3 * lab.profile.repeat, "eps"):
        changed = lab.altered(lab.dyadic, eps=hyper["eps"])
        grads = lab.gradients(changed, min(24, lab.profile.steps), 3, laws=laws)
        hold(lab, account, lab.trajectory(grads, hyper=changed))


@check(
    "ADAM-LS-5",
    title="Extreme magnitudes",
    law="Near overflow and underflow, with subnormal gradients and signed zeros, every θ_t lies in"
    " the envelope wherever the format can hold what any admissible order computes.",
    clause="whole update",
    theorem="rounding-envelope",
)
def extremes(lab: Lab, account: Account) -> None:
    narrow = lab.fmt.short_ranged
    hyper = lab.dyadic if narrow else lab.altered(lab.dyadic, eps=2.0**-60)
    steps = 16 if lab.profile.name == "quick" else 40
    grads = lab.gradients(hyper, steps, 4, safe=False)
    hold(lab, account, lab.trajectory(grads, hyper=hyper))
    if "eps" in hyper and not narrow:  # an ε that no floor may lift, and that √v̂ never meets
        least = lab.altered(hyper, eps=2.0 ** (4 - lab.fmt.max_exponent))
        hold(lab, account, lab.trajectory(grads[:8], hyper=least))
    # sizes in turn, where nothing is stretched: a clipped gradient changes their proportion
    even = lab.altered(hyper, lr=1.0, beta1=0.5, beta2=0.5, momentum=0.5)
    ends = (
        lab.fmt.max_exponent // 2 - np.arange(4),
        lab.fmt.min_exponent // 2 + np.arange(4, 12, 2),
    )
    sizes = 1.5 * 2.0 ** np.concatenate(ends)
    turns = np.where(np.arange(12)[:, None] % 2 == 0, 1.0, 0.25)
    hold(lab, account, lab.trajectory(turns * np.append(sizes, -sizes), hyper=even))


@check(
    "ADAM-LS-6",
    title="Moments in lock-step",
    law="The moments that the target shows lie in the envelope at every step.",
    clause="m_t, v_t",
    theorem="closed-form",
    needs=("moments",),
)
def moments(lab: Lab, account: Account) -> None:
    kept = trace(lab.spec).moments
    for k, hyper in enumerate((lab.dyadic, lab.ordinary)):
        grads = lab.gradients(hyper, min(32, lab.profile.steps), 5 + k)
        trajectory = lab.trajectory(grads, hyper=hyper, moments=True)
        shown = lab.run(trajectory).moments or ({},)
        if not any(name in each for each in shown for name in kept):
            raise Skip(f"the target shows none of {', '.join(kept) or 'any moments'}")
        hold(lab, account, trajectory)


@check(
    "ADAM-LS-7",
    title="A long run",
    law="Every θ_t of a run over thousands of steps, with silences, spikes and gradients of many"
    " magnitudes, lies in the envelope: nothing is reset, frozen, decayed or scheduled on the way.",
    clause="whole update, late t",
    theorem="rounding-envelope",
    floor=SWALLOWED,
)
def long_run(lab: Lab, account: Account) -> None:
    most = lab.profile.late(lab.profile.long_steps, lab.fmt)
    steps = lab.affordable(most, least=lab.profile.steps)
    # no usual hyperparameters, and such that the bounds are narrow; then what everybody uses
    for hyper, share in ((brief(lab, "brief"), 1), (usual(lab), 4)):
        grads = life(lab, hyper, max(1, steps // share), lab.profile.crowd, f"long {share}")
        hold(lab, account, lab.trajectory(grads, hyper=hyper))
