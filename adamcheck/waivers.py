"""Waivers: named, expected deviations with a reason; data with strict meaning.

A waiver lets a failed check count as known. One that has expired, or whose deviation is gone,
fails the run, so that the list never says more than is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from adamcheck.errors import UsageError, closest
from adamcheck.formats import FORMATS
from adamcheck.removed import said_of
from adamcheck.result import CheckResult, Result, Status, verdict_of

ANY: Final = "any"
FAMILY: Final = "waivers"
"""Of the outcome that tells of an expired waiver: no check ran for it."""
DTYPES: Final = (*FORMATS, ANY)


@dataclass(frozen=True)
class Waiver:
    """One expected deviation: a check's id, a dtype (or ``any``), why, and until which day.

    ``target`` restricts it to one target; empty means every target of the run.
    """

    check: str
    dtype: str
    reason: str
    expiry: date | None = None
    target: str = ""

    def covers(self, check: CheckResult) -> bool:
        """True when the waiver speaks of this check in this dtype."""
        return check.name == self.check and self.dtype in (ANY, check.dtype)

    def __str__(self) -> str:
        return f"{self.check} [{self.dtype}]"


def validate_waivers(waivers: Iterable[Waiver], known_checks: Iterable[str]) -> None:
    """Raise UsageError for an unknown check or dtype, an empty reason, or a waiver given twice."""
    known = tuple(known_checks)
    seen: set[tuple[str, str, str]] = set()
    for waiver in waivers:
        if gone := said_of(waiver.check):
            raise UsageError(f"waiver: {gone}")
        if waiver.check not in known:
            raise UsageError(
                f"waiver: unknown check {waiver.check!r}.{closest(waiver.check, known)}"
            )
        if waiver.dtype not in DTYPES:
            raise UsageError(
                f"waiver {waiver.check}: unknown dtype {waiver.dtype!r}; known are"
                f" {', '.join(DTYPES)}.{closest(waiver.dtype, DTYPES)}"
            )
        if not waiver.reason.strip():
            raise UsageError(f"waiver {waiver}: the reason is empty; say why this is expected")
        key = (waiver.check, waiver.dtype, waiver.target)
        if key in seen:
            raise UsageError(f"waiver {waiver}: given twice")
        seen.add(key)


def apply_waivers(
    checks: Sequence[CheckResult],
    waivers: Sequence[Waiver],
    today: date,
    *,
    deterministic: bool = True,
) -> tuple[CheckResult, ...]:
    """The outcomes once the waivers have spoken.

    A failed check that is covered becomes waived. An expired waiver covers nothing and shows as
    stale-waiver. Where inputs are ``deterministic``, so does one all of whose checks passed.
    """
    outcomes = list(checks)
    for waiver in waivers:
        places = [i for i, check in enumerate(checks) if waiver.covers(check)]
        if waiver.expiry is not None and waiver.expiry < today:
            outcomes.append(_expired(waiver))
            continue
        failed = [i for i in places if checks[i].status is Status.FAILED]
        for i in failed:
            why = f"waived: {waiver.reason}"
            message = f"{checks[i].message} ({why})" if checks[i].message else why
            outcomes[i] = replace(checks[i], status=Status.WAIVED, message=message)
        passed = [i for i in places if checks[i].status is Status.PASSED]
        if deterministic and not failed and passed and len(passed) == len(places):
            for i in passed:
                outcomes[i] = replace(
                    checks[i],
                    status=Status.STALE_WAIVER,
                    message=f"the deviation is gone; remove the waiver ({waiver.reason})",
                )
    return tuple(outcomes)


def with_waivers(
    result: Result, waivers: Sequence[Waiver], today: date, *, deterministic: bool = True
) -> Result:
    """The result with the waivers that speak of its target applied, and its verdict drawn anew."""
    mine = [waiver for waiver in waivers if waiver.target in ("", result.target)]
    if not mine:
        return result
    checks = apply_waivers(result.checks, mine, today, deterministic=deterministic)
    return replace(
        result, checks=checks, verdict=verdict_of(checks, scope=result.scope, error=result.error)
    )


def _expired(waiver: Waiver) -> CheckResult:
    # reported beside the check's own outcome, so that it shows even where the check did not run
    return CheckResult(
        name=waiver.check,
        family=FAMILY,
        theorem="",
        law="",
        status=Status.STALE_WAIVER,
        dtype=waiver.dtype,
        message=f"the waiver expired on {waiver.expiry}: renew or remove it ({waiver.reason})",
    )
