"""Lock-step agreement with the oracle: the heart of the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck import storage
from adamcheck.checks.draws import brief, cancelling, choices, life, usual
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.program import trace
from adamcheck.properties import hold, in_range
from adamcheck.properties.context import Account, Context, Skip


@check(
    "ADAM-LS-1",
    title="Dyadic hyperparameters, from zero",
    law="With hyperparameters that every format holds exactly and θ0 = 0, every θ_t lies in the"
    " envelope of Algorithm 1 (or of the claimed dialect).",
    clause="whole update",
    theorem="rounding-envelope",
    floor=SWALLOWED,
)
def dyadic_from_zero(context: Context, account: Account) -> None:
    grads = context.gradients(
        context.dyadic, context.profile.steps, 0, repeat=context.profile.repeat
    )
    hold(context, account, context.trajectory(grads, hyper=context.dyadic))


@check(
    "ADAM-LS-2",
    title="Ordinary hyperparameters, from zero",
    law="With the usual hyperparameters and θ0 = 0, every θ_t lies in the envelope.",
    clause="whole update",
    theorem="rounding-envelope",
    floor=SWALLOWED,
)
def ordinary_from_zero(context: Context, account: Account) -> None:
    grads = context.gradients(
        context.ordinary, context.profile.steps, 1, repeat=context.profile.repeat
    )
    hold(context, account, context.trajectory(grads))


@check(
    "ADAM-LS-3",
    title="Away from zero",
    law="From parameters of many magnitudes every step stays in the envelope; zero gradients leave"
    " a fresh parameter where it is, so hidden decay shows.",
    clause="θ_t = θ_{t-1} - Δ_t",
    theorem="decay-closed-form",
    floor=SWALLOWED,
)
def away_from_zero(context: Context, account: Account) -> None:
    rng = context.rng("away")
    steps = context.profile.steps
    laws = ("zeros", "zeros-mixed", "normal", "sparse", "lone", "constant")
    wide = np.tile(context.gradients(context.dyadic, steps, 2, laws=laws), (1, 4))
    high = 6 if context.ranged.short_ranged else 12
    size = np.asarray(rng.uniform(-high, high, wide.shape[1]))
    if context.spec.decay == "none":  # from near underflow to near overflow; λθ would join in there
        size[::4] *= (context.fmt.max_exponent - 2) / high
    theta0 = rng.choice((-1.0, 1.0), wide.shape[1]) * 2.0**size
    for hyper in (context.dyadic, context.ordinary):
        hold(context, account, context.trajectory(wide, theta0, hyper=hyper))


@check(
    "ADAM-LS-4",
    title="Where ε rules",
    law="Where √v̂ is about ε or far below, every θ_t lies in the envelope: ε stands where the spec"
    " puts it, and is the one that was asked for.",
    clause="√v̂ + ε",
    theorem="dialects",
)
def epsilon_regime(context: Context, account: Account) -> None:
    if "eps" not in context.dyadic:
        raise Skip(f"{context.spec} has no ε")
    laws = ("eps-scale", "log-uniform", "constant", "decaying")
    for hyper in choices(context, 3 * context.profile.repeat, "eps"):
        changed = context.altered(context.dyadic, eps=hyper["eps"])
        grads = context.gradients(changed, min(24, context.profile.steps), 3, laws=laws)
        hold(context, account, context.trajectory(grads, hyper=changed))


@check(
    "ADAM-LS-5",
    title="Extreme magnitudes",
    law="Near overflow and underflow, with subnormal gradients and signed zeros, every θ_t lies in"
    " the envelope wherever the format can hold what any admissible order computes.",
    clause="whole update",
    theorem="rounding-envelope",
)
def extremes(context: Context, account: Account) -> None:
    narrow = context.ranged.short_ranged
    hyper = context.dyadic if narrow else context.altered(context.dyadic, eps=2.0**-60)
    short = context.profile.name == "quick" or cancelling(context)
    grads = context.gradients(hyper, 16 if short else 40, 4, safe=False)
    in_range(context, account, context.trajectory(grads, hyper=hyper))
    if "eps" in hyper and not narrow:  # an ε that no floor may lift, and that √v̂ never meets
        least = context.altered(hyper, eps=2.0 ** (4 - context.ranged.max_exponent))
        in_range(context, account, context.trajectory(grads[:8], hyper=least))
    # sizes in turn, where nothing is stretched: a clipped gradient changes their proportion
    even = context.altered(hyper, lr=1.0, beta1=0.5, beta2=0.5, momentum=0.5)
    ends = (
        context.ranged.max_exponent // 2 - np.arange(4),
        context.ranged.min_exponent // 2 + np.arange(4, 12, 2),
    )
    sizes = 1.5 * 2.0 ** np.concatenate(ends)
    turns = np.where(np.arange(12)[:, None] % 2 == 0, 1.0, 0.25)
    in_range(context, account, context.trajectory(turns * np.append(sizes, -sizes), hyper=even))


@check(
    "ADAM-LS-6",
    title="Moments in lock-step",
    law="The moments that the target shows lie in the envelope at every step.",
    clause="m_t, v_t",
    theorem="closed-form",
    needs=("moments",),
)
def moments(context: Context, account: Account) -> None:
    kept = trace(context.spec).moments
    for k, hyper in enumerate((context.dyadic, context.ordinary)):
        grads = context.gradients(hyper, min(32, context.profile.steps), 5 + k)
        trajectory = context.trajectory(grads, hyper=hyper, moments=True)
        shown = context.run(trajectory).moments or ({},)
        if not any(name in each for each in shown for name in kept):
            raise Skip(f"the target shows none of {', '.join(kept) or 'any moments'}")
        hold(context, account, trajectory)


@check(
    "ADAM-LS-8",
    title="Single steps from the moments shown",
    law="Each step from the moments that the target shows before it lies in the envelope of that"
    " one step, and so do the moments after it: what storage rounds away is not forgiven twice.",
    clause="whole update",
    theorem="stored-rounding",
    needs=("moments",),
    floor=replace(SWALLOWED, stored=SWALLOWED.share),
)
def single_steps(context: Context, account: Account) -> None:
    kept = trace(context.spec).moments
    steps = min(32, context.profile.steps)
    for k, hyper in enumerate((context.dyadic, context.ordinary)):
        grads = context.gradients(hyper, steps, 7 + k)
        trajectory = context.trajectory(grads, hyper=hyper, moments=True)
        context.needs_shown(kept, trajectory)
        hold(context, account, trajectory, "one step")
    if not storage.plain(context.spec):
        _late_steps(context, account)


def _late_steps(context: Context, account: Account) -> None:
    """Single steps of a long run: where few digits of moments leave nothing for longer bounds."""
    most = context.profile.late(context.profile.long_steps, context.fmt)
    steps = context.affordable(most, least=context.profile.steps)
    # corrections that move throughout, as far as the format of θ holds such β
    near = 1.0 - 2.0 ** -min(steps.bit_length() - 1, context.fmt.precision)
    hyper = context.altered(context.dyadic, beta1=near, beta2=near, momentum=near)
    grads = context.rng("late steps").uniform(0.25, 1.0, (steps, _FEW))
    grads *= np.where(np.arange(_FEW) % 2 == 0, 1.0, -1.0)
    trajectory = context.trajectory(grads, hyper=hyper, moments=True)
    hold(context, account, trajectory, "one step", picked=_PICKED)


_FEW: Final = 8
"""Elements of a long run of which single steps are held: the step count is the same of all."""
_PICKED: Final = 96
"""Steps of it that are held, in equal ratios: a count that stops is off at every later one."""


@check(
    "ADAM-LS-7",
    title="A long run",
    law="Every θ_t of a run over thousands of steps, with silences, spikes and gradients of many"
    " magnitudes, lies in the envelope: nothing is reset, frozen, decayed or scheduled on the way.",
    clause="whole update, late t",
    theorem="rounding-envelope",
    floor=SWALLOWED,
)
def long_run(context: Context, account: Account) -> None:
    most = context.profile.late(context.profile.long_steps, context.fmt)
    steps = context.affordable(most, least=context.profile.steps)
    # no usual hyperparameters, and such that the bounds are narrow; then what everybody uses
    for hyper, share in ((brief(context, "brief"), 1), (usual(context), 4)):
        run = max(1, steps // share)
        grads = life(context, hyper, run, context.profile.crowd, f"long {share}", pauses=4)
        hold(context, account, context.trajectory(grads, hyper=hyper))
