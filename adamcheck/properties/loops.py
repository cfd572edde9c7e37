"""Closed loops: a target on a problem, judged in lock-step with the gradients that it was given.

What leaves the envelope becomes an open-loop witness that needs no problem to be replayed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.properties.base import PROPERTIES, How, property_
from adamcheck.properties.context import Account, Break, Broken, Context, TargetTrouble
from adamcheck.properties.envelope import departure
from adamcheck.properties.interface import refuses
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

CLOSED: Final = "closed loop"


def close(context: Context, account: Account, trajectory: Trajectory) -> bool:
    """Close the loop and hold every step to the envelope; True if all held."""
    try:
        first = PROPERTIES[CLOSED](context, account, trajectory, context.spec, {})
    except TargetTrouble:
        if not refuses(context, account, trajectory):
            raise
        return True
    if first is None:
        return True
    account.broken.append(_broken(context, trajectory, first))
    return False


@property_(CLOSED)
def closed_loop(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every step lies in the envelope of the step from the target's own parameter."""
    trace = context.run(trajectory)
    opened = trajectory if trace.grads is None else replace(trajectory, grads=trace.grads)
    evidence = context.evidence(opened, trace, spec)
    judgement = context.judged(evidence)
    account.count(judgement)
    first = departure(judgement)
    if first is None or trajectory.lrs is None:
        return first
    return replace(first, message=f"{first.message}, while α changes from step to step")


def _broken(context: Context, trajectory: Trajectory, first: Break) -> Broken:
    if first.evidence is None:
        return Broken(CLOSED, {}, trajectory, context.spec, first)
    shape = trajectory.grads[0].shape
    grads = np.asarray(first.evidence.grads, context.fmt.dtype).reshape(shape)
    opened = replace(trajectory, grads=(grads,), problem=None)
    law = "envelope" if trajectory.lrs is None else CLOSED
    return Broken(law, {}, opened, context.spec, first)
