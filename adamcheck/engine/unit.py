"""One unit of a run: hold one check in one dtype, and say what came of it.

Fails closed: a check that raised, decided nothing or met a failing target never passes.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from adamcheck.checks.registry import Check, check_by_id, coverage
from adamcheck.engine.plan import Plan, Unit
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished
from adamcheck.formats import format_named
from adamcheck.horizon import merged
from adamcheck.properties.context import (
    Account,
    Break,
    Broken,
    Context,
    Skip,
    TargetTrouble,
    TooFewSteps,
)
from adamcheck.properties.scenario import scenario
from adamcheck.result import CheckResult, Status
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

SHRINK_RUNS: Final = 40
SHRINK_STEPS: Final = 2048
"""What may be spent on making one witness smaller: runs of the target, and their steps in all."""

LARGEST_SCENARIO: Final = 1 << 14
"""Gradients of a run that is kept where the target fails: every check may fail on its own."""


def context_for(plan: Plan, session: Session, dtype: str) -> Context:
    """Where the units of one dtype are run."""
    fmt = format_named(dtype)
    return Context(
        session,
        plan.spec,
        fmt,
        plan.profile,
        plan.seed,
        max_steps=plan.max_steps,
        strict=plan.strict_interface,
    )


def run_unit(context: Context, unit: Unit) -> CheckFinished:
    """Hold a unit's check against the target; only what is the caller's fault is raised."""
    begun, known = time.monotonic(), len(context.findings)
    one = check_by_id(unit.check)
    empty = blank(one, context.fmt.name, context.session.device)
    account = Account()
    if unit.lacking:
        reason = f"the target lacks: {', '.join(unit.lacking)}"
        result = replace(empty, status=Status.SKIPPED, message=reason)
    else:
        status, message, trouble = _ran(context, one, account)
        counted = replace(empty, examples=account.examples, undecided=account.undecided)
        if account.broken:  # whatever else went wrong
            result = failed(context, counted, account, shrink=status is not Status.ERROR)
        elif status is Status.PASSED:
            result = passed(
                counted, account, floor=one.floor.of(context.ranged, stored=context.stored_short)
            )
            if result.status is Status.INCONCLUSIVE and not account.open:
                result = _fixed(result, context)
            if account.refused and not account.examples:
                what = ", ".join(dict.fromkeys(account.refused))
                text = f"the target refuses {what}"
                result = replace(empty, status=Status.SKIPPED, message=text)
        else:
            result = replace(empty, status=status, message=message)
            if trouble is not None and trouble.trajectory is not None:
                result = _met(context, result, trouble, trouble.trajectory)
    result = replace(result, seconds=time.monotonic() - begun)
    reached = merged(context.fmt.name, account.reach.horizons)
    return CheckFinished(result, tuple(context.findings[known:]), reached)


def lost(unit: Unit, device: str, why: str) -> CheckFinished:
    """The outcome of a unit whose process was lost: an error, whatever it would have shown."""
    empty = blank(check_by_id(unit.check), unit.dtype, device)
    return CheckFinished(replace(empty, message=why))


def blank(one: Check, dtype: str, device: str) -> CheckResult:
    """The outcome of a check before anything is known: an error."""
    return CheckResult(
        name=one.id,
        family=one.family,
        theorem=one.theorem,
        law=one.law,
        status=Status.ERROR,
        dtype=dtype,
        device=device,
    )


def failed(
    context: Context, counted: CheckResult, account: Account, *, shrink: bool
) -> CheckResult:
    """The outcome of a check that saw its law broken, with a witness."""
    from adamcheck.properties.witnessing import witness_of

    first = account.broken[0]
    seen = replace(counted, status=Status.FAILED, message=first.first.message)
    # what comes after the step that is off is cut away first
    steps = first.first.step or first.trajectory.steps
    runs = min(SHRINK_RUNS, SHRINK_STEPS // max(steps, 1))
    try:
        return replace(
            seen, witness=witness_of(context, counted.name, first, runs=runs if shrink else 0)
        )
    except UsageError:
        raise
    except Exception as fault:  # the deviation was seen, whether or not it can be written down
        return replace(seen, message=f"{seen.message} ({_fault('its witness', fault)})")


def passed(counted: CheckResult, account: Account, *, floor: float = 0.0) -> CheckResult:
    """The outcome of a check that came to its end and saw nothing broken.

    floor: the least share of element-steps that it must have decided, else it is inconclusive.
    """
    counted = replace(counted, floor=floor)
    if account.open:
        text = f"{account.open} element-steps could not be decided at any precision level"
        return replace(counted, status=Status.INCONCLUSIVE, message=text)
    if not account.examples:
        text = "in every element-step the envelope is wider than the quantity"
        return replace(counted, status=Status.INCONCLUSIVE, message=text)
    share = coverage(account.examples, account.undecided)
    if share < floor:
        text = f"only {share:.1%} of the element-steps could be decided, of {floor:.0%} at least"
        return replace(counted, status=Status.INCONCLUSIVE, message=text)
    return replace(counted, status=Status.PASSED)


def _fixed(result: CheckResult, context: Context) -> CheckResult:
    """A check that decided too little, as skipped where fixed values leave it no better ones."""
    told = context.declared.told_fixed()
    if not told:
        return result
    return replace(result, status=Status.SKIPPED, message=f"with {told} {result.message}")


def _ran(
    context: Context, one: Check, account: Account
) -> tuple[Status, str, TargetTrouble | None]:
    """Run a check: passed if it came to its end, else how and why it did not."""
    try:
        one.run(context, account)
    except Skip as reason:
        return Status.SKIPPED, str(reason), None
    except TooFewSteps as reason:
        return Status.INCONCLUSIVE, str(reason), None
    except TargetTrouble as trouble:
        return Status.ERROR, str(trouble), trouble
    except UsageError:
        raise
    except Exception as fault:  # a fault of ours must not hide what else was measured
        return Status.ERROR, _fault(one.id, fault), None
    return Status.PASSED, "", None


def _met(
    context: Context, result: CheckResult, trouble: TargetTrouble, trajectory: Trajectory
) -> CheckResult:
    """The outcome with the run on which the target failed; a large one is no witness."""
    result = replace(result, explanation=f"on {scenario(trajectory)}")
    if sum(g.size for g in trajectory.grads) > LARGEST_SCENARIO:
        return result
    from adamcheck.properties.witnessing import written

    seen = Break(str(trouble), 0, trouble.failure.step)
    run = Broken("envelope", {}, trajectory, context.spec, seen)
    return replace(result, witness=written(context, result.name, run))


def _fault(where: str, fault: Exception) -> str:
    return f"adamcheck itself failed in {where}: {type(fault).__name__}: {fault}"
