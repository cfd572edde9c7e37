"""The hyperparameters that users have: the target's own defaults, in every format."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from adamcheck.checks.registry import Floor, check
from adamcheck.properties import hold
from adamcheck.properties.context import Account, Array, Context, Skip

SIZES: Final = (1.0, 0.1, 0.01, 0.001)
"""Magnitudes of gradients that training meets."""
_TAIL: Final = 12
"""Steps of one sign at the end of a run whose signs take turns: θ is still small, and no place of
it hides how far they go."""


@check(
    "ADAM-DH-1",
    title="Default hyperparameters, the first steps",
    law="With the target's own defaults (the spec's where it has none) every θ_t lies in the"
    " envelope and is a number wherever the exact one is a number of the format, and θ does not"
    " stand still in every element while exact updates are more than a place of θ: whatever the"
    " format makes of a scalar, as bfloat16(0.999) is 1.",
    clause="α, β1, β2, ε where nothing is passed",
    theorem="rounding-envelope",
)
def short(context: Context, account: Account) -> None:
    grads = everyday(context, min(24, context.profile.steps))
    # α is sixteen places of this θ, where that is not too large
    away = min(1.0, context.used["lr"] * 2.0 ** (context.fmt.precision - 5))
    theta0 = np.where(np.arange(grads.shape[1]) % 2, away, 0.0)
    _held(context, account, grads, theta0)


OUTGROWN: Final = Floor(
    narrow=0.05, why="in few digits θ outgrows its updates; of thousands of steps enough are left"
)


@check(
    "ADAM-DH-2",
    title="Default hyperparameters, a long run",
    law="The same over thousands of steps: nothing becomes NaN and nothing comes to rest; how far"
    " steps go after thousands of gradients of one size is said beside the exact ones.",
    clause="α, β1, β2, ε where nothing is passed",
    theorem="rounding-envelope",
    floor=OUTGROWN,
)
def long(context: Context, account: Account) -> None:
    steps = context.affordable(context.profile.long_steps // 4, least=2 * _TAIL)
    _held(context, account, everyday(context, steps), 0.0, tail=_TAIL)


def everyday(context: Context, steps: int) -> Array:
    """Gradients ``[steps, N]`` of usual sizes: constant, in turn, random, about a mean, and none.

    Random ones stay within an octave of their size, so that no square is far below the others.
    """
    rng = context.rng(f"everyday {steps}")
    sizes = np.array(SIZES)
    t = np.arange(steps)[:, None]
    shape = (steps, sizes.size)
    turns = np.where((t % 2 == 0) | (t >= steps - _TAIL), 1.0, -1.0)
    signs = np.where(rng.random(shape) < 0.5, -1.0, 1.0)
    within = np.exp2(rng.uniform(-0.5, 0.5, shape))
    parts = [turns * sizes, signs * within * sizes]
    if context.spec.centered != "yes":  # of gradients near their mean v-ḡ² cancels
        parts.append(-(1.0 + 0.25 * signs) * sizes)
        parts.append(np.where(np.arange(sizes.size) % 2, -sizes, sizes) * np.ones(shape))
    return np.concatenate([*parts, np.zeros((steps, 1))], axis=1)


def _held(
    context: Context, account: Account, grads: Array, theta0: float | Array, *, tail: int = 0
) -> None:
    trajectory = context.trajectory(grads, theta0, hyper=context.used)
    if context.unspoken(trajectory):
        raise Skip("the default momentum is 0, of which the spec says nothing")
    how: dict[str, Any] = {"tail": tail} if tail else {}
    hold(context, account, trajectory, "moves", **how)
