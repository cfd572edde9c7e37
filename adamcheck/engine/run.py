"""Run a plan: its units one after the other, then the question which dialect it is instead."""

from __future__ import annotations

from collections.abc import Iterator

from adamcheck.checks.lab import Lab
from adamcheck.engine.explanation import identifying
from adamcheck.engine.plan import Plan
from adamcheck.engine.unit import run_unit
from adamcheck.events import CheckStarted, Event
from adamcheck.formats import format_named
from adamcheck.oracle.judge import warm
from adamcheck.result import Status
from adamcheck.targets.session import Session


def run(plan: Plan, session: Session) -> Iterator[Event]:
    """What happens while the plan runs on the session's target, as it happens.

    Each unit is started and finished, in the order of ``plan.running``; where one failed and the
    spec was claimed, the nearest dialect follows.
    """
    failed = ""
    lab: Lab | None = None
    for unit in plan.running:
        if lab is None or lab.fmt.name != unit.dtype:
            lab = Lab(session, plan.spec, format_named(unit.dtype), plan.profile, plan.seed)
            if plan.compiles:
                warm(plan.spec, lab.fmt)
        yield CheckStarted(unit.check, unit.dtype, unit.index, len(plan.units))
        done = run_unit(lab, unit)
        if done.result.status is Status.FAILED:
            failed = failed or unit.dtype
        yield done
    if failed and plan.identified is None:
        yield from identifying(session, plan.spec, failed)
