"""The first step and constant gradients, where the update has a closed form."""

from __future__ import annotations

import numpy as np

from adamcheck.checks.draws import CANCELLED, cancelling
from adamcheck.checks.registry import SWALLOWED, Floor, check
from adamcheck.properties import hold, in_range
from adamcheck.properties.context import Account, Context, Skip


@check(
    "ADAM-FS-1",
    title="The first step",
    law="Δ_1 = α·g/(|g|+ε) over every exponent and many mantissas of the format.",
    clause="t = 1",
    theorem="constant-gradient",
    floor=Floor(narrow=0.2, why="at most exponents of a short range g² has no digits"),
)
def first_step(context: Context, account: Account) -> None:
    fmt = context.ranged
    lowest = max(fmt.min_exponent - fmt.precision + 1, -1070)
    exponents = np.arange(lowest, fmt.max_exponent + 1, 1.0)
    if exponents.size > 600:  # float64: every exponent where training lives, every 16th elsewhere
        exponents = exponents[(np.abs(exponents) < 100) | (exponents % 32 == 0)]
    # twice as many mantissas where g² is in the range
    squared = (2 * exponents >= fmt.min_exponent) & (2 * exponents < fmt.max_exponent)
    exponents = np.repeat(exponents, 1 + squared)
    mantissas = 1.0 + context.rng("first").integers(0, 2**20, (exponents.size, 4)) / 2.0**20
    mantissas[np.diff(exponents, prepend=-np.inf) > 0.0, :2] = 1.0, 2.0 - 2.0 ** (1 - fmt.precision)
    with np.errstate(over="ignore"):
        g = (mantissas * 2.0 ** exponents[:, None]).ravel()
    g = np.concatenate([g, -g[::3], [0.0, -0.0]])
    g = g[np.abs(g) <= fmt.largest]
    for hyper in (context.dyadic, context.ordinary):
        in_range(context, account, context.trajectory(g[None, :], hyper=hyper))


@check(
    "ADAM-CG-1",
    title="Constant gradients",
    law="Under a constant gradient Δ_t = α·g/(|g|+ε) for every t, as far as rounding allows.",
    clause="bias correction of both moments",
    theorem="constant-gradient",
    floor=SWALLOWED,
)
def constant(context: Context, account: Account) -> None:
    high = 4 if context.ranged.short_ranged else 10
    g = np.array([s * m * 2.0**e for s in (1, -1) for m in (1.0, 1.4) for e in range(-high, high)])
    if cancelling(context):
        raise Skip(f"a constant gradient is its own mean: {CANCELLED}")
    # in few digits the parameter has soon moved so far that it swallows its steps
    steps = context.affordable(48 if context.fmt.narrow else 160, least=16)
    for hyper in (context.dyadic, context.ordinary):
        hold(context, account, context.trajectory(np.tile(g, (steps, 1)), hyper=hyper))
