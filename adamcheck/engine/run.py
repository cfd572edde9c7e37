"""Run a plan, alone or with a crew beside, then ask which dialect the target is instead.

Outcomes are told in the order of the plan whoever found them, so that a run beside a crew tells
and finds the same as one alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING

from adamcheck.engine.crew import Crew
from adamcheck.engine.explanation import identifying
from adamcheck.engine.plan import Plan, Unit
from adamcheck.engine.unit import context_for, lost, run_unit
from adamcheck.events import CheckFinished, CheckStarted, Event, Progress
from adamcheck.oracle.evaluate import one_thread
from adamcheck.properties.context import Context
from adamcheck.result import CheckResult, Status, Witness
from adamcheck.targets.protocol import Trajectory
from adamcheck.targets.session import Session

if TYPE_CHECKING:
    from adamcheck.identify import Deviating


def run(plan: Plan, session: Session, crew: Crew | None = None) -> Iterator[Event]:
    """What happens while the plan runs on the session's target.

    Each unit is started and finished, in the order of ``plan.running``, with Progress as it
    happens; where one failed and the spec was claimed, the nearest dialect follows.
    """
    failed: list[CheckResult] = []
    for event in _units(plan, session, crew):
        if isinstance(event, CheckFinished) and event.result.status is Status.FAILED:
            failed.append(event.result)
        yield event
    if failed and plan.identified is None:
        yield from identified(plan, session, failed)


def identified(plan: Plan, session: Session, failed: Sequence[CheckResult]) -> Iterator[Event]:
    """Ask which dialect the target is instead, with the runs of failed checks as evidence."""
    dtype = failed[0].dtype
    # what a format makes of its scalars under the defaults is no edit of a rule, and is named
    told = [one for one in failed if one.dtype == dtype and one.family != "defaults"]
    seen = [one.witness for one in told if one.witness]
    yield from identifying(
        session, plan.spec, dtype, lambda: _deviating(plan, session, dtype, seen)
    )


def _deviating(
    plan: Plan, session: Session, dtype: str, witnesses: Sequence[Witness]
) -> list[Deviating]:
    """The runs of witnesses, as evidence for identification."""
    from adamcheck.identify import Deviating
    from adamcheck.properties.witnessing import trajectory_of

    context = context_for(plan, session, dtype)
    return [Deviating(trajectory_of(one, context), one.element) for one in witnesses]


@dataclass
class _Order:
    """Outcomes as they come, told in the order of the plan."""

    units: tuple[Unit, ...]
    done: dict[int, CheckFinished] = field(default_factory=dict)
    facts: set[tuple[str, str, str]] = field(default_factory=set)
    told: int = 0
    begun: int = 0

    def begin(self, unit: Unit) -> Iterator[Event]:
        """A unit starts; it is told now if all before it are told."""
        if unit.index == self.told + 1:
            yield from self._start(unit)

    def ready(self) -> Iterator[Event]:
        """Tell what can be told."""
        while self.told + 1 in self.done:
            yield from self._tell(self.units[self.told])

    def rest(self) -> Iterator[Event]:
        """Tell everything that is known, whatever is missing before it."""
        for index in sorted(self.done):
            yield from self._tell(self.units[index - 1])

    def _tell(self, unit: Unit) -> Iterator[Event]:
        if self.begun < unit.index:
            yield from self._start(unit)
        event = self.done.pop(unit.index)
        # two processes may have seen the same fact; the first in the plan's order tells it
        new = tuple(f for f in event.findings if (f.name, f.dtype, f.message) not in self.facts)
        self.facts.update((f.name, f.dtype, f.message) for f in new)
        yield replace(event, findings=new)
        self.told = unit.index

    def _start(self, unit: Unit) -> Iterator[Event]:
        self.begun = unit.index
        yield CheckStarted(unit.check, unit.dtype, unit.index, len(self.units))


def _units(plan: Plan, session: Session, crew: Crew | None) -> Iterator[Event]:
    order, finished = _Order(plan.running), 0
    contexts: dict[str, Context] = {}
    changed: dict[str, tuple[int, Trajectory]] = {}

    def hear(*, wait: bool = False) -> None:
        nonlocal finished
        if crew is not None:
            for index, event, trajectory in crew.heard(wait=wait):
                order.done[index] = event
                finished += 1
                saw(order.units[index - 1], trajectory)

    def progress(*own: Unit) -> Progress:
        theirs = () if crew is None else crew.running
        units = [*own, *(order.units[index - 1] for index in theirs)]
        return Progress(finished, len(order.units), tuple((u.check, u.dtype) for u in units))

    def saw(unit: Unit, trajectory: Trajectory | None) -> None:
        """Remember the first run, in the order of the plan, that changed a gradient."""
        if trajectory is not None and unit.index < changed.get(unit.dtype, (inf,))[0]:
            changed[unit.dtype] = unit.index, trajectory

    def own(unit: Unit) -> Iterator[Event]:
        nonlocal finished
        yield from order.begin(unit)
        yield progress(unit)
        if unit.dtype not in contexts:
            contexts[unit.dtype] = context_for(plan, session, unit.dtype)
        context = contexts[unit.dtype]
        context.changed = (
            changed[unit.dtype][1] if unit.looks_back and unit.dtype in changed else None
        )
        order.done[unit.index] = run_unit(context, unit)
        finished += 1
        saw(unit, context.changed)
        hear()
        yield from order.ready()

    try:
        with _beside(crew, plan, session) as shards:
            for units in shards:
                for unit in units:
                    yield from own(unit)
            while crew is not None and crew.busy:
                hear(wait=True)
                yield from order.ready()
                yield progress()
        for unit in plan.looking_back:
            yield from own(unit)
    except KeyboardInterrupt:
        yield from order.rest()
        raise
    for unit in order.units[order.told :]:
        if unit.index not in order.done:
            why = "the worker process that ran this check was lost"
            order.done[unit.index] = lost(unit, plan.device, why)
    yield from order.ready()


@contextmanager
def _beside(
    crew: Crew | None, plan: Plan, session: Session
) -> Iterator[Iterator[tuple[Unit, ...]]]:
    """The shards to run here, beside a crew on one core; and the end of the crew after them."""
    if crew is None:
        yield iter(plan.shards)
        return
    crew.begin(plan, session.description)
    try:
        with one_thread():
            yield crew.shards(plan)
    finally:
        crew.close()
