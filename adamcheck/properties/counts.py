"""Step counts that are loaded: how far a target counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adamcheck.program import Program
from adamcheck.program import trace as program_of
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Break, Context, TargetTrouble
from adamcheck.properties.envelope import judged
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory

_GONE: Final = 1100
"""A power of β below 2^-1100 is less than every number of float64: whichever it is, every bound is
infinitely larger than its distance from 0."""

FURTHEST: Final = 1 << 30
"""Steps beyond which a count that ends is told and no deviation: 12 days at a thousand a second."""

WALKED: Final = 1 << 21
"""Steps from which on a target that walks to a loaded count may take longer than it is given."""


def settled(program: Program, hyper: Mapping[str, float], t: int) -> int:
    """A step count at which every clock stands as it does after t steps, or t itself.

    Corrections are over once β^t is less than any number; the oracle need not walk further.
    """
    if not {*program.clocks} <= {"p1", "p2"}:
        return t
    betas = [hyper[f"beta{clock[1:]}"] for clock in program.clocks]
    slowest = max((beta for beta in betas if beta > 0.0), default=0.5)
    return min(t, math.ceil(_GONE * math.log(2.0) / -math.log(slowest)) + 1)


@property_("late count")
def late_count(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """The steps from a loaded state lie in the envelope.

    A count that ends after more steps than anybody takes (``FURTHEST``) is a choice.
    """
    assert trajectory.preload is not None
    trace = context.attempt(trajectory)
    failure = trace.failure
    if failure is not None:
        t = int(trajectory.preload[0]["t"])
        # who keeps β^t may walk there, step by step, and be long about it
        walks = failure.kind == "hung" and t >= WALKED
        raises = failure.kind == "raised" and (failure.step <= 1 or t >= FURTHEST)
        if not (walks or raises):
            raise TargetTrouble(failure, trajectory)
        account.refused.append(f"states of {t:,} steps")
        text = f"a state of {t:,} steps is not taken: {failure.message}"
        if walks:
            return Break(text, 0, failure.step, choice=True, finding="count-limit")
        return _told(Break(text, 0, failure.step), t)
    context.sound(trace, trajectory)
    evidence = context.evidence(trajectory, trace, spec)
    at = settled(program_of(spec), evidence.hyper, evidence.first)
    first = judged(context, account, replace(evidence, first=at))
    return None if first is None else _told(first, evidence.first)


def _told(first: Break, t: int) -> Break:
    """A break after t steps: a choice where nobody takes so many."""
    if t < FURTHEST:
        return first
    text = f"beyond what anybody takes, at step {t:,}: {first.message}"
    return replace(first, message=text, choice=True, finding="count-limit")
