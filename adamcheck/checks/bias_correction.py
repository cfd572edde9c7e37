"""Bias correction at the steps where counters, powers and branches are known to break."""

from __future__ import annotations

from adamcheck.checks.draws import CANCELLED, cancelling, ladder, life, slow, state_at
from adamcheck.checks.registry import SWALLOWED, check
from adamcheck.program import trace
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Context, Skip


def _corrected(context: Context) -> None:
    if not trace(context.spec).clocks:
        raise Skip(f"nothing in {context.spec} depends on t")


@check(
    "ADAM-BC-1",
    title="t = 1, 2, 3 … by running",
    law="The corrections 1-β1^t and 1-β2^t are right at every t of a long run whose β are as near"
    " to 1 as the format can follow, so that they move for long.",
    clause="m/(1-β1^t), v/(1-β2^t)",
    theorem="geometric-weights",
    floor=SWALLOWED,
)
def by_running(context: Context, account: Account) -> None:
    _corrected(context)
    if cancelling(context):
        raise Skip(f"averages that remember so long: {CANCELLED}")
    last = context.profile.late(context.profile.slow_steps, context.coarsest)
    steps = context.affordable(last, least=130)
    hyper = slow(context, last)
    # few digits bring runs so short that a pause would take what is left to be seen
    pauses = 0 if context.coarsest.narrow else 2  # long runs of few digits (ADAM-LS-7) have pauses
    grads = life(context, hyper, steps, context.profile.crowd, "bias", pauses=pauses)
    hold(context, account, context.trajectory(grads, hyper=hyper))


@check(
    "ADAM-BC-2",
    title="Late t, by loading a state",
    law="From a loaded state with step count t the next corrections are those of t+1, for t just"
    " below powers of two, where counters end, and drawn in every decade.",
    clause="m/(1-β1^t), v/(1-β2^t)",
    theorem="geometric-weights",
    needs=("load_moments",),
)
def by_loading(context: Context, account: Account) -> None:
    _corrected(context)
    if context.spec.algorithm != "adam":
        raise Skip("states are loaded as Adam's m, v and t")
    rng, most = context.rng("load"), context.profile.loaded
    # integers of 8 and 16 bits, and the precision of every format, end at a power of two
    ends = [2**k - 2 for k in (7, 8, 9, 11, 12, 16) if 2**k <= most]
    for t in sorted({*ends, *ladder(rng, 1, most)}):
        _from(context, account, t, slow(context, t))
        if account.refused:  # and so are later ones
            return
    # counters of more bits end where corrections are long over: β that forget soon say all there is
    brief = context.altered(context.dyadic, beta1=0.5, beta2=0.75)
    for k in (24, 31, 32):
        if 2**k > most and context.may(beta1=0.5, beta2=0.75) and not account.refused:
            _from(context, account, 2**k - 2, brief)


def _from(context: Context, account: Account, t: int, hyper: dict[str, float]) -> None:
    """Some steps from a state of t steps."""
    rng, n = context.rng(f"load {t}"), 24
    m, v = rng.uniform(-1.0, 1.0, n), rng.uniform(0.25, 1.0, n)
    above = 1.5 if context.spec.amsgrad == "v" else 1.0
    state = state_at(context, t, m, v, hyper["beta2"], above=above)
    grads = rng.uniform(-1.0, 1.0, (4, n))
    trajectory = context.trajectory(grads, hyper=hyper, preload=(state,))
    hold(context, account, trajectory, "late count")
