"""Every observed number lies in the envelope of the spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import Judgement
from adamcheck.properties.base import How, difference, property_, rows
from adamcheck.properties.context import (
    Account,
    Break,
    Context,
)
from adamcheck.properties.suggestion import of_blocks, of_steps
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trajectory


@property_("envelope")
def envelope(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every observed number lies in the envelope of the spec; building changes no parameter."""
    trace = context.run(trajectory)
    for asked, seen in zip(trajectory.theta0, trace.thetas, strict=True):
        built = difference(rows(asked[None]), rows(seen[:1]), "building changes the parameter")
        if built is not None:
            return built
    first = judged(context, account, context.evidence(trajectory, trace, spec))
    if first is not None:
        of_blocks(context, spec, trajectory)
    return first


@property_("one step")
def one_step(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every step by itself lies in the envelope, from the moments that were shown before it.

    What is rounded in storage is known then, and does not add up: the bound is that of one step.
    picked: so many steps, the later ones further apart; each step where it is not said.
    """
    evidence = context.evidence(trajectory, context.run(trajectory), spec)
    for t in _picked(evidence.shape[0], int(how.get("picked", 0))):
        judgement = context.judged(evidence.step(t))
        account.count(judgement, alone=True)
        if judgement.bad.any():
            of_steps(context, spec, evidence, broken=True)
            first = departure(judgement)
            assert first is not None
            text = f"from the moments shown before it, step {t}: {_which(judgement)} the envelope"
            return replace(first, message=text, step=t, before=t - 1)
    of_steps(context, spec, evidence, broken=False)
    return None


def _picked(steps: int, count: int) -> list[int]:
    """The steps to be held, from 1 on; the last one is among them."""
    if not count:
        return list(range(1, steps + 1))
    return sorted({int(t) for t in np.geomspace(1, steps, count)} | {steps})


def first_fit(
    context: Context, account: Account, trajectory: Trajectory, specs: Sequence[Spec]
) -> Spec | None:
    """The first of several specs that the trajectory fits; what it decided is booked."""
    for s in specs:
        asked = replace(trajectory, hyper=context.completed(trajectory.hyper, s))
        judgement = context.judged(context.evidence(asked, context.run(asked), s))
        if judgement.accepted:
            account.count(judgement)
            return s
    return None


def judged(context: Context, account: Account, evidence: Evidence) -> Break | None:
    judgement = context.judged(evidence)
    account.count(judgement)
    return departure(judgement)


def departure(judgement: Judgement) -> Break | None:
    """The earliest departure from the envelope, if there is one."""
    if not judgement.bad.any():
        return None
    element, step, quantity = judgement.earliest
    return Break(
        f"{_which(judgement)} the envelope, first at step {step}",
        element,
        step,
        quantity,
        judgement.evidence,
        judgement.admission,
    )


def _which(judgement: Judgement) -> str:
    """Which elements left, in words that point at a lost tail or at one wrong index."""
    bad = np.flatnonzero(judgement.bad)
    count, size = bad.size, judgement.evidence.shape[1]
    thetas = judgement.evidence.thetas[:, bad].astype(np.float64)
    still = " does not move and" if bool((thetas == thetas[:1]).all()) else ""
    if count < size and bad[-1] == size - 1 and bad[0] == size - count:
        what = "the last element" if count == 1 else f"the last {count} elements"
        return f"{what} of {size}{_plural(still, count)} {_leave(count)}"
    if count <= 3 and count < size:
        what = ", ".join(str(i) for i in bad)
        return f"element {what} of {size}{_plural(still, count)} {_leave(count)}"
    if size == 1:
        return f"the only element{still} {_leave(1)}"
    return f"{count} of {size} elements{_plural(still, count)} {_leave(count)}"


def _leave(count: int) -> str:
    return "leaves" if count == 1 else "leave"


def _plural(text: str, count: int) -> str:
    return text if count == 1 else text.replace("does", "do")
