"""Run the real gate on drawn cases, one after another or on several processes, and keep a log.

A log is a file of JSON lines, one outcome each: a campaign that is started again goes on from it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import adamcheck
from adamcheck.events import CheckFinished, Event
from adamcheck.result import CheckResult, Result, Status, Verdict

from .cases import Case
from .outcomes import Outcome, unreached


class Killed(Exception):
    """The first check that failed: a mutant is dead, and the rest need not run."""

    def __init__(self, first: CheckResult) -> None:
        super().__init__(first.name)
        self.first = first


def _stop_at_a_failure(event: Event) -> None:
    if isinstance(event, CheckFinished) and event.result.status is Status.FAILED:
        raise Killed(event.result)


def run(case: Case, profile: str, *, explain: bool = False) -> Outcome:
    """Hold one case against the gate; ``explain``: see whether a kill is explained, too."""
    begun = time.monotonic()
    blank = Outcome(
        key=case.key, kind=case.kind, spec=case.spec, dtype=case.dtype, text=case.text,
        profile=profile, fate="", reproduction=case.reproduction(profile),
    )  # fmt: skip
    try:
        result = adamcheck.check(
            case.target,
            spec=case.spec,
            profile=profile,
            dtypes=(case.dtype,),
            options=dict(case.options),
            listener=_stop_at_a_failure if case.kind == "mutant" else None,
        )
    except Killed as kill:
        return replace(
            blank,
            fate="killed",
            check=kill.first.name,
            message=kill.first.message,
            seconds=time.monotonic() - begun,
        )
    first = next(iter(_troubled(result)), None)
    told = replace(
        blank,
        check=first.name if first else "",
        message=first.message if first else result.error,
        seconds=time.monotonic() - begun,
        findings=tuple(f"{f.name}: {f.message}" for f in result.findings),
    )
    if case.kind != "mutant":
        conforms = result.verdict is Verdict.CONFORMS
        return replace(told, fate="conforms" if conforms else "false alarm")
    if result.verdict is not Verdict.CONFORMS:
        return replace(told, fate="no verdict")
    why = unreached(case.edit, result.horizon)
    return replace(told, fate="beyond the horizon" if why else "survived", why=why)


def _troubled(result: Result) -> Iterator[CheckResult]:
    for status in (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE):
        yield from (c for c in result.checks if c.status is status)


def campaign(
    cases: Iterable[Case], profile: str, *, log: Path | None = None, jobs: int = 1,
    explain: bool = False,
) -> Iterator[Outcome]:  # fmt: skip
    """Yield the outcome of every case, those of the log first; new ones are added to it."""
    done = dict(_read(log, profile)) if log and log.exists() else {}
    left = []
    for case in cases:
        if case.key in done:
            yield done[case.key]
        else:
            left.append(case)
    for outcome in _outcomes(left, profile, jobs, explain):
        if log:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(outcome.as_dict(), ensure_ascii=False) + "\n")
        yield outcome


def _outcomes(cases: list[Case], profile: str, jobs: int, explain: bool) -> Iterator[Outcome]:
    if jobs <= 1:
        yield from (run(case, profile, explain=explain) for case in cases)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        started = [pool.submit(run, case, profile, explain=explain) for case in cases]
        yield from (each.result() for each in as_completed(started))


def _read(log: Path, profile: str) -> Iterator[tuple[str, Outcome]]:
    for line in log.read_text("utf-8").splitlines():
        known = json.loads(line)
        if known["profile"] == profile:
            known["findings"] = tuple(known["findings"])
            yield known["key"], Outcome(**known)
