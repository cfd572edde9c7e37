"""What a property is, how it is registered and held, and what properties share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from adamcheck.codes import any_in_blocks
from adamcheck.properties.context import (
    Account,
    Array,
    Break,
    Broken,
    Context,
    Skip,
)
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory

How = Mapping[str, Any]
Property = Callable[[Context, Account, Trajectory, Spec, How], Break | None]

PROPERTIES: Final[dict[str, Property]] = {}
ENVELOPES: Final = ("envelope", "one step", "refilled", "non-finite stays")
"""Properties that hold whole runs against the envelope, or single steps."""


def property_(name: str) -> Callable[[Property], Property]:
    """Register a property under the name that witnesses carry."""

    def register(function: Property) -> Property:
        PROPERTIES[name] = function
        return function

    return register


def hold(
    context: Context,
    account: Account,
    trajectory: Trajectory,
    law: str = "envelope",
    /,
    *,
    spec: Spec | None = None,
    **how: Any,
) -> bool:
    """Hold one trajectory against one property and book what comes out; True if it held."""
    claimed = spec or context.spec
    if any_in_blocks(claimed, trajectory.theta0) and law in ENVELOPES:
        # what codes lose adds up over a run: each step is judged from the codes before it
        if why := _no_single_steps(context, trajectory):
            text = (
                f"single steps of arrays of {claimed.blocks_from} elements and more, whose moments"
            )
            context.note("not-asked", f"{text} are in blocks: {why}")
        else:
            law, trajectory = "blocks", replace(trajectory, moments=True)
    first = PROPERTIES[law](context, account, trajectory, claimed, how)
    if first is not None and not gates(context, first):
        return True
    if first is not None:
        account.broken.append(Broken(law, how, trajectory, claimed, first))
    return first is None


def _no_single_steps(context: Context, trajectory: Trajectory) -> str:
    """Why a run cannot be judged step by step; empty where it can."""
    if not context.able("moments"):
        return "the target does not show its moments"
    if trajectory.present is not None:
        return "some gradients are missing"
    return "a state is loaded at first" if trajectory.preload else ""


def gates(context: Context, first: Break) -> bool:
    """Whether a break fails the check; a choice of the interface is a finding where none asks."""
    if first.choice and not context.strict:
        context.note(first.finding, first.message)
        return False
    return True


def rows(thetas: Array) -> Array:
    return thetas.reshape(thetas.shape[0], -1)


def difference(a: Array, b: Array, message: str) -> Break | None:
    """The first (step, element) where numbers differ; NaN equals NaN and +0 equals -0."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        differs = np.broadcast_to(~((x == y) | (np.isnan(x) & np.isnan(y))), y.shape)
    if not differs.any():
        return None
    step, element = (int(k) for k in np.argwhere(differs)[0])
    count = int(differs.any(axis=0).sum())
    return Break(f"{message} ({count} of {y.shape[1]} elements)", element, step)


def compared(
    context: Context,
    account: Account,
    one: tuple[Trajectory, Trace],
    two: tuple[Trajectory, Trace],
    message: str,
    *,
    factor: float = 1.0,
) -> Break | None:
    a = context.evidence(*one, context.spec).thetas
    b = context.evidence(*two, context.spec).thetas
    account.examples += int(a[1:].size)
    return difference(a.astype(np.float64), factor * b.astype(np.float64), message)


def same_bits_under(
    context: Context,
    account: Account,
    trajectory: Trajectory,
    other: Trajectory,
    message: str,
    *,
    factor: float = 1.0,
) -> Break | None:
    if context.spec.rounding == "stochastic":
        raise Skip("bits are not asked where θ is rounded by chance (rounding=stochastic)")
    one, two = (trajectory, context.run(trajectory)), (other, context.run(other))
    return compared(context, account, one, two, message, factor=factor)
