"""What is remembered between steps: forgetting, liveness, saving, instances, late parameters."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.checks.draws import (
    CANCELLED,
    cancelling,
    choices,
    decidable,
    inexact,
    silences,
    slow,
    spikes,
    state_at,
    usual,
)
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.formats import FORMATS, Format
from adamcheck.inputs.followed import rests
from adamcheck.properties import hold, offered
from adamcheck.properties.context import Account, Array, Context, Skip
from adamcheck.properties.exactly import state_after
from adamcheck.targets.protocol import Trajectory

_BRIEF: Final = 128
"""Zeros in a row under drawn hyperparameters. The longest silences stand in runs of their own at
hyperparameters that remember them; these ask what any others leave of a short one, and a quarter of
the drawn choices is asked, which costs as much as those."""


@check(
    "ADAM-FG-1",
    title="Forgetting",
    law="k steps after the last gradient the moments are β^k times what they were, θ moves"
    " accordingly, and gradients that come again after a long silence meet what is left.",
    clause="m_t = β1·m_{t-1}, v_t = β2·v_{t-1} at g = 0",
    theorem="forgetting",
    floor=SWALLOWED,
)
def forgetting(context: Context, account: Account) -> None:
    rng = context.rng("forget")
    grads = np.zeros((64, 32))
    grads[:8] = rng.uniform(0.5, 2.0, (8, 32)) * rng.choice((-1.0, 1.0), (8, 32))
    hold(
        context,
        account,
        context.trajectory(grads, hyper=context.dyadic, moments=context.able("moments")),
    )
    hold(context, account, context.trajectory(grads, hyper=context.ordinary))
    if cancelling(context):
        context.note("not-asked", f"ADAM-FG-1: no silence of more than 56 steps: {CANCELLED}")
        return
    # longer ones are part of the long runs (ADAM-BC-1, ADAM-LS-7)
    silence = context.affordable(context.profile.silence // 4 + 64, least=128) - 64
    # moments that a format still shows after the silence, and those that everybody uses; then any,
    # where in turn only one of the averages remembers
    few = choices(context, context.profile.hypers // 4, "forget")
    forgetful = [
        context.altered(hyper, **dict.fromkeys(names, 0.0))
        for hyper, names in zip(few, itertools.cycle((("beta2",), ("beta1", "momentum"), ())))
    ]
    for hyper, longest in (
        (slow(context, silence), silence),
        (usual(context), silence // 2),
        *((hyper, int(min(_BRIEF, decidable(context, hyper)))) for hyper in forgetful),
    ):
        trajectory = context.trajectory(silences(context, hyper, longest, 48), hyper=hyper)
        if not context.unspoken(trajectory):
            hold(context, account, trajectory)


@check(
    "ADAM-LV-1",
    title="Alive after a finite spike",
    law="After one huge but finite gradient, early or after many steady ones, the updates keep the"
    " exact size that theory gives.",
    clause="v_t after a spike",
    theorem="finite-spike-liveness",
    floor=SWALLOWED,
)
def spike(context: Context, account: Account) -> None:
    rng = context.rng("spike")
    # the largest power of two whose square still fits the format, and two below
    top = (context.ranged.max_exponent - 1) // 2
    peaks = 2.0 ** np.array([top, top - 1, top - 3, top // 2, 3])
    n = peaks.size * 4
    grads = rng.uniform(0.5, 1.0, (32, n)) * rng.choice((-1.0, 1.0), (32, n))
    grads[5] = np.tile(peaks, 4) * rng.choice((-1.0, 1.0), n)
    eps = 2.0**-9 if context.fmt.narrow else 2.0**-20
    hyper = context.altered(context.dyadic, eps=eps)
    if context.fmt.narrow:  # the errors of a long velocity add up to what turning gradients leave
        hyper = context.altered(hyper, momentum=0.5)
    hold(context, account, context.trajectory(grads, hyper=hyper))
    if cancelling(context):
        context.note("not-asked", f"ADAM-LV-1: no spike after many steady gradients: {CANCELLED}")
        return
    # a guard against outliers waits until it knows what is usual; a cut spike shows in v, later on
    steps = context.affordable(context.profile.spike, least=64)
    for at_once in (False, True):
        grads = spikes(context, hyper, steps, 64, at_once=at_once)
        hold(context, account, context.trajectory(grads, hyper=hyper))


@check(
    "ADAM-ZG-1",
    title="Zero gradients on a fresh state",
    law="From a fresh state zero gradients (of either sign) leave every parameter as it was.",
    clause="m = v = 0",
    theorem="zero-inertness",
)
def inert(context: Context, account: Account) -> None:
    if context.spec.decay != "none":
        raise Skip("weight decay moves a parameter without gradients")
    if not rests(context.spec, context.dyadic):
        raise Skip("without ε a step before any gradient is 0/0")
    rng = context.rng("inert")
    grads = np.where(np.arange(64) % 2 == 0, 0.0, -0.0) * np.ones((8, 1))
    theta0 = rng.choice((-1.0, 1.0), 64) * 2.0 ** rng.uniform(-8, 8, 64)
    why = "zero gradients move a fresh parameter"
    for hyper in (context.dyadic, context.ordinary):
        hold(context, account, context.trajectory(grads, theta0, hyper=hyper), "unchanged", why=why)
    if context.fmt.rounded(1e-8) == 0.0:
        tiny = context.trajectory(
            grads[:1], theta0, hyper=context.altered(context.ordinary, eps=1e-8)
        )
        trace = context.attempt(tiny)
        if trace.failure is None and not np.isfinite(trace.thetas[0][-1].astype(np.float64)).all():
            context.note(
                "epsilon-vanishes",
                f"ε = 1e-8 rounds to 0 in {context.fmt.name}: a zero gradient is 0/0",
            )


@check(
    "ADAM-SV-1",
    title="Save, load, go on",
    law="Saving at any step, the first one included, loading into a new instance or a used one,"
    " once or twice, and going on equals going on, bit for bit; so does going on after saving.",
    clause="state",
    theorem="closed-form",
    needs=("state",),
)
def save_load(context: Context, account: Account) -> None:
    rng, hyper = context.rng("save"), inexact(context, "save")
    grads = rng.standard_normal((16, 32))
    grads[:6, :4] = 0.0  # what is saved as 0 has to replace what is there
    for after in (0, 1, 5, 11):
        trajectory = context.trajectory(grads, hyper=hyper, reload_after=after)
        hold(context, account, trajectory, "reload")
    for receiver in ("none", "twice"):
        hold(context, account, replace(trajectory, reload_after=5), "reload", into=receiver)
    for after in (0, 1, 5):  # by one that has seen more steps, and by one that has seen fewer
        hold(context, account, replace(trajectory, reload_after=after), "reload", into="used")
    _save_late(context, account)
    if context.able("many"):
        shapes = ((5,), (2, 3), (5,))
        several = replace(
            trajectory,
            theta0=tuple(context.cast(rng.standard_normal(shape)) for shape in shapes),
            grads=tuple(context.cast(rng.standard_normal((16, *shape))) for shape in shapes),
        )
        offered(context, account, several, "reload")
        if context.able("missing"):  # every parameter at a step count of its own
            begun = np.arange(16)[:, None] >= np.array([0, 2, 4])
            for after in (1, 3, 11):  # while some have no state yet, too
                late = replace(several, present=begun, reload_after=after)
                offered(context, account, late, "reload")
            offered(context, account, replace(late, reload_after=3), "reload", into="used")
        _save_after_long(context, account, several)
    extra = {n: 0.0625 for n in ("weight_decay",) if n in context.description.hyperparameters}
    if extra or context.switches:  # a maximum that only an early spike set has to come along
        spiked = grads.copy()
        spiked[1] *= 16.0
        trajectory = context.trajectory(
            spiked,
            0.5,
            hyper=context.extended(hyper, extra),
            flags=context.switches,
            reload_after=5,
        )
        hold(context, account, trajectory, "reload")
        hold(context, account, trajectory, "reload", into="used")
    hold(context, account, context.trajectory(grads, reload_after=7))
    if context.able("live"):
        _kept(context, context.trajectory(grads, reload_after=7))


def _kept(context: Context, trajectory: Trajectory) -> None:
    """Name a state that goes on changing where it is kept, and not copied; nobody promises more."""
    copied, live = (
        context.run(asked).thetas[0].astype(np.float64)
        for asked in (trajectory, replace(trajectory, receiver="live"))
    )
    if not np.array_equal(copied, live, equal_nan=True):
        text = "a saved state that is not copied changes while its optimizer goes on"
        context.note("live-state", text)


def _save_after_long(context: Context, account: Account, several: Trajectory) -> None:
    """Save a list after hundreds of steps."""
    rng, most = context.rng("save after long"), context.affordable(context.profile.spike, least=64)
    after = int(rng.integers(most - most // 4, most))
    grads = [context.cast(rng.standard_normal((after + 4, *a.shape))) for a in several.theta0]
    late = replace(several, grads=tuple(grads), reload_after=after)
    offered(context, account, late, "reload")


LATEST: Final = 65_538
"""The largest count that is loaded to be saved: 16 bits do not hold it."""


def _save_late(context: Context, account: Account) -> None:
    """Save at step counts that 8 bits of precision, 11, and 16-bit integers do not hold."""
    if not context.able("load_moments") or context.spec.algorithm != "adam":
        return
    rng = context.rng("save late")
    for t in (259, 2_051, LATEST + 1):
        # β so near to one that the correction still tells t from t+1
        near = 1.0 - 2.0 ** -min(t.bit_length(), context.fmt.precision)
        hyper = context.altered(context.dyadic, beta1=near, beta2=near)
        m, v = rng.uniform(-1.0, 1.0, 24), rng.uniform(0.25, 1.0, 24)
        state = state_at(context, t - 1, m, v, near, above=1.5)
        grads = rng.uniform(-1.0, 1.0, (4, 24))
        trajectory = context.trajectory(grads, hyper=hyper, preload=(state,), reload_after=1)
        if context.able("many"):
            trajectory = replace(
                trajectory,
                theta0=trajectory.theta0 * 3,
                grads=trajectory.grads * 3,
                preload=(state,) * 3,
            )
        if context.refusal(replace(trajectory, reload_after=None)):  # ADAM-BC-2 says why
            context.note("not-asked", f"ADAM-SV-1: a state of {t - 1:,} steps is refused")
            return
        hold(context, account, trajectory, "reload")


@check(
    "ADAM-SV-2",
    title="Load into an instance built with other hyperparameters",
    law="After loading, θ follows the saved value of each hyperparameter or the new instance's,"
    " which is named, with the saved moments and t.",
    clause="state",
    theorem="closed-form",
    needs=("state",),
)
def save_load_other(context: Context, account: Account) -> None:
    if context.spec.form == "inside":
        raise Skip("α stands inside the velocity: what was gathered keeps the old one")
    rng = context.rng("other")
    grads = rng.standard_normal((14, 32))
    if context.spec.decay == "none" and context.may(lr=context.dyadic["lr"] * 4.0):
        trajectory = context.trajectory(
            grads, hyper=context.dyadic, reload_after=6,
            reload_hyper=context.altered(context.dyadic, lr=context.dyadic["lr"] * 4.0),
        )  # fmt: skip
        hold(context, account, trajectory, "reload with other hyperparameters")
    if cancelling(context) and context.spec.decay != "none":
        raise Skip(f"a state after one step: {CANCELLED}")
    grads[0] = rng.choice((-1.0, 1.0), 32)  # a state after one step that is exact
    hyper = context.altered(context.dyadic, **_SAVED)
    if state_after(context, context.spec, hyper, grads[:1]) is None:
        if context.spec.decay != "none":
            raise Skip(INEXACT)
        context.note("not-asked", f"ADAM-SV-2: hyperparameters but α: {INEXACT}")
        return
    for name, other in _OTHERS.items():
        if name in hyper and context.may(**{name: other}):
            trajectory = context.trajectory(
                grads[:6], hyper=hyper, reload_after=1, reload_hyper=hyper | {name: other}
            )
            hold(context, account, trajectory, "reload with another", name=name)


INEXACT: Final = "after one step no state is known exactly"
"""Why no state that is loaded is judged: it is not shown, and rounding leaves more than one."""

_SAVED: Final = {"lr": 0.125, "eps": 0.25, "weight_decay": 0.125, "beta1": 0.875, "beta2": 0.75}
_OTHERS: Final = {"lr": 0.5, "eps": 1.0, "weight_decay": 0.5, "beta1": 0.5, "beta2": 0.9375}
"""What the saved instance and the new one are built with: each shows in the first step after."""


@check(
    "ADAM-SV-3",
    title="A state that comes back in another format",
    law="A state whose numbers another format holds exactly comes back as it was: the target goes"
    " on from it, in its own format or, which is named, in the other one.",
    clause="state",
    theorem="closed-form",
    needs=("stored",),
    floor=SWALLOWED,
)
def through_formats(context: Context, account: Account) -> None:
    rng, size = context.rng("stored"), 24
    asked = 0
    for name, other in FORMATS.items():
        octaves = 3 if other.short_ranged or context.ranged.short_ranged else 16
        grads = rng.uniform(0.5, 1.0, (6, size)) * rng.choice((-1.0, 1.0), (6, size))
        grads[0] = rng.choice((-1.0, 1.0), size)
        grads *= np.exp2(rng.integers(-octaves, octaves + 1, size))
        given = context.trajectory(
            grads, hyper=context.dyadic, flags=context.flags_of(context.spec), reload_after=1,
            stored=name,
        )  # fmt: skip
        state = state_after(context, context.spec, given.hyper, given.grads[0][:1])
        if state is None or not all(_holds(other, x) for x in state.values()):
            text = "ADAM-SV-3: a state that comes back as"
            context.note("not-asked", f"{text} {name}: after one step it is not exact there")
            continue
        asked += 1
        hold(context, account, given, "stored")
        if context.able("load_moments") and context.spec.algorithm == "adam":
            _stored_count(context, account, name)
    if not asked:
        raise Skip(f"{INEXACT}, in any format")


def _holds(fmt: Format, values: Array) -> bool:
    wide = values.astype(np.float64)
    with np.errstate(all="ignore"):
        kept = wide.astype(fmt.dtype).astype(np.float64)
    return bool((kept == wide).all() and (wide != 0).all())


def _stored_count(context: Context, account: Account, name: str) -> None:
    """A count that the other format holds, and its successors not."""
    other = FORMATS[name]
    if other.precision > 11:
        return
    t = 2**other.precision - 2
    near = 1.0 - 2.0 ** -min(other.precision, context.fmt.precision)
    wanted = {"beta1": 0.5, "beta2": near, "weight_decay": 0.0}
    if not context.may(**wanted):
        text = "needs β and λ that the target does not take"
        context.note("not-asked", f"ADAM-SV-3: a count that comes back in another format {text}")
        return
    hyper = context.altered(context.dyadic, **wanted)
    ones = np.ones(4)
    # under a gradient of 1 moments of 1 stay 1, so that the count is all that changes
    state = state_at(context, t, ones, ones, near)
    trajectory = context.trajectory(
        np.ones((8, 4)), hyper=hyper, preload=(state,), reload_after=1, stored=name
    )
    hold(context, account, trajectory, "stored count")


@check(
    "ADAM-IN-1",
    title="Instances are independent",
    law="Other instances at work in between, of the same shapes and of others, change no bit of the"
    " first one's results, nor of what it returned last.",
    clause="state",
    theorem="elementwise",
    needs=("stepwise",),
)
def independent(context: Context, account: Account) -> None:
    grads = context.rng("twin").standard_normal((12, 33))
    hold(context, account, context.trajectory(grads, hyper=context.dyadic, twin=True), "twin")


@check(
    "ADAM-LT-1",
    title="A parameter whose gradients begin late",
    law="Before its first gradient a parameter stays put and from it on follows Adam, with its own"
    " step count or the optimizer's; without a later one it stays put or coasts (both are named).",
    clause="t of each parameter",
    theorem="elementwise",
    needs=("many", "missing"),
)
def late(context: Context, account: Account) -> None:
    rng = context.rng("late")
    steps, wait = 16, 5
    shapes = ((7,), (4, 3), (4, 3), ())
    present = np.ones((steps, len(shapes)), bool)
    present[:wait, 1] = False
    present[6:9, 2] = False
    plain = context.trajectory(rng.standard_normal((steps, 7)), 0.5, hyper=context.dyadic)
    several = replace(
        plain,
        theta0=tuple(context.cast(rng.uniform(-1.0, 1.0, shape)) for shape in shapes),
        grads=tuple(context.cast(rng.standard_normal((steps, *shape))) for shape in shapes),
        present=present,
    )
    # then with a late one in front, which a count kept with the first parameter shows
    for order in (present, np.roll(present, -1, axis=1)):
        offered(context, account, replace(several, present=order), "late")
