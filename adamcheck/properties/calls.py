"""How a step is called: without gradients, and in parameter groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from adamcheck.oracle.evidence import Evidence
from adamcheck.properties.base import How, property_
from adamcheck.properties.context import Account, Break, Context, TargetTrouble
from adamcheck.properties.envelope import departure
from adamcheck.properties.gaps import explained, possible
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory


@property_("no gradient")
def no_gradient(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A call without a gradient leaves a parameter where it is, and afterwards it goes on.

    Either as though nothing had been called, or with a count that went on, or as after a gradient
    of zero, which moves it on. Calls in which no parameter has one ("empty") mean the same
    throughout, and so do those in which others have one ("beside"). A target that refuses the
    former has made a choice.
    """
    assert trajectory.present is not None
    present = np.asarray(trajectory.present)
    trace = context.attempt(trajectory)
    failure, seen = trace.failure, account
    if failure is None:
        context.sound(trace, trajectory)
    elif failure.kind != "raised" or not failure.step or present[failure.step - 1].any():
        raise TargetTrouble(failure, trajectory)
    else:  # what came before is no example of going on after such a call
        account.refused.append("calls without any gradient")
        seen = Account()
    known = dict(how.get("meant", {}))
    begun = failure is None or failure.step > 1
    for p, given in enumerate(present.T if begun else ()):
        evidence = _alone(context, trajectory, trace, spec, p)
        idle = np.flatnonzero(~given[: evidence.shape[0]]).tolist()
        kinds = {t: "beside" if present[t].any() else "empty" for t in idle}
        first = explained(context, seen, evidence, kinds, possible({"meant": known}, kinds))
        if first is not None:
            told = f"after a call without a gradient {first.message}"
            return replace(first, message=told) if first.quantity else first
        known |= seen.meant
    if failure is None:
        return None
    text = f"a step without any gradient is refused: {failure.message}"
    return Break(text, 0, failure.step, choice=True, finding="empty-call-refused")


def _alone(context: Context, trajectory: Trajectory, trace: Trace, spec: Spec, p: int) -> Evidence:
    """One parameter of a run."""
    one = replace(
        trajectory, theta0=trajectory.theta0[p : p + 1], grads=trajectory.grads[p : p + 1]
    )
    moments = None if trace.moments is None else trace.moments[p : p + 1]
    return context.evidence(one, Trace(trace.thetas[p : p + 1], moments), spec)


@property_("groups")
def groups(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """Every parameter follows the hyperparameters of its own group."""
    assert trajectory.groups is not None
    trace = context.run(trajectory)
    for p, own in enumerate(trajectory.groups):
        one = replace(
            trajectory,
            theta0=trajectory.theta0[p : p + 1],
            grads=trajectory.grads[p : p + 1],
            hyper={**trajectory.hyper, **own},
            groups=None,
        )
        judgement = context.judged(context.evidence(one, Trace((trace.thetas[p],)), spec))
        account.count(judgement)
        if (first := departure(judgement)) is not None:
            told = ", ".join(f"{name}={value:g}" for name, value in own.items()) or "the defaults"
            place = f"parameter {p}, in a group with {told}"
            return replace(first, message=f"{place}: {first.message}")
    return None
