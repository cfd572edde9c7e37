"""From the events of a run to its result; nothing here asks the target anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adamcheck.engine.explanation import explained
from adamcheck.engine.plan import Plan
from adamcheck.events import CheckFinished, Event, Identified
from adamcheck.horizon import Horizon, merged
from adamcheck.result import CheckResult, Finding, Identification, Result, Status, verdict_of
from adamcheck.spec.defaults import judged, wrong
from adamcheck.targets.protocol import Description


@dataclass
class Record:
    """What the events of one run have told so far."""

    plan: Plan
    outcomes: dict[tuple[str, str], CheckResult] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    horizons: list[Horizon] = field(default_factory=list)
    identified: Identification | None = None

    def __post_init__(self) -> None:
        self.findings += self.plan.findings
        self.identified = self.plan.identified

    def hear(self, event: Event) -> None:
        """Take one event in."""
        if isinstance(event, CheckFinished):
            self.outcomes[event.result.name, event.result.dtype] = event.result
            self.findings += event.findings
            if event.horizon is not None:
                self.horizons.append(event.horizon)
        elif isinstance(event, Identified):
            self.identified = event.found
            if event.error:
                self.findings.append(Finding("identification", event.dtype, event.error))

    def result(
        self, known: Description, *, options: Mapping[str, Any], seconds: float = 0.0
    ) -> Result:
        """The result; a unit of the plan of which nothing was heard leaves the run incomplete."""
        plan, places = self.plan, [(unit.check, unit.dtype) for unit in self.plan.units]
        checks = [self.outcomes[place] for place in places if place in self.outcomes]
        if self.identified is not None:
            checks = [explained(check, self.identified, plan.spec) for check in checks]
        error = plan.error
        if len(checks) < len(places):
            lost = next(place for place in places if place not in self.outcomes)
            error = error or f"{len(places) - len(checks)} checks gave no outcome, first {lost[0]}"
        if plan.defaults == "strict":
            checks.append(_defaults(known, plan))
        done = tuple(checks)
        return Result(
            target=plan.target,
            spec=str(plan.spec),
            verdict=verdict_of(done, scope=plan.scope, error=error),
            checks=done,
            findings=tuple(self.findings),
            identified=self.identified,
            environment=dict(known.environment),
            seed=plan.seed,
            profile=plan.profile.name,
            adapter=known.adapter,
            options=dict(options),
            error=error,
            seconds=seconds,
            scope=plan.scope,
            defaults=known.defaults,
            horizons=tuple(
                merged(dtype, (h for h in self.horizons if h.dtype == dtype))
                for dtype in plan.dtypes
            ),
        )


def _defaults(known: Description, plan: Plan) -> CheckResult:
    """The outcome of strict defaults; it needs no run, and is of every format alike."""
    lacking = known.defaults.lacking
    unread = sorted(known.defaults.opaque & {*plan.spec.hyperparameters})
    seen = CheckResult(
        name="DEFAULTS",
        family="defaults",
        theorem="",
        law="What the target uses where nothing is passed is what the source of the spec proposes.",
        status=Status.PASSED,
        dtype=next(iter(plan.dtypes), "any"),
        device=plan.device,
        examples=len(judged(known.defaults, plan.spec)),
    )
    if found := [one.text for one in wrong(known.defaults, plan.spec)]:
        return replace(seen, status=Status.FAILED, message="; ".join(found))
    if unread:
        text = "; ".join(
            f"the default of {name} cannot be read: {lacking[name]}" for name in unread
        )
        return replace(seen, status=Status.INCONCLUSIVE, message=text)
    if not seen.examples:
        text = f"no default was read of which the source of {plan.spec} says what it should be"
        return replace(seen, status=Status.SKIPPED, message=text)
    return seen
