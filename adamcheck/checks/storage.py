"""What a spec claims of storage: formats of moments, copies behind θ, how θ is rounded."""

from __future__ import annotations

import numpy as np

from adamcheck import storage
from adamcheck.checks.registry import Floor, check
from adamcheck.formats import format_named
from adamcheck.program import trace
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Context, Skip
from adamcheck.properties.storage import claimed, spread_parameters

SUMMED = Floor(narrow=0.25, why="the first updates are smaller than a place of θ")


@check(
    "ADAM-ST-1",
    title="Formats in which moments are kept",
    law="Every moment shown is a number of the format in which the spec says it is kept, and needs"
    " all digits of it.",
    clause="m_t, v_t",
    theorem="stored-rounding",
    needs=("moments",),
    claims=("moments", "m"),
)
def formats(context: Context, account: Account) -> None:
    grads = context.rng("formats").standard_normal((24, 32))
    trajectory = context.trajectory(grads, moments=True)
    context.needs_shown([*claimed(context.spec)], trajectory)
    hold(context, account, trajectory, "kept formats")


@check(
    "ADAM-ST-2",
    title="No update is lost",
    law="Where a wider copy of θ or a compensation is claimed, θ_t is θ_0 less the sum of all"
    " updates, within a place of θ and what these are off: small ones add up, also after a reload.",
    clause="θ_t = θ_{t-1} - Δ_t",
    theorem="kept-sums",
    claims=("master", "kahan"),
    floor=SUMMED,
)
def lost_updates(context: Context, account: Account) -> None:
    if not storage.remembers(context.spec):
        raise Skip("no copy of θ is claimed in which updates would be kept")
    if context.spec.master in ("float32", "float64") and storage.holds(
        context.fmt, format_named(context.spec.master)
    ):
        raise Skip(f"θ is kept in {context.fmt.name}: a {context.spec.master} copy adds nothing")
    steps, count = min(256, 4 * context.profile.steps), 64
    # an eighth of what nearest rounding would lose whole, and all one way
    hyper = context.altered(context.dyadic, lr=context.fmt.u / 8.0, weight_decay=0.0)
    if context.may(beta1=0.0, beta2=0.0, momentum=0.0):
        # without averages an update is off by few roundings, and their sum by less than a place
        hyper = context.altered(hyper, beta1=0.0, beta2=0.0, momentum=0.0)
    # ε as large as gradients: their updates are of several sizes, and the smaller ones have to be
    # kept through more steps until they show
    hyper = context.altered(hyper, eps=0.125)
    rng = context.rng("lost")
    sizes = rng.uniform(0.5, 1.0, (steps, count)) * 2.0 ** rng.uniform(-4.0, 0.0, count)
    grads = sizes * np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    trajectory = context.trajectory(grads, spread_parameters(context, count), hyper=hyper)
    hold(context, account, trajectory, "no lost updates")
    if context.able("state"):
        again = context.trajectory(
            grads, trajectory.theta0[0], hyper=hyper, reload_after=steps // 2
        )
        hold(context, account, again, "no lost updates")


@check(
    "ADAM-ST-4",
    title="Moments in blocks",
    law="From the moments shown before it every step of a large array is exact, and its moments are"
    " within half a gap of the map of codes, times the largest magnitude of their own block;"
    " smaller arrays are kept as numbers.",
    clause="m_t, v_t",
    theorem="block-codes",
    needs=("moments",),
    claims=("bits",),
)
def blocks(context: Context, account: Account) -> None:
    if context.spec.bits == "none":
        raise Skip("no moments in blocks are claimed")
    least, block = int(context.spec.blocks_from), int(context.spec.blocks)
    rng = context.rng("blocks")
    size = max(block, -(-least // block) * block) + block
    # every block has a scale of its own, and small elements beside a large one
    scale = np.repeat(2.0 ** rng.uniform(-3.0, 3.0, size // block), block)
    inner = 2.0 ** rng.uniform(-6.0, 0.0, size)
    for hyper in (context.dyadic, context.ordinary):
        grads = rng.standard_normal((6, size)) * scale * inner
        trajectory = context.trajectory(grads, hyper=hyper, moments=True)
        hold(context, account, trajectory, "blocks", whole=True)
    if least > 1:
        grads = rng.standard_normal((6, least - 1))
        hold(context, account, context.trajectory(grads, moments=True), "one step")


@check(
    "ADAM-ST-3",
    title="How θ is rounded",
    law="Where stochastic rounding is claimed θ goes to either neighbour of the exact one, unbiased"
    " wherever that lies between them; where truncation is, never away from zero.",
    clause="fl(θ_t)",
    theorem="stored-rounding",
    claims=("rounding",),
)
def rounding(context: Context, account: Account) -> None:
    if not trace(context.spec).output or context.spec.rounding == "nearest":
        raise Skip("θ is rounded to nearest: the envelope of every step says so")
    count = 1 << 13
    hyper = context.altered(context.dyadic, lr=context.fmt.u, weight_decay=0.0)
    grads = context.rng("rounded").uniform(0.5, 1.0, (1, count))
    grads[:, ::2] *= -1.0
    theta0 = spread_parameters(context, count)
    if context.spec.algorithm not in ("gd", "momentum"):  # there the first step is α·sign(g)
        hyper = context.altered(hyper, eps=1.0)
    hold(context, account, context.trajectory(grads, theta0, hyper=hyper), "rounding of theta")
