"""The gate: run the checks on a target and say whether it conforms.

Fails closed: a check that could not run, decided nothing, or met a failing target leaves the run
incomplete; ``conforms`` needs every applicable check to have passed on at least one example.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from numbers import Integral
from types import MappingProxyType
from typing import Any, Final

from adamcheck.checks.lab import Account, Lab, Skip, TargetTrouble, TooSlow
from adamcheck.checks.profiles import Profile, profile_named
from adamcheck.checks.registry import Check, all_checks, check_by_id
from adamcheck.errors import UsageError
from adamcheck.events import CheckFinished, CheckStarted, Listener, Note, RunFinished, silent
from adamcheck.formats import format_named
from adamcheck.horizon import merged
from adamcheck.oracle.judge import warm
from adamcheck.result import (
    CheckResult,
    Finding,
    Identification,
    Result,
    Status,
    Witness,
    verdict_of,
)
from adamcheck.spec import Spec, parse_spec
from adamcheck.targets.protocol import Description, Limits
from adamcheck.targets.session import Session
from adamcheck.witness import check_witness

_SHRINK_RUNS: Final = 40
_SHRINK_SECONDS: Final = 2.0
_SUCH: Final = {"only": "('ADAM-LS-1',)", "dtypes": "('float64',)"}
_MANY: Final = 16
"""So many checks judge often enough that a compiled kernel pays for short runs too."""


def check(
    target: str,
    *,
    spec: str | Spec = "adam",
    profile: str = "quick",
    dtypes: str | Iterable[str] | None = None,
    device: str = "cpu",
    seed: int = 0,
    options: Mapping[str, Any] = MappingProxyType({}),
    only: str | Iterable[str] | None = None,
    limits: Limits | None = None,
    listener: Listener | None = None,
) -> Result:
    """Judge one target against a spec ("auto": the dialect that it is identified as).

    target: ``package.module:attribute`` or ``path/to/file.py:attribute``. dtypes: names of formats
    (default: all that the target takes). only: ids of checks. Raises UsageError for a request that
    makes no sense or a target that cannot be loaded; whatever the target does is in the result.
    """
    begun = time.monotonic()
    tell = listener or silent
    only, dtypes = _names("only", only), _names("dtypes", dtypes)
    if not isinstance(profile, str):
        raise UsageError(f"profile {profile!r} is no text; such as profile='quick'")
    size = profile_named(profile)
    chosen = _chosen(size, only)
    automatic = isinstance(spec, str) and spec.strip().lower() == "auto"
    claimed = Spec() if automatic else (spec if isinstance(spec, Spec) else parse_spec(spec))
    for name in dtypes or ():
        format_named(name)
    if not isinstance(seed, Integral) or seed < 0:
        raise UsageError(f"seed {seed!r}: must be a whole number from 0 on")
    with Session(target, options=options, limits=limits or Limits(), device=device) as session:
        known = session.description
        names = tuple(dtypes or known.dtypes)
        identified, error = None, ""
        findings = [Finding("target", "any", note) for note in known.notes]
        if not known.dtypes:
            error = "the target ran in no dtype: " + (
                "; ".join(known.notes) or "no reason was given"
            )
        missing = [n for n in names if n not in known.dtypes]
        if missing and not error:
            error = f"the target does not take {', '.join(missing)}; it takes " + (
                ", ".join(known.dtypes)
            )
        names = tuple(n for n in names if n in known.dtypes)
        if automatic and names:
            identified = _identify(session, None, names[0], options, tell)
            if identified is None:
                error = error or "the dialect could not be identified"
            else:
                claimed = parse_spec(identified.spec)
        if lacking := _lacking(known, claimed):
            if not automatic:
                raise UsageError(lacking)
            # nobody claimed it: the nearest dialect of a target that follows none
            names, error = (), error or f"no dialect fits, and {lacking} Name a spec."
        chosen = chosen if only else tuple(c for c in chosen if c.speaks_of(claimed))
        results, labs = _run_all(session, claimed, names, chosen, size, seed, device, tell)
        findings += [finding for lab in labs for finding in lab.findings]
        failed = [c for c in results if c.status is Status.FAILED]
        if failed and identified is None:
            identified = _identify(session, claimed, failed[0].dtype, options, tell)
        if failed and identified is not None:
            results = [_explained(c, identified, claimed) for c in results]
        done = tuple(results)
        result = Result(
            target=target,
            spec=str(claimed),
            verdict=verdict_of(done, error=error),
            checks=done,
            findings=tuple(findings),
            identified=identified,
            environment=dict(known.environment),
            seed=seed,
            profile=size.name,
            adapter=known.adapter,
            options=dict(options),
            error=error,
            seconds=time.monotonic() - begun,
            horizons=tuple(merged(lab.fmt.name, lab.horizons) for lab in labs),
        )
    tell(RunFinished(result))
    return result


def replay(
    target: str,
    witness: Witness,
    *,
    options: Mapping[str, Any] = MappingProxyType({}),
    device: str = "cpu",
    limits: Limits | None = None,
) -> Result:
    """Run one witness again, without Hypothesis and without a seed; the result holds one check."""
    begun = time.monotonic()
    from adamcheck.checks.witnessing import replayed

    check_witness(witness)
    one = check_by_id(witness.check)
    spec = parse_spec(witness.spec)
    with Session(target, options=options, limits=limits or Limits(), device=device) as session:
        lab = Lab(session, spec, format_named(witness.dtype), profile_named("quick"))
        account = Account()
        blank = _blank(one, lab.fmt.name, device)
        try:
            broken = replayed(lab, account, witness)
        except TargetTrouble as trouble:
            outcome = replace(blank, status=Status.ERROR, message=str(trouble))
        else:
            counted = replace(blank, examples=account.examples, undecided=account.undecided)
            if broken is not None:
                account.broken.append(broken)
                outcome = _failed(lab, counted, account, shrink=False)
            else:
                outcome = _passed(counted, account)
        return Result(
            target=target,
            spec=str(spec),
            verdict=verdict_of((outcome,)),
            checks=(outcome,),
            findings=tuple(lab.findings),
            environment=dict(session.description.environment),
            profile="replay",
            adapter=session.description.adapter,
            options=dict(options),
            seconds=time.monotonic() - begun,
        )


def _names(what: str, given: Any) -> tuple[str, ...] | None:
    """The names asked for, each once; a single text is one name."""
    if given is None:
        return None
    names = [given] if isinstance(given, str) or not isinstance(given, Iterable) else [*given]
    if wrong := [name for name in names if not isinstance(name, str)]:
        raise UsageError(f"{what}: {wrong[0]!r} is no text; give names, such as {_SUCH[what]}")
    return tuple(dict.fromkeys(names))


def _lacking(known: Description, spec: Spec) -> str:
    """Says which hyperparameters of the spec the target does not take; empty if it takes all."""
    missing = [n for n in spec.hyperparameters if n not in known.hyperparameters]
    if not known.dtypes or not missing:
        return ""
    return (
        f"target {known.target} takes no {', '.join(missing)}, which {spec} reads; it takes"
        f" {', '.join(sorted(known.hyperparameters)) or 'none'}."
    )


def _chosen(profile: Profile, only: Iterable[str] | None) -> tuple[Check, ...]:
    """The checks that were asked for by name, or those of the profile."""
    if only:
        wanted = [check_by_id(id_).id for id_ in only]
        return tuple(c for c in all_checks() if c.id in wanted)
    return tuple(c for c in all_checks() if profile.name in c.profiles)


def _run_all(
    session: Session,
    spec: Spec,
    dtypes: tuple[str, ...],
    chosen: tuple[Check, ...],
    profile: Profile,
    seed: int,
    device: str,
    tell: Listener,
) -> tuple[list[CheckResult], list[Lab]]:
    results: list[CheckResult] = []
    labs: list[Lab] = []
    total = len(dtypes) * len(chosen)
    for dtype in dtypes:
        lab = Lab(session, spec, format_named(dtype), profile, seed)
        if len(chosen) >= _MANY:
            warm(spec, lab.fmt)
        done: dict[str, CheckResult] = {}
        for one in sorted(chosen, key=lambda check: check.looks_back):
            tell(CheckStarted(one.id, dtype, len(results) + len(done) + 1, total))
            done[one.id] = _run_one(lab, one, device)
            tell(CheckFinished(done[one.id]))
        results += [done[one.id] for one in chosen]
        labs.append(lab)
    return results, labs


def _run_one(lab: Lab, one: Check, device: str) -> CheckResult:
    begun = time.monotonic()
    blank = _blank(one, lab.fmt.name, device)
    lacking = one.needs - lab.description.abilities
    account = Account()
    if lacking:
        reason = f"the target lacks: {', '.join(sorted(lacking))}"
        outcome = replace(blank, status=Status.SKIPPED, message=reason)
    else:
        status, message = _ran(lab, one, account)
        counted = replace(blank, examples=account.examples, undecided=account.undecided)
        if account.broken:  # whatever else went wrong
            outcome = _failed(lab, counted, account, shrink=status is not Status.ERROR)
        elif status is Status.PASSED:
            outcome = _passed(counted, account)
        else:
            outcome = replace(blank, status=status, message=message)
    lab.horizons += account.horizons
    return replace(outcome, seconds=time.monotonic() - begun)


def _ran(lab: Lab, one: Check, account: Account) -> tuple[Status, str]:
    """Run a check: passed if it came to its end, else how and why it did not."""
    try:
        one.run(lab, account)
    except Skip as reason:
        return Status.SKIPPED, str(reason)
    except TooSlow as reason:
        return Status.INCONCLUSIVE, str(reason)
    except TargetTrouble as trouble:
        return Status.ERROR, str(trouble)
    except UsageError:
        raise
    except Exception as fault:  # a fault of ours must not hide what else was measured
        return Status.ERROR, _fault(one.id, fault)
    return Status.PASSED, ""


def _fault(where: str, fault: Exception) -> str:
    return f"adamcheck itself failed in {where}: {type(fault).__name__}: {fault}"


def _blank(one: Check, dtype: str, device: str) -> CheckResult:
    return CheckResult(
        name=one.id,
        family=one.family,
        theorem=one.theorem,
        law=one.law,
        status=Status.ERROR,
        dtype=dtype,
        device=device,
    )


def _failed(lab: Lab, counted: CheckResult, account: Account, *, shrink: bool) -> CheckResult:
    from adamcheck.checks.witnessing import witness_of

    first = account.broken[0]
    seen = replace(counted, status=Status.FAILED, message=first.first.message)
    pace = lab.seconds_a_step * first.trajectory.steps
    affordable = _SHRINK_SECONDS / pace if 0.0 < pace < math.inf else _SHRINK_RUNS
    runs = min(_SHRINK_RUNS, int(affordable))
    try:
        return replace(
            seen, witness=witness_of(lab, counted.name, first, runs=runs if shrink else 0)
        )
    except UsageError:
        raise
    except Exception as fault:  # the deviation was seen, whether or not it can be written down
        return replace(seen, message=f"{seen.message} ({_fault('its witness', fault)})")


def _passed(counted: CheckResult, account: Account) -> CheckResult:
    if account.open:
        text = f"{account.open} element-steps could not be decided by any rung"
        return replace(counted, status=Status.INCONCLUSIVE, message=text)
    if not account.examples:
        text = "in every element-step the envelope is wider than the quantity"
        return replace(counted, status=Status.INCONCLUSIVE, message=text)
    return replace(counted, status=Status.PASSED)


def _identify(
    session: Session,
    claimed: Spec | None,
    dtype: str,
    options: Mapping[str, Any],
    tell: Listener,
) -> Identification | None:
    from adamcheck.identify import identify_session

    tell(Note("identifying the dialect"))
    try:
        return identify_session(session, claimed=claimed, dtype=dtype, options=options)
    except Exception as error:  # what was measured stands, whatever it may be called
        tell(Note(f"identification failed: {error}"))
        return None


def _explained(outcome: CheckResult, found: Identification, claimed: Spec) -> CheckResult:
    if outcome.status is not Status.FAILED:
        return outcome
    if found.spec == str(claimed) and found.kind == "dialect":
        text = (
            "elsewhere the target follows the claimed spec; the defect is confined to this regime"
        )
    elif found.kind == "dialect":
        text = f"the target follows {found.spec}" + (f": {found.regime}" if found.regime else "")
    elif found.regime:
        text = f"{found.regime} (nearest: {found.spec})"
    else:
        text = f"{found.kind}; nearest is {found.spec}"
    return replace(outcome, explanation=text)
