"""How a step is called: without gradients, and in parameter groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from adamcheck.oracle.evidence import Evidence
from adamcheck.oracle.judge import judge
from adamcheck.properties.base import How, difference, property_, rows
from adamcheck.properties.context import (
    Account,
    Array,
    Break,
    Context,
    Skip,
    TargetTrouble,
)
from adamcheck.properties.envelope import departure
from adamcheck.spec import Spec
from adamcheck.targets.protocol import Trace, Trajectory


@property_("no gradient")
def no_gradient(
    context: Context, account: Account, trajectory: Trajectory, spec: Spec, how: How
) -> Break | None:
    """A call without a gradient leaves a parameter where it is, and afterwards it goes on.

    Either as though nothing had been called, or with a count that went on, or as after a gradient
    of zero, which moves it on; what is not the first is named. Skip where the target refuses a call
    without any gradient.
    """
    assert trajectory.present is not None
    present = np.asarray(trajectory.present)
    trace = context.attempt(trajectory)
    failure = trace.failure
    if failure is not None:
        empty = failure.step and not present[failure.step - 1].any()
        if empty and failure.kind == "raised":
            raise Skip(f"a step without any gradient is refused: {failure.message}")
        raise TargetTrouble(failure)
    for p, given in enumerate(present.T):
        one = replace(
            trajectory, theta0=trajectory.theta0[p : p + 1], grads=trajectory.grads[p : p + 1]
        )
        first: Break | None = None
        for name, parts in _readings(context, one, trace.thetas[p], given, spec, how):
            judgements = [judge(part, context.admission) for part in parts]
            broken = [found for each in judgements if (found := departure(each)) is not None]
            if not broken:
                for each in judgements:
                    account.count(each)
                if _NAMED[name] and all(f.name != "empty-call" for f in context.findings):
                    context.note("empty-call", _NAMED[name])
                first = None
                break
            first = first or broken[0]
        if first is not None:
            told = f"after a call without a gradient {first.message}"
            return _moved(trace.thetas[p], given) or replace(first, message=told)
    return None


_NAMED: Final = {
    "nothing": "",
    "counted": "a call without a gradient advances the step count",
    "zero": "a call without a gradient is one with a gradient of zero: θ coasts on",
}


def _moved(thetas: Array, given: Array) -> Break | None:
    """Whether a parameter moves in a call in which it has no gradient."""
    for t in np.flatnonzero(~given):
        text = "a parameter without a gradient moves"
        if (
            moved := difference(rows(thetas[t : t + 1]), rows(thetas[t : t + 2]), text)
        ) is not None:
            return replace(moved, step=int(t) + 1)
    return None


def _readings(
    context: Context, one: Trajectory, thetas: Array, given: Array, spec: Spec, how: How
) -> Iterator[tuple[str, list[Evidence]]]:
    """What a parameter's calls may mean, as evidence to be judged; none: nothing can be said.

    how["counting"]: the target was seen to count such calls.
    """
    grads = one.grads[0]
    if _moved(thetas, given) is None:
        rest = replace(one, grads=(grads[given],))
        kept = np.concatenate([thetas[:1], thetas[1:][given]])
        yield "nothing", [context.evidence(rest, Trace((kept,)), spec)]
        counted = _counted(context, one, thetas, given, spec)
        if counted is not None:
            yield "counted", counted
        elif how.get("counting"):
            yield "counted", []
    silent = np.where(given.reshape(-1, *(1,) * (grads.ndim - 1)), grads, np.zeros_like(grads))
    yield "zero", [context.evidence(replace(one, grads=(silent,)), Trace((thetas,)), spec)]


def _counted(
    context: Context, one: Trajectory, thetas: Array, given: Array, spec: Spec
) -> list[Evidence] | None:
    """The evidence under a count of all calls; None where the state at a gap is not known."""
    grads, parts = one.grads[0], []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], given, [False]]).astype(int)))
    for k, (begin, end) in enumerate(edges.reshape(-1, 2)):
        part = replace(one, grads=(grads[begin:end],))
        evidence = context.evidence(part, Trace((thetas[begin : end + 1],)), spec)
        if k:
            before = grads[:begin][given[:begin]]
            state = context.state_after(spec, one.hyper, before.reshape(len(before), -1))
            if state is None:
                return None
            evidence = replace(evidence, start=state, shown=True)
        parts.append(replace(evidence, first=int(begin)))
    return parts


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
