"""Run the real gate on drawn cases, one after another or on several processes, and keep a log.

A log is a file of JSON lines, one outcome each: a campaign that is started again goes on from it.
"""

from __future__ import annotations

import itertools
import json
import math
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import adamcheck
from adamcheck.engine.plan import Plan, plan
from adamcheck.engine.run import identified
from adamcheck.engine.run import run as events_of
from adamcheck.engine.verdict import Record
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished, Identified
from adamcheck.mutations import apply
from adamcheck.mutations.equivalence import same_function
from adamcheck.program import trace
from adamcheck.result import CheckResult, Identification, Result, Status, Verdict
from adamcheck.spec import parse_spec
from adamcheck.targets.session import Session

from .cases import ARITHMETIC, Case
from .drawn import kind_named
from .outcomes import Outcome, corrects, unreached
from .reasons import named_by
from .search import search


def run(case: Case, profile: str, *, explain: bool = True) -> Outcome:
    """Hold one case against the gate; ``explain``: ask for the reason of a kill, too."""
    return _mutant(case, profile, explain) if case.kind == "mutant" else _honest(case, profile)


def _blank(case: Case, profile: str) -> Outcome:
    return Outcome(
        key=case.key, kind=case.kind, spec=case.spec, dtype=case.dtype, text=case.text,
        profile=profile, fate="", reproduction=case.reproduction(profile), area=case.area,
    )  # fmt: skip


def _honest(case: Case, profile: str) -> Outcome:
    begun = time.monotonic()
    result = adamcheck.check(
        case.target,
        spec=case.spec,
        profile=profile,
        dtypes=(case.dtype,),
        options=dict(case.options),
    )
    first = next(_troubled(result), None)
    return replace(
        _blank(case, profile),
        fate="conforms" if result.verdict is Verdict.CONFORMS else "false alarm",
        check=first.name if first else "",
        message=first.message if first else result.error,
        seconds=time.monotonic() - begun,
        findings=tuple(f"{f.name}: {f.message}" for f in result.findings),
    )


def _mutant(case: Case, profile: str, explain: bool) -> Outcome:
    """Run the gate until the first check fails: the mutant is dead, and the rest says no more."""
    begun, out = time.monotonic(), _blank(case, profile)
    with Session(case.target, options=dict(case.options)) as session:
        made = plan(
            session.description, parse_spec(case.spec), profile=profile, dtypes=(case.dtype,)
        )
        record = Record(made)
        for event in events_of(made, session):
            record.hear(event)
            if isinstance(event, CheckFinished) and event.result.status is Status.FAILED:
                first, seconds = event.result, time.monotonic() - begun
                out = replace(
                    out, fate="killed", check=first.name, message=first.message, seconds=seconds
                )
                if case.area != ARITHMETIC:
                    return _explained_elsewhere(case, out, made, session, first, explain)
                if proof := _proof(case):  # numerically bad, or a false alarm: to be looked at
                    return replace(out, fate="killed though equivalent", why=proof)
                return _explained(case, out, made, session, first) if explain else out
        result = record.result(session.description, options={}, seconds=0.0)
    first_trouble = next(_troubled(result), None)
    out = replace(
        out,
        check=first_trouble.name if first_trouble else "",
        message=first_trouble.message if first_trouble else result.error,
        seconds=time.monotonic() - begun,
        findings=tuple(f"{f.name}: {f.message}" for f in result.findings),
    )
    if case.area != ARITHMETIC:
        return _set_aside_elsewhere(case, out, result)
    return _set_aside(case, out, result)


def _set_aside_elsewhere(case: Case, out: Outcome, result: Result) -> Outcome:
    """As its kind says; nothing is set aside where that says nothing."""
    if result.verdict is not Verdict.CONFORMS:
        return replace(out, fate="no verdict")
    apart = kind_named(case.area).apart
    fate, why = apart(case, result) if apart else ("survived", "")
    return replace(out, fate=fate, why=why)


def _set_aside(case: Case, out: Outcome, result: Result) -> Outcome:
    """A mutant that no check has failed: why, with the evidence."""
    if proof := _proof(case):
        return replace(out, fate="equivalent", why=proof)
    if result.verdict is not Verdict.CONFORMS:
        return replace(out, fate="no verdict")
    correcting = corrects(case.edit, trace(parse_spec(case.spec)))
    if why := unreached(case.edit, result.horizon, correcting=correcting):
        return replace(out, fate="beyond the horizon", why=why)
    tried = search(case, result.horizon)
    if tried.found or tried.alarm:
        return replace(out, fate="survived", why=tried.alarm or tried.found)
    return replace(out, fate="beyond the envelope", why=tried.evidence)


def _proof(case: Case) -> str:
    rule = trace(parse_spec(case.spec))
    return same_function(rule, apply(rule, case.edit))


def _identified(made: Plan, session: Session, first: CheckResult) -> Identification | None:
    """What the gate would say of a target that it rejects by this check."""
    for event in identified(made, session, [first]):
        if isinstance(event, Identified):
            return event.found
    return None


def _explained(
    case: Case, out: Outcome, made: Plan, session: Session, first: CheckResult
) -> Outcome:
    """Whether what is said of the kill is its reason; where nothing can be said it is not."""
    found = _identified(made, session, first)
    named, said = named_by(case, found) if found else (False, "nothing")
    return replace(out, named=named, said=said)


def _explained_elsewhere(
    case: Case, out: Outcome, made: Plan, session: Session, first: CheckResult, explain: bool
) -> Outcome:
    """Whether what is said of the kill is its reason, where its kind can tell."""
    told = kind_named(case.area).named
    if not (explain and told):
        return out
    named, said = told(case, first, _identified(made, session, first))
    return replace(out, named=named, said=said)


def _troubled(result: Result) -> Iterator[CheckResult]:
    for status in (Status.FAILED, Status.ERROR, Status.INCONCLUSIVE):
        yield from (c for c in result.checks if c.status is status)


# many ---------------------------------------------------------------------------------------------


def campaign(
    cases: Iterable[Case],
    profile: str,
    *,
    log: Path | None = None,
    jobs: int = 1,
    explain: bool = True,
    tree: str = "",
    seconds: float = math.inf,
) -> Iterator[Outcome]:
    """Yield the outcome of every case, those of the log first; new ones are added to it.

    ``tree`` names what is run, and is kept with each outcome. After ``seconds`` no further case is
    begun: what is left can be gone on with from the log.
    """
    until = time.monotonic() + seconds
    done = _read(log, profile) if log and log.exists() else {}
    left = []
    for case in cases:
        if case.key in done and done[case.key].text == case.text:
            yield done[case.key]
        else:
            left.append(case)
    for found in _outcomes(left, profile, jobs, explain, until):
        outcome = replace(found, tree=tree)
        if log:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(outcome.as_dict(), ensure_ascii=False) + "\n")
        yield outcome


def _outcomes(
    cases: list[Case], profile: str, jobs: int, explain: bool, until: float
) -> Iterator[Outcome]:
    coming = iter(cases)

    def timely() -> Iterator[Case]:
        while time.monotonic() < until and (case := next(coming, None)) is not None:
            yield case

    if jobs <= 1:
        yield from (run(case, profile, explain=explain) for case in timely())
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        more, running = timely(), set[Future[Outcome]]()
        while True:
            for case in itertools.islice(more, jobs + 1 - len(running)):
                running.add(pool.submit(run, case, profile, explain=explain))
            if not running:
                return
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (each.result() for each in finished)


def recorded(log: Path) -> list[Outcome]:
    """What a log holds; of a case that was run twice, the later outcome."""
    found = {}
    for number, line in enumerate(log.read_text("utf-8").splitlines(), 1):
        try:
            known = json.loads(line)
            known["findings"] = tuple(known["findings"])
            one = Outcome(**known)
        except (ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{log}:{number}: no outcome of a campaign ({error!r})") from error
        found[one.profile, one.key] = one
    return list(found.values())


def _read(log: Path, profile: str) -> dict[str, Outcome]:
    return {one.key: one for one in recorded(log) if one.profile == profile}
